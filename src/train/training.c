/* What a run consists of, put together in the order in which a mistake costs least. */
#include "train/training.h"

#include "base/file.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the model ---- */

static bool tokenizer_find(training *run, arena *owner, const char *folder, error *err) {
    if (!tokenizer_folder_holds(folder)) return true;
    run->tokenizer = tokenizer_load(owner, folder, err);
    return run->tokenizer != NULL;
}

static bool model_from_init(training *run, arena *owner, bool weights, const char *checkpoint, error *err) {
    model_path path;
    if (!model_path_resolve(owner, run->c.model.init, &path, err)) return fail(err, "model.init");
    if (path.adapter != NULL) return fail(err, "model.init: %s has an adapter on it; training starts from a model alone", run->c.model.init);
    run->base = path.base;
    const char *folder = checkpoint != NULL && !run->lora ? checkpoint : path.base;
    run->m = weights ? model_load(owner, folder, err) : model_describe(owner, folder, err);
    return run->m != NULL && tokenizer_find(run, owner, path.base, err);
}

static bool model_from_sizes(training *run, arena *owner, bool weights, const char *checkpoint, error *err) {
    const train_config *c = &run->c;
    model_sizes sizes = train_sizes(c);
    if (c->model.tokenizer != NULL) {
        run->tokenizer = tokenizer_load(owner, c->model.tokenizer, err);
        if (run->tokenizer == NULL) return fail(err, "model.sizes.tokenizer");
        const long rows = tokenizer_vocab_size(run->tokenizer);
        if (sizes.vocab_size == 0) sizes.vocab_size = rows;
        if (sizes.vocab_size < rows) return fail(err, "model.sizes.vocab_size: %ld rows are fewer than the tokenizer's %ld", sizes.vocab_size, rows);
        sizes.bos_id = tokenizer_bos(run->tokenizer);
        sizes.eos_id = tokenizer_eos(run->tokenizer);
    }
    json *config = model_config_of_sizes(owner, &sizes, err);
    if (config == NULL) return fail(err, "model.sizes");
    if (weights && checkpoint != NULL) return (run->m = model_load(owner, checkpoint, err)) != NULL;
    run->m = model_describe_json(owner, config, path_name(c->out), err);
    if (run->m == NULL) return fail(err, "model.sizes");
    if (weights && !model_allocate(run->m, err)) return false;
    if (weights) model_initialise(run->m, (uint64_t)c->seed);
    return true;
}

/* ---- data ---- */

static loader *tokens_open(training *run, arena *owner, const json *list, bool valid, error *err) {
    const int n = (int)list->length;
    token_source *sources = NEW_ARRAY(owner, n, token_source);
    for (int i = 0; i < n; i++)
        sources[i] = (token_source){json_get_text(&list->item[i], "path", ""), valid ? 0 : json_get_number(&list->item[i], "weight", 0)};
    return loader_open(owner, sources, n,
                       &(loader_options){.seq_len = run->c.data.seq_len,
                                         .shuffle = valid || run->c.data.shuffle,
                                         .mask_documents = run->c.data.mask_documents,
                                         .seed = valid ? 0 : (uint64_t)run->c.seed}, /* every run is judged by the same windows */
                       err);
}

static loader *conversations_open(training *run, arena *owner, const json *list, bool valid, error *err) {
    sequence_source *sources;
    packing packed;
    int n;
    if (!conversations_load(owner, &run->form, list, run->c.data.loss == LOSS_ALL, &sources, &n, err)) return NULL;
    for (int i = 0; valid && i < n; i++) sources[i].weight = 0;
    const loader_options o = {.seq_len = run->c.data.seq_len, .shuffle = valid || run->c.data.shuffle, .seed = valid ? 0 : (uint64_t)run->c.seed};
    loader *l = loader_pack(owner, sources, n, &o, &packed, err);
    if (l != NULL && !valid) run->packed = packed;
    return l;
}

static bool data_open(training *run, arena *owner, error *err) {
    loader *(*open)(training *, arena *, const json *, bool, error *) = run->c.kind == TRAIN_TOKENS ? tokens_open : conversations_open;
    const digest known = run->tokenizer != NULL ? tokenizer_digest(run->tokenizer) : (digest){0};
    const digest *made_by = run->tokenizer != NULL ? &known : NULL;
    run->train = open(run, owner, run->c.data.train, false, err);
    if (run->train == NULL || !loader_agrees(run->train, made_by, run->m->vocab_size, err)) return fail(err, "data.train");
    run->data = loader_fingerprint(run->train);
    if (run->c.data.valid == NULL) return true;
    run->valid = open(run, owner, run->c.data.valid, true, err);
    return (run->valid != NULL && loader_agrees(run->valid, made_by, run->m->vocab_size, err)) || fail(err, "data.valid");
}

/* ---- tuning ---- */

/* The end ids of a model that has learned to close a turn: its own, and what closes one. */
static bool generation_extend(training *run, arena *owner, int32_t stop, error *err) {
    model *m = run->m;
    string text = {0};
    json_writer w = {.out = &text};
    json_begin_object(&w);
    for (size_t i = 0; m->generation != NULL && i < m->generation->length; i++)
        if (strcmp(m->generation->key[i], "eos_token_id") != 0) json_key(&w, m->generation->key[i]), json_value(&w, &m->generation->item[i]);
    json_key(&w, "eos_token_id");
    json_begin_array(&w);
    for (int i = 0; i < m->n_eos; i++)
        if (m->eos_ids[i] != stop) json_integer(&w, m->eos_ids[i]);
    json_integer(&w, stop);
    json_end_array(&w);
    json_end_object(&w);
    m->generation = json_parse(owner, text.data, text.length, err);
    string_drop(&text);
    return m->generation != NULL;
}

/* ChatML is written by socle itself, so the tokenizer must have its tokens; other templates are their model's affair. */
static bool check_chatml(const training *run, error *err) {
    static const char *const control[] = {"<|im_start|>", "<|im_end|>"};
    for (size_t i = 0; i < COUNT(control); i++) {
        const int32_t id = tokenizer_lookup(run->tokenizer, control[i], strlen(control[i]));
        if (id < 0 || !tokenizer_is_special(run->tokenizer, id))
            return fail(err, "%s: ChatML needs the special token %s, which the tokenizer does not have; train one that has it", run->base, control[i]);
        if (id >= run->m->vocab_size) return fail(err, "%s: the model has no row for %s (id %d of %ld)", run->base, control[i], id, run->m->vocab_size);
    }
    return true;
}

static bool template_settle(training *run, arena *owner, error *err) {
    if (run->tokenizer == NULL) return fail(err, "%s has no tokenizer.json", run->base);
    const char *own = tokenizer_chat_template(run->tokenizer);
    if (own == NULL || run->c.data.chat_template == TEMPLATE_CHATML_ALWAYS) run->jinja = template_chatml_jinja();
    const bool chatml = run->jinja != NULL || strcmp(own, template_chatml_jinja()) == 0;
    if (chatml && !check_chatml(run, err)) return false;
    if (!chat_form_make(owner, run->tokenizer, run->jinja, &run->form, err)) return fail(err, "data.template: 'chatml' would replace it");
    const int32_t stop = run->form.stop_id;
    if (stop < 0)
        log_warning("%s: no single token ends a turn of this chat template: the model learns to write %s", run->base,
                    run->form.stop_text != NULL ? run->form.stop_text : "nothing at a turn's end");
    if (run->form.open_end)
        log_warning("%s: the chat template does not close the last answer: only answers that another turn follows teach the model to stop", run->base);
    if (stop >= run->m->vocab_size)
        return fail(err, "%s: the model has no row for %s (id %d of %ld)", run->base, run->form.stop_text, stop, run->m->vocab_size);
    return stop < 0 || run->lora || generation_extend(run, owner, stop, err);
}

static bool adapter_make(training *run, arena *owner, bool initialise, error *err) {
    const train_config *c = &run->c;
    const json *list = c->method.target_modules;
    const int n = list != NULL && list->type == JSON_ARRAY ? (int)list->length : 1;
    const char **targets = NEW_ARRAY(owner, n, const char *);
    for (int i = 0; i < n; i++) targets[i] = list == NULL ? "all-linear" : list->type == JSON_ARRAY ? list->item[i].text : list->text;
    if (!adapter_config_make(owner, c->method.r, c->method.alpha, c->method.dropout, targets, n, &run->adapter, err)) return fail(err, "method");
    run->adapter.name = path_name(c->out);
    run->bank = bank_new(run->m, &run->adapter, 1, 1, err);
    if (run->bank == NULL) return fail(err, "method");
    run->bank->dropout = (real)c->method.dropout;
    return !initialise || bank_initialise(run->m, 0, &run->adapter, (uint64_t)c->seed, err);
}

/* ---- all of it ---- */

static void steps_settle(training *run) {
    const double a_step = (double)run->c.batch.sequences * (double)run->c.batch.accumulate;
    if (run->c.steps == 0) run->c.steps = (long)ceil(run->c.epochs * (double)loader_windows(run->train) / a_step - 1e-9);
    if (run->c.steps < 1) run->c.steps = 1;
    if (run->c.schedule.warmup_steps < 0) run->c.schedule.warmup_steps = (run->c.steps * 3 + 99) / 100;
    run->steps = run->c.steps;
}

bool training_make(training *run, arena *owner, const train_config *c, bool weights, const char *checkpoint, error *err) {
    *run = (training){.c = *c, .lora = c->kind == TRAIN_CONVERSATIONS && c->method.name == METHOD_LORA};
    bool ok = c->model.init != NULL ? model_from_init(run, owner, weights, checkpoint, err) : model_from_sizes(run, owner, weights, checkpoint, err);
    if (ok && c->data.seq_len > run->m->max_position)
        ok = fail(err, "data.seq_len: %ld tokens are longer than the %ld positions of the model", c->data.seq_len, run->m->max_position);
    if (ok && c->kind == TRAIN_CONVERSATIONS) ok = template_settle(run, owner, err);
    ok = ok && data_open(run, owner, err);
    if (ok && run->lora) ok = adapter_make(run, owner, weights && checkpoint == NULL, err);
    if (ok) steps_settle(run);
    if (ok && !schedule_check(&run->c, err)) ok = fail(err, "%s", c->file); /* where epochs gave the steps, only now they are known */
    if (ok && run->lora && weights) run->weights = digest_of(run->m->weights, run->m->weights_bytes);
    ok = ok && trainer_make(&run->t, owner, &run->c, run->m, run->train, run->valid, err);
    ok = ok && (!weights || trainer_allocate(&run->t, err));
    if (!ok) training_drop(run);
    return ok;
}

void training_drop(training *run) {
    trainer_free(&run->t);
    loader_close(run->train);
    loader_close(run->valid);
    if (run->m != NULL) model_free_weights(run->m);
    *run = (training){0};
}

/* Bytes that the machine can still give; 0: not known. */
static double memory_available(void) {
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    double kib = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "MemAvailable: %lf", &kib) == 1) break;
    if (f != NULL) fclose(f);
    return kib * 1024;
}

void training_report(const training *run, train_report *out) {
    const train_config *c = &run->c;
    const long adapter = run->lora ? run->t.n_value : 0;
    *out = (train_report){.parameters = model_parameter_count(run->m) + adapter,
                          .trainable = run->t.n_value,
                          .steps = run->steps,
                          .rows = run->t.rows,
                          .seq_len = c->data.seq_len,
                          .tokens_per_step = run->t.rows * c->batch.accumulate,
                          .windows = loader_windows(run->train),
                          .memory_weights = (double)(model_parameter_count(run->m) + adapter) * (double)sizeof(real),
                          .memory_training = (double)run->t.state_bytes + (double)run->t.batch_bytes,
                          .memory_workspace = (double)run->t.workspace_bytes,
                          .memory_available = memory_available(),
                          .loss = NAN,
                          .valid_loss = NAN};
    out->memory = out->memory_weights + out->memory_training + out->memory_workspace;
    out->fits = out->memory_available == 0 || out->memory <= out->memory_available;
    if (c->kind != TRAIN_CONVERSATIONS) return;
    out->conversations = run->packed.sequences;
    out->cut = run->packed.cut;
    out->left_out = run->packed.left_out;
    out->learned_share = (double)run->packed.learned / (double)run->packed.rows;
    out->filled_share = (double)run->packed.rows / ((double)out->windows * (double)c->data.seq_len);
}
