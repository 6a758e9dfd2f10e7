#include "base/parallel.h"
#include "base/random.h"
#include "tensor/matmul.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const char *const kernels[] = {"avx512", "avx2", "plain"};
static const long shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {13, 33, 17}, {1, 100, 300}, {200, 70, 600}, {37, 31, 257}, {12, 32, 0}, {5, 520, 3}};

static real *numbers(arena *a, long n, uint64_t seed) {
    real *x = NEW_ARRAY(a, n, real);
    random_stream r = random_start(seed, 0);
    for (long i = 0; i < n; i++) x[i] = (real)random_normal(&r);
    return x;
}

/* The three shapes of training: x·wᵀ, dy·w, dyᵀ·x. */
static void operands(arena *a, int form, long m, long n, long k, matrix *x, matrix *y) {
    real *left = numbers(a, m * k, 1), *right = numbers(a, k * n, 2);
    *x = form == 2 ? (matrix){left, 1, m} : (matrix){left, k, 1};
    *y = form == 0 ? (matrix){right, 1, k} : (matrix){right, n, 1};
}

static void matmul_agrees_with_sums_in_double(void **state) {
    (void)state;
    for (size_t q = 0; q < COUNT(kernels); q++) {
        if (!matmul_choose(kernels[q])) continue;
        for (size_t s = 0; s < COUNT(shapes) * 3 * 2; s++) {
            arena a = {0};
            const long m = shapes[s / 6][0], n = shapes[s / 6][1], k = shapes[s / 6][2];
            const bool adds = s % 2;
            matrix x, y;
            operands(&a, (int)(s / 2 % 3), m, n, k, &x, &y);
            real *bias = numbers(&a, n, 3), *c = numbers(&a, m * (n + 3), 4), *before = numbers(&a, m * (n + 3), 4);
            matmul(c, n + 3, adds ? MATMUL_ADD : MATMUL_SET, bias, x, y, m, n, k);
            for (long i = 0; i < m; i++) {
                for (long j = 0; j < n; j++) {
                    double want = adds ? (double)before[i * (n + 3) + j] : (double)bias[j];
                    for (long p = 0; p < k; p++) want += (double)x.data[i * x.row + p * x.col] * (double)y.data[p * y.row + j * y.col];
                    if (!(fabs(want - (double)c[i * (n + 3) + j]) <= 2e-6 * sqrt((double)k + 1) * 10))
                        fail_msg("%s %ldx%ldx%ld form %d at %ld,%ld: %g not %g", kernels[q], m, n, k, (int)(s / 2 % 3), i, j, (double)c[i * (n + 3) + j], want);
                }
                assert_memory_equal(c + i * (n + 3) + n, before + i * (n + 3) + n, 3 * sizeof(real)); /* nothing beyond the row */
            }
            arena_drop(&a);
        }
    }
}

static void matmul_of_a_row_has_the_same_bits_alone_and_among_others(void **state) {
    (void)state;
    enum { M = 230, N = 71, K = 700 };
    for (size_t q = 0; q < COUNT(kernels); q++) {
        if (!matmul_choose(kernels[q])) continue;
        arena a = {0};
        matrix x, y;
        operands(&a, 0, M, N, K, &x, &y);
        real *all = NEW_ARRAY(&a, M * N, real), *one = NEW_ARRAY(&a, M * N, real);
        parallel_set_threads(1);
        matmul(all, N, MATMUL_SET, NULL, x, y, M, N, K);
        parallel_set_threads(3);
        for (long row = 0; row < M; row++) matmul(one + row * N, N, MATMUL_SET, NULL, (matrix){x.data + row * x.row, x.row, 1}, y, 1, N, K);
        assert_memory_equal(all, one, M * N * sizeof(real));
        matmul(one, N, MATMUL_SET, NULL, x, y, M, N, K);
        assert_memory_equal(all, one, M * N * sizeof(real));
        arena_drop(&a);
    }
}

static void matmul_cut_between_blocks_of_k_has_the_same_bits(void **state) {
    (void)state;
    enum { M = 20, N = 40, K = 600, CUT = 512 /* chains are 256 steps long */ };
    for (size_t q = 0; q < COUNT(kernels); q++) {
        if (!matmul_choose(kernels[q])) continue;
        arena a = {0};
        matrix x, y;
        operands(&a, 0, M, N, K, &x, &y);
        real *whole = NEW_ARRAY(&a, M * N, real), *parts = NEW_ARRAY(&a, M * N, real);
        matmul(whole, N, MATMUL_SET, NULL, x, y, M, N, K);
        matmul(parts, N, MATMUL_SET, NULL, x, y, M, N, CUT);
        matmul(parts, N, MATMUL_ADD, NULL, (matrix){x.data + CUT, x.row, 1}, (matrix){y.data + CUT, y.row, y.col}, M, N, K - CUT);
        assert_memory_equal(whole, parts, M * N * sizeof(real));
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_agrees_with_sums_in_double),
        cmocka_unit_test(matmul_of_a_row_has_the_same_bits_alone_and_among_others),
        cmocka_unit_test(matmul_cut_between_blocks_of_k_has_the_same_bits),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    parallel_stop();
    return failed;
}
