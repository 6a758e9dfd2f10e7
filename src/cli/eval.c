/* socle eval: how well a model predicts text, answers, or given ids. */
#include "base/file.h"
#include "cli/cli.h"
#include "eval/compare.h"
#include "eval/judge.h"
#include "eval/kind.h"
#include "eval/pairs.h"
#include "eval/perplexity.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 7, KIND_AUTO = 0 /* else eval_kind + 1 */ };

/* One kind of result as an aligned table; JSON needs none. */
typedef struct table {
    const char *head[COLUMNS];
    const char *(*row)[COLUMNS];
    size_t n, room;
} table;

typedef struct evaluation {
    arena *owner;
    const char *ids, *against, *pairs_out;
    long context, stride, max_tokens;
    int scoring, prefix, template, kind;
    bool match, json;
    judge judge[2]; /* the model, and the one it is compared with */
    int n_judge;
    file_writer *pairs_file;
    table text, pairs, compared;
} evaluation;

/* ---- output ---- */

static void table_add(evaluation *e, table *t, const char *const row[COLUMNS]) {
    if (t->n == t->room) {
        const size_t room = t->room == 0 ? 8 : 2 * t->room;
        t->row = arena_grow(e->owner, t->row, t->room * sizeof *t->row, room * sizeof *t->row);
        t->room = room;
    }
    for (int c = 0; c < COLUMNS; c++) t->row[t->n][c] = row[c];
    t->n++;
}

/* The first column is text, the others are figures; columns without a head, and one that was hidden, are not there. */
static bool table_print(const table *t, int hidden, error *err) {
    string out = {0};
    for (size_t r = 0; t->n > 0 && r <= t->n; r++) {
        for (int c = 0; c < COLUMNS && t->head[c] != NULL; c++) {
            if (c == hidden) continue;
            int width = (int)strlen(t->head[c]);
            for (size_t i = 0; i < t->n; i++)
                if ((int)strlen(t->row[i][c]) > width) width = (int)strlen(t->row[i][c]);
            string_print(&out, c == 0 ? "%-*s" : "  %*s", width, r == 0 ? t->head[c] : t->row[r - 1][c]);
        }
        string_char(&out, '\n');
    }
    if (t->n > 0) string_char(&out, '\n');
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

static bool print_json(json_writer *w, error *err) {
    json_end_object(w);
    string_char(w->out, '\n');
    const bool ok = print_string(w->out, err);
    string_drop(w->out);
    return ok;
}

static void member_text(json_writer *w, const char *key, const char *text) {
    json_key(w, key);
    json_text(w, text);
}

static void member_integer(json_writer *w, const char *key, size_t n) {
    json_key(w, key);
    json_integer(w, (int64_t)n);
}

static void member_number(json_writer *w, const char *key, double x) {
    json_key(w, key);
    json_number(w, x);
}

/* ---- --ids ---- */

static bool ids_parse(const char *text, arena *owner, int32_t **ids, size_t *n, error *err) {
    *ids = NEW_ARRAY(owner, strlen(text) / 2 + 1, int32_t);
    *n = 0;
    for (const char *c = text;;) {
        while (isspace((unsigned char)*c) || *c == ',') c++;
        if (*c == 0) return *n > 0 || fail(err, "--ids: holds no id");
        char *end;
        errno = 0;
        const long id = strtol(c, &end, 10);
        if (end == c || (*end != 0 && *end != ',' && !isspace((unsigned char)*end))) return fail(err, "--ids: '%.20s' is no id", c);
        if (errno != 0 || id < 0 || id > INT32_MAX) return fail(err, "--ids: %.20s is no id a vocabulary can have", c);
        (*ids)[(*n)++] = (int32_t)id;
        c = end;
    }
}

static bool ids_report(const evaluation *e, const int32_t *ids, size_t n, const double *nll, error *err) {
    string out = {0};
    json_writer w = {.out = &out};
    double sum = 0;
    if (e->json) {
        json_begin_object(&w);
        json_key(&w, "logprobs");
        json_begin_array(&w);
        for (size_t i = 1; i < n; i++) json_number(&w, -nll[i]);
        json_end_array(&w);
        return print_json(&w, err);
    }
    for (size_t i = 1; i < n; i++) {
        string_print(&out, "%8d  %10.5f\n", (int)ids[i], -nll[i]);
        sum += nll[i];
    }
    string_print(&out, "%8s  %10.5f\n", "sum", -sum);
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

static bool run_ids(evaluation *e, const char *argument, const int32_t *ids, size_t n, error *err) {
    model *m = model_open(e->owner, argument, err);
    if (m == NULL) return false;
    const size_t most = (size_t)m->max_position, context = e->context == 0 ? most : (size_t)e->context;
    if (context > most) return fail(err, "--context %ld is more than the model's %zu positions", e->context, most);
    const size_t stride = e->stride == 0 ? context : (size_t)e->stride;
    if (stride > context) return fail(err, "--stride %ld leaves ids out: it may be at most the context, %zu", e->stride, context);
    double *nll = NEW_ARRAY(e->owner, n, double);
    scorer *s = scorer_new(m, 0);
    const bool ok = s != NULL && score_sequence(s, ids, n, context, stride, nll, err);
    scorer_drop(s);
    model_free_weights(m);
    return ok ? ids_report(e, ids, n, nll, err) : fail(err, "%s", argument);
}

/* ---- files ---- */

static bool run_text(evaluation *e, const char *path, judge *j, perplexity_result *r, error *err) {
    const perplexity_options o = {.context = (size_t)e->context,
                                  .stride = (size_t)e->stride,
                                  .scoring = (text_scoring)e->scoring,
                                  .prefix = (text_prefix)e->prefix,
                                  .stop = signal_flag()};
    if (!perplexity_measure(j, path, &o, e->owner, r, err)) return false;
    if (!e->json) {
        table_add(e, &e->text,
                  (const char *[COLUMNS]){path, j->name, arena_print(e->owner, "%zu", r->tokens), arena_print(e->owner, "%zu", r->bytes),
                                          arena_print(e->owner, "%.2f", r->nll), arena_print(e->owner, "%.4f", perplexity_of(r)),
                                          arena_print(e->owner, "%.4f", bits_per_byte_of(r))});
        return true;
    }
    string out = {0};
    json_writer w = {.out = &out};
    json_begin_object(&w);
    member_text(&w, "file", path);
    if (e->n_judge > 1) member_text(&w, "model", j->name);
    member_integer(&w, "tokens", r->tokens);
    member_integer(&w, "bytes", r->bytes);
    member_number(&w, "nll", r->nll);
    member_number(&w, "perplexity", perplexity_of(r));
    member_number(&w, "bits_per_byte", bits_per_byte_of(r));
    member_integer(&w, "documents", r->documents);
    member_integer(&w, "skipped", r->skipped);
    return print_json(&w, err);
}

static bool run_pairs(evaluation *e, const pair_list *p, judge *j, pairs_result *r, error *err) {
    const pairs_options o = {.match = e->match, .most_tokens = (size_t)e->max_tokens, .stop = signal_flag()};
    if (!pairs_measure(j, p, &o, e->owner, r, err)) return false;
    const double mean = r->nll / (double)r->n, perplexity = perplexity_of(&(perplexity_result){.tokens = r->tokens, .nll = r->nll});
    const double exact = (double)r->exact / (double)r->n;
    if (!e->json) {
        table_add(e, &e->pairs,
                  (const char *[COLUMNS]){p->path, j->name, arena_print(e->owner, "%zu", r->n), arena_print(e->owner, "%zu", r->tokens),
                                          arena_print(e->owner, "%.4f", mean), arena_print(e->owner, "%.4f", perplexity),
                                          o.match ? arena_print(e->owner, "%zu (%.1f%%)", r->exact, 100 * exact) : "-"});
        return true;
    }
    string out = {0};
    json_writer w = {.out = &out};
    json_begin_object(&w);
    member_text(&w, "file", p->path);
    if (e->n_judge > 1) member_text(&w, "model", j->name);
    member_integer(&w, "pairs", r->n);
    member_integer(&w, "tokens", r->tokens);
    member_number(&w, "nll", r->nll);
    member_number(&w, "mean_nll", mean);
    member_number(&w, "perplexity", perplexity);
    if (o.match) {
        member_integer(&w, "exact", r->exact);
        member_number(&w, "exact_match", exact);
    }
    return print_json(&w, err);
}

/* What each pair got, one line a pair and model. */
static bool write_pairs(evaluation *e, const pair_list *p, const judge *j, const pairs_result *r, error *err) {
    string out = {0};
    for (size_t i = 0; i < r->n; i++) {
        json_writer w = {.out = &out};
        const message *known = &p->pairs[i].messages[p->pairs[i].n - 1];
        json_begin_object(&w);
        member_text(&w, "file", p->path);
        member_text(&w, "model", j->name);
        member_integer(&w, "line", p->line[i]);
        member_number(&w, "nll", r->pair_nll[i]);
        member_integer(&w, "tokens", r->pair_tokens[i]);
        json_key(&w, "answer");
        json_text_n(&w, known->content, known->length);
        if (r->pair_exact != NULL) {
            size_t n = r->answer[i].length;
            const char *written = text_trim(string_chars(&r->answer[i]), &n);
            json_key(&w, "written");
            json_text_n(&w, written, n);
            json_key(&w, "exact");
            json_bool(&w, r->pair_exact[i]);
        }
        json_end_object(&w);
        string_char(&out, '\n');
    }
    const bool ok = file_writer_put(e->pairs_file, string_chars(&out), out.length, err);
    string_drop(&out);
    return ok;
}

static bool report_comparison(evaluation *e, const char *path, const char *what, const double *a, const double *b, size_t n, error *err) {
    const comparison c = compare_paired(a, b, n);
    if (!e->json) {
        table_add(e, &e->compared,
                  (const char *[COLUMNS]){path, arena_print(e->owner, "%zu", n), arena_print(e->owner, "%+.4f", c.mean),
                                          n < 2 ? "-" : arena_print(e->owner, "%+.4f", c.low), n < 2 ? "-" : arena_print(e->owner, "%+.4f", c.high),
                                          c.excludes_zero ? (c.mean < 0 ? "MODEL is better" : "MODEL is worse") : "no difference shown"});
        return true;
    }
    string out = {0};
    json_writer w = {.out = &out};
    json_begin_object(&w);
    member_text(&w, "file", path);
    member_text(&w, "model", e->judge[0].name);
    member_text(&w, "against", e->judge[1].name);
    member_integer(&w, what, n);
    member_number(&w, "mean_difference", c.mean);
    json_key(&w, "interval_95");
    json_begin_array(&w);
    json_number(&w, c.low);
    json_number(&w, c.high);
    json_end_array(&w);
    member_text(&w, "interval", "paired Student's t");
    json_key(&w, "excludes_zero");
    json_bool(&w, c.excludes_zero);
    return print_json(&w, err);
}

static bool run_file_of_pairs(evaluation *e, const char *path, error *err) {
    pair_list pairs;
    pairs_result result[2] = {0};
    bool ok = pairs_read(e->owner, path, &pairs, err);
    for (int j = 0; ok && j < e->n_judge; j++) {
        ok = run_pairs(e, &pairs, &e->judge[j], &result[j], err);
        if (ok && e->pairs_file != NULL) ok = write_pairs(e, &pairs, &e->judge[j], &result[j], err);
    }
    for (int j = 0; j < e->n_judge; j++) pairs_result_drop(&result[j]);
    return ok && (e->n_judge < 2 || report_comparison(e, path, "pairs", result[0].pair_nll, result[1].pair_nll, pairs.n, err));
}

static bool run_file(evaluation *e, const char *path, error *err) {
    eval_kind kind = (eval_kind)(e->kind - 1);
    if (e->kind == KIND_AUTO && !eval_kind_of(path, &kind, err)) return false;
    if (kind == EVAL_PAIRS) return run_file_of_pairs(e, path, err);
    perplexity_result result[2];
    for (int j = 0; j < e->n_judge; j++)
        if (!run_text(e, path, &e->judge[j], &result[j], err)) return false;
    return e->n_judge < 2 || report_comparison(e, path, "documents", result[0].document_nll, result[1].document_nll, result[0].documents, err);
}

static bool run_files(evaluation *e, char **paths, size_t n, error *err) {
    if (e->pairs_out != NULL && (e->pairs_file = file_writer_open(e->pairs_out, err)) == NULL) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) ok = run_file(e, paths[i], err);
    if (e->pairs_file != NULL) {
        if (ok) ok = file_writer_commit(e->pairs_file, err);
        else file_writer_abort(e->pairs_file);
    }
    const int hidden = e->n_judge > 1 ? -1 : 1; /* which model it was need not be said where there is one */
    return ok && table_print(&e->text, hidden, err) && table_print(&e->pairs, hidden, err) && table_print(&e->compared, -1, err);
}

int command_eval(int argc, char **argv) {
    arena owner = {0};
    evaluation e = {.owner = &owner,
                    .max_tokens = 64,
                    .match = true,
                    .text = {.head = {"file", "model", "tokens", "bytes", "nll", "perplexity", "bits/byte"}},
                    .pairs = {.head = {"file", "model", "pairs", "tokens", "nll/pair", "perplexity", "exact match"}},
                    .compared = {.head = {"file", "items", "mean difference", "95% from", "to", "verdict"}}};
    const option options[] = {
        {"ids", 0, OPT_TEXT, &e.ids, .argument = "\"1 2 3\"", .help = "log-probabilities of these ids, one for each after the first; needs no tokenizer"},
        {"context", 0, OPT_INT, &e.context, .help = "ids read at once; 0: the model's positions, for text at most 1024", .least = 0, .most = 1 << 30},
        {"stride", 0, OPT_INT, &e.stride, .help = "ids from one window to the next; 0: the context, so that windows do not overlap", .least = 0,
         .most = 1 << 30},
        {"score", 0, OPT_CHOICE, &e.scoring, .choices = "all|last-half",
         .help = "of a text: each token once, or the second half of each chunk, as llama.cpp does"},
        {"prefix", 0, OPT_CHOICE, &e.prefix, .choices = "auto|none|bos|eos", .help = "what stands before a text; auto: what the tokenizer puts there"},
        {"template", 0, OPT_CHOICE, &e.template, .choices = "auto|chatml|plain",
         .help = "how pairs are shown to the model; auto: by its own chat template; plain: each turn and a line feed"},
        {"against", 0, OPT_TEXT, &e.against, .argument = "MODEL", .help = "a second model on the same files, and the paired difference with its 95% interval"},
        {"match", 0, OPT_FLAG, &e.match, .help = "pairs: also write the greedy answers and count those that are equal; --no-match leaves it out"},
        {"max-tokens", 0, OPT_INT, &e.max_tokens, .help = "pairs: longest answer that is written", .least = 1, .most = 1 << 20},
        {"pairs-out", 0, OPT_TEXT, &e.pairs_out, .argument = "FILE", .help = "JSON lines with what each pair got"},
        {"format", 0, OPT_CHOICE, &e.kind, .choices = "auto|text|pairs",
         .help = "what each FILE holds: text (JSON lines of documents, too) or pairs; auto: told by its name and first line"},
        {0},
    };
    const command c = {.name = "eval",
                       .arguments = "MODEL [FILE...]",
                       .options = options,
                       .least_words = 1,
                       .most_words = 4096,
                       .summary = "perplexity and bits per byte of text, likelihood and exact match of answers, log-probabilities of ids",
                       .examples = "  socle eval models/base heldout.txt documents.jsonl.zst\n"
                                   "  socle eval models/base+adapters/english pairs.jsonl --json\n"
                                   "  socle eval models/base+adapters/english --against models/base --template chatml pairs.jsonl\n"
                                   "  socle eval models/base --ids \"1 403 407\" --json\n"};
    common_options common;
    int status;
    error err = {0};
    if (!command_begin(&c, argc, argv, &owner, &common, &status)) return arena_drop(&owner), status;
    e.json = common.json;
    int32_t *ids = NULL;
    size_t n_ids = 0;
    const size_t n_file = common.n_word - 1;
    bool usage = true;
    if (e.ids != NULL && n_file > 0) usage = fail(&err, "--ids and files exclude each other");
    else if (e.ids != NULL && e.against != NULL) usage = fail(&err, "--ids and --against exclude each other");
    else if (e.ids != NULL && e.pairs_out != NULL) usage = fail(&err, "--ids and --pairs-out exclude each other");
    else if (e.ids == NULL && n_file == 0) usage = fail(&err, "nothing to evaluate on: name a FILE, or --ids");
    else if (e.ids != NULL) usage = ids_parse(e.ids, &owner, &ids, &n_ids, &err);
    if (!usage) return arena_drop(&owner), report_usage("eval", &err);

    signals_catch();
    bool ok = true;
    if (e.ids != NULL) ok = run_ids(&e, common.words[0], ids, n_ids, &err);
    else {
        const char *models[] = {common.words[0], e.against};
        for (; ok && e.n_judge < 2 && models[e.n_judge] != NULL; e.n_judge += ok)
            ok = judge_open(&e.judge[e.n_judge], &owner, models[e.n_judge], (rendering)e.template, &err);
        ok = ok && run_files(&e, common.words + 1, n_file, &err);
    }
    for (int j = 0; j < e.n_judge; j++) judge_drop(&e.judge[j]);
    arena_drop(&owner);
    if (!ok && signal_seen() != 0) return 128 + signal_seen();
    return ok ? finish_out() : report_failure(&err);
}
