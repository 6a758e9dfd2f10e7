#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void linear_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    arena a = {0};
    assert_gradient(&(op_case){.op = &op_linear,
                               .at = {.n_weight = 1, .module = {-1}},
                               .n_in = 2,
                               .checks = 3,
                               .in = {case_real(&a, shape_2(5, 7), 1), case_real(&a, shape_2(9, 7), 2)}},
                    1e-6);
    assert_gradient(&(op_case){.op = &op_linear,
                               .at = {.n_weight = 3, .has_bias = {true, false, true}, .module = {-1, -1, -1}},
                               .n_in = 6,
                               .checks = 63,
                               .in = {case_real(&a, shape_2(13, 6), 1), case_real(&a, shape_2(4, 6), 2), case_real(&a, shape_2(2, 6), 3),
                                      case_real(&a, shape_2(35, 6), 4), case_real(&a, shape_1(4), 5), case_real(&a, shape_1(35), 6)}},
                    1e-6);
    arena_drop(&a);
}

/* Two weights of one module (as GPT-2's c_attn), a third of another, rows of three tenants and of none. */
static op_case adapters(arena *a, double dropout) {
    op_case c = {.op = &op_linear, .at = {.n_weight = 3, .n_module = 2, .module = {0, 1, 0}, .module_row = {0, 0, 4}, .dropout = dropout, .place = 3}};
    tensor in[] = {case_real(a, shape_2(8, 6), 1),
                   case_real(a, shape_2(4, 6), 2),
                   case_real(a, shape_2(3, 6), 3),
                   case_real(a, shape_2(5, 6), 4),
                   case_ints(a, 8, (int32_t[]){0, 0, 2, -1, 1, 1, 0, 2}),
                   case_longs(a, 2, (int64_t[]){5, 6}),
                   case_real(a, shape_3(3, 2, 6), 5),
                   case_real(a, shape_3(3, 9, 2), 6),
                   case_real(a, shape_1(3), 7),
                   case_ints(a, 3, (int32_t[]){2, 1, 0}),
                   case_real(a, shape_3(3, 3, 6), 8),
                   case_real(a, shape_3(3, 3, 3), 9),
                   case_real(a, shape_1(3), 10),
                   case_ints(a, 3, (int32_t[]){3, 0, 2})};
    for (size_t i = 0; i < COUNT(in); i++)
        if (i != 5 || dropout > 0) c.in[c.n_in++] = in[i];
    const int first = dropout > 0 ? 6 : 5;
    c.checks = 15u | 3u << first | 3u << (first + 4);
    return c;
}

static void linear_gradient_of_adapters_agrees_with_finite_differences(void **state) {
    (void)state;
    arena a = {0};
    const op_case c = adapters(&a, 0);
    assert_gradient(&c, 1e-6);
    arena_drop(&a);
}

static void linear_gradient_of_dropped_adapters_agrees_with_finite_differences(void **state) {
    (void)state;
    arena a = {0};
    const op_case c = adapters(&a, 0.4);
    assert_gradient(&c, 1e-6);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_gradient_agrees_with_finite_differences),
        cmocka_unit_test(linear_gradient_of_adapters_agrees_with_finite_differences),
        cmocka_unit_test(linear_gradient_of_dropped_adapters_agrees_with_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
