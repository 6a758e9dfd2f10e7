#include "infer/sampler.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOCAB = 257, DRAWS = 20000 };

static void random_logits(real *logits, uint64_t seed) {
    random_stream r = random_start(seed, 0);
    for (int i = 0; i < VOCAB; i++) logits[i] = (real)(3 * random_normal(&r));
}

static int32_t pick(const sampling *s, const real *logits, long n_vocab, size_t n) {
    candidate scratch[VOCAB];
    const int32_t ids[1] = {0};
    return sampler_pick(s, logits, n_vocab, ids, 1, n < 1 ? 1 : n, scratch);
}

static void greedy_takes_the_likeliest_and_of_equals_the_lowest_id(void **state) {
    const real logits[] = {1, 3, -2, 3, 2};
    const sampling s = sampling_greedy();
    assert_int_equal(pick(&s, logits, 5, 1), 1);
    const real odd[] = {NAN, -INFINITY, -5, INFINITY, -7};
    assert_int_equal(pick(&s, odd, 5, 1), 2);
    const real none[] = {NAN, -INFINITY, NAN};
    assert_int_equal(pick(&s, none, 3, 1), -1);
    const sampling warm = sampling_plain();
    assert_int_equal(pick(&warm, none, 3, 1), -1);
}

/* Which tokens come out, and how often. */
static void draw_many(const sampling *s, const real *logits, long n_vocab, int *count) {
    candidate scratch[VOCAB];
    static int32_t ids[DRAWS + 1];
    memset(count, 0, sizeof *count * (size_t)n_vocab);
    for (size_t i = 0; i < DRAWS; i++) count[sampler_pick(s, logits, n_vocab, ids, 1, 1 + i, scratch)]++;
}

static void tokens_come_as_often_as_their_probabilities_say(void **state) {
    const real logits[] = {0, 1, 2, -1};
    static const double temperatures[] = {0.5, 1, 2};
    for (size_t t = 0; t < COUNT(temperatures); t++) {
        sampling s = sampling_plain();
        int count[4];
        double sum = 0;
        s.temperature = temperatures[t];
        s.seed = 5;
        draw_many(&s, logits, 4, count);
        for (int i = 0; i < 4; i++) sum += exp((double)logits[i] / s.temperature);
        for (int i = 0; i < 4; i++) {
            const double p = exp((double)logits[i] / s.temperature) / sum, share = (double)count[i] / DRAWS;
            assert_true(fabs(share - p) < 5 * sqrt(p * (1 - p) / DRAWS));
        }
    }
}

/* The tokens that top-k, then top-p, then min-p leave, by sorting: the same thing done slowly. */
static void allowed_slowly(const sampling *s, const real *logits, bool *allowed) {
    double p[VOCAB], most = -INFINITY;
    int order[VOCAB];
    for (int i = 0; i < VOCAB; i++) most = (double)logits[i] > most ? (double)logits[i] : most;
    for (int i = 0; i < VOCAB; i++) {
        p[i] = exp(((double)logits[i] - most) / s->temperature);
        int at = i;
        for (; at > 0 && p[order[at - 1]] < p[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    long n = s->top_k > 0 && s->top_k < VOCAB ? s->top_k : VOCAB;
    double total = 0, mass = 0;
    for (long i = 0; i < n; i++) total += p[order[i]];
    memset(allowed, 0, VOCAB);
    for (long i = 0; i < n && (i == 0 || mass < s->top_p * total); i++) {
        mass += p[order[i]];
        allowed[order[i]] = p[order[i]] >= s->min_p;
    }
}

static void top_k_top_p_and_min_p_leave_the_tokens_that_sorting_leaves(void **state) {
    static const struct {
        long top_k;
        double top_p, min_p;
    } cases[] = {{5, 1, 0}, {0, 0.5, 0}, {0, 0.9, 0}, {40, 0.7, 0}, {0, 1, 0.2}, {20, 0.95, 0.1}, {1, 0.3, 0.9}, {0, 0, 0}, {1000, 1, 0}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        real logits[VOCAB];
        bool allowed[VOCAB];
        int count[VOCAB];
        sampling s = sampling_plain();
        s.temperature = 0.8;
        s.top_k = cases[c].top_k;
        s.top_p = cases[c].top_p;
        s.min_p = cases[c].min_p;
        random_logits(logits, c);
        allowed_slowly(&s, logits, allowed);
        draw_many(&s, logits, VOCAB, count);
        double left = 0;
        for (int i = 0; i < VOCAB; i++) left += allowed[i] ? exp((double)logits[i] / 0.8) : 0;
        for (int i = 0; i < VOCAB; i++) {
            if (!allowed[i]) assert_int_equal(count[i], 0);
            else if (exp((double)logits[i] / 0.8) / left > 20.0 / DRAWS) assert_true(count[i] > 0);
        }
    }
}

static void a_choice_depends_on_the_seed_and_the_tokens_number_alone(void **state) {
    real logits[VOCAB];
    int differs = 0;
    random_logits(logits, 1);
    for (uint64_t seed = 0; seed < 50; seed++) {
        sampling s = sampling_plain();
        s.seed = seed;
        const int32_t first = pick(&s, logits, VOCAB, 3);
        assert_int_equal(pick(&s, logits, VOCAB, 3), first);
        s.seed = seed + 1000;
        differs += pick(&s, logits, VOCAB, 3) != first;
    }
    assert_true(differs > 25);
}

static void penalties_and_biases_move_logits_as_they_are_defined(void **state) {
    const real logits[] = {2, 1.5, -1, 0};
    const int32_t ids[] = {2, 0, 0, 1}; /* the first two are the prompt */
    candidate scratch[4];
    sampling s = sampling_greedy();
    s.repetition_penalty = 4; /* 0: 0.5, 1: 0.375, 2: -4, 3: 0 */
    assert_int_equal(sampler_pick(&s, logits, 4, ids, 2, 4, scratch), 0);
    s.repetition_penalty = 1;
    s.frequency_penalty = 1; /* of the answer 0, 1: 0: 1, 1: 0.5 */
    assert_int_equal(sampler_pick(&s, logits, 4, ids, 2, 4, scratch), 0);
    s.presence_penalty = 0.6; /* 0: 0.4, 1: -0.1 */
    assert_int_equal(sampler_pick(&s, logits, 4, ids, 2, 4, scratch), 0);
    s.presence_penalty = 1.2; /* 0: -0.2; 3 is untouched at 0 */
    assert_int_equal(sampler_pick(&s, logits, 4, ids, 2, 4, scratch), 3);
    const logit_bias bias[] = {{2, 100}};
    s.bias = bias;
    s.n_bias = 1;
    assert_int_equal(sampler_pick(&s, logits, 4, ids, 2, 4, scratch), 2);
    const int32_t repeated[] = {0, 0, 0}; /* a token that came often is penalised once */
    const real close[] = {2, 1.5, 0, 0};
    s = sampling_greedy();
    s.repetition_penalty = 1.2;
    assert_int_equal(sampler_pick(&s, close, 4, repeated, 3, 3, scratch), 0);
}

static void the_likeliest_are_listed_in_order(void **state) {
    real logits[VOCAB];
    token_logprob top[7];
    random_logits(logits, 9);
    logits[100] = logits[50] = 50;
    const double logsumexp = sampler_logsumexp(logits, VOCAB);
    sampler_top(logits, VOCAB, logsumexp, 7, top);
    assert_int_equal(top[0].id, 50);
    assert_int_equal(top[1].id, 100);
    for (int k = 0; k < 7; k++) {
        int better = 0;
        for (int i = 0; i < VOCAB; i++) better += logits[i] > logits[top[k].id];
        assert_true(better <= k);
        assert_true(fabs((double)top[k].logprob - ((double)logits[top[k].id] - logsumexp)) < 1e-5);
    }
    double sum = 0;
    for (int i = 0; i < VOCAB; i++) sum += exp((double)logits[i] - logsumexp);
    assert_true(fabs(sum - 1) < 1e-5);
    token_logprob more[3];
    const real two[] = {1, 2};
    sampler_top(two, 2, 0, 3, more);
    assert_true(more[2].logprob == -INFINITY);
}

static void values_out_of_bounds_are_refused_by_name(void **state) {
    static const struct {
        double temperature, top_p, min_p;
        const char *name;
    } cases[] = {{-1, 1, 0, "temperature"}, {NAN, 1, 0, "temperature"}, {1, 1.5, 0, "top_p"}, {1, 1, -0.1, "min_p"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        sampling s = sampling_plain();
        s.temperature = cases[i].temperature;
        s.top_p = cases[i].top_p;
        s.min_p = cases[i].min_p;
        assert_false(sampling_check(&s, 10, &err));
        assert_non_null(strstr(err.text, cases[i].name));
    }
    error err = {0};
    const logit_bias bias[] = {{10, 1}};
    sampling s = sampling_plain();
    s.bias = bias;
    s.n_bias = 1;
    assert_false(sampling_check(&s, 10, &err));
}

static void generation_config_is_greedy_unless_it_says_do_sample(void **state) {
    arena a = {0};
    error err = {0};
    sampling s;
    static const char greedy[] = "{\"temperature\": 0.5, \"top_p\": \"x\", \"repetition_penalty\": 1.3}",
                      warm[] = "{\"do_sample\": true, \"temperature\": 0.5, \"top_k\": 7, \"top_p\": 0.9}", bad[] = "{\"do_sample\": true, \"top_p\": \"x\"}",
                      worse[] = "{\"do_sample\": true, \"top_p\": 7}";
    assert_true(sampling_of_config(NULL, &s, &err));
    assert_true(s.temperature == 0);
    assert_true(sampling_of_config(json_parse(&a, greedy, strlen(greedy), &err), &s, &err));
    assert_true(s.temperature == 0 && s.top_p == 1 && s.repetition_penalty == 1.3); /* what draws says nothing here, what penalises does */
    assert_true(sampling_of_config(json_parse(&a, warm, strlen(warm), &err), &s, &err));
    assert_true(s.temperature == 0.5 && s.top_k == 7 && s.top_p == 0.9);
    assert_false(sampling_of_config(json_parse(&a, bad, strlen(bad), &err), &s, &err));
    error_clear(&err);
    assert_false(sampling_of_config(json_parse(&a, worse, strlen(worse), &err), &s, &err));
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_likeliest_and_of_equals_the_lowest_id),
        cmocka_unit_test(tokens_come_as_often_as_their_probabilities_say),
        cmocka_unit_test(top_k_top_p_and_min_p_leave_the_tokens_that_sorting_leaves),
        cmocka_unit_test(a_choice_depends_on_the_seed_and_the_tokens_number_alone),
        cmocka_unit_test(penalties_and_biases_move_logits_as_they_are_defined),
        cmocka_unit_test(the_likeliest_are_listed_in_order),
        cmocka_unit_test(values_out_of_bounds_are_refused_by_name),
        cmocka_unit_test(generation_config_is_greedy_unless_it_says_do_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
