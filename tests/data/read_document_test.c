#include "base/file.h"
#include "data/document.h"
#include "data/read_source.h"
#include "data/read_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_document_is_written_as_it_was_read(void **state) {
    static const char *const lines[] = {
        "{\"id\":\"a\",\"text\":\"one\\ntwo \\u00e9\",\"source\":\"s\",\"metadata\":{\"n\":1.5,\"deep\":{\"a\":[1,null]}}}",
        "{\"id\":\"7\",\"text\":\"\",\"url\":\"http://x\",\"extra\":[true]}",
        "{\"id\":\"h\",\"html\":\"<p>\"}",
    };
    static const char *const written[] = {
        "{\"id\": \"a\", \"text\": \"one\\ntwo \xc3\xa9\", \"source\": \"s\", \"metadata\": {\"n\": 1.5, \"deep\": {\"a\": [1, null]}}}\n",
        "{\"id\": \"7\", \"text\": \"\", \"url\": \"http://x\", \"extra\": [true]}\n",
        "{\"id\": \"h\", \"html\": \"<p>\"}\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        arena owner = {0};
        document d;
        error err = {0};
        string out = {0};
        if (!document_parse(&d, &owner, lines[i], strlen(lines[i]), NULL, &err)) fail_msg("%s", err.text);
        document_write(&d, &out);
        assert_string_equal(string_chars(&out), written[i]);
        string_drop(&out);
        arena_drop(&owner);
    }
}

static void what_is_no_document_is_refused_with_a_reason(void **state) {
    static const char *const cases[][2] = {
        {"[1]", "array"},
        {"{\"id\":\"a\"}", "`text`"},
        {"{\"id\":\"a\",\"text\":7}", "`text` is number"},
        {"{\"text\":\"no id\"}", "`id`"},
        {"{\"id\":[],\"text\":\"x\"}", "`id`"},
        {"{", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena owner = {0};
        document d;
        error err = {0};
        assert_false(document_parse(&d, &owner, cases[i][0], strlen(cases[i][0]), NULL, &err));
        if (err.text[0] == 0 || strstr(err.text, cases[i][1]) == NULL) fail_msg("case %zu: '%s'", i, err.text);
        arena_drop(&owner);
    }
}

static void metadata_is_set_once_for_a_key(void **state) {
    arena owner = {0};
    document d = {.id = "x", .text = "t", .n = 1};
    string out = {0};
    assert_true(document_set_text(&d, &owner, "a", "one"));
    assert_true(document_set_number(&d, &owner, "b", 0.25));
    assert_true(document_set_integer(&d, &owner, "a", 2));
    assert_true(document_set_text(&d, &owner, "c", "q\"\n"));
    assert_null(document_get_text(&d, &owner, "a"));
    assert_string_equal(document_get_text(&d, &owner, "c"), "q\"\n");
    document_write(&d, &out);
    assert_string_equal(string_chars(&out), "{\"id\": \"x\", \"text\": \"t\", \"metadata\": {\"a\": 2, \"b\": 0.25, \"c\": \"q\\\"\\n\"}}\n");
    string_drop(&out);
    arena_drop(&owner);
}

/* Some readers of lines end them at U+0085, U+2028 and U+2029 too. */
static void a_line_holds_no_other_line_ends(void **state) {
    const char text[] = "a\xc2\x85"
                        "b\xe2\x80\xa8"
                        "c\xe2\x80\xa9\xc3\xa9";
    document d = {.id = "x", .text = text, .n = sizeof text - 1};
    string out = {0};
    document_write(&d, &out);
    assert_string_equal(string_chars(&out), "{\"id\": \"x\", \"text\": \"a\\u0085b\\u2028c\\u2029\xc3\xa9\"}\n");
    string_drop(&out);
}

static void text_of_any_encoding_becomes_utf8(void **state) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } cases[] = {
        {"plain\r\nlines\rhere\n", 19, "plain\nlines\nhere\n"},
        {"\xef\xbb\xbfx", 4, "x"},
        {"caf\xe9 \x93q\x94", 8, "caf\xc3\xa9 \xe2\x80\x9cq\xe2\x80\x9d"},
        {"\xff\xfe"
         "a\0\xe9\0",
         6, "a\xc3\xa9"},
        {"\xfe\xff\0a\xd8\x3d\xde\x00", 8, "a\xf0\x9f\x98\x80"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena owner = {0};
        size_t n;
        assert_string_equal(text_to_utf8(&owner, cases[i].bytes, cases[i].n, &n), cases[i].text);
        arena_drop(&owner);
    }
}

static void put(const char *folder, const char *name, const char *bytes) {
    arena a = {0};
    error err = {0};
    const char *path = path_join(&a, folder, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    assert_true(folder_make(path, &err));
    *slash = '/';
    if (!file_write(path, bytes, strlen(bytes), &err)) fail_msg("%s", err.text);
    arena_drop(&a);
}

static void a_folder_gives_its_documents_in_order_by_content(void **state) {
    char folder[] = "/tmp/socle-read-test-XXXXXX";
    error err = {0};
    arena owner = {0};
    assert_non_null(mkdtemp(folder));
    put(folder, "b/page.html", "<html><body><p>html</p></body></html>");
    put(folder, "b/noname", "<!doctype html><title>t</title><p>told by content</p>");
    put(folder, "man1/a.1", ".TH A 1\n.SH NAME\na \\- an a\n");
    put(folder, "man1/link.1", ".so man1/a.1\n");
    put(folder, "man1/up.1", ".so ../../etc/passwd\n");
    put(folder, "c.txt", "plain");
    put(folder, "d.jsonl", "{\"id\":\"one\",\"text\":\"1\"}\n\n{\"text\":\"2\"}\nno json\n");
    put(folder, "e.png", "not a document");
    put(folder, "zbroken", "\x1f\x8b\x08 broken");
    assert_int_equal(mkfifo(path_join(&owner, folder, "pipe.txt"), 0600), 0); /* nobody writes to it: passed over */
    static const char *const want[][2] = {{"S:b/noname", "told by content\n"},
                                          {"S:b/page.html", "html\n"},
                                          {"S:c.txt", "plain"},
                                          {"one", "1"},
                                          {"S:d.jsonl#3", "2"},
                                          {"S:d.jsonl#4", NULL},
                                          {"S:man1/a.1", "NAME\na - an a\n"},
                                          {"S:man1/link.1", "NAME\na - an a\n"},
                                          {"S:man1/up.1", ""},
                                          {"S:zbroken", NULL}};
    const char *paths[] = {folder};
    const source from = {.name = "S", .path = paths, .n_path = 1};
    source_stream *s = source_stream_open(&from, 1, &err);
    assert_non_null(s);
    raw_item item;
    const char *failure;
    size_t n = 0;
    for (; source_stream_next(s, &owner, &item, &failure); n++) {
        document d;
        error_clear(&err);
        assert_true(n < COUNT(want));
        const bool ok = failure == NULL && raw_item_read(&item, "S", &owner, &d, &err);
        if (ok != (want[n][1] != NULL)) fail_msg("%s: %s", item.id, ok ? d.text : failure != NULL ? failure : err.text);
        assert_string_equal(ok ? d.id : item.id, want[n][0]);
        if (ok) assert_string_equal(d.text, want[n][1]);
        else assert_true(failure != NULL || err.text[0] != 0);
        if (strcmp(item.id, "S:man1/a.1") == 0) {
            assert_string_equal(document_get_text(&d, &owner, "name"), "a");
            assert_string_equal(document_get_text(&d, &owner, "description"), "an a");
            assert_string_equal(document_get_text(&d, &owner, "section"), "1");
        }
    }
    assert_int_equal(n, COUNT(want));
    source_stream_close(s);
    arena_drop(&owner);
    assert_true(folder_remove(folder, &err));
}

/* The first document of the source. */
static void assert_first(const char *path, const char *want) {
    arena owner = {0};
    error err = {0};
    raw_item item;
    document d;
    const char *failure, *paths[] = {path};
    const source from = {.path = paths, .n_path = 1};
    source_stream *s = source_stream_open(&from, 1, &err);
    assert_non_null(s);
    assert_true(source_stream_next(s, &owner, &item, &failure));
    if (!raw_item_read(&item, NULL, &owner, &d, &err)) fail_msg("%s: %s", path, err.text);
    if (strcmp(d.text, want) != 0) fail_msg("%s gives '%s', not '%s'", path, d.text, want);
    source_stream_close(s);
    arena_drop(&owner);
}

static void an_include_stays_in_the_folder_that_was_given(void **state) {
    char folder[] = "/tmp/socle-read-test-XXXXXX";
    arena owner = {0};
    error err = {0};
    assert_non_null(mkdtemp(folder));
    put(folder, "secret", "secret\n");
    put(folder, "man/man3/far.3", "far\n");
    put(folder, "man/man1/a.1", ".so man3/far.3\n");
    put(folder, "man/man2/a.2", ".so link\n");
    put(folder, "books/a.1", ".so secret\n");
    put(folder, "books/near/a.1", ".so beside\n");
    put(folder, "books/near/beside", "beside\n");
    assert_int_equal(symlink("../../secret", path_join(&owner, folder, "man/man2/link")), 0);
    assert_first(path_join(&owner, folder, "man/man1/a.1"), "far\n"); /* alone: of its tree of pages */
    assert_first(path_join(&owner, folder, "man"), "far\n");
    assert_first(path_join(&owner, folder, "man/man1"), "");
    assert_first(path_join(&owner, folder, "man/man2/a.2"), ""); /* a link that leaves the tree */
    assert_first(path_join(&owner, folder, "man/man2"), "");
    assert_first(path_join(&owner, folder, "books/a.1"), "");
    assert_first(path_join(&owner, folder, "books"), "");
    assert_first(path_join(&owner, folder, "books/near/a.1"), "beside\n");
    arena_drop(&owner);
    assert_true(folder_remove(folder, &err));
}

/* A search through the keys before each would take minutes. */
static void a_line_of_very_many_keys_is_read_and_the_last_of_two_equal_ones_stays(void **state) {
    enum { KEYS = 200000 };
    arena owner = {0};
    document d;
    error err = {0};
    string s = {0};
    string_text(&s, "{\"id\":\"a\",\"text\":\"t\",\"metadata\":{");
    for (int i = 0; i < KEYS; i++) string_print(&s, "\"a rather long name of a key, the same for all but its number: %d\":%d,", i, i);
    string_text(&s, "\"a rather long name of a key, the same for all but its number: 100\":\"twice\"}}");
    if (!document_parse(&d, &owner, s.data, s.length, NULL, &err)) fail_msg("%s", err.text);
    assert_int_equal(d.metadata.n, KEYS);
    assert_string_equal(document_get_text(&d, &owner, "a rather long name of a key, the same for all but its number: 100"), "twice");
    string_drop(&s);
    arena_drop(&owner);
}

static void a_missing_path_is_an_error_that_names_it(void **state) {
    error err = {0};
    const char *paths[] = {"/nowhere/at/all"};
    const source from = {.path = paths, .n_path = 1};
    assert_null(source_stream_open(&from, 1, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_as_it_was_read),
        cmocka_unit_test(what_is_no_document_is_refused_with_a_reason),
        cmocka_unit_test(metadata_is_set_once_for_a_key),
        cmocka_unit_test(a_line_holds_no_other_line_ends),
        cmocka_unit_test(text_of_any_encoding_becomes_utf8),
        cmocka_unit_test(a_folder_gives_its_documents_in_order_by_content),
        cmocka_unit_test(an_include_stays_in_the_folder_that_was_given),
        cmocka_unit_test(a_line_of_very_many_keys_is_read_and_the_last_of_two_equal_ones_stays),
        cmocka_unit_test(a_missing_path_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
