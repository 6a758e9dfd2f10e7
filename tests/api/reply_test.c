#include "api/reply.h"

#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const json *parse(arena *a, const string *s) {
    error err = {0};
    const json *v = json_parse(a, string_chars(s), s->length, &err);
    if (v == NULL) fail_msg("%s: %s", err.text, string_chars(s));
    return v;
}

static const json *item(const json *v, const char *key, size_t i) {
    const json *list = json_get(v, key);
    assert_non_null(list);
    assert_int_equal(list->type, JSON_ARRAY);
    assert_true(i < list->length);
    return &list->item[i];
}

static const api_likely top[] = {{7, " a", 2, (real)-0.5}, {8, "\xe2\x82", 2, (real)-1.5}};
static const api_token tokens[] = {{{5, "<s>", 3, (real)NAN}, 0, NULL, 0}, {{7, " a", 2, (real)-0.5}, 0, top, 2}, {{9, "b\"", 2, (real)-3}, 2, top, 2}};
static const api_choice choice = {0, " ab\"", 4, "stop", true, tokens, 3};
static const api_usage usage = {3, 2};

static void assert_has(const json *v, const char *const *names) {
    for (; *names != NULL; names++)
        if (json_get(v, *names) == NULL) fail_msg("'%s' is missing", *names);
}

/* The members that OpenAI's description requires. */
static const char *const of_reply[] = {"id", "object", "created", "model", "choices", NULL};
static const char *const of_usage[] = {"prompt_tokens", "completion_tokens", "total_tokens", NULL};

static void a_completion_has_what_the_description_requires(void **state) {
    arena a = {0};
    string s = {0};
    const api_head h = {.id = "cmpl-1", .model = "m", .created = 5};
    api_write_reply(&s, &h, &choice, 1, &usage);
    const json *v = parse(&a, &s), *c = item(v, "choices", 0), *l = json_get(c, "logprobs");
    assert_has(v, of_reply);
    assert_has(c, (const char *const[]){"finish_reason", "index", "logprobs", "text", NULL});
    assert_has(json_get(v, "usage"), of_usage);
    assert_true(json_is_text(json_get(v, "object"), "text_completion"));
    assert_true(json_is_text(json_get(c, "text"), " ab\""));
    assert_int_equal(json_get_integer(json_get(v, "usage"), "total_tokens", 0), 5);
    assert_int_equal(json_get(l, "tokens")->length, 3);
    assert_int_equal(item(l, "token_logprobs", 0)->type, JSON_NULL);
    assert_int_equal(item(l, "top_logprobs", 0)->type, JSON_NULL);
    assert_int_equal(item(l, "top_logprobs", 1)->length, 2); /* the token is among them */
    assert_int_equal(item(l, "top_logprobs", 2)->length, 3); /* it is not */
    assert_true(json_get_number(item(l, "top_logprobs", 2), "bytes:\\xe2\\x82", 0) == -1.5);
    assert_int_equal(item(l, "text_offset", 2)->integer, 2);
    string_drop(&s);
    arena_drop(&a);
}

static void a_chat_completion_has_what_the_description_requires(void **state) {
    arena a = {0};
    string s = {0};
    const api_head h = {.chat = true, .id = "chatcmpl-1", .model = "m", .created = 5};
    api_write_reply(&s, &h, &choice, 1, &usage);
    const json *v = parse(&a, &s), *c = item(v, "choices", 0), *message = json_get(c, "message"), *t = item(json_get(c, "logprobs"), "content", 1);
    assert_has(v, of_reply);
    assert_has(c, (const char *const[]){"finish_reason", "index", "message", "logprobs", NULL});
    assert_has(message, (const char *const[]){"role", "content", "refusal", NULL});
    assert_has(t, (const char *const[]){"token", "logprob", "bytes", "top_logprobs", NULL});
    assert_true(json_is_text(json_get(v, "object"), "chat.completion"));
    assert_true(json_is_text(json_get(message, "content"), " ab\""));
    assert_int_equal(json_get(t, "bytes")->length, 2);
    assert_int_equal(item(t, "top_logprobs", 1)->type, JSON_OBJECT);
    assert_has(json_get(c, "logprobs"), (const char *const[]){"content", "refusal", NULL});
    string_drop(&s);
    arena_drop(&a);
}

static void chunks_name_the_role_once_and_usage_comes_last(void **state) {
    arena a = {0};
    string s = {0};
    const api_head h = {.chat = true, .id = "chatcmpl-1", .model = "m", .created = 5, .usage_follows = true};
    const api_choice piece = {1, "x", 1, NULL, false, NULL, 0}, last = {1, "", 0, "length", false, NULL, 0};
    api_write_chunk(&s, &h, &piece, true);
    const json *v = parse(&a, &s), *c = item(v, "choices", 0);
    assert_has(v, of_reply);
    assert_has(c, (const char *const[]){"delta", "finish_reason", "index", NULL});
    assert_true(json_is_text(json_get(v, "object"), "chat.completion.chunk"));
    assert_int_equal(json_get(v, "usage")->type, JSON_NULL);
    assert_int_equal(json_get_integer(c, "index", 0), 1);
    assert_true(json_is_text(json_get(json_get(c, "delta"), "role"), "assistant"));
    assert_int_equal(json_get(c, "finish_reason")->type, JSON_NULL);
    string_reset(&s);
    api_write_chunk(&s, &h, &last, false);
    c = item(parse(&a, &s), "choices", 0);
    assert_int_equal(json_get(c, "delta")->length, 0);
    assert_true(json_is_text(json_get(c, "finish_reason"), "length"));
    string_reset(&s);
    api_write_usage_chunk(&s, &h, &usage);
    v = parse(&a, &s);
    assert_int_equal(json_get(v, "choices")->length, 0);
    assert_int_equal(json_get_integer(json_get(v, "usage"), "completion_tokens", 0), 2);
    string_drop(&s);
    arena_drop(&a);
}

static void errors_and_models_have_openais_shape(void **state) {
    arena a = {0};
    string s = {0};
    api_error e;
    assert_false(api_fail(&e, 404, "model_not_found", "model", "no model '%s'", "x\n\"y"));
    api_write_error(&s, &e);
    const json *v = json_get(parse(&a, &s), "error");
    assert_has(v, (const char *const[]){"type", "message", "param", "code", NULL});
    assert_true(json_is_text(json_get(v, "message"), "no model 'x\n\"y'"));
    assert_true(json_is_text(json_get(v, "type"), "invalid_request_error"));
    assert_false(api_fail(&e, 500, NULL, NULL, "x"));
    assert_string_equal(e.type, "server_error");
    string_reset(&s);
    const api_model models[] = {{"one", 3}, {"two", 4}};
    api_write_models(&s, models, 2);
    v = parse(&a, &s);
    assert_true(json_is_text(json_get(v, "object"), "list"));
    assert_has(item(v, "data", 1), (const char *const[]){"id", "object", "created", "owned_by", NULL});
    string_drop(&s);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_completion_has_what_the_description_requires),
        cmocka_unit_test(a_chat_completion_has_what_the_description_requires),
        cmocka_unit_test(chunks_name_the_role_once_and_usage_comes_last),
        cmocka_unit_test(errors_and_models_have_openais_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
