/* gelu: out = x/2 * (1 + tanh(√(2/π) * (x + 0.044715 x³))), the tanh form ("gelu_new"), written as x * sigmoid(2u).
 * x, out [rows, dim]. Hendrycks and Gimpel 2016, arXiv:1606.08415. */
#include "ops/op.h"
#include "ops/vector.h"

#define TWICE_ROOT ((real)1.5957691216057308) /* 2 * sqrt(2 / pi) */
#define CUBIC ((real)0.044715)

static bool gelu_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    (void)err;
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

CLONES static void gelu_forward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row);
        element *out = tensor_row(c->out[0], row);
        for (long i = 0; i < dim; i++) out[i] = x[i] * sigmoid(TWICE_ROOT * (x[i] + CUBIC * x[i] * x[i] * x[i]));
    }
}

/* d/dx x * s(w(x)) = s + x * s * (1 - s) * w'(x) */
CLONES static void gelu_backward(op_call *c, long first, long end) {
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++)
        for (long at = 0; at < dim; at += BLOCK_VALUES) {
            const element *x = tensor_row(c->in[0], row) + at, *dout = tensor_row(c->dout[0], row) + at;
            const long n = dim - at < BLOCK_VALUES ? dim - at : BLOCK_VALUES;
            real dx[BLOCK_VALUES];
            for (long i = 0; i < n; i++) {
                const real w = TWICE_ROOT * (x[i] + CUBIC * x[i] * x[i] * x[i]);
                dx[i] = dout[i] * sigmoid(w) * (1 + x[i] * sigmoid(-w) * TWICE_ROOT * (1 + 3 * CUBIC * x[i] * x[i])); /* 1 - s would cancel */
            }
            gradient_put(tensor_row(c->din[0], row) + at, dx, n, c->adds[0]);
        }
}

const op op_gelu = {.name = "gelu",
                    .split = SPLIT_ROWS,
                    .backward_reads = READS_IN(0),
                    .differentiable = 1,
                    .shape = gelu_shape,
                    .forward = gelu_forward,
                    .backward = gelu_backward};
