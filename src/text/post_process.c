/* The post-processor: what goes before and behind one text. */
#include "text/component.h"
#include "text/tokenizer_inner.h"

#include <string.h>

static bool append_special(tokenizer *t, const json *part, const json *table, int32_t **ids, size_t *n, error *err) {
    const char *name = json_get_text(part, "id", NULL);
    const json *list = name != NULL ? json_get(json_get(table, name), "ids") : NULL;
    if (list == NULL || list->type != JSON_ARRAY)
        return fail(err, "TemplateProcessing: special_tokens has no ids for %s", name != NULL ? name : "a SpecialToken without an id");
    if (list->length > 64) return fail(err, "TemplateProcessing: special_tokens: %s: %zu ids are more than 64", name, list->length);
    for (size_t i = 0; i < list->length; i++) {
        const json *id = &list->item[i];
        if (id->type != JSON_NUMBER || !id->is_integer || id->integer < 0 || id->integer >= (int64_t)t->vocabulary.n ||
            t->vocabulary.token[id->integer].text == NULL)
            return fail(err, "TemplateProcessing: special_tokens: %s: an id that no token has", name);
        int32_t *grown = arena_grow(t->owner, *ids, *n * sizeof **ids, (*n + 1) * sizeof **ids);
        if (grown == NULL) return fail(err, "TemplateProcessing: larger than the memory allowed for a tokenizer");
        *ids = grown;
        (*ids)[(*n)++] = (int32_t)id->integer;
    }
    return true;
}

static bool read_template(tokenizer *t, const json *v, error *err) {
    const json *single = json_get(v, "single");
    if (single == NULL || single->type != JSON_ARRAY || single->length > 64) return fail(err, "TemplateProcessing: single is not a list of at most 64 pieces");
    if (t->post.n_prefix + t->post.n_suffix > 0) return fail(err, "TemplateProcessing twice is not supported");
    bool behind = false;
    for (size_t i = 0; i < single->length; i++) {
        const json *part = &single->item[i], *special = json_get(part, "SpecialToken"), *sequence = json_get(part, "Sequence");
        if (sequence != NULL && !behind && json_is_text(json_get(sequence, "id"), "A")) behind = true;
        else if (special == NULL) return fail(err, "TemplateProcessing: single: a piece that is neither a SpecialToken nor the Sequence A, once");
        else if (!append_special(t, special, json_get(v, "special_tokens"), behind ? &t->post.suffix : &t->post.prefix,
                                 behind ? &t->post.n_suffix : &t->post.n_prefix, err))
            return false;
    }
    return behind || fail(err, "TemplateProcessing: single: without the Sequence A");
}

bool post_processor_read(tokenizer *t, const json *v, error *err) {
    if (component_is_null(v)) return true;
    const json *items;
    size_t n;
    if (!component_sequence(v, "processors", &items, &n, err)) return fail(err, "post_processor");
    for (size_t i = 0; i < n; i++) {
        if (component_is(&items[i], "ByteLevel")) continue; /* trims offsets, changes no id */
        const bool ok = component_is(&items[i], "TemplateProcessing") ? read_template(t, &items[i], err) : component_refuse(&items[i], err);
        if (!ok) return fail(err, "post_processor");
    }
    return true;
}
