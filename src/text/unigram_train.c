#include "text/unigram_train.h"

#include "base/log.h"
#include "base/parallel.h"
#include "base/string.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words are worked on in PARTS parts of about as many bytes, whose sums are added in order. A word longer than LONGEST_WORD is
 * cut: what it costs to look at one is bounded. */
enum { PARTS = 16, LONGEST_WORD = 1024 };

typedef struct learner {
    const unigram_learning *o;
    unigram_words words;
    size_t part[PARTS + 1]; /* first word of each */
    unigram_pieces pieces;  /* by bytes */
    piece_trie trie;
    double *probability; /* of each piece */
    /* what a pass over the words leaves, by part */
    double *expected[PARTS]; /* how often each piece stands in the text */
    double objective[PARTS]; /* sum of the words' log-likelihoods */
    double *loss;            /* of each piece: what the text loses without it */
    const double *frequency; /* of each piece in the best cuts, and their sum */
    double sum;
    arena memory; /* of this round */
} learner;

static bool stopped(const learner *l) {
    return l->o->stop != NULL && *l->o->stop != 0;
}

/* --- words -------------------------------------------------------------------------------------------------------------------- */
/* Which characters get pieces: the most frequent ones, until they are the share `coverage` of the text. */
typedef struct character {
    int64_t count;
    uint32_t code;
} character;

static int by_count(const void *a, const void *b) {
    const character *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static bool *characters_cover(arena *owner, const word_map *maps, size_t n_map, const unigram_learning *o) {
    bool *covered = NEW_ARRAY(owner, 0x110000, bool);
    character *all = NEW_ARRAY(owner, 0x110000, character);
    double total = 0, sum = 0;
    for (uint32_t c = 0; c < 0x110000; c++) all[c].code = c;
    for (size_t k = 0; k < n_map; k++)
        for (size_t i = 0; i < maps[k].n; i++)
            for (size_t at = 0; at < maps[k].entry[i].n;) {
                all[utf8_next(maps[k].entry[i].text, maps[k].entry[i].n, &at)].count += maps[k].entry[i].count;
                total += (double)maps[k].entry[i].count;
            }
    qsort(all, 0x110000, sizeof *all, by_count);
    for (size_t i = 0; i < 0x110000 && all[i].count > 0 && (o->coverage >= 1 || sum < o->coverage * total); i++) {
        covered[all[i].code] = true;
        sum += (double)all[i].count;
    }
    for (size_t at = 0, n = o->alphabet != NULL ? strlen(o->alphabet) : 0; at < n;) covered[utf8_next(o->alphabet, n, &at)] = true;
    return covered;
}

static void word_put(unigram_words *w, const char *text, size_t n, int64_t count) {
    if (n == 0) return;
    memcpy(w->text + w->bytes, text, n);
    w->count[w->n] = count;
    w->begin[w->n++] = (uint32_t)w->bytes;
    w->bytes += n;
    w->text[w->bytes++] = WORD_END;
    w->begin[w->n] = (uint32_t)w->bytes;
}

/* Calls word_put for the parts of a word between characters that have no piece; `w` NULL: only counts them, and their bytes. */
static void word_cut(unigram_words *w, const word_entry *e, const bool *covered, size_t *n_word, size_t *n_byte) {
    size_t begin = 0;
    for (size_t at = 0, next = 0; begin < e->n; at = next) {
        const bool has = at < e->n && covered[utf8_next(e->text, e->n, &next)];
        if (has && next - begin <= LONGEST_WORD) continue;
        if (at > begin) {
            if (w != NULL) word_put(w, e->text + begin, at - begin, e->count);
            ++*n_word;
            *n_byte += at - begin + 1;
        }
        begin = has ? at : next > at ? next : e->n;
    }
}

/* Empties the maps. */
static bool words_flatten(unigram_words *w, word_map *maps, size_t n_map, const unigram_learning *o, error *err) {
    arena scratch = {0};
    const bool *covered = characters_cover(&scratch, maps, n_map, o);
    size_t n_word = 0, n_byte = 0;
    for (size_t k = 0; k < n_map; k++)
        for (size_t i = 0; i < maps[k].n; i++) word_cut(NULL, &maps[k].entry[i], covered, &n_word, &n_byte);
    const bool ok = n_byte + WORD_PADDING < UINT32_MAX || fail(err, "the distinct words are %zu MB of text: more than 4 GB", n_byte >> 20);
    if (ok) {
        w->text = (unsigned char *)arena_alloc(&w->memory, n_byte + WORD_PADDING);
        w->begin = NEW_ARRAY(&w->memory, n_word + 1, uint32_t);
        w->count = NEW_ARRAY(&w->memory, n_word, int64_t);
    }
    for (size_t k = 0; k < n_map; k++) {
        for (size_t i = 0; ok && i < maps[k].n; i++) word_cut(w, &maps[k].entry[i], covered, &n_word, &n_byte);
        word_map_drop(&maps[k]);
    }
    if (ok) memset(w->text + w->bytes, WORD_END, WORD_PADDING);
    arena_drop(&scratch);
    return ok;
}

static void parts_divide(learner *l) {
    const unigram_words *w = &l->words;
    size_t at = 0;
    for (size_t p = 0; p < PARTS; p++) {
        l->part[p] = at;
        while (at < w->n && w->begin[at] < w->bytes / PARTS * (p + 1)) at++;
    }
    l->part[PARTS] = w->n;
}

/* --- a pass over the words ------------------------------------------------------------------------------------------------------ */
/* A piece that stands in a word: text[from..to). */
typedef struct edge {
    uint16_t from, to;
    int32_t piece;
} edge;

/* A sum of products of probabilities, which would leave what a double can hold: value * 2^-(LIFT * lifts). */
enum { LIFT = 400 };
typedef struct scaled {
    double value;
    int lifts;
} scaled;

/* Room for one word. */
typedef struct lattice {
    edge edge[LONGEST_WORD * LONGEST_PIECE]; /* by from */
    size_t n;
    scaled ahead[LONGEST_WORD + 1];  /* of all ways from the beginning to a position */
    scaled behind[LONGEST_WORD + 1]; /* of all ways from a position to the end */
    double best[LONGEST_WORD + 1];   /* logarithm of the best way to a position */
    uint32_t by[LONGEST_WORD + 1];   /* its last edge */
} lattice;

static void edges_find(const learner *l, const unsigned char *text, uint32_t n, lattice *t) {
    t->n = 0;
    for (uint32_t from = 0; from < n; from += character_bytes(text[from])) {
        int32_t node = 0;
        for (uint32_t at = from; at < n && (node = piece_trie_step(&l->trie, node, text[at])) >= 0;) {
            at++;
            const int32_t piece = l->trie.cell[node].piece;
            if (piece >= 0) t->edge[t->n++] = (edge){(uint16_t)from, (uint16_t)at, piece};
        }
    }
}

static inline void scaled_add(scaled *sum, double value, int lifts) {
    if (lifts != sum->lifts) {
        const int more = LIFT * (lifts - sum->lifts);
        if (sum->value == 0) sum->lifts = lifts;
        else if (more > 0) value = ldexp(value, -more);
        else {
            sum->value = ldexp(sum->value, more);
            sum->lifts = lifts;
        }
    }
    sum->value += value;
}

static inline void scaled_lift(scaled *sum) {
    if (sum->value >= 0x1p-400 || sum->value == 0) return;
    sum->value *= 0x1p400;
    sum->lifts++;
}

/* Adds to `expected` how often each piece stands in a word of n bytes, over all its cuts by their probability; returns the
 * logarithm of their sum. */
static double word_expect(const learner *l, lattice *t, uint32_t n, double count, double *expected) {
    for (uint32_t i = 0; i <= n; i++) t->ahead[i] = t->behind[i] = (scaled){0};
    t->ahead[0].value = t->behind[n].value = 1;
    for (size_t k = 0; k < t->n; k++) {
        const edge e = t->edge[k];
        if (k == 0 || e.from != t->edge[k - 1].from) scaled_lift(&t->ahead[e.from]);
        scaled_add(&t->ahead[e.to], t->ahead[e.from].value * l->probability[e.piece], t->ahead[e.from].lifts);
    }
    const scaled total = t->ahead[n];
    for (size_t k = t->n; k-- > 0;) {
        const edge e = t->edge[k];
        const double rest = l->probability[e.piece] * t->behind[e.to].value;
        const int lifts = t->ahead[e.from].lifts + t->behind[e.to].lifts - total.lifts;
        double share = t->ahead[e.from].value / total.value * rest; /* in this order: the product alone might be too small */
        if (lifts != 0) share = ldexp(share, -LIFT * lifts);
        expected[e.piece] += share * count;
        scaled_add(&t->behind[e.from], rest, t->behind[e.to].lifts);
        if (k == 0 || t->edge[k - 1].from != e.from) scaled_lift(&t->behind[e.from]);
    }
    return log(total.value) - total.lifts * LIFT * log(2);
}

/* The best cut of a word into pieces other than `without` (-1: any): its logarithm; t->by holds it. -INFINITY: there is none. */
static double word_best(const learner *l, lattice *t, uint32_t n, int32_t without) {
    double *best = t->best;
    for (uint32_t i = 1; i <= n; i++) best[i] = -INFINITY;
    best[0] = 0;
    for (size_t k = 0; k < t->n; k++) {
        const edge e = t->edge[k];
        const double score = best[e.from] + l->pieces.piece[e.piece].score;
        if (score <= best[e.to] || e.piece == without) continue;
        best[e.to] = score;
        t->by[e.to] = (uint32_t)k;
    }
    return best[n];
}

static void part_expect(void *context, long part) {
    learner *l = context;
    arena scratch = {0};
    lattice *t = NEW(&scratch, lattice);
    double objective = 0;
    for (size_t i = l->part[part]; i < l->part[part + 1] && !stopped(l); i++) {
        const uint32_t begin = l->words.begin[i], n = l->words.begin[i + 1] - 1 - begin;
        edges_find(l, l->words.text + begin, n, t);
        objective += (double)l->words.count[i] * word_expect(l, t, n, (double)l->words.count[i], l->expected[part]);
    }
    l->objective[part] = objective;
    arena_drop(&scratch);
}

static void part_best(void *context, long part) {
    learner *l = context;
    arena scratch = {0};
    lattice *t = NEW(&scratch, lattice);
    for (size_t i = l->part[part]; i < l->part[part + 1] && !stopped(l); i++) {
        const uint32_t begin = l->words.begin[i], n = l->words.begin[i + 1] - 1 - begin;
        edges_find(l, l->words.text + begin, n, t);
        word_best(l, t, n, -1);
        for (uint32_t at = n; at > 0; at = t->edge[t->by[at]].from) l->expected[part][t->edge[t->by[at]].piece] += (double)l->words.count[i];
    }
    arena_drop(&scratch);
}

/* Runs a pass and adds its parts; what it returns is there until the next pass. */
static double *words_pass(learner *l, void (*pass)(void *context, long part)) {
    arena_reset(&l->memory);
    for (size_t p = 0; p < PARTS; p++) l->expected[p] = NEW_ARRAY(&l->memory, l->pieces.n, double);
    parallel_for(PARTS, pass, l);
    for (size_t p = 1; p < PARTS; p++)
        for (size_t i = 0; i < l->pieces.n; i++) l->expected[0][i] += l->expected[p][i];
    return l->expected[0];
}

/* --- rounds --------------------------------------------------------------------------------------------------------------------- */
/* The derivative of the logarithm of the gamma function, x > 0: by its recurrence up to 7, then the asymptotic series. */
static double digamma(double x) {
    double result = 0;
    for (; x < 7; x += 1) result -= 1 / x;
    x -= 0.5;
    const double square = 1 / (x * x);
    return result + log(x) + square * (1.0 / 24 - square * (7.0 / 960 - square * (31.0 / 8064 - square * (127.0 / 30720))));
}

/* The trie and the probabilities of the pieces as they are now. */
static void pieces_changed(learner *l) {
    piece_trie_build(&l->trie, l->pieces.piece, l->pieces.n);
    for (size_t i = 0; i < l->pieces.n; i++) l->probability[i] = exp(l->pieces.piece[i].score);
}

/* One step of expectation-maximization, in the Bayesian form that favours few pieces (a Dirichlet process's variational bound).
 * Pieces that hardly stand in the text go, characters stay. Returns the mean log-likelihood of a word. */
static double expectation_maximization(learner *l) {
    const double *expected = words_pass(l, part_expect);
    double sum = 0, likelihood = 0, weight = 0;
    size_t kept = 0;
    for (size_t i = 0; i < l->pieces.n && !stopped(l); i++) {
        double frequency = expected[i];
        if (frequency < 0.5 && l->pieces.piece[i].characters > 1) continue;
        if (frequency < 0.5) frequency = 0.5;
        l->pieces.piece[kept] = l->pieces.piece[i];
        l->pieces.piece[kept++].score = digamma(frequency);
        sum += frequency;
    }
    l->pieces.n = kept;
    for (size_t i = 0; i < kept; i++) l->pieces.piece[i].score -= digamma(sum);
    for (size_t p = 0; p < PARTS; p++) likelihood += l->objective[p];
    for (size_t i = 0; i < l->words.n; i++) weight += (double)l->words.count[i];
    pieces_changed(l);
    return likelihood / weight;
}

enum { LOSS_BLOCK = 4096 };

/* What the text's log-likelihood loses without a piece: its places go to the best cut of itself into others. A piece that stands
 * nowhere loses nothing; one that has no other cut cannot be spared. */
static void block_loss(void *context, long block) {
    learner *l = context;
    arena scratch = {0};
    lattice *t = NEW(&scratch, lattice);
    const size_t begin = (size_t)block * LOSS_BLOCK, end = begin + LOSS_BLOCK < l->pieces.n ? begin + LOSS_BLOCK : l->pieces.n;
    for (size_t i = begin; i < end; i++) {
        const unigram_piece *x = &l->pieces.piece[i];
        const double frequency = l->frequency[i];
        l->loss[i] = x->characters == 1 ? INFINITY : 0;
        if (frequency == 0 || x->characters == 1) continue;
        edges_find(l, (const unsigned char *)x->text, x->length, t);
        if (word_best(l, t, x->length, (int32_t)i) == -INFINITY) {
            l->loss[i] = INFINITY;
            continue;
        }
        double n = 0, other = 0;
        for (uint32_t at = x->length; at > 0; at = t->edge[t->by[at]].from) n++;
        const double sum = log(l->sum + frequency * (n - 1));
        for (uint32_t at = x->length; at > 0; at = t->edge[t->by[at]].from) other += log(l->frequency[t->edge[t->by[at]].piece] + frequency) - sum;
        l->loss[i] = frequency * (log(frequency) - log(l->sum) - other);
    }
    arena_drop(&scratch);
}

typedef struct ranked {
    double value;
    size_t piece;
} ranked;

static int by_value(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return (x->piece > y->piece) - (x->piece < y->piece);
}

/* Leaves the `most` pieces of the highest values; of equals those whose bytes come first. */
static void pieces_keep(learner *l, const double *value, size_t most) {
    ranked *order = NEW_ARRAY(&l->memory, l->pieces.n, ranked);
    bool *keep = NEW_ARRAY(&l->memory, l->pieces.n, bool);
    for (size_t i = 0; i < l->pieces.n; i++) order[i] = (ranked){value[i], i};
    qsort(order, l->pieces.n, sizeof *order, by_value);
    for (size_t i = 0; i < most && i < l->pieces.n; i++) keep[order[i].piece] = true;
    size_t kept = 0;
    for (size_t i = 0; i < l->pieces.n; i++)
        if (keep[i]) l->pieces.piece[kept++] = l->pieces.piece[i];
    l->pieces.n = kept;
}

static void pieces_prune(learner *l, size_t most) {
    l->frequency = words_pass(l, part_best);
    l->loss = NEW_ARRAY(&l->memory, l->pieces.n, double);
    l->sum = 0;
    for (size_t i = 0; i < l->pieces.n; i++) l->sum += l->frequency[i];
    parallel_for((long)((l->pieces.n + LOSS_BLOCK - 1) / LOSS_BLOCK), block_loss, l);
    pieces_keep(l, l->loss, most);
    pieces_changed(l);
}

static bool rounds_run(learner *l, error *err) {
    const size_t wanted = l->o->n_piece, nearly = wanted + wanted / 10, first = l->pieces.n;
    progress p;
    progress_start(&p, "learning pieces", "pieces", (double)(first > nearly ? first - nearly : 0));
    l->probability = NULL;
    arena memory = {0};
    l->probability = NEW_ARRAY(&memory, l->pieces.n, double);
    pieces_changed(l);
    for (bool done = false; !done && !stopped(l);) {
        char note[64];
        double likelihood = 0;
        for (int i = 0; i < l->o->sub_iterations && !stopped(l); i++) likelihood = expectation_maximization(l);
        snprintf(note, sizeof note, "%zu left, log-likelihood of a word %.4f", l->pieces.n, likelihood);
        progress_at(&p, (double)(first - l->pieces.n), note);
        done = l->pieces.n <= nearly;
        if (done || stopped(l)) break;
        const size_t fewer = (size_t)((double)l->pieces.n * l->o->shrinking);
        pieces_prune(l, fewer > nearly ? fewer : nearly);
    }
    if (!stopped(l) && l->pieces.n > wanted) pieces_prune(l, wanted);
    progress_end(&p, NULL);
    arena_drop(&memory);
    return !stopped(l) || fail(err, "stopped");
}

static int by_score(const void *a, const void *b) {
    const unigram_piece *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    const int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

bool unigram_learn(arena *owner, word_map *words, size_t n_map, const unigram_learning *o, unigram_pieces *out, error *err) {
    learner l = {.o = o};
    arena seeds = {0};
    bool ok = words_flatten(&l.words, words, n_map, o, err) && unigram_seed(&seeds, &l.words, o, &l.pieces, err);
    if (ok && stopped(&l)) ok = fail(err, "stopped");
    if (ok) {
        parts_divide(&l);
        ok = rounds_run(&l, err);
    }
    *out = (unigram_pieces){0};
    if (ok) {
        out->n = l.pieces.n;
        out->piece = NEW_ARRAY(owner, out->n, unigram_piece);
        for (size_t i = 0; i < out->n; i++) {
            out->piece[i] = l.pieces.piece[i];
            out->piece[i].text = arena_copy_bytes(owner, out->piece[i].text, out->piece[i].length);
        }
        qsort(out->piece, out->n, sizeof *out->piece, by_score);
    }
    piece_trie_drop(&l.trie);
    arena_drop(&l.memory);
    arena_drop(&l.words.memory);
    arena_drop(&seeds);
    return ok;
}
