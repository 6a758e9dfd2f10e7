#include "text/pattern.h"

#include "base/string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "begin-end begin-end", or why there is none. */
static const char *matches(const char *pattern_text, const char *text, size_t n) {
    static char out[4096];
    arena memory = {0};
    error err = {0};
    out[0] = 0;
    const pattern *p = pattern_compile(&memory, pattern_text, strlen(pattern_text), &err);
    if (p == NULL) {
        snprintf(out, sizeof out, "%s", err.text);
        arena_drop(&memory);
        return out;
    }
    char *exact = malloc(n > 0 ? n : 1); /* nothing behind the text may be read */
    memcpy(exact, text, n);
    pattern_search s = pattern_search_start(p, exact, n);
    size_t begin, end, at = 0;
    while (pattern_search_next(&s, &begin, &end)) at += (size_t)snprintf(out + at, sizeof out - at, "%s%zu-%zu", at > 0 ? " " : "", begin, end);
    if (s.gave_up) snprintf(out, sizeof out, "gave up");
    pattern_search_end(&s);
    free(exact);
    arena_drop(&memory);
    return out;
}

/* What `tokenizers` 0.23 finds (Split with a Regex). */
static void patterns_match_as_oniguruma_does(void **state) {
    static const char *const cases[][3] = {
        {"a.", "a\naba", "2-4"},
        {"(?m)a.", "a\naba", "0-2 2-4"},
        {"a{,2}", "baaac", "0-0 1-3 3-4 5-5"},
        {"\\p{N}{1,3}+", "1234567", "0-7"},
        {"\\p{N}{1,3}", "1234567", "0-3 3-6 6-7"},
        {"\\s+$", "a  \n  b \n", "1-3 7-9"},
        {"^a", "a\na\n", "0-1 2-3"},
        {"a\\Z", "xa\n", "1-2"},
        {"a\\z", "xa\n", ""},
        {"\\h+", "abcdefg 12", "0-6 8-10"},
        {"\\s+", "a\xc2\xa0\xe1\x9a\x80\xe1\xa0\x8e\x1c\xc2\x85", "1-6 10-12"},
        {"\\w+", "\xc2\xb2-\xe2\x93\x90_\xcc\x81", "0-2 3-9"},
        {"[\\w]+", "\xc2\xb2-\xe2\x93\x90_\xcc\x81", "3-9"},
        {"\\p{Word}+", "\xc2\xb2-x", "0-2 3-4"},
        {"\\p{^word}", "\xc2\xb2-x", "2-3"},
        {"[\\p{Word}]+", "\xc2\xb2-x", "3-4"},
        {"(?i:'s|'k)", "'S'\xc5\xbf'K'\xe2\x84\xaa'x", "0-2 2-5 5-7 7-11"},
        {"(?i)\\p{Lu}+", "abAB", "2-4"},
        {"\\p{Han}+", "a\xe6\xbc\xa2\xe5\xad\x97", "1-7"},
        {"\\p{^Lu}|\\P{L}", "aB1", "0-1 2-3"},
        {"[\\w&&[^b]]+", "abAB", "0-1 2-4"},
        {"[^[a-c]x]+", "abcxd", "4-5"},
        {"[]a]", "]b", "0-1"},
        {"[[:punct:]]+", "a$+!\xc2\xab", "1-6"},
        {"a**", "aab", "0-2 3-3"},
        {"a++a", "aaa", ""},
        {"(?<x>a)b", "ab", "0-2"},
        {"(?x) a b # c", "ab", "0-2"},
        {"(?<=a)b|(?<!a)c", "abcacc", "1-2 2-3 5-6"},
        {"\\bab\\B", "ab aba", "3-5"},
        {"\\R", "a\r\nb\nc", "1-3 4-5"},
        {"", "ab", "0-0 1-1 2-2"},
        {"x*", "axxb", "0-0 1-3 4-4"},
        {"\\p{L}", "\xe1\xb2\x89", "0-3"}, /* new in Unicode 16 */
        {"\\p{Cn}", "\xcd\xb8", "0-2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(matches(cases[i][0], cases[i][1], strlen(cases[i][1])), cases[i][2]);
}

static void what_has_no_translation_is_refused_with_its_place(void **state) {
    static const char *const cases[][2] = {
        {"(a)\\1", "an escape that is not supported at byte 3 of the pattern (a)\\1"},
        {"a(?i)b", "a flag in the middle of a group at byte 1 of the pattern a(?i)b"},
        {"(?i)st", "a pair of letters that is also a ligature, where case is ignored, at byte 5 of the pattern (?i)st"},
        {"(?i)\xc3\x9f", "a character beyond ASCII where case is ignored at byte 4 of the pattern (?i)\xc3\x9f"},
        {"[a", "a bracket that is not closed at byte 0 of the pattern [a"},
        {"a)", "a parenthesis that was not opened at byte 1 of the pattern a)"},
        {"*", "a quantifier of nothing at byte 0 of the pattern *"},
        {"\\p{Foo}", "a property that is not known at byte 0 of the pattern \\p{Foo}"},
        {"[z-a]", "a range that runs backwards at byte 1 of the pattern [z-a]"},
        {"(?~a)", "a kind of group that is not supported at byte 2 of the pattern (?~a)"},
        {"\\X", "an escape that is not supported at byte 0 of the pattern \\X"},
        {"a\\", "an escape of nothing at byte 1 of the pattern a\\"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(matches(cases[i][0], "a", 1), cases[i][1]);
    char deep[1000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_non_null(strstr(matches(deep, "a", 1), "too deep a nesting"));
}

static void an_invalid_byte_is_a_character_that_is_neither_letter_nor_blank(void **state) {
    assert_string_equal(matches("[^\\s\\p{L}]+", "a\xff\xfe b\xe4\xb8", 7), "1-3 5-7");
    assert_string_equal(matches("\\p{L}+", "a\xff\xc3\xa9\xc3", 5), "0-1 2-4");
    assert_string_equal(matches(".", "\xff", 1), "0-1");
}

static void a_match_that_needs_too_many_steps_is_given_up(void **state) {
    char text[64];
    memset(text, 'a', sizeof text);
    assert_string_equal(matches("(?:a|aa|aaa)+[bc]", text, sizeof text), "gave up");
}

static void more_patterns_than_a_thread_keeps_code_for_still_match(void **state) {
    enum { N = 40 };
    arena memory = {0};
    error err = {0};
    const pattern *p[N];
    pattern_search s[N];
    for (int i = 0; i < N; i++) p[i] = pattern_compile(&memory, "b+", 2, &err);
    for (int i = 0; i < N; i++) s[i] = pattern_search_start(p[i], "abbab", 5);
    for (int match = 0; match < 2; match++)
        for (int i = 0; i < N; i++) {
            size_t begin, end;
            assert_true(pattern_search_next(&s[i], &begin, &end));
            assert_int_equal(begin, match == 0 ? 1 : 4);
        }
    for (int i = 0; i < N; i++) pattern_search_end(&s[i]);
    arena_drop(&memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_oniguruma_does),
        cmocka_unit_test(what_has_no_translation_is_refused_with_its_place),
        cmocka_unit_test(an_invalid_byte_is_a_character_that_is_neither_letter_nor_blank),
        cmocka_unit_test(a_match_that_needs_too_many_steps_is_given_up),
        cmocka_unit_test(more_patterns_than_a_thread_keeps_code_for_still_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
