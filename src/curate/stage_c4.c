/* Stage `c4` (Raffel et al. 2020, arXiv:1910.10683), as in datatrove's filters/c4_filters.py: lines are cut, and the document is
 * dropped where a word forbids it or too few sentences are left. */
#include "curate/stage.h"
#include "curate/words.h"

#include <ctype.h>
#include <string.h>

typedef struct c4_settings {
    long max_word, min_line_words, min_sentences;
    bool end_punctuation, curly_bracket, lorem_ipsum, javascript, policy;
} c4_settings;

static void c4_options(void *settings, option *table) {
    c4_settings *o = settings;
    *o = (c4_settings){1000, 3, 5, true, true, true, true, true};
    const option rows[] = {
        {"max_word", 0, OPT_INT, &o->max_word, .help = "cut lines with a longer word", .least = 1, .most = 1e9},
        {"min_line_words", 0, OPT_INT, &o->min_line_words, .help = "cut lines of fewer words (the first code: 5)", .least = 0, .most = 1e9},
        {"min_sentences", 0, OPT_INT, &o->min_sentences, .help = "drop documents of fewer sentences (the first code: 3)", .least = 0, .most = 1e9},
        {"end_punctuation", 0, OPT_FLAG, &o->end_punctuation, .help = "cut lines that do not end in . ? ! \" or '"},
        {"curly_bracket", 0, OPT_FLAG, &o->curly_bracket, .help = "drop documents with { in a line that is kept"},
        {"lorem_ipsum", 0, OPT_FLAG, &o->lorem_ipsum, .help = "drop documents with lorem ipsum"},
        {"javascript", 0, OPT_FLAG, &o->javascript, .help = "cut lines that speak of javascript"},
        {"policy", 0, OPT_FLAG, &o->policy, .help = "cut lines that speak of cookies, terms of use and the like"},
    };
    memcpy(table, rows, sizeof rows);
}

/* Deletes [12], [], [edit] and [citation needed]; in place, returns the new length. */
static size_t delete_citations(char *line, size_t n) {
    static const char *const marks[] = {"[edit]", "[citation needed]"};
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i;
        if (line[i] == '[') {
            size_t k = i + 1;
            while (k < n && line[k] >= '0' && line[k] <= '9') k++;
            if (k < n && line[k] == ']') end = k + 1;
            for (size_t m = 0; m < COUNT(marks); m++)
                if (n - i >= strlen(marks[m]) && memcmp(line + i, marks[m], strlen(marks[m])) == 0) end = i + strlen(marks[m]);
        }
        if (end > i) i = end;
        else line[kept++] = line[i++];
    }
    return kept;
}

static bool has_phrase(const char *line, size_t n, const char *phrase) { /* phrase in lower case */
    const size_t m = strlen(phrase);
    for (size_t i = 0; i + m <= n; i++) {
        size_t k = 0;
        while (k < m && tolower((unsigned char)line[i + k]) == phrase[k]) k++;
        if (k == m) return true;
    }
    return false;
}

static bool has_policy(const char *line, size_t n) {
    static const char *const phrases[] = {"terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"};
    for (size_t i = 0; i < COUNT(phrases); i++)
        if (has_phrase(line, n, phrases[i])) return true;
    return false;
}

/* A sentence ends at terminals with a blank or the line's end behind them (quotes and brackets between); a line is at least one. */
static long count_sentences(const char *line, size_t n) {
    long count = 0;
    bool open = false;
    for (size_t i = 0; i < n;) {
        const uint32_t c = utf8_next(line, n, &i);
        if (!is_sentence_terminal(c)) {
            open |= !is_blank_character(c);
            continue;
        }
        size_t next = i;
        while (next < n && strchr("\"')]", line[next]) != NULL) next++;
        if (open && (next >= n || line[next] == ' ' || c >= 0x80)) count++, open = false;
    }
    return count + open;
}

typedef enum { LINE_KEPT, LINE_CUT, LINE_DROPS } line_fate;

static line_fate judge_line(const c4_settings *o, arena *scratch, char *line, size_t *n, verdict *v) {
    static const char ends[] = ".?!\"'";
    spans words = {0};
    if (!words_between_blanks(scratch, line, *n, &words)) return LINE_CUT;
    for (size_t i = 0; i < words.n; i++)
        if ((long)words.at[i].characters > o->max_word) return LINE_CUT;
    const long n_words = (long)words.n;
    *n = delete_citations(line, *n);
    if (o->end_punctuation && (*n == 0 || strchr(ends, line[*n - 1]) == NULL || (*n >= 3 && memcmp(line + *n - 3, "...", 3) == 0))) return LINE_CUT;
    if (n_words < o->min_line_words) return LINE_CUT;
    if (o->lorem_ipsum && has_phrase(line, *n, "lorem ipsum")) return *v = (verdict){.rule = "lorem_ipsum", .value = 1, .threshold = 0}, LINE_DROPS;
    if (o->javascript && has_phrase(line, *n, "javascript")) return LINE_CUT;
    if (o->curly_bracket && memchr(line, '{', *n) != NULL) return *v = (verdict){.rule = "curly_bracket", .value = 1, .threshold = 0}, LINE_DROPS;
    if (o->policy && has_policy(line, *n)) return LINE_CUT;
    return LINE_KEPT;
}

static bool c4_judge(const stage *s, judged *j, error *err) {
    const c4_settings *o = s->settings;
    spans lines = {0};
    if (!lines_of(j->scratch, j->d->text, j->d->n, &lines)) return fail(err, "the document needs more memory than it may take");
    string text = {0};
    long sentences = 0, cut = 0;
    for (size_t i = 0; i < lines.n && j->v.rule == NULL; i++) {
        const span trimmed = span_trim(lines.at[i]);
        size_t n = trimmed.n;
        char *line = arena_copy_bytes(j->scratch, trimmed.text, n);
        const line_fate fate = line != NULL ? judge_line(o, j->scratch, line, &n, &j->v) : LINE_CUT;
        if (fate != LINE_KEPT) {
            cut++;
            continue;
        }
        sentences += count_sentences(line, n);
        if (text.length > 0) string_char(&text, '\n');
        string_append(&text, line, n);
    }
    if (j->v.rule == NULL && sentences < o->min_sentences)
        j->v = (verdict){.rule = "too_few_sentences", .value = (double)sentences, .threshold = (double)o->min_sentences};
    bool ok = true;
    if (j->v.rule == NULL) {
        const span whole = span_trim((span){string_chars(&text), (uint32_t)text.length, 0});
        j->d->text = arena_copy_bytes(j->owner, whole.text, whole.n);
        j->d->n = whole.n;
        ok = j->d->text != NULL || fail(err, "the document needs more memory than it may take");
        if (ok && s->metadata) {
            const char *found = arena_print(j->scratch, "{\"sentences\":%ld,\"lines_cut\":%ld}", sentences, cut);
            ok = found != NULL && document_set_json(j->d, j->owner, s->kind->name, found, strlen(found));
        }
    }
    string_drop(&text);
    return ok;
}

const stage_kind stage_c4 = {.name = "c4",
                             .summary = "cuts lines without end punctuation, policies and code (C4)",
                             .size = sizeof(c4_settings),
                             .options = c4_options,
                             .judge = c4_judge};
