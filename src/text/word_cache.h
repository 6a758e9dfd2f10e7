/* text/word_cache.h: text repeats its words: a cache of whole words and their ids stands before the model. Words of up to 15
 * bytes are found by one comparison of 16; a small table (which a core's second-level cache holds) stands before a large one of two slots a cache line.
 * Tables start small and grow with what they hold, so that a cache for one short text costs nothing. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_CACHE_H
#define SOCLE_TEXT_WORD_CACHE_H
#include "text/token_index.h"
#include "text/tokenizer_inner.h"

#include <string.h>

enum { SHORT_BYTES = 15, WORD_READ = 16, SHORT_IDS = 3, LONG_BYTES = 48, LONG_IDS = 11 };

/* A slot whose key has LONG_MARK besides says that the word has too many ids for it, and is kept with the long ones. */
#define LONG_MARK (1ull << 63)

typedef struct word_ids {
    int32_t id[SHORT_IDS];
    int32_t n;
} word_ids;

typedef struct short_word {
    word_key key;
    word_ids ids;
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
    short_table near, far; /* far.n_slot 0: not made yet */
    long_word *long_slot;
    uint32_t n_long_slot, n_long_put;
    const token_index *tokens; /* NULL: not to be asked, or not yet */
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

/* Whether the small table holds word[0..n), and what; where it does not, the memory that word_encode_missed needs first is asked
 * for. */
static inline __attribute__((always_inline)) bool word_look_up_key(const tokenizer_scratch *s, word_key key, word_ids *found) {
    const word_cache *c = s->cache;
    const uint64_t hash = word_key_hash(key);
    const short_word *w = &c->near.slot[hash >> c->near.shift];
    *found = w->ids;
    if (__builtin_expect(w->key.low == key.low && w->key.high == key.high, 1)) return true;
    /* as a number: the far table may not be there yet */
    __builtin_prefetch((const void *)((uintptr_t)c->far.slot + (hash >> c->far.shift) * sizeof *c->far.slot));
    return false;
}

/* WORD_READ bytes can be read from word[0] on. */
static inline __attribute__((always_inline)) bool word_look_up(const tokenizer_scratch *s, const char *word, size_t n, word_ids *found) {
    return __builtin_expect(n <= SHORT_BYTES, 1) && word_look_up_key(s, word_key_of(word, n), found);
}

/* Nothing behind the word can be read. */
static inline bool word_look_up_at_end(const tokenizer_scratch *s, const char *word, size_t n, word_ids *found) {
    return n <= SHORT_BYTES && word_look_up_key(s, word_key_at_end(word, n), found);
}

/* Appends the ids of any word; the small table is not asked. */
void word_encode_missed(tokenizer_scratch *s, const char *word, size_t n, id_list *out);

/* word_stream.c: appends the ids of all words that a pattern cuts text[0..n) into. */
void word_stream(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out);

#endif
