#include "data/pack_files.h"

#include "base/log.h"
#include "base/parallel.h"
#include "data/packed.h"
#include "data/text_files.h"

#include <stdio.h>

enum { BATCH_BYTES = 32 << 20 };

/* Slices of a batch are ranges of documents of about the same size. */
typedef struct slice {
    tokenizer_scratch *scratch;
    id_list ids;
    size_t first, end; /* documents */
    size_t *length;    /* ids of each of them; 0: an empty one, left out */
    arena memory;
    error err;
} slice;

typedef struct pack_job {
    const pack_options *o;
    int32_t eos;
    const text_batch *batch;
    slice slices[TEXT_SLICES];
} pack_job;

static void encode_slice(void *context, long index) {
    pack_job *job = context;
    slice *s = &job->slices[index];
    const unsigned flags = job->o->parse_special ? TOKENIZER_PARSE_SPECIAL : 0;
    id_list_reset(&s->ids);
    arena_reset(&s->memory);
    s->length = NEW_ARRAY(&s->memory, s->end - s->first, size_t);
    for (size_t i = s->first; i < s->end; i++) {
        const text_document *d = &job->batch->documents[i];
        const size_t before = s->ids.n;
        if (d->n == 0) continue;
        if (!tokenizer_encode(job->o->tokenizer, s->scratch, d->text, d->n, flags, &s->ids, &s->err)) return;
        id_list_push(&s->ids, job->eos);
        s->length[i - s->first] = s->ids.n - before;
    }
}

static void cut_slices(pack_job *job) {
    const text_batch *b = job->batch;
    size_t at = 0, bytes = 0;
    for (size_t k = 0; k < TEXT_SLICES; k++) {
        job->slices[k].first = at;
        while (at < b->n && (k + 1 == TEXT_SLICES || bytes < (b->bytes + b->n) / TEXT_SLICES * (k + 1))) bytes += b->documents[at++].n + 1;
        job->slices[k].end = at;
    }
}

static bool pack_batch(pack_job *job, packed_writer *w, pack_report *did, error *err) {
    cut_slices(job);
    parallel_for(TEXT_SLICES, encode_slice, job);
    for (size_t k = 0; k < TEXT_SLICES; k++) {
        const slice *s = &job->slices[k];
        if (s->err.text[0] != 0) return fail(err, "%s", s->err.text);
        const int32_t *ids = s->ids.id;
        for (size_t i = s->first; i < s->end; i++) {
            const size_t n = s->length[i - s->first];
            if (n == 0) did->empty++;
            else if (!packed_writer_add(w, ids, n, err)) return false;
            ids += n;
        }
    }
    did->bytes += (int64_t)job->batch->bytes;
    return true;
}

static bool pack_all(pack_job *job, text_files *files, packed_writer *w, pack_report *did, error *err) {
    const volatile int *stop = job->o->stop;
    text_batch batch = {0};
    progress p;
    progress_start(&p, "packing", "MB", text_files_megabytes(files));
    job->batch = &batch;
    bool ok = true;
    while (ok && (stop == NULL || *stop == 0) && text_files_next(files, BATCH_BYTES, &batch, err)) {
        ok = pack_batch(job, w, did, err);
        char note[64];
        snprintf(note, sizeof note, "%.1f million tokens", (double)packed_writer_tokens(w) / 1e6);
        progress_at(&p, text_files_done(files), note);
    }
    progress_end(&p, NULL);
    text_batch_drop(&batch);
    did->skipped = text_files_skipped(files);
    did->documents = packed_writer_documents(w);
    did->tokens = packed_writer_tokens(w);
    if (stop != NULL && *stop != 0) return fail(err, "stopped");
    return ok && err->text[0] == 0;
}

bool pack_files(const pack_options *o, pack_report *did, error *err) {
    *did = (pack_report){0};
    pack_job job = {.o = o, .eos = o->eos >= 0 ? o->eos : tokenizer_eos(o->tokenizer)};
    if (job.eos < 0) return fail(err, "the tokenizer names no end-of-text token; name one of its tokens with --eos");
    text_files *files = text_files_open(o->paths, o->n_path, false, err);
    packed_writer *w = files != NULL ? packed_writer_open(o->prefix, tokenizer_vocab_size(o->tokenizer), err) : NULL;
    bool ok = w != NULL;
    if (ok) {
        for (size_t k = 0; k < TEXT_SLICES; k++) job.slices[k].scratch = tokenizer_scratch_new(o->tokenizer);
        ok = pack_all(&job, files, w, did, err);
        for (size_t k = 0; k < TEXT_SLICES; k++) {
            tokenizer_scratch_drop(job.slices[k].scratch);
            id_list_drop(&job.slices[k].ids);
            arena_drop(&job.slices[k].memory);
        }
    }
    if (ok && did->documents == 0) ok = fail(err, "%s: no document with text in %zu files", o->paths[0], o->n_path);
    if (ok) ok = packed_writer_commit(w, tokenizer_digest(o->tokenizer), job.eos, err);
    else packed_writer_abort(w);
    text_files_close(files);
    return ok;
}
