#include "train/run_support.h"

#include <math.h>

static void write_rows(const char *path, long keep, long first, long last) {
    error err = {0};
    metrics_log *log = metrics_open(&owner, path, keep, &err);
    assert_non_null(log);
    for (long step = first; step <= last; step++)
        assert_true(
            metrics_append(log, &(metrics_row){.step = step, .tokens = step * 10, .loss = 1.0 / (double)step, .valid_loss = step % 2 ? NAN : 0.5}, &err));
    assert_true(metrics_sync(log, &err));
    metrics_close(log);
}

static void rows_come_back_bit_for_bit(void **state) {
    const char *path = in_folder("rows.jsonl");
    long n;
    write_rows(path, 0, 1, 20);
    const metrics_row *rows = metrics_read(&owner, path, &n, NULL);
    assert_int_equal(n, 20);
    for (long i = 0; i < n; i++) {
        assert_int_equal(rows[i].tokens, (i + 1) * 10);
        assert_true(rows[i].loss == 1.0 / (double)(i + 1));
        assert_true((i + 1) % 2 ? isnan(rows[i].valid_loss) : rows[i].valid_loss == 0.5);
    }
}

static void what_lies_beyond_a_checkpoint_is_cut_off(void **state) {
    const char *path = in_folder("cut.jsonl");
    long n;
    write_rows(path, 0, 1, 9);
    write_rows(path, 6, 7, 12);
    const metrics_row *rows = metrics_read(&owner, path, &n, NULL);
    assert_int_equal(n, 12);
    for (long i = 0; i < n; i++) assert_int_equal(rows[i].step, i + 1);
    write_rows(path, 0, 1, 2); /* starting over */
    metrics_read(&owner, path, &n, NULL);
    assert_int_equal(n, 2);
}

static void half_a_line_counts_as_none(void **state) {
    const char *path = in_folder("torn.jsonl"), text[] = "{\"step\": 1, \"loss\": 2}\n{\"step\": 2, \"loss\": 1}\n{\"step\": 3, \"lo";
    error err = {0};
    long n;
    assert_true(file_write(path, text, sizeof text - 1, &err));
    metrics_read(&owner, path, &n, NULL);
    assert_int_equal(n, 2);
    write_rows(path, 5, 3, 3);
    metrics_read(&owner, path, &n, NULL);
    assert_int_equal(n, 3);
}

static void pictures_hold_both_curves_and_stand_odd_numbers(void **state) {
    const metrics_row cases[][3] = {
        {{.step = 1, .loss = 3, .valid_loss = NAN}, {.step = 2, .loss = 2, .valid_loss = 2.5}, {.step = 3, .loss = 1, .valid_loss = NAN}},
        {{.step = 1, .loss = NAN, .valid_loss = NAN}, {.step = 2, .loss = 1e30, .valid_loss = NAN}, {.step = 3, .loss = 1, .valid_loss = NAN}},
        {{.step = 1, .loss = 2, .valid_loss = NAN}, {.step = 2, .loss = 2, .valid_loss = 2}, {.step = 3, .loss = 2, .valid_loss = 2}},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (long n = 0; n <= 3; n++) {
            string out = {0};
            loss_picture(cases[i], n, "a <b> & c", &out);
            assert_non_null(strstr(string_chars(&out), "a &lt;b> &amp; c"));
            assert_non_null(strstr(string_chars(&out), "</svg>\n"));
            assert_null(strstr(string_chars(&out), "nan"));
            if (i == 0 && n == 3) assert_non_null(strstr(string_chars(&out), "valid 2.500"));
            string_drop(&out);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_bit_for_bit),
        cmocka_unit_test(what_lies_beyond_a_checkpoint_is_cut_off),
        cmocka_unit_test(half_a_line_counts_as_none),
        cmocka_unit_test(pictures_hold_both_curves_and_stand_odd_numbers),
    };
    return cmocka_run_group_tests(tests, folder_begin_test, folder_end_test);
}
