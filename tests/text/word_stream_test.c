/* Whole stretches of text, by each instruction set, against the scanner and the model asked word by word. */
#include "random_tokenizer.h"
#include "text/word_stream_inner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

/* Word by word, without a cache. */
static void encode_words(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out) {
    for (size_t at = 0; at < n;) {
        const size_t end = split_next(kind, text, n, at), n_id = s->tokenizer->model->word(s, text + at, end - at);
        for (size_t i = 0; i < n_id; i++) id_list_push(out, s->id[i]);
        at = end;
    }
}

static void assert_same(const id_list *want, const id_list *got, const char *how, split_kind kind, const string *text) {
    size_t i = 0;
    while (i < want->n && i < got->n && want->id[i] == got->id[i]) i++;
    if (i < want->n || i < got->n) fail_msg("%s, %s: id %zu of '%s' differs", how, split_name(kind), i, string_chars(text));
}

static void every_instruction_set_gives_the_ids_of_single_words(void **state) {
    arena memory = {0};
    string text = {0};
    id_list want = {0}, got = {0};
    for (int k = SPLIT_GPT2; k < SPLIT_COUNT; k++) {
        const split_kind kind = (split_kind)k;
        const tokenizer *t = random_tokenizer(&memory, (uint64_t)k, 400, " \netaoinshTHr'.12\xc3\xa9\xe4\xb8", k % 3 == 1 ? "2\n" : "", kind, k % 2 == 0);
        tokenizer_scratch *slow = tokenizer_scratch_new(t), *fast = tokenizer_scratch_new(t);
        const struct {
            const char *name;
            stream_function stream;
        } ways[] = {
            {"plain", NULL},
            {"AVX2", word_stream_avx2() != NULL ? word_stream_avx2()[kind] : NULL},
            {"AVX-512", word_stream_avx512() != NULL ? word_stream_avx512()[kind] : NULL},
        };
        for (uint64_t i = 0; i < 700; i++) {
            random_text(i + 1000 * (uint64_t)k, i % 7 == 0 ? 5000 : i % 200, &text);
            char *exact = malloc(text.length > 0 ? text.length : 1); /* nothing behind the text may be read */
            memcpy(exact, string_chars(&text), text.length);
            id_list_reset(&want);
            encode_words(slow, kind, exact, text.length, &want);
            for (size_t way = 0; way < COUNT(ways); way++) {
                id_list_reset(&got);
                if (way == 0) word_stream_plain(fast, kind, exact, text.length, &got);
                else if (ways[way].stream == NULL) continue;
                else ways[way].stream(fast, exact, text.length, &got);
                assert_same(&want, &got, ways[way].name, kind, &text);
            }
            free(exact);
        }
        tokenizer_scratch_drop(slow);
        tokenizer_scratch_drop(fast);
    }
    id_list_drop(&want);
    id_list_drop(&got);
    string_drop(&text);
    arena_drop(&memory);
}

/* What a word's end depends on stands at every place of a window, its last bytes among them. */
static void endings_of_words_are_seen_at_every_place(void **state) {
    static const char *const endings[] = {"r're t", "r'r e", "H'LL", "r'l\xc3\xa9", "r's's ", "a'll'll", "111111", " \n \n t", "...\n\n/ a", "aHr'Hre"};
    arena memory = {0};
    id_list want = {0}, got = {0};
    for (int k = SPLIT_GPT2; k < SPLIT_COUNT; k++) {
        const split_kind kind = (split_kind)k;
        const tokenizer *t = random_tokenizer(&memory, 31 + (uint64_t)k, 600, "'rrrelLH1. \nt", "", kind, false);
        tokenizer_scratch *slow = tokenizer_scratch_new(t), *fast = tokenizer_scratch_new(t);
        const stream_function *sets[] = {word_stream_avx2(), word_stream_avx512()};
        for (size_t at = 1; at < 140; at++)
            for (size_t i = 0; i < COUNT(endings); i++) {
                string text = {0};
                while (text.length < at) string_append(&text, text.length % 7 == 6 ? " t" : "r", text.length % 7 == 6 && text.length + 2 <= at ? 2 : 1);
                string_append(&text, endings[i], strlen(endings[i]));
                for (int n = 0; n < 40; n++) string_append(&text, " tre", 4);
                id_list_reset(&want);
                encode_words(slow, kind, text.data, text.length, &want);
                for (size_t set = 0; set < COUNT(sets); set++) {
                    if (sets[set] == NULL) continue;
                    id_list_reset(&got);
                    sets[set][kind](fast, text.data, text.length, &got);
                    assert_same(&want, &got, set == 0 ? "AVX2" : "AVX-512", kind, &text);
                }
                string_drop(&text);
            }
        tokenizer_scratch_drop(slow);
        tokenizer_scratch_drop(fast);
    }
    id_list_drop(&want);
    id_list_drop(&got);
    arena_drop(&memory);
}

/* More different words than any table holds. */
static void assert_full_cache(bool ignore_merges) {
    arena memory = {0};
    const tokenizer *t = random_tokenizer(&memory, 9, 300, "0123456789abcdef ", "", SPLIT_GPT2, ignore_merges);
    tokenizer_scratch *slow = tokenizer_scratch_new(t), *fast = tokenizer_scratch_new(t);
    string text = {0};
    id_list want = {0}, got = {0};
    uint64_t x = 1;
    for (int round = 0; round < 2; round++) {
        string_reset(&text);
        for (int i = 0; i < 120000; i++) {
            x = x * 6364136223846793005ull + 1442695040888963407ull;
            string_print(&text, " %.*s", (int)(x >> 60) + 1, "abcdefghijklmnopqrstuvwxyz" + (x >> 32) % 10);
            for (uint64_t y = x >> 20 & 0xffff; y > 0; y /= 7) string_char(&text, (char)('a' + y % 7));
        }
        id_list_reset(&want);
        id_list_reset(&got);
        encode_words(slow, SPLIT_GPT2, string_chars(&text), text.length, &want);
        word_stream(fast, SPLIT_GPT2, string_chars(&text), text.length, &got);
        assert_int_equal(want.n, got.n);
        assert_memory_equal(want.id, got.id, want.n * sizeof *want.id);
    }
    id_list_drop(&want);
    id_list_drop(&got);
    string_drop(&text);
    tokenizer_scratch_drop(slow);
    tokenizer_scratch_drop(fast);
    arena_drop(&memory);
}

static void a_full_cache_still_gives_the_right_ids(void **state) {
    assert_full_cache(false);
    assert_full_cache(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_gives_the_ids_of_single_words),
        cmocka_unit_test(endings_of_words_are_seen_at_every_place),
        cmocka_unit_test(a_full_cache_still_gives_the_right_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
