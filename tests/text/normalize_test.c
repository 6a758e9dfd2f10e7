/* text/normalize.h against Hugging Face `tokenizers` (tests/golden/text/make_normalizer_goldens.py), and what the goldens cannot hold. */
#include "base/json.h"
#include "base/random.h"
#include "text/normalize.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/text/normalizers.json"

typedef struct fixture {
    arena memory;
    const json *golden;
    string out, spare, other;
    origin_list origin;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    error err = {0};
    f->golden = json_read_file(&f->memory, GOLDEN, &err);
    *state = f;
    return f->golden == NULL;
}

static int teardown(void **state) {
    fixture *f = *state;
    string_drop(&f->out);
    string_drop(&f->spare);
    string_drop(&f->other);
    origin_list_drop(&f->origin);
    arena_drop(&f->memory);
    free(f);
    return 0;
}

static normalizer normalizer_of(fixture *f, const json *v) {
    error err = {0};
    normalizer z = {0};
    if (!normalizer_read(&z, &f->memory, v, &err)) fail_msg("%s", err.text);
    return z;
}

static normalizer parse(fixture *f, const char *text) {
    error err = {0};
    const json *v = json_parse(&f->memory, text, strlen(text), &err);
    if (v == NULL) fail_msg("%s", err.text);
    return normalizer_of(f, v);
}

static void assert_refused(fixture *f, const char *text, const char *why) {
    error err = {0};
    normalizer z = {0};
    const json *v = json_parse(&f->memory, text, strlen(text), &err);
    assert_non_null(v);
    assert_false(normalizer_read(&z, &f->memory, v, &err));
    if (strstr(err.text, why) == NULL) fail_msg("'%s' does not say '%s'", err.text, why);
}

static void assert_becomes(fixture *f, const normalizer *z, const char *text, size_t n, const char *want, size_t n_want) {
    assert_true(normalize_text(z, text, n, &f->out, &f->spare, NULL, 0));
    if (f->out.length != n_want || memcmp(string_chars(&f->out), want, n_want) != 0) fail_msg("'%s' becomes '%s', not '%s'", text, string_chars(&f->out), want);
}

/* --- goldens ------------------------------------------------------------------------------------------------------------ */
static size_t character_of(const char *text, size_t n, size_t byte) {
    size_t characters = 0;
    for (size_t at = 0; at < byte && at < n; characters++) utf8_next(text, n, &at);
    return characters;
}

static void check(fixture *f, const normalizer *z, const char *name, const json *text, const json *want) {
    enum { SHIFT = 7 };
    assert_true(normalize_text(z, text->text, text->length, &f->out, &f->spare, &f->origin, SHIFT));
    const json *made = &want->item[0], *offsets = &want->item[1];
    if (f->out.length != made->length || memcmp(string_chars(&f->out), made->text, made->length) != 0)
        fail_msg("%.80s: '%s' becomes '%s', not '%s'", name, text->text, string_chars(&f->out), made->text);
    assert_int_equal(f->origin.n, f->out.length);
    size_t i = 0;
    for (size_t at = 0; at < f->out.length; i++) {
        const size_t begin = character_of(text->text, text->length, f->origin.byte[at].begin - SHIFT);
        const size_t end = character_of(text->text, text->length, f->origin.byte[at].end - SHIFT);
        if ((int64_t)begin != offsets->item[2 * i].integer || (int64_t)end != offsets->item[2 * i + 1].integer)
            fail_msg("%.80s: '%s': character %zu comes from %zu to %zu", name, text->text, i, begin, end);
        const size_t first = at;
        utf8_next(f->out.data, f->out.length, &at);
        for (size_t k = first; k < at; k++)
            assert_true(f->origin.byte[k].begin == f->origin.byte[first].begin && f->origin.byte[k].end == f->origin.byte[first].end);
    }
    assert_int_equal(2 * i, offsets->length);
    assert_true(normalize_text(z, text->text, text->length, &f->other, &f->spare, NULL, 0)); /* the same where nobody asks where from */
    assert_int_equal(f->other.length, f->out.length);
    assert_memory_equal(string_chars(&f->other), string_chars(&f->out), f->out.length);
    if (normalizer_keeps(z, text->text, text->length))
        assert_true(f->out.length == text->length && memcmp(string_chars(&f->out), text->text, text->length) == 0);
}

static void texts_and_origins_are_those_of_the_reference(void **state) {
    fixture *f = *state;
    const json *texts = json_get(f->golden, "texts"), *rows = json_get(f->golden, "normalizers");
    assert_true(rows->length > 30);
    for (size_t i = 0; i < rows->length; i++) {
        const normalizer z = normalizer_of(f, json_get(&rows->item[i], "normalizer"));
        const json *results = json_get(&rows->item[i], "results");
        const char *name = arena_print(&f->memory, "normalizer %zu", i);
        for (size_t k = 0; k < texts->length; k++) check(f, &z, name, &texts->item[k], &results->item[k]);
    }
}

static uint32_t plane_crc(fixture *f, const normalizer *z, uint32_t plane) {
    uLong crc = crc32(0, NULL, 0);
    for (uint32_t c = plane << 16; c < (plane + 1) << 16; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        string_reset(&f->other);
        string_utf8(&f->other, c);
        normalize_text(z, f->other.data, f->other.length, &f->out, &f->spare, NULL, 0);
        string_char(&f->out, '\n');
        crc = crc32(crc, (const unsigned char *)f->out.data, (unsigned)f->out.length);
    }
    return (uint32_t)crc;
}

static void every_code_point_becomes_what_the_reference_makes_of_it(void **state) {
    fixture *f = *state;
    const json *rows = json_get(f->golden, "normalizers");
    size_t checked = 0;
    for (size_t i = 0; i < rows->length; i++) {
        const json *planes = json_get(&rows->item[i], "planes");
        if (planes == NULL) continue;
        const normalizer z = normalizer_of(f, json_get(&rows->item[i], "normalizer"));
        for (uint32_t plane = 0; plane < 17; plane++)
            if (plane_crc(f, &z, plane) != (uint32_t)planes->item[plane].integer) fail_msg("normalizer %zu: plane %u", i, plane);
        checked++;
    }
    assert_true(checked > 10);
}

/* --- what goldens cannot hold ---------------------------------------------------------------------------------------------- */

static const char *const each[] = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"};

static void invalid_bytes_stay_as_they_are(void **state) {
    fixture *f = *state;
    static const char text[] = "a\xff\xcc\x81\xe4\xb8"
                               "b\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\x80";
    for (size_t i = 0; i < COUNT(each); i++) {
        const normalizer z = parse(f, arena_print(&f->memory, "{\"type\": \"%s\"}", each[i]));
        const bool marks = strcmp(each[i], "StripAccents") == 0; /* cc 81 is U+0301 */
        if (marks)
            assert_becomes(f, &z, text, sizeof text - 1,
                           "a\xff\xe4\xb8"
                           "b\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\x80",
                           sizeof text - 3);
        else assert_becomes(f, &z, text, sizeof text - 1, text, sizeof text - 1);
    }
}

static void bytes_without_sense_do_no_harm(void **state) {
    fixture *f = *state;
    const json *rows = json_get(f->golden, "normalizers");
    static const char pieces[][5] = {"a",        "\xcc\x81", "\xcc", "\xe1\x84\x80", "\xe1\x85\xa1", "\x80", " ", "\xff",
                                     "\xf0\x9f", "\xc3\xa9", "A",    "\xe0\xbd\xb3", "\r",           "\n"};
    random_stream r = random_start(1, 1);
    for (size_t i = 0; i < rows->length; i++) {
        const normalizer z = normalizer_of(f, json_get(&rows->item[i], "normalizer"));
        for (int times = 0; times < 300; times++) {
            string_reset(&f->other);
            for (uint64_t k = random_below(&r, 12); k > 0; k--) string_text(&f->other, pieces[random_below(&r, COUNT(pieces))]);
            const char *text = string_chars(&f->other);
            const size_t n = f->other.length;
            assert_true(normalize_text(&z, text, n, &f->out, &f->spare, &f->origin, 0));
            assert_int_equal(f->origin.n, f->out.length);
            for (size_t k = 0; k < f->origin.n; k++) assert_true(f->origin.byte[k].begin <= f->origin.byte[k].end && f->origin.byte[k].end <= n);
            if (normalizer_keeps(&z, text, n)) assert_memory_equal(string_chars(&f->out), text, n);
        }
    }
}

/* In an order that takes time in proportion to the text: a million marks behind one letter. */
static void marks_without_end_are_put_in_order(void **state) {
    fixture *f = *state;
    enum { N = 500000 };
    string_reset(&f->other);
    string_char(&f->other, 'a');
    for (int i = 0; i < N; i++) string_text(&f->other, "\xcc\x81\xcc\xa3"); /* classes 230 and 220 */
    const normalizer z = parse(f, "{\"type\": \"NFD\"}"), c = parse(f, "{\"type\": \"NFC\"}");
    assert_true(normalize_text(&z, f->other.data, f->other.length, &f->out, &f->spare, NULL, 0));
    assert_int_equal(f->out.length, 1 + 4 * N);
    assert_memory_equal(f->out.data, "a\xcc\xa3\xcc\xa3", 5);
    assert_memory_equal(f->out.data + 1 + 2 * N, "\xcc\x81\xcc\x81", 4);
    assert_true(normalize_text(&c, f->other.data, f->other.length, &f->out, &f->spare, NULL, 0));
    assert_memory_equal(f->out.data, "\xe1\xba\xa1\xcc\xa3", 5); /* U+1EA1 took the first */
}

static void normal_text_is_kept_without_work(void **state) {
    fixture *f = *state;
    static const char text[] = "Plain, na\u00efve, \u4e2d\u6587, \u0928\u092e\u0938\u094d\u0924\u0947, \u0e19\u0e49\u0e33, \uac00\uac01, \u05e9\u05b8\u05dc.";
    const normalizer c = parse(f, "{\"type\": \"NFC\"}"), lower = parse(f, "{\"type\": \"Lowercase\"}");
    assert_true(normalizer_keeps(&c, text, sizeof text - 1));
    assert_false(normalizer_keeps(&c, "e\u0301", 3));
    assert_false(normalizer_keeps(&lower, text, sizeof text - 1));
    assert_true(normalizer_keeps(&lower, text + 1, sizeof text - 2));
}

static void what_is_off_is_refused_by_name(void **state) {
    fixture *f = *state;
    assert_refused(f, "{\"type\": \"UnicodeFilter\"}", "normalizer: UnicodeFilter is not supported");
    assert_refused(f, "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Magic\"}]}]}",
                   "Magic is not supported");
    assert_refused(f, "{\"type\": \"Sequence\"}", "normalizers");
    assert_refused(f, "{\"type\": \"Strip\", \"strip_left\": true}", "Strip: strip_right is neither true nor false");
    assert_refused(f, "{\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true, \"strip_accents\": 1, \"lowercase\": true}",
                   "strip_accents");
    assert_refused(f, "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(\"}, \"content\": \"\"}", "Replace: pattern: Regex");
    assert_refused(f, "{\"type\": \"Replace\", \"pattern\": \"a\", \"content\": \"\"}", "Replace: pattern: String");
    assert_refused(f, "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}}", "Replace: content");
    assert_refused(f, "{\"type\": \"Prepend\"}", "Prepend: prepend");
    assert_refused(f, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAA\"}", "not base64");
    assert_refused(f, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////w==\"}", "cut short");
    assert_refused(f, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"BAAAAAAAAAD/\"}", "not UTF-8");
}

/* A double array whose offsets lead out of it finds nothing. */
static void a_charsmap_of_nonsense_does_no_harm(void **state) {
    fixture *f = *state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    random_stream r = random_start(2, 1);
    for (int times = 0; times < 200; times++) {
        string json_text = {0};
        string_text(&json_text, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAEAAA"); /* 256 bytes of units */
        for (int i = 0; i < 346; i++) string_char(&json_text, random_below(&r, 4) == 0 ? 'A' : digits[random_below(&r, 32)]);
        for (int i = 0; i < 8; i++) string_text(&json_text, "YWFh");
        string_text(&json_text, "\"}");
        error err = {0};
        normalizer z = {0};
        const json *v = json_parse(&f->memory, json_text.data, json_text.length, &err);
        if (normalizer_read(&z, &f->memory, v, &err)) {
            for (int c = 0; c < 256; c++) {
                const char text[3] = {(char)c, 'a', 'b'};
                assert_true(normalize_text(&z, text, 3, &f->out, &f->spare, &f->origin, 0));
            }
        }
        string_drop(&json_text);
    }
}

static void a_text_that_grows_without_end_is_given_up(void **state) {
    fixture *f = *state;
    string source = {0};
    string_text(&source, "{\"type\": \"Sequence\", \"normalizers\": [");
    for (int i = 0; i < 30; i++) string_print(&source, "%s{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aaaa\"}", i > 0 ? ", " : "");
    string_text(&source, "]}");
    const normalizer z = parse(f, source.data);
    assert_false(normalize_text(&z, "banana", 6, &f->out, &f->spare, NULL, 0));
    assert_int_equal(f->out.length, 0);
    assert_false(normalize_text(&z, "banana", 6, &f->out, &f->spare, &f->origin, 0));
    assert_int_equal(f->origin.n, 0);
    const normalizer c = parse(f, "{\"type\": \"Lowercase\"}");
    assert_becomes(f, &c, "Banana", 6, "banana", 6); /* its room can be used again */
    string_drop(&source);
}

static void digests_tell_normalizers_apart(void **state) {
    fixture *f = *state;
    const json *rows = json_get(f->golden, "normalizers");
    string digest[64] = {{0}};
    assert_true(rows->length <= 64);
    for (size_t i = 0; i < rows->length; i++) {
        const normalizer z = normalizer_of(f, json_get(&rows->item[i], "normalizer"));
        normalizer_digest(&z, &digest[i]);
        for (size_t k = 0; k < i; k++)
            assert_false(digest[k].length == digest[i].length && memcmp(string_chars(&digest[k]), string_chars(&digest[i]), digest[i].length) == 0);
    }
    for (size_t i = 0; i < rows->length; i++) string_drop(&digest[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_and_origins_are_those_of_the_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(every_code_point_becomes_what_the_reference_makes_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_bytes_stay_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_without_sense_do_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(marks_without_end_are_put_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(normal_text_is_kept_without_work, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_off_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_charsmap_of_nonsense_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_that_grows_without_end_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(digests_tell_normalizers_apart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
