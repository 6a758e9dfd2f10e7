/* The recipe's YAML: sources, stages in order, how to split and write. */
#include "curate/curate.h"

#include "base/yaml.h"
#include "curate/pairs.h"

#include <string.h>

static bool text_list(arena *owner, const json *v, const char ***texts, size_t *n, error *err) {
    const bool one = v != NULL && v->type == JSON_STRING;
    if (!one && (v == NULL || v->type != JSON_ARRAY || v->length == 0)) return fail(err, "path is a text or a list of texts");
    *n = one ? 1 : v->length;
    *texts = NEW_ARRAY(owner, *n, const char *);
    for (size_t i = 0; i < *n; i++) {
        const json *each = one ? v : &v->item[i];
        if (each->type != JSON_STRING) return fail(err, "path is a text or a list of texts");
        (*texts)[i] = each->text;
    }
    return true;
}

static bool read_source_row(arena *owner, const json *row, const char *file, source *s, error *err) {
    const json *path = NULL;
    int format = FORMAT_AUTO;
    *s = (source){0};
    const option table[] = {{"name", 0, OPT_TEXT, &s->name, .help = "what its documents carry as `source`"},
                            {"path", 0, OPT_LIST, &path, .help = "files, folders or patterns"},
                            {"format", 0, OPT_CHOICE, &format, .choices = SOURCE_FORMATS, .help = "of the files"},
                            {0}};
    if (row->type != JSON_OBJECT) return fail(err, "%s: line %d: a source is a mapping: {name: handbook, path: DIR}", file, row->line);
    if (!options_from_tree(table, row, file, owner, err)) return false;
    s->format = (source_format)format;
    return text_list(owner, path, &s->path, &s->n_path, err) || fail(err, "%s: line %d", file, row->line);
}

static bool read_sources(arena *owner, const json *list, curate_recipe *r, error *err) {
    if (list == NULL || list->type != JSON_ARRAY || list->length == 0) return fail(err, "%s: sources is missing: a list of {name, path}", r->file);
    r->n_source = list->length;
    r->sources = NEW_ARRAY(owner, list->length, source);
    for (size_t i = 0; i < list->length; i++)
        if (!read_source_row(owner, &list->item[i], r->file, &r->sources[i], err)) return false;
    return true;
}

/* "dedup", or {dedup: {similarity: 0.8}}. */
static bool read_stage(arena *owner, const json *row, curate_recipe *r, error *err) {
    const bool bare = row->type == JSON_STRING;
    if (!bare && (row->type != JSON_OBJECT || row->length != 1))
        return fail(err, "%s: line %d: a stage is a name, or {name: {option: value}}", r->file, row->line);
    if (r->n_stage == STAGES_MOST) return fail(err, "%s: line %d: more than %d stages", r->file, row->line, STAGES_MOST);
    stage *s = stage_open(owner, bare ? row->text : row->key[0], err);
    if (s == NULL) return fail(err, "%s: line %d", r->file, row->line);
    s->metadata = r->metrics;
    r->stages[r->n_stage++] = s;
    return stage_configure(s, bare ? NULL : &row->item[0], r->file, NULL, 0, err);
}

bool recipe_read(arena *owner, const char *path, const char *const *set, size_t n_set, curate_recipe *r, error *err) {
    const json *sources = NULL, *stages = NULL;
    *r = (curate_recipe){.file = path, .shard_mb = 256, .dropped_text = true, .pairs_valid = 0.1};
    const option table[] = {
        {"sources", 0, OPT_LIST, &sources, .help = "what to read: a list of {name, path, format}"},
        {"stages", 0, OPT_LIST, &stages, .help = "what to do, in order"},
        {"split.valid", 0, OPT_REAL, &r->valid, .help = "share of the documents that is held out", .least = 0, .most = 0.9},
        {"shard_mb", 0, OPT_REAL, &r->shard_mb, .help = "megabytes of a shard before it is compressed", .least = 0.001, .most = 1e6},
        {"compress", 0, OPT_CHOICE, &r->compress, .choices = "zst|gz|none", .help = "of the shards"},
        {"metrics", 0, OPT_FLAG, &r->metrics, .help = "documents carry what each stage found"},
        {"dropped_text", 0, OPT_FLAG, &r->dropped_text, .help = "dropped documents are written with their text"},
        {"pairs.languages", 0, OPT_LIST, &r->pairs_languages, .help = "questions and answers from manual pages, in these languages"},
        {"pairs.valid", 0, OPT_REAL, &r->pairs_valid, .help = "share of them that is held out", .least = 0, .most = 0.9},
        {0},
    };
    const json *tree = yaml_read_file(owner, path, err);
    if (tree == NULL || !options_from_tree(table, tree, path, owner, err)) return false;
    for (size_t i = 0; i < n_set; i++)
        if (!options_set(table, set[i], owner, err)) return false;
    if (!read_sources(owner, sources, r, err)) return false;
    if (stages != NULL && stages->type != JSON_NULL && stages->type != JSON_ARRAY) return fail(err, "%s: stages is a list", path);
    for (size_t i = 0; stages != NULL && i < stages->length; i++)
        if (!read_stage(owner, &stages->item[i], r, err)) return false;
    const json *languages = r->pairs_languages;
    if (languages == NULL || languages->type == JSON_NULL || pairs_check(languages, err)) return true;
    return languages->line > 0 ? fail(err, "%s: line %d", path, languages->line) : fail(err, "%s", path);
}
