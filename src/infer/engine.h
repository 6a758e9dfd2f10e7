/* infer/engine.h: one model, many sequences. Each step makes one pass over rows of all sequences that can go on: a row of each
 * that is being answered and a piece of the prompt of each that is new (continuous batching, Yu et al. 2022, "Orca"). A row's
 * result does not depend on the other rows or on how a prompt was cut, so an answer is the same alone and among others.
 * The cache has a fixed size. A request starts when its prompt fits; where an answer then needs a block and none is free, the
 * youngest sequence gives its blocks back and is computed anew later, with the same result. The oldest always goes on.
 * One thread computes: the one that calls engine_step, or the engine's own after engine_start. */
#ifndef SOCLE_INFER_ENGINE_H
#define SOCLE_INFER_ENGINE_H
#include "infer/sampler.h"
#include "model/model.h"

typedef struct engine engine;

typedef struct engine_options { /* 0 takes the default */
    long context;               /* most tokens of prompt and answer; the model's max_position */
    long cache_tokens;          /* tokens that the cache holds; 16 contexts, or fewer so that they fit in 1 GiB, never less than one context */
    long max_sequences;         /* computed at once; 32 */
    long max_waiting;           /* requests beyond those; 1024 */
    long chunk;                 /* prompt tokens of one step; 256 */
} engine_options;

/* Borrows the model, whose weights (and bank) must be there and stay. Takes all memory that it will need. */
engine *engine_new(arena *owner, const model *m, const engine_options *o, error *err);
/* Ends the engine's thread, if it has one; requests that are not done end as FINISH_CANCELLED, and new ones are refused. */
void engine_stop(engine *e);
/* Stops it, and gives its memory back. NULL is fine. */
void engine_free(engine *e);
long engine_context(const engine *e);

typedef enum { FINISH_STOP, FINISH_LENGTH, FINISH_CANCELLED, FINISH_FAILED } finish_reason;

typedef struct engine_token {
    int32_t id;
    real logprob;   /* nats, before temperature; of a prompt's first token NaN */
    bool of_prompt; /* prompt_logprobs: a token of the prompt, in order, before the first of the answer */
    int n_top;
    const token_logprob *top; /* the likeliest tokens at this place; valid during the call */
} engine_token;

enum { ENGINE_TOP = 20 };

typedef struct generation {
    const int32_t *prompt; /* copied */
    size_t n_prompt;
    int adapter;             /* slot of the model's bank; -1: none */
    long max_tokens;         /* -1: as many as the context holds */
    sampling how;            /* its biases are copied */
    const int32_t *stop_ids; /* end the answer like the model's own end ids; copied */
    size_t n_stop_id;
    bool ignore_eos;      /* the model's end ids and stop_ids are tokens like any other */
    int n_top;            /* likeliest tokens to report, up to ENGINE_TOP */
    bool prompt_logprobs; /* report the prompt's tokens too */
    /* Called by the thread that computes, without any lock: be quick. The end id itself is not reported. */
    bool (*on_token)(void *context, const engine_token *t);             /* false: enough, ends as FINISH_STOP */
    void (*on_end)(void *context, finish_reason why, const error *err); /* the last call; err where FINISH_FAILED */
    void *context;
} generation;

/* Queues a request; any thread. err says which limit it does not keep: context, ids, sampling, or too many waiting (then *busy,
 * which may be NULL, is true). *ticket (may be NULL) names it for engine_cancel. */
bool engine_submit(engine *e, const generation *g, uint64_t *ticket, bool *busy, error *err);
/* Asks for an early end; on_end still comes, unless it has come already. Any thread. */
void engine_cancel(engine *e, uint64_t ticket);

/* One pass for all that can go on. false: there is nothing to do. Not together with engine_start. */
bool engine_step(engine *e);
/* A thread that steps whenever there is something to do, until engine_free. */
bool engine_start(engine *e, error *err);

typedef struct engine_figures {
    uint64_t steps, rows, answer_tokens, preempted, most_at_once;
    long running, waiting;
} engine_figures;
engine_figures engine_count(engine *e);

#endif
