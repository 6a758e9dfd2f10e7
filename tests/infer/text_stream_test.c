#include "infer/text_stream.h"

#include "eval/byte_tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static tokenizer *bytes_tokenizer(arena *a) {
    error err = {0};
    tokenizer *t = byte_tokenizer(a, false, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

/* Pushes text byte by byte until the stream says enough. `most_held`: the most bytes that were held at a time. */
static bool run(const tokenizer *t, const char *text, const char *const *stops, size_t n_stop, string *out, size_t *most_held) {
    text_stream s = text_stream_start(t, NULL, 0, stops, n_stop);
    bool more = true;
    *most_held = 0;
    string_reset(out);
    for (size_t i = 0; more && text[i] != 0; i++) {
        more = text_stream_put(&s, (unsigned char)text[i] + 1, out);
        if (i + 1 > out->length && more && i + 1 - out->length > *most_held) *most_held = i + 1 - out->length;
        if (more) assert_int_equal(text_stream_position(&s, out->length), i + 1);
    }
    if (!more) assert_false(text_stream_put(&s, 'x' + 1, out));
    text_stream_end(&s, out);
    return !more;
}

static void text_ends_before_the_first_stop_string(void **state) {
    static const struct {
        const char *text, *stops[3];
        size_t n_stop;
        const char *want;
        bool stopped;
        size_t most_held;
    } cases[] = {
        {"hello world", {NULL}, 0, "hello world", false, 0},
        {"hello world", {"o w"}, 1, "hell", true, 2},
        {"hello world", {"o x"}, 1, "hello world", false, 2},
        {"hello world", {"world!", "xyz"}, 2, "hello world", false, 5},
        {"aaaab", {"aab"}, 1, "aa", true, 2},
        {"ababac", {"abac"}, 1, "ab", true, 3},
        {"one two", {"two", "ne"}, 2, "o", true, 1},
        {"xyz", {"x"}, 1, "", true, 0},
        {"n\xc3\xa9"
         "e",
         {"\xc3\xa9"
          "e"},
         1,
         "n",
         true,
         2},
        {"end", {"end of it"}, 1, "end", false, 3}, /* what was held comes at the end */
    };
    arena a = {0};
    const tokenizer *t = bytes_tokenizer(&a);
    string out = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t held;
        assert_int_equal(run(t, cases[i].text, cases[i].stops, cases[i].n_stop, &out, &held), cases[i].stopped);
        assert_string_equal(string_chars(&out), cases[i].want);
        assert_int_equal(held, cases[i].most_held);
    }
    string_drop(&out);
    arena_drop(&a);
}

static void characters_come_whole(void **state) {
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    arena a = {0};
    const tokenizer *t = bytes_tokenizer(&a);
    string out = {0};
    text_stream s = text_stream_start(t, NULL, 0, NULL, 0);
    for (size_t i = 0; text[i] != 0; i++) {
        assert_true(text_stream_put(&s, (unsigned char)text[i] + 1, &out));
        assert_true(utf8_valid(string_chars(&out), out.length));
    }
    assert_string_equal(string_chars(&out), text);
    string_reset(&out);
    text_stream_put(&s, 0xe2 + 1, &out);
    assert_int_equal(out.length, 0);
    text_stream_end(&s, &out); /* cut in the middle: the bytes as they are */
    assert_string_equal(string_chars(&out), "\xe2");
    string_drop(&out);
    arena_drop(&a);
}

static void special_tokens_are_no_text(void **state) {
    arena a = {0};
    const tokenizer *t = bytes_tokenizer(&a);
    string out = {0};
    text_stream s = text_stream_start(t, NULL, 0, NULL, 0);
    text_stream_put(&s, 'a' + 1, &out);
    text_stream_put(&s, BYTE_END, &out);
    text_stream_put(&s, 'b' + 1, &out);
    text_stream_end(&s, &out);
    assert_string_equal(string_chars(&out), "ab");
    string_drop(&out);
    arena_drop(&a);
}

/* A decoder that says only at the end what the tokens are: a stop string is found there, too, and all memory given back. */
static void a_stop_string_is_found_in_text_that_comes_at_the_end(void **state) {
    static const char text[] = "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0, \"b_\": 1, \"c\": 2}}, \"decoder\": {\"type\": \"Sequence\", "
                               "\"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \"_\"}, \"content\": \" \"}]}}";
    arena a = {0};
    error err = {0};
    const tokenizer *t = tokenizer_parse(&a, text, strlen(text), NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    static const char *const stops[] = {" c"};
    for (size_t n_stop = 0; n_stop < 2; n_stop++) {
        string out = {0};
        text_stream s = text_stream_start(t, (const int32_t[]){0}, 1, stops, n_stop);
        for (int32_t id = 0; id < 3; id++) assert_true(text_stream_put(&s, id, &out));
        assert_int_equal(out.length, 0);
        text_stream_end(&s, &out);
        assert_string_equal(string_chars(&out), n_stop > 0 ? "ab" : "ab c");
        string_drop(&out);
    }
    text_stream dropped = text_stream_start(t, (const int32_t[]){0}, 1, NULL, 0);
    text_stream_drop(&dropped);
    arena_drop(&a);
}

static void a_tokenizer_with_more_ids_than_the_model_has_rows_is_refused(void **state) {
    arena a = {0};
    error err = {0};
    const char *folder = test_folder();
    assert_true(tokenizer_save(bytes_tokenizer(&a), folder, NULL, &err));
    model m = {.vocab_size = BYTE_VOCAB};
    assert_true(model_has_tokenizer(&a, folder, NULL));
    assert_non_null(model_tokenizer(&a, &m, folder, NULL, &err));
    assert_non_null(model_tokenizer(&a, &m, folder, "/nowhere", &err)); /* an adapter without one means its base's */
    m.vocab_size--;
    assert_null(model_tokenizer(&a, &m, folder, NULL, &err));
    assert_non_null(strstr(err.text, "the tokenizer does not match the model"));
    assert_true(folder_remove(folder, &err));
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_ends_before_the_first_stop_string),
        cmocka_unit_test(characters_come_whole),
        cmocka_unit_test(special_tokens_are_no_text),
        cmocka_unit_test(a_stop_string_is_found_in_text_that_comes_at_the_end),
        cmocka_unit_test(a_tokenizer_with_more_ids_than_the_model_has_rows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
