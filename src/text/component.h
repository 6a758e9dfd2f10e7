/* text/component.h: what the readers of tokenizer.json's components share. Each reader takes what it knows how to do exactly and
 * refuses the rest by name. Inner to text/. */
#ifndef SOCLE_TEXT_COMPONENT_H
#define SOCLE_TEXT_COMPONENT_H
#include "base/json.h"

enum { MOST_COMPONENTS = 32 }; /* of one kind in a tokenizer */

const char *component_type(const json *v); /* its "type", or words that say that there is none */
bool component_is(const json *v, const char *type);
bool component_is_null(const json *v);
bool component_refuse(const json *v, error *err); /* "NAME is not supported" */
/* The members of a Sequence under `key`, or the one component itself. */
bool component_sequence(const json *v, const char *key, const json **items, size_t *n, error *err);
/* Calls `read` for each component, in order, through Sequences inside Sequences; their number is bounded by MOST_COMPONENTS. */
typedef bool component_reader(void *user, const json *v, error *err);
bool component_each(const json *v, const char *key, component_reader *read, void *user, error *err);
/* A text that must be there, copied into `owner`; `what` names it in the error. */
bool component_text(arena *owner, const json *v, const char *what, const char **text, size_t *n, error *err);
/* Fields of a component; absent or null: *value stays. Of another type: an error with the component's name and the field's. */
bool component_bool(const json *v, const char *field, bool *value, error *err);
bool component_character(arena *owner, const json *v, const char *field, const char **text, size_t *n, error *err); /* one code point, needed */
/* Which of `names` (NULL at the end) the field is; absent: `absent`, which is an index too, or -1 where it must be there. */
bool component_choice(const json *v, const char *field, const char *const *names, int absent, int *choice, error *err);

#endif
