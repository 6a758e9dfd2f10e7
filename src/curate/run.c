#include "curate/curate.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "curate/pairs.h"
#include "curate/pipeline.h"
#include "curate/report.h"

#include <string.h>

/* ---- shards ---- */

typedef struct shards {
    arena *owner;
    const char *folder, *prefix, *ending;
    double most; /* bytes of JSON in one; 0: one file, named by the prefix alone */
    file_writer *writer;
    double bytes;
    long n;
} shards;

static bool shards_put(shards *s, const string *line, error *err) {
    if (s->writer == NULL) {
        const char *path = s->most > 0 ? arena_print(s->owner, "%s/%s-%04ld.jsonl%s", s->folder, s->prefix, s->n, s->ending)
                                       : arena_print(s->owner, "%s/%s.jsonl%s", s->folder, s->prefix, s->ending);
        s->writer = file_writer_open(path, err);
        if (s->writer == NULL) return false;
        s->n++;
        s->bytes = 0;
    }
    if (!file_writer_put(s->writer, line->data, line->length, err)) return false;
    s->bytes += (double)line->length;
    if (s->most == 0 || s->bytes < s->most) return true;
    file_writer *full = s->writer;
    s->writer = NULL;
    return file_writer_commit(full, err);
}

static bool shards_close(shards *s, error *err) {
    file_writer *last = s->writer;
    s->writer = NULL;
    return last == NULL || file_writer_commit(last, err);
}

static void shards_abort(shards *s) {
    file_writer_abort(s->writer);
    s->writer = NULL;
}

/* ---- a recipe ---- */

typedef struct run {
    const curate_recipe *recipe;
    arena *owner;
    uint64_t seed;
    shards train, valid, dropped;
    pairs *pairs;
    arena scratch;
    report report;
    curate_result did;
} run;

static void log_failure(const pipeline_item *item, long n) { /* the first few by name, then only the count */
    enum { NAMED = 10 };
    if (n <= NAMED)
        log_warning("%s: %s; left out%s", item->raw.line != NULL ? item->raw.id : item->raw.path, item->failure, n == NAMED ? " (more are not named)" : "");
}

static bool run_done(void *context, pipeline_item *item, error *err) {
    run *x = context;
    const bool kept = item->failure == NULL && item->dropped_by == NULL;
    const uint64_t draw = hash64(item->raw.id, strlen(item->raw.id), x->seed);
    const bool is_valid = kept && (double)draw / 18446744073709551616.0 < x->recipe->valid;
    report_add(&x->report, item, is_valid);
    if (item->failure != NULL) log_failure(item, ++x->did.unreadable);
    if (!kept) return shards_put(&x->dropped, &item->line, err);
    if (x->pairs != NULL && !is_valid) { /* a page that is asked about is one that is learned from */
        const char *language = document_language(&item->d, &x->scratch, "en");
        const bool ok = pairs_add(x->pairs, &item->d, language, &x->scratch, err);
        arena_reset(&x->scratch);
        if (!ok) return false;
    }
    return shards_put(is_valid ? &x->valid : &x->train, &item->line, err);
}

static bool write_reports(run *x, const char *folder, double seconds, error *err) {
    string data = {0}, page = {0};
    x->report.shards = x->train.n + x->valid.n;
    report_json(&x->report, x->recipe, x->pairs, seconds, &data);
    report_html(&x->report, x->recipe, x->pairs, seconds, &page);
    const bool ok = file_write(path_join(x->owner, folder, "report.json"), data.data, data.length, err) &&
                    file_write(path_join(x->owner, folder, "report.html"), page.data, page.length, err);
    string_drop(&data);
    string_drop(&page);
    return ok;
}

static bool run_into(run *x, const char *folder, const volatile int *stop, error *err) {
    static const char *const endings[] = {".zst", ".gz", ""};
    const curate_recipe *r = x->recipe;
    const char *ending = endings[r->compress];
    const double start = clock_seconds();
    x->train = (shards){.owner = x->owner, .folder = folder, .prefix = "documents", .ending = ending, .most = r->shard_mb * 1e6};
    x->valid = (shards){.owner = x->owner, .folder = folder, .prefix = "valid", .ending = ending, .most = r->shard_mb * 1e6};
    x->dropped = (shards){.owner = x->owner, .folder = folder, .prefix = "dropped", .ending = ending};
    source_stream *stream = source_stream_open(r->sources, r->n_source, err);
    if (stream == NULL) return fail(err, "%s", r->file);
    bool ok = true;
    if (r->pairs_languages != NULL && r->pairs_languages->type != JSON_NULL) {
        x->pairs = pairs_open(x->owner, path_join(x->owner, folder, "pairs"), r->pairs_languages, r->pairs_valid, x->seed, err);
        ok = x->pairs != NULL || fail(err, "%s", r->file);
    }
    const pipeline p = {.stream = stream,
                        .sources = r->sources,
                        .stages = r->stages,
                        .n_stage = r->n_stage,
                        .dropped_text = r->dropped_text,
                        .stop = stop,
                        .what = "curate",
                        .done = run_done,
                        .context = x};
    ok = ok && pipeline_run(&p, err);
    source_stream_close(stream);
    ok = ok && shards_close(&x->train, err) && shards_close(&x->valid, err) && shards_close(&x->dropped, err) &&
         (x->pairs == NULL || pairs_close(x->pairs, err));
    x->did.seconds = clock_seconds() - start;
    if (ok && x->did.unreadable > 0 && x->did.unreadable == x->report.all.documents_in)
        ok = fail(err, "%s: none of %ld documents could be read", r->file, x->did.unreadable);
    ok = ok && write_reports(x, folder, x->did.seconds, err);
    if (!ok) {
        shards_abort(&x->train);
        shards_abort(&x->valid);
        shards_abort(&x->dropped);
        pairs_abort(x->pairs);
    }
    return ok;
}

bool curate_run(arena *owner, const curate_recipe *r, const char *out, uint64_t seed, const volatile int *stop, curate_result *did, error *err) {
    run x = {.recipe = r, .owner = owner, .seed = seed, .report = {.owner = owner}};
    if (file_exists(out)) return fail(err, "%s is there already; name another folder or remove it", out);
    const char *folder = folder_begin(owner, out, err);
    if (folder == NULL) return false;
    bool ok = run_into(&x, folder, stop, err);
    arena_drop(&x.scratch);
    if (ok) ok = folder_commit(out, err);
    if (!ok) folder_abort(out);
    x.did.documents_in = x.report.all.documents_in;
    x.did.documents_out = x.report.all.documents_out;
    x.did.characters_in = x.report.all.bytes_in;
    x.did.characters_out = x.report.all.bytes_out;
    x.did.valid = x.report.valid;
    *did = x.did;
    return ok;
}

/* ---- filter and readers ---- */

typedef struct filter {
    file_writer *kept, *dropped;
    curate_result did;
} filter;

static bool filter_done(void *context, pipeline_item *item, error *err) {
    filter *f = context;
    f->did.documents_in++;
    if (item->failure != NULL) {
        log_failure(item, ++f->did.unreadable);
        return f->dropped == NULL || file_writer_put(f->dropped, item->line.data, item->line.length, err);
    }
    if (item->dropped_by != NULL) return f->dropped == NULL || file_writer_put(f->dropped, item->line.data, item->line.length, err);
    f->did.documents_out++;
    return file_writer_put(f->kept, item->line.data, item->line.length, err);
}

static bool filter_run(const source *from, stage *s, const char *dropped, const volatile int *stop, curate_result *did, error *err) {
    filter f = {0};
    source_stream *stream = source_stream_open(from, 1, err);
    bool ok = stream != NULL;
    if (ok && dropped != NULL) ok = (f.dropped = file_writer_open(dropped, err)) != NULL;
    if (ok) ok = (f.kept = file_writer_open("-", err)) != NULL;
    stage *const stages[] = {s};
    const pipeline p = {
        .stream = stream, .sources = from, .stages = stages, .n_stage = s != NULL, .dropped_text = true, .stop = stop, .done = filter_done, .context = &f};
    ok = ok && pipeline_run(&p, err);
    source_stream_close(stream);
    if (ok) ok = file_writer_commit(f.kept, err);
    else file_writer_abort(f.kept);
    if (ok && f.dropped != NULL) ok = file_writer_commit(f.dropped, err);
    else file_writer_abort(f.dropped);
    *did = f.did;
    return ok;
}

bool curate_filter(stage *s, const char *dropped, const volatile int *stop, curate_result *did, error *err) {
    const char *path[] = {"-"};
    const source from = {.path = path, .n_path = 1, .format = FORMAT_JSONL};
    return filter_run(&from, s, dropped, stop, did, err);
}

bool curate_read(const char **paths, size_t n, source_format format, const volatile int *stop, curate_result *did, error *err) {
    const source from = {.path = paths, .n_path = n, .format = format};
    return filter_run(&from, NULL, NULL, stop, did, err);
}
