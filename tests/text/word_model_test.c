/* The four models: ids and offsets of small tokenizers. The goldens are Hugging Face tokenizers' (tests/golden/text/make_model_goldens.py). */
#include "base/json.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static tokenizer *parse(arena *owner, const char *text, size_t n) {
    error err = {0};
    tokenizer *t = tokenizer_parse(owner, text, n, NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

/* The beginning of the character that byte `at` of a text lies in, or the end of it. */
static int64_t begin_of_character(const char *text, size_t at) {
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    return (int64_t)at;
}

static int64_t end_of_character(const char *text, size_t n, size_t at) {
    while (at < n && ((unsigned char)text[at] & 0xc0) == 0x80) at++;
    return (int64_t)at;
}

static void assert_case(const tokenizer *t, tokenizer_scratch *s, const char *kind, const json *one) {
    const json *text = &one->item[0], *ids = &one->item[1], *offsets = &one->item[2];
    id_list got = {0}, fast = {0};
    error err = {0};
    assert_true(tokenizer_encode(t, s, text->text, text->length, TOKENIZER_OFFSETS, &got, &err));
    assert_true(tokenizer_encode(t, s, text->text, text->length, 0, &fast, &err)); /* by way of the cache */
    bool same = got.n == ids->length && fast.n == got.n;
    for (size_t i = 0; same && i < got.n; i++) same = got.id[i] == ids->item[i].integer && fast.id[i] == got.id[i];
    if (!same) fail_msg("%s gives other ids for '%s'", kind, text->text);
    for (size_t i = 0; i < got.n; i++)
        if (begin_of_character(text->text, got.begin[i]) != offsets->item[2 * i].integer ||
            end_of_character(text->text, text->length, got.end[i]) != offsets->item[2 * i + 1].integer)
            fail_msg("%s gives other offsets for token %zu of '%s': %zu to %zu", kind, i, text->text, got.begin[i], got.end[i]);
    id_list_drop(&got);
    id_list_drop(&fast);
}

static void ids_and_offsets_are_those_of_the_reference(void **state) {
    arena a = {0};
    error err = {0};
    const json *golden = json_read_file(&a, "tests/golden/text/models.json", &err);
    if (golden == NULL) fail_msg("%s", err.text);
    assert_true(golden->length >= 15);
    for (size_t k = 0; k < golden->length; k++) {
        string text = {0};
        json_writer w = {.out = &text};
        json_value(&w, json_get(&golden->item[k], "tokenizer"));
        const tokenizer *t = parse(&a, string_chars(&text), text.length);
        tokenizer_scratch *s = tokenizer_scratch_new(t);
        const json *cases = json_get(&golden->item[k], "cases");
        for (size_t i = 0; i < cases->length; i++) assert_case(t, s, tokenizer_kind(t), &cases->item[i]);
        tokenizer_scratch_drop(s);
        string_drop(&text);
    }
    arena_drop(&a);
}

#define UNIGRAM(unk, vocab) "{\"model\": {\"type\": \"Unigram\", \"unk_id\": " unk ", \"vocab\": [" vocab "]}}"

static void a_text_that_no_token_covers_is_an_error(void **state) {
    arena a = {0};
    error err = {0};
    id_list ids = {0};
    static const char text[] = UNIGRAM("null", "[\"a\", -1.0], [\"b\", -2]");
    const tokenizer *t = parse(&a, text, strlen(text));
    tokenizer_scratch *s = tokenizer_scratch_new(t);
    assert_true(tokenizer_encode(t, s, "ab", 2, 0, &ids, &err));
    assert_int_equal(ids.n, 2);
    assert_false(tokenizer_encode(t, s, "abc", 3, 0, &ids, &err));
    assert_non_null(strstr(err.text, "no unknown token"));
    id_list_reset(&ids);
    err = (error){0};
    assert_true(tokenizer_encode(t, s, "ba", 2, 0, &ids, &err)); /* the scratch is as good as new */
    assert_int_equal(ids.n, 2);
    id_list_drop(&ids);
    tokenizer_scratch_drop(s);
    arena_drop(&a);
}

static void refusals_name_the_field(void **state) {
    static const char *const cases[][2] = {
        {UNIGRAM("2", "[\"a\", -1.0], [\"b\", -2]"), "tokenizer.json: model: unk_id is no id of the vocabulary"},
        {UNIGRAM("0", "[\"a\", -1.0], [\"b\", \"c\"]"), "tokenizer.json: model: vocab: entry 1 is not [token, score]"},
        {UNIGRAM("0", "[\"a\", NaN]"), "tokenizer.json: model: vocab: entry 0: its score is no number"},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": {}}}", "tokenizer.json: model: vocab is not an array"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}, \"max_input_chars_per_word\": -1}}",
         "tokenizer.json: model: max_input_chars_per_word is no whole number"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}, \"continuing_subword_prefix\": 3}}",
         "tokenizer.json: model: continuing_subword_prefix is not a text"},
        {"{\"model\": {\"type\": \"Morfessor\", \"vocab\": {\"a\": 0}}}", "tokenizer.json: model: Morfessor is not supported"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        error err = {0};
        assert_null(tokenizer_parse(&a, cases[i][0], strlen(cases[i][0]), NULL, 0, &err));
        assert_string_equal(err.text, cases[i][1]);
        arena_drop(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_offsets_are_those_of_the_reference),
        cmocka_unit_test(a_text_that_no_token_covers_is_an_error),
        cmocka_unit_test(refusals_name_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
