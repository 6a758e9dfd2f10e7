#include "train/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_near(double a, double b) {
    assert_true(a - b < 1e-15 && b - a < 1e-15);
}

static void every_schedule_warms_up_to_lr(void **state) {
    for (int name = SCHEDULE_COSINE; name <= SCHEDULE_CONSTANT; name++) {
        const train_config c = {.optimizer.lr = 1e-3, .schedule = {.name = name, .warmup_steps = 10, .decay_steps = 5, .final_lr = 1e-4}};
        assert_near(schedule_lr(&c, 100, 1), 1e-4);
        assert_near(schedule_lr(&c, 100, 5), 5e-4);
        assert_near(schedule_lr(&c, 100, 10), 1e-3);
    }
}

static void cosine_is_halfway_in_the_middle_and_final_at_the_end(void **state) {
    const train_config c = {.optimizer.lr = 1e-3, .schedule = {.name = SCHEDULE_COSINE, .warmup_steps = 20, .final_lr = 2e-4}};
    assert_near(schedule_lr(&c, 120, 70), 6e-4);
    assert_near(schedule_lr(&c, 120, 120), 2e-4);
    assert_near(schedule_lr(&c, 120, 45), 2e-4 + 8e-4 * 0.5 * (1 + 0.70710678118654752));
    const train_config flat = {.optimizer.lr = 1e-3, .schedule = {.name = SCHEDULE_COSINE, .warmup_steps = 5}};
    assert_near(schedule_lr(&flat, 5, 5), 1e-3); /* all steps are warm-up */
}

static void wsd_stays_and_falls_linearly_at_the_end(void **state) {
    const train_config c = {.optimizer.lr = 1e-3, .schedule = {.name = SCHEDULE_WSD, .warmup_steps = 2, .decay_steps = 10, .final_lr = 1e-4}};
    assert_near(schedule_lr(&c, 50, 3), 1e-3);
    assert_near(schedule_lr(&c, 50, 40), 1e-3);
    assert_near(schedule_lr(&c, 50, 45), 5.5e-4);
    assert_near(schedule_lr(&c, 50, 50), 1e-4);
}

static void constant_stays(void **state) {
    const train_config c = {.optimizer.lr = 3e-3, .schedule = {.name = SCHEDULE_CONSTANT}};
    assert_near(schedule_lr(&c, 50, 1), 3e-3);
    assert_near(schedule_lr(&c, 50, 50), 3e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schedule_warms_up_to_lr),
        cmocka_unit_test(cosine_is_halfway_in_the_middle_and_final_at_the_end),
        cmocka_unit_test(wsd_stays_and_falls_linearly_at_the_end),
        cmocka_unit_test(constant_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
