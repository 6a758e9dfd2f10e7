/* tensor/matmul_plain.c: the tile in plain C, for machines without AVX2, for `real` = double, and to hold the others against. */
#include "tensor/matmul_inner.h"

enum { MR = 4, NR = 8 };

static void tile(int rows, long k, const real *a, const real *b, real *c, long c_stride, const real *start) {
    real sum[MR][NR];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < NR; j++) sum[i][j] = start != NULL ? start[j] : 0;
    for (long p = 0; p < k; p++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < NR; j++) sum[i][j] += a[p * MR + i] * b[p * NR + j];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < NR; j++) c[i * c_stride + j] = start != NULL ? sum[i][j] : c[i * c_stride + j] + sum[i][j];
}

static void pack_transposed(const real *in, long row, long n, long k, int width, real *out) {
    for (long p = 0; p < k; p++)
        for (long i = 0; i < width; i++) out[p * width + i] = i < n ? in[i * row + p] : 0;
}

static double spin(long steps) {
    volatile real keep;
    real sum[16] = {0}, x = (real)0.999, y = (real)1e-3;
    for (long s = 0; s < steps; s++)
        for (int i = 0; i < 16; i++) sum[i] = sum[i] * x + y;
    for (int i = 1; i < 16; i++) sum[0] += sum[i];
    keep = sum[0];
    (void)keep;
    return 2.0 * 16 * (double)steps;
}

static bool usable(void) {
    return true;
}

const matmul_kernel matmul_plain = {"plain", MR, NR, tile, pack_transposed, spin, usable};
