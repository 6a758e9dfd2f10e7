#include "model/adapter.h"
#include "model/families.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/random.h"
#include "tensor/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_ALIGNMENT = 64, MOST_SHARDS = 4096, LARGEST_INDEX = 256 << 20, TILE = 64 };

/* ---- memory for the weights ---- */

static bool block_bytes(const model *m, size_t *bytes, error *err) {
    *bytes = 0;
    for (int i = 0; i < m->n_parameter; i++) {
        const size_t n = (tensor_bytes(m->parameters[i]->value) + WEIGHT_ALIGNMENT - 1) / WEIGHT_ALIGNMENT * WEIGHT_ALIGNMENT;
        if (__builtin_add_overflow(*bytes, n, bytes)) return fail(err, "the weights are larger than any memory");
    }
    return true;
}

bool model_allocate(model *m, error *err) {
    if (m->weights == NULL) {
        if (!block_bytes(m, &m->weights_bytes, err)) return false;
        m->weights = memory_new(m->weights_bytes, err);
        if (m->weights == NULL) return fail(err, "weights of %s", m->name);
        char *at = m->weights;
        for (int i = 0; i < m->n_parameter; i++) {
            m->parameters[i]->value.data = at;
            at += (tensor_bytes(m->parameters[i]->value) + WEIGHT_ALIGNMENT - 1) / WEIGHT_ALIGNMENT * WEIGHT_ALIGNMENT;
        }
    } else memset(m->weights, 0, m->weights_bytes);
    m->version++;
    return true;
}

void model_free_weights(model *m) {
    if (m == NULL) return;
    bank_free(m);
    memory_free(m->weights, m->weights_bytes);
    m->weights = NULL;
    for (int i = 0; i < m->n_parameter; i++) m->parameters[i]->value.data = NULL;
}

/* ---- random weights ---- */

enum { INIT_CHUNK = 1 << 16 };

typedef struct init_job {
    real *out;
    long n;
    double std;
    uint64_t seed, name;
} init_job;

/* Elements 4i .. 4i + 3 come from counter i: two pairs of Box and Muller. */
static void init_chunk(void *context, long chunk) {
    const init_job *j = context;
    const long end = (chunk + 1) * INIT_CHUNK < j->n ? (chunk + 1) * INIT_CHUNK : j->n;
    for (long i = chunk * INIT_CHUNK; i < end; i += 4) {
        uint32_t word[4];
        philox(j->seed, j->name, (uint64_t)i / 4, word);
        for (int pair = 0; pair < 2; pair++) {
            const double u = (word[2 * pair] + 0.5) * 0x1p-32, angle = word[2 * pair + 1] * (0x1p-32 * 6.283185307179586);
            const double length = j->std * sqrt(-2 * log(u));
            if (i + 2 * pair < end) j->out[i + 2 * pair] = (real)(length * cos(angle));
            if (i + 2 * pair + 1 < end) j->out[i + 2 * pair + 1] = (real)(length * sin(angle));
        }
    }
}

void model_initialise(model *m, uint64_t seed) {
    for (int i = 0; i < m->n_parameter; i++) {
        const parameter *p = m->parameters[i];
        init_job job = {.out = p->value.data, .n = shape_values(p->value.shape), .std = (double)m->init_std, .seed = seed};
        if (p->init == INIT_NORMAL_RESIDUAL) job.std /= sqrt(2.0 * (double)m->n_layer);
        if (p->init == INIT_ZERO || p->init == INIT_ONE) {
            for (long k = 0; k < job.n; k++) job.out[k] = p->init == INIT_ONE;
            continue;
        }
        job.name = hash64(p->name, strlen(p->name), 0);
        parallel_for((job.n + INIT_CHUNK - 1) / INIT_CHUNK, init_chunk, &job);
    }
    m->version++;
}

/* ---- the files of a folder ---- */

typedef struct weight_files {
    safetensors **file;
    size_t n;
} weight_files;

static void files_close(weight_files *files) {
    for (size_t i = 0; i < files->n; i++) safetensors_close(files->file[i]);
    files->n = 0;
}

static const safetensors_entry *files_find(const weight_files *files, const char *name) {
    for (size_t i = 0; i < files->n; i++) {
        const safetensors_entry *e = safetensors_find(files->file[i], name);
        if (e != NULL) return e;
    }
    return NULL;
}

/* The index names each tensor's shard; the shards must hold what it says, and nothing that it does not say. */
static bool open_shards(arena *scratch, const char *folder, const char *index_path, weight_files *files, error *err) {
    size_t n;
    char *text = file_read(scratch, index_path, LARGEST_INDEX, &n, err);
    const json *index = text == NULL ? NULL : json_parse(scratch, text, n, err);
    if (text == NULL) return false;
    if (index == NULL) return fail(err, "%s", index_path);
    const json *where = json_get(index, "weight_map");
    if (where == NULL || where->type != JSON_OBJECT) return fail(err, "%s: weight_map is missing", index_path);
    map *shards = map_new(scratch, 16);
    files->file = NEW_ARRAY(scratch, MOST_SHARDS, safetensors *);
    for (size_t i = 0; i < where->length; i++) {
        const json *shard = &where->item[i];
        if (shard->type != JSON_STRING || shard->length == 0 || strlen(shard->text) != shard->length || strchr(shard->text, '/') != NULL)
            return fail(err, "%s: tensor %.100s: its shard is no name of a file in this folder", index_path, where->key[i]);
        bool is_new;
        int64_t *number = map_put(shards, shard->text, shard->length, &is_new);
        if (is_new) {
            if (files->n == MOST_SHARDS) return fail(err, "%s: more than %d shards", index_path, MOST_SHARDS);
            safetensors *file = safetensors_open(scratch, path_join(scratch, folder, shard->text), err);
            if (file == NULL) return false;
            *number = (int64_t)files->n;
            files->file[files->n++] = file;
        }
        if (safetensors_find(files->file[*number], where->key[i]) == NULL)
            return fail(err, "%s: tensor %.100s is not in %s", index_path, where->key[i], shard->text);
    }
    size_t there = 0;
    for (size_t i = 0; i < files->n; i++) there += safetensors_count(files->file[i]);
    return there == where->length || fail(err, "%s: it names %zu tensors, the shards hold %zu", index_path, where->length, there);
}

static bool open_files(arena *scratch, const char *folder, weight_files *files, error *err) {
    char *whole = path_join(scratch, folder, "model.safetensors"), *index = path_join(scratch, folder, "model.safetensors.index.json");
    if (!file_exists(whole) && file_exists(index)) return open_shards(scratch, folder, index, files, err);
    if (!file_exists(whole) && file_exists(path_join(scratch, folder, "pytorch_model.bin")))
        return fail(err, "%s holds pytorch_model.bin only; save it as model.safetensors first", folder);
    files->file = NEW(scratch, safetensors *);
    files->file[0] = safetensors_open(scratch, whole, err);
    files->n = files->file[0] != NULL;
    return files->n == 1;
}

/* ---- every parameter to its tensor, every tensor to its place ---- */

typedef struct loading {
    model *m;
    const family *family;
    const safetensors_entry **source; /* one for each parameter */
    size_t strip;                     /* characters at the front of a stored name that this file leaves out */
    const char *head;                 /* the name of a head that is stored beside a tied embedding, or NULL */
} loading;

static shape stored_shape(const parameter *p) {
    if (p->value.shape.n == 1) return shape_1(p->part_total);
    return p->transposed ? shape_2(p->value.dim, p->part_total) : shape_2(p->part_total, p->value.dim);
}

static const char *stored_name(const loading *l, const parameter *p) {
    return strncmp(p->stored, l->family->prefix, l->strip) == 0 ? p->stored + l->strip : p->stored;
}

static bool is_weight_type(dtype t) {
    return t == DTYPE_F32 || t == DTYPE_F16 || t == DTYPE_BF16 || t == DTYPE_F64;
}

static bool find_sources(loading *l, const weight_files *files, error *err) {
    /* a file of the bare model (GPT2Model, LlamaModel) leaves the prefix out */
    const char *first = l->m->embed->stored;
    const size_t prefix = strlen(l->family->prefix);
    l->strip = files_find(files, first) == NULL && files_find(files, first + prefix) != NULL ? prefix : 0;
    for (int i = 0; i < l->m->n_parameter; i++) {
        const parameter *p = l->m->parameters[i];
        const char *name = stored_name(l, p);
        const safetensors_entry *e = l->source[i] = files_find(files, name);
        if (e == NULL) return fail(err, "tensor %s is missing", name);
        if (!shape_equal(e->value.shape, stored_shape(p)))
            return fail(err, "tensor %s is %s; config.json says %s", name, shape_text(e->value.shape), shape_text(stored_shape(p)));
        if (!is_weight_type(e->value.type)) return fail(err, "tensor %s holds %s; weights are f32, f16, bf16 or f64", name, dtype_text(e->value.type));
    }
    return true;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What is left in the files: known buffers, and a head that a tied model stores a second time. */
static bool check_leftover(loading *l, const char *name, error *err) {
    for (const char *const *buffer = l->family->buffers; *buffer != NULL; buffer++)
        if (ends_with(name, *buffer)) return true;
    if (l->m->head == l->m->embed && strcmp(name, "lm_head.weight") == 0) return (l->head = "lm_head.weight") != NULL;
    return fail(err, "tensor %s has no place in a %s model as config.json describes it", name, l->family->name);
}

static bool check_leftovers(loading *l, const weight_files *files, arena *scratch, error *err) {
    map *placed = map_new(scratch, (size_t)l->m->n_parameter);
    for (int i = 0; i < l->m->n_parameter; i++) map_put(placed, l->source[i]->name, strlen(l->source[i]->name), NULL);
    for (size_t f = 0; f < files->n; f++)
        for (size_t i = 0; i < safetensors_count(files->file[f]); i++) {
            const char *name = safetensors_at(files->file[f], i)->name;
            if (map_get_text(placed, name) == NULL && !check_leftover(l, name, err)) return false;
        }
    return true;
}

/* ---- values in and out ---- */

/* A transposed part, tile by tile: stored [dim, part_total] to [rows, dim]. */
static void read_transposed(const parameter *p, const char *stored, dtype type) {
    const tensor to = p->value;
    real run[TILE];
    for (long row = 0; row < to.rows; row += TILE)
        for (long column = 0; column < to.dim; column++) {
            const long n = to.rows - row < TILE ? to.rows - row : TILE;
            values_to_real(type, stored + (size_t)(column * p->part_total + p->part_first + row) * dtype_bytes(type), run, n);
            for (long i = 0; i < n; i++) tensor_row(to, row + i)[column] = run[i];
        }
}

static void read_parameter(void *context, long i) {
    const loading *l = context;
    const parameter *p = l->m->parameters[i];
    const tensor from = l->source[i]->value;
    if (p->transposed) {
        read_transposed(p, from.data, from.type);
        return;
    }
    const long width = p->value.shape.n == 1 ? 1 : p->value.dim; /* values of one out row */
    values_to_real(from.type, (const char *)from.data + (size_t)(p->part_first * width) * dtype_bytes(from.type), p->value.data, shape_values(p->value.shape));
}

/* The second copy of a tied embedding must be one: else somebody untied them and did not say so. */
static bool check_head(const loading *l, const weight_files *files, error *err) {
    if (l->head == NULL) return true;
    const tensor head = files_find(files, l->head)->value;
    bool same = shape_equal(head.shape, l->m->embed->value.shape) && is_weight_type(head.type);
    real run[TILE];
    for (long at = 0, n = same ? shape_values(head.shape) : 0; same && at < n; at += TILE) {
        const long some = n - at < TILE ? n - at : TILE;
        values_to_real(head.type, (const char *)head.data + (size_t)at * dtype_bytes(head.type), run, some);
        same = memcmp(run, (const real *)l->m->embed->value.data + at, (size_t)some * sizeof *run) == 0;
    }
    return same || fail(err, "tensor %s differs from the embedding, but config.json has tie_word_embeddings true; set it to false", l->head);
}

static bool load_weights(model *m, const char *folder, arena *scratch, error *err) {
    weight_files files = {0};
    loading l = {.m = m, .family = family_find(m->family), .source = NEW_ARRAY(scratch, m->n_parameter, const safetensors_entry *)};
    bool ok = open_files(scratch, folder, &files, err);
    if (ok && (!find_sources(&l, &files, err) || !check_leftovers(&l, &files, scratch, err))) ok = fail(err, "loading %s", folder);
    ok = ok && model_allocate(m, err);
    if (ok) parallel_for(m->n_parameter, read_parameter, &l);
    if (ok && !check_head(&l, &files, err)) ok = fail(err, "loading %s", folder);
    files_close(&files);
    if (!ok) model_free_weights(m);
    return ok;
}

model *model_load(arena *owner, const char *folder, error *err) {
    model *m = model_describe(owner, folder, err);
    if (m == NULL) return NULL;
    arena scratch = {0};
    const bool ok = load_weights(m, folder, &scratch, err);
    arena_drop(&scratch);
    return ok ? m : NULL;
}

/* ---- saving ---- */

static bool put_values(safetensors_writer *w, const real *values, long n, error *err) {
    float run[4096];
    for (long at = 0; at < n; at += COUNT(run)) {
        const long some = n - at < (long)COUNT(run) ? n - at : (long)COUNT(run);
        values_from_real(DTYPE_F32, values + at, run, some);
        if (!safetensors_writer_put(w, run, (size_t)some * sizeof *run, err)) return false;
    }
    return true;
}

/* Column `in` of the [out, in] weights that the parameters [first, first + n) make up: a row of the stored [in, out]. */
static void gather_column(const model *m, int first, int n, long in, real *row) {
    for (int k = 0; k < n; k++) {
        const parameter *part = m->parameters[first + k];
        for (long out = 0; out < part->value.rows; out++) row[part->part_first + out] = tensor_row(part->value, out)[in];
    }
}

/* Puts one stored tensor, which the parameters [first, first + n) make up together. */
static bool put_stored(safetensors_writer *w, const model *m, int first, int n, error *err) {
    const parameter *p = m->parameters[first];
    bool ok = true;
    if (!p->transposed) { /* parts lie one behind another */
        for (int k = 0; ok && k < n; k++) ok = put_values(w, m->parameters[first + k]->value.data, shape_values(m->parameters[first + k]->value.shape), err);
        return ok;
    }
    real *row = calloc((size_t)p->part_total, sizeof *row);
    if (row == NULL) return fail(err, "out of memory");
    for (long in = 0; ok && in < p->value.dim; in++) {
        gather_column(m, first, n, in, row);
        ok = put_values(w, row, p->part_total, err);
    }
    free(row);
    return ok;
}

static int parts_from(const model *m, int first) {
    int n = 1;
    while (first + n < m->n_parameter && strcmp(m->parameters[first + n]->stored, m->parameters[first]->stored) == 0) n++;
    return n;
}

static bool save_weights(const model *m, const char *path, error *err) {
    safetensors_entry *entries = calloc((size_t)m->n_parameter, sizeof *entries);
    if (entries == NULL) return fail(err, "%s: out of memory", path);
    size_t n = 0;
    for (int i = 0; i < m->n_parameter; i += parts_from(m, i)) {
        const parameter *p = m->parameters[i];
        entries[n++] = (safetensors_entry){p->stored, tensor_of(DTYPE_F32, stored_shape(p), NULL)};
    }
    safetensors_writer *w = safetensors_writer_open(path, entries, n, err);
    free(entries);
    if (w == NULL) return false;
    for (int i = 0; i < m->n_parameter; i += parts_from(m, i))
        if (!put_stored(w, m, i, parts_from(m, i), err)) {
            safetensors_writer_abort(w);
            return false;
        }
    return safetensors_writer_commit(w, err);
}

/* The configuration as it is held, except for the type of the weights: readers go by it, and would round f32 weights away. */
static bool save_config(const model *m, const char *path, error *err) {
    string text = {0};
    json_writer w = {.out = &text, .indent = 2};
    json_begin_object(&w);
    for (size_t i = 0; i < m->config->length; i++) {
        const char *key = m->config->key[i];
        json_key(&w, key);
        if (strcmp(key, "torch_dtype") == 0 || strcmp(key, "dtype") == 0) json_text(&w, "float32");
        else json_value(&w, &m->config->item[i]);
    }
    json_end_object(&w);
    string_char(&text, '\n');
    const bool ok = file_write(path, text.data, text.length, err);
    string_drop(&text);
    return ok;
}

static bool save_tree(const json *tree, const char *path, error *err) {
    string text = {0};
    json_writer w = {.out = &text, .indent = 2};
    json_value(&w, tree);
    string_char(&text, '\n');
    const bool ok = file_write(path, text.data, text.length, err);
    string_drop(&text);
    return ok;
}

bool model_save(const model *m, const char *folder, error *err) {
    arena scratch = {0};
    const bool ok = save_config(m, path_join(&scratch, folder, "config.json"), err) &&
                    (m->generation == NULL || save_tree(m->generation, path_join(&scratch, folder, "generation_config.json"), err)) &&
                    save_weights(m, path_join(&scratch, folder, "model.safetensors"), err);
    arena_drop(&scratch);
    return ok;
}
