/* graph/graph.h: record, differentiate, plan, run. A record is the ops of one pass, made into an arena; it needs no weights
 * and no memory. A plan says where each intermediate lies. Both are kept and used again: what differs between two runs (ids,
 * positions, adapter slots, seed, learning rate) is the content of outside tensors, never a constant. */
#ifndef SOCLE_GRAPH_GRAPH_H
#define SOCLE_GRAPH_GRAPH_H
#include "base/string.h"
#include "ops/op.h"

typedef struct record record;
typedef int value; /* of one record; NO_VALUE: none */
enum { NO_VALUE = -1, NO_OUTPUT = -2 };

record *record_new(arena *owner);

/* A tensor that lives outside: parameter, input, cache. `t` is borrowed, and its data pointer is read anew at every run.
 * The same `t` gives the same value. */
value record_outside(record *r, const tensor *t);

/* Adds an op; returns its first output (the k-th is record_result(r, first, k)), NO_VALUE with err where shapes do not fit.
 * An op that only writes in place (adamw, square_sum, cache_write) returns NO_OUTPUT. Ops run in the order of recording. */
value record_op(record *r, const op *o, const op_attributes *at, const value *in, int n_in, error *err);
value record_result(const record *r, value first, int k);
tensor record_tensor(const record *r, value v); /* its type and shape; data NULL for intermediates */

/* A mark where a block of the model begins: errors of what is recorded after it say "NAME INDEX: ". index -1: no number. */
void record_mark(record *r, const char *name, int index);

/* Wants the gradient of an outside value (record_outside(r, &parameter->value)) in `gradient` (borrowed; same shape); `adds`: added to what is there. Before
 * record_differentiate. */
void record_want(record *r, value outside, const tensor *gradient, bool adds);
/* Appends the backward pass from `root` (an output of the last op), whose gradient is the value `root_gradient`. Only paths
 * that lead to a wanted gradient are differentiated. */
bool record_differentiate(record *r, value root, value root_gradient, error *err);

/* Keeps a value readable after the run. Before plan_new. */
void record_keep(record *r, value v);

typedef struct plan plan;
plan *plan_new(arena *owner, record *r, error *err);
size_t plan_bytes(const plan *p);                         /* memory that plan_run wants, aligned to 64 */
void plan_run(plan *p, void *memory);                     /* runs all ops, on all threads */
tensor plan_tensor(const plan *p, value v, void *memory); /* a kept value, after the run */

/* Time by op, for `socle bench`: call with true before, false after; the text lists op, direction, calls, seconds, share. */
void plan_profile(plan *p, bool on);
void plan_profile_write(const plan *p, string *out);

#endif
