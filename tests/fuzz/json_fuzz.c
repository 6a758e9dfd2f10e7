#include "base/json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* What is accepted holds together: texts end in NUL and are UTF-8, and the tree is written and read back the same. */
static void check(const json *v, int depth) {
    assert(depth <= 256);
    if (v->type == JSON_STRING) assert(v->text[v->length] == 0 && utf8_valid(v->text, v->length));
    if (v->type == JSON_NUMBER) assert(v->text[v->length] == 0 && strlen(v->text) == v->length);
    if (v->type < JSON_ARRAY) return;
    for (size_t i = 0; i < v->length; i++) {
        check(&v->item[i], depth + 1);
        if (v->type == JSON_OBJECT) assert(v->key[i][v->key_length[i]] == 0 && (strlen(v->key[i]) < v->key_length[i] || json_get(v, v->key[i]) != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 1 << 20}, again = {0};
    error err = {0};
    const json *v = json_parse(&owner, (const char *)data, size, &err);
    assert((v == NULL) == (err.text[0] != 0));
    if (v != NULL) {
        string first = {0}, second = {0};
        check(v, 0);
        json_value(&(json_writer){.out = &first, .indent = size % 3}, v);
        const json *back = json_parse(&again, string_chars(&first), first.length, &err);
        assert(back != NULL);
        json_value(&(json_writer){.out = &second, .indent = size % 3}, back);
        assert(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
        string_drop(&first);
        string_drop(&second);
    }
    arena_drop(&again);
    arena_drop(&owner);
    return 0;
}
