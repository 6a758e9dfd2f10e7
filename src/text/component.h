/* text/component.h: what the readers of tokenizer.json's components share. Each reader takes what it knows how to do exactly and
 * refuses the rest by name. Inner to text/. */
#ifndef SOCLE_TEXT_COMPONENT_H
#define SOCLE_TEXT_COMPONENT_H
#include "base/json.h"

const char *component_type(const json *v); /* its "type", or words that say that there is none */
bool component_is(const json *v, const char *type);
bool component_is_null(const json *v);
bool component_refuse(const json *v, error *err); /* "NAME is not supported" */
/* The members of a Sequence under `key`, or the one component itself. */
bool component_sequence(const json *v, const char *key, const json **items, size_t *n, error *err);
/* A text that must be there, copied into `owner`; `what` names it in the error. */
bool component_text(arena *owner, const json *v, const char *what, const char **text, size_t *n, error *err);

#endif
