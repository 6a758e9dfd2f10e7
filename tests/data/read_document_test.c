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
    arena owner = {0};
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

static void a_missing_path_is_an_error_that_names_it(void **state) {
    error err = {0};
    const char *paths[] = {"/nowhere/at/all"};
    const source from = {.path = paths, .n_path = 1};
    assert_null(source_stream_open(&from, 1, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_as_it_was_read),     cmocka_unit_test(what_is_no_document_is_refused_with_a_reason),
        cmocka_unit_test(metadata_is_set_once_for_a_key),           cmocka_unit_test(a_line_holds_no_other_line_ends),
        cmocka_unit_test(text_of_any_encoding_becomes_utf8),        cmocka_unit_test(a_folder_gives_its_documents_in_order_by_content),
        cmocka_unit_test(a_missing_path_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
