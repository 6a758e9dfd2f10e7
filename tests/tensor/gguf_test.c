/* The GGUF container: what is read, and what is refused by name. Files are made here, byte by byte. */
#include "base/file.h"
#include "base/string.h"
#include "tensor/gguf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void put(string *s, uint64_t x, int bytes) {
    for (int i = 0; i < bytes; i++) string_char(s, (char)(x >> 8 * i));
}

static void put_text(string *s, const char *text) {
    put(s, strlen(text), 8);
    string_text(s, text);
}

static void put_header(string *s, int version, uint64_t tensors, uint64_t keys) {
    string_text(s, "GGUF");
    put(s, (uint64_t)version, 4);
    put(s, tensors, 8);
    put(s, keys, 8);
}

static void put_key(string *s, const char *key, gguf_type type) {
    put_text(s, key);
    put(s, type, 4);
}

static void put_tensor(string *s, const char *name, int n_axis, uint64_t rows, uint64_t columns, uint32_t type, uint64_t offset) {
    put_text(s, name);
    put(s, (uint64_t)n_axis, 4);
    put(s, columns, 8);
    if (n_axis > 1) put(s, rows, 8);
    put(s, type, 4);
    put(s, offset, 8);
}

static void pad(string *s, size_t alignment) {
    while (s->length % alignment != 0) string_char(s, 0);
}

static void put_floats(string *s, const float *x, int n) {
    string_append(s, x, (size_t)n * sizeof *x);
}

static void every_type_of_value_is_read(void **state) {
    string s = {0};
    put_header(&s, 3, 0, 14);
    static const struct {
        const char *key;
        gguf_type type;
        int bytes;
        int64_t x;
    } whole[] = {{"u8", GGUF_UINT8, 1, 200},          {"i8", GGUF_INT8, 1, -2},   {"u16", GGUF_UINT16, 2, 60000},     {"i16", GGUF_INT16, 2, -3},
                 {"u32", GGUF_UINT32, 4, 4000000000}, {"i32", GGUF_INT32, 4, -4}, {"u64", GGUF_UINT64, 8, INT64_MAX}, {"i64", GGUF_INT64, 8, INT64_MIN}};
    for (size_t i = 0; i < COUNT(whole); i++) put_key(&s, whole[i].key, whole[i].type), put(&s, (uint64_t)whole[i].x, whole[i].bytes);
    const float f = 0.5f;
    const double d = -1e300;
    put_key(&s, "f32", GGUF_FLOAT32), string_append(&s, &f, sizeof f);
    put_key(&s, "f64", GGUF_FLOAT64), string_append(&s, &d, sizeof d);
    put_key(&s, "yes", GGUF_BOOL), put(&s, 1, 1);
    put_key(&s, "text", GGUF_TEXT), put_text(&s, "words");
    put_key(&s, "numbers", GGUF_ARRAY), put(&s, GGUF_INT16, 4), put(&s, 3, 8), put(&s, 7, 2), put(&s, 0xffff, 2), put(&s, 9, 2);
    put_key(&s, "texts", GGUF_ARRAY), put(&s, GGUF_TEXT, 4), put(&s, 3, 8), put_text(&s, "a"), put_text(&s, ""), put_text(&s, "ccc");
    arena owner = {0};
    error err = {0};
    gguf *file = gguf_parse(&owner, s.data, s.length, &err);
    if (file == NULL) fail_msg("%s", err.text);
    assert_int_equal(gguf_count(file), 14);
    assert_int_equal(gguf_version(file), 3);
    assert_int_equal(gguf_alignment(file), 32);
    for (size_t i = 0; i < COUNT(whole); i++) {
        assert_true(gguf_get_integer(file, whole[i].key, 1) == whole[i].x);
        assert_string_equal(gguf_key(file, i), whole[i].key);
        assert_true(gguf_at(file, i)->type == whole[i].type);
    }
    assert_true(gguf_get_number(file, "f32", 0) == 0.5 && gguf_get_number(file, "f64", 0) == -1e300 && gguf_get_number(file, "i16", 0) == -3);
    assert_true(gguf_get_bool(file, "yes", false));
    assert_true(gguf_get_integer(file, "f32", 77) == 77 && gguf_get_integer(file, "absent", 78) == 78 && gguf_get_integer(file, "numbers", 79) == 79);
    size_t n;
    const char *text = gguf_get_text(file, "text", &n);
    assert_true(n == 5 && memcmp(text, "words", 5) == 0);
    assert_null(gguf_get_text(file, "texts", &n));
    int64_t x;
    assert_true(gguf_integer(gguf_find(file, "numbers"), 1, &x) && x == -1);
    assert_false(gguf_integer(gguf_find(file, "numbers"), 3, &x));
    gguf_texts texts;
    assert_false(gguf_texts_start(&texts, gguf_find(file, "text")));
    assert_true(gguf_texts_start(&texts, gguf_find(file, "texts")));
    static const size_t lengths[] = {1, 0, 3};
    for (size_t i = 0; i < COUNT(lengths); i++) assert_true(gguf_texts_next(&texts, &text, &n) && n == lengths[i]);
    assert_memory_equal(text, "ccc", 3);
    assert_false(gguf_texts_next(&texts, &text, &n));
    string_drop(&s);
    arena_drop(&owner);
}

/* Two tensors, the second of blocks. */
static void put_file(string *s, uint64_t alignment, uint64_t offset, uint64_t columns) {
    put_header(s, 3, 2, 1);
    put_key(s, "general.alignment", GGUF_UINT32), put(s, alignment, 4);
    put_tensor(s, "w", 2, 2, 3, 0, 0);
    put_tensor(s, "q", 1, 1, columns, 8, offset); /* Q8_0: 34 bytes for 32 values */
    pad(s, (size_t)alignment);
    put_floats(s, (const float[]){1, 2, 3, 4, 5, 6}, 6);
    pad(s, (size_t)alignment);
    for (int i = 0; i < 68; i++) string_char(s, (char)i);
}

static void tensors_lie_where_the_header_says(void **state) {
    string s = {0};
    put_file(&s, 64, 64, 64);
    char path[] = "/tmp/socle-gguf-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, s.data, s.length) == (ssize_t)s.length);
    close(fd);
    arena owner = {0};
    error err = {0};
    gguf *file = gguf_open(&owner, path, &err);
    if (file == NULL) fail_msg("%s", err.text);
    assert_int_equal(gguf_tensor_count(file), 2);
    const gguf_tensor *w = gguf_tensor_at(file, 0), *q = gguf_tensor_find(file, "q");
    assert_true(w->n_axis == 2 && w->dim[0] == 3 && w->dim[1] == 2 && w->values == 6 && w->bytes == 24);
    assert_true(((const float *)w->data)[5] == 6);
    assert_string_equal(q->layout->name, "Q8_0");
    assert_true(q->values == 64 && q->bytes == 68 && ((const unsigned char *)q->data)[67] == 67);
    assert_null(gguf_tensor_find(file, "absent"));
    gguf_close(file);
    unlink(path);
    string_drop(&s);
    arena_drop(&owner);
}

static void expect_refused(const string *s, size_t n, const char *says) {
    arena owner = {.limit = 1 << 20};
    error err = {0};
    if (gguf_parse(&owner, string_chars(s), n, &err) != NULL) fail_msg("taken, though %s", says);
    if (strstr(err.text, says) == NULL) fail_msg("'%s' does not say %s", err.text, says);
    arena_drop(&owner);
}

static void what_is_damaged_is_refused_by_name(void **state) {
    string s = {0};
    put_file(&s, 32, 64, 64); /* at 24 bytes of values comes the next multiple of 32, but the file says 64 */
    expect_refused(&s, s.length, "tensor q: its 68 bytes go beyond the end");
    string_reset(&s), put_file(&s, 32, 33, 64), expect_refused(&s, s.length, "tensor q: its offset 33");
    string_reset(&s), put_file(&s, 32, 32, 63), expect_refused(&s, s.length, "63 values is no whole number of Q8_0 blocks");
    string_reset(&s), put_file(&s, 24, 32, 32), expect_refused(&s, s.length, "general.alignment");
    string_reset(&s), put_file(&s, 32, 32, 64);
    for (size_t n = 0; n < 160; n++) { /* cut anywhere in the header */
        arena owner = {0};
        error err = {0};
        assert_null(gguf_parse(&owner, s.data, n, &err));
        assert_true(err.text[0] != 0);
        arena_drop(&owner);
    }
    string_reset(&s), put_header(&s, 1, 0, 0), expect_refused(&s, s.length, "version 1");
    string_reset(&s), put_header(&s, 3 << 24, 0, 0), expect_refused(&s, s.length, "big-endian");
    string_reset(&s), put_header(&s, 3, 0, UINT64_MAX), expect_refused(&s, s.length, "do not fit");
    string_reset(&s), put_header(&s, 3, 0, 2);
    for (int i = 0; i < 2; i++) put_key(&s, "twice", GGUF_BOOL), put(&s, 0, 1);
    expect_refused(&s, s.length, "twice");
    string_reset(&s), put_header(&s, 3, 0, 1), put_key(&s, "kind", (gguf_type)13), put(&s, 0, 8), expect_refused(&s, s.length, "kind: a value has type 13");
    string_reset(&s), put_header(&s, 3, 0, 1), put_key(&s, "long", GGUF_ARRAY), put(&s, GGUF_TEXT, 4), put(&s, 1ull << 61, 8);
    expect_refused(&s, s.length, "long: 2305843009213693952 values");
    string_reset(&s), put_header(&s, 3, 0, 1), put_key(&s, "deep", GGUF_ARRAY);
    for (int i = 0; i < 5; i++) put(&s, GGUF_ARRAY, 4), put(&s, 1, 8);
    put(&s, GGUF_BOOL, 4), put(&s, 0, 8);
    expect_refused(&s, s.length, "deep: arrays in arrays");
    string_reset(&s), put_header(&s, 3, 1, 0), put_tensor(&s, "w", 2, 1ull << 40, 1ull << 40, 0, 0),
        expect_refused(&s, s.length, "tensor w: its shape is too large");
    string_reset(&s), put_header(&s, 3, 1, 0), put_tensor(&s, "w", 1, 1, 1, 4, 0), expect_refused(&s, s.length, "tensor w: its type 4");
    string_drop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_value_is_read),
        cmocka_unit_test(tensors_lie_where_the_header_says),
        cmocka_unit_test(what_is_damaged_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
