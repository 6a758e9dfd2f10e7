#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void embedding_gradient_adds_up_repeated_ids(void **state) {
    (void)state;
    arena a = {0};
    assert_gradient(
        &(op_case){.op = &op_embedding, .n_in = 2, .checks = 2, .in = {case_ints(&a, 6, (int32_t[]){3, 0, 3, 3, 1, 0}), case_real(&a, shape_2(5, 70), 1)}},
        1e-6);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_gradient_adds_up_repeated_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
