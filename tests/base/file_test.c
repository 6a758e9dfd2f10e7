#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/file_test_XXXXXX";
static arena paths;

static char *in_top(const char *name) {
    return path_join(&paths, top, name);
}

static int setup(void **state) {
    return mkdtemp(top) == NULL;
}

static int teardown(void **state) {
    const bool ok = folder_remove(top, NULL);
    arena_drop(&paths);
    return !ok;
}

static void put(const char *path, const char *text) {
    error err = {0};
    if (!file_write(path, text, strlen(text), &err)) fail_msg("%s", err.text);
}

static void assert_holds(const char *path, const void *bytes, size_t n) {
    arena a = {0};
    error err = {0};
    size_t got = 0;
    const char *data = file_read(&a, path, 0, &got, &err);
    if (data == NULL) fail_msg("%s", err.text);
    assert_int_equal(got, n);
    assert_memory_equal(data, bytes, n);
    assert_int_equal(data[n], 0);
    arena_drop(&a);
}

static void a_file_comes_back_as_written(void **state) {
    const char *path = in_top("plain");
    put(path, "");
    assert_holds(path, "", 0);
    put(path, "hello\n");
    assert_holds(path, "hello\n", 6);
    assert_false(file_exists(in_top("plain.partial")));
    assert_int_equal(file_size(path), 6);
    static char large[1000003];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (char)(i * 7 + i / 251);
    error err = {0};
    assert_true(file_write(path, large, sizeof large, &err));
    assert_holds(path, large, sizeof large);
    file_map m;
    assert_true(file_map_open(&m, path, &err));
    assert_int_equal(m.n, sizeof large);
    assert_memory_equal(m.data, large, sizeof large);
    file_map_close(&m);
}

static void limits_hold_also_where_no_size_is_told(void **state) {
    arena a = {0};
    error err = {0};
    size_t n;
    put(in_top("ten"), "0123456789");
    assert_non_null(file_read(&a, in_top("ten"), 10, &n, &err));
    assert_null(file_read(&a, in_top("ten"), 9, &n, &err));
    assert_non_null(strstr(err.text, "larger than the 9 bytes"));
    error_clear(&err);
    assert_null(file_read(&a, "/dev/zero", 1 << 20, &n, &err));
    assert_non_null(strstr(err.text, "/dev/zero is larger"));
    assert_non_null(file_read(&a, "/proc/self/status", 0, &n, &err)); /* says 0 bytes, holds more */
    assert_true(n > 100);
    arena small = {.limit = 8};
    error_clear(&err);
    assert_null(file_read(&small, in_top("ten"), 0, &n, &err));
    assert_non_null(strstr(err.text, "memory"));
    arena_drop(&a);
}

static void what_cannot_be_read_is_named_with_the_reason(void **state) {
    arena a = {0};
    size_t n;
    static const struct {
        const char *path, *says;
    } bad[] = {{"/no/such/file", "/no/such/file: No such file"}, {"/", "/ is a folder"}, {"", "empty"}, {"/proc/self/mem", "reading /proc/self/mem"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        error err = {0};
        assert_null(file_read(&a, bad[i].path, 0, &n, &err));
        if (strstr(err.text, bad[i].says) == NULL) fail_msg("it says '%s', not '%s'", err.text, bad[i].says);
    }
    error err = {0};
    file_map m;
    assert_false(file_map_open(&m, top, &err));
    assert_non_null(strstr(err.text, "is a folder"));
    error_clear(&err);
    assert_false(file_map_open(&m, "/dev/null", &err));
    assert_non_null(strstr(err.text, "no plain file"));
    error_clear(&err);
    assert_null(file_reader_open(top, &err));
    assert_non_null(strstr(err.text, "is a folder"));
    arena_drop(&a);
}

static void a_map_of_an_empty_file_is_valid(void **state) {
    error err = {0};
    file_map m;
    put(in_top("empty"), "");
    assert_true(file_map_open(&m, in_top("empty"), &err));
    assert_non_null(m.data);
    assert_int_equal(m.n, 0);
    file_map_close(&m);
}

static void lines_come_out_whole_from_plain_gzip_and_zstd(void **state) {
    static const char *const names[] = {"lines", "lines.gz", "lines.zst"};
    for (size_t k = 0; k < COUNT(names); k++) {
        error err = {0};
        file_writer *w = file_writer_open(in_top(names[k]), &err);
        assert_non_null(w);
        for (int i = 0; i < 5000; i++) {
            char line[500];
            const int n = snprintf(line, sizeof line, "%d:%*s|\r\n", i, i % 400, "");
            assert_true(file_writer_put(w, line, (size_t)n, &err));
        }
        assert_true(file_writer_put(w, "last", 4, &err));
        assert_true(file_writer_commit(w, &err));
        file_reader *r = file_reader_open(in_top(names[k]), &err);
        assert_non_null(r);
        const char *line;
        size_t n, count = 0;
        while (file_reader_line(r, 1000, &line, &n, &err)) {
            char want[500];
            const int m = count < 5000 ? snprintf(want, sizeof want, "%d:%*s|\r", (int)count, (int)count % 400, "") : snprintf(want, sizeof want, "last");
            assert_int_equal(n, m);
            assert_memory_equal(line, want, n);
            count++;
        }
        assert_string_equal(err.text, "");
        assert_int_equal(count, 5001);
        assert_true(file_reader_share(r) == 1);
        file_reader_close(r);
    }
    assert_true(file_size(in_top("lines.gz")) < file_size(in_top("lines")) / 5);
    assert_true(file_size(in_top("lines.zst")) < file_size(in_top("lines")) / 5);
}

static void blocks_and_lines_mix(void **state) {
    error err = {0};
    put(in_top("mix"), "one\ntwo\nrest of it");
    file_reader *r = file_reader_open(in_top("mix"), &err);
    const char *line;
    size_t n;
    char bytes[100];
    assert_true(file_reader_line(r, 10, &line, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(file_reader_bytes(r, bytes, 4, &err), 4);
    assert_memory_equal(bytes, "two\n", 4);
    assert_int_equal(file_reader_bytes(r, bytes, sizeof bytes, &err), 10);
    assert_int_equal(file_reader_bytes(r, bytes, sizeof bytes, &err), 0);
    file_reader_close(r);
}

static void a_line_over_the_limit_is_an_error(void **state) {
    static const char *const texts[] = {"12345\n", "12345", "1\n12345\n"};
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t limit = 4; limit <= 5; limit++) {
            error err = {0};
            const char *line;
            size_t n;
            put(in_top("long"), texts[i]);
            file_reader *r = file_reader_open(in_top("long"), &err);
            while (file_reader_line(r, limit, &line, &n, &err)) assert_true(n <= limit);
            assert_int_equal(err.text[0] != 0, limit == 4);
            file_reader_close(r);
        }
}

static void several_gzip_members_and_zstd_frames_are_one_text(void **state) {
    static const char *const endings[] = {".gz", ".zst"};
    for (size_t k = 0; k < COUNT(endings); k++) {
        error err = {0};
        arena a = {0};
        string all = {0};
        for (int i = 0; i < 3; i++) {
            size_t n;
            char *part = arena_print(&a, "%s/part%d%s", top, i, endings[k]);
            put(part, "line\n");
            const char *bytes = file_read(&a, part, 0, &n, &err);
            string_append(&all, bytes, n);
        }
        if (k == 0) string_append(&all, "\0\0\0\0", 4); /* padding, as tapes have */
        const char *path = in_top("joined");
        assert_true(file_write(path, all.data, all.length, &err));
        file_reader *r = file_reader_open(path, &err);
        const char *line;
        size_t n, count = 0;
        while (file_reader_line(r, 100, &line, &n, &err)) count++;
        assert_string_equal(err.text, "");
        assert_int_equal(count, 3);
        file_reader_close(r);
        string_drop(&all);
        arena_drop(&a);
    }
}

static void cut_and_damaged_archives_are_errors(void **state) {
    static const char *const names[] = {"whole.gz", "whole.zst"};
    for (size_t k = 0; k < COUNT(names); k++) {
        arena a = {0};
        error err = {0};
        size_t n;
        string text = {0};
        for (int i = 0; i < 20000; i++) string_print(&text, "%d ", i * i);
        assert_true(file_write(in_top(names[k]), text.data, text.length, &err));
        char *bytes = file_read(&a, in_top(names[k]), 0, &n, &err), sink[4096];
        for (int damage = 0; damage < 2; damage++) {
            if (damage == 1) memset(bytes + n / 2, 0x5a, 40);
            assert_true(file_write(in_top("damaged"), bytes, damage == 0 ? n - 5 : n, &err));
            file_reader *r = file_reader_open(in_top("damaged"), &err);
            assert_non_null(r);
            long got;
            while ((got = file_reader_bytes(r, sink, sizeof sink, &err)) > 0) continue;
            assert_int_equal(got, -1);
            assert_non_null(strstr(err.text, damage == 0 ? "cut off" : "damaged"));
            file_reader_close(r);
            error_clear(&err);
        }
        string_drop(&text);
        arena_drop(&a);
    }
}

static void an_aborted_file_leaves_what_was_there(void **state) {
    error err = {0};
    put(in_top("kept"), "old");
    file_writer *w = file_writer_open(in_top("kept"), &err);
    assert_true(file_writer_put(w, "new", 3, &err));
    assert_true(file_exists(in_top("kept.partial")));
    file_writer_abort(w);
    assert_false(file_exists(in_top("kept.partial")));
    assert_holds(in_top("kept"), "old", 3);
    file_writer_abort(NULL);
}

/* A limit on the size of files stands for a full disk: the write is short, then fails. */
static void a_full_disk_is_an_error_and_nothing_is_lost(void **state) {
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 300000, .rlim_max = before.rlim_max};
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    static char noise[2000000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    static const char *const names[] = {"full", "full.gz", "full.zst"};
    for (size_t k = 0; k < COUNT(names); k++) {
        error err = {0};
        put(in_top(names[k]), "old");
        const int64_t size = file_size(in_top(names[k]));
        setrlimit(RLIMIT_FSIZE, &small);
        const bool ok = file_write(in_top(names[k]), noise, sizeof noise, &err);
        setrlimit(RLIMIT_FSIZE, &before);
        assert_false(ok);
        assert_non_null(strstr(err.text, "File too large"));
        assert_non_null(strstr(err.text, names[k]));
        assert_int_equal(file_size(in_top(names[k])), size);
        assert_false(file_exists(arena_print(&paths, "%s/%s.partial", top, names[k])));
    }
    signal(SIGXFSZ, old);
    error err = {0};
    assert_false(file_write("/dev/full", "x", 1, &err));
    assert_non_null(strstr(err.text, "No space left"));
}

static void devices_links_and_folders_are_met_as_they_are(void **state) {
    error err = {0};
    assert_true(file_write("/dev/null", "x", 1, &err));
    assert_false(file_exists("/dev/null.partial"));
    assert_false(file_write(top, "x", 1, &err));
    assert_non_null(strstr(err.text, "is a folder"));
    error_clear(&err);
    assert_false(file_write(in_top("none/such/file"), "x", 1, &err));
    assert_non_null(strstr(err.text, "No such file"));
    put(in_top("target"), "old");
    assert_int_equal(symlink("target", in_top("link")), 0);
    put(in_top("link"), "new");
    assert_holds(in_top("target"), "new", 3);
    struct stat st;
    assert_true(lstat(in_top("link"), &st) == 0 && S_ISLNK(st.st_mode));
}

static void a_folder_appears_whole_and_replaces_the_old_one(void **state) {
    error err = {0};
    const char *path = in_top("deep/folder/");
    for (int round = 0; round < 2; round++) {
        char *partial = folder_begin(&paths, path, &err);
        if (partial == NULL) fail_msg("%s", err.text);
        put(path_join(&paths, partial, round == 0 ? "first" : "second"), "x");
        assert_true(folder_make(path_join(&paths, partial, "inner/most"), &err));
        assert_int_equal(file_exists(path), round == 1);
        if (!folder_commit(path, &err)) fail_msg("%s", err.text);
        assert_false(file_exists(partial));
    }
    size_t n;
    char **names = folder_list(&paths, path, &n, &err);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "inner");
    assert_string_equal(names[1], "second");
    char *partial = folder_begin(&paths, path, &err);
    put(path_join(&paths, partial, "third"), "x");
    folder_abort(path);
    assert_false(file_exists(partial));
    assert_true(file_exists(in_top("deep/folder/second")));
}

static void folders_refuse_names_that_cannot_be_whole(void **state) {
    static const char *const bad[] = {"", "/", ".", "..", "a/..", "//"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        error err = {0};
        assert_null(folder_begin(&paths, bad[i], &err));
        assert_true(err.text[0] != 0);
    }
    error err = {0};
    put(in_top("a_file"), "x");
    assert_null(folder_begin(&paths, in_top("a_file"), &err));
    assert_non_null(strstr(err.text, "is a file"));
    error_clear(&err);
    assert_null(folder_begin(&paths, in_top("a_file/inner"), &err));
    assert_non_null(strstr(err.text, "a_file"));
}

static void removing_does_not_follow_links(void **state) {
    error err = {0};
    assert_true(folder_make(in_top("outside"), &err));
    put(in_top("outside/precious"), "x");
    assert_true(folder_make(in_top("gone/a/b"), &err));
    assert_int_equal(symlink("../outside", in_top("gone/link")), 0);
    assert_true(folder_remove(in_top("gone"), &err));
    assert_false(file_exists(in_top("gone")));
    assert_true(file_exists(in_top("outside/precious")));
    assert_true(folder_remove(in_top("gone"), &err)); /* an absent one is fine */
    size_t n;
    assert_null(folder_list(&paths, in_top("gone"), &n, &err));
    assert_non_null(strstr(err.text, "gone: No such file"));
}

static void paths_join_and_part(void **state) {
    assert_string_equal(path_join(&paths, "a", "b"), "a/b");
    assert_string_equal(path_join(&paths, "a/", "b"), "a/b");
    assert_string_equal(path_join(&paths, "", "b"), "b");
    assert_string_equal(path_join(&paths, "a", "/b"), "/b");
    assert_string_equal(path_name("a/b/c"), "c");
    assert_string_equal(path_name("c"), "c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_back_as_written),
        cmocka_unit_test(limits_hold_also_where_no_size_is_told),
        cmocka_unit_test(what_cannot_be_read_is_named_with_the_reason),
        cmocka_unit_test(a_map_of_an_empty_file_is_valid),
        cmocka_unit_test(lines_come_out_whole_from_plain_gzip_and_zstd),
        cmocka_unit_test(blocks_and_lines_mix),
        cmocka_unit_test(a_line_over_the_limit_is_an_error),
        cmocka_unit_test(several_gzip_members_and_zstd_frames_are_one_text),
        cmocka_unit_test(cut_and_damaged_archives_are_errors),
        cmocka_unit_test(an_aborted_file_leaves_what_was_there),
        cmocka_unit_test(a_full_disk_is_an_error_and_nothing_is_lost),
        cmocka_unit_test(devices_links_and_folders_are_met_as_they_are),
        cmocka_unit_test(a_folder_appears_whole_and_replaces_the_old_one),
        cmocka_unit_test(folders_refuse_names_that_cannot_be_whole),
        cmocka_unit_test(removing_does_not_follow_links),
        cmocka_unit_test(paths_join_and_part),
    };
    return cmocka_run_group_tests_name("base/file", tests, setup, teardown);
}
