/* dropout: out = x / (1 - p) or 0 with probability p (Srivastava et al. 2014). x, out [rows, dim]; seed i64 [2]: the run's
 * seed and the number of the micro-batch. Whether an element stays is a function of both, of the op's place and of the
 * element's index, so backward asks again instead of remembering. */
#include "ops/dropout.h"

#include "base/random.h"
#include "ops/vector.h"

void dropout_row(const int64_t *seed, int64_t place, real p, long row, long dim, const real *in, real *out, bool adds) {
    const uint32_t bound = (uint32_t)(p * 4294967296.0);
    const real keep = 1 / (1 - p);
    const uint64_t high = (uint64_t)seed[1] << 20 ^ (uint64_t)place;
    for (long i = 0; i < dim; i += 4) {
        uint32_t word[4];
        philox((uint64_t)seed[0], high, (uint64_t)row << 24 | (uint64_t)(i / 4), word);
        for (long j = 0; j < 4 && i + j < dim; j++) out[i + j] = (adds ? out[i + j] : 0) + (word[j] >= bound ? in[i + j] * keep : 0);
    }
}

static bool dropout_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (!(c->at.dropout >= 0 && c->at.dropout < 1)) return fail(err, "dropout %g is not in [0, 1)", (double)c->at.dropout);
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

static void dropout_forward(op_call *c, long first, long end) {
    for (long row = first; row < end; row++)
        dropout_row(c->in[1].data, c->at.place, c->at.dropout, row, c->in[0].dim, tensor_row(c->in[0], row), tensor_row(c->out[0], row), false);
}

static void dropout_backward(op_call *c, long first, long end) {
    for (long row = first; row < end; row++)
        dropout_row(c->in[1].data, c->at.place, c->at.dropout, row, c->in[0].dim, tensor_row(c->dout[0], row), tensor_row(c->din[0], row), c->adds[0]);
}

const op op_dropout = {.name = "dropout",
                       .split = SPLIT_ROWS,
                       .backward_reads = READS_IN(1),
                       .differentiable = 1,
                       .shape = dropout_shape,
                       .forward = dropout_forward,
                       .backward = dropout_backward};
