#include "api/reply.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

static void member_text(json_writer *w, const char *key, const char *text) {
    json_key(w, key);
    if (text != NULL) json_text(w, text);
    else json_null(w);
}

static void member_integer(json_writer *w, const char *key, int64_t x) {
    json_key(w, key);
    json_integer(w, x);
}

static void member_null(json_writer *w, const char *key) {
    json_key(w, key);
    json_null(w);
}

void api_write_error(string *out, const api_error *e) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "error");
    json_begin_object(&w);
    member_text(&w, "message", e->message);
    member_text(&w, "type", e->type);
    member_text(&w, "param", e->param[0] != 0 ? e->param : NULL);
    member_text(&w, "code", e->code);
    json_end_object(&w);
    json_end_object(&w);
}

/* ---- log-probabilities ---- */

static void put_logprob(json_writer *w, real logprob) {
    if (isfinite(logprob)) json_number(w, (double)logprob);
    else json_null(w);
}

/* A token's text as a name: bytes that are no text are written out, so that no two tokens read alike. */
static void token_name(const api_likely *t, string *name) {
    string_reset(name);
    if (utf8_valid(t->bytes, t->n) && memchr(t->bytes, 0, t->n) == NULL) {
        string_append(name, t->bytes, t->n);
        return;
    }
    string_text(name, "bytes:");
    for (size_t i = 0; i < t->n; i++) string_print(name, "\\x%02x", (unsigned char)t->bytes[i]);
}

static void put_top(json_writer *w, const api_likely *l, string *name) {
    token_name(l, name);
    json_key(w, string_chars(name));
    put_logprob(w, l->logprob);
}

/* The likeliest, and the token itself where it is none of them. */
static void put_top_map(json_writer *w, const api_token *t, string *name) {
    bool own = false;
    json_begin_object(w);
    for (int i = 0; i < t->n_top; i++) {
        put_top(w, &t->top[i], name);
        own = own || t->top[i].id == t->own.id;
    }
    if (!own) put_top(w, &t->own, name);
    json_end_object(w);
}

static void put_completion_logprobs(json_writer *w, const api_choice *c) {
    string name = {0};
    json_begin_object(w);
    json_key(w, "tokens");
    json_begin_array(w);
    for (size_t i = 0; i < c->n_token; i++) {
        token_name(&c->tokens[i].own, &name);
        json_text_n(w, string_chars(&name), name.length);
    }
    json_end_array(w);
    json_key(w, "token_logprobs");
    json_begin_array(w);
    for (size_t i = 0; i < c->n_token; i++) put_logprob(w, c->tokens[i].own.logprob);
    json_end_array(w);
    json_key(w, "top_logprobs");
    json_begin_array(w);
    for (size_t i = 0; i < c->n_token; i++) {
        if (isnan(c->tokens[i].own.logprob)) json_null(w);
        else put_top_map(w, &c->tokens[i], &name);
    }
    json_end_array(w);
    json_key(w, "text_offset");
    json_begin_array(w);
    for (size_t i = 0; i < c->n_token; i++) json_integer(w, c->tokens[i].offset);
    json_end_array(w);
    json_end_object(w);
    string_drop(&name);
}

static void put_chat_token(json_writer *w, const api_likely *t) {
    json_key(w, "token");
    json_text_n(w, t->bytes, t->n);
    json_key(w, "logprob");
    put_logprob(w, t->logprob);
    json_key(w, "bytes");
    json_begin_array(w);
    for (size_t i = 0; i < t->n; i++) json_integer(w, (unsigned char)t->bytes[i]);
    json_end_array(w);
}

static void put_chat_logprobs(json_writer *w, const api_choice *c) {
    json_begin_object(w);
    json_key(w, "content");
    json_begin_array(w);
    for (size_t i = 0; i < c->n_token; i++) {
        const api_token *t = &c->tokens[i];
        json_begin_object(w);
        put_chat_token(w, &t->own);
        json_key(w, "top_logprobs");
        json_begin_array(w);
        for (int k = 0; k < t->n_top; k++) {
            json_begin_object(w);
            put_chat_token(w, &t->top[k]);
            json_end_object(w);
        }
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
    member_null(w, "refusal");
    json_end_object(w);
}

static void put_logprobs(json_writer *w, bool chat, const api_choice *c) {
    json_key(w, "logprobs");
    if (!c->has_logprobs) json_null(w);
    else if (chat) put_chat_logprobs(w, c);
    else put_completion_logprobs(w, c);
}

/* ---- replies ---- */

static void put_head(json_writer *w, const api_head *h, const char *object) {
    member_text(w, "id", h->id);
    member_text(w, "object", object);
    member_integer(w, "created", h->created);
    member_text(w, "model", h->model);
}

static void put_usage(json_writer *w, const api_usage *u) {
    json_key(w, "usage");
    json_begin_object(w);
    member_integer(w, "prompt_tokens", u->prompt);
    member_integer(w, "completion_tokens", u->completion);
    member_integer(w, "total_tokens", u->prompt + u->completion);
    json_end_object(w);
}

static void put_choice(json_writer *w, bool chat, const api_choice *c) {
    json_begin_object(w);
    member_integer(w, "index", c->index);
    if (chat) {
        json_key(w, "message");
        json_begin_object(w);
        member_text(w, "role", "assistant");
        json_key(w, "content");
        json_text_n(w, c->text, c->n);
        member_null(w, "refusal");
        json_end_object(w);
    } else {
        json_key(w, "text");
        json_text_n(w, c->text, c->n);
    }
    put_logprobs(w, chat, c);
    member_text(w, "finish_reason", c->finish_reason);
    json_end_object(w);
}

void api_write_reply(string *out, const api_head *h, const api_choice *choices, size_t n, const api_usage *u) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    put_head(&w, h, h->chat ? "chat.completion" : "text_completion");
    json_key(&w, "choices");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) put_choice(&w, h->chat, &choices[i]);
    json_end_array(&w);
    put_usage(&w, u);
    json_end_object(&w);
}

static void put_delta(json_writer *w, const api_choice *c, bool first) {
    json_key(w, "delta");
    json_begin_object(w);
    if (first) member_text(w, "role", "assistant");
    if (first || c->n > 0) {
        json_key(w, "content");
        json_text_n(w, c->text, c->n);
    }
    json_end_object(w);
}

void api_write_chunk(string *out, const api_head *h, const api_choice *c, bool first) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    put_head(&w, h, h->chat ? "chat.completion.chunk" : "text_completion");
    json_key(&w, "choices");
    json_begin_array(&w);
    json_begin_object(&w);
    member_integer(&w, "index", c->index);
    if (h->chat) put_delta(&w, c, first);
    else {
        json_key(&w, "text");
        json_text_n(&w, c->text, c->n);
    }
    put_logprobs(&w, h->chat, c);
    member_text(&w, "finish_reason", c->finish_reason);
    json_end_object(&w);
    json_end_array(&w);
    if (h->usage_follows) member_null(&w, "usage");
    json_end_object(&w);
}

void api_write_usage_chunk(string *out, const api_head *h, const api_usage *u) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    put_head(&w, h, h->chat ? "chat.completion.chunk" : "text_completion");
    json_key(&w, "choices");
    json_begin_array(&w);
    json_end_array(&w);
    put_usage(&w, u);
    json_end_object(&w);
}

static void put_model(json_writer *w, const api_model *m) {
    json_begin_object(w);
    member_text(w, "id", m->id);
    member_text(w, "object", "model");
    member_integer(w, "created", m->created);
    member_text(w, "owned_by", "socle");
    json_end_object(w);
}

void api_write_model(string *out, const api_model *m) {
    json_writer w = {.out = out};
    put_model(&w, m);
}

void api_write_models(string *out, const api_model *m, size_t n) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    member_text(&w, "object", "list");
    json_key(&w, "data");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) put_model(&w, &m[i]);
    json_end_array(&w);
    json_end_object(&w);
}
