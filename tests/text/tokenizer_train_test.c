/* What is learned is what Hugging Face tokenizers learns from the same documents (tests/golden/text/make_goldens.py). */
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/tokenizer_train.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/text/"

static const char *special[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};

static tokenizer *learn_text(arena *a, const char *pattern, long vocab_size, const char *const *texts, size_t n, size_t cut) {
    error err = {0};
    tokenizer_trainer *trainer = tokenizer_trainer_new(pattern, &err);
    assert_non_null(trainer);
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(texts[i]);
        for (size_t at = 0; at < length; at += cut) tokenizer_trainer_add(trainer, texts[i] + at, length - at < cut ? length - at : cut, false);
        tokenizer_trainer_add(trainer, "", 0, true);
    }
    const tokenizer_training o = {vocab_size, special, COUNT(special), special[0]};
    tokenizer *t = tokenizer_trainer_finish(trainer, &o, a, NULL, &err);
    if (t == NULL) fail_msg("%s", err.text);
    tokenizer_trainer_drop(trainer);
    return t;
}

static const char *const *corpus(arena *a, size_t *n) {
    error err = {0};
    size_t bytes;
    char *text = file_read(a, GOLDEN "corpus.jsonl", 0, &bytes, &err);
    assert_non_null(text);
    const char **documents = NEW_ARRAY(a, bytes, const char *);
    *n = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const json *v = json_parse(a, line, (size_t)(end - line), &err);
        documents[(*n)++] = json_get_text(v, "text", NULL);
    }
    return documents;
}

static void merges_are_those_of_the_reference(void **state) {
    static const char *const names[] = {"gpt2", "llama3", "qwen2"};
    for (size_t k = 0; k < COUNT(names); k++) {
        arena a = {0};
        error err = {0};
        size_t n;
        const char *const *documents = corpus(&a, &n);
        assert_int_equal(n, 160);
        const tokenizer *want = tokenizer_load(&a, arena_print(&a, GOLDEN "%s.json", names[k]), &err);
        const tokenizer *got = learn_text(&a, names[k], tokenizer_vocab_size(want), documents, n, SIZE_MAX);
        for (int32_t id = 0; id < tokenizer_vocab_size(want); id++) assert_string_equal(tokenizer_token(got, id, NULL), tokenizer_token(want, id, NULL));
        assert_int_equal(tokenizer_count_merges(got), tokenizer_count_merges(want));
        assert_true(digest_equal(tokenizer_digest(got), tokenizer_digest(want))); /* merges and all else that decides ids */
        assert_int_equal(tokenizer_eos(got), 0);
        arena_drop(&a);
    }
}

static void threads_and_cuts_do_not_show(void **state) {
    arena a = {0};
    string text = {0};
    uint32_t x = 9;
    while (text.length < 5000000) { /* several pieces of a megabyte */
        for (int i = 0; i < 2 + (int)(x >> 30); i++) string_char(&text, (char)('a' + ((x = x * 1664525 + 1013904223) >> 24) % 7));
        string_text(&text, (x >> 20) % 9 == 0 ? "\n\n " : (x >> 20) % 5 == 0 ? " 12" : " ");
    }
    const char *const documents[] = {string_chars(&text)};
    parallel_set_threads(1);
    const tokenizer *one = learn_text(&a, "llama3", 600, documents, 1, SIZE_MAX);
    parallel_set_threads(3);
    const tokenizer *cut = learn_text(&a, "llama3", 600, documents, 1, 77777);
    assert_int_equal(tokenizer_vocab_size(one), 600);
    assert_true(digest_equal(tokenizer_digest(one), tokenizer_digest(cut)));
    string_reset(&text);
    for (int i = 0; i < 400000; i++) string_text(&text, "abcdefgh "); /* one letter lost at a cut would change the order of merges */
    const char *const few[] = {"abcdefgh abcdefgh"}, *const many[] = {string_chars(&text)};
    const tokenizer *small = learn_text(&a, "llama3", 266, few, 1, SIZE_MAX), *large = learn_text(&a, "llama3", 266, many, 1, SIZE_MAX);
    for (int32_t id = 259; id < 266; id++) assert_string_equal(tokenizer_token(small, id, NULL), tokenizer_token(large, id, NULL));
    parallel_stop();
    string_drop(&text);
    arena_drop(&a);
}

static void a_small_text_gives_a_small_vocabulary(void **state) {
    arena a = {0};
    const char *const documents[] = {"ab ab", ""};
    const tokenizer *t = learn_text(&a, "gpt2", 1000, documents, 2, 3);
    assert_int_equal(tokenizer_vocab_size(t), 256 + 3 + 2); /* ab, Ġab */
    assert_true(tokenizer_lookup(t, "ab", 2) > 0);
    arena_drop(&a);
}

static void a_document_ends_its_last_word(void **state) {
    arena a = {0};
    const char *const apart[] = {"xy", "xy"};
    assert_int_equal(tokenizer_lookup(learn_text(&a, "gpt2", 1000, apart, 2, 1), "yx", 2), -1);
    arena_drop(&a);
}

static void what_cannot_be_is_refused(void **state) {
    arena a = {0};
    error err = {0};
    assert_null(tokenizer_trainer_new("gpt5", &err));
    assert_string_equal(err.text, "pattern gpt5 is not known: gpt2, llama3 and qwen2 are");
    static const char *twice[] = {"<a>", "<a>"}, *empty[] = {""}, *bad[] = {"\xff"};
    const struct {
        tokenizer_training o;
        const char *says;
    } cases[] = {
        {{258, special, 3, NULL}, "a vocabulary of 258: 256 bytes and 3 special tokens make 259 at least, and 4194304 is the most"},
        {{1000, twice, 2, NULL}, "special token <a> is there twice"},
        {{1000, empty, 1, NULL}, "a special token is empty"},
        {{1000, bad, 1, NULL}, "special token ? is not valid UTF-8"},
        {{1000, special, 3, "</s>"}, "the end-of-text token </s> is not one of the special tokens"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        err = (error){0};
        tokenizer_trainer *trainer = tokenizer_trainer_new("gpt2", &err);
        assert_null(tokenizer_trainer_finish(trainer, &cases[i].o, &a, NULL, &err));
        if (i != 3) assert_string_equal(err.text, cases[i].says);
        tokenizer_trainer_drop(trainer);
    }
    err = (error){0};
    tokenizer_trainer *trainer = tokenizer_trainer_new("gpt2", &err);
    tokenizer_trainer_add(trainer, "abab abab", 9, true);
    const volatile int stop = 1;
    assert_null(tokenizer_trainer_finish(trainer, &(tokenizer_training){1000, special, 3, NULL}, &a, &stop, &err));
    assert_string_equal(err.text, "stopped");
    tokenizer_trainer_drop(trainer);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_those_of_the_reference),
        cmocka_unit_test(threads_and_cuts_do_not_show),
        cmocka_unit_test(a_small_text_gives_a_small_vocabulary),
        cmocka_unit_test(a_document_ends_its_last_word),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
