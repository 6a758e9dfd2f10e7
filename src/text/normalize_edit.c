#include "text/normalize_inner.h"

#include <string.h>

/* --- characters -------------------------------------------------------------------------------------------------------- */
size_t ascii_run(const char *text, size_t n) {
    size_t at = 0;
    for (; at + 32 <= n; at += 32) {
        uint64_t word[4];
        memcpy(word, text + at, sizeof word);
        if (((word[0] | word[1] | word[2] | word[3]) & 0x8080808080808080u) != 0) break;
    }
    while (at < n && (unsigned char)text[at] < 0x80) at++;
    return at;
}

size_t character_write(uint32_t c, char out[4]) {
    if (c < 0x80 || c >= CHARACTER_INVALID) {
        out[0] = (char)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

size_t character_before(const char *text, size_t end, uint32_t *c) {
    for (size_t back = 1; back <= 4 && back <= end; back++) {
        if (back < 4 && is_tail(text[end - back])) continue;
        if (character_at(text, end, end - back, c) == back) return end - back;
        break;
    }
    *c = CHARACTER_INVALID + (unsigned char)text[end - 1];
    return end - 1;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */
/* false: the text is too long already, and this part of it was not written. */
static bool origin_reserve(edit *e, size_t more) {
    origin_list *o = e->origin;
    if (e->out->overflow) return false;
    if (o->n + more <= o->room) return true;
    const size_t room = (o->n + more) * 2, bytes = o->n * sizeof(size_t);
    o->begin = arena_grow(e->owner, o->begin, bytes, room * sizeof(size_t));
    o->end = arena_grow(e->owner, o->end, bytes, room * sizeof(size_t));
    o->room = room;
    return true;
}

static void origin_push(edit *e, size_t begin, size_t end, size_t times) {
    if (!origin_reserve(e, times)) return;
    origin_list *o = e->origin;
    for (size_t i = 0; i < times; i++) {
        o->begin[o->n] = begin;
        o->end[o->n++] = end;
    }
}

/* The characters of text[begin, end) came from where they are. */
static void origin_copy(edit *e, size_t begin, size_t end) {
    if (!origin_reserve(e, end - begin)) return;
    origin_list *o = e->origin;
    if (e->from != NULL) {
        memcpy(o->begin + o->n, e->from->begin + begin, (end - begin) * sizeof(size_t));
        memcpy(o->end + o->n, e->from->end + begin, (end - begin) * sizeof(size_t));
        o->n += end - begin;
        return;
    }
    for (size_t at = begin; at < end;) {
        uint32_t c;
        const size_t length = character_at(e->text, end, at, &c);
        for (size_t i = 0; i < length; i++) { /* there is room */
            o->begin[o->n] = e->shift + at;
            o->end[o->n++] = e->shift + at + length;
        }
        at += length;
    }
}

static void pass(edit *e) {
    uint32_t c;
    if (e->at >= e->n) return;
    e->before = e->at;
    e->at += character_at(e->text, e->n, e->at, &c);
}

/* `n` bytes that came from where the byte before text[at] did. */
static void origin_of_before(edit *e, size_t at, size_t before, size_t n) {
    if (at == 0) origin_push(e, e->shift, e->shift, n); /* from nothing */
    else if (e->from != NULL) origin_push(e, e->from->begin[at - 1], e->from->end[at - 1], n);
    else origin_push(e, e->shift + before, e->shift + at, n);
}

static inline void append(string *out, const char *character, size_t n) {
    if (out->room - out->length <= n || out->overflow || out->limit - out->length < n) {
        string_append(out, character, n);
        return;
    }
    for (size_t i = 0; i < n; i++) out->data[out->length++] = character[i];
    out->data[out->length] = 0;
}

void edit_put(edit *e, const char *character, size_t n, long change) {
    append(e->out, character, n);
    if (e->origin == NULL) return;
    if (change > 0 || e->at >= e->n) {
        origin_of_before(e, e->at, e->before, n);
        return;
    }
    const size_t at = e->at;
    pass(e);
    if (e->from != NULL) origin_push(e, e->from->begin[at], e->from->end[at], n);
    else origin_push(e, e->shift + at, e->shift + e->at, n);
    for (; change < 0; change++) pass(e);
}

void edit_put_character(edit *e, uint32_t c, long change) {
    char bytes[4];
    edit_put(e, bytes, character_write(c, bytes), change);
}

void edit_same(edit *e, const char *bytes, size_t n) {
    if (n == 0) return;
    string_append(e->out, bytes, n);
    if (e->origin == NULL) return;
    uint32_t c;
    origin_copy(e, e->at, e->at + n);
    e->at += n;
    e->before = character_before(e->text, e->at, &c);
}

void edit_skip(edit *e, size_t n) {
    uint32_t c;
    if (e->origin == NULL || n == 0) return;
    e->at += n;
    e->before = character_before(e->text, e->at, &c);
}

void edit_insert(edit *e, const char *bytes, size_t n, size_t at) {
    uint32_t c;
    append(e->out, bytes, n);
    if (e->origin != NULL) origin_of_before(e, at, at > 0 ? character_before(e->text, at, &c) : 0, n);
}

void edit_copy(edit *e, size_t begin, size_t end) {
    if (begin == end) return;
    string_append(e->out, e->text + begin, end - begin);
    if (e->origin != NULL) origin_copy(e, begin, end);
}
