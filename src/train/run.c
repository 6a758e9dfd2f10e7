/* The run: its folder, the loop over steps, evaluations, checkpoints, and going on after an interruption. */
#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/yaml.h"
#include "tensor/matmul.h"
#include "train/metrics.h"
#include "train/schedule.h"
#include "train/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the configuration of a run that goes on ---- */

/* What a run cannot change on its way: the curve would be another. data.train and model.init are compared by content. */
static bool is_fixed(const char *key) {
    static const char *const fixed[] = {"model.sizes.", "data.seq_len", "data.shuffle", "data.mask_documents", "data.template", "data.loss", "method.",
                                        "batch.",       "dropout",      "seed"};
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (strncmp(key, fixed[i], strlen(fixed[i])) == 0) return true;
    return false;
}

static void value_text(const option *o, string *out) {
    const option alone[] = {*o, {0}};
    options_write(alone, out);
}

static bool is_told(const char *key) {
    static const char *const told[] = {"optimizer.", "schedule.", "steps", "epochs"};
    for (size_t i = 0; i < COUNT(told); i++)
        if (strncmp(key, told[i], strlen(told[i])) == 0) return true;
    return false;
}

/* The first key after *at whose value differs between two configurations and that `which` names; NULL: there is none. */
static const char *next_difference(const option *a, const option *b, size_t *at, bool (*which)(const char *)) {
    for (; a[*at].name != NULL; ++*at) {
        string was = {0}, is = {0};
        value_text(&a[*at], &was);
        value_text(&b[*at], &is);
        const bool equal = strcmp(string_chars(&was), string_chars(&is)) == 0;
        string_drop(&was);
        string_drop(&is);
        if (!equal && which(a[*at].name)) return a[(*at)++].name;
    }
    return NULL;
}

/* Compares with OUT/config.yaml, which a checkpoint is never without: refuses what is fixed, or tells what else is new. That
 * file holds what steps and warm-up came out as, so telling wants a configuration in which they are settled. */
static bool config_compare(arena *scratch, const train_config *c, bool tell, error *err) {
    train_config before, now = *c;
    const char *path = path_join(scratch, c->out, "config.yaml");
    if (!file_exists(path)) return fail(err, "%s is missing: there is no telling how the checkpoints of this run were made", path);
    if (!train_config_read(scratch, c->kind, path, NULL, 0, &before, err)) return false;
    const option *a = train_options(scratch, c->kind, &before), *b = train_options(scratch, c->kind, &now);
    size_t at = 0;
    const char *key;
    while (tell && (key = next_difference(a, b, &at, is_told)) != NULL) log_line("note: %s differs from what the run began with", key);
    if (!tell && (key = next_difference(a, b, &at, is_fixed)) != NULL)
        return fail(err, "%s: %s differs from what the run in %s began with; start a new run", c->file, key, c->out);
    return true;
}

static bool config_write(arena *scratch, const train_config *c, error *err) {
    train_config copy = *c;
    string text = {0};
    options_write(train_options(scratch, c->kind, &copy), &text);
    const bool ok = file_write(path_join(scratch, c->out, "config.yaml"), string_chars(&text), text.length, err);
    string_drop(&text);
    return ok;
}

/* ---- the loop ---- */

typedef struct run_loop {
    arena *owner;
    training *run;
    const train_how *how;
    train_report *report;
    progress_state at;
    metrics_log *log;
    progress shown;
    double peak;     /* floating-point operations a second that the machine can do; 0: not measured */
    double since;    /* clock when this call began, less the seconds of earlier calls */
    double stepping; /* seconds in steps of this call, evaluations and checkpoints apart */
    int64_t stepped; /* tokens of them */
    long saved;      /* step of the newest checkpoint; -1: none */
} run_loop;

/* The loss curve, drawn anew from the whole log. */
static bool picture_write(run_loop *l, error *err) {
    arena scratch = {0};
    const char *out = l->run->c.out;
    long n;
    string text = {0};
    const metrics_row *rows = metrics_read(&scratch, path_join(&scratch, out, "metrics.jsonl"), &n, err);
    bool ok = rows != NULL;
    if (ok) loss_picture(rows, n, path_name(out), &text);
    ok = ok && file_write(path_join(&scratch, out, "loss.svg"), string_chars(&text), text.length, err);
    string_drop(&text);
    arena_drop(&scratch);
    return ok;
}

static bool save(run_loop *l, error *err) {
    if (l->saved == l->at.step) return true;
    l->at.seconds = clock_seconds() - l->since;
    if (!metrics_sync(l->log, err)) return false;
    l->report->checkpoint = checkpoint_save(l->run, l->owner, &l->at, err);
    l->saved = l->at.step;
    return l->report->checkpoint != NULL && picture_write(l, err);
}

static bool is_due(long every, long step, long steps) {
    return step == steps || (every > 0 && step % every == 0);
}

/* Floating-point operations of a step: forward, and twice that backward; once where weights are frozen and only what leads to
 * an adapter is differentiated. */
static double step_flops(const training *run) {
    const double rows = (double)run->t.rows * (double)run->c.batch.accumulate;
    return transformer_flops(run->m, rows, 0.5 * (double)(run->c.data.seq_len + 1)) * (run->lora ? 2 : 3);
}

/* What the progress line says behind its count; `steps` steps took `seconds`. */
static const char *speed_note(const run_loop *l, double tokens, double steps, double seconds, char note[128]) {
    char share[32] = "";
    if (l->peak > 0) snprintf(share, sizeof share, ", %.0f%% of peak", 100 * steps * step_flops(l->run) / seconds / l->peak);
    snprintf(note, 128, "loss %.4f, %.0f tokens/s%s", l->report->loss, tokens / seconds, share);
    return note;
}

static bool loop_step(run_loop *l, error *err) {
    training *run = l->run;
    const long step = l->at.step + 1;
    const double begin = clock_seconds(), lr = schedule_lr(&run->c, run->steps, step);
    step_result did;
    if (!trainer_step(&run->t, step, lr, &did, err)) return false;
    const double seconds = fmax(clock_seconds() - begin, 1e-9);
    l->at.step = step;
    l->at.tokens += did.tokens;
    metrics_row row = {.step = step,
                       .tokens = l->at.tokens,
                       .loss = did.loss,
                       .lr = lr,
                       .grad_norm = did.grad_norm,
                       .tokens_per_s = (double)did.tokens / seconds,
                       .valid_loss = NAN};
    if (run->valid != NULL && is_due(run->c.eval.every, step, run->steps)) {
        row.valid_loss = l->report->valid_loss = trainer_evaluate(&run->t);
        log_line("step %ld: loss %.4f, valid loss %.4f", step, row.loss, row.valid_loss);
    }
    row.time = clock_seconds() - l->since;
    l->report->loss = row.loss;
    if (!metrics_append(l->log, &row, err)) return false;
    char note[128];
    progress_at(&l->shown, (double)(step - l->report->first_step), speed_note(l, (double)did.tokens, 1, seconds, note));
    l->stepping += seconds;
    l->stepped += did.tokens;
    return isnan(row.valid_loss) || picture_write(l, err);
}

static bool stop_asked(const run_loop *l) {
    return l->how->stop != NULL && __atomic_load_n(l->how->stop, __ATOMIC_RELAXED) != 0; /* a signal's handler or another thread sets it */
}

static bool loop_run(run_loop *l, error *err) {
    training *run = l->run;
    if (log_get_level() != LOG_QUIET && l->at.step < run->steps) l->peak = matmul_peak(parallel_threads(), 0.2);
    l->since = clock_seconds() - l->at.seconds;
    progress_start(&l->shown, run->c.kind == TRAIN_TOKENS ? "train" : "tune", "steps", (double)(run->steps - l->at.step));
    bool ok = true;
    while (ok && l->at.step < run->steps && !stop_asked(l))
        ok = loop_step(l, err) && (!is_due(run->c.checkpoint.every, l->at.step, run->steps) || save(l, err));
    ok = ok && (l->at.step == 0 || save(l, err)); /* stopped: what was done is kept */
    char note[128] = "";
    const double steps = (double)(l->at.step - l->report->first_step);
    progress_end(&l->shown, steps > 0 && l->stepping > 0 ? speed_note(l, (double)l->stepped, steps, l->stepping, note) : note);
    if (!ok) return false;
    l->report->stopped = l->at.step < run->steps;
    l->report->last_step = l->at.step;
    l->report->tokens = l->at.tokens;
    l->report->seconds = clock_seconds() - l->since;
    return true;
}

/* ---- beginning ---- */

static bool out_is_free(arena *scratch, const train_config *c, bool resume, error *err) {
    size_t n = 0;
    if (!file_exists(c->out)) return true;
    if (!file_is_folder(c->out)) return fail(err, "out: %s is a file", c->out);
    if (resume) return true;
    if (folder_list(scratch, c->out, &n, err) == NULL) return false;
    return n == 0 || fail(err, "out: %s holds a run; --resume goes on with it, another 'out' starts a new one", c->out);
}

static void announce(const training *run, const train_report *r, const char *checkpoint) {
    log_line("%s: %.4g million parameters, %.4g million trained (%.3g%%); memory planned: %.0f MiB", run->c.kind == TRAIN_TOKENS ? "train" : "tune",
             (double)r->parameters * 1e-6, (double)r->trainable * 1e-6, 100 * (double)r->trainable / (double)r->parameters, r->memory / 0x1p20);
    if (run->c.kind == TRAIN_CONVERSATIONS)
        log_line("%ld conversations in %ld windows: %.3g%% of the tokens are learned, %.3g%% of the rows are filled; %ld cut to %ld tokens, %ld left out "
                 "(nothing to learn)",
                 r->conversations, r->windows, 100 * r->learned_share, 100 * r->filled_share, r->cut, run->c.data.seq_len, r->left_out);
    log_line("%ld steps of %ld tokens; an epoch is %.4g steps", r->steps, r->tokens_per_step,
             (double)r->windows / (double)(run->c.batch.sequences * run->c.batch.accumulate));
    if (!r->fits)
        log_warning("%.0f MiB are planned and %.0f MiB are free; a smaller batch.sequences with more batch.accumulate takes less", r->memory / 0x1p20,
                    r->memory_available / 0x1p20);
    if (checkpoint != NULL) log_line("going on from %s", checkpoint);
}

bool train_plan(arena *owner, const train_config *c, train_report *out, error *err) {
    training run;
    if (!training_make(&run, owner, c, false, NULL, err)) return false;
    training_report(&run, out);
    training_drop(&run);
    return true;
}

/* With the folder checked, and the checkpoint to go on from, or NULL. */
static bool run_from(arena *owner, const train_config *c, const train_how *how, const char *checkpoint, train_report *report, error *err) {
    training run;
    if (!training_make(&run, owner, c, true, checkpoint, err)) return false;
    training_report(&run, report);
    run_loop l = {.owner = owner, .run = &run, .how = how, .report = report, .saved = -1};
    bool ok = checkpoint == NULL || checkpoint_load(&run, checkpoint, &l.at, err) || fail(err, "%s", checkpoint);
    ok = ok && (checkpoint == NULL || config_compare(owner, &run.c, true, err));
    if (ok) {
        if (checkpoint != NULL) l.saved = l.at.step, report->checkpoint = checkpoint;
        report->first_step = l.at.step;
        announce(&run, report, checkpoint);
    }
    ok = ok && folder_make(c->out, err) && config_write(owner, &run.c, err);
    l.log = ok ? metrics_open(owner, path_join(owner, c->out, "metrics.jsonl"), l.at.step, err) : NULL;
    ok = l.log != NULL && loop_run(&l, err);
    metrics_close(l.log);
    training_drop(&run);
    return ok;
}

bool train_run(arena *owner, const train_config *c, const train_how *how, train_report *out, error *err) {
    if (!out_is_free(owner, c, how->resume, err)) return false;
    const char *checkpoint = how->resume ? model_newest_checkpoint(owner, c->out) : NULL;
    if (checkpoint != NULL && !config_compare(owner, c, false, err)) return false;
    return run_from(owner, c, how, checkpoint, out, err);
}
