/* add: out = x + y, the residual. All [rows, dim]. */
#include "ops/op.h"
#include "ops/vector.h"

static bool add_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (!shape_equal(c->in[0].shape, c->in[1].shape)) return fail(err, "adding %s and %s", shape_text(c->in[0].shape), shape_text(c->in[1].shape));
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

CLONES static void add_forward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row), *y = tensor_row(c->in[1], row);
        element *out = tensor_row(c->out[0], row);
        for (long i = 0; i < dim; i++) out[i] = x[i] + y[i];
    }
}

CLONES static void add_backward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (int k = 0; k < 2; k++)
        for (long row = first; c->din[k].data != NULL && row < end; row++) {
            const element *dout = tensor_row(c->dout[0], row);
            element *dx = tensor_row(c->din[k], row);
            if (c->adds[k])
                for (long i = 0; i < dim; i++) dx[i] += dout[i];
            else memcpy(dx, dout, (size_t)dim * sizeof *dx);
        }
}

const op op_add = {.name = "add", .split = SPLIT_ROWS, .differentiable = 3, .shape = add_shape, .forward = add_forward, .backward = add_backward};
