#include "base/file.h"
#include "base/json.h"
#include "data/pack_files.h"
#include "data/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct room { /* a folder of its own for each test */
    arena a;
    char folder[64];
} room;

static int make_room(void **state) {
    room *r = calloc(1, sizeof *r);
    strcpy(r->folder, "/tmp/socle-packed-test-XXXXXX");
    *state = r;
    return mkdtemp(r->folder) == NULL;
}

static int leave_room(void **state) {
    room *r = *state;
    folder_remove(r->folder, NULL);
    arena_drop(&r->a);
    free(r);
    return 0;
}

static const char *in(room *r, const char *name) {
    return path_join(&r->a, r->folder, name);
}

static packed *write_and_open(room *r, int32_t vocab_size, const int32_t *const *documents, const size_t *n, size_t n_document) {
    error err = {0};
    packed_writer *w = packed_writer_open(in(r, "t"), vocab_size, &err);
    assert_non_null(w);
    for (size_t i = 0; i < n_document; i++) assert_true(packed_writer_add(w, documents[i], n[i], &err));
    assert_true(packed_writer_commit(w, digest_of("tok", 3), 7, &err));
    packed *p = packed_open(&r->a, in(r, "t"), &err);
    if (p == NULL) fail_msg("%s", err.text);
    return p;
}

static void what_is_written_is_read(void **state) {
    room *r = *state;
    static const int32_t a[] = {5, 65535, 0}, b[] = {1}, c[] = {2, 3, 4, 65534};
    static const int32_t *const documents[] = {a, b, c};
    static const size_t n[] = {3, 1, 4};
    static const int32_t vocab[] = {65536, 65535};
    for (int k = 0; k < 2; k++) {
        int32_t wide[8], ids[8] = {5, 65535, 0, 1, 2, 3, 4, 65534};
        memcpy(wide, a, sizeof a);
        if (k == 1) wide[1] = ids[1] = 65534;
        const int32_t *const given[] = {wide, b, c};
        packed *p = write_and_open(r, vocab[k], k == 1 ? given : documents, n, 3);
        assert_int_equal(file_size(in(r, "t.bin")), k == 0 ? 32 : 16);
        assert_int_equal(packed_tokens(p), 8);
        assert_int_equal(packed_documents(p), 3);
        int32_t got[8];
        packed_read(p, 0, 8, got);
        assert_memory_equal(got, ids, sizeof ids);
        packed_read(p, 4, 3, got);
        assert_memory_equal(got, ids + 4, 3 * sizeof *ids);
        static const int64_t ends[] = {3, 3, 3, 4, 8, 8, 8, 8};
        for (int64_t at = 0; at < 8; at++) assert_int_equal(packed_document_end(p, at), ends[at]);
        digest d;
        int32_t size;
        assert_true(packed_tokenizer(p, &d, &size));
        assert_true(digest_equal(d, digest_of("tok", 3)));
        assert_int_equal(size, vocab[k]);
        packed_close(p);
    }
}

static void ids_outside_the_vocabulary_are_refused(void **state) {
    room *r = *state;
    error err = {0};
    packed_writer *w = packed_writer_open(in(r, "t"), 100, &err);
    assert_false(packed_writer_add(w, (const int32_t[]){100}, 1, &err));
    assert_string_equal(err.text, "id 100 is outside the vocabulary of 100");
    packed_writer_abort(w);
    assert_false(file_exists(in(r, "t.bin")) || file_exists(in(r, "t.bin.partial")) || file_exists(in(r, "t.idx")));
}

static void files_of_others_are_read(void **state) {
    room *r = *state;
    const char *data = getenv("SOCLE_DATA") != NULL ? getenv("SOCLE_DATA") : "../shared/data";
    static const char *const names[] = {"gpt2", "llama"};
    static const int64_t tokens[] = {15361, 17281};
    for (size_t k = 0; k < COUNT(names); k++) {
        const char *prefix = arena_print(&r->a, "%s/training/%s/tokens", data, names[k]);
        if (!file_exists(arena_print(&r->a, "%s.idx", prefix))) skip();
        error err = {0};
        packed *p = packed_open(&r->a, prefix, &err);
        if (p == NULL) fail_msg("%s", err.text);
        digest d;
        int32_t size, first;
        assert_int_equal(packed_tokens(p), tokens[k]);
        assert_int_equal(packed_documents(p), 1);
        assert_false(packed_tokenizer(p, &d, &size));
        packed_read(p, tokens[k] - 1, 1, &first);
        assert_int_equal(packed_document_end(p, 0), tokens[k]);
        packed_close(p);
    }
}

/* Without file_write's fsync, which would take most of the time of a test that writes a thousand times. */
static void write_quickly(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* An .idx made by hand. */
static void put(string *s, int64_t x, size_t n) {
    string_append(s, &x, n);
}

static void every_type_of_ids_is_read(void **state) {
    room *r = *state;
    static const struct {
        int type;
        size_t width;
    } types[] = {{1, 1}, {2, 1}, {3, 2}, {4, 4}, {5, 8}, {8, 2}};
    for (size_t k = 0; k < COUNT(types); k++) {
        error err = {0};
        string bin = {0}, idx = {0};
        static const int64_t ids[] = {3, 100, 0, 7};
        for (size_t i = 0; i < 4; i++) put(&bin, ids[i], types[k].width);
        string_append(&idx, "MMIDIDX\0\0", 9);
        put(&idx, 1, 8), put(&idx, types[k].type, 1), put(&idx, 3, 8), put(&idx, 3, 8); /* three sequences, two documents */
        put(&idx, 1, 4), put(&idx, 2, 4), put(&idx, 1, 4);
        put(&idx, 0, 8), put(&idx, (int64_t)types[k].width, 8), put(&idx, 3 * (int64_t)types[k].width, 8);
        put(&idx, 0, 8), put(&idx, 2, 8), put(&idx, 3, 8);
        assert_true(file_write(in(r, "o.bin"), bin.data, bin.length, &err) && file_write(in(r, "o.idx"), idx.data, idx.length, &err));
        packed *p = packed_open(&r->a, in(r, "o.idx"), &err);
        if (p == NULL) fail_msg("%s", err.text);
        int32_t got[4];
        packed_read(p, 0, 4, got);
        for (size_t i = 0; i < 4; i++) assert_int_equal(got[i], ids[i]);
        assert_int_equal(packed_document_end(p, 2), 3);
        assert_int_equal(packed_document_end(p, 3), 4);
        packed_close(p);
        string_drop(&bin);
        string_drop(&idx);
    }
}

static void a_damaged_index_is_an_error_that_names_it(void **state) {
    room *r = *state;
    error err = {0};
    size_t n;
    static const int32_t a[] = {1, 2, 3}, b[] = {4};
    static const int32_t *const documents[] = {a, b};
    packed_close(write_and_open(r, 100, documents, (const size_t[]){3, 1}, 2));
    const char *idx = file_read(&r->a, in(r, "t.idx"), 0, &n, &err);
    for (size_t cut = 0; cut < n; cut++) {
        write_quickly(in(r, "t.idx"), idx, cut);
        assert_null(packed_open(&r->a, in(r, "t"), &err));
        assert_non_null(strstr(err.text, "t.idx"));
        err = (error){0};
    }
    size_t refused = 0;
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            char *bad = arena_copy_bytes(&r->a, idx, n);
            bad[at] ^= (char)(1 << bit);
            write_quickly(in(r, "t.idx"), bad, n);
            packed *p = packed_open(&r->a, in(r, "t"), &err);
            if (p == NULL) refused++;
            else { /* another type of the same width: then it still reads within the file */ int32_t ids[4];
                packed_read(p, 0, packed_tokens(p), ids);
                for (int64_t i = 0; i < packed_tokens(p); i++) assert_in_range(packed_document_end(p, i), 1, packed_tokens(p));
                packed_close(p);
            }
            err = (error){0};
        }
    assert_true(refused > n * 8 - 12);
    write_quickly(in(r, "t.idx"), idx, n);
    write_quickly(in(r, "t.bin"), "12", 2); /* a .bin that was cut */
    assert_null(packed_open(&r->a, in(r, "t"), &err));
    assert_non_null(strstr(err.text, "the .bin has 2 bytes"));
}

static void a_full_disk_leaves_nothing(void **state) {
    room *r = *state;
    error err = {0};
    struct rlimit before, small = {4096, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    packed_writer *w = packed_writer_open(in(r, "t"), 70000, &err);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const int32_t ids[5000] = {0};
    bool ok = true;
    for (int i = 0; ok && i < 300; i++) ok = packed_writer_add(w, ids, 5000, &err);
    if (ok) ok = packed_writer_commit(w, digest_of("", 0), 0, &err);
    else packed_writer_abort(w);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_non_null(strstr(err.text, "t.bin"));
    size_t n;
    assert_non_null(folder_list(&r->a, r->folder, &n, &err));
    assert_int_equal(n, 0);
}

/* The new .bin and .json still find room, the new .idx does not. */
static void a_full_disk_leaves_an_older_file_as_it_was(void **state) {
    room *r = *state;
    error err = {0};
    static const int32_t old[] = {7, 8, 9}, *const documents[] = {old};
    static const size_t length[] = {3};
    packed_close(write_and_open(r, 70000, documents, length, 1));
    struct rlimit before, small = {4096, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    packed_writer *w = packed_writer_open(in(r, "t"), 70000, &err);
    for (int i = 0; i < 1000; i++) assert_true(packed_writer_add(w, old, 1, &err));
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool ok = packed_writer_commit(w, digest_of("", 0), 0, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_non_null(strstr(err.text, "t.idx"));
    size_t n;
    int32_t ids[3];
    assert_non_null(folder_list(&r->a, r->folder, &n, &err));
    assert_int_equal(n, 3);
    packed *p = packed_open(&r->a, in(r, "t"), &err);
    assert_non_null(p);
    assert_int_equal(packed_tokens(p), 3);
    packed_read(p, 0, 3, ids);
    assert_memory_equal(ids, old, sizeof ids);
    packed_close(p);
}

/* --- documents to token files ---------------------------------------------------------------------------------------------- */
static const char tokenizer_json[] =
    "{\"added_tokens\": [{\"id\": 3, \"content\": \"</s>\", \"special\": true}], \"model\": {\"type\": \"BPE\", \"unk_token\": \"?\", \"fuse_unk\": true, "
    "\"vocab\": {\"?\": 0, \"a\": 1, \"b\": 2, \"ab\": 4}, \"merges\": [\"a b\"]}}";

static bool pack(room *r, char **paths, size_t n, pack_report *did, error *err) {
    tokenizer *t = tokenizer_parse(&r->a, tokenizer_json, sizeof tokenizer_json - 1, NULL, 0, err);
    assert_non_null(t);
    return pack_files(&(pack_options){.tokenizer = t, .eos = -1, .paths = paths, .n_path = n, .prefix = in(r, "new/p")}, did, err);
}

static void documents_come_out_in_order_each_with_its_end(void **state) {
    room *r = *state;
    error err = {0};
    string lines = {0};
    for (int i = 0; i < 2000; i++)
        string_print(&lines, "{\"id\": %d, \"text\": \"%.*s\"}\n%s", i, 1 + i % 50, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                     i % 7 == 0 ? "\n" : "");
    const char *text = "ab\nx a";
    assert_true(file_write(in(r, "d.jsonl.gz"), lines.data, lines.length, &err));
    assert_true(file_write(in(r, "plain"), text, strlen(text), &err));
    assert_true(file_write(in(r, "told.zst"), "{\"text\": \"b\"}\n{\"text\": \"\"}", 26, &err)); /* JSON lines by their content; the last one is empty */
    char *paths[] = {(char *)in(r, "plain"), (char *)in(r, "d.jsonl.gz"), (char *)in(r, "told.zst")};
    pack_report did;
    if (!pack(r, paths, 3, &did, &err)) fail_msg("%s", err.text);
    assert_int_equal(did.documents, 2002);
    assert_int_equal(did.empty, 1);
    assert_int_equal(did.skipped, 0);
    packed *p = packed_open(&r->a, in(r, "new/p"), &err);
    assert_non_null(p);
    assert_int_equal(packed_documents(p), 2002);
    static const int32_t want[] = {4, 0, 1, 3, 1, 3, 1, 1, 3, 1, 1, 1, 3};
    int32_t got[COUNT(want)];
    packed_read(p, 0, COUNT(want), got);
    assert_memory_equal(got, want, sizeof want);
    int64_t at = packed_document_end(p, 0);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(packed_document_end(p, at) - at, 1 + i % 50 + 1);
        at = packed_document_end(p, at);
    }
    packed_read(p, packed_tokens(p) - 2, 2, got);
    assert_int_equal(got[0], 2);
    assert_int_equal(got[1], 3);
    packed_close(p);
    string_drop(&lines);
}

static void a_bad_line_is_skipped_and_counted(void **state) {
    room *r = *state;
    error err = {0};
    static const char lines[] = "{\"text\": \"a\"}\n{\"text\": \n{\"other\": 1}\n{\"text\": 5}\n{\"text\": \"b\"}";
    assert_true(file_write(in(r, "x.jsonl"), lines, sizeof lines - 1, &err));
    char *paths[] = {(char *)in(r, "x.jsonl")};
    pack_report did;
    assert_true(pack(r, paths, 1, &did, &err));
    assert_int_equal(did.documents, 2);
    assert_int_equal(did.skipped, 3);
}

static void nothing_is_written_where_nothing_can_be(void **state) {
    room *r = *state;
    error err = {0};
    pack_report did;
    char *missing[] = {(char *)in(r, "none.jsonl")};
    assert_false(pack(r, missing, 1, &did, &err));
    assert_non_null(strstr(err.text, "none.jsonl: there is no such file"));
    err = (error){0};
    assert_true(file_write(in(r, "e.jsonl"), "nonsense\n", 9, &err));
    char *empty[] = {(char *)in(r, "e.jsonl")};
    assert_false(pack(r, empty, 1, &did, &err));
    assert_non_null(strstr(err.text, "no document with text"));
    assert_false(file_exists(in(r, "new/p.bin")) || file_exists(in(r, "new/p.idx")) || file_exists(in(r, "new/p.json")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_room, leave_room)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(ids_outside_the_vocabulary_are_refused),
        TEST(files_of_others_are_read),
        TEST(every_type_of_ids_is_read),
        TEST(a_damaged_index_is_an_error_that_names_it),
        TEST(a_full_disk_leaves_nothing),
        TEST(a_full_disk_leaves_an_older_file_as_it_was),
        TEST(documents_come_out_in_order_each_with_its_end),
        TEST(a_bad_line_is_skipped_and_counted),
        TEST(nothing_is_written_where_nothing_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
