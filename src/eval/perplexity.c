#include "eval/perplexity.h"

#include "base/file.h"
#include "base/log.h"
#include "data/text_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    GROUP_BYTES = 1 << 18, /* of documents that are scored in one go */
    DEFAULT_CONTEXT = 1024,
};

double perplexity_of(const perplexity_result *r) {
    return r->tokens == 0 ? NAN : exp(r->nll / (double)r->tokens);
}

double bits_per_byte_of(const perplexity_result *r) {
    return r->bytes == 0 ? NAN : r->nll / ((double)r->bytes * 0.69314718055994530942);
}

/* One measurement under way. */
typedef struct measure {
    judge *judge;
    const perplexity_options *o;
    size_t context, stride;
    int32_t *prefix; /* ids before each document */
    size_t n_prefix;
    tokenizer_scratch *scratch;
    id_list ids; /* of the document at hand */
    /* the group at hand */
    arena group;
    struct scored_document *documents, **last;
    size_t n_window;
    /* all so far */
    perplexity_result *result;
    arena *owner;
    size_t room;
    progress progress;
    size_t rows_before;
    text_files *files;
    size_t group_rows;
} measure;

typedef struct scored_document {
    const int32_t *ids;
    double *nll;          /* by id */
    size_t n, first;      /* nll[first ..] counts */
    size_t tokens, bytes; /* that are scored */
    score_window *windows;
    size_t n_window;
    struct scored_document *next;
} scored_document;

/* The ids that the post-processor puts before a text: what stands before `a`'s own ids. */
static bool prefix_of_tokenizer(measure *m, error *err) {
    const tokenizer *t = m->judge->tokenizer;
    id_list with = {0}, without = {0};
    const bool ok = tokenizer_encode(t, NULL, "a", 1, TOKENIZER_ADD_SPECIAL, &with, err) && tokenizer_encode(t, NULL, "a", 1, 0, &without, err);
    for (size_t at = 0; ok && at + without.n <= with.n; at++)
        if (memcmp(with.id + at, without.id, without.n * sizeof *without.id) == 0) {
            m->n_prefix = at;
            m->prefix = NEW_ARRAY(m->owner, at, int32_t);
            if (at > 0) memcpy(m->prefix, with.id, at * sizeof *with.id);
            break;
        }
    id_list_drop(&with);
    id_list_drop(&without);
    return ok;
}

static bool prefix_set(measure *m, error *err) {
    const tokenizer *t = m->judge->tokenizer;
    if (m->o->prefix == PREFIX_NONE) return true;
    if (m->o->prefix == PREFIX_AUTO) return prefix_of_tokenizer(m, err);
    const int32_t id = m->o->prefix == PREFIX_BOS ? tokenizer_bos(t) : tokenizer_eos(t);
    if (id < 0) return fail(err, "the tokenizer names no %s token to put before a text", m->o->prefix == PREFIX_BOS ? "BOS" : "EOS");
    m->n_prefix = 1;
    m->prefix = NEW(m->owner, int32_t);
    m->prefix[0] = id;
    return true;
}

static bool sizes_set(measure *m, error *err) {
    const size_t most = m->judge->max_context;
    m->context = m->o->context != 0 ? m->o->context : most < DEFAULT_CONTEXT ? most : DEFAULT_CONTEXT;
    m->stride = m->o->stride != 0 ? m->o->stride : m->context;
    if (m->context > most) return fail(err, "a context of %zu is more than the model's %zu positions", m->context, most);
    if (m->stride > m->context) return fail(err, "a stride of %zu leaves ids out: it may be at most the context, %zu", m->stride, m->context);
    if (m->o->scoring == SCORE_LAST_HALF && m->context < 4) return fail(err, "a context of %zu has no half to score", m->context);
    return true;
}

/* The whole is known in megabytes only: what the rows so far took of them says how many rows there will be. */
static bool measure_progress(void *context, size_t rows) {
    measure *m = context;
    const double done = (double)(m->rows_before + rows), all = text_files_megabytes(m->files), read = text_files_done(m->files);
    char note[40];
    if (all > 0 && read > 0) m->progress.total = (double)(m->rows_before + m->group_rows) * fmax(all / read, 1);
    snprintf(note, sizeof note, "perplexity %.4g", perplexity_of(m->result));
    progress_at(&m->progress, done, m->result->tokens == 0 ? NULL : note);
    return m->o->stop == NULL || *m->o->stop == 0;
}

static void result_add(measure *m, const scored_document *d) {
    perplexity_result *r = m->result;
    double nll = 0;
    for (size_t i = d->first; i < d->n; i++) nll += d->nll[i];
    if (r->documents == m->room) {
        const size_t room = m->room == 0 ? 64 : 2 * m->room;
        r->document_nll = arena_grow(m->owner, r->document_nll, m->room * sizeof *r->document_nll, room * sizeof *r->document_nll);
        m->room = room;
    }
    r->document_nll[r->documents++] = nll;
    r->nll += nll;
    r->tokens += d->tokens;
    r->bytes += d->bytes;
}

/* Scores the documents that were gathered, in one go. */
static bool group_score(measure *m, error *err) {
    score_window *all = NEW_ARRAY(&m->group, m->n_window, score_window);
    size_t n = 0;
    for (scored_document *d = m->documents; d != NULL; d = d->next) {
        if (d->n_window > 0) memcpy(all + n, d->windows, d->n_window * sizeof *all);
        n += d->n_window;
    }
    m->group_rows = 0;
    for (size_t w = 0; w < n; w++) m->group_rows += all[w].n - 1;
    if (!m->judge->score(m->judge->self, all, n, measure_progress, m, err)) return false;
    m->rows_before += m->group_rows;
    for (scored_document *d = m->documents; d != NULL; d = d->next) result_add(m, d);
    arena_reset(&m->group);
    m->documents = NULL;
    m->last = &m->documents;
    m->n_window = 0;
    return true;
}

/* Windows over a whole document, prefix first. */
static void document_cut(measure *m, scored_document *d, size_t bytes) {
    const size_t n_ids = m->ids.n, before = m->n_prefix;
    d->n = before + n_ids;
    int32_t *ids = NEW_ARRAY(&m->group, d->n, int32_t);
    if (before > 0) memcpy(ids, m->prefix, before * sizeof *ids);
    if (n_ids > 0) memcpy(ids + before, m->ids.id, n_ids * sizeof *ids);
    d->ids = ids;
    d->nll = NEW_ARRAY(&m->group, d->n, double);
    d->first = before > 0 ? before : 1;
    d->n_window = score_cut(&m->group, ids, d->n, m->context, m->stride, d->nll, &d->windows);
    d->tokens = d->n > d->first ? d->n - d->first : 0;
    d->bytes = bytes;
}

/* Chunks of `context` ids of the text with its prefix; of ids [half .. context-2] of each the next one is asked for. */
static bool document_chunks(measure *m, scored_document *d, error *err) {
    const size_t before = m->n_prefix, n = before + m->ids.n, chunks = n / m->context, half = m->context / 2;
    if (chunks == 0) return fail(err, "%zu tokens fill no chunk of %zu: --context takes a smaller one", n, m->context);
    d->n = chunks * m->context;
    int32_t *ids = NEW_ARRAY(&m->group, d->n, int32_t);
    for (size_t i = 0; i < d->n; i++) ids[i] = i < before ? m->prefix[i] : m->ids.id[i - before];
    d->nll = NEW_ARRAY(&m->group, d->n, double);
    d->windows = NEW_ARRAY(&m->group, chunks, score_window);
    d->n_window = chunks;
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * m->context, first = at + half + 1, end = at + m->context;
        if (before > 0) ids[at] = m->prefix[0];
        d->windows[c] = (score_window){.ids = ids + at, .n = m->context, .from = half + 1, .nll = d->nll + at};
        d->tokens += end - first;
        d->bytes += m->ids.end[end - 1 - before] - m->ids.end[first - 1 - before];
    }
    d->ids = ids;
    return true;
}

static bool document_add(measure *m, const char *text, size_t n, error *err) {
    const bool halves = m->o->scoring == SCORE_LAST_HALF;
    id_list_reset(&m->ids);
    if (!tokenizer_encode(m->judge->tokenizer, m->scratch, text, n, halves ? TOKENIZER_OFFSETS : 0, &m->ids, err)) return false;
    scored_document *d = NEW(&m->group, scored_document);
    if (halves) {
        if (!document_chunks(m, d, err)) return false;
    } else {
        document_cut(m, d, n);
    }
    *m->last = d;
    m->last = &d->next;
    m->n_window += d->n_window;
    return true;
}

/* Batches of documents, each scored in one go. */
static bool measure_files(measure *m, const char *path, error *err) {
    text_batch batch = {0};
    char *paths[] = {(char *)path};
    bool ok = true;
    m->files = text_files_open(paths, 1, false, err);
    if (m->files == NULL) return false;
    while (ok && text_files_next(m->files, GROUP_BYTES, &batch, err)) {
        for (size_t i = 0; ok && i < batch.n; i++)
            ok = document_add(m, batch.documents[i].text, batch.documents[i].n, err) || fail(err, "%s: document %zu", path, m->result->documents + i + 1);
        ok = ok && (group_score(m, err) || fail(err, "%s", path));
    }
    m->result->skipped = (size_t)text_files_skipped(m->files);
    text_batch_drop(&batch);
    text_files_close(m->files);
    m->files = NULL;
    return ok && err->text[0] == 0; /* which text_files_next may have set */
}

bool perplexity_measure(judge *j, const char *path, const perplexity_options *o, arena *owner, perplexity_result *out, error *err) {
    if (j->score == NULL || j->tokenizer == NULL) return fail(err, "%s: %s gives no likelihood of a text", path, j->name);
    *out = (perplexity_result){0};
    measure m = {.judge = j, .o = o, .result = out, .owner = owner};
    m.last = &m.documents;
    if (!prefix_set(&m, err) || !sizes_set(&m, err)) return fail(err, "%s", path);
    m.scratch = tokenizer_scratch_new(j->tokenizer);
    progress_start(&m.progress, path_name(path), "tokens", 0);
    bool ok = measure_files(&m, path, err);
    if (ok || m.progress.drawn > 0) progress_end(&m.progress, NULL);
    if (ok && out->tokens == 0) ok = fail(err, "%s: holds no token that something predicts: there is nothing to score", path);
    tokenizer_scratch_drop(m.scratch);
    id_list_drop(&m.ids);
    arena_drop(&m.group);
    return ok;
}
