#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void allocations_are_zeroed_aligned_and_apart(void **state) {
    arena a = {0};
    unsigned char *last = NULL;
    for (size_t n = 0; n < 200; n++) {
        unsigned char *p = arena_alloc(&a, n * 37);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n * 37; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, n * 37);
        assert_ptr_not_equal(p, last);
        last = p;
    }
    arena_drop(&a);
}

static void a_limit_is_met_with_null_and_not_passed(void **state) {
    arena a = {.limit = 1000};
    assert_null(arena_alloc(&a, 1001));
    assert_non_null(arena_alloc(&a, 900));
    assert_null(arena_alloc(&a, 200));
    assert_null(arena_copy(&a, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"));
    assert_non_null(arena_alloc(&a, 80));
    assert_true(a.used <= 1000);
    arena_drop(&a);
}

static void an_array_whose_size_overflows_is_null(void **state) {
    arena a = {0};
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    assert_null(arena_alloc(&a, SIZE_MAX - 3));
    arena_drop(&a);
}

static void what_is_kept_after_a_reset_is_zeroed_again(void **state) {
    arena a = {0};
    memset(arena_alloc(&a, 5000), 0xaa, 5000);
    memset(arena_alloc(&a, 100000), 0xaa, 100000);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    const char *p = arena_alloc(&a, 100000);
    for (int i = 0; i < 100000; i++) assert_int_equal(p[i], 0);
    arena_drop(&a);
}

static void large_blocks_are_zeroed_at_first_and_after_a_reset(void **state) {
    enum { LARGE = 9 << 20 };
    arena a = {0};
    for (int round = 0; round < 2; round++) {
        unsigned char *p = arena_alloc(&a, LARGE), any = 0;
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < LARGE; i++) any |= p[i];
        assert_int_equal(any, 0);
        memset(p, 0xaa, LARGE / 2 + 5); /* what is used again is not all that was ever written */
        unsigned char *q = arena_grow(&a, p, LARGE, LARGE + 100);
        assert_int_equal(q[LARGE / 2], 0xaa);
        assert_int_equal(q[LARGE + 99], 0);
        arena_reset(&a);
    }
    arena_drop(&a);
}

static void growing_keeps_the_bytes_and_zeroes_the_rest(void **state) {
    arena a = {0};
    char *p = arena_alloc(&a, 10);
    memcpy(p, "0123456789", 10);
    char *in_place = arena_grow(&a, p, 10, 2000);
    assert_ptr_equal(in_place, p);
    arena_alloc(&a, 1);
    char *moved = arena_grow(&a, in_place, 2000, 5000);
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "0123456789", 10);
    for (int i = 10; i < 5000; i++) assert_int_equal(moved[i], 0);
    assert_non_null(arena_grow(&a, NULL, 0, 16));
    arena_drop(&a);
}

static void texts_are_copied_and_printed(void **state) {
    arena a = {0};
    assert_string_equal(arena_copy(&a, "abc"), "abc");
    assert_memory_equal(arena_copy_bytes(&a, "a\0b", 3), "a\0b", 4);
    assert_string_equal(arena_print(&a, "%s-%d", "x", 42), "x-42");
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_limit_is_met_with_null_and_not_passed),
        cmocka_unit_test(an_array_whose_size_overflows_is_null),
        cmocka_unit_test(what_is_kept_after_a_reset_is_zeroed_again),
        cmocka_unit_test(large_blocks_are_zeroed_at_first_and_after_a_reset),
        cmocka_unit_test(growing_keeps_the_bytes_and_zeroes_the_rest),
        cmocka_unit_test(texts_are_copied_and_printed),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
