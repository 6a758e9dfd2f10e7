/* text/bpe.h: byte pair encoding as a word model. Inner to text/. */
#ifndef SOCLE_TEXT_BPE_H
#define SOCLE_TEXT_BPE_H
#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which two neighbours become which token, and when. */
typedef struct merge {
    int32_t left, right; /* left -1: an empty slot */
    int32_t rank, result;
} merge;
enum { MET_BITS = 8 }; /* for each slot */
typedef struct merge_table {
    merge *slot;
    size_t mask, n;
    uint64_t *met; /* bits by hash, set where a merge has that hash: most pairs have none, and these bits stay in a core's own cache */
    unsigned met_shift;
} merge_table;
bool merge_table_start(merge_table *m, arena *owner, size_t n);
void merge_table_put(merge_table *m, int32_t left, int32_t right, int32_t rank, int32_t result); /* the last one wins */
static inline uint64_t merge_hash(int32_t left, int32_t right) {
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (key ^ key >> 29) * 0x9e3779b97f4a7c15ull;
}
static inline size_t merge_slot(int32_t left, int32_t right) {
    const uint64_t mixed = merge_hash(left, right);
    return (size_t)(mixed ^ mixed >> 32);
}
static inline const merge *merge_find(const merge_table *m, int32_t left, int32_t right) {
    const uint64_t mixed = merge_hash(left, right), bit = mixed >> m->met_shift;
    if (!(m->met[bit / 64] >> bit % 64 & 1)) return NULL;
    for (size_t i = (mixed ^ mixed >> 32) & m->mask;; i = (i + 1) & m->mask) {
        if (m->slot[i].left == left && m->slot[i].right == right) return &m->slot[i];
        if (m->slot[i].left < 0) return NULL;
    }
}

struct tokenizer_scratch;

/* What a merge is known by where its pair is known. */
typedef struct pair_merge {
    int32_t rank, result; /* rank INT32_MAX: no merge */
} pair_merge;

typedef struct bpe {
    merge_table merges;
    bool fuse_unk, ignore_merges, byte_fallback;
    int32_t byte_token[256];     /* <0xHH>, -1: absent */
    int32_t ascii_token[128];    /* the token that is this one character, -1: absent */
    int32_t mapped_token[256];   /* the token of the character that stands for a byte, -1: absent */
    bool mapped_whole;           /* every byte has such a token */
    pair_merge *byte_pair;       /* [256 * 256]: of the tokens of two bytes; NULL: words do not begin as bytes */
    const char *prefix, *suffix; /* continuing_subword_prefix of each character but the first, end_of_word_suffix of the last */
    size_t n_prefix, n_suffix;
    struct token_index *tokens; /* where whole words come before merges; NULL: they do not */
    bool cuts;                  /* there is no pre-tokenizer, and the next two say where a text may be cut with the same ids */
    bool cut_at_blank;          /* no merge crosses from another character into U+2581 */
    uint64_t joins[128][2];     /* bit b of row a: some merge has a, or a part that ends in it, before b, or one of them is no token */
} bpe;

/* As the model's `word`, of a word that is not taken as a whole. */
size_t bpe_merged_word(struct tokenizer_scratch *s, const char *word, size_t n);
/* bpe_merge.c: merges the n parts in s->id and s->length; returns how many are left. `bytes`: the parts are these bytes' tokens;
 * NULL: they are other tokens. */
size_t bpe_merge(struct tokenizer_scratch *s, const char *bytes, size_t n);

#endif
