#include "api/openai.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool read_it(arena *a, bool chat, const char *text, api_request *r, api_error *e) {
    memset(e, 0, sizeof *e);
    return api_request_read(a, chat, text, strlen(text), r, e);
}

static void a_completion_is_read_with_all_its_fields(void **state) {
    arena a = {0};
    api_request r;
    api_error e;
    assert_true(
        read_it(&a, false,
                "{\"model\": \"m\", \"prompt\": \"a\\u0000b\", \"max_tokens\": 7, \"temperature\": 0.5, \"top_p\": 0.25, \"n\": 3, \"stop\": [\"x\", \"yz\"],"
                " \"stream\": true, \"stream_options\": {\"include_usage\": true}, \"seed\": -5, \"logprobs\": 2, \"echo\": true,"
                " \"frequency_penalty\": 1, \"presence_penalty\": -1, \"logit_bias\": {\"5\": -100, \"7\": 1.5}, \"user\": \"me\", \"suffix\": null,"
                " \"best_of\": 3, \"top_k\": 4, \"min_p\": 0.1, \"ignore_eos\": true}",
                &r, &e));
    assert_string_equal(r.model, "m");
    assert_int_equal(r.n_prompt, 1);
    assert_int_equal(r.prompts[0].n, 3);
    assert_memory_equal(r.prompts[0].text, "a\0b", 3);
    assert_int_equal(r.max_tokens, 7);
    assert_int_equal(r.n, 3);
    assert_int_equal(r.n_stop, 2);
    assert_string_equal(r.stops[1], "yz");
    assert_true(r.stream && r.include_usage && r.has_seed && r.wants_logprobs && r.echo && r.ignore_eos);
    assert_int_equal(r.seed, -5);
    assert_int_equal(r.top_logprobs, 2);
    const sampling plain = sampling_plain(), s = api_request_sampling(&r, &plain);
    assert_true(s.temperature == 0.5 && s.top_p == 0.25 && s.min_p == 0.1 && s.top_k == 4 && s.frequency_penalty == 1 && s.presence_penalty == -1);
    assert_int_equal(s.n_bias, 2);
    assert_int_equal(s.bias[1].id, 7);
    assert_true(s.seed == (uint64_t)-5);
    arena_drop(&a);
}

static void what_is_not_given_is_the_servers_default(void **state) {
    arena a = {0};
    api_request r;
    api_error e;
    sampling defaults = sampling_plain();
    defaults.temperature = 0.6;
    defaults.top_k = 9;
    assert_true(read_it(&a, false, "{\"model\": \"m\", \"prompt\": [[1, 2], \"x\", []], \"temperature\": null}", &r, &e));
    assert_int_equal(r.max_tokens, -1);
    assert_int_equal(r.n, 1);
    assert_false(r.stream || r.wants_logprobs || r.echo || r.has_seed);
    assert_int_equal(r.n_prompt, 3);
    assert_int_equal(r.prompts[0].n, 2);
    assert_int_equal(r.prompts[0].ids[1], 2);
    assert_string_equal(r.prompts[1].text, "x");
    const sampling s = api_request_sampling(&r, &defaults);
    assert_true(s.temperature == 0.6 && s.top_k == 9 && s.top_p == 1);
    assert_true(read_it(&a, false, "{\"model\": \"m\", \"prompt\": [1, 2, 3]}", &r, &e));
    assert_int_equal(r.n_prompt, 1);
    assert_int_equal(r.prompts[0].n, 3);
    arena_drop(&a);
}

static void a_chat_is_read_with_parts_and_roles(void **state) {
    arena a = {0};
    api_request r;
    api_error e;
    assert_true(read_it(
        &a, true,
        "{\"model\": \"m\", \"messages\": [{\"role\": \"developer\", \"content\": \"be brief\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", "
        "\"text\": \"he\"}, {\"type\": \"text\", \"text\": \"llo\"}]}], \"max_completion_tokens\": 9, \"logprobs\": true, \"top_logprobs\": 4,"
        " \"tools\": [], \"tool_choice\": \"none\", \"response_format\": {\"type\": \"text\"}, \"modalities\": [\"text\"], \"store\": true,"
        " \"metadata\": {\"a\": \"b\"}, \"service_tier\": \"auto\", \"stop\": \"x\"}",
        &r, &e));
    assert_int_equal(r.messages.n, 2);
    assert_string_equal(r.messages.messages[0].role, "developer");
    assert_int_equal(r.messages.messages[1].length, 5);
    assert_memory_equal(r.messages.messages[1].content, "hello", 5);
    assert_int_equal(r.max_tokens, 9);
    assert_true(r.wants_logprobs);
    assert_int_equal(r.top_logprobs, 4);
    assert_int_equal(r.n_stop, 1);
    arena_drop(&a);
}

static void what_is_wrong_or_not_supported_is_refused_by_name(void **state) {
    static const struct {
        bool chat;
        const char *body, *param, *code;
    } cases[] = {
        {false, "", "", "invalid_json"},
        {false, "{\"model\"", "", "invalid_json"},
        {false, "[]", "", "invalid_type"},
        {false, "{\"prompt\": \"x\"}", "model", "missing_required_parameter"},
        {false, "{\"model\": \"m\"}", "prompt", "missing_required_parameter"},
        {true, "{\"model\": \"m\"}", "messages", "missing_required_parameter"},
        {false, "{\"model\": 5, \"prompt\": \"x\"}", "model", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": 5}", "prompt", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": []}", "prompt", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": [1, \"x\"]}", "prompt", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": [-1]}", "prompt", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": [1.5]}", "prompt", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"temperature\": 3}", "temperature", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"temperature\": NaN}", "temperature", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"temperature\": \"hot\"}", "temperature", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"max_tokens\": -1}", "max_tokens", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"max_tokens\": 1e99}", "max_tokens", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"max_tokens\": 0}", "max_tokens", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"n\": 0}", "n", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": [\"x\", \"y\"], \"n\": 65}", "n", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"stop\": [\"\"]}", "stop", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"stop\": [\"1\", \"2\", \"3\", \"4\", \"5\"]}", "stop", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"stream\": 1}", "stream", "invalid_type"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"stream_options\": {\"include_usage\": true}}", "stream_options", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"stream_options\": {\"x\": true}}", "stream_options", "unknown_parameter"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"logprobs\": 6}", "logprobs", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"logit_bias\": {\"a\": 1}}", "logit_bias", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"logit_bias\": {\"1\": 1000}}", "logit_bias", "invalid_value"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"best_of\": 4}", "best_of", "unsupported_parameter"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"suffix\": \"y\"}", "suffix", "unsupported_parameter"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"temprature\": 1}", "temprature", "unknown_parameter"},
        {false, "{\"model\": \"m\", \"prompt\": \"x\", \"messages\": []}", "messages", "unknown_parameter"},
        {true, "{\"model\": \"m\", \"messages\": []}", "messages", "invalid_value"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"wizard\", \"content\": \"x\"}]}", "messages", "invalid_value"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}", "messages", "invalid_value"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [1]}", "tools", "invalid_value"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [{}], \"tool_choice\": \"required\"}", "tool_choice",
         "unsupported_parameter"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"response_format\": {\"type\": \"json_object\"}}",
         "response_format", "unsupported_parameter"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"top_logprobs\": 2}", "top_logprobs", "invalid_value"},
        {true, "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"reasoning_effort\": \"high\"}", "reasoning_effort",
         "unsupported_parameter"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        api_request r;
        api_error e;
        if (read_it(&a, cases[i].chat, cases[i].body, &r, &e)) fail_msg("taken: %s", cases[i].body);
        assert_int_equal(e.status, 400);
        assert_string_equal(e.type, "invalid_request_error");
        assert_string_equal(e.param, cases[i].param);
        assert_string_equal(e.code, cases[i].code);
        assert_true(e.message[0] != 0);
        arena_drop(&a);
    }
}

static void every_cut_of_a_request_is_an_error_and_no_crash(void **state) {
    static const char whole[] =
        "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"logit_bias\": {\"5\": 1}, \"stop\": [\"a\"], \"seed\": 5}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        arena a = {0}, small = {.limit = n};
        api_request r;
        api_error e = {0};
        assert_false(api_request_read(&a, true, whole, n, &r, &e));
        assert_int_equal(e.status, 400);
        memset(&e, 0, sizeof e);
        assert_true(api_request_read(&small, true, whole, sizeof whole - 1, &r, &e) || e.status >= 400); /* the arena's limit */
        arena_drop(&small);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_completion_is_read_with_all_its_fields),
        cmocka_unit_test(what_is_not_given_is_the_servers_default),
        cmocka_unit_test(a_chat_is_read_with_parts_and_roles),
        cmocka_unit_test(what_is_wrong_or_not_supported_is_refused_by_name),
        cmocka_unit_test(every_cut_of_a_request_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
