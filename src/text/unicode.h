/* text/unicode.h: what tokenizers ask of a character: classes of Unicode 16, from one generated table (scripts/unicode-table). */
#ifndef SOCLE_TEXT_UNICODE_H
#define SOCLE_TEXT_UNICODE_H
#include <stdint.h>

enum {
    UNICODE_LETTER = 1, /* \p{L} */
    UNICODE_NUMBER = 2, /* \p{N} */
    UNICODE_SPACE = 4,  /* White_Space: \s */
    UNICODE_MARK = 8,   /* \p{M} */
    UNICODE_WORD = 16,  /* \w of UTS 18: Alphabetic, M, Nd, Pc, Join_Control */
};
enum { UNICODE_SHIFT = 7 };
extern const unsigned char unicode_block[0x110000 >> UNICODE_SHIFT];
extern const unsigned char unicode_class_in_block[][1 << UNICODE_SHIFT];

/* Bits of the code point; c < 0x110000. */
static inline unsigned unicode_class(uint32_t c) {
    return unicode_class_in_block[unicode_block[c >> UNICODE_SHIFT]][c & ((1 << UNICODE_SHIFT) - 1)];
}

#endif
