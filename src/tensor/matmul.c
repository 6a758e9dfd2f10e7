/* tensor/matmul.c: the blocks around the tile. c is cut into tasks of at most MC x NC; each packs what it reads, KC steps of p
 * at a time: a panel of `mr` rows of a stays in the first-level cache while the columns of b stream past it from the second. */
#include "base/parallel.h"
#include "tensor/matmul_inner.h"
#include "base/log.h"

#include <stdatomic.h>
#include <string.h>

static const matmul_kernel *const kernels[] = {
#if defined(__x86_64__) && !defined(SOCLE_DOUBLE)
    &matmul_avx512,
    &matmul_avx2,
#endif
    &matmul_plain,
};

static _Atomic(const matmul_kernel *) chosen;

static const matmul_kernel *kernel(void) {
    const matmul_kernel *k = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (k != NULL) return k;
    for (size_t i = 0; k == NULL; i++) /* the last one is always usable */
        if (kernels[i]->usable()) k = kernels[i];
    atomic_store_explicit(&chosen, k, memory_order_relaxed);
    return k;
}

const char *matmul_kernel_name(void) {
    return kernel()->name;
}

bool matmul_choose(const char *name) {
    for (size_t i = 0; i < COUNT(kernels); i++)
        if (strcmp(kernels[i]->name, name) == 0 && kernels[i]->usable()) {
            atomic_store(&chosen, kernels[i]);
            return true;
        }
    return false;
}

typedef struct product {
    const matmul_kernel *kernel;
    real *c;
    long c_stride;
    matmul_mode mode;
    const real *bias;
    matrix a, b;
    long m, n, k;
    long block_m, block_n, n_block_n;
} product;

static long round_up(long n, long to) {
    return (n + to - 1) / to * to;
}

static long smaller(long a, long b) {
    return a < b ? a : b;
}

/* Rows of p that lie contiguously in i, cut into panels of a width that the compiler knows: read once from left to right. */
static inline __attribute__((always_inline)) void copy_panels(const real *from, long p_step, long n, long k, const int width, real *out) {
    const long whole = n / width * width;
    for (long p = 0; p < k; p++, from += p_step) {
        real *to = out + p * width;
        for (long i = 0; i < whole; i += width, to += width * k) memcpy(to, from + i, (size_t)width * sizeof *to);
        for (long i = whole; i < n; i++) to[i - whole] = from[i];
        for (long i = n; whole < n && i < whole + width; i++) to[i - whole] = 0;
    }
}

/* Packs x[i, p] (one of the two steps is 1) for i in [first, first + n), p in [p0, p0 + k) into panels of `width` values of i:
 * [panel][p][width], the last one padded with zeros. `i_step`, `p_step`: from one i, one p to the next in memory. */
static void pack(const matmul_kernel *kern, const real *x, long i_step, long p_step, long first, long n, long p0, long k, int width, real *out) {
    const real *from = x + first * i_step + p0 * p_step;
    if (p_step == 1) {
        for (long i = 0; i < n; i += width, out += width * k) kern->pack_transposed(from + i * i_step, i_step, smaller(width, n - i), k, width, out);
        return;
    }
    switch (width) {
    case 32: copy_panels(from, p_step, n, k, 32, out); break;
    case 16: copy_panels(from, p_step, n, k, 16, out); break;
    case 12: copy_panels(from, p_step, n, k, 12, out); break;
    case 6: copy_panels(from, p_step, n, k, 6, out); break;
    default: copy_panels(from, p_step, n, k, width, out); break;
    }
}

/* One tile at the right or lower edge of c, by way of a full one. */
static void edge_tile(const product *x, int rows, long columns, long k, const real *a, const real *b, real *c, const real *start) {
    real whole[MR_MOST * NR_MOST];
    const int nr = x->kernel->nr;
    for (int i = 0; start == NULL && i < rows; i++) memcpy(whole + i * nr, c + i * x->c_stride, (size_t)columns * sizeof *c);
    x->kernel->tile(rows, k, a, b, whole, nr, start);
    for (int i = 0; i < rows; i++) memcpy(c + i * x->c_stride, whole + i * nr, (size_t)columns * sizeof *c);
}

static void product_task(void *context, long task) {
    const product *x = context;
    const matmul_kernel *kern = x->kernel;
    const int mr = kern->mr, nr = kern->nr;
    const long m0 = task / x->n_block_n * x->block_m, n0 = task % x->n_block_n * x->block_n;
    const long m = smaller(x->block_m, x->m - m0), n = smaller(x->block_n, x->n - n0);
    _Alignas(64) real a[MC * KC], b[KC * NC], from[NC];
    memset(from, 0, (size_t)round_up(n, nr) * sizeof *from);
    if (x->bias != NULL) memcpy(from, x->bias + n0, (size_t)n * sizeof *from);
    for (long p = 0; p < x->k || p == 0; p += KC) {
        const long k = smaller(KC, x->k - p);
        const bool starts = p == 0 && x->mode == MATMUL_SET;
        pack(kern, x->a.data, x->a.row, x->a.col, m0, m, p, k, mr, a);
        pack(kern, x->b.data, x->b.col, x->b.row, n0, n, p, k, nr, b);
        for (long i = 0; i < m; i += mr)
            for (long j = 0; j < n; j += nr) {
                real *c = x->c + (m0 + i) * x->c_stride + n0 + j;
                const int rows = (int)smaller(mr, m - i);
                const real *start = starts ? from + j : NULL;
                if (n - j >= nr) kern->tile(rows, k, a + i * k, b + j * k, c, x->c_stride, start);
                else edge_tile(x, rows, n - j, k, a + i * k, b + j * k, c, start);
            }
    }
}

/* Width of blocks of at most `most`, all alike, multiples of `unit`. */
static long block_of(long n, long most, long unit) {
    const long blocks = (n + most - 1) / most;
    return round_up((n + blocks - 1) / blocks, unit);
}

void matmul(real *c, long c_stride, matmul_mode mode, const real *bias, matrix a, matrix b, long m, long n, long k) {
    if (m <= 0 || n <= 0) return;
    product x = {.kernel = kernel(), .c = c, .c_stride = c_stride, .mode = mode, .bias = bias, .a = a, .b = b, .m = m, .n = n, .k = k};
    const long mr = x.kernel->mr, nr = x.kernel->nr;
    x.block_m = block_of(m, MC / mr * mr, mr);
    long most_n = NC / nr * nr;
    /* A wide product of few rows is cut finer, so that every thread has some and none waits long for the last. */
    const long tasks = parallel_threads() == 1 ? 1 : 4L * parallel_threads();
    while (most_n > 2 * nr && (m + x.block_m - 1) / x.block_m * ((n + most_n - 1) / most_n) < tasks) most_n = round_up(most_n / 2, nr);
    x.block_n = block_of(n, most_n, nr);
    x.n_block_n = (n + x.block_n - 1) / x.block_n;
    parallel_for((m + x.block_m - 1) / x.block_m * x.n_block_n, product_task, &x);
}

static void spin_task(void *context, long task) {
    double *done = (double *)context + task;
    const double end = clock_seconds() + ((double *)context)[-1];
    while (clock_seconds() < end) *done += kernel()->spin(20000);
}

double matmul_peak(int threads, double seconds) {
    double most = 0;
    for (int round = 0; round < 3; round++) {
        double work[1 + 512] = {seconds / 3};
        if (threads > 512) threads = 512;
        const double start = clock_seconds();
        parallel_for(threads, spin_task, work + 1);
        double all = 0;
        for (int i = 1; i <= threads; i++) all += work[i];
        all /= clock_seconds() - start;
        if (all > most) most = all;
    }
    return most;
}
