/* linear: where weights and the adapters of every tenant meet. For the weights that read one input:
 *     out_k = x · W_kᵀ + bias_k + scale * (x · Aᵀ) · B_kᵀ,   A, B, scale those of the adapter slot of the row.
 * Inputs, in this order: x [rows, in]; W_0.. W_{n_weight-1} [out_k, in]; the biases [out_k] of those that have one; and where
 * n_module > 0: slot i32 [rows] (-1: no adapter); seed i64 [2] where at.dropout > 0; for each module A [slots, rank, in],
 * B [slots, out of the module, rank], scale [slots], rank i32 [slots] (0: this slot leaves the module alone).
 * A module is what PEFT adapts: one weight, or the parts of a fused one (rows module_row[k].. of B are weight k's).
 * Rows of one slot that follow each other are one segment; slots in no segment cost nothing, nor do their gradients.
 * Hu et al. 2021, arXiv:2106.09685. */
#include "ops/dropout.h"
#include "ops/vector.h"

#include "base/parallel.h"
#include "tensor/matmul.h"

typedef struct module {
    const tensor *a, *b, *scale, *rank;
    tensor *da, *db; /* data NULL: not wanted */
    bool a_adds, b_adds;
} module;

static int bias_input(const op_call *c, int weight) {
    int at = 1 + c->at.n_weight;
    for (int k = 0; k < weight; k++) at += c->at.has_bias[k];
    return c->at.has_bias[weight] ? at : -1;
}

static int slot_input(const op_call *c) {
    int at = 1 + c->at.n_weight;
    for (int k = 0; k < c->at.n_weight; k++) at += c->at.has_bias[k];
    return at;
}

static int module_input(const op_call *c, int m) {
    return slot_input(c) + 1 + (c->at.dropout > 0) + 4 * m;
}

static module module_of(op_call *c, int m) {
    const int at = module_input(c, m);
    return (module){&c->in[at], &c->in[at + 1], &c->in[at + 2], &c->in[at + 3], &c->din[at], &c->din[at + 1], c->adds[at], c->adds[at + 1]};
}

static bool linear_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    const long in = c->in[0].dim;
    const int want = c->at.n_module > 0 ? module_input(c, c->at.n_module) : slot_input(c);
    if (c->n_in != want) return fail(err, "linear of %d weights and %d modules wants %d inputs, not %d", c->at.n_weight, c->at.n_module, want, c->n_in);
    for (int k = 0; k < c->at.n_weight; k++) {
        const tensor w = c->in[1 + k];
        const int bias = bias_input(c, k);
        if (w.dim != in) return fail(err, "weight %d is %s, x is %ld wide", k, shape_text(w.shape), in);
        if (bias >= 0 && c->in[bias].dim != w.rows) return fail(err, "bias %d is %s, its weight %s", k, shape_text(c->in[bias].shape), shape_text(w.shape));
        if (c->at.module[k] >= c->at.n_module) return fail(err, "weight %d names module %d of %d", k, c->at.module[k], c->at.n_module);
        c->out[k] = tensor_of(DTYPE_REAL, shape_2(c->in[0].rows, w.rows), NULL);
    }
    for (int m = 0; m < c->at.n_module; m++) {
        const module mod = module_of(c, m);
        if (mod.a->shape.n != 3 || mod.b->shape.n != 3 || mod.a->dim != in || mod.b->dim != mod.a->shape.dim[1] || mod.a->shape.dim[0] != mod.b->shape.dim[0])
            return fail(err, "adapter module %d: A is %s, B is %s, x is %ld wide", m, shape_text(mod.a->shape), shape_text(mod.b->shape), in);
    }
    *n_out = c->at.n_weight, *n_saved = 0;
    return true;
}

/* Scratch: for each row t = x · Aᵀ and dt, of the widest rank, and where adapters drop inputs a row of x and one of dx. */
static long rank_most(const op_call *c) {
    long most = 0;
    for (int m = 0; m < c->at.n_module; m++) {
        const long rank = c->in[module_input(c, m) + 1].dim;
        if (rank > most) most = rank;
    }
    return most;
}

static size_t linear_scratch(const op_call *c, op_pass pass) {
    if (c->at.n_module == 0) return 0;
    const long wide = rank_most(c) * (pass == PASS_BACKWARD ? 2 : 1) + (c->at.dropout > 0 ? c->in[0].dim * (pass == PASS_BACKWARD ? 2 : 1) : 0);
    return (size_t)(c->in[0].rows * wide) * sizeof(real);
}

static matrix rows_of(tensor t, long first) {
    return (matrix){tensor_row(t, first), t.stride, 1};
}

static matrix transposed(matrix m) {
    return (matrix){m.data, m.col, m.row};
}

/* The adapter's matrices of one slot: A [rank, in], B's rows for one weight [out, rank]. */
static matrix slot_a(const tensor *a, int slot) {
    return (matrix){(const real *)a->data + slot * a->shape.dim[1] * a->dim, a->dim, 1};
}

static matrix slot_b(const tensor *b, int slot, long row) {
    return (matrix){(const real *)b->data + (slot * b->shape.dim[1] + row) * b->dim, b->dim, 1};
}

/* The input of an adapter: x itself, or a copy with some values dropped, in `room` [rows, in]. */
static matrix adapter_input(const op_call *c, int m, long first, long n, real *room) {
    if (!(c->at.dropout > 0)) return rows_of(c->in[0], first);
    const int64_t *seed = c->in[slot_input(c) + 1].data;
    const long dim = c->in[0].dim;
    for (long row = first; row < first + n; row++)
        dropout_row(seed, c->at.place + m, c->at.dropout, row, dim, tensor_row(c->in[0], row), room + row * dim, false);
    return (matrix){room + first * dim, dim, 1};
}

/* t [n, rank] = scale * x · Aᵀ */
static void adapter_down(const op_call *c, module mod, int slot, matrix x, long n, long rank, real *t) {
    matmul(t, rank, MATMUL_SET, NULL, x, transposed(slot_a(mod.a, slot)), n, rank, c->in[0].dim);
    const real scale = ((const real *)mod.scale->data)[slot];
    for (long i = 0; i < n * rank; i++) t[i] *= scale;
}

static long rank_of(module mod, int slot) {
    return slot < 0 ? 0 : ((const int32_t *)mod.rank->data)[slot];
}

static void segment_forward(op_call *c, long first, long n, int slot) {
    real *t = (real *)c->scratch + first * rank_most(c), *room = (real *)c->scratch + c->in[0].rows * rank_most(c);
    for (int m = 0; m < c->at.n_module; m++) {
        const module mod = module_of(c, m);
        const long rank = rank_of(mod, slot);
        if (rank == 0) continue;
        adapter_down(c, mod, slot, adapter_input(c, m, first, n, room), n, rank, t);
        for (int k = 0; k < c->at.n_weight; k++)
            if (c->at.module[k] == m)
                matmul(tensor_row(c->out[k], first), c->out[k].stride, MATMUL_ADD, NULL, (matrix){t, rank, 1},
                       transposed(slot_b(mod.b, slot, c->at.module_row[k])), n, c->out[k].dim, rank);
    }
}

/* dB_k += dout_kᵀ · t;  dt = scale * Σ_k dout_k · B_k;  dA += dtᵀ · x;  dx += dt · A */
static void segment_backward(op_call *c, long first, long n, int slot) {
    const long most = rank_most(c), in = c->in[0].dim, rows = c->in[0].rows;
    real *t = (real *)c->scratch + first * most, *dt = (real *)c->scratch + (rows + first) * most;
    real *room = (real *)c->scratch + 2 * rows * most, *droom = room + rows * in;
    for (int m = 0; m < c->at.n_module; m++) {
        const module mod = module_of(c, m);
        const long rank = rank_of(mod, slot);
        if (rank == 0) continue;
        const matrix x = adapter_input(c, m, first, n, room);
        adapter_down(c, mod, slot, x, n, rank, t);
        matmul_mode mode = MATMUL_SET;
        for (int k = 0; k < c->at.n_weight; k++) {
            if (c->at.module[k] != m || c->dout[k].data == NULL) continue;
            const matrix dout = rows_of(c->dout[k], first), b = slot_b(mod.b, slot, c->at.module_row[k]);
            if (mod.db->data != NULL)
                matmul((real *)slot_b(mod.db, slot, c->at.module_row[k]).data, mod.db->dim, MATMUL_ADD, NULL, transposed(dout), (matrix){t, rank, 1},
                       c->out[k].dim, rank, n);
            matmul(dt, rank, mode, NULL, dout, b, n, rank, c->out[k].dim);
            mode = MATMUL_ADD;
        }
        const real scale = ((const real *)mod.scale->data)[slot];
        for (long i = 0; i < n * rank; i++) dt[i] = mode == MATMUL_SET ? 0 : dt[i] * scale;
        if (mod.da->data != NULL) matmul((real *)slot_a(mod.da, slot).data, in, MATMUL_ADD, NULL, transposed((matrix){dt, rank, 1}), x, rank, in, n);
        if (c->din[0].data == NULL) continue;
        if (!(c->at.dropout > 0)) {
            matmul(tensor_row(c->din[0], first), c->din[0].stride, MATMUL_ADD, NULL, (matrix){dt, rank, 1}, slot_a(mod.a, slot), n, in, rank);
            continue;
        }
        matmul(droom + first * in, in, MATMUL_SET, NULL, (matrix){dt, rank, 1}, slot_a(mod.a, slot), n, in, rank);
        for (long row = first; row < first + n; row++)
            dropout_row(c->in[slot_input(c) + 1].data, c->at.place + m, c->at.dropout, row, in, droom + row * in, tensor_row(c->din[0], row), true);
    }
}

static long segment_end(const int32_t *slot, long first, long rows) {
    long end = first + 1;
    while (end < rows && slot[end] == slot[first]) end++;
    return end;
}

/* A forward pass over several tenants: a segment a task. */
static void segment_task(void *context, long row) {
    op_call *c = context;
    const int32_t *slot = c->in[slot_input(c)].data;
    if (slot[row] < 0 || (row > 0 && slot[row - 1] == slot[row])) return; /* no adapter; or not where a segment begins */
    segment_forward(c, row, segment_end(slot, row, c->in[0].rows) - row, slot[row]);
}

static void linear_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    const long rows = c->in[0].rows;
    for (int k = 0; k < c->at.n_weight; k++) {
        const int bias = bias_input(c, k);
        matmul(c->out[k].data, c->out[k].stride, MATMUL_SET, bias >= 0 ? c->in[bias].data : NULL, rows_of(c->in[0], 0), transposed(rows_of(c->in[1 + k], 0)),
               rows, c->out[k].dim, c->in[0].dim);
    }
    if (c->at.n_module == 0 || rows == 0) return;
    const int32_t *slot = c->in[slot_input(c)].data;
    if (segment_end(slot, 0, rows) < rows) parallel_for(rows, segment_task, c);
    else segment_forward(c, 0, rows, slot[0]); /* one tenant: its products use all threads */
}

typedef struct column_sum {
    tensor from;
    real *to;
    bool adds;
} column_sum;
enum { COLUMNS = 256 };

/* dbias = Σ over rows of dout, each column a chain over the rows. */
static void sum_columns(void *context, long task) {
    const column_sum *s = context;
    const long from = task * COLUMNS, to = from + COLUMNS < s->from.dim ? from + COLUMNS : s->from.dim;
    for (long i = from; !s->adds && i < to; i++) s->to[i] = 0;
    for (long row = 0; row < s->from.rows; row++) {
        const element *x = tensor_row(s->from, row);
        for (long i = from; i < to; i++) s->to[i] += x[i];
    }
}

static void clear_unless_added(tensor *t, bool adds) {
    if (t->data != NULL && !adds) memset(t->data, 0, tensor_bytes(*t));
}

static void linear_backward(op_call *c, long first, long end) {
    (void)first, (void)end;
    const long rows = c->in[0].rows, in = c->in[0].dim;
    bool dx_adds = c->adds[0];
    for (int k = 0; k < c->at.n_weight; k++) {
        const tensor dout = c->dout[k];
        const int bias = bias_input(c, k);
        if (dout.data == NULL) {
            clear_unless_added(&c->din[1 + k], c->adds[1 + k]);
            if (bias >= 0) clear_unless_added(&c->din[bias], c->adds[bias]);
            continue;
        }
        if (c->din[0].data != NULL)
            matmul(c->din[0].data, c->din[0].stride, dx_adds ? MATMUL_ADD : MATMUL_SET, NULL, rows_of(dout, 0), rows_of(c->in[1 + k], 0), rows, in, dout.dim);
        dx_adds = true;
        if (c->din[1 + k].data != NULL)
            matmul(c->din[1 + k].data, c->din[1 + k].stride, c->adds[1 + k] ? MATMUL_ADD : MATMUL_SET, NULL, transposed(rows_of(dout, 0)), rows_of(c->in[0], 0),
                   dout.dim, in, rows);
        if (bias >= 0 && c->din[bias].data != NULL)
            parallel_for((dout.dim + COLUMNS - 1) / COLUMNS, sum_columns, &(column_sum){dout, c->din[bias].data, c->adds[bias]});
    }
    if (!dx_adds) clear_unless_added(&c->din[0], false);
    for (int m = 0; m < c->at.n_module; m++) {
        const module mod = module_of(c, m);
        clear_unless_added(mod.da, mod.a_adds);
        clear_unless_added(mod.db, mod.b_adds);
    }
    if (c->at.n_module == 0) return;
    const int32_t *slot = c->in[slot_input(c)].data;
    for (long row = 0; row < rows;) { /* in order: two segments of one slot add to one gradient */
        const long stop = segment_end(slot, row, rows);
        if (slot[row] >= 0) segment_backward(c, row, stop - row, slot[row]);
        row = stop;
    }
}

/* Which inputs can have a gradient depends on the call's inputs by type: integers never do (graph/ asks for real ones only). */
const op op_linear = {.name = "linear",
                      .split = SPLIT_WHOLE,
                      .backward_reads = READS_ALL_IN,
                      .differentiable = READS_ALL_IN,
                      .shape = linear_shape,
                      .scratch = linear_scratch,
                      .forward = linear_forward,
                      .backward = linear_backward};
