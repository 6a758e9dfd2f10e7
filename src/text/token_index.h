/* text/token_index.h: which token a word of a few bytes is as a whole, by the key that the cache of words has computed anyway: one
 * look at memory that was asked for ahead, where the vocabulary needs three. Made when a tokenizer is loaded, filled by the
 * first thread that has met many words. Inner to text/. */
#ifndef SOCLE_TEXT_TOKEN_INDEX_H
#define SOCLE_TEXT_TOKEN_INDEX_H
#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* The bytes, and in the last one 1 + how many: no key is 0. */
typedef struct word_key {
    uint64_t low, high;
} word_key;

typedef struct token_slot {
    uint32_t tag; /* the lower half of the hash */
    uint32_t id;  /* and 1; 0: empty */
} token_slot;

typedef struct token_index {
    _Atomic int state;
    token_slot *slot;
    unsigned shift; /* the first slot of a hash is hash >> shift; others follow */
    size_t mask;
    word_key *key; /* by id */
} token_index;

/* Room for the ids [0, n); NULL: the arena's limit is met. */
token_index *token_index_new(arena *owner, size_t n);
/* Fills it with t's vocabulary, where nobody does or has; true: it is filled. */
bool token_index_fill(token_index *x, const struct tokenizer *t);
/* The id; -1: the word is no token. */
int32_t token_index_get(const token_index *x, word_key key, uint64_t hash);

#endif
