/* data/chat_form_inner.h: what chat_form.c (making a form) and chat_render.c (using it) ask of each other. */
#ifndef SOCLE_DATA_CHAT_FORM_INNER_H
#define SOCLE_DATA_CHAT_FORM_INNER_H
#include "data/chat_form.h"

/* The template's text, and its marks where `marks` is not NULL, of a list of messages as the template is to see them. tools,
 * documents, variables: NULL: none. */
typedef struct template_call {
    const chat_form *form;
    const known_template *which;
    const json *messages;
    const json *tools, *documents, *variables;
} template_call;
bool template_run(const template_call *call, size_t n_message, bool add_generation_prompt, string *text, string *marks, error *err);

#endif
