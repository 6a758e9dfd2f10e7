/* text/unicode.h: what tokenizers ask of a character: classes, general category and script of Unicode 16, from one generated table
 * (scripts/unicode-table). */
#ifndef SOCLE_TEXT_UNICODE_H
#define SOCLE_TEXT_UNICODE_H
#include <stddef.h>
#include <stdint.h>

enum {
    UNICODE_LETTER = 1, /* \p{L} */
    UNICODE_NUMBER = 2, /* \p{N} */
    UNICODE_SPACE = 4,  /* White_Space: \s */
    UNICODE_MARK = 8,   /* \p{M} */
    UNICODE_WORD = 16,  /* \w of UTS 18: Alphabetic, M, Nd, Pc, Join_Control */
    /* What parts of `tokenizers` mean by such words, whose Unicode is another one: */
    UNICODE_PEER_PUNCTUATION = 32, /* its Punctuation and BertPreTokenizer: \p{P} of Unicode 8, and the symbols of ASCII */
    UNICODE_PEER_NUMBER = 64,      /* its Digits: \p{N} of Unicode 17 */
};
enum { UNICODE_SHIFT = 7 };
extern const unsigned char unicode_block[0x110000 >> UNICODE_SHIFT];
extern const unsigned char unicode_class_in_block[][1 << UNICODE_SHIFT];

/* Bits of the code point; c < 0x110000. */
static inline unsigned unicode_class(uint32_t c) {
    return unicode_class_in_block[unicode_block[c >> UNICODE_SHIFT]][c & ((1 << UNICODE_SHIFT) - 1)];
}

/* General_Category. The members of a group (\p{L}, \p{P}, ...) stand side by side. */
typedef enum unicode_kind {
    UNICODE_LU,
    UNICODE_LL,
    UNICODE_LT,
    UNICODE_LM,
    UNICODE_LO,
    UNICODE_MN,
    UNICODE_MC,
    UNICODE_ME,
    UNICODE_ND,
    UNICODE_NL,
    UNICODE_NO,
    UNICODE_PC,
    UNICODE_PD,
    UNICODE_PS,
    UNICODE_PE,
    UNICODE_PI,
    UNICODE_PF,
    UNICODE_PO,
    UNICODE_SM,
    UNICODE_SC,
    UNICODE_SK,
    UNICODE_SO,
    UNICODE_ZS,
    UNICODE_ZL,
    UNICODE_ZP,
    UNICODE_CC,
    UNICODE_CF,
    UNICODE_CS,
    UNICODE_CO,
    UNICODE_CN,
    UNICODE_CATEGORIES
} unicode_kind;
extern const uint16_t unicode_category_block[0x110000 >> UNICODE_SHIFT];
extern const unsigned char unicode_category_in_block[][1 << UNICODE_SHIFT];

/* c < 0x110000. */
static inline unicode_kind unicode_category(uint32_t c) {
    return (unicode_kind)unicode_category_in_block[unicode_category_block[c >> UNICODE_SHIFT]][c & ((1 << UNICODE_SHIFT) - 1)];
}
/* The categories that a name means, as bits 1 << unicode_kind: "Lu", "L", "LC" (cased letters: also "L&"), "Letter", "Uppercase_Letter",
 * ...; case, '_', '-' and blanks do not count. 0: no such name. */
uint32_t unicode_categories_named(const char *name, size_t n);

/* Script: an index into unicode_script_names ("Han", "Hiragana", ...; 0 is "Unknown"); c < 0x110000. */
typedef struct unicode_script_run {
    uint32_t first; /* up to the next run's */
    uint8_t script;
} unicode_script_run;
extern const unicode_script_run unicode_script_runs[]; /* from code point 0 on */
extern const size_t n_unicode_script_run;
extern const char *const unicode_script_names[];
extern const size_t n_unicode_script;
int unicode_script(uint32_t c);
int unicode_script_named(const char *name, size_t n); /* as above; -1: no such script */

#endif
