/* Stages `extract` (the main text of a page) and `language` (CLD2). */
#include "curate/language.h"
#include "curate/stage.h"
#include "data/read_html.h"

#include <string.h>

/* ---- extract ---- */

typedef struct extract_settings {
    long min_characters;
} extract_settings;

static void extract_options(void *settings, option *table) {
    extract_settings *o = settings;
    *o = (extract_settings){.min_characters = 1};
    table[0] = (option){"min_characters", 0, OPT_INT, &o->min_characters, .help = "drop a page whose text is shorter", .least = 0, .most = 1e9};
}

static bool extract_judge(const stage *s, judged *j, error *err) {
    const extract_settings *o = s->settings;
    document *d = j->d;
    if (d->html == NULL) return true; /* it is text already */
    string text = {.limit = DOCUMENT_LIMIT};
    html_page page;
    bool ok = html_to_text(j->owner, d->html, d->html_n, &text, &page, err);
    if (ok) {
        d->text = arena_copy_bytes(j->owner, string_chars(&text), text.length);
        d->n = text.length;
        ok = d->text != NULL || fail(err, "the document needs more memory than it may take");
        d->html = NULL;
    }
    if (ok && page.title != NULL) document_set_text(d, j->owner, "title", page.title);
    string_drop(&text);
    if (ok && (long)d->n < o->min_characters) j->v = (verdict){.rule = "empty", .value = (double)d->n, .threshold = (double)o->min_characters};
    return ok;
}

const stage_kind stage_extract = {
    .name = "extract", .summary = "the main text of HTML pages", .size = sizeof(extract_settings), .options = extract_options, .judge = extract_judge};

/* ---- language ---- */

typedef struct language_settings {
    const json *keep;
    double min_share;
    bool reliable;
    const char *keep_text; /* "en, fr", made by prepare */
} language_settings;

static void language_options(void *settings, option *table) {
    language_settings *o = settings;
    *o = (language_settings){0};
    table[0] = (option){"keep", 0, OPT_LIST, &o->keep, .argument = "LIST", .help = "languages to keep, BCP 47 codes: [en, fr]; all where it is not given"};
    table[1] =
        (option){"min_share", 0, OPT_REAL, &o->min_share, .help = "drop where less of the text than this is in the language found", .least = 0, .most = 1};
    table[2] = (option){"reliable", 0, OPT_FLAG, &o->reliable, .help = "drop where CLD2 is not sure"};
}

static bool language_prepare(stage *s, error *err) {
    language_settings *o = s->settings;
    if (o->keep == NULL || o->keep->type == JSON_NULL) return o->keep = NULL, true;
    string names = {0};
    bool ok = true;
    if (o->keep->type == JSON_STRING) string_text(&names, o->keep->text);
    else if (o->keep->type == JSON_ARRAY)
        for (size_t i = 0; i < o->keep->length && ok; i++) {
            ok = o->keep->item[i].type == JSON_STRING || fail(err, "keep is a list of codes: [en, fr]");
            if (ok) string_print(&names, "%s%s", i > 0 ? "," : "", o->keep->item[i].text);
        }
    else ok = fail(err, "keep is a list of codes: [en, fr]");
    if (ok) o->keep_text = arena_copy_bytes(s->owner, string_chars(&names), names.length);
    string_drop(&names);
    return ok;
}

/* "zh" keeps "zh-Hant" too. */
static bool code_matches(const char *code, const char *wanted, size_t n) {
    while (n > 0 && *wanted == ' ') wanted++, n--;
    while (n > 0 && wanted[n - 1] == ' ') n--;
    return n > 0 && strncmp(code, wanted, n) == 0 && (code[n] == 0 || code[n] == '-');
}

static bool is_kept(const char *list, const char *code) {
    for (const char *p = list; *p != 0;) {
        const size_t n = strcspn(p, ",");
        if (code_matches(code, p, n)) return true;
        p += n + (p[n] == ',');
    }
    return false;
}

static bool language_judge(const stage *s, judged *j, error *err) {
    const language_settings *o = s->settings;
    language_guess g;
    language_detect(j->d->text, j->d->n, &g);
    string found = {0};
    json_writer w = {.out = &found};
    json_begin_object(&w);
    json_key(&w, "language"), json_text(&w, g.code);
    json_key(&w, "share"), json_number(&w, g.share);
    json_key(&w, "reliable"), json_bool(&w, g.reliable);
    json_end_object(&w);
    const bool ok =
        document_set_json(j->d, j->owner, "language", string_chars(&found), found.length) || fail(err, "the document needs more memory than it may take");
    string_drop(&found);
    if (!ok) return false;
    if (o->keep_text != NULL && !is_kept(o->keep_text, g.code))
        j->v = (verdict){.rule = "language", .text_value = arena_copy(j->owner, g.code), .text_threshold = o->keep_text};
    else if (g.share < o->min_share) j->v = (verdict){.rule = "language_share", .value = g.share, .threshold = o->min_share};
    else if (o->reliable && !g.reliable) j->v = (verdict){.rule = "language_unreliable", .value = 0, .threshold = 1};
    return true;
}

const stage_kind stage_language = {.name = "language",
                                   .summary = "the language of the text, by CLD2; keeps those wanted",
                                   .size = sizeof(language_settings),
                                   .options = language_options,
                                   .prepare = language_prepare,
                                   .judge = language_judge};
