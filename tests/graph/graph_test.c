#include "graph/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, DIM = 5 };

static tensor filled(arena *a, shape s, real first) {
    real *x = NEW_ARRAY(a, shape_values(s), real);
    for (long i = 0; i < shape_values(s); i++) x[i] = first + (real)i / 8;
    return tensor_of(DTYPE_REAL, s, x);
}

static void *memory_for(arena *a, const plan *p) {
    return (void *)(((uintptr_t)arena_alloc(a, plan_bytes(p) + 64) + 63) & ~(uintptr_t)63);
}

static void record_runs_ops_in_order_and_again_with_other_contents(void **state) {
    (void)state;
    arena a = {0};
    error err = {0};
    tensor x = filled(&a, shape_2(ROWS, DIM), 1), y = filled(&a, shape_2(ROWS, DIM), 2);
    record *r = record_new(&a);
    const value in[] = {record_outside(r, &x), record_outside(r, &y)};
    const value sum = record_op(r, &op_add, NULL, in, 2, &err), twice = record_op(r, &op_add, NULL, (value[]){sum, sum}, 2, &err);
    record_keep(r, twice);
    plan *p = plan_new(&a, r, &err);
    void *memory = memory_for(&a, p);
    for (int run = 0; run < 2; run++) {
        plan_run(p, memory);
        const real *out = plan_tensor(p, twice, memory).data, *xs = x.data, *ys = y.data;
        for (int i = 0; i < ROWS * DIM; i++) assert_true(out[i] == 2 * (xs[i] + ys[i]));
        x = filled(&a, shape_2(ROWS, DIM), -7); /* the record reads the tensor anew */
    }
    arena_drop(&a);
}

/* loss = Σ g * (x + x) + ...: x is used three times, so its gradient is set once and added to twice. */
static void record_gradients_of_shared_inputs_add_up(void **state) {
    (void)state;
    for (int adds = 0; adds < 2; adds++) {
        arena a = {0};
        error err = {0};
        tensor x = filled(&a, shape_2(ROWS, DIM), 1), g = filled(&a, shape_2(ROWS, DIM), 3), dx = filled(&a, shape_2(ROWS, DIM), 100);
        record *r = record_new(&a);
        const value vx = record_outside(r, &x), vg = record_outside(r, &g);
        assert_int_equal(record_outside(r, &x), vx);
        const value two = record_op(r, &op_add, NULL, (value[]){vx, vx}, 2, &err), three = record_op(r, &op_add, NULL, (value[]){two, vx}, 2, &err);
        record_want(r, vx, &dx, adds);
        assert_true(record_differentiate(r, three, vg, &err));
        plan *p = plan_new(&a, r, &err);
        plan_run(p, memory_for(&a, p));
        for (int i = 0; i < ROWS * DIM; i++) assert_true(((real *)dx.data)[i] == 3 * ((real *)g.data)[i] + (adds ? 100 + (real)i / 8 : 0));
        arena_drop(&a);
    }
}

static void record_of_what_nobody_wants_has_no_backward(void **state) {
    (void)state;
    arena a = {0};
    error err = {0};
    tensor x = filled(&a, shape_2(ROWS, DIM), 1), g = x;
    record *r = record_new(&a);
    const value v = record_outside(r, &x), out = record_op(r, &op_gelu, NULL, &v, 1, &err);
    assert_false(record_differentiate(r, out, record_outside(r, &g), &err));
    assert_non_null(strstr(err.text, "gradient"));
    arena_drop(&a);
}

static void record_says_where_shapes_do_not_fit(void **state) {
    (void)state;
    arena a = {0};
    error err = {0};
    tensor x = filled(&a, shape_2(ROWS, DIM), 1), y = filled(&a, shape_2(ROWS, DIM + 1), 1);
    record *r = record_new(&a);
    record_mark(r, "layer", 4);
    assert_int_equal(record_op(r, &op_add, NULL, (value[]){record_outside(r, &x), record_outside(r, &y)}, 2, &err), NO_VALUE);
    assert_string_equal(err.text, "layer 4: add: adding [3, 5] and [3, 6]");
    arena_drop(&a);
}

static void plan_gives_memory_back_to_later_values(void **state) {
    (void)state;
    arena a = {0};
    error err = {0};
    tensor x = tensor_of(DTYPE_REAL, shape_2(64, 1024), NULL); /* planning needs no memory */
    record *r = record_new(&a);
    value v = record_outside(r, &x);
    for (int i = 0; i < 100; i++) v = record_op(r, &op_gelu, NULL, &v, 1, &err);
    const plan *p = plan_new(&a, r, &err);
    assert_in_range(plan_bytes(p), 1, 2 * 64 * 1024 * sizeof(real));
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_runs_ops_in_order_and_again_with_other_contents),
        cmocka_unit_test(record_gradients_of_shared_inputs_add_up),
        cmocka_unit_test(record_of_what_nobody_wants_has_no_backward),
        cmocka_unit_test(record_says_where_shapes_do_not_fit),
        cmocka_unit_test(plan_gives_memory_back_to_later_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
