/* Making a form: compiles the templates and renders a few turns to see what they want and what ends a turn. */
#include "data/chat_form_inner.h"

#include <string.h>

const char *template_chatml_jinja(void) {
    return "{%- for message in messages -%}\n"
           "{{- '<|im_start|>' + message['role'] + '\\n' -}}\n"
           "{%- if message['role'] == 'assistant' -%}\n"
           "{%- generation -%}{{- message['content'] + '<|im_end|>' -}}{%- endgeneration -%}\n"
           "{%- else -%}\n"
           "{{- message['content'] + '<|im_end|>' -}}\n"
           "{%- endif -%}\n"
           "{{- '\\n' -}}\n"
           "{%- endfor -%}\n"
           "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}\n";
}

/* ---- rendering a few turns ---- */

#define ASKED "socle asks"
#define ANSWERED "socle answers"
#define ASKED_AGAIN "and socle asks again"
#define ARGUMENT "socle-argument"

/* Renders messages given as JSON; false where the template raises, which says something, too. One that wants tools gets one. */
static bool try_messages(const chat_form *f, const known_template *which, const char *messages, string *text, string *marks) {
    static const char tools[] = "[{\"type\": \"function\", \"function\": {\"name\": \"f\", \"description\": \"f\", "
                                "\"parameters\": {\"type\": \"object\", \"properties\": {}, \"required\": []}}}]";
    arena memory = {0};
    const json *list = json_parse(&memory, messages, strlen(messages), NULL);
    template_call call = {.form = f, .which = which, .messages = list};
    bool ok = false;
    for (int with_tools = 0; !ok && list != NULL && with_tools < 2; with_tools++) {
        if (with_tools) call.tools = json_parse(&memory, tools, strlen(tools), NULL);
        string_reset(text);
        if (marks != NULL) string_reset(marks);
        ok = template_run(&call, list->length, false, text, marks, NULL);
    }
    arena_drop(&memory);
    return ok;
}

static bool takes_parts(const chat_form *f, const known_template *which) {
    string as_text = {0}, as_parts = {0};
    const bool same = try_messages(f, which, "[{\"role\": \"user\", \"content\": \"" ASKED "\"}]", &as_text, NULL) &&
                      try_messages(f, which, "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"" ASKED "\"}]}]", &as_parts, NULL) &&
                      strcmp(string_chars(&as_text), string_chars(&as_parts)) == 0;
    string_drop(&as_text);
    string_drop(&as_parts);
    return same;
}

/* Whether the template renders a call with this content and these arguments, given as JSON. */
static bool renders_call(const chat_form *f, const known_template *which, const char *content, const char *arguments) {
    arena memory = {0};
    string text = {0};
    const char *messages = arena_print(&memory,
                                       "[{\"role\": \"user\", \"content\": \"" ASKED "\"}, {\"role\": \"assistant\", \"content\": %s, \"tool_calls\": "
                                       "[{\"id\": \"call12345\", \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": %s}}]}]",
                                       content, arguments);
    const bool does = try_messages(f, which, messages, &text, NULL) && strstr(string_chars(&text), ARGUMENT) != NULL;
    string_drop(&text);
    arena_drop(&memory);
    return does;
}

/* Templates that put arguments together as text raise over an object; those that write an object as JSON would quote a text. Some
 * render calls only where there is no content, some only where there is. */
static void settle_calls(const chat_form *f, known_template *which) {
    static const char *const contents[] = {"null", "\"\""}, object[] = "{\"a\": \"" ARGUMENT "\"}", quoted[] = "\"{\\\"a\\\": \\\"" ARGUMENT "\\\"}\"";
    bool takes[2], takes_text[2];
    for (size_t i = 0; i < COUNT(contents); i++) {
        takes[i] = renders_call(f, which, contents[i], object);
        takes_text[i] = renders_call(f, which, contents[i], quoted);
    }
    which->objects = takes[0] || takes[1] || !(takes_text[0] || takes_text[1]);
    const bool *rendered_with = which->objects ? takes : takes_text;
    if (rendered_with[0] != rendered_with[1]) which->call_content = rendered_with[0] ? CALL_CONTENT_NONE : CALL_CONTENT_EMPTY;
}

/* ---- what ends a turn ---- */

static const char *last_of(const string *text, const char *part) {
    const char *found = NULL;
    for (const char *at = string_chars(text); (at = strstr(at, part)) != NULL; at++) found = at;
    return found;
}

/* The first special token of text[from..end), or -1. */
static int32_t special_between(const tokenizer *t, const string *text, const string *marks, size_t from, size_t end) {
    id_list ids = {0};
    int32_t found = -1;
    if (tokenizer_encode_marked(t, NULL, string_chars(text), text->length, (const unsigned char *)string_chars(marks), TOKENIZER_OFFSETS, &ids, NULL))
        for (size_t i = 0; i < ids.n && found < 0; i++)
            if (ids.begin[i] >= from && ids.end[i] <= end && ids.end[i] > ids.begin[i] && tokenizer_is_special(t, ids.id[i])) found = ids.id[i];
    id_list_drop(&ids);
    return found;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* What stands between the end of the answer and `end`: a special token, else text. */
static bool find_stop(arena *owner, const string *text, const string *marks, size_t from, size_t end, chat_form *f) {
    f->stop_id = special_between(f->tokenizer, text, marks, from, end);
    if (f->stop_id >= 0) {
        f->stop_text = tokenizer_token(f->tokenizer, f->stop_id, NULL);
        return true;
    }
    while (end > from && is_blank(text->data[end - 1])) end--;
    if (end == from) return false;
    f->stop_text = arena_copy_bytes(owner, text->data + from, end - from);
    return true;
}

/* It is what the template writes behind an answer; where that is nothing, what it writes before the turn that follows. */
static void settle_stop(arena *owner, chat_form *f) {
    static const char answered[] = "{\"role\": \"user\", \"content\": \"" ASKED "\"}, {\"role\": \"assistant\", \"content\": \"" ANSWERED "\"}";
    arena memory = {0};
    string text = {0}, marks = {0};
    bool found = false;
    f->stop_id = -1;
    if (try_messages(f, &f->usual, arena_print(&memory, "[%s]", answered), &text, &marks)) {
        const char *at = last_of(&text, ANSWERED);
        if (at != NULL) found = find_stop(owner, &text, &marks, (size_t)(at - text.data) + strlen(ANSWERED), text.length, f);
    }
    const char *goes_on = arena_print(&memory, "[%s, {\"role\": \"user\", \"content\": \"" ASKED_AGAIN "\"}]", answered);
    if (!found && try_messages(f, &f->usual, goes_on, &text, &marks)) {
        const char *at = last_of(&text, ANSWERED), *next = last_of(&text, ASKED_AGAIN);
        if (at != NULL && next > at) f->open_end = find_stop(owner, &text, &marks, (size_t)(at - text.data) + strlen(ANSWERED), (size_t)(next - text.data), f);
    }
    string_drop(&text);
    string_drop(&marks);
    arena_drop(&memory);
}

/* ---- all of it ---- */

static unsigned names_in(const char *text) {
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {
        {"tools", NAMES_TOOLS},          {"documents", NAMES_DOCUMENTS},         {"tool", NAMES_TOOL},           {"tool_calls", NAMES_TOOL_CALLS},
        {"developer", NAMES_DEVELOPER},  {"reasoning_content", NAMES_REASONING}, {".thinking", NAMES_REASONING}, /* the member; enable_thinking is another thing */
        {"'thinking'", NAMES_REASONING}, {"\"thinking\"", NAMES_REASONING},
    };
    unsigned found = 0;
    for (size_t i = 0; i < COUNT(names); i++)
        if (strstr(text, names[i].name) != NULL) found |= names[i].bit;
    return found;
}

static bool know(arena *owner, const chat_form *f, const char *text, known_template *out, error *err) {
    out->names = names_in(text);
    out->compiled = chat_template_compile(owner, text, strlen(text), err);
    if (out->compiled == NULL) return fail(err, "the chat template");
    out->parts = takes_parts(f, out);
    settle_calls(f, out);
    return true;
}

bool chat_form_make(arena *owner, const tokenizer *t, const char *jinja, chat_form *out, error *err) {
    const char *for_tools = jinja == NULL ? tokenizer_chat_template_named(t, "tool_use") : NULL;
    *out = (chat_form){.tokenizer = t, .stop_id = -1};
    if (jinja == NULL) jinja = tokenizer_chat_template(t);
    if (jinja == NULL) return fail(err, "the model has no chat template: it continues texts, and 'socle tune' makes one of it that converses");
    if (!know(owner, out, jinja, &out->usual, err)) return false;
    out->with_tools = out->usual;
    if (for_tools != NULL && strcmp(for_tools, jinja) != 0 && !know(owner, out, for_tools, &out->with_tools, err)) return fail(err, "tool_use");
    settle_stop(owner, out);
    return true;
}
