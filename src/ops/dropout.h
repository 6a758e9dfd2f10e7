/* ops/dropout.h: the mask that dropout and the adapters of linear draw. Inner to ops/. */
#ifndef SOCLE_OPS_DROPOUT_H
#define SOCLE_OPS_DROPOUT_H
#include "ops/op.h"

/* out[i] = (adds ? out[i] : 0) + (in[i] / (1 - p), or 0 with probability p), for element i of `row`. */
void dropout_row(const int64_t *seed, int64_t place, real p, long row, long dim, const real *in, real *out, bool adds);

#endif
