/* Perplexity against a judge whose figures are known: id i costs i / 16 nats, wherever it stands. */
#include "base/log.h"
#include "eval/kind.h"
#include "eval/perplexity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "byte_tokenizer.h"

enum { MOST_WINDOWS = 256 };
typedef struct ledger {
    size_t calls, windows, n[MOST_WINDOWS];
    int32_t first_id[MOST_WINDOWS];
} ledger;

static bool known_score(void *self, const score_window *w, size_t n, score_progress *told, void *context, error *err) {
    ledger *l = self;
    l->calls++;
    for (size_t i = 0; i < n; i++) {
        if (l->windows < MOST_WINDOWS) {
            l->n[l->windows] = w[i].n;
            l->first_id[l->windows++] = w[i].ids[0];
        }
        for (size_t t = w[i].from; t < w[i].n; t++) w[i].nll[t] = (double)w[i].ids[t] / 16;
    }
    return told == NULL || told(context, 1) || (fail)(err, "stopped");
}

static judge known_judge(ledger *l, const tokenizer *t) {
    *l = (ledger){0};
    return (judge){.name = "known", .self = l, .tokenizer = t, .max_context = 64, .score = known_score};
}

static double cost(const char *text, size_t from, size_t end) {
    double sum = 0;
    for (size_t i = from; i < end; i++) sum += ((unsigned char)text[i] + 1) / 16.0;
    return sum;
}

static void measured(const judge *j, const char *path, perplexity_options o, arena *owner, perplexity_result *r) {
    error err = {0};
    judge copy = *j;
    if (!perplexity_measure(&copy, path, &o, owner, r, &err)) fail_msg("%s", err.text);
}

static void text_is_scored_once_behind_the_tokenizer_s_bos(void **state) {
    arena owner = {0};
    error err = {0};
    ledger l;
    char text[151] = {0};
    for (int i = 0; i < 150; i++) text[i] = (char)('a' + i % 26);
    const char *path = test_file(&owner, "plain.txt", text);
    judge j = known_judge(&l, byte_tokenizer(&owner, true, &err));
    assert_non_null(j.tokenizer);
    perplexity_result r;
    measured(&j, path, (perplexity_options){0}, &owner, &r);
    assert_int_equal(r.tokens, 150);
    assert_int_equal(r.bytes, 150);
    assert_true(fabs(r.nll - cost(text, 0, 150)) < 1e-9);
    assert_true(fabs(perplexity_of(&r) - exp(cost(text, 0, 150) / 150)) < 1e-9);
    assert_true(fabs(bits_per_byte_of(&r) - cost(text, 0, 150) / 150 / log(2)) < 1e-9);
    assert_int_equal(l.windows, 3); /* 64 + 64 + 22 asked for */
    assert_int_equal(l.first_id[0], BYTE_BOS);
    assert_int_equal(l.first_id[1], text[63] + 1);
    /* without a prefix the first token is not scored */
    measured(&j, path, (perplexity_options){.prefix = PREFIX_NONE}, &owner, &r);
    assert_int_equal(r.tokens, 149);
    assert_true(fabs(r.nll - cost(text, 1, 150)) < 1e-9);
    /* overlapping windows ask for the same */
    measured(&j, path, (perplexity_options){.context = 16, .stride = 4}, &owner, &r);
    assert_int_equal(r.tokens, 150);
    assert_true(fabs(r.nll - cost(text, 0, 150)) < 1e-9);
    arena_drop(&owner);
}

static void tokenizer_without_bos_leaves_the_first_token_unscored_unless_told(void **state) {
    arena owner = {0};
    error err = {0};
    ledger l;
    const char *path = test_file(&owner, "short.txt", "hello");
    judge j = known_judge(&l, byte_tokenizer(&owner, false, &err));
    perplexity_result r;
    measured(&j, path, (perplexity_options){0}, &owner, &r);
    assert_int_equal(r.tokens, 4);
    measured(&j, path, (perplexity_options){.prefix = PREFIX_EOS}, &owner, &r);
    assert_int_equal(r.tokens, 5);
    arena_drop(&owner);
}

/* llama.cpp's perplexity: n_ctx 16, the ids with BOS cut into whole chunks, BOS over each chunk's first, ids 9 .. 15 of each scored. */
static void last_half_scores_what_llama_cpp_scores(void **state) {
    arena owner = {0};
    error err = {0};
    ledger l;
    char text[101] = {0};
    for (int i = 0; i < 100; i++) text[i] = (char)('A' + i % 50);
    const char *path = test_file(&owner, "halves.txt", text);
    judge j = known_judge(&l, byte_tokenizer(&owner, true, &err));
    perplexity_result r;
    measured(&j, path, (perplexity_options){.context = 16, .scoring = SCORE_LAST_HALF}, &owner, &r);
    double want = 0;
    for (size_t chunk = 0; chunk < 101 / 16; chunk++) want += cost(text, chunk * 16 + 9 - 1, chunk * 16 + 16 - 1);
    assert_int_equal(l.windows, 6);
    for (size_t w = 0; w < 6; w++) assert_int_equal(l.first_id[w], BYTE_BOS);
    assert_int_equal(r.tokens, 6 * 7);
    assert_int_equal(r.bytes, 6 * 7);
    assert_true(fabs(r.nll - want) < 1e-9);
    judge copy = j;
    assert_false(
        perplexity_measure(&copy, test_file(&owner, "tiny.txt", "few"), &(perplexity_options){.context = 16, .scoring = SCORE_LAST_HALF}, &owner, &r, &err));
    assert_non_null(strstr(err.text, "fill no chunk of 16"));
    arena_drop(&owner);
}

static void documents_are_scored_each_on_its_own_and_summed(void **state) {
    static const char lines[] = "{\"id\": 1, \"text\": \"one\"}\n\n{\"text\": 5}\n{\"text\": \"three more\"}\n{\"text\": \"\"}\n";
    arena owner = {0};
    error err = {0};
    ledger l;
    judge j = known_judge(&l, byte_tokenizer(&owner, true, &err));
    perplexity_result r, zipped;
    measured(&j, test_file(&owner, "documents.jsonl", lines), (perplexity_options){0}, &owner, &r);
    assert_int_equal(r.documents, 3);
    assert_int_equal(r.skipped, 1);
    assert_int_equal(r.tokens, 13);
    assert_int_equal(r.bytes, 13);
    assert_true(fabs(r.document_nll[0] - cost("one", 0, 3)) < 1e-9);
    assert_true(fabs(r.document_nll[1] - cost("three more", 0, 10)) < 1e-9);
    assert_true(r.document_nll[2] == 0);
    assert_true(fabs(r.nll - r.document_nll[0] - r.document_nll[1]) < 1e-9);
    assert_int_equal(l.windows, 2);
    assert_int_equal(l.first_id[1], BYTE_BOS);
    const char *zst = path_join(&owner, test_folder(), "documents.jsonl.zst");
    assert_true(file_write(zst, lines, sizeof lines - 1, &err));
    measured(&j, zst, (perplexity_options){0}, &owner, &zipped);
    assert_true(zipped.nll == r.nll && zipped.documents == 3);
    arena_drop(&owner);
}

static void what_cannot_be_scored_is_said(void **state) {
    static const struct {
        const char *text, *says;
        perplexity_options o;
    } cases[] = {
        {"", "holds no token that something predicts", {0}},
        {"text", "a context of 65 is more than the model's 64 positions", {.context = 65}},
        {"text", "a stride of 9 leaves ids out", {.context = 8, .stride = 9}},
        {"t", "holds no token that something predicts", {.prefix = PREFIX_NONE}},
    };
    arena owner = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        ledger l;
        judge j = known_judge(&l, byte_tokenizer(&owner, true, &err));
        perplexity_result r;
        const char *path = test_file(&owner, "bad", cases[i].text);
        assert_false(perplexity_measure(&j, path, &cases[i].o, &owner, &r, &err));
        if (strstr(err.text, cases[i].says) == NULL) fail_msg("case %zu says: %s", i, err.text);
    }
    arena_drop(&owner);
}

static void a_signal_stops_it(void **state) {
    arena owner = {0};
    error err = {0};
    ledger l;
    const volatile int stop = 2;
    judge j = known_judge(&l, byte_tokenizer(&owner, true, &err));
    perplexity_result r;
    assert_false(perplexity_measure(&j, test_file(&owner, "stop.txt", "text"), &(perplexity_options){.stop = &stop}, &owner, &r, &err));
    assert_non_null(strstr(err.text, "stopped"));
    arena_drop(&owner);
}

static void kind_is_told_by_name_and_first_line(void **state) {
    static const struct {
        const char *name, *text;
        eval_kind kind;
        const char *refused;
    } cases[] = {
        {"a.txt", "{\"messages\": []}\n", EVAL_TEXT, NULL},
        {"a.jsonl", "\n{\"text\": \"x\"}\n", EVAL_TEXT, NULL},
        {"b.jsonl.gz", "{\"messages\": []}\n", EVAL_PAIRS, NULL},
        {"c.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n", EVAL_PAIRS, NULL},
        {"d.ndjson", "{\"conversations\": []}\n", EVAL_PAIRS, NULL},
        {"e.jsonl", "{\"html\": \"\"}\n", EVAL_TEXT, "its first line has no"},
        {"f.jsonl", "", EVAL_TEXT, "is empty"},
        {"g.jsonl", "not json\n", EVAL_TEXT, "its first line"},
    };
    arena owner = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        eval_kind kind;
        const bool ok = eval_kind_of(test_file(&owner, cases[i].name, cases[i].text), &kind, &err);
        assert_int_equal(ok, cases[i].refused == NULL);
        if (ok) assert_int_equal(kind, cases[i].kind);
        else if (strstr(err.text, cases[i].refused) == NULL) fail_msg("%s says: %s", cases[i].name, err.text);
    }
    error err = {0};
    eval_kind kind;
    assert_false(eval_kind_of("/nowhere/there.jsonl", &kind, &err));
    arena_drop(&owner);
}

static int remove_folder(void **state) {
    error err = {0};
    return folder_remove(test_folder(), &err) ? 0 : -1;
}

int main(void) {
    log_set_level(LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_scored_once_behind_the_tokenizer_s_bos),
        cmocka_unit_test(tokenizer_without_bos_leaves_the_first_token_unscored_unless_told),
        cmocka_unit_test(last_half_scores_what_llama_cpp_scores),
        cmocka_unit_test(documents_are_scored_each_on_its_own_and_summed),
        cmocka_unit_test(what_cannot_be_scored_is_said),
        cmocka_unit_test(a_signal_stops_it),
        cmocka_unit_test(kind_is_told_by_name_and_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
