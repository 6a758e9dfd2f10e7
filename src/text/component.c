#include "text/component.h"

enum { MOST_NESTED = 8 };

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

bool component_sequence(const json *v, const char *key, const json **items, size_t *n, error *err) {
    *items = v;
    *n = 1;
    if (!component_is(v, "Sequence")) return true;
    const json *list = json_get(v, key);
    if (list == NULL || list->type != JSON_ARRAY) return fail(err, "Sequence: %s is not a list", key);
    if (list->length > MOST_COMPONENTS) return fail(err, "Sequence: %zu steps are more than %d", list->length, MOST_COMPONENTS);
    *items = list->item;
    *n = list->length;
    return true;
}

static bool each(const json *v, const char *key, component_reader *read, void *user, int depth, size_t *left, error *err) {
    if (!component_is(v, "Sequence")) {
        if (*left == 0) return fail(err, "Sequence: more than %d steps", MOST_COMPONENTS);
        --*left;
        return read(user, v, err);
    }
    if (depth == MOST_NESTED) return fail(err, "Sequence: %d of them inside each other are the most", MOST_NESTED);
    const json *items;
    size_t n;
    if (!component_sequence(v, key, &items, &n, err)) return false;
    for (size_t i = 0; i < n; i++)
        if (!each(&items[i], key, read, user, depth + 1, left, err)) return false;
    return true;
}

bool component_each(const json *v, const char *key, component_reader *read, void *user, error *err) {
    size_t left = MOST_COMPONENTS;
    return each(v, key, read, user, 0, &left, err);
}

bool component_text(arena *owner, const json *v, const char *what, const char **text, size_t *n, error *err) {
    if (v == NULL || v->type != JSON_STRING) return fail(err, "%s is not a text", what);
    *n = v->length;
    *text = arena_copy_bytes(owner, v->text, v->length);
    return *text != NULL || fail(err, "%s: larger than the memory allowed for a tokenizer", what);
}

bool component_bool(const json *v, const char *field, bool *value, error *err) {
    const json *found = json_get(v, field);
    if (component_is_null(found)) return true;
    if (found->type != JSON_BOOL) return fail(err, "%s: %s is neither true nor false", component_type(v), field);
    *value = found->truth;
    return true;
}

bool component_character(arena *owner, const json *v, const char *field, const char **text, size_t *n, error *err) {
    const json *found = json_get(v, field);
    if (found == NULL || found->type != JSON_STRING || found->length == 0) return fail(err, "%s: %s is not a character", component_type(v), field);
    size_t at = 0;
    utf8_next(found->text, found->length, &at);
    if (at != found->length) return fail(err, "%s: %s is not one character", component_type(v), field);
    return component_text(owner, found, field, text, n, err);
}

bool component_choice(const json *v, const char *field, const char *const *names, int absent, int *choice, error *err) {
    const json *found = json_get(v, field);
    if (component_is_null(found) && absent >= 0) {
        *choice = absent;
        return true;
    }
    if (found == NULL || found->type != JSON_STRING) return fail(err, "%s: %s is not a text", component_type(v), field);
    for (int i = 0; names[i] != NULL; i++) {
        *choice = i;
        if (json_is_text(found, names[i])) return true;
    }
    return fail(err, "%s: %s %.60s is not supported", component_type(v), field, found->text);
}
