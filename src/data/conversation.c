#include "data/conversation.h"

#include <string.h>

/* ---- trees that are put together here ---- */

static json text_value(const char *text, size_t n) {
    return (json){.type = JSON_STRING, .text = text, .length = n};
}

/* An object with room for n members; NULL where the memory has met its limit. */
static json *object_new(arena *owner, size_t n) {
    json *o = NEW(owner, json), *item = NEW_ARRAY(owner, n, json);
    const char **key = NEW_ARRAY(owner, n, const char *);
    size_t *key_length = NEW_ARRAY(owner, n, size_t);
    if (o == NULL || item == NULL || key == NULL || key_length == NULL) return NULL;
    *o = (json){.type = JSON_OBJECT, .item = item, .key = key, .key_length = key_length};
    return o;
}

static void object_put(json *o, const char *key, const json *v) {
    o->key[o->length] = key;
    o->key_length[o->length] = strlen(key);
    o->item[o->length++] = *v;
}

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

/* A member that says something. */
static const json *member(const json *o, const char *key) {
    const json *v = json_get(o, key);
    return v == NULL || v->type == JSON_NULL ? NULL : v;
}

/* Members that would change what a model should learn, and that nothing here understands. Empty ones say nothing. */
static bool refuse_members(const json *o, const char *const *names, error *err) {
    for (; *names != NULL; names++) {
        const json *v = json_get(o, *names);
        if (v != NULL && !json_is_empty(v)) return fail(err, "'%s' is not understood here; remove it or the row", *names);
    }
    return true;
}

/* ---- a message ---- */

enum { MOST_MEMBERS = 256 }; /* each is looked for among the others */

/* The names of its role and its content. */
typedef struct message_keys {
    const char *role, *content;
} message_keys;

static bool join_parts(arena *owner, const json *parts, message *m, error *err) {
    for (size_t i = 0; i < parts->length; i++) {
        const json *part = &parts->item[i], *text = json_get(part, "text");
        if (!json_is_text(json_get(part, "type"), "text") || text == NULL || text->type != JSON_STRING)
            return fail(err, "part %zu of the content is no text", i + 1);
        m->length += text->length;
    }
    char *all = arena_alloc(owner, m->length + 1);
    if (all == NULL) return fail(err, "the content is too long");
    m->content = all;
    for (size_t i = 0; i < parts->length; i++) {
        const json *text = json_get(&parts->item[i], "text");
        memcpy(all, text->text, text->length);
        all += text->length;
    }
    return true;
}

/* Content is a text, or OpenAI's list of parts of which each is a text; a tool may answer with an object, and who calls one may
 * say nothing. */
static bool read_content(arena *owner, const json *v, const json *calls, message *m, error *err) {
    m->content = "";
    if (v == NULL || v->type == JSON_NULL) return calls != NULL || fail(err, "content is missing");
    if (v->type == JSON_ARRAY) return join_parts(owner, v, m, err);
    if (v->type == JSON_OBJECT && strcmp(m->role, "tool") == 0) return true;
    if (v->type != JSON_STRING) return fail(err, "content is of type %s; a text is wanted", json_type_name(v->type));
    m->content = v->text;
    m->length = v->length;
    return true;
}

static const struct {
    const char *written, *role;
} roles[] = {
    {"system", "system"}, {"developer", "developer"}, {"user", "user"},     {"assistant", "assistant"},     {"tool", "tool"},        {"human", "user"},
    {"gpt", "assistant"}, {"model", "assistant"},     {"function", "tool"}, {"function_call", "assistant"}, {"observation", "tool"}, {"ipython", "tool"},
};

static bool read_role(const json *v, message *m, error *err) {
    if (v == NULL || v->type != JSON_STRING) return fail(err, "the role is missing");
    for (size_t i = 0; i < COUNT(roles); i++)
        if (json_is_text(v, roles[i].written)) m->role = roles[i].role;
    if (m->role == NULL) return fail(err, "the role '%.40s' is not understood (system, developer, user, assistant or tool)", v->text);
    m->learned = strcmp(m->role, "assistant") == 0;
    return true;
}

static bool check_calls(const json *calls, error *err) {
    if (calls == NULL) return true;
    if (calls->type != JSON_ARRAY) return fail(err, "tool_calls is of type %s; a list is wanted", json_type_name(calls->type));
    for (size_t i = 0; i < calls->length; i++) {
        const json *call = &calls->item[i], *function = member(call, "function"), *named = member(function != NULL ? function : call, "name");
        if (named == NULL || named->type != JSON_STRING) return fail(err, "tool_calls: call %zu names no function", i + 1);
    }
    return true;
}

/* {"name", "arguments"}, or a list of such, as a text: into OpenAI's list of calls. */
static const json *calls_of_text(arena *owner, const json *value, error *err) {
    if (value == NULL || value->type != JSON_STRING) return fail_null(err, "the call of a function is no text");
    json *tree = json_parse(owner, value->text, value->length, err);
    if (tree == NULL) return fail_null(err, "the call of a function is no JSON");
    const size_t n = tree->type == JSON_ARRAY ? tree->length : 1;
    const json *each = tree->type == JSON_ARRAY ? tree->item : tree, function = text_value("function", 8);
    json *calls = NEW(owner, json), *items = NEW_ARRAY(owner, n, json);
    if (calls == NULL || items == NULL) return fail_null(err, "too many calls");
    for (size_t i = 0; i < n; i++) {
        json *call = object_new(owner, 2);
        if (call == NULL) return fail_null(err, "too many calls");
        object_put(call, "type", &function);
        object_put(call, "function", &each[i]);
        items[i] = *call;
    }
    *calls = (json){.type = JSON_ARRAY, .item = items, .length = n};
    return calls;
}

/* All that a template sees: the members as they came, under the names that templates know. */
static bool keep_members(arena *owner, const json *v, message_keys keys, const json *calls, message *m, error *err) {
    static const char *const reasoning_names[] = {"reasoning_content", "thinking", "reasoning"};
    const bool renamed = strcmp(keys.role, "role") != 0; /* then role and content have come under other names */
    const json role = text_value(m->role, strlen(m->role)), *reasoning = NULL;
    for (size_t i = 0; i < COUNT(reasoning_names) && reasoning == NULL; i++) reasoning = member(v, reasoning_names[i]);
    if (v->length > MOST_MEMBERS) return fail(err, "it has more than %d members", MOST_MEMBERS);
    json *all = object_new(owner, v->length + 3);
    if (all == NULL) return fail(err, "the message is too long");
    if (reasoning != NULL && member(v, "thinking") == NULL) object_put(all, "thinking", reasoning);
    for (size_t i = 0; i < v->length; i++) {
        const char *key = v->key[i];
        const json *value = &v->item[i];
        const bool is_content = strcmp(key, keys.content) == 0;
        if (json_get(v, key) != value || strcmp(key, "weight") == 0) continue; /* a later one of this name holds */
        if (value->type == JSON_NULL && !is_content) continue;
        if (renamed && (strcmp(key, "role") == 0 || strcmp(key, "content") == 0)) continue;
        if (strcmp(key, keys.role) == 0) object_put(all, "role", &role);
        else if (is_content && json_is_text(json_get(v, keys.role), "function_call")) object_put(all, "tool_calls", calls);
        else if (strcmp(key, "reasoning_content") == 0) object_put(all, key, reasoning);
        else object_put(all, is_content ? "content" : key, value);
    }
    if (reasoning != NULL && member(v, "reasoning_content") == NULL) object_put(all, "reasoning_content", reasoning);
    m->members = all;
    return true;
}

static bool read_message(arena *owner, const json *v, message_keys keys, message *m, error *err) {
    static const char *const unknown[] = {"function_call", "prefix", "audio", "refusal", NULL};
    if (v->type != JSON_OBJECT) return fail(err, "it is of type %s; an object is wanted", json_type_name(v->type));
    if (!refuse_members(v, unknown, err) || !read_role(json_get(v, keys.role), m, err)) return false;
    const json *weight = member(v, "weight"), *calls = member(v, "tool_calls"), *content = json_get(v, keys.content);
    if (weight != NULL) {
        if (weight->type != JSON_NUMBER || (weight->number != 0 && weight->number != 1)) return fail(err, "the weight must be 0 or 1");
        if (weight->number == 0) m->learned = false;
    }
    if (json_is_text(json_get(v, keys.role), "function_call")) {
        calls = calls_of_text(owner, content, err);
        if (calls == NULL) return false;
        content = NULL;
    }
    if (calls != NULL && calls->type == JSON_ARRAY && calls->length == 0) calls = NULL;
    if (calls != NULL && strcmp(m->role, "assistant") != 0) return fail(err, "tool_calls: only the assistant calls tools");
    return check_calls(calls, err) && read_content(owner, content, calls, m, err) && keep_members(owner, v, keys, calls, m, err);
}

static bool read_messages(arena *owner, const json *list, const char *name, message_keys keys, conversation *out, error *err) {
    if (list->type != JSON_ARRAY || list->length == 0) return fail(err, "%s is no list of messages, or an empty one", name);
    message *grown = NEW_ARRAY(owner, out->n + list->length, message);
    if (grown == NULL) return fail(err, "%s has too many messages", name);
    if (out->n > 0) memcpy(grown, out->messages, out->n * sizeof *grown);
    out->messages = grown;
    for (size_t i = 0; i < list->length; i++) {
        if (!read_message(owner, &list->item[i], keys, &out->messages[out->n], err)) return fail(err, "%s: message %zu", name, i + 1);
        out->n++;
    }
    return true;
}

/* ---- a row ---- */

/* A text alone is one turn of `role`; in front of a list it is its system message, where that is what `role` says. */
static bool read_turn(arena *owner, const json *text, const char *role, conversation *out, error *err) {
    message *grown = NEW_ARRAY(owner, out->n + 1, message);
    if (grown == NULL) return fail(err, "too many messages");
    if (out->n > 0) memcpy(grown, out->messages, out->n * sizeof *grown);
    grown[out->n++] = (message){.role = role, .content = text->text, .length = text->length, .learned = strcmp(role, "assistant") == 0};
    out->messages = grown;
    return true;
}

/* A list of objects, or, as some data sets have it, its JSON as a text. */
static bool read_objects(arena *owner, const json *line, const char *name, const json **out, error *err) {
    const json *v = member(line, name);
    if (v == NULL || json_is_empty(v)) return true;
    if (v->type == JSON_STRING) v = json_parse(owner, v->text, v->length, err);
    if (v == NULL) return fail(err, "%s", name);
    if (v->type != JSON_ARRAY) return fail(err, "%s is of type %s; a list is wanted", name, json_type_name(v->type));
    for (size_t i = 0; i < v->length; i++)
        if (v->item[i].type != JSON_OBJECT) return fail(err, "%s: item %zu is no object", name, i + 1);
    if (v->length > 0) *out = v;
    return true;
}

/* The tokens are the model's: they are markup, and text of a request must not become that. */
static bool read_variables(const json *line, conversation *out, error *err) {
    static const char *const taken[] = {"messages",  "tools",     "documents", "add_generation_prompt", "bos_token", "eos_token", "pad_token", "unk_token",
                                        "sep_token", "cls_token", "mask_token"};
    const json *v = member(line, "chat_template_kwargs");
    if (v != NULL && v->type != JSON_OBJECT) return fail(err, "chat_template_kwargs is of type %s; an object is wanted", json_type_name(v->type));
    for (size_t i = 0; i < COUNT(taken); i++)
        if (json_get(v, taken[i]) != NULL) return fail(err, "chat_template_kwargs: '%s' cannot be set there", taken[i]);
    out->variables = v;
    return true;
}

static bool read_beside(arena *owner, const json *line, conversation *out, error *err) {
    static const char *const unknown[] = {"functions", "images", "audios", "videos", "chosen", "rejected", NULL};
    if (!refuse_members(line, unknown, err)) return false;
    if (!read_objects(owner, line, "tools", &out->tools, err) || !read_objects(owner, line, "documents", &out->documents, err)) return false;
    return read_variables(line, out, err);
}

bool conversation_read(arena *owner, const json *line, conversation *out, error *err) {
    static const message_keys openai = {"role", "content"}, share_gpt = {"from", "value"};
    *out = (conversation){0};
    if (line->type != JSON_OBJECT) return fail(err, "a conversation is an object, not of type %s", json_type_name(line->type));
    if (!read_beside(owner, line, out, err)) return false;
    const json *messages = json_get(line, "messages"), *turns = json_get(line, "conversations");
    if (messages != NULL) return read_messages(owner, messages, "messages", openai, out, err);
    if (turns != NULL) {
        const json *system = json_get(line, "system");
        if (system != NULL && system->type == JSON_STRING && system->length > 0 && !read_turn(owner, system, "system", out, err)) return false;
        return read_messages(owner, turns, "conversations", share_gpt, out, err);
    }
    static const char *const sides[][2] = {{"prompt", "user"}, {"completion", "assistant"}};
    for (size_t i = 0; i < COUNT(sides); i++) {
        const json *side = json_get(line, sides[i][0]);
        if (side == NULL) return fail(err, "neither messages, nor prompt and completion, nor conversations are there");
        if (side->type == JSON_STRING) {
            if (!read_turn(owner, side, sides[i][1], out, err)) return false;
        } else if (!read_messages(owner, side, sides[i][0], openai, out, err)) return false;
        for (size_t m = 0; i == 0 && m < out->n; m++) out->messages[m].learned = false; /* a prompt is given, also what it quotes of the assistant */
    }
    return true;
}
