#include "curate/stage.h"

#include <string.h>

static const stage_kind *const kinds[] = {&stage_extract, &stage_language, &stage_gopher_quality, &stage_gopher_repetition, &stage_c4, &stage_dedup};

const stage_kind *const *stage_kinds(size_t *n) {
    *n = COUNT(kinds);
    return kinds;
}

stage *stage_open(arena *owner, const char *name, error *err) {
    string names = {0};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            stage *s = NEW(owner, stage);
            option table[STAGE_OPTIONS] = {0};
            string_drop(&names);
            *s = (stage){.kind = kinds[i], .settings = arena_alloc(owner, kinds[i]->size), .owner = owner, .metadata = true};
            kinds[i]->options(s->settings, table);
            return s;
        }
        string_print(&names, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
    }
    fail(err, "there is no stage '%s'; there are %s", name, string_chars(&names));
    string_drop(&names);
    return NULL;
}

const option *stage_options(arena *owner, const stage_kind *kind) {
    option *table = NEW_ARRAY(owner, STAGE_OPTIONS, option);
    kind->options(arena_alloc(owner, kind->size), table);
    return table;
}

bool stage_configure(stage *s, const json *tree, const char *file, const char *const *set, size_t n_set, error *err) {
    option table[STAGE_OPTIONS] = {0};
    s->kind->options(s->settings, table);
    if (tree != NULL && tree->type != JSON_NULL && !options_from_tree(table, tree, file, s->owner, err)) return false;
    for (size_t i = 0; i < n_set; i++)
        if (!options_set(table, set[i], s->owner, err)) return false;
    if (s->kind->prepare == NULL || s->kind->prepare(s, err)) return true;
    fail(err, "stage %s", s->kind->name);
    return tree != NULL ? fail(err, "%s: line %d", file, tree->line) : fail(err, "%s", file);
}

const char *document_language(const document *d, arena *owner, const char *fallback) {
    const document_field *f = document_get(d, "language");
    if (f == NULL) return fallback;
    error ignored = {0};
    const json *found = json_parse(owner, f->json, f->n, &ignored);
    if (found == NULL) return fallback;
    if (found->type == JSON_STRING) return found->text;
    const char *code = json_get_text(found, "language", NULL);
    return code != NULL ? code : fallback;
}

static void write_value(json_writer *w, const char *key, const char *text, double number) {
    json_key(w, key);
    if (text != NULL) json_text(w, text);
    else json_number(w, number);
}

bool verdict_write(const verdict *v, const char *stage_name, arena *owner, document *d) {
    string s = {0};
    json_writer w = {.out = &s};
    json_begin_object(&w);
    json_key(&w, "stage"), json_text(&w, stage_name);
    json_key(&w, "rule"), json_text(&w, v->rule);
    write_value(&w, "value", v->text_value, v->value);
    write_value(&w, "threshold", v->text_threshold, v->threshold);
    if (v->of != NULL) json_key(&w, "of"), json_text(&w, v->of);
    json_end_object(&w);
    const bool ok = document_set_json(d, owner, "dropped", string_chars(&s), s.length);
    string_drop(&s);
    return ok;
}
