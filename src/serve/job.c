#include "serve/job.h"

#include "base/log.h"
#include "infer/text_stream.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { DEFAULT_TOKENS = 16, POLL_MILLISECONDS = 200, KEEP_ALIVE_SECONDS = 15 };

typedef struct token_record {
    int32_t id;
    real logprob;
    size_t start; /* bytes of the choice's text before it */
} token_record;

typedef struct choice {
    job *job;
    uint64_t ticket;
    bool submitted;
    /* written by the engine's thread under the job's lock */
    text_stream stream;
    tokenizer_decoder echo; /* over the prompt's own tokens */
    size_t echoed;
    string text;          /* certain so far */
    token_record *tokens; /* where log-probabilities are wanted */
    token_logprob *top;   /* top_logprobs for each token */
    size_t n_token, room;
    long n_answer;
    bool ended;
    finish_reason why;
    error err;
    /* of the request's thread */
    size_t text_sent, tokens_sent, counted;
    long characters; /* of the first `counted` bytes of the text */
    bool begun, finished;
} choice;

struct job {
    job_request q;
    arena memory;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool has_news;
    id_list *prompts; /* [n_prompt] */
    size_t n_prompt;
    choice *choices;
    size_t n_choice, n_ended;
    api_head head;
    double last_sent;
    bool abandoned, done;
    const char *stops[API_STOPS + 1];
    size_t n_stop;
};

/* ---- called by the engine's thread ---- */

static bool record_token(choice *c, const engine_token *t, size_t start) {
    const size_t n_top = (size_t)c->job->q.asked->top_logprobs;
    if (c->n_token == c->room) {
        const size_t room = c->room == 0 ? 64 : 2 * c->room;
        token_record *tokens = realloc(c->tokens, room * sizeof *tokens);
        if (tokens != NULL) c->tokens = tokens;
        token_logprob *top = realloc(c->top, room * (n_top + 1) * sizeof *top);
        if (top != NULL) c->top = top;
        if (tokens == NULL || top == NULL) return fail(&c->err, "the machine has no memory for log-probabilities");
        c->room = room;
    }
    for (size_t k = 0; k < n_top; k++) c->top[c->n_token * n_top + k] = (int)k < t->n_top ? t->top[k] : (token_logprob){-1, -INFINITY};
    c->tokens[c->n_token++] = (token_record){t->id, t->logprob, start};
    return true;
}

static bool take_token(choice *c, const engine_token *t) {
    const bool wanted = c->job->q.asked->wants_logprobs;
    if (t->of_prompt) {
        string piece = {0};
        const size_t start = c->echoed;
        tokenizer_decoder_push(&c->echo, t->id, &piece);
        c->echoed += piece.length;
        string_drop(&piece);
        return !wanted || record_token(c, t, start);
    }
    c->n_answer++;
    const size_t start = text_stream_position(&c->stream, c->text.length);
    const bool more = text_stream_put(&c->stream, t->id, &c->text);
    return (!wanted || record_token(c, t, start)) && more;
}

static void tell(job *j) {
    j->has_news = true;
    pthread_cond_signal(&j->news);
}

static bool on_token(void *context, const engine_token *t) {
    choice *c = context;
    pthread_mutex_lock(&c->job->lock);
    const bool more = take_token(c, t);
    if (c->job->q.asked->stream) tell(c->job);
    pthread_mutex_unlock(&c->job->lock);
    return more;
}

static void on_end(void *context, finish_reason why, const error *err) {
    choice *c = context;
    job *j = c->job;
    pthread_mutex_lock(&j->lock);
    text_stream_end(&c->stream, &c->text);
    c->ended = true;
    c->why = c->err.text[0] != 0 ? FINISH_FAILED : why;
    if (err != NULL) c->err = *err;
    j->n_ended++;
    tell(j);
    pthread_mutex_unlock(&j->lock);
}

/* ---- starting ---- */

static uint64_t random_word(void) {
    uint64_t word;
    if (getrandom(&word, sizeof word, 0) == sizeof word) return word;
    return (uint64_t)(clock_unix() * 1e6);
}

static bool encode_prompts(job *j, api_error *e) {
    const api_request *r = j->q.asked;
    const served_model *m = j->q.model;
    error err = {0};
    j->n_prompt = r->chat ? 1 : r->n_prompt;
    j->prompts = NEW_ARRAY(&j->memory, j->n_prompt, id_list);
    if (r->chat) {
        int32_t *ids;
        size_t n;
        if (!m->converses) return api_fail(e, 400, "no_chat_template", "model", "model '%s': %s", m->name, m->why_not.text);
        if (!conversation_prompt(&j->memory, &m->form, &r->messages, &ids, &n, &err)) return api_fail(e, 400, "invalid_value", "messages", "%s", err.text);
        for (size_t i = 0; i < n; i++) id_list_push(&j->prompts[0], ids[i]);
        return true;
    }
    for (size_t i = 0; i < j->n_prompt; i++) {
        const api_prompt *p = &r->prompts[i];
        for (size_t k = 0; p->text == NULL && k < p->n; k++) id_list_push(&j->prompts[i], p->ids[k]);
        if (p->text != NULL && !tokenizer_encode(m->tokenizer, NULL, p->text, p->n, TOKENIZER_ADD_SPECIAL, &j->prompts[i], &err))
            return api_fail(e, 400, "invalid_value", "prompt", "%s", err.text);
    }
    return true;
}

/* How many tokens the answer may have; -1 with e where prompt and answer are longer than the context. */
static long answer_length(const job *j, const id_list *prompt, api_error *e) {
    const api_request *r = j->q.asked;
    const long context = engine_context(j->q.engine), n = (long)prompt->n, left = context - n;
    if (left < 0 || (left == 0 && r->max_tokens != 0) || r->max_tokens > left) {
        if (r->max_tokens < 0)
            api_fail(e, 400, "context_length_exceeded", r->chat ? "messages" : "prompt", "the context of this model holds %ld tokens, and the prompt has %ld",
                     context, n);
        else
            api_fail(e, 400, "context_length_exceeded", r->chat ? "messages" : "prompt",
                     "the context of this model holds %ld tokens; the prompt has %ld and 'max_tokens' is %ld", context, n, r->max_tokens);
        return -1;
    }
    if (r->max_tokens >= 0) return r->max_tokens;
    return r->chat || left < DEFAULT_TOKENS ? left : DEFAULT_TOKENS;
}

static void begin_echo(choice *c, const api_prompt *p, const id_list *ids) {
    const tokenizer *t = c->job->q.model->tokenizer;
    if (p->text != NULL) string_append(&c->text, p->text, p->n);
    else tokenizer_decode(t, ids->id, ids->n, true, &c->text);
    c->echo = tokenizer_decoder_start(t, NULL, 0, true);
}

static bool submit(job *j, size_t i, const sampling *how, api_error *e) {
    const api_request *r = j->q.asked;
    const served_model *m = j->q.model;
    const size_t which = i / (size_t)r->n;
    const id_list *prompt = &j->prompts[which];
    choice *c = &j->choices[i];
    error err = {0};
    bool busy;
    generation g = {.prompt = prompt->id,
                    .n_prompt = prompt->n,
                    .adapter = m->slot,
                    .how = *how,
                    .ignore_eos = r->ignore_eos,
                    .on_token = on_token,
                    .on_end = on_end,
                    .context = c};
    c->job = j;
    g.max_tokens = answer_length(j, prompt, e);
    if (g.max_tokens < 0) return false;
    g.how.seed = how->seed + i % (size_t)r->n; /* the first choice is the one that n = 1 gives */
    if (r->wants_logprobs) g.n_top = (int)r->top_logprobs;
    if (r->chat && m->form.stop_id >= 0) g.stop_ids = &m->form.stop_id, g.n_stop_id = 1;
    g.prompt_logprobs = r->echo && r->wants_logprobs;
    c->stream = text_stream_start(m->tokenizer, prompt->id, prompt->n, j->stops, j->n_stop);
    if (r->echo) begin_echo(c, &r->prompts[which], prompt);
    c->submitted = engine_submit(j->q.engine, &g, &c->ticket, &busy, &err);
    if (c->submitted) return true;
    return api_fail(e, busy ? 503 : 400, busy ? "overloaded" : "invalid_value", busy ? NULL : r->chat ? "messages" : "prompt", "%s", err.text);
}

static void name_job(job *j) {
    const api_request *r = j->q.asked;
    j->head = (api_head){.chat = r->chat, .model = j->q.model->name, .created = (int64_t)clock_unix(), .usage_follows = r->include_usage};
    j->head.id = arena_print(&j->memory, "%s-%016llx%08x", r->chat ? "chatcmpl" : "cmpl", (unsigned long long)random_word(), (unsigned)random_word());
}

job *job_start(const job_request *q, api_error *e) {
    arena memory = {0};
    job *j = NEW(&memory, job);
    const api_request *r = q->asked;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    j->q = *q;
    j->memory = memory;
    name_job(j);
    for (size_t i = 0; i < r->n_stop; i++) j->stops[j->n_stop++] = r->stops[i];
    if (r->chat && q->model->converses && q->model->form.stop_id < 0 && q->model->form.stop_text != NULL) j->stops[j->n_stop++] = q->model->form.stop_text;
    sampling how = api_request_sampling(r, q->defaults);
    if (!r->has_seed) how.seed = random_word();
    bool ok = encode_prompts(j, e);
    if (ok) {
        j->n_choice = j->n_prompt * (size_t)r->n;
        j->choices = NEW_ARRAY(&j->memory, j->n_choice, choice);
    }
    for (size_t i = 0; ok && i < j->n_choice; i++) ok = submit(j, i, &how, e);
    if (ok) return j;
    job_end(j);
    return NULL;
}

/* ---- waiting; called with the lock held ---- */

static void wait_a_little(job *j) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += POLL_MILLISECONDS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_sec++, until.tv_nsec -= 1000000000L;
    if (!j->has_news) pthread_cond_timedwait(&j->news, &j->lock, &until);
}

static void cancel_all(job *j) {
    for (size_t i = 0; i < j->n_choice; i++) /* the engine calls back without its lock: holding ours is no danger */
        if (j->choices[i].submitted) engine_cancel(j->q.engine, j->choices[i].ticket);
}

static size_t count_submitted(const job *j) {
    size_t n = 0;
    for (size_t i = 0; i < j->n_choice; i++) n += j->choices[i].submitted;
    return n;
}

static bool client_gone(job *j) {
    if (!j->abandoned && j->q.abandoned != NULL && j->q.abandoned(j->q.context)) {
        j->abandoned = true;
        cancel_all(j);
    }
    return j->abandoned;
}

/* Why the answers cannot be given, of the first choice that failed. */
static bool failed_choice(const job *j, api_error *e) {
    for (size_t i = 0; i < j->n_choice; i++) {
        const choice *c = &j->choices[i];
        if (!c->ended || c->why == FINISH_STOP || c->why == FINISH_LENGTH) continue;
        if (j->abandoned) api_fail(e, 499, NULL, NULL, "the client has gone");
        else if (c->why == FINISH_CANCELLED) api_fail(e, 503, "shutting_down", NULL, "the server is shutting down");
        else api_fail(e, 500, NULL, NULL, "%s", c->err.text);
        return true;
    }
    return false;
}

/* ---- what is told; called with the lock held ---- */

static api_likely likely(const job *j, arena *scratch, int32_t id, real logprob) {
    const tokenizer *t = j->q.model->tokenizer;
    string text = {0};
    tokenizer_decoder d = tokenizer_decoder_start(t, NULL, 0, false);
    d.begun = true; /* a leading blank is part of the token */
    tokenizer_decoder_push(&d, id, &text);
    tokenizer_decoder_end(&d, &text);
    const api_likely l = {.id = id, .bytes = arena_copy_bytes(scratch, string_chars(&text), text.length), .n = text.length, .logprob = logprob};
    string_drop(&text);
    return l;
}

static long characters_before(choice *c, size_t byte) {
    if (byte > c->text.length) byte = c->text.length;
    for (; c->counted < byte; c->counted++) c->characters += ((unsigned char)c->text.data[c->counted] & 0xc0) != 0x80;
    return c->characters;
}

/* The token records that belong to text that is out, from tokens_sent on, which moves behind them. */
static api_token *ready_tokens(choice *c, arena *scratch, size_t *n) {
    const job *j = c->job;
    const size_t n_top = (size_t)j->q.asked->top_logprobs, first = c->tokens_sent;
    while (c->tokens_sent < c->n_token && (c->tokens[c->tokens_sent].start < c->text.length || (c->ended && !c->stream.stopped))) c->tokens_sent++;
    *n = c->tokens_sent - first;
    api_token *out = NEW_ARRAY(scratch, *n, api_token);
    for (size_t i = 0; i < *n; i++) {
        const token_record *t = &c->tokens[first + i];
        const token_logprob *top = c->top + (first + i) * n_top;
        api_likely *list = NEW_ARRAY(scratch, n_top, api_likely);
        int found = 0;
        for (size_t k = 0; k < n_top; k++)
            if (top[k].id >= 0 && isfinite(top[k].logprob)) list[found++] = likely(j, scratch, top[k].id, top[k].logprob);
        out[i] = (api_token){.own = likely(j, scratch, t->id, t->logprob), .offset = characters_before(c, t->start), .top = list, .n_top = found};
    }
    return out;
}

static const char *finish_text(const choice *c) {
    return !c->ended ? NULL : c->why == FINISH_LENGTH ? "length" : "stop";
}

/* What is new of a choice. */
static api_choice choice_news(choice *c, arena *scratch) {
    api_choice a = {.index = (long)(c - c->job->choices), .has_logprobs = c->job->q.asked->wants_logprobs, .finish_reason = finish_text(c)};
    a.text = string_chars(&c->text) + c->text_sent;
    a.n = c->text.length - c->text_sent;
    c->text_sent = c->text.length;
    if (a.has_logprobs) a.tokens = ready_tokens(c, scratch, &a.n_token);
    return a;
}

static api_usage usage_of(const job *j) {
    api_usage u = {0};
    for (size_t i = 0; i < j->n_prompt; i++) u.prompt += (long)j->prompts[i].n;
    for (size_t i = 0; i < j->n_choice; i++) u.completion += j->choices[i].n_answer;
    return u;
}

api_usage job_usage(job *j) {
    pthread_mutex_lock(&j->lock);
    const api_usage u = usage_of(j);
    pthread_mutex_unlock(&j->lock);
    return u;
}

bool job_reply(job *j, string *out, api_error *e) {
    pthread_mutex_lock(&j->lock);
    while (j->n_ended < j->n_choice) {
        j->has_news = false;
        wait_a_little(j);
        client_gone(j);
    }
    const bool ok = !failed_choice(j, e);
    if (ok) {
        arena scratch = {0};
        api_choice *choices = NEW_ARRAY(&scratch, j->n_choice, api_choice);
        for (size_t i = 0; i < j->n_choice; i++) choices[i] = choice_news(&j->choices[i], &scratch);
        const api_usage u = usage_of(j);
        api_write_reply(out, &j->head, choices, j->n_choice, &u);
        arena_drop(&scratch);
    }
    pthread_mutex_unlock(&j->lock);
    return ok;
}

static void put_event(string *out, const string *data) {
    string_text(out, "data: ");
    string_append(out, data->data, data->length);
    string_text(out, "\n\n");
}

/* Events for all that is new: of each choice its text, and a last chunk with its reason to end. */
static void put_news(job *j, string *out) {
    arena scratch = {0};
    string data = {0};
    for (size_t i = 0; i < j->n_choice; i++) {
        choice *c = &j->choices[i];
        if (c->finished || (c->ended && c->why != FINISH_STOP && c->why != FINISH_LENGTH)) continue;
        if (c->text.length == c->text_sent && !c->ended && (c->begun || !j->head.chat)) continue;
        api_choice news = choice_news(c, &scratch);
        const char *finish = news.finish_reason;
        if (news.n > 0 || news.n_token > 0 || !c->begun) {
            news.finish_reason = NULL;
            string_reset(&data);
            api_write_chunk(&data, &j->head, &news, !c->begun);
            put_event(out, &data);
            c->begun = true;
        }
        if (finish == NULL) continue;
        const api_choice last = {.index = news.index, .text = "", .finish_reason = finish};
        string_reset(&data);
        api_write_chunk(&data, &j->head, &last, false);
        put_event(out, &data);
        c->finished = true;
    }
    string_drop(&data);
    arena_drop(&scratch);
}

static void put_end(job *j, string *out) {
    string data = {0};
    api_error e;
    if (failed_choice(j, &e)) {
        api_write_error(&data, &e);
        put_event(out, &data);
    } else if (j->head.usage_follows) {
        const api_usage u = usage_of(j);
        api_write_usage_chunk(&data, &j->head, &u);
        put_event(out, &data);
    }
    string_drop(&data);
    string_text(out, "data: [DONE]\n\n");
    j->done = true;
}

bool job_stream(job *j, string *out) {
    if (j->done) return false;
    pthread_mutex_lock(&j->lock);
    if (j->last_sent == 0) j->last_sent = clock_seconds();
    while (out->length == 0 && !client_gone(j)) {
        wait_a_little(j);
        j->has_news = false;
        put_news(j, out);
        if (j->n_ended == j->n_choice) put_end(j, out);
        else if (out->length == 0 && clock_seconds() > j->last_sent + KEEP_ALIVE_SECONDS) string_text(out, ": waiting\n\n");
    }
    j->last_sent = clock_seconds();
    pthread_mutex_unlock(&j->lock);
    return out->length > 0;
}

void job_end(job *j) {
    pthread_mutex_lock(&j->lock);
    if (j->n_ended < count_submitted(j)) cancel_all(j);
    while (j->n_ended < count_submitted(j)) {
        j->has_news = false;
        wait_a_little(j);
    }
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < j->n_choice; i++) {
        choice *c = &j->choices[i];
        string_drop(&c->text);
        text_stream_drop(&c->stream);
        tokenizer_decoder_drop(&c->echo);
        free(c->tokens);
        free(c->top);
    }
    for (size_t i = 0; i < j->n_prompt; i++) id_list_drop(&j->prompts[i]);
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->news);
    arena memory = j->memory;
    arena_drop(&memory);
}
