/* model/adapter.c: the bank of slots, and PEFT's adapter_model.safetensors in and out. */
#include "model/adapter_inner.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "tensor/safetensors.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define PREFIX "base_model.model."
enum { ALIGNED_VALUES = 16 }; /* 64 bytes of f32 */

static bool bank_allocate(adapter_bank *bank, arena *owner, error *err) {
    size_t values = 0;
    for (int i = 0; i < bank->n_module; i++) { /* rank, width and slots are bounded, so that a product fits */
        const size_t width = (size_t)bank->modules[i].in + (size_t)bank->modules[i].out;
        values += (size_t)bank->n_slot * (size_t)bank->rank * width + 2 * ALIGNED_VALUES;
    }
    bank->memory_bytes = values * sizeof(real);
    bank->memory = memory_new(bank->memory_bytes, err);
    if (bank->memory == NULL) return fail(err, "%d slots of adapters of rank %ld", bank->n_slot, bank->rank);
    real *next = bank->memory;
    for (int i = 0; i < bank->n_module; i++) {
        bank_module *mod = &bank->modules[i];
        mod->a = tensor_of(DTYPE_REAL, shape_3(bank->n_slot, bank->rank, mod->in), next);
        next += (shape_values(mod->a.shape) + ALIGNED_VALUES - 1) / ALIGNED_VALUES * ALIGNED_VALUES;
        mod->b = tensor_of(DTYPE_REAL, shape_3(bank->n_slot, mod->out, bank->rank), next);
        next += (shape_values(mod->b.shape) + ALIGNED_VALUES - 1) / ALIGNED_VALUES * ALIGNED_VALUES;
        mod->scale = tensor_of(DTYPE_REAL, shape_1(bank->n_slot), NEW_ARRAY(owner, bank->n_slot, real));
        mod->rank = tensor_of(DTYPE_I32, shape_1(bank->n_slot), NEW_ARRAY(owner, bank->n_slot, int32_t));
    }
    return true;
}

/* What one adapter targets, added to what is wanted, and its largest rank. */
static bool choose_for(adapter_bank *bank, const model *m, const adapter_config *adapter, const model_module *all, int n, bool *wanted, error *err) {
    arena scratch = {.limit = MOST_SCRATCH};
    bool *targeted = NEW_ARRAY(&scratch, n, bool);
    matcher *t = targeted == NULL ? NULL : matcher_new(&scratch, adapter, m, err);
    const bool ok = t != NULL && matcher_mark(t, all, n, targeted, err) >= 0;
    for (int i = 0; ok && i < n; i++) {
        if (!targeted[i]) continue;
        wanted[i] = true;
        const long rank = matcher_rank(t, all[i].as.path);
        if (rank > bank->rank) bank->rank = rank;
    }
    arena_drop(&scratch);
    return ok || fail(err, "adapter %s", adapter->name);
}

/* The modules that some adapter targets, and the largest rank. */
static bool choose_modules(adapter_bank *bank, const model *m, const adapter_config *adapters, int n_adapter, arena *scratch, error *err) {
    int n;
    model_module *all = model_modules(m->owner, m, &n, err);
    bool *wanted = all == NULL ? NULL : NEW_ARRAY(scratch, n, bool);
    if (wanted == NULL) return fail(err, "no memory left for the modules of an adapter");
    for (int a = 0; a < n_adapter; a++)
        if (!choose_for(bank, m, &adapters[a], all, n, wanted, err)) return false;
    bank->modules = NEW_ARRAY(m->owner, n, bank_module);
    if (bank->modules == NULL) return fail(err, "no memory left for %d modules", n);
    for (int i = 0; i < n; i++)
        if (wanted[i]) bank->modules[bank->n_module++] = all[i].as;
    return true;
}

adapter_bank *bank_new(model *m, const adapter_config *adapters, int n_adapter, int n_slot, error *err) {
    if (n_adapter < 1 || n_slot < 1) return fail_null(err, "a bank of no adapters");
    arena scratch = {.limit = MOST_SCRATCH};
    adapter_bank *bank = NEW(m->owner, adapter_bank);
    if (bank == NULL) return fail_null(err, "no memory left for a bank of adapters");
    bank->n_slot = n_slot;
    bank->dropout = (real)adapters[0].dropout;
    const bool ok = choose_modules(bank, m, adapters, n_adapter, &scratch, err) && bank_allocate(bank, m->owner, err);
    arena_drop(&scratch);
    if (!ok) return NULL;
    bank_free(m);
    return m->bank = bank;
}

void bank_free(model *m) {
    if (m->bank == NULL) return;
    memory_free(m->bank->memory, m->bank->memory_bytes);
    m->bank = NULL;
}

static real *slot_a(const bank_module *mod, int slot) {
    return (real *)mod->a.data + slot * mod->a.shape.dim[1] * mod->in;
}

static real *slot_b(const bank_module *mod, int slot) {
    return (real *)mod->b.data + slot * mod->out * mod->b.dim;
}

static void slot_set(bank_module *mod, int slot, long rank, double scale) {
    ((int32_t *)mod->rank.data)[slot] = (int32_t)rank;
    ((real *)mod->scale.data)[slot] = (real)scale;
}

static long slot_rank(const bank_module *mod, int slot) {
    return ((const int32_t *)mod->rank.data)[slot];
}

void bank_clear(model *m, int slot) {
    for (int i = 0; i < m->bank->n_module; i++) {
        bank_module *mod = &m->bank->modules[i];
        memset(slot_a(mod, slot), 0, (size_t)(mod->a.shape.dim[1] * mod->in) * sizeof(real));
        memset(slot_b(mod, slot), 0, (size_t)(mod->out * mod->b.dim) * sizeof(real));
        slot_set(mod, slot, 0, 0);
    }
    m->version++;
}

int bank_find(const adapter_bank *bank, const parameter *weight, long *first_row) {
    for (int i = 0; i < bank->n_module; i++)
        for (int k = 0; k < bank->modules[i].n_weight; k++)
            if (bank->modules[i].weight[k] == weight) {
                *first_row = bank->modules[i].weight_row[k];
                return i;
            }
    *first_row = 0;
    return -1;
}

long bank_parameter_count(const adapter_bank *bank, int slot) {
    long n = 0;
    for (int i = 0; i < bank->n_module; i++) n += slot_rank(&bank->modules[i], slot) * (bank->modules[i].in + bank->modules[i].out);
    return n;
}

/* ---- files ---- */

/* The tensor of a module's A or B, checked: [rank, in] or [out, rank]. */
static const safetensors_entry *find_part(arena *scratch, const safetensors *file, const bank_module *mod, char which, long rank, error *err) {
    const char *name = arena_print(scratch, PREFIX "%s.lora_%c.weight", mod->path, which);
    if (name == NULL) return fail_null(err, "no memory left for the names of tensors");
    const safetensors_entry *e = safetensors_find(file, name);
    const shape want = which == 'A' ? shape_2(rank, mod->in) : shape_2(mod->out, rank);
    if (e == NULL) return fail_null(err, "tensor %s is missing, which the configuration targets", name);
    if (!shape_equal(e->value.shape, want))
        return fail_null(err, "tensor %s is %s; configuration and model say %s", name, shape_text(e->value.shape), shape_text(want));
    if (e->value.type != DTYPE_F32 && e->value.type != DTYPE_F16 && e->value.type != DTYPE_BF16 && e->value.type != DTYPE_F64)
        return fail_null(err, "tensor %s is %s; adapters are f32, f16, bf16 or f64", name, dtype_text(e->value.type));
    return e;
}

static bool all_finite(const real *x, long n) {
    for (long i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* Whether B A is anything but zero. Nearly always the first row of B that is not zero tells. */
static bool product_changes(const real *a, const real *b, long out, long rank, long in) {
    for (long row = 0; row < out; row++) {
        bool any = false;
        for (long r = 0; !any && r < rank; r++) any = b[row * rank + r] != 0;
        for (long i = 0; any && i < in; i++) {
            double sum = 0;
            for (long r = 0; r < rank; r++) sum += (double)b[row * rank + r] * (double)a[r * in + i];
            if (sum != 0) return true;
        }
    }
    return false;
}

/* Both tensors of a module into the slot; *changes turns true where they change what the module computes. */
static bool load_module(arena *scratch, const safetensors *file, bank_module *mod, int slot, long rank, double scale, bool *changes, error *err) {
    const safetensors_entry *a = find_part(scratch, file, mod, 'A', rank, err), *b = a != NULL ? find_part(scratch, file, mod, 'B', rank, err) : NULL;
    if (b == NULL) return false;
    arena values = {0}; /* as large as the bank's own */
    real *to_a = slot_a(mod, slot), *to_b = slot_b(mod, slot), *packed = NEW_ARRAY(&values, mod->out * rank, real);
    values_to_real(a->value.type, a->value.data, to_a, rank * mod->in);
    values_to_real(b->value.type, b->value.data, packed, mod->out * rank);
    const bool finite = all_finite(to_a, rank * mod->in) && all_finite(packed, mod->out * rank);
    for (long row = 0; row < mod->out; row++) memcpy(to_b + row * mod->b.dim, packed + row * rank, (size_t)rank * sizeof(real));
    slot_set(mod, slot, rank, scale);
    *changes = *changes || (finite && scale != 0 && product_changes(to_a, packed, mod->out, rank, mod->in));
    arena_drop(&values);
    return finite || fail(err, "%s: a value is infinite or no number", mod->path);
}

/* Every tensor of the file must have been taken: two for each targeted module. */
static bool nothing_left(arena *scratch, const safetensors *file, const adapter_bank *bank, int slot, error *err) {
    map *taken = map_new(scratch, 2 * (size_t)bank->n_module);
    for (int i = 0; i < bank->n_module; i++)
        for (int k = 0; slot_rank(&bank->modules[i], slot) > 0 && k < 2; k++) {
            const char *name = arena_print(scratch, PREFIX "%s.lora_%c.weight", bank->modules[i].path, "AB"[k]);
            if (taken == NULL || name == NULL) return fail(err, "no memory left for the names of tensors");
            map_put(taken, name, strlen(name), NULL);
        }
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        if (taken == NULL || map_get_text(taken, name) == NULL)
            return fail(err, "tensor %s has no place in this model as adapter_config.json targets it", name);
    }
    return true;
}

static bank_module *module_of(const adapter_bank *bank, const char *path) {
    for (int i = 0; i < bank->n_module; i++)
        if (strcmp(bank->modules[i].path, path) == 0) return &bank->modules[i];
    return NULL;
}

/* Calls for each module that `c` targets, which must all be in the bank and within its rank. */
static bool each_target(arena *scratch, model *m, const adapter_config *c, bool (*use)(void *, matcher *, bank_module *, error *), void *context, error *err) {
    int n;
    const model_module *all = model_modules(scratch, m, &n, err);
    matcher *t = all == NULL ? NULL : matcher_new(scratch, c, m, err);
    bool *targeted = all == NULL ? NULL : NEW_ARRAY(scratch, n, bool);
    if (t != NULL && targeted == NULL) return fail(err, "no memory left for the modules of an adapter");
    if (t == NULL || matcher_mark(t, all, n, targeted, err) < 0) return false;
    for (int i = 0; i < n; i++) {
        if (!targeted[i]) continue;
        bank_module *mod = module_of(m->bank, all[i].as.path);
        const long rank = matcher_rank(t, all[i].as.path);
        if (mod == NULL) return fail(err, "%s is not among the modules of the bank", all[i].as.path);
        if (rank > m->bank->rank) return fail(err, "%s has rank %ld; the bank holds %ld", mod->path, rank, m->bank->rank);
        if (!use(context, t, mod, err)) return false;
    }
    return true;
}

typedef struct load_job {
    arena *scratch;
    const safetensors *file;
    int slot;
    bool changes;
} load_job;

static bool load_target(void *context, matcher *t, bank_module *mod, error *err) {
    load_job *j = context;
    return load_module(j->scratch, j->file, mod, j->slot, matcher_rank(t, mod->path), matcher_scale(t, mod->path), &j->changes, err);
}

static bool load_file(arena *scratch, model *m, int slot, const adapter_config *c, const char *folder, error *err) {
    const char *path = path_join(scratch, folder, "adapter_model.safetensors"), *pickle = path_join(scratch, folder, "adapter_model.bin");
    if (path == NULL || pickle == NULL) return fail(err, "%s: no memory left", folder);
    if (!file_exists(path) && file_exists(pickle)) return fail(err, "%s: adapter_model.bin is a pickle; save the adapter as safetensors", folder);
    safetensors *file = safetensors_open(scratch, path, err);
    if (file == NULL) return false;
    load_job job = {.scratch = scratch, .file = file, .slot = slot};
    const bool ok = each_target(scratch, m, c, load_target, &job, err) && nothing_left(scratch, file, m->bank, slot, err) &&
                    (job.changes || fail(err, "it changes nothing: every product of B and A is zero"));
    safetensors_close(file);
    return ok || fail(err, "%s", path);
}

bool bank_load(model *m, int slot, const char *folder, error *err) {
    arena scratch = {.limit = MOST_SCRATCH};
    adapter_config c;
    bank_clear(m, slot);
    const bool ok = adapter_config_read(&scratch, folder, &c, err) && load_file(&scratch, m, slot, &c, folder, err);
    if (!ok) bank_clear(m, slot);
    arena_drop(&scratch);
    return ok;
}

typedef struct start_job {
    int slot;
    uint64_t seed;
} start_job;

static bool start_target(void *context, matcher *t, bank_module *mod, error *err) {
    const start_job *j = context;
    const long rank = matcher_rank(t, mod->path);
    random_stream r = random_start(j->seed, hash64(mod->path, strlen(mod->path), 0));
    const double bound = 1 / sqrt((double)mod->in);
    real *a = slot_a(mod, j->slot);
    for (long k = 0; k < rank * mod->in; k++) a[k] = (real)((2 * random_unit(&r) - 1) * bound);
    slot_set(mod, j->slot, rank, matcher_scale(t, mod->path));
    return true;
}

bool bank_initialise(model *m, int slot, const adapter_config *c, uint64_t seed, error *err) {
    arena scratch = {.limit = MOST_SCRATCH};
    start_job job = {slot, seed};
    bank_clear(m, slot);
    const bool ok = each_target(&scratch, m, c, start_target, &job, err);
    arena_drop(&scratch);
    return ok;
}

/* ---- writing ---- */

static const char *path_last(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

/* "all-linear" is written as what it stands for: the last segments of the slot's modules, each once. */
static void write_targets(json_writer *w, const adapter_bank *bank, int slot, const adapter_config *c) {
    const bool all = c->target_regex != NULL && strcasecmp(c->target_regex, "all-linear") == 0;
    json_key(w, "target_modules");
    if (c->target_regex != NULL && !all) {
        json_text(w, c->target_regex);
        return;
    }
    json_begin_array(w);
    for (int i = 0; i < c->n_target; i++) json_text(w, c->target_modules[i]);
    for (int i = 0; (all || c->n_target == 0) && i < bank->n_module; i++) {
        const char *name = path_last(bank->modules[i].path);
        bool said = slot_rank(&bank->modules[i], slot) == 0;
        for (int k = 0; !said && k < i; k++) said = slot_rank(&bank->modules[k], slot) > 0 && strcmp(path_last(bank->modules[k].path), name) == 0;
        if (!said) json_text(w, name);
    }
    json_end_array(w);
}

static void write_from_tree(json_writer *w, const adapter_config *c, const char *key, const char *otherwise) {
    const json *v = json_get(c->tree, key);
    json_key(w, key);
    if (v != NULL) json_value(w, v);
    else json_raw(w, otherwise, strlen(otherwise));
}

static bool write_config(const adapter_bank *bank, int slot, const adapter_config *c, const char *base_name, const char *path, error *err) {
    string text = {0};
    json_writer w = {.out = &text, .indent = 2};
    json_begin_object(&w);
    write_from_tree(&w, c, "alpha_pattern", "{}");
    json_key(&w, "base_model_name_or_path"), json_text(&w, base_name);
    json_key(&w, "bias"), json_text(&w, "none");
    write_from_tree(&w, c, "exclude_modules", "null");
    json_key(&w, "fan_in_fan_out"), json_bool(&w, bank->n_module > 0 && bank->modules[0].weight[0]->transposed);
    json_key(&w, "inference_mode"), json_bool(&w, true);
    json_key(&w, "init_lora_weights"), json_bool(&w, true);
    write_from_tree(&w, c, "layers_pattern", "null");
    write_from_tree(&w, c, "layers_to_transform", "null");
    json_key(&w, "lora_alpha"), json_number(&w, c->alpha);
    json_key(&w, "lora_dropout"), json_number(&w, c->dropout);
    json_key(&w, "modules_to_save"), json_null(&w);
    json_key(&w, "peft_type"), json_text(&w, "LORA");
    json_key(&w, "r"), json_integer(&w, c->r);
    write_from_tree(&w, c, "rank_pattern", "{}");
    json_key(&w, "revision"), json_null(&w);
    write_targets(&w, bank, slot, c);
    json_key(&w, "task_type"), json_text(&w, "CAUSAL_LM");
    json_key(&w, "use_dora"), json_bool(&w, false);
    json_key(&w, "use_rslora"), json_bool(&w, c->rslora);
    json_end_object(&w);
    string_char(&text, '\n');
    const bool ok = file_write(path, text.data, text.length, err);
    string_drop(&text);
    return ok;
}

/* Slot's A or B as a tensor of its own rank. B lies wider in the bank, so it is copied. */
static tensor part_of(arena *scratch, const bank_module *mod, int slot, char which) {
    const long rank = slot_rank(mod, slot);
    const bool is_a = which == 'A';
    tensor t = tensor_of(DTYPE_F32, is_a ? shape_2(rank, mod->in) : shape_2(mod->out, rank), NULL);
    t.data = arena_alloc(scratch, tensor_bytes(t));
    for (long row = 0; row < t.rows; row++)
        values_from_real(DTYPE_F32, is_a ? slot_a(mod, slot) + row * mod->in : slot_b(mod, slot) + row * mod->b.dim, (float *)t.data + row * t.dim, t.dim);
    return t;
}

bool bank_save(const model *m, int slot, const adapter_config *c, const char *base_name, const char *folder, error *err) {
    arena scratch = {0};
    const adapter_bank *bank = m->bank;
    safetensors_entry *entries = NEW_ARRAY(&scratch, 2 * bank->n_module + 1, safetensors_entry);
    size_t n = 0;
    for (int i = 0; i < bank->n_module; i++)
        for (int k = 0; slot_rank(&bank->modules[i], slot) > 0 && k < 2; k++)
            entries[n++] = (safetensors_entry){arena_print(&scratch, PREFIX "%s.lora_%c.weight", bank->modules[i].path, "AB"[k]),
                                               part_of(&scratch, &bank->modules[i], slot, "AB"[k])};
    const bool ok = write_config(bank, slot, c, base_name, path_join(&scratch, folder, "adapter_config.json"), err) &&
                    safetensors_write(path_join(&scratch, folder, "adapter_model.safetensors"), entries, n, err);
    arena_drop(&scratch);
    return ok;
}
