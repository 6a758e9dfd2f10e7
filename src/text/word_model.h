/* text/word_model.h: a model of tokenizer.json: what cuts one word into tokens. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_MODEL_H
#define SOCLE_TEXT_WORD_MODEL_H
#include "base/json.h"
#include "text/tokenizer.h"

typedef struct word_model {
    const char *name; /* of "type": "BPE" */
    /* Reads the model's own fields; the vocabulary is there already (Unigram's, too: its pieces in order). */
    bool (*read)(tokenizer *t, const json *model, error *err);
    /* Cuts word[0..n), n > 0, bytes of the normalized text (before the byte alphabet, where the pre-tokenizer ends in ByteLevel).
     * Leaves ids in s->id and in s->length how many bytes of the word each stands for; returns how many. */
    size_t (*word)(tokenizer_scratch *s, const char *word, size_t n);
} word_model;

extern const word_model bpe_model, unigram_model, wordpiece_model, wordlevel_model;

/* word_cache.c: appends the ids of one word to `out`, by way of a cache of whole words. */
void word_encode(tokenizer_scratch *s, const char *word, size_t n, id_list *out);
bool word_cache_start(tokenizer_scratch *s);
/* Room in s->id and s->length for n parts; what they held is gone. */
void word_reserve(tokenizer_scratch *s, size_t n);

#endif
