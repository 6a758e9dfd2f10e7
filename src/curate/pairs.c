#include "curate/pairs.h"

#include "base/file.h"
#include "base/hash.h"

#include <string.h>

/* What is asked: %s is `name`, or the description. A command's name stands alone, others with their section: `printf(3)`. */
typedef struct wording {
    const char *language;
    struct {
        const char *what, *which;
    } command, call, thing; /* sections 1 6 8; 2 3; the rest */
} wording;

static const wording wordings[PAIRS_LANGUAGES] = {
    {"en",
     {"What does %s do?", "Which command does this: %s?"},
     {"What does %s do?", "Which function does this: %s?"},
     {"What is %s about?", "Which manual page is about this: %s?"}},
    {"fr",
     {"Que fait %s ?", "Quelle commande fait ceci : %s ?"},
     {"Que fait %s ?", "Quelle fonction fait ceci : %s ?"},
     {"De quoi parle %s ?", "Quelle page de manuel parle de ceci : %s ?"}},
    {"de",
     {"Was macht %s?", "Welcher Befehl macht das: %s?"},
     {"Was macht %s?", "Welche Funktion macht das: %s?"},
     {"Worum geht es bei %s?", "Welche Handbuchseite handelt davon: %s?"}},
};

typedef struct output {
    const wording *words;
    file_writer *train, *valid;
    pairs_count count;
} output;

struct pairs {
    arena *owner;
    output out[PAIRS_LANGUAGES];
    size_t n;
    double share;
    uint64_t seed;
    map *asked;
};

static bool find_wording(const char *code, size_t n, bool wanted[PAIRS_LANGUAGES], error *err) {
    for (size_t i = 0; i < COUNT(wordings); i++)
        if (strlen(wordings[i].language) == n && memcmp(wordings[i].language, code, n) == 0) return wanted[i] = true;
    return fail(err, "pairs.languages: there is no wording for '%.*s'; there is for en, fr, de", (int)(n < 40 ? n : 40), code);
}

static bool find_wordings(const json *languages, bool wanted[PAIRS_LANGUAGES], error *err) {
    if (languages->type == JSON_STRING) {
        for (const char *at = languages->text; *at != 0;) {
            const size_t n = strcspn(at, ",");
            if (!find_wording(at, n, wanted, err)) return false;
            at += n + (at[n] == ',');
        }
        return true;
    }
    if (languages->type != JSON_ARRAY) return fail(err, "pairs.languages is a list of codes: [en, fr, de]");
    for (size_t i = 0; i < languages->length; i++) {
        const json *each = &languages->item[i];
        if (each->type != JSON_STRING) return fail(err, "pairs.languages is a list of codes: [en, fr, de]");
        if (!find_wording(each->text, each->length, wanted, err)) return false;
    }
    return true;
}

bool pairs_check(const json *languages, error *err) {
    bool wanted[PAIRS_LANGUAGES] = {false};
    return find_wordings(languages, wanted, err);
}

static bool open_language(pairs *p, const char *folder, const wording *words, error *err) {
    output *o = &p->out[p->n];
    *o = (output){.words = words};
    strcpy(o->count.language, words->language);
    o->train = file_writer_open(arena_print(p->owner, "%s/%s.train.jsonl", folder, words->language), err);
    if (o->train == NULL) return false;
    p->n++;
    o->valid = file_writer_open(arena_print(p->owner, "%s/%s.valid.jsonl", folder, words->language), err);
    return o->valid != NULL;
}

pairs *pairs_open(arena *owner, const char *folder, const json *languages, double share, uint64_t seed, error *err) {
    pairs *p = NEW(owner, pairs);
    bool wanted[PAIRS_LANGUAGES] = {false};
    *p = (pairs){.owner = owner, .share = share, .seed = seed, .asked = map_new(owner, 1024)};
    bool ok = find_wordings(languages, wanted, err) && folder_make(folder, err);
    for (size_t i = 0; ok && i < PAIRS_LANGUAGES; i++)
        if (wanted[i]) ok = open_language(p, folder, &wordings[i], err);
    if (ok) return p;
    pairs_abort(p);
    return NULL;
}

void pairs_abort(pairs *p) {
    for (size_t i = 0; p != NULL && i < p->n; i++) {
        file_writer_abort(p->out[i].train);
        file_writer_abort(p->out[i].valid);
        p->out[i].train = p->out[i].valid = NULL;
    }
}

bool pairs_close(pairs *p, error *err) {
    bool ok = true;
    for (size_t i = 0; i < p->n; i++) {
        file_writer *train = p->out[i].train, *valid = p->out[i].valid;
        p->out[i].train = p->out[i].valid = NULL;
        if (ok) ok = file_writer_commit(train, err);
        else file_writer_abort(train);
        if (ok) ok = file_writer_commit(valid, err);
        else file_writer_abort(valid);
    }
    return ok;
}

size_t pairs_counts(const pairs *p, pairs_count counts[PAIRS_LANGUAGES]) {
    for (size_t i = 0; i < p->n; i++) counts[i] = p->out[i].count;
    return p->n;
}

static bool put_pair(pairs *p, output *o, bool valid, const char *id, const char *format, const char *subject, const char *answer, error *err) {
    string question = {0}, line = {0};
    const char *mark = strstr(format, "%s");
    string_append(&question, format, (size_t)(mark - format));
    string_text(&question, subject);
    string_text(&question, mark + 2);
    bool is_new;
    map_put(p->asked, question.data, question.length, &is_new);
    bool ok = true;
    if (is_new) {
        json_writer w = {.out = &line};
        json_begin_object(&w);
        json_key(&w, "id"), json_text(&w, id);
        json_key(&w, "messages");
        json_begin_array(&w);
        for (int i = 0; i < 2; i++) {
            json_begin_object(&w);
            json_key(&w, "role"), json_text(&w, i == 0 ? "user" : "assistant");
            json_key(&w, "content"), json_text(&w, i == 0 ? string_chars(&question) : answer);
            json_end_object(&w);
        }
        json_end_array(&w);
        json_end_object(&w);
        string_char(&line, '\n');
        ok = file_writer_put(valid ? o->valid : o->train, line.data, line.length, err);
        if (valid) o->count.valid++;
        else o->count.train++;
    }
    string_drop(&question);
    string_drop(&line);
    return ok;
}

bool pairs_add(pairs *p, const document *d, const char *language, arena *scratch, error *err) {
    const char *name = document_get_text(d, scratch, "name"), *description = document_get_text(d, scratch, "description");
    const char *section = document_get_text(d, scratch, "section");
    if (name == NULL || description == NULL || section == NULL || strlen(name) > 60 || strlen(description) > 200 || strchr(name, '`') != NULL) return true;
    for (size_t i = 0; i < p->n; i++) {
        output *o = &p->out[i];
        if (strncmp(language, o->words->language, 2) != 0 || (language[2] != 0 && language[2] != '-')) continue;
        const bool command = strchr("168", section[0]) != NULL && section[0] != 0, call = section[0] == '2' || section[0] == '3';
        const char *subject = command ? arena_print(scratch, "`%s`", name) : arena_print(scratch, "`%s(%s)`", name, section);
        const char *what = command ? o->words->command.what : call ? o->words->call.what : o->words->thing.what;
        const char *which = command ? o->words->command.which : call ? o->words->call.which : o->words->thing.which;
        const char *key = arena_print(scratch, "%s %s", o->words->language, name);
        if (subject == NULL || key == NULL) return true;
        const bool valid = (double)hash64(key, strlen(key), p->seed) / 18446744073709551616.0 < p->share;
        return put_pair(p, o, valid, d->id, what, subject, description, err) && put_pair(p, o, valid, d->id, which, description, subject, err);
    }
    return true;
}
