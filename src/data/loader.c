#include "data/loader.h"

#include "base/parallel.h"
#include "base/random.h"
#include "data/packed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One source: a token file, or packed sequences. */
typedef struct source {
    const char *path;
    double weight;
    long n_window;
    int64_t n_token;
    int32_t largest;
    digest print;
    packed *file; /* NULL: sequences */
    const token_sequence *sequences;
    long *start, *member; /* window w holds sequences member[start[w]] .. member[start[w + 1] - 1] */
    /* where the mixture stands before the loader's next sample */
    int64_t drawn;
    double credit;
} source;

struct loader {
    loader_options o;
    source *sources;
    int n_source;
    double weights; /* their sum */
    int64_t next;
};

/* ---- order ---- */

long permuted(uint64_t seed, uint64_t stream, long n, long i) {
    int half = 1;
    while (((uint64_t)1 << (2 * half)) < (uint64_t)n) half++;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t x = (uint64_t)i;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (uint64_t round = 0; round < 6; round++) {
            uint32_t word[4];
            philox(seed, stream, round << 56 | right, word);
            const uint64_t mixed = left ^ (((uint64_t)word[0] << 32 | word[1]) & mask);
            left = right;
            right = mixed;
        }
        x = left << half | right;
    } while (x >= (uint64_t)n);
    return (long)x;
}

/* Which source gives the next sample: the one that is owed most (smooth weighted round robin). */
static int mixture_next(loader *l) {
    int best = 0;
    for (int k = 0; k < l->n_source; k++) {
        l->sources[k].credit += l->sources[k].weight;
        if (l->sources[k].credit > l->sources[best].credit) best = k;
    }
    l->sources[best].credit -= l->weights;
    l->next++;
    return best;
}

/* The source and the window of a sample. */
static const source *sample_place(loader *l, int64_t sample, long *window) {
    if (sample < l->next) {
        l->next = 0;
        for (int k = 0; k < l->n_source; k++) l->sources[k].drawn = 0, l->sources[k].credit = 0;
    }
    while (l->next < sample) l->sources[mixture_next(l)].drawn++;
    const int k = mixture_next(l);
    source *s = &l->sources[k];
    const int64_t epoch = s->drawn / s->n_window, at = s->drawn % s->n_window;
    s->drawn++;
    *window = l->o.shuffle ? permuted(l->o.seed, (uint64_t)k << 40 | (uint64_t)epoch, s->n_window, (long)at) : (long)at;
    return s;
}

/* ---- filling rows ---- */

static long fill_tokens(const loader *l, const source *s, long window, loader_rows rows, long row) {
    const long n = l->o.seq_len;
    const int64_t begin = (int64_t)window * n;
    packed_read(s->file, begin, n, rows.ids + row);
    packed_read(s->file, begin + 1, n, rows.targets + row);
    long first = 0;
    int64_t end = l->o.mask_documents ? packed_document_end(s->file, begin) : begin + n + 1; /* of the document that row is in */
    for (long i = 0; i < n; i++) {
        if (begin + i >= end) {
            first = i;
            end = packed_document_end(s->file, begin + i);
        }
        rows.position[row + i] = (int32_t)(i - first);
        rows.first[row + i] = (int32_t)(row + first);
        if (begin + i + 1 >= end) rows.targets[row + i] = TARGET_IGNORED; /* it belongs to the next document, which this row does not see */
    }
    return n;
}

static void fill_empty(loader_rows rows, long row, long end) {
    for (long i = row; i < end; i++) {
        rows.ids[i] = rows.position[i] = 0;
        rows.targets[i] = TARGET_IGNORED;
        rows.first[i] = (int32_t)i;
    }
}

/* Rows that a sequence takes: its last id is only a target. */
static long sequence_rows(const loader *l, const token_sequence *s) {
    return s->n - 1 < l->o.seq_len ? s->n - 1 : l->o.seq_len;
}

static long fill_sequences(const loader *l, const source *s, long window, loader_rows rows, long row) {
    const long begin = row, end = row + l->o.seq_len;
    for (long m = s->start[window]; m < s->start[window + 1]; m++) {
        const token_sequence *q = &s->sequences[s->member[m]];
        const long n = sequence_rows(l, q), first = row;
        for (long i = 0; i < n; i++, row++) {
            rows.ids[row] = q->ids[i];
            rows.targets[row] = q->learned[i + 1] ? q->ids[i + 1] : TARGET_IGNORED;
            rows.position[row] = (int32_t)i;
            rows.first[row] = (int32_t)first;
        }
    }
    fill_empty(rows, row, end);
    return row - begin;
}

long loader_fill(loader *l, int64_t sample, loader_rows rows, long row) {
    long window;
    const source *s = sample_place(l, sample, &window);
    return s->file != NULL ? fill_tokens(l, s, window, rows, row) : fill_sequences(l, s, window, rows, row);
}

void loader_fill_empty(const loader *l, loader_rows rows, long row) {
    fill_empty(rows, row, row + l->o.seq_len);
}

/* ---- opening ---- */

static loader *loader_new(arena *owner, int n_source, const loader_options *o, error *err) {
    if (n_source < 1) return fail_null(err, "there is no source");
    loader *l = NEW(owner, loader);
    l->o = *o;
    l->sources = NEW_ARRAY(owner, n_source, source);
    l->n_source = n_source;
    return l;
}

/* Weights by size where none is given; then they are sums of whole numbers, and an epoch is exact. */
static bool weights_settle(loader *l, error *err) {
    int given = 0;
    for (int k = 0; k < l->n_source; k++) given += l->sources[k].weight > 0;
    if (given != 0 && given != l->n_source) return fail(err, "some sources have a weight and some have none; give all of them one, or none");
    for (int k = 0; k < l->n_source; k++) {
        if (given == 0) l->sources[k].weight = (double)l->sources[k].n_window;
        l->weights += l->sources[k].weight;
    }
    return true;
}

enum { SCAN_IDS = 1 << 14 };
typedef struct scan {
    const packed *file;
    int64_t n;
    struct {
        int32_t least, largest;
        uint64_t hash;
    } * part;
} scan;

static void scan_part(void *context, long i) {
    const scan *s = context;
    int32_t ids[SCAN_IDS];
    const int64_t first = (int64_t)i * SCAN_IDS;
    const long n = s->n - first < SCAN_IDS ? (long)(s->n - first) : SCAN_IDS;
    packed_read(s->file, first, n, ids);
    int32_t least = ids[0], largest = ids[0];
    for (long j = 1; j < n; j++) {
        least = ids[j] < least ? ids[j] : least;
        largest = ids[j] > largest ? ids[j] : largest;
    }
    s->part[i].least = least;
    s->part[i].largest = largest;
    s->part[i].hash = hash64(ids, (size_t)n * sizeof *ids, 0);
}

/* Reads the file once: least and largest id, and a digest of all of them, whatever type they are stored in. */
static bool source_scan(source *s, error *err) {
    arena own = {0};
    const long parts = (long)((s->n_token + SCAN_IDS - 1) / SCAN_IDS);
    scan all = {.file = s->file, .n = s->n_token, .part = arena_array(&own, (size_t)parts, sizeof *all.part)};
    parallel_for(parts, scan_part, &all);
    int32_t least = 0;
    s->print = digest_of(&s->n_token, sizeof s->n_token);
    for (long i = 0; i < parts; i++) {
        if (all.part[i].least < least) least = all.part[i].least;
        if (all.part[i].largest > s->largest) s->largest = all.part[i].largest;
        s->print = digest_chain(s->print, &all.part[i].hash, sizeof all.part[i].hash);
    }
    arena_drop(&own);
    return least >= 0 || fail(err, "it holds a negative id (%d)", least);
}

static bool source_open(arena *owner, source *s, const loader_options *o, error *err) {
    s->file = packed_open(owner, s->path, err);
    if (s->file == NULL) return false;
    s->n_token = packed_tokens(s->file);
    s->n_window = (long)((s->n_token - 1) / o->seq_len);
    if (s->n_token <= o->seq_len)
        return fail(err, "%s: %ld tokens are fewer than one window of %ld and the token behind it", s->path, (long)s->n_token, o->seq_len);
    if (!source_scan(s, err)) return fail(err, "%s", s->path);
    if (o->mask_documents) /* then where documents end decides too what a sample is */
        for (int64_t end = 0; end < s->n_token;) {
            end = packed_document_end(s->file, end);
            s->print = digest_chain(s->print, &end, sizeof end);
        }
    return true;
}

loader *loader_open(arena *owner, const token_source *sources, int n_source, const loader_options *o, error *err) {
    loader *l = loader_new(owner, n_source, o, err);
    bool ok = l != NULL;
    for (int k = 0; ok && k < n_source; k++) {
        l->sources[k].path = sources[k].path;
        l->sources[k].weight = sources[k].weight;
        ok = source_open(owner, &l->sources[k], o, err);
    }
    if (ok && weights_settle(l, err)) return l;
    loader_close(l);
    return NULL;
}

void loader_close(loader *l) {
    for (int k = 0; l != NULL && k < l->n_source; k++) {
        if (l->sources[k].file != NULL) packed_close(l->sources[k].file);
        l->sources[k].file = NULL;
    }
}

/* ---- packing ---- */

/* Sequences of a source that are packed, in the order in which they look for room. */
static int by_rows(const void *a, const void *b) {
    const long *x = a, *y = b; /* rows, index */
    return x[0] != y[0] ? (x[0] < y[0]) - (x[0] > y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

static long (*order_of(arena *scratch, const loader *l, source *s, long n, packing *did))[2] {
    long(*order)[2] = arena_array(scratch, (size_t)n + 1, sizeof *order);
    long taken = 0;
    for (long i = 0; i < n; i++) {
        const token_sequence *q = &s->sequences[i];
        const long rows = q->n > 1 ? sequence_rows(l, q) : 0;
        long learned = 0;
        for (long j = 1; j <= rows; j++) learned += q->learned[j];
        if (learned == 0) {
            did->left_out++;
            continue;
        }
        did->sequences++;
        did->cut += rows < q->n - 1;
        did->rows += rows;
        did->learned += learned;
        order[taken][0] = rows;
        order[taken++][1] = i;
    }
    order[taken][1] = -1;
    if (l->o.shuffle) qsort(order, (size_t)taken, sizeof *order, by_rows);
    return order;
}

/* Puts each sequence into the fullest window that has room for it (shuffled), or into the last one (in order). */
static void source_pack(arena *owner, const loader *l, source *s, long n, packing *did) {
    arena scratch = {0};
    long(*order)[2] = order_of(&scratch, l, s, n, did);
    const long room = l->o.seq_len;
    long *head = NEW_ARRAY(&scratch, room + 1, long), *below = NEW_ARRAY(&scratch, n + 1, long); /* windows by the room they have left, as stacks */
    long *count = NEW_ARRAY(&scratch, n + 2, long), *window_of = NEW_ARRAY(&scratch, n + 1, long);
    for (long r = 0; r <= room; r++) head[r] = -1;
    long taken = 0, left_in_last = -1;
    for (; order[taken][1] >= 0; taken++) {
        const long rows = order[taken][0];
        long r = l->o.shuffle ? rows : left_in_last, w;
        while (l->o.shuffle && r <= room && head[r] < 0) r++;
        if (l->o.shuffle && r <= room) {
            w = head[r];
            head[r] = below[w];
        } else if (!l->o.shuffle && r >= rows) w = s->n_window - 1;
        else w = s->n_window++, r = room;
        left_in_last = r - rows;
        below[w] = head[r - rows];
        head[r - rows] = w;
        window_of[taken] = w;
        count[w]++;
        s->n_token += rows;
    }
    s->start = NEW_ARRAY(owner, s->n_window + 1, long);
    s->member = NEW_ARRAY(owner, taken + 1, long);
    for (long w = 0; w < s->n_window; w++) s->start[w + 1] = s->start[w] + count[w];
    memset(count, 0, (size_t)(n + 2) * sizeof *count);
    for (long i = 0; i < taken; i++) s->member[s->start[window_of[i]] + count[window_of[i]]++] = order[i][1];
    arena_drop(&scratch);
}

static void source_print(source *s, long n) {
    s->print = digest_of(&n, sizeof n);
    for (long i = 0; i < n; i++) {
        const token_sequence *q = &s->sequences[i];
        s->print = digest_chain(s->print, q->ids, (size_t)q->n * sizeof *q->ids);
        s->print = digest_chain(s->print, q->learned, (size_t)q->n);
        for (long j = 0; j < q->n; j++)
            if (q->ids[j] > s->largest) s->largest = q->ids[j];
    }
}

loader *loader_pack(arena *owner, const sequence_source *sources, int n_source, const loader_options *o, packing *did, error *err) {
    packing local = {0}, *to = did == NULL ? &local : did;
    *to = (packing){0};
    loader *l = loader_new(owner, n_source, o, err);
    for (int k = 0; l != NULL && k < n_source; k++) {
        source *s = &l->sources[k];
        s->path = sources[k].path;
        s->weight = sources[k].weight;
        s->sequences = sources[k].sequences;
        source_pack(owner, l, s, sources[k].n, to);
        source_print(s, sources[k].n);
        if (s->n_window == 0) return fail_null(err, "%s: nothing in it is learned", s->path);
    }
    return l != NULL && weights_settle(l, err) ? l : NULL;
}

/* ---- what is known ---- */

long loader_windows(const loader *l) {
    long n = 0;
    for (int k = 0; k < l->n_source; k++) n += l->sources[k].n_window;
    return n;
}

bool loader_agrees(const loader *l, const digest *tokenizer, long vocab_size, error *err) {
    for (int k = 0; k < l->n_source; k++) {
        const source *s = &l->sources[k];
        digest made_by;
        int32_t rows;
        if (tokenizer != NULL && s->file != NULL && packed_tokenizer(s->file, &made_by, &rows) && !digest_equal(made_by, *tokenizer))
            return fail(err, "%s: it was packed with another tokenizer than the model's; pack the text anew with the model's", s->path);
        if (s->largest >= vocab_size) return fail(err, "%s: it holds id %d; the model has %ld rows, 0 to %ld", s->path, s->largest, vocab_size, vocab_size - 1);
    }
    return true;
}

digest loader_fingerprint(const loader *l) {
    const int64_t form[] = {l->o.seq_len, l->o.shuffle, l->o.mask_documents, l->n_source};
    digest d = digest_of(form, sizeof form);
    for (int k = 0; k < l->n_source; k++) {
        d = digest_chain(d, &l->sources[k].print, sizeof l->sources[k].print);
        d = digest_chain(d, &l->sources[k].weight, sizeof l->sources[k].weight);
    }
    return d;
}
