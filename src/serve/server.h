/* serve/server.h: an OpenAI-compatible server over one base and its adapters: /v1/models, /v1/completions,
 * /v1/chat/completions (whole, or streamed as server-sent events), /health. Requests are answered together, in one batch. */
#ifndef SOCLE_SERVE_SERVER_H
#define SOCLE_SERVE_SERVER_H
#include "base/arena.h"
#include "base/error.h"

typedef struct server server;

typedef struct server_options {
    const char *model, *adapters; /* adapters: a folder of adapters' folders; NULL: none */
    const char *host;
    int port;                                  /* 0: any free one */
    const char *api_key_file;                  /* one key a line; NULL: everybody may ask */
    long context, cache_tokens, max_sequences; /* as in engine_options; 0: the default */
} server_options;

/* Loads, then answers requests from threads of its own. NULL: err. */
server *server_start(const server_options *o, error *err);
const char *server_address(const server *s); /* "http://127.0.0.1:8080" */
/* Takes no more requests, gives those under way up to `seconds` (or until *hurry is not 0; NULL: never), cancels the rest, and
 * gives everything back. */
void server_stop(server *s, double seconds, const volatile int *hurry);

#endif
