/* text/decode_inner.h: what decode*.c share. */
#ifndef SOCLE_TEXT_DECODE_INNER_H
#define SOCLE_TEXT_DECODE_INNER_H
#include "text/tokenizer_inner.h"

/* decode_token.c: a step that sees one token alone, on the token in s; `spare` is room. first, last: its place in the list. */
void decode_token(const decode_step *d, bool first, bool last, string *s, string *spare);
int fallback_byte(const char *text, size_t n); /* of <0xHH>; -1: is no such token */
/* Appends the bytes that a token of GPT-2's alphabet stands for; one with any other character stands for itself. */
void bytes_of_alphabet(const char *text, size_t n, string *out);

/* decode_chain.c: the text of a list of tokens, step by step over the whole list. */
void decode_chain(const decoder *d, const token *tokens, size_t n, string *out);

#endif
