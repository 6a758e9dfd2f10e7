/* tensor/matmul_avx2.c: the tile for AVX2 with FMA: 6 rows x 16 columns, 12 of the 16 registers hold sums. */
#include "tensor/matmul_inner.h"
#if defined(__x86_64__) && !defined(SOCLE_DOUBLE)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))
enum { MR = 6, NR = 16 };

AVX2 static inline __attribute__((always_inline)) void tile_rows(const int rows, long k, const real *a, const real *b, real *c, long c_stride,
                                                                 const real *start) {
    __m256 sum[MR][2];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        sum[i][0] = start != NULL ? _mm256_loadu_ps(start) : _mm256_setzero_ps();
        sum[i][1] = start != NULL ? _mm256_loadu_ps(start + 8) : _mm256_setzero_ps();
    }
    for (long p = 0; p < k; p++, a += MR, b += NR) {
        const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const __m256 ai = _mm256_broadcast_ss(a + i);
            sum[i][0] = _mm256_fmadd_ps(ai, b0, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(ai, b1, sum[i][1]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        real *to = c + i * c_stride;
        _mm256_storeu_ps(to, start != NULL ? sum[i][0] : _mm256_add_ps(_mm256_loadu_ps(to), sum[i][0]));
        _mm256_storeu_ps(to + 8, start != NULL ? sum[i][1] : _mm256_add_ps(_mm256_loadu_ps(to + 8), sum[i][1]));
    }
}

AVX2 static void tile(int rows, long k, const real *a, const real *b, real *c, long c_stride, const real *start) {
    switch (rows) {
    case 1: tile_rows(1, k, a, b, c, c_stride, start); break;
    case 2: tile_rows(2, k, a, b, c, c_stride, start); break;
    case 3: tile_rows(3, k, a, b, c, c_stride, start); break;
    case 4: tile_rows(4, k, a, b, c, c_stride, start); break;
    case 5: tile_rows(5, k, a, b, c, c_stride, start); break;
    default: tile_rows(6, k, a, b, c, c_stride, start); break;
    }
}

/* Eight rows of eight at a time, turned over in registers; what is left over goes value by value. */
AVX2 static void pack_transposed(const real *in, long row, long n, long k, int width, real *out) {
    const long whole_n = n / 8 * 8, whole_k = k / 8 * 8;
    for (long i = 0; i < whole_n; i += 8)
        for (long p = 0; p < whole_k; p += 8) {
            __m256 r[8], t[8];
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++) r[j] = _mm256_loadu_ps(in + (i + j) * row + p);
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                t[2 * j] = _mm256_unpacklo_ps(r[2 * j], r[2 * j + 1]);
                t[2 * j + 1] = _mm256_unpackhi_ps(r[2 * j], r[2 * j + 1]);
            }
#pragma GCC unroll 2
            for (int j = 0; j < 2; j++) {
                r[4 * j] = _mm256_shuffle_ps(t[4 * j], t[4 * j + 2], 0x44);
                r[4 * j + 1] = _mm256_shuffle_ps(t[4 * j], t[4 * j + 2], 0xee);
                r[4 * j + 2] = _mm256_shuffle_ps(t[4 * j + 1], t[4 * j + 3], 0x44);
                r[4 * j + 3] = _mm256_shuffle_ps(t[4 * j + 1], t[4 * j + 3], 0xee);
            }
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                _mm256_storeu_ps(out + (p + j) * width + i, _mm256_permute2f128_ps(r[j], r[4 + j], 0x20));
                _mm256_storeu_ps(out + (p + 4 + j) * width + i, _mm256_permute2f128_ps(r[j], r[4 + j], 0x31));
            }
        }
    for (long p = 0; p < k; p++)
        for (long i = p < whole_k ? whole_n : 0; i < width; i++) out[p * width + i] = i < n ? in[i * row + p] : 0;
}

AVX2 static double spin(long steps) {
    __m256 sum[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) sum[i] = _mm256_set1_ps((float)i);
    const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
    for (long s = 0; s < steps; s++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) sum[i] = _mm256_fmadd_ps(sum[i], x, y);
    }
    __m256 all = sum[0];
#pragma GCC unroll 12
    for (int i = 1; i < 12; i++) all = _mm256_add_ps(all, sum[i]);
    float lanes[8];
    _mm256_storeu_ps(lanes, all);
    volatile float keep = lanes[0] + lanes[3];
    (void)keep;
    return 2.0 * 12 * 8 * (double)steps;
}

static bool usable(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const matmul_kernel matmul_avx2 = {"avx2", MR, NR, tile, pack_transposed, spin, usable};
#endif
