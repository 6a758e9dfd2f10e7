#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Known answers of Philox4x32-10, from the test vectors (kat_vectors) that its authors publish with Random123. */
static void philox_gives_the_published_answers(void **state) {
    uint32_t out[4];
    philox(0, 0, 0, out);
    static const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(out, zeros, sizeof zeros);
    philox(UINT64_MAX, UINT64_MAX, UINT64_MAX, out);
    static const uint32_t ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(out, ones, sizeof ones);
    philox(0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u, out);
    static const uint32_t pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    assert_memory_equal(out, pi, sizeof pi);
}

static void streams_repeat_and_differ(void **state) {
    random_stream a = random_start(1, 2), b = random_start(1, 2), c = random_start(1, 3);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        const uint32_t x = random_u32(&a);
        assert_int_equal(x, random_u32(&b));
        same += x == random_u32(&c);
    }
    assert_int_equal(same, 0);
}

static void moments_are_those_of_the_distributions(void **state) {
    random_stream r = random_start(7, 0);
    double unit = 0, normal = 0, square = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        const double u = random_unit(&r), x = random_normal(&r);
        assert_true(u >= 0 && u < 1 && isfinite(x));
        unit += u;
        normal += x;
        square += x * x;
    }
    assert_true(fabs(unit / N - 0.5) < 0.005);
    assert_true(fabs(normal / N) < 0.01);
    assert_true(fabs(square / N - 1) < 0.02);
}

static void below_stays_below_and_reaches_all(void **state) {
    random_stream r = random_start(3, 0);
    int count[7] = {0};
    for (int i = 0; i < 70000; i++) {
        const uint64_t x = random_below(&r, 7);
        assert_true(x < 7);
        count[x]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(count[i], 9500, 10500);
    assert_int_equal(random_below(&r, 1), 0);
}

static void a_permutation_holds_each_number_once(void **state) {
    enum { N = 1000 };
    long order[N];
    char seen[N] = {0};
    random_stream r = random_start(5, 1);
    random_permutation(&r, N, order);
    int moved = 0;
    for (long i = 0; i < N; i++) {
        assert_true(order[i] >= 0 && order[i] < N);
        assert_int_equal(seen[order[i]]++, 0);
        moved += order[i] != i;
    }
    assert_true(moved > N / 2);
    random_permutation(&r, 0, order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),     cmocka_unit_test(streams_repeat_and_differ),
        cmocka_unit_test(moments_are_those_of_the_distributions), cmocka_unit_test(below_stays_below_and_reaches_all),
        cmocka_unit_test(a_permutation_holds_each_number_once),
    };
    return cmocka_run_group_tests_name("base/random", tests, NULL, NULL);
}
