#include "data/loader.h"

#include "base/file.h"
#include "data/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static arena owner;
static char folder[] = "/tmp/socle-loader-test-XXXXXX";

/* A token file of documents of the given lengths whose ids count up from `first`; its prefix. */
static const char *token_file(const char *name, int32_t first, const long *documents, int n) {
    error err = {0};
    const char *prefix = path_join(&owner, folder, name);
    packed_writer *w = packed_writer_open(prefix, 1000, &err);
    for (int d = 0; d < n; d++) {
        int32_t ids[1000];
        for (long i = 0; i < documents[d]; i++) ids[i] = first++;
        assert_true(packed_writer_add(w, ids, (size_t)documents[d], &err));
    }
    assert_true(packed_writer_commit(w, (digest){{1, 2}}, 0, &err));
    return prefix;
}

enum { MOST = 64 };
static int32_t ids[MOST], targets[MOST], position[MOST], first[MOST];
static const loader_rows rows = {ids, targets, position, first};

static loader *open_tokens(const char *const *paths, const double *weights, int n, loader_options o) {
    error err = {0};
    token_source sources[8];
    for (int i = 0; i < n; i++) sources[i] = (token_source){paths[i], weights == NULL ? 0 : weights[i]};
    loader *l = loader_open(&owner, sources, n, &o, &err);
    assert_string_equal(err.text, "");
    return l;
}

static void without_shuffling_window_i_is_the_ids_from_i_times_seq_len(void **state) {
    const char *path = token_file("plain", 0, (long[]){10, 13}, 2);
    loader *l = open_tokens(&path, NULL, 1, (loader_options){.seq_len = 5});
    assert_int_equal(loader_windows(l), 4); /* 23 tokens: 4 windows, and the token behind each is there */
    for (int64_t sample = 0; sample < 9; sample++) {
        assert_int_equal(loader_fill(l, sample, rows, 10), 5);
        for (long i = 0; i < 5; i++) {
            assert_int_equal(ids[10 + i], sample % 4 * 5 + i); /* at the end it begins again */
            assert_int_equal(targets[10 + i], sample % 4 * 5 + i + 1);
            assert_int_equal(position[10 + i], i);
            assert_int_equal(first[10 + i], 10);
        }
    }
    loader_close(l);
}

static void masked_documents_see_themselves_alone(void **state) {
    const char *path = token_file("masked", 0, (long[]){3, 5, 2, 4}, 4);
    loader *l = open_tokens(&path, NULL, 1, (loader_options){.seq_len = 6, .mask_documents = true});
    static const int32_t want_position[][6] = {{0, 1, 2, 0, 1, 2}, {0, 1, 0, 1, 0, 1}}; /* of the part of a document that is in the window */
    static const int32_t want_first[][6] = {{0, 0, 0, 3, 3, 3}, {0, 0, 2, 2, 4, 4}};
    static const int32_t want_target[][6] = {{1, 2, -100, 4, 5, 6}, {7, -100, 9, -100, 11, 12}};
    for (int64_t sample = 0; sample < 2; sample++) {
        loader_fill(l, sample, rows, 0);
        assert_memory_equal(position, want_position[sample], sizeof want_position[0]);
        assert_memory_equal(first, want_first[sample], sizeof want_first[0]);
        assert_memory_equal(targets, want_target[sample], sizeof want_target[0]);
    }
    loader_close(l);
}

static void shuffled_epochs_hold_every_window_once_in_orders_of_their_own(void **state) {
    const char *path = token_file("shuffled", 0, (long[]){401}, 1);
    loader *l = open_tokens(&path, NULL, 1, (loader_options){.seq_len = 4, .shuffle = true, .seed = 5});
    long order[2][100];
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[100] = {false};
        for (long i = 0; i < 100; i++) {
            loader_fill(l, epoch * 100 + i, rows, 0);
            order[epoch][i] = ids[0] / 4;
            assert_false(seen[order[epoch][i]]);
            seen[order[epoch][i]] = true;
        }
    }
    long same = 0, in_place = 0;
    for (long i = 0; i < 100; i++) same += order[0][i] == order[1][i], in_place += order[0][i] == i;
    assert_true(same < 10 && in_place < 10);
    /* A sample is a function of (seed, sample): asked in any order, by another loader, it is the same. */
    loader *again = open_tokens(&path, NULL, 1, (loader_options){.seq_len = 4, .shuffle = true, .seed = 5});
    static const int64_t samples[] = {150, 3, 99, 100, 0, 199};
    for (size_t i = 0; i < COUNT(samples); i++) {
        loader_fill(again, samples[i], rows, 0);
        assert_int_equal(ids[0] / 4, order[samples[i] / 100][samples[i] % 100]);
    }
    loader_close(l);
    loader_close(again);
}

static void sources_are_mixed_by_weight_and_else_by_size(void **state) {
    const char *paths[] = {token_file("a", 0, (long[]){201}, 1), token_file("b", 500, (long[]){101}, 1)};
    loader *by_size = open_tokens(paths, NULL, 2, (loader_options){.seq_len = 10, .shuffle = true, .seed = 1});
    loader *weighted = open_tokens(paths, (double[]){1, 3}, 2, (loader_options){.seq_len = 10, .shuffle = true, .seed = 1});
    bool seen[1000] = {false};
    long from_b[2] = {0};
    for (int64_t i = 0; i < 30; i++) {
        loader_fill(by_size, i, rows, 0);
        assert_false(seen[ids[0]]);
        seen[ids[0]] = true;
        from_b[0] += ids[0] >= 500;
    }
    for (int64_t i = 0; i < 400; i++) {
        loader_fill(weighted, i, rows, 0);
        from_b[1] += ids[0] >= 500;
    }
    assert_int_equal(from_b[0], 10);
    assert_int_equal(from_b[1], 300);
    assert_false(digest_equal(loader_fingerprint(by_size), loader_fingerprint(weighted)));
    loader_close(by_size);
    loader_close(weighted);
}

static void what_cannot_be_trained_on_is_refused_by_name(void **state) {
    error err = {0};
    const char *path = token_file("short", 7, (long[]){10}, 1);
    assert_null(loader_open(&owner, &(token_source){path, 0}, 1, &(loader_options){.seq_len = 10}, &err));
    assert_non_null(strstr(err.text, "short: 10 tokens"));
    loader *l = open_tokens(&path, NULL, 1, (loader_options){.seq_len = 4});
    error_clear(&err);
    assert_true(loader_agrees(l, NULL, 17, &err));
    assert_false(loader_agrees(l, NULL, 16, &err));
    assert_non_null(strstr(err.text, "id 16"));
    error_clear(&err);
    assert_true(loader_agrees(l, &(digest){{1, 2}}, 17, &err));
    assert_false(loader_agrees(l, &(digest){{1, 3}}, 17, &err));
    assert_non_null(strstr(err.text, "another tokenizer"));
    loader_close(l);
    error_clear(&err);
    token_source two[] = {{path, 1}, {path, 0}};
    assert_null(loader_open(&owner, two, 2, &(loader_options){.seq_len = 4}, &err));
    assert_non_null(strstr(err.text, "weight"));
}

/* ---- conversations ---- */

static token_sequence sequence_of(long n, int32_t first_id, const char *learned) {
    int32_t *own = NEW_ARRAY(&owner, n, int32_t);
    bool *flags = NEW_ARRAY(&owner, n, bool);
    for (long i = 0; i < n; i++) own[i] = first_id + (int32_t)i, flags[i] = learned == NULL || learned[i] == '1';
    return (token_sequence){own, flags, n};
}

static void packed_sequences_see_themselves_alone_and_learn_what_is_learned(void **state) {
    error err = {0};
    packing did;
    const token_sequence sequences[] = {sequence_of(4, 10, "0011"), sequence_of(3, 20, "001"), sequence_of(3, 30, "100")};
    const sequence_source source = {.path = "rows", .sequences = sequences, .n = 3};
    loader *l = loader_pack(&owner, &source, 1, &(loader_options){.seq_len = 7}, &did, &err);
    assert_non_null(l);
    assert_int_equal(did.sequences, 2);
    assert_int_equal(did.left_out, 1); /* its first token is learned, and nothing comes before it */
    assert_int_equal(did.learned, 3);
    assert_int_equal(did.rows, 5);
    assert_int_equal(loader_windows(l), 1);
    assert_int_equal(loader_fill(l, 0, rows, 7), 5);
    static const int32_t want_ids[] = {10, 11, 12, 20, 21, 0, 0}, want_targets[] = {-100, 12, 13, -100, 22, -100, -100};
    static const int32_t want_position[] = {0, 1, 2, 0, 1, 0, 0}, want_first[] = {7, 7, 7, 10, 10, 12, 13};
    assert_memory_equal(ids + 7, want_ids, sizeof want_ids);
    assert_memory_equal(targets + 7, want_targets, sizeof want_targets);
    assert_memory_equal(position + 7, want_position, sizeof want_position);
    assert_memory_equal(first + 7, want_first, sizeof want_first);
}

static void packing_fills_windows_and_loses_nothing(void **state) {
    error err = {0};
    packing did;
    token_sequence sequences[60];
    long want = 0;
    for (long i = 0; i < 60; i++) {
        const long n = 2 + i * 37 % 19; /* 2 to 20 ids: 1 to 19 rows */
        sequences[i] = sequence_of(n, (int32_t)(i * 10), NULL);
        want += n - 1 < 16 ? n - 1 : 16;
    }
    const sequence_source source = {.path = "rows", .sequences = sequences, .n = 60};
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        loader *l = loader_pack(&owner, &source, 1, &(loader_options){.seq_len = 16, .shuffle = shuffle}, &did, &err);
        assert_non_null(l);
        assert_int_equal(did.rows, want);
        assert_int_equal(did.sequences, 60);
        assert_true(did.cut > 0);
        long filled = 0;
        bool seen[60] = {false};
        for (long w = 0; w < loader_windows(l); w++) {
            filled += loader_fill(l, w, rows, 0);
            for (long i = 0; i < 16; i++)
                if (first[i] == i && targets[i] != TARGET_IGNORED) {
                    assert_false(seen[ids[i] / 10]);
                    seen[ids[i] / 10] = true;
                }
        }
        assert_int_equal(filled, want);
        for (long i = 0; i < 60; i++) assert_true(seen[i]);
        if (shuffle) assert_true((double)want / (double)(loader_windows(l) * 16) > 0.95);
    }
}

static void a_permutation_reaches_everything_once(void **state) {
    static const long sizes[] = {1, 2, 3, 7, 64, 65, 1000};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        bool seen[1000] = {false};
        for (long i = 0; i < sizes[k]; i++) {
            const long to = permuted(9, 4, sizes[k], i);
            assert_true(to >= 0 && to < sizes[k] && !seen[to]);
            seen[to] = true;
        }
    }
}

static int begin(void **state) {
    return mkdtemp(folder) == NULL;
}

static int end(void **state) {
    arena_drop(&owner);
    return !folder_remove(folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_shuffling_window_i_is_the_ids_from_i_times_seq_len),
        cmocka_unit_test(masked_documents_see_themselves_alone),
        cmocka_unit_test(shuffled_epochs_hold_every_window_once_in_orders_of_their_own),
        cmocka_unit_test(sources_are_mixed_by_weight_and_else_by_size),
        cmocka_unit_test(what_cannot_be_trained_on_is_refused_by_name),
        cmocka_unit_test(packed_sequences_see_themselves_alone_and_learn_what_is_learned),
        cmocka_unit_test(packing_fills_windows_and_loses_nothing),
        cmocka_unit_test(a_permutation_reaches_everything_once),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
