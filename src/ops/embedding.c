/* embedding: out[row] = table[ids[row]]. ids i32 [rows]; table [n, dim]; out [rows, dim]. Ids are checked by whoever makes them. */
#include "ops/op.h"

#include "base/parallel.h"
#include "ops/vector.h"

enum { COLUMNS = 64 }; /* of one task of backward: each owns its columns of the table, and takes the rows in order */

static bool embedding_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[0].type != DTYPE_I32) return fail(err, "ids are %s, not i32", dtype_text(c->in[0].type));
    c->out[0] = tensor_of(DTYPE_REAL, shape_2(shape_values(c->in[0].shape), c->in[1].dim), NULL);
    *n_out = 1, *n_saved = 0;
    return true;
}

static void embedding_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    const int32_t *ids = c->in[0].data;
    for (long row = 0; row < c->out[0].rows; row++) memcpy(tensor_row(c->out[0], row), tensor_row(c->in[1], ids[row]), (size_t)c->out[0].dim * sizeof(element));
}

static void add_columns(void *context, long task) {
    const op_call *c = context;
    const int32_t *ids = c->in[0].data;
    const long from = task * COLUMNS, to = from + COLUMNS < c->in[1].dim ? from + COLUMNS : c->in[1].dim;
    for (long row = 0; !c->adds[1] && row < c->in[1].rows; row++) memset(tensor_row(c->din[1], row) + from, 0, (size_t)(to - from) * sizeof(real));
    for (long row = 0; row < c->dout[0].rows; row++) {
        const element *dout = tensor_row(c->dout[0], row);
        real *dtable = tensor_row(c->din[1], ids[row]);
        for (long i = from; i < to; i++) dtable[i] += dout[i];
    }
}

static void embedding_backward(op_call *c, long first, long end) {
    (void)first, (void)end;
    parallel_for((c->in[1].dim + COLUMNS - 1) / COLUMNS, add_columns, c);
}

const op op_embedding = {.name = "embedding",
                         .split = SPLIT_WHOLE,
                         .backward_reads = READS_IN(0),
                         .differentiable = 2,
                         .shape = embedding_shape,
                         .forward = embedding_forward,
                         .backward = embedding_backward};
