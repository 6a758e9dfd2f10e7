/* square_sum: sums[place] = Σ x², in place. x real, any shape; sums f64 [n]. Blocks of fixed size add up in f32 lanes, their
 * sums in double and in order. For the norm of all gradients. */
#include "ops/op.h"

#include "base/parallel.h"
#include "ops/vector.h"

enum { BLOCK = 1 << 15 };

static long block_count(const op_call *c) {
    return (c->in[0].rows * c->in[0].dim + BLOCK - 1) / BLOCK;
}

static bool square_sum_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[1].type != DTYPE_F64 || c->at.place < 0 || c->at.place >= shape_values(c->in[1].shape))
        return fail(err, "sums are %s %s", dtype_text(c->in[1].type), shape_text(c->in[1].shape));
    *n_out = *n_saved = 0;
    return true;
}

static size_t square_sum_scratch(const op_call *c, op_pass pass) {
    (void)pass;
    return (size_t)block_count(c) * sizeof(double);
}

CLONES static double block_sum(const real *x, long n) {
    double all = 0;
    for (long i = 0; i < n; i += 1024) all += dot(x + i, x + i, n - i < 1024 ? n - i : 1024);
    return all;
}

static void sum_block(void *context, long i) {
    op_call *c = context;
    const long n = c->in[0].rows * c->in[0].dim, first = i * BLOCK;
    ((double *)c->scratch)[i] = block_sum((const real *)c->in[0].data + first, n - first < BLOCK ? n - first : BLOCK);
}

static void square_sum_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    parallel_for(block_count(c), sum_block, c);
    double all = 0;
    for (long i = 0; i < block_count(c); i++) all += ((double *)c->scratch)[i];
    ((double *)c->in[1].data)[c->at.place] = all;
}

const op op_square_sum = {
    .name = "square_sum", .split = SPLIT_WHOLE, .writes_in = 2, .shape = square_sum_shape, .scratch = square_sum_scratch, .forward = square_sum_forward};
