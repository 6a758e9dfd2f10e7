/* infer/kv_cache.h: keys and values of past tokens, in blocks (paged attention, Kwon et al. 2023, arXiv:2309.06180), so that
 * sequences of any length share one piece of memory whose size is fixed beforehand. A block holds the same rows in every
 * layer. Knows model/ and below; knows no request. One thread owns a cache: the engine's. */
#ifndef SOCLE_INFER_KV_CACHE_H
#define SOCLE_INFER_KV_CACHE_H
#include "model/model.h"

enum { KV_BLOCK = 32 }; /* tokens of one block */

typedef struct kv_cache {
    long n_block, n_free;
    int n_layer;
    tensor *k, *v;  /* one for each layer: real [n_block * KV_BLOCK, n_kv_head * head_dim] */
    int32_t *spare; /* the free blocks, a stack; [n_free] of them count */
    bool *taken;    /* [n_block] */
    void *memory;
    size_t bytes;
} kv_cache;

/* Bytes that one token takes in all layers. */
size_t kv_cache_token_bytes(const model *m);
/* Blocks that hold `n_token` tokens. */
long kv_cache_blocks(long n_token);

/* Room for n_block blocks; what describes it lives in `owner`. NULL when the machine has too little memory: err says how much. */
kv_cache *kv_cache_new(arena *owner, const model *m, long n_block, error *err);
void kv_cache_free(kv_cache *c); /* NULL is fine */

/* Lengthens a sequence's list of blocks (*n of them, room for as many as asked) until it holds n_token tokens. false, and
 * nothing changed, where too few blocks are free. */
bool kv_cache_grow(kv_cache *c, int32_t *blocks, long *n, long n_token);
/* Gives a sequence's blocks back; *n becomes 0. */
void kv_cache_release(kv_cache *c, int32_t *blocks, long *n);

#endif
