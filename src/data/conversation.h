/* data/conversation.h: conversations as data sets and requests hold them. How they are written for a model is chat_form.h. */
#ifndef SOCLE_DATA_CONVERSATION_H
#define SOCLE_DATA_CONVERSATION_H
#include "base/json.h"

typedef struct message {
    const char *role;    /* "system", "developer", "user", "assistant", "tool" */
    const char *content; /* its text, parts joined; "" where there is none (a call of a tool alone); bytes, may hold NULs */
    size_t length;
    bool learned;        /* training: its loss counts (assistant, unless `weight: 0`) */
    const json *members; /* all that a template sees of it (tool_calls, reasoning_content, name, ...); NULL: role and content alone */
} message;

typedef struct conversation {
    message *messages;
    size_t n;
    const json *tools, *documents; /* lists; NULL: none */
    const json *variables;         /* an object of further variables for the template (enable_thinking, ...); NULL: none */
} conversation;

/* From {"messages": [{role, content, weight?, tool_calls?, ...}...]}, {"prompt", "completion"} (strings: one user and one assistant
 * turn; lists of messages: only those of the completion are learned), or {"conversations": [{from, value}]}, where `function_call`
 * and `observation` are a call of a tool and its result; beside them tools (a list, or its JSON as a text), documents, and
 * chat_template_kwargs. Members of a message are kept as they are, but for: null ones, except content, count as absent, `weight` is
 * not shown to templates, and reasoning is there under the names reasoning_content and thinking. What it does not understand is
 * refused by name, and so is a message of more than 256 members. Points into `line`, which must live as long. */
bool conversation_read(arena *owner, const json *line, conversation *out, error *err);

#endif
