/* text/unigram.h: the Unigram model (Kudo 2018, arXiv:1804.10959): the cut of a word whose tokens have the highest sum of
 * log-probabilities. Inner to text/. */
#ifndef SOCLE_TEXT_UNIGRAM_H
#define SOCLE_TEXT_UNIGRAM_H
#include "text/token_tree.h"

typedef struct unigram {
    token_tree tree;
    const double *score; /* by id */
    double unk_score;    /* of a character that no token covers alone */
    bool byte_fallback;
    int32_t byte_token[256]; /* <0xHH>, -1: absent */
} unigram;

#endif
