/* base/error.h: one line of text that says what went wrong, where, and what to do.
 * A function that can fail returns bool or a pointer and takes an `error *` last. The lowest function says what is wrong;
 * each caller adds the place it knows; only cli/ prints. `assert` is for our own mistakes, never for input. */
#ifndef SOCLE_BASE_ERROR_H
#define SOCLE_BASE_ERROR_H
#include <stdbool.h>
#include <stddef.h>

typedef struct error {
    char text[512]; /* empty while nothing has failed; always ends in NUL; holds no line feed */
} error;

/* Sets the message; where there is one already, puts the new text and ": " before it. Always false / NULL.
 * `err` may be NULL: then the caller does not want to know. Control characters in the text become '?'. */
bool fail(error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *fail_null(error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties it, for a caller that has dealt with a failure and goes on. */
void error_clear(error *err);

#endif
