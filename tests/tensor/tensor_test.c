#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void names_of_types_lead_back_to_them(void **state) {
    for (int i = 0; i < DTYPE_COUNT; i++) {
        dtype found;
        assert_true(dtype_from_file_name(dtype_file_name((dtype)i), &found));
        assert_int_equal(found, i);
        assert_true(dtype_bytes((dtype)i) >= 1 && dtype_bytes((dtype)i) <= 8);
    }
    dtype none;
    assert_false(dtype_from_file_name("F8_E4M3", &none));
    assert_false(dtype_from_file_name("", &none));
}

static void a_shape_is_rows_of_its_last_axis(void **state) {
    const tensor t = tensor_of(DTYPE_F32, shape_3(2, 3, 5), NULL);
    assert_int_equal(t.rows, 6);
    assert_int_equal(t.dim, 5);
    assert_int_equal(tensor_bytes(t), 120);
    const tensor scalar = tensor_of(DTYPE_F64, (shape){0}, NULL), vector = tensor_of(DTYPE_U16, shape_1(7), NULL);
    assert_int_equal(tensor_bytes(scalar), 8);
    assert_int_equal(vector.rows, 1);
    assert_int_equal(tensor_bytes(vector), 14);
    assert_int_equal(shape_values((shape){0}), 1);
    assert_true(shape_equal(shape_2(2, 3), shape_2(2, 3)));
    assert_false(shape_equal(shape_2(2, 3), shape_2(3, 2)));
    assert_false(shape_equal(shape_1(2), shape_2(2, 1)));
}

static void shapes_are_written_as_lists_and_two_fit_one_message(void **state) {
    const char *a = shape_text(shape_2(2, 3)), *b = shape_text((shape){4, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}});
    assert_string_equal(a, "[2, 3]");
    assert_int_equal(strlen(b), 4 * 19 + 3 * 2 + 2);
    assert_string_equal(shape_text((shape){0}), "[]");
}

static void some_rows_are_seen_in_place(void **state) {
    element values[12];
    for (int i = 0; i < 12; i++) values[i] = (element)i;
    const tensor t = tensor_of(DTYPE_REAL, shape_2(4, 3), values), some = tensor_rows(t, 1, 2);
    assert_int_equal(some.rows, 2);
    assert_ptr_equal(some.data, &values[3]);
    assert_true(tensor_row(some, 1)[2] == 8);
    assert_null(tensor_rows(tensor_of(DTYPE_F32, shape_2(4, 3), NULL), 2, 1).data);
}

static void memory_is_zeroed_and_aligned_at_every_size(void **state) {
    static const size_t sizes[] = {0, 1, 63, 4096, (2 << 20) - 1, 2 << 20, 5000000};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        error err = {0};
        unsigned char *m = memory_new(sizes[i], &err);
        assert_non_null(m);
        assert_int_equal((uintptr_t)m % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            if (m[k] != 0) fail_msg("byte %zu is %d", k, m[k]);
        if (sizes[i] > 0) m[0] = m[sizes[i] - 1] = 1;
        memory_free(m, sizes[i]);
    }
    memory_free(NULL, 8);
}

static void memory_that_no_machine_has_is_an_error(void **state) {
    error err = {0};
    assert_null(memory_new((size_t)1 << 60, &err));
    assert_non_null(strstr(err.text, "MB"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_types_lead_back_to_them),
        cmocka_unit_test(a_shape_is_rows_of_its_last_axis),
        cmocka_unit_test(shapes_are_written_as_lists_and_two_fit_one_message),
        cmocka_unit_test(some_rows_are_seen_in_place),
        cmocka_unit_test(memory_is_zeroed_and_aligned_at_every_size),
        cmocka_unit_test(memory_that_no_machine_has_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
