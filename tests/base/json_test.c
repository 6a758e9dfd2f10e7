#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json *parse(arena *owner, const char *text) {
    error err = {0};
    json *v = json_parse(owner, text, strlen(text), &err);
    if (v == NULL) fail_msg("%s: %s", text, err.text);
    return v;
}

static void values_of_every_type_are_read(void **state) {
    arena a = {0};
    const json *v = parse(
        &a, " {\"t\": \"x\\u00e9\\n\\/\\\"\", \"n\": -12.5e1, \"i\": 42, \"b\": true, \"f\": false, \"z\": null, \"a\": [1, [], {}], \"o\": {\"k\": 1}} \n");
    assert_int_equal(v->type, JSON_OBJECT);
    assert_int_equal(v->length, 8);
    assert_string_equal(json_get_text(v, "t", NULL), "x\xc3\xa9\n/\"");
    assert_true(json_get_number(v, "n", 0) == -125);
    assert_int_equal(json_get_integer(v, "i", 0), 42);
    assert_true(json_get_bool(v, "b", false));
    assert_false(json_get_bool(v, "f", true));
    assert_int_equal(json_get(v, "z")->type, JSON_NULL);
    assert_int_equal(json_get(v, "a")->length, 3);
    assert_int_equal(json_get_integer(json_get(v, "o"), "k", 0), 1);
    assert_string_equal(json_get(v, "n")->text, "-12.5e1");
    assert_string_equal(json_get(v, "a")->item[0].text, "1");
    assert_string_equal(json_type_name(JSON_OBJECT), "object");
    arena_drop(&a);
}

static void members_of_another_type_count_as_absent(void **state) {
    arena a = {0};
    const json *v = parse(&a, "{\"a\": 1.5, \"b\": \"1\", \"c\": null}");
    assert_int_equal(json_get_integer(v, "a", -1), -1);
    assert_int_equal(json_get_integer(v, "b", -1), -1);
    assert_string_equal(json_get_text(v, "c", "none"), "none");
    assert_true(json_get_bool(v, "d", true));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(json_get(v, "a"), "a"));
    assert_true(json_is_text(json_get(v, "b"), "1"));
    assert_false(json_is_text(json_get(v, "a"), "1.5"));
    arena_drop(&a);
}

static void what_data_sets_hold_beyond_the_standard_is_read(void **state) {
    arena a = {0};
    const json *v =
        parse(&a, "[NaN, Infinity, -Infinity, 123456789012345678901234567890, 1e999, -1e-999, \"a\\ud800b\", \"\\udc00\", \"\\ud83d\\ude00\", \"\\u0000\"]");
    assert_true(isnan(v->item[0].number));
    assert_true(v->item[1].number == INFINITY);
    assert_true(v->item[2].number == -INFINITY);
    assert_string_equal(v->item[3].text, "123456789012345678901234567890");
    assert_false(v->item[3].is_integer);
    assert_true(v->item[3].number > 1.2e29);
    assert_string_equal(v->item[4].text, "1e999");
    assert_true(v->item[4].number == INFINITY);
    assert_true(v->item[5].number == 0);
    assert_string_equal(v->item[6].text, "a\xef\xbf\xbd"
                                         "b");
    assert_string_equal(v->item[7].text, "\xef\xbf\xbd");
    assert_string_equal(v->item[8].text, "\xf0\x9f\x98\x80");
    assert_int_equal(v->item[9].length, 1);
    assert_int_equal(v->item[9].text[0], 0);
    assert_int_equal(parse(&a, "\xef\xbb\xbf{}")->type, JSON_OBJECT);
    arena_drop(&a);
}

static void integers_are_exact_to_their_ends(void **state) {
    arena a = {0};
    const json *v = parse(&a, "[9223372036854775807, -9223372036854775808, 9223372036854775808, 9007199254740993, -0, 1.0]");
    assert_true(v->item[0].is_integer && v->item[0].integer == INT64_MAX);
    assert_true(v->item[1].is_integer && v->item[1].integer == INT64_MIN);
    assert_false(v->item[2].is_integer);
    assert_true(v->item[3].is_integer && v->item[3].integer == 9007199254740993);
    assert_true(signbit(v->item[4].number));
    assert_false(v->item[5].is_integer);
    arena_drop(&a);
}

static void bad_texts_are_refused_with_their_place(void **state) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "empty"},
        {"  ", "empty"},
        {"[1 2]", "byte 3"},
        {"[1,]", "byte 3"},
        {"{\"a\":1,}", "byte 7"},
        {"{\"a\" 1}", "':' is expected"},
        {"[1", "the text ends"},
        {"\"abc", "inside a string"},
        {"tru", "'tru'"},
        {"01", "'01'"},
        {"1.", "'1.'"},
        {".5", "'.5'"},
        {"+1", "'+1'"},
        {"1 2", "should end here"},
        {"[\"a\\qb\"]", "escape"},
        {"[\"\\u12g4\"]", "escape"},
        {"[\"a\tb\"]", "byte 3: a control"},
        {"[\"ok\", \"\xff\"]", "byte 8: it is no valid UTF-8"},
        {"}", "byte 0"},
        {"[1x]", "'1x'"},
        {"[\"a\"b]", "byte 4"},
        {"{1:2}", "key in quotes"},
        {"[}", "byte 1"},
        {"nan", "'nan'"},
        {"{\"a\":}", "byte 5"},
        {"[,1]", "byte 1"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        arena a = {0};
        error err = {0};
        assert_null(json_parse(&a, bad[i].text, strlen(bad[i].text), &err));
        if (strstr(err.text, bad[i].says) == NULL) fail_msg("%s: it says '%s', not '%s'", bad[i].text, err.text, bad[i].says);
        arena_drop(&a);
    }
}

static void depth_is_bounded_at_256(void **state) {
    for (int depth = 256; depth <= 257; depth++) {
        char text[600];
        arena a = {0};
        error err = {0};
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_true((json_parse(&a, text, 2 * (size_t)depth, &err) != NULL) == (depth == 256));
        arena_drop(&a);
    }
}

static void an_arena_limit_is_an_error_and_no_crash(void **state) {
    string s = {0};
    string_text(&s, "[");
    for (int i = 0; i < 10000; i++) string_text(&s, i == 0 ? "[]" : ",[]");
    string_text(&s, "]");
    for (size_t limit = 100; limit < 1 << 20; limit *= 2) {
        arena a = {.limit = limit};
        error err = {0};
        const json *v = json_parse(&a, s.data, s.length, &err);
        assert_true(v != NULL || err.text[0] != 0);
        assert_true(v != NULL || strstr(err.text, "memory") != NULL);
        arena_drop(&a);
    }
    string_drop(&s);
}

static void of_duplicate_keys_the_last_wins(void **state) {
    arena a = {0};
    assert_int_equal(json_get_integer(parse(&a, "{\"a\": 1, \"a\": 2}"), "a", 0), 2);
    arena_drop(&a);
}

static void text_without_nul_behind_it_is_read_to_its_length(void **state) {
    arena a = {0};
    error err = {0};
    char *text = malloc(3); /* the address sanitizer watches both ends */
    memcpy(text, "123", 3);
    const json *v = json_parse(&a, text, 3, &err);
    free(text);
    assert_string_equal(v->text, "123");
    assert_int_equal(v->integer, 123);
    arena_drop(&a);
}

static void the_writer_puts_commas_and_lines(void **state) {
    string s = {0};
    json_writer w = {.out = &s, .indent = 2};
    json_begin_object(&w);
    json_key(&w, "a");
    json_begin_array(&w);
    json_integer(&w, -1);
    json_bool(&w, true);
    json_end_array(&w);
    json_key(&w, "e");
    json_begin_object(&w);
    json_end_object(&w);
    json_key(&w, "t");
    json_text(&w, "q\"\\\n\x01\xff\xc3\xa9");
    json_end_object(&w);
    assert_string_equal(s.data, "{\n  \"a\": [\n    -1,\n    true\n  ],\n  \"e\": {},\n  \"t\": \"q\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\"\n}");
    string_reset(&s);
    w = (json_writer){.out = &s};
    json_begin_array(&w);
    json_null(&w);
    json_number(&w, NAN);
    json_raw(&w, "{}", 2);
    json_text(&w, NULL);
    json_end_array(&w);
    assert_string_equal(s.data, "[null, null, {}, null]");
    string_drop(&s);
}

static void numbers_are_written_short_and_read_back_equal(void **state) {
    static const struct {
        double x;
        const char *text;
    } some[] = {{0.1, "0.1"},
                {1, "1"},
                {100000, "100000"},
                {1e22, "1e+22"},
                {6e-4, "0.0006"},
                {1e-8, "1e-08"},
                {-0.0, "-0"},
                {0x1p53, "9007199254740992"},
                {1.0 / 3, "0.3333333333333333"},
                {INFINITY, "null"}};
    for (size_t i = 0; i < COUNT(some); i++) {
        string s = {0};
        json_writer w = {.out = &s};
        json_number(&w, some[i].x);
        assert_string_equal(s.data, some[i].text);
        string_drop(&s);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) continue;
        arena a = {0};
        string s = {0};
        json_writer w = {.out = &s};
        json_number(&w, x);
        const json *v = parse(&a, s.data);
        assert_memory_equal(&v->number, &x, sizeof x);
        string_drop(&s);
        arena_drop(&a);
    }
}

static void a_tree_is_written_as_it_was_read(void **state) {
    static const char text[] =
        "{\"big\": 123456789012345678901234567890, \"one\": 1.0, \"e\": 1E+5, \"a\": [\"\", [[]], {\"k\\u0000k\": null}], \"s\": \"\xe2\x82\xac\"}";
    arena a = {0};
    string s = {0};
    json_writer w = {.out = &s};
    json_value(&w, parse(&a, text));
    assert_string_equal(s.data, text);
    string_reset(&s);
    json_value(&(json_writer){.out = &s}, parse(&a, "[NaN, -Infinity, -0]"));
    assert_string_equal(s.data, "[null, null, -0]");
    string_drop(&s);
    arena_drop(&a);
}

static void a_file_that_is_off_is_named(void **state) {
    char path[] = "/tmp/json_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "{\"a\": }", 7) == 7 && close(fd) == 0);
    arena a = {0};
    error err = {0};
    assert_null(json_read_file(&a, path, &err));
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "byte 6"));
    error_clear(&err);
    unlink(path);
    assert_null(json_read_file(&a, path, &err));
    assert_non_null(strstr(err.text, "No such file"));
    arena_drop(&a);
}

typedef struct seen {
    string keys;
    int64_t sum;
    size_t n;
} seen;

static bool see(void *user, const char *key, size_t n_key, const json *value, error *err) {
    seen *s = user;
    if (key != NULL) string_append(&s->keys, key, n_key);
    if (value->type == JSON_STRING) return (fail)(err, "%s is a text", key != NULL ? key : "a member");
    s->sum += value->type == JSON_ARRAY ? (int64_t)value->length * 100 + value->item[0].integer : value->integer;
    s->n++;
    return true;
}

static void members_of_a_visited_container_are_handed_over_and_not_kept(void **state) {
    static const char text[] = "{\"list\": [7], \"a\": {\"list\": [[1, 2], [3], 4], \"b\": {\"x\": 1, \"y\": 2}, \"c\": 5}, \"b\": {\"x\": 9}}";
    arena a = {0};
    error err = {0};
    seen list = {0}, object = {0}, none = {0};
    const json_visit visit[] = {{"a.list", see, &list}, {"a.b", see, &object}, {"a.c", see, &none}, {"x", see, &none}};
    const json *root = json_parse_visit(&a, text, strlen(text), visit, COUNT(visit), &err);
    assert_non_null(root);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.sum, 201 + 103 + 4);
    assert_int_equal(object.sum, 3);
    assert_string_equal(string_chars(&object.keys), "xy");
    assert_int_equal(none.n, 0);
    const json *in = json_get(root, "a");
    assert_int_equal(json_get(in, "list")->length, 0);
    assert_int_equal(json_get(in, "b")->length, 0);
    assert_int_equal(json_get_integer(in, "c", 0), 5);
    assert_int_equal(json_get(root, "list")->item[0].integer, 7);
    assert_int_equal(json_get_integer(json_get(root, "b"), "x", 0), 9);
    static const char longer[] = "{\"a\": {\"list\\u0000 is only how it begins\": [1], \"list\\u0000\": [1], \"lis\": [1]}}"; /* names are compared whole */
    root = json_parse_visit(&a, longer, strlen(longer), visit, COUNT(visit), &err);
    assert_non_null(root);
    assert_int_equal(list.n, 3);
    for (size_t i = 0; i < 3; i++) assert_int_equal(json_get(root, "a")->item[i].length, 1);
    static const char wrong[] = "{\"a\": {\"b\": {\"x\": \"t\"}}}";
    assert_null(json_parse_visit(&a, wrong, strlen(wrong), visit, COUNT(visit), &err));
    assert_string_equal(err.text, "x is a text");
    string_drop(&list.keys);
    string_drop(&object.keys);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_are_read),
        cmocka_unit_test(members_of_another_type_count_as_absent),
        cmocka_unit_test(what_data_sets_hold_beyond_the_standard_is_read),
        cmocka_unit_test(integers_are_exact_to_their_ends),
        cmocka_unit_test(bad_texts_are_refused_with_their_place),
        cmocka_unit_test(depth_is_bounded_at_256),
        cmocka_unit_test(an_arena_limit_is_an_error_and_no_crash),
        cmocka_unit_test(of_duplicate_keys_the_last_wins),
        cmocka_unit_test(text_without_nul_behind_it_is_read_to_its_length),
        cmocka_unit_test(the_writer_puts_commas_and_lines),
        cmocka_unit_test(numbers_are_written_short_and_read_back_equal),
        cmocka_unit_test(a_tree_is_written_as_it_was_read),
        cmocka_unit_test(a_file_that_is_off_is_named),
        cmocka_unit_test(members_of_a_visited_container_are_handed_over_and_not_kept),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
