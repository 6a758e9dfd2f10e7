/* model/adapter.c: the bank of slots, and PEFT's adapter_model.safetensors in and out. */
#include "model/adapter_inner.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "tensor/safetensors.h"

#include <math.h>
#include <string.h>

#define PREFIX "base_model.model."

/* "model.layers.0.self_attn.q_proj.weight" -> without ".weight"; NULL: not the name of a weight. */
static const char *module_path(arena *owner, const parameter *weight) {
    const size_t n = strlen(weight->stored), tail = strlen(".weight");
    return n > tail && strcmp(weight->stored + n - tail, ".weight") == 0 ? arena_copy_bytes(owner, weight->stored, n - tail) : NULL;
}

/* Every module that an adapter can change, in the order of the layers; parts of a fused weight make one module. */
static bank_module *all_modules(model *m, int *n_module) {
    bank_module *all = NEW_ARRAY(m->owner, m->n_layer * 7, bank_module);
    int n = 0;
    for (long i = 0; i < m->n_layer; i++) {
        const layer *l = &m->layers[i];
        parameter *weights[] = {l->q, l->k, l->v, l->o, l->gate, l->up, l->down};
        for (size_t k = 0; k < COUNT(weights); k++) {
            parameter *w = weights[k];
            if (w == NULL) continue;
            const bool goes_on = n > 0 && all[n - 1].n_weight < 3 && strcmp(all[n - 1].weight[0]->stored, w->stored) == 0;
            if (!goes_on) all[n++] = (bank_module){.path = module_path(m->owner, w), .in = w->value.dim};
            bank_module *mod = &all[n - 1];
            mod->weight[mod->n_weight] = w;
            mod->weight_row[mod->n_weight++] = goes_on ? w->part_first : 0;
            mod->out += w->value.rows;
        }
    }
    *n_module = n;
    return all;
}

/* Layers that a LoRA adapter may name and a bank does not hold. */
static bool refuse_outer_layers(const model *m, const adapter_config *c, error *err) {
    if (c->n_target == 1 && strcmp(c->target_modules[0], "all-linear") == 0) return true;
    arena scratch = {0};
    const parameter *outer[] = {m->embed, m->position_embed, m->head};
    const char *path = adapter_targets(c, "lm_head") ? "lm_head" : NULL;
    for (size_t i = 0; path == NULL && i < COUNT(outer); i++) {
        const char *name = outer[i] != NULL ? module_path(&scratch, outer[i]) : NULL;
        if (name != NULL && adapter_targets(c, name)) path = name;
    }
    if (path != NULL) fail(err, "adapter %s: target_modules has %s; adapters of embeddings and of the output layer are not supported", c->name, path);
    arena_drop(&scratch);
    return path == NULL;
}

static bool bank_allocate(adapter_bank *bank, arena *owner, error *err) {
    size_t values = 0;
    for (int i = 0; i < bank->n_module; i++) values += (size_t)bank->n_slot * (size_t)bank->rank * (size_t)(bank->modules[i].in + bank->modules[i].out) + 32;
    bank->memory_bytes = values * sizeof(real);
    bank->memory = memory_new(bank->memory_bytes, err);
    if (bank->memory == NULL) return fail(err, "%d slots of adapters of rank %ld", bank->n_slot, bank->rank);
    real *next = bank->memory;
    for (int i = 0; i < bank->n_module; i++) {
        bank_module *mod = &bank->modules[i];
        mod->a = tensor_of(DTYPE_REAL, shape_3(bank->n_slot, bank->rank, mod->in), next);
        next += (shape_values(mod->a.shape) + 15) & ~15L;
        mod->b = tensor_of(DTYPE_REAL, shape_3(bank->n_slot, mod->out, bank->rank), next);
        next += (shape_values(mod->b.shape) + 15) & ~15L;
        mod->scale = tensor_of(DTYPE_REAL, shape_1(bank->n_slot), NEW_ARRAY(owner, bank->n_slot, real));
        mod->rank = tensor_of(DTYPE_I32, shape_1(bank->n_slot), NEW_ARRAY(owner, bank->n_slot, int32_t));
    }
    return true;
}

adapter_bank *bank_new(model *m, const adapter_config *adapters, int n_adapter, int n_slot, error *err) {
    int n_all;
    bank_module *all = all_modules(m, &n_all);
    adapter_bank *bank = NEW(m->owner, adapter_bank);
    bank->n_slot = n_slot;
    bank->modules = NEW_ARRAY(m->owner, n_all, bank_module);
    bank->dropout = n_adapter > 0 ? (real)adapters[0].dropout : 0;
    bool *matched = NEW_ARRAY(m->owner, n_adapter, bool);
    for (int a = 0; a < n_adapter; a++)
        if (!adapter_patterns_check(&adapters[a], err) || !refuse_outer_layers(m, &adapters[a], err)) return fail_null(err, "adapter %s", adapters[a].name);
    for (int i = 0; i < n_all; i++) {
        bool wanted = false;
        for (int a = 0; a < n_adapter; a++) {
            if (!adapter_targets(&adapters[a], all[i].path)) continue;
            const long rank = adapter_rank(&adapters[a], all[i].path);
            if (rank > bank->rank) bank->rank = rank;
            wanted = matched[a] = true;
        }
        if (wanted) bank->modules[bank->n_module++] = all[i];
    }
    for (int a = 0; a < n_adapter; a++)
        if (!matched[a])
            return fail_null(err, "adapter %s: target_modules matches nothing in this model, whose modules are such as %s", adapters[a].name,
                             n_all > 0 ? all[0].path : "none");
    if (!bank_allocate(bank, m->owner, err)) return NULL;
    bank_free(m);
    m->bank = bank;
    return bank;
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
    const safetensors_entry *e = safetensors_find(file, name);
    const shape want = which == 'A' ? shape_2(rank, mod->in) : shape_2(mod->out, rank);
    if (e == NULL) return fail_null(err, "tensor %s is missing, which the configuration targets", name);
    if (!shape_equal(e->value.shape, want))
        return fail_null(err, "tensor %s is %s; configuration and model say %s", name, shape_text(e->value.shape), shape_text(want));
    if (e->value.type != DTYPE_F32 && e->value.type != DTYPE_F16 && e->value.type != DTYPE_BF16 && e->value.type != DTYPE_F64)
        return fail_null(err, "tensor %s is %s; adapters are f32, f16, bf16 or f64", name, dtype_text(e->value.type));
    return e;
}

static bool all_finite(const real *x, long n, bool *any) {
    for (long i = 0; i < n; i++) {
        if (!isfinite(x[i])) return false;
        *any = *any || x[i] != 0;
    }
    return true;
}

/* Both tensors of a module into the slot; *changes turns true where A and B are not zero. */
static bool load_module(arena *scratch, const safetensors *file, bank_module *mod, int slot, long rank, double scale, bool *changes, error *err) {
    const safetensors_entry *a = find_part(scratch, file, mod, 'A', rank, err), *b = a != NULL ? find_part(scratch, file, mod, 'B', rank, err) : NULL;
    if (b == NULL) return false;
    real *to_a = slot_a(mod, slot), *to_b = slot_b(mod, slot), *packed = NEW_ARRAY(scratch, mod->out * rank, real);
    bool any_a = false, any_b = false;
    values_to_real(a->value.type, a->value.data, to_a, rank * mod->in);
    values_to_real(b->value.type, b->value.data, packed, mod->out * rank);
    if (!all_finite(to_a, rank * mod->in, &any_a) || !all_finite(packed, mod->out * rank, &any_b))
        return fail(err, "%s: a value is infinite or no number", mod->path);
    for (long row = 0; row < mod->out; row++) memcpy(to_b + row * mod->b.dim, packed + row * rank, (size_t)rank * sizeof(real));
    slot_set(mod, slot, rank, scale);
    *changes = *changes || (any_a && any_b && scale != 0);
    return true;
}

/* Every tensor of the file must have been taken: two for each targeted module. */
static bool nothing_left(arena *scratch, const safetensors *file, const adapter_bank *bank, int slot, error *err) {
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        bool taken = false;
        for (int k = 0; !taken && k < bank->n_module; k++) {
            if (slot_rank(&bank->modules[k], slot) == 0) continue;
            const char *start = arena_print(scratch, PREFIX "%s.lora_", bank->modules[k].path);
            const size_t n = strlen(start);
            taken = strncmp(name, start, n) == 0 && (strcmp(name + n, "A.weight") == 0 || strcmp(name + n, "B.weight") == 0);
        }
        if (!taken) return fail(err, "tensor %s has no place in this model under this configuration", name);
    }
    return true;
}

static bool load_file(arena *scratch, model *m, int slot, const adapter_config *c, const char *folder, error *err) {
    const char *path = path_join(scratch, folder, "adapter_model.safetensors");
    if (!file_exists(path) && file_exists(path_join(scratch, folder, "adapter_model.bin")))
        return fail(err, "%s: adapter_model.bin is a pickle; save the adapter as safetensors", folder);
    safetensors *file = safetensors_open(scratch, path, err);
    if (file == NULL) return false;
    bool ok = true, changes = false;
    int taken = 0;
    for (int i = 0; ok && i < m->bank->n_module; i++) {
        bank_module *mod = &m->bank->modules[i];
        if (!adapter_targets(c, mod->path)) continue;
        const long rank = adapter_rank(c, mod->path);
        if (rank > m->bank->rank) ok = fail(err, "%s has rank %ld; the bank holds %ld", mod->path, rank, m->bank->rank);
        else ok = load_module(scratch, file, mod, slot, rank, adapter_scale(c, mod->path), &changes, err);
        taken++;
    }
    ok = ok && (taken > 0 || fail(err, "target_modules matches nothing that the bank holds"));
    ok = ok && nothing_left(scratch, file, m->bank, slot, err);
    ok = ok && (changes || fail(err, "it changes nothing: every A or every B is zero"));
    safetensors_close(file);
    return ok || fail(err, "%s", path);
}

bool bank_load(model *m, int slot, const char *folder, error *err) {
    arena scratch = {0};
    adapter_config c;
    bank_clear(m, slot);
    const bool ok = adapter_config_read(&scratch, folder, &c, err) && adapter_patterns_check(&c, err) && refuse_outer_layers(m, &c, err) &&
                    load_file(&scratch, m, slot, &c, folder, err);
    if (!ok) bank_clear(m, slot);
    arena_drop(&scratch);
    return ok;
}

bool bank_initialise(model *m, int slot, const adapter_config *c, uint64_t seed, error *err) {
    bank_clear(m, slot);
    for (int i = 0; i < m->bank->n_module; i++) {
        bank_module *mod = &m->bank->modules[i];
        if (!adapter_targets(c, mod->path)) continue;
        const long rank = adapter_rank(c, mod->path);
        if (rank > m->bank->rank) return fail(err, "%s has rank %ld; the bank holds %ld", mod->path, rank, m->bank->rank);
        random_stream r = random_start(seed, hash64(mod->path, strlen(mod->path), 0));
        const double bound = 1 / sqrt((double)mod->in);
        real *a = slot_a(mod, slot);
        for (long k = 0; k < rank * mod->in; k++) a[k] = (real)((2 * random_unit(&r) - 1) * bound);
        slot_set(mod, slot, rank, adapter_scale(c, mod->path));
    }
    return true;
}

/* ---- writing ---- */

/* The last segments of the slot's modules, each once: what "all-linear" stands for. */
static void write_targets(json_writer *w, const adapter_bank *bank, int slot, const adapter_config *c) {
    json_key(w, "target_modules");
    if (c->target_regex != NULL) {
        json_text(w, c->target_regex);
        return;
    }
    json_begin_array(w);
    const bool all = c->n_target == 1 && strcmp(c->target_modules[0], "all-linear") == 0;
    for (int i = 0; !all && i < c->n_target; i++) json_text(w, c->target_modules[i]);
    for (int i = 0; all && i < bank->n_module; i++) {
        const char *name = strrchr(bank->modules[i].path, '.') + 1;
        bool said = slot_rank(&bank->modules[i], slot) == 0;
        for (int k = 0; !said && k < i; k++) said = slot_rank(&bank->modules[k], slot) > 0 && strcmp(strrchr(bank->modules[k].path, '.') + 1, name) == 0;
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
