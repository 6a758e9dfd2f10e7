/* word_stream for AVX2: 64 bytes are two registers. */
#include "text/word_stream_inner.h"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))

typedef struct halves {
    __m256i low, high;
} halves;

TARGET static inline __attribute__((always_inline)) uint64_t halves_mask(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

TARGET static inline __attribute__((always_inline)) uint64_t equal(halves x, char letter) {
    const __m256i to = _mm256_set1_epi8(letter);
    return halves_mask(_mm256_cmpeq_epi8(x.low, to), _mm256_cmpeq_epi8(x.high, to));
}

/* Bytes of [first, first + n). */
TARGET static inline __attribute__((always_inline)) uint64_t between(halves x, char first, char n) {
    const __m256i from = _mm256_set1_epi8(first), last = _mm256_set1_epi8((char)(n - 1));
    const __m256i low = _mm256_sub_epi8(x.low, from), high = _mm256_sub_epi8(x.high, from);
    return halves_mask(_mm256_cmpeq_epi8(_mm256_min_epu8(low, last), low), _mm256_cmpeq_epi8(_mm256_min_epu8(high, last), high));
}

TARGET static inline __attribute__((always_inline)) window window_read(const split_rules r, const char *text) {
    const halves c = {_mm256_loadu_si256((const __m256i *)text), _mm256_loadu_si256((const __m256i *)text + 1)};
    const __m256i bit = _mm256_set1_epi8(0x20);
    const halves lower = {_mm256_or_si256(c.low, bit), _mm256_or_si256(c.high, bit)}, letters = r.shorts == SHORT_EXACT ? c : lower;
    window w = {.beyond = halves_mask(c.low, c.high), .letter = between(lower, 'a', 26), .digit = between(c, '0', 10), .blank = equal(c, ' ')};
    w.space = between(c, '\t', 5) | w.blank;
    if (r.takes_line) w.line = equal(c, '\n') | equal(c, '\r');
    if (r.takes_slash) w.slash = equal(c, '/');
    if (r.cased) w.upper = between(c, 'A', 26);
    if (r.shorts == SHORT_NONE) return w;
    w.quote = equal(c, '\'');
    w.stmd = equal(letters, 's') | equal(letters, 't') | equal(letters, 'm') | equal(letters, 'd');
    w.rv = equal(letters, 'r') | equal(letters, 'v');
    w.e = equal(letters, 'e');
    w.l = equal(letters, 'l');
    return w;
}

#include "text/word_stream_loop.h"

const stream_function *word_stream_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? streams : NULL;
}
#else
const stream_function *word_stream_avx2(void) {
    return NULL;
}
#endif
