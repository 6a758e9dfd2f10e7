/* infer/engine.c: requests in, passes scheduled, tokens out. */
#include "infer/engine_inner.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

struct engine {
    const model *model;
    long context, max_waiting, chunk;
    kv_cache *cache;
    pass_room room;
    sequence **running; /* oldest first; [max_sequences] of them fit. Changed by the computing thread under the lock. */
    sequence **step;    /* those that take part in this step, by adapter */
    bool *place_taken;  /* rows of the block table */
    long n_running;
    pthread_mutex_t lock; /* guards the queue, `running` as a list, `cancelled` of every sequence, and what follows */
    pthread_cond_t work;
    sequence *first_waiting, *last_waiting;
    long n_waiting;
    uint64_t last_ticket;
    engine_figures figures;
    bool started, stopping;
    pthread_t thread;
};

enum { DEFAULT_SEQUENCES = 32, DEFAULT_WAITING = 1024, DEFAULT_CHUNK = 256, DEFAULT_CONTEXTS = 16, MOST_SEQUENCES = 1024 };
static const size_t default_cache_bytes = (size_t)1 << 30;

static long or_default(long given, long absent) {
    return given > 0 ? given : absent;
}

static long default_cache_tokens(const model *m, long context) {
    const long fit = (long)(default_cache_bytes / kv_cache_token_bytes(m));
    const long wanted = context < LONG_MAX / DEFAULT_CONTEXTS ? context * DEFAULT_CONTEXTS : context;
    const long tokens = wanted < fit ? wanted : fit;
    return tokens > context ? tokens : context;
}

engine *engine_new(arena *owner, const model *m, const engine_options *o, error *err) {
    engine *e = NEW(owner, engine);
    e->model = m;
    e->context = or_default(o->context, m->max_position);
    if (e->context > m->max_position) return fail_null(err, "a context of %ld tokens: the model has positions for %ld", e->context, m->max_position);
    const long tokens = or_default(o->cache_tokens, default_cache_tokens(m, e->context));
    if (tokens < e->context) return fail_null(err, "a cache for %ld tokens cannot hold one context of %ld", tokens, e->context);
    const long max_sequences = or_default(o->max_sequences, DEFAULT_SEQUENCES);
    if (max_sequences > MOST_SEQUENCES) return fail_null(err, "%ld sequences at once; at most %d", max_sequences, MOST_SEQUENCES);
    e->max_waiting = or_default(o->max_waiting, DEFAULT_WAITING);
    e->chunk = or_default(o->chunk, DEFAULT_CHUNK);
    if (e->chunk > e->context) e->chunk = e->context;
    e->cache = kv_cache_new(owner, m, kv_cache_blocks(tokens), err);
    if (e->cache == NULL) return NULL;
    e->running = NEW_ARRAY(owner, max_sequences, sequence *);
    e->step = NEW_ARRAY(owner, max_sequences, sequence *);
    e->place_taken = NEW_ARRAY(owner, max_sequences, bool);
    if (!pass_room_make(owner, &e->room, m, e->cache, e->chunk + max_sequences, max_sequences, kv_cache_blocks(e->context), err)) {
        pass_room_free(&e->room);
        kv_cache_free(e->cache);
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->work, NULL);
    return e;
}

long engine_context(const engine *e) {
    return e->context;
}

engine_figures engine_count(engine *e) {
    pthread_mutex_lock(&e->lock);
    engine_figures f = e->figures;
    f.running = e->n_running;
    f.waiting = e->n_waiting;
    pthread_mutex_unlock(&e->lock);
    return f;
}

/* ---- requests ---- */

static bool check_request(const engine *e, const generation *g, error *err) {
    const long n = (long)g->n_prompt;
    if (n == 0) return fail(err, "the prompt has no token");
    if (n > e->context) return fail(err, "the prompt has %ld tokens; the context holds %ld", n, e->context);
    if (g->max_tokens > e->context - n)
        return fail(err, "%ld tokens of prompt and %ld of answer are asked for; the context holds %ld together", n, g->max_tokens, e->context);
    for (long i = 0; i < n; i++) {
        if (g->prompt[i] < 0 || g->prompt[i] >= e->model->vocab_size)
            return fail(err, "the model has no token %d; its ids are below %ld", g->prompt[i], e->model->vocab_size);
    }
    const int slots = e->model->bank != NULL ? e->model->bank->n_slot : 0;
    if (g->adapter < -1 || g->adapter >= slots) return fail(err, "there is no adapter slot %d", g->adapter);
    if (g->n_top < 0 || g->n_top > ENGINE_TOP) return fail(err, "%d likeliest tokens are asked for; at most %d", g->n_top, ENGINE_TOP);
    return sampling_check(&g->how, e->model->vocab_size, err);
}

static sequence *sequence_new(const engine *e, const generation *g) {
    arena memory = {0};
    sequence *s = NEW(&memory, sequence);
    s->want = *g;
    s->n = s->n_prompt = (long)g->n_prompt;
    s->n_most = g->max_tokens < 0 ? e->context : s->n + g->max_tokens;
    s->ids = NEW_ARRAY(&memory, s->n_most + 1, int32_t);
    memcpy(s->ids, g->prompt, g->n_prompt * sizeof *s->ids);
    s->want.prompt = s->ids;
    if (g->n_stop_id > 0) s->want.stop_ids = (int32_t *)arena_copy_bytes(&memory, g->stop_ids, g->n_stop_id * sizeof *g->stop_ids);
    if (g->how.n_bias > 0) s->want.how.bias = (logit_bias *)arena_copy_bytes(&memory, g->how.bias, g->how.n_bias * sizeof *g->how.bias);
    const long tokens = g->prompt_logprobs ? PROMPT_LOGPROB_ROWS : 1;
    s->top = NEW_ARRAY(&memory, tokens * g->n_top, token_logprob);
    s->prompt_logprob = NEW_ARRAY(&memory, tokens, real);
    s->memory = memory;
    return s;
}

static void sequence_drop(sequence *s) {
    arena memory = s->memory; /* the sequence lies in it */
    arena_drop(&memory);
}

static void queue_append(engine *e, sequence *s) {
    if (e->last_waiting != NULL) e->last_waiting->next = s;
    else e->first_waiting = s;
    e->last_waiting = s;
    e->n_waiting++;
}

static void queue_put_first(engine *e, sequence *s) {
    s->next = e->first_waiting;
    e->first_waiting = s;
    if (e->last_waiting == NULL) e->last_waiting = s;
    e->n_waiting++;
}

static sequence *queue_take(engine *e) {
    sequence *s = e->first_waiting;
    e->first_waiting = s->next;
    if (e->first_waiting == NULL) e->last_waiting = NULL;
    s->next = NULL;
    e->n_waiting--;
    return s;
}

bool engine_submit(engine *e, const generation *g, uint64_t *ticket, bool *busy, error *err) {
    if (busy != NULL) *busy = false;
    if (!check_request(e, g, err)) return false;
    sequence *s = sequence_new(e, g);
    pthread_mutex_lock(&e->lock);
    const bool full = e->n_waiting >= e->max_waiting || e->stopping;
    if (!full) {
        s->ticket = ++e->last_ticket;
        if (ticket != NULL) *ticket = s->ticket;
        queue_append(e, s);
        pthread_cond_signal(&e->work);
    }
    pthread_mutex_unlock(&e->lock);
    if (!full) return true;
    sequence_drop(s);
    if (busy != NULL) *busy = true;
    return fail(err, "too many requests are waiting already; try again later");
}

void engine_cancel(engine *e, uint64_t ticket) {
    pthread_mutex_lock(&e->lock);
    for (long i = 0; i < e->n_running; i++)
        if (e->running[i]->ticket == ticket) e->running[i]->cancelled = true;
    for (sequence *s = e->first_waiting; s != NULL; s = s->next)
        if (s->ticket == ticket) s->cancelled = true;
    pthread_cond_signal(&e->work);
    pthread_mutex_unlock(&e->lock);
}

/* ---- scheduling; called by the computing thread ---- */

static void sequence_end(sequence *s, finish_reason why) {
    s->ended = true;
    s->why = why;
}

static void leave_cache(engine *e, sequence *s) {
    kv_cache_release(e->cache, e->room.table + s->place * e->room.max_blocks, &s->n_block);
    e->place_taken[s->place] = false;
    s->computed = 0;
}

/* Takes requests from the queue while there is a place and their tokens fit in the cache. Cancelled ones take no place: they
 * come back as a list. Called with the lock held. */
static sequence *admit(engine *e) {
    sequence *cancelled = NULL;
    sequence *kept_first = NULL, *kept_last = NULL;
    while (e->first_waiting != NULL) { /* first, the cancelled ones anywhere in the queue */
        sequence *s = queue_take(e);
        if (s->cancelled || e->stopping) {
            s->next = cancelled;
            cancelled = s;
        } else {
            if (kept_last != NULL) kept_last->next = s;
            else kept_first = s;
            kept_last = s;
        }
    }
    while (kept_first != NULL) {
        sequence *s = kept_first;
        kept_first = s->next;
        s->next = NULL;
        queue_append(e, s);
    }
    while (e->first_waiting != NULL && e->n_running < e->room.max_sequences) {
        sequence *s = e->first_waiting;
        long place = 0;
        while (e->place_taken[place]) place++;
        if (!kv_cache_grow(e->cache, e->room.table + place * e->room.max_blocks, &s->n_block, s->n)) break;
        queue_take(e);
        s->place = place;
        e->place_taken[place] = true;
        e->running[e->n_running++] = s;
    }
    if ((uint64_t)e->n_running > e->figures.most_at_once) e->figures.most_at_once = (uint64_t)e->n_running;
    return cancelled;
}

/* The youngest gives its blocks back and waits, first in the queue. */
static void preempt_youngest(engine *e) {
    pthread_mutex_lock(&e->lock);
    sequence *s = e->running[--e->n_running];
    leave_cache(e, s);
    queue_put_first(e, s);
    e->figures.preempted++;
    pthread_mutex_unlock(&e->lock);
}

/* Decides each sequence's rows of this step, oldest first; returns how many sequences take part. */
static long choose_rows(engine *e) {
    long n = 0, left = e->chunk;
    for (long i = 0; i < e->n_running; i++) {
        sequence *s = e->running[i];
        if (s->ended) continue;
        while (i < e->n_running && !kv_cache_grow(e->cache, e->room.table + s->place * e->room.max_blocks, &s->n_block, s->n)) preempt_youngest(e);
        if (i >= e->n_running) break; /* it was the youngest itself */
        long rows = s->n - s->computed;
        if (rows > 1) { /* a prompt, or what was computed before it had to give way */
            if (rows > left) rows = left;
            if (s->want.prompt_logprobs && rows > PROMPT_LOGPROB_ROWS) rows = PROMPT_LOGPROB_ROWS;
            left -= rows;
        }
        if (rows == 0) continue;
        s->n_row = rows;
        long at = n++; /* rows of one adapter lie together */
        for (; at > 0 && e->step[at - 1]->want.adapter > s->want.adapter; at--) e->step[at] = e->step[at - 1];
        e->step[at] = s;
    }
    return n;
}

static bool ends_answer(const engine *e, const sequence *s, int32_t id) {
    if (s->want.ignore_eos) return false;
    for (int i = 0; i < e->model->n_eos; i++)
        if (e->model->eos_ids[i] == id) return true;
    for (size_t i = 0; i < s->want.n_stop_id; i++)
        if (s->want.stop_ids[i] == id) return true;
    return false;
}

static bool report_prompt(sequence *s) {
    const long first = s->computed - s->n_logit; /* logits j are about the token at first + j + 1 */
    if (s->reported == 0) {
        s->reported = 1;
        const engine_token t = {.id = s->ids[0], .logprob = (real)NAN, .of_prompt = true};
        if (!s->want.on_token(s->want.context, &t)) return false;
    }
    for (long j = 0; j < s->n_logit; j++) {
        const long at = first + j + 1;
        if (at >= s->n_prompt || at < s->reported) continue;
        s->reported = at + 1;
        const engine_token t = {s->ids[at], s->prompt_logprob[j], true, s->want.n_top, s->top + j * s->want.n_top};
        if (!s->want.on_token(s->want.context, &t)) return false;
    }
    return true;
}

/* Hands out what a pass gave one sequence, and decides whether it goes on. */
static void report(const engine *e, sequence *s) {
    s->computed += s->n_row;
    if (s->want.prompt_logprobs && s->n_logit > 0 && s->computed - s->n_logit < s->n_prompt && !report_prompt(s)) {
        sequence_end(s, FINISH_STOP);
        return;
    }
    if (s->computed < s->n) return;
    if (s->n >= s->n_most) {
        sequence_end(s, FINISH_LENGTH);
        return;
    }
    if (s->picked < 0) {
        fail(&s->err, "the model gives no finite number for the next token");
        sequence_end(s, FINISH_FAILED);
        return;
    }
    if (ends_answer(e, s, s->picked)) {
        sequence_end(s, FINISH_STOP);
        return;
    }
    s->ids[s->n++] = s->picked;
    const engine_token t = {s->picked, s->picked_logprob, false, s->want.n_top, s->top + (s->n_logit - 1) * s->want.n_top};
    if (!s->want.on_token(s->want.context, &t)) sequence_end(s, FINISH_STOP);
    else if (s->n >= s->n_most) sequence_end(s, FINISH_LENGTH);
}

static void tell_end(sequence *s) {
    if (s->want.on_end != NULL) s->want.on_end(s->want.context, s->why, s->why == FINISH_FAILED ? &s->err : NULL);
    sequence_drop(s);
}

/* Takes the ended ones out of `running` and tells their owners. */
static void sweep(engine *e) {
    sequence *ended = NULL, **last = &ended;
    pthread_mutex_lock(&e->lock);
    long kept = 0;
    for (long i = 0; i < e->n_running; i++) {
        sequence *s = e->running[i];
        if (!s->ended) {
            e->running[kept++] = s;
            continue;
        }
        leave_cache(e, s);
        *last = s;
        last = &s->next;
    }
    e->n_running = kept;
    pthread_mutex_unlock(&e->lock);
    for (sequence *next; ended != NULL; ended = next) {
        next = ended->next;
        tell_end(ended);
    }
}

static void end_cancelled(engine *e) {
    pthread_mutex_lock(&e->lock);
    for (long i = 0; i < e->n_running; i++)
        if (e->running[i]->cancelled || e->stopping) sequence_end(e->running[i], FINISH_CANCELLED);
    pthread_mutex_unlock(&e->lock);
    sweep(e); /* before new ones are admitted: what they held is free now */
    pthread_mutex_lock(&e->lock);
    sequence *cancelled = admit(e);
    pthread_mutex_unlock(&e->lock);
    for (sequence *next; cancelled != NULL; cancelled = next) {
        next = cancelled->next;
        cancelled->why = FINISH_CANCELLED;
        tell_end(cancelled);
    }
}

static void count_step(engine *e, long n, long answer_tokens) {
    long rows = 0;
    for (long i = 0; i < n; i++) rows += e->step[i]->n_row;
    pthread_mutex_lock(&e->lock);
    e->figures.steps++;
    e->figures.rows += (uint64_t)rows;
    e->figures.answer_tokens += (uint64_t)answer_tokens;
    pthread_mutex_unlock(&e->lock);
}

bool engine_step(engine *e) {
    end_cancelled(e);
    for (long i = 0; i < e->n_running; i++) { /* an empty answer to a prompt whose log-probabilities nobody wants */
        sequence *s = e->running[i];
        if (s->n >= s->n_most && !s->want.prompt_logprobs) sequence_end(s, FINISH_LENGTH);
    }
    const long n = choose_rows(e);
    error err = {0};
    if (n > 0) {
        const bool ok = pass_run(&e->room, e->step, n, &err);
        long answered = 0;
        for (long i = 0; i < n; i++) {
            sequence *s = e->step[i];
            answered -= s->n;
            if (ok) report(e, s);
            else {
                s->err = err;
                sequence_end(s, FINISH_FAILED);
            }
            answered += s->n;
        }
        count_step(e, n, answered);
    }
    sweep(e);
    pthread_mutex_lock(&e->lock);
    const bool more = e->n_running > 0 || e->first_waiting != NULL;
    pthread_mutex_unlock(&e->lock);
    return more;
}

static void *engine_thread(void *context) {
    engine *e = context;
    for (;;) {
        pthread_mutex_lock(&e->lock);
        while (e->n_running == 0 && e->first_waiting == NULL && !e->stopping) pthread_cond_wait(&e->work, &e->lock);
        const bool end = e->stopping && e->n_running == 0 && e->first_waiting == NULL;
        pthread_mutex_unlock(&e->lock);
        if (end) return NULL;
        engine_step(e);
    }
}

bool engine_start(engine *e, error *err) {
    const int status = pthread_create(&e->thread, NULL, engine_thread, e);
    if (status != 0) return fail(err, "starting the engine's thread: %s", strerror(status));
    e->started = true;
    return true;
}

void engine_stop(engine *e) {
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->work);
    pthread_mutex_unlock(&e->lock);
    if (e->started) pthread_join(e->thread, NULL);
    e->started = false;
    end_cancelled(e);
}

void engine_free(engine *e) {
    if (e == NULL) return;
    engine_stop(e);
    pass_room_free(&e->room);
    kv_cache_free(e->cache);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->work);
}
