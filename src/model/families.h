/* model/families.h (inner): the families that socle knows. A new family is a row in families.c, a table of its tensors and a
 * table of its keys; model/config.c turns a row and a config.json into layers, and nothing after that asks for the family. */
#ifndef SOCLE_MODEL_FAMILIES_H
#define SOCLE_MODEL_FAMILIES_H
#include "model/model.h"
#include "model/names.h"

/* Sizes that config.json gives; the last two follow from others. */
typedef enum {
    SIZE_VOCAB,
    SIZE_HIDDEN,
    SIZE_LAYERS,
    SIZE_HEADS,
    SIZE_KV_HEADS,
    SIZE_HEAD_DIM,
    SIZE_INTERMEDIATE,
    SIZE_POSITIONS,
    SIZE_GIVEN,              /* how many there are so far */
    SIZE_QUERY = SIZE_GIVEN, /* heads * head_dim */
    SIZE_KEY,                /* kv heads * head_dim */
    SIZE_COUNT,
    SIZE_NONE = SIZE_COUNT,
} size_kind;

/* How one size is called. `fallback` is transformers' default where the key is absent; 0: it follows from other sizes. */
typedef struct family_size {
    const char *key, *alias; /* the alias is the name that transformers' attribute_map also takes; key NULL: always follows */
    long fallback;
} family_size;

typedef enum { WHEN_ALWAYS, WHEN_ATTENTION_BIAS, WHEN_MLP_BIAS, WHEN_UNTIED } family_when;
typedef enum { IN_MODEL, IN_LAYER } family_place;

/* One line a tensor. Rows of one fused tensor follow each other; rows of IN_LAYER form one run. */
typedef struct family_tensor {
    const char *stored; /* its name in a Hugging Face file; "%ld" is the number of the layer */
    const char *part;   /* "": the whole of it; "#q": a part of a fused one */
    family_place place;
    size_t offset;       /* of the parameter * in struct model or struct layer */
    size_kind rows, dim; /* rows SIZE_NONE: a vector of dim values */
    family_when when;
    init_kind init;
    bool transposed;
} family_tensor;

typedef struct family {
    const char *name;         /* model_type */
    const char *architecture; /* transformers' class, written for new models */
    const char *prefix;       /* what a file of the bare model, without head, leaves out of the names: "model." */
    norm_kind norm;
    mlp_kind mlp;
    bool rope;
    family_size sizes[SIZE_GIVEN];
    long intermediate_over_hidden; /* where nothing gives intermediate_size; 0: it has a fallback */
    const char *norm_eps_key;
    double norm_eps;
    const char *activation_key;
    const char *activations[3]; /* the names that mean `mlp`; the first is the default; ends with NULL */
    bool tied;                  /* the default */
    int32_t bos_id, eos_id;     /* the defaults */
    const family_tensor *tensors;
    int n_tensor;
    const known_key *keys;          /* beside those that every family has */
    const char *default_targets[3]; /* what PEFT adapts where target_modules is null; ends with NULL */
    const char *const *buffers;     /* ends of the names of tensors that old files hold and nobody needs; ends with NULL */
} family;

const family *family_find(const char *name); /* NULL: not known */
const char *family_names(void);              /* "llama, gpt2", for messages */
extern const known_key common_keys[];        /* of every config.json */

#endif
