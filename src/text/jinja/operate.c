/* Operators on what is no number, attributes, subscripts and slices, and how arguments reach what is built in. */
#include "text/jinja/tree.h"

/* --- operators ------------------------------------------------------------------------------------------------------------------------- */
static value add_text(run *r, const value *a, const value *b) {
    builder out = {.r = r, .safe = a->safe || b->safe};
    const value left = out.safe ? text_escape(r, a) : *a, right = out.safe ? text_escape(r, b) : *b;
    if (left.n == 0 && !out.safe) return right;
    if (right.n == 0 && !out.safe) return left;
    out.data = (size_t)left.n + right.n <= TEXT_MOST ? run_take(r, (size_t)left.n + right.n) : NULL;
    if (out.data != NULL) out.room = (size_t)left.n + right.n;
    else r->over = true;
    build_string(&out, &left);
    build_string(&out, &right);
    return build_end(&out);
}
static bool multiply(run *r, const value *a, const value *b, value *out) {
    int64_t times;
    if (!value_to_index(r, b, &times)) return false;
    if (a->type == VALUE_STRING) {
        builder made = {.r = r, .safe = a->safe};
        build_repeat(&made, a, times);
        return *out = build_end(&made), run_step(r);
    }
    list *l = list_new(r, 0);
    for (int64_t i = 0; i < times && a->list->n > 0; i++)
        for (uint32_t k = 0; k < a->list->n; k++) {
            if (!run_step(r)) return false;
            list_push(r, l, a->list->item[k]);
        }
    return *out = a->type == VALUE_LIST ? value_list(l) : value_tuple(l), true;
}
static bool is_sequence(const value *v) {
    return v->type == VALUE_STRING || v->type == VALUE_LIST || v->type == VALUE_TUPLE;
}

static bool operate_slow(run *r, op_kind op, const value *a, const value *b, value *out) {
    static const char *const names[] = {"+", "-", "*", "/", "//", "%", "**"};
    if (op == OP_MOD && a->type == VALUE_STRING) return format_percent(r, a, b, out);
    if (a->type == VALUE_UNDEFINED) return undefined_fail(r, a);
    if (b->type == VALUE_UNDEFINED) return undefined_fail(r, b);
    if (op == OP_ADD && a->type == b->type && (a->type == VALUE_LIST || a->type == VALUE_TUPLE)) {
        list *l = list_new(r, (size_t)a->list->n + b->list->n);
        for (uint32_t i = 0; i < a->list->n; i++) list_push(r, l, a->list->item[i]);
        for (uint32_t i = 0; i < b->list->n; i++) list_push(r, l, b->list->item[i]);
        return *out = a->type == VALUE_LIST ? value_list(l) : value_tuple(l), true;
    }
    if (op == OP_MUL && is_sequence(a) && (value_is_integer(b) || b->type == VALUE_BIG)) return multiply(r, a, b, out);
    if (op == OP_MUL && is_sequence(b) && (value_is_integer(a) || a->type == VALUE_BIG)) return multiply(r, b, a, out);
    if (op == OP_ADD && a->type == VALUE_STRING) return run_fail(r, "can only concatenate str (not \"%s\") to str", value_type_name(b));
    return run_fail(r, "unsupported operand type(s) for %s: '%s' and '%s'", names[op], value_type_name(a), value_type_name(b));
}
bool operate(run *r, op_kind op, const value *a, const value *b, value *out) {
    if (op == OP_ADD && a->type == VALUE_STRING && b->type == VALUE_STRING) return *out = add_text(r, a, b), true;
    if (value_is_number(a) && value_is_number(b)) return number_operate(r, op, a, b, out);
    return operate_slow(r, op, a, b, out);
}

/* --- attributes and items --------------------------------------------------------------------------------------------------------------- */
static const char *object_name(const value *v) { /* as Jinja says it: "dict object has no attribute ..." */
    switch (v->type) {
    case VALUE_NONE: return "None";
    case VALUE_STRING: return "str object";
    case VALUE_DICT: return "dict object";
    case VALUE_LIST: return "list object";
    case VALUE_TUPLE: return "tuple object";
    case VALUE_INT:
    case VALUE_BIG: return "int object";
    case VALUE_FLOAT: return "float object";
    case VALUE_BOOL: return "bool object";
    case VALUE_NAMESPACE: return "namespace object";
    case VALUE_LOOP: return "loop";
    default: return value_type_name(v);
    }
}
static value method_value(run *r, const value *self, const builtin *b) {
    method *m = run_take(r, sizeof *m);
    if (m == NULL) return value_none();
    *m = (method){*self, b};
    return (value){.type = VALUE_METHOD, .method = m};
}

/* What is neither item nor method: the few attributes that objects have. */
static bool object_attribute(run *r, const value *v, const value *name, value *out) {
    switch (v->type) {
    case VALUE_LOOP: {
        const int index = loop_attribute_index(name);
        if (index >= 0) return loop_attribute(r, v->loop, index, out);
        break;
    }
    case VALUE_NAMESPACE: {
        const value *found = name->n > 0 && name->text[0] == '_' ? NULL : dict_get(v->dict, name);
        if (found != NULL) return *out = *found, true;
        break;
    }
    case VALUE_TUPLE:
        if (v->list->group && text_is(name, "grouper")) return *out = v->list->item[0], true;
        if (v->list->group && text_is(name, "list")) return *out = v->list->item[1], true;
        break;
    case VALUE_CYCLER:
        if (text_is(name, "current")) return *out = v->cycler->items->item[v->cycler->at], true;
        if (text_is(name, "pos")) return *out = value_int(v->cycler->at), true;
        if (text_is(name, "items")) return *out = value_tuple(v->cycler->items), true;
        break;
    case VALUE_JOINER:
        if (text_is(name, "sep")) return *out = v->joiner->separator, true;
        if (text_is(name, "used")) return *out = value_bool(v->joiner->used), true;
        break;
    case VALUE_MACRO: {
        const macro_node *m = v->macro->node;
        if (text_is(name, "name")) return *out = m->name != NULL ? value_text(m->name, m->n_name, TEMPLATE_MARKUP) : value_none(), true;
        if (text_is(name, "catch_kwargs")) return *out = value_bool(m->kwargs >= 0), true;
        if (text_is(name, "catch_varargs")) return *out = value_bool(m->varargs >= 0), true;
        if (text_is(name, "caller")) return *out = value_bool(m->caller >= 0 || m->explicit_caller), true;
        if (!text_is(name, "arguments")) break;
        list *l = list_new(r, m->n_parameter);
        for (uint32_t i = 0; i < m->n_parameter; i++) list_push(r, l, value_text(m->parameter[i]->name, m->parameter[i]->n_name, TEMPLATE_MARKUP));
        return *out = value_tuple(l), true;
    }
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        if (text_is(name, "real")) return *out = v->type == VALUE_FLOAT ? *v : value_int(v->integer), true;
        if (text_is(name, "imag")) return *out = v->type == VALUE_FLOAT ? value_real(0) : value_int(0), true;
        if (text_is(name, "numerator") && v->type != VALUE_FLOAT) return *out = value_int(v->integer), true;
        if (text_is(name, "denominator") && v->type != VALUE_FLOAT) return *out = value_int(1), true;
        break;
    case VALUE_RANGE:
        if (text_is(name, "start")) return *out = value_int(v->range[0]), true;
        if (text_is(name, "stop")) return *out = value_int(v->range[1]), true;
        if (text_is(name, "step")) return *out = value_int(v->range[2]), true;
        break;
    default: break;
    }
    return *out = undefined_attribute(object_name(v), name), true;
}

bool attribute_get(run *r, const value *v, const value *name, value *out) {
    bool unsafe = false;
    if (v->type == VALUE_UNDEFINED) return undefined_fail(r, v);
    const builtin *b = method_find(v, name->text, name->n, &unsafe);
    if (unsafe)
        return *out =
                   value_undefined(r, "access to attribute '%.*s' of '%s' object is unsafe.", name->n < 60 ? (int)name->n : 60, name->text, value_type_name(v)),
               true;
    if (b != NULL) return *out = method_value(r, v, b), true;
    if (v->type == VALUE_DICT) {
        const value *found = dict_get_text(v->dict, name->text, name->n);
        return *out = found != NULL ? *found : undefined_attribute("dict object", name), true;
    }
    return object_attribute(r, v, name, out);
}

bool item_get(run *r, const value *v, const value *key, value *out) {
    int64_t i = 0, n = 0;
    switch (v->type) {
    case VALUE_DICT: {
        if (key->type == VALUE_STRING) run_charge(r, key->n);
        const value *found = dict_get(v->dict, key);
        if (found != NULL) return *out = *found, true;
        break;
    }
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_STRING:
    case VALUE_RANGE:
        if (!value_is_integer(key)) break;
        n = v->type == VALUE_STRING ? text_count(v) : v->type == VALUE_RANGE ? v->range[3] : v->list->n;
        i = key->integer < 0 ? key->integer + n : key->integer;
        if (i < 0 || i >= n) break;
        if (v->type == VALUE_RANGE) *out = value_int(v->range[0] + i * v->range[2]);
        else if (v->type != VALUE_STRING) *out = v->list->item[i];
        else *out = text_slice(r, v, i, i + 1, 1, 1);
        return true;
    case VALUE_UNDEFINED: return undefined_fail(r, v);
    default: break;
    }
    if (key->type == VALUE_STRING) { /* no item of this name: the attribute */
        if (v->type != VALUE_DICT) return attribute_get(r, v, key, out);
        bool unsafe = false;
        const builtin *b = method_find(v, key->text, key->n, &unsafe);
        if (b != NULL && !unsafe) return *out = method_value(r, v, b), true;
        return *out = undefined_attribute("dict object", key), true;
    }
    builder name = {.r = r};
    build_repr(&name, key, 1);
    const value shown = build_end(&name);
    return *out = value_undefined(r, "%s has no element %.*s", object_name(v), shown.n < 60 ? (int)shown.n : 60, shown.text), true;
}

/* start, stop and step as Python's slices mean them, for n items; returns how many come out. */
static bool slice_bounds(run *r, const value *part, int64_t n, int64_t *start, int64_t *stop, int64_t *step, int64_t *count) {
    int64_t at[3] = {0, 0, 1};
    for (int i = 0; i < 3; i++) {
        if (part[i].type == VALUE_NONE) continue;
        if (!value_is_integer(&part[i]) && part[i].type != VALUE_BIG) return run_fail(r, "slice indices must be integers or None");
        if (!value_to_index(r, &part[i], &at[i])) return false;
    }
    if (at[2] == 0) return run_fail(r, "slice step cannot be zero");
    if (at[2] < -INT64_MAX) at[2] = -INT64_MAX;
    const bool down = at[2] < 0;
    for (int i = 0; i < 2; i++) {
        if (part[i].type == VALUE_NONE) at[i] = (i == 0) == down ? (down ? n - 1 : n) : (down ? -1 : 0);
        else {
            if (at[i] < 0) at[i] = at[i] + n < 0 ? (down ? -1 : 0) : at[i] + n;
            if (at[i] >= n) at[i] = down ? n - 1 : n;
        }
    }
    *start = at[0];
    *stop = at[1];
    *step = at[2];
    *count = down ? (at[0] > at[1] ? (at[0] - at[1] - 1) / -at[2] + 1 : 0) : (at[1] > at[0] ? (at[1] - at[0] - 1) / at[2] + 1 : 0);
    return true;
}
bool slice_get(run *r, const value *v, const value *start, const value *stop, const value *step, value *out) {
    const value part[3] = {*start, *stop, *step};
    int64_t n, from, to, by, count;
    if (v->type == VALUE_UNDEFINED) return undefined_fail(r, v);
    if (!is_sequence(v) && v->type != VALUE_RANGE) return run_fail(r, "'%s' object cannot be sliced", value_type_name(v));
    if (!value_length(r, v, &n) || !slice_bounds(r, part, n, &from, &to, &by, &count)) return false;
    if (v->type == VALUE_STRING) return *out = text_slice(r, v, from, to, by, count), true;
    if (v->type == VALUE_RANGE) {
        int64_t *range = run_take(r, 4 * sizeof *range);
        if (range == NULL) return run_step(r);
        const __int128 each = v->range[2], part_of[3] = {v->range[0] + from * each, v->range[0] + to * each, each * by};
        for (int i = 0; i < 3; i++) {
            if (part_of[i] != (int64_t)part_of[i]) return run_fail(r, "the slice of a range has numbers that are too large");
            range[i] = (int64_t)part_of[i];
        }
        range[3] = count;
        return *out = (value){.type = VALUE_RANGE, .range = range}, true;
    }
    list *l = list_new(r, (size_t)count);
    run_charge(r, (size_t)count * 16);
    for (int64_t k = 0; k < count; k++) list_push(r, l, v->list->item[from + k * by]);
    return *out = v->type == VALUE_LIST ? value_list(l) : value_tuple(l), true;
}

bool path_get(run *r, const value *v, const value *path, const value *absent, value *out) {
    *out = *v;
    if (path->type == VALUE_NONE || path->type == VALUE_MISSING) return true;
    if (path->type != VALUE_STRING) {
        if (!item_get(r, out, path, out)) return false;
        if (absent != NULL && absent->type != VALUE_MISSING && absent->type != VALUE_NONE && out->type == VALUE_UNDEFINED) *out = *absent;
        return true;
    }
    for (size_t at = 0; at <= path->n;) {
        const char *dot = memchr(path->text + at, '.', path->n - at);
        const size_t end = dot != NULL ? (size_t)(dot - path->text) : path->n;
        value key = text_part(path, at, end), from = *out;
        bool digits = end > at, ok = true;
        for (size_t i = at; i < end; i++) digits = digits && path->text[i] >= '0' && path->text[i] <= '9';
        if (digits) key = number_from_text(r, path->text + at, end - at, 10, false, &ok);
        if (!ok || !item_get(r, &from, &key, out)) return ok ? false : run_fail(r, "a number in an attribute is too large");
        if (absent != NULL && absent->type != VALUE_MISSING && absent->type != VALUE_NONE && out->type == VALUE_UNDEFINED) *out = *absent;
        at = end + 1;
    }
    return true;
}

/* --- arguments ---------------------------------------------------------------------------------------------------------------------------- */
bool builtin_call(run *r, const builtin *b, const char *kind, const value *first, const call_arguments *a, value *out) {
    if (first->type == VALUE_STRING) run_charge(r, first->n); /* most of what is built in looks at all of a string */
    for (uint32_t i = 0; i < a->n; i++)
        if (a->item[i].type == VALUE_STRING) run_charge(r, a->item[i].n);
    if (b->parameters[0] == 0 && a->n == 0 && a->named == NULL) return b->run(r, first, a, out);
    value bound[BOUND_MOST];
    bound[0] = *first;
    if (b->parameters[0] == '*') return b->run(r, bound, a, out);
    uint32_t n = 0, used = 0;
    const bool by_place = b->parameters[0] == '/';
    for (const char *p = b->parameters + by_place; *p != 0; n++) {
        const size_t length = strcspn(p, "= ");
        const bool optional = p[length] == '=';
        const value *given = a->named != NULL && !by_place ? dict_get_text(a->named, p, length) : NULL;
        if (given != NULL && n < a->n) return run_fail(r, "%s '%s' got two values for '%.*s'", kind, b->name, (int)length, p);
        if (n < a->n) bound[n + 1] = a->item[n];
        else if (given != NULL) bound[n + 1] = *given, used++;
        else if (optional) bound[n + 1] = value_of(VALUE_MISSING);
        else return run_fail(r, "%s '%s' needs the argument '%.*s'", kind, b->name, (int)length, p);
        p += length + optional;
        while (*p == ' ') p++;
    }
    if (a->n > n) return run_fail(r, "%s '%s' takes %u arguments, not %u", kind, b->name, n, a->n);
    if (a->named == NULL || used == a->named->n) return b->run(r, bound, a, out);
    for (uint32_t i = 0; i < a->named->n; i++) { /* which one is it? */
        const value *key = &a->named->key[i];
        const char *found = key->n > 0 && !by_place ? memmem(b->parameters, strlen(b->parameters), key->text, key->n) : NULL;
        if (found == NULL) return run_fail(r, "%s '%s' has no argument '%.*s'", kind, b->name, key->n < 60 ? (int)key->n : 60, key->text);
    }
    return run_fail(r, "%s '%s' does not take these arguments", kind, b->name);
}
bool method_call(run *r, const method *m, const call_arguments *a, value *out) {
    return builtin_call(r, m->builtin, "method", &m->self, a, out);
}
