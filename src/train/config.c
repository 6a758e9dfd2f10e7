/* The configuration of `socle train` and `socle tune`: its keys, their defaults and bounds, and what does not go together. */
#include "train/training.h"

#include "base/yaml.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const families[] = {"llama", "gpt2"}; /* in the order of the choices below */
#define FAMILY_CHOICES "llama|gpt2"

void train_config_defaults(train_kind kind, train_config *c) {
    const bool tune = kind == TRAIN_CONVERSATIONS;
    *c = (train_config){.kind = kind};
    c->data.seq_len = 512;
    c->data.shuffle = true;
    c->method.name = METHOD_LORA;
    c->method.r = 16;
    c->method.alpha = 32;
    c->batch.sequences = 8;
    c->batch.accumulate = 1;
    c->optimizer.lr = tune ? 2e-4 : 6e-4;
    c->optimizer.eps = 1e-8;
    c->optimizer.weight_decay = tune ? 0 : 0.1;
    c->optimizer.clip = 1;
    c->optimizer.beta1 = 0.9;
    c->optimizer.beta2 = tune ? 0.999 : 0.95;
    c->schedule.name = SCHEDULE_COSINE;
    c->schedule.warmup_steps = tune ? -1 : 0;
    c->epochs = tune ? 1 : 0;
    c->eval.batches = 20;
    c->checkpoint.keep = 2;
    c->seed = 1;
}

enum { IN_TRAIN = 1, IN_TUNE = 2, IN_BOTH = 3 };
#define MOST 0x1p31 /* of a whole number: sizes and counts that fit every index */

const option *train_options(arena *owner, train_kind kind, train_config *c) {
    const struct {
        int in;
        option row;
    } table[] = {
        {IN_BOTH, {"model.init", 0, OPT_TEXT, &c->model.init, .argument = "DIR", .help = "weights to start from: a Hugging Face folder or a run's folder"}},
        {IN_TRAIN, {"model.sizes.family", 0, OPT_CHOICE, &c->model.family, FAMILY_CHOICES, .help = "or a new model: its family"}},
        {IN_TRAIN,
         {"model.sizes.tokenizer", 0, OPT_TEXT, &c->model.tokenizer, .argument = "DIR",
          .help = "its tokenizer, which says vocab_size and is kept beside the weights"}},
        {IN_TRAIN, {"model.sizes.vocab_size", 0, OPT_INT, &c->model.vocab_size, .help = "0: the tokenizer's", .least = 0, .most = MOST}},
        {IN_TRAIN,
         {"model.sizes.n_layer", 0, OPT_INT, &c->model.n_layer, .help = "blocks; 0: the family's default, as for the sizes that follow", .least = 0,
          .most = 1024}},
        {IN_TRAIN, {"model.sizes.n_head", 0, OPT_INT, &c->model.n_head, .help = "heads of attention", .least = 0, .most = 4096}},
        {IN_TRAIN, {"model.sizes.n_kv_head", 0, OPT_INT, &c->model.n_kv_head, .help = "heads of keys and values; 0: n_head", .least = 0, .most = 4096}},
        {IN_TRAIN, {"model.sizes.hidden_size", 0, OPT_INT, &c->model.hidden_size, .help = "width", .least = 0, .most = 1 << 20}},
        {IN_TRAIN,
         {"model.sizes.intermediate_size", 0, OPT_INT, &c->model.intermediate_size, .help = "width inside the feed-forward part", .least = 0, .most = 1 << 22}},
        {IN_TRAIN, {"model.sizes.max_position", 0, OPT_INT, &c->model.max_position, .help = "longest context", .least = 0, .most = MOST}},
        {IN_TRAIN, {"model.sizes.rope_theta", 0, OPT_REAL, &c->model.rope_theta, .help = "base of the rotary positions", .least = 0, .most = 1e12}},
        {IN_TRAIN, {"model.sizes.norm_eps", 0, OPT_REAL, &c->model.norm_eps, .help = "epsilon of the norms", .least = 0, .most = 1}},
        {IN_TRAIN,
         {"model.sizes.tied", 0, OPT_FLAG, &c->model.tied, .help = "the embedding is the output matrix, too; where nothing says, as the family does"}},
        {IN_TRAIN,
         {"data.train", 0, OPT_LIST, &c->data.train, .help = "token files as [{path: PREFIX, weight: 1.0}]; without weights each counts by its size"}},
        {IN_TUNE, {"data.train", 0, OPT_LIST, &c->data.train, .help = "files of conversations (.jsonl, .gz, .zst) as [{path: FILE, weight: 1.0}]"}},
        {IN_BOTH, {"data.valid", 0, OPT_LIST, &c->data.valid, .help = "the same, for the evaluation"}},
        {IN_BOTH, {"data.seq_len", 0, OPT_INT, &c->data.seq_len, .help = "tokens of a window", .least = 1, .most = 1 << 22}},
        {IN_BOTH, {"data.shuffle", 0, OPT_FLAG, &c->data.shuffle, .help = "each epoch in an order of its own; false: in the order of the file"}},
        {IN_TRAIN, {"data.mask_documents", 0, OPT_FLAG, &c->data.mask_documents, .help = "a token sees its own document only"}},
        {IN_TUNE, {"data.template", 0, OPT_CHOICE, &c->data.chat_template, "auto|chatml", .help = "auto: the model's own, else ChatML"}},
        {IN_TUNE, {"data.loss", 0, OPT_CHOICE, &c->data.loss, "answers|all", .help = "what is learned: the assistant's turns, or all tokens"}},
        {IN_TUNE, {"method.name", 0, OPT_CHOICE, &c->method.name, "lora|full", .help = "an adapter, or all weights"}},
        {IN_TUNE, {"method.r", 0, OPT_INT, &c->method.r, .help = "rank of the adapter", .least = 1, .most = 4096}},
        {IN_TUNE, {"method.alpha", 0, OPT_REAL, &c->method.alpha, .help = "the adapter's change is scaled by alpha / r", .least = 0, .most = 1e6}},
        {IN_TUNE, {"method.dropout", 0, OPT_REAL, &c->method.dropout, .help = "of the adapter's input", .least = 0, .most = 0.99}},
        {IN_TUNE, {"method.target_modules", 0, OPT_LIST, &c->method.target_modules, .help = "list of modules, or all-linear (which null means, too)"}},
        {IN_TUNE, {"method.bias", 0, OPT_CHOICE, &c->method.bias, "none", .help = "biases are not tuned"}},
        {IN_BOTH, {"batch.sequences", 0, OPT_INT, &c->batch.sequences, .help = "windows of a micro-batch", .least = 1, .most = 1 << 20}},
        {IN_BOTH, {"batch.accumulate", 0, OPT_INT, &c->batch.accumulate, .help = "micro-batches of a step", .least = 1, .most = 1 << 20}},
        {IN_BOTH, {"optimizer.name", 0, OPT_CHOICE, &c->optimizer.name, "adamw", .help = "as torch.optim.AdamW"}},
        {IN_BOTH, {"optimizer.lr", 0, OPT_REAL, &c->optimizer.lr, .help = "largest learning rate", .least = 0, .most = 1e3}},
        {IN_BOTH, {"optimizer.betas", 0, OPT_LIST, &c->optimizer.betas, .help = "[beta1, beta2]; [0.9, 0.95], tuning [0.9, 0.999]"}},
        {IN_BOTH, {"optimizer.eps", 0, OPT_REAL, &c->optimizer.eps, .help = "added to the root of the second moment", .least = 0, .most = 1}},
        {IN_BOTH, {"optimizer.weight_decay", 0, OPT_REAL, &c->optimizer.weight_decay, .help = "decoupled; not of norms and biases", .least = 0, .most = 1e3}},
        {IN_BOTH, {"optimizer.clip", 0, OPT_REAL, &c->optimizer.clip, .help = "largest norm of the gradient; 0: no clipping", .least = 0, .most = 1e9}},
        {IN_BOTH, {"schedule.name", 0, OPT_CHOICE, &c->schedule.name, "cosine|wsd|constant", .help = "of the learning rate, after the warm-up"}},
        {IN_BOTH,
         {"schedule.warmup_steps", 0, OPT_INT, &c->schedule.warmup_steps, .help = "steps of linear warm-up; -1: 3% of the run", .least = -1, .most = MOST}},
        {IN_BOTH, {"schedule.decay_steps", 0, OPT_INT, &c->schedule.decay_steps, .help = "wsd: last steps, in which it falls", .least = 0, .most = MOST}},
        {IN_BOTH, {"schedule.final_lr", 0, OPT_REAL, &c->schedule.final_lr, .help = "of the last step (cosine, wsd)", .least = 0, .most = 1e3}},
        {IN_TRAIN, {"steps", 0, OPT_INT, &c->steps, .help = "steps of the run", .least = 0, .most = MOST}},
        {IN_TUNE, {"steps", 0, OPT_INT, &c->steps, .help = "steps of the run; 0: as many as epochs says", .least = 0, .most = MOST}},
        {IN_TUNE, {"epochs", 0, OPT_REAL, &c->epochs, .help = "times that everything is seen", .least = 0, .most = 1e6}},
        {IN_BOTH, {"eval.every", 0, OPT_INT, &c->eval.every, .help = "steps between evaluations; 0: at the end only", .least = 0, .most = MOST}},
        {IN_BOTH, {"eval.batches", 0, OPT_INT, &c->eval.batches, .help = "micro-batches of an evaluation at most", .least = 1, .most = MOST}},
        {IN_BOTH, {"checkpoint.every", 0, OPT_INT, &c->checkpoint.every, .help = "steps between checkpoints; 0: at the end only", .least = 0, .most = MOST}},
        {IN_BOTH, {"checkpoint.keep", 0, OPT_INT, &c->checkpoint.keep, .help = "how many of the newest stay", .least = 1, .most = MOST}},
        {IN_BOTH,
         {"dropout", 0, OPT_REAL, &c->dropout, .help = "of embeddings and of both branches of each block; what config.json says does not count", .least = 0,
          .most = 0.99}},
        {IN_BOTH, {"seed", 0, OPT_INT, &c->seed, .help = "where random numbers start", .least = 0, .most = 0x1p53}},
        {IN_BOTH, {"out", 0, OPT_TEXT, &c->out, .argument = "DIR", .help = "the run's folder"}},
    };
    option *own = NEW_ARRAY(owner, COUNT(table) + 1, option);
    for (size_t i = 0, n = 0; i < COUNT(table); i++)
        if (table[i].in & (kind == TRAIN_TOKENS ? IN_TRAIN : IN_TUNE)) own[n++] = table[i].row;
    return own;
}

model_sizes train_sizes(const train_config *c) {
    return (model_sizes){.family = families[c->model.family],
                         .vocab_size = c->model.vocab_size,
                         .n_layer = c->model.n_layer,
                         .n_head = c->model.n_head,
                         .n_kv_head = c->model.n_kv_head,
                         .hidden_size = c->model.hidden_size,
                         .intermediate_size = c->model.intermediate_size,
                         .max_position = c->model.max_position,
                         .rope_theta = c->model.rope_theta,
                         .norm_eps = c->model.norm_eps,
                         .tied = c->model.tied ? 1 : -1,
                         .bos_id = -1,
                         .eos_id = -1};
}

/* ---- checks ---- */

static bool line_of(const json *v, error *err) {
    return v->line > 0 ? fail(err, "line %d", v->line) : false;
}

static bool sources_check(const char *key, const json *list, error *err) {
    static const char *const known[] = {"path", "weight"};
    if (list->type != JSON_ARRAY || list->length == 0) {
        fail(err, "%s: a list such as [{path: FILE}] is wanted", key);
        return line_of(list, err);
    }
    for (size_t i = 0; i < list->length; i++) {
        const json *s = &list->item[i], *path = json_get(s, "path"), *weight = json_get(s, "weight");
        for (size_t k = 0; s->type == JSON_OBJECT && k < s->length; k++)
            if (strcmp(s->key[k], known[0]) != 0 && strcmp(s->key[k], known[1]) != 0) {
                fail(err, "%s: there is no key '%.40s' in a source; path and weight are known", key, s->key[k]);
                return line_of(s, err);
            }
        if (path == NULL || path->type != JSON_STRING || path->length == 0) fail(err, "%s: source %zu has no path", key, i + 1);
        else if (weight != NULL && (weight->type != JSON_NUMBER || !(weight->number > 0) || !isfinite(weight->number)))
            fail(err, "%s: the weight of %.80s must be a number above 0", key, path->text);
        else continue;
        return line_of(s, err);
    }
    return true;
}

static bool betas_check(train_config *c, error *err) {
    const json *b = c->optimizer.betas;
    if (b == NULL) return true;
    bool ok = b->type == JSON_ARRAY && b->length == 2;
    for (size_t i = 0; ok && i < 2; i++) ok = b->item[i].type == JSON_NUMBER && b->item[i].number >= 0 && b->item[i].number < 1;
    if (!ok) return fail(err, "optimizer.betas: two numbers from 0 to below 1 are wanted"), line_of(b, err);
    c->optimizer.beta1 = b->item[0].number;
    c->optimizer.beta2 = b->item[1].number;
    return true;
}

static bool targets_check(const train_config *c, error *err) {
    const json *t = c->method.target_modules;
    if (t == NULL || (t->type == JSON_STRING && t->length > 0)) return true;
    bool ok = t->type == JSON_ARRAY && t->length > 0;
    for (size_t i = 0; ok && i < t->length; i++) ok = t->item[i].type == JSON_STRING && t->item[i].length > 0;
    return ok || (fail(err, "method.target_modules: a list of names, or all-linear, is wanted"), line_of(t, err));
}

bool schedule_check(const train_config *c, error *err) {
    if (c->schedule.final_lr > c->optimizer.lr) return fail(err, "schedule.final_lr %g is above optimizer.lr %g", c->schedule.final_lr, c->optimizer.lr);
    if (c->schedule.name == SCHEDULE_WSD && c->schedule.decay_steps == 0) return fail(err, "schedule.decay_steps is missing; wsd falls over them");
    if (c->schedule.name != SCHEDULE_WSD && c->schedule.decay_steps > 0) return fail(err, "schedule.decay_steps belongs to wsd alone");
    if (c->steps > 0 && (c->schedule.warmup_steps > 0 ? c->schedule.warmup_steps : 0) + c->schedule.decay_steps > c->steps)
        return fail(err, "schedule: %ld steps of warm-up and %ld of decay are more than the %ld of the run", c->schedule.warmup_steps, c->schedule.decay_steps,
                    c->steps);
    return true;
}

/* The sizes as far as they go without a tokenizer; what the family makes of them is told here, before anything is read. */
static model *sizes_describe(arena *scratch, const train_config *c, error *err) {
    model_sizes sizes = train_sizes(c);
    if (sizes.vocab_size == 0) sizes.vocab_size = 1;
    json *config = model_config_of_sizes(scratch, &sizes, err);
    model *m = config == NULL ? NULL : model_describe_json(scratch, config, "new", err);
    return m != NULL ? m : fail_null(err, "model.sizes");
}

static bool sizes_check(const train_config *c, error *err) {
    arena scratch = {.limit = 64 << 20};
    const model *m = sizes_describe(&scratch, c, err);
    bool ok = m != NULL;
    if (ok && c->data.seq_len > m->max_position)
        ok = fail(err, "data.seq_len: %ld tokens are longer than the %ld positions of the model", c->data.seq_len, m->max_position);
    arena_drop(&scratch);
    return ok;
}

/* Whether a model of the family is tied where nothing says so. */
static bool family_ties(const train_config *c) {
    arena scratch = {.limit = 1 << 20};
    const model_sizes sizes = {.family = families[c->model.family], .vocab_size = 1, .bos_id = -1, .eos_id = -1};
    const json *config = model_config_of_sizes(&scratch, &sizes, NULL);
    const bool tied = config != NULL && json_get_bool(config, "tie_word_embeddings", false);
    arena_drop(&scratch);
    return tied;
}

static bool config_check(train_config *c, error *err) {
    const bool tune = c->kind == TRAIN_CONVERSATIONS;
    const bool sized = c->model.tokenizer != NULL || c->model.vocab_size > 0;
    if (c->out == NULL || c->out[0] == 0) return fail(err, "out is missing: the run's folder");
    if (tune && c->model.init == NULL) return fail(err, "model.init is missing: the model to tune");
    if (!tune && c->model.init == NULL && !sized) return fail(err, "model is missing: init: DIR, or sizes: {family, tokenizer, n_layer, ...}");
    if (!tune && c->model.init != NULL && (sized || c->model.n_layer > 0 || c->model.hidden_size > 0))
        return fail(err, "model: init and sizes exclude each other");
    if (c->data.train == NULL) return fail(err, "data.train is missing: [{path: FILE}]");
    if (!sources_check("data.train", c->data.train, err) || (c->data.valid != NULL && !sources_check("data.valid", c->data.valid, err))) return false;
    if (!tune && c->steps == 0) return fail(err, "steps is missing");
    if (tune && c->steps == 0 && c->epochs <= 0) return fail(err, "steps or epochs is missing");
    if (c->eval.every > 0 && c->data.valid == NULL) return fail(err, "eval.every is %ld, but data.valid is missing", c->eval.every);
    if ((double)c->batch.sequences * (double)c->data.seq_len > 0x1p26)
        return fail(err, "batch.sequences * data.seq_len is above %ld tokens; use batch.accumulate", 1L << 26);
    return betas_check(c, err) && targets_check(c, err) && schedule_check(c, err) && (c->model.init != NULL || sizes_check(c, err));
}

static bool config_fill(arena *owner, const json *tree, const char **set, size_t n_set, train_config *c, error *err) {
    const option *options = train_options(owner, c->kind, c);
    if (!options_from_tree(options, tree, c->file, owner, err)) return false;
    for (size_t i = 0; i < n_set; i++)
        if (!options_set(options, set[i], owner, err)) return false;
    return true;
}

bool train_config_read(arena *owner, train_kind kind, const char *file, const char **set, size_t n_set, train_config *c, error *err) {
    train_config_defaults(kind, c);
    c->file = file;
    const json *tree = yaml_read_file(owner, file, err);
    if (tree == NULL || !config_fill(owner, tree, set, n_set, c, err)) return false;
    if (kind == TRAIN_TOKENS && c->model.init == NULL && family_ties(c)) { /* one default hangs on another key: once more, with it */
        train_config_defaults(kind, c);
        c->file = file;
        c->model.tied = true;
        if (!config_fill(owner, tree, set, n_set, c, err)) return false;
    }
    return config_check(c, err) || fail(err, "%s", file);
}
