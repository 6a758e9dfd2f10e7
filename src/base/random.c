#include "base/random.h"

#include <math.h>

void philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4]) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32), c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

random_stream random_start(uint64_t seed, uint64_t stream) {
    return (random_stream){.key = seed, .stream = stream};
}

uint32_t random_u32(random_stream *r) {
    if (r->n % 4 == 0) philox(r->key, r->stream, r->n / 4, r->word);
    return r->word[r->n++ % 4];
}

double random_unit(random_stream *r) {
    const uint64_t high = random_u32(r), low = random_u32(r);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

uint64_t random_below(random_stream *r, uint64_t n) {
    const uint64_t fair = UINT64_MAX - UINT64_MAX % n; /* numbers from here on would favour the small ones */
    uint64_t x;
    do {
        const uint64_t high = random_u32(r);
        x = high << 32 | random_u32(r);
    } while (x >= fair);
    return x % n;
}

double random_normal(random_stream *r) {
    const double u = 1.0 - random_unit(r), angle = 6.283185307179586 * random_unit(r);
    return sqrt(-2.0 * log(u)) * cos(angle);
}

void random_permutation(random_stream *r, long n, long *order) {
    for (long i = 0; i < n; i++) order[i] = i;
    for (long i = n - 1; i > 0; i--) {
        const long j = (long)random_below(r, (uint64_t)i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}
