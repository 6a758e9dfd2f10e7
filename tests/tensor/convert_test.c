#include "base/random.h"
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static uint16_t narrowed(dtype to, real x) {
    uint16_t bits;
    values_from_real(to, &x, &bits, 1);
    return bits;
}

static real widened(dtype from, uint16_t bits) {
    real x;
    values_to_real(from, &bits, &x, 1);
    return x;
}

static void every_half_widens_as_its_definition_says_and_comes_back(void **state) {
    static const struct {
        dtype type;
        int fraction_bits, bias;
    } halves[] = {{DTYPE_F16, 10, 15}, {DTYPE_BF16, 7, 127}};
    for (size_t h = 0; h < COUNT(halves); h++) {
        const int f = halves[h].fraction_bits, most = (1 << (15 - f)) - 1;
        for (int bits = 0; bits < 1 << 16; bits++) {
            const int exponent = bits >> f & most, fraction = bits & ((1 << f) - 1);
            const real got = widened(halves[h].type, (uint16_t)bits);
            if (exponent == most && fraction != 0) {
                assert_true(isnan(got));
                assert_true(isnan(widened(halves[h].type, narrowed(halves[h].type, got))));
                continue;
            }
            double want = exponent == most ? INFINITY : ldexp(fraction + (exponent > 0 ? 1 << f : 0), (exponent > 0 ? exponent : 1) - halves[h].bias - f);
            if (bits >> 15) want = -want;
            if ((double)got != want) fail_msg("%04x widens to %g, not %g", bits, (double)got, want);
            if (narrowed(halves[h].type, got) != bits) fail_msg("%04x comes back as %04x", bits, narrowed(halves[h].type, got));
        }
    }
}

/* The nearest of two neighbours, the even one of a tie: halfway and one step to either side of halfway, for every half. */
static void narrowing_rounds_to_nearest_even(void **state) {
    static const dtype types[] = {DTYPE_F16, DTYPE_BF16};
    static const int infinite[] = {0x7c00, 0x7f80};
    for (size_t h = 0; h < COUNT(types); h++) {
        for (int bits = 0; bits + 1 < infinite[h]; bits++) {
            const float low = (float)widened(types[h], (uint16_t)bits), high = (float)widened(types[h], (uint16_t)(bits + 1));
            const float middle = low + (high - low) / 2;   /* exact: one more bit */
            if (middle == low || middle == high) continue; /* below float's own smallest */
            const int even = bits % 2 == 0 ? bits : bits + 1;
            assert_int_equal(narrowed(types[h], middle), even);
            assert_int_equal(narrowed(types[h], nextafterf(middle, 0)), bits);
            assert_int_equal(narrowed(types[h], nextafterf(middle, INFINITY)), bits + 1);
            assert_int_equal(narrowed(types[h], -nextafterf(middle, INFINITY)), (bits + 1) | 0x8000);
        }
    }
}

static void what_is_too_large_becomes_infinite(void **state) {
    assert_int_equal(narrowed(DTYPE_F16, 65519), 0x7bff);
    assert_int_equal(narrowed(DTYPE_F16, 65520), 0x7c00);
    assert_int_equal(narrowed(DTYPE_F16, -1e30f), 0xfc00);
    assert_int_equal(narrowed(DTYPE_BF16, 3.4e38f), 0x7f80);
}

static void integers_convert_by_value_and_hold_at_their_ends(void **state) {
    const real in[] = {0, 1, 2.5f, -2.5f, 255.6f, -1, 1e30f, -1e30f, (real)NAN};
    int8_t i8[9];
    uint8_t u8[9], truth[9];
    int32_t i32[9];
    values_from_real(DTYPE_I8, in, i8, 9);
    values_from_real(DTYPE_U8, in, u8, 9);
    values_from_real(DTYPE_I32, in, i32, 9);
    values_from_real(DTYPE_BOOL, in, truth, 9);
    assert_memory_equal(i8, ((const int8_t[]){0, 1, 2, -2, 127, -1, 127, -128, 0}), 9);
    assert_memory_equal(u8, ((const uint8_t[]){0, 1, 2, 0, 255, 0, 255, 0, 0}), 9);
    assert_memory_equal(i32, ((const int32_t[]){0, 1, 2, -2, 256, -1, INT32_MAX, INT32_MIN, 0}), sizeof i32);
    assert_memory_equal(truth, ((const uint8_t[]){0, 1, 1, 1, 1, 1, 1, 1, 1}), 9);
    real back[9];
    values_to_real(DTYPE_I8, i8, back, 9);
    assert_true(back[4] == 127 && back[7] == -128);
}

static void every_type_keeps_small_whole_numbers_also_where_it_lies_unaligned(void **state) {
    for (int type = 0; type < DTYPE_COUNT; type++) {
        real in[19], out[19];
        for (int i = 0; i < 19; i++) in[i] = type == DTYPE_BOOL ? i % 2 : i;
        char bytes[19 * 8 + 1];
        values_from_real((dtype)type, in, bytes + 1, 19);
        values_to_real((dtype)type, bytes + 1, out, 19);
        assert_memory_equal(in, out, sizeof in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens_as_its_definition_says_and_comes_back),
        cmocka_unit_test(narrowing_rounds_to_nearest_even),
        cmocka_unit_test(what_is_too_large_becomes_infinite),
        cmocka_unit_test(integers_convert_by_value_and_hold_at_their_ends),
        cmocka_unit_test(every_type_keeps_small_whole_numbers_also_where_it_lies_unaligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
