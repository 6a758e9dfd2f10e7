/* train/training.h: all that a run consists of: model, data, records; and its checkpoints. Inner to train/. */
#ifndef SOCLE_TRAIN_TRAINING_H
#define SOCLE_TRAIN_TRAINING_H
#include "data/chat_form.h"
#include "text/tokenizer.h"
#include "train/trainer.h"

typedef struct training {
    train_config c; /* with steps and warm-up as they come out */
    model *m;
    const char *base;     /* the folder of model.init; NULL: made from sizes */
    tokenizer *tokenizer; /* NULL: the model has none */
    const char *jinja;    /* the chat template to write; NULL: the tokenizer's own */
    chat_form form;       /* conversations */
    bool lora;
    adapter_config adapter;
    adapter_bank *bank;
    loader *train, *valid;
    packing packed;       /* conversations */
    digest data, weights; /* fingerprints: of the data, and of the frozen weights under an adapter */
    long steps;
    trainer t;
} training;

/* Describes all of it; the weights are loaded or made where `weights` says so, from `checkpoint` where it is not NULL. */
bool training_make(training *run, arena *owner, const train_config *c, bool weights, const char *checkpoint, error *err);
void training_drop(training *run); /* weights, mapped files, memory */
void training_report(const training *run, train_report *out);

/* train/conversations.c: files of conversations to sequences, one source a file. */
bool conversations_load(arena *owner, const chat_form *form, const json *files, bool learn_all, sequence_source **out, int *n, error *err);

/* ---- train/config.c ---- */
model_sizes train_sizes(const train_config *c); /* model.sizes, without what a tokenizer adds */
bool schedule_check(const train_config *c, error *err);

/* ---- train/checkpoint.c ---- */
typedef struct progress_state {
    long step; /* the last one done */
    int64_t tokens;
    double seconds;
} progress_state;

/* Writes OUT/checkpoints/step-N whole, then removes all but the newest checkpoint.keep. Its name in `owner`. */
const char *checkpoint_save(const training *run, arena *owner, const progress_state *at, error *err);
/* Reads the state of a checkpoint into a trainer that has its memory. Another data set, seed or base is refused by name. */
bool checkpoint_load(training *run, const char *folder, progress_state *at, error *err);

#endif
