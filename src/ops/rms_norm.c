/* rms_norm: out = x * r * weight along the last axis, r = 1 / sqrt(mean(x²) + eps); r is saved.
 * x, out [rows, dim]; weight [dim]; r [rows]. Zhang and Sennrich 2019, arXiv:1910.07467. */
#include "ops/op.h"
#include "ops/vector.h"

static bool rms_norm_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[1].dim != c->in[0].dim) return fail(err, "weight has %ld values, x is %ld wide", c->in[1].dim, c->in[0].dim);
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    c->saved[0] = tensor_of(DTYPE_REAL, shape_1(c->in[0].rows), NULL);
    *n_out = 1, *n_saved = 1;
    return true;
}

CLONES static void rms_norm_forward(op_call *c, long first, long end) {
    const real *weight = c->in[1].data;
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row);
        element *out = tensor_row(c->out[0], row);
        const real r = ((real *)c->saved[0].data)[row] = 1 / REAL_SQRT(dot(x, x, dim) / dim + c->at.eps);
        for (long i = 0; i < dim; i++) out[i] = x[i] * r * weight[i];
    }
}

/* With g = dout * weight:  dx = r * (g - x * r² * mean(g * x)),  dweight = Σ over rows of dout * x * r. */
CLONES static void rms_norm_backward(op_call *c, long first, long end) {
    const real *weight = c->in[1].data, *saved = c->saved[0].data;
    real *dweight = sum_rows(c, 1, first);
    const long dim = c->in[0].dim;
    const bool wants_dx = c->din[0].data != NULL, adds = c->adds[0];
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row), *dout = tensor_row(c->dout[0], row);
        const real r = saved[row];
        if (wants_dx) {
            element *dx = tensor_row(c->din[0], row);
            real lane[LANES] = {0};
            long i = 0;
            for (; i + LANES <= dim; i += LANES)
                for (int j = 0; j < LANES; j++) lane[j] += dout[i + j] * weight[i + j] * x[i + j];
            for (int j = 0; i + j < dim; j++) lane[j] += dout[i + j] * weight[i + j] * x[i + j];
            const real k = r * r * lanes_sum(lane) / dim;
            for (i = 0; i < dim; i++) dx[i] = (adds ? dx[i] : 0) + r * (dout[i] * weight[i] - x[i] * k);
        }
        for (long i = 0; dweight != NULL && i < dim; i++) dweight[i] += dout[i] * x[i] * r;
    }
}

const op op_rms_norm = {.name = "rms_norm",
                        .split = SPLIT_ROWS,
                        .backward_reads = READS_IN(0) | READS_IN(1),
                        .sums_rows = 2,
                        .differentiable = 3,
                        .shape = rms_norm_shape,
                        .forward = rms_norm_forward,
                        .backward = rms_norm_backward};
