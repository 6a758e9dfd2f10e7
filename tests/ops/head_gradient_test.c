#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void head_gradient_agrees_with_finite_differences(void **state) {
    (void)state;
    arena a = {0};
    assert_gradient(&(op_case){.op = &op_head,
                               .at = {.ignore_index = -100},
                               .n_in = 3,
                               .checks = 3,
                               .in = {case_real(&a, shape_2(5, 7), 1), case_real(&a, shape_2(19, 7), 2), case_ints(&a, 5, (int32_t[]){3, -100, 18, 0, -100})}},
                    1e-6);
    assert_gradient(&(op_case){.op = &op_head,
                               .at = {.ignore_index = -100},
                               .n_in = 3,
                               .checks = 3,
                               .in = {case_real(&a, shape_2(2, 3), 1), case_real(&a, shape_2(5, 3), 2), case_ints(&a, 2, (int32_t[]){-100, -100})}},
                    1e-6);
    arena_drop(&a);
}

static void head_backward_gives_what_forward_gives(void **state) {
    (void)state;
    arena a = {0};
    const op_case c = {
        .op = &op_head,
        .at = {.ignore_index = -100},
        .n_in = 3,
        .in = {case_real(&a, shape_2(700, 9), 1), case_real(&a, shape_2(33, 9), 2), tensor_of(DTYPE_I32, shape_1(700), NEW_ARRAY(&a, 700, int32_t))}};
    for (int i = 0; i < 700; i++) ((int32_t *)c.in[2].data)[i] = i % 5 == 0 ? -100 : i % 33; /* more learned rows than one block */
    op_call *call = case_forward(&a, &c);
    real forward[2][700];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 700; i++) forward[k][i] = ((real *)call->out[k].data)[i], ((real *)call->out[k].data)[i] = 7;
    call->dout[0] = case_real(&a, shape_1(700), 3);
    op_run(call, PASS_BACKWARD);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 700; i++) assert_true(forward[k][i] == ((real *)call->out[k].data)[i]);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_gradient_agrees_with_finite_differences),
        cmocka_unit_test(head_backward_gives_what_forward_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
