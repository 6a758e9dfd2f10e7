/* tensor/matmul.h: the matrix product that everything calls: linear layers (forward, dX, dW), attention, the loss, merging.
 * Blocked and packed as in Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication"; one micro-kernel
 * an instruction set, chosen when the program starts, and a plain C twin.
 * Order of summation: every c[i,j] is a sum, in order, of chains of fused multiply-adds over 256 steps of p each, counted from
 * p = 0, whatever m, n and threads are. So a row's result does not depend on what else is computed with it; and the error of a
 * sum over 50,000 values stays near that of one over a few hundred. */
#ifndef SOCLE_TENSOR_MATMUL_H
#define SOCLE_TENSOR_MATMUL_H
#include "tensor/tensor.h"

/* Value (i, j) is data[i * row + j * col]; a transposed matrix is one with row and col exchanged. One of the two is 1. */
typedef struct matrix {
    const real *data;
    long row, col;
} matrix;

typedef enum { MATMUL_SET, MATMUL_ADD } matmul_mode; /* c is set, or added to */

/* c[m, n] (rows c_stride apart) = or += a[m, k] · b[k, n]; `bias` [n] or NULL is what the first chains start from
 * (MATMUL_SET).
 * Runs on all threads unless called from inside parallel_for. Needs about 720 KB of each thread's stack. */
void matmul(real *c, long c_stride, matmul_mode mode, const real *bias, matrix a, matrix b, long m, long n, long k);

/* The instruction set in use: "avx512", "avx2" or "plain". matmul_choose forces one (tests); false: this machine lacks it. */
const char *matmul_kernel_name(void);
bool matmul_choose(const char *name);

/* Most multiply-adds this machine does: register-resident chains on `threads` cores for about `seconds`; floating-point
 * operations a second (two for each multiply-add). */
double matmul_peak(int threads, double seconds);

#endif
