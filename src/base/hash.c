#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the state of a chain on the stack */
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t n, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, n, seed);
}

static digest digest_from(XXH128_hash_t h) {
    return (digest){{h.high64, h.low64}};
}

digest digest_of(const void *bytes, size_t n) {
    return digest_from(XXH3_128bits(bytes, n));
}

digest digest_chain(digest before, const void *bytes, size_t n) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, before.word, sizeof before.word);
    XXH3_128bits_update(&state, bytes, n);
    return digest_from(XXH3_128bits_digest(&state));
}

bool digest_equal(digest a, digest b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

char *digest_text(digest d, char out[33]) {
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)d.word[0], (unsigned long long)d.word[1]);
    return out;
}

/* Entries lie in chunks of 64, 128, 256, ... and never move, so that a value's place stays valid; slots hold entry + 1. */
enum { FIRST_CHUNK = 64, MOST_CHUNK = 26, KEY_ROOM = 16 << 10 };

typedef struct entry {
    const char *key;
    size_t n;
    uint64_t hash;
    int64_t value;
} entry;

struct map {
    arena *owner;
    entry *chunk[MOST_CHUNK];
    size_t count;
    uint32_t *slot;
    size_t n_slot; /* a power of two */
    char *keys;    /* room for short keys */
    size_t keys_left;
};

static entry *entry_at(const map *m, size_t i) {
    const int k = 63 - __builtin_clzll(i / FIRST_CHUNK + 1);
    return &m->chunk[k][i - FIRST_CHUNK * (((size_t)1 << k) - 1)];
}

static void slot_put(map *m, uint64_t hash, size_t i) {
    size_t at = hash & (m->n_slot - 1);
    while (m->slot[at] != 0) at = (at + 1) & (m->n_slot - 1);
    m->slot[at] = (uint32_t)i + 1;
}

static bool slots_grow(map *m, size_t n_slot) {
    uint32_t *slot = NEW_ARRAY(m->owner, n_slot, uint32_t);
    if (slot == NULL) return false;
    m->slot = slot;
    m->n_slot = n_slot;
    for (size_t i = 0; i < m->count; i++) slot_put(m, entry_at(m, i)->hash, i);
    return true;
}

map *map_new(arena *owner, size_t expected) {
    map *m = NEW(owner, map);
    size_t n_slot = 64;
    while (n_slot / 4 * 3 < expected && n_slot < (size_t)1 << 32) n_slot *= 2;
    if (m == NULL) return NULL;
    m->owner = owner;
    return slots_grow(m, n_slot) ? m : NULL;
}

static entry *map_find(const map *m, const void *key, size_t n, uint64_t hash) {
    for (size_t at = hash & (m->n_slot - 1); m->slot[at] != 0; at = (at + 1) & (m->n_slot - 1)) {
        entry *e = entry_at(m, m->slot[at] - 1);
        if (e->hash == hash && e->n == n && (n == 0 || memcmp(e->key, key, n) == 0)) return e;
    }
    return NULL;
}

static const char *key_copy(map *m, const void *key, size_t n) {
    if (n + 1 > KEY_ROOM / 16) return arena_copy_bytes(m->owner, key, n);
    if (m->keys_left < n + 1) {
        m->keys = arena_alloc(m->owner, KEY_ROOM);
        m->keys_left = m->keys == NULL ? 0 : KEY_ROOM;
        if (m->keys == NULL) return arena_copy_bytes(m->owner, key, n); /* near the arena's limit */
    }
    char *copy = m->keys;
    if (n > 0) memcpy(copy, key, n);
    m->keys += n + 1;
    m->keys_left -= n + 1;
    return copy;
}

int64_t *map_put(map *m, const void *key, size_t n, bool *is_new) {
    const uint64_t hash = hash64(key, n, 0);
    entry *e = map_find(m, key, n, hash);
    if (is_new != NULL) *is_new = e == NULL;
    if (e != NULL) return &e->value;
    if (m->count >= UINT32_MAX - 1) return NULL;
    if (m->count >= m->n_slot / 4 * 3 && !slots_grow(m, m->n_slot * 2)) return NULL;
    const size_t i = m->count;
    const int k = 63 - __builtin_clzll(i / FIRST_CHUNK + 1);
    if (k >= MOST_CHUNK) return NULL;
    if (m->chunk[k] == NULL && (m->chunk[k] = NEW_ARRAY(m->owner, (size_t)FIRST_CHUNK << k, entry)) == NULL) return NULL;
    const char *copy = key_copy(m, key, n);
    if (copy == NULL) return NULL;
    e = entry_at(m, i);
    *e = (entry){.key = copy, .n = n, .hash = hash};
    slot_put(m, hash, i);
    m->count++;
    return &e->value;
}

int64_t *map_get(const map *m, const void *key, size_t n) {
    entry *e = map_find(m, key, n, hash64(key, n, 0));
    return e == NULL ? NULL : &e->value;
}

int64_t *map_get_text(const map *m, const char *key) {
    return map_get(m, key, strlen(key));
}

size_t map_count(const map *m) {
    return m->count;
}

int64_t map_at(const map *m, size_t i, const char **key, size_t *n) {
    const entry *e = entry_at(m, i);
    if (key != NULL) *key = e->key;
    if (n != NULL) *n = e->n;
    return e->value;
}
