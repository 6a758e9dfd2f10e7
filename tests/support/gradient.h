/* tests/support/gradient.h: holds an op's backward against finite differences of its forward, in double. */
#ifndef SOCLE_TESTS_GRADIENT_H
#define SOCLE_TESTS_GRADIENT_H
#include "ops/op.h"

typedef struct op_case {
    const op *op;
    op_attributes at;
    int n_in;
    tensor in[OP_IN];
    unsigned checks; /* bits: inputs whose gradient is checked */
} op_case;

/* Inputs: real ones drawn from a normal distribution (a function of `seed`), or whole numbers given. Live in `owner`. */
tensor case_real(arena *owner, shape s, uint64_t seed);
tensor case_ints(arena *owner, long n, const int32_t *values);
tensor case_longs(arena *owner, long n, const int64_t *values);

/* Fails the test unless, for the loss Σ outputs * random weights: every checked gradient agrees with central differences
 * within `within` of its largest value; adding to a gradient gives what was there plus it; leaving out any one gradient
 * changes no other. */
void assert_gradient(const op_case *c, double within);

/* Runs forward; the call (out, saved filled) lives in `owner`. */
op_call *case_forward(arena *owner, const op_case *c);

#endif
