/* base/string.h: a growing byte string with a limit. For text that is built; what is only read is (const char *, size_t). */
#ifndef SOCLE_BASE_STRING_H
#define SOCLE_BASE_STRING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct string {
    char *data; /* length bytes and a NUL; NULL while empty */
    size_t length, room;
    size_t limit;  /* most bytes; 0: no limit */
    bool overflow; /* an append met the limit: the text is cut there and further appends do nothing */
} string;

void string_append(string *s, const void *bytes, size_t n);
void string_text(string *s, const char *text);
void string_char(string *s, char c);
void string_print(string *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void string_utf8(string *s, uint32_t code_point); /* U+FFFD for what is no scalar value */
void string_reset(string *s);                     /* empty; keeps its memory */
void string_drop(string *s);                      /* gives its memory back */
const char *string_chars(const string *s);        /* its text, "" while empty; valid until the next append */

/* The code point at text[*at] (at < n), moving *at behind it; an invalid byte gives U+FFFD and moves by 1.
 * Surrogates, overlong forms and what lies above U+10FFFF are invalid. */
uint32_t utf8_next(const char *text, size_t n, size_t *at);
bool utf8_valid(const char *text, size_t n);

#endif
