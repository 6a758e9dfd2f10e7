/* text/merge_learn.h: the merges of a byte-level BPE that are learned from distinct words. Inner to text/. */
#ifndef SOCLE_TEXT_MERGE_LEARN_H
#define SOCLE_TEXT_MERGE_LEARN_H
#include "base/error.h"
#include "text/word_count.h"
#include <stdbool.h>

typedef struct merge_learning {
    long vocab_size;
    const char **special;
    size_t n_special;
    int64_t min_frequency;    /* of a pair that is merged */
    uint32_t max_length;      /* a pair whose tokens have fewer bytes together may come to be; UINT32_MAX: any */
    const volatile int *stop; /* may be NULL: where it becomes non-zero, learning fails with "stopped" */
} merge_learning;

typedef struct learned_token {
    const char *text; /* in the byte alphabet */
    uint32_t length;
    uint32_t bytes; /* that it stands for */
} learned_token;
typedef struct learned_merge {
    int32_t left, right;
} learned_merge;
typedef struct learned {
    learned_token *token; /* by id: special tokens, the 256 characters of bytes by code point, merges */
    size_t n_token;
    learned_merge *merge;
    size_t n_merge;
} learned;

/* In `owner`. Words are bytes; the maps, each with words of its own, hold nothing afterwards. */
bool merges_learn(arena *owner, word_map *words, size_t n_map, const merge_learning *o, learned *out, error *err);

#endif
