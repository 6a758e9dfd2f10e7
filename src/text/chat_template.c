/* The engine's two doors: compile and render; and what a rendering writes into. */
#include "text/chat_template.h"

#include "text/jinja/tree.h"

#include <stdlib.h>

enum { TEMPLATE_MOST = 1 << 20 }; /* bytes of a template's text; its tree takes a few hundred times as many */

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
static bool out_grow(run *r, size_t n) {
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
static inline bool out_room(run *r, size_t n) {
    return n <= r->out_room - r->n_out || out_grow(r, n);
}
bool run_emit_bytes(run *r, const char *text, size_t n, uint8_t mark) {
    if (n == 0) return true;
    if (!out_room(r, n)) return false;
    memcpy(r->out + r->n_out, text, n);
    if (r->marking) memset(r->marks + r->n_out, mark | r->generation, n);
    r->n_out += n;
    return true;
}
bool run_emit(run *r, const value *v) {
    if (v->type == VALUE_STRING && !r->marking) return run_emit_bytes(r, v->text, v->n, 0);
    if (v->type == VALUE_UNDEFINED) return true;
    if (v->type == VALUE_INT) {
        char digits[24], *const end = digits + sizeof digits, *digit = print_integer(v->integer, end);
        return run_emit_bytes(r, digit, (size_t)(end - digit), TEMPLATE_MARKUP);
    }
    if (v->type != VALUE_STRING) {
        value text;
        return value_str(r, v, &text) && run_emit(r, &text);
    }
    if (v->mark != MARK_MIXED) return run_emit_bytes(r, v->text, v->n, v->mark);
    if (!out_room(r, v->n)) return false;
    memcpy(r->out + r->n_out, v->text, v->n);
    for (uint32_t i = 0; i < v->n; i++) r->marks[r->n_out + i] = v->marks[i] | r->generation;
    r->n_out += v->n;
    return true;
}
value run_capture(run *r, size_t from) {
    const size_t n = r->n_out - from;
    if (n == 0) return value_literal("");
    char *text = run_take(r, n);
    value v = value_text(text, text != NULL ? n : 0, TEMPLATE_MARKUP);
    if (text != NULL) memcpy(text, r->out + from, n);
    if (text != NULL && r->marking) {
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
/* The roles that the field knows are markup: a template writes them between its own tokens. */
static void mark_roles(value *messages) {
    static const char *const roles[] = {"user", "assistant", "system", "tool", "developer", "function", "ipython", "model", "observation", "tool_response"};
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
static void variable_make(run *r, const variable_name *v, value *out) {
    const chat_template_input *in = r->in;
    const json *given = input_member(in->variables, v);
    if (given != NULL) {
        value_from_json(r, given, out);
        if (out->type == VALUE_STRING && v->kind >= VARIABLE_BOS && v->kind <= VARIABLE_TOKEN) out->mark = TEMPLATE_MARKUP;
        if (v->kind == VARIABLE_MESSAGES && r->marking) mark_roles(out);
        return;
    }
    const char *const tokens[] = {
        [VARIABLE_BOS] = in->bos_token, [VARIABLE_EOS] = in->eos_token, [VARIABLE_PAD] = in->pad_token, [VARIABLE_UNK] = in->unk_token};
    const char *known = v->kind < COUNT(tokens) ? tokens[v->kind] : NULL;
    if (known != NULL) *out = value_text(known, strlen(known), TEMPLATE_MARKUP);
    else if (v->kind == VARIABLE_NONE) *out = value_none();
    else if (v->function != NULL) *out = (value){.type = VALUE_FUNCTION, .function = v->function};
    else *out = undefined_name(v->name, v->n);
}
const value *variable_get(run *r, uint32_t i) {
    value *v = &r->variable[i];
    if (v->type == VALUE_MISSING) variable_make(r, &r->compiled->variable[i], v);
    return v;
}

bool chat_template_render(const chat_template *t, const chat_template_input *in, string *out, string *marks, error *err) {
    _Alignas(16) char first[24 << 10]; /* most conversations need no more */
    error own = {0};
    run r = {.next = first,
             .bytes_left = sizeof first,
             .budget = MEMORY_MOST,
             .steps = STEPS_MOST,
             .stack = first,
             .compiled = t,
             .in = in,
             .err = err != NULL ? err : &own,
             .line = 1,
             .marking = marks != NULL};
    r.variable = run_take(&r, t->n_variable * sizeof *r.variable);
    if (r.variable != NULL) memset(r.variable, 0, t->n_variable * sizeof *r.variable);
    r.frame = frame_new(&r, NULL, t->n_slot);
    bool ok = r.frame != NULL && r.variable != NULL;
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
