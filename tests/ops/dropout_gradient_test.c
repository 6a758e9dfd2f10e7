#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void dropout_gradient_uses_the_mask_of_forward(void **state) {
    (void)state;
    arena a = {0};
    assert_gradient(&(op_case){.op = &op_dropout,
                               .at = {.dropout = 0.3, .place = 4},
                               .n_in = 2,
                               .checks = 1,
                               .in = {case_real(&a, shape_2(5, 19), 1), case_longs(&a, 2, (int64_t[]){9, 2})}},
                    1e-6);
    arena_drop(&a);
}

static void dropout_drops_its_share_and_keeps_the_mean(void **state) {
    (void)state;
    arena a = {0};
    tensor x = case_real(&a, shape_2(100, 100), 1);
    for (long i = 0; i < 10000; i++) ((real *)x.data)[i] = 1;
    const op_call *c =
        case_forward(&a, &(op_case){.op = &op_dropout, .at = {.dropout = 0.25, .place = 1}, .n_in = 2, .in = {x, case_longs(&a, 2, (int64_t[]){1, 1})}});
    long dropped = 0;
    double sum = 0;
    for (long i = 0; i < 10000; i++) {
        const real y = ((const real *)c->out[0].data)[i];
        dropped += y == 0;
        sum += y;
    }
    assert_in_range(dropped, 2350, 2650);
    assert_true(sum > 9750 && sum < 10250);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_gradient_uses_the_mask_of_forward),
        cmocka_unit_test(dropout_drops_its_share_and_keeps_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
