/* What a Unigram model is trained to: checked on texts small enough to count by hand, and by what any correct trainer gives. */
#include "base/parallel.h"
#include "text/tokenizer_train.h"
#include "text/unigram_train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void word_add(word_map *m, const char *text, int64_t count) {
    word_map_add(m, text, strlen(text), word_hash(text, strlen(text)), count);
}

static const unigram_learning usual = {.n_piece = 100, .seed_size = 1000, .shrinking = 0.75, .sub_iterations = 2, .most_length = 16, .coverage = 1};

static const unigram_piece *piece_find(const unigram_pieces *p, const char *text) {
    for (size_t i = 0; i < p->n; i++)
        if (p->piece[i].length == strlen(text) && memcmp(p->piece[i].text, text, strlen(text)) == 0) return &p->piece[i];
    return NULL;
}

/* --- the trie ------------------------------------------------------------------------------------------------------------------- */
static int32_t trie_find(const piece_trie *t, const char *text) {
    int32_t node = 0;
    for (; *text != 0 && node >= 0; text++) node = piece_trie_step(t, node, (unsigned char)*text);
    return node < 0 ? -1 : t->cell[node].piece;
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const unigram_piece *)a)->text, ((const unigram_piece *)b)->text);
}

static void a_trie_finds_its_pieces_and_no_others(void **state) {
    enum { N = 20000 };
    arena a = {0};
    unigram_piece *piece = NEW_ARRAY(&a, N, unigram_piece);
    uint32_t x = 1;
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        char text[12];
        const size_t length = 1 + (x >> 9) % 11;
        for (size_t k = 0; k < length; k++) {
            x = x * 1664525 + 1013904223;
            text[k] = (char)(1 + (x >> 24) % (k < 2 ? 254 : 5));
        }
        piece[i] = (unigram_piece){arena_copy_bytes(&a, text, length), (uint32_t)length, 1, 0};
    }
    qsort(piece, N, sizeof *piece, by_text);
    for (size_t i = 0; i < N; i++)
        if (n == 0 || strcmp(piece[n - 1].text, piece[i].text) != 0) piece[n++] = piece[i];
    piece_trie t = {0};
    for (int round = 0; round < 2; round++) { /* built again with other pieces, it is as good as new */
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (round == 0 || i % 3 != 0) piece[kept++] = piece[i];
        piece_trie_build(&t, piece, kept);
        for (size_t i = 0; i < kept; i++) {
            assert_int_equal(trie_find(&t, piece[i].text), i);
            char longer[16];
            snprintf(longer, sizeof longer, "%s\xff", piece[i].text);
            assert_int_equal(trie_find(&t, longer), -1);
        }
        n = kept;
    }
    piece_trie_drop(&t);
    arena_drop(&a);
}

/* --- first pieces ----------------------------------------------------------------------------------------------------------------- */
/* Against all substrings, counted one by one. */
static void seeds_are_the_frequent_substrings(void **state) {
    static const struct {
        const char *text;
        int64_t count;
    } words[] = {{"abcabc", 3}, {"xabcy", 2}, {"abd", 5}, {"\xc3\xa9t\xc3\xa9", 4}, {"t\xc3\xa9t\xc3\xa9", 1}, {"lonely", 7}, {"once", 1}};
    arena a = {0};
    error err = {0};
    unigram_words w = {.text = NEW_ARRAY(&a, 256, unsigned char), .begin = NEW_ARRAY(&a, 9, uint32_t), .count = NEW_ARRAY(&a, 8, int64_t)};
    for (; w.n < COUNT(words); w.begin[++w.n] = (uint32_t)w.bytes) {
        memcpy(w.text + w.bytes, words[w.n].text, strlen(words[w.n].text));
        w.bytes += strlen(words[w.n].text);
        w.text[w.bytes++] = WORD_END;
        w.count[w.n] = words[w.n].count;
    }
    memset(w.text + w.bytes, WORD_END, WORD_PADDING);
    unigram_pieces p = {0};
    assert_true(unigram_seed(&a, &w, &usual, &p, &err));
    double sum = 0;
    for (size_t i = 0; i < p.n; i++) sum += exp(p.piece[i].score);
    assert_true(fabs(sum - 1) < 1e-9);
    const struct {
        const char *text;
        int score; /* how often it stands in the text, times its characters */
    } want[] = {{"a", 6 + 2 + 5},  {"ab", 2 * (6 + 2 + 5)}, {"abc", 3 * (6 + 2)}, {"t\xc3\xa9", 2 * (4 + 2)}, {"\xc3\xa9t\xc3\xa9", 3 * (4 + 1)},
                {"lonely", 6 * 7}, {"abcabc", 6 * 3}};
    const double unit = exp(piece_find(&p, "a")->score) / 13;
    for (size_t i = 0; i < COUNT(want); i++) {
        const unigram_piece *x = piece_find(&p, want[i].text);
        if (x == NULL) fail_msg("%s is missing", want[i].text);
        assert_true(fabs(exp(x->score) / unit - want[i].score) < 1e-6);
    }
    assert_null(piece_find(&p, "onely")); /* always in "lonely" */
    assert_null(piece_find(&p, "once"));  /* once */
    arena_drop(&a);
}

/* --- learning ------------------------------------------------------------------------------------------------------------------- */
/* Words of two to four parts, most of them once: the parts are what they have in common. */
static void frequent_parts_become_pieces(void **state) {
    arena a = {0};
    error err = {0};
    word_map m = {0};
    static const char *const parts[] = {"walk", "ing", "over", "light", "house", "ship", "under", "stand", "ness", "fore", "most", "anti"};
    uint32_t x = 3;
    for (int i = 0; i < 3000; i++) {
        char word[64] = "";
        for (int k = 0; k < 2 + i % 3; k++) strcat(word, parts[((x = x * 1664525 + 1013904223) >> 16) % COUNT(parts)]);
        word_add(&m, word, 1);
    }
    unigram_learning o = usual;
    o.n_piece = 50;
    unigram_pieces p;
    assert_true(unigram_learn(&a, &m, 1, &o, &p, &err));
    assert_int_equal(m.n, 0);
    assert_int_equal(p.n, 50);
    for (size_t i = 0; i < COUNT(parts); i++)
        if (piece_find(&p, parts[i]) == NULL) fail_msg("%s is missing", parts[i]);
    for (const char *c = "walkingoverlighthouseshipunderstandnessforemostanti"; *c != 0; c++) assert_non_null(piece_find(&p, (char[]){*c, 0}));
    double sum = 0;
    for (size_t i = 0; i < p.n; i++) sum += exp(p.piece[i].score);
    assert_true(sum > 0.9 && sum <= 1);
    for (size_t i = 1; i < p.n; i++) assert_true(p.piece[i].score <= p.piece[i - 1].score);
    arena_drop(&a);
}

static void rare_characters_get_no_piece_where_coverage_is_less_than_all(void **state) {
    arena a = {0};
    error err = {0};
    word_map m = {0};
    word_add(&m, "abab", 1000);
    word_add(&m, "\xe6\x97\xa5z", 1);
    unigram_learning o = usual;
    o.coverage = 0.99;
    o.alphabet = "z";
    unigram_pieces p;
    assert_true(unigram_learn(&a, &m, 1, &o, &p, &err));
    assert_null(piece_find(&p, "\xe6\x97\xa5"));
    assert_non_null(piece_find(&p, "z")); /* asked for */
    assert_non_null(piece_find(&p, "abab"));
    arena_drop(&a);
}

static void too_many_characters_are_refused(void **state) {
    arena a = {0};
    error err = {0};
    word_map m = {0};
    word_add(&m, "abcdef", 1);
    unigram_learning o = usual;
    o.n_piece = 5;
    unigram_pieces p;
    assert_false(unigram_learn(&a, &m, 1, &o, &p, &err));
    assert_string_equal(err.text, "the text has 6 different characters, and there is room for 5 pieces");
    arena_drop(&a);
}

/* Words of many rare characters: sums over their cuts are far below the smallest double, and still each character is expected as
 * often as it stands there. */
static void long_words_do_not_underflow(void **state) {
    arena a = {0};
    error err = {0};
    word_map m = {0};
    string text = {0};
    for (uint32_t c = 0; c < 3000; c++) string_utf8(&text, 0x4e00 + c);
    word_map_add(&m, text.data, text.length, word_hash(text.data, text.length), 2);
    word_add(&m, "common", 1 << 30);
    unigram_learning o = usual;
    o.n_piece = 5000;
    o.most_length = 1;
    unigram_pieces p;
    assert_true(unigram_learn(&a, &m, 1, &o, &p, &err));
    assert_int_equal(p.n, 3000 + 4);
    const double twice = 1 - 0.57721566490153286, often = log(1 << 30) - 1.0 / (1L << 31); /* digamma(2), digamma(2^30) */
    for (size_t i = 0; i < p.n; i++) {
        const double relative = p.piece[i].score - piece_find(&p, "c")->score;
        if (p.piece[i].length == 3) assert_true(fabs(relative - (twice - often)) < 1e-6);
    }
    string_drop(&text);
    arena_drop(&a);
}

/* --- whole ---------------------------------------------------------------------------------------------------------------------- */
static const char *special[] = {"<unk>", "<s>", "</s>"};

static tokenizer *learn(arena *a, const tokenizer_training *o, const char *text, size_t n, size_t cut) {
    error err = {0};
    tokenizer_trainer *trainer = tokenizer_trainer_new(o, &err);
    if (trainer == NULL) fail_msg("%s", err.text);
    for (size_t at = 0; at < n; at += cut) tokenizer_trainer_add(trainer, text + at, n - at < cut ? n - at : cut, n - at <= cut);
    tokenizer *t = tokenizer_trainer_finish(trainer, a, NULL, &err);
    if (t == NULL) fail_msg("%s", err.text);
    tokenizer_trainer_drop(trainer);
    return t;
}

static void threads_and_cuts_do_not_show(void **state) {
    arena a = {0};
    string text = {0};
    uint32_t x = 9;
    while (text.length < 1200000) { /* several pieces */
        for (int i = 0; i < 2 + (int)(x >> 30); i++) string_char(&text, (char)('a' + ((x = x * 1664525 + 1013904223) >> 24) % 7));
        string_text(&text, (x >> 20) % 9 == 0 ? "\n\n " : (x >> 20) % 5 == 0 ? "  12" : " ");
    }
    const tokenizer_training o = {.model = TRAIN_UNIGRAM, .vocab_size = 400, .special = special, .n_special = 3, .eos = special[2], .unk = special[0]};
    parallel_set_threads(1);
    const tokenizer *one = learn(&a, &o, text.data, text.length, SIZE_MAX);
    parallel_set_threads(3);
    const tokenizer *cut = learn(&a, &o, text.data, text.length, 77777);
    parallel_stop();
    assert_int_equal(tokenizer_vocab_size(one), 400);
    assert_true(digest_equal(tokenizer_digest(one), tokenizer_digest(cut)));
    assert_int_equal(tokenizer_eos(one), 2);
    assert_int_equal(tokenizer_unk(one), 0);
    string_drop(&text);
    arena_drop(&a);
}

static void what_has_no_piece_becomes_bytes(void **state) {
    arena a = {0};
    error err = {0};
    const char *text = "one two three one two three four \xef\xac\x81ne";
    const tokenizer_training o = {.model = TRAIN_UNIGRAM, .vocab_size = 330, .special = special, .n_special = 3, .unk = special[0], .byte_fallback = true};
    const tokenizer *t = learn(&a, &o, text, strlen(text), SIZE_MAX);
    const char *const texts[] = {"one two", "\xe6\x97\xa5\xe6\x9c\xac <0x41>", "fine"}; /* the ligature was normalized */
    for (size_t i = 0; i < COUNT(texts); i++) {
        id_list ids = {0};
        string back = {0};
        assert_true(tokenizer_encode(t, NULL, texts[i], strlen(texts[i]), 0, &ids, &err));
        tokenizer_decode(t, ids.id, ids.n, false, &back);
        assert_string_equal(string_chars(&back), texts[i]);
        id_list_drop(&ids);
        string_drop(&back);
    }
    assert_int_equal(tokenizer_lookup(t, "<0x00>", 6), 3);
    assert_int_equal(tokenizer_lookup(t, "\xef\xac\x81", 3), -1);
    arena_drop(&a);
}

static void any_bytes_can_be_learned_from(void **state) {
    arena a = {0};
    string text = {0};
    uint32_t x = 77;
    for (int i = 0; i < 100000; i++) string_char(&text, (char)((x = x * 1664525 + 1013904223) >> (i % 3 == 0 ? 24 : 27)));
    static const char *const normalizers[] = {"nmt-nfkc", "nfkc", "none"};
    for (size_t i = 0; i < 2 * COUNT(normalizers); i++) {
        const tokenizer_training o = {.model = TRAIN_UNIGRAM,
                                      .vocab_size = 1500,
                                      .special = special,
                                      .n_special = 3,
                                      .unk = special[0],
                                      .normalizer = normalizers[i / 2],
                                      .byte_fallback = i % 2 == 1};
        const tokenizer *t = learn(&a, &o, text.data, text.length, 4097);
        assert_true(tokenizer_vocab_size(t) > 200 && tokenizer_vocab_size(t) <= 1500); /* as many as the bytes give */
    }
    string_drop(&text);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trie_finds_its_pieces_and_no_others), cmocka_unit_test(seeds_are_the_frequent_substrings),
        cmocka_unit_test(frequent_parts_become_pieces),          cmocka_unit_test(rare_characters_get_no_piece_where_coverage_is_less_than_all),
        cmocka_unit_test(too_many_characters_are_refused),       cmocka_unit_test(long_words_do_not_underflow),
        cmocka_unit_test(threads_and_cuts_do_not_show),          cmocka_unit_test(what_has_no_piece_becomes_bytes),
        cmocka_unit_test(any_bytes_can_be_learned_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
