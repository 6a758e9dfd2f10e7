/* Expressions. */
#include "text/jinja_tree.h"

/* --- names and constants ----------------------------------------------------------------------------------------------------------- */
static bool read_name(run *r, const node *n, value *out) {
    const value *v;
    if (n->hops < 0) v = variable_get(r, (uint32_t)n->slot);
    else {
        frame *f = r->frame;
        for (int hops = n->hops; hops > 0; hops--) f = f->parent;
        v = &f->slot[n->slot];
    }
    *out = *v;
    if (v->type == VALUE_MISSING) *out = undefined_name(n->name, n->n_name);
    return true;
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
    value v;
    call_arguments a;
    if (!evaluate(r, n->a, &v) || !evaluate_call(r, n->call, NULL, NULL, &a)) return false;
    r->line = n->line;
    const bool test = n->kind == NODE_TEST;
    if (n->builtin == NULL)
        return run_fail(r, "there is no %s '%.*s'", test ? "test" : "filter", n->constant.n < 60 ? (int)n->constant.n : 60, n->constant.text);
    return builtin_call(r, n->builtin, test ? "test" : "filter", &v, &a, out);
}

/* --- operators ------------------------------------------------------------------------------------------------------------------------ */
static bool evaluate_compare(run *r, const node *n, value *out) {
    value left, right;
    if (!evaluate(r, n->a, &left)) return false;
    for (uint32_t i = 0; i < n->n; i++) {
        bool holds;
        if (!evaluate(r, n->child[i]->a, &right) || !compare(r, (op_kind)n->child[i]->op, &left, &right, &holds)) return false;
        *out = value_bool(holds);
        if (!holds) break;
        left = right;
    }
    return true;
}
static bool evaluate_concat(run *r, const node *n, value *out) {
    builder b = {.r = r};
    for (uint32_t i = 0; i < n->n; i++) {
        value v;
        if (!evaluate(r, n->child[i], &v)) return false;
        build_str(&b, &v);
    }
    *out = build_end(&b);
    return out->safe = false, true;
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

bool evaluate(run *r, const node *n, value *out) {
    value a, b;
    if (!run_step(r)) return false;
    switch (n->kind) {
    case NODE_CONSTANT: return *out = n->constant, true;
    case NODE_NAME: return read_name(r, n, out);
    case NODE_ATTRIBUTE: return evaluate(r, n->a, &a) && attribute_get(r, &a, &n->constant, out);
    case NODE_ITEM: return evaluate(r, n->a, &a) && evaluate(r, n->b, &b) && item_get(r, &a, &b, out);
    case NODE_BINARY: return evaluate(r, n->a, &a) && evaluate(r, n->b, &b) && operate(r, (op_kind)n->op, &a, &b, out);
    case NODE_COMPARE: return evaluate_compare(r, n, out);
    case NODE_NOT:
        if (!evaluate(r, n->a, &a)) return false;
        return *out = value_bool(!value_truth(&a)), true;
    case NODE_AND:
        if (!evaluate(r, n->a, out)) return false;
        return !value_truth(out) || evaluate(r, n->b, out);
    case NODE_OR:
        if (!evaluate(r, n->a, out)) return false;
        return value_truth(out) || evaluate(r, n->b, out);
    case NODE_FILTER:
    case NODE_TEST: return evaluate_filter(r, n, out);
    case NODE_CALL: return evaluate_calling(r, n, out);
    case NODE_CONDITION:
        if (!evaluate(r, n->a, &a)) return false;
        if (value_truth(&a)) return evaluate(r, n->b, out);
        if (n->c != NULL) return evaluate(r, n->c, out);
        return *out = value_undefined(r, "the inline if-expression on line %d evaluated to false and no else section was defined.", n->line), true;
    case NODE_SLICE: return evaluate_slice(r, n, out);
    case NODE_CONCAT: return evaluate_concat(r, n, out);
    case NODE_TUPLE:
    case NODE_LIST: return make_sequence(r, n, out);
    case NODE_DICT: return make_dict(r, n, out);
    case NODE_NEGATE:
    case NODE_PLUS: return evaluate_sign(r, n, out);
    default: return run_fail(r, "this cannot be evaluated");
    }
}
