/* model/adapter_inner.h (inner): which modules of a model a configuration of PEFT means, and with which rank and scale
 * (peft/tuners/tuners_utils.py check_target_module_exists, peft/utils/other.py get_pattern_key). */
#ifndef SOCLE_MODEL_ADAPTER_INNER_H
#define SOCLE_MODEL_ADAPTER_INNER_H
#include "model/adapter.h"
#include "model/path_pattern.h"

/* A module of the model as PEFT would see it, adapted or not. */
typedef enum { MODULE_LINEAR, MODULE_HEAD, MODULE_OTHER } module_kind;
typedef struct model_module {
    module_kind kind;
    bank_module as; /* path, weights, in, out; its tensors are empty */
} model_module;
/* All modules that have a weight, in the model's order. */
model_module *model_modules(arena *owner, const model *m, int *n, error *err);

typedef struct matcher matcher;
matcher *matcher_new(arena *owner, const adapter_config *c, const model *m, error *err);
bool matcher_targets(matcher *t, const model_module *mod);
/* r and scale of a targeted module, after the patterns. */
long matcher_rank(matcher *t, const char *path);
double matcher_scale(matcher *t, const char *path);

/* Marks the modules that a configuration targets; returns how many, or -1 with a reason: none, or one that cannot be adapted. */
int matcher_mark(matcher *t, const model_module *modules, int n, bool *targeted, error *err);

enum { MOST_RANK = 4096, MOST_SCRATCH = 256 << 20 /* bytes for what one configuration says */ };

#endif
