#include "text/split.h"

#include "base/string.h"
#include "text/pattern.h"

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

static void patterns_are_found_by_their_text(void **state) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++)
        assert_int_equal(split_by_pattern(split_pattern((split_kind)k), strlen(split_pattern((split_kind)k))), k);
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

/* The pieces are the matches of the pattern. */
static void assert_pieces(split_kind kind, const pattern *p, const char *text, size_t n) {
    pattern_search s = pattern_search_start(p, text, n);
    for (size_t at = 0; at < n;) {
        const size_t end = split_next(kind, text, n, at);
        size_t begin, want;
        if (!pattern_search_next(&s, &begin, &want) || begin != at || want != end)
            fail_msg("%s: a piece ends at %zu, not at %zu, of '%.*s'", split_name(kind), end, want, (int)n, text);
        at = end;
    }
    pattern_search_end(&s);
}

static void scanners_cut_random_text_as_their_patterns(void **state) {
    static const char *const pieces[] = {" ",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\r",
                                         "\t",
                                         "a",
                                         "b",
                                         "A",
                                         "B",
                                         "s",
                                         "S",
                                         "'",
                                         "'s",
                                         "'LL",
                                         "'re",
                                         "1",
                                         "2",
                                         "12345",
                                         "!",
                                         "?",
                                         "/",
                                         "-",
                                         "\xc2\xa0",
                                         "\xe3\x80\x80",
                                         "\xc3\xa9",
                                         "\xc3\x89",
                                         "\xc5\xbf",
                                         "\xcc\x81",
                                         "\xe4\xb8\xad",
                                         "\xc2\xb2",
                                         "\xd9\xa3",
                                         "\xf0\x9f\x98\x80",
                                         "\xf0\x9d\x90\x80",
                                         "\xc7\x85",
                                         "\xca\xb0",
                                         "\xff",
                                         "\xe4\xb8",
                                         "\xc2\x85",
                                         "\xe2\x80\xa8",
                                         "\xe1\xb2\x89",
                                         "_",
                                         "\x1c"};
    for (size_t i = 0;; i++) {
        split_kind kind = (split_kind)(SPLIT_NONE + 1 + i);
        const char *text = i < SPLIT_COUNT - SPLIT_NONE - 1 ? split_pattern(kind) : split_spelling(i - (SPLIT_COUNT - SPLIT_NONE - 1), &kind);
        if (text == NULL) break;
        assert_int_equal(split_by_pattern(text, strlen(text)), kind);
        arena memory = {0};
        error err = {0};
        const pattern *p = pattern_compile(&memory, text, strlen(text), &err);
        if (p == NULL) fail_msg("%s", err.text);
        unsigned x = 1;
        for (int round = 0; round < 3000; round++) {
            string s = {0};
            for (int m = 0; m <= round % 24; m++) {
                x = x * 1664525u + 1013904223u;
                string_text(&s, pieces[(x >> 8) % (sizeof pieces / sizeof *pieces)]);
            }
            assert_pieces(kind, p, string_chars(&s), s.length);
            string_drop(&s);
        }
        arena_drop(&memory);
    }
}

/* Each code point between others; all of them would take a minute. */
static void scanners_know_all_characters(void **state) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++) {
        arena memory = {0};
        error err = {0};
        const char *text = split_pattern((split_kind)k);
        const pattern *p = pattern_compile(&memory, text, strlen(text), &err);
        if (p == NULL) fail_msg("%s", err.text);
        for (uint32_t c = 1 + (uint32_t)k; c < 0x20000; c += 1 + c / 0x3000) {
            string s = {0};
            static const char *const between[] = {"a", "b A", "", " ", "1!", "\n\t", " "};
            for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
                string_text(&s, between[i]);
                string_utf8(&s, c);
            }
            assert_pieces((split_kind)k, p, string_chars(&s), s.length);
            string_drop(&s);
        }
        arena_drop(&memory);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_pattern_cuts_as_its_regular_expression),
        cmocka_unit_test(llama3_pattern_cuts_as_its_regular_expression),
        cmocka_unit_test(scanners_cut_random_text_as_their_patterns),
        cmocka_unit_test(scanners_know_all_characters),
        cmocka_unit_test(patterns_are_found_by_their_text),
        cmocka_unit_test(a_safe_cut_leaves_the_pieces_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
