/* attention: softmax(scale * q · kᵀ) · v for each head, causal, grouped heads (Ainslie et al. 2023, arXiv:2305.13245), blocked so
 * that no matrix of rows x keys is ever there (Dao et al. 2022, arXiv:2205.14135). q, out [rows, n_head * head_dim].
 * Keys and values come from this pass:
 *     inputs q, k, v [rows, n_kv_head * head_dim], first i32 [rows]: row i sees rows first[i] .. i (documents are packed by it);
 * or, at.cached, from blocks of a cache:
 *     inputs q, cache_k, cache_v [n, n_kv_head * head_dim], sequence, position i32 [rows], table i32 [n_sequence, blocks]:
 *     row i sees positions 0 .. position[i] of its sequence; position p lies in row table[s, p / block_size] * block_size +
 *     p % block_size. Rows of a sequence follow each other, positions rising by one; sequence -1 is an idle row (out is 0).
 * Saved: the logsumexp of each row's scores [rows, n_head], from which backward finds the probabilities again.
 * Keys are taken in blocks of KEYS counted from the first one a row sees, so a row's result depends on neither the rows it is
 * computed with, nor on how a prompt was cut, nor on the cache's block size. */
#include "ops/op.h"

#include "base/parallel.h"
#include "ops/vector.h"
#include "tensor/matmul.h"

enum { KEYS = 64, QUERIES = 64, HEAD_MOST = 256 }; /* QUERIES: rows of a tile times heads that share keys */

/* Rows [row, row + n) of one sequence, the first of which sees `seen` keys. */
typedef struct tile {
    long row, n, seen, key_first; /* key_first: of this pass's rows */
    const int32_t *blocks;        /* the sequence's row of the table, where keys are cached */
} tile;

static bool attention_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    const op_attributes *at = &c->at;
    const long rows = c->in[0].rows;
    if (at->n_kv_head <= 0 || at->n_head % at->n_kv_head != 0) return fail(err, "%d heads do not share %d key heads evenly", at->n_head, at->n_kv_head);
    if (at->head_dim > HEAD_MOST) return fail(err, "heads are %ld wide; the most is %d", at->head_dim, HEAD_MOST);
    if (at->n_head / at->n_kv_head > QUERIES) return fail(err, "%d heads share one key head; the most is %d", at->n_head / at->n_kv_head, QUERIES);
    if (c->in[0].dim != at->n_head * at->head_dim) return fail(err, "q is %s for %d heads of %ld", shape_text(c->in[0].shape), at->n_head, at->head_dim);
    for (int k = 1; k <= 2; k++)
        if (c->in[k].dim != at->n_kv_head * at->head_dim)
            return fail(err, "%s is %s for %d heads of %ld", k == 1 ? "k" : "v", shape_text(c->in[k].shape), at->n_kv_head, at->head_dim);
    for (int k = 3; k <= (at->cached ? 4 : 3); k++)
        if (c->in[k].type != DTYPE_I32 || shape_values(c->in[k].shape) != rows)
            return fail(err, "bounds are %s for %ld rows", shape_text(c->in[k].shape), rows);
    c->out[0] = tensor_of(DTYPE_REAL, c->in[0].shape, NULL);
    c->saved[0] = tensor_of(DTYPE_REAL, shape_2(rows, at->n_head), NULL);
    *n_out = 1, *n_saved = 1;
    return true;
}

static size_t attention_scratch(const op_call *c, op_pass pass) {
    (void)pass;
    return (size_t)c->in[0].rows * sizeof(tile);
}

/* The rows that belong together: same first row, or same sequence. */
static long run_end(const op_call *c, long row) {
    const int32_t *who = c->in[3].data;
    long end = row + 1;
    while (end < c->in[0].rows && who[end] == who[row]) end++;
    return end;
}

/* Cuts the rows into tiles of at most `most` rows; idle rows get none. Returns how many. */
static long tiles_make(const op_call *c, long most, tile *tiles) {
    const int32_t *who = c->in[3].data;
    long n_tile = 0;
    for (long row = 0; row < c->in[0].rows;) {
        const long end = run_end(c, row);
        for (long at = row; at < end && who[row] >= 0; at += most) {
            tile *t = &tiles[n_tile++];
            *t = (tile){.row = at, .n = end - at < most ? end - at : most};
            if (c->at.cached) {
                t->seen = ((const int32_t *)c->in[4].data)[at] + 1;
                t->blocks = (const int32_t *)c->in[5].data + who[row] * c->in[5].dim;
            } else {
                t->key_first = who[row];
                t->seen = at - who[row] + 1;
            }
        }
        row = end;
    }
    return n_tile;
}

static void clear_idle_rows(op_call *c) {
    const int32_t *who = c->in[3].data;
    for (long row = 0; row < c->in[0].rows; row++)
        if (who[row] < 0) {
            memset(tensor_row(c->out[0], row), 0, (size_t)c->out[0].dim * sizeof(element));
            memset(tensor_row(c->saved[0], row), 0, (size_t)c->at.n_head * sizeof(real));
        }
}

/* Keys or values (input `which`) [n, head_dim] from `key` on for one head: in place, or gathered from the cache into `room`. */
static matrix keys_of(const op_call *c, int which, const tile *t, long key, long n, long head, real *room) {
    const long width = c->at.head_dim;
    if (!c->at.cached) return (matrix){tensor_row(c->in[which], t->key_first + key) + head * width, c->in[which].stride, 1};
    for (long i = 0; i < n; i++) {
        const long p = key + i, row = (long)t->blocks[p / c->at.block_size] * c->at.block_size + p % c->at.block_size;
        memcpy(room + i * width, tensor_row(c->in[which], row) + head * width, (size_t)width * sizeof(real));
    }
    return (matrix){room, width, 1};
}

/* The tile's rows of `t` for the heads that share key head `head`: [n_share * n, head_dim], times `factor`. */
static void queries_get(const op_call *c, tensor from, const tile *t, long head, real factor, real *to) {
    const long width = c->at.head_dim, share = c->at.n_head / c->at.n_kv_head;
    for (long h = 0; h < share; h++)
        for (long i = 0; i < t->n; i++) {
            const element *x = tensor_row(from, t->row + i) + (head * share + h) * width;
            for (long j = 0; j < width; j++) *to++ = x[j] * factor;
        }
}

/* One block of scores of one row: probabilities against the largest score so far, in place; 0 beyond the keys it sees.
 * `most`, `total`: the row's largest score and sum so far. Returns what earlier sums and outputs must be multiplied by. */
INLINE real softmax_block(real *score, long visible, real *most, real *total) {
    for (long j = visible < 0 ? 0 : visible; j < KEYS; j++) score[j] = -INFINITY;
    if (visible <= 0) {
        memset(score, 0, KEYS * sizeof *score);
        return 1;
    }
    const real here = largest(score, KEYS), now = here > *most ? here : *most, factor = exponential(*most - now);
    real lane[LANES] = {0};
    for (long j = 0; j < KEYS; j += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += score[j + k] = exponential(score[j + k] - now);
    *total = *total * factor + lanes_sum(lane);
    *most = now;
    return factor;
}

CLONES static void softmax_rows(const tile *t, long queries, long key, real *score, real *most, real *total, real *out, long width) {
    for (long r = 0; r < queries; r++) {
        const long visible = t->seen + r % t->n - key;
        const real factor = softmax_block(score + r * KEYS, visible < KEYS ? visible : KEYS, most + r, total + r);
        for (long j = 0; factor != 1 && j < width; j++) out[r * width + j] *= factor;
    }
}

static void forward_task(void *context, long task) {
    op_call *c = context;
    const long width = c->at.head_dim, share = c->at.n_head / c->at.n_kv_head, head = task % c->at.n_kv_head;
    const tile *t = (const tile *)c->scratch + task / c->at.n_kv_head;
    const long queries = share * t->n, keys = t->seen + t->n - 1;
    real q[QUERIES * HEAD_MOST], out[QUERIES * HEAD_MOST], score[QUERIES * KEYS], room[KEYS * HEAD_MOST], most[QUERIES], total[QUERIES];
    queries_get(c, c->in[0], t, head, c->at.scale, q);
    memset(out, 0, (size_t)(queries * width) * sizeof *out);
    for (long r = 0; r < queries; r++) most[r] = -INFINITY, total[r] = 0;
    for (long key = 0; key < keys; key += KEYS) {
        const long n = keys - key < KEYS ? keys - key : KEYS;
        const matrix k = keys_of(c, 1, t, key, n, head, room);
        matmul(score, KEYS, MATMUL_SET, NULL, (matrix){q, width, 1}, (matrix){k.data, 1, k.row}, queries, n, width);
        softmax_rows(t, queries, key, score, most, total, out, width);
        matmul(out, width, MATMUL_ADD, NULL, (matrix){score, KEYS, 1}, keys_of(c, 2, t, key, n, head, room), queries, width, n);
    }
    for (long r = 0; r < queries; r++) {
        const long row = t->row + r % t->n, h = head * share + r / t->n;
        element *to = tensor_row(c->out[0], row) + h * width;
        const real factor = 1 / total[r];
        for (long j = 0; j < width; j++) to[j] = out[r * width + j] * factor;
        tensor_row(c->saved[0], row)[h] = most[r] + (real)log(total[r]);
    }
}

static long tile_rows_most(const op_call *c) {
    return QUERIES / (c->at.n_head / c->at.n_kv_head);
}

static void attention_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    clear_idle_rows(c);
    parallel_for(tiles_make(c, tile_rows_most(c), c->scratch) * c->at.n_kv_head, forward_task, c);
}

/* From scores: probabilities p into `score`, and p * (dp - d) into `dp`. */
CLONES static void probability_rows(const tile *t, long queries, long key, long n, const real *logsumexp, const real *d, real *score, real *dp) {
    for (long r = 0; r < queries; r++) {
        const long visible = t->seen + r % t->n - key;
        real *s = score + r * KEYS, *x = dp + r * KEYS;
        for (long j = 0; j < n; j++) {
            s[j] = j < visible ? exponential(s[j] - logsumexp[r]) : 0;
            x[j] = s[j] * (x[j] - d[r]);
        }
    }
}

static void gradient_clear(const op_call *c, int which, long row, long n, long head, long heads) {
    const long width = c->at.head_dim;
    for (long i = row; c->din[which].data != NULL && !c->adds[which] && i < row + n; i++)
        memset(tensor_row(c->din[which], i) + head * width, 0, (size_t)(heads * width) * sizeof(element));
}

/* dq += dq of the tile, back to where the queries came from. */
static void queries_add(const op_call *c, tensor to, const tile *t, long head, const real *from) {
    const long width = c->at.head_dim, share = c->at.n_head / c->at.n_kv_head;
    for (long h = 0; h < share; h++)
        for (long i = 0; i < t->n; i++) {
            element *x = tensor_row(to, t->row + i) + (head * share + h) * width;
            for (long j = 0; j < width; j++) x[j] += *from++;
        }
}

/* One tile against one block of keys. With p the probabilities and d = Σ dout * out of the row:
 * dv += pᵀ · dout;  ds = p * (dout · vᵀ - d);  dq += scale * ds · k;  dk += scale * dsᵀ · q (q here is scaled). */
static void backward_block(op_call *c, const tile *t, long head, long key, long n) {
    const long width = c->at.head_dim, share = c->at.n_head / c->at.n_kv_head, queries = share * t->n;
    real q[QUERIES * HEAD_MOST], dout[QUERIES * HEAD_MOST], other[QUERIES * HEAD_MOST], score[QUERIES * KEYS], dp[QUERIES * KEYS];
    real logsumexp[QUERIES], d[QUERIES];
    const matrix k = keys_of(c, 1, t, key, n, head, NULL), v = keys_of(c, 2, t, key, n, head, NULL);
    queries_get(c, c->in[0], t, head, c->at.scale, q);
    queries_get(c, c->dout[0], t, head, 1, dout);
    queries_get(c, c->out[0], t, head, 1, other);
    for (long r = 0; r < queries; r++) {
        d[r] = dot(dout + r * width, other + r * width, width);
        logsumexp[r] = tensor_row(c->saved[0], t->row + r % t->n)[head * share + r / t->n];
    }
    matmul(score, KEYS, MATMUL_SET, NULL, (matrix){q, width, 1}, (matrix){k.data, 1, k.row}, queries, n, width);
    matmul(dp, KEYS, MATMUL_SET, NULL, (matrix){dout, width, 1}, (matrix){v.data, 1, v.row}, queries, n, width);
    probability_rows(t, queries, key, n, logsumexp, d, score, dp);
    const long row = t->key_first + key;
    if (c->din[2].data != NULL)
        matmul(tensor_row(c->din[2], row) + head * width, c->din[2].stride, MATMUL_ADD, NULL, (matrix){score, 1, KEYS}, (matrix){dout, width, 1}, n, width,
               queries);
    if (c->din[1].data != NULL)
        matmul(tensor_row(c->din[1], row) + head * width, c->din[1].stride, MATMUL_ADD, NULL, (matrix){dp, 1, KEYS}, (matrix){q, width, 1}, n, width, queries);
    if (c->din[0].data == NULL) return;
    for (long i = 0; i < queries * KEYS; i++) dp[i] *= c->at.scale;
    matmul(other, width, MATMUL_SET, NULL, (matrix){dp, KEYS, 1}, k, queries, width, n);
    queries_add(c, c->din[0], t, head, other);
}

/* A document (the rows of one `first`) and a key head: nobody else touches these gradients. */
static void backward_task(void *context, long task) {
    op_call *c = context;
    const long head = task % c->at.n_kv_head, share = c->at.n_head / c->at.n_kv_head, row = task / c->at.n_kv_head, most = tile_rows_most(c);
    const int32_t *who = c->in[3].data;
    if (row > 0 && who[row - 1] == who[row]) return; /* not where a document begins */
    const long end = run_end(c, row);
    gradient_clear(c, 0, row, end - row, head * share, share);
    gradient_clear(c, 1, row, end - row, head, 1);
    gradient_clear(c, 2, row, end - row, head, 1);
    for (long at = row; at < end && who[row] >= 0; at += most) {
        const tile t = {.row = at, .n = end - at < most ? end - at : most, .seen = at - who[row] + 1, .key_first = who[row]};
        for (long key = 0, keys = t.seen + t.n - 1; key < keys; key += KEYS) backward_block(c, &t, head, key, keys - key < KEYS ? keys - key : KEYS);
    }
}

static void attention_backward(op_call *c, long first, long end) {
    (void)first, (void)end;
    parallel_for(c->in[0].rows * c->at.n_kv_head, backward_task, c);
}

const op op_attention = {.name = "attention",
                         .split = SPLIT_WHOLE,
                         .backward_reads = READS_ALL_IN | READS_OUT(0),
                         .differentiable = 7,
                         .shape = attention_shape,
                         .scratch = attention_scratch,
                         .forward = attention_forward,
                         .backward = attention_backward};
