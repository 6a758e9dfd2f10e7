#include "model/adapter_inner.h"

#include "model/families.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the modules of a model ---- */

static module_kind kind_of(const model *m, const parameter *p) {
    if (p->value.shape.n == 1 || p == m->embed || p == m->position_embed) return MODULE_OTHER;
    return p == m->head ? MODULE_HEAD : MODULE_LINEAR;
}

model_module *model_modules(arena *owner, const model *m, int *n, error *err) {
    static const char weight[] = ".weight", head[] = "lm_head";
    model_module *all = NEW_ARRAY(owner, m->n_parameter + 1, model_module);
    if (all == NULL) return fail_null(err, "no memory left for %d modules", m->n_parameter);
    *n = 0;
    for (int i = 0; i < m->n_parameter; i++) {
        parameter *p = m->parameters[i];
        const size_t length = strlen(p->stored), end = length - (sizeof weight - 1);
        if (length < sizeof weight || strcmp(p->stored + end, weight) != 0) continue; /* a bias belongs to its weight's module */
        if (i == 0 || strcmp(p->stored, m->parameters[i - 1]->stored) != 0) {
            all[*n].kind = kind_of(m, p);
            all[*n].as.in = p->value.dim;
            all[*n].as.path = arena_copy_bytes(owner, p->stored, end);
            if (all[*n].as.path == NULL) return fail_null(err, "no memory left for %d modules", m->n_parameter);
            ++*n;
        }
        bank_module *mod = &all[*n - 1].as;
        mod->weight_row[mod->n_weight] = p->part_first;
        mod->weight[mod->n_weight++] = p;
        mod->out = p->part_total;
    }
    if (m->head == m->embed) all[(*n)++] = (model_module){MODULE_HEAD, {.path = head}}; /* Hugging Face has the module all the same */
    return all;
}

/* ---- a configuration's rules ---- */

typedef struct rule { /* of rank_pattern, alpha_pattern */
    path_pattern *pattern;
    double value;
} rule;
typedef struct rules {
    rule *rule;
    size_t n;
} rules;

/* A list of names, or a pattern for whole paths. */
typedef struct selection {
    const char *const *names;
    size_t n;
    path_pattern *pattern;
} selection;

struct matcher {
    const adapter_config *c;
    selection targets, excluded;
    bool all_linear;
    const json *layers; /* layers_to_transform: a number, or a list of them; NULL: all */
    path_pattern **layer_patterns;
    size_t n_layer_pattern;
    arena *owner;
    rules ranks, alphas;
};

static bool read_rules(arena *owner, const json *object, const char *key, rules *out, error *err) {
    object = object == NULL ? NULL : json_get(object, key);
    if (object == NULL || object->type != JSON_OBJECT) return true;
    out->rule = NEW_ARRAY(owner, object->length, rule);
    if (out->rule == NULL) return fail(err, "%s is too large", key);
    for (size_t i = 0; i < object->length; i++) {
        char *text = arena_print(owner, "(.*\\.)?(%s)$", object->key[i]);
        path_pattern *pattern = text == NULL ? NULL : path_pattern_new(owner, text, err);
        if (pattern == NULL) return fail(err, "%s", key);
        out->rule[out->n++] = (rule){pattern, object->item[i].number};
    }
    return true;
}

static bool read_names(arena *owner, const json *list, selection *out, error *err) {
    const char **names = NEW_ARRAY(owner, list->length, const char *);
    if (names == NULL) return fail(err, "a list is too long");
    for (size_t i = 0; i < list->length; i++) names[out->n++] = list->item[i].text;
    out->names = names;
    return true;
}

/* layers_pattern: the path's part before the layer's number, "layers" or "h"; none: any. */
static bool read_layers(matcher *t, const json *tree, error *err) {
    const json *layers = tree == NULL ? NULL : json_get(tree, "layers_to_transform"), *pattern = tree == NULL ? NULL : json_get(tree, "layers_pattern");
    if (layers == NULL || layers->type == JSON_NULL || (layers->type == JSON_ARRAY && layers->length == 0)) return true;
    t->layers = layers;
    if (pattern == NULL || json_is_nothing(pattern)) return true;
    const json *item = pattern->type == JSON_ARRAY ? pattern->item : pattern;
    const size_t n = pattern->type == JSON_ARRAY ? pattern->length : 1;
    t->layer_patterns = NEW_ARRAY(t->owner, n, path_pattern *);
    if (t->layer_patterns == NULL) return fail(err, "layers_pattern is too long");
    for (size_t i = 0; i < n; i++) {
        char *text = arena_print(t->owner, "(.*\\.)?%s", item[i].text);
        path_pattern *p = text == NULL ? NULL : path_pattern_new(t->owner, text, err);
        if (p == NULL) return fail(err, "layers_pattern");
        t->layer_patterns[t->n_layer_pattern++] = p;
    }
    return true;
}

matcher *matcher_new(arena *owner, const adapter_config *c, const model *m, error *err) {
    matcher *t = NEW(owner, matcher);
    if (t == NULL) return fail_null(err, "no memory left");
    t->c = c;
    t->owner = owner;
    t->all_linear = c->target_regex != NULL && strcasecmp(c->target_regex, "all-linear") == 0;
    const family *f = family_find(m->family);
    t->targets = (selection){.names = c->target_modules, .n = (size_t)c->n_target};
    if (c->n_target == 0 && c->target_regex == NULL)
        for (t->targets.names = f->default_targets; t->targets.names[t->targets.n] != NULL;) t->targets.n++;
    if (c->target_regex != NULL && !t->all_linear && (t->targets.pattern = path_pattern_new(owner, c->target_regex, err)) == NULL)
        return fail_null(err, "target_modules");
    const json *excluded = c->tree == NULL ? NULL : json_get(c->tree, "exclude_modules");
    if (excluded != NULL && excluded->type == JSON_ARRAY && !read_names(owner, excluded, &t->excluded, err)) return NULL;
    if (excluded != NULL && excluded->type == JSON_STRING && excluded->length > 0 &&
        (t->excluded.pattern = path_pattern_new(owner, excluded->text, err)) == NULL)
        return fail_null(err, "exclude_modules");
    if (!read_layers(t, c->tree, err) || !read_rules(owner, c->tree, "rank_pattern", &t->ranks, err) ||
        !read_rules(owner, c->tree, "alpha_pattern", &t->alphas, err))
        return NULL;
    return t;
}

/* ---- matching ---- */

typedef enum { NO_MATCH, MATCH_SUFFIX, MATCH_WHOLE } match;

static match names_match(const selection *s, const char *path) {
    match best = NO_MATCH;
    const size_t length = strlen(path);
    for (size_t i = 0; i < s->n; i++) {
        const size_t n = strlen(s->names[i]);
        if (n > length || strcmp(path + length - n, s->names[i]) != 0) continue;
        if (n == length) return MATCH_WHOLE;
        if (path[length - n - 1] == '.') best = MATCH_SUFFIX;
    }
    return best;
}

/* The number of the layer that a path is in: its first segment of digits with segments before and behind it, and what
 * layers_pattern says right before; -1: in none. */
static long layer_of(const matcher *t, const char *path) {
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        char *end;
        if (dot[1] < '0' || dot[1] > '9') continue;
        const long number = strtol(dot + 1, &end, 10);
        if (*end != '.') continue;
        if (t->n_layer_pattern == 0) return number;
        char *before = arena_copy_bytes(t->owner, path, (size_t)(dot - path));
        for (size_t i = 0; before != NULL && i < t->n_layer_pattern; i++)
            if (path_pattern_matches(t->layer_patterns[i], before)) return number;
    }
    return -1;
}

static bool layer_chosen(const matcher *t, const char *path) {
    if (t->layers == NULL) return true;
    const long number = layer_of(t, path);
    if (number < 0) return false;
    if (t->layers->type == JSON_NUMBER) return t->layers->integer == number;
    for (size_t i = 0; i < t->layers->length; i++)
        if (t->layers->item[i].integer == number) return true;
    return false;
}

bool matcher_targets(matcher *t, const model_module *mod) {
    const char *path = mod->as.path;
    if (t->excluded.pattern != NULL && path_pattern_matches(t->excluded.pattern, path)) return false;
    if (names_match(&t->excluded, path) != NO_MATCH) return false;
    if (t->all_linear) return mod->kind == MODULE_LINEAR && layer_chosen(t, path);
    if (t->targets.pattern != NULL) return path_pattern_matches(t->targets.pattern, path);
    switch (names_match(&t->targets, path)) {
    case MATCH_WHOLE: return true; /* layers_to_transform does not count for a whole path, in PEFT */
    case MATCH_SUFFIX: return layer_chosen(t, path);
    case NO_MATCH: break;
    }
    return false;
}

static double rules_value(const rules *r, const char *path, double absent) {
    for (size_t i = 0; i < r->n; i++)
        if (path_pattern_matches(r->rule[i].pattern, path)) return r->rule[i].value;
    return absent;
}

long matcher_rank(matcher *t, const char *path) {
    return (long)rules_value(&t->ranks, path, (double)t->c->r);
}

double matcher_scale(matcher *t, const char *path) {
    const double r = (double)matcher_rank(t, path), alpha = rules_value(&t->alphas, path, t->c->alpha);
    return t->c->rslora ? alpha / sqrt(r) : alpha / r;
}

int matcher_mark(matcher *t, const model_module *modules, int n, bool *targeted, error *err) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        targeted[i] = matcher_targets(t, &modules[i]);
        if (!targeted[i]) continue;
        if (modules[i].kind == MODULE_LINEAR) count++;
        else if (modules[i].kind == MODULE_HEAD) return fail(err, "target_modules: adapting the output layer %s is not supported", modules[i].as.path), -1;
        else return fail(err, "target_modules: %s is no linear layer; only those are supported", modules[i].as.path), -1;
    }
    if (count == 0) return fail(err, "target_modules: no linear layer of the model has such a name"), -1;
    return count;
}
