/* tensor/matmul_inner.h: what an instruction set gives to matmul.c. Inner: only files of tensor/ include it. */
#ifndef SOCLE_TENSOR_MATMUL_INNER_H
#define SOCLE_TENSOR_MATMUL_INNER_H
#include "tensor/matmul.h"

enum { MR_MOST = 12, NR_MOST = 32, KC = 256, MC = 192, NC = 512 }; /* largest tile; block of p, of rows, of columns */

typedef struct matmul_kernel {
    const char *name;
    int mr, nr; /* rows and columns of one tile, held in registers */
    /* a · b over k steps for c[rows, nr] (rows <= mr); a is packed [k][mr], b [k][nr]. The chains start from `start`, one row of nr
     * values, and are put into c; where it is NULL they start from 0 and are added to c. */
    void (*tile)(int rows, long k, const real *a, const real *b, real *c, long c_stride, const real *start);
    /* out[p][i] (rows of `width` values) = in[i * row + p] for i < n, p < k; 0 for n <= i < width. */
    void (*pack_transposed)(const real *in, long row, long n, long k, int width, real *out);
    /* `steps` rounds of independent register-resident multiply-adds; how many floating-point operations that was. */
    double (*spin)(long steps);
    bool (*usable)(void);
} matmul_kernel;

extern const matmul_kernel matmul_plain;
#if defined(__x86_64__) && !defined(SOCLE_DOUBLE)
extern const matmul_kernel matmul_avx512, matmul_avx2;
#endif

#endif
