#include "net/http.h"

#include "base/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_BYTES = 32 * 1024, STREAM_BYTES = 16 * 1024, BACKLOG = 128, DRAINED_BODIES = 8 };

struct http_server {
    http_options o;
    struct MHD_Daemon *daemon;
    int listener; /* -1 once it is closed */
    char address[160];
    atomic_long active;
    atomic_bool draining;
};

/* One request and its response. */
typedef struct http_exchange {
    http_server *server;
    struct MHD_Connection *connection;
    arena memory;
    string body;
    double deadline;
    bool too_large;
    http_response response;
} http_exchange;

const char *http_request_header(const http_request *q, const char *name) {
    return MHD_lookup_connection_value(q->exchange->connection, MHD_HEADER_KIND, name);
}

bool http_request_abandoned(const http_request *q) {
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(q->exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    if (i == NULL) return true;
    const ssize_t n = recv(i->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t room) {
    http_exchange *x = context;
    const long n = x->response.read(x->response.context, bytes, room);
    return n > 0 ? n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Hands the response over to the library. */
static enum MHD_Result send_response(http_exchange *x) {
    http_response *a = &x->response;
    struct MHD_Response *r;
    if (a->read != NULL) r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BYTES, stream_read, x, NULL);
    else r = MHD_create_response_from_buffer(a->body.length, (void *)(uintptr_t)string_chars(&a->body), MHD_RESPMEM_MUST_COPY);
    string_drop(&a->body);
    if (r == NULL) return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type != NULL ? a->type : "application/json");
    if (a->read != NULL) MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    if (a->header_name != NULL) MHD_add_response_header(r, a->header_name, a->header_value);
    if (x->too_large || atomic_load(&x->server->draining)) MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result sent = MHD_queue_response(x->connection, a->status != 0 ? (unsigned)a->status : MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result refuse(http_exchange *x, int status) {
    x->server->o.refuse(x->server->o.context, status, &x->response);
    x->response.status = status;
    return send_response(x);
}

/* The headers are there. A body far too large is refused at once; one somewhat too large is read and forgotten, since a client
 * that is still sending would not see the answer. */
static enum MHD_Result begin(http_server *s, struct MHD_Connection *connection, void **place) {
    http_exchange *x = calloc(1, sizeof *x);
    if (x == NULL) return MHD_NO;
    *place = x;
    x->server = s;
    x->connection = connection;
    x->memory.limit = s->o.most_memory;
    x->body.limit = s->o.most_body;
    x->deadline = clock_seconds() + s->o.receive_seconds;
    atomic_fetch_add(&s->active, 1);
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const unsigned long long n = length != NULL ? strtoull(length, NULL, 10) : 0;
    x->too_large = n > s->o.most_body;
    return n / DRAINED_BODIES > s->o.most_body ? refuse(x, MHD_HTTP_CONTENT_TOO_LARGE) : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version, const char *data,
                                  size_t *n_data, void **place) {
    http_server *s = context;
    http_exchange *x = *place;
    if (x == NULL) return begin(s, connection, place);
    if (*n_data > 0) {
        if (clock_seconds() > x->deadline) return MHD_NO;
        if (!x->too_large) string_append(&x->body, data, *n_data);
        x->too_large = x->too_large || x->body.overflow;
        *n_data = 0;
        return MHD_YES;
    }
    if (x->too_large) return refuse(x, MHD_HTTP_CONTENT_TOO_LARGE);
    if (atomic_load(&s->draining)) return refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE);
    const http_request q = {.method = method, .path = url, .body = string_chars(&x->body), .n_body = x->body.length, .memory = &x->memory, .exchange = x};
    s->o.handle(s->o.context, &q, &x->response);
    return send_response(x);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **place, enum MHD_RequestTerminationCode why) {
    http_server *s = context;
    http_exchange *x = *place;
    if (x == NULL) return;
    if (x->response.done != NULL) x->response.done(x->response.context);
    string_drop(&x->body);
    arena_drop(&x->memory);
    free(x);
    *place = NULL;
    atomic_fetch_sub(&s->active, 1);
}

static void on_log(void *context, const char *format, va_list arguments) {
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = 0;
    log_detail("http: %s", text);
}

/* ---- listening ---- */

static bool try_listen(http_server *s, const struct addrinfo *a, error *err) {
    const int yes = 1;
    s->listener = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0) return fail(err, "%s", strerror(errno));
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(s->listener, a->ai_addr, a->ai_addrlen) == 0 && listen(s->listener, BACKLOG) == 0) return true;
    fail(err, "%s", strerror(errno));
    close(s->listener);
    s->listener = -1;
    return false;
}

static bool open_listener(http_server *s, error *err) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", s->o.port);
    const int status = getaddrinfo(s->o.host, port, &hints, &found);
    if (status != 0) return fail(err, "host %s: %s", s->o.host, gai_strerror(status));
    bool ok = false;
    for (const struct addrinfo *a = found; a != NULL && !ok; a = a->ai_next) {
        error_clear(err);
        ok = try_listen(s, a, err);
    }
    freeaddrinfo(found);
    if (!ok) return fail(err, "listening on %s, port %d", s->o.host, s->o.port);
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    char host[96], service[16];
    if (getsockname(s->listener, (struct sockaddr *)&bound, &n) != 0 ||
        getnameinfo((struct sockaddr *)&bound, n, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return fail(err, "the address of the socket is not known");
    const bool six = bound.ss_family == AF_INET6;
    snprintf(s->address, sizeof s->address, "http://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", service);
    return true;
}

http_server *http_server_start(const http_options *o, error *err) {
    http_server *s = calloc(1, sizeof *s);
    if (s == NULL) return fail_null(err, "the machine has no memory for a server");
    s->o = *o;
    s->listener = -1;
    if (open_listener(s, err)) {
        const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG | MHD_USE_ITC;
        s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, s->listener,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->most_connections,
                                     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
                                     MHD_OPTION_END);
        if (s->daemon != NULL) return s;
        fail(err, "starting the server on %s", s->address);
    }
    if (s->listener >= 0) close(s->listener);
    free(s);
    return NULL;
}

const char *http_server_address(const http_server *s) {
    return s->address;
}

void http_server_drain(http_server *s) {
    if (atomic_exchange(&s->draining, true)) return;
    const int listener = MHD_quiesce_daemon(s->daemon);
    if (listener >= 0) close(listener);
}

long http_server_active(const http_server *s) {
    return atomic_load(&s->active);
}

void http_server_stop(http_server *s) {
    if (s == NULL) return;
    http_server_drain(s);
    MHD_stop_daemon(s->daemon);
    free(s);
}
