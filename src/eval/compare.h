/* eval/compare.h: is the difference between two models real? The same items scored by both, pair by pair. */
#ifndef SOCLE_EVAL_COMPARE_H
#define SOCLE_EVAL_COMPARE_H
#include <stdbool.h>
#include <stddef.h>

/* Of the differences a[i] - b[i]: their mean and its 95% interval by Student's t, mean ± t(0.975, n-1) * s / sqrt(n), with s
 * the sample standard deviation (n-1). Fewer than 2 items have no interval: low and high are NaN and excludes_zero is false. */
typedef struct comparison {
    size_t n;
    double mean, low, high;
    bool excludes_zero;
} comparison;
comparison compare_paired(const double *a, const double *b, size_t n);

/* The 0.975 quantile of Student's t with `freedom` degrees of freedom (>= 1), within 0.001. */
double student_t_975(size_t freedom);

#endif
