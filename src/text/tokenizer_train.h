/* text/tokenizer_train.h: learns a vocabulary from text: byte-level BPE, or Unigram. Deterministic: neither threads nor how the
 * text comes show in the result.
 * BPE is what Hugging Face `tokenizers` learns (BpeTrainer with ByteLevel's alphabet) from the same documents: of all pairs the
 * most frequent is merged, of equals the one with the smaller ids. Unigram follows SentencePiece and `tokenizers` in method
 * (unigram_train.h), and gives pieces of its own.
 * Memory grows with the number of distinct words, not with the text, and no further than most_words. */
#ifndef SOCLE_TEXT_TOKENIZER_TRAIN_H
#define SOCLE_TEXT_TOKENIZER_TRAIN_H
#include "text/tokenizer.h"

typedef enum { TRAIN_BPE, TRAIN_UNIGRAM } training_model;

/* What zero means is said; texts are borrowed until the trainer is dropped. */
typedef struct tokenizer_training {
    training_model model;
    long vocab_size;      /* all ids: special tokens, bytes where there are any, what is learned */
    const char **special; /* they get the first ids */
    size_t n_special;
    const char *eos; /* one of them; NULL: none */
    long most_words; /* distinct words to remember; beyond it the rarest are forgotten. 0: MOST_WORDS */
    /* BPE */
    const char *pattern;   /* cuts text into words: the name of a known one (gpt2, llama3, ...), or a regular expression */
    long min_frequency;    /* a pair that is rarer is not merged; 0: any */
    long max_token_length; /* tokens are made of two that have fewer bytes together, as in `tokenizers`; 0: any */
    /* Unigram */
    const char *unk;         /* the token of what has no piece: one of `special` */
    const char *normalizer;  /* "nmt-nfkc", "nfkc", "none"; NULL: the first one */
    bool byte_fallback;      /* 256 tokens for bytes: what has no piece becomes these */
    double coverage;         /* share of the text's characters that have pieces; 0: all */
    double shrinking_factor; /* share of the pieces that a round leaves; 0: 0.75 */
    long seed_size;          /* pieces to begin with; 0: 1,000,000 */
    long max_piece_length;   /* in characters; 0: 16 */
} tokenizer_training;

enum { MOST_WORDS = 1 << 25 };

typedef struct tokenizer_trainer tokenizer_trainer;

/* NULL: what `o` asks for cannot be; err says what. */
tokenizer_trainer *tokenizer_trainer_new(const tokenizer_training *o, error *err);
void tokenizer_trainer_drop(tokenizer_trainer *t); /* NULL is fine */

/* Text of the corpus, in order. A document may come in several calls; `ends` says that this one ends it. Words never cross
 * documents. Words are counted in parallel whenever enough text has come together. A document without a place where it could be
 * cut is cut all the same after some megabytes; where the pattern is a regular expression, a long one is cut behind line feeds. */
void tokenizer_trainer_add(tokenizer_trainer *t, const char *text, size_t n, bool ends);
int64_t tokenizer_trainer_bytes(const tokenizer_trainer *t);     /* so far */
int64_t tokenizer_trainer_forgotten(const tokenizer_trainer *t); /* words of the text that most_words made it forget */

/* Learns, and returns the tokenizer, in `owner`; tokenizer_save writes it. A text too small for so many tokens gives a smaller
 * vocabulary. `stop` (may be NULL): where it becomes non-zero, it fails with "stopped". Nothing can be added afterwards. */
tokenizer *tokenizer_trainer_finish(tokenizer_trainer *t, arena *owner, const volatile int *stop, error *err);

#endif
