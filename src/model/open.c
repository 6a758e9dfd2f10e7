/* model/open.c: what a MODEL argument names. */
#include "model/adapter.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static bool holds(arena *owner, const char *folder, const char *name) {
    return file_exists(path_join(owner, folder, name));
}

/* Checkpoints appear by rename, so one that is there is whole. */
const char *model_newest_checkpoint(arena *owner, const char *folder) {
    const char *checkpoints = path_join(owner, folder, "checkpoints");
    size_t n = 0;
    char **names = file_is_folder(checkpoints) ? folder_list(owner, checkpoints, &n, NULL) : NULL;
    const char *newest = NULL;
    long most = -1;
    for (size_t i = 0; names != NULL && i < n; i++) {
        char *end;
        if (strncmp(names[i], "step-", 5) != 0) continue;
        const long step = strtol(names[i] + 5, &end, 10);
        if (end == names[i] + 5 || *end != 0 || step <= most) continue; /* step-N.partial is not whole */
        most = step;
        newest = path_join(owner, checkpoints, names[i]);
    }
    return newest;
}

/* A folder with its checkpoint resolved; err where there is no such folder, or a run without a checkpoint. */
static const char *resolve_folder(arena *owner, const char *path, error *err) {
    if (!file_exists(path)) return fail_null(err, "there is no %s", path);
    if (!file_is_folder(path)) return fail_null(err, "%s is a file; a model is a folder with config.json and model.safetensors", path);
    if (holds(owner, path, "config.json") || holds(owner, path, "adapter_config.json")) return path;
    const char *checkpoint = model_newest_checkpoint(owner, path);
    if (checkpoint != NULL) return checkpoint;
    if (file_is_folder(path_join(owner, path, "checkpoints")))
        return fail_null(err, "%s is a training run without a whole checkpoint; go on with --resume", path);
    return fail_null(err, "%s holds neither config.json, nor adapter_config.json, nor checkpoints", path);
}

/* A folder that holds an adapter alone: its base is where its configuration says, if that is here. */
static bool resolve_alone(arena *owner, const char *folder, model_path *out, error *err) {
    json *tree = json_read_file(owner, path_join(owner, folder, "adapter_config.json"), err);
    if (tree == NULL) return false;
    const char *base = json_get_text(tree, "base_model_name_or_path", "");
    if (base[0] == 0 || !file_is_folder(base)) return fail(err, "%s is an adapter for '%s', which is not here; name both as BASE+%s", folder, base, folder);
    out->base = resolve_folder(owner, base, err);
    out->adapter = folder;
    return out->base != NULL && (holds(owner, out->base, "config.json") || fail(err, "%s is an adapter for %s, which is no model itself", folder, base));
}

bool model_path_resolve(arena *owner, const char *argument, model_path *out, error *err) {
    *out = (model_path){0};
    if (file_exists(argument)) {
        const char *folder = resolve_folder(owner, argument, err);
        if (folder == NULL) return false;
        if (!holds(owner, folder, "config.json")) return resolve_alone(owner, folder, out, err);
        out->base = folder;
        return true;
    }
    for (const char *plus = strchr(argument, '+'); plus != NULL; plus = strchr(plus + 1, '+')) { /* a '+' may belong to a name */
        char *base = arena_copy_bytes(owner, argument, (size_t)(plus - argument));
        if (!file_exists(base) || (!file_exists(plus + 1) && strchr(plus + 1, '+') != NULL)) continue;
        out->base = resolve_folder(owner, base, err);
        out->adapter = out->base != NULL ? resolve_folder(owner, plus + 1, err) : NULL;
        if (out->adapter == NULL) return false;
        if (!holds(owner, out->base, "config.json")) return fail(err, "%s is no model, but an adapter; one adapter goes on one base", base);
        return holds(owner, out->adapter, "adapter_config.json") || fail(err, "%s is no adapter: it has no adapter_config.json", plus + 1);
    }
    return fail(err, "there is no model %s", argument);
}

model *model_open(arena *owner, const char *argument, error *err) {
    model_path path;
    if (!model_path_resolve(owner, argument, &path, err)) return NULL;
    model *m = model_load(owner, path.base, err);
    if (m == NULL || path.adapter == NULL) return m;
    adapter_config c;
    if (adapter_config_read(owner, path.adapter, &c, err) && bank_new(m, &c, 1, 1, err) != NULL && bank_load(m, 0, path.adapter, err)) return m;
    model_free_weights(m);
    return fail_null(err, "loading adapter %s", path.adapter);
}
