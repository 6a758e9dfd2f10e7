#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void swiglu_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    static const long shapes[][2] = {{1, 1}, {3, 5}, {2, 17}, {7, 64}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        arena a = {0};
        const shape s = shape_2(shapes[i][0], shapes[i][1]);
        assert_gradient(&(op_case){.op = &op_swiglu, .at = {.eps = 1e-5}, .n_in = 2, .in = {case_real(&a, s, 1), case_real(&a, s, 2)}, .checks = 3}, 1e-6);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swiglu_gradient_agrees_with_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
