/* select_rows: out[i] = x[rows[i]]. x [n, dim]; rows i32 [m]; out [m, dim]. For passes that need logits of few rows. */
#include "ops/op.h"
#include "ops/vector.h"

static bool select_rows_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[1].type != DTYPE_I32) return fail(err, "row numbers are %s, not i32", dtype_text(c->in[1].type));
    c->out[0] = tensor_of(DTYPE_REAL, shape_2(shape_values(c->in[1].shape), c->in[0].dim), NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

static void select_rows_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    const int32_t *rows = c->in[1].data;
    for (long i = 0; i < c->out[0].rows; i++) memcpy(tensor_row(c->out[0], i), tensor_row(c->in[0], rows[i]), (size_t)c->out[0].dim * sizeof(element));
}

const op op_select_rows = {.name = "select_rows", .split = SPLIT_WHOLE, .shape = select_rows_shape, .forward = select_rows_forward};
