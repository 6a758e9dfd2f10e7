/* The post-processor: what goes before and behind one text, or around two, and where the offsets of a token begin and end. */
#include "text/component.h"
#include "text/tokenizer_inner.h"
#include "text/unicode.h"

#include <string.h>

/* --- offsets ------------------------------------------------------------------------------------------------------------- */
/* U+0120 is the blank of GPT-2's alphabet. */
static bool is_blank(uint32_t c) {
    return c == 0x120 || (unicode_class(c) & UNICODE_SPACE);
}

static size_t blanks_at_beginning(const char *written, size_t n) {
    size_t count = 0;
    for (size_t at = 0; at < n && is_blank(utf8_next(written, n, &at)); count++)
        ;
    return count;
}

static size_t blanks_at_end(const char *written, size_t n) {
    size_t count = 0;
    for (size_t end = n; end > 0; count++) {
        size_t at = character_begin(written, n, end - 1);
        const size_t begin = at;
        if (!is_blank(utf8_next(written, n, &at))) break;
        end = begin;
    }
    return count;
}

/* `tokenizers` counts the characters of the token and moves the ends by as many characters of the text. */
void post_trim(const run *r, const char *written, size_t n, size_t *begin, size_t *end) {
    const post_processor *p = &r->t->post;
    const size_t leading = blanks_at_beginning(written, n), trailing = blanks_at_end(written, n);
    if (leading + trailing == 0) return;
    if (*begin < *end) {
        size_t whole = character_begin(r->text, r->n, *end - 1);
        utf8_next(r->text, r->n, &whole);
        *end = whole;
    }
    *begin = *begin < r->n ? character_begin(r->text, r->n, *begin) : r->n;
    for (size_t i = 0; i < p->n_trim; i++) {
        size_t first = *begin, last = *end, skip = leading, back = trailing, behind = 0;
        const bool counted = p->trim[i].counts_prefix && (r->flags & TOKENIZER_ADD_SPECIAL) && p->n_prefix > 0;
        const bool is_first = (r->out->n == r->n_before && !counted) || character_begin(r->text, r->n, first) == 0;
        if (is_first && p->trim[i].add_prefix_space && skip == 1) skip = 0;
        for (; skip > 0 && first < *end; skip--) utf8_next(r->text, r->n, &first);
        if (first > *end) first = *end;
        for (size_t at = 0; back > 0 && at < last && behind < back; behind++) utf8_next(r->text, last, &at);
        if (back > 0 && behind >= back) { /* as many characters as that stand before the end */
            for (; back > 0 && last > first; back--) last = character_begin(r->text, r->n, last - 1);
            if (last < first) last = first;
        }
        *begin = first;
        *end = last;
    }
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
static bool append(tokenizer *t, int32_t **ids, size_t *n, int32_t id, error *err) {
    int32_t *grown = arena_grow(t->owner, *ids, *n * sizeof **ids, (*n + 1) * sizeof **ids);
    if (grown == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    *ids = grown;
    (*ids)[(*n)++] = id;
    return true;
}

static bool token_id(const tokenizer *t, const json *v, int32_t *id) {
    if (v == NULL || v->type != JSON_NUMBER || !v->is_integer || v->integer < 0 || v->integer >= (int64_t)t->vocabulary.n) return false;
    *id = (int32_t)v->integer;
    return t->vocabulary.token[*id].text != NULL;
}

static bool append_special(tokenizer *t, const json *part, const json *table, int32_t **ids, size_t *n, error *err) {
    const char *name = json_get_text(part, "id", NULL);
    const json *list = name != NULL ? json_get(json_get(table, name), "ids") : NULL;
    if (list == NULL || list->type != JSON_ARRAY)
        return fail(err, "TemplateProcessing: special_tokens has no ids for %s", name != NULL ? name : "a SpecialToken without an id");
    if (list->length > 64) return fail(err, "TemplateProcessing: special_tokens: %s: %zu ids are more than 64", name, list->length);
    for (size_t i = 0; i < list->length; i++) {
        int32_t id;
        if (!token_id(t, &list->item[i], &id)) return fail(err, "TemplateProcessing: special_tokens: %s: an id that no token has", name);
        if (!append(t, ids, n, id, err)) return fail(err, "TemplateProcessing");
    }
    return true;
}

/* The pieces of `single` or `pair` as ids, and POST_TEXT_A and _B for the texts, each once. */
static bool read_pieces(tokenizer *t, const json *v, const char *field, bool two, int32_t **ids, size_t *n, error *err) {
    const json *pieces = json_get(v, field);
    if (pieces == NULL || pieces->type != JSON_ARRAY || pieces->length > 64)
        return fail(err, "TemplateProcessing: %s is not a list of at most 64 pieces", field);
    bool seen[2] = {false, false};
    for (size_t i = 0; i < pieces->length; i++) {
        const json *special = json_get(&pieces->item[i], "SpecialToken"), *name = json_get(json_get(&pieces->item[i], "Sequence"), "id");
        const int which = json_is_text(name, "A") ? 0 : two && json_is_text(name, "B") ? 1 : -1;
        if (which >= 0 && !seen[which]) {
            seen[which] = true;
            if (!append(t, ids, n, which == 0 ? POST_TEXT_A : POST_TEXT_B, err)) return fail(err, "TemplateProcessing");
        } else if (special == NULL || which >= 0)
            return fail(err, "TemplateProcessing: %s: a piece that is neither a SpecialToken nor the Sequence A%s, once", field, two ? " or B" : "");
        else if (!append_special(t, special, json_get(v, "special_tokens"), ids, n, err)) return false;
    }
    if (!seen[0] || (two && !seen[1])) return fail(err, "TemplateProcessing: %s: without the Sequence %s", field, seen[0] ? "B" : "A");
    return true;
}

static bool read_template(tokenizer *t, const json *v, error *err) {
    post_processor *p = &t->post;
    int32_t *single = NULL;
    size_t n = 0, at = 0;
    if (!read_pieces(t, v, "single", false, &single, &n, err)) return false;
    while (single[at] != POST_TEXT_A) at++;
    p->prefix = single;
    p->n_prefix = at;
    p->suffix = single + at + 1;
    p->n_suffix = n - at - 1;
    return component_is_null(json_get(v, "pair")) || read_pieces(t, v, "pair", true, &p->pair, &p->n_pair, err);
}

/* ["[SEP]", 102] */
static bool read_end(tokenizer *t, const json *v, const char *field, int32_t *id, error *err) {
    const json *pair = json_get(v, field);
    if (pair == NULL || pair->type != JSON_ARRAY || pair->length != 2) return fail(err, "%s: %s is not a token and its id", component_type(v), field);
    return token_id(t, &pair->item[1], id) || fail(err, "%s: %s: an id that no token has", component_type(v), field);
}

/* cls A sep, cls A sep B sep; Roberta's: cls A sep sep B sep. */
static bool read_bert(tokenizer *t, const json *v, bool doubled, error *err) {
    post_processor *p = &t->post;
    int32_t cls, sep;
    if (!read_end(t, v, "cls", &cls, err) || !read_end(t, v, "sep", &sep, err)) return false;
    const int32_t pair[] = {cls, POST_TEXT_A, sep, sep, POST_TEXT_B, sep};
    for (size_t i = 0; i < COUNT(pair); i++)
        if ((i != 3 || doubled) && !append(t, &p->pair, &p->n_pair, pair[i], err)) return fail(err, "%s", component_type(v));
    if (!append(t, &p->prefix, &p->n_prefix, cls, err) || !append(t, &p->suffix, &p->n_suffix, sep, err)) return fail(err, "%s", component_type(v));
    return true;
}

static bool read_trim(tokenizer *t, const json *v, bool counts_prefix, error *err) {
    post_processor *p = &t->post;
    bool trims = true, add_prefix_space = true;
    if (!component_bool(v, "trim_offsets", &trims, err) || !component_bool(v, "add_prefix_space", &add_prefix_space, err)) return false;
    if (trims) {
        p->trim[p->n_trim].add_prefix_space = add_prefix_space;
        p->trim[p->n_trim++].counts_prefix = counts_prefix;
    }
    return true;
}

typedef struct reading {
    tokenizer *t;
    const char *around; /* the component that said what goes around */
} reading;

static bool read_component(void *user, const json *v, error *err) {
    reading *s = user;
    if (component_is(v, "ByteLevel")) return read_trim(s->t, v, s->around != NULL && strcmp(s->around, "TemplateProcessing") != 0, err);
    static const char *const names[] = {"TemplateProcessing", "BertProcessing", "RobertaProcessing"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!component_is(v, names[i])) continue;
        if (s->around != NULL) return fail(err, "%s behind %s is not supported", names[i], s->around);
        s->around = names[i];
        if (i == 0) return read_template(s->t, v, err);
        return (i == 1 || read_trim(s->t, v, false, err)) && read_bert(s->t, v, i == 2, err);
    }
    return component_refuse(v, err);
}

bool post_processor_read(tokenizer *t, const json *v, error *err) {
    post_processor *p = &t->post;
    bool ok = component_is_null(v) || component_each(v, "processors", read_component, &(reading){.t = t}, err);
    if (ok && p->n_pair == 0) ok = append(t, &p->pair, &p->n_pair, POST_TEXT_A, err) && append(t, &p->pair, &p->n_pair, POST_TEXT_B, err);
    return ok || fail(err, "post_processor");
}
