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

typedef struct vocabulary {
    token *token;  /* by id */
    size_t n;      /* ids that there is room for */
    int32_t *slot; /* open addressing: an id or -1 */
    size_t mask;
} vocabulary;
bool vocabulary_start(vocabulary *v, arena *owner, size_t n_id, size_t n_token);
bool vocabulary_put(vocabulary *v, int32_t id, const char *text, size_t n); /* false: the id or the text is there already */
int32_t vocabulary_get(const vocabulary *v, const char *text, size_t n);    /* -1: absent */

/* GPT-2's characters for bytes. */
uint32_t byte_to_char(unsigned char b);
int char_to_byte(uint32_t c); /* -1: stands for none */

#endif
