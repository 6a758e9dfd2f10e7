/* The parts of tokenizer.json around the model. Each reader takes what it knows how to do exactly and refuses the rest by name. */
#include "text/component.h"

#include "text/normalize.h"

#include <string.h>

const char *component_type(const json *v) {
    return json_get_text(v, "type", "a component without a type");
}

bool component_is(const json *v, const char *type) {
    return json_is_text(json_get(v, "type"), type);
}

bool component_refuse(const json *v, error *err) {
    return fail(err, "%s is not supported", component_type(v));
}

bool component_is_null(const json *v) {
    return v == NULL || v->type == JSON_NULL;
}

/* The members of a Sequence under `key`, or the one component itself. */
bool component_sequence(const json *v, const char *key, const json **items, size_t *n, error *err) {
    *items = v;
    *n = 1;
    if (!component_is(v, "Sequence")) return true;
    const json *list = json_get(v, key);
    if (list == NULL || list->type != JSON_ARRAY) return fail(err, "Sequence: %s is not a list", key);
    if (list->length > MOST_STEPS) return fail(err, "Sequence: %zu steps are more than %d", list->length, MOST_STEPS);
    *items = list->item;
    *n = list->length;
    return true;
}

bool component_text(arena *owner, const json *v, const char *what, const char **text, size_t *n, error *err) {
    if (v == NULL || v->type != JSON_STRING) return fail(err, "%s is not a text", what);
    *n = v->length;
    *text = arena_copy_bytes(owner, v->text, v->length);
    return *text != NULL || fail(err, "%s: larger than the memory allowed for a tokenizer", what);
}
