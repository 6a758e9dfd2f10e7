/* eval/score.h: how likely a model finds given ids: one uncached pass over many sequences packed side by side, as training
 * sees them. What a sequence gets depends on its own ids alone, never on what is packed with it. Knows model/ and below. */
#ifndef SOCLE_EVAL_SCORE_H
#define SOCLE_EVAL_SCORE_H
#include "model/model.h"

/* One window: the model reads ids[0 .. n-2] and is asked for ids[from .. n-1]; 1 <= from <= n. */
typedef struct score_window {
    const int32_t *ids; /* borrowed */
    size_t n;
    size_t from;
    double *nll; /* n of them; [from .. n-1] are set: negative log-likelihood in nats of that id, given those before it */
} score_window;

typedef struct scorer scorer;
/* Keeps records, plans and one block of memory between calls. `slot` of the model's bank is applied to all rows; -1: none.
 * The model is borrowed. */
scorer *scorer_new(const model *m, int slot);
void scorer_drop(scorer *s); /* NULL is fine */

/* Called after each pass with the number of rows done since scorer_run began; false stops the run. May be NULL. */
typedef bool score_progress(void *context, size_t rows_done);

/* Scores all windows, packed in no particular order. Fails on an id outside the vocabulary, a window longer than the model's
 * positions, a result that is not finite (broken weights), too little memory, and "stopped" where `progress` says so. */
bool scorer_run(scorer *s, const score_window *windows, size_t n, score_progress *progress, void *context, error *err);

/* Cuts a sequence of n ids into windows that ask for each of ids[1 .. n-1] once: the first reads up to `context` ids, each
 * further one moves by `stride` (1 .. context) and asks only for what is new; the last one also reads a full context (as
 * lm-evaluation-harness does for stride == context). `nll` has n places; the windows point into it. Returns how many; they
 * live in `owner`. */
size_t score_cut(arena *owner, const int32_t *ids, size_t n, size_t context, size_t stride, double *nll, score_window **out);

/* score_cut and scorer_run for one sequence; nll[0] is 0. */
bool score_sequence(scorer *s, const int32_t *ids, size_t n, size_t context, size_t stride, double *nll, error *err);

#endif
