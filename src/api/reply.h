/* api/reply.h: what OpenAI's API answers: whole completions, chunks of a stream, the list of models. */
#ifndef SOCLE_API_REPLY_H
#define SOCLE_API_REPLY_H
#include "api/openai.h"

typedef struct api_likely {
    int32_t id;
    const char *bytes; /* the token's text; need not be valid UTF-8 */
    size_t n;
    real logprob;
} api_likely;

typedef struct api_token {
    api_likely own;        /* logprob NAN: a prompt's first token has none */
    long offset;           /* characters of the choice's text before it */
    const api_likely *top; /* likeliest first */
    int n_top;
} api_token;

typedef struct api_choice {
    long index;
    const char *text; /* the answer, or in a chunk what is new of it */
    size_t n;
    const char *finish_reason; /* "stop", "length"; NULL: it goes on */
    bool has_logprobs;
    const api_token *tokens;
    size_t n_token;
} api_choice;

typedef struct api_head {
    bool chat;
    const char *id, *model;
    int64_t created;    /* seconds since 1970 */
    bool usage_follows; /* chunks say "usage": null, since a last one will tell */
} api_head;

typedef struct api_usage {
    long prompt, completion; /* tokens */
} api_usage;

void api_write_reply(string *out, const api_head *h, const api_choice *choices, size_t n, const api_usage *u);
/* One chunk, as JSON. `first`: the first of this choice; in a chat it names the role. */
void api_write_chunk(string *out, const api_head *h, const api_choice *c, bool first);
void api_write_usage_chunk(string *out, const api_head *h, const api_usage *u);

typedef struct api_model {
    const char *id;
    int64_t created;
} api_model;
void api_write_models(string *out, const api_model *m, size_t n);
void api_write_model(string *out, const api_model *m);

#endif
