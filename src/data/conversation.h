/* data/conversation.h: conversations, and their one rendering. A template renders to one text whose bytes are marked markup
 * or content; the text is encoded once, as a whole, and a special token is matched only where all its bytes are markup, so
 * that a user's text can never become a control token. */
#ifndef SOCLE_DATA_CONVERSATION_H
#define SOCLE_DATA_CONVERSATION_H
#include "base/json.h"
#include "text/tokenizer.h"

typedef struct message {
    const char *role;    /* "system", "user", "assistant" */
    const char *content; /* bytes, may hold NULs */
    size_t length;
    bool learned; /* training: its loss counts (assistant, unless `weight: 0`) */
} message;

typedef struct conversation {
    message *messages;
    size_t n;
} conversation;

/* From {"messages": [{role, content, weight?}...]}, {"prompt", "completion"} (strings: one user and one assistant turn; lists of
 * messages: only those of the completion are learned), or
 * {"conversations": [{from, value}]}. What it does not understand is refused by name. */
bool conversation_read(arena *owner, const json *line, conversation *out, error *err);

/* Which template a tokenizer's folder names: TEMPLATE_NONE where tokenizer_config.json has no chat_template (or there is
 * none), TEMPLATE_CHATML for the Jinja text that template_chatml_jinja gives; any other is an error that says so. */
typedef enum { TEMPLATE_NONE, TEMPLATE_CHATML } chat_template;
bool chat_template_of(const tokenizer *t, chat_template *out, error *err);
const char *template_chatml_jinja(void); /* the equal Jinja, with {% generation %} spans, for tokenizer_config.json */

/* A rendered conversation: bytes, and for each whether it is markup, and whether it is learned (the answer and the markup
 * that ends its turn). The text is the caller's to give back: string_drop(&rendered.text); a failure leaves none. */
typedef struct rendered {
    string text;
    unsigned char *marks; /* text.length of them: MARK_* bits; lives in the arena given */
} rendered;
enum { MARK_MARKUP = 1, MARK_LEARNED = 2 };
bool conversation_render(arena *owner, chat_template which, const conversation *c, bool add_generation_prompt, rendered *out, error *err);

/* Ids of a rendered conversation, and for each whether it is learned (all its bytes are); both in `owner`. */
bool conversation_encode(arena *owner, const tokenizer *t, const rendered *r, int32_t **ids, bool **learned, size_t *n, error *err);

#endif
