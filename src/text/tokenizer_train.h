/* text/tokenizer_train.h: learns a byte-level BPE vocabulary from text. Deterministic, and equal to what Hugging Face
 * `tokenizers` learns (BpeTrainer with ByteLevel's alphabet, min_frequency 0) from the same documents: of all pairs the most
 * frequent is merged, of equals the one with the smaller ids. Memory grows with the number of distinct words, not with the text. */
#ifndef SOCLE_TEXT_TOKENIZER_TRAIN_H
#define SOCLE_TEXT_TOKENIZER_TRAIN_H
#include "text/tokenizer.h"

typedef struct tokenizer_trainer tokenizer_trainer;

/* `pattern` is "gpt2", "llama3", "qwen2", or the pattern itself as tokenizer.json has it. NULL: it is not known. */
tokenizer_trainer *tokenizer_trainer_new(const char *pattern, error *err);
void tokenizer_trainer_drop(tokenizer_trainer *t); /* NULL is fine */

/* Text of the corpus, in order. A document may come in several calls; `ends` says that this one ends it. Words never cross
 * documents. Words are counted in parallel whenever enough text has come together. */
void tokenizer_trainer_add(tokenizer_trainer *t, const char *text, size_t n, bool ends);
int64_t tokenizer_trainer_bytes(const tokenizer_trainer *t); /* so far */

typedef struct tokenizer_training {
    long vocab_size;      /* all ids: special tokens, 256 bytes, merges */
    const char **special; /* they get the first ids */
    size_t n_special;
    const char *eos; /* one of them; NULL: none */
} tokenizer_training;

/* Whether that can be: sizes and special tokens. tokenizer_trainer_finish checks too; asking first saves reading the text. */
bool tokenizer_training_check(const tokenizer_training *o, error *err);

/* Learns the merges and returns the tokenizer, in `owner`; tokenizer_save writes it. A text too small for that many merges
 * gives a smaller vocabulary. `stop` (may be NULL): where it becomes non-zero, it fails with "stopped". */
tokenizer *tokenizer_trainer_finish(tokenizer_trainer *t, const tokenizer_training *o, arena *owner, const volatile int *stop, error *err);

#endif
