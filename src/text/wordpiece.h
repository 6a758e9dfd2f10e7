/* text/wordpiece.h: WordPiece (Schuster and Nakajima 2012; as in BERT): the longest token first, and so on behind it.
 * Inner to text/. */
#ifndef SOCLE_TEXT_WORDPIECE_H
#define SOCLE_TEXT_WORDPIECE_H
#include "text/token_tree.h"

typedef struct wordpiece {
    token_tree tree;
    uint32_t inside;        /* the node behind continuing_subword_prefix, where tokens inside a word begin; 0: there are none */
    bool prefixed;          /* there is such a prefix */
    size_t most_characters; /* longer words are unknown */
} wordpiece;

#endif
