/* bpe_merge against the plainest way: look through all pairs, join the leftmost of lowest rank, begin again. */
#include "random_tokenizer.h"
#include "text/tokenizer_inner.h"

static size_t merge_plainly(const merge_table *merges, int32_t *id, uint32_t *length, size_t n) {
    for (;;) {
        const merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const merge *m = merge_find(merges, id[i], id[i + 1]);
            if (m != NULL && (best == NULL || m->rank < best->rank)) best = m, at = i;
        }
        if (best == NULL) return n;
        id[at] = best->result;
        length[at] += length[at + 1];
        n--;
        memmove(id + at + 1, id + at + 2, (n - at - 1) * sizeof *id);
        memmove(length + at + 1, length + at + 2, (n - at - 1) * sizeof *length);
    }
}

static void words_of_all_lengths_merge_as_by_the_plainest_way(void **state) {
    static const char alphabet[] = "aaaaabbbcd ";
    arena memory = {0};
    random_stream r = random_start(1, 1);
    for (uint64_t seed = 0; seed < 12; seed++) {
        const tokenizer *t = random_tokenizer(&memory, seed, seed < 6 ? 40 : 400, seed % 3 == 0 ? "a" : "abcd ", seed % 4 == 3 ? "d" : "", SPLIT_GPT2, false);
        tokenizer_scratch *s = tokenizer_scratch_new(t);
        for (int i = 0; i < 400; i++) {
            char word[1200];
            const size_t n = i < 300 ? 1 + random_below(&r, 60) : 1 + random_below(&r, sizeof word);
            for (size_t k = 0; k < n; k++) word[k] = i % 5 == 0 ? 'a' : alphabet[random_below(&r, sizeof alphabet - 1)];
            int32_t id[1200];
            uint32_t length[1200];
            size_t n_part = 0;
            for (size_t k = 0; k < n; k++)
                if (t->bpe.mapped_token[(unsigned char)word[k]] >= 0) id[n_part] = t->bpe.mapped_token[(unsigned char)word[k]], length[n_part++] = 1;
            const size_t want = merge_plainly(&t->bpe.merges, id, length, n_part), got = bpe_model.word(s, word, n);
            assert_int_equal(got, want);
            assert_memory_equal(s->id, id, want * sizeof *id);
            assert_memory_equal(s->length, length, want * sizeof *length);
        }
        tokenizer_scratch_drop(s);
    }
    arena_drop(&memory);
}

/* A BPE with no pre-tokenizer but `before`, over `character` (strings of the vocabulary; the first n_base are in it from the start) and
 * random merges of them. */
static const tokenizer *tokenizer_of(arena *owner, const char *before, const char *const *character, size_t n_base, uint64_t seed) {
    enum { MERGES = 25 };
    random_stream r = random_start(seed, 3);
    const char *made[64];
    string vocab = {0}, merges = {0};
    json_writer v = {.out = &vocab}, m = {.out = &merges};
    map *known = map_new(owner, 256);
    bool is_new;
    int64_t id = 0;
    json_begin_object(&v);
    json_begin_array(&m);
    for (size_t i = 0; i < n_base; i++) {
        map_put(known, made[i] = character[i], strlen(character[i]), &is_new);
        json_key(&v, character[i]);
        json_integer(&v, id++);
    }
    for (size_t n = n_base, k = 0; k < MERGES; k++) {
        const char *left = made[random_below(&r, n)], *right = made[random_below(&r, n)], *joined = arena_print(owner, "%s%s", left, right);
        map_put(known, joined, strlen(joined), &is_new);
        if (!is_new) continue;
        json_begin_array(&m);
        json_text(&m, left);
        json_text(&m, right);
        json_end_array(&m);
        json_key(&v, made[n++] = joined);
        json_integer(&v, id++);
    }
    json_end_array(&m);
    json_end_object(&v);
    error err = {0};
    const char *text = arena_print(owner, "{\"pre_tokenizer\":%s,\"model\":{\"type\":\"BPE\",\"vocab\":%s,\"merges\":%s}}", before, vocab.data, merges.data);
    const tokenizer *t = tokenizer_parse(owner, text, strlen(text), NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    string_drop(&vocab);
    string_drop(&merges);
    return t;
}
static void a_text_that_is_one_word_may_be_cut_where_no_merge_joins(void **state) {
    static const struct {
        const char *pre_tokenizer, *character[8];
    } kinds[] = {
        {"null", {"a", "b", " ", "\n", "\xe2\x96\x81", "\xc3\xa9"}},
        /* literal blanks and U+2581 are in the vocabulary, and are not what these become in the byte alphabet */
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}",
         {"a", "b", "\xc4\xa0", "\xc3\xa2", "\xc4\xb8", "\xc4\xa3", " ", "\xe2\x96\x81"}},
    };
    static const char *const parts_of_text[] = {"a", "b", " ", "\n", "\xe2\x96\x81", "\xc3\xa9"};
    arena memory = {0};
    error err = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        const size_t kind = seed % 2;
        const tokenizer *t = tokenizer_of(&memory, kinds[kind].pre_tokenizer, kinds[kind].character, kind == 0 ? 6 : 8, seed);
        random_stream r = random_start(seed, 4);
        tokenizer_scratch *s = tokenizer_scratch_new(t), *whole = tokenizer_scratch_new(t);
        for (int i = 0; i < 50; i++) {
            string text = {0};
            id_list got = {0};
            for (size_t k = 1 + random_below(&r, 30); k > 0; k--) {
                const char *p = parts_of_text[random_below(&r, COUNT(parts_of_text))];
                string_append(&text, p, strlen(p));
            }
            assert_true(tokenizer_encode(t, s, text.data, text.length, 0, &got, &err));
            const size_t want = bpe_model.word(whole, text.data, text.length);
            assert_int_equal(got.n, want);
            assert_memory_equal(got.id, whole->id, want * sizeof *got.id);
            id_list_drop(&got);
            string_drop(&text);
        }
        tokenizer_scratch_drop(s);
        tokenizer_scratch_drop(whole);
    }
    arena_drop(&memory);
}

/* As in Hugging Face `tokenizers`, where a special token of one character is a letter like any other once it was not matched as a token. A
 * longer one is what no text may become by merging. */
static void a_special_character_merges_and_a_longer_special_token_is_never_made(void **state) {
    static const char source[] = "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": \"!\", \"special\": true, \"normalized\": false}, "
                                 "{\"id\": 5, \"content\": \"<|e|>\", \"special\": true, \"normalized\": false}], "
                                 "\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"unk_token\": \"<|e|>\", "
                                 "\"vocab\": {\"!\": 0, \"!</w>\": 1, \"a\": 2, \"a</w>\": 3, \"!!</w>\": 4, \"<|e|>\": 5}, \"merges\": [\"! !</w>\"]}}";
    static const char other[] =
        "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 4, \"content\": \"<e>\", \"special\": true, \"normalized\": false}], "
        "\"model\": {\"type\": \"BPE\", \"vocab\": {\"<\": 0, \"e\": 1, \">\": 2, \"<e\": 3, \"<e>\": 4}, \"merges\": [\"< e\", \"<e >\"]}}";
    arena memory = {0};
    error err = {0};
    id_list ids = {0};
    const tokenizer *t = tokenizer_parse(&memory, source, strlen(source), NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    assert_true(tokenizer_encode(t, NULL, "a!!", 3, 0, &ids, &err));
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.id[0], 2);
    assert_int_equal(ids.id[1], 4);
    id_list_reset(&ids);
    t = tokenizer_parse(&memory, other, strlen(other), NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    assert_true(tokenizer_encode(t, NULL, "<e>", 3, 0, &ids, &err));
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.id[0], 3);
    assert_int_equal(ids.id[1], 2);
    id_list_drop(&ids);
    arena_drop(&memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_all_lengths_merge_as_by_the_plainest_way),
        cmocka_unit_test(a_text_that_is_one_word_may_be_cut_where_no_merge_joins),
        cmocka_unit_test(a_special_character_merges_and_a_longer_special_token_is_never_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
