/* infer/engine_inner.h: what engine.c (requests, scheduling) and engine_pass.c (one pass of the model) share. */
#ifndef SOCLE_INFER_ENGINE_INNER_H
#define SOCLE_INFER_ENGINE_INNER_H
#include "infer/engine.h"
#include "infer/kv_cache.h"
#include "model/transformer.h"

typedef struct sequence sequence;
struct sequence {
    arena memory;   /* holds the sequence itself */
    sequence *next; /* in the waiting queue */
    uint64_t ticket;
    generation want;          /* prompt, stop_ids, how.bias: copies */
    int32_t *ids;             /* prompt, then answer; room for all that max_tokens allows */
    long n, n_prompt, n_most; /* n_most: n where the answer is cut */
    long computed;            /* tokens whose keys and values are in the cache */
    long reported;            /* prompt tokens reported, where prompt_logprobs */
    long place;               /* row of the block table */
    long n_block;
    bool cancelled; /* set under the engine's lock */
    /* of the present step */
    long first_row, n_row, first_logit, n_logit;
    /* what came out */
    int32_t picked;
    real picked_logprob;
    token_logprob *top; /* [n_logit of a chunk, n_top] */
    real *prompt_logprob;
    bool ended;
    finish_reason why;
    error err;
};

enum { PASS_PLANS = 32, PROMPT_LOGPROB_ROWS = 64 };

/* A recorded pass for one (rows, logits) bucket. Lives in an arena of its own. */
typedef struct pass {
    arena memory;
    long rows, n_logit;
    uint64_t used; /* when, for leaving out the one not used for longest */
    transformer_pass at;
    tensor logit_rows;
    tensor ids_of_rows;
    plan *plan;
    value logits;
} pass;

/* Everything that one pass reads and writes. */
typedef struct pass_room {
    const model *model;
    kv_cache *cache;
    long max_rows, max_sequences, max_blocks;
    int32_t *ids, *position, *adapter, *sequence, *slot, *logit_rows; /* [max_rows] */
    int32_t *table;                                                   /* [max_sequences, max_blocks] */
    pass passes[PASS_PLANS];
    uint64_t clock;
    void *memory;
    size_t bytes;
    candidate *scratch; /* [max_sequences, vocab_size] */
    size_t scratch_bytes;
} pass_room;

bool pass_room_make(arena *owner, pass_room *r, const model *m, kv_cache *cache, long max_rows, long max_sequences, long max_blocks, error *err);
void pass_room_free(pass_room *r);
/* Runs the rows that the sequences ask for (n_row each, beginning at `computed`) and leaves for each what it picked and the
 * log-probabilities that it wants; `computed` rises. */
bool pass_run(pass_room *r, sequence **s, long n, error *err);

#endif
