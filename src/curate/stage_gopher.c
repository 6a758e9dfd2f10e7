/* Stages `gopher-quality` and `gopher-repetition` (Rae et al. 2021, arXiv:2112.11446, Table A1), with the counts, order, reasons
 * and thresholds of huggingface/datatrove (filters/gopher_quality_filter.py, filters/gopher_repetition_filter.py). */
#include "base/hash.h"
#include "curate/stage.h"
#include "curate/words.h"

#include <string.h>

/* ---- stop words ---- */

/* English as in the paper; French as in FineWeb-2; the others are the most frequent function words of each language. A language
 * that is not here is not tested. */
static const struct {
    const char *language, *words;
} stop_words[] = {
    {"en", " the be to of and that have with "},
    {"fr", " de la le et \xc3\xa0 en l' des du les est d' un une il dans par au "},
    {"de", " der die und in von zu das mit den auf f\xc3\xbcr ist im dem nicht "},
    {"es", " de la que el en y a los se del las un por con una para es "},
    {"it", " di che e la il un a per in una del \xc3\xa8 con della non si da "},
    {"pt", " de a o que e do da em um para \xc3\xa9 com uma os no se na "},
    {"nl", " de van het een en in is dat op te voor met zijn aan niet "},
    {"sv", " och i att en som \xc3\xa4r p\xc3\xa5 av f\xc3\xb6r med till den det inte "},
    {"da", " og i at en er til p\xc3\xa5 det af for med den ikke som "},
    {"nb", " og i \xc3\xa5 en er til p\xc3\xa5 det av for med den ikke som "},
    {"pl", " i w na z do nie si\xc4\x99 jest \xc5\xbc"
           "e od po za przez "},
    {"cs", " a v se na je z do s o pro k \xc5\xbe"
           "e jako "},
    {"ru", " \xd0\xb8 \xd0\xb2 \xd0\xbd\xd0\xb5 \xd0\xbd\xd0\xb0 \xd1\x81 \xd1\x87\xd1\x82\xd0\xbe \xd0\xba \xd0\xb4\xd0\xbb\xd1\x8f \xd0\xbf\xd0\xbe "
           "\xd0\xb8\xd0\xb7 \xd0\xbe\xd1\x82 "},
    {"ro", " de \xc8\x99i \xc3\xaen a cu la pe s\xc4\x83 nu din pentru care este o un "},
    {"id", " yang dan di dengan untuk dari ini itu pada ke tidak dalam "},
    {"tr", " ve bir bu i\xc3\xa7in ile da de olarak daha "},
};

static const char *stop_words_of(const char *language) {
    const size_t n = strcspn(language, "-_");
    for (size_t i = 0; i < COUNT(stop_words); i++)
        if (strlen(stop_words[i].language) == n && memcmp(stop_words[i].language, language, n) == 0) return stop_words[i].words;
    return NULL;
}

/* Distinct words of the list (each between blanks) that occur; matching is case-sensitive, as in datatrove. */
static int count_stop_words(const spans *words, const char *list) {
    unsigned long seen = 0;
    for (size_t i = 0; i < words->n; i++) {
        const span w = words->at[i];
        if (w.n > 12) continue;
        int at = 0;
        for (const char *p = list + 1; *p != 0; at++) {
            const size_t n = strcspn(p, " ");
            if (n == w.n && memcmp(p, w.text, n) == 0) seen |= 1ul << at;
            p += n + 1;
        }
    }
    return __builtin_popcountl(seen);
}

/* ---- gopher-quality ---- */

typedef struct quality_settings {
    long min_words, max_words, min_stop_words;
    double min_mean_length, max_mean_length, max_hash, max_ellipsis, max_bullets, max_end_ellipsis, min_alphabetic;
    const char *language;
} quality_settings;

static void quality_options(void *settings, option *table) {
    quality_settings *o = settings;
    *o = (quality_settings){50, 100000, 2, 3, 10, 0.1, 0.1, 0.9, 0.3, 0.8, "en"};
    const option rows[] = {
        {"min_words", 0, OPT_INT, &o->min_words, .help = "words that are no symbols, at least", .least = 0, .most = 1e12},
        {"max_words", 0, OPT_INT, &o->max_words, .help = "and at most", .least = 0, .most = 1e12},
        {"min_mean_length", 0, OPT_REAL, &o->min_mean_length, .help = "their mean length in characters, at least", .least = 0, .most = 1e6},
        {"max_mean_length", 0, OPT_REAL, &o->max_mean_length, .help = "and at most", .least = 0, .most = 1e6},
        {"max_hash", 0, OPT_REAL, &o->max_hash, .help = "# for each word", .least = 0, .most = 1e6},
        {"max_ellipsis", 0, OPT_REAL, &o->max_ellipsis, .help = "... for each word", .least = 0, .most = 1e6},
        {"max_bullets", 0, OPT_REAL, &o->max_bullets, .help = "share of lines that begin with a bullet or -", .least = 0, .most = 1},
        {"max_end_ellipsis", 0, OPT_REAL, &o->max_end_ellipsis, .help = "share of lines that end in ...", .least = 0, .most = 1},
        {"min_alphabetic", 0, OPT_REAL, &o->min_alphabetic, .help = "share of words that hold a letter", .least = 0, .most = 1},
        {"min_stop_words", 0, OPT_INT, &o->min_stop_words, .help = "different stop words of the language, where there is a list; 0: not tested", .least = 0,
         .most = 64},
        {"language", 0, OPT_TEXT, &o->language, .help = "where no stage language came before"},
    };
    memcpy(table, rows, sizeof rows);
}

typedef struct quality {
    long words, symbols, letters, length, hashes, ellipses, lines, bullets, end_ellipses;
} quality;

static bool begins_with_bullet(span line) {
    return line.n > 0 && (line.text[0] == '-' || (line.n >= 3 && memcmp(line.text, "\xe2\x80\xa2", 3) == 0));
}

static bool ends_with_ellipsis(span line) {
    return line.n >= 3 && (memcmp(line.text + line.n - 3, "...", 3) == 0 || memcmp(line.text + line.n - 3, "\xe2\x80\xa6", 3) == 0);
}

static void quality_measure(const spans *words, const spans *lines, const char *text, size_t n, quality *q) {
    for (size_t i = 0; i < words->n; i++) {
        if (span_is_symbol(words->at[i])) q->symbols++;
        else q->length += words->at[i].characters;
        q->letters += span_has_letter(words->at[i]);
    }
    q->words = (long)words->n;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '#') q->hashes++;
        else if (n - i >= 3 && memcmp(text + i, "...", 3) == 0) q->ellipses++, i += 2;
        else if (n - i >= 3 && memcmp(text + i, "\xe2\x80\xa6", 3) == 0) q->ellipses++, i += 2;
    }
    for (size_t i = 0; i < lines->n; i++) {
        const span line = span_trim(lines->at[i]);
        q->bullets += begins_with_bullet(line);
        q->end_ellipses += ends_with_ellipsis(line);
    }
    q->lines = (long)lines->n;
}

static bool too_much(verdict *v, const char *rule, double value, double threshold) {
    if (!(value > threshold)) return false;
    *v = (verdict){.rule = rule, .value = value, .threshold = threshold};
    return true;
}

static bool too_little(verdict *v, const char *rule, double value, double threshold) {
    if (!(value < threshold)) return false;
    *v = (verdict){.rule = rule, .value = value, .threshold = threshold};
    return true;
}

/* In this order; the first that fails is the reason. */
static void quality_decide(const quality_settings *o, const quality *q, const spans *words, const char *stop, verdict *v) {
    const long plain = q->words - q->symbols;
    const double n = (double)q->words, lines = (double)q->lines;
    if (too_little(v, "gopher_short_doc", (double)plain, (double)o->min_words) || too_much(v, "gopher_long_doc", (double)plain, (double)o->max_words)) return;
    if (plain == 0 || q->lines == 0) {
        *v = (verdict){.rule = "empty", .value = 0, .threshold = 1};
        return;
    }
    const double mean = (double)q->length / (double)plain;
    (void)(too_little(v, "gopher_below_avg_threshold", mean, o->min_mean_length) || too_much(v, "gopher_above_avg_threshold", mean, o->max_mean_length) ||
           too_much(v, "gopher_too_many_hashes", (double)q->hashes / n, o->max_hash) ||
           too_much(v, "gopher_too_many_ellipsis", (double)q->ellipses / n, o->max_ellipsis) ||
           too_much(v, "gopher_too_many_bullets", (double)q->bullets / lines, o->max_bullets) ||
           too_much(v, "gopher_too_many_end_ellipsis", (double)q->end_ellipses / lines, o->max_end_ellipsis) ||
           too_little(v, "gopher_below_alpha_threshold", (double)q->letters / n, o->min_alphabetic) ||
           (stop != NULL && too_little(v, "gopher_enough_stop_words", count_stop_words(words, stop), (double)o->min_stop_words)));
}

static bool out_of_memory(error *err) {
    return fail(err, "the document needs more memory than it may take");
}

static bool quality_judge(const stage *s, judged *j, error *err) {
    const quality_settings *o = s->settings;
    const document *d = j->d;
    const char *language = document_language(d, j->scratch, o->language);
    spans words = {0}, lines = {0};
    quality q = {0};
    if (!words_of(j->scratch, d->text, d->n, language, &words) || !lines_of(j->scratch, d->text, d->n, &lines)) return out_of_memory(err);
    quality_measure(&words, &lines, d->text, d->n, &q);
    quality_decide(o, &q, &words, stop_words_of(language), &j->v);
    if (!s->metadata) return true;
    string found = {0};
    json_writer w = {.out = &found};
    const long plain = q.words - q.symbols;
    json_begin_object(&w);
    json_key(&w, "words"), json_integer(&w, plain);
    json_key(&w, "mean_length"), json_number(&w, plain > 0 ? (double)q.length / (double)plain : 0);
    json_key(&w, "alphabetic"), json_number(&w, q.words > 0 ? (double)q.letters / (double)q.words : 0);
    json_key(&w, "bullets"), json_number(&w, q.lines > 0 ? (double)q.bullets / (double)q.lines : 0);
    json_end_object(&w);
    const bool ok = document_set_json(j->d, j->owner, s->kind->name, string_chars(&found), found.length) || out_of_memory(err);
    string_drop(&found);
    return ok;
}

const stage_kind stage_gopher_quality = {.name = "gopher-quality",
                                         .summary = "length, symbols, bullets, letters and stop words (Gopher)",
                                         .size = sizeof(quality_settings),
                                         .options = quality_options,
                                         .judge = quality_judge};

/* ---- gopher-repetition ---- */

enum { TOP_FROM = 2, TOP_TO = 4, DUP_FROM = 5, DUP_TO = 10 };

typedef struct repetition_settings {
    double paragraphs, paragraph_characters, lines, line_characters, top[TOP_TO + 1], dup[DUP_TO + 1];
    const char *language;
} repetition_settings;

static void repetition_options(void *settings, option *table) {
    static const char *const top_names[] = {"top_2_gram", "top_3_gram", "top_4_gram"};
    static const char *const dup_names[] = {"dup_5_grams", "dup_6_grams", "dup_7_grams", "dup_8_grams", "dup_9_grams", "dup_10_grams"};
    repetition_settings *o = settings;
    *o = (repetition_settings){.paragraphs = 0.30,
                               .paragraph_characters = 0.20,
                               .lines = 0.30,
                               .line_characters = 0.20,
                               .language = "en",
                               .top = {0, 0, 0.20, 0.18, 0.16},
                               .dup = {0, 0, 0, 0, 0, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10}};
    size_t n = 0;
    table[n++] = (option){"paragraphs", 0, OPT_REAL, &o->paragraphs, .help = "share of paragraphs that repeat one; 1: not tested", .least = 0, .most = 1};
    table[n++] = (option){"paragraph_characters", 0, OPT_REAL, &o->paragraph_characters, .help = "the same in characters of the text", .least = 0, .most = 1};
    table[n++] = (option){"lines", 0, OPT_REAL, &o->lines, .help = "share of lines that repeat one", .least = 0, .most = 1};
    table[n++] = (option){"line_characters", 0, OPT_REAL, &o->line_characters, .help = "the same in characters of the text", .least = 0, .most = 1};
    for (int i = TOP_FROM; i <= TOP_TO; i++)
        table[n++] =
            (option){top_names[i - TOP_FROM], 0, OPT_REAL, &o->top[i], .help = "share of characters in the most frequent n-gram", .least = 0, .most = 1};
    for (int i = DUP_FROM; i <= DUP_TO; i++)
        table[n++] = (option){dup_names[i - DUP_FROM], 0, OPT_REAL, &o->dup[i], .help = "share of characters in repeated n-grams", .least = 0, .most = 1};
    table[n] = (option){"language", 0, OPT_TEXT, &o->language, .help = "where no stage language came before"};
}

/* Counts by hash; open addressing, made for at most n keys. */
typedef struct counter {
    uint64_t *key;
    uint32_t *count;
    size_t mask;
} counter;

static bool counter_make(counter *c, arena *scratch, size_t n) {
    size_t room = 16;
    while (room < n * 2) room *= 2;
    c->key = NEW_ARRAY(scratch, room, uint64_t);
    c->count = NEW_ARRAY(scratch, room, uint32_t);
    c->mask = room - 1;
    return c->key != NULL && c->count != NULL;
}

static void counter_clear(counter *c) {
    memset(c->count, 0, sizeof *c->count * (c->mask + 1));
}

static uint32_t *counter_at(counter *c, uint64_t key) {
    size_t i = key & c->mask;
    while (c->count[i] != 0 && c->key[i] != key) i = (i + 1) & c->mask;
    c->key[i] = key;
    return &c->count[i];
}

/* A repeat is a second or later occurrence. */
static bool repeats(arena *scratch, const spans *units, long *number, long *characters) {
    counter c;
    if (!counter_make(&c, scratch, units->n)) return false;
    *number = *characters = 0;
    for (size_t i = 0; i < units->n; i++) {
        uint32_t *count = counter_at(&c, hash64(units->at[i].text, units->at[i].n, 0));
        if ((*count)++ == 0) continue;
        ++*number;
        *characters += units->at[i].characters;
    }
    return true;
}

static uint64_t gram_key(const uint64_t *word, int n) {
    uint64_t key = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < n; i++) key = (key ^ word[i]) * 0xff51afd7ed558ccdu, key ^= key >> 32;
    return key;
}

static long gram_length(const span *word, int n) {
    long length = 0;
    for (int i = 0; i < n; i++) length += word[i].characters;
    return length;
}

/* Characters of the most frequent n-gram times its count, blanks between its words counted; of equals the first one. */
static long top_gram(const spans *words, const uint64_t *hash, int n, counter *c) {
    uint32_t most = 0;
    uint64_t best = 0;
    counter_clear(c);
    for (size_t i = 0; i + (size_t)n <= words->n; i++) {
        uint32_t *count = counter_at(c, gram_key(hash + i, n));
        ++*count;
        if (*count > most) most = *count;
    }
    for (size_t i = 0; i + (size_t)n <= words->n; i++) {
        best = gram_key(hash + i, n);
        if (*counter_at(c, best) == most) return (gram_length(words->at + i, n) + n - 1) * (long)most;
    }
    return 0;
}

/* Characters (no blanks) of n-grams seen before; behind one the scan goes on at its end. */
static long repeated_grams(const spans *words, const uint64_t *hash, int n, counter *c) {
    long length = 0;
    counter_clear(c);
    for (size_t i = 0; i + (size_t)n <= words->n;) {
        uint32_t *count = counter_at(c, gram_key(hash + i, n));
        if (*count > 0) {
            length += gram_length(words->at + i, n);
            i += (size_t)n;
        } else {
            *count = 1;
            i++;
        }
    }
    return length;
}

static bool repetition_decide(const repetition_settings *o, judged *j, error *err) {
    static const char *const dup_rules[] = {"duplicated_5_n_grams", "duplicated_6_n_grams", "duplicated_7_n_grams",
                                            "duplicated_8_n_grams", "duplicated_9_n_grams", "duplicated_10_n_grams"};
    const document *d = j->d;
    verdict *v = &j->v;
    const double all = (double)characters_in(d->text, d->n);
    if (all == 0) {
        *v = (verdict){.rule = "empty", .value = 0, .threshold = 1};
        return true;
    }
    long number, characters;
    spans paragraphs = {0}, lines = {0}, words = {0};
    const span trimmed = span_trim((span){d->text, (uint32_t)d->n, 0});
    if (!pieces_between(j->scratch, trimmed.text, trimmed.n, 2, &paragraphs) || !repeats(j->scratch, &paragraphs, &number, &characters))
        return out_of_memory(err);
    if (too_much(v, "dup_para_frac", (double)number / (double)paragraphs.n, o->paragraphs) ||
        too_much(v, "dup_para_char_frac", (double)characters / all, o->paragraph_characters))
        return true;
    if (!pieces_between(j->scratch, d->text, d->n, 1, &lines) || !repeats(j->scratch, &lines, &number, &characters)) return out_of_memory(err);
    if (too_much(v, "dup_line_frac", (double)number / (double)lines.n, o->lines) ||
        too_much(v, "dup_line_char_frac", (double)characters / all, o->line_characters))
        return true;
    counter c;
    if (!words_of(j->scratch, d->text, d->n, document_language(d, j->scratch, o->language), &words) || !counter_make(&c, j->scratch, words.n))
        return out_of_memory(err);
    uint64_t *hash = NEW_ARRAY(j->scratch, words.n + 1, uint64_t);
    if (hash == NULL) return out_of_memory(err);
    for (size_t i = 0; i < words.n; i++) hash[i] = hash64(words.at[i].text, words.at[i].n, 0);
    for (int n = TOP_FROM; n <= TOP_TO; n++)
        if (words.n >= (size_t)n && too_much(v, "top_n_gram", (double)top_gram(&words, hash, n, &c) / all, o->top[n])) return true;
    for (int n = DUP_FROM; n <= DUP_TO; n++)
        if (too_much(v, dup_rules[n - DUP_FROM], (double)repeated_grams(&words, hash, n, &c) / all, o->dup[n])) return true;
    return true;
}

static bool repetition_judge(const stage *s, judged *j, error *err) {
    return repetition_decide(s->settings, j, err);
}

const stage_kind stage_gopher_repetition = {.name = "gopher-repetition",
                                            .summary = "repeated paragraphs, lines and n-grams (Gopher)",
                                            .size = sizeof(repetition_settings),
                                            .options = repetition_options,
                                            .judge = repetition_judge};
