/* text/word_model.h: a model of tokenizer.json: what cuts one word into tokens. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_MODEL_H
#define SOCLE_TEXT_WORD_MODEL_H
#include "base/json.h"
#include "text/tokenizer.h"

/* What tokenizer.json says of a model. */
typedef struct merge_text { /* one merge */
    const char *left, *right;
    uint32_t n_left, n_right;
} merge_text;
typedef struct model_text {
    const json *fields;  /* the model's object; its vocab and merges are empty here: they are below, and in t->vocabulary */
    const double *score; /* by id, where vocab is a list of [token, score]; else NULL */
    const merge_text *merge;
    size_t n_merge;
    bool has_merges;
} model_text;

typedef struct word_model {
    const char *name; /* of "type": "BPE" */
    bool scored;      /* its vocab is a list of [token, score], else an object of ids */
    bool (*read)(tokenizer *t, const model_text *source, error *err);
    /* Cuts word[0..n), n > 0, bytes of the normalized text (before the byte alphabet, where the pre-tokenizer ends in ByteLevel).
     * Leaves ids in s->id and in s->length how many bytes of the word each stands for (0: those of the one before it, once more);
     * returns how many. A character that no
     * token covers, where there is no unknown token either, sets s->unknown. */
    size_t (*word)(tokenizer_scratch *s, const char *word, size_t n);
    /* Appends all of the model that decides ids, besides the vocabulary and the unknown token: what the digest is of. */
    void (*content)(const tokenizer *t, string *out);
} word_model;
void content_number(string *out, uint64_t x);
void content_text(string *out, const char *text, size_t n);

extern const word_model bpe_model, unigram_model, wordpiece_model, wordlevel_model;

/* word_cache.c: appends the ids of one word to `out`, by way of a cache of whole words. `readable`: bytes of the text from word[0]
 * on, n or more. */
void word_encode(tokenizer_scratch *s, const char *word, size_t n, size_t readable, id_list *out);
bool word_cache_start(tokenizer_scratch *s);
/* Room in s->id and s->length for n parts; what they held is gone. */
void word_reserve(tokenizer_scratch *s, size_t n);

#endif
