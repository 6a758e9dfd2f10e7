#include "serve/server.h"

#include "base/json.h"
#include "base/log.h"
#include "net/http.h"
#include "serve/job.h"
#include "serve/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_BODY = 2 << 20,     /* a prompt of 128k tokens, as text or as ids, fits */
    MOST_MEMORY = 160 << 20, /* what such a body becomes at worst: a tree of one value for each two bytes */
    MOST_CONNECTIONS = 512,
    IDLE_SECONDS = 120,
    RECEIVE_SECONDS = 60,
};

struct server {
    arena memory;
    catalog catalog;
    engine *engine;
    http_server *http;
    key_list keys; /* n == 0: everybody may ask */
    sampling defaults;
    int64_t started;
};

/* A request from its arrival to its last byte. */
typedef struct exchange {
    server *server;
    http_request request; /* a copy: the handler's own is gone when a stream is read */
    api_request asked;
    const char *model;
    job *job;
    string pending; /* of a stream: what does not fit into the reader's room yet */
    size_t sent;
    int status;
    double began;
} exchange;

static void log_request(const http_request *q, int status, const char *model_name, const api_usage *u, double began) {
    char took[32];
    duration_text(clock_seconds() - began, took);
    if (u == NULL) log_line("%s %.60s %d %s", q->method, q->path, status, took);
    else log_line("%s %.60s %d %s model=%s prompt=%ld answer=%ld", q->method, q->path, status, took, model_name, u->prompt, u->completion);
}

static void answer_error(const api_error *e, http_response *a) {
    a->status = e->status;
    api_write_error(&a->body, e);
    if (e->status == 503) a->header_name = "Retry-After", a->header_value = "1";
}

/* ---- completions ---- */

static bool abandoned(void *context) {
    return http_request_abandoned(&((exchange *)context)->request);
}

static void finish_exchange(void *context) {
    exchange *x = context;
    api_usage u = {0};
    if (x->job != NULL) {
        u = job_usage(x->job);
        job_end(x->job);
    }
    string_drop(&x->pending);
    log_request(&x->request, x->status, x->model, x->model != NULL ? &u : NULL, x->began);
}

static long read_stream(void *context, char *bytes, size_t room) {
    exchange *x = context;
    if (x->sent == x->pending.length) {
        string_reset(&x->pending);
        x->sent = 0;
        if (!job_stream(x->job, &x->pending)) return 0;
    }
    const size_t left = x->pending.length - x->sent, n = left < room ? left : room;
    memcpy(bytes, x->pending.data + x->sent, n);
    x->sent += n;
    return (long)n;
}

static bool start_job(exchange *x, bool chat, api_error *e) {
    server *s = x->server;
    if (!api_request_read(x->request.memory, chat, x->request.body, x->request.n_body, &x->asked, e)) return false;
    const served_model *m = catalog_find(&s->catalog, x->asked.model);
    if (m == NULL) return api_fail(e, 404, "model_not_found", "model", "there is no model '%.100s'; GET /v1/models lists those there are", x->asked.model);
    x->model = m->name;
    x->job = job_start(&(job_request){s->engine, m, &x->asked, &s->defaults, abandoned, x}, e);
    return x->job != NULL;
}

static void answer_completion(server *s, const http_request *q, bool chat, http_response *a) {
    api_error e;
    exchange *x = NEW(q->memory, exchange);
    *x = (exchange){.server = s, .request = *q, .status = 200, .began = clock_seconds()};
    if (start_job(x, chat, &e)) {
        if (x->asked.stream) {
            a->type = "text/event-stream";
            a->read = read_stream;
            a->done = finish_exchange;
            a->context = x;
            return;
        }
        if (!job_reply(x->job, &a->body, &e)) x->status = e.status;
    } else x->status = e.status;
    if (x->status != 200) answer_error(&e, a);
    finish_exchange(x);
}

static void answer_completions(server *s, const http_request *q, http_response *a) {
    answer_completion(s, q, false, a);
}

static void answer_chat(server *s, const http_request *q, http_response *a) {
    answer_completion(s, q, true, a);
}

/* ---- the rest ---- */

static void answer_health(server *s, const http_request *q, http_response *a) {
    const engine_figures f = engine_count(s->engine);
    json_writer w = {.out = &a->body};
    json_begin_object(&w);
    json_key(&w, "status");
    json_text(&w, "ok");
    json_key(&w, "running");
    json_integer(&w, f.running);
    json_key(&w, "waiting");
    json_integer(&w, f.waiting);
    json_end_object(&w);
}

static void answer_models(server *s, const http_request *q, http_response *a) {
    api_model *list = NEW_ARRAY(q->memory, s->catalog.n, api_model);
    for (size_t i = 0; i < s->catalog.n; i++) list[i] = (api_model){s->catalog.models[i].name, s->started};
    api_write_models(&a->body, list, s->catalog.n);
}

static void answer_model(server *s, const http_request *q, http_response *a) {
    api_error e;
    const char *name = q->path + strlen("/v1/models/");
    const served_model *m = catalog_find(&s->catalog, name);
    if (m != NULL) api_write_model(&a->body, &(api_model){m->name, s->started});
    else {
        api_fail(&e, 404, "model_not_found", "model", "there is no model '%.100s'; GET /v1/models lists those there are", name);
        answer_error(&e, a);
    }
}

static const struct route {
    const char *method, *path;
    bool prefix; /* the path goes on */
    bool open;   /* no key is asked for */
    bool logs_itself;
    void (*answer)(server *s, const http_request *q, http_response *a);
} routes[] = {
    {"GET", "/health", false, true, false, answer_health},
    {"GET", "/v1/models", false, false, false, answer_models},
    {"GET", "/v1/models/", true, false, false, answer_model},
    {"POST", "/v1/completions", false, false, true, answer_completions},
    {"POST", "/v1/chat/completions", false, false, true, answer_chat},
};

static const struct route *find_route(const http_request *q, api_error *e) {
    const struct route *other = NULL;
    const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;
    for (size_t i = 0; i < COUNT(routes); i++) {
        const struct route *r = &routes[i];
        const size_t n = strlen(r->path);
        if (strncmp(q->path, r->path, n) != 0 || r->prefix != (q->path[n] != 0)) continue;
        if (strcmp(method, r->method) == 0) return r;
        other = r;
    }
    if (other != NULL) api_fail(e, 405, "method_not_allowed", NULL, "%.20s is not for %.60s; it takes %s", q->method, q->path, other->method);
    else api_fail(e, 404, "unknown_url", NULL, "there is nothing at %.20s %.100s", q->method, q->path);
    return NULL;
}

static void handle(void *context, const http_request *q, http_response *a) {
    server *s = context;
    const double began = clock_seconds();
    api_error e;
    const struct route *r = find_route(q, &e);
    bool allowed = true;
    if (s->keys.n > 0 && !(r != NULL && r->open) && !keys_allow(&s->keys, http_request_header(q, "Authorization"))) {
        allowed = api_fail(&e, 401, "invalid_api_key", NULL, "an API key of this server is wanted, as 'Authorization: Bearer KEY'");
        a->header_name = "WWW-Authenticate";
        a->header_value = "Bearer";
    }
    if (allowed && r != NULL) r->answer(s, q, a);
    else answer_error(&e, a);
    if (!(allowed && r != NULL && r->logs_itself)) log_request(q, a->status != 0 ? a->status : 200, NULL, NULL, began);
}

static void refuse(void *context, int status, http_response *a) {
    api_error e;
    if (status == 413) api_fail(&e, status, "request_too_large", NULL, "the body is larger than %d bytes", MOST_BODY);
    else api_fail(&e, status, "shutting_down", NULL, "the server is shutting down");
    answer_error(&e, a);
    log_line("a request was refused: %d", status);
}

/* ---- life ---- */

static bool load(server *s, const server_options *o, error *err) {
    if (o->api_key_file != NULL && !keys_read(&s->memory, o->api_key_file, &s->keys, err)) return false;
    if (!catalog_load(&s->memory, o->model, o->adapters, &s->catalog, err)) return false;
    if (!sampling_of_config(s->catalog.base->generation, &s->defaults, err)) return fail(err, "%s", o->model);
    if (!json_get_bool(s->catalog.base->generation, "do_sample", false)) { /* the API's default is to draw */
        const double penalty = s->defaults.repetition_penalty;
        s->defaults = sampling_plain();
        s->defaults.repetition_penalty = penalty;
    }
    const engine_options e = {.context = o->context, .cache_tokens = o->cache_tokens, .max_sequences = o->max_sequences};
    s->engine = engine_new(&s->memory, s->catalog.base, &e, err);
    return s->engine != NULL && engine_start(s->engine, err);
}

static void drop(server *s) {
    engine_free(s->engine);
    if (s->catalog.base != NULL) model_free_weights(s->catalog.base);
    arena_drop(&s->memory);
    free(s);
}

server *server_start(const server_options *o, error *err) {
    server *s = calloc(1, sizeof *s);
    if (s == NULL) return fail_null(err, "the machine has no memory for a server");
    s->started = (int64_t)clock_unix();
    if (load(s, o, err)) {
        const http_options h = {.host = o->host,
                                .port = o->port,
                                .most_body = MOST_BODY,
                                .most_memory = MOST_MEMORY,
                                .most_connections = MOST_CONNECTIONS,
                                .idle_seconds = IDLE_SECONDS,
                                .receive_seconds = RECEIVE_SECONDS,
                                .handle = handle,
                                .refuse = refuse,
                                .context = s};
        s->http = http_server_start(&h, err);
        if (s->http != NULL) return s;
    }
    drop(s);
    return NULL;
}

const char *server_address(const server *s) {
    return http_server_address(s->http);
}

void server_stop(server *s, double seconds, const volatile int *hurry) {
    const double until = clock_seconds() + seconds;
    http_server_drain(s->http);
    while (http_server_active(s->http) > 0 && clock_seconds() < until && (hurry == NULL || *hurry == 0)) usleep(20 * 1000);
    engine_stop(s->engine); /* what is still under way ends as cancelled */
    http_server_stop(s->http);
    drop(s);
}
