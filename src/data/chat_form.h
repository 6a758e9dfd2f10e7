/* data/chat_form.h: how conversations are written for a model: its tokenizer's chat template, compiled once, and what was found
 * out about it by rendering a few turns. A template renders to one text whose bytes are marked markup or content; the text is
 * encoded once, as a whole, and a special token is matched only where all its bytes are markup, so that a user's text can never
 * become a control token. A form is never changed after it is made: any number of threads may use it. */
#ifndef SOCLE_DATA_CHAT_FORM_H
#define SOCLE_DATA_CHAT_FORM_H
#include "data/conversation.h"
#include "text/chat_template.h"

/* Names that a template's text holds: it does not render what it does not name. */
enum { NAMES_TOOLS = 1, NAMES_DOCUMENTS = 2, NAMES_TOOL = 4, NAMES_TOOL_CALLS = 8, NAMES_REASONING = 16, NAMES_DEVELOPER = 32 };

typedef struct known_template {
    const chat_template *compiled;
    unsigned names;
    bool parts;   /* it renders content that is a list of parts; else it is given the text that they make */
    bool objects; /* it wants a call's arguments as an object, else as a text */
    /* What it wants as the content of a turn that only calls: the one with which it renders the calls, where it is only one. */
    enum { CALL_CONTENT_ANY, CALL_CONTENT_NONE, CALL_CONTENT_EMPTY } call_content;
} known_template;

typedef struct chat_form {
    const tokenizer *tokenizer;       /* borrowed */
    known_template usual, with_tools; /* with_tools: where tools are offered; often the same */
    int32_t stop_id;                  /* the token that ends the assistant's turn, besides the model's end ids; -1: no single token does */
    const char *stop_text;            /* the same as text; NULL: nothing was found to end a turn */
    bool open_end;                    /* a last answer is not closed: what ends a turn stands only before another one */
} chat_form;

/* `jinja` NULL: the tokenizer's own template ("tool_use", where it has one of that name, when tools are offered); err where there
 * is none. Everything lives in `owner`; the tokenizer must live as long. */
bool chat_form_make(arena *owner, const tokenizer *t, const char *jinja, chat_form *out, error *err);
const char *template_chatml_jinja(void); /* ChatML with {% generation %} spans: the template of models that have none */

/* A rendered conversation: bytes, and for each its marks. The text is the caller's to give back: string_drop(&rendered.text); a
 * failure leaves none. */
typedef struct rendered {
    string text;
    unsigned char *marks; /* text.length of them: MARK_* bits; lives in the arena given */
    size_t left_out;      /* turns that were to be learned and are not: see below */
} rendered;
enum { MARK_MARKUP = TEMPLATE_MARKUP, MARK_LEARNED = TEMPLATE_GENERATION };

/* Learned are the assistant's turns (those with message.learned), from behind the role's header to the token that ends the turn,
 * included. Where the template has {% generation %} they say where a turn lies; else it is what the conversation up to and with
 * the turn has more than the conversation before it with a generation prompt. A turn that is rendered in another way once the
 * conversation goes on (reasoning that is dropped later) is not learned, and counted in left_out. With a generation prompt
 * nothing is learned. A turn that only calls gets the content, none or an empty text, with which the template renders calls.
 * err where a message holds what the template does not render (calls, reasoning, ...), or the template raises. */
bool conversation_render(arena *owner, const chat_form *f, const conversation *c, bool add_generation_prompt, rendered *out, error *err);

/* Ids of a rendered conversation, and for each whether it is learned (all its bytes are); both in `owner`. */
bool conversation_encode(arena *owner, const tokenizer *t, const rendered *r, int32_t **ids, bool **learned, size_t *n, error *err);
/* Ids, in `owner`, of the conversation up to where the assistant's next turn begins. */
bool conversation_prompt(arena *owner, const chat_form *f, const conversation *c, int32_t **ids, size_t *n, error *err);

#endif
