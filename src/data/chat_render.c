/* Rendering conversations, and finding out which bytes are learned. */
#include "data/chat_form_inner.h"

#include <string.h>

/* ---- a call of the template ---- */

static const char *named_token(const tokenizer *t, int32_t id) {
    return id < 0 ? NULL : tokenizer_token(t, id, NULL);
}

bool template_run(const template_call *call, size_t n_message, bool add_generation_prompt, string *text, string *marks, error *err) {
    enum { OWN = 4 };
    const tokenizer *t = call->form->tokenizer;
    const json *more = call->variables;
    const size_t n_more = more == NULL ? 0 : more->length;
    arena memory = {0};
    json *item = NEW_ARRAY(&memory, n_more + OWN, json), messages = *call->messages;
    const char **key = NEW_ARRAY(&memory, n_more + OWN, const char *);
    size_t *key_length = NEW_ARRAY(&memory, n_more + OWN, size_t), n = 0;
    messages.length = n_message;
    for (size_t i = 0; i < n_more; i++) key[n] = more->key[i], item[n++] = more->item[i];
    const json prompt = {.type = JSON_BOOL, .truth = add_generation_prompt};
    const struct {
        const char *key;
        const json *value;
    } own[OWN] = {{"messages", &messages}, {"tools", call->tools}, {"documents", call->documents}, {"add_generation_prompt", &prompt}};
    for (size_t i = 0; i < OWN; i++)
        if (own[i].value != NULL) key[n] = own[i].key, item[n++] = *own[i].value;
    for (size_t i = 0; i < n; i++) key_length[i] = strlen(key[i]);
    const json variables = {.type = JSON_OBJECT, .length = n, .item = item, .key = key, .key_length = key_length};
    const chat_template_input in = {.variables = &variables,
                                    .bos_token = named_token(t, tokenizer_bos(t)),
                                    .eos_token = named_token(t, tokenizer_eos(t)),
                                    .pad_token = named_token(t, tokenizer_pad(t)),
                                    .unk_token = named_token(t, tokenizer_unk(t)),
                                    .now = INT64_MIN};
    const bool ok = chat_template_render(call->which->compiled, &in, text, marks, err);
    arena_drop(&memory);
    return ok;
}

/* ---- messages as the template is to see them ---- */

static bool says(const json *v) {
    return v != NULL && !((v->type == JSON_STRING || v->type == JSON_ARRAY) && v->length == 0);
}

/* What would vanish without a word. */
static bool check_renders(const known_template *k, const conversation *c, error *err) {
    if (c->tools != NULL && (k->names & NAMES_TOOLS) == 0)
        return fail(err, "the model's chat template renders no tools: leave them out, or take a model that knows tools");
    if (c->documents != NULL && (k->names & NAMES_DOCUMENTS) == 0)
        return fail(err, "the model's chat template renders no documents: leave them out, or put them into a message");
    for (size_t i = 0; i < c->n; i++) {
        const message *m = &c->messages[i];
        const char *lost = NULL;
        if (strcmp(m->role, "tool") == 0 && (k->names & NAMES_TOOL) == 0) lost = "messages of the role 'tool'";
        else if ((k->names & NAMES_TOOL_CALLS) == 0 && says(json_get(m->members, "tool_calls"))) lost = "tool_calls";
        else if ((k->names & NAMES_REASONING) == 0 && says(json_get(m->members, "reasoning_content"))) lost = "reasoning_content";
        if (lost != NULL) return fail(err, "message %zu: the model's chat template renders no %s: leave that out", i + 1, lost);
    }
    return true;
}

static json text_value(const char *text, size_t n) {
    return (json){.type = JSON_STRING, .text = text, .length = n};
}

/* An object again, with room to change the values of its members. */
static bool own_members(arena *owner, const json *from, json *to) {
    *to = *from;
    to->item = (json *)arena_copy_bytes(owner, from->item, from->length * sizeof *from->item);
    return to->item != NULL;
}

static json *own_member(json *o, const char *key) {
    for (size_t i = 0; i < o->length; i++)
        if (strcmp(o->key[i], key) == 0) return &o->item[i];
    return NULL;
}

/* The arguments of a call as the template wants them: an object, or its JSON as a text. */
static bool settle_arguments(arena *owner, bool objects, json *function) {
    json *arguments = own_member(function, "arguments");
    if (arguments == NULL || (arguments->type == JSON_OBJECT) == objects) return true;
    if (objects && arguments->type == JSON_STRING) {
        const json *tree = json_parse(owner, arguments->text, arguments->length, NULL);
        if (tree != NULL && tree->type == JSON_OBJECT) *arguments = *tree;
    } else if (!objects && arguments->type == JSON_OBJECT) {
        string text = {0};
        json_writer w = {.out = &text};
        json_value(&w, arguments);
        const char *copy = arena_copy_bytes(owner, string_chars(&text), text.length);
        *arguments = text_value(copy, text.length);
        string_drop(&text);
        return copy != NULL;
    }
    return true;
}

static bool settle_calls(arena *owner, bool objects, json *calls) {
    if (calls->type != JSON_ARRAY) return true;
    calls->item = (json *)arena_copy_bytes(owner, calls->item, calls->length * sizeof *calls->item);
    if (calls->item == NULL) return false;
    for (size_t i = 0; i < calls->length; i++) {
        json *call = &calls->item[i];
        if (call->type != JSON_OBJECT || !own_members(owner, call, call)) return false;
        json *function = own_member(call, "function");
        if (function != NULL && (function->type != JSON_OBJECT || !own_members(owner, function, function))) return false;
        if (!settle_arguments(owner, objects, function != NULL ? function : call)) return false;
    }
    return true;
}

/* A message as the template sees it: all its members; developer where the template knows that role; parts joined and arguments
 * turned where it wants them so. */
static bool settle_message(arena *owner, const known_template *k, const message *m, json *out) {
    static const char *plain_keys[] = {"role", "content"};
    static size_t plain_lengths[] = {4, 7};
    const bool rename = strcmp(m->role, "developer") == 0 && (k->names & NAMES_DEVELOPER) == 0;
    const json role = text_value(rename ? "system" : m->role, rename ? 6 : strlen(m->role)), content = text_value(m->content, m->length);
    if (m->members == NULL) {
        json *item = NEW_ARRAY(owner, 2, json);
        if (item == NULL) return false;
        item[0] = role, item[1] = content;
        *out = (json){.type = JSON_OBJECT, .length = 2, .item = item, .key = plain_keys, .key_length = plain_lengths};
        return true;
    }
    if (!own_members(owner, m->members, out)) return false;
    json *own_role = own_member(out, "role"), *own_content = own_member(out, "content"), *calls = own_member(out, "tool_calls");
    if (own_role != NULL) *own_role = role;
    if (own_content != NULL && own_content->type == JSON_ARRAY && !k->parts) *own_content = content;
    if (calls != NULL && own_content != NULL && (own_content->type == JSON_NULL || own_content->type == JSON_STRING) && m->length == 0) {
        if (k->call_content == CALL_CONTENT_NONE) *own_content = (json){.type = JSON_NULL};
        if (k->call_content == CALL_CONTENT_EMPTY) *own_content = content;
    }
    return calls == NULL || settle_calls(owner, k->objects, calls);
}

static bool settle_messages(arena *owner, const known_template *k, const conversation *c, json *out, error *err) {
    *out = (json){.type = JSON_ARRAY, .length = c->n, .item = NEW_ARRAY(owner, c->n, json)};
    for (size_t i = 0; i < c->n; i++)
        if (out->item == NULL || !settle_message(owner, k, &c->messages[i], &out->item[i])) return fail(err, "the conversation is too long");
    return true;
}

/* ---- what is learned ---- */

typedef struct learner {
    const template_call *call;
    const conversation *c;
    const string *text; /* of all of it */
    unsigned char *marks;
    string with, with_marks, before; /* the conversation to and with a turn, and up to it; used again for each */
} learner;

typedef struct span {
    size_t begin, end;
} span;

static bool stop_at(const learner *l, const string *text, const unsigned char *marks, size_t at) {
    const char *stop = l->call->form->stop_text;
    const size_t n = stop == NULL ? 0 : strlen(stop);
    if (n == 0 || at + n > text->length || memcmp(text->data + at, stop, n) != 0) return false;
    for (size_t i = 0; i < n; i++)
        if ((marks[at + i] & MARK_MARKUP) == 0) return false;
    return true;
}

static size_t stop_length(const learner *l) {
    return l->call->form->stop_text == NULL ? 0 : strlen(l->call->form->stop_text);
}

/* Where a turn that begins at `begin` ends: behind the last token that closes it, else before the blanks at its end. */
static size_t turn_end(const learner *l, const string *text, const unsigned char *marks, size_t begin) {
    for (size_t at = text->length; at-- > begin;)
        if (stop_at(l, text, marks, at)) return at + stop_length(l);
    size_t end = text->length;
    while (end > begin && (marks[end - 1] & MARK_MARKUP) != 0 && strchr(" \n\t\r", text->data[end - 1]) != NULL) end--;
    return end;
}

static size_t common(const string *a, const string *b) {
    const size_t least = a->length < b->length ? a->length : b->length;
    size_t n = 0;
    while (n < least && a->data[n] == b->data[n]) n++;
    return n;
}

/* Where turn i lies in l->with: behind what the conversation before it renders to with a generation prompt. Where the prompt says more
 * than a finished turn has (an opened thought), behind the markup that both have. */
static bool turn_begin(learner *l, size_t i, const unsigned char *with_marks, size_t *begin) {
    string_reset(&l->before);
    bool ok = template_run(l->call, i, true, &l->before, NULL, NULL);
    const size_t prompt = ok ? common(&l->before, &l->with) : 0;
    *begin = prompt;
    if (ok && prompt == l->before.length) return true;
    string_reset(&l->before);
    ok = i == 0 || template_run(l->call, i, false, &l->before, NULL, NULL);
    if (!ok || common(&l->before, &l->with) < l->before.length || prompt < l->before.length) return false;
    size_t at = l->before.length;
    while (at < prompt && (with_marks[at] & MARK_MARKUP) != 0) at++;
    *begin = at;
    return at > l->before.length;
}

/* The bytes of turn i in the whole, which may be none; false where they cannot be told, or differ once the conversation goes on. */
static bool turn_find(learner *l, size_t i, span *out) {
    const bool last = i + 1 == l->c->n;
    string_reset(&l->with);
    string_reset(&l->with_marks);
    if (!last && !template_run(l->call, i + 1, false, &l->with, &l->with_marks, NULL)) return false;
    if (last) string_append(&l->with, l->text->data, l->text->length);
    if (l->with.length == 0) return false;
    const unsigned char *marks = last ? l->marks : (const unsigned char *)l->with_marks.data;
    if (!turn_begin(l, i, marks, &out->begin)) return false;
    out->end = turn_end(l, &l->with, marks, out->begin);
    const size_t same = last ? out->end : common(&l->with, l->text);
    if (same >= out->end) {
        if (!last && out->end == l->with.length && stop_at(l, l->text, l->marks, out->end))
            out->end += stop_length(l); /* the next turn's header ends this one */
        return true;
    }
    /* a closing token that stands only behind the last turn: the turn is learned without it */
    const size_t n = stop_length(l);
    if (n == 0 || out->end < out->begin + n || !stop_at(l, &l->with, marks, out->end - n) || same < out->end - n) return false;
    out->end -= n;
    return true;
}

static void learn(learner *l, span s, bool yes) {
    for (size_t i = s.begin; i < s.end; i++) l->marks[i] = (unsigned char)((l->marks[i] & MARK_MARKUP) | (yes ? MARK_LEARNED : 0));
}

/* The run of bytes within {% generation %} that begins at or behind `from`. */
static bool next_run(const learner *l, size_t from, span *out) {
    while (from < l->text->length && (l->marks[from] & MARK_LEARNED) == 0) from++;
    out->begin = out->end = from;
    while (out->end < l->text->length && (l->marks[out->end] & MARK_LEARNED) != 0) out->end++;
    return out->end > out->begin;
}

/* The template says where the assistant speaks. Turns that are not to be learned are taken out: by what they render to, else by
 * their order, where there is one span for each turn. */
static bool learn_spans(learner *l, error *err) {
    const conversation *c = l->c;
    size_t n_turn = 0, n_run = 0, n_unlearned = 0;
    span run = {0};
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->messages[i].role, "assistant") == 0) n_turn++, n_unlearned += !c->messages[i].learned;
    while (next_run(l, run.end, &run)) {
        n_run++;
        if (stop_at(l, l->text, l->marks, run.end)) { /* left outside by the template: a model would never learn to stop */
            learn(l, (span){run.end, run.end + stop_length(l)}, true);
            run.end += stop_length(l);
        }
    }
    run = (span){0};
    for (size_t i = 0; n_unlearned > 0 && i < c->n; i++) {
        if (strcmp(c->messages[i].role, "assistant") != 0) continue;
        const bool in_order = n_run == n_turn && next_run(l, run.end, &run);
        span turn;
        if (c->messages[i].learned) continue;
        if (!turn_find(l, i, &turn)) {
            if (!in_order) return fail(err, "message %zu: where it lies in the rendered text cannot be told, so its weight of 0 cannot be honoured", i + 1);
            turn = run;
        }
        while (turn.begin > 0 && (l->marks[turn.begin - 1] & MARK_LEARNED) != 0) turn.begin--; /* a span that begins within the prompt */
        learn(l, turn, false);
    }
    return true;
}

static bool learn_turns(learner *l, rendered *out, error *err) {
    bool spans = false;
    size_t n_learned = 0;
    for (size_t i = 0; i < l->text->length && !spans; i++) spans = (l->marks[i] & MARK_LEARNED) != 0;
    for (size_t i = 0; i < l->c->n; i++) n_learned += l->c->messages[i].learned;
    if (n_learned == 0) learn(l, (span){0, l->text->length}, false);
    else if (spans) return learn_spans(l, err);
    else
        for (size_t i = 0; i < l->c->n; i++) {
            span turn;
            if (!l->c->messages[i].learned) continue;
            if (turn_find(l, i, &turn) && turn.end > turn.begin) learn(l, turn, true);
            else out->left_out++;
        }
    return true;
}

/* ---- all of it ---- */

bool conversation_render(arena *owner, const chat_form *f, const conversation *c, bool add_generation_prompt, rendered *out, error *err) {
    const known_template *k = c->tools != NULL ? &f->with_tools : &f->usual;
    arena scratch = {0};
    string marks = {0};
    json messages;
    *out = (rendered){0};
    template_call call = {.form = f, .which = k, .messages = &messages, .tools = c->tools, .documents = c->documents, .variables = c->variables};
    bool ok = check_renders(k, c, err) && settle_messages(&scratch, k, c, &messages, err);
    ok = ok && (template_run(&call, c->n, add_generation_prompt, &out->text, &marks, err) || fail(err, "the chat template"));
    if (ok) {
        out->marks = (unsigned char *)arena_copy_bytes(owner, string_chars(&marks), marks.length);
        ok = out->marks != NULL || fail(err, "the conversation is too long");
    }
    if (ok && !add_generation_prompt) {
        learner l = {.call = &call, .c = c, .text = &out->text, .marks = out->marks};
        ok = learn_turns(&l, out, err);
        string_drop(&l.with);
        string_drop(&l.with_marks);
        string_drop(&l.before);
    }
    for (size_t i = 0; ok && add_generation_prompt && i < out->text.length; i++) out->marks[i] &= MARK_MARKUP;
    string_drop(&marks);
    arena_drop(&scratch);
    if (!ok) string_drop(&out->text);
    return ok;
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

bool conversation_prompt(arena *owner, const chat_form *f, const conversation *c, int32_t **ids, size_t *n, error *err) {
    rendered r;
    bool *learned;
    if (!conversation_render(owner, f, c, true, &r, err)) return false;
    const bool ok = conversation_encode(owner, f->tokenizer, &r, ids, &learned, n, err);
    string_drop(&r.text);
    return ok;
}
