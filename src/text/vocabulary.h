/* text/vocabulary.h: tokens by id and ids by token. Inner to text/. */
#ifndef SOCLE_TEXT_VOCABULARY_H
#define SOCLE_TEXT_VOCABULARY_H
#include "base/arena.h"
#include "base/hash.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct token {
    const char *text; /* NULL: nobody has this id */
    uint32_t length;
} token;

/* Ids from here on are refused: an id is an index, and outside bytes must not size memory. */
enum { MOST_IDS = 1 << 24 };

typedef struct vocabulary_slot {
    uint32_t hash; /* its upper half */
    int32_t id;    /* -1: empty */
} vocabulary_slot;
typedef struct vocabulary {
    token *token;          /* by id */
    size_t n;              /* ids that there is room for */
    vocabulary_slot *slot; /* open addressing */
    size_t mask;
} vocabulary;
bool vocabulary_start(vocabulary *v, arena *owner, size_t n_id, size_t n_token);
bool vocabulary_put(vocabulary *v, int32_t id, const char *text, size_t n); /* false: the id or the text is there already */
/* The same where a text may be there already: it is then found under its new id, and its old id keeps it. */
bool vocabulary_put_again(vocabulary *v, int32_t id, const char *text, size_t n);
int32_t vocabulary_get(const vocabulary *v, const char *text, size_t n); /* -1: absent */
/* For many look-ups at once: vocabulary_get is both; asking for the hash and the memory ahead hides the wait for it. */
static inline uint64_t vocabulary_hash(const char *text, size_t n) {
    return hash64(text, n, 0);
}
static inline void vocabulary_prefetch(const vocabulary *v, uint64_t hash) {
    __builtin_prefetch(&v->slot[hash & v->mask]);
}
int32_t vocabulary_get_hashed(const vocabulary *v, uint64_t hash, const char *text, size_t n);

/* GPT-2's characters for bytes. */
uint32_t byte_to_char(unsigned char b);
int char_to_byte(uint32_t c); /* -1: stands for none */

#endif
