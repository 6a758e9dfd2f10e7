#include "infer/kv_cache.h"

#include <assert.h>

static size_t layer_width(const layer *l) {
    return (size_t)l->n_kv_head * (size_t)l->head_dim;
}

size_t kv_cache_token_bytes(const model *m) {
    size_t width = 0;
    for (long i = 0; i < m->n_layer; i++) width += layer_width(&m->layers[i]);
    return 2 * width * dtype_bytes(DTYPE_REAL);
}

long kv_cache_blocks(long n_token) {
    return (n_token + KV_BLOCK - 1) / KV_BLOCK;
}

kv_cache *kv_cache_new(arena *owner, const model *m, long n_block, error *err) {
    kv_cache *c = NEW(owner, kv_cache);
    const size_t block_bytes = kv_cache_token_bytes(m) * KV_BLOCK;
    if (n_block < 1 || n_block > INT32_MAX / KV_BLOCK || (size_t)n_block > SIZE_MAX / 2 / block_bytes)
        return fail_null(err, "a cache of %ld blocks of %zu bytes is out of bounds", n_block, block_bytes);
    c->n_block = c->n_free = n_block;
    c->n_layer = (int)m->n_layer;
    c->k = NEW_ARRAY(owner, m->n_layer, tensor);
    c->v = NEW_ARRAY(owner, m->n_layer, tensor);
    c->spare = NEW_ARRAY(owner, n_block, int32_t);
    c->taken = NEW_ARRAY(owner, n_block, bool);
    if (c->k == NULL || c->v == NULL || c->spare == NULL || c->taken == NULL) return fail_null(err, "the cache's description meets its memory limit");
    c->bytes = block_bytes * (size_t)n_block;
    c->memory = memory_new(c->bytes, err);
    if (c->memory == NULL) return fail_null(err, "a cache for %ld tokens (a shorter context takes less)", n_block * KV_BLOCK);
    char *at = c->memory;
    for (long i = 0; i < m->n_layer; i++) {
        const shape s = shape_2(n_block * KV_BLOCK, (long)layer_width(&m->layers[i]));
        c->k[i] = tensor_of(DTYPE_REAL, s, at);
        at += tensor_bytes(c->k[i]);
        c->v[i] = tensor_of(DTYPE_REAL, s, at);
        at += tensor_bytes(c->v[i]);
    }
    for (long i = 0; i < n_block; i++) c->spare[i] = (int32_t)(n_block - 1 - i); /* block 0 is taken first */
    return c;
}

void kv_cache_free(kv_cache *c) {
    if (c == NULL) return;
    memory_free(c->memory, c->bytes);
    c->memory = NULL;
}

bool kv_cache_grow(kv_cache *c, int32_t *blocks, long *n, long n_token) {
    const long want = kv_cache_blocks(n_token);
    if (want - *n > c->n_free) return false;
    while (*n < want) {
        const int32_t b = c->spare[--c->n_free];
        assert(!c->taken[b]);
        c->taken[b] = true;
        blocks[(*n)++] = b;
    }
    return true;
}

void kv_cache_release(kv_cache *c, int32_t *blocks, long *n) {
    while (*n > 0) {
        const int32_t b = blocks[--*n];
        assert(b >= 0 && b < c->n_block && c->taken[b]);
        c->taken[b] = false;
        c->spare[c->n_free++] = b;
    }
}
