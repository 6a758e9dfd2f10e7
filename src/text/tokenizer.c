#include "text/tokenizer_inner.h"

#include "base/file.h"

#include <string.h>

enum { LARGEST_FILE = 512 << 20 };

tokenizer *tokenizer_parse(arena *owner, const char *text, size_t n, const char *config, size_t n_config, error *err) {
    tokenizer *t = NEW(owner, tokenizer);
    const char *source = arena_copy_bytes(owner, text, n);
    if (t == NULL || source == NULL) return fail_null(err, "tokenizer.json: larger than the memory allowed for a tokenizer");
    t->owner = owner;
    t->source = source;
    t->n_source = n;
    arena tree = {.limit = owner->limit};
    const json *root = json_parse(&tree, text, n, err);
    const bool ok = root != NULL && tokenizer_read_json(t, root, err);
    arena_drop(&tree);
    if (!ok) return fail_null(err, "tokenizer.json");
    if (!tokenizer_config_read(t, config, n_config, err)) return fail_null(err, "tokenizer_config.json");
    return t;
}

/* Reads folder/name into `memory` where it exists; *text stays NULL where not. */
static bool read_beside(arena *memory, const char *folder, const char *name, const char **text, size_t *n, error *err) {
    const char *path = path_join(memory, folder, name);
    if (path == NULL || !file_exists(path)) return true;
    *text = file_read(memory, path, LARGEST_FILE, n, err);
    return *text != NULL;
}

tokenizer *tokenizer_load(arena *owner, const char *path, error *err) {
    arena memory = {0};
    const bool folder = file_is_folder(path);
    const char *file = folder ? path_join(&memory, path, "tokenizer.json") : path;
    const char *config = NULL, *template = NULL;
    size_t n = 0, n_config = 0, n_template = 0;
    tokenizer *t = NULL;
    if (folder && !file_exists(file)) fail(err, "%s holds no tokenizer.json", path);
    else {
        const char *text = file_read(&memory, file, LARGEST_FILE, &n, err);
        const bool beside = text != NULL && (!folder || (read_beside(&memory, path, "tokenizer_config.json", &config, &n_config, err) &&
                                                         read_beside(&memory, path, "chat_template.jinja", &template, &n_template, err)));
        if (beside) {
            t = tokenizer_parse(owner, text, n, config, n_config, err);
            if (t == NULL) fail(err, "%s", path);
        }
        if (t != NULL && template != NULL) t->chat_template = arena_copy_bytes(owner, template, n_template);
    }
    arena_drop(&memory);
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
