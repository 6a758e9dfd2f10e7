/* The engine's two doors: compile and render; and what a rendering writes into. */
#include "text/chat_template.h"

#include "text/jinja_tree.h"

#include <stdlib.h>

enum { TEMPLATE_MOST = 4 << 20 }; /* bytes of a template's text */

chat_template *chat_template_compile(arena *owner, const char *text, size_t n, error *err) {
    if (n > TEMPLATE_MOST) return fail_null(err, "the template has %zu bytes; at most %d are read", n, TEMPLATE_MOST);
    if (!utf8_valid(text, n)) return fail_null(err, "the template is not UTF-8");
    chat_template *t = NEW(owner, chat_template);
    if (t == NULL) return fail_null(err, "the template is too large");
    size_t n_token = 0;
    const token *tokens = jinja_tokens(owner, text, n, &n_token, err);
    parser p = {.owner = owner, .at = tokens, .err = err};
    if (tokens == NULL || !jinja_parse(&p, &t->body)) {
        if (err != NULL && err->text[0] == 0) fail(err, "the template is too large");
        return NULL;
    }
    return jinja_resolve(owner, t, err) ? t : NULL;
}

/* --- the output --------------------------------------------------------------------------------------------------------------------------- */
static bool out_room(run *r, size_t n) {
    if (r->n_out + n <= r->out_room) return true;
    if (n > OUTPUT_MOST || r->n_out + n > OUTPUT_MOST) return run_fail(r, "the text grows beyond %d MiB", OUTPUT_MOST >> 20);
    size_t room = r->out_room * 2 + 4096;
    if (room < r->n_out + n) room = r->n_out + n;
    char *out = realloc(r->out, room);
    if (out != NULL) r->out = out;
    unsigned char *marks = out != NULL && r->marking ? realloc(r->marks, room) : NULL;
    if (marks != NULL) r->marks = marks;
    if (out == NULL || (r->marking && marks == NULL)) return run_fail(r, "out of memory");
    r->out_room = room;
    return true;
}
bool run_emit_bytes(run *r, const char *text, size_t n, uint8_t mark) {
    if (!out_room(r, n)) return false;
    memcpy(r->out + r->n_out, text, n);
    if (r->marking) memset(r->marks + r->n_out, mark | r->generation, n);
    r->n_out += n;
    return true;
}
bool run_emit(run *r, const value *v) {
    if (v->type == VALUE_UNDEFINED) return true;
    if (v->type != VALUE_STRING) {
        value text;
        return value_str(r, v, &text) && run_emit(r, &text);
    }
    if (v->mark != MARK_MIXED || !r->marking) return run_emit_bytes(r, v->text, v->n, v->mark == MARK_MIXED ? 0 : v->mark);
    if (!out_room(r, v->n)) return false;
    memcpy(r->out + r->n_out, v->text, v->n);
    for (uint32_t i = 0; i < v->n; i++) r->marks[r->n_out + i] = v->marks[i] | r->generation;
    r->n_out += v->n;
    return true;
}
value run_capture(run *r, size_t from) {
    const size_t n = r->n_out - from;
    char *text = run_take(r, n);
    value v = value_text(text, text != NULL ? n : 0, TEMPLATE_MARKUP);
    if (text != NULL) memcpy(text, r->out + from, n);
    if (text != NULL && r->marking && n > 0) {
        const unsigned char *marks = r->marks + from;
        v.mark = marks[0];
        if (memchr(marks, marks[0], n) != NULL && memcmp(marks, marks + 1, n - 1) != 0) { /* not all the same */
            unsigned char *copy = run_take(r, n);
            if (copy != NULL) memcpy(copy, marks, n);
            v.mark = copy != NULL ? MARK_MIXED : 0;
            v.marks = copy;
        }
    }
    r->n_out = from;
    return v;
}

/* --- the input ----------------------------------------------------------------------------------------------------------------------------- */
static bool name_is(const variable_name *v, const char *name) {
    return v->n == strlen(name) && memcmp(v->name, name, v->n) == 0;
}
static bool is_token_name(const variable_name *v) {
    static const char *const names[] = {"bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (name_is(v, names[i])) return true;
    return false;
}
/* The roles that the field knows are markup: a template writes them between its own tokens. */
static void mark_roles(value *messages) {
    static const char *const roles[] = {"system", "user", "assistant", "tool", "developer", "function", "ipython", "model", "observation", "tool_response"};
    for (uint32_t i = 0; messages->type == VALUE_LIST && i < messages->list->n; i++) {
        const value *m = &messages->list->item[i];
        value *role = m->type == VALUE_DICT ? dict_get_text(m->dict, "role", 4) : NULL;
        for (size_t k = 0; role != NULL && k < COUNT(roles); k++)
            if (text_is(role, roles[k])) role->mark = TEMPLATE_MARKUP;
    }
}
static const json *input_member(const json *o, const variable_name *v) {
    for (size_t i = o != NULL && o->type == JSON_OBJECT ? o->length : 0; i-- > 0;)
        if (o->key_length[i] == v->n && memcmp(o->key[i], v->name, v->n) == 0) return &o->item[i];
    return NULL;
}
static value variable_make(run *r, const variable_name *v) {
    const chat_template_input *in = r->in;
    const struct {
        const char *name, *token;
    } tokens[] = {{"bos_token", in->bos_token}, {"eos_token", in->eos_token}, {"pad_token", in->pad_token}, {"unk_token", in->unk_token}};
    const json *given = input_member(in->variables, v);
    if (given != NULL) {
        value made = value_from_json(r, given);
        if (made.type == VALUE_STRING && is_token_name(v)) made.mark = TEMPLATE_MARKUP;
        if (name_is(v, "messages")) mark_roles(&made);
        return made;
    }
    for (size_t i = 0; i < COUNT(tokens); i++)
        if (tokens[i].token != NULL && name_is(v, tokens[i].name)) return value_text(tokens[i].token, strlen(tokens[i].token), TEMPLATE_MARKUP);
    if (name_is(v, "tools") || name_is(v, "documents")) return value_none();
    if (v->function != NULL) return (value){.type = VALUE_FUNCTION, .function = v->function};
    return undefined_name(v->name, v->n);
}
const value *variable_get(run *r, uint32_t i) {
    value *v = &r->variable[i];
    if (v->type == VALUE_MISSING) *v = variable_make(r, &r->compiled->variable[i]);
    return v;
}

bool chat_template_render(const chat_template *t, const chat_template_input *in, string *out, string *marks, error *err) {
    const char here = 0;
    error own = {0};
    run r = {.budget = MEMORY_MOST, .steps = STEPS_MOST, .stack = &here,   .compiled = t, .in = in, .err = err != NULL ? err : &own, .line = 1, .marking = marks != NULL};
    r.variable = NEW_ARRAY(&r.memory, t->n_variable, value);
    r.frame = frame_new(&r, NULL, t->n_slot);
    bool ok = r.frame != NULL;
    for (uint32_t i = 0; ok && i < t->entered.n; i++)
        if (t->entered.entry[i].kind == ENTRY_VARIABLE) r.frame->slot[t->entered.entry[i].slot] = *variable_get(&r, (uint32_t)t->entered.entry[i].from);
    ok = ok && run_body(&r, &t->body) != FLOW_FAILED && run_step(&r);
    if (ok) {
        string_append(out, r.out, r.n_out);
        if (marks != NULL) string_append(marks, r.marks, r.n_out);
        if (out->overflow || (marks != NULL && marks->overflow)) ok = fail(err, "the text is larger than %zu bytes", out->limit);
    }
    free(r.out);
    free(r.marks);
    arena_drop(&r.memory);
    return ok;
}
