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

static tokenizer *learn(arena *a, const tokenizer_training *o, const char *const *texts, size_t n, size_t cut) {
    error err = {0};
    tokenizer_trainer *trainer = tokenizer_trainer_new(o, &err);
    if (trainer == NULL) fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        const size_t length = strlen(texts[i]);
        for (size_t at = 0; at < length; at += cut) tokenizer_trainer_add(trainer, texts[i] + at, length - at < cut ? length - at : cut, false);
        tokenizer_trainer_add(trainer, "", 0, true);
    }
    tokenizer *t = tokenizer_trainer_finish(trainer, a, NULL, &err);
    if (t == NULL) fail_msg("%s", err.text);
    tokenizer_trainer_drop(trainer);
    return t;
}

static tokenizer *learn_text(arena *a, const char *pattern, long vocab_size, const char *const *texts, size_t n, size_t cut) {
    const tokenizer_training o = {.vocab_size = vocab_size, .special = special, .n_special = COUNT(special), .eos = special[0], .pattern = pattern};
    return learn(a, &o, texts, n, cut);
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

/* Counted by hand: "ab" stands in the text three times, "cd" twice. */
static void rare_pairs_and_long_tokens_are_left_out(void **state) {
    arena a = {0};
    const char *const documents[] = {"ab", "ab", "abcd", "cd"};
    tokenizer_training o = {.vocab_size = 1000, .special = special, .n_special = 1, .pattern = "gpt2", .min_frequency = 3};
    const tokenizer *frequent = learn(&a, &o, documents, 4, 1);
    assert_int_equal(tokenizer_vocab_size(frequent), 256 + 1 + 1);
    assert_true(tokenizer_lookup(frequent, "ab", 2) > 0);
    o.min_frequency = 0;
    const tokenizer *all = learn(&a, &o, documents, 4, 1);
    assert_int_equal(tokenizer_vocab_size(all), 256 + 1 + 3); /* ab, cd, abcd */
    o.max_token_length = 4;                                   /* of fewer bytes, as tokenizers has it */
    const tokenizer *small = learn(&a, &o, documents, 4, 1);
    assert_int_equal(tokenizer_vocab_size(small), 256 + 1 + 2);
    assert_int_equal(tokenizer_lookup(small, "abcd", 4), -1);
    arena_drop(&a);
}

static void a_regular_expression_cuts_words(void **state) {
    arena a = {0};
    const char *const documents[] = {"ab-ab-ab", "xyxy"};
    const tokenizer *t = learn_text(&a, "[a-z]{2}|-", 1000, documents, 2, 3);
    assert_int_equal(tokenizer_vocab_size(t), 256 + 3 + 2); /* ab, xy: nothing crosses */
    assert_true(tokenizer_lookup(t, "ab", 2) > 0);
    assert_true(tokenizer_lookup(t, "xy", 2) > 0);
    id_list ids = {0};
    error err = {0};
    assert_true(tokenizer_encode(t, NULL, "abxy", 4, 0, &ids, &err)); /* the tokenizer that is made has the pattern */
    assert_int_equal(ids.n, 2);
    id_list_drop(&ids);
    arena_drop(&a);
}

/* More distinct words than may be remembered: the rare ones go, the frequent ones stay, and how many went is told. */
static void the_rarest_words_are_forgotten_where_there_are_too_many(void **state) {
    arena a = {0};
    string text = {0};
    error err = {0};
    const tokenizer_training o = {.vocab_size = 300, .special = special, .n_special = 1, .pattern = "gpt2", .most_words = 2000};
    int64_t forgotten[2];
    for (size_t run = 0; run < 2; run++) {
        tokenizer_trainer *trainer = tokenizer_trainer_new(&o, &err);
        for (int i = 0; i < 1500000; i++) {
            string_reset(&text);
            string_print(&text, i % 3 == 0 ? " w%d" : " often", i);
            tokenizer_trainer_add(trainer, text.data, text.length, run == 1 && i % 7 == 0);
        }
        parallel_set_threads(run == 0 ? 1 : 3);
        const tokenizer *t = tokenizer_trainer_finish(trainer, &a, NULL, &err);
        assert_non_null(t);
        forgotten[run] = tokenizer_trainer_forgotten(trainer);
        assert_int_equal(forgotten[run], 500000); /* each number once, nothing else */
        assert_true(tokenizer_lookup(t, "often", 5) > 0 || tokenizer_lookup(t, "\xc4\xa0often", 7) > 0);
        tokenizer_trainer_drop(trainer);
    }
    parallel_stop();
    string_drop(&text);
    arena_drop(&a);
}

static void what_cannot_be_is_refused(void **state) {
    static const char *twice[] = {"<a>", "<a>"}, *empty[] = {""}, *bad[] = {"\xff"}, *byte[] = {"<unk>", "<0x41>"};
    const struct {
        tokenizer_training o;
        const char *says;
    } cases[] = {
        {{.vocab_size = 258, .special = special, .n_special = 3},
         "a vocabulary of 258: 256 bytes and 3 special tokens make 259 at least, and 4194304 is the most"},
        {{.vocab_size = 1000, .special = twice, .n_special = 2}, "special token <a> is there twice"},
        {{.vocab_size = 1000, .special = empty, .n_special = 1}, "a special token is empty"},
        {{.vocab_size = 1000, .special = bad, .n_special = 1}, "special token ? is not valid UTF-8"},
        {{.vocab_size = 1000, .special = special, .n_special = 3, .eos = "</s>"}, "the end-of-text token </s> is not one of the special tokens"},
        {{.vocab_size = 1000, .special = special, .n_special = 3, .pattern = ""}, "the pattern is empty"},
        {{.vocab_size = 1000, .special = special, .n_special = 3, .pattern = "gpt2", .most_words = -1}, "-1 distinct words: 1 to 1073741824 are possible"},
        {{.model = TRAIN_UNIGRAM, .vocab_size = 1000, .special = special, .n_special = 3, .unk = "<unk>"},
         "the unknown token <unk> is not one of the special tokens"},
        {{.model = TRAIN_UNIGRAM, .vocab_size = 1000, .special = byte, .n_special = 2, .unk = "<unk>", .byte_fallback = true},
         "special token <0x41> is the name of a byte"},
        {{.model = TRAIN_UNIGRAM, .vocab_size = 1000, .special = byte, .n_special = 1, .unk = "<unk>", .normalizer = "nfx"},
         "normalizer nfx is not known: nmt-nfkc, nfkc and none are"},
        {{.model = TRAIN_UNIGRAM, .vocab_size = 1000, .special = byte, .n_special = 1, .unk = "<unk>", .max_piece_length = 65},
         "pieces of 65 characters: 64 is the most"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        assert_null(tokenizer_trainer_new(&cases[i].o, &err));
        if (i != 3) assert_string_equal(err.text, cases[i].says);
    }
    error err = {0};
    tokenizer_training o = {.vocab_size = 1000, .special = special, .n_special = 3, .pattern = "(unclosed"};
    assert_null(tokenizer_trainer_new(&o, &err));
    assert_true(strncmp(err.text, "pattern (unclosed: ", 19) == 0);
}

static void it_stops_when_told(void **state) {
    static const char *unk[] = {"<unk>"};
    const tokenizer_training cases[] = {
        {.vocab_size = 1000, .special = special, .n_special = 3, .pattern = "gpt2"},
        {.model = TRAIN_UNIGRAM, .vocab_size = 1000, .special = unk, .n_special = 1, .unk = unk[0]},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        error err = {0};
        tokenizer_trainer *trainer = tokenizer_trainer_new(&cases[i], &err);
        tokenizer_trainer_add(trainer, "abab abab", 9, true);
        const volatile int stop = 1;
        assert_null(tokenizer_trainer_finish(trainer, &a, &stop, &err));
        assert_string_equal(err.text, "stopped");
        tokenizer_trainer_drop(trainer);
        arena_drop(&a);
    }
}

static void a_pattern_that_gives_up_fails(void **state) {
    const tokenizer_training o = {.vocab_size = 1000, .special = special, .n_special = 3, .pattern = "(?:a+)+c|b"};
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    arena a = {0};
    error err = {0};
    tokenizer_trainer *trainer = tokenizer_trainer_new(&o, &err);
    assert_non_null(trainer);
    tokenizer_trainer_add(trainer, text, sizeof text - 1, true);
    assert_null(tokenizer_trainer_finish(trainer, &a, NULL, &err));
    assert_non_null(strstr(err.text, "more steps on this text than it may take"));
    tokenizer_trainer_drop(trainer);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_those_of_the_reference),
        cmocka_unit_test(threads_and_cuts_do_not_show),
        cmocka_unit_test(a_small_text_gives_a_small_vocabulary),
        cmocka_unit_test(a_document_ends_its_last_word),
        cmocka_unit_test(rare_pairs_and_long_tokens_are_left_out),
        cmocka_unit_test(a_regular_expression_cuts_words),
        cmocka_unit_test(the_rarest_words_are_forgotten_where_there_are_too_many),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(a_pattern_that_gives_up_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
