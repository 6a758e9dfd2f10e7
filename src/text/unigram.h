/* text/unigram.h: the Unigram model (Kudo 2018, arXiv:1804.10959): the cut of a word whose tokens have the highest sum of
 * log-probabilities. Inner to text/. */
#ifndef SOCLE_TEXT_UNIGRAM_H
#define SOCLE_TEXT_UNIGRAM_H
#include <stdbool.h>
#include <stdint.h>

typedef struct unigram {
    bool byte_fallback;
} unigram;

#endif
