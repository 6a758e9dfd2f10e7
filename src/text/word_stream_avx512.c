/* word_stream for AVX-512: 64 bytes are one register. */
#include "text/word_stream_inner.h"
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2,lzcnt,popcnt")))

TARGET static inline __attribute__((always_inline)) window window_read(const split_rules r, const char *text) {
    const __m512i c = _mm512_loadu_si512(text);
    const __m512i lower = _mm512_or_si512(c, _mm512_set1_epi8(0x20)), letters = r.shorts == SHORT_EXACT ? c : lower;
#define EQUAL(x, letter) _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(letter))
#define BELOW(x, first, n) _mm512_cmplt_epu8_mask(_mm512_sub_epi8(x, _mm512_set1_epi8(first)), _mm512_set1_epi8(n))
    window w = {.beyond = _mm512_movepi8_mask(c), .letter = BELOW(lower, 'a', 26), .digit = BELOW(c, '0', 10), .blank = EQUAL(c, ' ')};
    w.space = BELOW(c, '\t', 5) | w.blank;
    if (r.takes_line) w.line = EQUAL(c, '\n') | EQUAL(c, '\r');
    if (r.takes_slash) w.slash = EQUAL(c, '/');
    if (r.cased) w.upper = ~_mm512_test_epi8_mask(c, _mm512_set1_epi8(0x20));
    if (r.shorts == SHORT_NONE) return w;
    w.quote = EQUAL(c, '\'');
    w.stmd = EQUAL(letters, 's') | EQUAL(letters, 't') | EQUAL(letters, 'm') | EQUAL(letters, 'd');
    w.rv = EQUAL(letters, 'r') | EQUAL(letters, 'v');
    w.e = EQUAL(letters, 'e');
    w.l = EQUAL(letters, 'l');
    return w;
}

#include "text/word_stream_loop.h"

const stream_function *word_stream_avx512(void) {
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2") ? streams : NULL;
}
#else
const stream_function *word_stream_avx512(void) {
    return NULL;
}
#endif
