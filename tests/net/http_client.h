/* Just enough of an HTTP client for tests: sends bytes as they are, reads until the connection closes or the body is whole. */
#ifndef SOCLE_TESTS_NET_HTTP_CLIENT_H
#define SOCLE_TESTS_NET_HTTP_CLIENT_H
#include "base/string.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* `address` is http://127.0.0.1:PORT. -1 where nobody listens. */
static inline int client_connect(const char *address) {
    const int port = atoi(strrchr(address, ':') + 1);
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

static inline bool client_send(int fd, const void *bytes, size_t n) {
    for (size_t sent = 0; sent < n;) {
        const ssize_t k = send(fd, (const char *)bytes + sent, n - sent, MSG_NOSIGNAL);
        if (k <= 0) return false;
        sent += (size_t)k;
    }
    return true;
}

/* Takes the chunk sizes out of a chunked body. */
static inline void client_unchunk(string *body) {
    char *to = body->data;
    for (const char *at = body->data; at != NULL && *at != 0;) {
        char *end;
        const size_t n = strtoul(at, &end, 16);
        if (end == at || strncmp(end, "\r\n", 2) != 0 || n == 0) break;
        memmove(to, end + 2, n);
        to += n;
        at = end + 2 + n + 2;
    }
    body->length = (size_t)(to - body->data);
    if (body->data != NULL) *to = 0;
}

/* Reads a whole response; the connection must be one that closes. Returns the status, 0 where there is none. */
static inline int client_read(int fd, string *headers, string *body) {
    char buffer[65536];
    string all = {0};
    for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) string_append(&all, buffer, (size_t)n);
    const char *text = string_chars(&all), *end = strstr(text, "\r\n\r\n");
    while (end != NULL && strncmp(text, "HTTP/1.1 100", 12) == 0) {
        text = end + 4;
        end = strstr(text, "\r\n\r\n");
    }
    int status = 0;
    if (end != NULL && sscanf(text, "HTTP/1.%*d %d", &status) == 1) {
        string_append(headers, text, (size_t)(end - text));
        string_append(body, end + 4, all.length - (size_t)(end + 4 - string_chars(&all)));
        if (strstr(string_chars(headers), "chunked") != NULL) client_unchunk(body);
    }
    string_drop(&all);
    return status;
}

/* One request on a connection of its own. `headers` ("Name: value\r\n...") may be NULL. */
static inline int client_ask(const char *address, const char *method, const char *path, const char *headers, const char *send_body, string *body) {
    const int fd = client_connect(address);
    if (fd < 0) return 0;
    string request = {0}, got = {0};
    string_print(&request, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", method, path, strlen(send_body),
                 headers != NULL ? headers : "");
    string_text(&request, send_body);
    string_reset(body);
    client_send(fd, request.data, request.length);
    const int status = client_read(fd, &got, body);
    string_drop(&request);
    string_drop(&got);
    close(fd);
    return status;
}

#endif
