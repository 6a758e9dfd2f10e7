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
void origin_list_reserve(origin_list *o, size_t more) {
    if (o->room - o->n >= more) return;
    size_t room = o->room < 64 ? 64 : o->room + o->room / 2;
    if (room < o->n + more) room = o->n + more;
    arena memory = {0};
    byte_origin *byte = NEW_ARRAY(&memory, room, byte_origin);
    if (o->n > 0) memcpy(byte, o->byte, o->n * sizeof *byte);
    arena_drop(&o->memory); /* what was outgrown is not kept */
    o->byte = byte;
    o->room = room;
    o->memory = memory;
}

void origin_list_drop(origin_list *o) {
    arena_drop(&o->memory);
    arena_drop(&o->spare_memory);
    *o = (origin_list){0};
}

/* NULL: the text is too long already, and this part of it was not written; else room for `n` bytes more, which count now. */
static byte_origin *origin_extend(edit *e, size_t n) {
    origin_list *o = e->origin;
    if (e->out->overflow) return NULL;
    origin_list_reserve(o, n);
    o->n += n;
    return o->byte + (o->n - n);
}

static void origin_push(edit *e, byte_origin where, size_t times) {
    byte_origin *to = origin_extend(e, times);
    for (size_t i = 0; to != NULL && i < times; i++) to[i] = where;
}

/* text[begin, end) itself, in the text that positions count in. */
static byte_origin origin_of(const edit *e, size_t begin, size_t end) {
    return (byte_origin){(uint32_t)(e->shift + begin), (uint32_t)(e->shift + end)};
}

/* The characters of text[begin, end) came from where they are. */
static void origin_copy(edit *e, size_t begin, size_t end) {
    byte_origin *to = origin_extend(e, end - begin);
    if (to == NULL) return;
    if (e->from != NULL) {
        memcpy(to, e->from->byte + begin, (end - begin) * sizeof *to);
        return;
    }
    for (size_t at = begin; at < end;) {
        uint32_t c;
        const size_t length = character_at(e->text, end, at, &c);
        for (size_t i = 0; i < length; i++) *to++ = origin_of(e, at, at + length);
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
    if (at == 0) origin_push(e, origin_of(e, 0, 0), n); /* from nothing */
    else origin_push(e, e->from != NULL ? e->from->byte[at - 1] : origin_of(e, before, at), n);
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
    origin_push(e, e->from != NULL ? e->from->byte[at] : origin_of(e, at, e->at), n);
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
