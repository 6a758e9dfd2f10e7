#include "infer/chat_form.h"

#include <string.h>

bool chat_form_of(const tokenizer *t, chat_form *out, error *err) {
    *out = (chat_form){.tokenizer = t, .stop_id = -1, .stop_text = "<|im_end|>"};
    if (!chat_template_of(t, &out->which, err)) return false;
    if (out->which == TEMPLATE_NONE) return fail(err, "the model has no chat template: it continues texts, and 'socle tune' makes one of it that converses");
    const int32_t id = tokenizer_lookup(t, out->stop_text, strlen(out->stop_text));
    if (id >= 0) out->stop_id = id;
    return true;
}

bool chat_form_prompt(arena *owner, const chat_form *f, const conversation *c, int32_t **ids, size_t *n, error *err) {
    rendered r;
    bool *learned;
    if (!conversation_render(owner, f->which, c, true, &r, err)) return false;
    const bool ok = conversation_encode(owner, f->tokenizer, &r, ids, &learned, n, err);
    string_drop(&r.text);
    return ok;
}
