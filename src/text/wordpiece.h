/* text/wordpiece.h: WordPiece (longest match first) and WordLevel (the word or nothing). Inner to text/. */
#ifndef SOCLE_TEXT_WORDPIECE_H
#define SOCLE_TEXT_WORDPIECE_H
#include <stddef.h>

typedef struct wordpiece {
    const char *prefix; /* continuing_subword_prefix */
    size_t n_prefix, most_characters;
} wordpiece;

#endif
