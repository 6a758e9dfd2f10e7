/* train/trainer.h: one step of training, and one evaluation, as records that are made once and run many times. Inner to train/. */
#ifndef SOCLE_TRAIN_TRAINER_H
#define SOCLE_TRAIN_TRAINER_H
#include "data/loader.h"
#include "model/adapter.h"
#include "model/transformer.h"
#include "train/train.h"

/* A tensor that is learned, and what belongs to it in training. */
typedef struct trainable {
    const char *name;
    const tensor *value; /* in the model, or in its bank */
    bool decays;
    tensor gradient, m, v; /* of the value's shape; m and v are Adam's moments */
} trainable;

/* A recorded pass with its loss. */
typedef struct loss_pass {
    transformer_pass pass;
    tensor targets;
    record *record;
    value nll;
    plan *plan;
} loss_pass;

typedef struct trainer {
    const train_config *c;
    model *m;
    loader *train, *valid; /* valid NULL: none */
    trainable *parts;
    int n_part;
    long n_value;                 /* values of all parts */
    long rows;                    /* of a micro-batch */
    loss_pass first, more, check; /* the step's first micro-batch sets gradients, later ones add to them; evaluation */
    tensor root_gradient;         /* [rows]: 1 / learned tokens of the step, or 0 */
    tensor squares, now_decays, now_plain;
    plan *norm, *update;
    int64_t seed[2]; /* content of the passes' seed */
    size_t workspace_bytes, state_bytes, batch_bytes;
    void *workspace, *state, *batches; /* memory; NULL before trainer_allocate */
} trainer;

typedef struct step_result {
    double loss, grad_norm;
    long learned, tokens; /* rows that are learned; rows that hold a token */
} step_result;

/* Records and plans for a described model; the loaders and the configuration are borrowed. Of a model with a bank, slot 0 is
 * what is learned, and nothing else. */
bool trainer_make(trainer *t, arena *owner, const train_config *c, model *m, loader *train, loader *valid, error *err);
/* Memory for all that a step needs besides the weights; moments are 0. */
bool trainer_allocate(trainer *t, error *err);
void trainer_free(trainer *t);

/* Step 1, 2, ...: all micro-batches, forward and backward, then the update. A loss that is no number is an error, and nothing
 * is updated. */
bool trainer_step(trainer *t, long step, double lr, step_result *out, error *err);
/* Mean negative log-likelihood over the first windows of the valid data, always the same ones. */
double trainer_evaluate(trainer *t);

#endif
