/* train/train.h: makes a model: pretraining, from scratch or continued, and supervised tuning, whole or by a LoRA adapter. One
 * loop serves both. Knows model/ and data/; docs/train.md and docs/tune.md describe the configuration and the run folder:
 *   OUT/config.yaml                       the configuration as it ran
 *   OUT/metrics.jsonl                     a line a step
 *   OUT/loss.svg                          the curve
 *   OUT/checkpoints/step-00000100/        a model (or PEFT) folder, and state/ to go on from
 * A run is a function of its configuration: the same bits on any number of threads, and after any interruption. */
#ifndef SOCLE_TRAIN_TRAIN_H
#define SOCLE_TRAIN_TRAIN_H
#include "base/options.h"

typedef enum { TRAIN_TOKENS, TRAIN_CONVERSATIONS } train_kind; /* `socle train`, `socle tune` */
typedef enum { METHOD_LORA, METHOD_FULL } train_method;
typedef enum { LOSS_ANSWERS, LOSS_ALL } loss_on;
typedef enum { TEMPLATE_AUTO, TEMPLATE_CHATML_ALWAYS } template_choice;
typedef enum { SCHEDULE_COSINE, SCHEDULE_WSD, SCHEDULE_CONSTANT } schedule_kind;

/* The values of the option table, which says what each means and holds the defaults. */
typedef struct train_config {
    train_kind kind;
    const char *file; /* where it was read; for messages */
    struct {
        const char *init;
        int family; /* index among the choices */
        const char *tokenizer;
        long vocab_size, n_layer, n_head, n_kv_head, hidden_size, intermediate_size, max_position;
        double rope_theta, norm_eps;
        bool tied;
    } model;
    struct {
        const json *train, *valid; /* [{path, weight}] */
        long seq_len;
        bool shuffle, mask_documents;
        int chat_template, loss; /* conversations */
    } data;
    struct {
        int name, bias;
        long r;
        double alpha, dropout;
        const json *target_modules;
    } method;
    struct {
        long sequences, accumulate;
    } batch;
    struct {
        int name;
        double lr, eps, weight_decay, clip;
        const json *betas;
        double beta1, beta2; /* out of betas */
    } optimizer;
    struct {
        int name;
        long warmup_steps, decay_steps;
        double final_lr;
    } schedule;
    long steps;
    double epochs; /* conversations: where steps is 0 */
    struct {
        long every, batches;
    } eval;
    struct {
        long every, keep;
    } checkpoint;
    double dropout;
    long seed;
    const char *out;
} train_config;

/* Sets every value to the default of the kind. */
void train_config_defaults(train_kind kind, train_config *c);
/* The option table of a kind over a configuration, whose values it leaves as they are. In `owner`. */
const option *train_options(arena *owner, train_kind kind, train_config *c);

/* Defaults, then the YAML file, then each "a.b=v" of `set`; checked as far as it can be without reading anything else. What
 * fails here is the configuration's fault. */
bool train_config_read(arena *owner, train_kind kind, const char *file, const char **set, size_t n_set, train_config *c, error *err);

typedef struct train_how {
    bool resume;              /* go on from the newest whole checkpoint; start over where there is none */
    const volatile int *stop; /* not 0: finish the step, save, return; NULL: never */
} train_how;

/* What a run is, before and after it ran. */
typedef struct train_report {
    long parameters, trainable;                                       /* values of the model (adapter included), and of what is learned */
    long steps, first_step;                                           /* of the whole run; the last step that an earlier call has done */
    long rows, seq_len;                                               /* of a micro-batch; of a window */
    long tokens_per_step;                                             /* rows * accumulate */
    long windows;                                                     /* of one epoch */
    double memory, memory_weights, memory_training, memory_workspace; /* bytes: all, of the model, of gradients and optimizer, of a pass */
    double memory_available;                                          /* of the machine; 0: not known */
    bool fits;
    /* conversations */
    long conversations, cut, left_out;
    double learned_share, filled_share; /* of the rows that hold a token; of all rows */
    /* after it ran */
    long last_step;
    double loss, valid_loss; /* of the last step; of the last evaluation, NaN where there was none */
    double seconds;
    int64_t tokens;
    bool stopped;           /* by how.stop */
    const char *checkpoint; /* the last one; in `owner` */
} train_report;

/* Describes the run: needs the data and configurations, no weights, and no more memory than the records take. */
bool train_plan(arena *owner, const train_config *c, train_report *out, error *err);
/* Runs it. */
bool train_run(arena *owner, const train_config *c, const train_how *how, train_report *out, error *err);

#endif
