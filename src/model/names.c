#include "model/names.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_CONFIG = 16 << 20 };

bool json_is_nothing(const json *v) {
    switch (v->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return !v->truth;
    case JSON_NUMBER: return false;
    default: return v->length == 0;
    }
}

const char *json_short_text(const json *v) {
    static _Thread_local char text[64];
    switch (v->type) {
    case JSON_NULL: return "null";
    case JSON_BOOL: return v->truth ? "true" : "false";
    case JSON_NUMBER:
    case JSON_STRING: snprintf(text, sizeof text, "%.60s", v->text); return text;
    case JSON_ARRAY: return v->length == 0 ? "[]" : "[...]";
    case JSON_OBJECT: return v->length == 0 ? "{}" : "{...}";
    }
    return "";
}

/* Levenshtein distance, for names of ordinary length. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1];
    const size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return LONGEST;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

static bool holds(const json *v, const char *only) {
    if (v->type == JSON_NULL) return true;
    if (strcmp(only, "{}") == 0 || strcmp(only, "[]") == 0) return (v->type == JSON_OBJECT || v->type == JSON_ARRAY) && v->length == 0;
    if (v->type == JSON_BOOL) return strcmp(only, v->truth ? "true" : "false") == 0;
    if (v->type == JSON_NUMBER) return v->number == strtod(only, NULL);
    return v->type == JSON_STRING && strcmp(v->text, only) == 0;
}

static bool key_check(const char *key, const json *v, const known_key *const *tables, int n_table, bool lenient, error *err) {
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (int t = 0; t < n_table; t++) {
        for (const known_key *k = tables[t]; k->name != NULL; k++) {
            if (strcmp(k->name, key) == 0) {
                if (k->only == NULL || holds(v, k->only)) return true;
                return fail(err, "%s: %s is not supported (only %s)", key, json_short_text(v), k->only);
            }
            const size_t d = distance(k->name, key);
            if (d < least) least = d, nearest = k->name;
        }
    }
    if (v->type == JSON_NULL || (lenient && json_is_nothing(v))) return true;
    if (least <= 3) return fail(err, "unknown key %.60s; did you mean %s?", key, nearest);
    return fail(err, "unknown key %.60s; the nearest known key is %s (remove it if it changes nothing)", key, nearest);
}

bool keys_check(const json *object, const known_key *const *tables, int n_table, bool lenient, error *err) {
    for (size_t i = 0; i < object->length; i++)
        if (!key_check(object->key[i], &object->item[i], tables, n_table, lenient, err)) return false;
    return true;
}

const char *folder_name(arena *owner, const char *folder) {
    char *whole = realpath(folder, NULL);
    const char *name = arena_copy(owner, path_name(whole != NULL ? whole : folder));
    free(whole);
    return name;
}

json *config_file_read(arena *owner, const char *folder, const char *name, error *err) {
    size_t n;
    char *path = path_join(owner, folder, name), *text = file_read(owner, path, LARGEST_CONFIG, &n, err);
    if (text == NULL) return NULL;
    json *tree = json_parse(owner, text, n, err);
    if (tree == NULL) return fail_null(err, "%s", path);
    return tree->type == JSON_OBJECT ? tree : fail_null(err, "%s: it is no JSON object", path);
}
