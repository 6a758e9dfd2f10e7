/* model/model.h: what a model is: configuration, layers, parameters. A model is described once: config.json resolves into an
 * array of complete layers, and model/transformer.c reads only that array; a family is a row that says how to fill it. */
#ifndef SOCLE_MODEL_MODEL_H
#define SOCLE_MODEL_MODEL_H
#include "base/json.h"
#include "base/string.h"
#include "tensor/tensor.h"

typedef enum { NORM_RMS, NORM_LAYER } norm_kind;
typedef enum { MLP_SWIGLU, MLP_GELU } mlp_kind;                                    /* GELU in the tanh form ("gelu_new") */
typedef enum { INIT_NORMAL, INIT_NORMAL_RESIDUAL, INIT_ZERO, INIT_ONE } init_kind; /* RESIDUAL: std / sqrt(2 * n_layer) */

/* A named tensor of a model, and what belongs to it. Always [out, in] for weights of linear layers, whatever the file has. */
typedef struct parameter {
    const char *name; /* unique; the tensor's name in the file, and "#q", "#k", "#v" behind it for parts of a fused one */
    tensor value;     /* type real; data NULL until it is loaded or initialised */
    bool decays;      /* weight decay applies (matrices), or not (norms, biases) */
    init_kind init;
    /* how it lies in a Hugging Face file */
    const char *stored;          /* the tensor there */
    bool transposed;             /* stored as [in, out] (GPT-2's Conv1D) */
    long part_first, part_total; /* this is rows [part_first, part_first + rows) of the stored tensor's `part_total` out rows */
} parameter;

/* All values that describe one block. NULL: the block has none. */
typedef struct layer {
    norm_kind norm;
    real norm_eps;
    parameter *attention_norm, *attention_norm_bias, *mlp_norm, *mlp_norm_bias;
    int n_head, n_kv_head;
    long head_dim;
    real attention_scale;
    bool rope;
    parameter *q, *k, *v, *o, *q_bias, *k_bias, *v_bias, *o_bias;
    mlp_kind mlp;
    long intermediate;
    parameter *gate, *up, *down, *gate_bias, *up_bias, *down_bias; /* gate only in MLP_SWIGLU */
} layer;

typedef struct model {
    arena *owner;
    const char *family;       /* "llama", "gpt2" */
    const char *name;         /* the folder's name */
    uint64_t number, version; /* identity: never used again in this process; version rises when weights change */
    json *config;             /* config.json as read or made; written again as it is */
    json *generation;         /* generation_config.json, or NULL */
    long vocab_size, hidden_size, n_layer, max_position;
    real init_std;
    int32_t bos_id; /* -1: none */
    int32_t eos_ids[8];
    int n_eos;
    layer *layers;
    parameter *embed, *position_embed /* [max_position, hidden] or NULL */, *final_norm, *final_norm_bias, *head /* == embed where tied */;
    tensor rope_inverse;    /* [head_dim / 2] inverse frequencies; data NULL without rope */
    parameter **parameters; /* each once, in the file's natural order */
    int n_parameter;
    void *weights; /* one block that holds every parameter's values; NULL until loaded */
    size_t weights_bytes;
    struct adapter_bank *bank; /* slots of adapters that passes may use; NULL: none */
} model;

/* ---- description: model/config.c, model/families.c. Needs no weights. ---- */
/* From a folder's config.json. Everything in it that would change the result and is not understood is refused by name. */
model *model_describe(arena *owner, const char *folder, error *err);
/* From a tree of config.json's form. */
model *model_describe_json(arena *owner, json *config, const char *name, error *err);
/* A config.json tree for a new model from the sizes of a train config: {family, vocab_size, n_layer, n_head, n_kv_head,
 * hidden_size, intermediate_size, max_position, rope_theta, norm_eps, tied, bos/eos ids}; 0 or -1 takes the family's default. */
typedef struct model_sizes {
    const char *family;
    long vocab_size, n_layer, n_head, n_kv_head, hidden_size, intermediate_size, max_position;
    double rope_theta, norm_eps;
    int tied; /* 1: yes, -1: no, 0: the family's default */
    int32_t bos_id, eos_id;
} model_sizes;
json *model_config_of_sizes(arena *owner, const model_sizes *s, error *err);
long model_parameter_count(const model *m);
parameter *model_parameter(const model *m, const char *name); /* NULL: none of that name */

/* ---- weights: model/hf.c ---- */
/* Describes and loads a Hugging Face folder: model.safetensors, or shards with an index; f32, f16, bf16, f64. Every tensor
 * of the model must be there with its shape, and every tensor of the files must have its place (known buffers aside). */
model *model_load(arena *owner, const char *folder, error *err);
bool model_allocate(model *m, error *err);      /* zeroed weights for a described model */
void model_initialise(model *m, uint64_t seed); /* random weights, a function of seed and name alone */
void model_free_weights(model *m);              /* and its bank of adapters; what an arena holds stays. NULL is fine */
/* Writes config.json, model.safetensors (f32), generation_config.json into an existing folder. Tokenizer files are text/'s. */
bool model_save(const model *m, const char *folder, error *err);

/* ---- MODEL arguments: model/open.c. "FOLDER", a training run's folder (its newest whole checkpoint), "MODEL+ADAPTER"
 * (a path that exists as written wins). ---- */
typedef struct model_path {
    const char *base, *adapter; /* folders; adapter NULL: none */
} model_path;
/* The newest whole checkpoint of a training run's folder, RUN/checkpoints/step-N; NULL: there is none. */
const char *model_newest_checkpoint(arena *owner, const char *run);
bool model_path_resolve(arena *owner, const char *argument, model_path *out, error *err);
/* Loads base and, if named, the adapter into slot 0 of a bank of one slot. */
model *model_open(arena *owner, const char *argument, error *err);

#endif
