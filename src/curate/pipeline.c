#include "curate/pipeline.h"

#include "base/log.h"
#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, BATCH_BYTES = 16 << 20, BATCH_MEMORY = 256 << 20, KEEP_BYTES = 1 << 20, ITEM_MEMORY = 1 << 30 };

typedef struct batch {
    const pipeline *p;
    pipeline_item *item;
    size_t n;           /* read, and to be judged */
    size_t taken;       /* from the stream, at least n: the rest waits for the next batch */
    size_t first;       /* of those that are being read */
    const stage *stage; /* the one that judges now */
} batch;

static void memory_reset(arena *a) { /* a large document gives its memory back, a small one keeps it for the next */
    if (a->used > KEEP_BYTES) arena_drop(a);
    else arena_reset(a);
}

static void item_reset(pipeline_item *item) {
    memory_reset(&item->memory);
    memory_reset(&item->scratch);
    if (item->line.room > KEEP_BYTES) string_drop(&item->line);
    string_reset(&item->line);
    item->line.overflow = false;
}

/* Takes items from the stream, behind those that wait since the last batch. */
static bool batch_fill(batch *b) {
    double bytes = 0;
    const size_t waiting = b->taken - b->n;
    for (size_t i = 0; i < waiting && b->n > 0; i++) { /* to the front, in their order */
        const pipeline_item done = b->item[i];
        b->item[i] = b->item[b->n + i];
        b->item[b->n + i] = done;
    }
    for (size_t i = 0; i < waiting; i++) bytes += b->item[i].raw.bytes;
    for (b->taken = waiting; b->taken < BATCH && bytes < BATCH_BYTES; b->taken++) {
        pipeline_item *item = &b->item[b->taken];
        item->failure = NULL;
        item->dropped_by = NULL;
        item->characters_in = 0;
        item->d = (document){0};
        if (!source_stream_next(b->p->stream, &item->memory, &item->raw, &item->failure)) break;
        bytes += item->raw.bytes;
    }
    return b->taken > 0;
}

static void item_fail(pipeline_item *item, const error *err) {
    item->failure = arena_copy(&item->memory, err->text);
    if (item->failure == NULL) item->failure = "the document needs more memory than it may take";
}

static void read_item(void *context, long i) {
    batch *b = context;
    pipeline_item *item = &b->item[b->first + (size_t)i];
    error err = {0};
    if (item->failure == NULL && !raw_item_read(&item->raw, b->p->sources[item->raw.source].name, &item->memory, &item->d, &err)) item_fail(item, &err);
    if (item->failure != NULL) item->d = (document){.id = item->raw.id, .source = b->p->sources[item->raw.source].name};
    item->characters_in = item->d.text != NULL ? item->d.n : item->d.html_n;
}

/* Reads a few items at a time, until what they hold unpacked is a batch: small files may be large documents. What is written does
 * not depend on where a batch ends. */
static void batch_read(batch *b) {
    const size_t group = (size_t)parallel_threads();
    double held = 0;
    for (b->n = 0; b->n < b->taken && held < BATCH_MEMORY;) {
        const size_t left = b->taken - b->n, n = left < group ? left : group;
        b->first = b->n;
        parallel_for((long)n, read_item, b);
        for (size_t i = 0; i < n; i++) held += (double)b->item[b->first + i].memory.used;
        b->n += n;
    }
}

static void judge_item(void *context, long i) {
    batch *b = context;
    pipeline_item *item = &b->item[i];
    error err = {0};
    if (item->failure != NULL || item->dropped_by != NULL) return;
    if (item->d.text == NULL && b->stage->kind != &stage_extract) {
        fail(&err, "it has `html` and no `text`: the stage extract must come first");
        item_fail(item, &err);
        return;
    }
    item->j = (judged){.d = &item->d, .owner = &item->memory, .scratch = &item->scratch};
    if (!b->stage->kind->judge(b->stage, &item->j, &err)) item_fail(item, &err);
    else if (item->j.v.rule != NULL) item->dropped_by = b->stage;
    memory_reset(&item->scratch);
}

static bool judge_batch(batch *b, error *err) {
    for (size_t s = 0; s < b->p->n_stage; s++) {
        b->stage = b->p->stages[s];
        parallel_for((long)b->n, judge_item, b);
        for (size_t i = 0; b->stage->kind->compare != NULL && i < b->n; i++) {
            pipeline_item *item = &b->item[i];
            if (item->failure != NULL || item->dropped_by != NULL) continue;
            if (!b->stage->kind->compare(b->p->stages[s], &item->j, err)) return fail(err, "stage %s", b->stage->kind->name);
            if (item->j.v.rule != NULL) item->dropped_by = b->stage;
        }
    }
    return true;
}

/* The line that is written for the document, whatever became of it. */
static void write_item(void *context, long i) {
    batch *b = context;
    pipeline_item *item = &b->item[i];
    document d = item->d;
    if (item->failure != NULL) {
        const verdict v = {.rule = "unreadable", .text_value = item->failure, .text_threshold = ""};
        d = (document){.id = item->raw.id, .source = item->d.source};
        if (item->raw.line != NULL && b->p->dropped_text) d.text = item->raw.line, d.n = item->raw.n; /* a line that is no document: as it came */
        if (!verdict_write(&v, "read", &item->memory, &d)) d.metadata.n = 0;
    } else if (item->dropped_by != NULL) {
        verdict_write(&item->j.v, item->dropped_by->kind->name, &item->memory, &d);
        if (!b->p->dropped_text) d.text = d.html = NULL;
    }
    document_write(&d, &item->line);
}

bool pipeline_run(const pipeline *p, error *err) {
    batch b = {.p = p, .item = calloc(BATCH, sizeof *b.item)};
    progress bar = {0};
    bool ok = b.item != NULL || fail(err, "out of memory");
    for (size_t i = 0; ok && i < BATCH; i++) b.item[i].memory.limit = b.item[i].scratch.limit = ITEM_MEMORY;
    if (p->what != NULL) progress_start(&bar, p->what, "MB", source_stream_bytes(p->stream) / 1e6);
    while (ok && batch_fill(&b)) {
        if (p->stop != NULL && *p->stop != 0) {
            ok = fail(err, "stopped");
            break;
        }
        batch_read(&b);
        ok = judge_batch(&b, err);
        if (ok) parallel_for((long)b.n, write_item, &b);
        for (size_t i = 0; ok && i < b.n; i++) ok = p->done(p->context, &b.item[i], err);
        for (size_t i = 0; i < b.n; i++) item_reset(&b.item[i]); /* now: one may lie behind those that wait, and not be filled soon */
        if (p->what != NULL) progress_at(&bar, source_stream_done(p->stream) / 1e6, NULL);
    }
    if (p->what != NULL) progress_end(&bar, NULL);
    for (size_t i = 0; b.item != NULL && i < BATCH; i++) {
        arena_drop(&b.item[i].memory);
        arena_drop(&b.item[i].scratch);
        string_drop(&b.item[i].line);
    }
    free(b.item);
    return ok;
}
