/* What tests of runs share: a folder, toy data, a configuration as a user writes it, and the log. */
#ifndef SOCLE_TESTS_TRAIN_RUN_SUPPORT_H
#define SOCLE_TESTS_TRAIN_RUN_SUPPORT_H
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "data/packed.h"
#include "train/metrics.h"
#include "train/train.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static arena owner;
static char folder[] = "/tmp/socle-train-test-XXXXXX";

static inline int folder_begin_test(void **state) {
    log_set_level(LOG_QUIET);
    return mkdtemp(folder) == NULL;
}

static inline int folder_end_test(void **state) {
    arena_drop(&owner);
    return !folder_remove(folder, NULL);
}

static inline const char *in_folder(const char *name) {
    return path_join(&owner, folder, name);
}

/* Tokens that can be learned: most follow from the one before. */
static inline void write_tokens(const char *name, long n, int32_t vocab) {
    error err = {0};
    int32_t *ids = NEW_ARRAY(&owner, n, int32_t);
    random_stream r = random_start(3, 0);
    for (long i = 1; i < n; i++) ids[i] = random_below(&r, 8) == 0 ? (int32_t)random_below(&r, (uint64_t)vocab) : (ids[i - 1] * 5 + 3) % vocab;
    packed_writer *w = packed_writer_open(in_folder(name), vocab, &err);
    assert_true(packed_writer_add(w, ids, (size_t)n, &err) && packed_writer_commit(w, (digest){{1, 1}}, 0, &err));
}

/* Reads a configuration in which ~ stands for the folder, with keys set behind it. */
static inline bool config_of(train_kind kind, const char *yaml, const char *const *set, train_config *c, error *err) {
    string text = {0};
    for (const char *p = yaml; *p != 0; p++)
        if (*p == '~') string_text(&text, folder);
        else string_char(&text, *p);
    const char *path = in_folder("config.yaml");
    assert_true(file_write(path, string_chars(&text), text.length, err));
    string_drop(&text);
    const char *list[16];
    size_t n = 0;
    for (; set != NULL && set[n] != NULL; n++) {
        list[n] = set[n];
        if (strncmp(set[n], "out=", 4) == 0) list[n] = arena_print(&owner, "out=%s/%s", folder, set[n] + 4);
    }
    return train_config_read(&owner, kind, path, list, n, c, err);
}

static inline bool run_with(train_kind kind, const char *yaml, const char *const *set, train_how how, train_report *report, error *err) {
    train_config c;
    *err = (error){0};
    return config_of(kind, yaml, set, &c, err) && train_run(&owner, &c, &how, report, err);
}

/* Must succeed. */
static inline train_report run_fine(train_kind kind, const char *yaml, const char *const *set, train_how how) {
    train_report report;
    error err;
    if (!run_with(kind, yaml, set, how, &report, &err)) fail_msg("%s", err.text);
    return report;
}

static inline metrics_row *log_of(const char *run, long *n) {
    error err = {0};
    metrics_row *rows = metrics_read(&owner, path_join(&owner, in_folder(run), "metrics.jsonl"), n, &err);
    assert_non_null(rows);
    return rows;
}

/* The same steps with the same bits: losses, norms, rates, tokens. */
static inline void assert_same_curve(const char *a, const char *b) {
    long n, m;
    const metrics_row *x = log_of(a, &n), *y = log_of(b, &m);
    assert_true(n > 0);
    assert_int_equal(n, m);
    for (long i = 0; i < n; i++) {
        assert_int_equal(x[i].step, i + 1);
        assert_int_equal(x[i].step, y[i].step);
        assert_int_equal(x[i].tokens, y[i].tokens);
        assert_memory_equal(&x[i].loss, &y[i].loss, sizeof(double));
        assert_memory_equal(&x[i].grad_norm, &y[i].grad_norm, sizeof(double));
        assert_memory_equal(&x[i].lr, &y[i].lr, sizeof(double));
        assert_true((x[i].valid_loss != x[i].valid_loss && y[i].valid_loss != y[i].valid_loss) || x[i].valid_loss == y[i].valid_loss);
    }
}

static inline void assert_same_file(const char *a, const char *b) {
    error err = {0};
    size_t n, m;
    const char *x = file_read(&owner, in_folder(a), 0, &n, &err), *y = file_read(&owner, in_folder(b), 0, &m, &err);
    assert_true(x != NULL && y != NULL);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
}

#endif
