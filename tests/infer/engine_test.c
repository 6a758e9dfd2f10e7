#include "infer/engine.h"

#include "base/parallel.h"
#include "base/random.h"
#include "model/transformer.h"
#include "tiny_model.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONTEXT = 160, MOST = 160, REQUESTS = 12 };

/* What came of one request. */
typedef struct result {
    int32_t ids[MOST], prompt_ids[MOST];
    real logprobs[MOST], prompt_logprobs[MOST];
    token_logprob top[MOST][3];
    int n, n_prompt, enough; /* enough: on_token says so at this many; 0: never */
    bool ended;
    finish_reason why;
    error err;
} result;

static bool on_token(void *context, const engine_token *t) {
    result *r = context;
    if (t->of_prompt) {
        r->prompt_ids[r->n_prompt] = t->id;
        r->prompt_logprobs[r->n_prompt++] = t->logprob;
        return true;
    }
    for (int k = 0; k < t->n_top; k++) r->top[r->n][k] = t->top[k];
    r->ids[r->n] = t->id;
    r->logprobs[r->n++] = t->logprob;
    return r->n != r->enough;
}

static void on_end(void *context, finish_reason why, const error *err) {
    result *r = context;
    assert_false(r->ended);
    r->ended = true;
    r->why = why;
    if (err != NULL) r->err = *err;
}

/* Request i of a set that differs in length, sampling and seed. */
typedef struct asked {
    int32_t prompt[MOST];
    generation g;
} asked;

static asked ask(int i, long max_tokens) {
    asked q = {
        .g = {.adapter = -1, .max_tokens = max_tokens, .ignore_eos = true, .how = sampling_greedy(), .n_top = 2, .on_token = on_token, .on_end = on_end}};
    random_stream r = random_start(3, (uint64_t)i);
    q.g.n_prompt = 1 + (size_t)(i * 7 % 50);
    for (size_t k = 0; k < q.g.n_prompt; k++) q.prompt[k] = (int32_t)random_below(&r, 61);
    if (i % 3 == 1) {
        q.g.how = sampling_plain();
        q.g.how.top_p = 0.9;
        q.g.how.seed = (uint64_t)i;
    }
    if (i % 4 == 3) q.g.how.repetition_penalty = 1.3;
    q.g.prompt_logprobs = i % 5 == 2;
    return q;
}

static void submit(engine *e, asked *q, result *r, uint64_t *ticket) {
    error err = {0};
    q->g.prompt = q->prompt;
    q->g.context = r;
    if (!engine_submit(e, &q->g, ticket, NULL, &err)) fail_msg("%s", err.text);
}

static engine *make(arena *a, const model *m, engine_options o) {
    error err = {0};
    engine *e = engine_new(a, m, &o, &err);
    if (e == NULL) fail_msg("%s", err.text);
    return e;
}

/* The requests' results by an engine of the given kind, all at once. */
static engine_figures answer_all(const model *m, engine_options o, result *results) {
    arena a = {0};
    engine *e = make(&a, m, o);
    memset(results, 0, sizeof *results * REQUESTS);
    for (int i = 0; i < REQUESTS; i++) {
        asked q = ask(i, 40 + i);
        submit(e, &q, &results[i], NULL);
    }
    while (engine_step(e)) {
    }
    for (int i = 0; i < REQUESTS; i++) assert_true(results[i].ended);
    const engine_figures f = engine_count(e);
    assert_int_equal(f.running + f.waiting, 0);
    engine_free(e);
    arena_drop(&a);
    return f;
}

static void assert_same(const result *a, const result *b, int n) {
    for (int i = 0; i < n; i++) {
        assert_int_equal(a[i].why, b[i].why);
        assert_int_equal(a[i].n, b[i].n);
        assert_int_equal(a[i].n_prompt, b[i].n_prompt);
        assert_memory_equal(a[i].ids, b[i].ids, sizeof a->ids);
        assert_memory_equal(a[i].logprobs, b[i].logprobs, sizeof a->logprobs);
        assert_memory_equal(a[i].top, b[i].top, sizeof a->top);
        assert_memory_equal(a[i].prompt_logprobs, b[i].prompt_logprobs, sizeof a->prompt_logprobs);
    }
}

static result alone[REQUESTS], together[REQUESTS];

static void answer_alone(const model *m) {
    arena a = {0};
    memset(alone, 0, sizeof alone);
    engine *e = make(&a, m, (engine_options){.max_sequences = 1});
    for (int i = 0; i < REQUESTS; i++) {
        asked q = ask(i, 40 + i);
        submit(e, &q, &alone[i], NULL);
        while (engine_step(e)) {
        }
        assert_int_equal(alone[i].n, 40 + i);
        assert_int_equal(alone[i].why, FINISH_LENGTH);
    }
    engine_free(e);
    arena_drop(&a);
}

static void an_answer_is_the_same_alone_and_among_others(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    answer_alone(m);
    const engine_figures f = answer_all(m, (engine_options){0}, together);
    assert_int_equal(f.most_at_once, REQUESTS);
    assert_same(alone, together, REQUESTS);
    for (int threads = 1; threads <= 3; threads++) {
        parallel_set_threads(threads);
        answer_all(m, (engine_options){.max_sequences = 5}, together);
        assert_same(alone, together, REQUESTS);
    }
    model_free_weights(m);
    arena_drop(&a);
}

static void how_a_prompt_is_cut_does_not_show(void **state) {
    static const long chunks[] = {1, 3, 16, 33};
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    answer_alone(m);
    for (size_t i = 0; i < COUNT(chunks); i++) {
        answer_all(m, (engine_options){.chunk = chunks[i], .max_sequences = 4}, together);
        assert_same(alone, together, REQUESTS);
    }
    model_free_weights(m);
    arena_drop(&a);
}

static void a_full_cache_makes_sequences_wait_and_changes_no_answer(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    answer_alone(m);
    const engine_figures f = answer_all(m, (engine_options){.cache_tokens = CONTEXT, .max_sequences = REQUESTS}, together);
    assert_true(f.preempted > 0);
    assert_same(alone, together, REQUESTS);
    model_free_weights(m);
    arena_drop(&a);
}

/* Log-probabilities of ids[1..n) by one pass without a cache. */
static void uncached_logprobs(const model *m, const int32_t *ids, int n, double *out) {
    arena a = {0};
    error err = {0};
    int32_t *row_ids = NEW_ARRAY(&a, n, int32_t), *position = NEW_ARRAY(&a, n, int32_t), *zero = NEW_ARRAY(&a, n, int32_t), *next = NEW_ARRAY(&a, n, int32_t);
    for (int i = 0; i < n; i++) {
        row_ids[i] = ids[i];
        position[i] = i;
        next[i] = i + 1 < n ? ids[i + 1] : -100;
    }
    const transformer_pass p = {.ids = tensor_of(DTYPE_I32, shape_1(n), row_ids),
                                .position = tensor_of(DTYPE_I32, shape_1(n), position),
                                .first = tensor_of(DTYPE_I32, shape_1(n), zero)};
    const tensor targets = tensor_of(DTYPE_I32, shape_1(n), next);
    record *r = record_new(&a);
    const value hidden = transformer_hidden(m, r, &p, &err);
    assert_int_not_equal(hidden, NO_VALUE);
    const value nll = transformer_nll(m, r, hidden, record_outside(r, &targets), &err);
    assert_int_not_equal(nll, NO_VALUE);
    record_keep(r, nll);
    plan *plan_of = plan_new(&a, r, &err);
    assert_non_null(plan_of);
    void *memory = memory_new(plan_bytes(plan_of), &err);
    plan_run(plan_of, memory);
    const real *got = plan_tensor(plan_of, nll, memory).data;
    for (int i = 0; i + 1 < n; i++) out[i + 1] = -(double)got[i];
    memory_free(memory, plan_bytes(plan_of));
    arena_drop(&a);
}

static void a_cached_pass_agrees_with_one_over_the_whole_text(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    answer_all(m, (engine_options){.chunk = 7}, together);
    for (int i = 0; i < REQUESTS; i++) {
        const asked q = ask(i, 0);
        const int n_prompt = (int)q.g.n_prompt, n = n_prompt + together[i].n;
        int32_t ids[2 * MOST];
        double want[2 * MOST];
        memcpy(ids, q.prompt, q.g.n_prompt * sizeof *ids);
        memcpy(ids + n_prompt, together[i].ids, (size_t)together[i].n * sizeof *ids);
        uncached_logprobs(m, ids, n, want);
        for (int k = 0; k < together[i].n; k++) assert_true(fabs((double)together[i].logprobs[k] - want[n_prompt + k]) < 1e-4);
        if (!q.g.prompt_logprobs) continue;
        assert_int_equal(together[i].n_prompt, n_prompt);
        assert_memory_equal(together[i].prompt_ids, q.prompt, q.g.n_prompt * sizeof *ids);
        assert_true(isnan(together[i].prompt_logprobs[0]));
        for (int k = 1; k < n_prompt; k++) assert_true(fabs((double)together[i].prompt_logprobs[k] - want[k]) < 1e-4);
    }
    model_free_weights(m);
    arena_drop(&a);
}

static void an_answer_ends_where_it_should(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    engine *e = make(&a, m, (engine_options){0});
    result free_run = {0}, at_stop = {0}, enough = {.enough = 4}, filled = {0}, nothing = {0}, scored = {0}, ignored = {0};
    asked q = ask(3, 30);
    submit(e, &q, &free_run, NULL);
    while (engine_step(e)) {
    }
    const int32_t stop = free_run.ids[10];
    int first = 0;
    while (free_run.ids[first] != stop) first++;
    q.g.stop_ids = &stop;
    q.g.n_stop_id = 1;
    submit(e, &q, &ignored, NULL); /* ignore_eos holds for it too */
    q.g.ignore_eos = false;
    submit(e, &q, &at_stop, NULL);
    q.g.ignore_eos = true;
    submit(e, &q, &enough, NULL);
    q.g.max_tokens = -1;
    submit(e, &q, &filled, NULL);
    q.g.max_tokens = 0;
    submit(e, &q, &nothing, NULL);
    q.g.prompt_logprobs = true;
    submit(e, &q, &scored, NULL);
    while (engine_step(e)) {
    }
    assert_int_equal(ignored.n, 30);
    assert_int_equal(at_stop.why, FINISH_STOP);
    assert_int_equal(at_stop.n, first); /* without the id itself */
    assert_int_equal(enough.why, FINISH_STOP);
    assert_int_equal(enough.n, 4);
    assert_int_equal(filled.why, FINISH_LENGTH);
    assert_int_equal(filled.n + (int)q.g.n_prompt, CONTEXT);
    assert_memory_equal(filled.ids, free_run.ids, 30 * sizeof *filled.ids);
    assert_int_equal(nothing.why, FINISH_LENGTH);
    assert_int_equal(nothing.n, 0);
    assert_int_equal(scored.n, 0);
    assert_int_equal(scored.n_prompt, (int)q.g.n_prompt);
    engine_free(e);
    model_free_weights(m);
    arena_drop(&a);
}

static void what_cannot_be_done_is_refused(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    engine *e = make(&a, m, (engine_options){.max_waiting = 2});
    static const struct {
        size_t n_prompt;
        int32_t id;
        long max_tokens;
        int adapter;
        double top_p;
        const char *said;
    } cases[] = {
        {0, 1, 5, -1, 1, "no token"},     {CONTEXT + 1, 1, 0, -1, 1, "context"}, {CONTEXT - 4, 1, 5, -1, 1, "context"},
        {3, 61, 5, -1, 1, "no token 61"}, {3, -1, 5, -1, 1, "no token -1"},      {3, 1, 5, 0, 1, "adapter"},
        {3, 1, 5, -1, 2, "top_p"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        bool busy;
        int32_t prompt[CONTEXT + 1];
        for (int k = 0; k <= CONTEXT; k++) prompt[k] = cases[i].id;
        generation g = {
            .prompt = prompt, .n_prompt = cases[i].n_prompt, .max_tokens = cases[i].max_tokens, .adapter = cases[i].adapter, .how = sampling_plain()};
        g.how.top_p = cases[i].top_p;
        assert_false(engine_submit(e, &g, NULL, &busy, &err));
        assert_false(busy);
        assert_non_null(strstr(err.text, cases[i].said));
    }
    result results[2] = {0};
    error err = {0};
    bool busy;
    asked q = ask(0, 5);
    for (int i = 0; i < 2; i++) submit(e, &q, &results[i], NULL);
    assert_false(engine_submit(e, &q.g, NULL, &busy, &err));
    assert_true(busy);
    engine_free(e); /* those that wait are told */
    for (int i = 0; i < 2; i++) assert_int_equal(results[i].why, FINISH_CANCELLED);
    error_clear(&err);
    assert_null(engine_new(&a, m, &(engine_options){.context = CONTEXT + 1}, &err));
    error_clear(&err);
    assert_null(engine_new(&a, m, &(engine_options){.cache_tokens = CONTEXT - 1}, &err));
    model_free_weights(m);
    arena_drop(&a);
}

static void cancelled_requests_end_wherever_they_are(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    engine *e = make(&a, m, (engine_options){.max_sequences = 2});
    result results[4] = {0};
    uint64_t ticket[4];
    for (int i = 0; i < 4; i++) {
        asked q = ask(i, 20);
        submit(e, &q, &results[i], &ticket[i]);
    }
    for (int i = 0; i < 5; i++) assert_true(engine_step(e));
    engine_cancel(e, ticket[0]); /* runs */
    engine_cancel(e, ticket[3]); /* waits */
    while (engine_step(e)) {
    }
    engine_cancel(e, ticket[1]); /* has ended */
    static const finish_reason want[] = {FINISH_CANCELLED, FINISH_LENGTH, FINISH_LENGTH, FINISH_CANCELLED};
    for (int i = 0; i < 4; i++) assert_int_equal(results[i].why, want[i]);
    assert_true(results[0].n < 20);
    assert_int_equal(results[3].n, 0);
    engine_free(e);
    model_free_weights(m);
    arena_drop(&a);
}

static void a_model_that_gives_no_numbers_is_an_error_of_its_requests(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    parameter *norm = m->final_norm;
    for (long i = 0; i < shape_values(norm->value.shape); i++) ((real *)norm->value.data)[i] = (real)NAN;
    engine *e = make(&a, m, (engine_options){0});
    result r = {0};
    asked q = ask(0, 20);
    submit(e, &q, &r, NULL);
    while (engine_step(e)) {
    }
    assert_int_equal(r.why, FINISH_FAILED);
    assert_true(r.err.text[0] != 0);
    engine_free(e);
    model_free_weights(m);
    arena_drop(&a);
}

/* ---- many threads ---- */

typedef struct client {
    engine *engine;
    int number;
    pthread_mutex_t lock;
    pthread_cond_t change;
    result r;
} client;

static bool client_token(void *context, const engine_token *t) {
    client *c = context;
    pthread_mutex_lock(&c->lock);
    const bool more = on_token(&c->r, t);
    pthread_mutex_unlock(&c->lock);
    return more;
}

static void client_end(void *context, finish_reason why, const error *err) {
    client *c = context;
    pthread_mutex_lock(&c->lock);
    on_end(&c->r, why, err);
    pthread_cond_signal(&c->change);
    pthread_mutex_unlock(&c->lock);
}

static void *client_thread(void *context) {
    client *c = context;
    for (int round = 0; round < 3; round++) { /* the second time round it changes its mind */
        uint64_t ticket;
        asked q = ask(c->number, 40 + c->number);
        q.g.prompt = q.prompt;
        q.g.on_token = client_token;
        q.g.on_end = client_end;
        q.g.context = c;
        memset(&c->r, 0, sizeof c->r);
        if (!engine_submit(c->engine, &q.g, &ticket, NULL, NULL)) return "refused";
        memset(&q, 0xff, sizeof q); /* the engine has copies */
        if (round == 1) engine_cancel(c->engine, ticket);
        pthread_mutex_lock(&c->lock);
        while (!c->r.ended) pthread_cond_wait(&c->change, &c->lock);
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static void many_threads_may_ask_at_once(void **state) {
    arena a = {0};
    model *m = tiny_model(&a, CONTEXT);
    error err = {0};
    answer_alone(m);
    engine *e = make(&a, m, (engine_options){.cache_tokens = 2 * CONTEXT, .max_sequences = 7});
    assert_true(engine_start(e, &err));
    static client clients[REQUESTS];
    pthread_t threads[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
        clients[i] = (client){.engine = e, .number = i};
        pthread_mutex_init(&clients[i].lock, NULL);
        pthread_cond_init(&clients[i].change, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, client_thread, &clients[i]), 0);
    }
    for (int i = 0; i < REQUESTS; i++) {
        void *said;
        pthread_join(threads[i], &said);
        assert_null(said);
        together[i] = clients[i].r;
    }
    assert_same(alone, together, REQUESTS);
    asked q = ask(0, 100);
    result late = {0};
    submit(e, &q, &late, NULL);
    engine_free(e); /* in the middle of it, or before */
    assert_true(late.ended);
    model_free_weights(m);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_the_same_alone_and_among_others),
        cmocka_unit_test(how_a_prompt_is_cut_does_not_show),
        cmocka_unit_test(a_full_cache_makes_sequences_wait_and_changes_no_answer),
        cmocka_unit_test(a_cached_pass_agrees_with_one_over_the_whole_text),
        cmocka_unit_test(an_answer_ends_where_it_should),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(cancelled_requests_end_wherever_they_are),
        cmocka_unit_test(a_model_that_gives_no_numbers_is_an_error_of_its_requests),
        cmocka_unit_test(many_threads_may_ask_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
