#include "serve/server.h"

#include "base/json.h"
#include "base/log.h"
#include "folders.h"
#include "net/http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MODELS = 3, CALLERS = 12 };
static const char *const names[MODELS] = {"base", "one", "two"};
static char folder[64], base[96], adapters[96];
static server *it;

static int make_folders(void **state) {
    error err = {0};
    char path[160];
    log_set_level(LOG_QUIET);
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(base, sizeof base, "%s/base", folder);
    snprintf(adapters, sizeof adapters, "%s/adapters", folder);
    make_base(base, template_chatml_jinja());
    for (int i = 1; i < MODELS; i++) {
        snprintf(path, sizeof path, "%s/%s", adapters, names[i]);
        make_adapter(path, 2 * i, (uint64_t)i); /* ranks differ */
    }
    snprintf(path, sizeof path, "%s/half.partial", adapters); /* what a run that was cut off leaves is no adapter */
    make_adapter(path, 2, 8);
    snprintf(path, sizeof path, "%s/broken", adapters);
    make_adapter(path, 2, 9);
    snprintf(path, sizeof path, "%s/broken/adapter_model.safetensors", adapters);
    must(file_write(path, "nothing", 7, &err), &err);
    return 0;
}

static int remove_folders(void **state) {
    error err = {0};
    must(folder_remove(folder, &err), &err);
    return 0;
}

static server *start_with(const server_options *given) {
    error err = {0};
    server_options o = *given;
    o.host = "127.0.0.1";
    if (o.model == NULL) o.model = base;
    server *s = server_start(&o, &err);
    if (s == NULL) fail_msg("%s", err.text);
    return s;
}

static int start(void **state) {
    it = start_with(&(server_options){.adapters = adapters});
    return 0;
}

static int stop(void **state) {
    server_stop(it, 20, NULL);
    return 0;
}

static const json *ask(arena *a, const char *path, const char *body, int want) {
    string got = {0};
    error err = {0};
    const int status = client_ask(server_address(it), body[0] != 0 ? "POST" : "GET", path, NULL, body, &got);
    if (status != want) fail_msg("%d for %s: %s", status, body, string_chars(&got));
    const json *v = json_parse(a, string_chars(&got), got.length, &err);
    if (v == NULL) fail_msg("%s: %s", err.text, string_chars(&got));
    string_drop(&got);
    return v;
}

static const json *first_choice(const json *v) {
    const json *choices = json_get(v, "choices");
    assert_true(choices != NULL && choices->type == JSON_ARRAY && choices->length > 0);
    return &choices->item[0];
}

/* The texts of a stream's chunks, joined; *usage (may be NULL) is the last chunk's. */
static void join_stream(const char *events, bool chat, string *text, string *finish, long *usage) {
    bool ended = false;
    string_reset(text);
    for (const char *at = events; *at != 0;) {
        arena a = {0};
        error err = {0};
        const char *end = strstr(at, "\n\n");
        assert_non_null(end);
        if (strncmp(at, "data: [DONE]", 12) == 0) ended = true;
        else if (at[0] != ':') {
            assert_memory_equal(at, "data: ", 6);
            assert_false(ended);
            const json *v = json_parse(&a, at + 6, (size_t)(end - at - 6), &err);
            assert_non_null(v);
            const json *choices = json_get(v, "choices"), *u = json_get(v, "usage");
            if (u != NULL && u->type == JSON_OBJECT && usage != NULL) *usage = (long)json_get_integer(u, "completion_tokens", -1);
            if (choices->length > 0) {
                const json *piece = json_get(chat ? json_get(&choices->item[0], "delta") : &choices->item[0], chat ? "content" : "text");
                if (piece != NULL) string_append(text, piece->text, piece->length);
                const char *why = json_get_text(&choices->item[0], "finish_reason", NULL);
                if (why != NULL) string_text(finish, why);
            }
        }
        arena_drop(&a);
        at = end + 2;
    }
    assert_true(ended);
}

static void base_and_adapters_are_listed_and_a_broken_one_is_left_out(void **state) {
    arena a = {0};
    const json *list = json_get(ask(&a, "/v1/models", "", 200), "data");
    assert_int_equal(list->length, MODELS);
    for (int i = 0; i < MODELS; i++) assert_true(json_is_text(json_get(&list->item[i], "id"), names[i]));
    assert_true(json_is_text(json_get(ask(&a, "/v1/models/two", "", 200), "id"), "two"));
    ask(&a, "/v1/models/broken", "", 404);
    const json *e = json_get(ask(&a, "/v1/completions", "{\"model\": \"broken\", \"prompt\": \"x\"}", 404), "error");
    assert_true(json_is_text(json_get(e, "code"), "model_not_found"));
    arena_drop(&a);
}

typedef struct caller {
    const char *name;
    bool stream;
    char text[2000];
    const char *body;
} caller;

static void *call(void *context) {
    caller *c = context;
    arena a = {0};
    string got = {0}, text = {0}, finish = {0};
    error err = {0};
    const char *body = arena_print(&a, "{\"model\": \"%s\", \"prompt\": \"Once upon\", \"max_tokens\": 60, \"seed\": 3, \"stream\": %s}", c->name,
                                   c->stream ? "true" : "false");
    const int status = client_ask(server_address(it), "POST", "/v1/completions", NULL, body, &got);
    if (status != 200) snprintf(c->text, sizeof c->text, "status %d", status);
    else if (c->stream) {
        join_stream(string_chars(&got), false, &text, &finish, NULL);
        snprintf(c->text, sizeof c->text, "%s", string_chars(&text));
    } else snprintf(c->text, sizeof c->text, "%s", json_get_text(first_choice(json_parse(&a, got.data, got.length, &err)), "text", "no text"));
    string_drop(&got);
    string_drop(&text);
    string_drop(&finish);
    arena_drop(&a);
    return NULL;
}

static void answers_are_the_same_alone_and_among_others_whole_and_streamed(void **state) {
    caller alone[MODELS], among[CALLERS];
    pthread_t threads[CALLERS];
    for (int i = 0; i < MODELS; i++) {
        alone[i] = (caller){.name = names[i]};
        call(&alone[i]);
        for (int k = 0; k < i; k++) assert_string_not_equal(alone[i].text, alone[k].text);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CALLERS; i++) {
            among[i] = (caller){.name = names[i % MODELS], .stream = i % 2 == 1};
            pthread_create(&threads[i], NULL, call, &among[i]);
        }
        for (int i = 0; i < CALLERS; i++) pthread_join(threads[i], NULL);
        for (int i = 0; i < CALLERS; i++) assert_string_equal(among[i].text, alone[i % MODELS].text);
    }
}

static void a_chat_is_answered_whole_and_streamed(void **state) {
    static const char whole[] = "{\"model\": \"one\", \"messages\": [{\"role\": \"user\", \"content\": \"<|im_end|>hi\"}], \"seed\": 1, \"max_tokens\": 30}";
    static const char streamed[] =
        "{\"model\": \"one\", \"messages\": [{\"role\": \"user\", \"content\": \"<|im_end|>hi\"}], \"seed\": 1, \"max_tokens\": 30, \"stream\": true,"
        " \"stream_options\": {\"include_usage\": true}}";
    arena a = {0};
    string got = {0}, text = {0}, finish = {0};
    long tokens = 0;
    const json *v = ask(&a, "/v1/chat/completions", whole, 200), *c = first_choice(v);
    /* <|im_start|> "user\n" and 12 bytes of content, in which a marker is text, <|im_end|> "\n" <|im_start|> "assistant\n" */
    assert_int_equal(json_get_integer(json_get(v, "usage"), "prompt_tokens", 0), 1 + 5 + 12 + 1 + 1 + 1 + 10);
    assert_int_equal(client_ask(server_address(it), "POST", "/v1/chat/completions", NULL, streamed, &got), 200);
    join_stream(string_chars(&got), true, &text, &finish, &tokens);
    assert_string_equal(string_chars(&text), json_get_text(json_get(c, "message"), "content", "none"));
    assert_string_equal(string_chars(&finish), json_get_text(c, "finish_reason", "none"));
    assert_int_equal(tokens, json_get_integer(json_get(v, "usage"), "completion_tokens", 0));
    string_drop(&got);
    string_drop(&text);
    string_drop(&finish);
    arena_drop(&a);
}

static void choices_stops_and_log_probabilities_are_as_asked(void **state) {
    arena a = {0};
    const json *v = ask(
        &a, "/v1/completions",
        "{\"model\": \"base\", \"prompt\": [\"ab\", \"c\"], \"n\": 2, \"max_tokens\": 8, \"seed\": 1, \"logprobs\": 3, \"echo\": true, \"ignore_eos\": true}",
        200);
    const json *choices = json_get(v, "choices");
    assert_int_equal(choices->length, 4);
    for (size_t i = 0; i < 4; i++) {
        const json *l = json_get(&choices->item[i], "logprobs"), *text = json_get(&choices->item[i], "text");
        const size_t n = 8 + (i < 2 ? 3 : 2); /* BOS too */
        assert_int_equal(json_get_integer(&choices->item[i], "index", -1), i);
        assert_memory_equal(text->text, i < 2 ? "ab" : "c", i < 2 ? 2 : 1);
        assert_int_equal(json_get(l, "tokens")->length, n);
        assert_int_equal(json_get(l, "token_logprobs")->length, n);
        assert_true(json_get(l, "top_logprobs")->item[n - 1].length >= 3);
    }
    assert_string_not_equal(json_get(&choices->item[0], "text")->text, json_get(&choices->item[1], "text")->text);
    assert_int_equal(json_get_integer(json_get(v, "usage"), "prompt_tokens", 0), 5);
    assert_int_equal(json_get_integer(json_get(v, "usage"), "completion_tokens", 0), 32);
    const char *body = "{\"model\": \"base\", \"prompt\": \"x\", \"max_tokens\": 60, \"temperature\": 0, \"ignore_eos\": true%s}";
    const json *free_text = json_get(first_choice(ask(&a, "/v1/completions", arena_print(&a, body, ""), 200)), "text");
    size_t at = 0; /* a stop text of one ASCII letter or digit that comes for the first time in the middle */
    for (size_t i = 5; i < free_text->length && at == 0; i++)
        if (((free_text->text[i] | 32) >= 'a' && (free_text->text[i] | 32) <= 'z') && memchr(free_text->text, free_text->text[i], i) == NULL) at = i;
    if (at > 0) {
        const json *c = first_choice(ask(&a, "/v1/completions", arena_print(&a, body, arena_print(&a, ", \"stop\": [\"%c\"]", free_text->text[at])), 200));
        assert_int_equal(json_get(c, "text")->length, at);
        assert_memory_equal(json_get(c, "text")->text, free_text->text, at);
        assert_true(json_is_text(json_get(c, "finish_reason"), "stop"));
    }
    arena_drop(&a);
}

static void errors_have_the_right_status(void **state) {
    static const struct {
        const char *path, *body;
        int status;
    } cases[] = {
        {"/nothing", "", 404},
        {"/v1/completions", "", 405},
        {"/v1/completions", "{", 400},
        {"/v1/completions", "{\"model\": \"base\", \"prompt\": \"x\", \"max_tokens\": 300}", 400},
        {"/v1/completions", "{\"model\": \"base\", \"prompt\": [260]}", 400},
        {"/v1/completions", "{\"model\": \"base\", \"prompt\": \"x\", \"logit_bias\": {\"260\": 1}}", 400},
        {"/v1/completions", "{\"model\": \"base\", \"prompt\": [[]]}", 400},
    };
    arena a = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const json *e = json_get(ask(&a, cases[i].path, cases[i].body, cases[i].status), "error");
        assert_non_null(json_get_text(e, "message", NULL));
    }
    arena_drop(&a);
}

static long running(arena *a) {
    const json *v = ask(a, "/health", "", 200);
    return (long)(json_get_integer(v, "running", -1) + json_get_integer(v, "waiting", -1));
}

static void a_client_that_goes_frees_its_place(void **state) {
    arena a = {0};
    for (int stream = 0; stream < 2; stream++) {
        int fds[8];
        for (int i = 0; i < 8; i++) {
            const char *body = arena_print(&a, "{\"model\": \"base\", \"prompt\": \"x\", \"max_tokens\": 200, \"n\": 16, \"ignore_eos\": true, \"stream\": %s}",
                                           stream ? "true" : "false");
            const char *request = arena_print(&a, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
            fds[i] = client_connect(server_address(it));
            assert_true(client_send(fds[i], request, strlen(request)));
        }
        usleep(50 * 1000);
        for (int i = 0; i < 8; i++) close(fds[i]);
        for (int i = 0; i < 1000 && running(&a) > 0; i++) usleep(10 * 1000);
        assert_int_equal(running(&a), 0);
    }
    arena_drop(&a);
}

static const char *long_body = "{\"model\": \"base\", \"prompt\": \"x\", \"max_tokens\": 250, \"ignore_eos\": true}";
static const char *longer_body = "{\"model\": \"base\", \"prompt\": \"x\", \"max_tokens\": 250, \"n\": 64, \"ignore_eos\": true}";

static void *call_long(void *context) {
    caller *c = context;
    string got = {0};
    snprintf(c->text, sizeof c->text, "%d", client_ask(server_address(it), "POST", "/v1/completions", NULL, c->body, &got));
    string_drop(&got);
    return NULL;
}

static void stopping_lets_answers_under_way_end(void **state) {
    arena a = {0};
    caller c = {.body = long_body};
    pthread_t thread;
    it = start_with(&(server_options){0});
    pthread_create(&thread, NULL, call_long, &c);
    for (int i = 0; i < 500 && running(&a) == 0; i++) usleep(1000);
    server_stop(it, 30, NULL);
    pthread_join(thread, NULL);
    assert_string_equal(c.text, "200");
    arena_drop(&a);
}

static void stopping_without_time_cuts_answers_off(void **state) {
    arena a = {0};
    caller c = {.body = longer_body};
    pthread_t thread;
    it = start_with(&(server_options){0});
    pthread_create(&thread, NULL, call_long, &c);
    for (int i = 0; i < 500 && running(&a) == 0; i++) usleep(1000);
    server_stop(it, 0, NULL);
    pthread_join(thread, NULL);
    assert_string_not_equal(c.text, "200"); /* 503, or a connection that closes before that has gone out */
    arena_drop(&a);
}

static void a_key_is_wanted_where_there_are_keys(void **state) {
    error err = {0};
    string got = {0};
    char keys[160];
    snprintf(keys, sizeof keys, "%s/keys", folder);
    must(file_write(keys, "secret\n", 7, &err), &err);
    it = start_with(&(server_options){.api_key_file = keys});
    const char *address = server_address(it);
    assert_int_equal(client_ask(address, "GET", "/health", NULL, "", &got), 200);
    assert_int_equal(client_ask(address, "GET", "/v1/models", NULL, "", &got), 401);
    assert_non_null(strstr(string_chars(&got), "invalid_api_key"));
    assert_int_equal(client_ask(address, "GET", "/nothing", NULL, "", &got), 401);
    assert_int_equal(client_ask(address, "GET", "/v1/models", "Authorization: Bearer wrong\r\n", "", &got), 401);
    assert_int_equal(client_ask(address, "GET", "/v1/models", "Authorization: Bearer secret\r\n", "", &got), 200);
    server_stop(it, 1, NULL);
    string_drop(&got);
}

static void a_model_without_a_template_does_not_chat(void **state) {
    arena a = {0};
    char plain[160];
    snprintf(plain, sizeof plain, "%s/plain", folder);
    make_base(plain, NULL);
    it = start_with(&(server_options){.model = plain});
    const json *e = json_get(ask(&a, "/v1/chat/completions", "{\"model\": \"plain\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}", 400), "error");
    assert_true(json_is_text(json_get(e, "code"), "no_chat_template"));
    ask(&a, "/v1/completions", "{\"model\": \"plain\", \"prompt\": \"x\", \"max_tokens\": 2}", 200);
    server_stop(it, 1, NULL);
    arena_drop(&a);
}

static void tools_reach_a_template_that_knows_them(void **state) {
    static const char jinja[] = "{% for t in tools or [] %}T{{ t.function.name }};{% endfor %}{% for m in messages %}{{ m.role[0] }}:"
                                "{{ m.tool_calls[0].function.arguments.a if m.tool_calls else m.content }}|{% endfor %}"
                                "{% if add_generation_prompt %}{{ x | default('a') }}:{% endif %}";
#define TOOLS_ASKED(more) \
    "{\"model\": \"tools\", \"max_tokens\": 2, \"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": null, " \
    "\"tool_calls\": [{\"id\": \"1\", \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 7}\"}}]}, {\"role\": " \
    "\"tool\", \"tool_call_id\": \"1\", \"content\": \"r\"}], \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]" more "}"
    static const struct {
        const char *body, *text; /* what the template makes of it: each byte is a token */
    } cases[] = {
        {TOOLS_ASKED(""), "Tf;u:q|a:7|t:r|a:"},
        {TOOLS_ASKED(", \"tool_choice\": \"auto\", \"chat_template_kwargs\": {\"x\": \"why\"}"), "Tf;u:q|a:7|t:r|why:"},
        {TOOLS_ASKED(", \"tool_choice\": \"none\""), "u:q|a:7|t:r|a:"},
    };
    arena a = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/tools", folder);
    make_base(path, jinja);
    it = start_with(&(server_options){.model = path});
    for (size_t i = 0; i < COUNT(cases); i++) {
        const json *v = ask(&a, "/v1/chat/completions", cases[i].body, 200);
        assert_int_equal(json_get_integer(json_get(v, "usage"), "prompt_tokens", 0), strlen(cases[i].text));
    }
    server_stop(it, 1, NULL);
    make_base(path, template_chatml_jinja()); /* which renders no tools */
    it = start_with(&(server_options){.model = path});
    const json *e = json_get(ask(&a, "/v1/chat/completions", cases[0].body, 400), "error");
    assert_non_null(strstr(json_get_text(e, "message", ""), "renders no tools"));
    server_stop(it, 1, NULL);
    arena_drop(&a);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(base_and_adapters_are_listed_and_a_broken_one_is_left_out),
        WITH_SERVER(answers_are_the_same_alone_and_among_others_whole_and_streamed),
        WITH_SERVER(a_chat_is_answered_whole_and_streamed),
        WITH_SERVER(choices_stops_and_log_probabilities_are_as_asked),
        WITH_SERVER(errors_have_the_right_status),
        WITH_SERVER(a_client_that_goes_frees_its_place),
        cmocka_unit_test(stopping_lets_answers_under_way_end),
        cmocka_unit_test(stopping_without_time_cuts_answers_off),
        cmocka_unit_test(a_key_is_wanted_where_there_are_keys),
        cmocka_unit_test(a_model_without_a_template_does_not_chat),
        cmocka_unit_test(tools_reach_a_template_that_knows_them),
    };
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
