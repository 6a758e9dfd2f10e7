/* curate/minhash.h: signatures of texts whose likeness is that of their word 5-grams (Broder 1997), as huggingface/datatrove
 * makes them (dedup/minhash.py, 64-bit): XXH64 of a shingle, 112 permutations (a h + b mod 2^64) mod 2^61 - 1. */
#ifndef SOCLE_CURATE_MINHASH_H
#define SOCLE_CURATE_MINHASH_H
#include "curate/words.h"

enum { MINHASH_BUCKETS = 14, MINHASH_ROWS = 8, MINHASH_HASHES = MINHASH_BUCKETS * MINHASH_ROWS, MINHASH_SHINGLE = 5 };

/* The words that are compared: letters in lower case without accents, numbers as 0, punctuation as blanks, then words_of.
 * The spans point into a text in `scratch`. False where its limit is met. */
bool minhash_words(arena *scratch, const char *text, size_t n, const char *language, spans *out);
/* Fewer words than a shingle: false, and no signature. */
bool minhash_signature(arena *scratch, const spans *words, uint64_t signature[MINHASH_HASHES]);

#endif
