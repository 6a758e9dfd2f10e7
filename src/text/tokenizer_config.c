/* tokenizer_config.json: which tokens begin and end a text, and the chat template. */
#include "base/file.h"
#include "text/tokenizer_inner.h"

#include <string.h>

/* A token as "text" or {"content": "text", ...}; its id, or -1. */
static int32_t named_token(const tokenizer *t, const char *key) {
    const json *v = json_get(t->config, key);
    if (v != NULL && v->type == JSON_OBJECT) v = json_get(v, "content");
    return v != NULL && v->type == JSON_STRING ? vocabulary_get(&t->vocabulary, v->text, v->length) : -1;
}

enum { MOST_TEMPLATES = 64, LARGEST_TEMPLATE = 1 << 20 };

static bool template_add(tokenizer *t, const char *name, const char *text, error *err) {
    if (name == NULL || strcmp(name, "default") == 0) {
        t->chat_template = text;
        return true;
    }
    if (t->named_templates == NULL) t->named_templates = NEW_ARRAY(t->owner, MOST_TEMPLATES, struct named_template);
    if (t->named_templates == NULL || t->n_named_template == MOST_TEMPLATES) return fail(err, "more than %d chat templates", MOST_TEMPLATES);
    t->named_templates[t->n_named_template++] = (struct named_template){.name = name, .text = text};
    return true;
}

/* A text, or a list of {"name", "template"}; where none of them is named "default", the first is it, too. */
static bool templates_of(tokenizer *t, const json *v, error *err) {
    if (v == NULL || v->type == JSON_NULL) return true;
    if (v->type == JSON_STRING) return template_add(t, NULL, v->text, err);
    if (v->type != JSON_ARRAY) return fail(err, "chat_template is of type %s; a text or a list is wanted", json_type_name(v->type));
    for (size_t i = 0; i < v->length; i++) {
        const char *name = json_get_text(&v->item[i], "name", NULL), *text = json_get_text(&v->item[i], "template", NULL);
        if (name == NULL || text == NULL) return fail(err, "chat_template: item %zu has no name or no template", i + 1);
        if (!template_add(t, name, text, err)) return false;
    }
    if (t->chat_template == NULL && t->n_named_template > 0) t->chat_template = t->named_templates[0].text;
    return true;
}

bool templates_read_beside(tokenizer *t, const char *folder, error *err) {
    static const char ending[] = ".jinja";
    arena memory = {0};
    const char *usual = path_join(&memory, folder, "chat_template.jinja"), *others = path_join(&memory, folder, "additional_chat_templates");
    bool ok = true;
    if (file_exists(usual) || file_is_folder(others)) {
        t->n_named_template = 0;
        t->templates_beside = true;
    }
    if (file_exists(usual)) {
        const char *text = file_read(t->owner, usual, LARGEST_TEMPLATE, &(size_t){0}, err);
        ok = text != NULL && template_add(t, NULL, text, err);
    }
    size_t n = 0;
    char **names = ok && file_is_folder(others) ? folder_list(&memory, others, &n, err) : NULL;
    ok = ok && (names != NULL || !file_is_folder(others));
    for (size_t i = 0; ok && i < n; i++) {
        const size_t length = strlen(names[i]), end = sizeof ending - 1;
        if (length <= end || strcmp(names[i] + length - end, ending) != 0) continue;
        char *name = arena_copy_bytes(t->owner, names[i], length - end);
        const char *text = file_read(t->owner, path_join(&memory, others, names[i]), LARGEST_TEMPLATE, &(size_t){0}, err);
        ok = name != NULL && text != NULL && template_add(t, name, text, err);
    }
    arena_drop(&memory);
    return ok || fail(err, "%s", folder);
}

const char *tokenizer_chat_template_named(const tokenizer *t, const char *name) {
    if (name == NULL || strcmp(name, "default") == 0) return t->chat_template;
    for (size_t i = 0; i < t->n_named_template; i++)
        if (strcmp(t->named_templates[i].name, name) == 0) return t->named_templates[i].text;
    return NULL;
}

/* Many old folders name no end-of-text token, since a class in Python knew it: these are what those classes have. */
static int32_t known_end(const tokenizer *t) {
    static const char *const names[] = {"<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>",
                                        "<\xef\xbd\x9c"
                                        "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const int32_t id = vocabulary_get(&t->vocabulary, names[i], strlen(names[i]));
        if (id >= 0 && t->special[id]) return id;
    }
    return -1;
}

bool tokenizer_config_read(tokenizer *t, const char *text, size_t n, error *err) {
    if (text != NULL) {
        t->config = json_parse(t->owner, text, n, err);
        if (t->config == NULL) return false;
        if (t->config->type != JSON_OBJECT) return fail(err, "not an object");
    }
    t->bos = named_token(t, "bos_token");
    t->eos = named_token(t, "eos_token");
    t->pad = named_token(t, "pad_token");
    t->unk_named = named_token(t, "unk_token");
    if (t->eos < 0) t->eos = known_end(t);
    return templates_of(t, json_get(t->config, "chat_template"), err);
}

static void write_token(const tokenizer *t, json_writer *w, const char *key, int32_t id) {
    if (id < 0 || json_get(t->config, key) != NULL) return;
    json_key(w, key);
    json_text_n(w, t->vocabulary.token[id].text, t->vocabulary.token[id].length);
}

/* All that there are: one as a text, several as a list. */
static void write_templates(const tokenizer *t, json_writer *w) {
    json_key(w, "chat_template");
    if (t->n_named_template == 0) {
        json_text(w, t->chat_template);
        return;
    }
    json_begin_array(w);
    for (size_t i = 0; i <= t->n_named_template; i++) {
        const bool usual = i == t->n_named_template;
        if (usual && t->chat_template == NULL) continue;
        json_begin_object(w);
        json_key(w, "name");
        json_text(w, usual ? "default" : t->named_templates[i].name);
        json_key(w, "template");
        json_text(w, usual ? t->chat_template : t->named_templates[i].text);
        json_end_object(w);
    }
    json_end_array(w);
}

void config_write(const tokenizer *t, const char *chat_template, string *out) {
    json_writer w = {.out = out, .indent = 2};
    const json *c = t->config;
    json_begin_object(&w);
    for (size_t i = 0; c != NULL && i < c->length; i++) {
        const bool replaced = strcmp(c->key[i], "chat_template") == 0 && (chat_template != NULL || t->templates_beside || c->item[i].type == JSON_NULL);
        if (replaced || json_get(c, c->key[i]) != &c->item[i]) continue;
        json_key(&w, c->key[i]);
        json_value(&w, &c->item[i]);
    }
    if (json_get(c, "tokenizer_class") == NULL) {
        json_key(&w, "tokenizer_class");
        json_text(&w, "PreTrainedTokenizerFast");
    }
    write_token(t, &w, "bos_token", t->bos);
    write_token(t, &w, "eos_token", t->eos);
    if (chat_template != NULL) {
        json_key(&w, "chat_template");
        json_text(&w, chat_template);
    } else if (t->templates_beside) write_templates(t, &w);
    json_end_object(&w);
    string_char(out, '\n');
}
