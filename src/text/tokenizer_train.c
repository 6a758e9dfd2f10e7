#include "text/tokenizer_train.h"

#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "text/foreign.h"
#include "text/normalize.h"
#include "text/pattern.h"
#include "text/split.h"
#include "text/tokenizer_train_inner.h"

#include <stdlib.h>
#include <string.h>

/* Documents are cut into pieces, where no word can cross; each SLOTS-th piece of a batch is counted by the same map, and these
 * are added, slot by slot, to the words of the whole text, which lie in SHARDS maps by their hash. So neither the order nor the
 * counts depend on threads, and a batch is as many pieces as it takes, however the text comes. */
enum { SLOTS = 16, SHARDS = 16, BATCH = 8 << 20, PIECE = 256 << 10, LONGEST_PIECE_OF_TEXT = 4 << 20 };

typedef struct piece {
    size_t begin, end;
    bool first; /* of its document */
} piece;

typedef struct counter {
    word_map words;
    size_t begin[SHARDS + 1]; /* of each shard in `order` */
    uint32_t *order;          /* the words by shard */
    size_t room;
    arena memory; /* of `order` */
    string valid, normal, spare, marked;
    bool gave_up; /* a pattern needed more steps than it may take: the words are not those that encoding finds */
} counter;

/* A step that cuts text into words: the matches of a pattern, and what lies between them. */
typedef struct cut_step {
    split_kind scanner; /* SPLIT_COUNT: none, the regular expression is searched for */
    const pattern *regex;
} cut_step;
enum { MOST_CUT_STEPS = 16 };

struct tokenizer_trainer {
    tokenizer_training o;
    cut_step step[MOST_CUT_STEPS]; /* BPE's: each cuts what the one before left */
    size_t n_step;
    bool has_regex;
    const char *pre_tokenizer; /* the same as tokenizer.json has it */
    normalizer normalizer;
    bool normalizes;
    int64_t bytes, forgotten;
    string text;   /* what has not been counted yet */
    size_t open;   /* where the part of the document begins that is in no piece yet */
    bool inside;   /* the open document has given a piece */
    piece *pieces; /* not counted yet */
    size_t n_piece, room_piece;
    counter counters[SLOTS];
    word_map shard[SHARDS];
    size_t batch; /* pieces of the batch that is counted now */
    arena memory;
};

/* --- what is asked for ---------------------------------------------------------------------------------------------------------- */
static bool special_check(const tokenizer_training *o, error *err) {
    bool has_eos = o->eos == NULL, has_unk = o->model != TRAIN_UNIGRAM;
    for (size_t i = 0; i < o->n_special; i++) {
        const char *text = o->special[i];
        if (text[0] == 0) return fail(err, "a special token is empty");
        if (!utf8_valid(text, strlen(text))) return fail(err, "special token %.60s is not valid UTF-8", text);
        has_eos = has_eos || strcmp(text, o->eos) == 0;
        has_unk = has_unk || (o->unk != NULL && strcmp(text, o->unk) == 0);
        for (size_t j = 0; j < i; j++)
            if (strcmp(text, o->special[j]) == 0) return fail(err, "special token %.60s is there twice", text);
        if (o->byte_fallback && strlen(text) == 6 && strncmp(text, "<0x", 3) == 0) return fail(err, "special token %.60s is the name of a byte", text);
    }
    if (!has_eos) return fail(err, "the end-of-text token %.60s is not one of the special tokens", o->eos);
    if (!has_unk) return fail(err, "the unknown token %.60s is not one of the special tokens", o->unk != NULL ? o->unk : "");
    return true;
}

static bool training_check(const tokenizer_training *o, error *err) {
    if (!special_check(o, err)) return false;
    const bool bytes = o->model == TRAIN_BPE || o->byte_fallback;
    const long least = (bytes ? 256 : 1) + (long)o->n_special, most = 1 << 22;
    if (o->vocab_size < least || o->vocab_size > most)
        return fail(err, "a vocabulary of %ld: %s and %zu special tokens make %ld at least, and %ld is the most", o->vocab_size,
                    bytes ? "256 bytes" : "one piece", o->n_special, least, most);
    if (o->most_words < 0 || o->most_words > 1L << 30) return fail(err, "%ld distinct words: 1 to %ld are possible", o->most_words, 1L << 30);
    if (o->coverage < 0 || o->coverage > 1) return fail(err, "a character coverage of %g is not between 0 and 1", o->coverage);
    if (o->shrinking_factor < 0 || o->shrinking_factor >= 1) return fail(err, "a shrinking factor of %g is not between 0 and 1", o->shrinking_factor);
    if (o->max_piece_length < 0 || o->max_piece_length > LONGEST_PIECE)
        return fail(err, "pieces of %ld characters: %d is the most", o->max_piece_length, LONGEST_PIECE);
    if (o->seed_size < 0 || o->seed_size > 1 << 24) return fail(err, "%ld pieces to begin with: %d is the most", o->seed_size, 1 << 24);
    if (o->min_frequency < 0) return fail(err, "a least frequency of %ld", o->min_frequency);
    if (o->max_token_length < 0 || o->max_token_length > INT32_MAX) return fail(err, "tokens of %ld bytes", o->max_token_length);
    return true;
}

/* A component of the pre-tokenizer as a step; the one that writes bytes as characters is none by itself. */
static bool add_step(tokenizer_trainer *t, const json *v, error *err) {
    const char *type = json_get_text(v, "type", ""), *regex = NULL;
    cut_step step = {.scanner = SPLIT_COUNT};
    if (strcmp(type, "ByteLevel") == 0) {
        if (!json_get_bool(v, "use_regex", true)) return true;
        step.scanner = SPLIT_GPT2;
    } else if (strcmp(type, "Split") == 0) {
        regex = json_get_text(json_get(v, "pattern"), "Regex", "");
        step.scanner = split_by_pattern(regex, strlen(regex));
    } else if (strcmp(type, "Digits") == 0) regex = json_get_bool(v, "individual_digits", false) ? "\\p{N}" : "\\p{N}+";
    else return fail(err, "its step %s is not supported in training", type);
    if (step.scanner == SPLIT_COUNT) {
        step.regex = pattern_compile(&t->memory, regex, strlen(regex), err);
        if (step.regex == NULL) return false;
        t->has_regex = true;
    }
    if (t->n_step == MOST_CUT_STEPS) return fail(err, "it has more than %d steps", MOST_CUT_STEPS);
    t->step[t->n_step++] = step;
    return true;
}

static bool trainer_set_pattern(tokenizer_trainer *t, error *err) {
    if (t->o.pattern == NULL || t->o.pattern[0] == 0) return fail(err, "the pattern is empty");
    const word_pattern *known = word_pattern_from_option(&t->memory, t->o.pattern, err);
    if (known == NULL) return false;
    string component = {0};
    json_writer w = {.out = &component};
    word_pattern_write(known, &w);
    t->pre_tokenizer = arena_copy_bytes(&t->memory, component.data, component.length);
    const json *v = json_parse(&t->memory, component.data, component.length, err);
    string_drop(&component);
    const json *list = json_get(v, "pretokenizers");
    bool ok = v != NULL;
    if (ok && list == NULL) ok = add_step(t, v, err);
    for (size_t i = 0; ok && list != NULL && i < list->length; i++) ok = add_step(t, &list->item[i], err);
    return ok || fail(err, "pattern %.100s", t->o.pattern);
}

static bool trainer_set_normalizer(tokenizer_trainer *t, error *err) {
    string component = {0};
    bool ok =
        training_write_normalizer(t->o.normalizer, &component) || fail(err, "normalizer %.60s is not known: nmt-nfkc, nfkc and none are", t->o.normalizer);
    const json *v = ok ? json_parse(&t->memory, component.data, component.length, err) : NULL;
    ok = v != NULL && normalizer_read(&t->normalizer, &t->memory, v, err);
    t->normalizes = ok && v->type != JSON_NULL;
    string_drop(&component);
    return ok;
}

tokenizer_trainer *tokenizer_trainer_new(const tokenizer_training *o, error *err) {
    if (!training_check(o, err)) return NULL;
    arena memory = {0};
    tokenizer_trainer *t = NEW(&memory, tokenizer_trainer);
    t->memory = memory;
    t->o = *o;
    if (t->o.most_words == 0) t->o.most_words = MOST_WORDS;
    if (o->model == TRAIN_UNIGRAM ? trainer_set_normalizer(t, err) : trainer_set_pattern(t, err)) return t;
    tokenizer_trainer_drop(t);
    return NULL;
}

static void counters_drop(tokenizer_trainer *t) {
    for (size_t i = 0; i < SLOTS; i++) {
        counter *c = &t->counters[i];
        word_map_drop(&c->words);
        arena_drop(&c->memory);
        string *const strings[] = {&c->valid, &c->normal, &c->spare, &c->marked};
        for (size_t k = 0; k < COUNT(strings); k++) string_drop(strings[k]);
        *c = (counter){0};
    }
    string_drop(&t->text);
}

void tokenizer_trainer_drop(tokenizer_trainer *t) {
    if (t == NULL) return;
    counters_drop(t);
    for (size_t i = 0; i < SHARDS; i++) word_map_drop(&t->shard[i]);
    arena memory = t->memory; /* which holds t itself */
    arena_drop(&memory);
}

int64_t tokenizer_trainer_bytes(const tokenizer_trainer *t) {
    return t->bytes;
}

int64_t tokenizer_trainer_forgotten(const tokenizer_trainer *t) {
    return t->forgotten;
}

/* --- words of a piece ----------------------------------------------------------------------------------------------------------- */
static void count_word(counter *c, const char *text, size_t n) {
    if (n > 0) word_map_add(&c->words, text, n, word_hash(text, n), 1);
}

/* Cuts text by the steps from `step` on. */
static void count_by_steps(const tokenizer_trainer *t, counter *c, size_t step, const char *text, size_t n) {
    if (step == t->n_step || n == 0) {
        count_word(c, text, n);
        return;
    }
    const cut_step *cut = &t->step[step];
    size_t at = 0, begin, end;
    if (cut->scanner != SPLIT_COUNT) {
        for (; at < n; at = end) {
            end = split_next(cut->scanner, text, n, at);
            count_by_steps(t, c, step + 1, text + at, end - at);
        }
        return;
    }
    pattern_search s = pattern_search_start(cut->regex, text, n);
    for (; pattern_search_next(&s, &begin, &end); at = end) {
        count_by_steps(t, c, step + 1, text + at, begin - at);
        count_by_steps(t, c, step + 1, text + begin, end - begin);
    }
    count_by_steps(t, c, step + 1, text + at, n - at);
    c->gave_up |= s.gave_up;
    pattern_search_end(&s);
}

/* As the pre-tokenizer Metaspace does it: blanks become U+2581, one goes before the text, and each begins a word. */
static void count_by_blanks(const tokenizer_trainer *t, counter *c, const char *text, size_t n, bool first) {
    static const char blank[] = "\xe2\x96\x81";
    if (!utf8_valid(text, n)) {
        string_reset(&c->valid);
        for (size_t at = 0; at < n;) string_utf8(&c->valid, utf8_next(text, n, &at));
        text = string_chars(&c->valid);
        n = c->valid.length;
    }
    if (t->normalizes) {
        c->gave_up |= !normalize_text(&t->normalizer, text, n, &c->normal, &c->spare, NULL, 0);
        text = string_chars(&c->normal);
        n = c->normal.length;
    }
    string_reset(&c->marked);
    if (n > 0 && first && text[0] != ' ' && (n < 3 || memcmp(text, blank, 3) != 0)) string_append(&c->marked, blank, 3);
    for (size_t at = 0; at < n;) {
        const char *found = memchr(text + at, ' ', n - at);
        const size_t end = found != NULL ? (size_t)(found - text) : n;
        string_append(&c->marked, text + at, end - at);
        if (found != NULL) string_append(&c->marked, blank, 3);
        at = end + 1;
    }
    const char *marked = string_chars(&c->marked);
    size_t begin = 0;
    for (size_t at = 1; at + 2 < c->marked.length; at++) {
        const char *found = memchr(marked + at, blank[0], c->marked.length - 2 - at);
        if (found == NULL) break;
        at = (size_t)(found - marked);
        if (memcmp(found, blank, 3) != 0) continue;
        count_word(c, marked + begin, at - begin);
        begin = at;
    }
    count_word(c, marked + begin, c->marked.length - begin);
}

static void count_slot(void *context, long slot) {
    tokenizer_trainer *t = context;
    counter *c = &t->counters[slot];
    word_map_reset(&c->words);
    for (size_t i = (size_t)slot; i < t->batch; i += SLOTS) {
        const piece p = t->pieces[i];
        const char *text = string_chars(&t->text) + p.begin;
        const size_t n = p.end - p.begin;
        if (t->o.model == TRAIN_UNIGRAM) count_by_blanks(t, c, text, n, p.first);
        else count_by_steps(t, c, 0, text, n);
    }
    if (c->room < c->words.n) {
        arena_drop(&c->memory);
        c->room = c->words.room;
        c->order = NEW_ARRAY(&c->memory, c->room, uint32_t);
    }
    size_t next[SHARDS + 1] = {0};
    for (size_t i = 0; i < c->words.n; i++) next[(c->words.entry[i].hash >> 28) + 1]++;
    for (size_t i = 0; i < SHARDS; i++) next[i + 1] += next[i];
    memcpy(c->begin, next, sizeof next);
    for (size_t i = 0; i < c->words.n; i++) c->order[next[c->words.entry[i].hash >> 28]++] = (uint32_t)i;
}

static void add_shard(void *context, long shard) {
    tokenizer_trainer *t = context;
    for (size_t s = 0; s < SLOTS; s++) {
        const counter *c = &t->counters[s];
        for (size_t i = c->begin[shard]; i < c->begin[shard + 1]; i++) {
            const word_entry *e = &c->words.entry[c->order[i]];
            word_map_add(&t->shard[shard], e->text, e->n, e->hash, e->count);
        }
    }
}

/* Forgets the rarest words where there are more than can be kept, or as much text as that many words of 32 bytes. */
static void words_limit(tokenizer_trainer *t) {
    for (int64_t rare = 1;; rare *= 2) {
        size_t n = 0, bytes = 0;
        for (size_t s = 0; s < SHARDS; s++) {
            n += t->shard[s].n;
            bytes += t->shard[s].bytes;
        }
        if (n <= (size_t)t->o.most_words && bytes / 32 <= (size_t)t->o.most_words) return;
        for (size_t s = 0; s < SHARDS; s++) t->forgotten += word_map_prune(&t->shard[s], rare);
    }
}

/* --- pieces --------------------------------------------------------------------------------------------------------------------- */
static void piece_add(tokenizer_trainer *t, size_t end) {
    if (t->n_piece == t->room_piece) {
        const size_t room = t->room_piece == 0 ? 1 << 10 : t->room_piece * 2;
        t->pieces = arena_grow(&t->memory, t->pieces, t->room_piece * sizeof *t->pieces, room * sizeof *t->pieces);
        t->room_piece = room;
    }
    if (end > t->open) t->pieces[t->n_piece++] = (piece){t->open, end, !t->inside};
    t->inside = t->inside || end > t->open;
    t->open = end;
}

/* Counts the first pieces; what is behind them moves to the front. */
static void count_batch(tokenizer_trainer *t, size_t n) {
    if (n == 0) return;
    t->batch = n;
    parallel_for(SLOTS, count_slot, t);
    parallel_for(SHARDS, add_shard, t);
    words_limit(t);
    const size_t end = t->pieces[n - 1].end, left = t->text.length - end;
    memmove(t->text.data, t->text.data + end, left + 1); /* with the NUL */
    t->text.length = left;
    t->open -= end;
    t->n_piece -= n;
    for (size_t i = 0; i < t->n_piece; i++) {
        const piece p = t->pieces[i + n];
        t->pieces[i] = (piece){p.begin - end, p.end - end, p.first};
    }
}

/* The last place in (0, n) where text may be cut: 0 where there is none. For Unigram behind an ASCII letter or digit and before
 * a blank: normalizers do nothing across it. */
static size_t safe_cut(const tokenizer_trainer *t, const char *text, size_t n) {
    if (t->o.model == TRAIN_BPE && !t->has_regex) return split_safe_cut(text, n);
    for (size_t at = n; at-- > 1;) {
        const unsigned char before = (unsigned char)text[at - 1], lower = before | 0x20;
        if (t->has_regex ? before == '\n' : text[at] == ' ' && ((lower >= 'a' && lower <= 'z') || (before >= '0' && before <= '9'))) return at;
    }
    return 0;
}

/* The last place in (0, n] where a character ends. */
static size_t character_cut(const char *text, size_t n) {
    size_t at = n;
    while (at > n - 3 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    return ((unsigned char)text[at] & 0xc0) == 0x80 ? n : at;
}

/* Makes pieces of the open document while it is longer than one. Where it is cut depends on it alone. */
static void cut_open(tokenizer_trainer *t) {
    for (size_t n; (n = t->text.length - t->open) > 2 * PIECE;) {
        const char *text = t->text.data + t->open;
        size_t cut = safe_cut(t, text, PIECE);
        if (cut == 0 && n <= LONGEST_PIECE_OF_TEXT) return;
        if (cut == 0) cut = safe_cut(t, text, LONGEST_PIECE_OF_TEXT);
        if (cut == 0) cut = character_cut(text, LONGEST_PIECE_OF_TEXT);
        piece_add(t, t->open + cut);
    }
}

/* As many of the first pieces as make a batch; 0: there are not enough. */
static size_t batch_pieces(const tokenizer_trainer *t) {
    if (t->open < BATCH) return 0;
    size_t low = 0, high = t->n_piece; /* the end of piece `high` - 1 is behind a batch, that of `low` - 1 is not */
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (t->pieces[middle - 1].end >= BATCH) high = middle;
        else low = middle;
    }
    return high;
}

void tokenizer_trainer_add(tokenizer_trainer *t, const char *text, size_t n, bool ends) {
    t->bytes += (int64_t)n;
    for (size_t at = 0, step; at < n || ends; at += step) {
        step = n - at < PIECE ? n - at : PIECE;
        const bool last = ends && at + step == n;
        string_append(&t->text, text + at, step);
        cut_open(t);
        if (last) {
            piece_add(t, t->text.length);
            t->inside = false;
        }
        for (size_t pieces; (pieces = batch_pieces(t)) > 0;) count_batch(t, pieces);
        if (last) break;
    }
}

/* --- the result ----------------------------------------------------------------------------------------------------------------- */
static void sort_shard(void *context, long shard) {
    word_map_sort(&((tokenizer_trainer *)context)->shard[shard]);
}

static bool learn_bpe(tokenizer_trainer *t, const volatile int *stop, string *out, error *err) {
    const tokenizer_training *o = &t->o;
    const uint32_t max_length = o->max_token_length > 0 ? (uint32_t)o->max_token_length : UINT32_MAX;
    const merge_learning how = {o->vocab_size, o->special, o->n_special, o->min_frequency, max_length, stop};
    arena memory = {0};
    learned l;
    const bool ok = merges_learn(&memory, t->shard, SHARDS, &how, &l, err);
    if (ok) training_write_bpe(o, t->pre_tokenizer, &l, out);
    arena_drop(&memory);
    return ok;
}

static bool learn_unigram(tokenizer_trainer *t, const volatile int *stop, string *out, error *err) {
    const tokenizer_training *o = &t->o;
    const unigram_learning how = {
        .n_piece = (size_t)o->vocab_size - o->n_special - (o->byte_fallback ? 256 : 0),
        .seed_size = o->seed_size > 0 ? (size_t)o->seed_size : 1000000,
        .shrinking = o->shrinking_factor > 0 ? o->shrinking_factor : 0.75,
        .sub_iterations = 2,
        .most_length = o->max_piece_length > 0 ? (uint32_t)o->max_piece_length : 16,
        .coverage = o->coverage > 0 ? o->coverage : 1,
        .alphabet = o->byte_fallback ? "<0x123456789ABCDEF>" : NULL, /* so that the names of bytes can be told from bytes */
        .stop = stop,
    };
    parallel_for(SHARDS, sort_shard, t); /* sums are taken in this order */
    arena memory = {0};
    unigram_pieces pieces;
    const bool ok = unigram_learn(&memory, t->shard, SHARDS, &how, &pieces, err);
    if (ok) training_write_unigram(o, &pieces, out);
    arena_drop(&memory);
    return ok;
}

tokenizer *tokenizer_trainer_finish(tokenizer_trainer *t, arena *owner, const volatile int *stop, error *err) {
    tokenizer_trainer_add(t, "", 0, true);
    count_batch(t, t->n_piece);
    bool gave_up = false;
    for (size_t i = 0; i < SLOTS; i++) gave_up = gave_up || t->counters[i].gave_up;
    counters_drop(t);
    if (gave_up) return fail_null(err, "a pattern of the pre-tokenizer or the normalizer needs more steps on this text than it may take");
    size_t n = 0, bytes = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        n += t->shard[i].n;
        bytes += t->shard[i].bytes;
    }
    log_detail("%zu distinct words, %.1f MB of text", n, (double)bytes / 1e6);
    string text = {0}, config = {0};
    tokenizer *made = NULL;
    if (t->o.model == TRAIN_BPE ? learn_bpe(t, stop, &text, err) : learn_unigram(t, stop, &text, err)) {
        training_write_config(&t->o, &config);
        made = tokenizer_parse(owner, string_chars(&text), text.length, string_chars(&config), config.length, err);
    }
    string_drop(&text);
    string_drop(&config);
    return made;
}
