#include "base/yaml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json *parse(arena *owner, const char *text) {
    error err = {0};
    json *v = yaml_parse(owner, text, strlen(text), &err);
    if (v == NULL) fail_msg("%s: %s", text, err.text);
    return v;
}

/* The tree as one line of JSON. */
static char *as_json(arena *owner, const json *v) {
    string s = {0};
    json_writer w = {.out = &s};
    json_value(&w, v);
    char *copy = arena_copy(owner, string_chars(&s));
    string_drop(&s);
    return copy;
}

static void plain_scalars_resolve_as_the_core_schema_says(void **state) {
    arena a = {0};
    const json *v = parse(&a, "[1, +2, -3, 0x1F, 0o17, 1.5, .5, 6e-4, 1., .inf, -.INF, .nan, true, False, no, yes, on, ~, null, Null, '1']");
    static const json_type types[] = {JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER,
                                      JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_NUMBER, JSON_BOOL,   JSON_BOOL,
                                      JSON_STRING, JSON_STRING, JSON_STRING, JSON_NULL,   JSON_NULL,   JSON_NULL};
    assert_true(v->item[3].integer == 31 && v->item[4].integer == 15 && v->item[2].integer == -3 && v->item[1].is_integer);
    assert_true(v->item[7].number == 6e-4 && !v->item[5].is_integer && v->item[10].number == -INFINITY && isnan(v->item[11].number));
    for (size_t i = 0; i < COUNT(types); i++) assert_int_equal(v->item[i].type, types[i]);
    assert_true(v->item[12].truth && !v->item[13].truth);
    arena_drop(&a);
    v = parse(&a, "- 1_000\n- 12:30\n- 0b1\n- '1'\n- \"true\"\n- 2026-01-15\n- +-1\n- !!str 5\n- 1e\n- inf\n");
    for (size_t i = 0; i < v->length; i++) assert_int_equal(v->item[i].type, JSON_STRING);
    v = parse(&a, "[08, 99999999999999999999]");
    assert_true(v->item[0].is_integer && v->item[0].integer == 8);
    assert_true(!v->item[1].is_integer && v->item[1].number == 1e20);
    arena_drop(&a);
}

static void values_know_their_lines(void **state) {
    arena a = {0};
    const json *v = parse(&a, "# a comment\nmodel:\n  init: x\nsteps: 5\nlist:\n  - a\n  - b\n");
    assert_int_equal(json_get(json_get(v, "model"), "init")->line, 3);
    assert_int_equal(json_get(v, "steps")->line, 4);
    assert_int_equal(json_get(v, "list")->item[1].line, 7);
    arena_drop(&a);
}

static void anchors_and_aliases_work(void **state) {
    arena a = {0};
    assert_string_equal(as_json(&a, parse(&a, "a: &x {k: [1, 2]}\nb: *x\nc: &y t\nd: *y\n")),
                        "{\"a\": {\"k\": [1, 2]}, \"b\": {\"k\": [1, 2]}, \"c\": \"t\", \"d\": \"t\"}");
    arena_drop(&a);
}

static void an_empty_text_is_null(void **state) {
    arena a = {0};
    assert_int_equal(parse(&a, "")->type, JSON_NULL);
    assert_int_equal(parse(&a, "# nothing\n")->type, JSON_NULL);
    arena_drop(&a);
}

static void bad_texts_are_refused_with_their_line(void **state) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice (first in line 1)"},
        {"a: !mine 1\n", "line 1: the tag !mine is not known"},
        {"a: !!set {x}\n", "tag"},
        {"a: !!int x\n", "'x' is no number"},
        {"a: 1\n---\nb: 2\n", "line 2: a second document"},
        {"a: *nothing\n", "no anchor &nothing"},
        {"a: &a [*a]\n", "no anchor &a"},
        {"a: [1, 2\nb: 3\n", "line 2"},
        {"a:\n\tb: 1\n", "line 2"},
        {"? [x]\n: 1\n", "a key has to be plain text"},
        {"a: \"x\n", "line 2"},
        {"a: \x01\n", "byte 3"},
        {"a: \xff\n", "byte 3"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        arena a = {0};
        error err = {0};
        assert_null(yaml_parse(&a, bad[i].text, strlen(bad[i].text), &err));
        if (strstr(err.text, bad[i].says) == NULL) fail_msg("%s: it says '%s', not '%s'", bad[i].text, err.text, bad[i].says);
        arena_drop(&a);
    }
}

static void aliases_cannot_blow_up_a_small_text(void **state) {
    string s = {0};
    string_text(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 30; i++) {
        string_print(&s, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) string_print(&s, "%s*a%d", j == 0 ? "" : ", ", i - 1);
        string_text(&s, "]\n");
    }
    arena a = {.limit = 1 << 20};
    error err = {0};
    assert_null(yaml_parse(&a, s.data, s.length, &err));
    assert_non_null(strstr(err.text, "aliases make more than"));
    arena_drop(&a);
    string_drop(&s);
}

static void depth_is_bounded(void **state) {
    char text[2000];
    arena a = {0};
    error err = {0};
    memset(text, '[', 900);
    memset(text + 900, ']', 900);
    assert_null(yaml_parse(&a, text, 1800, &err));
    assert_non_null(strstr(err.text, "levels"));
    assert_non_null(yaml_parse(&a, text + 650, 500, &err));
    arena_drop(&a);
}

static void what_is_written_reads_back_equal(void **state) {
    static const char text[] =
        "{\"plain\": \"a-b_c.d/e\", \"yes\": \"no\", \"empty\": \"\", \"number\": \"12\", \"null\": null, \"t\": true, \"n\": 0.0006, "
        "\"big\": 123456789012345678901234567890, "
        "\"odd\": \" lead: #x\\n\\t\\\"\\\\\\u0000\\u0001\\u007f\\u0085 \\u2028 z\\ufeff\xf0\x9f\x98\x80\", \"~\": \"~\", \"-\": \"- a\", "
        "\"list\": [], \"map\": {}, \"deep\": [[1, [2]], {\"a\": [{\"b\": 1}, "
        "\"x, y\"]}], \"path\": \"./x/y\", \"star\": \"*a\", \"date\": \"2026-01-15\"}";
    arena a = {0};
    error err = {0};
    const json *tree = json_parse(&a, text, strlen(text), &err);
    assert_non_null(tree);
    for (int depth = 0; depth < 6; depth++) {
        string s = {0};
        yaml_write(&s, tree, depth);
        const json *back = parse(&a, s.data);
        assert_string_equal(as_json(&a, back), as_json(&a, tree));
        string_drop(&s);
    }
    arena_drop(&a);
}

static void long_keys_and_odd_numbers_are_written_too(void **state) {
    char key[3000];
    memset(key, 'k', sizeof key);
    key[7] = '\n';
    json items[3] = {{.type = JSON_NUMBER, .number = NAN}, {.type = JSON_NUMBER, .number = -INFINITY}, {.type = JSON_NUMBER, .number = 0.1}};
    json inner = {.type = JSON_ARRAY, .item = items, .length = 3};
    const char *keys[] = {key};
    size_t lengths[] = {sizeof key};
    json tree = {.type = JSON_OBJECT, .item = &inner, .key = keys, .key_length = lengths, .length = 1};
    for (int depth = 0; depth < 3; depth++) {
        arena a = {0};
        string s = {0};
        yaml_write(&s, &tree, depth);
        const json *back = parse(&a, s.data);
        assert_int_equal(back->key_length[0], sizeof key);
        assert_memory_equal(back->key[0], key, sizeof key);
        assert_true(isnan(back->item[0].item[0].number) && back->item[0].item[1].number == -INFINITY && back->item[0].item[2].number == 0.1);
        string_drop(&s);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_resolve_as_the_core_schema_says),
        cmocka_unit_test(values_know_their_lines),
        cmocka_unit_test(anchors_and_aliases_work),
        cmocka_unit_test(an_empty_text_is_null),
        cmocka_unit_test(bad_texts_are_refused_with_their_line),
        cmocka_unit_test(aliases_cannot_blow_up_a_small_text),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(what_is_written_reads_back_equal),
        cmocka_unit_test(long_keys_and_odd_numbers_are_written_too),
    };
    return cmocka_run_group_tests_name("base/yaml", tests, NULL, NULL);
}
