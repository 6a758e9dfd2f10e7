#include "base/file.h"
#include "base/parallel.h"
#include "curate/curate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static char folder[] = "/tmp/socle-curate-test-XXXXXX";
static arena owner;

static const char *in_folder(const char *name) {
    return path_join(&owner, folder, name);
}

static void put(const char *name, const char *bytes) {
    error err = {0};
    char *path = arena_copy(&owner, in_folder(name)), *slash = strrchr(path, '/');
    *slash = 0;
    assert_true(folder_make(path, &err));
    *slash = '/';
    if (!file_write(path, bytes, strlen(bytes), &err)) fail_msg("%s", err.text);
}

/* All lines of a file; NULL: it is not there. */
static char *lines_of_file(const char *name) {
    error err = {0};
    const char *line;
    size_t n;
    string s = {0};
    file_reader *r = file_reader_open(in_folder(name), &err);
    if (r == NULL) return NULL;
    while (file_reader_line(r, 1 << 20, &line, &n, &err)) {
        string_append(&s, line, n);
        string_char(&s, '\n');
    }
    file_reader_close(r);
    char *copy = arena_copy(&owner, string_chars(&s));
    string_drop(&s);
    return copy;
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *p = text; p != NULL && (p = strstr(p, what)) != NULL; p += strlen(what)) n++;
    return n;
}

static const char *const english = "The pages of this small book are about the sea and the ships that sail on it, and of the people that live by it. "
                                   "They have seen storms and calm days, and they tell what they know to those that ask.";

static int make_sources(void **state) {
    string s = {0};
    if (mkdtemp(folder) == NULL) return -1;
    put("src/a/page.html", arena_print(&owner, "<html><head><title>The sea</title></head><body><nav>Home | Next</nav><p>%s</p></body></html>", english));
    put("src/a/twin.html", arena_print(&owner, "<html><body><p>%s</p></body></html>", english));
    put("src/a/french.txt", "Les pages de ce petit livre parlent de la mer et des navires qui la parcourent, et des gens qui en vivent. "
                            "Ils ont vu des temp\xc3\xaates et des jours calmes, et ils racontent ce qu'ils savent.\n");
    put("src/a/bad.txt", "\x1f\x8b\x08 broken");
    put("src/man/man1/row.1", ".TH ROW 1\n.SH NAME\nrow \\- move a boat with oars\n.SH DESCRIPTION\n.B row\n"
                              "moves the boat that you have named with the oars of it, and it tells when the water ends.\n");
    put("src/man/man3/sail.3",
        ".TH SAIL 3\n.SH NAME\nsail \\- set the sails\n.SH DESCRIPTION\nSets the sails of the ship that you have named, and gives the number of them back.\n");
    for (int i = 0; i < 300; i++)
        if (i % 3 == 0) string_print(&s, "{\"id\": \"line-%d\", \"text\": \"The tale that is too short (%d).\"}\n", i, i);
        else string_print(&s, "{\"id\": \"line-%d\", \"text\": \"A story of the sea and %d %d %d of the tales that have %d\"}\n", i, i, i * 7, i * 13, i * 17);
    put("src/more.jsonl", s.data);
    string_drop(&s);
    return 0;
}

static int remove_sources(void **state) {
    error err = {0};
    folder_remove(folder, &err);
    arena_drop(&owner);
    return 0;
}

static const char recipe_text[] = "sources:\n"
                                  "  - {name: book, path: SRC/a}\n"
                                  "  - {name: man, path: [SRC/man/man1, SRC/man/man3]}\n"
                                  "  - {name: lines, path: SRC/more.jsonl}\n"
                                  "stages:\n"
                                  "  - language: {keep: [en]}\n"
                                  "  - gopher-quality: {min_words: 8, min_alphabetic: 0.4, min_mean_length: 1}\n"
                                  "  - dedup: {near: false}\n"
                                  "compress: none\n"
                                  "split: {valid: 0.2}\n"
                                  "pairs: {languages: [en], valid: 0.0}\n";

static bool curate(const char *text, const char *out, curate_result *did, error *err) {
    string s = {0};
    for (const char *p = text; *p != 0;) { /* SRC is the folder of the sources */
        if (strncmp(p, "SRC", 3) == 0) string_text(&s, in_folder("src")), p += 3;
        else string_char(&s, *p++);
    }
    put("recipe.yaml", s.data);
    string_drop(&s);
    curate_recipe r;
    return recipe_read(&owner, in_folder("recipe.yaml"), NULL, 0, &r, err) && curate_run(&owner, &r, in_folder(out), 1, NULL, did, err);
}

static void every_document_is_in_a_shard_or_dropped_with_its_reason(void **state) {
    error err = {0};
    curate_result did;
    if (!curate(recipe_text, "out", &did, &err)) fail_msg("%s", err.text);
    const char *train = lines_of_file("out/documents-0000.jsonl"), *valid = lines_of_file("out/valid-0000.jsonl"),
               *dropped = lines_of_file("out/dropped.jsonl");
    assert_int_equal(did.documents_in, 306);
    assert_int_equal(did.unreadable, 1);
    assert_int_equal(count(train, "\n") + count(valid, "\n"), did.documents_out);
    assert_int_equal(count(train, "\n") + count(valid, "\n") + count(dropped, "\n"), 306);
    assert_int_equal(count(valid, "\n"), did.valid);
    assert_true(did.valid > 20 && did.valid < 90);
    assert_int_equal(count(dropped, "\"rule\": \"unreadable\""), 1);
    assert_int_equal(count(dropped, "\"rule\": \"exact_duplicate\""), 1);
    assert_int_equal(count(dropped, "\"of\": \"book:page.html\""), 1);
    assert_int_equal(count(dropped, "\"value\": \"fr\""), 1);
    assert_int_equal(count(dropped, "gopher_short_doc"), 100);
    assert_non_null(strstr(lines_of_file("out/report.json"), "\"documents_in\": 306"));
    const char *html = lines_of_file("out/report.html");
    assert_non_null(strstr(html, "<svg"));
    assert_null(strstr(html, "http")); /* self-contained */
}

static void pairs_come_from_pages_that_are_learned_from(void **state) {
    const char *train = lines_of_file("out/documents-0000.jsonl"), *pairs = lines_of_file("out/pairs/en.train.jsonl");
    assert_non_null(pairs);
    assert_int_equal(count(pairs, "\n"), 2 * (count(train, "\"man:row.1\"") + count(train, "\"man:sail.3\"")));
    if (strstr(train, "\"man:row.1\"") != NULL) {
        assert_non_null(
            strstr(pairs, "{\"role\": \"user\", \"content\": \"What does `row` do?\"}, {\"role\": \"assistant\", \"content\": \"move a boat with oars\"}"));
        assert_non_null(strstr(pairs, "\"Which command does this: move a boat with oars?\"}, {\"role\": \"assistant\", \"content\": \"`row`\"}"));
    }
}

static void threads_do_not_show_in_what_is_written(void **state) {
    static const char *const files[] = {"documents-0000.jsonl", "valid-0000.jsonl", "dropped.jsonl", "pairs/en.train.jsonl"};
    error err = {0};
    curate_result did;
    parallel_set_threads(1);
    assert_true(curate(recipe_text, "one", &did, &err));
    parallel_set_threads(4);
    assert_true(curate(recipe_text, "four", &did, &err));
    parallel_set_threads(0);
    for (size_t i = 0; i < COUNT(files); i++)
        assert_string_equal(lines_of_file(path_join(&owner, "one", files[i])), lines_of_file(path_join(&owner, "four", files[i])));
}

static void a_folder_that_is_there_is_refused(void **state) {
    error err = {0};
    curate_result did;
    assert_false(curate(recipe_text, "out", &did, &err));
    assert_non_null(strstr(err.text, "there already"));
}

static void a_recipe_that_is_off_is_an_error_with_file_and_line(void **state) {
    static const char *const cases[][2] = {
        {"stages: [dedup]\n", "sources"},
        {"sources: [{name: a, path: /nowhere/x}]\n", "/nowhere/x"},
        {"sources: [{name: a, pth: SRC/a}]\n", "path"},
        {"sources: [{path: SRC/a}]\nstages:\n  - gofer\n", "line 3"},
        {"sources: [{path: SRC/a}]\nstages:\n  - dedup: {simlarity: 1}\n", "similarity"},
        {"sources: [{path: SRC/a}]\nstages:\n  - dedup: {similarity: 7}\n", "similarity"},
        {"sources: [{path: SRC/a}]\nsplit: {valid: 2}\n", "valid"},
        {"sources: [{path: SRC/a}]\npairs: {languages: [xx]}\n", "line 2: pairs.languages: there is no wording for 'xx'"},
        {"sources: [{path: SRC/a}]\nstages:\n  - dedup\n  - language: {keep: [en, [fr]]}\n", "line 4: stage language"},
        {"sources: [{path: SRC/a, format: pdf}]\n", "pdf"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        curate_result did;
        assert_false(curate(cases[i][0], "never", &did, &err));
        if (strstr(err.text, cases[i][1]) == NULL) fail_msg("case %zu: '%s' does not speak of '%s'", i, err.text, cases[i][1]);
        assert_false(file_exists(in_folder("never")));
        assert_false(file_exists(in_folder("never.partial")));
    }
}

/* The command tells the two apart: a recipe that is off is a usage error. */
static void languages_of_pairs_are_checked_before_the_work(void **state) {
    error err = {0};
    curate_recipe r;
    put("pairs.yaml", "sources: [{path: /nowhere}]\npairs: {languages: 7}\n");
    assert_false(recipe_read(&owner, in_folder("pairs.yaml"), NULL, 0, &r, &err));
    assert_non_null(strstr(err.text, "pairs.languages is a list"));
}

static void sources_of_which_nothing_can_be_read_are_a_failure(void **state) {
    error err = {0};
    curate_result did;
    assert_false(curate("sources: [{path: SRC/a/bad.txt}]\n", "none", &did, &err));
    assert_non_null(strstr(err.text, "none of 1 documents could be read"));
    assert_false(file_exists(in_folder("none")));
    assert_false(file_exists(in_folder("none.partial")));
}

static void a_report_has_one_row_for_all_sources_beyond_the_first_hundreds(void **state) {
    error err = {0};
    curate_result did;
    string s = {0};
    for (int i = 0; i < 1000; i++) string_print(&s, "{\"id\": \"%d\", \"text\": \"t\", \"source\": \"from-%d\"}\n", i, i);
    put("many/many.jsonl", s.data);
    string_drop(&s);
    if (!curate("sources: [{path: SRC/../many/many.jsonl}]\n", "many-out", &did, &err)) fail_msg("%s", err.text);
    const char *report = lines_of_file("many-out/report.json");
    assert_int_equal(count(report, "\"source\": \"from-"), 400);
    assert_non_null(strstr(strstr(report, "(others)"), "\"documents_in\": 600"));
}

/* A file that may not grow is a full disk: nothing is left behind. */
static void a_full_disk_leaves_nothing(void **state) {
    error err = {0};
    curate_result did;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){6000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const bool ok = curate(recipe_text, "full", &did, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(ok);
    assert_true(err.text[0] != 0);
    assert_false(file_exists(in_folder("full")));
    assert_false(file_exists(in_folder("full.partial")));
}

static void a_signal_stops_it_and_leaves_nothing(void **state) {
    error err = {0};
    curate_result did;
    curate_recipe r;
    const volatile int stop = 2;
    assert_true(recipe_read(&owner, in_folder("recipe.yaml"), NULL, 0, &r, &err));
    assert_false(curate_run(&owner, &r, in_folder("stopped"), 1, &stop, &did, &err));
    assert_string_equal(err.text, "stopped");
    assert_false(file_exists(in_folder("stopped")));
}

static void shards_are_cut_at_their_size(void **state) {
    static const char text[] = "sources: [{path: SRC/more.jsonl}]\ncompress: none\nshard_mb: 0.01\n";
    error err = {0};
    curate_result did;
    if (!curate(text, "cut", &did, &err)) fail_msg("%s", err.text);
    int n = 0, lines = 0;
    for (; n < 100; n++) {
        const char *shard = lines_of_file(arena_print(&owner, "cut/documents-%04d.jsonl", n));
        if (shard == NULL) break;
        lines += count(shard, "\n");
    }
    assert_true(n > 2);
    assert_int_equal(lines, 300);
    assert_null(lines_of_file("cut/dropped.jsonl"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_is_in_a_shard_or_dropped_with_its_reason),
        cmocka_unit_test(pairs_come_from_pages_that_are_learned_from),
        cmocka_unit_test(threads_do_not_show_in_what_is_written),
        cmocka_unit_test(a_folder_that_is_there_is_refused),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_signal_stops_it_and_leaves_nothing),
        cmocka_unit_test(a_recipe_that_is_off_is_an_error_with_file_and_line),
        cmocka_unit_test(languages_of_pairs_are_checked_before_the_work),
        cmocka_unit_test(sources_of_which_nothing_can_be_read_are_a_failure),
        cmocka_unit_test(a_report_has_one_row_for_all_sources_beyond_the_first_hundreds),
        cmocka_unit_test(shards_are_cut_at_their_size),
    };
    return cmocka_run_group_tests(tests, make_sources, remove_sources);
}
