#include "text/component.h"
#include "text/normalize_inner.h"
#include "text/tokenizer_inner.h"

#include <string.h>

/* Bytes of a normalized text: a few steps of a hostile file would make any text any length. */
static size_t most_normalized(size_t n) {
    const size_t most = (1u << 20) + 64 * n;
    return most < INT32_MAX ? most : INT32_MAX;
}

/* --- at work ----------------------------------------------------------------------------------------------------------- */
bool normalizer_keeps(const normalizer *z, const char *text, size_t n) {
    for (size_t i = 0; i < z->n; i++)
        if (!z->step[i].kind->keeps(&z->step[i], text, n)) return false;
    return true;
}

/* What the last step made is what the next one reads. */
static void origin_turn(origin_list *o, origin_list *from) {
    *from = (origin_list){.byte = o->byte, .n = o->n, .room = o->room, .memory = o->memory};
    o->byte = o->spare;
    o->room = o->spare_room;
    o->memory = o->spare_memory;
    o->spare = from->byte;
    o->spare_room = from->room;
    o->spare_memory = from->memory;
    o->n = 0;
}

bool normalize_text(const normalizer *z, const char *text, size_t n, string *out, string *spare, origin_list *origin, size_t shift) {
    origin_list from;
    bool changed = false, ok = true;
    out->limit = spare->limit = most_normalized(n);
    string_reset(out);
    if (origin != NULL) origin->n = 0;
    for (size_t i = 0; i < z->n; i++) {
        const normalize_step *s = &z->step[i];
        edit e = {.text = text, .n = n, .out = out, .shift = shift, .origin = origin};
        if (changed) {
            e.text = string_chars(out);
            e.n = out->length;
        }
        if (s->kind->keeps(s, e.text, e.n)) continue;
        if (changed) {
            const string made = *out;
            *out = *spare;
            *spare = made;
            string_reset(out);
            e.text = string_chars(spare);
            if (origin != NULL) {
                origin_turn(origin, &from);
                e.from = &from;
            }
        }
        ok = s->kind->apply(s, &e) && ok;
        changed = true;
        if (!out->overflow) continue;
        string_reset(out);
        if (origin != NULL) origin->n = 0;
        return false;
    }
    if (!changed) {
        edit e = {.text = text, .n = n, .out = out, .shift = shift, .origin = origin};
        edit_copy(&e, 0, n);
    }
    return ok;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
static const normalize_kind *const kinds[] = {
    &normalize_nfc,           &normalize_nfd, &normalize_nfkc,    &normalize_nfkd,    &normalize_lowercase,   &normalize_strip,
    &normalize_strip_accents, &normalize_nmt, &normalize_replace, &normalize_prepend, &normalize_precompiled, &normalize_byte_level,
};

bool step_flag(const json *v, const char *key, bool *flag, error *err) {
    const json *value = json_get(v, key);
    if (value == NULL || value->type != JSON_BOOL) return fail(err, "%s: %s is neither true nor false", component_type(v), key);
    *flag = value->truth;
    return true;
}

static normalize_step *add_step(normalizer *z, arena *owner, const normalize_kind *kind, error *err) {
    if ((z->n & (z->n - 1)) == 0) { /* full: its room is a power of two */
        const size_t room = z->n == 0 ? 1 : z->n * 2;
        normalize_step *more = arena_grow(owner, z->step, z->n * sizeof *more, room * sizeof *more);
        if (more == NULL) return fail_null(err, "larger than the memory allowed for a tokenizer");
        z->step = more;
    }
    normalize_step *s = &z->step[z->n++];
    *s = (normalize_step){.kind = kind};
    return s;
}

/* One component of several parts. strip_accents null: where it lowers, too. */
static bool read_bert(normalizer *z, arena *owner, const json *v, error *err) {
    bool clean = false, chinese = false, accents, lower = false;
    if (!step_flag(v, "clean_text", &clean, err) || !step_flag(v, "handle_chinese_chars", &chinese, err) || !step_flag(v, "lowercase", &lower, err))
        return false;
    accents = lower;
    if (!component_is_null(json_get(v, "strip_accents")) && !step_flag(v, "strip_accents", &accents, err)) return false;
    const struct {
        bool on;
        const normalize_kind *kind;
    } part[] = {{clean, &normalize_bert_clean},
                {chinese, &normalize_bert_chinese},
                {accents, &normalize_nfd},
                {accents, &normalize_bert_accents},
                {lower, &normalize_lowercase}};
    for (size_t i = 0; i < COUNT(part); i++)
        if (part[i].on && add_step(z, owner, part[i].kind, err) == NULL) return false;
    return true;
}

typedef struct reader {
    normalizer *normalizer;
    arena *owner;
} reader;

static bool read_component(void *user, const json *v, error *err) {
    const reader *r = user;
    if (component_is(v, "BertNormalizer")) return read_bert(r->normalizer, r->owner, v, err);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!component_is(v, kinds[i]->name)) continue;
        normalize_step *s = add_step(r->normalizer, r->owner, kinds[i], err);
        return s != NULL && (kinds[i]->read == NULL || kinds[i]->read(s, r->owner, v, err));
    }
    return component_refuse(v, err);
}

bool normalizer_read(normalizer *z, arena *owner, const json *v, error *err) {
    reader r = {z, owner};
    return component_is_null(v) || component_each(v, "normalizers", read_component, &r, err) || fail(err, "normalizer");
}

/* --- what it is ---------------------------------------------------------------------------------------------------------- */
static void digest_text_of(string *out, const char *text, size_t n) {
    const uint64_t length = n;
    string_append(out, &length, sizeof length);
    string_append(out, text, n);
}

/* Two texts a step. Replace by a text and Prepend (which has no pattern) are as they were when there were no others. */
void normalizer_digest(const normalizer *z, string *out) {
    for (size_t i = 0; i < z->n; i++) {
        const normalize_step *s = &z->step[i];
        if (s->kind != &normalize_prepend && (s->kind != &normalize_replace || s->pattern != NULL || s->n_text == 0)) {
            digest_text_of(out, "", 0);
            digest_text_of(out, s->kind->name, strlen(s->kind->name));
            const char flags[2] = {(char)s->left, (char)s->right};
            string_append(out, flags, sizeof flags);
        }
        digest_text_of(out, s->text, s->n_text);
        digest_text_of(out, s->content, s->n_content);
    }
}
