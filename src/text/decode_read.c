/* Reading a decoder, and telling how much of it can be worked out id by id. */
#include "text/decode_inner.h"

#include <string.h>

static bool read_text(const tokenizer *t, const json *v, const char *field, const char **text, size_t *n, error *err) {
    return component_text(t->owner, json_get(v, field), field, text, n, err) || fail(err, "%s", component_type(v));
}

static bool read_nothing(tokenizer *t, const json *v, decode_step *d, error *err) {
    return true;
}

static bool read_replace(tokenizer *t, const json *v, decode_step *d, error *err) {
    const json *source = json_get(v, "pattern"), *regex = json_get(source, "Regex");
    if (!read_text(t, v, "content", &d->other, &d->n_other, err)) return false;
    if (regex == NULL) return component_text(t->owner, json_get(source, "String"), "Replace: pattern", &d->text, &d->n_text, err);
    if (!component_text(t->owner, regex, "Replace: pattern: Regex", &d->text, &d->n_text, err)) return false;
    d->pattern = pattern_compile(t->owner, d->text, d->n_text, err);
    return d->pattern != NULL || fail(err, "Replace");
}

static bool read_wordpiece(tokenizer *t, const json *v, decode_step *d, error *err) {
    d->cleanup = true;
    return read_text(t, v, "prefix", &d->text, &d->n_text, err) && component_bool(v, "cleanup", &d->cleanup, err);
}

static bool read_count(const json *v, const char *field, size_t *value, error *err) {
    const json *found = json_get(v, field);
    if (found == NULL || found->type != JSON_NUMBER || !found->is_integer || found->integer < 0)
        return fail(err, "%s: %s is no whole number from 0 on", component_type(v), field);
    *value = (size_t)found->integer;
    return true;
}

static bool read_strip(tokenizer *t, const json *v, decode_step *d, error *err) {
    return component_character(t->owner, v, "content", &d->text, &d->n_text, err) && read_count(v, "start", &d->start, err) &&
           read_count(v, "stop", &d->stop, err);
}

static bool read_metaspace(tokenizer *t, const json *v, decode_step *d, error *err) {
    static const char *const schemes[] = {"always", "first", "never", NULL};
    bool add_prefix_space = true;
    int scheme;
    if (!component_character(t->owner, v, "replacement", &d->text, &d->n_text, err) || !component_bool(v, "add_prefix_space", &add_prefix_space, err) ||
        !component_choice(v, "prepend_scheme", schemes, add_prefix_space ? PREPEND_ALWAYS : PREPEND_NEVER, &scheme, err))
        return false;
    if (!add_prefix_space && scheme != PREPEND_NEVER) return fail(err, "Metaspace: add_prefix_space is false, prepend_scheme is %s", schemes[scheme]);
    d->keeps_first = scheme == PREPEND_NEVER;
    return true;
}

static bool read_bpe(tokenizer *t, const json *v, decode_step *d, error *err) {
    return read_text(t, v, "suffix", &d->text, &d->n_text, err);
}

static bool read_ctc(tokenizer *t, const json *v, decode_step *d, error *err) {
    d->cleanup = true;
    return read_text(t, v, "pad_token", &d->text, &d->n_text, err) && read_text(t, v, "word_delimiter_token", &d->other, &d->n_other, err) &&
           component_bool(v, "cleanup", &d->cleanup, err);
}

static const struct {
    const char *name;
    bool (*read)(tokenizer *t, const json *v, decode_step *d, error *err);
} kinds[DECODE_COUNT] = {
    [DECODE_BYTE_LEVEL] = {"ByteLevel", read_nothing},       [DECODE_REPLACE] = {"Replace", read_replace}, [DECODE_WORDPIECE] = {"WordPiece", read_wordpiece},
    [DECODE_BYTE_FALLBACK] = {"ByteFallback", read_nothing}, [DECODE_FUSE] = {"Fuse", read_nothing},       [DECODE_STRIP] = {"Strip", read_strip},
    [DECODE_METASPACE] = {"Metaspace", read_metaspace},      [DECODE_BPE] = {"BPEDecoder", read_bpe},      [DECODE_CTC] = {"CTC", read_ctc},
};

static bool read_component(void *user, const json *v, error *err) {
    tokenizer *t = user;
    decoder *d = &t->decoder;
    for (int kind = 0; kind < DECODE_COUNT; kind++) {
        if (!component_is(v, kinds[kind].name)) continue;
        decode_step *step = &d->step[d->n];
        step->kind = (decode_kind)kind;
        if (!kinds[kind].read(t, v, step, err)) return false;
        const bool idle = kind == DECODE_STRIP && step->start + step->stop == 0;
        if (idle) *step = (decode_step){0};
        else d->n++;
        return true;
    }
    return component_refuse(v, err);
}

/* Steps that see one token each, and so can be worked out when the tokenizer is loaded. CTC leaves tokens out, so that no step
 * behind it knows which is the first, and looks at neighbours, which must be tokens as they were. */
static size_t count_local(const decoder *d) {
    bool ctc = false, joins = false, place = false;
    for (size_t i = 0; i < d->n; i++) {
        switch (d->step[i].kind) {
        case DECODE_REPLACE:
        case DECODE_STRIP: break;
        case DECODE_CTC:
            if (i > 0) return i;
            ctc = true;
            break;
        case DECODE_BPE:
            if (ctc || joins || place) return i;
            joins = true;
            break;
        case DECODE_WORDPIECE:
        case DECODE_METASPACE:
            if (ctc || joins) return i;
            place = true;
            break;
        default: return i;
        }
    }
    return d->n;
}

/* [local steps] [ByteFallback] [Fuse or ByteLevel] [Strip at the beginning]: all else goes over the whole list. */
static void work_out(decoder *d) {
    size_t at = d->n_local = count_local(d);
    const decode_step *step = d->step;
    if (at > 0 && step[0].kind == DECODE_CTC) d->no_repeats = true;
    if (at < d->n && step[at].kind == DECODE_BYTE_FALLBACK) d->byte_fallback = true, at++;
    if (at < d->n && step[at].kind == DECODE_BYTE_LEVEL && !d->byte_fallback) d->byte_level = true, at++;
    else if (at < d->n && step[at].kind == DECODE_FUSE) at++;
    const bool fused = at > d->n_local && !(d->byte_fallback && at == d->n_local + 1);
    while (fused && at < d->n && step[at].kind == DECODE_FUSE) at++;
    const bool bytes = d->byte_fallback || d->byte_level;
    if (fused && at < d->n && step[at].kind == DECODE_STRIP && step[at].stop == 0 && !(bytes && step[at].n_text > 1)) d->strip = &step[at++];
    if (d->strip != NULL && d->n_local > 0 && step[d->n_local - 1].kind == DECODE_BPE) d->strip = NULL, at--; /* what is sure is cut short there */
    d->chained = at < d->n;
    if (d->chained) d->byte_fallback = d->byte_level = d->no_repeats = false, d->strip = NULL;
}

bool decoder_read(tokenizer *t, const json *v, error *err) {
    decoder *d = &t->decoder;
    d->step = NEW_ARRAY(t->owner, MOST_COMPONENTS, decode_step);
    if (d->step == NULL) return fail(err, "decoder: larger than the memory allowed for a tokenizer");
    d->join_blank = component_is_null(v);
    if (!d->join_blank && !component_each(v, "decoders", read_component, t, err)) return fail(err, "decoder");
    work_out(d);
    return true;
}
