#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void digests_are_those_of_xxh3(void **state) {
    char text[33];
    /* what `xxhsum -H2` prints for no bytes, and the 64-bit digest of no bytes under seed 0 (the format's published test values) */
    assert_string_equal(digest_text(digest_of("", 0), text), "99aa06d3014798d86001c324468d497f");
    assert_true(hash64("", 0, 0) == 0x2d06800538d394c2u);
    assert_true(hash64("abc", 3, 0) != hash64("abc", 3, 1));
}

static void a_chain_depends_on_all_before_it(void **state) {
    const digest a = digest_of("a", 1), b = digest_of("b", 1);
    assert_true(digest_equal(digest_chain(a, "x", 1), digest_chain(a, "x", 1)));
    assert_false(digest_equal(digest_chain(a, "x", 1), digest_chain(b, "x", 1)));
    assert_false(digest_equal(digest_chain(a, "x", 1), digest_chain(a, "y", 1)));
    assert_false(digest_equal(digest_chain(a, "", 0), a));
}

static void a_map_keeps_what_is_put_in_order_and_in_place(void **state) {
    arena owner = {0};
    map *m = map_new(&owner, 0);
    int64_t *first = NULL;
    for (int i = 0; i < 50000; i++) {
        char key[32];
        bool is_new;
        const int n = snprintf(key, sizeof key, "key %d", i * 7919);
        int64_t *value = map_put(m, key, (size_t)n, &is_new);
        assert_true(is_new);
        *value = i;
        if (i == 0) first = value;
    }
    assert_int_equal(map_count(m), 50000);
    assert_ptr_equal(map_get_text(m, "key 0"), first); /* never moved */
    for (int i = 0; i < 50000; i++) {
        char key[32];
        const char *there;
        size_t length;
        const int n = snprintf(key, sizeof key, "key %d", i * 7919);
        assert_int_equal(*map_get(m, key, (size_t)n), i);
        assert_int_equal(map_at(m, (size_t)i, &there, &length), i);
        assert_int_equal(length, n);
        assert_string_equal(there, key);
    }
    bool is_new = true;
    assert_int_equal(*map_put(m, "key 7919", 8, &is_new), 1);
    assert_false(is_new);
    assert_null(map_get_text(m, "key 1"));
    arena_drop(&owner);
}

static void keys_may_be_empty_long_or_hold_zeros(void **state) {
    arena owner = {0};
    map *m = map_new(&owner, 10);
    static char large[100000];
    *map_put(m, "", 0, NULL) = 1;
    *map_put(m, "\0", 1, NULL) = 2;
    *map_put(m, "\0\0", 2, NULL) = 3;
    *map_put(m, large, sizeof large, NULL) = 4;
    large[99999] = 1;
    assert_null(map_get(m, large, sizeof large));
    assert_int_equal(*map_get(m, "", 0), 1);
    assert_int_equal(*map_get(m, "\0", 1), 2);
    assert_int_equal(*map_get(m, "\0\0", 2), 3);
    assert_int_equal(map_count(m), 4);
    arena_drop(&owner);
}

static void a_map_in_a_small_arena_says_when_it_is_full(void **state) {
    arena owner = {.limit = 100000};
    map *m = map_new(&owner, 0);
    assert_non_null(m);
    long put = 0;
    for (; put < 100000; put++)
        if (map_put(m, &put, sizeof put, NULL) == NULL) break;
    assert_in_range(put, 500, 5000);
    for (long i = 0; i < put; i++) assert_non_null(map_get(m, &i, sizeof i));
    assert_int_equal(map_count(m), put);
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_xxh3),
        cmocka_unit_test(a_chain_depends_on_all_before_it),
        cmocka_unit_test(a_map_keeps_what_is_put_in_order_and_in_place),
        cmocka_unit_test(keys_may_be_empty_long_or_hold_zeros),
        cmocka_unit_test(a_map_in_a_small_arena_says_when_it_is_full),
    };
    return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
