/* text/chat_template.h: chat templates: the Jinja that models bring along, rendered as transformers renders it (Jinja2's
 * ImmutableSandboxedEnvironment with trim_blocks, lstrip_blocks, loop controls and {% generation %}). A template is compiled
 * once, is never changed after that, and any number of threads may render it.
 * A rendering is one text whose bytes are marked: markup, which the template wrote, or content, which came from a message;
 * tokenizer_encode_marked matches special tokens in markup alone. Of the input these are markup: bos_token and its like, and
 * the role of a message where it is one that the field knows (system, user, assistant, tool, developer, ...). */
#ifndef SOCLE_TEXT_CHAT_TEMPLATE_H
#define SOCLE_TEXT_CHAT_TEMPLATE_H
#include "base/json.h"
#include "text/tokenizer.h"

typedef struct chat_template chat_template;

/* Lives in `owner`, which keeps a copy of the text. err names the template's line: "line 12: ...". Statements and filters that
 * are not supported are refused by name here, before anything is rendered. What is an error only where it is met, as in Jinja: a
 * filter or test inside an `if` that Jinja does not have either; a method or function that does not exist, or is not supported. */
chat_template *chat_template_compile(arena *owner, const char *text, size_t n, error *err);

typedef struct chat_template_input {
    const json *variables; /* an object: messages, tools, documents, add_generation_prompt, and whatever else the template asks for;
                              `tools` and `documents` are none where absent, as transformers passes them */
    const char *bos_token, *eos_token, *pad_token, *unk_token; /* NULL: not defined */
    int64_t now;                                               /* local time that strftime_now sees, as seconds of a UTC clock; INT64_MIN: the clock's */
} chat_template_input;

/* Bits of a byte's mark. */
enum { TEMPLATE_MARKUP = TOKENIZER_MARKUP, TEMPLATE_GENERATION = 2 /* inside {% generation %}: what the assistant says */ };

/* Appends the text to `out` and a mark for each of its bytes to `marks` (NULL: nobody asks). Bounded in steps, depth and
 * output. What the template raises (raise_exception, an operation on the wrong type) is err: "line 12: ...". */
bool chat_template_render(const chat_template *t, const chat_template_input *in, string *out, string *marks, error *err);

#endif
