/* swiglu: out = gate * sigmoid(gate) * up. All [rows, dim]. Shazeer 2020, arXiv:2002.05202. */
#include "ops/op.h"
#include "ops/vector.h"

static bool swiglu_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (!shape_equal(c->in[0].shape, c->in[1].shape)) return fail(err, "gate is %s, up is %s", shape_text(c->in[0].shape), shape_text(c->in[1].shape));
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

CLONES static void swiglu_forward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++) {
        const element *gate = tensor_row(c->in[0], row), *up = tensor_row(c->in[1], row);
        element *out = tensor_row(c->out[0], row);
        for (long i = 0; i < dim; i++) out[i] = gate[i] * sigmoid(gate[i]) * up[i];
    }
}

CLONES static void swiglu_backward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++)
        for (long at = 0; at < dim; at += BLOCK_VALUES) {
            const element *gate = tensor_row(c->in[0], row) + at, *up = tensor_row(c->in[1], row) + at, *dout = tensor_row(c->dout[0], row) + at;
            const long n = dim - at < BLOCK_VALUES ? dim - at : BLOCK_VALUES;
            real dgate[BLOCK_VALUES], dup[BLOCK_VALUES];
            for (long i = 0; i < n; i++) {
                const real s = sigmoid(gate[i]);
                dgate[i] = dout[i] * up[i] * s * (1 + gate[i] * sigmoid(-gate[i])); /* 1 - s would cancel */
                dup[i] = dout[i] * gate[i] * s;
            }
            if (c->din[0].data != NULL) gradient_put(tensor_row(c->din[0], row) + at, dgate, n, c->adds[0]);
            if (c->din[1].data != NULL) gradient_put(tensor_row(c->din[1], row) + at, dup, n, c->adds[1]);
        }
}

const op op_swiglu = {.name = "swiglu",
                      .split = SPLIT_ROWS,
                      .backward_reads = READS_IN(0) | READS_IN(1),
                      .differentiable = 3,
                      .shape = swiglu_shape,
                      .forward = swiglu_forward,
                      .backward = swiglu_backward};
