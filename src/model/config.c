#include "model/families.h"

#include "base/file.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { MOST_QUERY_VALUES = 1 << 22 };

/* What config.json says, read and checked, before it becomes layers. */
typedef struct values {
    const family *family;
    long size[SIZE_COUNT + 1]; /* [SIZE_NONE] is 1 */
    double norm_eps, rope_theta, init_std;
    bool tied, attention_bias, mlp_bias;
    bool scale_scores, scale_scores_by_layer; /* GPT-2: 1/sqrt(head_dim), and 1/(layer + 1) */
} values;

/* Bounds so wide that no real model meets them, and so narrow that products of them fit. */
static const long size_most[SIZE_GIVEN] = {
    [SIZE_VOCAB] = 1L << 24,    [SIZE_HIDDEN] = 1L << 20,   [SIZE_LAYERS] = 1L << 12,       [SIZE_HEADS] = 1L << 16,
    [SIZE_KV_HEADS] = 1L << 16, [SIZE_HEAD_DIM] = 1L << 16, [SIZE_INTERMEDIATE] = 1L << 24, [SIZE_POSITIONS] = 1L << 30,
};

/* ---- reading one key ---- */

static const json *given(const json *config, const char *key) { /* NULL: absent or null */
    const json *v = key == NULL ? NULL : json_get(config, key);
    return v == NULL || v->type == JSON_NULL ? NULL : v;
}

static bool read_size(const json *config, const family_size *s, long most, long *out, error *err) {
    const json *v = given(config, s->key), *other = given(config, s->alias);
    const char *key = v != NULL ? s->key : s->alias;
    if (v != NULL && other != NULL && v->number != other->number) return fail(err, "%s and %s differ", s->key, s->alias);
    if (v == NULL) v = other;
    *out = s->fallback;
    if (v == NULL) return true;
    if (v->type != JSON_NUMBER || !v->is_integer) return fail(err, "%s: %s is no whole number", key, json_short_text(v));
    if (v->integer < 1 || v->integer > most) return fail(err, "%s: %s is not in 1 to %ld", key, json_short_text(v), most);
    *out = (long)v->integer;
    return true;
}

/* A number above `least` up to `most`. */
static bool read_number(const json *config, const char *key, double least, double most, double fallback, double *out, error *err) {
    const json *v = given(config, key);
    *out = fallback;
    if (v == NULL) return true;
    if (v->type != JSON_NUMBER) return fail(err, "%s: %s is no number", key, json_short_text(v));
    if (!(v->number > least && v->number <= most)) return fail(err, "%s: %s is not above %g and at most %g", key, json_short_text(v), least, most);
    *out = v->number;
    return true;
}

static bool read_bool(const json *config, const char *key, bool fallback, bool *out, error *err) {
    const json *v = given(config, key);
    *out = fallback;
    if (v == NULL) return true;
    if (v->type != JSON_BOOL) return fail(err, "%s: %s is neither true nor false", key, json_short_text(v));
    *out = v->truth;
    return true;
}

static bool read_activation(const json *config, const family *f, error *err) {
    const json *v = given(config, f->activation_key);
    if (v == NULL) return true;
    for (const char *const *name = f->activations; *name != NULL; name++)
        if (json_is_text(v, *name)) return true;
    return fail(err, "%s: %s is not supported for %s (only %s)", f->activation_key, json_short_text(v), f->name, f->activations[0]);
}

/* Rope parameters: rope_theta and rope_scaling (transformers 4), or rope_parameters (5), all optional. */
static bool read_rope(const json *config, values *c, error *err) {
    static const known_key known[] = {
        {"rope_type", NULL}, {"type", NULL}, {"rope_theta", NULL}, {"original_max_position_embeddings", NULL}, {"partial_rotary_factor", "1"}, {NULL, NULL}};
    static const known_key *const tables[] = {known};
    static const char *const keys[] = {"rope_scaling", "rope_parameters"};
    if (!read_number(config, "rope_theta", 0, 1e15, 10000, &c->rope_theta, err)) return false;
    for (size_t i = 0; i < COUNT(keys); i++) {
        const json *rope = given(config, keys[i]);
        if (rope == NULL) continue;
        if (rope->type != JSON_OBJECT) return fail(err, "%s: %s is no object", keys[i], json_short_text(rope));
        const json *type = given(rope, "rope_type");
        if (type == NULL) type = given(rope, "type");
        if (type != NULL && !json_is_text(type, "default"))
            return fail(err, "%s: rope type %s is not supported (only default)", keys[i], json_short_text(type));
        double theta;
        if (!keys_check(rope, tables, COUNT(tables), false, err) || !read_number(rope, "rope_theta", 0, 1e15, c->rope_theta, &theta, err))
            return fail(err, "%s", keys[i]);
        if (given(config, "rope_theta") != NULL && theta != c->rope_theta) return fail(err, "rope_theta and %s.rope_theta differ", keys[i]);
        c->rope_theta = theta;
    }
    return true;
}

/* ---- the whole of config.json ---- */

static bool read_sizes(const json *config, const family *f, values *c, error *err) {
    for (int i = 0; i < SIZE_GIVEN; i++)
        if (!read_size(config, &f->sizes[i], size_most[i], &c->size[i], err)) return false;
    long *size = c->size;
    const char *hidden = f->sizes[SIZE_HIDDEN].key, *heads = f->sizes[SIZE_HEADS].key;
    if (size[SIZE_KV_HEADS] == 0) size[SIZE_KV_HEADS] = size[SIZE_HEADS];
    if (size[SIZE_HEADS] % size[SIZE_KV_HEADS] != 0)
        return fail(err, "%s: %ld heads cannot share %ld key and value heads evenly", heads, size[SIZE_HEADS], size[SIZE_KV_HEADS]);
    if (size[SIZE_HEAD_DIM] == 0) {
        if (size[SIZE_HIDDEN] % size[SIZE_HEADS] != 0) return fail(err, "%s %ld is no multiple of %s %ld", hidden, size[SIZE_HIDDEN], heads, size[SIZE_HEADS]);
        size[SIZE_HEAD_DIM] = size[SIZE_HIDDEN] / size[SIZE_HEADS];
    }
    if (f->rope && size[SIZE_HEAD_DIM] % 2 != 0) return fail(err, "head_dim %ld is odd, and rope turns pairs", size[SIZE_HEAD_DIM]);
    if (size[SIZE_INTERMEDIATE] == 0) size[SIZE_INTERMEDIATE] = f->intermediate_over_hidden * size[SIZE_HIDDEN];
    size[SIZE_QUERY] = size[SIZE_HEADS] * size[SIZE_HEAD_DIM];
    size[SIZE_KEY] = size[SIZE_KV_HEADS] * size[SIZE_HEAD_DIM];
    size[SIZE_NONE] = 1;
    if (size[SIZE_QUERY] > MOST_QUERY_VALUES) return fail(err, "%s: %ld heads of %ld values are too large", heads, size[SIZE_HEADS], size[SIZE_HEAD_DIM]);
    return true;
}

static bool read_values(const json *config, values *c, error *err) {
    if (config->type != JSON_OBJECT) return fail(err, "it is no JSON object");
    const char *type = json_get_text(config, "model_type", NULL);
    if (type == NULL) return fail(err, "model_type is missing");
    const family *f = c->family = family_find(type);
    if (f == NULL) return fail(err, "model_type %.40s is not supported (%s are)", type, family_names());
    const known_key *const tables[] = {f->keys, common_keys};
    return keys_check(config, tables, COUNT(tables), false, err) && read_sizes(config, f, c, err) && read_activation(config, f, err) &&
           read_number(config, f->norm_eps_key, 0, 1, f->norm_eps, &c->norm_eps, err) &&
           read_number(config, "initializer_range", 0, 10, 0.02, &c->init_std, err) && read_bool(config, "tie_word_embeddings", f->tied, &c->tied, err) &&
           read_bool(config, "attention_bias", false, &c->attention_bias, err) && read_bool(config, "mlp_bias", false, &c->mlp_bias, err) &&
           read_bool(config, "scale_attn_weights", true, &c->scale_scores, err) &&
           read_bool(config, "scale_attn_by_inverse_layer_idx", false, &c->scale_scores_by_layer, err) && (!f->rope || read_rope(config, c, err));
}

/* ---- from values to a model ---- */

static bool is_there(const family_tensor *t, const values *c) {
    switch (t->when) {
    case WHEN_ATTENTION_BIAS: return c->attention_bias;
    case WHEN_MLP_BIAS: return c->mlp_bias;
    case WHEN_UNTIED: return !c->tied;
    case WHEN_ALWAYS: break;
    }
    return true;
}

/* Rows of a stored tensor that come before this part of it, and all of them. */
static void place_part(const family *f, const family_tensor *t, const values *c, parameter *p) {
    p->part_first = p->part_total = 0;
    for (int i = 0; i < f->n_tensor; i++) {
        const family_tensor *other = &f->tensors[i];
        if (strcmp(other->stored, t->stored) != 0) continue;
        const long rows = c->size[other->rows == SIZE_NONE ? other->dim : other->rows];
        if (other < t) p->part_first += rows;
        p->part_total += rows;
    }
}

static bool add_parameter(model *m, const values *c, const family_tensor *t, long number, error *err) {
    parameter *p = NEW(m->owner, parameter);
    char stored[256];
    snprintf(stored, sizeof stored, t->stored, number); /* the format is a row of our own table */
    if (p == NULL) return fail(err, "no memory left for %ld layers", m->n_layer);
    p->stored = arena_copy(m->owner, stored);
    p->name = t->part[0] == 0 ? p->stored : arena_print(m->owner, "%s%s", stored, t->part);
    if (p->stored == NULL || p->name == NULL) return fail(err, "no memory left for %ld layers", m->n_layer);
    const bool vector = t->rows == SIZE_NONE;
    p->value = tensor_of(DTYPE_REAL, vector ? shape_1(c->size[t->dim]) : shape_2(c->size[t->rows], c->size[t->dim]), NULL);
    p->decays = !vector;
    p->init = t->init;
    p->transposed = t->transposed;
    place_part(c->family, t, c, p);
    m->parameters[m->n_parameter++] = p;
    char *holder = t->place == IN_MODEL ? (char *)m : (char *)&m->layers[number];
    memcpy(holder + t->offset, &p, sizeof p);
    return true;
}

/* Parameters in the order of the table, whose run of layer rows is gone through once a layer. */
static bool add_parameters(model *m, const values *c, error *err) {
    const family *f = c->family;
    for (int i = 0; i < f->n_tensor;) {
        int end = i + 1;
        while (f->tensors[i].place == IN_LAYER && end < f->n_tensor && f->tensors[end].place == IN_LAYER) end++;
        const long times = f->tensors[i].place == IN_LAYER ? m->n_layer : 1;
        for (long number = 0; number < times; number++)
            for (int t = i; t < end; t++)
                if (is_there(&f->tensors[t], c) && !add_parameter(m, c, &f->tensors[t], number, err)) return false;
        i = end;
    }
    if (c->tied) m->head = m->embed;
    return true;
}

static void fill_layer(layer *l, const values *c, long number) {
    l->norm = c->family->norm;
    l->norm_eps = (real)c->norm_eps;
    l->n_head = (int)c->size[SIZE_HEADS];
    l->n_kv_head = (int)c->size[SIZE_KV_HEADS];
    l->head_dim = c->size[SIZE_HEAD_DIM];
    double scale = c->scale_scores ? 1 / sqrt((double)l->head_dim) : 1;
    if (c->scale_scores_by_layer) scale /= (double)(number + 1);
    l->attention_scale = (real)scale;
    l->rope = c->family->rope;
    l->mlp = c->family->mlp;
    l->intermediate = c->size[SIZE_INTERMEDIATE];
}

static bool fill_rope(model *m, const values *c, error *err) {
    if (!c->family->rope) return true;
    const long half = c->size[SIZE_HEAD_DIM] / 2;
    real *inverse = NEW_ARRAY(m->owner, half, real);
    if (inverse == NULL) return fail(err, "no memory left");
    for (long i = 0; i < half; i++) inverse[i] = (real)pow(c->rope_theta, -2.0 * (double)i / (double)c->size[SIZE_HEAD_DIM]);
    m->rope_inverse = tensor_of(DTYPE_REAL, shape_1(half), inverse);
    return true;
}

/* One id or a list of them; ids outside the vocabulary cannot occur and are left out. false: something else. */
static bool read_ids(const json *v, long vocab_size, int32_t *ids, int most, int *n, error *err) {
    const json *first = v->type == JSON_ARRAY ? v->item : v;
    const size_t n_item = v->type == JSON_ARRAY ? v->length : 1;
    *n = 0;
    for (size_t i = 0; i < n_item; i++) {
        if (first[i].type != JSON_NUMBER || !first[i].is_integer) return fail(err, "%s is no token id", json_short_text(&first[i]));
        if (first[i].integer < 0 || first[i].integer >= vocab_size) continue;
        if (*n == most) return fail(err, "more than %d ids", most);
        ids[(*n)++] = (int32_t)first[i].integer;
    }
    return true;
}

/* generation_config.json counts before config.json, as in transformers; absent keys take the family's default. */
static bool fill_ids(model *m, const family *f, error *err) {
    const json *eos = given(m->generation, "eos_token_id"), *bos = given(m->generation, "bos_token_id");
    if (eos == NULL) eos = json_get(m->config, "eos_token_id");
    if (bos == NULL) bos = json_get(m->config, "bos_token_id");
    m->n_eos = 0;
    if (eos == NULL && f->eos_id < m->vocab_size) m->eos_ids[m->n_eos++] = f->eos_id;
    else if (eos != NULL && eos->type != JSON_NULL && !read_ids(eos, m->vocab_size, m->eos_ids, COUNT(m->eos_ids), &m->n_eos, err))
        return fail(err, "eos_token_id");
    int n_bos = 0;
    m->bos_id = bos == NULL && f->bos_id < m->vocab_size ? f->bos_id : -1;
    if (bos != NULL && bos->type != JSON_NULL && !read_ids(bos, m->vocab_size, &m->bos_id, 1, &n_bos, err)) return fail(err, "bos_token_id");
    return true;
}

static model *describe(arena *owner, json *config, json *generation, const char *name, error *err) {
    static atomic_ulong numbers;
    values c = {0};
    if (!read_values(config, &c, err)) return fail_null(err, "config.json");
    model *m = NEW(owner, model);
    if (m == NULL) return fail_null(err, "no memory left");
    m->owner = owner;
    m->family = c.family->name;
    m->name = arena_copy(owner, name);
    m->number = 1 + atomic_fetch_add(&numbers, 1);
    m->config = config;
    m->generation = generation;
    m->vocab_size = c.size[SIZE_VOCAB];
    m->hidden_size = c.size[SIZE_HIDDEN];
    m->n_layer = c.size[SIZE_LAYERS];
    m->max_position = c.size[SIZE_POSITIONS];
    m->init_std = (real)c.init_std;
    m->layers = NEW_ARRAY(owner, m->n_layer, layer);
    m->parameters = NEW_ARRAY(owner, (size_t)m->n_layer * (size_t)c.family->n_tensor + (size_t)c.family->n_tensor, parameter *);
    if (m->name == NULL || m->layers == NULL || m->parameters == NULL) return fail_null(err, "no memory left for %ld layers", m->n_layer);
    for (long i = 0; i < m->n_layer; i++) fill_layer(&m->layers[i], &c, i);
    if (!add_parameters(m, &c, err) || !fill_rope(m, &c, err)) return NULL;
    if (!fill_ids(m, c.family, err)) return fail_null(err, generation == NULL ? "config.json" : "generation_config.json or config.json");
    return m;
}

model *model_describe_json(arena *owner, json *config, const char *name, error *err) {
    return describe(owner, config, NULL, name, err);
}

model *model_describe(arena *owner, const char *folder, error *err) {
    json *config = config_file_read(owner, folder, "config.json", err), *generation = NULL;
    if (config == NULL) return NULL;
    if (file_exists(path_join(owner, folder, "generation_config.json"))) {
        generation = config_file_read(owner, folder, "generation_config.json", err);
        if (generation == NULL) return NULL;
    }
    model *m = describe(owner, config, generation, folder_name(owner, folder), err);
    return m != NULL ? m : fail_null(err, "%s", folder);
}

long model_parameter_count(const model *m) {
    long n = 0;
    for (int i = 0; i < m->n_parameter; i++) n += shape_values(m->parameters[i]->value.shape);
    return n;
}

parameter *model_parameter(const model *m, const char *name) {
    for (int i = 0; i < m->n_parameter; i++)
        if (strcmp(m->parameters[i]->name, name) == 0) return m->parameters[i];
    return NULL;
}

/* ---- a new model ---- */

static void put_size(json_writer *w, const char *key, long value) {
    json_key(w, key);
    json_integer(w, value);
}

static void put_id(json_writer *w, const char *key, int32_t id) {
    json_key(w, key);
    if (id < 0) json_null(w);
    else json_integer(w, id);
}

static long pick(long given_size, long fallback) {
    return given_size > 0 ? given_size : fallback;
}

json *model_config_of_sizes(arena *owner, const model_sizes *s, error *err) {
    if (s->family == NULL) return fail_null(err, "model.family is missing (%s)", family_names());
    const family *f = family_find(s->family);
    if (f == NULL) return fail_null(err, "model.family %.40s is not supported (%s are)", s->family, family_names());
    if (s->vocab_size <= 0) return fail_null(err, "model.vocab_size is missing");
    long size[SIZE_GIVEN] = {[SIZE_VOCAB] = s->vocab_size};
    size[SIZE_HIDDEN] = pick(s->hidden_size, f->sizes[SIZE_HIDDEN].fallback);
    size[SIZE_LAYERS] = pick(s->n_layer, f->sizes[SIZE_LAYERS].fallback);
    size[SIZE_HEADS] = pick(s->n_head, f->sizes[SIZE_HEADS].fallback);
    size[SIZE_KV_HEADS] = pick(s->n_kv_head, size[SIZE_HEADS]);
    size[SIZE_POSITIONS] = pick(s->max_position, f->sizes[SIZE_POSITIONS].fallback);
    /* three matrices of 8/3 hold what two of 4 do (Touvron et al. 2023) */
    const long times = f->mlp == MLP_SWIGLU ? (size[SIZE_HIDDEN] * 8 / 3 + 31) / 32 * 32 : 4 * size[SIZE_HIDDEN];
    size[SIZE_INTERMEDIATE] = pick(s->intermediate_size, times);
    if (f->sizes[SIZE_KV_HEADS].key == NULL && size[SIZE_KV_HEADS] != size[SIZE_HEADS])
        return fail_null(err, "model.n_kv_head: %s has as many key and value heads as heads", f->name);
    string text = {0};
    json_writer w = {.out = &text};
    json_begin_object(&w);
    json_key(&w, "architectures");
    json_begin_array(&w);
    json_text(&w, f->architecture);
    json_end_array(&w);
    json_key(&w, "model_type");
    json_text(&w, f->name);
    for (int i = 0; i < SIZE_GIVEN; i++)
        if (f->sizes[i].key != NULL && size[i] > 0) put_size(&w, f->sizes[i].key, size[i]);
    json_key(&w, f->norm_eps_key);
    json_number(&w, s->norm_eps > 0 ? s->norm_eps : f->norm_eps);
    json_key(&w, f->activation_key);
    json_text(&w, f->activations[0]);
    if (f->rope) {
        json_key(&w, "rope_theta");
        json_number(&w, s->rope_theta > 0 ? s->rope_theta : 10000);
    }
    json_key(&w, "tie_word_embeddings");
    json_bool(&w, s->tied == 0 ? f->tied : s->tied > 0);
    json_key(&w, "initializer_range");
    json_number(&w, 0.02);
    put_id(&w, "bos_token_id", s->bos_id);
    put_id(&w, "eos_token_id", s->eos_id);
    json_key(&w, "torch_dtype");
    json_text(&w, "float32");
    json_end_object(&w);
    json *config = json_parse(owner, text.data, text.length, err);
    string_drop(&text);
    return config;
}
