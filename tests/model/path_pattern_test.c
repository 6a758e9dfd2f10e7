#include "model/path_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static bool matches(const char *pattern, const char *path) {
    arena owner = {0};
    error err = {0};
    path_pattern *p = path_pattern_new(&owner, pattern, &err);
    if (p == NULL) fail_msg("%s", err.text);
    const bool found = path_pattern_matches(p, path);
    assert_true(path_pattern_matches(p, path) == found); /* it may be used again */
    arena_drop(&owner);
    return found;
}

/* What Python 3.11's re.fullmatch says. */
static void patterns_match_as_pythons_do(void **state) {
    static const struct {
        const char *pattern, *path;
        bool match;
    } cases[] = {
        {".*\\.(q|v)_proj", "model.layers.0.self_attn.q_proj", true},
        {".*\\.(q|v)_proj", "model.layers.0.self_attn.k_proj", false},
        {".*(q|v)_proj", "q_proj", true},
        {"model\\.layers\\.(\\d+)\\..*mlp.*", "model.layers.12.mlp.up_proj", true},
        {"model\\.layers\\.(\\d+)\\..*mlp.*", "model.layers.x.mlp.up_proj", false},
        {"(.*\\.)?(layers.2.mlp.up_proj)$", "model.layers.2.mlp.up_proj", true},
        {"(.*\\.)?(layers.2.mlp.up_proj)$", "model.layers.12.mlp.up_proj", false},
        {"(.*\\.)?(^k_proj)$", "k_proj", true},
        {"(.*\\.)?(^k_proj)$", "a.k_proj", false},
        {"layers\\.[0-3]\\.x", "layers.3.x", true},
        {"layers\\.[0-3]\\.x", "layers.4.x", false},
        {"[^.]+", "abc", true},
        {"[^.]+", "a.c", false},
        {"[]a]+", "]a", true},
        {"[a\\]b-]+", "-]a", true},
        {"[\\d_]+\\w", "1_2x", true},
        {"a{2}", "aa", true},
        {"a{2}", "aaa", false},
        {"a{2,}", "aaaa", true},
        {"a{,2}", "", true},
        {"a{1,3}?b", "aaab", true},
        {"(ab|a)(bc|c)*?", "abc", true},
        {"a{x}", "a{x}", true},
        {"(?:a|b)+", "abba", true},
        {"(?P<n>a)b", "ab", true},
        {"(a*)*b", "aaab", true},
        {"(|a)+", "aaa", true},
        {"a||b", "", true},
        {"()", "", true},
        {"\\bq\\b.*", "q.x", true},
        {"\\Bq", "q", false},
        {"\\Aab\\Z", "ab", true},
        {"a.c", "a\nc", false},
        {"\\.\\-\\/", ".-/", true},
        {"x+y?z*", "xxzz", true},
        {"caf\xc3\xa9", "caf\xc3\xa9", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (matches(cases[i].pattern, cases[i].path) != cases[i].match) fail_msg("%s on %s", cases[i].pattern, cases[i].path);
}

static void what_is_not_supported_or_broken_is_refused(void **state) {
    static const char *const patterns[] = {"(",     ")",          "a)",  "(?=a)", "(?!a)",  "(?<=a)b", "(?i)a", "(a)\\1", "[",       "[a",
                                           "[z-a]", "*a",         "a**", "a*+",   "a{3,2}", "\\",      "\\q",   "\\p{L}", "a{2000}", "((a{100}){100}){100}",
                                           "(?P<n", "[\xc3\xa9]", "a|*"};
    for (size_t i = 0; i < COUNT(patterns); i++) {
        arena owner = {0};
        error err = {0};
        if (path_pattern_new(&owner, patterns[i], &err) != NULL) fail_msg("%s is taken", patterns[i]);
        assert_true(err.text[0] != 0);
        arena_drop(&owner);
    }
}

static void nesting_and_hostile_repeats_end_soon(void **state) {
    char deep[4001], path[2001];
    memset(deep, '(', 4000), deep[4000] = 0;
    arena owner = {0};
    error err = {0};
    assert_null(path_pattern_new(&owner, deep, &err));
    memset(path, 'a', 2000), path[2000] = 0;
    assert_false(matches("(a|a)*(a|aa)+(a*)*b", path)); /* exponential where one backtracks */
    arena_drop(&owner);
}

/* A configuration may hold thousands of them. */
static void a_pattern_takes_memory_by_its_size(void **state) {
    arena owner = {.limit = 4096};
    error err = {0};
    if (path_pattern_new(&owner, "(.*\\.)?(q_proj)$", &err) == NULL) fail_msg("%s", err.text);
    assert_null(path_pattern_new(&owner, "a{1000}", &err));
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_pythons_do),
        cmocka_unit_test(what_is_not_supported_or_broken_is_refused),
        cmocka_unit_test(nesting_and_hostile_repeats_end_soon),
        cmocka_unit_test(a_pattern_takes_memory_by_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
