#include "base/file.h"
#include "tensor/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/socle-safetensors-XXXXXX", path[64];

static int make_folder(void **state) {
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    return 0;
}

static int remove_folder(void **state) {
    return folder_remove(folder, NULL) ? 0 : -1;
}

/* A file with this header and `n` bytes of values, in an exact allocation so that the sanitizer sees its end. */
static safetensors *parse(arena *owner, const char *header, size_t n, error *err, char **bytes) {
    const size_t length = strlen(header);
    *bytes = calloc(1, 8 + length + n);
    assert_non_null(*bytes);
    for (int i = 0; i < 8; i++) (*bytes)[i] = (char)(length >> 8 * i);
    memcpy(*bytes + 8, header, length);
    return safetensors_parse(owner, *bytes, 8 + length + n, err);
}

static void a_file_tells_its_tensors(void **state) {
    arena owner = {0};
    error err = {0};
    char *bytes;
    safetensors *file =
        parse(&owner,
              "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
              "\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},\"none\":{\"dtype\":\"I8\",\"shape\":[0,7],\"data_offsets\":[8,8]}}  ",
              20, &err, &bytes);
    if (file == NULL) fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(file), 3);
    const safetensors_entry *b = safetensors_find(file, "b");
    assert_int_equal(b->value.type, DTYPE_BF16);
    assert_true(shape_equal(b->value.shape, shape_2(2, 3)));
    assert_ptr_equal(b->value.data, bytes + strlen(bytes + 8) + 8 + 8);
    assert_string_equal(safetensors_at(file, 0)->name, "a");
    assert_null(safetensors_find(file, "c"));
    assert_null(safetensors_find(file, "__metadata__"));
    free(bytes);
    arena_drop(&owner);
}

static void what_does_not_hold_is_refused_with_the_tensor_named(void **state) {
    static const struct {
        const char *header;
        size_t n;
        const char *says;
    } cases[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "tensor a: its values end at byte 8 of 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "1 bytes at the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "tensor a: f32 [3] takes 12 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "tensor a"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "tensor a: its values come after a hole"},
        {"{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3,
         "tensor b: its values overlap"},
        {"{\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[2,4]}}", 4,
         "tensor a is there twice"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "type 'F8_E4M3'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,0]}}", 0, "tensor a: shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "tensor a: shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "5 axes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.5]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "type ''"},
        {"{\"a\":7}", 0, "tensor a"},
        {"{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "its name"},
        {"[]", 0, "no JSON object"},
        {"{", 0, "header"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena owner = {0};
        error err = {0};
        char *bytes;
        assert_null(parse(&owner, cases[i].header, cases[i].n, &err, &bytes));
        if (strstr(err.text, cases[i].says) == NULL) fail_msg("case %zu says '%s', not '%s'", i, err.text, cases[i].says);
        free(bytes);
        arena_drop(&owner);
    }
}

static void a_header_that_promises_too_much_is_refused_before_it_is_read(void **state) {
    static const unsigned char lengths[][8] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0, 1}, {200}};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        arena owner = {0};
        error err = {0};
        assert_null(safetensors_parse(&owner, lengths[i], 8, &err));
        assert_true(err.text[0] != 0);
        arena_drop(&owner);
    }
}

static void a_header_of_many_small_values_meets_its_limit(void **state) {
    const size_t n = 4 << 20;
    char *bytes = malloc(8 + n);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (char)(n >> 8 * i);
    memcpy(bytes + 8, "{\"a\":[", 6);
    for (size_t i = 14; i < 8 + n; i += 2) memcpy(bytes + i, i + 2 < 8 + n ? "0," : "0]", 2);
    bytes[8 + n - 3] = '0', bytes[8 + n - 2] = ']', bytes[8 + n - 1] = '}';
    arena owner = {0};
    error err = {0};
    assert_null(safetensors_parse(&owner, bytes, 8 + n, &err));
    assert_true(owner.used < 1 << 20);
    free(bytes);
    arena_drop(&owner);
}

static void what_is_written_is_read_back_and_aligned(void **state) {
    arena owner = {0};
    error err = {0};
    float f[6] = {1, 2, 3, 4, 5, 6};
    double d[2] = {7, 8};
    int8_t c[3] = {9, 10, 11};
    const safetensors_entry entries[] = {{"bytes", tensor_of(DTYPE_I8, shape_1(3), c)},
                                         {"floats \"quoted\"", tensor_of(DTYPE_F32, shape_2(2, 3), f)},
                                         {"doubles", tensor_of(DTYPE_F64, shape_1(2), d)}};
    if (!safetensors_write(path, entries, COUNT(entries), &err)) fail_msg("%s", err.text);
    safetensors *file = safetensors_open(&owner, path, &err);
    if (file == NULL) fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(file), 3);
    for (size_t i = 0; i < COUNT(entries); i++) {
        const safetensors_entry *e = safetensors_find(file, entries[i].name);
        assert_non_null(e);
        assert_true(shape_equal(e->value.shape, entries[i].value.shape) && e->value.type == entries[i].value.type);
        assert_int_equal((uintptr_t)e->value.data % dtype_bytes(e->value.type), 0);
        assert_memory_equal(e->value.data, entries[i].value.data, tensor_bytes(e->value));
    }
    safetensors_close(file);
    size_t n;
    const char *bytes = file_read(&owner, path, 0, &n, &err);
    assert_int_equal((bytes[0] & 255) % 8, 0);
    assert_non_null(memmem(bytes, n, "\"__metadata__\"", 14));
    for (size_t cut = 0; cut < n; cut++) { /* a file cut short anywhere is an error */
        error why = {0};
        arena scratch = {0};
        if (safetensors_parse(&scratch, bytes, cut, &why) != NULL || why.text[0] == 0) fail_msg("cut at %zu of %zu is taken", cut, n);
        arena_drop(&scratch);
    }
    arena_drop(&owner);
}

static void a_writer_that_gets_too_little_or_stops_leaves_nothing(void **state) {
    error err = {0};
    char other[64], partial[80];
    snprintf(other, sizeof other, "%s/b.safetensors", folder);
    snprintf(partial, sizeof partial, "%s.partial", other);
    const float f[2] = {1, 2};
    const safetensors_entry entry = {"a", tensor_of(DTYPE_F32, shape_1(2), NULL)};
    safetensors_writer *w = safetensors_writer_open(other, &entry, 1, &err);
    assert_true(safetensors_writer_put(w, f, sizeof f[0], &err));
    assert_false(safetensors_writer_commit(w, &err));
    assert_non_null(strstr(err.text, "4 bytes"));
    safetensors_writer_abort(safetensors_writer_open(other, &entry, 1, &err));
    assert_false(file_exists(other) || file_exists(partial));
    error full = {0};
    assert_null(safetensors_open(&(arena){0}, other, &full));
    assert_non_null(strstr(full.text, other));
}

static void a_full_disk_is_an_error(void **state) {
    if (access("/dev/full", W_OK) != 0) skip();
    error err = {0};
    char link[64];
    snprintf(link, sizeof link, "%s/full.safetensors.partial", folder);
    if (symlink("/dev/full", link) != 0) skip();
    link[strlen(link) - strlen(".partial")] = 0;
    float *many = calloc(1 << 20, sizeof *many);
    const safetensors_entry entry = {"a", tensor_of(DTYPE_F32, shape_1(1 << 20), many)};
    const bool wrote = safetensors_write(link, &entry, 1, &err);
    free(many);
    if (wrote) skip(); /* the writer does not follow links: nothing to see here */
    assert_true(err.text[0] != 0);
    assert_false(file_exists(link));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_tells_its_tensors),
        cmocka_unit_test(what_does_not_hold_is_refused_with_the_tensor_named),
        cmocka_unit_test(a_header_that_promises_too_much_is_refused_before_it_is_read),
        cmocka_unit_test(a_header_of_many_small_values_meets_its_limit),
        cmocka_unit_test(what_is_written_is_read_back_and_aligned),
        cmocka_unit_test(a_writer_that_gets_too_little_or_stops_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
