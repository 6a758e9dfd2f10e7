/* text/code_point_set.h: sets of code points, as regular expressions write them in brackets and properties. Inner to text/. */
#ifndef SOCLE_TEXT_CODE_POINT_SET_H
#define SOCLE_TEXT_CODE_POINT_SET_H
#include "base/string.h"
#include <stdbool.h>
#include <stdint.h>

enum { CODE_POINTS = 0x110000 };
typedef struct code_point_set {
    uint64_t bits[CODE_POINTS / 64];
} code_point_set;

static inline void set_add(code_point_set *s, uint32_t c) {
    s->bits[c / 64] |= 1ull << (c % 64);
}
static inline bool set_has(const code_point_set *s, uint32_t c) {
    return s->bits[c / 64] >> (c % 64) & 1;
}
void set_add_range(code_point_set *s, uint32_t first, uint32_t last);
void set_unite(code_point_set *s, const code_point_set *with);
void set_intersect(code_point_set *s, const code_point_set *with);
void set_complement(code_point_set *s);

/* Adds what has the property of this name, as \p{NAME} has it in Oniguruma: general categories ("L", "Letter", "Lu", ...),
 * scripts ("Han"), "Any", "ASCII", "White_Space" and the POSIX names; case, blanks, '-' and '_' do not count. false: unknown. */
bool set_add_property(code_point_set *s, const char *name, size_t n);

/* The set as PCRE2 writes a class: "[..]", "[^..]", or what matches nothing or everything. Surrogates are nobody's. */
void set_write(const code_point_set *s, string *out);

#endif
