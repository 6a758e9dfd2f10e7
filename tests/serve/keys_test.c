#include "serve/keys.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *path = "/tmp/socle-keys-test";

static void only_a_whole_key_is_allowed(void **state) {
    arena a = {0};
    error err = {0};
    key_list k;
    static const char text[] = "# keys\n\n  alpha-123 \r\nbeta\n";
    assert_true(file_write(path, text, strlen(text), &err));
    assert_true(keys_read(&a, path, &k, &err));
    assert_int_equal(k.n, 2);
    static const char *const good[] = {"Bearer alpha-123", "bearer beta", "Bearer  beta"};
    static const char *const bad[] = {
        NULL, "", "Bearer", "Bearer ", "Bearer alpha-12", "Bearer alpha-1234", "Bearer betabeta", "Bearer # keys", "Basic beta", "beta", "Bearer ALPHA-123"};
    for (size_t i = 0; i < COUNT(good); i++) assert_true(keys_allow(&k, good[i]));
    for (size_t i = 0; i < COUNT(bad); i++) assert_false(keys_allow(&k, bad[i]));
    unlink(path);
    arena_drop(&a);
}

static void a_file_without_a_key_is_an_error(void **state) {
    arena a = {0};
    error err = {0};
    key_list k;
    assert_true(file_write(path, "# none\n\n", 8, &err));
    assert_false(keys_read(&a, path, &k, &err));
    unlink(path);
    error_clear(&err);
    assert_false(keys_read(&a, path, &k, &err));
    assert_non_null(strstr(err.text, path));
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_key_is_allowed),
        cmocka_unit_test(a_file_without_a_key_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
