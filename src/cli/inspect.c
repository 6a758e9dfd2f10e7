/* socle inspect: what a path holds: a model, an adapter, a tokenizer, tensors, tokens, documents, a training run. */
#include "base/file.h"
#include "cli/cli.h"
#include "data/packed.h"
#include "model/adapter.h"
#include "tensor/safetensors.h"
#include "text/tokenizer.h"
#include "train/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST_LINE = 256 << 20 };

/* What is found goes out as a block of lines, or as one JSON object. */
typedef struct inspection {
    arena *owner;
    bool json, tensors;
    string out;
    json_writer w;
    int n_block;
} inspection;

/* ---- one fact a line ---- */

static void fact_name(inspection *s, const char *key) {
    if (s->json) json_key(&s->w, key);
    else string_print(&s->out, "  %-22s ", key);
}

static void fact_text(inspection *s, const char *key, const char *text) {
    fact_name(s, key);
    if (s->json) json_text(&s->w, text);
    else string_print(&s->out, "%s\n", text);
}

static void fact_integer(inspection *s, const char *key, int64_t n) {
    fact_name(s, key);
    if (s->json) json_integer(&s->w, n);
    else string_print(&s->out, "%" PRId64 "\n", n);
}

static void fact_bytes(inspection *s, const char *key, double bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    double x = bytes;
    while (x >= 1000 && unit + 1 < COUNT(units)) x /= 1000, unit++;
    fact_name(s, key);
    if (s->json) json_integer(&s->w, (int64_t)bytes);
    else string_print(&s->out, unit == 0 ? "%.0f %s\n" : "%.2f %s\n", x, units[unit]);
}

static void fact_number(inspection *s, const char *key, double x) {
    fact_name(s, key);
    if (s->json) json_number(&s->w, x);
    else string_print(&s->out, "%.6g\n", x);
}

static void fact_bool(inspection *s, const char *key, bool x) {
    fact_name(s, key);
    if (s->json) json_bool(&s->w, x);
    else string_text(&s->out, x ? "yes\n" : "no\n");
}

static void block_begin(inspection *s, const char *kind, const char *path) {
    s->w = (json_writer){.out = &s->out};
    if (s->json) {
        json_begin_object(&s->w);
        fact_text(s, "kind", kind);
        fact_text(s, "path", path);
    } else string_print(&s->out, "%s%s %s\n", s->n_block > 0 ? "\n" : "", kind, path);
    s->n_block++;
}

static void block_end(inspection *s) {
    if (s->json) json_end_object(&s->w), string_char(&s->out, '\n');
}

/* ---- safetensors ---- */

typedef struct tally {
    size_t tensors[DTYPE_COUNT];
    double bytes[DTYPE_COUNT];
    int64_t values;
} tally;

static void tally_add(tally *t, const safetensors *file) {
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const tensor v = safetensors_at(file, i)->value;
        t->tensors[v.type]++;
        t->bytes[v.type] += (double)shape_values(v.shape) * (double)dtype_bytes(v.type);
        t->values += shape_values(v.shape);
    }
}

static void fact_types(inspection *s, const tally *t) {
    double all = 0;
    fact_name(s, "types");
    if (s->json) json_begin_object(&s->w);
    bool comma = false;
    for (int type = 0; type < DTYPE_COUNT; type++) {
        all += t->bytes[type];
        if (t->tensors[type] == 0) continue;
        if (s->json) json_key(&s->w, dtype_text((dtype)type)), json_integer(&s->w, (int64_t)t->tensors[type]);
        else string_print(&s->out, "%s%zu %s", comma ? ", " : "", t->tensors[type], dtype_text((dtype)type));
        comma = true;
    }
    if (s->json) json_end_object(&s->w);
    else string_text(&s->out, comma ? " tensors\n" : "none\n");
    fact_bytes(s, "bytes", all);
}

static void fact_tensors(inspection *s, const safetensors *file) {
    if (!s->tensors) return;
    if (s->json) json_key(&s->w, "tensors"), json_begin_array(&s->w);
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const safetensors_entry *e = safetensors_at(file, i);
        if (!s->json) {
            string_print(&s->out, "  %-5s %-18s %s\n", dtype_text(e->value.type), shape_text(e->value.shape), e->name);
            continue;
        }
        json_begin_object(&s->w);
        fact_text(s, "name", e->name);
        fact_text(s, "type", dtype_text(e->value.type));
        json_key(&s->w, "shape"), json_begin_array(&s->w);
        for (int axis = 0; axis < e->value.shape.n; axis++) json_integer(&s->w, e->value.shape.dim[axis]);
        json_end_array(&s->w), json_end_object(&s->w);
    }
    if (s->json) json_end_array(&s->w);
}

static bool inspect_safetensors(inspection *s, const char *path, error *err) {
    safetensors *file = safetensors_open(s->owner, path, err);
    if (file == NULL) return false;
    tally t = {0};
    tally_add(&t, file);
    block_begin(s, "safetensors", path);
    fact_integer(s, "values", t.values);
    fact_types(s, &t);
    fact_tensors(s, file);
    block_end(s);
    safetensors_close(file);
    return true;
}

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcasecmp(text + n - m, end) == 0;
}

/* All safetensors files of a folder: what it stores, tensor by tensor where asked for. */
static bool facts_of_stored(inspection *s, const char *folder, error *err) {
    size_t n;
    char **names = folder_list(s->owner, folder, &n, err);
    if (names == NULL) return false;
    tally t = {0};
    size_t files = 0;
    for (size_t i = 0; i < n; i++) {
        if (!ends_with(names[i], ".safetensors")) continue;
        safetensors *file = safetensors_open(s->owner, path_join(s->owner, folder, names[i]), err);
        if (file == NULL) return false;
        tally_add(&t, file);
        files++;
        safetensors_close(file); /* its header stays in the arena */
    }
    fact_integer(s, "files", (int64_t)files);
    fact_types(s, &t);
    return true;
}

/* ---- models and adapters ---- */

static void fact_ids(inspection *s, const char *key, const int32_t *ids, int n) {
    fact_name(s, key);
    if (s->json) json_begin_array(&s->w);
    for (int i = 0; i < n; i++) {
        if (s->json) json_integer(&s->w, ids[i]);
        else string_print(&s->out, i == 0 ? "%d" : ", %d", (int)ids[i]);
    }
    if (s->json) json_end_array(&s->w);
    else string_text(&s->out, n == 0 ? "none\n" : "\n");
}

static void facts_of_parameters(inspection *s, const model *m) {
    if (!s->tensors) return;
    if (s->json) json_key(&s->w, "tensors"), json_begin_array(&s->w);
    for (int i = 0; i < m->n_parameter; i++) {
        const parameter *p = m->parameters[i];
        if (!s->json) {
            string_print(&s->out, "  %-18s %s\n", shape_text(p->value.shape), p->name);
            continue;
        }
        json_begin_object(&s->w);
        fact_text(s, "name", p->name);
        json_key(&s->w, "shape"), json_begin_array(&s->w);
        for (int axis = 0; axis < p->value.shape.n; axis++) json_integer(&s->w, p->value.shape.dim[axis]);
        json_end_array(&s->w), json_end_object(&s->w);
    }
    if (s->json) json_end_array(&s->w);
}

static bool inspect_model(inspection *s, const char *folder, error *err) {
    const model *m = model_describe(s->owner, folder, err);
    if (m == NULL) return false;
    const layer *first = &m->layers[0]; /* layers of the families so far have one shape */
    block_begin(s, "model", folder);
    fact_text(s, "family", m->family);
    fact_integer(s, "parameters", model_parameter_count(m));
    fact_integer(s, "n_layer", m->n_layer);
    fact_integer(s, "hidden_size", m->hidden_size);
    fact_integer(s, "intermediate_size", first->intermediate);
    fact_integer(s, "n_head", first->n_head);
    fact_integer(s, "n_kv_head", first->n_kv_head);
    fact_integer(s, "head_dim", first->head_dim);
    fact_integer(s, "vocab_size", m->vocab_size);
    fact_integer(s, "max_position", m->max_position);
    fact_bool(s, "tied_embeddings", m->head == m->embed);
    if (m->bos_id >= 0) fact_integer(s, "bos_id", m->bos_id);
    fact_ids(s, "eos_ids", m->eos_ids, m->n_eos);
    fact_bytes(s, "cache_bytes_per_token", 2.0 * (double)m->n_layer * first->n_kv_head * (double)first->head_dim * sizeof(real));
    if (!facts_of_stored(s, folder, err)) return false;
    facts_of_parameters(s, m);
    block_end(s);
    return true;
}

static void fact_targets(inspection *s, const adapter_config *c) {
    if (c->target_regex != NULL) {
        fact_text(s, "target_modules", c->target_regex);
        return;
    }
    fact_name(s, "target_modules");
    if (s->json) json_begin_array(&s->w);
    for (int i = 0; i < c->n_target; i++) {
        if (s->json) json_text(&s->w, c->target_modules[i]);
        else string_print(&s->out, i == 0 ? "%s" : ", %s", c->target_modules[i]);
    }
    if (s->json) json_end_array(&s->w);
    else string_text(&s->out, c->n_target == 0 ? "the family's\n" : "\n");
}

static bool inspect_adapter(inspection *s, const char *folder, error *err) {
    adapter_config c;
    if (!adapter_config_read(s->owner, folder, &c, err)) return false;
    safetensors *file = safetensors_open(s->owner, path_join(s->owner, folder, "adapter_model.safetensors"), err);
    if (file == NULL) return false;
    tally t = {0};
    tally_add(&t, file);
    block_begin(s, "adapter", folder);
    fact_text(s, "base", json_get_text(c.tree, "base_model_name_or_path", "not said"));
    fact_integer(s, "r", c.r);
    fact_number(s, "alpha", c.alpha);
    fact_number(s, "scale", c.rslora ? c.alpha / sqrt((double)c.r) : c.alpha / (double)c.r);
    fact_number(s, "dropout", c.dropout);
    fact_targets(s, &c);
    static const char *const patterns[] = {"rank_pattern", "alpha_pattern"};
    for (size_t i = 0; i < COUNT(patterns); i++) {
        const json *p = json_get(c.tree, patterns[i]);
        if (p != NULL && p->type == JSON_OBJECT && p->length > 0) fact_integer(s, patterns[i], (int64_t)p->length);
    }
    fact_integer(s, "parameters", t.values);
    fact_types(s, &t);
    fact_tensors(s, file);
    block_end(s);
    safetensors_close(file);
    return true;
}

/* ---- text ---- */

static void fact_token(inspection *s, const tokenizer *t, const char *key, int32_t id) {
    if (id < 0) return;
    const char *text = tokenizer_token(t, id, NULL);
    fact_text(s, key, text != NULL ? text : "not in the vocabulary");
}

static bool inspect_tokenizer(inspection *s, const char *path, error *err) {
    const tokenizer *t = tokenizer_load(s->owner, path, err);
    if (t == NULL) return false;
    char hex[33];
    block_begin(s, "tokenizer", path);
    fact_text(s, "type", tokenizer_kind(t));
    fact_integer(s, "vocab_size", tokenizer_vocab_size(t));
    fact_integer(s, "merges", (int64_t)tokenizer_count_merges(t));
    fact_integer(s, "added_tokens", (int64_t)tokenizer_count_added(t));
    fact_token(s, t, "bos_token", tokenizer_bos(t));
    fact_token(s, t, "eos_token", tokenizer_eos(t));
    fact_token(s, t, "pad_token", tokenizer_pad(t));
    fact_token(s, t, "unk_token", tokenizer_unk(t));
    fact_bool(s, "chat_template", tokenizer_chat_template(t) != NULL);
    fact_text(s, "digest", digest_text(tokenizer_digest(t), hex));
    block_end(s);
    return true;
}

static bool inspect_packed(inspection *s, const char *path, error *err) {
    packed *p = packed_open(s->owner, path, err);
    if (p == NULL) return false;
    digest d;
    int32_t vocab_size;
    char hex[33];
    block_begin(s, "tokens", path);
    fact_integer(s, "tokens", packed_tokens(p));
    fact_integer(s, "documents", packed_documents(p));
    if (packed_tokenizer(p, &d, &vocab_size)) {
        fact_integer(s, "vocab_size", vocab_size);
        fact_text(s, "tokenizer", digest_text(d, hex));
    }
    block_end(s);
    packed_close(p);
    return true;
}

/* JSON lines: documents, conversations, pairs; the keys of the first line say which. */
static bool inspect_lines(inspection *s, const char *path, error *err) {
    file_reader *r = file_reader_open(path, err);
    if (r == NULL) return false;
    arena line_arena = {0};
    string keys = {0};
    int64_t lines = 0, broken = 0, text = 0;
    const char *line;
    size_t n;
    for (; file_reader_line(r, LONGEST_LINE, &line, &n, err); arena_reset(&line_arena)) {
        if (n == 0) continue;
        const json *v = json_parse(&line_arena, line, n, NULL), *t = json_get(v, "text");
        lines++;
        if (v == NULL || v->type != JSON_OBJECT) broken++;
        else if (t != NULL && t->type == JSON_STRING) text += (int64_t)t->length;
        for (size_t i = 0; v != NULL && v->type == JSON_OBJECT && lines == 1 && i < v->length; i++)
            string_print(&keys, i == 0 ? "%.100s" : ", %.100s", v->key[i]);
    }
    file_reader_close(r);
    arena_drop(&line_arena);
    if (err->text[0] == 0) {
        block_begin(s, "json lines", path);
        fact_integer(s, "lines", lines);
        fact_integer(s, "broken_lines", broken);
        fact_text(s, "keys_of_first", string_chars(&keys));
        fact_bytes(s, "text_bytes", (double)text);
        block_end(s);
    }
    string_drop(&keys);
    return err->text[0] == 0 || fail(err, "%s", path);
}

/* ---- folders ---- */

static bool holds(inspection *s, const char *folder, const char *name) {
    return file_exists(path_join(s->owner, folder, name));
}

static bool inspect_folder(inspection *s, const char *folder, error *err);

/* What a training run has come to, and its newest checkpoint. */
static bool inspect_run(inspection *s, const char *folder, error *err) {
    long n = 0;
    const metrics_row *rows = metrics_read(s->owner, path_join(s->owner, folder, "metrics.jsonl"), &n, err);
    if (rows == NULL) return false;
    block_begin(s, "training run", folder);
    fact_integer(s, "steps", n == 0 ? 0 : rows[n - 1].step);
    if (n > 0) {
        fact_integer(s, "tokens", rows[n - 1].tokens);
        fact_number(s, "seconds", rows[n - 1].time);
        fact_number(s, "first_loss", rows[0].loss);
        fact_number(s, "loss", rows[n - 1].loss);
    }
    long evaluated = n - 1;
    while (evaluated >= 0 && isnan(rows[evaluated].valid_loss)) evaluated--;
    if (evaluated >= 0) {
        fact_number(s, "valid_loss", rows[evaluated].valid_loss);
        fact_integer(s, "valid_loss_at", rows[evaluated].step);
    }
    const char *checkpoint = model_newest_checkpoint(s->owner, folder);
    fact_text(s, "newest_checkpoint", checkpoint != NULL ? checkpoint : "none");
    block_end(s);
    return checkpoint == NULL || inspect_folder(s, checkpoint, err);
}

static bool inspect_folder(inspection *s, const char *folder, error *err) {
    const bool is_model = holds(s, folder, "config.json"), is_adapter = !is_model && holds(s, folder, "adapter_config.json");
    const bool is_run = !is_model && !is_adapter && (holds(s, folder, "metrics.jsonl") || holds(s, folder, "checkpoints"));
    const bool has_tokenizer = !is_run && tokenizer_folder_holds(folder);
    if (!is_model && !is_adapter && !is_run && !has_tokenizer)
        return fail(err, "%s: it holds no config.json, adapter_config.json, metrics.jsonl, nor a tokenizer", folder);
    if (is_model && !inspect_model(s, folder, err)) return false;
    if (is_adapter && !inspect_adapter(s, folder, err)) return false;
    if (is_run && !inspect_run(s, folder, err)) return false;
    return !has_tokenizer || inspect_tokenizer(s, folder, err);
}

static bool is_lines(const char *path) {
    static const char *const ends[] = {".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson"};
    for (size_t i = 0; i < COUNT(ends); i++)
        if (ends_with(path, ends[i])) return true;
    return false;
}

static bool inspect_path(inspection *s, const char *path, error *err) {
    if (file_is_folder(path)) return inspect_folder(s, path, err);
    if (ends_with(path, ".safetensors")) return inspect_safetensors(s, path, err);
    if (strcmp(path_name(path), "tokenizer.bin") == 0) return inspect_tokenizer(s, path, err);
    if (ends_with(path, ".idx") || ends_with(path, ".bin") || file_exists(arena_print(s->owner, "%s.idx", path))) return inspect_packed(s, path, err);
    if (!file_exists(path)) return fail(err, "there is no %s", path);
    const char *name = path_name(path);
    if (strcmp(name, "config.json") == 0 || strcmp(name, "adapter_config.json") == 0)
        return fail(err, "%s: the configuration of %s; inspect its folder", path, name[0] == 'c' ? "a model" : "an adapter");
    if (ends_with(path, ".json")) return inspect_tokenizer(s, path, err) || fail(err, "%s does not hold a tokenizer", path);
    if (is_lines(path)) return inspect_lines(s, path, err);
    return inspect_tokenizer(s, path, err) || fail(err, "%s: none of safetensors, PREFIX.bin and .idx, .jsonl, a folder, or a tokenizer", path);
}

int command_inspect(int argc, char **argv) {
    arena owner = {0};
    inspection s = {.owner = &owner};
    const option options[] = {
        {.name = "tensors", .type = OPT_FLAG, .value = &s.tensors, .help = "list every tensor with its shape"},
        {0},
    };
    const command c = {.name = "inspect",
                       .arguments = "PATH...",
                       .summary = "What a model, adapter, tokenizer, safetensors file, token file, shard or training run holds.",
                       .examples = "  socle inspect models/base\n  socle inspect runs/base --json\n  socle inspect model.safetensors --tensors\n",
                       .options = options,
                       .least_words = 1,
                       .most_words = SIZE_MAX};
    common_options common = {0};
    error err = {0};
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        s.json = common.json;
        bool ok = true;
        for (size_t i = 0; ok && i < common.n_word; i++) {
            string_reset(&s.out);
            ok = inspect_path(&s, common.words[i], &err) && print_string(&s.out, &err);
        }
        status = ok ? finish_out() : report_failure(&err);
    }
    string_drop(&s.out);
    arena_drop(&owner);
    return status;
}
