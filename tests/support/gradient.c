#include "support/gradient.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

tensor case_real(arena *owner, shape s, uint64_t seed) {
    tensor t = tensor_of(DTYPE_REAL, s, NEW_ARRAY(owner, shape_values(s), real));
    random_stream r = random_start(seed, 77);
    for (long i = 0; i < shape_values(s); i++) ((real *)t.data)[i] = (real)random_normal(&r);
    return t;
}

tensor case_ints(arena *owner, long n, const int32_t *values) {
    return tensor_of(DTYPE_I32, shape_1(n), arena_copy_bytes(owner, values, (size_t)n * sizeof *values));
}

tensor case_longs(arena *owner, long n, const int64_t *values) {
    return tensor_of(DTYPE_I64, shape_1(n), arena_copy_bytes(owner, values, (size_t)n * sizeof *values));
}

typedef struct made {
    op_call call;
    int n_out, n_saved;
} made;

static made *call_make(arena *owner, const op_case *c) {
    made *m = NEW(owner, made);
    error err = {0};
    m->call = (op_call){.op = c->op, .at = c->at, .n_in = c->n_in};
    memcpy(m->call.in, c->in, sizeof c->in);
    if (!c->op->shape(&m->call, &m->n_out, &m->n_saved, &err)) fail_msg("%s: %s", c->op->name, err.text);
    for (int i = 0; i < m->n_out; i++) m->call.out[i].data = arena_alloc(owner, tensor_bytes(m->call.out[i]));
    for (int i = 0; i < m->n_saved; i++) m->call.saved[i].data = arena_alloc(owner, tensor_bytes(m->call.saved[i]));
    size_t bytes = op_scratch_bytes(&m->call, PASS_FORWARD);
    const size_t more = c->op->backward != NULL ? op_scratch_bytes(&m->call, PASS_BACKWARD) : 0;
    m->call.scratch = arena_alloc(owner, bytes > more ? bytes : more);
    return m;
}

op_call *case_forward(arena *owner, const op_case *c) {
    made *m = call_make(owner, c);
    op_run(&m->call, PASS_FORWARD);
    return &m->call;
}

static double loss_of(made *m) {
    op_run(&m->call, PASS_FORWARD);
    double loss = 0;
    for (int k = 0; k < m->n_out; k++)
        for (long i = 0; m->call.dout[k].data != NULL && i < shape_values(m->call.out[k].shape); i++)
            loss += (double)((real *)m->call.out[k].data)[i] * (double)((real *)m->call.dout[k].data)[i];
    return loss;
}

static void assert_close(const op_case *c, int input, const char *what, const real *got, const double *want, long n, double within) {
    double most = 0, worst = 0;
    long at = 0;
    for (long i = 0; i < n; i++) {
        if (fabs(want[i]) > most) most = fabs(want[i]);
        const double gap = fabs(got[i] - want[i]);
        if (!(gap <= worst)) worst = gap, at = i;
    }
    if (!(worst <= within * (most + 1e-3)))
        fail_msg("%s: gradient of input %d, %s: element %ld is %.9g, not %.9g", c->op->name, input, what, at, (double)got[at], want[at]);
}

void assert_gradient(const op_case *c, double within) {
    arena owner = {0};
    made *m = call_make(&owner, c);
    for (int k = 0; k < m->n_out; k++) {
        if (c->op->backward_is_forward && k > 0) continue; /* head: only nll has a gradient */
        m->call.dout[k] = m->call.out[k];
        m->call.dout[k].data = case_real(&owner, m->call.out[k].shape, 1000 + (uint64_t)k).data;
    }
    double *numeric[OP_IN] = {NULL};
    for (int i = 0; i < c->n_in; i++) {
        if (!(c->checks >> i & 1)) continue;
        const long n = shape_values(c->in[i].shape);
        real *x = c->in[i].data;
        numeric[i] = NEW_ARRAY(&owner, n, double);
        for (long j = 0; j < n; j++) {
            const real keep = x[j], h = (real)1e-5;
            x[j] = keep + h;
            const double up = loss_of(m);
            x[j] = keep - h;
            const double down = loss_of(m);
            x[j] = keep;
            numeric[i][j] = (up - down) / (2 * (double)h);
        }
    }
    loss_of(m);
    for (int without = -1; without < c->n_in; without++) {                                         /* -1: all wanted, and adding */
        if (without >= 0 && (!(c->checks >> without & 1) || c->checks == 1u << without)) continue; /* some gradient is always wanted */
        for (int adds = 0; adds < 2; adds++) {
            real *before[OP_IN] = {NULL};
            for (int i = 0; i < c->n_in; i++) {
                m->call.din[i] = (tensor){0};
                if (!(c->checks >> i & 1) || i == without) continue;
                m->call.din[i] = case_real(&owner, c->in[i].shape, 2000 + (uint64_t)i);
                m->call.adds[i] = adds;
                before[i] = case_real(&owner, c->in[i].shape, 2000 + (uint64_t)i).data;
            }
            op_run(&m->call, PASS_BACKWARD);
            for (int i = 0; i < c->n_in; i++) {
                if (before[i] == NULL) continue;
                const long n = shape_values(c->in[i].shape);
                double *want = NEW_ARRAY(&owner, n, double);
                for (long j = 0; j < n; j++) want[j] = numeric[i][j] + (adds ? (double)before[i][j] : 0);
                assert_close(c, i, adds ? "added" : "set", m->call.din[i].data, want, n, within);
            }
        }
    }
    arena_drop(&owner);
}
