/* text/word_bytes.h: what a word model that works on characters sees where the pre-tokenizer ends in ByteLevel. Inner to text/. */
#ifndef SOCLE_TEXT_WORD_BYTES_H
#define SOCLE_TEXT_WORD_BYTES_H
#include "text/tokenizer_inner.h"

/* The word as the model sees it: itself, or, where the pre-tokenizer ends in ByteLevel, the characters that stand for its bytes
 * (in the scratch, until the next word). *n becomes its length. */
const char *word_bytes(tokenizer_scratch *s, const char *word, size_t *n);
/* Turns the lengths of `n_id` parts of such a word from bytes of what the model saw into bytes of the word. */
void word_bytes_lengths(tokenizer_scratch *s, const char *seen, size_t n_id);

#endif
