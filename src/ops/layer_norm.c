/* layer_norm: out = (x - mean) * r * weight + bias along the last axis, r = 1 / sqrt(variance + eps); mean and r are saved.
 * x, out [rows, dim]; weight, bias [dim]. Ba, Kiros and Hinton 2016, arXiv:1607.06450. */
#include "ops/op.h"
#include "ops/vector.h"

static bool layer_norm_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    for (int k = 1; k <= 2; k++)
        if (c->in[k].dim != c->in[0].dim) return fail(err, "%s has %ld values, x is %ld wide", k == 1 ? "weight" : "bias", c->in[k].dim, c->in[0].dim);
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    c->saved[0] = c->saved[1] = tensor_of(DTYPE_REAL, shape_1(c->in[0].rows), NULL);
    *n_out = 1, *n_saved = 2;
    return true;
}

CLONES static void layer_norm_forward(op_call *c, long first, long end) {
    const real *weight = c->in[1].data, *bias = c->in[2].data;
    const long dim = c->in[0].dim;
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row);
        element *out = tensor_row(c->out[0], row);
        const real mean = sum(x, dim) / dim;
        for (long i = 0; i < dim; i++) out[i] = x[i] - mean;
        const real r = 1 / REAL_SQRT(dot(out, out, dim) / dim + c->at.eps);
        for (long i = 0; i < dim; i++) out[i] = out[i] * r * weight[i] + bias[i];
        ((real *)c->saved[0].data)[row] = mean;
        ((real *)c->saved[1].data)[row] = r;
    }
}

/* With z = (x - mean) * r and g = dout * weight:  dx = r * (g - mean(g) - z * mean(g * z)). */
CLONES static void layer_norm_backward(op_call *c, long first, long end) {
    const real *weight = c->in[1].data;
    real *dweight = sum_rows(c, 1, first), *dbias = sum_rows(c, 2, first);
    const long dim = c->in[0].dim;
    const bool wants_dx = c->din[0].data != NULL, adds = c->adds[0];
    for (long row = first; row < end; row++) {
        const element *x = tensor_row(c->in[0], row), *dout = tensor_row(c->dout[0], row);
        const real mean = ((real *)c->saved[0].data)[row], r = ((real *)c->saved[1].data)[row];
        if (wants_dx) {
            element *dx = tensor_row(c->din[0], row);
            real g_lane[LANES] = {0}, gz_lane[LANES] = {0};
            long i = 0;
            for (; i + LANES <= dim; i += LANES)
                for (int j = 0; j < LANES; j++) {
                    const real g = dout[i + j] * weight[i + j];
                    g_lane[j] += g;
                    gz_lane[j] += g * ((x[i + j] - mean) * r);
                }
            for (int j = 0; i + j < dim; j++) {
                const real g = dout[i + j] * weight[i + j];
                g_lane[j] += g;
                gz_lane[j] += g * ((x[i + j] - mean) * r);
            }
            const real mean_g = lanes_sum(g_lane) / dim, mean_gz = lanes_sum(gz_lane) / dim;
            for (i = 0; i < dim; i++) dx[i] = (adds ? dx[i] : 0) + r * (dout[i] * weight[i] - mean_g - (x[i] - mean) * r * mean_gz);
        }
        for (long i = 0; dweight != NULL && i < dim; i++) dweight[i] += dout[i] * ((x[i] - mean) * r);
        for (long i = 0; dbias != NULL && i < dim; i++) dbias[i] += dout[i];
    }
}

const op op_layer_norm = {.name = "layer_norm",
                          .split = SPLIT_ROWS,
                          .backward_reads = READS_IN(0) | READS_IN(1),
                          .sums_rows = 6,
                          .differentiable = 7,
                          .shape = layer_norm_shape,
                          .forward = layer_norm_forward,
                          .backward = layer_norm_backward};
