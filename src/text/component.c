/* The parts of tokenizer.json around the model. Each reader takes what it knows how to do exactly and refuses the rest by name. */
#include "text/tokenizer_inner.h"

#include <string.h>

static const char *type_of(const json *v) {
    return json_get_text(v, "type", "a component without a type");
}

static bool is_type(const json *v, const char *type) {
    return json_is_text(json_get(v, "type"), type);
}

static bool refuse(const json *v, error *err) {
    return fail(err, "%s is not supported", type_of(v));
}

static bool is_null(const json *v) {
    return v == NULL || v->type == JSON_NULL;
}

/* The members of a Sequence under `key`, or the one component itself. */
static bool sequence_of(const json *v, const char *key, const json **items, size_t *n, error *err) {
    *items = v;
    *n = 1;
    if (!is_type(v, "Sequence")) return true;
    const json *list = json_get(v, key);
    if (list == NULL || list->type != JSON_ARRAY) return fail(err, "Sequence: %s is not a list", key);
    if (list->length > MOST_STEPS) return fail(err, "Sequence: %zu steps are more than %d", list->length, MOST_STEPS);
    *items = list->item;
    *n = list->length;
    return true;
}

static bool copy_text(tokenizer *t, const json *v, const char *what, const char **text, size_t *n, error *err) {
    if (v == NULL || v->type != JSON_STRING) return fail(err, "%s is not a text", what);
    *n = v->length;
    *text = arena_copy_bytes(t->owner, v->text, v->length);
    return *text != NULL || fail(err, "%s: larger than the memory allowed for a tokenizer", what);
}

static bool read_replace(tokenizer *t, const json *v, replacement *r, error *err) {
    const json *pattern = json_get(v, "pattern");
    if (json_get(pattern, "Regex") != NULL) return fail(err, "Replace with a Regex is not supported");
    if (!copy_text(t, json_get(pattern, "String"), "Replace: pattern: String", &r->pattern, &r->n_pattern, err)) return false;
    if (r->n_pattern == 0) return fail(err, "Replace: pattern: String is empty");
    return copy_text(t, json_get(v, "content"), "Replace: content", &r->content, &r->n_content, err);
}

static bool read_normalize_step(tokenizer *t, const json *v, replacement *r, error *err) {
    if (is_type(v, "Replace")) return read_replace(t, v, r, err);
    if (is_type(v, "Prepend")) return copy_text(t, json_get(v, "prepend"), "Prepend: prepend", &r->content, &r->n_content, err);
    return refuse(v, err);
}

bool component_read_normalizer(tokenizer *t, const json *v, error *err) {
    if (is_null(v)) return true;
    const json *items;
    size_t n;
    if (!sequence_of(v, "normalizers", &items, &n, err)) return fail(err, "normalizer");
    for (size_t i = 0; i < n; i++)
        if (!read_normalize_step(t, &items[i], &t->normalize[t->n_normalize++], err)) return fail(err, "normalizer");
    return true;
}

static bool read_split(tokenizer *t, const json *v, error *err) {
    const json *pattern = json_get(json_get(v, "pattern"), "Regex");
    if (pattern == NULL || pattern->type != JSON_STRING) return fail(err, "Split: a pattern that is no Regex is not supported");
    const split_kind kind = split_by_pattern(pattern->text, pattern->length);
    if (kind == SPLIT_COUNT) return fail(err, "Split: the pattern %.100s is not supported", pattern->text);
    const char *behaviour = json_get_text(v, "behavior", "none");
    const bool invert = json_get_bool(v, "invert", false);
    /* these patterns leave nothing between matches, so that Removed + invert, which some files have, is Isolated too */
    if (!(strcmp(behaviour, "Isolated") == 0 && !invert) && !(strcmp(behaviour, "Removed") == 0 && invert))
        return fail(err, "Split: behavior %s%s is not supported", behaviour, invert ? " with invert" : "");
    t->split[t->n_split++] = kind;
    return true;
}

static bool read_byte_level(tokenizer *t, const json *v, error *err) {
    if (t->byte_level) return fail(err, "ByteLevel twice is not supported");
    t->byte_level = true;
    t->add_prefix_space = json_get_bool(v, "add_prefix_space", true);
    const bool use_regex = json_get_bool(v, "use_regex", true);
    if (use_regex || t->add_prefix_space || t->n_split == 0) t->split[t->n_split++] = use_regex ? SPLIT_GPT2 : SPLIT_NONE;
    return true;
}

bool component_read_pre_tokenizer(tokenizer *t, const json *v, error *err) {
    if (is_null(v)) return true;
    const json *items;
    size_t n;
    if (!sequence_of(v, "pretokenizers", &items, &n, err)) return fail(err, "pre_tokenizer");
    for (size_t i = 0; i < n; i++) {
        if (t->byte_level && !is_type(&items[i], "ByteLevel")) return fail(err, "pre_tokenizer: %s behind ByteLevel is not supported", type_of(&items[i]));
        const bool ok = is_type(&items[i], "Split")       ? read_split(t, &items[i], err)
                        : is_type(&items[i], "ByteLevel") ? read_byte_level(t, &items[i], err)
                                                          : refuse(&items[i], err);
        if (!ok) return fail(err, "pre_tokenizer");
    }
    return true;
}

/* --- post-processor: what goes before and behind one text ------------------------------------------------------------------ */
static bool append_special(tokenizer *t, const json *piece, const json *table, int32_t **ids, size_t *n, error *err) {
    const char *name = json_get_text(piece, "id", NULL);
    const json *list = name != NULL ? json_get(json_get(table, name), "ids") : NULL;
    if (list == NULL || list->type != JSON_ARRAY)
        return fail(err, "TemplateProcessing: special_tokens has no ids for %s", name != NULL ? name : "a SpecialToken without an id");
    if (list->length > 64) return fail(err, "TemplateProcessing: special_tokens: %s: %zu ids are more than 64", name, list->length);
    for (size_t i = 0; i < list->length; i++) {
        const json *id = &list->item[i];
        if (id->type != JSON_NUMBER || !id->is_integer || id->integer < 0 || id->integer >= (int64_t)t->vocabulary.n ||
            t->vocabulary.token[id->integer].text == NULL)
            return fail(err, "TemplateProcessing: special_tokens: %s: an id that no token has", name);
        int32_t *grown = arena_grow(t->owner, *ids, *n * sizeof **ids, (*n + 1) * sizeof **ids);
        if (grown == NULL) return fail(err, "TemplateProcessing: larger than the memory allowed for a tokenizer");
        *ids = grown;
        (*ids)[(*n)++] = (int32_t)id->integer;
    }
    return true;
}

static bool read_template(tokenizer *t, const json *v, error *err) {
    const json *single = json_get(v, "single");
    if (single == NULL || single->type != JSON_ARRAY || single->length > 64) return fail(err, "TemplateProcessing: single is not a list of at most 64 pieces");
    if (t->n_prefix + t->n_suffix > 0) return fail(err, "TemplateProcessing twice is not supported");
    bool behind = false;
    for (size_t i = 0; i < single->length; i++) {
        const json *piece = &single->item[i], *special = json_get(piece, "SpecialToken"), *sequence = json_get(piece, "Sequence");
        if (sequence != NULL && !behind && json_is_text(json_get(sequence, "id"), "A")) behind = true;
        else if (special == NULL) return fail(err, "TemplateProcessing: single: a piece that is neither a SpecialToken nor the Sequence A, once");
        else if (!append_special(t, special, json_get(v, "special_tokens"), behind ? &t->suffix : &t->prefix, behind ? &t->n_suffix : &t->n_prefix, err))
            return false;
    }
    return behind || fail(err, "TemplateProcessing: single: without the Sequence A");
}

bool component_read_post_processor(tokenizer *t, const json *v, error *err) {
    if (is_null(v)) return true;
    const json *items;
    size_t n;
    if (!sequence_of(v, "processors", &items, &n, err)) return fail(err, "post_processor");
    for (size_t i = 0; i < n; i++) {
        if (is_type(&items[i], "ByteLevel")) continue; /* trims offsets, changes no id */
        const bool ok = is_type(&items[i], "TemplateProcessing") ? read_template(t, &items[i], err) : refuse(&items[i], err);
        if (!ok) return fail(err, "post_processor");
    }
    return true;
}

/* --- decoder ----------------------------------------------------------------------------------------------------------------- */
static bool read_strip(tokenizer *t, const json *v, bool fused, error *err) {
    decoder *d = &t->decoder;
    const int64_t start = json_get_integer(v, "start", 0), stop = json_get_integer(v, "stop", 0);
    if (start == 0 && stop == 0) return true;
    if (!fused) return fail(err, "Strip before Fuse is not supported");
    if (start != 1 || stop != 0 || d->strip != NULL) return fail(err, "Strip with other than start 1 and stop 0, once, is not supported");
    return copy_text(t, json_get(v, "content"), "Strip: content", &d->strip, &d->n_strip, err);
}

bool component_read_decoder(tokenizer *t, const json *v, error *err) {
    decoder *d = &t->decoder;
    d->join_blank = is_null(v);
    if (is_null(v)) return true;
    const json *items;
    size_t n;
    if (!sequence_of(v, "decoders", &items, &n, err)) return fail(err, "decoder");
    bool fused = false;
    for (size_t i = 0; i < n; i++) {
        bool ok = true;
        if (is_type(&items[i], "ByteLevel") && i == 0) d->byte_level = true;
        else if (is_type(&items[i], "Replace") && !fused && !d->byte_fallback && !d->byte_level)
            ok = read_replace(t, &items[i], &d->replace[d->n_replace++], err);
        else if (is_type(&items[i], "ByteFallback") && !fused && !d->byte_level) d->byte_fallback = true;
        else if (is_type(&items[i], "Fuse")) fused = true;
        else if (is_type(&items[i], "Strip")) ok = read_strip(t, &items[i], fused, err);
        else if (is_type(&items[i], "ByteLevel") || is_type(&items[i], "Replace") || is_type(&items[i], "ByteFallback"))
            ok = fail(err, "%s at this place of a Sequence is not supported", type_of(&items[i]));
        else ok = refuse(&items[i], err);
        if (!ok) return fail(err, "decoder");
    }
    return true;
}
