#include "data/conversation.h"

#include <string.h>

/* ---- reading a row of a data set ---- */

static bool json_is_empty(const json *v) {
    switch (v->type) {
    case JSON_NULL: return true;
    case JSON_BOOL: return !v->truth;
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT: return v->length == 0;
    default: return false;
    }
}

/* Members that would change what a model should learn, and that no template here renders. Empty ones say nothing. */
static bool refuse_members(const json *o, const char *const *names, error *err) {
    for (; *names != NULL; names++) {
        const json *v = json_get(o, *names);
        if (v != NULL && !json_is_empty(v)) return fail(err, "'%s' is not understood here; remove it or the row", *names);
    }
    return true;
}

/* Content is a text, or OpenAI's list of parts of which each is a text. */
static bool read_content(arena *owner, const json *v, message *m, error *err) {
    if (v == NULL) return fail(err, "content is missing");
    if (v->type == JSON_STRING) {
        m->content = v->text;
        m->length = v->length;
        return true;
    }
    if (v->type != JSON_ARRAY) return fail(err, "content is of type %s; a text is wanted", json_type_name(v->type));
    for (size_t i = 0; i < v->length; i++) {
        const json *part = &v->item[i], *text = json_get(part, "text");
        if (!json_is_text(json_get(part, "type"), "text") || text == NULL || text->type != JSON_STRING)
            return fail(err, "part %zu of the content is no text", i + 1);
        m->length += text->length;
    }
    char *all = arena_alloc(owner, m->length + 1);
    if (all == NULL) return fail(err, "the content is too long");
    m->content = all;
    for (size_t i = 0; i < v->length; i++) {
        const json *text = json_get(&v->item[i], "text");
        memcpy(all, text->text, text->length);
        all += text->length;
    }
    return true;
}

static const struct {
    const char *written, *role;
} roles[] = {
    {"system", "system"}, {"user", "user"},       {"assistant", "assistant"}, {"human", "user"},
    {"gpt", "assistant"}, {"model", "assistant"}, {"developer", "system"},
};

static bool read_role(const json *v, message *m, error *err) {
    if (v == NULL || v->type != JSON_STRING) return fail(err, "the role is missing");
    for (size_t i = 0; i < COUNT(roles); i++)
        if (json_is_text(v, roles[i].written)) m->role = roles[i].role;
    if (m->role == NULL) return fail(err, "the role '%.40s' is not understood (system, user or assistant)", v->text);
    m->learned = strcmp(m->role, "assistant") == 0;
    return true;
}

static bool read_message(arena *owner, const json *v, const char *role_key, const char *content_key, message *m, error *err) {
    static const char *const unknown[] = {"tool_calls", "function_call", "tool_call_id", "name",    "reasoning_content",
                                          "thinking",   "prefix",        "audio",        "refusal", NULL};
    if (v->type != JSON_OBJECT) return fail(err, "it is of type %s; an object is wanted", json_type_name(v->type));
    if (!refuse_members(v, unknown, err) || !read_role(json_get(v, role_key), m, err)) return false;
    const json *weight = json_get(v, "weight");
    if (weight != NULL && weight->type != JSON_NULL) {
        if (weight->type != JSON_NUMBER || (weight->number != 0 && weight->number != 1)) return fail(err, "the weight must be 0 or 1");
        if (weight->number == 0) m->learned = false;
    }
    return read_content(owner, json_get(v, content_key), m, err);
}

static bool read_messages(arena *owner, const json *list, const char *name, const char *role_key, const char *content_key, conversation *out, error *err) {
    if (list->type != JSON_ARRAY || list->length == 0) return fail(err, "%s is no list of messages, or an empty one", name);
    message *grown = NEW_ARRAY(owner, out->n + list->length, message);
    if (grown == NULL) return fail(err, "%s has too many messages", name);
    if (out->n > 0) memcpy(grown, out->messages, out->n * sizeof *grown);
    out->messages = grown;
    for (size_t i = 0; i < list->length; i++) {
        if (!read_message(owner, &list->item[i], role_key, content_key, &out->messages[out->n], err)) return fail(err, "%s: message %zu", name, i + 1);
        out->n++;
    }
    return true;
}

/* A text alone is one turn of `role`; in front of a list it is its system message, where that is what `role` says. */
static bool read_turn(arena *owner, const json *text, const char *role, conversation *out, error *err) {
    message *grown = NEW_ARRAY(owner, out->n + 1, message);
    if (grown == NULL) return fail(err, "too many messages");
    if (out->n > 0) memcpy(grown, out->messages, out->n * sizeof *grown);
    grown[out->n++] = (message){.role = role, .content = text->text, .length = text->length, .learned = strcmp(role, "assistant") == 0};
    out->messages = grown;
    return true;
}

bool conversation_read(arena *owner, const json *line, conversation *out, error *err) {
    static const char *const unknown[] = {"tools", "functions", "images", "audios", "videos", "documents", "chosen", "rejected", NULL};
    *out = (conversation){0};
    if (line->type != JSON_OBJECT) return fail(err, "a conversation is an object, not of type %s", json_type_name(line->type));
    if (!refuse_members(line, unknown, err)) return false;
    const json *messages = json_get(line, "messages"), *turns = json_get(line, "conversations");
    if (messages != NULL) return read_messages(owner, messages, "messages", "role", "content", out, err);
    if (turns != NULL) {
        const json *system = json_get(line, "system");
        if (system != NULL && system->type == JSON_STRING && system->length > 0 && !read_turn(owner, system, "system", out, err)) return false;
        return read_messages(owner, turns, "conversations", "from", "value", out, err);
    }
    static const char *const sides[][2] = {{"prompt", "user"}, {"completion", "assistant"}};
    for (size_t i = 0; i < COUNT(sides); i++) {
        const json *side = json_get(line, sides[i][0]);
        if (side == NULL) return fail(err, "neither messages, nor prompt and completion, nor conversations are there");
        if (side->type == JSON_STRING) {
            if (!read_turn(owner, side, sides[i][1], out, err)) return false;
        } else if (!read_messages(owner, side, sides[i][0], "role", "content", out, err)) return false;
        for (size_t m = 0; i == 0 && m < out->n; m++) out->messages[m].learned = false; /* a prompt is given, also what it quotes of the assistant */
    }
    return true;
}

/* ---- templates ---- */

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

bool chat_template_of(const tokenizer *t, chat_template *out, error *err) {
    /* ChatML as it is found in the wild: the same text for every conversation. */
    static const char *const equal[] = {
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    };
    const char *jinja = tokenizer_chat_template(t);
    *out = TEMPLATE_NONE;
    if (jinja == NULL) return true;
    *out = TEMPLATE_CHATML;
    if (strcmp(jinja, template_chatml_jinja()) == 0) return true;
    for (size_t i = 0; i < COUNT(equal); i++)
        if (strcmp(jinja, equal[i]) == 0) return true;
    *out = TEMPLATE_NONE;
    return fail(err, "the chat template of this tokenizer is not ChatML as socle writes it; other templates are not rendered here");
}

/* ---- rendering ---- */

typedef struct pen {
    string *text;
    string marks; /* one byte for each byte of text */
} pen;

static void pen_write(pen *p, const char *bytes, size_t n, unsigned char mark) {
    string_append(p->text, bytes, n);
    for (size_t i = 0; i < n; i++) string_char(&p->marks, (char)mark);
}

static void pen_markup(pen *p, const char *text, unsigned char also) {
    pen_write(p, text, strlen(text), (unsigned char)(MARK_MARKUP | also));
}

bool conversation_render(arena *owner, chat_template which, const conversation *c, bool add_generation_prompt, rendered *out, error *err) {
    *out = (rendered){0};
    if (which != TEMPLATE_CHATML) return fail(err, "the model has no chat template");
    pen p = {.text = &out->text};
    for (size_t i = 0; i < c->n; i++) {
        const message *m = &c->messages[i];
        const unsigned char learned = m->learned ? MARK_LEARNED : 0;
        pen_markup(&p, "<|im_start|>", 0);
        pen_markup(&p, m->role, 0);
        pen_markup(&p, "\n", 0);
        pen_write(&p, m->content, m->length, learned);
        pen_markup(&p, "<|im_end|>", learned); /* learned too: else the model never stops */
        pen_markup(&p, "\n", 0);
    }
    if (add_generation_prompt) pen_markup(&p, "<|im_start|>assistant\n", 0);
    out->marks = (unsigned char *)arena_copy_bytes(owner, string_chars(&p.marks), p.marks.length);
    string_drop(&p.marks);
    if (out->marks != NULL) return true;
    string_drop(&out->text);
    return fail(err, "the conversation is too long");
}

bool conversation_encode(arena *owner, const tokenizer *t, const rendered *r, int32_t **ids, bool **learned, size_t *n, error *err) {
    id_list list = {0};
    if (!tokenizer_encode_marked(t, NULL, string_chars(&r->text), r->text.length, r->marks, TOKENIZER_OFFSETS, &list, err)) {
        id_list_drop(&list);
        return false;
    }
    *n = list.n;
    *ids = NEW_ARRAY(owner, list.n, int32_t);
    *learned = NEW_ARRAY(owner, list.n, bool);
    const bool fits = *ids != NULL && *learned != NULL;
    for (size_t i = 0; fits && i < list.n; i++) {
        (*ids)[i] = list.id[i];
        bool all = list.end[i] > list.begin[i]; /* a token that straddles the border of an answer is not learned */
        for (size_t b = list.begin[i]; all && b < list.end[i]; b++) all = (r->marks[b] & MARK_LEARNED) != 0;
        (*learned)[i] = all;
    }
    id_list_drop(&list);
    return fits || fail(err, "the conversation is too long");
}
