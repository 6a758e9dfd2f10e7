/* Replace (with a text or a pattern) and Prepend. */
#include "text/component.h"
#include "text/normalize_inner.h"

#include <string.h>

/* --- Replace ------------------------------------------------------------------------------------------------------------- */
static bool replace_read(normalize_step *s, arena *owner, const json *v, error *err) {
    const json *wanted = json_get(v, "pattern");
    if (!component_text(owner, json_get(v, "content"), "Replace: content", &s->content, &s->n_content, err)) return false;
    if (json_get(wanted, "Regex") == NULL) return component_text(owner, json_get(wanted, "String"), "Replace: pattern: String", &s->text, &s->n_text, err);
    if (!component_text(owner, json_get(wanted, "Regex"), "Replace: pattern: Regex", &s->text, &s->n_text, err)) return false;
    s->pattern = pattern_compile(owner, s->text, s->n_text, err);
    return s->pattern != NULL || fail(err, "Replace: pattern: Regex");
}

static bool replace_keeps(const normalize_step *s, const char *text, size_t n) {
    if (n == 0) return true;
    if (s->pattern == NULL) return s->n_text > 0 && memmem(text, n, s->text, s->n_text) == NULL;
    size_t begin, end;
    pattern_search search = pattern_search_start(s->pattern, text, n);
    const bool found = pattern_search_next(&search, &begin, &end);
    const bool gave_up = search.gave_up;
    pattern_search_end(&search);
    return !found && !gave_up;
}

/* What comes in a match's place came from where the match's last character did, as in `tokenizers`. */
static bool replace_pattern(const normalize_step *s, edit *e) {
    size_t done = 0, begin, end;
    pattern_search search = pattern_search_start(s->pattern, e->text, e->n);
    while (pattern_search_next(&search, &begin, &end)) {
        edit_copy(e, done, begin);
        edit_insert(e, s->content, s->n_content, end);
        done = end;
    }
    edit_copy(e, done, e->n);
    const bool gave_up = search.gave_up;
    pattern_search_end(&search);
    return !gave_up;
}

/* An empty text stands before, behind and between all characters. */
static void insert_everywhere(const normalize_step *s, edit *e) {
    edit_insert(e, s->content, s->n_content, 0);
    for (size_t at = 0; at < e->n;) {
        uint32_t c;
        const size_t length = character_at(e->text, e->n, at, &c);
        edit_copy(e, at, at + length);
        at += length;
        edit_insert(e, s->content, s->n_content, at);
    }
}

/* One byte by up to four, as a blank by U+2581: there is a step for each byte, and none looks where the next match is. */
static void replace_bytes(const normalize_step *s, edit *e) {
    enum { CHUNK = 1024 };
    char made[4 * CHUNK + 4], other[4] = {0};
    memcpy(other, s->content, s->n_content);
    uint32_t there;
    memcpy(&there, other, 4);
    for (size_t at = 0; at < e->n; at += CHUNK) {
        const size_t n = e->n - at < CHUNK ? e->n - at : CHUNK;
        size_t length = 0;
        for (size_t i = 0; i < n; i++) {
            const char c = e->text[at + i];
            const bool found = c == s->text[0];
            uint32_t bytes = 0;
            memcpy(&bytes, &c, 1);
            if (found) bytes = there;
            memcpy(made + length, &bytes, 4);
            length += found ? s->n_content : 1;
        }
        string_append(e->out, made, length);
    }
}

static bool replace_apply(const normalize_step *s, edit *e) {
    if (s->pattern != NULL) return replace_pattern(s, e);
    if (s->n_text == 1 && s->n_content <= 4 && e->origin == NULL) {
        replace_bytes(s, e);
        return true;
    }
    if (s->n_text == 0) {
        insert_everywhere(s, e);
        return true;
    }
    for (size_t at = 0; at < e->n;) {
        const char *found = memmem(e->text + at, e->n - at, s->text, s->n_text);
        const size_t stop = found != NULL ? (size_t)(found - e->text) : e->n;
        edit_copy(e, at, stop);
        if (found == NULL) break;
        at = stop + s->n_text;
        edit_insert(e, s->content, s->n_content, at);
    }
    return true;
}
const normalize_kind normalize_replace = {.name = "Replace", .read = replace_read, .keeps = replace_keeps, .apply = replace_apply};

/* --- Prepend --------------------------------------------------------------------------------------------------------------- */
static bool prepend_read(normalize_step *s, arena *owner, const json *v, error *err) {
    return component_text(owner, json_get(v, "prepend"), "Prepend: prepend", &s->content, &s->n_content, err);
}

static bool prepend_keeps(const normalize_step *s, const char *text, size_t n) {
    return n == 0;
}

/* `tokenizers` lets the first character of what is prepended stand for the text's own, and that be a new one. */
static bool prepend_apply(const normalize_step *s, edit *e) {
    uint32_t c;
    for (size_t at = 0; at < s->n_content;) {
        const size_t length = character_at(s->content, s->n_content, at, &c);
        edit_put(e, s->content + at, length, at > 0);
        at += length;
    }
    const size_t first = character_at(e->text, e->n, 0, &c);
    edit_put(e, e->text, first, 1);
    edit_copy(e, first, e->n);
    return true;
}
const normalize_kind normalize_prepend = {.name = "Prepend", .read = prepend_read, .keeps = prepend_keeps, .apply = prepend_apply};
