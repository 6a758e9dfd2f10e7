#include "text/tokenizer_inner.h"

#include "base/file.h"

#include <string.h>

tokenizer *tokenizer_parse(arena *owner, const char *text, size_t n, const char *config, size_t n_config, error *err) {
    tokenizer *t = NEW(owner, tokenizer);
    const char *source = arena_copy_bytes(owner, text, n);
    if (t == NULL || source == NULL) return fail_null(err, "tokenizer.json: larger than the memory allowed for a tokenizer");
    t->owner = owner;
    t->source = source;
    t->n_source = n;
    if (!tokenizer_read_json(t, text, n, err)) return fail_null(err, "tokenizer.json");
    if (!tokenizer_config_read(t, config, n_config, err)) return fail_null(err, "tokenizer_config.json");
    return t;
}

bool tokenizer_save(const tokenizer *t, const char *folder, const char *chat_template, error *err) {
    arena memory = {0};
    string config = {0};
    config_write(t, chat_template, &config);
    const bool ok = file_write(path_join(&memory, folder, "tokenizer.json"), t->source, t->n_source, err) &&
                    file_write(path_join(&memory, folder, "tokenizer_config.json"), string_chars(&config), config.length, err);
    string_drop(&config);
    arena_drop(&memory);
    return ok;
}

int32_t tokenizer_vocab_size(const tokenizer *t) {
    return (int32_t)t->vocabulary.n;
}

const char *tokenizer_token(const tokenizer *t, int32_t id, size_t *n) {
    if (id < 0 || (size_t)id >= t->vocabulary.n || t->vocabulary.token[id].text == NULL) return NULL;
    if (n != NULL) *n = t->vocabulary.token[id].length;
    return t->vocabulary.token[id].text;
}

int32_t tokenizer_lookup(const tokenizer *t, const char *text, size_t n) {
    return vocabulary_get(&t->vocabulary, text, n);
}

bool tokenizer_is_special(const tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < t->vocabulary.n && t->special[id];
}

int32_t tokenizer_bos(const tokenizer *t) {
    return t->bos;
}

int32_t tokenizer_eos(const tokenizer *t) {
    return t->eos;
}

int32_t tokenizer_pad(const tokenizer *t) {
    return t->pad;
}

int32_t tokenizer_unk(const tokenizer *t) {
    return t->unk_named >= 0 ? t->unk_named : t->unk;
}

const char *tokenizer_chat_template(const tokenizer *t) {
    return t->chat_template;
}

const char *tokenizer_kind(const tokenizer *t) {
    return t->kind;
}

size_t tokenizer_count_merges(const tokenizer *t) {
    return t->bpe.merges.n;
}

size_t tokenizer_count_added(const tokenizer *t) {
    return t->n_added;
}

digest tokenizer_digest(const tokenizer *t) {
    return t->digest;
}

size_t tokenizer_count_chat_templates(const tokenizer *t) {
    return t->n_named_template + (t->chat_template != NULL);
}

const char *tokenizer_chat_template_name(const tokenizer *t, size_t i) {
    const size_t unnamed = t->chat_template != NULL;
    return i < unnamed ? "default" : t->named_templates[i - unnamed].name;
}

const char *tokenizer_source(const tokenizer *t, size_t *n) {
    *n = t->n_source;
    return t->source;
}

const char *tokenizer_scanner(const char *regex, size_t n) {
    const split_kind kind = split_by_pattern(regex, n);
    return kind == SPLIT_COUNT || kind == SPLIT_NONE ? NULL : split_name(kind);
}
