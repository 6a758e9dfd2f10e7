#include "serve/catalog.h"

#include "base/file.h"
#include "base/log.h"
#include "infer/text_stream.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct found_adapter {
    const char *name, *folder;
    adapter_config config;
} found_adapter;

static const char *folder_name(arena *owner, const char *path) {
    char whole[PATH_MAX];
    return arena_copy(owner, path_name(realpath(path, whole) != NULL ? whole : path));
}

/* What is hidden, and what a program that was cut off has left half-written. */
static bool is_adapter_name(const char *name) {
    static const char partial[] = ".partial";
    const size_t n = strlen(name), end = sizeof partial - 1;
    return name[0] != '.' && !(n >= end && strcmp(name + n - end, partial) == 0);
}

static void leave_out(const char *name, const error *why) {
    log_warning("adapter %s is left out: %s", name, why->text);
}

/* The folders that hold an adapter's configuration that is understood. */
static bool find_adapters(arena *owner, const char *base, const char *folder, const char *base_name, found_adapter **out, size_t *n, error *err) {
    size_t n_name;
    char **names = folder_list(owner, folder, &n_name, err);
    if (names == NULL) return false;
    *out = NEW_ARRAY(owner, n_name, found_adapter);
    *n = 0;
    for (size_t i = 0; i < n_name; i++) {
        const char *path = path_join(owner, folder, names[i]);
        if (!is_adapter_name(names[i]) || !file_is_folder(path)) continue;
        found_adapter *a = &(*out)[*n];
        error why = {0};
        model_path resolved = {0};
        bool ok = strcmp(names[i], base_name) != 0 || fail(&why, "the base has this name");
        ok = ok && model_path_resolve(owner, arena_print(owner, "%s+%s", base, path), &resolved, &why);
        ok = ok && (resolved.adapter != NULL || fail(&why, "%s is no adapter", path));
        ok = ok && adapter_config_read(owner, resolved.adapter, &a->config, &why);
        if (ok) {
            a->name = names[i];
            a->folder = resolved.adapter;
            (*n)++;
        } else leave_out(names[i], &why);
    }
    return true;
}

static adapter_bank *bank_of(arena *owner, model *m, const found_adapter *a, size_t n, error *err) {
    adapter_config *configs = NEW_ARRAY(owner, n, adapter_config);
    for (size_t i = 0; i < n; i++) configs[i] = a[i].config;
    return bank_new(m, configs, (int)n, (int)n, err);
}

/* A bank for those that fit the base: where one for all cannot be made, each is tried alone. */
static void make_bank(arena *owner, model *m, found_adapter *a, size_t *n) {
    error all = {0};
    if (*n == 0 || bank_of(owner, m, a, *n, &all) != NULL) return;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        error why = {0};
        if (bank_of(owner, m, &a[i], 1, &why) != NULL) a[kept++] = a[i];
        else leave_out(a[i].name, &why);
        bank_free(m);
    }
    *n = kept;
    error_clear(&all);
    if (kept > 0 && bank_of(owner, m, a, kept, &all) == NULL) {
        log_warning("no adapter can be served: %s", all.text);
        *n = 0;
        bank_free(m);
    }
}

static bool add_model(arena *owner, catalog *c, const char *name, int slot, const char *base, const char *adapter, error *err) {
    served_model *s = &c->models[c->n];
    *s = (served_model){.name = name, .slot = slot};
    if (adapter != NULL && !model_has_own_tokenizer(owner, adapter)) s->tokenizer = c->models[0].tokenizer;
    else s->tokenizer = model_tokenizer(owner, c->base, base, adapter, err);
    if (s->tokenizer == NULL) return false;
    const bool shares = c->n > 0 && s->tokenizer == c->models[0].tokenizer;
    if (shares) s->converses = c->models[0].converses, s->form = c->models[0].form, s->why_not = c->models[0].why_not;
    else s->converses = chat_form_make(owner, s->tokenizer, NULL, &s->form, &s->why_not);
    c->n++;
    return true;
}

bool catalog_load(arena *owner, const char *model_argument, const char *adapters, catalog *out, error *err) {
    model_path path;
    found_adapter *found = NULL;
    size_t n = 0;
    *out = (catalog){0};
    if (!model_path_resolve(owner, model_argument, &path, err)) return false;
    if (path.adapter != NULL) return fail(err, "%s names an adapter: serve takes the base, and adapters by --adapters DIR", model_argument);
    const char *name = folder_name(owner, model_argument);
    out->base = model_load(owner, path.base, err);
    if (out->base == NULL) return false;
    if (adapters != NULL && !find_adapters(owner, path.base, adapters, name, &found, &n, err)) return fail(err, "--adapters");
    make_bank(owner, out->base, found, &n);
    out->models = NEW_ARRAY(owner, n + 1, served_model);
    if (!add_model(owner, out, name, -1, path.base, NULL, err)) return false;
    for (size_t i = 0; i < n; i++) {
        error why = {0};
        if (bank_load(out->base, (int)i, found[i].folder, &why) && add_model(owner, out, found[i].name, (int)i, path.base, found[i].folder, &why)) continue;
        bank_clear(out->base, (int)i);
        leave_out(found[i].name, &why);
    }
    return true;
}

const served_model *catalog_find(const catalog *c, const char *name) {
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->models[i].name, name) == 0) return &c->models[i];
    return NULL;
}
