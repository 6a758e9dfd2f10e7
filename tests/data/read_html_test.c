#include "data/read_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const char *html, size_t n, const char *want) {
    arena owner = {0};
    string out = {0};
    error err = {0};
    if (!html_to_text(&owner, html, n, &out, NULL, &err)) fail_msg("%s", err.text);
    if (strcmp(string_chars(&out), want) != 0) fail_msg("%s\ngives\n%s\nnot\n%s", html, string_chars(&out), want);
    string_drop(&out);
    arena_drop(&owner);
}

static void blocks_are_lines_and_blanks_are_single(void **state) {
    static const char *const cases[][2] = {
        {"<h1>A  title</h1><p>one\n two <b>three</b>four</p><p>next", "A title\n\none two threefour\n\nnext\n"},
        {"<ul><li>a<li>b<ul><li>c</ul><li><p>d</p></ul>", "- a\n- b\n  - c\n- d\n"},
        {"<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n"},
        {"<table><tr><th>x<th>y<tr><td>1<td>2</table>", "x\ty\n1\t2\n"},
        {"<pre>\n a  b\n  c\n</pre>d", " a  b\n  c\n\nd\n"},
        {"a<br>b<br/>c&amp;d&nbsp;e&#233;", "a\nb\nc&d e\xc3\xa9\n"},
        {"<dl><dt>t<dd>d</dl>", "t\nd\n"},
        {"", ""},
        {"<!-- nothing -->", ""},
        {"</p></div>text<b><i></b>", "text\n"},
        {"plain", "plain\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) assert_text(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

static void what_is_no_text_of_the_page_goes(void **state) {
    static const char *const cases[][2] = {
        {"<html><head><title>T</title><style>x{}</style></head><body><script>y()</script><nav>menu</nav><p>kept</p><footer>foot</footer></body></html>",
         "kept\n"},
        {"<ul class='docnav'><li>Next</ul><div id=banner>ad</div><p>kept</p><div class=\"page sidebar left\">side</div>", "kept\n"},
        {"<p>kept</p><div class='canvas-sidebar-wrap'>kept too</div>", "kept\n\nkept too\n"},
        {"<div><a href=1>one of many links here</a> <a href=2>another of many links</a> <a href=3>and yet a third one of them all, the last</a></div><p>See <a "
         "href=4>this</a> page.</p>",
         "See this page.\n"},
        {"<p>around it there is a little text</p><main><p>the main text of the page is here, and it is longer than what is around it</p></main>",
         "the main text of the page is here, and it is longer than what is around it\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) assert_text(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

/* libxml2 stops at elements too deep: a page of which the rest is lost is no page. */
static void a_page_nested_too_deep_is_an_error(void **state) {
    arena owner = {0};
    string html = {0}, out = {0};
    error err = {0};
    string_text(&html, "<p>first</p>");
    for (int i = 0; i < 400; i++) string_text(&html, "<div>");
    string_text(&html, "<p>last</p>");
    assert_false(html_to_text(&owner, html.data, html.length, &out, NULL, &err));
    assert_non_null(strstr(err.text, "too deep"));
    string_drop(&html);
    string_drop(&out);
    arena_drop(&owner);
}

/* Counting the items before each would take minutes. */
static void a_very_long_list_is_numbered_to_its_end(void **state) {
    enum { ITEMS = 200000 };
    arena owner = {0};
    string html = {0}, out = {0};
    error err = {0};
    string_text(&html, "<ol>");
    for (int i = 0; i < ITEMS; i++) string_text(&html, "<li>x</li>");
    if (!html_to_text(&owner, html.data, html.length, &out, NULL, &err)) fail_msg("%s", err.text);
    assert_non_null(strstr(out.data, "\n200000. x\n"));
    string_drop(&html);
    string_drop(&out);
    arena_drop(&owner);
}

static void the_encoding_is_what_the_page_says_or_shows(void **state) {
    static const char latin[] = "<meta charset=iso-8859-2><p>\xb3\xf3";
    assert_text(latin, sizeof latin - 1, "\xc5\x82\xc3\xb3\n");
    assert_text("<p>\xc5\x82", 5, "\xc5\x82\n");                   /* UTF-8 without a word */
    assert_text("<p>caf\xe9\x80", 8, "caf\xc3\xa9\xe2\x82\xac\n"); /* else Windows-1252 */
    static const char broken[] = "<meta charset=utf-8><p>caf\xe9 \xc3\xa9 goes on";
    assert_text(broken, sizeof broken - 1, "caf\xef\xbf\xbd \xc3\xa9 goes on\n");
    static const char undefined[] = "<meta charset='ISO-8859-1'><p>a\x8d b goes on";
    assert_text(undefined, sizeof undefined - 1, "a\xc2\x8d b goes on\n");
    static const char zeros[] = "<p>a\0b</p>";
    arena owner = {0};
    string out = {0};
    error err = {0};
    html_to_text(&owner, zeros, sizeof zeros - 1, &out, NULL, &err); /* does not crash */
    string_drop(&out);
    arena_drop(&owner);
}

static void title_and_language_are_found(void **state) {
    static const char html[] = "<html lang=fr><head><title> Un\n titre </title></head><body>x</body></html>";
    arena owner = {0};
    string out = {0};
    error err = {0};
    html_page page;
    assert_true(html_to_text(&owner, html, sizeof html - 1, &out, &page, &err));
    assert_string_equal(page.title, "Un titre");
    assert_string_equal(page.language, "fr");
    string_drop(&out);
    arena_drop(&owner);
}

static void a_page_that_nests_without_end_is_read(void **state) {
    string html = {0};
    for (int i = 0; i < 100000; i++) string_text(&html, i % 3 == 0 ? "<div>" : i % 3 == 1 ? "<ul><li>" : "<b>");
    string_text(&html, "deep");
    arena owner = {0};
    string out = {0};
    error err = {0};
    if (!html_to_text(&owner, html.data, html.length, &out, NULL, &err)) assert_true(err.text[0] != 0);
    string_drop(&out);
    string_drop(&html);
    arena_drop(&owner);
}

static void limits_are_errors_that_say_so(void **state) {
    static const char html[] = "<p>one</p><p>two</p><ul><li>three</ul>";
    for (size_t limit = 1; limit < 2000; limit = limit * 2 + 1) {
        arena owner = {.limit = limit};
        string out = {.limit = 4};
        error err = {0};
        if (!html_to_text(&owner, html, sizeof html - 1, &out, NULL, &err)) assert_true(err.text[0] != 0);
        string_drop(&out);
        arena_drop(&owner);
    }
}

static void pages_are_told_from_other_text(void **state) {
    assert_true(html_is_page("<!DOCTYPE html>\n<html>", 22));
    assert_true(html_is_page("  <?xml version='1.0'?>\n<html>", 30));
    assert_false(html_is_page("a <html> page", 13));
    assert_false(html_is_page("<?xml version='1.0'?><feed>", 27));
    assert_false(html_is_page("", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_lines_and_blanks_are_single),
        cmocka_unit_test(what_is_no_text_of_the_page_goes),
        cmocka_unit_test(a_page_nested_too_deep_is_an_error),
        cmocka_unit_test(a_very_long_list_is_numbered_to_its_end),
        cmocka_unit_test(the_encoding_is_what_the_page_says_or_shows),
        cmocka_unit_test(title_and_language_are_found),
        cmocka_unit_test(a_page_that_nests_without_end_is_read),
        cmocka_unit_test(limits_are_errors_that_say_so),
        cmocka_unit_test(pages_are_told_from_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
