/* The first pieces: single characters, and substrings of words by how often they stand in the text times their length. The
 * substrings come from the suffixes of all words in sorted order: a run of suffixes that agree in their first characters is a
 * node of the suffix tree, and a substring that no node ends at is always followed by the same character, so the longer one
 * stands for it (what a whole word is, counts too). No piece crosses words, so suffixes are sorted no further than a piece can
 * be long. They are sorted apart by their first two bytes, in parallel; no node spans two such buckets, since a substring has
 * two characters at least. */
#include "base/parallel.h"
#include "base/string.h"
#include "text/unigram_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 16, SCORES = 1 << 13 };

typedef struct suffix {
    uint32_t at, word;
} suffix;

typedef struct candidate {
    uint64_t score;
    uint32_t at, length, characters;
} candidate;

typedef struct seeder {
    const unigram_words *words;
    const volatile int *stop;
    suffix *suffix;
    size_t *begin;        /* of each bucket [BUCKETS + 1] */
    uint32_t most_length; /* characters */
    uint64_t *histogram;  /* how many nodes have a score of each class */
    uint64_t least;       /* scores from here on are candidates */
    candidate *found;     /* room for all of them; NULL: scores are only counted */
    size_t n_found;
} seeder;

/* --- sorting ------------------------------------------------------------------------------------------------------------------ */
typedef struct keyed {
    uint64_t key; /* the next eight bytes, first one highest; WORD_END from the end of the word on */
    suffix of;
} keyed;

static uint64_t key_at(const unsigned char *text) {
    uint64_t key;
    memcpy(&key, text, sizeof key);
    key = __builtin_bswap64(key);
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7fULL, ends = ((key & low7) + 0x0101010101010101ULL) & key & ~low7; /* bit 7 of bytes that are 0xff */
    return ends == 0 ? key : key | UINT64_MAX >> __builtin_clzll(ends);
}

static void keyed_swap(keyed *x, size_t i, size_t j) {
    const keyed kept = x[i];
    x[i] = x[j];
    x[j] = kept;
}

static void keyed_insert(keyed *x, size_t n) {
    for (size_t i = 1; i < n; i++) {
        const keyed e = x[i];
        size_t at = i;
        for (; at > 0 && x[at - 1].key > e.key; at--) x[at] = x[at - 1];
        x[at] = e;
    }
}

static uint64_t middle_key(uint64_t a, uint64_t b, uint64_t c) {
    if (a > b) {
        const uint64_t kept = a;
        a = b;
        b = kept;
    }
    return c <= a ? a : c >= b ? b : c;
}

/* Sorts by the bytes from `depth` on, of which the keys are there; equal suffixes stay in any order that depends on the words
 * alone. Bentley and Sedgewick 1997, "Fast algorithms for sorting and searching strings", eight bytes at a time. */
static void keyed_sort(const unsigned char *text, keyed *x, size_t n, uint32_t depth, uint32_t deepest) {
    while (n > 1) {
        size_t low = 0, high = n;
        if (n <= 12) {
            keyed_insert(x, n);
            for (size_t i = 0; i < n; i = high) { /* runs of equal keys go on with the next bytes */
                for (high = i + 1; high < n && x[high].key == x[i].key; high++) {
                }
                if (high - i < 2 || (x[i].key & 0xff) == WORD_END || depth + 8 >= deepest) continue;
                for (size_t k = i; k < high; k++) x[k].key = key_at(text + x[k].of.at + depth + 8);
                keyed_sort(text, x + i, high - i, depth + 8, deepest);
            }
            return;
        }
        const uint64_t pivot = middle_key(x[0].key, x[n / 2].key, x[n - 1].key);
        for (size_t i = 0; i < high;) {
            if (x[i].key < pivot) keyed_swap(x, i++, low++);
            else if (x[i].key > pivot) keyed_swap(x, i, --high);
            else i++;
        }
        keyed_sort(text, x, low, depth, deepest);
        keyed_sort(text, x + high, n - high, depth, deepest);
        x += low;
        n = high - low;
        depth += 8;
        if ((pivot & 0xff) == WORD_END || depth >= deepest) return;
        for (size_t i = 0; i < n; i++) x[i].key = key_at(text + x[i].of.at + depth);
    }
}

static bool stopped(const seeder *s) {
    return s->stop != NULL && *s->stop != 0;
}

static size_t bucket_of(const unsigned char *text) {
    return (size_t)text[0] << 8 | text[1];
}

static void bucket_sort(void *context, long bucket) {
    const seeder *s = context;
    suffix *x = s->suffix + s->begin[bucket];
    const size_t n = s->begin[bucket + 1] - s->begin[bucket];
    if (n < 2 || stopped(s)) return;
    arena memory = {0};
    keyed *k = NEW_ARRAY(&memory, n, keyed);
    for (size_t i = 0; i < n; i++) k[i] = (keyed){key_at(s->words->text + x[i].at), x[i]};
    keyed_sort(s->words->text, k, n, 0, (s->most_length + 1) * 4);
    for (size_t i = 0; i < n; i++) x[i] = k[i].of;
    arena_drop(&memory);
}

/* All suffixes that begin with a character and have two at least, by bucket. */
static void suffixes_place(seeder *s, arena *owner) {
    const unigram_words *w = s->words;
    s->begin = NEW_ARRAY(owner, BUCKETS + 1, size_t);
    size_t *next = NEW_ARRAY(owner, BUCKETS, size_t);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < w->n; i++)
            for (uint32_t at = w->begin[i], end = w->begin[i + 1] - 1; at < end; at += character_bytes(w->text[at])) {
                if (at + character_bytes(w->text[at]) == end) continue;
                const size_t bucket = bucket_of(w->text + at);
                if (pass == 0) s->begin[bucket + 1]++;
                else s->suffix[next[bucket]++] = (suffix){at, (uint32_t)i};
            }
        if (pass == 1) break;
        for (size_t b = 0; b < BUCKETS; b++) s->begin[b + 1] += next[b] = s->begin[b];
        s->suffix = NEW_ARRAY(owner, s->begin[BUCKETS], suffix);
    }
}

/* --- nodes -------------------------------------------------------------------------------------------------------------------- */
/* Classes of scores: as fine as it takes to keep about as many as are wanted. */
static size_t score_class(uint64_t score) {
    if (score < 256) return (size_t)score;
    const int top = 63 - __builtin_clzll(score);
    return (size_t)(top - 6) * 128 + (size_t)(score >> (top - 7) & 127);
}

static uint64_t class_least(size_t class) {
    return class < 256 ? class : (uint64_t)(128 + class % 128) << (class / 128 - 1);
}

typedef struct node {
    uint32_t at, depth; /* where its substring stands; characters of it */
    uint32_t n;         /* suffixes that begin with it */
    uint64_t weight;    /* how often they stand in the text */
    bool whole;         /* it is a word */
} node;

/* Buckets are done in any order: what they find is sorted later. */
static void node_found(seeder *s, const node *x) {
    if (x->depth < 2 || x->depth > s->most_length || x->weight < 2 || (x->n < 2 && !x->whole)) return;
    const uint64_t score = x->weight * x->depth;
    if (s->found == NULL) {
        __atomic_fetch_add(&s->histogram[score_class(score)], 1, __ATOMIC_RELAXED);
        return;
    }
    if (score < s->least) return;
    uint32_t length = 0;
    for (uint32_t i = 0; i < x->depth; i++) length += character_bytes(s->words->text[x->at + length]);
    s->found[__atomic_fetch_add(&s->n_found, 1, __ATOMIC_RELAXED)] = (candidate){score, x->at, length, x->depth};
}

/* Characters that two suffixes have in common, `most` at most; of a suffix with itself: how many it has. */
static uint32_t common_characters(const unsigned char *a, const unsigned char *b, uint32_t most) {
    uint32_t n = 0;
    while (n < most && *a != WORD_END) {
        const uint32_t bytes = character_bytes(*a);
        for (uint32_t i = 0; i < bytes; i++)
            if (a[i] != b[i]) return n;
        a += bytes;
        b += bytes;
        n++;
    }
    return n;
}

/* Walks the bucket's nodes with the open ones on a stack. */
static void bucket_nodes(void *context, long bucket) {
    seeder *s = context;
    const unigram_words *w = s->words;
    const suffix *x = s->suffix + s->begin[bucket];
    const size_t n = s->begin[bucket + 1] - s->begin[bucket];
    const uint32_t deepest = s->most_length + 1; /* no piece is that long */
    node stack[LONGEST_PIECE + 3] = {{0}};       /* by depth; the first one is the empty substring */
    size_t top = 0;
    for (size_t i = 0; n > 0 && i <= n && !stopped(s); i++) {
        const uint32_t common = i > 0 && i < n ? common_characters(w->text + x[i - 1].at, w->text + x[i].at, deepest) : 0;
        node child = {0};
        while (stack[top].depth > common) {
            stack[top].n += child.n;
            stack[top].weight += child.weight;
            child = stack[top--];
            node_found(s, &child);
        }
        if (stack[top].depth < common) stack[++top] = (node){.at = child.at, .depth = common};
        stack[top].n += child.n;
        stack[top].weight += child.weight;
        if (i == n) break;
        const uint32_t depth = common_characters(w->text + x[i].at, w->text + x[i].at, deepest);
        if (stack[top].depth < depth) stack[++top] = (node){.at = x[i].at, .depth = depth};
        stack[top].n++;
        stack[top].weight += (uint64_t)w->count[x[i].word];
        stack[top].whole = stack[top].whole || x[i].at == w->begin[x[i].word];
    }
}

/* --- the pieces --------------------------------------------------------------------------------------------------------------- */
static int by_score(const void *a, const void *b, void *text) {
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    const int order = memcmp((const char *)text + x->at, (const char *)text + y->at, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static int by_bytes(const void *a, const void *b) {
    const unigram_piece *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* The best nodes, `most` at most, by falling score. */
static candidate *substrings_find(arena *owner, seeder *s, size_t most, size_t *n) {
    s->histogram = NEW_ARRAY(owner, SCORES, uint64_t);
    suffixes_place(s, owner);
    parallel_for(BUCKETS, bucket_sort, s);
    parallel_for(BUCKETS, bucket_nodes, s);
    size_t class = SCORES, room = 0;
    while (class > 0 && room < most) room += s->histogram[--class];
    s->least = class_least(class);
    s->found = NEW_ARRAY(owner, room, candidate);
    parallel_for(BUCKETS, bucket_nodes, s);
    qsort_r(s->found, s->n_found, sizeof *s->found, by_score, s->words->text);
    *n = s->n_found < most ? s->n_found : most;
    return s->found;
}

/* How often each character stands in the text; those of the alphabet once at least. */
static int64_t *characters_count(arena *owner, const unigram_words *w, const char *alphabet, size_t *n) {
    int64_t *count = NEW_ARRAY(owner, 0x110000, int64_t);
    *n = 0;
    for (size_t at = 0, end = alphabet != NULL ? strlen(alphabet) : 0; at < end;) {
        int64_t *c = &count[utf8_next(alphabet, end, &at)];
        if (*c == 0) ++*n;
        *c = 1;
    }
    for (size_t i = 0; i < w->n; i++)
        for (size_t at = w->begin[i], end = w->begin[i + 1] - 1; at < end;) {
            int64_t *c = &count[utf8_next((const char *)w->text, end, &at)];
            if (*c == 0) ++*n;
            *c += w->count[i];
        }
    return count;
}

bool unigram_seed(arena *owner, const unigram_words *words, const unigram_learning *o, unigram_pieces *out, error *err) {
    arena scratch = {0};
    size_t n_character, n_substring = 0;
    const int64_t *count = characters_count(&scratch, words, o->alphabet, &n_character);
    if (n_character > o->n_piece) {
        arena_drop(&scratch);
        return fail(err, "the text has %zu different characters, and there is room for %zu pieces", n_character, o->n_piece);
    }
    seeder s = {.words = words, .stop = o->stop, .most_length = o->most_length};
    const size_t most = o->seed_size > n_character ? o->seed_size - n_character : 0;
    const candidate *best = substrings_find(&scratch, &s, most, &n_substring);
    out->piece = NEW_ARRAY(owner, n_character + n_substring, unigram_piece);
    out->n = 0;
    double sum = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (count[c] == 0) continue;
        string text = {0};
        string_utf8(&text, c);
        out->piece[out->n++] = (unigram_piece){arena_copy_bytes(owner, text.data, text.length), (uint32_t)text.length, 1, (double)count[c]};
        string_drop(&text);
        sum += (double)count[c];
    }
    for (size_t i = 0; i < n_substring; i++) {
        const char *text = arena_copy_bytes(owner, words->text + best[i].at, best[i].length);
        out->piece[out->n++] = (unigram_piece){text, best[i].length, best[i].characters, (double)best[i].score};
        sum += (double)best[i].score;
    }
    for (size_t i = 0; i < out->n; i++) out->piece[i].score = log(out->piece[i].score / sum);
    qsort(out->piece, out->n, sizeof *out->piece, by_bytes);
    arena_drop(&scratch);
    return true;
}
