/* text/tokenizer_train_inner.h: tokenizer.json and tokenizer_config.json of a trained tokenizer. Inner to text/. */
#ifndef SOCLE_TEXT_TOKENIZER_TRAIN_INNER_H
#define SOCLE_TEXT_TOKENIZER_TRAIN_INNER_H
#include "text/merge_learn.h"
#include "text/tokenizer_train.h"
#include "text/unigram_train.h"

/* tokenizer_train_write.c. Appends the component "normalizer" of a name; false: there is no such name. */
bool training_write_normalizer(const char *name, string *out);
void training_write_bpe(const tokenizer_training *o, const char *pre_tokenizer, const learned *l, string *out); /* pre_tokenizer: JSON */
void training_write_unigram(const tokenizer_training *o, const unigram_pieces *p, string *out);
void training_write_config(const tokenizer_training *o, string *out);

#endif
