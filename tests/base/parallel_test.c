#include "base/log.h"
#include "base/parallel.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct tally {
    atomic_int count[5000];
} tally;

static void count_one(void *context, long i) {
    tally *t = context;
    atomic_fetch_add(&t->count[i], 1);
}

static void each_index_runs_once_whatever_the_threads(void **state) {
    tally *t = calloc(1, sizeof *t);
    int rounds = 0;
    for (int threads = 1; threads <= 5; threads++) {
        parallel_set_threads(threads);
        assert_int_equal(parallel_threads(), threads);
        for (long n = 0; n <= 5000; n += n < 4 ? 1 : 833, rounds++) {
            memset(t, 0, sizeof *t);
            parallel_for(n, count_one, t);
            for (long i = 0; i < 5000; i++) assert_int_equal(atomic_load(&t->count[i]), i < n);
        }
    }
    free(t);
}

static void count_slowly(void *context, long i) {
    usleep(300);
    count_one(context, i);
}

static void it_returns_when_the_last_piece_is_done(void **state) {
    parallel_set_threads(3);
    for (int round = 0; round < 30; round++) {
        tally *t = calloc(1, sizeof *t);
        parallel_for(4, count_slowly, t);
        for (int i = 0; i < 4; i++) assert_int_equal(t->count[i], 1);
        free(t);
    }
}

static void many_short_jobs_follow_one_another(void **state) {
    parallel_set_threads(3);
    for (int round = 0; round < 500; round++) { /* workers are caught spinning, sleeping and on the way */
        tally *t = calloc(1, sizeof *t);
        parallel_for(16, count_one, t);
        int sum = 0;
        for (int i = 0; i < 16; i++) sum += t->count[i];
        assert_int_equal(sum, 16);
        free(t); /* no worker may touch it any more */
    }
}

static void inner(void *context, long i) {
    parallel_for(10, count_one, context);
}

static void a_call_inside_a_call_runs_on_its_caller(void **state) {
    tally *t = calloc(1, sizeof *t);
    parallel_set_threads(4);
    parallel_for(100, inner, t);
    for (int i = 0; i < 10; i++) assert_int_equal(t->count[i], 100);
    free(t);
}

static void *second_thread(void *context) {
    for (int i = 0; i < 200; i++) {
        parallel_for(10, count_one, context);
        (void)parallel_threads();
    }
    return NULL;
}

static void two_threads_may_call_at_once(void **state) {
    tally *t = calloc(2, sizeof *t);
    pthread_t other;
    parallel_set_threads(2);
    assert_int_equal(pthread_create(&other, NULL, second_thread, &t[1]), 0);
    second_thread(&t[0]);
    pthread_join(other, NULL);
    for (int i = 0; i < 10; i++) assert_true(t[0].count[i] == 200 && t[1].count[i] == 200);
    free(t);
}

static void show_progress(void *context, long i) {
    progress_at(context, (double)i, "a note");
    log_detail("piece %ld", i);
}

static void progress_and_log_take_calls_from_all_threads(void **state) {
    progress p;
    parallel_set_threads(3);
    log_set_level(LOG_QUIET);
    progress_start(&p, "test", "pieces", 1000);
    parallel_for(1000, show_progress, &p);
    assert_true(p.done == 999);
    progress_end(&p, NULL);
    log_set_level(LOG_NORMAL);
}

static void durations_are_short_texts(void **state) {
    static const struct {
        double seconds;
        const char *text;
    } some[] = {{0.45, "450ms"}, {12.34, "12.3s"}, {65, "1m 05s"}, {7380, "2h 03m"}, {-1, "0ms"}, {90000, "1d 01h"}, {59.97, "1m 00s"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char text[32];
        assert_string_equal(duration_text(some[i].seconds, text), some[i].text);
    }
    const double before = clock_seconds();
    assert_true(clock_seconds() >= before);
    assert_true(clock_unix() > 1.7e9);
}

static int stop(void **state) {
    parallel_stop();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_index_runs_once_whatever_the_threads),
        cmocka_unit_test(it_returns_when_the_last_piece_is_done),
        cmocka_unit_test(many_short_jobs_follow_one_another),
        cmocka_unit_test(a_call_inside_a_call_runs_on_its_caller),
        cmocka_unit_test(two_threads_may_call_at_once),
        cmocka_unit_test(progress_and_log_take_calls_from_all_threads),
        cmocka_unit_test(durations_are_short_texts),
    };
    return cmocka_run_group_tests_name("base/parallel", tests, NULL, stop);
}
