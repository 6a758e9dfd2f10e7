#include "eval/pairs.h"

#include "base/file.h"
#include "base/log.h"

#include <string.h>

enum { LINE_LIMIT = 64 << 20 };

bool pairs_read(arena *owner, const char *path, pair_list *out, error *err) {
    *out = (pair_list){.path = path};
    size_t room = 0, n, number = 0;
    const char *line;
    bool ok = true;
    file_reader *in = file_reader_open(path, err);
    if (in == NULL) return false;
    while (ok && file_reader_line(in, LINE_LIMIT, &line, &n, err)) {
        number++;
        if (n == 0 || (n == 1 && line[0] == '\r')) continue;
        if (out->n == room) {
            const size_t more = room == 0 ? 256 : 2 * room;
            out->pairs = arena_grow(owner, out->pairs, room * sizeof *out->pairs, more * sizeof *out->pairs);
            out->line = arena_grow(owner, out->line, room * sizeof *out->line, more * sizeof *out->line);
            room = more;
        }
        conversation *c = &out->pairs[out->n];
        const json *tree = json_parse(owner, line, n, err);
        ok = tree != NULL && conversation_read(owner, tree, c, err);
        if (ok && (c->n == 0 || strcmp(c->messages[c->n - 1].role, "assistant") != 0))
            ok = fail(err, "its last message is not the assistant's: there is no answer");
        if (!ok) fail(err, "%s: line %zu", path, number);
        else out->line[out->n++] = number;
    }
    file_reader_close(in);
    if (ok && err->text[0] != 0) return false; /* file_reader_line's */
    if (ok && out->n == 0) return fail(err, "%s: holds no pairs", path);
    return ok;
}

typedef struct pairs_progress {
    progress shown;
    const volatile int *stop;
} pairs_progress;

static bool pairs_progress_at(void *context, size_t done) {
    pairs_progress *p = context;
    progress_at(&p->shown, (double)done, NULL);
    return p->stop == NULL || *p->stop == 0;
}

const char *text_trim(const char *text, size_t *n) {
    static const char blanks[] = " \t\r\n\v\f";
    while (*n > 0 && memchr(blanks, text[*n - 1], sizeof blanks - 1) != NULL) --*n;
    while (*n > 0 && memchr(blanks, *text, sizeof blanks - 1) != NULL) text++, --*n;
    return text;
}

static bool pairs_match(judge *j, const pair_list *p, const pairs_options *o, arena *owner, pairs_result *out, error *err) {
    if (j->answer == NULL) return fail(err, "%s: %s writes no answers", p->path, j->name);
    for (size_t i = 0; i < p->n; i++) {
        const json *calls = json_get(p->pairs[i].messages[p->pairs[i].n - 1].members, "tool_calls");
        if (calls != NULL && calls->length > 0)
            return fail(err, "%s: line %zu: the answer calls a tool, and only texts can be matched: --no-match leaves that out", p->path, p->line[i]);
    }
    pairs_progress told = {.stop = o->stop};
    out->pair_exact = NEW_ARRAY(owner, p->n, bool);
    out->answer = NEW_ARRAY(owner, p->n, string);
    progress_start(&told.shown, path_name(p->path), "answers written", (double)p->n);
    const bool ok = j->answer(j->self, p->pairs, p->n, o->most_tokens, out->answer, pairs_progress_at, &told, err);
    if (ok || told.shown.drawn > 0) progress_end(&told.shown, NULL);
    if (!ok) return fail(err, "%s", p->path);
    for (size_t i = 0; i < p->n; i++) {
        const message *known = &p->pairs[i].messages[p->pairs[i].n - 1];
        size_t n_written = out->answer[i].length, n_known = known->length;
        const char *written = text_trim(string_chars(&out->answer[i]), &n_written), *want = text_trim(known->content, &n_known);
        out->pair_exact[i] = n_written == n_known && memcmp(written, want, n_known) == 0;
        out->exact += out->pair_exact[i];
    }
    return true;
}

bool pairs_measure(judge *j, const pair_list *p, const pairs_options *o, arena *owner, pairs_result *out, error *err) {
    *out = (pairs_result){.n = p->n};
    if (j->answer_score == NULL) return fail(err, "%s: %s gives no likelihood of answers", p->path, j->name);
    answer_score *score = NEW_ARRAY(owner, p->n, answer_score);
    pairs_progress told = {.stop = o->stop};
    progress_start(&told.shown, path_name(p->path), "tokens of pairs", 0);
    const bool ok = j->answer_score(j->self, p->pairs, p->n, score, pairs_progress_at, &told, err);
    if (ok || told.shown.drawn > 0) progress_end(&told.shown, NULL);
    if (!ok) return fail(err, "%s", p->path);
    out->pair_nll = NEW_ARRAY(owner, p->n, double);
    out->pair_tokens = NEW_ARRAY(owner, p->n, size_t);
    for (size_t i = 0; i < p->n; i++) {
        if (score[i].tokens == 0) return fail(err, "%s: line %zu: there is no answer to score", p->path, p->line[i]);
        out->pair_nll[i] = score[i].nll;
        out->pair_tokens[i] = score[i].tokens;
        out->nll += score[i].nll;
        out->tokens += score[i].tokens;
    }
    return !o->match || pairs_match(j, p, o, owner, out, err);
}

void pairs_result_drop(pairs_result *r) {
    for (size_t i = 0; r->answer != NULL && i < r->n; i++) string_drop(&r->answer[i]);
    r->answer = NULL;
}
