/* tokenizer_config.json: which tokens begin and end a text, and the chat template. */
#include "text/tokenizer_inner.h"

#include <string.h>

/* A token as "text" or {"content": "text", ...}; its id, or -1. */
static int32_t named_token(const tokenizer *t, const char *key) {
    const json *v = json_get(t->config, key);
    if (v != NULL && v->type == JSON_OBJECT) v = json_get(v, "content");
    return v != NULL && v->type == JSON_STRING ? vocabulary_get(&t->vocabulary, v->text, v->length) : -1;
}

/* A text, or a list of {"name", "template"}: then the one named "default", else the first. */
static const char *template_of(const json *v) {
    if (v == NULL) return NULL;
    if (v->type == JSON_STRING) return v->text;
    const char *first = NULL;
    for (size_t i = 0; v->type == JSON_ARRAY && i < v->length; i++) {
        const char *text = json_get_text(&v->item[i], "template", NULL);
        if (text != NULL && json_is_text(json_get(&v->item[i], "name"), "default")) return text;
        if (first == NULL) first = text;
    }
    return first;
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
    t->chat_template = template_of(json_get(t->config, "chat_template"));
    return true;
}

static void write_token(const tokenizer *t, json_writer *w, const char *key, int32_t id) {
    if (id < 0 || json_get(t->config, key) != NULL) return;
    json_key(w, key);
    json_text_n(w, t->vocabulary.token[id].text, t->vocabulary.token[id].length);
}

void config_write(const tokenizer *t, const char *chat_template, string *out) {
    json_writer w = {.out = out, .indent = 2};
    const json *c = t->config;
    json_begin_object(&w);
    for (size_t i = 0; c != NULL && i < c->length; i++) {
        const bool replaced = strcmp(c->key[i], "chat_template") == 0 && (chat_template != NULL || c->item[i].type == JSON_NULL);
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
    if (chat_template == NULL && t->chat_template != NULL && json_get(c, "chat_template") == NULL) chat_template = t->chat_template;
    if (chat_template != NULL) {
        json_key(&w, "chat_template");
        json_text(&w, chat_template);
    }
    json_end_object(&w);
    string_char(out, '\n');
}
