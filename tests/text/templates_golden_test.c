/* Renderings of text/chat_template.h: those that Jinja2, set up as transformers does it, makes of templates in the idioms of real
 * ones (tests/golden/templates/make_goldens.py). */
#include "base/file.h"
#include "text/chat_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/templates/"

typedef struct golden {
    arena memory;
    const json *tools, *templates, *conversations;
} golden;

static void golden_read(golden *g) {
    error err = {0};
    const json *expected = json_read_file(&g->memory, GOLDEN "expected.json", &err);
    g->conversations = json_read_file(&g->memory, GOLDEN "conversations.json", &err);
    if (expected == NULL || g->conversations == NULL) fail_msg("%s", err.text);
    g->tools = json_get(expected, "tools");
    g->templates = json_get(expected, "templates");
    assert_true(g->templates->length >= 30 && g->conversations->length >= 12);
}

static chat_template *compile(arena *owner, const char *name) {
    error err = {0};
    size_t n;
    const char *path = arena_print(owner, GOLDEN "%s.jinja", name), *text = file_read(owner, path, 1 << 20, &n, &err);
    if (text == NULL) fail_msg("%s", err.text);
    chat_template *t = chat_template_compile(owner, text, n, &err);
    if (t == NULL) print_error("%s: %s\n", path, err.text);
    return t;
}

/* The conversation with the tools in their place. */
static json variables_of(arena *owner, const golden *g, const json *conversation) {
    json v = *conversation;
    v.item = (json *)arena_copy_bytes(owner, v.item, v.length * sizeof *v.item);
    for (size_t i = 0; i < v.length; i++)
        if (json_is_text(&v.item[i], "$TOOLS")) v.item[i] = *g->tools;
    return v;
}

/* Spans of {% generation %} that touch are one: marks cannot tell them apart. */
static bool spans_equal(const json *want, const string *marks) {
    for (size_t i = 0; i < marks->length; i++) {
        bool inside = false;
        for (size_t k = 0; k + 1 < want->length; k += 2) inside = inside || ((int64_t)i >= want->item[k].integer && (int64_t)i < want->item[k + 1].integer);
        if (inside != ((marks->data[i] & TEMPLATE_GENERATION) != 0)) return false;
    }
    return true;
}

static bool same(const json *want, bool rendered, const string *text, const string *marks) {
    static const json no_spans = {.type = JSON_ARRAY};
    if (want->type == JSON_NULL || !rendered) return want->type == JSON_NULL && !rendered;
    const json *wanted_text = want->type == JSON_ARRAY ? &want->item[0] : want;
    if (wanted_text->length != text->length || memcmp(wanted_text->text, string_chars(text), text->length) != 0) return false;
    return marks->length == text->length && spans_equal(want->type == JSON_ARRAY ? &want->item[1] : &no_spans, marks);
}

static void show(const char *what, const char *text, size_t n) {
    print_error("  %s: %.*s\n", what, (int)n, text);
}

static void renderings_are_those_of_jinja(void **state) {
    golden g = {0};
    golden_read(&g);
    size_t wrong = 0;
    string text = {0}, marks = {0};
    for (size_t i = 0; i < g.templates->length; i++) {
        arena memory = {0};
        const json *row = &g.templates->item[i], *given = json_get(row, "given");
        const char *name = json_get_text(row, "template", "");
        const chat_template *t = compile(&memory, name);
        assert_int_equal(given->length, g.conversations->length);
        wrong += t == NULL;
        for (size_t k = 0; t != NULL && k < given->length; k++) {
            const json variables = variables_of(&memory, &g, &g.conversations->item[k]);
            const chat_template_input in = {.variables = &variables,
                                            .bos_token = json_get_text(row, "bos_token", NULL),
                                            .eos_token = json_get_text(row, "eos_token", NULL),
                                            .now = 1768478400}; /* 2026-01-15T12:00:00 */
            error err = {0};
            string_reset(&text);
            string_reset(&marks);
            const bool rendered = chat_template_render(t, &in, &text, &marks, &err);
            if (same(&given->item[k], rendered, &text, &marks)) continue;
            const json *want = &given->item[k];
            if (wrong++ >= 10) continue;
            print_error("%s over '%s':\n", name, g.conversations->key[k]);
            if (want->type == JSON_ARRAY) want = &want->item[0];
            show("wanted", want->type == JSON_NULL ? "(an error)" : want->text, want->type == JSON_NULL ? 10 : want->length);
            show("given", rendered ? string_chars(&text) : err.text, rendered ? text.length : strlen(err.text));
        }
        arena_drop(&memory);
    }
    string_drop(&text);
    string_drop(&marks);
    arena_drop(&g.memory);
    if (wrong > 0) fail_msg("%zu renderings differ", wrong);
}

/* What a user writes is content, whichever way a template takes it apart: no byte of a special token that stands in the
 * conversation alone may be markup. */
static void no_template_turns_content_into_markup(void **state) {
    static const char sign[] = "<|heron|>";
    golden g = {0};
    golden_read(&g);
    size_t seen = 0;
    for (size_t i = 0; i < g.templates->length; i++) {
        arena memory = {0};
        error err = {0};
        const char *name = json_get_text(&g.templates->item[i], "template", "");
        const chat_template *t = compile(&memory, name);
        assert_non_null(t);
        static const char input[] =
            "{\"messages\": [{\"role\": \"user\", \"content\": \" <|heron|>\\n\\nthe <|heron|>\"}, {\"role\": \"assistant\", \"content\": "
            "\"<think>a<|heron|></think> b<|heron|> \"}, {\"role\": \"user\", \"content\": \"<|heron|>\"}], \"add_generation_prompt\": true}";
        const json *variables = json_parse(&memory, input, sizeof input - 1, &err);
        string text = {0}, marks = {0};
        const chat_template_input in = {.variables = variables, .bos_token = "<s>", .eos_token = "</s>"};
        assert_true(chat_template_render(t, &in, &text, &marks, &err));
        for (const char *at = text.data; (at = memmem(at, (size_t)(text.data + text.length - at), sign, sizeof sign - 1)) != NULL; at++) {
            seen++;
            for (size_t b = 0; b < sizeof sign - 1; b++)
                if (marks.data[(size_t)(at - text.data) + b] & TEMPLATE_MARKUP) fail_msg("%s: content is marked markup: %s", name, text.data);
        }
        string_drop(&text);
        string_drop(&marks);
        arena_drop(&memory);
    }
    assert_true(seen > 2 * g.templates->length);
    arena_drop(&g.memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renderings_are_those_of_jinja),
        cmocka_unit_test(no_template_turns_content_into_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
