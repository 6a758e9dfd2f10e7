#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void attention_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    /* rows, heads, key heads, width of a head, rows of the first document */
    static const long cases[][5] = {{1, 1, 1, 2, 1}, {5, 2, 1, 4, 3}, {9, 4, 2, 3, 4}, {70, 2, 2, 2, 69}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        const long rows = cases[i][0], heads = cases[i][1], key_heads = cases[i][2], width = cases[i][3];
        int32_t first[70];
        for (long r = 0; r < rows; r++) first[r] = r < cases[i][4] ? 0 : (int32_t)cases[i][4];
        assert_gradient(&(op_case){.op = &op_attention,
                                   .at = {.n_head = (int)heads, .n_kv_head = (int)key_heads, .head_dim = width, .scale = 0.7},
                                   .n_in = 4,
                                   .checks = 7,
                                   .in = {case_real(&a, shape_2(rows, heads * width), 1), case_real(&a, shape_2(rows, key_heads * width), 2),
                                          case_real(&a, shape_2(rows, key_heads * width), 3), case_ints(&a, rows, first)}},
                        1e-6);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_gradient_agrees_with_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
