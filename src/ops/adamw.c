/* adamw: one step of AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101), as torch.optim.AdamW computes it, in place.
 * parameter, gradient, m, v: real, one shape; now f64 [6]: learning rate, weight decay, eps, 1 - beta1^t, 1 - beta2^t, and the
 * factor that clipping puts on every gradient. What is the same for all values is computed in double and rounded once: an
 * error there would move all weights the same way, and show in the loss long before errors that differ from value to value. */
#include "ops/op.h"

#include "base/parallel.h"
#include "ops/vector.h"

enum { BLOCK = 1 << 14 };

static bool adamw_shape(op_call *c, int *n_out, int *n_saved, error *err) {
    for (int k = 1; k < 4; k++)
        if (!shape_equal(c->in[k].shape, c->in[0].shape))
            return fail(err, "parameter is %s, input %d %s", shape_text(c->in[0].shape), k, shape_text(c->in[k].shape));
    if (c->in[4].type != DTYPE_F64 || shape_values(c->in[4].shape) != 6)
        return fail(err, "adamw wants 6 f64, not %s %s", dtype_text(c->in[4].type), shape_text(c->in[4].shape));
    *n_out = *n_saved = 0;
    return true;
}

CLONES static void adamw_block(real *w, const real *gradient, real *m, real *v, long n, const double *now, double beta1, double beta2) {
    const real shrink = (real)(1 - now[0] * now[1]), rate = (real)(now[0] / now[3]), root = (real)sqrt(now[4]), eps = (real)now[2], factor = (real)now[5];
    const real mix = (real)(1 - beta1), keep = (real)beta2, take = (real)(1 - beta2);
    for (long i = 0; i < n; i++) {
        const real g = gradient[i] * factor;
        m[i] = m[i] + mix * (g - m[i]);
        v[i] = v[i] * keep + take * g * g;
        w[i] = w[i] * shrink - rate * (m[i] / (REAL_SQRT(v[i]) / root + eps));
    }
}

static void update_block(void *context, long i) {
    op_call *c = context;
    const long all = c->in[0].rows * c->in[0].dim, first = i * BLOCK, n = all - first < BLOCK ? all - first : BLOCK;
    adamw_block((real *)c->in[0].data + first, (const real *)c->in[1].data + first, (real *)c->in[2].data + first, (real *)c->in[3].data + first, n,
                c->in[4].data, c->at.beta1, c->at.beta2);
}

static void adamw_forward(op_call *c, long first, long end) {
    (void)first, (void)end;
    parallel_for((c->in[0].rows * c->in[0].dim + BLOCK - 1) / BLOCK, update_block, c);
}

const op op_adamw = {.name = "adamw", .split = SPLIT_WHOLE, .writes_in = 1 | 4 | 8, .shape = adamw_shape, .forward = adamw_forward};
