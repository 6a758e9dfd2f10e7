/* socle bench tokenizer: how fast documents become ids, and the ids themselves, for comparison with other programs. */
#include "cli/cli.h"
#include "cli/bench.h"

#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "data/text_files.h"
#include "text/tokenizer.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    BATCH_BYTES = 256 << 20, /* documents in memory at a time */
    CHUNK = 16,              /* documents that a thread takes at a time */
    MOST_THREADS = 512,
    MOST_ROUNDS = 1000,
};

typedef struct bench_tokenizer_options {
    const char *tokenizer, *ids;
    long rounds;
    bool offsets, add_special, parse_special;
} bench_tokenizer_options;

typedef struct bench_job {
    const tokenizer *tokenizer;
    unsigned flags;
    const text_batch *batch;
    tokenizer_scratch *scratch[MOST_THREADS];
    id_list ids[MOST_THREADS];
    atomic_bool busy[MOST_THREADS];
    atomic_long tokens;
    atomic_bool failed;
    error err; /* of the chunk that set `failed` */
} bench_job;

typedef struct bench_result {
    long documents, tokens;
    double bytes, load_seconds, seconds[MOST_ROUNDS];
} bench_result;

/* A chunk borrows a scratch that nobody uses: as many are ever in use as there are threads. */
static void encode_chunk(void *context, long index) {
    bench_job *job = context;
    size_t w = 0;
    while (atomic_exchange(&job->busy[w], true)) w = (w + 1) % (size_t)parallel_threads();
    id_list *ids = &job->ids[w];
    const size_t first = (size_t)index * CHUNK, end = first + CHUNK < job->batch->n ? first + CHUNK : job->batch->n;
    long tokens = 0;
    error err = {0};
    for (size_t i = first; i < end; i++) {
        const text_document *d = &job->batch->documents[i];
        id_list_reset(ids);
        if (!tokenizer_encode(job->tokenizer, job->scratch[w], d->text, d->n, job->flags, ids, &err)) {
            if (!atomic_exchange(&job->failed, true)) job->err = err;
            break;
        }
        tokens += (long)ids->n;
    }
    atomic_fetch_add(&job->tokens, tokens);
    atomic_store(&job->busy[w], false);
}

/* Caches of words are kept from round to round, as other programs keep theirs; the first round meets them empty. */
static bool bench_round(bench_job *job, double *seconds, error *err) {
    atomic_store(&job->tokens, 0);
    const double start = clock_seconds();
    parallel_for((long)((job->batch->n + CHUNK - 1) / CHUNK), encode_chunk, job);
    *seconds += clock_seconds() - start;
    return !atomic_load(&job->failed) || fail(err, "%s", job->err.text);
}

static bool put_numbers(file_writer *w, const size_t *x, size_t n, error *err) {
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = (uint32_t)x[i];
        if (!file_writer_put(w, &v, sizeof v, err)) return false;
    }
    return true;
}

/* Of each document: how many ids, the ids, and with offsets where each begins and ends: uint32, as the machine has them. */
static bool write_ids(const bench_job *job, file_writer *w, error *err) {
    tokenizer_scratch *s = tokenizer_scratch_new(job->tokenizer);
    id_list ids = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < job->batch->n; i++) {
        const text_document *d = &job->batch->documents[i];
        id_list_reset(&ids);
        ok = tokenizer_encode(job->tokenizer, s, d->text, d->n, job->flags, &ids, err) && put_numbers(w, &ids.n, 1, err) &&
             file_writer_put(w, ids.id, ids.n * sizeof *ids.id, err);
        if (ok && job->flags & TOKENIZER_OFFSETS) ok = put_numbers(w, ids.begin, ids.n, err) && put_numbers(w, ids.end, ids.n, err);
    }
    id_list_drop(&ids);
    tokenizer_scratch_drop(s);
    return ok;
}

static bool bench_files(bench_job *job, const bench_tokenizer_options *o, text_files *files, file_writer *ids, bench_result *did, error *err) {
    text_batch batch = {0};
    job->batch = &batch;
    bool ok = true;
    for (int w = 0; w < parallel_threads(); w++) job->scratch[w] = tokenizer_scratch_new(job->tokenizer);
    while (ok && text_files_next(files, BATCH_BYTES, &batch, err)) {
        did->documents += (long)batch.n;
        did->bytes += (double)batch.bytes;
        for (long r = 0; ok && r < o->rounds; r++) ok = bench_round(job, &did->seconds[r], err);
        did->tokens += atomic_load(&job->tokens);
        if (ok && ids != NULL) ok = write_ids(job, ids, err);
    }
    text_batch_drop(&batch);
    for (size_t w = 0; w < MOST_THREADS; w++) {
        id_list_drop(&job->ids[w]);
        tokenizer_scratch_drop(job->scratch[w]);
    }
    return ok && err->text[0] == 0;
}

static int compare_seconds(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool say(const common_options *common, const bench_tokenizer_options *o, bench_result *did, error *err) {
    string out = {0};
    const double first = o->rounds > 0 && did->seconds[0] > 0 ? did->bytes / did->seconds[0] : 0;
    qsort(did->seconds, (size_t)o->rounds, sizeof *did->seconds, compare_seconds);
    const double median = o->rounds > 0 ? did->seconds[o->rounds / 2] : 0, speed = median > 0 ? did->bytes / median : 0;
    if (common->json) {
        json_writer w = {.out = &out};
        json_begin_object(&w);
        json_key(&w, "documents"), json_integer(&w, did->documents);
        json_key(&w, "bytes"), json_number(&w, did->bytes);
        json_key(&w, "tokens"), json_integer(&w, did->tokens);
        json_key(&w, "threads"), json_integer(&w, parallel_threads());
        json_key(&w, "load_seconds"), json_number(&w, did->load_seconds);
        json_key(&w, "seconds"), json_number(&w, median);
        json_key(&w, "bytes_per_s"), json_number(&w, speed);
        json_key(&w, "first_bytes_per_s"), json_number(&w, first); /* of the first round, which meets empty caches */
        json_end_object(&w);
        string_char(&out, '\n');
    } else {
        string_print(&out, "%ld documents, %.1f MB; the tokenizer loads in %.0f ms\n", did->documents, did->bytes / 1e6, 1e3 * did->load_seconds);
        if (o->rounds > 0)
            string_print(&out,
                         "%ld tokens at %.1f MB/s, %d threads (median of %ld rounds, a round %.3f to %.3f s; the first, with empty caches, at %.1f MB/s)\n",
                         did->tokens, speed / 1e6, parallel_threads(), o->rounds, did->seconds[0], did->seconds[o->rounds - 1], first / 1e6);
    }
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

static bool bench_all(arena *owner, const common_options *common, const bench_tokenizer_options *o, error *err) {
    bench_result *did = NEW(owner, bench_result);
    bench_job *job = NEW(owner, bench_job);
    const double start = clock_seconds();
    job->tokenizer = tokenizer_load(owner, o->tokenizer, err);
    if (job->tokenizer == NULL) return false;
    did->load_seconds = clock_seconds() - start;
    job->flags = (o->add_special ? TOKENIZER_ADD_SPECIAL : 0) | (o->parse_special ? TOKENIZER_PARSE_SPECIAL : 0) | (o->offsets ? TOKENIZER_OFFSETS : 0);
    text_files *files = text_files_open(common->words, common->n_word, false, err);
    if (files == NULL) return false;
    file_writer *ids = o->ids != NULL ? file_writer_open(o->ids, err) : NULL;
    bool ok = (o->ids == NULL || ids != NULL) && bench_files(job, o, files, ids, did, err);
    text_files_close(files);
    if (ok && ids != NULL) ok = file_writer_commit(ids, err);
    else file_writer_abort(ids);
    return ok && say(common, o, did, err);
}

int command_bench_tokenizer(int argc, char **argv) {
    bench_tokenizer_options o = {.rounds = 5};
    const option options[] = {
        {"tokenizer", 't', OPT_TEXT, &o.tokenizer, .argument = "TOK", .help = "a tokenizer (needed)"},
        {"rounds", 0, OPT_INT, &o.rounds, .help = "timed rounds, each with empty caches; 0: none", .least = 0, .most = MOST_ROUNDS},
        {"ids", 0, OPT_TEXT, &o.ids, .argument = "FILE", .help = "writes of each document the number of its ids, and the ids: uint32"},
        {"offsets", 0, OPT_FLAG, &o.offsets, .help = "offsets, too: in FILE the first bytes of a document's tokens, then the ends"},
        {"add-special", 0, OPT_FLAG, &o.add_special, .help = "adds what the post-processor adds: BOS and the like"},
        {"parse-special", 0, OPT_FLAG, &o.parse_special, .help = "special tokens in the text become their ids (else they are text)"},
        {0},
    };
    const command c = {
        .name = "bench tokenizer",
        .arguments = "-t TOK FILE...",
        .summary = "How fast documents become ids. A FILE is text (one document) or JSON lines with `text`, also .gz and .zst.",
        .examples = "  socle bench tokenizer -t tok/ --threads 1 documents.jsonl\n"
                    "  socle bench tokenizer -t tok/ --rounds 0 --ids ids.bin documents.jsonl\n",
        .options = options,
        .least_words = 1,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        if (o.tokenizer == NULL) {
            fail(&err, "name a tokenizer with -t TOK");
            status = report_usage(c.name, &err);
        } else status = bench_all(&owner, &common, &o, &err) ? finish_out() : report_failure(&err);
    }
    arena_drop(&owner);
    return status;
}
