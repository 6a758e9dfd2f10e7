/* net/http.h: an HTTP/1.1 server (RFC 9112; libmicrohttpd behind it, and nobody above sees that). A thread for each connection:
 * a handler may wait. Everything from outside has a limit: bytes of headers and body, connections in all, idle time, and the
 * time in which a request must have come in whole. */
#ifndef SOCLE_NET_HTTP_H
#define SOCLE_NET_HTTP_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"

typedef struct http_server http_server;

typedef struct http_request {
    const char *method, *path; /* "POST", "/v1/models": decoded, without the query */
    const char *body;          /* n_body bytes and a NUL */
    size_t n_body;
    arena *memory; /* lives until the response has gone out; has a limit */
    struct http_exchange *exchange;
} http_request;

/* Value of a header, NULL where it is absent; names do not tell case. */
const char *http_request_header(const http_request *q, const char *name);
/* The client has gone: nobody will read an answer. One that has only ended what it sends (shutdown) has not. Cheap; may be asked again and again while an answer is made, also
 * from `read` of a stream. */
bool http_request_abandoned(const http_request *q);

/* What a handler fills. Either `body`, or a stream: `read` gives up to `room` bytes, and may wait for them; 0: the end, -1: break
 * the connection off. `done` (may be NULL) comes once, when the response has gone out or the client has gone. */
typedef struct http_response {
    int status;                             /* 200 where it is left 0 */
    const char *type;                       /* Content-Type; "application/json" where it is NULL */
    const char *header_name, *header_value; /* one more header; NULL: none. Texts must live as long as request->memory */
    string body;                            /* taken over */
    long (*read)(void *context, char *bytes, size_t room);
    void (*done)(void *context);
    void *context;
} http_response;

/* Errors that the server itself answers (413, 408, 503): the handler's owner says how they look. */
typedef struct http_options {
    const char *host;              /* "127.0.0.1", "::1", a name */
    int port;                      /* 0: any free one */
    size_t most_body, most_memory; /* bytes of a body, and of a request's arena */
    int most_connections;
    int idle_seconds, receive_seconds; /* a silent connection; a request until it is whole, headers and all */
    void (*handle)(void *context, const http_request *q, http_response *a);
    /* The response to a request that is not handed to `handle`: its body is too large (413), or the server drains (503). */
    void (*refuse)(void *context, int status, http_response *a);
    void *context;
} http_options;

/* Listens, and answers from threads of its own. What *o holds must live as long as the server. */
http_server *http_server_start(const http_options *o, error *err);
const char *http_server_address(const http_server *s); /* "http://127.0.0.1:8080" */
/* No new connections; requests from now on are refused with 503. */
void http_server_drain(http_server *s);
long http_server_active(const http_server *s); /* requests whose response has not gone out */
/* Waits for the handlers, then closes everything. NULL is fine. */
void http_server_stop(http_server *s);

#endif
