#include "infer/kv_cache.h"

#include "tiny_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void blocks_are_given_once_and_come_back(void **state) {
    enum { BLOCKS = 7 };
    arena a = {0};
    error err = {0};
    model *m = tiny_model(&a, 64);
    kv_cache *c = kv_cache_new(&a, m, BLOCKS, &err);
    assert_non_null(c);
    int32_t one[BLOCKS], two[BLOCKS];
    long n_one = 0, n_two = 0;
    assert_true(kv_cache_grow(c, one, &n_one, 1));
    assert_int_equal(n_one, 1);
    assert_true(kv_cache_grow(c, one, &n_one, KV_BLOCK));
    assert_int_equal(n_one, 1);
    assert_true(kv_cache_grow(c, two, &n_two, 3 * KV_BLOCK));
    assert_true(kv_cache_grow(c, one, &n_one, 3 * KV_BLOCK + 1));
    assert_int_equal(n_one, 4);
    assert_int_equal(c->n_free, 0);
    for (long i = 0; i < n_one; i++)
        for (long j = 0; j < n_two; j++) assert_int_not_equal(one[i], two[j]);
    const long before = n_two;
    assert_false(kv_cache_grow(c, two, &n_two, 4 * KV_BLOCK)); /* full: nothing changes */
    assert_int_equal(n_two, before);
    kv_cache_release(c, one, &n_one);
    assert_int_equal(n_one, 0);
    assert_int_equal(c->n_free, 4);
    assert_true(kv_cache_grow(c, two, &n_two, BLOCKS * KV_BLOCK));
    bool seen[BLOCKS] = {0};
    for (long i = 0; i < n_two; i++) {
        assert_true(two[i] >= 0 && two[i] < BLOCKS && !seen[two[i]]);
        seen[two[i]] = true;
    }
    kv_cache_free(c);
    model_free_weights(m);
    arena_drop(&a);
}

static void layers_have_rows_of_their_own(void **state) {
    arena a = {0};
    error err = {0};
    model *m = tiny_model(&a, 64);
    kv_cache *c = kv_cache_new(&a, m, 3, &err);
    assert_non_null(c);
    assert_int_equal(c->n_layer, m->n_layer);
    for (int i = 0; i < c->n_layer; i++) {
        assert_int_equal(c->k[i].rows, 3 * KV_BLOCK);
        assert_int_equal(c->k[i].dim, m->layers[i].n_kv_head * m->layers[i].head_dim);
        memset(c->k[i].data, 2 * i + 1, tensor_bytes(c->k[i])); /* the address sanitizer sees an overlap's end */
        memset(c->v[i].data, 2 * i + 2, tensor_bytes(c->v[i]));
    }
    for (int i = 0; i < c->n_layer; i++) {
        assert_int_equal(*(char *)c->k[i].data, 2 * i + 1);
        assert_int_equal(((char *)c->v[i].data)[tensor_bytes(c->v[i]) - 1], 2 * i + 2);
    }
    assert_int_equal(c->bytes, kv_cache_token_bytes(m) * 3 * KV_BLOCK);
    kv_cache_free(c);
    model_free_weights(m);
    arena_drop(&a);
}

static void a_size_out_of_bounds_is_refused(void **state) {
    arena a = {0};
    error err = {0};
    model *m = tiny_model(&a, 64);
    assert_null(kv_cache_new(&a, m, 0, &err));
    error_clear(&err);
    assert_null(kv_cache_new(&a, m, INT32_MAX, &err));
    assert_true(err.text[0] != 0);
    model_free_weights(m);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_given_once_and_come_back),
        cmocka_unit_test(layers_have_rows_of_their_own),
        cmocka_unit_test(a_size_out_of_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
