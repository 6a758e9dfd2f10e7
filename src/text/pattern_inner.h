/* text/pattern_inner.h: between pattern.c and pattern_translate.c. */
#ifndef SOCLE_TEXT_PATTERN_INNER_H
#define SOCLE_TEXT_PATTERN_INNER_H
#include "text/code_point_set.h"
#include "text/pattern.h"

/* Appends PCRE2's form of an Oniguruma pattern (`text` ends in NUL) to *out. */
bool pattern_translate(const char *text, size_t n, string *out, error *err);

#endif
