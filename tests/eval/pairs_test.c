/* Pairs against a judge whose answers are known, and how conversations are shown to a model. */
#include "base/log.h"
#include "eval/dialog.h"
#include "eval/pairs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "byte_tokenizer.h"

static bool known_answer_score(void *self, const conversation *asked, size_t n, answer_score *out, score_progress *told, void *context, error *err) {
    for (size_t i = 0; i < n; i++) out[i] = (answer_score){.nll = (double)asked[i].messages[asked[i].n - 1].length, .tokens = 1 + i};
    return told(context, n) || (fail)(err, "stopped");
}

/* Answers with the question. */
static bool echo(void *self, const conversation *asked, size_t n, size_t most_tokens, string *out, score_progress *told, void *context, error *err) {
    for (size_t i = 0; i < n; i++) string_append(&out[i], asked[i].messages[0].content, asked[i].messages[0].length);
    return told(context, n) || (fail)(err, "stopped");
}

static void answers_are_scored_and_matched_without_blanks_at_their_ends(void **state) {
    static const char lines[] = "{\"prompt\": \" same \\n\", \"completion\": \"same\"}\n"
                                "\n"
                                "{\"messages\": [{\"role\": \"user\", \"content\": \"Same\"}, {\"role\": \"assistant\", \"content\": \"same\"}]}\n"
                                "{\"prompt\": \"a b\", \"completion\": \"a  b\"}\n"
                                "{\"prompt\": \"same and more\", \"completion\": \"same\"}\n";
    arena owner = {0};
    error err = {0};
    judge j = {.name = "echo", .answer_score = known_answer_score, .answer = echo};
    pair_list p;
    pairs_result r;
    assert_true(pairs_read(&owner, test_file(&owner, "pairs.jsonl", lines), &p, &err));
    assert_int_equal(p.n, 4);
    assert_int_equal(p.line[1], 3);
    assert_true(pairs_measure(&j, &p, &(pairs_options){.match = true, .most_tokens = 8}, &owner, &r, &err));
    assert_true(r.nll == 4 + 4 + 4 + 4 && r.pair_nll[2] == 4);
    assert_int_equal(r.tokens, 1 + 2 + 3 + 4);
    assert_int_equal(r.exact, 1);
    assert_true(r.pair_exact[0] && !r.pair_exact[1] && !r.pair_exact[2] && !r.pair_exact[3]); /* case and inner blanks count */
    pairs_result_drop(&r);
    assert_true(pairs_measure(&j, &p, &(pairs_options){.match = false}, &owner, &r, &err));
    assert_null(r.pair_exact);
    const volatile int stop = 15;
    assert_false(pairs_measure(&j, &p, &(pairs_options){.match = false, .stop = &stop}, &owner, &r, &err));
    arena_drop(&owner);
}

static void bad_pairs_are_named_with_their_line(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"a\"}\n", "bad.jsonl: line 2: "},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]}\n", "last message is not the assistant's"},
        {"{\n", "bad.jsonl: line 1: "},
        {"\n", "holds no pairs"},
    };
    arena owner = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        pair_list p;
        assert_false(pairs_read(&owner, test_file(&owner, "bad.jsonl", cases[i].text), &p, &err));
        if (strstr(err.text, cases[i].says) == NULL) fail_msg("case %zu says: %s", i, err.text);
    }
    arena_drop(&owner);
}

static const message turns[] = {{.role = "user", .content = "Q", .length = 1}, {.role = "assistant", .content = "ab", .length = 2, .learned = true}};
static const conversation pair = {.messages = (message *)turns, .n = 2};

static void plain_form_is_each_turn_and_a_line_feed(void **state) {
    arena owner = {0};
    error err = {0};
    const tokenizer *t = byte_tokenizer(&owner, true, &err);
    dialog_form f;
    int32_t *ids;
    bool *learned;
    size_t n;
    static const int32_t want[] = {BYTE_BOS, 'Q' + 1, '\n' + 1, 'a' + 1, 'b' + 1, '\n' + 1};
    assert_true(dialog_form_of(&owner, t, RENDER_PLAIN, &f, &err));
    assert_true(dialog_encode(&owner, &f, &pair, &ids, &learned, &n, &err));
    assert_int_equal(n, COUNT(want));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ids[i], want[i]);
        assert_int_equal(learned[i], i >= 3);
    }
    assert_true(dialog_prompt(&owner, &f, &pair, &ids, &n, &err));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) assert_int_equal(ids[i], want[i]);
    arena_drop(&owner);
}

static void plain_form_refuses_what_it_would_drop(void **state) {
    static const char *const rows[][2] = {
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"name\": \"f\"}]}]}", "tool_calls"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"thinking\": \"t\"}]}", "reasoning_content"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], \"tools\": [{\"name\": \"f\"}]}", "tools"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena owner = {0};
        error err = {0};
        dialog_form f;
        conversation c;
        int32_t *ids;
        bool *learned;
        size_t n;
        assert_true(dialog_form_of(&owner, byte_tokenizer(&owner, true, &err), RENDER_PLAIN, &f, &err));
        assert_true(conversation_read(&owner, json_parse(&owner, rows[i][0], strlen(rows[i][0]), &err), &c, &err));
        assert_false(dialog_encode(&owner, &f, &c, &ids, &learned, &n, &err));
        if (strstr(err.text, rows[i][1]) == NULL) fail_msg("%s", err.text);
        arena_drop(&owner);
    }
}

static void chatml_learns_the_answer_and_the_end_of_its_turn(void **state) {
    arena owner = {0};
    error err = {0};
    const tokenizer *t = byte_tokenizer(&owner, true, &err);
    dialog_form f;
    int32_t *ids, *prompt;
    bool *learned;
    size_t n, n_prompt, n_learned = 0, first = 0;
    assert_true(dialog_form_of(&owner, t, RENDER_CHATML, &f, &err));
    assert_int_equal(f.chat.stop_id, BYTE_END);
    assert_true(dialog_encode(&owner, &f, &pair, &ids, &learned, &n, &err));
    assert_true(dialog_prompt(&owner, &f, &pair, &prompt, &n_prompt, &err));
    for (size_t i = n; i-- > 0;)
        if (learned[i]) n_learned++, first = i;
    assert_int_equal(n_learned, 3);
    assert_int_equal(ids[first], 'a' + 1);
    assert_int_equal(ids[first + 1], 'b' + 1);
    assert_int_equal(ids[first + 2], BYTE_END);
    assert_int_equal(n_prompt, first); /* the prompt is what stands before the answer */
    assert_memory_equal(ids, prompt, n_prompt * sizeof *ids);
    arena_drop(&owner);
}

static void model_without_a_template_asks_for_one(void **state) {
    arena owner = {0};
    error err = {0};
    dialog_form f;
    assert_false(dialog_form_of(&owner, byte_tokenizer(&owner, true, &err), RENDER_AUTO, &f, &err));
    assert_non_null(strstr(err.text, "--template chatml or plain"));
    arena_drop(&owner);
}

static int remove_folder(void **state) {
    error err = {0};
    return folder_remove(test_folder(), &err) ? 0 : -1;
}

int main(void) {
    log_set_level(LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_scored_and_matched_without_blanks_at_their_ends),
        cmocka_unit_test(bad_pairs_are_named_with_their_line),
        cmocka_unit_test(plain_form_is_each_turn_and_a_line_feed),
        cmocka_unit_test(plain_form_refuses_what_it_would_drop),
        cmocka_unit_test(chatml_learns_the_answer_and_the_end_of_its_turn),
        cmocka_unit_test(model_without_a_template_asks_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
