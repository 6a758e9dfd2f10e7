/* Statements: what a template's tree does, and the loops and macros that it makes. */
#include "text/jinja/tree.h"

/* --- frames and scopes ---------------------------------------------------------------------------------------------------------- */
frame *frame_new(run *r, frame *parent, uint32_t n_slot) {
    frame *f = run_take(r, sizeof *f + n_slot * sizeof(value));
    if (f == NULL) return run_say(r, "the template needs more memory than it may"), NULL;
    memset(f, 0, sizeof *f + n_slot * sizeof(value)); /* every slot is MISSING */
    f->parent = parent;
    return f;
}

static value *slot_of(const run *r, int hops, int slot) {
    frame *f = r->frame;
    for (; hops > 0; hops--) f = f->parent;
    return &f->slot[slot];
}

static bool enter(run *r, const scope *s) {
    r->steps -= s->n / 8;
    for (uint32_t i = 0; i < s->n; i++) {
        const entry *e = &s->entry[i];
        value *to = &r->frame->slot[e->slot];
        if (e->kind == ENTRY_CLEAR) *to = value_of(VALUE_MISSING);
        else if (e->kind == ENTRY_COPY) *to = *slot_of(r, e->hops, e->from);
        else *to = *variable_get(r, (uint32_t)e->from);
    }
    return true;
}

static bool assign(run *r, const node *target, const value *v) {
    if (target->kind == NODE_NAME) return *slot_of(r, target->hops, target->slot) = *v, true;
    if (target->kind == NODE_FIELD) {
        const value *ns = target->hops < 0 ? variable_get(r, (uint32_t)target->slot) : slot_of(r, target->hops, target->slot);
        if (ns->type != VALUE_NAMESPACE)
            return run_fail(r, "cannot assign to '%.*s.%.*s': it is no namespace", (int)target->n_name, target->name, (int)target->constant.n,
                            target->constant.text);
        if (target->constant.text[0] == '_')
            return run_fail(r, "a namespace has no fields that begin with '_': '%.*s'", (int)target->constant.n, target->constant.text);
        return dict_set(r, ns->dict, target->constant, *v), true;
    }
    value *item = run_take(r, (target->n + 1) * sizeof *item);
    if (item == NULL) return run_step(r);
    if (!iterate_unpack(r, v, item, target->n)) return false;
    for (uint32_t i = 0; i < target->n; i++)
        if (!assign(r, target->child[i], &item[i])) return false;
    return true;
}

/* --- loops ------------------------------------------------------------------------------------------------------------------------ */
/* The items for which the loop's `if` holds, one by one. */
typedef struct loop_test {
    const node *loop;
    frame *frame;
} loop_test;
static int loop_test_next(run *r, iterator *it, value *out) {
    const loop_test *t = it->state;
    frame *const before = r->frame;
    int got;
    r->frame = t->frame;
    while ((got = iterate_next(r, it->from, out)) == 1) {
        value v;
        if (!run_step(r) || !assign(r, t->loop->test_target, out) || !evaluate(r, t->loop->b, &v)) got = -1;
        else if (!value_truth(&v)) continue;
        break;
    }
    r->frame = before;
    return got;
}

static int loop_next(run *r, loop *l, value *out) {
    int got = 1;
    if (l->peeked) *out = l->after, l->peeked = false;
    else if (l->at_end) got = 0;
    else got = iterate_next(r, l->of, out);
    if (got == 0) l->at_end = true;
    if (got != 1) return got;
    l->index0++;
    l->before = l->current;
    l->current = *out;
    return 1;
}
static bool loop_peek(run *r, loop *l) {
    if (l->peeked || l->at_end) return true;
    const int got = iterate_next(r, l->of, &l->after);
    l->peeked = got == 1;
    l->at_end = got == 0;
    return got >= 0;
}
bool loop_length(run *r, loop *l, int64_t *n) {
    if (l->length < 0) {
        const iterator *it = l->of;
        if (it->kind == ITERATE_ITEMS || it->kind == ITERATE_RANGE) l->length = it->end;
        else if (it->kind == ITERATE_TEXT || it->kind == ITERATE_VIEW || it->kind == ITERATE_NOTHING) {
            if (!value_length(r, &it->source, &l->length)) return false;
        } else { /* what goes by once is read to its end, and goes on from the copy */
            value rest = {.type = VALUE_ITERATOR, .iterator = l->of};
            list *items;
            iterator *copy = run_take(r, sizeof *copy);
            if (copy == NULL || !iterate_all(r, &rest, &items)) return run_step(r) && false;
            const value again = value_list(items);
            if (!iterate_start(r, &again, copy)) return false;
            l->of = copy;
            l->length = items->n + l->index0 + 1 + l->peeked;
        }
    }
    return *n = l->length, true;
}

static const char *const loop_names[] = {"index", "index0", "first", "last", "length", "previtem", "nextitem", "revindex", "revindex0", "depth", "depth0"};
int loop_attribute_index(const value *name) {
    for (size_t i = 0; i < COUNT(loop_names); i++)
        if (text_is(name, loop_names[i])) return (int)i;
    return -1;
}
bool loop_attribute(run *r, loop *l, int index, value *out) {
    int64_t n = 0;
    switch (index) {
    case 0: return value_put_int(out, l->index0 + 1);
    case 1: return value_put_int(out, l->index0);
    case 2: return value_put_bool(out, l->index0 == 0);
    case 3:
        if (!loop_peek(r, l)) return false;
        return value_put_bool(out, !l->peeked);
    case 5: return *out = l->index0 == 0 ? value_undefined(r, "there is no previous item") : l->before, true;
    case 6:
        if (!loop_peek(r, l)) return false;
        return *out = l->peeked ? l->after : value_undefined(r, "there is no next item"), true;
    case 9: return value_put_int(out, l->depth0 + 1);
    case 10: return value_put_int(out, l->depth0);
    default:
        if (!loop_length(r, l, &n)) return false;
        return value_put_int(out, index == 4 ? n : index == 7 ? n - l->index0 : n - l->index0 - 1);
    }
}

static bool loop_cycle(run *r, const value *v, const call_arguments *a, value *out) {
    if (a->n == 0 || a->named != NULL) return run_fail(r, "no items for cycling given");
    const int64_t at = v[0].loop->index0 % (int64_t)a->n;
    return *out = a->item[at < 0 ? 0 : at], true;
}
static bool loop_changed(run *r, const value *v, const call_arguments *a, value *out) {
    loop *l = v[0].loop;
    list *now = list_new(r, a->n);
    for (uint32_t i = 0; i < a->n; i++) list_push(r, now, a->item[i]);
    const value given = value_tuple(now);
    *out = value_bool(l->changed.type == VALUE_MISSING || !value_equal(r, &l->changed, &given));
    l->changed = given;
    return true;
}
const builtin loop_methods[] = {{"cycle", "*", loop_cycle}, {"changed", "*", loop_changed}, {0}};

/* The loop over `over`; the frame is the one in which its body runs. */
static flow run_loop(run *r, const node *n, const value *over, loop *l) {
    iterator direct, *it = &direct, tested;
    value item, loop_value = {.type = VALUE_LOOP, .loop = l};
    loop_test test = {n, r->frame};
    if (n->recursive) test.frame = r->frame->parent;
    if (l != NULL) { /* `loop` can be kept beyond its loop: what it stands on is not on the stack */
        it = run_take(r, 2 * sizeof *it);
        if (it == NULL) return run_step(r), FLOW_FAILED;
    }
    if (!iterate_start(r, over, it)) return FLOW_FAILED;
    if (n->b != NULL) {
        loop_test *kept = run_take(r, sizeof *kept);
        iterator *from = l != NULL ? it + 1 : &tested;
        if (kept == NULL) return run_step(r), FLOW_FAILED;
        *kept = test;
        *from = *it;
        *it = (iterator){.kind = ITERATE_STEPS, .from = from, .step = loop_test_next, .state = kept, .name = "generator"};
    }
    if (l != NULL) {
        l->of = it;
        r->frame->slot[n->loop_slot] = loop_value;
    }
    bool none = true; /* no turn came to its end: then `else` runs, as in Jinja */
    for (int got; (got = l != NULL ? loop_next(r, l, &item) : iterate_next(r, it, &item)) != 0;) {
        r->line = n->line;
        if (got < 0 || !run_step(r) || !enter(r, &n->entered) || !assign(r, n->target, &item)) return FLOW_FAILED;
        const flow did = run_body(r, &n->body);
        if (did == FLOW_FAILED) return FLOW_FAILED;
        if (did == FLOW_BREAK) break;
        if (did == FLOW_ON) none = false;
    }
    if (!none || n->other.n == 0) return FLOW_ON;
    if (!enter(r, &n->other_entered)) return FLOW_FAILED;
    return run_body(r, &n->other);
}

static loop *loop_new(run *r, int depth0) {
    loop *l = run_take(r, sizeof *l);
    if (l == NULL) return run_step(r), NULL;
    *l = (loop){.index0 = -1, .length = -1, .depth0 = depth0};
    return l;
}

/* The body of a recursive loop is a function: its own frame, its text the result. */
static bool run_recursive(run *r, const node *n, frame *around, const value *over, int depth0) {
    frame *const before = r->frame;
    loop *l = loop_new(r, depth0);
    if (l == NULL) return false;
    l->recurse = n;
    l->frame = around;
    if (!run_deeper(r)) return false;
    r->frame = frame_new(r, around, n->n_slot);
    const bool ok = r->frame != NULL && run_loop(r, n, over, l) != FLOW_FAILED;
    r->frame = before;
    r->depth--;
    return ok;
}
bool loop_recurse(run *r, loop *l, const value *over, value *out) {
    if (l->recurse == NULL) return run_fail(r, "only a loop with 'recursive' can be called");
    const size_t from = r->n_out;
    if (!run_recursive(r, l->recurse, l->frame, over, l->depth0 + 1)) return false;
    return *out = run_capture(r, from), true;
}

static flow run_for(run *r, const node *n) {
    value over;
    if (!evaluate(r, n->a, &over)) return FLOW_FAILED;
    if (n->recursive) return run_recursive(r, n, r->frame, &over, 0) ? FLOW_ON : FLOW_FAILED;
    loop *l = NULL;
    if (n->loop_slot >= 0 && (l = loop_new(r, 0)) == NULL) return FLOW_FAILED;
    return run_loop(r, n, &over, l);
}

/* --- macros ----------------------------------------------------------------------------------------------------------------------- */
static value macro_new(run *r, const node *n) {
    macro *m = run_take(r, sizeof *m);
    if (m == NULL) return value_none();
    *m = (macro){n->definition, r->frame};
    return (value){.type = VALUE_MACRO, .macro = m};
}

/* Gives the parameters what the call has for them; what is left of the named ones is in *rest. */
static bool macro_bind(run *r, const macro_node *m, const call_arguments *a, frame *f) {
    const char *name = m->name != NULL ? m->name : "caller";
    const int n_name = m->name != NULL ? (int)m->n_name : 6;
    dict *rest = NULL;
    uint32_t left = a->named != NULL ? a->named->n : 0;
    bool *used = run_take(r, left + 1);
    if (used == NULL) return run_step(r);
    memset(used, 0, left + 1);
    for (uint32_t i = 0; i < m->n_parameter; i++) {
        const node *p = m->parameter[i];
        if (i < a->n) {
            f->slot[p->slot] = a->item[i];
            continue;
        }
        const value *given = left > 0 ? dict_get_text(a->named, p->name, p->n_name) : NULL;
        if (given == NULL) continue;
        f->slot[p->slot] = *given;
        used[given - a->named->item] = true;
    }
    if (m->caller >= 0) {
        const value *given = left > 0 ? dict_get_text(a->named, "caller", 6) : NULL;
        if (given != NULL) used[given - a->named->item] = true;
        f->slot[m->caller] = given != NULL && given->type != VALUE_NONE ? *given : value_undefined(r, "No caller defined");
    }
    if (m->kwargs >= 0) rest = dict_new(r, 0);
    for (uint32_t i = 0; i < left; i++) {
        const value *key = &a->named->key[i];
        if (used[i]) continue;
        if (rest == NULL) return run_fail(r, "macro '%.*s' takes no argument '%.*s'", n_name, name, key->n < 60 ? (int)key->n : 60, key->text);
        dict_set(r, rest, *key, a->named->item[i]);
    }
    if (rest != NULL) f->slot[m->kwargs] = value_dict(rest);
    if (a->n > m->n_parameter && m->varargs < 0) return run_fail(r, "macro '%.*s' takes %u arguments, not %u", n_name, name, m->n_parameter, a->n);
    if (m->varargs >= 0) {
        list *more = list_new(r, 0);
        for (uint32_t i = m->n_parameter; i < a->n; i++) list_push(r, more, a->item[i]);
        f->slot[m->varargs] = value_tuple(more);
    }
    return true;
}

bool macro_call(run *r, const macro *m, const call_arguments *a, value *out) {
    frame *const before = r->frame, *f = frame_new(r, m->frame, m->node->n_slot);
    const int line = r->line;
    const size_t from = r->n_out;
    if (f == NULL || !macro_bind(r, m->node, a, f)) return false;
    if (!run_deeper(r)) return false;
    r->frame = f;
    bool ok = enter(r, &m->node->entered);
    for (uint32_t i = 0; ok && i < m->node->n_parameter; i++) {
        const node *p = m->node->parameter[i];
        if (f->slot[p->slot].type != VALUE_MISSING) continue;
        value v;
        if (m->node->value[i] != NULL) ok = evaluate(r, m->node->value[i], &v);
        else v = value_undefined(r, "parameter '%.*s' was not provided", p->n_name < 60 ? (int)p->n_name : 60, p->name);
        if (ok) f->slot[p->slot] = v;
    }
    ok = ok && run_body(r, &m->node->body) != FLOW_FAILED;
    r->frame = before;
    r->depth--;
    r->line = line;
    if (ok) *out = run_capture(r, from);
    return ok;
}

/* The result of a block, which Jinja does not turn into a string. */
static bool emit_text(run *r, const value *v) {
    if (v->type != VALUE_STRING) return run_fail(r, "the result of this block must be a string, not %s", value_type_name(v));
    return run_emit(r, v);
}
static bool run_call_block(run *r, const node *n) {
    value caller = macro_new(r, n), f, out, name = value_literal("caller");
    call_arguments a;
    if (!evaluate(r, n->a->a, &f) || !evaluate_call(r, n->a->call, &name, &caller, &a)) return false;
    return call_value(r, &f, &a, &out) && emit_text(r, &out);
}

/* --- the rest --------------------------------------------------------------------------------------------------------------------- */
/* What a body inside a set or filter block wrote; where it broke out of a loop, that is lost. */
static flow run_captured(run *r, const node *n, value *out) {
    const size_t from = r->n_out;
    const flow did = enter(r, &n->entered) ? run_body(r, &n->body) : FLOW_FAILED;
    if (did == FLOW_ON) *out = run_capture(r, from);
    else run_charge(r, r->n_out - from), r->n_out = from;
    return did;
}
static flow run_set_block(run *r, const node *n) {
    value v;
    const flow did = run_captured(r, n, &v);
    if (did != FLOW_ON) return did;
    if (n->a != NULL && !apply_filter(r, n->a, &v, &v)) return FLOW_FAILED;
    return assign(r, n->target, &v) ? FLOW_ON : FLOW_FAILED;
}
static flow run_filter_block(run *r, const node *n) {
    value v;
    const flow did = run_captured(r, n, &v);
    if (did != FLOW_ON) return did;
    return apply_filter(r, n->a, &v, &v) && emit_text(r, &v) ? FLOW_ON : FLOW_FAILED;
}
static flow run_with(run *r, const node *n) {
    value *v = run_take(r, (n->n + 1) * sizeof *v);
    if (v == NULL) return run_step(r), FLOW_FAILED;
    for (uint32_t i = 1; i < n->n; i += 2)
        if (!evaluate(r, n->child[i], &v[i])) return FLOW_FAILED;
    if (!enter(r, &n->entered)) return FLOW_FAILED;
    for (uint32_t i = 0; i < n->n; i += 2)
        if (!assign(r, n->child[i], &v[i + 1])) return FLOW_FAILED;
    return run_body(r, &n->body);
}
static flow run_generation(run *r, const node *n) {
    const uint8_t before = r->generation;
    r->generation = TEMPLATE_GENERATION;
    const flow did = enter(r, &n->entered) ? run_body(r, &n->body) : FLOW_FAILED;
    r->generation = before;
    return did;
}
static flow run_if(run *r, const node *n) {
    for (;;) { /* elif after elif */
        bool holds;
        if (!evaluate_truth(r, n->a, &holds)) return FLOW_FAILED;
        if (holds) return run_body(r, &n->body);
        if (n->other.n != 1 || n->other.item[0]->kind != NODE_IF) return run_body(r, &n->other);
        n = n->other.item[0];
        r->line = n->line;
    }
}

static flow run_statement(run *r, const node *n) {
    value v;
    r->line = n->line;
    switch (n->kind) {
    case NODE_DATA: return run_emit_bytes(r, n->constant.text, n->constant.n, TEMPLATE_MARKUP) ? FLOW_ON : FLOW_FAILED;
    case NODE_OUTPUT: return emit_node(r, n->a) ? FLOW_ON : FLOW_FAILED;
    case NODE_IF: return run_if(r, n);
    case NODE_FOR: return run_for(r, n);
    case NODE_SET: return evaluate(r, n->a, &v) && assign(r, n->target, &v) ? FLOW_ON : FLOW_FAILED;
    case NODE_BREAK: return FLOW_BREAK;
    case NODE_CONTINUE: return FLOW_CONTINUE;
    case NODE_SET_BLOCK: return run_set_block(r, n);
    case NODE_FILTER_BLOCK: return run_filter_block(r, n);
    case NODE_WITH: return run_with(r, n);
    case NODE_GENERATION: return run_generation(r, n);
    case NODE_MACRO: v = macro_new(r, n); return assign(r, n->target, &v) ? FLOW_ON : FLOW_FAILED;
    case NODE_CALL_BLOCK: return run_call_block(r, n) ? FLOW_ON : FLOW_FAILED;
    default: return run_say(r, "this cannot be a statement"), FLOW_FAILED;
    }
}

flow run_body(run *r, const body *b) {
    for (uint32_t i = 0; i < b->n; i++) {
        if (!run_step(r)) return FLOW_FAILED;
        const flow did = run_statement(r, b->item[i]);
        if (did != FLOW_ON) return did;
    }
    return FLOW_ON;
}
