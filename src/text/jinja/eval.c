/* Expressions. */
#include "text/jinja/tree.h"

static const value *look(run *r, const node *n, value *room);

static inline const value *dict_look(const dict *d, const value *key) {
    if (d->slot != NULL) return dict_get_text(d, key->text, key->n);
    for (uint32_t i = 0; i < d->n; i++) {
        const value *k = &d->key[i];
        if (k->n == key->n && k->type == VALUE_STRING && k->text[0] == key->text[0] && memcmp(k->text, key->text, key->n) == 0) return &d->item[i];
    }
    return NULL;
}
/* look() for what templates are mostly made of, without a call: constants, variables of this function, and x.key or x['key'] of a
 * dict in such a variable. */
static inline const value *look_fast(run *r, const node *n, value *room) {
    const value *key, *v;
    switch (n->quick) {
    case QUICK_CONSTANT: return &n->constant;
    case QUICK_SLOT:
        v = &r->frame->slot[n->slot];
        if (__builtin_expect(v->type != VALUE_MISSING, 1)) return v;
        break;
    case QUICK_FIELD:
    case QUICK_ITEM:
        v = &r->frame->slot[n->a->slot];
        key = n->quick == QUICK_FIELD ? &n->constant : &n->b->constant;
        if (v->type != VALUE_DICT || (v = dict_look(v->dict, key)) == NULL) break;
        return v;
    default: break;
    }
    return look(r, n, room);
}

/* --- names and constants ----------------------------------------------------------------------------------------------------------- */
static const value *look_name(run *r, const node *n, value *room) {
    const value *v;
    if (n->hops < 0) v = variable_get(r, (uint32_t)n->slot);
    else {
        frame *f = r->frame;
        for (int hops = n->hops; hops > 0; hops--) f = f->parent;
        v = &f->slot[n->slot];
    }
    if (v->type != VALUE_MISSING) return v;
    *room = undefined_name(n->name, n->n_name);
    return room;
}

static bool make_sequence(run *r, const node *n, value *out) {
    list *l = list_new(r, n->n);
    for (uint32_t i = 0; i < n->n; i++) {
        value v;
        if (!evaluate(r, n->child[i], &v)) return false;
        list_push(r, l, v);
    }
    return *out = n->kind == NODE_LIST ? value_list(l) : value_tuple(l), true;
}
static bool make_dict(run *r, const node *n, value *out) {
    dict *d = dict_new(r, n->n / 2);
    for (uint32_t i = 0; i < n->n; i += 2) {
        value key, item;
        if (!evaluate(r, n->child[i], &key) || !evaluate(r, n->child[i + 1], &item) || !value_hashable(r, &key)) return false;
        dict_set(r, d, key, item);
    }
    return *out = value_dict(d), true;
}

/* --- calls -------------------------------------------------------------------------------------------------------------------------- */
static bool add_named(run *r, call_arguments *a, value key, value item) {
    if (a->named == NULL) a->named = dict_new(r, 4);
    if (dict_get(a->named, &key) != NULL) return run_fail(r, "argument '%.*s' is given twice", key.n < 60 ? (int)key.n : 60, key.text);
    dict_set(r, a->named, key, item);
    return true;
}
static bool add_dict(run *r, call_arguments *a, const node *n) {
    value v;
    if (!evaluate(r, n, &v)) return false;
    if (v.type != VALUE_DICT) return run_fail(r, "what stands behind ** must be a dict, not %s", value_type_name(&v));
    for (uint32_t i = 0; i < v.dict->n; i++) {
        if (v.dict->key[i].type != VALUE_STRING) return run_fail(r, "the keys of what stands behind ** must be strings");
        if (!add_named(r, a, v.dict->key[i], v.dict->item[i])) return false;
    }
    return true;
}
/* The arguments of a call; `extra` (may be NULL) is one more by name. */
bool evaluate_call(run *r, const call_node *c, value *extra_name, value *extra, call_arguments *out) {
    *out = (call_arguments){0};
    if (c != NULL && c->list == NULL) {
        value *item = c->n_argument > 0 ? run_take(r, c->n_argument * sizeof *item) : NULL;
        if (c->n_argument > 0 && item == NULL) return run_step(r);
        for (uint32_t i = 0; i < c->n_argument; i++)
            if (!evaluate(r, c->argument[i], &item[i])) return false;
        out->item = item;
        out->n = c->n_argument;
    } else if (c != NULL) {
        list *l = list_new(r, c->n_argument + 4);
        value v, item;
        for (uint32_t i = 0; i < c->n_argument; i++) {
            if (!evaluate(r, c->argument[i], &item)) return false;
            list_push(r, l, item);
        }
        iterator it;
        if (!evaluate(r, c->list, &v) || !iterate_start(r, &v, &it)) return false;
        for (int got; (got = iterate_next(r, &it, &item)) != 0;) {
            if (got < 0 || !run_step(r)) return false;
            list_push(r, l, item);
        }
        out->item = l->item;
        out->n = l->n;
    }
    for (uint32_t i = 0; c != NULL && i < c->n_keyword; i++) {
        value v;
        if (!evaluate(r, c->keyword_value[i], &v) || !add_named(r, out, c->keyword[i], v)) return false;
    }
    if (extra != NULL && !add_named(r, out, *extra_name, *extra)) return false;
    return c == NULL || c->dict == NULL || add_dict(r, out, c->dict);
}

static bool call_method(run *r, const node *n, value *out) { /* x.name(...) without a method value in between */
    value self, f;
    call_arguments a;
    bool unsafe = false;
    if (!evaluate(r, n->a->a, &self)) return false;
    const value *name = &n->a->constant;
    const builtin *b = method_find(&self, name->text, name->n, &unsafe);
    if (b == NULL || unsafe) {
        if (!attribute_get(r, &self, name, &f) || !evaluate_call(r, n->call, NULL, NULL, &a)) return false;
        r->line = n->line;
        return call_value(r, &f, &a, out);
    }
    const method m = {self, b};
    return evaluate_call(r, n->call, NULL, NULL, &a) && method_call(r, &m, &a, out);
}
static bool evaluate_calling(run *r, const node *n, value *out) {
    value f;
    call_arguments a;
    r->line = n->line;
    if (n->a->kind == NODE_ATTRIBUTE) return call_method(r, n, out);
    if (!evaluate(r, n->a, &f) || !evaluate_call(r, n->call, NULL, NULL, &a)) return false;
    r->line = n->line;
    return call_value(r, &f, &a, out);
}

bool call_value(run *r, const value *f, const call_arguments *a, value *out) {
    switch (f->type) {
    case VALUE_MACRO: return macro_call(r, f->macro, a, out);
    case VALUE_FUNCTION: return f->function->run(r, a, out);
    case VALUE_METHOD: return method_call(r, f->method, a, out);
    case VALUE_UNDEFINED: return undefined_fail(r, f);
    case VALUE_LOOP:
        if (a->n != 1 || a->named != NULL) return run_fail(r, "loop() takes one argument");
        return loop_recurse(r, f->loop, &a->item[0], out);
    case VALUE_JOINER:
        if (a->n != 0 || a->named != NULL) return run_fail(r, "a joiner takes no arguments");
        *out = f->joiner->used ? f->joiner->separator : value_literal("");
        return f->joiner->used = true;
    default: return run_fail(r, "'%s' object is not callable", value_type_name(f));
    }
}

bool apply_filter(run *r, const node *n, const value *of, value *out) {
    value v = *of;
    call_arguments a;
    if (n->a != NULL && n->a->kind == NODE_FILTER && !apply_filter(r, n->a, of, &v)) return false; /* a filter block's chain */
    if (!evaluate_call(r, n->call, NULL, NULL, &a)) return false;
    r->line = n->line;
    if (n->builtin == NULL) return run_fail(r, "there is no filter '%.*s'", n->constant.n < 60 ? (int)n->constant.n : 60, n->constant.text);
    return builtin_call(r, n->builtin, "filter", &v, &a, out);
}
static bool evaluate_filter(run *r, const node *n, value *out) {
    value room;
    call_arguments a = {0};
    const value *v = look_fast(r, n->a, &room);
    if (v == NULL || (n->call != NULL && !evaluate_call(r, n->call, NULL, NULL, &a))) return false;
    r->line = n->line;
    const bool test = n->kind == NODE_TEST;
    if (n->builtin != NULL) return builtin_call(r, n->builtin, test ? "test" : "filter", v, &a, out);
    return run_fail(r, "there is no %s '%.*s'", test ? "test" : "filter", n->constant.n < 60 ? (int)n->constant.n : 60, n->constant.text);
}

/* --- operators ------------------------------------------------------------------------------------------------------------------------ */
static bool evaluate_compare(run *r, const node *n, value *out) {
    value room[2];
    bool holds = false;
    const value *left = look_fast(r, n->a, &room[0]);
    for (uint32_t i = 0; left != NULL && i < n->n; i++) {
        const value *right = look_fast(r, n->child[i]->a, &room[(i + 1) % 2]);
        if (right == NULL || !compare(r, (op_kind)n->child[i]->op, left, right, &holds)) return false;
        if (!holds) break;
        left = right;
    }
    return left != NULL && value_put_bool(out, holds);
}
static bool evaluate_concat(run *r, const node *n, value *out) {
    builder b = {.r = r};
    for (uint32_t i = 0; i < n->n; i++) {
        value room;
        const value *v = look_fast(r, n->child[i], &room);
        if (v == NULL) return false;
        build_str(&b, v);
    }
    *out = build_end(&b);
    return out->safe = false, true;
}
/* a + b + ...: strings at once, anything else two by two. */
static bool evaluate_sum(run *r, const node *n, value *out) {
    value few[8], *v = few;
    if (n->n > COUNT(few) && (v = run_take(r, n->n * sizeof *v)) == NULL) return run_step(r);
    size_t bytes = 0;
    bool strings = true;
    for (uint32_t i = 0; i < n->n; i++) {
        if (!evaluate(r, n->child[i], &v[i])) return false;
        strings = strings && v[i].type == VALUE_STRING && !v[i].safe;
        bytes += v[i].n;
    }
    if (!strings) {
        *out = v[0];
        for (uint32_t i = 1; i < n->n; i++)
            if (!operate(r, OP_ADD, out, &v[i], out)) return false;
        return true;
    }
    builder b = {.r = r};
    if (!build_reserve(&b, bytes)) return run_step(r);
    for (uint32_t i = 0; i < n->n; i++) build_string(&b, &v[i]);
    return *out = build_end(&b), true;
}
/* The same into the output, piece by piece, while the pieces are strings. */
static bool emit_sum(run *r, const node *n) {
    const size_t from = r->n_out;
    for (uint32_t i = 0; i < n->n; i++) {
        value v;
        const value *piece = look_fast(r, n->child[i], &v);
        if (piece == NULL) return false;
        if (piece->type == VALUE_STRING && !piece->safe) {
            if (!run_emit(r, piece)) return false;
            continue;
        }
        v = *piece;
        value sum = v;
        if (i > 0) {
            const value before = run_capture(r, from);
            if (!operate(r, OP_ADD, &before, &v, &sum)) return false;
        }
        for (i++; i < n->n; i++)
            if (!evaluate(r, n->child[i], &v) || !operate(r, OP_ADD, &sum, &v, &sum)) return false;
        return run_emit(r, &sum);
    }
    return true;
}
bool emit_node(run *r, const node *n) {
    value v;
    if (n->kind == NODE_SUM) return emit_sum(r, n);
    if (n->kind == NODE_CONCAT) {
        for (uint32_t i = 0; i < n->n; i++)
            if (!emit_node(r, n->child[i])) return false;
        return true;
    }
    if (n->kind == NODE_CONDITION) {
        bool holds;
        if (!evaluate_truth(r, n->a, &holds)) return false;
        const node *branch = holds ? n->b : n->c;
        return branch == NULL || emit_node(r, branch);
    }
    const value *p = look_fast(r, n, &v);
    return p != NULL && run_emit(r, p);
}
static bool evaluate_slice(run *r, const node *n, value *out) {
    value v, part[3] = {value_none(), value_none(), value_none()};
    const node *const parts[] = {n->b, n->c, n->d};
    if (!evaluate(r, n->a, &v)) return false;
    for (size_t i = 0; i < 3; i++)
        if (parts[i] != NULL && !evaluate(r, parts[i], &part[i])) return false;
    return slice_get(r, &v, &part[0], &part[1], &part[2], out);
}
static bool evaluate_sign(run *r, const node *n, value *out) {
    value v;
    if (!evaluate(r, n->a, &v)) return false;
    if (v.type == VALUE_UNDEFINED) return undefined_fail(r, &v);
    if (!value_is_number(&v)) return run_fail(r, "bad operand type for unary %c: '%s'", n->kind == NODE_NEGATE ? '-' : '+', value_type_name(&v));
    if (n->kind == NODE_NEGATE) return number_negate(r, &v, out);
    if (v.type == VALUE_BOOL) v.type = VALUE_INT;
    return *out = v, true;
}

static bool evaluate_attribute(run *r, const node *n, const value *of, value *out) {
    if (of->type == VALUE_LOOP && n->slot >= 0) return loop_attribute(r, of->loop, n->slot, out);
    return attribute_get(r, of, &n->constant, out);
}

static bool evaluate_other(run *r, const node *n, value *out) {
    value a, b;
    bool holds;
    switch (n->kind) {
    case NODE_ITEM: return evaluate(r, n->a, &a) && evaluate(r, n->b, &b) && item_get(r, &a, &b, out);
    case NODE_BINARY: return evaluate(r, n->a, &a) && evaluate(r, n->b, &b) && operate(r, (op_kind)n->op, &a, &b, out);
    case NODE_COMPARE: return evaluate_compare(r, n, out);
    case NODE_NOT: return evaluate_truth(r, n->a, &holds) && value_put_bool(out, !holds);
    case NODE_FILTER:
    case NODE_TEST: return evaluate_filter(r, n, out);
    case NODE_CALL: return evaluate_calling(r, n, out);
    case NODE_SLICE: return evaluate_slice(r, n, out);
    case NODE_SUM: return evaluate_sum(r, n, out);
    case NODE_CONCAT: return evaluate_concat(r, n, out);
    case NODE_TUPLE:
    case NODE_LIST: return make_sequence(r, n, out);
    case NODE_DICT: return make_dict(r, n, out);
    case NODE_NEGATE:
    case NODE_PLUS: return evaluate_sign(r, n, out);
    default: return run_fail(r, "this cannot be evaluated");
    }
}

/* The value of an expression: where it lies already (a constant, a variable, an item of a dict), or in *room. NULL: it failed.
 * What lies already does not change while the expression is evaluated; fields of namespaces, which may, are copied. */
static const value *look(run *r, const node *n, value *room) {
    if (!run_step(r)) return NULL;
    switch (n->kind) {
    case NODE_CONSTANT: return &n->constant;
    case NODE_NAME: return look_name(r, n, room);
    case NODE_ATTRIBUTE: {
        const value *of = look(r, n->a, room);
        if (of == NULL) return NULL;
        run_charge(r, n->constant.n);
        if (n->plain && of->type == VALUE_DICT) {
            const value *found = dict_get_text(of->dict, n->constant.text, n->constant.n);
            if (found != NULL) return found;
            value_put(room, VALUE_HEAD(VALUE_UNDEFINED, 0, 0, n->constant.n), (uintptr_t)n->constant.text);
            room->marks = (const unsigned char *)"dict object";
            return room;
        }
        value copy = *of;
        return evaluate_attribute(r, n, &copy, room) ? room : NULL;
    }
    case NODE_ITEM: {
        const node *key = n->b;
        if (key->kind != NODE_CONSTANT || key->constant.type != VALUE_STRING) break;
        const value *of = look(r, n->a, room);
        if (of == NULL) return NULL;
        run_charge(r, key->constant.n);
        const value *found = of->type == VALUE_DICT ? dict_get_text(of->dict, key->constant.text, key->constant.n) : NULL;
        if (found != NULL) return found;
        value copy = *of;
        return item_get(r, &copy, &key->constant, room) ? room : NULL;
    }
    case NODE_AND:
    case NODE_OR: {
        const value *left = look(r, n->a, room);
        return left == NULL || value_truth(left) == (n->kind == NODE_OR) ? left : look(r, n->b, room);
    }
    case NODE_CONDITION: {
        bool holds;
        if (!evaluate_truth(r, n->a, &holds)) return NULL;
        if (holds) return look(r, n->b, room);
        if (n->c != NULL) return look(r, n->c, room);
        *room = value_undefined(r, "the inline if-expression on line %d evaluated to false and no else section was defined.", n->line);
        return room;
    }
    default: break;
    }
    return evaluate_other(r, n, room) ? room : NULL;
}
bool evaluate(run *r, const node *n, value *out) {
    const value *v = look(r, n, out);
    if (v != NULL && v != out) *out = *v;
    return v != NULL;
}
bool evaluate_truth(run *r, const node *n, bool *holds) {
    value room;
    const value *v = look_fast(r, n, &room);
    return v != NULL && (*holds = value_truth(v), true);
}
