/* tojson: Python's json.dumps, as transformers sets it up: insertion order, ", " and ": ", no HTML escapes. */
#include "text/jinja/jinja.h"

#include <math.h>

typedef struct dump {
    builder b;
    bool ascii, sort;
    bool indented;
    value indent, item_separator, key_separator;
} dump;

/* What JSON itself is made of came from a message as far as marks go: no control token is written with it. */
enum { SYNTAX = 0 };

static void dump_text(dump *d, const value *s) {
    builder *b = &d->b;
    size_t from = 0;
    build_bytes(b, "\"", 1, SYNTAX);
    for (size_t at = 0; at < s->n;) {
        const size_t begin = at;
        const unsigned char byte = (unsigned char)s->text[at];
        if (byte >= 32 && byte != '"' && byte != '\\' && (byte < 127 || !d->ascii)) {
            at++;
            continue;
        }
        const uint32_t c = utf8_next(s->text, s->n, &at);
        const uint8_t mark = text_mark(s, begin);
        build_part(b, s, from, begin);
        const char *short_form = c != 0 && c < 128 ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", (int)c) : NULL;
        if (short_form != NULL && (c == '"' || c == '\\' || c < 32)) build_print(b, mark, "\\%c", short_form[1]);
        else if (c < 0x10000) build_print(b, mark, "\\u%04x", c);
        else build_print(b, mark, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
        from = at;
    }
    build_part(b, s, from, s->n);
    build_bytes(b, "\"", 1, SYNTAX);
}

static void dump_line(dump *d, int depth) {
    if (!d->indented) return;
    build_bytes(&d->b, "\n", 1, SYNTAX);
    for (int i = 0; i < depth; i++) build_string(&d->b, &d->indent);
}
static void dump_real(dump *d, double x) {
    char text[40];
    if (isnan(x)) build_bytes(&d->b, "NaN", 3, SYNTAX);
    else if (isinf(x)) build_print(&d->b, SYNTAX, x < 0 ? "-Infinity" : "Infinity");
    else build_bytes(&d->b, text, print_real(x, text), SYNTAX);
}
static bool dump_key(dump *d, const value *key) {
    switch (key->type) {
    case VALUE_STRING: return dump_text(d, key), true;
    case VALUE_NONE: return build_bytes(&d->b, "\"null\"", 6, SYNTAX), true;
    case VALUE_BOOL: return build_print(&d->b, SYNTAX, "\"%s\"", key->integer ? "true" : "false"), true;
    case VALUE_INT:
    case VALUE_BIG:
    case VALUE_FLOAT:
        build_bytes(&d->b, "\"", 1, SYNTAX);
        if (key->type == VALUE_FLOAT) dump_real(d, key->real);
        else build_repr(&d->b, key, 1);
        return build_bytes(&d->b, "\"", 1, SYNTAX), true;
    default: return run_fail(d->b.r, "keys must be str, int, float, bool or None, not %s", value_type_name(key));
    }
}

/* The order of the members: as they are, or sorted by key. */
static bool key_order(dump *d, const dict *o, uint32_t **order) {
    uint32_t *at = run_take(d->b.r, (o->n + 1) * sizeof *at);
    if (at == NULL) return run_step(d->b.r);
    for (uint32_t i = 0; i < o->n; i++) {
        uint32_t k = i;
        for (bool less = true; k > 0; k--) {
            if (!run_step(d->b.r) || !value_less(d->b.r, &o->key[i], &o->key[at[k - 1]], "<", &less)) return false;
            if (!less) break;
            at[k] = at[k - 1];
        }
        at[k] = i;
    }
    return *order = at, true;
}

static bool dump_value(dump *d, const value *v, int depth);
static bool dump_dict(dump *d, const dict *o, int depth) {
    uint32_t *order = NULL;
    if (o->n == 0) return build_bytes(&d->b, "{}", 2, SYNTAX), true;
    if (d->sort && !key_order(d, o, &order)) return false;
    build_bytes(&d->b, "{", 1, SYNTAX);
    for (uint32_t k = 0; k < o->n; k++) {
        const uint32_t i = order != NULL ? order[k] : k;
        if (k > 0) build_string(&d->b, &d->item_separator);
        dump_line(d, depth + 1);
        if (!dump_key(d, &o->key[i])) return false;
        build_string(&d->b, &d->key_separator);
        if (!dump_value(d, &o->item[i], depth + 1)) return false;
    }
    dump_line(d, depth);
    return build_bytes(&d->b, "}", 1, SYNTAX), true;
}
static bool dump_list(dump *d, const list *l, int depth) {
    if (l->n == 0) return build_bytes(&d->b, "[]", 2, SYNTAX), true;
    build_bytes(&d->b, "[", 1, SYNTAX);
    for (uint32_t i = 0; i < l->n; i++) {
        if (i > 0) build_string(&d->b, &d->item_separator);
        dump_line(d, depth + 1);
        if (!dump_value(d, &l->item[i], depth + 1)) return false;
    }
    dump_line(d, depth);
    return build_bytes(&d->b, "]", 1, SYNTAX), true;
}
static bool dump_value(dump *d, const value *v, int depth) {
    enum { DEEPEST = 300 };
    if (depth > DEEPEST) return run_fail(d->b.r, "tojson: the value is nested deeper than %d", DEEPEST);
    if (!run_step(d->b.r)) return false;
    switch (v->type) {
    case VALUE_STRING: return dump_text(d, v), true;
    case VALUE_NONE: return build_bytes(&d->b, "null", 4, SYNTAX), true;
    case VALUE_BOOL: return build_print(&d->b, SYNTAX, "%s", v->integer ? "true" : "false"), true;
    case VALUE_INT:
    case VALUE_BIG: return build_repr(&d->b, v, 1), true;
    case VALUE_FLOAT: return dump_real(d, v->real), true;
    case VALUE_LIST:
    case VALUE_TUPLE: return dump_list(d, v->list, depth);
    case VALUE_DICT: return dump_dict(d, v->dict, depth);
    default: return run_fail(d->b.r, "Object of type %s is not JSON serializable", value_type_name(v));
    }
}

/* indent MISSING or none: one line. Separators MISSING: json.dumps's. */
bool json_dump(run *r, const value *v, bool ascii, const value *indent, const value *item_separator, const value *key_separator, bool sort, value *out) {
    dump d = {.b = {.r = r}, .ascii = ascii, .sort = sort};
    int64_t width = 0;
    if (indent->type == VALUE_STRING) d.indent = *indent, d.indented = true;
    else if (indent->type != VALUE_NONE && indent->type != VALUE_MISSING) {
        if (!value_to_index(r, indent, &width)) return false;
        builder blanks = {.r = r};
        const value blank = value_text(" ", 1, SYNTAX);
        build_repeat(&blanks, &blank, width);
        d.indent = build_end(&blanks);
        d.indented = true;
    }
    d.item_separator = item_separator->type == VALUE_STRING ? *item_separator : value_text(d.indented ? "," : ", ", d.indented ? 1 : 2, SYNTAX);
    d.key_separator = key_separator->type == VALUE_STRING ? *key_separator : value_text(": ", 2, SYNTAX);
    if (!dump_value(&d, v, 0)) return false;
    return *out = build_end(&d.b), !r->over || run_step(r);
}
