/* infer/chat_form.h: how a model converses: its template, and what ends its turn. */
#ifndef SOCLE_INFER_CHAT_FORM_H
#define SOCLE_INFER_CHAT_FORM_H
#include "data/conversation.h"

typedef struct chat_form {
    const tokenizer *tokenizer; /* borrowed */
    chat_template which;
    int32_t stop_id;       /* ends a turn besides the model's end ids; -1: the vocabulary has no such token */
    const char *stop_text; /* the same as text */
} chat_form;

/* err where the tokenizer names no template, or one that is not understood. */
bool chat_form_of(const tokenizer *t, chat_form *out, error *err);
/* Ids, in `owner`, of the conversation up to where the assistant's next turn begins. */
bool chat_form_prompt(arena *owner, const chat_form *f, const conversation *c, int32_t **ids, size_t *n, error *err);

#endif
