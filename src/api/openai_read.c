#include "api/openai.h"

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool api_fail(api_error *e, int status, const char *code, const char *param, const char *format, ...) {
    *e = (api_error){.status = status, .type = status >= 500 ? "server_error" : "invalid_request_error", .code = code};
    if (param != NULL) snprintf(e->param, sizeof e->param, "%s", param);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->message, sizeof e->message, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the table of fields ---- */

typedef struct field field;
typedef struct reader {
    arena *owner;
    const json *tree;
    api_request *r;
    api_error *e;
} reader;
typedef bool field_reader(const reader *q, const field *f, const json *v);

struct field {
    const char *name;
    enum { IN_COMPLETIONS = 1, IN_CHAT = 2, IN_BOTH = 3 } where;
    field_reader *read; /* never called with null: that is as if the field were absent */
    size_t place;       /* of its value in api_request */
    double least, most;
    const char *neutral; /* read_neutral: the only text that is taken */
};

static bool wrong_type(const reader *q, const field *f, const json *v, const char *wanted) {
    return api_fail(q->e, 400, "invalid_type", f->name, "'%s' is of type %s; %s is wanted", f->name, json_type_name(v->type), wanted);
}

static void *place_of(const reader *q, const field *f) {
    return (char *)q->r + f->place;
}

static bool read_real(const reader *q, const field *f, const json *v) {
    if (v->type != JSON_NUMBER) return wrong_type(q, f, v, "a number");
    if (!(v->number >= f->least && v->number <= f->most))
        return api_fail(q->e, 400, "invalid_value", f->name, "'%s' is %.40s; it may be %g to %g", f->name, v->text, f->least, f->most);
    *(double *)place_of(q, f) = v->number;
    return true;
}

static bool read_integer(const reader *q, const field *f, const json *v) {
    if (v->type != JSON_NUMBER || !v->is_integer) return wrong_type(q, f, v, "an integer");
    if (!((double)v->integer >= f->least && (double)v->integer <= f->most))
        return api_fail(q->e, 400, "invalid_value", f->name, "'%s' is %" PRId64 "; it may be %.0f to %.0f", f->name, v->integer, f->least, f->most);
    *(long *)place_of(q, f) = (long)v->integer;
    return true;
}

static bool read_bool(const reader *q, const field *f, const json *v) {
    if (v->type != JSON_BOOL) return wrong_type(q, f, v, "true or false");
    *(bool *)place_of(q, f) = v->truth;
    return true;
}

/* Text without zero bytes. */
static bool plain_text(const json *v) {
    return v->type == JSON_STRING && strlen(v->text) == v->length;
}

static bool read_text(const reader *q, const field *f, const json *v) {
    if (!plain_text(v)) return wrong_type(q, f, v, "a text");
    *(const char **)place_of(q, f) = v->text;
    return true;
}

static bool read_seed(const reader *q, const field *f, const json *v) {
    if (v->type != JSON_NUMBER || !v->is_integer) return wrong_type(q, f, v, "an integer");
    q->r->seed = v->integer;
    q->r->has_seed = true;
    return true;
}

static bool read_stop(const reader *q, const field *f, const json *v) {
    const json *list = v->type == JSON_ARRAY ? v->item : v;
    const size_t n = v->type == JSON_ARRAY ? v->length : 1;
    if (n > API_STOPS) return api_fail(q->e, 400, "invalid_value", f->name, "'stop' lists %zu texts; at most %d", n, API_STOPS);
    for (size_t i = 0; i < n; i++) {
        if (!plain_text(&list[i])) return wrong_type(q, f, &list[i], "a text, or a list of texts,");
        if (list[i].length == 0) return api_fail(q->e, 400, "invalid_value", f->name, "'stop' has an empty text");
        q->r->stops[i] = list[i].text;
    }
    q->r->n_stop = n;
    return true;
}

static bool read_stream_options(const reader *q, const field *f, const json *v) {
    if (v->type != JSON_OBJECT) return wrong_type(q, f, v, "an object");
    for (size_t i = 0; i < v->length; i++) {
        const bool usage = strcmp(v->key[i], "include_usage") == 0;
        if (!usage && strcmp(v->key[i], "include_obfuscation") != 0)
            return api_fail(q->e, 400, "unknown_parameter", f->name, "'stream_options.%.60s' is not known", v->key[i]);
        if (v->item[i].type == JSON_NULL) continue;
        if (v->item[i].type != JSON_BOOL) return wrong_type(q, f, &v->item[i], "true or false in it");
        if (usage) q->r->include_usage = v->item[i].truth;
    }
    return true;
}

static bool read_logit_bias(const reader *q, const field *f, const json *v) {
    enum { MOST_BIASES = 1024 };
    if (v->type != JSON_OBJECT) return wrong_type(q, f, v, "an object");
    if (v->length > MOST_BIASES) return api_fail(q->e, 400, "invalid_value", f->name, "'logit_bias' has %zu tokens; at most %d", v->length, MOST_BIASES);
    q->r->bias = NEW_ARRAY(q->owner, v->length, logit_bias);
    if (q->r->bias == NULL) return api_fail(q->e, 413, NULL, NULL, "the request is too large");
    for (size_t i = 0; i < v->length; i++) {
        char *end;
        const long id = strtol(v->key[i], &end, 10);
        if (end == v->key[i] || *end != 0 || id < 0 || id > INT32_MAX)
            return api_fail(q->e, 400, "invalid_value", f->name, "'logit_bias': '%.40s' is no token id", v->key[i]);
        if (v->item[i].type != JSON_NUMBER) return wrong_type(q, f, &v->item[i], "a number for each token");
        if (!(fabs(v->item[i].number) <= 100))
            return api_fail(q->e, 400, "invalid_value", f->name, "'logit_bias': %.40s lies outside -100 to 100", v->item[i].text);
        q->r->bias[i] = (logit_bias){(int32_t)id, (real)v->item[i].number};
    }
    q->r->n_bias = v->length;
    return true;
}

/* Completions: how many of the likeliest; chat: whether at all. */
static bool read_logprobs(const reader *q, const field *f, const json *v) {
    if (q->r->chat) return read_bool(q, f, v);
    const field number = {.name = f->name, .place = offsetof(api_request, top_logprobs), .least = 0, .most = 5};
    q->r->wants_logprobs = true;
    return read_integer(q, &number, v);
}

static bool read_ids(const reader *q, const field *f, const json *list, api_prompt *out) {
    int32_t *ids = NEW_ARRAY(q->owner, list->length, int32_t);
    if (ids == NULL) return api_fail(q->e, 413, NULL, NULL, "the request is too large");
    for (size_t i = 0; i < list->length; i++) {
        const json *v = &list->item[i];
        if (v->type != JSON_NUMBER || !v->is_integer) return wrong_type(q, f, v, "a token id");
        if (v->integer < 0 || v->integer > INT32_MAX) return api_fail(q->e, 400, "invalid_value", f->name, "'prompt': %.40s is no token id", v->text);
        ids[i] = (int32_t)v->integer;
    }
    *out = (api_prompt){.ids = ids, .n = list->length};
    return true;
}

static bool read_one_prompt(const reader *q, const field *f, const json *v, api_prompt *out) {
    if (v->type == JSON_ARRAY) return read_ids(q, f, v, out);
    if (v->type != JSON_STRING) return wrong_type(q, f, v, "a text, a list of token ids, or a list of either");
    *out = (api_prompt){.text = v->text, .n = v->length};
    return true;
}

static bool read_prompt(const reader *q, const field *f, const json *v) {
    const bool list = v->type == JSON_ARRAY && !(v->length > 0 && v->item[0].type == JSON_NUMBER);
    const size_t n = list ? v->length : 1;
    if (n == 0) return api_fail(q->e, 400, "invalid_value", f->name, "'prompt' is an empty list");
    if (n > API_CHOICES) return api_fail(q->e, 400, "invalid_value", f->name, "'prompt' lists %zu prompts; at most %d", n, API_CHOICES);
    q->r->prompts = NEW_ARRAY(q->owner, n, api_prompt);
    if (q->r->prompts == NULL) return api_fail(q->e, 413, NULL, NULL, "the request is too large");
    for (size_t i = 0; i < n; i++)
        if (!read_one_prompt(q, f, list ? &v->item[i] : v, &q->r->prompts[i])) return false;
    q->r->n_prompt = n;
    return true;
}

/* Messages, and what a template sees beside them, are read as one, whichever comes first. */
static bool read_messages(const reader *q, const field *f, const json *v) {
    static const char *const names[] = {"messages", "tools", "documents", "chat_template_kwargs"};
    error err = {0};
    json *item = NEW_ARRAY(q->owner, COUNT(names), json); /* the conversation points into it */
    if (item == NULL) return api_fail(q->e, 413, NULL, NULL, "the request is too large");
    const char *key[COUNT(names)];
    size_t key_length[COUNT(names)], n = 0;
    const bool no_tools = json_is_text(json_get(q->tree, "tool_choice"), "none");
    for (size_t i = 0; i < COUNT(names); i++) {
        const json *given = json_get(q->tree, names[i]);
        if (given == NULL || given->type == JSON_NULL || (no_tools && strcmp(names[i], "tools") == 0)) continue;
        key[n] = names[i];
        key_length[n] = strlen(names[i]);
        item[n++] = *given;
    }
    const json together = {.type = JSON_OBJECT, .length = n, .item = item, .key = key, .key_length = key_length};
    if (conversation_read(q->owner, &together, &q->r->messages, &err)) return true;
    const char *about = f->name;
    for (size_t i = 1; i < COUNT(names); i++)
        if (strncmp(err.text, names[i], strlen(names[i])) == 0) about = names[i];
    return api_fail(q->e, 400, "invalid_value", about, "%s", err.text);
}

/* Taken with the messages. */
static bool read_with_messages(const reader *q, const field *f, const json *v) {
    return true;
}

static bool read_tool_choice(const reader *q, const field *f, const json *v) {
    if (json_is_text(v, "none") || json_is_text(v, "auto")) return true;
    return api_fail(q->e, 400, "unsupported_parameter", f->name, "'tool_choice' other than \"auto\" and \"none\" is not supported by this server");
}

static bool is_empty(const json *v) {
    switch (v->type) {
    case JSON_BOOL: return !v->truth;
    case JSON_NUMBER: return v->number == 0;
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT: return v->length == 0;
    default: return true;
    }
}

/* A field that is not supported: taken where it asks for nothing. */
static bool read_neutral(const reader *q, const field *f, const json *v) {
    if (is_empty(v) || (f->neutral != NULL && json_is_text(v, f->neutral))) return true;
    return api_fail(q->e, 400, "unsupported_parameter", f->name, "'%s' is not supported by this server; leave it out", f->name);
}

static bool read_ignored(const reader *q, const field *f, const json *v) {
    return true;
}

static bool read_best_of(const reader *q, const field *f, const json *v) {
    const int64_t n = json_get_integer(q->tree, "n", 1);
    if (v->type == JSON_NUMBER && v->is_integer && (v->integer == n || v->integer == 0)) return true;
    return api_fail(q->e, 400, "unsupported_parameter", f->name, "'best_of' is not supported by this server beyond the value of 'n'; leave it out");
}

static bool read_response_format(const reader *q, const field *f, const json *v) {
    if (json_is_text(json_get(v, "type"), "text")) return true;
    return api_fail(q->e, 400, "unsupported_parameter", f->name, "'response_format' other than {\"type\": \"text\"} is not supported by this server");
}

static bool read_modalities(const reader *q, const field *f, const json *v) {
    if (v->type == JSON_ARRAY && v->length == 1 && json_is_text(&v->item[0], "text")) return true;
    return api_fail(q->e, 400, "unsupported_parameter", f->name, "'modalities' other than [\"text\"] is not supported by this server");
}

#define PLACE(member) offsetof(api_request, member)
static const field fields[] = {
    {"model", IN_BOTH, read_text, PLACE(model), 0, 0, NULL},
    {"prompt", IN_COMPLETIONS, read_prompt, 0, 0, 0, NULL},
    {"messages", IN_CHAT, read_messages, 0, 0, 0, NULL},
    {"tools", IN_CHAT, read_with_messages, 0, 0, 0, NULL},
    {"max_tokens", IN_BOTH, read_integer, PLACE(max_tokens), 0, INT32_MAX, NULL},
    {"max_completion_tokens", IN_CHAT, read_integer, PLACE(max_tokens), 0, INT32_MAX, NULL},
    {"temperature", IN_BOTH, read_real, PLACE(temperature), 0, 2, NULL},
    {"top_p", IN_BOTH, read_real, PLACE(top_p), 0, 1, NULL},
    {"frequency_penalty", IN_BOTH, read_real, PLACE(frequency_penalty), -2, 2, NULL},
    {"presence_penalty", IN_BOTH, read_real, PLACE(presence_penalty), -2, 2, NULL},
    {"logit_bias", IN_BOTH, read_logit_bias, 0, 0, 0, NULL},
    {"seed", IN_BOTH, read_seed, 0, 0, 0, NULL},
    {"n", IN_BOTH, read_integer, PLACE(n), 1, API_CHOICES, NULL},
    {"stop", IN_BOTH, read_stop, 0, 0, 0, NULL},
    {"stream", IN_BOTH, read_bool, PLACE(stream), 0, 0, NULL},
    {"stream_options", IN_BOTH, read_stream_options, 0, 0, 0, NULL},
    {"echo", IN_COMPLETIONS, read_bool, PLACE(echo), 0, 0, NULL},
    {"logprobs", IN_BOTH, read_logprobs, PLACE(wants_logprobs), 0, 0, NULL},
    {"top_logprobs", IN_CHAT, read_integer, PLACE(top_logprobs), 0, 20, NULL},
    /* not OpenAI's, but of most servers of open models */
    {"top_k", IN_BOTH, read_integer, PLACE(top_k), 0, INT32_MAX, NULL},
    {"min_p", IN_BOTH, read_real, PLACE(min_p), 0, 1, NULL},
    {"repetition_penalty", IN_BOTH, read_real, PLACE(repetition_penalty), 0.01, 100, NULL},
    {"ignore_eos", IN_BOTH, read_bool, PLACE(ignore_eos), 0, 0, NULL},
    {"documents", IN_CHAT, read_with_messages, 0, 0, 0, NULL},
    {"chat_template_kwargs", IN_CHAT, read_with_messages, 0, 0, 0, NULL},
    /* cannot change the result */
    {"user", IN_BOTH, read_ignored, 0, 0, 0, NULL},
    {"safety_identifier", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"prompt_cache_key", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"prompt_cache_retention", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"prompt_cache_options", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"metadata", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"store", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"service_tier", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"parallel_tool_calls", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    {"prediction", IN_CHAT, read_ignored, 0, 0, 0, NULL},
    /* would change it */
    {"best_of", IN_COMPLETIONS, read_best_of, 0, 0, 0, NULL},
    {"suffix", IN_COMPLETIONS, read_neutral, 0, 0, 0, NULL},
    {"tool_choice", IN_CHAT, read_tool_choice, 0, 0, 0, NULL},
    {"functions", IN_CHAT, read_neutral, 0, 0, 0, NULL},
    {"function_call", IN_CHAT, read_neutral, 0, 0, 0, "none"},
    {"response_format", IN_CHAT, read_response_format, 0, 0, 0, NULL},
    {"modalities", IN_CHAT, read_modalities, 0, 0, 0, NULL},
    {"audio", IN_CHAT, read_neutral, 0, 0, 0, NULL},
    {"reasoning_effort", IN_CHAT, read_neutral, 0, 0, 0, "none"},
    {"verbosity", IN_CHAT, read_neutral, 0, 0, 0, "medium"},
    {"web_search_options", IN_CHAT, read_neutral, 0, 0, 0, NULL},
    {"moderation", IN_CHAT, read_neutral, 0, 0, 0, NULL},
};

static const field *field_find(bool chat, const char *name) {
    for (size_t i = 0; i < COUNT(fields); i++)
        if ((fields[i].where & (chat ? IN_CHAT : IN_COMPLETIONS)) != 0 && strcmp(fields[i].name, name) == 0) return &fields[i];
    return NULL;
}

static bool check_whole(const api_request *r, api_error *e) {
    if (r->model == NULL) return api_fail(e, 400, "missing_required_parameter", "model", "'model' is missing");
    if (!r->chat && r->n_prompt == 0) return api_fail(e, 400, "missing_required_parameter", "prompt", "'prompt' is missing");
    if (r->chat && r->messages.n == 0) return api_fail(e, 400, "missing_required_parameter", "messages", "'messages' is missing");
    if (!r->chat && r->n_prompt * (size_t)r->n > API_CHOICES)
        return api_fail(e, 400, "invalid_value", "n", "%zu prompts with %ld answers each are too many; at most %d answers", r->n_prompt, r->n, API_CHOICES);
    if (r->chat && r->top_logprobs > 0 && !r->wants_logprobs) return api_fail(e, 400, "invalid_value", "top_logprobs", "'top_logprobs' needs 'logprobs': true");
    if (!r->chat && r->max_tokens == 0 && !r->echo) return api_fail(e, 400, "invalid_value", "max_tokens", "'max_tokens' of 0 needs 'echo': true");
    if (r->chat && r->max_tokens == 0) return api_fail(e, 400, "invalid_value", "max_tokens", "'max_tokens' is 0; at least 1");
    if (r->include_usage && !r->stream) return api_fail(e, 400, "invalid_value", "stream_options", "'stream_options' needs 'stream': true");
    return true;
}

bool api_request_read(arena *owner, bool chat, const char *body, size_t n, api_request *out, api_error *e) {
    error err = {0};
    *out = (api_request){.chat = chat,
                         .max_tokens = -1,
                         .temperature = NAN,
                         .top_p = NAN,
                         .min_p = NAN,
                         .repetition_penalty = NAN,
                         .frequency_penalty = NAN,
                         .presence_penalty = NAN,
                         .top_k = -1,
                         .n = 1};
    const json *tree = json_parse(owner, body, n, &err);
    if (tree == NULL) return api_fail(e, 400, "invalid_json", NULL, "the body is no JSON: %s", err.text);
    if (tree->type != JSON_OBJECT) return api_fail(e, 400, "invalid_type", NULL, "the body is of type %s; an object is wanted", json_type_name(tree->type));
    const reader q = {.owner = owner, .tree = tree, .r = out, .e = e};
    for (size_t i = 0; i < tree->length; i++) {
        const field *f = field_find(chat, tree->key[i]);
        if (f == NULL) return api_fail(e, 400, "unknown_parameter", tree->key[i], "'%.60s' is not known", tree->key[i]);
        if (tree->item[i].type != JSON_NULL && !f->read(&q, f, &tree->item[i])) return false;
    }
    return check_whole(out, e);
}

static double given(double value, double absent) {
    return isnan(value) ? absent : value;
}

sampling api_request_sampling(const api_request *r, const sampling *defaults) {
    sampling s = *defaults;
    s.temperature = given(r->temperature, s.temperature);
    s.top_p = given(r->top_p, s.top_p);
    s.min_p = given(r->min_p, s.min_p);
    s.repetition_penalty = given(r->repetition_penalty, s.repetition_penalty);
    s.frequency_penalty = given(r->frequency_penalty, s.frequency_penalty);
    s.presence_penalty = given(r->presence_penalty, s.presence_penalty);
    if (r->top_k >= 0) s.top_k = r->top_k;
    if (r->has_seed) s.seed = (uint64_t)r->seed;
    s.bias = r->bias;
    s.n_bias = r->n_bias;
    return s;
}
