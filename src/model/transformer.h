/* model/transformer.h: records a pass of a model. Training, tuning, evaluation and serving record the same pass; it reads the
 * layers of the model and never asks what a model is called. */
#ifndef SOCLE_MODEL_TRANSFORMER_H
#define SOCLE_MODEL_TRANSFORMER_H
#include "graph/graph.h"
#include "model/adapter.h"
#include "model/model.h"

/* What one pass reads besides weights. The tensors are the caller's and borrowed; their contents change between runs. */
typedef struct transformer_pass {
    tensor ids;      /* i32 [rows] */
    tensor position; /* i32 [rows] in its sequence or document, from 0 */
    tensor adapter;  /* i32 [rows] slot of the model's bank, -1: none. Needed where the model has a bank */
    /* keys and values of this pass (training, evaluation): row i sees rows first[i] .. i. Documents are packed by it. */
    tensor first; /* i32 [rows]; data NULL in a cached pass */
    /* or of a cache (generation): row i belongs to sequence s = sequence[i] (-1: an idle row), is written to cache row
     * slot[i], and sees the rows of positions 0 .. position[i]: position p lies in cache row
     * table[s, p / block_size] * block_size + p % block_size. Rows of one sequence follow each other, positions rising by 1. */
    tensor sequence, slot;     /* i32 [rows] */
    tensor table;              /* i32 [n_sequence, blocks of the longest] */
    tensor *cache_k, *cache_v; /* one for each layer: real [n_block * block_size, n_kv_head * head_dim] */
    long block_size;
    /* training */
    tensor seed;   /* i64 [2]: seed, and a number that differs for each micro-batch; needed where a dropout is not 0 */
    real dropout;  /* of embeddings and of each block's two branches; 0 outside training */
    bool training; /* the bank's dropout applies */
} transformer_pass;

/* The final, normed hidden states [rows, hidden_size]. */
value transformer_hidden(const model *m, record *r, const transformer_pass *p, error *err);
/* Negative log-likelihood [rows] of `targets` (outside, i32 [rows]; -100: not learned, gives 0), in nats. Its second result
 * (record_result 1) is the logsumexp [rows]. */
value transformer_nll(const model *m, record *r, value hidden, value targets, error *err);
/* Logits [n, vocab_size] of the rows listed in `rows` (outside, i32 [n]). */
value transformer_logits(const model *m, record *r, value hidden, value rows, error *err);

/* Multiply-adds times two of one forward pass over `rows` rows that each see `keys` keys on average, logits included; a
 * training step does three times that. For shares of the peak. */
double transformer_flops(const model *m, double rows, double keys);

#endif
