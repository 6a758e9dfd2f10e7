/* tensor/matmul_avx512.c: the tile for AVX-512: 12 rows x 32 columns, 24 of the 32 registers hold sums; each step loads two
 * registers of b and broadcasts 12 values of a. */
#include "tensor/matmul_inner.h"
#if defined(__x86_64__) && !defined(SOCLE_DOUBLE)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
enum { MR = 12, NR = 32 };

AVX512 static inline __attribute__((always_inline)) void tile_rows(const int rows, long k, const real *a, const real *b, real *c, long c_stride,
                                                                   const real *start) {
    __m512 sum[MR][2];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        sum[i][0] = start != NULL ? _mm512_loadu_ps(start) : _mm512_setzero_ps();
        sum[i][1] = start != NULL ? _mm512_loadu_ps(start + 16) : _mm512_setzero_ps();
    }
    for (long p = 0; p < k; p++, a += MR, b += NR) {
        const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            const __m512 ai = _mm512_set1_ps(a[i]);
            sum[i][0] = _mm512_fmadd_ps(ai, b0, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ps(ai, b1, sum[i][1]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        real *to = c + i * c_stride;
        _mm512_storeu_ps(to, start != NULL ? sum[i][0] : _mm512_add_ps(_mm512_loadu_ps(to), sum[i][0]));
        _mm512_storeu_ps(to + 16, start != NULL ? sum[i][1] : _mm512_add_ps(_mm512_loadu_ps(to + 16), sum[i][1]));
    }
}

/* One version for each number of rows: the sums must have fixed registers. */
AVX512 static void tile(int rows, long k, const real *a, const real *b, real *c, long c_stride, const real *start) {
    switch (rows) {
    case 1: tile_rows(1, k, a, b, c, c_stride, start); break;
    case 2: tile_rows(2, k, a, b, c, c_stride, start); break;
    case 3: tile_rows(3, k, a, b, c, c_stride, start); break;
    case 4: tile_rows(4, k, a, b, c, c_stride, start); break;
    case 5: tile_rows(5, k, a, b, c, c_stride, start); break;
    case 6: tile_rows(6, k, a, b, c, c_stride, start); break;
    case 7: tile_rows(7, k, a, b, c, c_stride, start); break;
    case 8: tile_rows(8, k, a, b, c, c_stride, start); break;
    case 9: tile_rows(9, k, a, b, c, c_stride, start); break;
    case 10: tile_rows(10, k, a, b, c, c_stride, start); break;
    case 11: tile_rows(11, k, a, b, c, c_stride, start); break;
    default: tile_rows(12, k, a, b, c, c_stride, start); break;
    }
}

/* A 16 x 16 block turned over in registers: pairs, quads, then 128-bit lanes change places. */
AVX512 static inline __attribute__((always_inline)) void transpose(__m512 r[16]) {
    __m512 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            const __m512d x = _mm512_castps_pd(t[4 * i + h]), y = _mm512_castps_pd(t[4 * i + 2 + h]);
            r[4 * i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            r[4 * i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
        }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m512 a = r[i], b = r[4 + i], c = r[8 + i], d = r[12 + i];
        const __m512 ab_low = _mm512_shuffle_f32x4(a, b, 0x88), ab_high = _mm512_shuffle_f32x4(a, b, 0xdd);
        const __m512 cd_low = _mm512_shuffle_f32x4(c, d, 0x88), cd_high = _mm512_shuffle_f32x4(c, d, 0xdd);
        r[i] = _mm512_shuffle_f32x4(ab_low, cd_low, 0x88);
        r[8 + i] = _mm512_shuffle_f32x4(ab_low, cd_low, 0xdd);
        r[4 + i] = _mm512_shuffle_f32x4(ab_high, cd_high, 0x88);
        r[12 + i] = _mm512_shuffle_f32x4(ab_high, cd_high, 0xdd);
    }
}

AVX512 static void pack_transposed(const real *in, long row, long n, long k, int width, real *out) {
    for (long i = 0; i < width; i += 16) {
        const long here = n - i < 0 ? 0 : n - i < 16 ? n - i : 16, columns = width - i < 16 ? width - i : 16;
        const __mmask16 put = (__mmask16)((1u << columns) - 1);
        for (long p = 0; p < k; p += 16) {
            const long steps = k - p < 16 ? k - p : 16;
            const __mmask16 get = (__mmask16)((1u << steps) - 1);
            __m512 r[16];
#pragma GCC unroll 16
            for (int j = 0; j < 16; j++) r[j] = j < here ? _mm512_maskz_loadu_ps(get, in + (i + j) * row + p) : _mm512_setzero_ps();
            transpose(r);
            real *to = out + p * width + i;
            if (steps == 16) {
#pragma GCC unroll 16
                for (int j = 0; j < 16; j++) _mm512_mask_storeu_ps(to + j * width, put, r[j]);
            } else {
                for (int j = 0; j < 16; j++) /* r must not be indexed by a variable, or it lives in memory */
                    if (j < steps) _mm512_mask_storeu_ps(to + j * width, put, r[j]);
            }
        }
    }
}

AVX512 static double spin(long steps) {
    __m512 sum[24];
#pragma GCC unroll 24
    for (int i = 0; i < 24; i++) sum[i] = _mm512_set1_ps((float)i);
    const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
    for (long s = 0; s < steps; s++) {
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) sum[i] = _mm512_fmadd_ps(sum[i], x, y);
    }
    __m512 all = sum[0];
#pragma GCC unroll 24
    for (int i = 1; i < 24; i++) all = _mm512_add_ps(all, sum[i]);
    volatile float keep = _mm512_reduce_add_ps(all);
    (void)keep;
    return 2.0 * 24 * 16 * (double)steps;
}

static bool usable(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

const matmul_kernel matmul_avx512 = {"avx512", MR, NR, tile, pack_transposed, spin, usable};
#endif
