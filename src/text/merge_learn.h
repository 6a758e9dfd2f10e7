/* text/merge_learn.h: distinct words with their counts, and the merges that are learned from them. */
#ifndef SOCLE_TEXT_MERGE_LEARN_H
#define SOCLE_TEXT_MERGE_LEARN_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"
#include <stdint.h>

/* --- word_count.c ------------------------------------------------------------------------------------------------------- */
typedef struct word_entry {
    const char *text;
    uint32_t n, hash;
    int64_t count;
} word_entry;
typedef struct word_map {
    arena memory;
    word_entry *entry; /* in the order in which they came */
    size_t n, room;
    uint32_t *slot; /* 1 + index; 0: empty */
    size_t mask;
} word_map;
void word_map_add(word_map *m, const char *text, size_t n, int64_t count);
void word_map_drop(word_map *m);

/* --- merge_learn.c ------------------------------------------------------------------------------------------------------ */
typedef struct learned_token {
    const char *text; /* in the byte alphabet */
    uint32_t length;
} learned_token;
typedef struct learned {
    learned_token *token; /* by id: special tokens, the 256 characters of bytes by code point, merges */
    size_t n_token;
    struct {
        int32_t left, right;
    } * merge;
    size_t n_merge;
} learned;
/* In `owner`. Words are bytes. */
bool merges_learn(arena *owner, const word_map *words, long vocab_size, const char **special, size_t n_special, const volatile int *stop, learned *out,
                  error *err);

#endif
