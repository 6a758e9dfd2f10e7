/* text/unicode.h: the tables against counts that Oniguruma (Unicode 16) gives for its properties, and names. */
#include "text/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static size_t count_categories(uint32_t wanted) {
    size_t n = 0;
    for (uint32_t c = 0; c < 0x110000; c++)
        if (c - 0xd800 >= 0x800 && (wanted >> unicode_category(c) & 1)) n++;
    return n;
}

static size_t count_class(unsigned bits) {
    size_t n = 0;
    for (uint32_t c = 0; c < 0x110000; c++) n += (unicode_class(c) & bits) != 0;
    return n;
}

static size_t count_script(const char *name) {
    const int script = unicode_script_named(name, strlen(name));
    size_t n = 0;
    assert_true(script >= 0);
    for (uint32_t c = 0; c < 0x110000; c++) n += unicode_script(c) == script;
    return n;
}

static void categories_hold_as_many_as_in_the_reference(void **state) {
    static const struct {
        const char *name;
        size_t n;
    } rows[] = {
        {"L", 141028}, {"N", 1911}, {"M", 2501},    {"P", 855},   {"S", 8514}, {"Z", 19},      {"Lu", 1858}, {"Ll", 2258},
        {"Lt", 31},    {"Lm", 404}, {"Lo", 136477}, {"Mn", 2020}, {"Nd", 760}, {"Cn", 819533}, {"Cf", 170},  {"Co", 137468},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint32_t wanted = unicode_categories_named(rows[i].name, strlen(rows[i].name));
        if (count_categories(wanted) != rows[i].n) fail_msg("%s holds %zu", rows[i].name, count_categories(wanted));
    }
}

static void classes_agree_with_categories(void **state) {
    const uint32_t letters = unicode_categories_named("L", 1), numbers = unicode_categories_named("N", 1), marks = unicode_categories_named("M", 1);
    for (uint32_t c = 0; c < 0x110000; c++) {
        const unsigned class = unicode_class(c);
        const uint32_t category = UINT32_C(1) << unicode_category(c);
        if (!!(class & UNICODE_LETTER) != !!(category & letters) || !!(class & UNICODE_NUMBER) != !!(category & numbers) ||
            !!(class & UNICODE_MARK) != !!(category & marks))
            fail_msg("U+%04X", (unsigned)c);
    }
    assert_int_equal(count_class(UNICODE_SPACE), 25);
}

static void classes_of_the_peer_hold_as_many_as_there(void **state) {
    assert_int_equal(count_class(UNICODE_PEER_NUMBER), 1924);
    assert_int_equal(count_class(UNICODE_PEER_PUNCTUATION), 726);
    assert_true(unicode_class('$') & UNICODE_PEER_PUNCTUATION);
}

static void scripts_hold_as_many_as_in_the_reference(void **state) {
    assert_int_equal(count_script("Han"), 99030);
    assert_int_equal(count_script("Hiragana"), 381);
    assert_int_equal(count_script("hangul"), 11739);
    assert_int_equal(unicode_script(0x30a2), unicode_script_named("Katakana", 8));
    assert_int_equal(unicode_script(0x1e2c0), unicode_script_named("wancho", 6));
    assert_int_equal(unicode_script('1'), unicode_script_named("Common", 6));
    assert_int_equal(unicode_script(0x10ffff), 0);
    assert_int_equal(unicode_script_named("Klingon", 7), -1);
}

static void names_are_read_without_case_and_marks(void **state) {
    static const char *const same[] = {"Lu", "lu", "LU", "Uppercase_Letter", "uppercase letter", "Uppercase-Letter", "UPPERCASELETTER"};
    for (size_t i = 0; i < COUNT_OF(same); i++) assert_int_equal(unicode_categories_named(same[i], strlen(same[i])), 1 << UNICODE_LU);
    assert_int_equal(unicode_categories_named("LC", 2), 1 << UNICODE_LU | 1 << UNICODE_LL | 1 << UNICODE_LT);
    assert_int_equal(unicode_categories_named("Lx", 2), 0);
    assert_int_equal(unicode_categories_named("", 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(categories_hold_as_many_as_in_the_reference), cmocka_unit_test(classes_agree_with_categories),
        cmocka_unit_test(classes_of_the_peer_hold_as_many_as_there),   cmocka_unit_test(scripts_hold_as_many_as_in_the_reference),
        cmocka_unit_test(names_are_read_without_case_and_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
