/* head: the last linear layer and the cross-entropy, without ever holding all logits.
 * x [rows, dim]; W [vocab, dim]; target i32 [rows]; out 0: nll [rows] = logsumexp - logit of the target, in nats; out 1: the
 * logsumexp [rows]. A row whose target is at.ignore_index costs nothing: 0, 0, and no gradient. Learned rows are gathered
 * into blocks of BLOCK; a block's logits are the only ones there are at a time. Backward computes them anew and gives nll and
 * logsumexp, too: where a loss ends the pass, the graph leaves forward out, so that training computes each logit once. */
#include "ops/op.h"

#include "base/parallel.h"
#include "ops/vector.h"
#include "tensor/matmul.h"

enum { BLOCK = 512 };

static bool head_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[1].dim != c->in[0].dim) return fail(err, "weight is %s, x is %ld wide", shape_text(c->in[1].shape), c->in[0].dim);
    if (c->in[2].type != DTYPE_I32 || shape_values(c->in[2].shape) != c->in[0].rows) return fail(err, "targets are %s", shape_text(c->in[2].shape));
    c->out[0] = c->out[1] = tensor_of(DTYPE_REAL, shape_1(c->in[0].rows), NULL);
    *n_out = 2, *n_saved = 0;
    return true;
}

static long block_rows(const op_call *c) {
    return c->in[0].rows < BLOCK ? c->in[0].rows : BLOCK;
}

/* Scratch: row numbers [rows], gathered x and dx [block, dim], logits [block, vocab]. */
static size_t head_scratch(const op_call *c, op_pass pass) {
    (void)pass;
    return (size_t)(block_rows(c) * (2 * c->in[0].dim + c->in[1].rows)) * sizeof(real) + (size_t)c->in[0].rows * sizeof(long);
}

typedef struct head_block {
    op_call *c;
    const long *row; /* of x, for each row of the block */
    long n;
    real *x, *dx, *logits;
    bool backward;
} head_block;

/* Backward of an op that is not the pass's last has no outputs to give. */
static void put_row(op_call *c, long row, real nll, real logsumexp) {
    if (c->out[0].data != NULL) ((real *)c->out[0].data)[row] = nll;
    if (c->out[1].data != NULL) ((real *)c->out[1].data)[row] = logsumexp;
}

/* nll and logsumexp of one row; in backward its logits turn into (softmax - onehot) * dnll. */
CLONES static void head_row(void *context, long i) {
    const head_block *b = context;
    op_call *c = b->c;
    const long vocab = c->in[1].rows, row = b->row[i];
    const int32_t target = ((const int32_t *)c->in[2].data)[row];
    real *logit = b->logits + i * vocab, lane[LANES] = {0};
    const real most = largest(logit, vocab), wanted = logit[target];
    long j = 0;
    if (b->backward) {
        for (; j + LANES <= vocab; j += LANES)
            for (int k = 0; k < LANES; k++) lane[k] += logit[j + k] = exponential(logit[j + k] - most);
        for (int k = 0; j + k < vocab; k++) lane[k] += logit[j + k] = exponential(logit[j + k] - most);
    } else {
        for (; j + LANES <= vocab; j += LANES)
            for (int k = 0; k < LANES; k++) lane[k] += exponential(logit[j + k] - most);
        for (int k = 0; j + k < vocab; k++) lane[k] += exponential(logit[j + k] - most);
    }
    const real total = lanes_sum(lane), logsumexp = most + (real)log(total);
    put_row(c, row, logsumexp - wanted, logsumexp);
    if (!b->backward) return;
    const real gradient = ((const real *)c->dout[0].data)[row], factor = gradient / total;
    for (j = 0; j < vocab; j++) logit[j] *= factor;
    logit[target] -= gradient;
}

static void head_rows(op_call *c, bool backward) {
    const long rows = c->in[0].rows, dim = c->in[0].dim, vocab = c->in[1].rows, block = block_rows(c);
    const int32_t *target = c->in[2].data;
    long *learned = c->scratch, n = 0;
    head_block b = {.c = c, .x = (real *)(learned + rows), .backward = backward};
    b.dx = b.x + block * dim;
    b.logits = b.dx + block * dim;
    for (long row = 0; row < rows; row++) {
        if (target[row] != c->at.ignore_index) {
            learned[n++] = row;
            continue;
        }
        put_row(c, row, 0, 0);
        if (backward && c->din[0].data != NULL && !c->adds[0]) memset(tensor_row(c->din[0], row), 0, (size_t)dim * sizeof(element));
    }
    bool adds = c->adds[1];
    const matrix w = {c->in[1].data, c->in[1].stride, 1}, w_transposed = {c->in[1].data, 1, c->in[1].stride};
    for (long at = 0; at < n; at += block) {
        b.row = learned + at;
        b.n = n - at < block ? n - at : block;
        for (long i = 0; i < b.n; i++) memcpy(b.x + i * dim, tensor_row(c->in[0], b.row[i]), (size_t)dim * sizeof(real));
        matmul(b.logits, vocab, MATMUL_SET, NULL, (matrix){b.x, dim, 1}, w_transposed, b.n, vocab, dim);
        parallel_for(b.n, head_row, &b);
        if (!backward) continue;
        if (c->din[1].data != NULL)
            matmul(c->din[1].data, c->din[1].stride, adds ? MATMUL_ADD : MATMUL_SET, NULL, (matrix){b.logits, 1, vocab}, (matrix){b.x, dim, 1}, vocab, dim,
                   b.n);
        adds = true;
        if (c->din[0].data == NULL) continue;
        matmul(b.dx, dim, MATMUL_SET, NULL, (matrix){b.logits, vocab, 1}, w, b.n, dim, vocab);
        for (long i = 0; i < b.n; i++) {
            element *dx = tensor_row(c->din[0], b.row[i]);
            for (long j = 0; j < dim; j++) dx[j] = (c->adds[0] ? dx[j] : 0) + b.dx[i * dim + j];
        }
    }
    if (backward && !adds && c->din[1].data != NULL) memset(c->din[1].data, 0, tensor_bytes(c->din[1]));
}

static void head_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    head_rows(c, false);
}

static void head_backward(op_call *c, long first, long end) {
    (void)first, (void)end;
    head_rows(c, true);
}

const op op_head = {.name = "head",
                    .split = SPLIT_WHOLE,
                    .backward_reads = READS_ALL_IN,
                    .differentiable = 3,
                    .backward_is_forward = true,
                    .shape = head_shape,
                    .scratch = head_scratch,
                    .forward = head_forward,
                    .backward = head_backward};
