/* Models and adapters that others made, against the log-probabilities that transformers, PEFT and llama2.c gave for them.
 * SOCLE_DATA names the folder with models/, families/ and adapters/; without it these tests are skipped. */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "eval/pairs.h"
#include "eval/perplexity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *data_folder(void) {
    const char *data = getenv("SOCLE_DATA");
    return data == NULL ? "../shared/data" : data;
}

/* First in each test: nothing is left behind where it is skipped. */
static void data_needed(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/families/llama/config.json", data_folder());
    if (!file_exists(path)) skip();
}

static const char *data_path(arena *owner, const char *name) {
    return path_join(owner, data_folder(), name);
}

static int32_t *read_ids(arena *owner, const json *list, size_t *n) {
    int32_t *ids = NEW_ARRAY(owner, list->length, int32_t);
    for (*n = 0; *n < list->length; ++*n) ids[*n] = (int32_t)list->item[*n].integer;
    return ids;
}

/* The largest gap between what the model gives and what the reference has. */
static double gap_of(arena *owner, const char *argument, const json *reference_ids, const json *want) {
    error err = {0};
    size_t n;
    const int32_t *ids = read_ids(owner, reference_ids, &n);
    double *nll = NEW_ARRAY(owner, n, double), gap = 0;
    model *m = model_open(owner, argument, &err);
    if (m == NULL) fail_msg("%s: %s", argument, err.text);
    assert_int_equal(want->length, n - 1);
    scorer *s = scorer_new(m, 0);
    if (!score_sequence(s, ids, n, (size_t)m->max_position, (size_t)m->max_position, nll, &err)) fail_msg("%s: %s", argument, err.text);
    for (size_t i = 1; i < n; i++) gap = fmax(gap, fabs(-nll[i] - want->item[i - 1].number));
    scorer_drop(s);
    model_free_weights(m);
    return gap;
}

static void families_agree_with_transformers(void **state) {
    data_needed();
    static const char *const names[] = {"gpt2", "gpt2-no-prefix", "llama", "llama-tied-bias"};
    arena owner = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        error err = {0};
        const char *folder = data_path(&owner, arena_print(&owner, "families/%s", names[i]));
        const json *reference = json_read_file(&owner, path_join(&owner, folder, "reference.json"), &err);
        assert_non_null(reference);
        const double gap = gap_of(&owner, folder, json_get(reference, "ids"), json_get(reference, "next_logprobs"));
        if (!(gap < 1e-4)) fail_msg("%s is off by %g", names[i], gap);
    }
    arena_drop(&owner);
}

static void adapters_agree_with_peft(void **state) {
    data_needed();
    static const char *const names[] = {"stories-qv", "stories-layers", "stories-all-rslora", "stories-patterns", "gpt2-conv1d"};
    arena owner = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        error err = {0};
        const char *folder = data_path(&owner, arena_print(&owner, "adapters/%s", names[i]));
        const json *reference = json_read_file(&owner, path_join(&owner, folder, "reference.json"), &err);
        assert_non_null(reference);
        const char *argument = arena_print(&owner, "%s+%s", data_path(&owner, json_get_text(reference, "base", "")), folder);
        const double gap = gap_of(&owner, argument, json_get(reference, "ids"), json_get(reference, "next_logprobs"));
        if (!(gap < 1e-4)) fail_msg("%s is off by %g", names[i], gap);
    }
    arena_drop(&owner);
}

static void texts_are_as_likely_as_llama2_c_finds_them(void **state) {
    data_needed();
    arena owner = {0};
    error err = {0};
    const char *folder = data_path(&owner, "models/stories260K-hf");
    const json *reference = json_read_file(&owner, data_path(&owner, "models/llama2c-stories260K/reference.json"), &err),
               *cases = json_get(reference, "text_nll");
    assert_non_null(cases);
    judge j;
    if (!judge_open(&j, &owner, folder, RENDER_AUTO, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < cases->length; i++) {
        const json *one = &cases->item[i], *want = json_get(one, "logprobs");
        const double gap = gap_of(&owner, folder, json_get(one, "ids"), want);
        if (!(gap < 1e-3)) fail_msg("case %zu is off by %g", i, gap);
        /* and the same through a file of text, BOS by the tokenizer */
        const json *text = json_get(one, "text");
        const char *path = arena_print(&owner, "/tmp/socle-reference-%d.txt", (int)getpid());
        assert_true(file_write(path, text->text, text->length, &err));
        perplexity_result r;
        if (!perplexity_measure(&j, path, &(perplexity_options){0}, &owner, &r, &err)) fail_msg("%s", err.text);
        remove(path);
        double sum = 0;
        for (size_t t = 0; t < want->length; t++) sum -= want->item[t].number;
        assert_int_equal(r.tokens, want->length);
        assert_int_equal(r.bytes, text->length);
        if (!(fabs(r.nll - sum) < 1e-3 * (double)want->length)) fail_msg("case %zu: %g nats, not %g", i, r.nll, sum);
    }
    judge_drop(&j);
    arena_drop(&owner);
}

/* The model's own greedy text, cut in two, is a pair that it must answer exactly; each alone and among the others. */
static void greedy_answers_match_what_the_model_writes(void **state) {
    data_needed();
    arena owner = {0};
    error err = {0};
    judge j;
    if (!judge_open(&j, &owner, data_path(&owner, "models/stories260K-hf"), RENDER_PLAIN, &err)) fail_msg("%s", err.text);
    static const char *const prompts[] = {"Once upon a time, there was a little girl named Lily.", "Tom and his dog", "The big red ball", "One day, a cat",
                                          "Sue had a hat."};
    enum { N = COUNT(prompts) };
    conversation asked[N];
    message turns[N][2];
    string alone[N] = {0}, together[N] = {0};
    answer_score one[N], many[N];
    for (size_t i = 0; i < N; i++) {
        turns[i][0] = (message){.role = "user", .content = prompts[i], .length = strlen(prompts[i])};
        turns[i][1] = (message){.role = "assistant", .content = "", .learned = true};
        asked[i] = (conversation){.messages = turns[i], .n = 2};
        if (!j.answer(j.self, &asked[i], 1, 24, &alone[i], NULL, NULL, &err)) fail_msg("%s", err.text);
        turns[i][1].content = string_chars(&alone[i]);
        turns[i][1].length = alone[i].length;
        if (!j.answer_score(j.self, &asked[i], 1, &one[i], NULL, NULL, &err)) fail_msg("%s", err.text);
    }
    if (!j.answer(j.self, asked, N, 24, together, NULL, NULL, &err)) fail_msg("%s", err.text);
    if (!j.answer_score(j.self, asked, N, many, NULL, NULL, &err)) fail_msg("%s", err.text);
    size_t written = 0;
    for (size_t i = 0; i < N; i++) {
        written += together[i].length;
        assert_string_equal(string_chars(&alone[i]), string_chars(&together[i]));
        assert_true(one[i].nll == many[i].nll && one[i].tokens == many[i].tokens && one[i].tokens > 0);
        string_drop(&alone[i]);
        string_drop(&together[i]);
    }
    assert_true(written > 0);
    judge_drop(&j);
    arena_drop(&owner);
}

int main(void) {
    log_set_level(LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_agree_with_transformers),
        cmocka_unit_test(adapters_agree_with_peft),
        cmocka_unit_test(texts_are_as_likely_as_llama2_c_finds_them),
        cmocka_unit_test(greedy_answers_match_what_the_model_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
