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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_all_lengths_merge_as_by_the_plainest_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
