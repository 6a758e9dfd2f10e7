/* api/openai.h: the types of OpenAI's API: what /v1/completions and /v1/chat/completions take, and the errors. After OpenAI's
 * OpenAPI description. A field that is not supported and would change the result is refused by name, and so is one that is not
 * known; those that cannot change it (user, metadata, store, ...) are taken and not used. */
#ifndef SOCLE_API_OPENAI_H
#define SOCLE_API_OPENAI_H
#include "data/conversation.h"
#include "infer/sampler.h"

/* ---- errors ---- */
typedef struct api_error {
    int status;       /* 400, 401, 404, 413, ... */
    const char *type; /* "invalid_request_error", "server_error" */
    const char *code; /* "model_not_found"; NULL: none */
    char param[64];   /* the field; empty: none */
    char message[600];
} api_error;

/* Sets it; always false. type is "server_error" from status 500 on. param and code may be NULL. */
bool api_fail(api_error *e, int status, const char *code, const char *param, const char *format, ...) __attribute__((format(printf, 5, 6)));
void api_write_error(string *out, const api_error *e); /* {"error": {...}} */

/* ---- requests ---- */
typedef struct api_prompt {
    const char *text; /* n bytes; NULL: ids */
    const int32_t *ids;
    size_t n;
} api_prompt;

enum { API_STOPS = 4, API_CHOICES = 128 };

typedef struct api_request {
    bool chat;
    const char *model;
    api_prompt *prompts; /* completions */
    size_t n_prompt;
    conversation messages; /* chat */
    long max_tokens;       /* -1: not given */
    /* Sampling: NAN, -1 where not given, then the server's default holds. */
    double temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty;
    long top_k;
    logit_bias *bias;
    size_t n_bias;
    bool has_seed;
    int64_t seed;
    long n; /* choices for each prompt */
    const char *stops[API_STOPS];
    size_t n_stop;
    bool stream, include_usage, echo, ignore_eos;
    bool wants_logprobs;
    long top_logprobs; /* likeliest tokens to list at each place */
} api_request;

/* Reads a request's JSON. All it holds lives in `owner` (whose limit holds). false: e says what to answer. */
bool api_request_read(arena *owner, bool chat, const char *body, size_t n, api_request *out, api_error *e);
/* The sampling it asks for: `defaults`, and over them what is given. The seed is left as it is where none is given. */
sampling api_request_sampling(const api_request *r, const sampling *defaults);

#endif
