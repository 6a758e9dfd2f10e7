/* model/adapter.h: LoRA adapters (Hu et al. 2021, arXiv:2106.09685) in PEFT's folder form, and the bank that passes read.
 * An adapter is applied whole or refused: every tensor of its file must find its place, every field of its configuration
 * that would change the result must be understood, or loading fails with what is left over. */
#ifndef SOCLE_MODEL_ADAPTER_H
#define SOCLE_MODEL_ADAPTER_H
#include "model/model.h"

/* A module as PEFT sees it: one linear layer of the Hugging Face model. GPT-2's c_attn is one module over three weights. */
typedef struct bank_module {
    const char *path;     /* "model.layers.0.self_attn.q_proj", "transformer.h.0.attn.c_attn" */
    parameter *weight[3]; /* the weights it changes, in the order of B's rows */
    long weight_row[3];   /* first row of B for each */
    int n_weight;
    long in, out;
    tensor a, b;  /* real [n_slot, rank, in], [n_slot, out, rank]; rank is the bank's, zero padded */
    tensor scale; /* real [n_slot]: alpha / r, or alpha / sqrt(r) */
    tensor rank;  /* i32 [n_slot]; 0: this slot leaves the module alone */
} bank_module;

/* Slots of adapters over one model; tenants come and go without a new record. */
typedef struct adapter_bank {
    int n_slot;
    long rank;            /* the largest an adapter of it may have */
    bank_module *modules; /* those that some adapter may change */
    int n_module;
    real dropout; /* of the adapters' input, in training: the first adapter's */
    void *memory; /* one block that holds every a and b */
    size_t memory_bytes;
} adapter_bank;

/* What an adapter's configuration says, patterns resolved later by module. */
typedef struct adapter_config {
    const char *name; /* the folder's name */
    long r;
    double alpha, dropout;
    bool rslora;
    const char **target_modules; /* names or path suffixes */
    int n_target;
    const char *target_regex; /* where target_modules is a string */
    json *tree;               /* adapter_config.json, for rank_pattern, alpha_pattern, layers_to_transform */
} adapter_config;

/* Reads and checks adapter_config.json; refuses by name what is set and not understood. */
bool adapter_config_read(arena *owner, const char *folder, adapter_config *c, error *err);
/* The same from bytes. */
bool adapter_config_parse(arena *owner, const char *text, size_t n, adapter_config *c, error *err);
/* A configuration for a new adapter (tuning). targets: names, or one "all-linear". */
bool adapter_config_make(arena *owner, long r, double alpha, double dropout, const char **targets, int n_target, adapter_config *c, error *err);

/* A bank for these adapters over `m`: modules are the union of what they target, rank their largest. Sets m->bank.
 * An adapter whose targets match nothing is an error that names it. */
adapter_bank *bank_new(model *m, const adapter_config *adapters, int n_adapter, int n_slot, error *err);
void bank_free(model *m); /* gives its memory back and sets m->bank to NULL; model_free_weights does it too */
/* Loads an adapter's tensors into a slot; on failure the slot is empty (all ranks 0). Checks that the change is non-zero. */
bool bank_load(model *m, int slot, const char *folder, error *err);
void bank_clear(model *m, int slot);
/* Fresh adapter in a slot: A uniform in ±1/sqrt(in) (kaiming, a = sqrt 5), B zero. */
bool bank_initialise(model *m, int slot, const adapter_config *c, uint64_t seed, error *err);
/* Writes slot as a PEFT folder: adapter_config.json, adapter_model.safetensors (f32), into an existing folder. */
bool bank_save(const model *m, int slot, const adapter_config *c, const char *base_name, const char *folder, error *err);
/* The module that changes a weight, its index in the bank, and the first row of B for it; -1: none. */
int bank_find(const adapter_bank *bank, const parameter *weight, long *first_row);
long bank_parameter_count(const adapter_bank *bank, int slot);

#endif
