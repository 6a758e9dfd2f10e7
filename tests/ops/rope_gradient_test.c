#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void rope_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    static const long shapes[][3] = {{1, 1, 2}, {3, 2, 6}, {5, 3, 16}}; /* rows, heads, width of a head */
    for (size_t i = 0; i < COUNT(shapes); i++) {
        arena a = {0};
        const long rows = shapes[i][0], heads = shapes[i][1], width = shapes[i][2];
        assert_gradient(&(op_case){.op = &op_rope,
                                   .at = {.head_dim = width},
                                   .n_in = 3,
                                   .checks = 1,
                                   .in = {case_real(&a, shape_2(rows, heads * width), 1), case_real(&a, shape_2(rows, width / 2), 2),
                                          case_real(&a, shape_2(rows, width / 2), 3)}},
                        1e-6);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_gradient_agrees_with_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
