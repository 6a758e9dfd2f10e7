#include "net/http.h"

#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const double PROBE_SECONDS = 0.5;
enum { HEADER_BYTES = 32 * 1024, STREAM_BYTES = 16 * 1024, BACKLOG = 128, DRAINED_BODIES = 8 };

/* A connection, and until when its request must be whole; the library knows idle connections only, and a byte now and then is
 * not idle. */
typedef struct watched {
    struct watched *next, *before;
    int fd;
    double deadline; /* INFINITY while a request is being answered */
} watched;

struct http_server {
    http_options o;
    struct MHD_Daemon *daemon;
    int listener; /* -1 once it is closed */
    char address[160];
    atomic_long active;
    atomic_bool draining;
    pthread_t watcher;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t stopping;
    bool stop;
    watched *connections;
};

/* One request and its response. */
typedef struct http_exchange {
    http_server *server;
    struct MHD_Connection *connection;
    arena memory;
    string body;
    double deadline;
    bool too_large;
    bool may_probe; /* HTTP/1.1, which knows interim responses */
    double probed;  /* when, last */
    http_response response;
} http_exchange;

/* ---- the time for a request ---- */

static void *watch(void *context) {
    http_server *s = context;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        const double now = clock_seconds();
        for (watched *w = s->connections; w != NULL; w = w->next) {
            if (now <= w->deadline) continue;
            shutdown(w->fd, SHUT_RDWR); /* its thread wakes up and closes it */
            w->deadline = INFINITY;
        }
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_sec++;
        pthread_cond_timedwait(&s->stopping, &s->lock, &at);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **place, enum MHD_ConnectionNotificationCode what) {
    http_server *s = context;
    watched *w = *place;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *i = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        w = i != NULL ? calloc(1, sizeof *w) : NULL;
        *place = w;
        if (w == NULL) return;
        w->fd = i->connect_fd;
        w->deadline = clock_seconds() + s->o.receive_seconds;
        pthread_mutex_lock(&s->lock);
        w->next = s->connections;
        if (w->next != NULL) w->next->before = w;
        s->connections = w;
        pthread_mutex_unlock(&s->lock);
    } else if (w != NULL) { /* its socket is closed after this */
        pthread_mutex_lock(&s->lock);
        if (w->before != NULL) w->before->next = w->next;
        else s->connections = w->next;
        if (w->next != NULL) w->next->before = w->before;
        pthread_mutex_unlock(&s->lock);
        free(w);
        *place = NULL;
    }
}

static void watch_until(http_server *s, struct MHD_Connection *connection, double deadline) {
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    watched *w = i != NULL ? i->socket_context : NULL;
    if (w == NULL) return;
    pthread_mutex_lock(&s->lock);
    w->deadline = deadline;
    pthread_mutex_unlock(&s->lock);
}

static bool watcher_start(http_server *s) {
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->stopping, NULL);
    return pthread_create(&s->watcher, NULL, watch, s) == 0;
}

static void watcher_stop(http_server *s) {
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->stopping);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->watcher, NULL);
}

/* ---- requests ---- */

const char *http_request_header(const http_request *q, const char *name) {
    return MHD_lookup_connection_value(q->exchange->connection, MHD_HEADER_KIND, name);
}

bool http_request_abandoned(const http_request *q) {
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    http_exchange *x = q->exchange;
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (i == NULL) return true;
    struct pollfd p = {.fd = i->connect_fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) <= 0) return false;
    if ((p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return true;
    /* The end of what it sends looks the same from one that has gone and one that has only nothing more to say. Where bytes are
     * sent, the system of one that has gone answers with a reset: a stream sends them anyway, else an interim response, which a
     * client may get at any time and forgets (RFC 9110, 15.2). */
    const double now = clock_seconds();
    if ((p.revents & POLLRDHUP) != 0 && x->may_probe && x->response.read == NULL && now - x->probed >= PROBE_SECONDS) {
        x->probed = now;
        return send(p.fd, interim, sizeof interim - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    }
    return false;
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
static enum MHD_Result begin(http_server *s, struct MHD_Connection *connection, const char *version, void **place) {
    http_exchange *x = calloc(1, sizeof *x);
    if (x == NULL) return MHD_NO;
    *place = x;
    x->server = s;
    x->connection = connection;
    x->memory.limit = s->o.most_memory;
    x->body.limit = s->o.most_body;
    x->deadline = clock_seconds() + s->o.receive_seconds;
    x->may_probe = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    watch_until(s, connection, x->deadline);
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
    if (x == NULL) return begin(s, connection, version, place);
    if (*n_data > 0) {
        if (clock_seconds() > x->deadline) return MHD_NO;
        if (!x->too_large) string_append(&x->body, data, *n_data);
        x->too_large = x->too_large || x->body.overflow;
        *n_data = 0;
        return MHD_YES;
    }
    watch_until(s, connection, INFINITY);
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
    watch_until(s, connection, clock_seconds() + s->o.idle_seconds + s->o.receive_seconds); /* silence, then another request */
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
    const bool watches = watcher_start(s);
    if (!watches) fail(err, "the machine has no thread for a server");
    else if (open_listener(s, err)) {
        const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG | MHD_USE_ITC;
        s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, s->listener,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_CONNECTION_LIMIT,
                                     (unsigned)o->most_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->idle_seconds,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_END);
        if (s->daemon != NULL) return s;
        fail(err, "starting the server on %s", s->address);
    }
    if (s->listener >= 0) close(s->listener);
    if (watches) watcher_stop(s);
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
    watcher_stop(s);
    free(s);
}
