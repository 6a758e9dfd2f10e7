/* rope: rotates pairs (i, i + head_dim/2) of each head by the angle of the row (Su et al. 2021, arXiv:2104.09864, in the
 * half-and-half order of Hugging Face files). x, out [rows, n_head * head_dim]; cos, sin [rows, head_dim / 2]. */
#include "ops/op.h"
#include "ops/vector.h"

static bool rope_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[0].dim % c->at.head_dim != 0 || c->at.head_dim % 2 != 0) return fail(err, "x is %ld wide, heads %ld", c->in[0].dim, c->at.head_dim);
    if (c->in[1].dim != c->at.head_dim / 2 || c->in[1].rows != c->in[0].rows || !shape_equal(c->in[1].shape, c->in[2].shape))
        return fail(err, "cos is %s for x %s", shape_text(c->in[1].shape), shape_text(c->in[0].shape));
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

/* turn: 1 forward, -1 backward (the transpose of a rotation). */
INLINE void rotate(const op_call *c, long row, const element *x, element *out, real turn, bool adds) {
    const long half = c->at.head_dim / 2;
    const real *cosine = tensor_row(c->in[1], row), *sine = tensor_row(c->in[2], row);
    for (long h = 0; h < c->in[0].dim; h += 2 * half)
        for (long i = 0; i < half; i++) {
            const real a = x[h + i], b = x[h + half + i], s = turn * sine[i];
            out[h + i] = (adds ? out[h + i] : 0) + a * cosine[i] - b * s;
            out[h + half + i] = (adds ? out[h + half + i] : 0) + b * cosine[i] + a * s;
        }
}

CLONES static void rope_forward(op_call *c, long first, long end) {
    for (long row = first; row < end; row++) rotate(c, row, tensor_row(c->in[0], row), tensor_row(c->out[0], row), 1, false);
}

CLONES static void rope_backward(op_call *c, long first, long end) {
    for (long row = first; row < end; row++) rotate(c, row, tensor_row(c->dout[0], row), tensor_row(c->din[0], row), -1, c->adds[0]);
}

const op op_rope = {.name = "rope",
                    .split = SPLIT_ROWS,
                    .backward_reads = READS_IN(1) | READS_IN(2),
                    .differentiable = 1,
                    .shape = rope_shape,
                    .forward = rope_forward,
                    .backward = rope_backward};
