#include "base/error.h"
#include "base/string.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* its fail() is a macro of no arguments; (fail)(...) is ours */

static void a_string_grows_and_always_ends_in_nul(void **state) {
    string s = {0};
    assert_string_equal(string_chars(&s), "");
    for (int i = 0; i < 1000; i++) string_print(&s, "%d,", i % 10);
    assert_int_equal(s.length, 2000);
    assert_int_equal(strlen(s.data), 2000);
    string_reset(&s);
    assert_string_equal(string_chars(&s), "");
    string_append(&s, "a\0b", 3);
    assert_int_equal(s.length, 3);
    string_drop(&s);
}

static void an_append_past_the_limit_does_nothing_and_is_known(void **state) {
    string s = {.limit = 5};
    string_text(&s, "1234");
    string_text(&s, "56");
    assert_true(s.overflow);
    string_char(&s, '5');
    assert_string_equal(s.data, "1234");
    string_reset(&s);
    string_text(&s, "12345");
    assert_false(s.overflow);
    string_drop(&s);
    assert_int_equal(s.limit, 5);
}

static void utf8_goes_out_and_comes_back(void **state) {
    static const uint32_t points[] = {0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        string s = {0};
        size_t at = 0;
        string_utf8(&s, points[i]);
        assert_int_equal(utf8_next(s.data, s.length, &at), points[i]);
        assert_int_equal(at, s.length);
        assert_true(utf8_valid(s.data, s.length));
        string_drop(&s);
    }
    string s = {0};
    string_utf8(&s, 0xd800);
    string_utf8(&s, 0x110000);
    assert_string_equal(s.data, "\xef\xbf\xbd\xef\xbf\xbd");
    string_drop(&s);
}

static void invalid_utf8_moves_by_one_byte(void **state) {
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
                                      "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff",         "\xe2\x82",         "\xf0\x9f\x98",     "\xc3("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t at = 0;
        assert_int_equal(utf8_next(bad[i], strlen(bad[i]), &at), 0xfffd);
        assert_int_equal(at, 1);
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    }
    assert_true(utf8_valid("\xef\xbf\xbd", 3)); /* U+FFFD itself is valid */
}

static void an_error_gains_the_places_it_passes(void **state) {
    error err = {0};
    assert_false((fail)(&err, "tensor is %d wide", 3));
    assert_null(fail_null(&err, "file %s", "a\nb"));
    assert_string_equal(err.text, "file a?b: tensor is 3 wide");
    for (int i = 0; i < 200; i++) (fail)(&err, "place %d", i); /* never past its end */
    assert_true(strlen(err.text) < sizeof err.text);
    error_clear(&err);
    assert_string_equal(err.text, "");
    assert_false((fail)(NULL, "nobody wants to know"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_grows_and_always_ends_in_nul), cmocka_unit_test(an_append_past_the_limit_does_nothing_and_is_known),
        cmocka_unit_test(utf8_goes_out_and_comes_back),          cmocka_unit_test(invalid_utf8_moves_by_one_byte),
        cmocka_unit_test(an_error_gains_the_places_it_passes),
    };
    return cmocka_run_group_tests_name("base/string", tests, NULL, NULL);
}
