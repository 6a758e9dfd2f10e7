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
    const bool adds_gate = c->adds[0], adds_up = c->adds[1];
    for (long row = first; row < end; row++) {
        const element *gate = tensor_row(c->in[0], row), *up = tensor_row(c->in[1], row), *dout = tensor_row(c->dout[0], row);
        element *dgate = c->din[0].data != NULL ? tensor_row(c->din[0], row) : NULL, *dup = c->din[1].data != NULL ? tensor_row(c->din[1], row) : NULL;
        if (dgate != NULL)
            for (long i = 0; i < dim; i++) {
                const real s = sigmoid(gate[i]);
                dgate[i] = (adds_gate ? dgate[i] : 0) + dout[i] * up[i] * s * (1 + gate[i] * (1 - s));
            }
        if (dup != NULL)
            for (long i = 0; i < dim; i++) dup[i] = (adds_up ? dup[i] : 0) + dout[i] * gate[i] * sigmoid(gate[i]);
    }
}

const op op_swiglu = {.name = "swiglu",
                      .split = SPLIT_ROWS,
                      .backward_reads = READS_IN(0) | READS_IN(1),
                      .differentiable = 3,
                      .shape = swiglu_shape,
                      .forward = swiglu_forward,
                      .backward = swiglu_backward};
