/* Stage `dedup`: of documents that are equal, or nearly so, the first stays. Near duplicates by MinHash and banding (14 buckets of
 * 8 hashes, as FineWeb): documents whose 8 hashes of one bucket all agree are the same; what repeats a repeat counts too. With
 * `similarity` the share of equal hashes must reach it as well. */
#include "base/hash.h"
#include "curate/minhash.h"
#include "curate/stage.h"

#include <math.h>
#include <string.h>

typedef struct dedup_settings {
    bool exact, near;
    double similarity;
    const char *language;
} dedup_settings;

static void dedup_options(void *settings, option *table) {
    dedup_settings *o = settings;
    *o = (dedup_settings){true, true, 0, "en"};
    table[0] = (option){"exact", 0, OPT_FLAG, &o->exact, .help = "drop documents with the very text of an earlier one"};
    table[1] = (option){"near", 0, OPT_FLAG, &o->near, .help = "drop near duplicates of an earlier one"};
    table[2] = (option){"similarity", 0,        OPT_REAL, &o->similarity, .help = "least likeness of 5-grams (estimated), 0: what the buckets say (about 0.72)",
                        .least = 0,   .most = 1};
    table[3] = (option){"language", 0, OPT_TEXT, &o->language, .help = "where no stage language came before"};
}

typedef struct dedup_note {
    digest text;
    bool signed_;
    uint64_t bucket[MINHASH_BUCKETS];
    uint32_t sketch[MINHASH_HASHES];
} dedup_note;

typedef struct dedup_document {
    const char *id;
    uint32_t *sketch; /* NULL: too short, or not compared */
    int64_t root;     /* the document that stays for it; its own number where it stays */
} dedup_document;

typedef struct dedup_state {
    map *texts, *buckets; /* digest, (bucket's number, its hashes) -> number of the first document */
    dedup_document *document;
    size_t n, room;
} dedup_state;

static bool dedup_prepare(stage *s, error *err) {
    dedup_state *state = NEW(s->owner, dedup_state);
    s->state = state;
    state->texts = map_new(s->owner, 1024);
    state->buckets = map_new(s->owner, 1024);
    return true;
}

static bool dedup_judge(const stage *s, judged *j, error *err) {
    const dedup_settings *o = s->settings;
    dedup_note *note = NEW(j->owner, dedup_note);
    spans words = {0};
    if (note == NULL) return fail(err, "the document needs more memory than it may take");
    j->note = note;
    note->text = digest_of(j->d->text, j->d->n);
    if (!o->near) return true;
    if (!minhash_words(j->scratch, j->d->text, j->d->n, document_language(j->d, j->scratch, o->language), &words))
        return fail(err, "the document needs more memory than it may take");
    uint64_t signature[MINHASH_HASHES];
    note->signed_ = minhash_signature(j->scratch, &words, signature);
    if (!note->signed_) return true;
    for (int b = 0; b < MINHASH_BUCKETS; b++) note->bucket[b] = hash64(signature + b * MINHASH_ROWS, MINHASH_ROWS * sizeof *signature, (uint64_t)b);
    for (int i = 0; i < MINHASH_HASHES; i++) note->sketch[i] = (uint32_t)signature[i];
    return true;
}

static double likeness(const uint32_t *a, const uint32_t *b) {
    int equal = 0;
    for (int i = 0; i < MINHASH_HASHES; i++) equal += a[i] == b[i];
    return (double)equal / MINHASH_HASHES;
}

/* The number of this document in the state; its entries in the tables lead to `root`. */
static bool dedup_add(stage *s, const judged *j, int64_t root) {
    const dedup_settings *o = s->settings;
    dedup_state *state = s->state;
    const dedup_note *note = j->note;
    if (state->n == state->room) {
        const size_t room = state->room == 0 ? 1024 : state->room * 2;
        state->document = arena_grow(s->owner, state->document, sizeof *state->document * state->n, sizeof *state->document * room);
        state->room = room;
    }
    const int64_t number = (int64_t)state->n++;
    dedup_document *d = &state->document[number];
    *d = (dedup_document){.id = root < 0 ? arena_copy(s->owner, j->d->id) : NULL, .root = root < 0 ? number : root};
    if (note->signed_) d->sketch = (uint32_t *)arena_copy_bytes(s->owner, note->sketch, sizeof note->sketch);
    bool is_new;
    int64_t *place = map_put(state->texts, &note->text, sizeof note->text, &is_new);
    if (is_new) *place = number;
    for (int b = 0; o->near && note->signed_ && b < MINHASH_BUCKETS; b++) {
        const uint64_t key[2] = {(uint64_t)b, note->bucket[b]};
        place = map_put(state->buckets, key, sizeof key, &is_new);
        if (is_new) *place = number;
    }
    return true;
}

static bool dedup_compare(stage *s, judged *j, error *err) {
    const dedup_settings *o = s->settings;
    dedup_state *state = s->state;
    const dedup_note *note = j->note;
    const int64_t *same = o->exact ? map_get(state->texts, &note->text, sizeof note->text) : NULL;
    if (same != NULL) {
        j->v = (verdict){.rule = "exact_duplicate", .value = 1, .threshold = 1, .of = state->document[state->document[*same].root].id};
        return true; /* all its entries are there */
    }
    int64_t root = -1;
    for (int b = 0; o->near && note->signed_ && b < MINHASH_BUCKETS && root < 0; b++) {
        const uint64_t key[2] = {(uint64_t)b, note->bucket[b]};
        const int64_t *twin = map_get(state->buckets, key, sizeof key);
        if (twin == NULL) continue;
        const double like = likeness(state->document[*twin].sketch, note->sketch);
        if (like < o->similarity) continue;
        root = state->document[*twin].root;
        const double edge = pow(1.0 / MINHASH_BUCKETS, 1.0 / MINHASH_ROWS);
        j->v = (verdict){.rule = "near_duplicate", .value = like, .threshold = o->similarity > 0 ? o->similarity : edge, .of = state->document[root].id};
    }
    return dedup_add(s, j, root);
}

const stage_kind stage_dedup = {.name = "dedup",
                                .summary = "exact duplicates, and near ones by MinHash; the first stays",
                                .size = sizeof(dedup_settings),
                                .options = dedup_options,
                                .prepare = dedup_prepare,
                                .judge = dedup_judge,
                                .compare = dedup_compare};
