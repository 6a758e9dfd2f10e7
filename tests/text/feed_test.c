/* The fed encoder: a text in pieces, cut anywhere, gives the ids of the whole. */
#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/text/"

static uint32_t next_random(uint32_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 17;
    return *x ^= *x << 5;
}

static tokenizer *load(arena *owner, const char *name) {
    error err = {0};
    tokenizer *t = tokenizer_load(owner, arena_print(owner, GOLDEN "%s.json", name), &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

/* Feeds text[0..n) in pieces of 1 to `most` bytes. */
static void feed(const tokenizer *t, const char *text, size_t n, size_t most, unsigned flags, uint32_t *seed, id_list *out) {
    error err = {0};
    tokenizer_feed *f = tokenizer_feed_new(t, flags);
    for (size_t at = 0; at < n;) {
        size_t step = 1 + next_random(seed) % most;
        if (step > n - at) step = n - at;
        if (!tokenizer_feed_push(f, text + at, step, out, &err)) fail_msg("%s", err.text);
        at += step;
    }
    if (!tokenizer_feed_end(f, out, &err)) fail_msg("%s", err.text);
    tokenizer_feed_drop(f);
}

static void assert_same(const tokenizer *t, const char *text, size_t n, size_t cuts, unsigned flags, const char *name) {
    id_list want = {0}, got = {0};
    error err = {0};
    uint32_t seed = 7;
    assert_true(tokenizer_encode(t, NULL, text, n, flags, &want, &err));
    for (size_t i = 0; i < cuts; i++) {
        id_list_reset(&got);
        feed(t, text, n, i == 0 ? 1 : i < cuts / 2 ? 6 : 60, flags, &seed, &got);
        if (got.n != want.n || memcmp(got.id, want.id, got.n * sizeof *got.id) != 0) fail_msg("%s: other ids, cuts %zu", name, i);
    }
    id_list_drop(&want);
    id_list_drop(&got);
}

static const char nasty[] =
    "Hello world  it's caf\xc3\xa9 12345 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80\xff\xe4\xb8 x\n\n  y \t\r\n two words  <|im_start|> a<|im_end|>   "
    "[left][right] [left] z <s> </s>lo Wor ld. e\xcc\x81 \xcc\x81 A\xe2\x96\x81 b \xe2\x96\x81 end ";

static void a_hundred_cuts_give_the_ids_of_the_whole(void **state) {
    static const char *const names[] = {"gpt2", "llama3", "qwen2", "prefix", "words", "whole", "flags", "unknown"};
    arena a = {0};
    for (size_t k = 0; k < COUNT(names); k++) {
        const tokenizer *t = load(&a, names[k]);
        assert_same(t, nasty, sizeof nasty - 1, 100, TOKENIZER_ADD_SPECIAL | TOKENIZER_PARSE_SPECIAL, names[k]);
        assert_same(t, nasty, sizeof nasty - 1, 20, 0, names[k]);
    }
    arena_drop(&a);
}

#define VOCABULARY \
    "\"model\": {\"type\": \"BPE\", \"unk_token\": \"u\", \"fuse_unk\": true, \"vocab\": {\"u\": 0, \"a\": 1, \"b\": 2, \"ab\": 3, \" \": 4, " \
    "\"\xe2\x96\x81\": 5, " \
    "\"\xe2\x96\x81" \
    "a\": 6, \"x\": 7}, \"merges\": [\"a b\", \"\xe2\x96\x81 a\"]}}"

static void every_kind_of_pipeline_may_be_fed(void **state) {
    static const char *const cases[] = {
        "{\"pre_tokenizer\": {\"type\": \"Whitespace\"}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": "
        "true, "
        "\"strip_accents\": true, \"lowercase\": true}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": \"first\", \"split\": true}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": \"always\", \"split\": true}, \"normalizer\": "
        "{\"type\": "
        "\"NFC\"}, \"added_tokens\": [{\"id\": 3, \"content\": \"ab\", \"rstrip\": true}, {\"id\": 9, \"content\": \"b a\"}, {\"id\": 10, \"content\": \"  \", "
        "\"lstrip\": true}, {\"id\": 11, \"content\": \"xx\", \"lstrip\": true, \"single_word\": true}], " VOCABULARY,
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"\xe2\x96\x81\"}, {\"type\": \"Replace\", "
        "\"pattern\": "
        "{\"String\": \" \"}, \"content\": \"\xe2\x96\x81\"}]}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"a+|x b\"}, \"behavior\": \"MergedWithNext\", \"invert\": false}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, \"behavior\": \"MergedWithNext\", \"invert\": false}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, \"behavior\": \"MergedWithPrevious\", \"invert\": false}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"}, {\"type\": "
        "\"UnicodeScripts\"}, "
        "{\"type\": \"WhitespaceSplit\"}]}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 3}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"b a\"}, \"content\": "
        "\"x\"}, " VOCABULARY,
        "{\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"added_tokens\": [{\"id\": 8, \"content\": \"b a\", \"normalized\": true}], \"normalizer\": "
        "{\"type\": "
        "\"Strip\", \"strip_left\": true, \"strip_right\": true}, " VOCABULARY,
    };
    char text[400];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof text; i++) text[i] = "aaabbbx  ab x a.\xc3\xa9\n-"[next_random(&seed) % 20];
    for (size_t k = 0; k < COUNT(cases); k++) {
        arena a = {0};
        error err = {0};
        const tokenizer *t = tokenizer_parse(&a, cases[k], strlen(cases[k]), NULL, 0, &err);
        if (t == NULL) fail_msg("%s", err.text);
        assert_same(t, text, sizeof text, 100, TOKENIZER_PARSE_SPECIAL, cases[k]);
        arena_drop(&a);
    }
}

static void ids_come_before_the_text_ends(void **state) {
    static const char pieces[] =
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"\xe2\x96\x81\"}, {\"type\": "
        "\"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\xe2\x96\x81\"}]}, \"added_tokens\": [{\"id\": 8, \"content\": "
        "\"<s>\", \"normalized\": true}], " VOCABULARY;
    arena a = {0};
    error err = {0};
    const tokenizer *tokenizers[] = {load(&a, "gpt2"), load(&a, "llama3"), tokenizer_parse(&a, pieces, strlen(pieces), NULL, 0, &err)};
    for (size_t k = 0; k < COUNT(tokenizers); k++) {
        id_list ids = {0};
        tokenizer_feed *f = tokenizer_feed_new(tokenizers[k], 0);
        size_t before = 0;
        for (int i = 0; i < 100; i++) {
            assert_true(tokenizer_feed_push(f, "abb xa ab", 9, &ids, &err));
            assert_true(tokenizer_feed_push(f, " ", 1, &ids, &err)); /* now the word before it is sure */
            assert_true(ids.n > before);
            before = ids.n;
        }
        assert_true(tokenizer_feed_end(f, &ids, &err));
        tokenizer_feed_drop(f);
        id_list_drop(&ids);
    }
    arena_drop(&a);
}

static void a_feed_is_used_again_after_its_end(void **state) {
    arena a = {0};
    error err = {0};
    id_list first = {0}, second = {0};
    tokenizer_feed *f = tokenizer_feed_new(load(&a, "words"), TOKENIZER_ADD_SPECIAL);
    assert_true(tokenizer_feed_push(f, "one two", 7, &first, &err) && tokenizer_feed_end(f, &first, &err));
    assert_true(tokenizer_feed_push(f, "one two", 7, &second, &err) && tokenizer_feed_end(f, &second, &err));
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.id, second.id, first.n * sizeof *first.id);
    tokenizer_feed_drop(f);
    tokenizer_feed_drop(NULL);
    id_list_drop(&first);
    id_list_drop(&second);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_cuts_give_the_ids_of_the_whole),
        cmocka_unit_test(every_kind_of_pipeline_may_be_fed),
        cmocka_unit_test(ids_come_before_the_text_ends),
        cmocka_unit_test(a_feed_is_used_again_after_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
