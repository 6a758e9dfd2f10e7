/* base/random.h: the one door to random numbers. Counter-based (Philox 4x32-10, Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"): a number is a function of where it is used, so there is no state to save. */
#ifndef SOCLE_BASE_RANDOM_H
#define SOCLE_BASE_RANDOM_H
#include <stdint.h>

/* Four words for one counter under one key. */
void philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4]);

/* A stream for code that draws one number after another: key tells streams apart. */
typedef struct random_stream {
    uint64_t key, stream, n;
    uint32_t word[4];
} random_stream;

random_stream random_start(uint64_t seed, uint64_t stream);
uint32_t random_u32(random_stream *r);
double random_unit(random_stream *r);                /* [0, 1), 53 bits */
uint64_t random_below(random_stream *r, uint64_t n); /* [0, n), n > 0, unbiased */
double random_normal(random_stream *r);              /* mean 0, variance 1 */
/* Fills order[0..n) with a random permutation of 0..n-1. */
void random_permutation(random_stream *r, long n, long *order);

#endif
