/* The program from the command line to HTTP, mostly over trained weights (SOCLE_DATA; skipped where it is absent). */
#include "base/file.h"
#include "base/json.h"
#include "folders.h"
#include "net/http_client.h"
#include "program.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ASKED = 12, MOST_MODELS = 4 };
static const char prompt[] = "Once upon a time";
static char stories[256], data[200], address[100];
static arena memory;

static bool data_is_there(void) {
    const char *from = getenv("SOCLE_DATA");
    snprintf(data, sizeof data, "%s", from != NULL ? from : "../shared/data");
    snprintf(stories, sizeof stories, "%s/models/stories260K-hf", data);
    return file_exists(stories);
}

static void need_data(void) {
    if (!data_is_there()) skip();
}

static const json *generate(const char *const *words) {
    string out = {0}, err = {0};
    error why = {0};
    if (program_run(words, "", &out, &err) != 0) fail_msg("%s", string_chars(&err));
    const json *v = json_parse(&memory, string_chars(&out), out.length, &why);
    if (v == NULL) fail_msg("%s: %s", why.text, string_chars(&out));
    string_drop(&out);
    string_drop(&err);
    return v;
}

static void greedy_ids_and_log_probabilities_are_llama2c_s(void **state) {
    need_data();
    error err = {0};
    const json *reference = json_read_file(&memory, arena_print(&memory, "%s/models/llama2c-stories260K/reference.json", data), &err);
    assert_non_null(reference);
    const json *want = json_get(json_get(reference, "greedy"), "ids"), *want_logprob = json_get(json_get(reference, "greedy"), "logprob");
    const char *n = arena_print(&memory, "%zu", want->length);
    const json *got = generate((const char *[]){"generate", stories, "--ids", "1", "-n", n, "--temperature", "0", "--ignore-eos", "--json", NULL});
    const json *ids = json_get(got, "ids"), *logprobs = json_get(got, "logprobs");
    assert_int_equal(ids->length, want->length);
    for (size_t i = 0; i < want->length; i++) {
        assert_int_equal(ids->item[i].integer, want->item[i].integer);
        assert_true(fabs(logprobs->item[i].number - want_logprob->item[i].number) < 1e-3);
    }
}

static void text_is_printed_as_it_is_in_json(void **state) {
    need_data();
    string out = {0}, err = {0};
    const char *const words[] = {"generate", stories, "-p", prompt, "-n", "40", "--temperature", "0.9", "--seed", "5", NULL};
    const char *const as_json[] = {"generate", stories, "-p", prompt, "-n", "40", "--temperature", "0.9", "--seed", "5", "--json", NULL};
    assert_int_equal(program_run(words, "", &out, &err), 0);
    const char *text = json_get_text(generate(as_json), "text", "none");
    assert_memory_equal(string_chars(&out), text, strlen(text));
    assert_string_equal(string_chars(&out) + strlen(text), "\n");
    string_drop(&out);
    string_drop(&err);
}

static void what_cannot_be_done_is_one_line_and_status_1_or_2(void **state) {
    need_data();
    const struct {
        const char *words[10];
        int status;
        const char *said;
    } cases[] = {
        {{"generate", stories}, 2, "-p TEXT"},
        {{"generate", "/nowhere", "-p", "x"}, 1, "/nowhere"},
        {{"generate", stories, "--ids", "1 512"}, 1, "no token 512"},
        {{"generate", stories, "--ids", "1 x"}, 2, "'x'"},
        {{"generate", stories, "-p", "x", "--set", "a=1"}, 2, "--set a=1"},
        {{"eval", stories, "--ids", "1 2", "--against", stories}, 2, "--against"},
        {{"tokenizer", "train", "--vocab-size", "300", "--pattern=nope", "--out", "/nowhere/x", "/nowhere"}, 2, "nope"},
        {{"tokenizer", "train", "--vocab-size", "300", "--out", stories, "/nowhere"}, 1, "is there already"},
        {{"generate", stories, "-p", "x", "-n", "600"}, 1, "512"},
        {{"generate", stories, "-p", "x", "--top-p", "7"}, 2, "top-p"},
        {{"chat", stories}, 1, "no chat template"},
        {{"serve", stories, "--host", "not a host"}, 1, "not a host"},
        {{"serve", stories, "--adapters", "/nowhere"}, 1, "/nowhere"},
        {{"serve", stories, "--context", "1000"}, 1, "512"},
    };
    string out = {0}, err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(program_run(cases[i].words, "", &out, &err), cases[i].status);
        assert_int_equal(out.length, 0);
        if (strstr(string_chars(&err), cases[i].said) == NULL) fail_msg("%s", string_chars(&err));
        assert_ptr_equal(strchr(string_chars(&err), '\n'), string_chars(&err) + err.length - 1);
    }
    string_drop(&out);
    string_drop(&err);
}

typedef struct asked {
    const char *name;
    bool stream;
    string text;
} asked;

/* The texts of a completion's chunks, joined. */
static void join(const string *events, string *text) {
    for (const char *at = string_chars(events); (at = strstr(at, "data: {")) != NULL;) {
        arena a = {0};
        error err = {0};
        const char *end = strstr(at, "\n\n");
        const json *v = json_parse(&a, at + 6, (size_t)(end - at - 6), &err);
        const json *piece = json_get(&json_get(v, "choices")->item[0], "text");
        string_append(text, piece->text, piece->length);
        arena_drop(&a);
        at = end;
    }
}

static void *ask(void *context) {
    asked *q = context;
    arena a = {0};
    error err = {0};
    string got = {0};
    const char *body = arena_print(&a, "{\"model\": \"%s\", \"prompt\": \"%s\", \"max_tokens\": 48, \"temperature\": 0, \"stream\": %s}", q->name, prompt,
                                   q->stream ? "true" : "false");
    if (client_ask(address, "POST", "/v1/completions", "Content-Type: application/json\r\n", body, &got) != 200) string_text(&q->text, string_chars(&got));
    else if (q->stream) join(&got, &q->text);
    else string_text(&q->text, json_get_text(&json_get(json_parse(&a, got.data, got.length, &err), "choices")->item[0], "text", "none"));
    string_drop(&got);
    arena_drop(&a);
    return NULL;
}

/* A folder with links to the adapters that were made for this model; their names. */
static size_t link_adapters(const char *folder, const char **names) {
    static const char *const known[] = {"stories-layers", "stories-qv"};
    size_t n = 0;
    for (size_t i = 0; i < COUNT(known); i++) {
        char *from = arena_print(&memory, "%s/adapters/%s", data, known[i]), whole[4096];
        if (!file_exists(from) || realpath(from, whole) == NULL) continue;
        if (symlink(whole, arena_print(&memory, "%s/%s", folder, known[i])) == 0) names[n++] = known[i];
    }
    return n;
}

static void a_server_gives_twelve_at_once_what_generate_gives_one(void **state) {
    need_data();
    char folder[] = "/tmp/socle-journey-XXXXXX";
    const char *names[MOST_MODELS] = {"stories260K-hf"}, *want[MOST_MODELS];
    error err = {0};
    assert_non_null(mkdtemp(folder));
    const size_t n = 1 + link_adapters(folder, names + 1);
    for (size_t i = 0; i < n; i++) {
        const char *model = i == 0 ? stories : arena_print(&memory, "%s+%s/%s", stories, folder, names[i]);
        want[i] = json_get_text(generate((const char *[]){"generate", model, "-p", prompt, "-n", "48", "--temperature", "0", "--json", NULL}), "text", "none");
        for (size_t k = 0; k < i; k++) assert_string_not_equal(want[i], want[k]);
    }
    program server = program_start((const char *[]){"serve", stories, "--adapters", folder, "--port", "0", "--quiet", NULL}, "");
    FILE *said = fdopen(server.out, "r");
    assert_non_null(fgets(address, sizeof address, said)); /* it is ready */
    address[strcspn(address, "\n")] = 0;
    asked q[ASKED];
    pthread_t threads[ASKED];
    for (size_t i = 0; i < ASKED; i++) {
        q[i] = (asked){.name = names[i % n], .stream = i % 2 == 1};
        pthread_create(&threads[i], NULL, ask, &q[i]);
    }
    for (size_t i = 0; i < ASKED; i++) pthread_join(threads[i], NULL);
    kill(server.pid, SIGTERM);
    fclose(said);
    server.out = -1;
    assert_int_equal(program_wait(&server), 0);
    for (size_t i = 0; i < ASKED; i++) {
        assert_string_equal(string_chars(&q[i].text), want[i % n]);
        string_drop(&q[i].text);
    }
    assert_true(folder_remove(folder, &err));
}

/* Text as JSON has it: bytes that are no UTF-8 are replaced. */
static const char *through_json(const char *text, size_t n) {
    string s = {0};
    error err = {0};
    json_text_n(&(json_writer){.out = &s}, text, n);
    const json *v = json_parse(&memory, string_chars(&s), s.length, &err);
    string_drop(&s);
    return v->text;
}

static void a_conversation_over_a_pipe_is_what_the_server_gives(void **state) {
    char folder[] = "/tmp/socle-chat-XXXXXX";
    string out = {0}, err = {0}, body = {0};
    error why = {0};
    assert_non_null(mkdtemp(folder));
    make_base(folder, template_chatml_jinja());
    const char *const words[] = {"chat", folder, "-n", "25", "--temperature", "0", "--system", "s", NULL};
    assert_int_equal(program_run(words, "hi\n\n/reset\nhi\n/exit\nnot said\n", &out, &err), 0);
    assert_int_equal(out.length % 2, 0); /* the same answer twice */
    assert_memory_equal(out.data, out.data + out.length / 2, out.length / 2);
    program server = program_start((const char *[]){"serve", folder, "--port", "0", "--quiet", NULL}, "");
    FILE *said = fdopen(server.out, "r");
    assert_non_null(fgets(address, sizeof address, said));
    address[strcspn(address, "\n")] = 0;
    const char *question =
        arena_print(&memory,
                    "{\"model\": \"%s\", \"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"hi\"}],"
                    " \"temperature\": 0, \"max_tokens\": 25}",
                    path_name(folder));
    assert_int_equal(client_ask(address, "POST", "/v1/chat/completions", NULL, question, &body), 200);
    kill(server.pid, SIGINT);
    fclose(said);
    server.out = -1;
    assert_int_equal(program_wait(&server), 0);
    const json *choice = &json_get(json_parse(&memory, body.data, body.length, &why), "choices")->item[0];
    assert_string_equal(through_json(out.data, out.length / 2 - 1), json_get_text(json_get(choice, "message"), "content", "none"));
    assert_true(folder_remove(folder, &why));
    string_drop(&out);
    string_drop(&err);
    string_drop(&body);
}

static int drop(void **state) {
    arena_drop(&memory);
    return 0;
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_ids_and_log_probabilities_are_llama2c_s),      cmocka_unit_test(text_is_printed_as_it_is_in_json),
        cmocka_unit_test(what_cannot_be_done_is_one_line_and_status_1_or_2),   cmocka_unit_test(a_server_gives_twelve_at_once_what_generate_gives_one),
        cmocka_unit_test(a_conversation_over_a_pipe_is_what_the_server_gives),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
