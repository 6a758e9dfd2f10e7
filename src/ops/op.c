/* ops/op.c: runs one direction of a call. */
#include "ops/op.h"

#include "base/parallel.h"

#include <assert.h>
#include <string.h>

enum { MOST_CHUNKS = 256, CHUNK_VALUES = 16384 };

long op_chunk_rows(long rows, long dim) {
    const long by_size = dim > 0 ? CHUNK_VALUES / dim : 1, by_count = (rows + MOST_CHUNKS - 1) / MOST_CHUNKS;
    const long chunk = by_size > by_count ? by_size : by_count;
    return chunk < 1 ? 1 : chunk;
}

static long chunk_count(const op_call *c) {
    const long rows = c->in[0].rows, chunk = op_chunk_rows(rows, c->in[0].dim);
    return (rows + chunk - 1) / chunk;
}

static bool sums(const op_call *c, int i, op_pass pass) {
    return pass == PASS_BACKWARD && c->op->split == SPLIT_ROWS && (c->op->sums_rows >> i & 1) && i < c->n_in;
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}

size_t op_scratch_bytes(const op_call *c, op_pass pass) {
    size_t bytes = c->op->scratch != NULL ? aligned(c->op->scratch(c, pass)) : 0;
    for (int i = 0; i < c->n_in; i++)
        if (sums(c, i, pass)) bytes += aligned((size_t)chunk_count(c) * (size_t)c->in[i].dim * sizeof(real));
    return bytes;
}

real *sum_rows(const op_call *c, int i, long first) {
    if (c->partial[i] == NULL) return NULL;
    return c->partial[i] + first / op_chunk_rows(c->in[0].rows, c->in[0].dim) * c->in[i].dim;
}

typedef struct split {
    op_call *call;
    op_kernel *kernel;
    long rows, chunk;
} split;

static void run_chunk(void *context, long i) {
    const split *s = context;
    const long first = i * s->chunk, end = first + s->chunk < s->rows ? first + s->chunk : s->rows;
    s->kernel(s->call, first, end);
}

/* Adds the chunks' partial rows in order. */
static void reduce(op_call *c, int i) {
    real *out = c->din[i].data;
    const long dim = c->in[i].dim, chunks = chunk_count(c);
    if (!c->adds[i]) memset(out, 0, (size_t)dim * sizeof *out);
    for (long k = 0; k < chunks; k++)
        for (long j = 0; j < dim; j++) out[j] += c->partial[i][k * dim + j];
}

void op_run(op_call *c, op_pass pass) {
    op_kernel *kernel = pass == PASS_FORWARD ? c->op->forward : c->op->backward;
    assert(kernel != NULL);
    if (c->op->split == SPLIT_WHOLE) {
        kernel(c, 0, c->in[0].rows);
        return;
    }
    char *free = (char *)c->scratch + (c->op->scratch != NULL ? aligned(c->op->scratch(c, pass)) : 0);
    for (int i = 0; i < c->n_in; i++) {
        c->partial[i] = NULL;
        if (!sums(c, i, pass)) continue;
        const size_t bytes = (size_t)chunk_count(c) * (size_t)c->in[i].dim * sizeof(real);
        if (c->din[i].data != NULL) c->partial[i] = memset(free, 0, bytes);
        free += aligned(bytes);
    }
    split s = {c, kernel, c->in[0].rows, op_chunk_rows(c->in[0].rows, c->in[0].dim)};
    parallel_for(chunk_count(c), run_chunk, &s);
    for (int i = 0; i < c->n_in; i++)
        if (c->partial[i] != NULL) reduce(c, i);
}
