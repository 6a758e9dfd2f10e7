#include "model/adapter_inner.h"

#include "model/names.h"

#include <math.h>
#include <string.h>

/* adapter_config.json (peft/tuners/lora/config.py): what is read here or does not change what a loaded adapter computes, and
 * what would, and is refused where it is set. Real files lack half of these keys. */
static const known_key known[] = {
    {"peft_type", "LORA"},
    {"r", NULL},
    {"lora_alpha", NULL},
    {"lora_dropout", NULL},
    {"use_rslora", NULL},
    {"target_modules", NULL},
    {"exclude_modules", NULL},
    {"layers_to_transform", NULL},
    {"layers_pattern", NULL},
    {"rank_pattern", NULL},
    {"alpha_pattern", NULL},
    {"init_lora_weights", NULL}, /* read: some ways of starting change the base */
    {"task_type", NULL},         /* read */
    {"peft_version", NULL},
    {"base_model_name_or_path", NULL}, /* shapes tell whether it is the right one */
    {"revision", NULL},
    {"inference_mode", NULL},
    {"auto_mapping", NULL},
    {"fan_in_fan_out", NULL}, /* how the base stores its weights, which the family knows */
    {"megatron_core", NULL},
    {"qalora_group_size", NULL},
    {"loftq_config", NULL}, /* these three only say how A and B were started */
    {"eva_config", NULL},
    {"runtime_config", NULL},
    {"bias", "none"},
    {"modules_to_save", "[]"},
    {"use_dora", "false"},
    {"lora_bias", "false"},
    {"trainable_token_indices", "[]"},
    {"target_parameters", "[]"},
    {"layer_replication", "[]"},
    {"alora_invocation_tokens", "[]"},
    {"use_qalora", "false"},
    {"use_bdlora", "false"},
    {"ensure_weight_tying", "false"},
    {"megatron_config", "{}"},
    {"corda_config", "{}"},
    {"lora_ga_config", "{}"},
    {"velora_config", "{}"},
    {"monteclora_config", "{}"},
    {"kasa_config", "{}"},
    {"arrow_config", "{}"},
    {NULL, NULL},
};

static const char *const task_types[] = {"CAUSAL_LM", "FEATURE_EXTRACTION", NULL};
static const char *const init_ways[] = {"gaussian", "eva", "orthogonal", NULL}; /* beside true and false */

static const json *given(const json *tree, const char *key) {
    const json *v = json_get(tree, key);
    return v == NULL || v->type == JSON_NULL ? NULL : v;
}

static bool one_of(const json *v, const char *const *texts) {
    for (; *texts != NULL; texts++)
        if (json_is_text(v, *texts)) return true;
    return false;
}

static bool read_bool(const json *tree, const char *key, bool *out, error *err) {
    const json *v = given(tree, key);
    *out = false;
    if (v == NULL) return true;
    if (v->type != JSON_BOOL) return fail(err, "%s: %s is neither true nor false", key, json_short_text(v));
    *out = v->truth;
    return true;
}

static bool is_rank(const json *v, const char *key, error *err) {
    if (v->type == JSON_NUMBER && v->is_integer && v->integer >= 1 && v->integer <= MOST_RANK) return true;
    return fail(err, "%s: %s is no whole number in 1 to %d", key, json_short_text(v), MOST_RANK);
}

static bool is_alpha(const json *v, const char *key, error *err) {
    if (v->type == JSON_NUMBER && isfinite(v->number) && fabs(v->number) <= 1e9) return true;
    return fail(err, "%s: %s is no number of ordinary size", key, json_short_text(v));
}

static bool is_text_list(const json *v, const char *key, error *err) {
    bool ok = v->type == JSON_ARRAY;
    for (size_t i = 0; ok && i < v->length; i++) ok = v->item[i].type == JSON_STRING && strlen(v->item[i].text) == v->item[i].length;
    return ok || fail(err, "%s: %s is neither a text nor a list of texts", key, json_short_text(v));
}

/* A text, or a list of texts. */
static bool is_texts(const json *v, const char *key, error *err) {
    if (v == NULL || (v->type == JSON_STRING && strlen(v->text) == v->length)) return true;
    return is_text_list(v, key, err);
}

static bool is_pattern(const json *v, const char *key, bool (*value)(const json *, const char *, error *), error *err) {
    if (v == NULL) return true;
    if (v->type != JSON_OBJECT) return fail(err, "%s: %s is no object", key, json_short_text(v));
    for (size_t i = 0; i < v->length; i++)
        if (strlen(v->key[i]) != v->key_length[i] || !value(&v->item[i], v->key[i], err)) return fail(err, "%s", key);
    return true;
}

static bool is_layers(const json *v, error *err) {
    const json *item = v != NULL && v->type == JSON_ARRAY ? v->item : v;
    const size_t n = v == NULL ? 0 : v->type == JSON_ARRAY ? v->length : 1;
    for (size_t i = 0; i < n; i++)
        if (item[i].type != JSON_NUMBER || !item[i].is_integer) return fail(err, "layers_to_transform: %s is no layer's number", json_short_text(&item[i]));
    return true;
}

static bool read_targets(arena *owner, const json *v, adapter_config *c, error *err) {
    if (v == NULL) return true; /* the family's default */
    if (!is_texts(v, "target_modules", err)) return false;
    if (v->type == JSON_STRING) {
        c->target_regex = v->text;
        return v->length > 0 || fail(err, "target_modules is empty");
    }
    if (v->length == 0) return fail(err, "target_modules is empty");
    c->target_modules = NEW_ARRAY(owner, v->length, const char *);
    if (c->target_modules == NULL) return fail(err, "target_modules is too long");
    for (size_t i = 0; i < v->length; i++) c->target_modules[c->n_target++] = v->item[i].text;
    return true;
}

static bool read_numbers(const json *tree, adapter_config *c, error *err) {
    const json *r = given(tree, "r"), *alpha = given(tree, "lora_alpha"), *dropout = given(tree, "lora_dropout");
    if ((r != NULL && !is_rank(r, "r", err)) || (alpha != NULL && !is_alpha(alpha, "lora_alpha", err))) return false;
    c->r = r == NULL ? 8 : (long)r->integer;
    c->alpha = alpha == NULL ? 8 : alpha->number;
    if (dropout != NULL && (dropout->type != JSON_NUMBER || !(dropout->number >= 0 && dropout->number < 1)))
        return fail(err, "lora_dropout: %s is not in 0 to 1", json_short_text(dropout));
    c->dropout = dropout == NULL ? 0 : dropout->number;
    return true;
}

static bool read_config(arena *owner, json *tree, adapter_config *c, error *err) {
    static const known_key *const tables[] = {known};
    if (json_get(tree, "peft_type") == NULL) return fail(err, "peft_type is missing");
    if (!keys_check(tree, tables, COUNT(tables), true, err)) return false;
    const json *task = given(tree, "task_type"), *init = given(tree, "init_lora_weights"), *layers = given(tree, "layers_to_transform");
    if (task != NULL && !one_of(task, task_types)) return fail(err, "task_type: %s is not supported (only CAUSAL_LM)", json_short_text(task));
    if (init != NULL && init->type != JSON_BOOL && !one_of(init, init_ways))
        return fail(err, "init_lora_weights: %s changes the base model's weights, which is not supported", json_short_text(init));
    c->tree = tree;
    if (!read_numbers(tree, c, err) || !read_bool(tree, "use_rslora", &c->rslora, err) || !read_targets(owner, given(tree, "target_modules"), c, err) ||
        !is_texts(given(tree, "exclude_modules"), "exclude_modules", err) || !is_texts(given(tree, "layers_pattern"), "layers_pattern", err) ||
        !is_layers(layers, err) || !is_pattern(given(tree, "rank_pattern"), "rank_pattern", is_rank, err) ||
        !is_pattern(given(tree, "alpha_pattern"), "alpha_pattern", is_alpha, err))
        return false;
    if (layers != NULL && c->target_regex != NULL) return fail(err, "layers_to_transform goes with a list of target_modules only");
    return true;
}

bool adapter_config_parse(arena *owner, const char *text, size_t n, adapter_config *c, error *err) {
    json *tree = json_parse(owner, text, n, err);
    *c = (adapter_config){.name = "adapter"};
    if (tree != NULL && tree->type != JSON_OBJECT) return fail(err, "adapter_config.json: it is no JSON object");
    return (tree != NULL && read_config(owner, tree, c, err)) || fail(err, "adapter_config.json");
}

bool adapter_config_read(arena *owner, const char *folder, adapter_config *c, error *err) {
    json *tree = config_file_read(owner, folder, "adapter_config.json", err);
    if (tree == NULL) return false;
    *c = (adapter_config){.name = folder_name(owner, folder)};
    return read_config(owner, tree, c, err) || fail(err, "%s/adapter_config.json", folder);
}

bool adapter_config_make(arena *owner, long r, double alpha, double dropout, const char **targets, int n_target, adapter_config *c, error *err) {
    if (r < 1 || r > MOST_RANK) return fail(err, "r: %ld is not in 1 to %d", r, MOST_RANK);
    if (!isfinite(alpha) || alpha == 0) return fail(err, "alpha: %g leaves the model as it is", alpha);
    if (!(dropout >= 0 && dropout < 1)) return fail(err, "dropout: %g is not in 0 to 1", dropout);
    *c = (adapter_config){.name = "new adapter", .r = r, .alpha = alpha, .dropout = dropout};
    if (n_target == 1 && strcmp(targets[0], "all-linear") == 0) {
        c->target_regex = "all-linear";
        return true;
    }
    if (n_target == 0) return fail(err, "target_modules is empty");
    c->target_modules = NEW_ARRAY(owner, n_target, const char *);
    if (c->target_modules == NULL) return fail(err, "target_modules is too long");
    for (int i = 0; i < n_target; i++)
        if ((c->target_modules[c->n_target++] = arena_copy(owner, targets[i])) == NULL) return fail(err, "target_modules is too long");
    return true;
}
