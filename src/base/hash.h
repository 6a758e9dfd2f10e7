/* base/hash.h: xxh3 digests, and a hash map from bytes to int64. */
#ifndef SOCLE_BASE_HASH_H
#define SOCLE_BASE_HASH_H
#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct digest {
    uint64_t word[2];
} digest;
uint64_t hash64(const void *bytes, size_t n, uint64_t seed);
digest digest_of(const void *bytes, size_t n);
digest digest_chain(digest before, const void *bytes, size_t n); /* digest of (before, bytes) */
bool digest_equal(digest a, digest b);
char *digest_text(digest d, char out[33]); /* 32 hex digits */

/* Open addressing; keys are copied into `owner`; values are yours, and their places never move. Order of map_at is the order
 * of insertion. At most 2^32 - 2 keys. */
typedef struct map map;
map *map_new(arena *owner, size_t expected);
/* The value's place, made (0) where the key is new (*is_new, which may be NULL). NULL where the arena's limit is met. */
int64_t *map_put(map *m, const void *key, size_t n, bool *is_new);
int64_t *map_get(const map *m, const void *key, size_t n); /* NULL: absent */
int64_t *map_get_text(const map *m, const char *key);
size_t map_count(const map *m);
int64_t map_at(const map *m, size_t i, const char **key, size_t *n);

#endif
