#include "base/string.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool string_reserve(string *s, size_t more) {
    if (s->overflow) return false;
    if (s->limit != 0 && (more > s->limit || s->length > s->limit - more)) {
        s->overflow = true;
        return false;
    }
    if (s->room - s->length > more) return true; /* one byte stays for the NUL */
    size_t room = s->room < 64 ? 64 : s->room * 2;
    while (room - s->length <= more) room *= 2;
    char *data = realloc(s->data, room);
    if (data == NULL) {
        fprintf(stderr, "socle: out of memory (%zu bytes wanted for a text)\n", room);
        exit(1);
    }
    s->data = data;
    s->room = room;
    return true;
}

void string_append(string *s, const void *bytes, size_t n) {
    if (!string_reserve(s, n)) return;
    if (n > 0) memcpy(s->data + s->length, bytes, n);
    s->length += n;
    s->data[s->length] = 0;
}

void string_text(string *s, const char *text) {
    string_append(s, text, strlen(text));
}

void string_char(string *s, char c) {
    string_append(s, &c, 1);
}

void string_print(string *s, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    const int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (n >= 0 && string_reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->length, (size_t)n + 1, format, again);
        s->length += (size_t)n;
    }
    va_end(again);
}

void string_utf8(string *s, uint32_t c) {
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    char b[4];
    size_t n = 0;
    if (c < 0x80) b[n++] = (char)c;
    else if (c < 0x800) b[n++] = (char)(0xc0 | c >> 6);
    else if (c < 0x10000) b[n++] = (char)(0xe0 | c >> 12);
    else b[n++] = (char)(0xf0 | c >> 18);
    if (c >= 0x10000) b[n++] = (char)(0x80 | (c >> 12 & 63));
    if (c >= 0x800) b[n++] = (char)(0x80 | (c >> 6 & 63));
    if (c >= 0x80) b[n++] = (char)(0x80 | (c & 63));
    string_append(s, b, n);
}

void string_reset(string *s) {
    s->length = 0;
    s->overflow = false;
    if (s->data != NULL) s->data[0] = 0;
}

void string_drop(string *s) {
    free(s->data);
    *s = (string){.limit = s->limit};
}

const char *string_chars(const string *s) {
    return s->data == NULL ? "" : s->data;
}

uint32_t utf8_next(const char *text, size_t n, size_t *at) {
    const unsigned char *p = (const unsigned char *)text + *at;
    const size_t left = n - *at;
    if (p[0] < 0x80) return ++*at, p[0];
    const int more = p[0] >= 0xc2 && p[0] < 0xe0 ? 1 : p[0] >= 0xe0 && p[0] < 0xf0 ? 2 : p[0] >= 0xf0 && p[0] < 0xf5 ? 3 : 0;
    if (more == 0 || left <= (size_t)more) return ++*at, 0xfffd;
    uint32_t c = p[0] & (0x3f >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) return ++*at, 0xfffd;
        c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return ++*at, 0xfffd;
    *at += (size_t)more + 1;
    return c;
}

bool utf8_valid(const char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        const size_t before = at;
        if (utf8_next(text, n, &at) == 0xfffd && at - before == 1) return false;
    }
    return true;
}
