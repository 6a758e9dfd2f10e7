/* rope_table: cos and sin [rows, half] of position * inverse frequency, once a pass for all layers.
 * position i32 [rows]; inverse [half]. The angle is taken in `real`, as the references do. */
#include "ops/op.h"
#include "ops/vector.h"

static bool rope_table_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    if (c->in[0].type != DTYPE_I32) return fail(err, "positions are %s, not i32", dtype_text(c->in[0].type));
    c->out[0] = c->out[1] = tensor_of(DTYPE_REAL, shape_2(shape_values(c->in[0].shape), c->in[1].dim), NULL);
    *n_out = 2, *n_saved = 0;
    return true;
}

static void rope_table_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    const int32_t *position = c->in[0].data;
    const real *inverse = c->in[1].data;
    for (long row = 0; row < c->out[0].rows; row++)
        for (long i = 0; i < c->out[0].dim; i++) {
            const real angle = (real)position[row] * inverse[i];
            tensor_row(c->out[0], row)[i] = (real)cos((double)angle);
            tensor_row(c->out[1], row)[i] = (real)sin((double)angle);
        }
}

const op op_rope_table = {.name = "rope_table", .split = SPLIT_WHOLE, .shape = rope_table_shape, .forward = rope_table_forward};
