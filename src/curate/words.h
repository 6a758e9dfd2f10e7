/* curate/words.h: how the rules of curation cut a text: lines, words, symbols. A span is a piece of the text itself. */
#ifndef SOCLE_CURATE_WORDS_H
#define SOCLE_CURATE_WORDS_H
#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct span {
    const char *text;
    uint32_t n, characters; /* bytes, code points */
} span;

typedef struct spans {
    span *at;
    size_t n, room;
} spans;

/* Each returns false where the arena's limit is met. */

/* Words as a language's tokenizer sees them: cut at blanks, then punctuation set apart, as spaCy's rules for languages with
 * blanks do in the main: quotes, brackets and stops at both ends, hyphens and slashes between letters, the n't, 's, 're, 've, 'll,
 * 'd, 'm of English. Addresses stay whole. Where words are not set apart by blanks (Han, kana, Thai, Lao, Khmer, Burmese), each
 * character is a word. `language` may be NULL. */
bool words_of(arena *scratch, const char *text, size_t n, const char *language, spans *out);
/* Words as runs of characters that are no blanks. */
bool words_between_blanks(arena *scratch, const char *text, size_t n, spans *out);

/* Lines that end at LF, CR, CR LF, VT, FF, 1C to 1E, U+0085, U+2028, U+2029; none after the last end ("a\n" is one line). */
bool lines_of(arena *scratch, const char *text, size_t n, spans *out);
/* Pieces between runs of at least `run` LF; a run at an end gives an empty piece. */
bool pieces_between(arena *scratch, const char *text, size_t n, int run, spans *out);

span span_trim(span s); /* without the blanks at its ends */
uint32_t characters_in(const char *text, size_t n);

bool is_blank_character(uint32_t c);   /* White_Space, and 1C to 1F */
bool is_sentence_terminal(uint32_t c); /* Unicode's Sentence_Terminal */
bool is_symbol(uint32_t c);            /* punctuation of ASCII and print, controls, sentence terminals */
bool is_ideographic(uint32_t c);       /* a word by itself: see words_of */
bool span_is_symbol(span s);           /* all of its characters are symbols */
bool span_has_letter(span s);

#endif
