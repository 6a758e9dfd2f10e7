#include "net/http.h"

#include "http_client.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { MOST_BODY = 1000 };

/* A server whose answers tell what it was asked, and the tally of what it has been given back. */
static struct {
    http_server *server;
    atomic_int done, refused, gone;
} it;

typedef struct counter {
    http_request request;
    int left;
    bool endless;
} counter;

static long count_down(void *context, char *bytes, size_t room) {
    counter *c = context;
    if (c->endless) {
        if (http_request_abandoned(&c->request)) return atomic_fetch_add(&it.gone, 1), -1;
        usleep(5000);
        return snprintf(bytes, room, "tick\n");
    }
    return c->left == 0 ? 0 : snprintf(bytes, room, "%d ", c->left--);
}

static void done(void *context) {
    atomic_fetch_add(&it.done, 1);
}

static void handle(void *context, const http_request *q, http_response *a) {
    if (strcmp(q->path, "/count") == 0 || strcmp(q->path, "/endless") == 0) {
        counter *c = NEW(q->memory, counter);
        *c = (counter){*q, 5, strcmp(q->path, "/endless") == 0};
        a->type = "text/event-stream";
        a->read = count_down;
        a->done = done;
        a->context = c;
        return;
    }
    if (strcmp(q->path, "/slow") == 0) usleep(300 * 1000);
    if (strcmp(q->path, "/wait") == 0) {
        bool gone = false;
        for (int i = 0; i < 200 && !gone; i++) {
            usleep(5000);
            gone = http_request_abandoned(q);
        }
        if (gone) atomic_fetch_add(&it.gone, 1);
    }
    const char *header = http_request_header(q, "x-thing");
    a->status = 201;
    a->type = "text/plain";
    a->header_name = "X-Seen";
    a->header_value = header != NULL ? arena_copy(q->memory, header) : "none";
    string_print(&a->body, "%s %s %zu ", q->method, q->path, q->n_body);
    string_append(&a->body, q->body, q->n_body);
}

static void refuse(void *context, int status, http_response *a) {
    atomic_fetch_add(&it.refused, 1);
    string_print(&a->body, "refused %d", status);
}

static int start(void **state) {
    error err = {0};
    const http_options o = {.host = "127.0.0.1",
                            .most_body = MOST_BODY,
                            .most_memory = 1 << 20,
                            .most_connections = 20,
                            .idle_seconds = 2,
                            .receive_seconds = 2,
                            .handle = handle,
                            .refuse = refuse};
    memset(&it, 0, sizeof it);
    it.server = http_server_start(&o, &err);
    return it.server == NULL;
}

static int stop(void **state) {
    http_server_stop(it.server);
    return 0;
}

static void a_request_arrives_as_it_was_sent(void **state) {
    string body = {0};
    const char *address = http_server_address(it.server);
    assert_int_equal(client_ask(address, "POST", "/a%20b?query=1", "X-Thing: 7\r\n", "some bytes", &body), 201);
    assert_string_equal(string_chars(&body), "POST /a b 10 some bytes");
    assert_int_equal(client_ask(address, "GET", "/", NULL, "", &body), 201);
    assert_string_equal(string_chars(&body), "GET / 0 ");
    string_drop(&body);
}

static void a_stream_comes_whole_and_is_done_once(void **state) {
    string body = {0};
    assert_int_equal(client_ask(http_server_address(it.server), "GET", "/count", NULL, "", &body), 200);
    assert_string_equal(string_chars(&body), "5 4 3 2 1 ");
    for (int i = 0; i < 100 && atomic_load(&it.done) == 0; i++) usleep(10000);
    assert_int_equal(atomic_load(&it.done), 1);
    string_drop(&body);
}

static void a_client_that_goes_ends_its_stream(void **state) {
    static const char request[] = "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n";
    char some[200];
    const int fd = client_connect(http_server_address(it.server));
    assert_true(client_send(fd, request, strlen(request)));
    assert_true(recv(fd, some, sizeof some, 0) > 0);
    assert_true(recv(fd, some, sizeof some, 0) > 0);
    close(fd);
    for (int i = 0; i < 300 && atomic_load(&it.done) == 0; i++) usleep(10000);
    assert_int_equal(atomic_load(&it.done), 1);
    for (int i = 0; i < 100 && http_server_active(it.server) > 0; i++) usleep(10000);
    assert_int_equal(http_server_active(it.server), 0);
}

static void a_body_over_the_limit_is_refused(void **state) {
    string body = {0}, headers = {0};
    char *large = calloc(1, 100 * MOST_BODY + 1);
    static const size_t sizes[] = {MOST_BODY + 1, 5 * MOST_BODY, 100 * MOST_BODY};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        memset(large, 'x', sizes[i]);
        large[sizes[i]] = 0;
        const int status = client_ask(http_server_address(it.server), "POST", "/", NULL, large, &body);
        assert_true(status == 413 || (i == 2 && status == 0)); /* one who sends far too much may see the connection close */
    }
    memset(large, 'x', MOST_BODY);
    large[MOST_BODY] = 0;
    assert_int_equal(client_ask(http_server_address(it.server), "POST", "/", NULL, large, &body), 201);
    static const char chunked[] = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"; /* no length is told beforehand */
    const int fd = client_connect(http_server_address(it.server));
    client_send(fd, chunked, strlen(chunked));
    for (int i = 0; i < 3; i++) {
        client_send(fd, "1f4\r\n", 5);
        client_send(fd, large, 500);
        client_send(fd, "\r\n", 2);
    }
    client_send(fd, "0\r\n\r\n", 5);
    string_reset(&body);
    assert_int_equal(client_read(fd, &headers, &body), 413);
    close(fd);
    free(large);
    string_drop(&body);
    string_drop(&headers);
}

static void nonsense_gets_an_error_or_a_closed_connection(void **state) {
    static const char *const sent[] = {"\r\n\r\n",
                                       "GET\r\n\r\n",
                                       "GET / HTTP/9.9\r\n\r\n",
                                       "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                                       "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                                       "\x16\x03\x01\x02\x03",
                                       "GET / HTTP/1.1\r\nA"};
    for (size_t i = 0; i < COUNT(sent); i++) {
        string body = {0}, headers = {0};
        const int fd = client_connect(http_server_address(it.server));
        client_send(fd, sent[i], strlen(sent[i]));
        shutdown(fd, SHUT_WR);
        const int status = client_read(fd, &headers, &body);
        assert_true(status == 0 || status >= 400);
        close(fd);
        string_drop(&body);
        string_drop(&headers);
    }
    string flood = {0}, body = {0}, headers = {0}; /* headers without end */
    string_text(&flood, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 20000; i++) string_print(&flood, "X-%d: y\r\n", i);
    const int fd = client_connect(http_server_address(it.server));
    client_send(fd, flood.data, flood.length);
    const int status = client_read(fd, &headers, &body);
    assert_true(status == 0 || status >= 400);
    close(fd);
    string_drop(&flood);
    string_drop(&body);
    string_drop(&headers);
    assert_int_equal(client_ask(http_server_address(it.server), "GET", "/", NULL, "", &body), 201); /* it lives */
    string_drop(&body);
}

static void a_request_that_does_not_end_is_dropped(void **state) {
    static const char part[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n";
    const int fd = client_connect(http_server_address(it.server));
    client_send(fd, part, strlen(part));
    bool open = true;
    for (int i = 0; i < 60 && open; i++) { /* a byte now and then keeps no connection */
        usleep(100 * 1000);
        open = client_send(fd, "x", 1);
    }
    assert_false(open);
    close(fd);
}

static void headers_that_do_not_end_are_dropped(void **state) {
    static const char part[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    const int fd = client_connect(http_server_address(it.server));
    client_send(fd, part, strlen(part));
    bool open = true;
    for (int i = 0; i < 60 && open; i++) {
        usleep(100 * 1000);
        open = client_send(fd, "x", 1);
    }
    assert_false(open);
    close(fd);
}

static void a_client_that_has_only_nothing_more_to_send_is_answered(void **state) {
    static const char request[] = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    string headers = {0}, body = {0};
    int fd = client_connect(http_server_address(it.server));
    assert_true(client_send(fd, request, strlen(request)));
    shutdown(fd, SHUT_WR);
    assert_int_equal(client_read(fd, &headers, &body), 201);
    assert_int_equal(atomic_load(&it.gone), 0);
    close(fd);
    fd = client_connect(http_server_address(it.server)); /* and one that has gone is found out */
    assert_true(client_send(fd, request, strlen(request)));
    usleep(20 * 1000);
    close(fd);
    for (int i = 0; i < 300 && atomic_load(&it.gone) == 0; i++) usleep(10000);
    assert_int_equal(atomic_load(&it.gone), 1);
    string_drop(&headers);
    string_drop(&body);
}

static void *ask_slowly(void *context) {
    string body = {0};
    const int status = client_ask(http_server_address(it.server), "GET", "/slow", NULL, "", &body);
    string_drop(&body);
    return status == 201 ? NULL : "not answered";
}

static void draining_lets_requests_under_way_end(void **state) {
    pthread_t thread;
    void *said;
    string body = {0};
    pthread_create(&thread, NULL, ask_slowly, NULL);
    for (int i = 0; i < 100 && http_server_active(it.server) == 0; i++) usleep(2000);
    http_server_drain(it.server);
    assert_int_equal(client_ask(http_server_address(it.server), "GET", "/", NULL, "", &body), 0);
    pthread_join(thread, &said);
    assert_null(said);
    string_drop(&body);
}

static void an_address_in_use_is_an_error(void **state) {
    error err = {0};
    http_options o = {.host = "127.0.0.1", .most_connections = 5, .handle = handle, .refuse = refuse};
    o.port = atoi(strrchr(http_server_address(it.server), ':') + 1);
    assert_null(http_server_start(&o, &err));
    assert_non_null(strstr(err.text, "listening on 127.0.0.1"));
    error_clear(&err);
    o.host = "not a host";
    assert_null(http_server_start(&o, &err));
    assert_non_null(strstr(err.text, "not a host"));
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_request_arrives_as_it_was_sent),
        WITH_SERVER(a_stream_comes_whole_and_is_done_once),
        WITH_SERVER(a_client_that_goes_ends_its_stream),
        WITH_SERVER(a_body_over_the_limit_is_refused),
        WITH_SERVER(nonsense_gets_an_error_or_a_closed_connection),
        WITH_SERVER(a_request_that_does_not_end_is_dropped),
        WITH_SERVER(headers_that_do_not_end_are_dropped),
        WITH_SERVER(a_client_that_has_only_nothing_more_to_send_is_answered),
        WITH_SERVER(draining_lets_requests_under_way_end),
        WITH_SERVER(an_address_in_use_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
