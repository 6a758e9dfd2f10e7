#include "eval/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void quantiles_agree_with_printed_tables(void **state) {
    /* columns t(0.975) of any statistics book */
    static const struct {
        size_t freedom;
        double t;
    } rows[] = {{1, 12.706}, {2, 4.303}, {3, 3.182}, {4, 2.776}, {5, 2.571}, {10, 2.228}, {30, 2.042}, {120, 1.980}, {100000, 1.960}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_true(fabs(student_t_975(rows[i].freedom) - rows[i].t) < 1.5e-3);
}

static void interval_is_that_of_the_paired_t_test(void **state) {
    /* differences 1 2 3 4 5: mean 3, s = sqrt(2.5), standard error sqrt(0.5), t(0.975, 4) = 2.7764 */
    const double a[] = {2, 4, 6, 8, 10}, b[] = {1, 2, 3, 4, 5};
    const comparison c = compare_paired(a, b, 5);
    assert_true(fabs(c.mean - 3) < 1e-12);
    assert_true(fabs(c.low - (3 - 2.7764 * sqrt(0.5))) < 1e-3);
    assert_true(fabs(c.high - (3 + 2.7764 * sqrt(0.5))) < 1e-3);
    assert_true(c.excludes_zero);
    assert_true(fabs(compare_paired(b, a, 5).mean + 3) < 1e-12);
    assert_true(compare_paired(b, a, 5).excludes_zero);
}

static void noise_around_nothing_includes_zero(void **state) {
    const double a[] = {1, -1, 2, -2, 0.5}, b[] = {0, 0, 0, 0, 0};
    assert_false(compare_paired(a, b, 5).excludes_zero);
}

static void one_item_has_no_interval(void **state) {
    const double a[] = {1}, b[] = {3};
    const comparison c = compare_paired(a, b, 1);
    assert_true(c.mean == -2);
    assert_true(isnan(c.low) && isnan(c.high));
    assert_false(c.excludes_zero);
    assert_true(isnan(compare_paired(a, b, 0).mean));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_agree_with_printed_tables),
        cmocka_unit_test(interval_is_that_of_the_paired_t_test),
        cmocka_unit_test(noise_around_nothing_includes_zero),
        cmocka_unit_test(one_item_has_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
