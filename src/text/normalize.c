#include "text/normalize.h"

#include "text/component.h"

#include <string.h>

const char *text_find(const char *text, size_t n, const char *pattern, size_t n_pattern) {
    while (n >= n_pattern) {
        const char *first = memchr(text, pattern[0], n - n_pattern + 1);
        if (first == NULL || memcmp(first, pattern, n_pattern) == 0) return first;
        n -= (size_t)(first + 1 - text);
        text = first + 1;
    }
    return NULL;
}

static void origin_push(arena *owner, origin_list *o, size_t begin, size_t end, size_t times) {
    if (o == NULL) return;
    if (o->n + times > o->room) {
        const size_t room = (o->n + times) * 2, bytes = o->n * sizeof(size_t);
        o->begin = arena_grow(owner, o->begin, bytes, room * sizeof(size_t));
        o->end = arena_grow(owner, o->end, bytes, room * sizeof(size_t));
        o->room = room;
    }
    for (size_t i = 0; i < times; i++) {
        o->begin[o->n] = begin;
        o->end[o->n++] = end;
    }
}

/* One step over text, whose bytes came from `from` (NULL: from themselves, counted from shift). */
static void step_apply(const replacement *r, const char *text, size_t n, const origin_list *from, size_t shift, string *out, arena *owner,
                       origin_list *origin) {
#define BEGIN(i) (from != NULL ? from->begin[i] : shift + (i))
#define END(i) (from != NULL ? from->end[i] : shift + (i) + 1)
    if (r->n_pattern == 0) {
        if (n == 0) return;
        string_append(out, r->content, r->n_content);
        origin_push(owner, origin, BEGIN(0), BEGIN(0), r->n_content);
        string_append(out, text, n);
        for (size_t i = 0; origin != NULL && i < n; i++) origin_push(owner, origin, BEGIN(i), END(i), 1);
        return;
    }
    for (size_t at = 0; at < n;) {
        const char *found = text_find(text + at, n - at, r->pattern, r->n_pattern);
        const size_t stop = found != NULL ? (size_t)(found - text) : n;
        string_append(out, text + at, stop - at);
        for (size_t i = at; origin != NULL && i < stop; i++) origin_push(owner, origin, BEGIN(i), END(i), 1);
        at = stop;
        if (found == NULL) break;
        string_append(out, r->content, r->n_content);
        origin_push(owner, origin, BEGIN(at), END(at + r->n_pattern - 1), r->n_content);
        at += r->n_pattern;
    }
#undef BEGIN
#undef END
}

void normalize_text(const normalizer *z, const char *text, size_t n, string *out, string *spare, arena *owner, origin_list *origin, size_t shift) {
    string_reset(out);
    if (origin != NULL) origin->n = 0;
    for (size_t i = 0; i < z->n; i++) {
        if (i == 0) {
            step_apply(&z->step[0], text, n, NULL, shift, out, owner, origin);
            continue;
        }
        const string made = *out; /* what the last step made is what this one reads */
        *out = *spare;
        *spare = made;
        string_reset(out);
        origin_list before = {0}, *from = NULL;
        if (origin != NULL) {
            before = *origin;
            *origin = (origin_list){0};
            from = &before;
        }
        step_apply(&z->step[i], string_chars(spare), spare->length, from, shift, out, owner, origin);
    }
    if (z->n == 0) string_append(out, text, n);
}

bool normalizer_keeps(const normalizer *z, const char *text, size_t n) {
    return z->n == 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
bool replacement_read(arena *owner, const json *v, replacement *r, error *err) {
    const json *pattern = json_get(v, "pattern");
    if (json_get(pattern, "Regex") != NULL) return fail(err, "Replace with a Regex is not supported");
    if (!component_text(owner, json_get(pattern, "String"), "Replace: pattern: String", &r->pattern, &r->n_pattern, err)) return false;
    if (r->n_pattern == 0) return fail(err, "Replace: pattern: String is empty");
    return component_text(owner, json_get(v, "content"), "Replace: content", &r->content, &r->n_content, err);
}

static bool read_normalize_step(arena *owner, const json *v, replacement *r, error *err) {
    if (component_is(v, "Replace")) return replacement_read(owner, v, r, err);
    if (component_is(v, "Prepend")) return component_text(owner, json_get(v, "prepend"), "Prepend: prepend", &r->content, &r->n_content, err);
    return component_refuse(v, err);
}

bool normalizer_read(normalizer *z, arena *owner, const json *v, error *err) {
    if (component_is_null(v)) return true;
    const json *items;
    size_t n;
    if (!component_sequence(v, "normalizers", &items, &n, err)) return fail(err, "normalizer");
    for (size_t i = 0; i < n; i++)
        if (!read_normalize_step(owner, &items[i], &z->step[z->n++], err)) return fail(err, "normalizer");
    return true;
}
