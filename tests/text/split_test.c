#include "text/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* The pieces of a text, joined by a character that no case holds. */
static const char *pieces(split_kind kind, const char *text) {
    static char out[4096];
    size_t n = strlen(text), to = 0;
    for (size_t at = 0; at < n;) {
        const size_t end = split_next(kind, text, n, at);
        assert_true(end > at && end <= n);
        if (at > 0) out[to++] = '|';
        memcpy(out + to, text + at, end - at);
        to += end - at;
        at = end;
    }
    out[to] = 0;
    return out;
}

static void gpt2_pattern_cuts_as_its_regular_expression(void **state) {
    static const char *const cases[][2] = {
        {"Hello world", "Hello| world"},
        {"don't 'tis we'll", "don|'t| '|tis| we|'ll"},
        {"I'M", "I|'|M"},
        {"a  b", "a| | b"},
        {"a   ", "a|   "},
        {"a\n\nb", "a|\n|\n|b"},
        {"x \n y", "x| \n| y"},
        {"abc123def", "abc|123|def"},
        {"12345", "12345"},
        {"!?a", "!?|a"},
        {" \xc3\xa9t\xc3\xa9!", " \xc3\xa9t\xc3\xa9|!"},
        {"a\xc2\xa0\xc2\xa0z", "a|\xc2\xa0|\xc2\xa0|z"},
        {"\xe4\xb8\xad\xe6\x96\x87\xef\xbc\x8c", "\xe4\xb8\xad\xe6\x96\x87|\xef\xbc\x8c"},
        {"\xff\xfe x", "\xff\xfe| x"},
        {"e\xcc\x81", "e|\xcc\x81"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(pieces(SPLIT_GPT2, cases[i][0]), cases[i][1]);
}

static void llama3_pattern_cuts_as_its_regular_expression(void **state) {
    static const char *const cases[][2] = {
        {"Hello world", "Hello| world"},
        {"I'M we'LL", "I|'M| we|'LL"},
        {"he'\xc5\xbfx", "he|'\xc5\xbf|x"},
        {"'sfoo", "'s|foo"},
        {"'foo", "'foo"},
        {"a  b", "a| | b"},
        {"a\n\n  b", "a|\n\n| | b"},
        {"a \n \n  ", "a| \n \n|  "},
        {"12345678", "123|456|78"},
        {"\tx", "\tx"},
        {"\nx", "\n|x"},
        {"end.\n\nNext", "end|.\n\n|Next"},
        {"x !\r\n y", "x| !\r\n| y"},
        {"$5", "$|5"},
        {"a \xe3\x80\x80z", "a| |\xe3\x80\x80z"},
        {"\xf0\x9f\x98\x80ok", "\xf0\x9f\x98\x80ok"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(pieces(SPLIT_LLAMA3, cases[i][0]), cases[i][1]);
    assert_string_equal(pieces(SPLIT_QWEN2, "x 123"), "x| |1|2|3");
}

static void patterns_are_found_by_name_and_by_text(void **state) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++) {
        assert_int_equal(split_by_name(split_name((split_kind)k)), k);
        assert_int_equal(split_by_pattern(split_pattern((split_kind)k), strlen(split_pattern((split_kind)k))), k);
    }
    assert_int_equal(split_by_name("gpt3"), SPLIT_COUNT);
    assert_int_equal(split_by_pattern("\\s+", 3), SPLIT_COUNT);
}

static void a_safe_cut_leaves_the_pieces_as_they_are(void **state) {
    static const char *const texts[] = {"one two,  three\n\n four's 12 \xd0\xbc\xd1\x8b \xd0\xb2 .\n x", "word \xd0\xbc\xd1\x8b\nnext", "12 34 !! \n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int k = SPLIT_GPT2; k < SPLIT_COUNT; k++) {
            const size_t n = strlen(texts[i]), cut = split_safe_cut(texts[i], n);
            if (i == 2) assert_int_equal(cut, 0);
            bool met = cut == 0;
            for (size_t at = 0; at < n; at = split_next((split_kind)k, texts[i], n, at)) met = met || at == cut;
            assert_true(met);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_pattern_cuts_as_its_regular_expression),
        cmocka_unit_test(llama3_pattern_cuts_as_its_regular_expression),
        cmocka_unit_test(patterns_are_found_by_name_and_by_text),
        cmocka_unit_test(a_safe_cut_leaves_the_pieces_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
