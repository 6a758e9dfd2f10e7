/* base/number.h: text to double and back, the same under every locale. */
#ifndef SOCLE_BASE_NUMBER_H
#define SOCLE_BASE_NUMBER_H
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* All n bytes as a decimal number (a sign, digits, fraction, exponent; "+" in front is fine), correctly rounded; what is too
 * large becomes an infinity, what is too small 0. false where they are no number. */
bool number_read(const char *text, size_t n, double *x);

/* The shortest text that reads back equal; an exponent only where the number is 1e16 or more, or below 1e-5; "nan", "inf",
 * "-inf". Returns its length; the text ends in NUL. */
size_t number_print(double x, char out[32]);

#ifdef __cplusplus
}
#endif
#endif
