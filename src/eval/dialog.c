#include "eval/dialog.h"

#include <string.h>

bool dialog_form_of(arena *owner, const tokenizer *t, rendering how, dialog_form *out, error *err) {
    *out = (dialog_form){.plain = how == RENDER_PLAIN, .chat = {.tokenizer = t, .stop_id = -1, .stop_text = "\n"}};
    if (out->plain) return true;
    if (how == RENDER_CHATML) return chat_form_make(owner, t, template_chatml_jinja(), &out->chat, err);
    return chat_form_make(owner, t, NULL, &out->chat, err) || fail(err, "pairs need --template chatml or plain for this model");
}

/* Text alone has no place for what only a template renders. */
static bool check_plain(const conversation *c, error *err) {
    static const char *const members[] = {"tool_calls", "reasoning_content"};
    if (c->tools != NULL || c->documents != NULL) return fail(err, "plain text renders no %s: take a chat template", c->tools != NULL ? "tools" : "documents");
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < COUNT(members); k++) {
            const json *v = json_get(c->messages[i].members, members[k]);
            if (v != NULL && v->length > 0) return fail(err, "message %zu: plain text renders no %s: take a chat template", i + 1, members[k]);
        }
    return true;
}

/* The turns, each followed by a line feed, encoded as one text that the post-processor completes at its front. */
static bool plain_encode(arena *owner, const dialog_form *f, const conversation *c, int32_t **ids, bool **learned, size_t *n, error *err) {
    if (!check_plain(c, err)) return false;
    string text = {0};
    id_list list = {0};
    size_t *end = NEW_ARRAY(owner, c->n, size_t);
    for (size_t i = 0; i < c->n; i++) {
        string_append(&text, c->messages[i].content, c->messages[i].length);
        string_char(&text, '\n');
        end[i] = text.length;
    }
    const bool ok = tokenizer_encode(f->chat.tokenizer, NULL, string_chars(&text), text.length, TOKENIZER_ADD_SPECIAL | TOKENIZER_OFFSETS, &list, err);
    if (ok) {
        *n = list.n;
        *ids = (int32_t *)arena_copy_bytes(owner, list.id, list.n * sizeof **ids);
        *learned = NEW_ARRAY(owner, list.n, bool);
    }
    size_t turn = 0;
    for (size_t i = 0; ok && i < list.n; i++) {
        while (turn < c->n && end[turn] <= list.begin[i]) turn++;
        if (turn == c->n || list.begin[i] == list.end[i]) continue;            /* the post-processor's */
        (*learned)[i] = c->messages[turn].learned && list.end[i] <= end[turn]; /* all of it: none straddles the border */
    }
    id_list_drop(&list);
    string_drop(&text);
    return ok;
}

bool dialog_encode(arena *owner, const dialog_form *f, const conversation *c, int32_t **ids, bool **learned, size_t *n, error *err) {
    if (f->plain) return plain_encode(owner, f, c, ids, learned, n, err);
    rendered r;
    if (!conversation_render(owner, &f->chat, c, false, &r, err)) return false;
    const bool ok = conversation_encode(owner, f->chat.tokenizer, &r, ids, learned, n, err);
    string_drop(&r.text);
    return ok;
}

bool dialog_prompt(arena *owner, const dialog_form *f, const conversation *c, int32_t **ids, size_t *n, error *err) {
    bool *learned;
    if (c->n == 0 || strcmp(c->messages[c->n - 1].role, "assistant") != 0) return fail(err, "the last message is not the assistant's");
    conversation asked = *c;
    asked.n--;
    return f->plain ? plain_encode(owner, f, &asked, ids, &learned, n, err) : conversation_prompt(owner, &f->chat, &asked, ids, n, err);
}
