#include "eval/compare.h"

#include "base/arena.h"

#include <math.h>

double student_t_975(size_t freedom) {
    static const double few[] = {0, 12.7062, 4.3027, 3.1824, 2.7764}; /* where the expansion is not close enough yet */
    if (freedom < COUNT(few)) return few[freedom];
    /* Abramowitz and Stegun 1964, 26.7.5: the quantile of the normal distribution, and terms in 1 / freedom */
    const double z = 1.959963984540054, v = (double)freedom, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
    return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v) +
           (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * v * v * v * v);
}

comparison compare_paired(const double *a, const double *b, size_t n) {
    comparison c = {.n = n, .mean = NAN, .low = NAN, .high = NAN};
    if (n == 0) return c;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] - b[i];
    c.mean = sum / (double)n;
    if (n < 2) return c;
    for (size_t i = 0; i < n; i++) squares += (a[i] - b[i] - c.mean) * (a[i] - b[i] - c.mean);
    const double half = student_t_975(n - 1) * sqrt(squares / (double)(n - 1) / (double)n);
    c.low = c.mean - half;
    c.high = c.mean + half;
    c.excludes_zero = c.low > 0 || c.high < 0;
    return c;
}
