/* text/word_count.h: distinct words with their counts. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_COUNT_H
#define SOCLE_TEXT_WORD_COUNT_H
#include "base/arena.h"
#include <stdint.h>

typedef struct word_entry {
    const char *text;
    uint32_t n, hash;
    int64_t count;
} word_entry;

/* Starts as {0}. At most 2^31 words of less than 4 GiB each. */
typedef struct word_map {
    word_entry *entry; /* in the order in which they came */
    size_t n, room;
    uint32_t *slot; /* 1 + index; 0: empty */
    size_t mask;
    size_t bytes; /* of all words */
    char *text;   /* room for more of their bytes */
    size_t n_text;
    arena entries, slots, texts; /* each array has an arena of its own, which goes when it grows */
} word_map;

/* A larger copy of an array that is alone in its arena; the old one is given back. */
void *array_move(arena *a, const void *old, size_t old_bytes, size_t new_bytes);

uint32_t word_hash(const char *text, size_t n);
void word_map_add(word_map *m, const char *text, size_t n, uint32_t hash, int64_t count); /* hash: word_hash of it */
/* Forgets the words that were counted `most` times or less; returns what was counted of them. */
int64_t word_map_prune(word_map *m, int64_t most);
void word_map_sort(word_map *m);  /* by their bytes; after this nothing can be added */
void word_map_reset(word_map *m); /* empty; keeps its memory */
void word_map_drop(word_map *m);

#endif
