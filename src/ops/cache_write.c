/* cache_write: cache_k[slot[row]] = k[row], cache_v likewise, in place; slot -1: an idle row.
 * k, v [rows, width]; cache_k, cache_v [n, width]; slot i32 [rows]. */
#include "ops/op.h"
#include "ops/vector.h"

static bool cache_write_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[2].dim != c->in[0].dim || c->in[3].dim != c->in[1].dim)
        return fail(err, "k is %ld wide, its cache %ld; v %ld, its cache %ld", c->in[0].dim, c->in[2].dim, c->in[1].dim, c->in[3].dim);
    if (c->in[4].type != DTYPE_I32 || shape_values(c->in[4].shape) != c->in[0].rows) return fail(err, "slots are %s", shape_text(c->in[4].shape));
    *n_out = *n_saved = 0;
    return true;
}

static void cache_write_forward(op_call *c, long first, long end) {
    const int32_t *slot = c->in[4].data;
    for (long row = first; row < end; row++)
        for (int k = 0; slot[row] >= 0 && k < 2; k++)
            memcpy(tensor_row(c->in[2 + k], slot[row]), tensor_row(c->in[k], row), (size_t)c->in[k].dim * sizeof(element));
}

const op op_cache_write = {.name = "cache_write", .split = SPLIT_ROWS, .writes_in = 4 | 8, .shape = cache_write_shape, .forward = cache_write_forward};
