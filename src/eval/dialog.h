/* eval/dialog.h: a conversation as a model is shown it (see `rendering` in judge.h). Inner to this room. */
#ifndef SOCLE_EVAL_DIALOG_H
#define SOCLE_EVAL_DIALOG_H
#include "eval/judge.h"
#include "data/chat_form.h"

typedef struct dialog_form {
    bool plain;
    chat_form chat; /* what ends a turn; the template, where it is not plain */
} dialog_form;

/* Resolves AUTO. Lives in `owner`. */
bool dialog_form_of(arena *owner, const tokenizer *t, rendering how, dialog_form *out, error *err);
/* All turns; learned[i]: id i belongs to an answer or to what ends it. Both in `owner`. */
bool dialog_encode(arena *owner, const dialog_form *f, const conversation *c, int32_t **ids, bool **learned, size_t *n, error *err);
/* All turns but the last, which must be the assistant's, up to where its answer begins. */
bool dialog_prompt(arena *owner, const dialog_form *f, const conversation *c, int32_t **ids, size_t *n, error *err);

#endif
