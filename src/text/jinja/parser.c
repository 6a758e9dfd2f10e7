/* Tokens to expressions: the grammar of Jinja's parser, level by level. */
#include "text/jinja/tree.h"

#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>

/* --- helpers ------------------------------------------------------------------------------------------------------------------- */
bool parse_fail(parser *p, const char *format, ...) {
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(p->err, "line %d: %s", p->at->line, what);
}

node *node_new(parser *p, node_kind kind) {
    node *n = NEW(p->owner, node);
    if (n == NULL) return fail_null(p->err, "the template is too large");
    n->kind = (uint8_t)kind;
    n->line = p->at->line;
    n->hops = n->slot = n->loop_slot = -1;
    return n;
}

bool node_push(parser *p, node_list *l, node *item) {
    if (l->n == l->room) {
        const uint32_t room = l->room == 0 ? 4 : l->room * 2;
        node **more = arena_grow(p->owner, l->item, l->room * sizeof *more, room * sizeof *more);
        if (more == NULL) return fail(p->err, "the template is too large");
        l->item = more;
        l->room = room;
    }
    l->item[l->n++] = item;
    return true;
}

bool parse_enter(parser *p) {
    return ++p->depth <= PARSE_DEPTH_MOST || parse_fail(p, "the template is nested too deep (more than %d levels)", PARSE_DEPTH_MOST);
}

const char *token_describe(const token *t, char out[48]) {
    static const char *const names[] = {"end of template", "text", "'{{'", "'}}'", "'{%'", "'%}'"};
    if (t->type < COUNT(names)) return names[t->type];
    if (t->type == TOKEN_OPERATOR) snprintf(out, 48, "'%s'", t->op);
    else snprintf(out, 48, t->type == TOKEN_STRING ? "string '%.*s'" : "'%.*s'", t->n < 30 ? (int)t->n : 30, t->text);
    return out;
}

bool parse_skip_name(parser *p, const char *name) {
    return token_is_name(p->at, name) && (p->at++, true);
}
bool parse_skip_op(parser *p, const char *op) {
    return token_is_op(p->at, op) && (p->at++, true);
}
bool parse_expect_op(parser *p, const char *op) {
    char found[48];
    return parse_skip_op(p, op) || parse_fail(p, "expected '%s', got %s", op, token_describe(p->at, found));
}
static bool take_children(node *n, const node_list *l) {
    n->child = l->item;
    n->n = l->n;
    return true;
}

/* --- primaries ------------------------------------------------------------------------------------------------------------------ */
static node *constant_node(parser *p, value v) {
    node *n = node_new(p, NODE_CONSTANT);
    if (n != NULL) n->constant = v;
    return n;
}
static value text_value(const char *text, size_t n) {
    value v = value_text(text, n, TEMPLATE_MARKUP);
    text_is_ascii(&v);
    return v;
}

static node *parse_name(parser *p, bool with_field) {
    const token *t = p->at;
    if (token_is_name(t, "true") || token_is_name(t, "True") || token_is_name(t, "false") || token_is_name(t, "False")) {
        node *n = constant_node(p, value_bool((t->text[0] | 32) == 't'));
        p->at++;
        return n;
    }
    if (token_is_name(t, "none") || token_is_name(t, "None")) {
        node *n = constant_node(p, value_none());
        p->at++;
        return n;
    }
    node *n = node_new(p, NODE_NAME);
    if (n == NULL) return NULL;
    n->name = t->text;
    n->n_name = t->n;
    p->at++;
    if (with_field && parse_skip_op(p, ".")) {
        if (p->at->type != TOKEN_NAME) return parse_fail(p, "expected a name behind '.'"), NULL;
        n->kind = NODE_FIELD;
        n->constant = text_value(p->at->text, p->at->n);
        p->at++;
    }
    return n;
}

static node *parse_strings(parser *p) { /* neighbours are one */
    size_t n = 0, count = 0;
    for (const token *t = p->at; t->type == TOKEN_STRING; t++) n += t->n, count++;
    node *c = constant_node(p, value_none());
    const char *text = p->at->text;
    if (c != NULL && count > 1) {
        char *joined = arena_alloc(p->owner, n + 1);
        if (joined == NULL) return fail_null(p->err, "the template is too large");
        n = 0;
        for (const token *t = p->at; t->type == TOKEN_STRING; t++) {
            memcpy(joined + n, t->text, t->n);
            n += t->n;
        }
        text = joined;
    }
    p->at += count;
    if (c != NULL) c->constant = text_value(text, n);
    return c;
}

static node *parse_number(parser *p) {
    const token *t = p->at;
    double real;
    value v;
    if (t->type == TOKEN_REAL) {
        if (!number_read(t->text, t->n, &real)) return parse_fail(p, "'%.*s' is no number", (int)t->n, t->text), NULL;
        v = value_real(real);
    } else {
        const char kind = t->n > 2 ? (char)(t->text[1] | 32) : 0;
        const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
        const size_t from = base == 10 ? 0 : 2;
        run in_owner = {.budget = 1 << 20, .err = p->err, .line = t->line}; /* a big number needs memory: the template's */
        in_owner.memory = *p->owner;
        bool ok;
        v = number_from_text(&in_owner, t->text + from, t->n - from, base, false, &ok);
        *p->owner = in_owner.memory;
        if (!ok) return parse_fail(p, "a number is too large"), NULL;
    }
    node *n = constant_node(p, v);
    p->at++;
    return n;
}

static node *parse_list(parser *p) {
    node *n = node_new(p, NODE_LIST);
    node_list items = {0};
    p->at++;
    while (n != NULL && !token_is_op(p->at, "]")) {
        if (items.n > 0 && !parse_expect_op(p, ",")) return NULL;
        if (token_is_op(p->at, "]")) break;
        node *item = parse_expression(p, true);
        if (item == NULL || !node_push(p, &items, item)) return NULL;
    }
    p->at++;
    return n != NULL && take_children(n, &items) ? n : NULL;
}

static node *parse_dict(parser *p) {
    node *n = node_new(p, NODE_DICT);
    node_list items = {0};
    p->at++;
    while (n != NULL && !token_is_op(p->at, "}")) {
        if (items.n > 0 && !parse_expect_op(p, ",")) return NULL;
        if (token_is_op(p->at, "}")) break;
        node *key = parse_expression(p, true);
        if (key == NULL || !node_push(p, &items, key) || !parse_expect_op(p, ":")) return NULL;
        node *item = parse_expression(p, true);
        if (item == NULL || !node_push(p, &items, item)) return NULL;
    }
    p->at++;
    return n != NULL && take_children(n, &items) ? n : NULL;
}

node *parse_primary(parser *p, bool with_field) {
    char found[48];
    if (p->at->type == TOKEN_NAME) return parse_name(p, with_field);
    if (p->at->type == TOKEN_STRING) return parse_strings(p);
    if (p->at->type == TOKEN_INTEGER || p->at->type == TOKEN_REAL) return parse_number(p);
    node *n = NULL;
    if (!parse_enter(p)) return NULL;
    if (parse_skip_op(p, "(")) {
        n = parse_tuple(p, TUPLE_IN_PARENTHESES, NULL);
        if (n != NULL && !parse_expect_op(p, ")")) return NULL;
    } else if (token_is_op(p->at, "[")) n = parse_list(p);
    else if (token_is_op(p->at, "{")) n = parse_dict(p);
    else parse_fail(p, "expected an expression, got %s", token_describe(p->at, found));
    p->depth--;
    return n;
}

/* --- what follows a primary --------------------------------------------------------------------------------------------------- */
/* [b], [b:c:d], or several with commas, which are a tuple. Slices in a tuple are of no use to a template and are refused. */
static node *parse_subscript(parser *p, node *of) {
    node *n = node_new(p, NODE_ITEM);
    if (n == NULL) return NULL;
    n->a = of;
    p->at++;
    node_list items = {0};
    while (!token_is_op(p->at, "]")) {
        if (items.n > 0 && !parse_expect_op(p, ",")) return NULL;
        node *part[3] = {NULL, NULL, NULL};
        if (!token_is_op(p->at, ":") && (part[0] = parse_expression(p, true)) == NULL) return NULL;
        if (!token_is_op(p->at, ":")) {
            if (!node_push(p, &items, part[0])) return NULL;
            continue;
        }
        for (int i = 1; i < 3 && parse_skip_op(p, ":"); i++)
            if (!token_is_op(p->at, ":") && !token_is_op(p->at, "]") && !token_is_op(p->at, ",") && (part[i] = parse_expression(p, true)) == NULL) return NULL;
        if (items.n > 0 || !token_is_op(p->at, "]")) return parse_fail(p, "a slice among other subscripts is not supported"), NULL;
        p->at++;
        n->kind = NODE_SLICE;
        n->b = part[0];
        n->c = part[1];
        n->d = part[2];
        return n;
    }
    p->at++;
    if (items.n == 1) n->b = items.item[0];
    else if ((n->b = node_new(p, NODE_TUPLE)) == NULL || !take_children(n->b, &items)) return NULL;
    return n;
}

static node *parse_dot(parser *p, node *of) {
    node *n = node_new(p, NODE_ATTRIBUTE);
    p->at++;
    if (n == NULL) return NULL;
    n->a = of;
    if (p->at->type == TOKEN_NAME) {
        n->constant = text_value(p->at->text, p->at->n);
        n->plain = !method_named(n->constant.text, n->constant.n);
        n->slot = loop_attribute_index(&n->constant);
        p->at++;
        return n;
    }
    if (p->at->type != TOKEN_INTEGER) return parse_fail(p, "expected a name or a number behind '.'"), NULL;
    n->kind = NODE_ITEM;
    return (n->b = parse_number(p)) != NULL ? n : NULL;
}

call_node *parse_arguments(parser *p) {
    call_node *c = NEW(p->owner, call_node);
    node_list positional = {0}, named = {0};
    if (c == NULL || !parse_expect_op(p, "(") || !parse_enter(p)) return NULL;
    for (bool first = true; !token_is_op(p->at, ")"); first = false) {
        if (!first && !parse_expect_op(p, ",")) return NULL;
        if (token_is_op(p->at, ")")) break;
        node *item;
        if (token_is_op(p->at, "*") || token_is_op(p->at, "**")) {
            const bool named_ones = p->at->op[1] == '*';
            if (c->dict != NULL || (!named_ones && c->list != NULL)) return parse_fail(p, "invalid syntax for a call"), NULL;
            p->at++;
            if ((item = parse_expression(p, true)) == NULL) return NULL;
            *(named_ones ? &c->dict : &c->list) = item;
        } else if (p->at->type == TOKEN_NAME && token_is_op(p->at + 1, "=")) {
            if (c->dict != NULL) return parse_fail(p, "invalid syntax for a call"), NULL;
            node *name = node_new(p, NODE_CONSTANT);
            if (name == NULL) return NULL;
            if (named.n == 2 * ARGUMENTS_MOST) return parse_fail(p, "a call has more than %d arguments by name", ARGUMENTS_MOST), NULL;
            name->constant = text_value(p->at->text, p->at->n);
            p->at += 2;
            if ((item = parse_expression(p, true)) == NULL || !node_push(p, &named, name) || !node_push(p, &named, item)) return NULL;
        } else {
            if (c->dict != NULL || c->list != NULL || named.n > 0) return parse_fail(p, "invalid syntax for a call: a positional argument behind others"), NULL;
            if ((item = parse_expression(p, true)) == NULL || !node_push(p, &positional, item)) return NULL;
        }
    }
    p->at++;
    p->depth--;
    c->argument = positional.item;
    c->n_argument = positional.n;
    c->n_keyword = named.n / 2;
    c->keyword = NEW_ARRAY(p->owner, c->n_keyword, value);
    c->keyword_value = NEW_ARRAY(p->owner, c->n_keyword, node *);
    if (c->keyword == NULL || c->keyword_value == NULL) return fail_null(p->err, "the template is too large");
    for (uint32_t i = 0; i < c->n_keyword; i++) {
        c->keyword[i] = named.item[2 * i]->constant;
        c->keyword_value[i] = named.item[2 * i + 1];
        for (uint32_t k = 0; k < i; k++)
            if (text_equal(&c->keyword[i], &c->keyword[k]))
                return parse_fail(p, "argument '%.*s' is given twice", (int)c->keyword[i].n, c->keyword[i].text), NULL;
    }
    return c;
}

static node *parse_call(parser *p, node *of) {
    node *n = node_new(p, NODE_CALL);
    if (n == NULL) return NULL;
    n->a = of;
    return (n->call = parse_arguments(p)) != NULL ? n : NULL;
}

/* Long chains are deep trees: each link counts as a level. */
static node *parse_postfix(parser *p, node *n) {
    const int depth = p->depth;
    while (n != NULL) {
        if (token_is_op(p->at, ".")) n = parse_dot(p, n);
        else if (token_is_op(p->at, "[")) n = parse_subscript(p, n);
        else if (token_is_op(p->at, "(")) n = parse_call(p, n);
        else break;
        if (!parse_enter(p)) return NULL;
    }
    p->depth = depth;
    return n;
}

/* A dotted name of a filter or test; in `n->constant`. */
static bool parse_builtin_name(parser *p, node *n) {
    char found[48];
    if (p->at->type != TOKEN_NAME) return parse_fail(p, "expected the name of a filter or test, got %s", token_describe(p->at, found));
    const char *text = p->at->text;
    const char *end = text + p->at->n;
    p->at++;
    while (token_is_op(p->at, ".") && p->at[1].type == TOKEN_NAME) end = p->at[1].text + p->at[1].n, p->at += 2;
    n->constant = text_value(text, (size_t)(end - text));
    return true;
}

node *parse_filter(parser *p, node *of, bool inline_first) {
    const int depth = p->depth;
    while (inline_first || token_is_op(p->at, "|")) {
        if (!inline_first) p->at++;
        inline_first = false;
        node *n = node_new(p, NODE_FILTER);
        if (n == NULL || !parse_builtin_name(p, n)) return NULL;
        n->a = of;
        n->builtin = filter_find(n->constant.text, n->constant.n);
        if (n->builtin == NULL && filter_refused(n->constant.text, n->constant.n) != NULL)
            return fail_null(p->err, "line %d: the filter '%.*s' is not supported", n->line, (int)n->constant.n, n->constant.text);
        if (token_is_op(p->at, "(") && (n->call = parse_arguments(p)) == NULL) return NULL;
        of = n;
        if (!parse_enter(p)) return NULL;
    }
    p->depth = depth;
    return of;
}

static bool test_argument_follows(const parser *p) {
    const token *t = p->at;
    if (t->type == TOKEN_NAME) return !token_is_name(t, "else") && !token_is_name(t, "or") && !token_is_name(t, "and");
    return t->type == TOKEN_STRING || t->type == TOKEN_INTEGER || t->type == TOKEN_REAL || token_is_op(t, "[") || token_is_op(t, "{");
}

static node *parse_test(parser *p, node *of) {
    node *n = node_new(p, NODE_TEST);
    p->at++;
    const bool negated = parse_skip_name(p, "not");
    if (n == NULL || !parse_builtin_name(p, n)) return NULL;
    n->a = of;
    n->builtin = test_find(n->constant.text, n->constant.n);
    if (token_is_op(p->at, "(")) {
        if ((n->call = parse_arguments(p)) == NULL) return NULL;
    } else if (test_argument_follows(p)) {
        if (token_is_name(p->at, "is")) return parse_fail(p, "tests cannot be chained with 'is'"), NULL;
        node *argument = parse_postfix(p, parse_primary(p, false));
        node_list l = {0};
        n->call = NEW(p->owner, call_node);
        if (argument == NULL || n->call == NULL || !node_push(p, &l, argument)) return NULL;
        n->call->argument = l.item;
        n->call->n_argument = 1;
    }
    if (!negated) return n;
    node *not = node_new(p, NODE_NOT);
    if (not != NULL) not ->a = n;
    return not ;
}

static node *parse_filters_and_tests(parser *p, node *n) {
    const int depth = p->depth;
    while (n != NULL) {
        if (token_is_op(p->at, "|")) n = parse_filter(p, n, false);
        else if (token_is_name(p->at, "is")) n = parse_test(p, n);
        else if (token_is_op(p->at, "(")) n = parse_call(p, n);
        else break;
        if (!parse_enter(p)) return NULL;
    }
    p->depth = depth;
    return n;
}

/* --- operators, the tightest first -------------------------------------------------------------------------------------------- */
static node *parse_unary(parser *p, bool with_filters) {
    node *n;
    if (!parse_enter(p)) return NULL;
    if (token_is_op(p->at, "-") || token_is_op(p->at, "+")) {
        n = node_new(p, p->at->op[0] == '-' ? NODE_NEGATE : NODE_PLUS);
        p->at++;
        if (n == NULL || (n->a = parse_unary(p, false)) == NULL) return NULL;
    } else n = parse_primary(p, false);
    n = parse_postfix(p, n);
    if (with_filters) n = parse_filters_and_tests(p, n);
    p->depth--;
    return n;
}

static node *binary_node(parser *p, int op, node *a, node *b) {
    node *n = b != NULL ? node_new(p, NODE_BINARY) : NULL;
    if (n == NULL) return NULL;
    n->op = (uint8_t)op;
    n->a = a;
    n->b = b;
    return n;
}
static int binary_op(const token *t, const char *const *names, const int *ops) {
    for (int i = 0; names[i] != NULL; i++)
        if (token_is_op(t, names[i])) return ops[i];
    return -1;
}

static node *parse_power(parser *p) {
    const int depth = p->depth;
    node *n = parse_unary(p, true);
    while (n != NULL && parse_skip_op(p, "**")) n = parse_enter(p) ? binary_node(p, OP_POW, n, parse_unary(p, true)) : NULL;
    p->depth = depth;
    return n;
}

static node *parse_product(parser *p) {
    static const char *const names[] = {"*", "/", "//", "%", NULL};
    static const int ops[] = {OP_MUL, OP_DIV, OP_FLOOR_DIV, OP_MOD};
    const int depth = p->depth;
    node *n = parse_power(p);
    for (int op; n != NULL && (op = binary_op(p->at, names, ops)) >= 0;) {
        p->at++;
        n = parse_enter(p) ? binary_node(p, op, n, parse_power(p)) : NULL;
    }
    p->depth = depth;
    return n;
}

static node *parse_concat(parser *p) {
    node *first = parse_product(p);
    if (first == NULL || !token_is_op(p->at, "~")) return first;
    node *n = node_new(p, NODE_CONCAT);
    node_list items = {0};
    if (n == NULL || !node_push(p, &items, first)) return NULL;
    while (parse_skip_op(p, "~")) {
        node *next = parse_product(p);
        if (next == NULL || !node_push(p, &items, next)) return NULL;
    }
    take_children(n, &items);
    return n;
}

/* A chain of + is one node: templates add strings, which are then put together at once. */
static node *parse_chain(parser *p, node *first) {
    node *n = node_new(p, NODE_SUM);
    node_list items = {0};
    if (n == NULL || !node_push(p, &items, first)) return NULL;
    while (parse_skip_op(p, "+")) {
        node *next = parse_concat(p);
        if (next == NULL || !node_push(p, &items, next)) return NULL;
    }
    return take_children(n, &items) ? n : NULL;
}
static node *parse_sum(parser *p) {
    const int depth = p->depth;
    node *n = parse_concat(p);
    while (n != NULL && (token_is_op(p->at, "+") || token_is_op(p->at, "-"))) {
        if (!parse_enter(p)) return NULL;
        if (parse_skip_op(p, "-")) n = binary_node(p, OP_SUB, n, parse_concat(p));
        else n = parse_chain(p, n);
    }
    p->depth = depth;
    return n;
}

static node *parse_compare(parser *p) {
    static const char *const names[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    static const int ops[] = {OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE};
    node *first = parse_sum(p), *n = NULL;
    node_list items = {0};
    while (first != NULL) {
        int op = binary_op(p->at, names, ops);
        if (op < 0 && token_is_name(p->at, "in")) op = OP_IN;
        if (op < 0 && token_is_name(p->at, "not") && token_is_name(p->at + 1, "in")) op = OP_NOT_IN, p->at++;
        if (op < 0) break;
        p->at++;
        node *operand = node_new(p, NODE_OPERAND);
        if (operand == NULL || (operand->a = parse_sum(p)) == NULL) return NULL;
        operand->op = (uint8_t)op;
        if ((n == NULL && (n = node_new(p, NODE_COMPARE)) == NULL) || !node_push(p, &items, operand)) return NULL;
    }
    if (n == NULL) return first;
    n->a = first;
    take_children(n, &items);
    return n;
}

static node *parse_not(parser *p) {
    if (!token_is_name(p->at, "not")) return parse_compare(p);
    node *n = parse_enter(p) ? node_new(p, NODE_NOT) : NULL;
    p->at++;
    if (n == NULL || (n->a = parse_not(p)) == NULL) return NULL;
    p->depth--;
    return n;
}

static node *parse_logic(parser *p, bool is_or) {
    const int depth = p->depth;
    node *n = is_or ? parse_logic(p, false) : parse_not(p);
    while (n != NULL && parse_skip_name(p, is_or ? "or" : "and")) {
        node *both = parse_enter(p) ? node_new(p, is_or ? NODE_OR : NODE_AND) : NULL;
        if (both == NULL) return NULL;
        both->a = n;
        if ((both->b = is_or ? parse_logic(p, false) : parse_not(p)) == NULL) return NULL;
        n = both;
    }
    p->depth = depth;
    return n;
}

node *parse_expression(parser *p, bool with_condition) {
    if (!parse_enter(p)) return NULL;
    node *n = parse_logic(p, true);
    while (n != NULL && with_condition && parse_skip_name(p, "if")) {
        node *c = parse_enter(p) ? node_new(p, NODE_CONDITION) : NULL;
        if (c == NULL) return NULL;
        c->b = n;
        c->a = parse_logic(p, true);
        if (c->a != NULL && parse_skip_name(p, "else") && (c->c = parse_expression(p, true)) == NULL) c->a = NULL;
        if (c->a == NULL) return NULL;
        n = c;
        p->depth--;
    }
    p->depth--;
    return n;
}

node *parse_tuple(parser *p, tuple_form form, const char *end_name) {
    node_list items = {0};
    bool is_tuple = false;
    char found[48];
    for (;;) {
        const token *t = p->at;
        if (t->type == TOKEN_OUTPUT_END || t->type == TOKEN_BLOCK_END || token_is_op(t, ")") || (end_name != NULL && token_is_name(t, end_name))) break;
        node *item = parse_expression(p, form != TUPLE_NO_CONDITION);
        if (item == NULL || !node_push(p, &items, item)) return NULL;
        if (!token_is_op(p->at, ",")) break;
        is_tuple = true;
        p->at++;
    }
    if (!is_tuple && items.n > 0) return items.item[0];
    if (!is_tuple && form != TUPLE_IN_PARENTHESES) return parse_fail(p, "expected an expression, got %s", token_describe(p->at, found)), NULL;
    node *n = node_new(p, NODE_TUPLE);
    return n != NULL && take_children(n, &items) ? n : NULL;
}
