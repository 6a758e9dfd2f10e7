/* Windows over long sequences, and a real pass over a small random model. */
#include "eval/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_id_is_asked_for_once_and_no_window_is_too_long(void **state) {
    static const size_t lengths[] = {0, 1, 2, 3, 7, 8, 9, 10, 16, 17, 33, 100}, contexts[] = {1, 2, 5, 8, 64};
    int32_t ids[100];
    double nll[100];
    arena owner = {0};
    for (int i = 0; i < 100; i++) ids[i] = i;
    for (size_t l = 0; l < COUNT(lengths); l++)
        for (size_t c = 0; c < COUNT(contexts); c++)
            for (size_t stride = 1; stride <= contexts[c]; stride++) {
                const size_t n = lengths[l], context = contexts[c];
                int asked[100] = {0};
                score_window *w;
                const size_t n_window = score_cut(&owner, ids, n, context, stride, nll, &w);
                for (size_t i = 0; i < n_window; i++) {
                    const size_t begin = (size_t)(w[i].ids - ids);
                    assert_true(w[i].n <= context + 1 && begin + w[i].n <= n);
                    assert_ptr_equal(w[i].nll, nll + begin);
                    assert_true(w[i].from >= 1 && w[i].from < w[i].n);
                    for (size_t t = w[i].from; t < w[i].n; t++) asked[begin + t]++;
                    if (n > context) assert_int_equal(w[i].n, context + 1); /* a long sequence has full windows only, the last included */
                }
                for (size_t t = 1; t < n; t++) assert_int_equal(asked[t], 1);
                arena_reset(&owner);
            }
    arena_drop(&owner);
}

static model *small_model(arena *owner, const char *family) {
    error err = {0};
    const model_sizes sizes = {.family = family,
                               .vocab_size = 97,
                               .n_layer = 2,
                               .n_head = 4,
                               .n_kv_head = strcmp(family, "llama") == 0 ? 2 : 0,
                               .hidden_size = 32,
                               .intermediate_size = 80,
                               .max_position = 64,
                               .bos_id = 1,
                               .eos_id = 2};
    json *config = model_config_of_sizes(owner, &sizes, &err);
    model *m = config == NULL ? NULL : model_describe_json(owner, config, "small", &err);
    if (m == NULL || !model_allocate(m, &err)) fail_msg("%s", err.text);
    model_initialise(m, 7);
    return m;
}

/* Windows of odd lengths, scored alone and all at once: the same bits. */
static void batch_does_not_show(void **state) {
    static const char *const families[] = {"llama", "gpt2"};
    for (size_t f = 0; f < COUNT(families); f++) {
        arena owner = {0};
        error err = {0};
        const model *m = small_model(&owner, families[f]);
        enum { WINDOWS = 90, LONGEST = 65 };
        int32_t ids[WINDOWS][LONGEST];
        double alone[WINDOWS][LONGEST] = {0}, together[WINDOWS][LONGEST] = {0};
        score_window w[WINDOWS];
        unsigned draw = 1;
        scorer *one = scorer_new(m, -1), *many = scorer_new(m, -1);
        for (int i = 0; i < WINDOWS; i++) {
            const size_t n = 2 + (size_t)(i * 37 % 64);
            for (size_t t = 0; t < n; t++) ids[i][t] = (int32_t)((draw = draw * 1664525u + 1013904223u) >> 16) % 97;
            w[i] = (score_window){.ids = ids[i], .n = n, .from = 1, .nll = alone[i]};
            if (!scorer_run(one, &w[i], 1, NULL, NULL, &err)) fail_msg("%s", err.text);
            w[i].nll = together[i];
        }
        if (!scorer_run(many, w, WINDOWS, NULL, NULL, &err)) fail_msg("%s", err.text);
        for (int i = 0; i < WINDOWS; i++)
            for (size_t t = 1; t < w[i].n; t++) {
                assert_true(alone[i][t] > 0 && alone[i][t] < 50);
                assert_true(alone[i][t] == together[i][t]);
            }
        scorer_drop(one);
        scorer_drop(many);
        model_free_weights((model *)m);
        arena_drop(&owner);
    }
}

static bool stop_at_once(void *context, size_t rows) {
    *(size_t *)context = rows;
    return false;
}

static void what_does_not_fit_the_model_is_refused_by_name(void **state) {
    arena owner = {0};
    const model *m = small_model(&owner, "llama");
    scorer *s = scorer_new(m, -1);
    int32_t ids[80] = {0, 1, 97};
    double nll[80];
    size_t rows = 0;
    error err = {0};
    assert_false(score_sequence(s, ids, 3, 64, 64, nll, &err));
    assert_non_null(strstr(err.text, "id 97 is outside the model's vocabulary of 97 ids"));
    ids[2] = -1;
    error_clear(&err);
    assert_false(score_sequence(s, ids, 3, 64, 64, nll, &err));
    assert_non_null(strstr(err.text, "id -1"));
    ids[2] = 2;
    error_clear(&err);
    assert_false(scorer_run(s, &(score_window){.ids = ids, .n = 66, .from = 1, .nll = nll}, 1, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "64 positions"));
    error_clear(&err);
    assert_false(scorer_run(s, &(score_window){.ids = ids, .n = 65, .from = 1, .nll = nll}, 1, stop_at_once, &rows, &err));
    assert_string_equal(err.text, "stopped");
    assert_int_equal(rows, 64);
    error_clear(&err);
    assert_true(score_sequence(s, ids, 80, 64, 16, nll, &err));
    assert_true(score_sequence(s, ids, 1, 64, 64, nll, &err) && nll[0] == 0);
    assert_true(score_sequence(s, ids, 0, 64, 64, nll, &err));
    scorer_drop(s);
    model_free_weights((model *)m);
    arena_drop(&owner);
}

static void damaged_weights_are_an_error(void **state) {
    arena owner = {0};
    error err = {0};
    model *m = small_model(&owner, "llama");
    ((real *)m->final_norm->value.data)[3] = (real)NAN;
    scorer *s = scorer_new(m, -1);
    const int32_t ids[] = {1, 2, 3};
    double nll[3];
    assert_false(score_sequence(s, ids, 3, 64, 64, nll, &err));
    assert_non_null(strstr(err.text, "damaged"));
    scorer_drop(s);
    model_free_weights(m);
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_is_asked_for_once_and_no_window_is_too_long),
        cmocka_unit_test(batch_does_not_show),
        cmocka_unit_test(what_does_not_fit_the_model_is_refused_by_name),
        cmocka_unit_test(damaged_weights_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
