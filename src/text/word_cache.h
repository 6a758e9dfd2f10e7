/* text/word_cache.h: text repeats its words: a cache of whole words and their ids stands before the model. Words of up to 15
 * bytes are found by one comparison of 16; a small table (which a core's second-level cache holds) stands before a large one.
 * Tables start small and grow with what they hold, so that a cache for one short text costs nothing. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_CACHE_H
#define SOCLE_TEXT_WORD_CACHE_H
#include "text/tokenizer_inner.h"

#include <string.h>

enum { SHORT_BYTES = 15, SHORT_IDS = 3, LONG_BYTES = 48, LONG_IDS = 11 };

/* The bytes, and in the last one 1 + how many: no key is 0, which is an empty slot. */
typedef struct word_key {
    uint64_t low, high;
} word_key;

typedef struct short_word {
    word_key key;
    int32_t id[SHORT_IDS];
    int32_t n;
} short_word;

typedef struct short_table {
    short_word *slot;
    unsigned shift; /* the slot of a hash is hash >> shift */
    uint32_t n_slot, n_put;
} short_table;

typedef struct long_word {
    unsigned char n_byte, n; /* n_byte 0: empty */
    char key[LONG_BYTES];
    int32_t id[LONG_IDS];
} long_word;

typedef struct word_cache {
    short_table near, far; /* far.slot NULL: not made yet */
    long_word *long_slot;
    uint32_t n_long_slot, n_long_put;
} word_cache;

#define KEY_MASK(n) \
    { (n) >= 8 ? UINT64_MAX : (1ull << (8 * ((n) % 8))) - 1, (n) > 8 ? (1ull << (8 * ((n) % 8))) - 1 : 0 }
static const uint64_t word_key_mask[SHORT_BYTES + 1][2] = {
    KEY_MASK(0), KEY_MASK(1), KEY_MASK(2),  KEY_MASK(3),  KEY_MASK(4),  KEY_MASK(5),  KEY_MASK(6),  KEY_MASK(7),
    KEY_MASK(8), KEY_MASK(9), KEY_MASK(10), KEY_MASK(11), KEY_MASK(12), KEY_MASK(13), KEY_MASK(14), KEY_MASK(15),
};
#undef KEY_MASK

/* The key of word[0..n), n <= SHORT_BYTES, of which 16 bytes can be read whatever n is. */
static inline word_key word_key_of(const char *word, size_t n) {
    word_key k;
    memcpy(&k, word, sizeof k);
    k.low &= word_key_mask[n][0];
    k.high = (k.high & word_key_mask[n][1]) | (uint64_t)(n + 1) << 56;
    return k;
}

/* The same where nothing behind the word can be read. */
static inline word_key word_key_at_end(const char *word, size_t n) {
    char bytes[16] = {0};
    memcpy(bytes, word, n);
    return word_key_of(bytes, n);
}

static inline uint64_t word_key_hash(word_key k) {
    return (k.low * 0x9e3779b97f4a7c15ull) ^ (k.high * 0xc2b2ae3d27d4eb4full);
}

/* Appends the ids of a short word that `near` does not hold, and of a word of more than SHORT_BYTES. */
void word_encode_missed(tokenizer_scratch *s, const char *word, size_t n, word_key key, uint64_t hash, id_list *out);
void word_encode_long(tokenizer_scratch *s, const char *word, size_t n, id_list *out);

/* Appends the ids of a short word; `out` has room for SHORT_IDS more. */
static inline __attribute__((always_inline)) void word_encode_short(tokenizer_scratch *s, const char *word, size_t n, word_key key, id_list *out) {
    const uint64_t hash = word_key_hash(key);
    const short_word *w = &s->cache->near.slot[hash >> s->cache->near.shift];
    if (__builtin_expect(w->key.low != key.low || w->key.high != key.high, 0)) {
        word_encode_missed(s, word, n, key, hash, out);
        return;
    }
    memcpy(out->id + out->n, w->id, sizeof w->id);
    out->n += (size_t)w->n;
}

/* word_stream.c: appends the ids of all words that a pattern cuts text[0..n) into. */
void word_stream(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out);

#endif
