/* A checkpoint: a model folder (or an adapter's) that anything reads, and in state/ what training goes on from:
 *   optimizer.safetensors   NAME.exp_avg and NAME.exp_avg_sq of every learned tensor, by its name and whole shape
 *   state.json              step, tokens, seconds; seed and fingerprints of the data and of a frozen base
 * There is no loader's position and no random state to save: both are functions of the seed and the step. */
#include "base/file.h"
#include "tensor/safetensors.h"
#include "train/training.h"

#include <stdio.h>
#include <string.h>

static const char *const moments[] = {"exp_avg", "exp_avg_sq"};
enum { FORMAT = 1 };

/* The step in a checkpoint's name; -1: it is something else, or not whole. */
static long step_of(const char *name) {
    long step;
    char again[32];
    if (sscanf(name, "step-%ld", &step) != 1 || step < 0) return -1;
    snprintf(again, sizeof again, "step-%08ld", step);
    return strcmp(again, name) == 0 ? step : -1;
}

static char *checkpoints_folder(arena *owner, const char *out) {
    return path_join(owner, out, "checkpoints");
}

/* All but the newest `keep`, and what an interrupted run left half written. */
static bool checkpoints_prune(const char *out, long keep, error *err) {
    arena scratch = {0};
    size_t n = 0;
    const char *folder = checkpoints_folder(&scratch, out);
    char **names = folder_list(&scratch, folder, &n, err);
    long whole = 0;
    bool ok = names != NULL;
    for (size_t i = n; ok && i-- > 0;) { /* sorted: the newest last */
        const size_t length = strlen(names[i]);
        const bool partial = length > 8 && strcmp(names[i] + length - 8, ".partial") == 0;
        if (partial || (step_of(names[i]) >= 0 && ++whole > keep)) ok = folder_remove(path_join(&scratch, folder, names[i]), err);
    }
    arena_drop(&scratch);
    return ok;
}

/* ---- the state ---- */

static bool state_write(const training *run, arena *scratch, const char *folder, const progress_state *at, error *err) {
    char hex[33];
    string text = {0};
    json_writer w = {.out = &text, .indent = 2};
    json_begin_object(&w);
    json_key(&w, "format"), json_integer(&w, FORMAT);
    json_key(&w, "step"), json_integer(&w, at->step);
    json_key(&w, "tokens"), json_integer(&w, at->tokens);
    json_key(&w, "seconds"), json_number(&w, at->seconds);
    json_key(&w, "seed"), json_integer(&w, run->c.seed);
    json_key(&w, "samples"), json_integer(&w, (int64_t)at->step * run->c.batch.sequences * run->c.batch.accumulate);
    json_key(&w, "data"), json_text(&w, digest_text(run->data, hex));
    if (run->lora) json_key(&w, "base"), json_text(&w, digest_text(run->weights, hex));
    json_end_object(&w);
    string_char(&text, '\n');
    const bool ok = file_write(path_join(scratch, folder, "state.json"), text.data, text.length, err);
    string_drop(&text);
    return ok;
}

static bool optimizer_write(const training *run, arena *scratch, const char *folder, error *err) {
    const trainer *t = &run->t;
    safetensors_entry *entries = NEW_ARRAY(scratch, 2 * t->n_part, safetensors_entry);
    for (int i = 0; i < t->n_part; i++)
        for (int k = 0; k < 2; k++)
            entries[2 * i + k] = (safetensors_entry){arena_print(scratch, "%s.%s", t->parts[i].name, moments[k]), k == 0 ? t->parts[i].m : t->parts[i].v};
    return safetensors_write(path_join(scratch, folder, "optimizer.safetensors"), entries, (size_t)(2 * t->n_part), err);
}

static bool checkpoint_fill(const training *run, arena *scratch, const char *folder, const progress_state *at, error *err) {
    const char *state = path_join(scratch, folder, "state");
    if (run->lora ? !bank_save(run->m, 0, &run->adapter, run->base, folder, err) : !model_save(run->m, folder, err)) return false;
    if (run->tokenizer != NULL && !tokenizer_save(run->tokenizer, folder, run->jinja, err)) return false;
    return folder_make(state, err) && optimizer_write(run, scratch, state, err) && state_write(run, scratch, state, at, err);
}

const char *checkpoint_save(const training *run, arena *owner, const progress_state *at, error *err) {
    arena scratch = {0};
    const char *folder = checkpoints_folder(&scratch, run->c.out);
    const char *path = arena_print(owner, "%s/step-%08ld", folder, at->step);
    const char *partial = folder_make(folder, err) ? folder_begin(&scratch, path, err) : NULL;
    bool ok = partial != NULL && checkpoint_fill(run, &scratch, partial, at, err);
    if (partial != NULL && !ok) folder_abort(path);
    ok = ok && folder_commit(path, err) && checkpoints_prune(run->c.out, run->c.checkpoint.keep, err);
    arena_drop(&scratch);
    if (!ok) return fail_null(err, "saving the checkpoint of step %ld", at->step);
    return path;
}

/* ---- going on ---- */

static bool moment_read(const safetensors *file, const char *part, int k, tensor to, error *err) {
    arena scratch = {0};
    const char *name = arena_print(&scratch, "%s.%s", part, moments[k]);
    const safetensors_entry *e = safetensors_find(file, name);
    bool ok = true;
    if (e == NULL) ok = fail(err, "%s is missing", name);
    else if (!shape_equal(e->value.shape, to.shape)) ok = fail(err, "%s is %s; the model wants %s", name, shape_text(e->value.shape), shape_text(to.shape));
    else values_to_real(e->value.type, e->value.data, to.data, shape_values(to.shape));
    arena_drop(&scratch);
    return ok;
}

static bool optimizer_read(trainer *t, arena *scratch, const char *path, error *err) {
    safetensors *file = safetensors_open(scratch, path, err);
    if (file == NULL) return false;
    bool ok =
        safetensors_count(file) == (size_t)(2 * t->n_part) || fail(err, "it holds %zu tensors; the model wants %d", safetensors_count(file), 2 * t->n_part);
    for (int i = 0; ok && i < t->n_part; i++)
        ok = moment_read(file, t->parts[i].name, 0, t->parts[i].m, err) && moment_read(file, t->parts[i].name, 1, t->parts[i].v, err);
    safetensors_close(file);
    return ok || fail(err, "%s", path);
}

static bool state_read(const training *run, arena *scratch, const char *path, progress_state *at, error *err) {
    char hex[33];
    const json *v = json_read_file(scratch, path, err);
    if (v == NULL) return false;
    *at = (progress_state){.step = json_get_integer(v, "step", -1), .tokens = json_get_integer(v, "tokens", 0), .seconds = json_get_number(v, "seconds", 0)};
    if (json_get_integer(v, "format", 0) != FORMAT || at->step < 0) return fail(err, "%s: no state that this version reads", path);
    if (json_get_integer(v, "seed", -1) != run->c.seed)
        return fail(err, "seed: the checkpoint was trained with %ld, not %ld", (long)json_get_integer(v, "seed", -1), run->c.seed);
    const int64_t samples = (int64_t)at->step * run->c.batch.sequences * run->c.batch.accumulate;
    if (json_get_integer(v, "samples", -1) != samples)
        return fail(err, "batch: the checkpoint has seen %lld windows; %ld steps of batch.sequences * batch.accumulate are %lld",
                    (long long)json_get_integer(v, "samples", -1), at->step, (long long)samples);
    if (!json_is_text(json_get(v, "data"), digest_text(run->data, hex)))
        return fail(err, "data.train: these are not the tokens, weights or windows that the checkpoint was trained on");
    if (run->lora && !json_is_text(json_get(v, "base"), digest_text(run->weights, hex)))
        return fail(err, "model.init: %s is not the base that the adapter was trained on", run->base);
    return true;
}

bool checkpoint_load(training *run, const char *folder, progress_state *at, error *err) {
    arena scratch = {0};
    const char *state = path_join(&scratch, folder, "state");
    bool ok = state_read(run, &scratch, path_join(&scratch, state, "state.json"), at, err);
    ok = ok && optimizer_read(&run->t, &scratch, path_join(&scratch, state, "optimizer.safetensors"), err);
    if (ok && run->lora) ok = bank_load(run->m, 0, folder, err);
    arena_drop(&scratch);
    return ok;
}
