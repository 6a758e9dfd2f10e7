#include "data/conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static arena owner;

static bool read(const char *text, conversation *c, error *err) {
    *err = (error){0};
    const json *v = json_parse(&owner, text, strlen(text), err);
    assert_non_null(v);
    return conversation_read(&owner, v, c, err);
}

static void rows_of_every_form_are_read(void **state) {
    static const char *const rows[] = {
        "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"yes\"}]}",
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"h\"}, {\"type\": \"text\", \"text\": \"i\"}]}, {\"role\": "
        "\"assistant\", "
        "\"content\": \"yes\", \"tool_calls\": null}]}",
        "{\"prompt\": \"hi\", \"completion\": \"yes\", \"id\": 3}",
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"hi\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"yes\"}]}",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"hi\"}, {\"from\": \"gpt\", \"value\": \"yes\"}]}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        conversation c;
        error err;
        assert_true(read(rows[i], &c, &err));
        assert_int_equal(c.n, 2);
        assert_string_equal(c.messages[0].role, "user");
        assert_int_equal(c.messages[0].length, 2);
        assert_memory_equal(c.messages[0].content, "hi", 2);
        assert_false(c.messages[0].learned);
        assert_string_equal(c.messages[1].role, "assistant");
        assert_memory_equal(c.messages[1].content, "yes", 3);
        assert_true(c.messages[1].learned);
    }
}

static void weight_0_is_not_learned(void **state) {
    conversation c;
    error err;
    assert_true(
        read("{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"weight\": 0}, {\"role\": \"assistant\", \"content\": \"b\", \"weight\": 1}]}", &c,
             &err));
    assert_false(c.messages[0].learned);
    assert_true(c.messages[1].learned);
}

static void nothing_of_a_prompt_is_learned(void **state) {
    conversation c;
    error err;
    assert_true(read("{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}, {\"role\": \"user\", \"content\": "
                     "\"c\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"d\"}]}",
                     &c, &err));
    assert_int_equal(c.n, 4);
    for (size_t i = 0; i < 4; i++) assert_int_equal(c.messages[i].learned, i == 3);
}

static void what_is_not_understood_is_refused_by_name(void **state) {
    static const char *const rows[][2] = {
        {"[]", "object"},
        {"{\"text\": \"x\"}", "messages"},
        {"{\"messages\": []}", "messages"},
        {"{\"messages\": [{\"role\": \"wizard\", \"content\": \"x\"}]}", "wizard"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": \"x\", \"tool_calls\": [{\"name\": \"f\"}]}]}", "tool_calls"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": null}]}", "content"},
        {"{\"messages\": [{\"content\": \"x\"}]}", "role"},
        {"{\"messages\": [{\"role\": \"user\"}]}", "content"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": 3}]}", "content"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": \"x\"}]}]}", "part 1"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\", \"weight\": 0.5}]}", "weight"},
        {"{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\", \"tool_calls\": [1]}]}", "tool_calls"},
        {"{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [1]}", "tools"},
        {"{\"prompt\": \"x\"}", "completion"},
        {"{\"prompt\": \"x\", \"completion\": \"y\", \"chat_template_kwargs\": {\"bos_token\": \"<|im_end|>\"}}", "bos_token"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        conversation c;
        error err;
        assert_false(read(rows[i][0], &c, &err));
        assert_non_null(strstr(err.text, rows[i][1]));
    }
}

static void a_message_keeps_what_a_template_may_ask_for(void **state) {
    conversation c;
    error err;
    assert_true(read("{\"messages\": [{\"role\": \"user\", \"content\": \"q\", \"name\": \"Ann\", \"audio\": null}, {\"role\": \"assistant\", \"content\": "
                     "null, \"weight\": 1, \"thinking\": \"hm\", \"tool_calls\": [{\"id\": \"1\", \"function\": {\"name\": \"f\", \"arguments\": \"{}\"}}]}, "
                     "{\"role\": \"tool\", \"tool_call_id\": \"1\", \"content\": {\"ok\": true}}], \"tools\": [{\"name\": \"f\"}], \"documents\": [], "
                     "\"chat_template_kwargs\": {\"x\": 1}}",
                     &c, &err));
    assert_int_equal(c.n, 3);
    assert_true(json_is_text(json_get(c.messages[0].members, "name"), "Ann"));
    assert_null(json_get(c.messages[0].members, "audio"));
    assert_true(c.messages[1].learned);
    assert_int_equal(c.messages[1].length, 0);
    assert_int_equal(json_get(c.messages[1].members, "content")->type, JSON_NULL);
    assert_null(json_get(c.messages[1].members, "weight"));
    assert_true(json_is_text(json_get(c.messages[1].members, "reasoning_content"), "hm"));
    assert_int_equal(json_get(c.messages[1].members, "tool_calls")->length, 1);
    assert_string_equal(c.messages[2].role, "tool");
    assert_int_equal(json_get(c.messages[2].members, "content")->type, JSON_OBJECT);
    assert_int_equal(c.tools->length, 1);
    assert_null(c.documents);
    assert_int_equal(json_get_integer(c.variables, "x", 0), 1);
}

static void calls_of_share_gpt_become_those_of_openai(void **state) {
    conversation c;
    error err;
    assert_true(read("{\"conversations\": [{\"from\": \"human\", \"value\": \"q\"}, {\"from\": \"function_call\", \"value\": \"{\\\"name\\\": \\\"f\\\", "
                     "\\\"arguments\\\": {}}\"}, {\"from\": \"observation\", \"value\": \"o\"}, {\"from\": \"gpt\", \"value\": \"a\"}], \"tools\": "
                     "\"[{\\\"name\\\": \\\"f\\\"}]\"}",
                     &c, &err));
    const json *call = json_get(c.messages[1].members, "tool_calls");
    assert_string_equal(c.messages[1].role, "assistant");
    assert_true(c.messages[1].learned);
    assert_true(json_is_text(json_get(json_get(&call->item[0], "function"), "name"), "f"));
    assert_string_equal(c.messages[2].role, "tool");
    assert_true(json_is_text(json_get(c.messages[2].members, "content"), "o"));
    assert_int_equal(c.tools->length, 1);
}

static void names_of_another_form_say_nothing(void **state) {
    conversation c;
    error err;
    assert_true(read("{\"conversations\": [{\"role\": \"system\", \"from\": \"gpt\", \"value\": \"a\", \"content\": \"b\"}]}", &c, &err));
    assert_int_equal(c.messages[0].members->length, 2);
    assert_true(json_is_text(json_get(c.messages[0].members, "role"), "assistant"));
    assert_true(json_is_text(json_get(c.messages[0].members, "content"), "a"));
}

static void a_message_of_a_hundred_thousand_members_is_refused_at_once(void **state) {
    conversation c;
    error err = {0};
    string row = {0};
    string_text(&row, "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"");
    for (int i = 0; i < 100000; i++) string_print(&row, ", \"%05d\": 1", i);
    string_text(&row, "}]}");
    assert_false(read(string_chars(&row), &c, &err));
    assert_non_null(strstr(err.text, "message 1: it has more than 256 members"));
    string_drop(&row);
}

static int drop(void **state) {
    arena_drop(&owner);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows_of_every_form_are_read, drop),
        cmocka_unit_test_teardown(weight_0_is_not_learned, drop),
        cmocka_unit_test_teardown(nothing_of_a_prompt_is_learned, drop),
        cmocka_unit_test_teardown(what_is_not_understood_is_refused_by_name, drop),
        cmocka_unit_test_teardown(a_message_keeps_what_a_template_may_ask_for, drop),
        cmocka_unit_test_teardown(calls_of_share_gpt_become_those_of_openai, drop),
        cmocka_unit_test_teardown(names_of_another_form_say_nothing, drop),
        cmocka_unit_test_teardown(a_message_of_a_hundred_thousand_members_is_refused_at_once, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
