/* socle train: pretraining. The file of keys is train/'s; here are words in and a report out. */
#include "cli/train.h"

#include <math.h>
#include <stdio.h>

static void put_number(json_writer *w, const char *key, double x) {
    json_key(w, key);
    json_number(w, x);
}

static void plan_json(const train_report *r, bool tune, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "parameters"), json_integer(&w, r->parameters);
    json_key(&w, "trainable"), json_integer(&w, r->trainable);
    json_key(&w, "steps"), json_integer(&w, r->steps);
    json_key(&w, "tokens_per_step"), json_integer(&w, r->tokens_per_step);
    json_key(&w, "tokens"), json_integer(&w, r->steps * r->tokens_per_step);
    json_key(&w, "windows"), json_integer(&w, r->windows);
    put_number(&w, "memory", r->memory);
    put_number(&w, "memory_weights", r->memory_weights);
    put_number(&w, "memory_training", r->memory_training);
    put_number(&w, "memory_workspace", r->memory_workspace);
    put_number(&w, "memory_available", r->memory_available);
    json_key(&w, "fits"), json_bool(&w, r->fits);
    if (tune) {
        json_key(&w, "conversations"), json_integer(&w, r->conversations);
        json_key(&w, "cut"), json_integer(&w, r->cut);
        json_key(&w, "left_out"), json_integer(&w, r->left_out);
        put_number(&w, "learned_share", r->learned_share);
    }
    json_end_object(&w);
    string_char(out, '\n');
}

static void plan_text(const train_report *r, bool tune, string *out) {
    string_print(out, "parameters       %ld, of which %ld are trained (%.3g%%)\n", r->parameters, r->trainable,
                 100 * (double)r->trainable / (double)r->parameters);
    string_print(out, "steps            %ld of %ld tokens: %.4g million tokens\n", r->steps, r->tokens_per_step,
                 (double)r->steps * (double)r->tokens_per_step * 1e-6);
    string_print(out, "data             %ld windows, seen %.4g times\n", r->windows,
                 (double)r->steps * (double)r->tokens_per_step / ((double)r->windows * (double)r->seq_len));
    if (tune)
        string_print(out, "conversations    %ld; %.3g%% of their tokens are learned; %ld cut, %ld left out (nothing to learn)\n", r->conversations,
                     100 * r->learned_share, r->cut, r->left_out);
    string_print(out, "memory           %.0f MiB: weights %.0f, gradients and optimizer %.0f, one pass %.0f\n", r->memory / 0x1p20, r->memory_weights / 0x1p20,
                 r->memory_training / 0x1p20, r->memory_workspace / 0x1p20);
    if (r->memory_available > 0) string_print(out, "it %s           %.0f MiB are free\n", r->fits ? "fits" : "does not fit", r->memory_available / 0x1p20);
}

static void done_json(const train_report *r, const train_config *c, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "out"), json_text(&w, c->out);
    json_key(&w, "checkpoint"), r->checkpoint != NULL ? json_text(&w, r->checkpoint) : json_null(&w);
    json_key(&w, "step"), json_integer(&w, r->last_step);
    json_key(&w, "tokens"), json_integer(&w, r->tokens);
    put_number(&w, "loss", r->loss);
    put_number(&w, "valid_loss", r->valid_loss);
    put_number(&w, "seconds", r->seconds);
    json_end_object(&w);
    string_char(out, '\n');
}

static void done_text(const train_report *r, const train_config *c, string *out) {
    if (r->checkpoint == NULL) string_print(out, "%s: stopped before the first step\n", c->out);
    else if (isnan(r->loss)) string_print(out, "%s: all %ld steps are done already\n", r->checkpoint, r->last_step);
    else {
        string_print(out, "%s: step %ld of %ld, loss %.4f", r->checkpoint, r->last_step, r->steps, r->loss);
        if (!isnan(r->valid_loss)) string_print(out, ", valid loss %.4f", r->valid_loss);
        string_text(out, r->stopped ? "; stopped, --resume goes on\n" : "\n");
    }
}

/* The examples, and behind them the keys of the configuration: both tables in one help. */
static const char *help_end(arena *owner, train_kind kind, const char *examples) {
    train_config c;
    string text = {0};
    train_config_defaults(kind, &c);
    string_print(&text, "%s\nkeys of CONFIG.yaml (docs/%s.md says more):\n", examples, kind == TRAIN_TOKENS ? "train" : "tune");
    for (const option *o = train_options(owner, kind, &c); o->name != NULL; o++)
        string_print(&text, "  %-31s %s%s%s%s\n", o->name, o->help, o->choices != NULL ? " (" : "", o->choices != NULL ? o->choices : "",
                     o->choices != NULL ? ")" : "");
    const char *copy = arena_copy(owner, string_chars(&text));
    string_drop(&text);
    return copy;
}

int run_training(const char *name, train_kind kind, const char *examples, int argc, char **argv) {
    arena owner = {0};
    common_options common;
    bool resume = false, dry_run = false;
    long seed = -1;
    int status;
    const option options[] = {
        {"resume", 0, OPT_FLAG, &resume, .help = "go on from the newest whole checkpoint; start over where there is none"},
        {"dry-run", 0, OPT_FLAG, &dry_run, .help = "only say how many parameters, steps and tokens, and how much memory; needs no weights"},
        {"seed", 0, OPT_INT, &seed, .help = "instead of the configuration's seed; -1: that one", .least = -1, .most = 0x1p53},
        {0},
    };
    const command c = {name,
                       "CONFIG.yaml",
                       kind == TRAIN_TOKENS ? "Pretrains a model, from scratch or continued." : "Tunes a model on conversations, whole or by a LoRA adapter.",
                       help_end(&owner, kind, examples),
                       options,
                       1,
                       1,
                       .takes_set = true};
    if (!command_begin(&c, argc, argv, &owner, &common, &status)) return arena_drop(&owner), status;
    error err = {0};
    train_config config;
    train_report report;
    string text = {0};
    status = EXIT_DONE;
    if (!train_config_read(&owner, kind, common.words[0], common.set.text, common.set.n, &config, &err)) status = report_usage(name, &err);
    if (status == EXIT_DONE && seed >= 0) config.seed = seed;
    if (status == EXIT_DONE && dry_run) {
        if (!train_plan(&owner, &config, &report, &err)) status = report_failure(&err);
        else if (common.json) plan_json(&report, kind != TRAIN_TOKENS, &text);
        else plan_text(&report, kind != TRAIN_TOKENS, &text);
    } else if (status == EXIT_DONE) {
        signals_catch();
        const train_how how = {.resume = resume, .stop = signal_flag()};
        if (!train_run(&owner, &config, &how, &report, &err)) status = report_failure(&err);
        else if (common.json) done_json(&report, &config, &text);
        else done_text(&report, &config, &text);
    }
    if (status == EXIT_DONE) status = print_string(&text, &err) ? finish_out() : report_failure(&err);
    if (status == EXIT_DONE && !dry_run && report.stopped) status = 128 + signal_seen();
    string_drop(&text);
    arena_drop(&owner);
    return status;
}

int command_train(int argc, char **argv) {
    return run_training("train", TRAIN_TOKENS,
                        "  socle train base.yaml\n"
                        "  socle train base.yaml --set optimizer.lr=3e-4 --set out=runs/base-2\n"
                        "  socle train base.yaml --dry-run\n"
                        "  socle train base.yaml --resume\n",
                        argc, argv);
}
