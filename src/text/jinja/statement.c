/* Tokens to statements. Where they end, which blocks they hold, and what is refused. */
#include "text/jinja/tree.h"

static bool parse_body(parser *p, const char *const *ends, const char *tag, body *out);

static bool expect_block_end(parser *p) {
    char found[48];
    if (p->at->type != TOKEN_BLOCK_END) return parse_fail(p, "expected '%%}', got %s", token_describe(p->at, found));
    return p->at++, true;
}

/* The body behind a statement's head: an optional ':', '%}', statements up to one of `ends`, which the next token then is. */
static bool parse_statements(parser *p, const char *const *ends, const char *tag, body *out) {
    parse_skip_op(p, ":");
    return expect_block_end(p) && parse_body(p, ends, tag, out);
}
static bool parse_to_end(parser *p, const char *end, const char *tag, body *out) {
    if (!parse_statements(p, (const char *const[]){end, NULL}, tag, out)) return false;
    return p->at++, true; /* the end's name */
}

/* What is assigned to: a name, NAME.field, or a tuple of such. */
static bool is_target(const node *n) {
    if (n->kind == NODE_TUPLE)
        for (uint32_t i = 0; i < n->n; i++)
            if (!is_target(n->child[i])) return false;
    return n->kind == NODE_NAME || n->kind == NODE_FIELD || n->kind == NODE_TUPLE;
}
static node *parse_target(parser *p, bool with_field, const char *end_name) {
    const token *begin = p->at;
    node_list items = {0};
    bool is_tuple = false;
    for (;;) {
        const token *t = p->at;
        if (t->type == TOKEN_BLOCK_END || t->type == TOKEN_OUTPUT_END || token_is_op(t, ")") || (end_name != NULL && token_is_name(t, end_name))) break;
        node *item = parse_primary(p, with_field);
        if (item == NULL || !node_push(p, &items, item)) return NULL;
        if (!token_is_op(p->at, ",")) break;
        is_tuple = true;
        p->at++;
    }
    char found[48];
    if (items.n == 0) return parse_fail(p, "expected a name, got %s", token_describe(p->at, found)), NULL;
    node *n = items.item[0];
    if (is_tuple) {
        if ((n = node_new(p, NODE_TUPLE)) == NULL) return NULL;
        n->child = items.item;
        n->n = items.n;
    }
    if (!is_target(n)) return fail_null(p->err, "line %d: cannot assign to what is no name", begin->line);
    return n;
}
static node *parse_target_name(parser *p) {
    char found[48];
    if (p->at->type != TOKEN_NAME) return parse_fail(p, "expected a name, got %s", token_describe(p->at, found)), NULL;
    node *n = parse_primary(p, false);
    if (n != NULL && n->kind != NODE_NAME) return parse_fail(p, "cannot assign to a constant"), NULL;
    return n;
}

static node *parse_set(parser *p) {
    node *n = node_new(p, NODE_SET);
    p->at++;
    if (n == NULL || (n->target = parse_target(p, true, NULL)) == NULL) return NULL;
    if (parse_skip_op(p, "=")) return (n->a = parse_tuple(p, TUPLE_PLAIN, NULL)) != NULL ? n : NULL;
    n->kind = NODE_SET_BLOCK;
    if (token_is_op(p->at, "|") && (n->a = parse_filter(p, NULL, false)) == NULL) return NULL;
    return parse_to_end(p, "endset", "set", &n->body) ? n : NULL;
}

static bool target_is_loop(const node *target) {
    for (uint32_t i = 0; target->kind == NODE_TUPLE && i < target->n; i++)
        if (target_is_loop(target->child[i])) return true;
    return target->kind == NODE_NAME && target->n_name == 4 && memcmp(target->name, "loop", 4) == 0;
}
static node *parse_for(parser *p) {
    static const char *const ends[] = {"endfor", "else", NULL};
    node *n = node_new(p, NODE_FOR);
    const token *target = ++p->at;
    if (n == NULL || (n->target = parse_target(p, false, "in")) == NULL) return NULL;
    if (target_is_loop(n->target)) return parse_fail(p, "the loop's own variable 'loop' cannot be assigned to"), NULL;
    if (!parse_skip_name(p, "in")) return parse_fail(p, "expected 'in' in 'for'"), NULL;
    if ((n->a = parse_tuple(p, TUPLE_NO_CONDITION, "recursive")) == NULL) return NULL;
    if (parse_skip_name(p, "if")) {
        if ((n->b = parse_expression(p, true)) == NULL) return NULL;
        const token *here = p->at; /* the target over again, for slots of its own */
        p->at = target;
        n->test_target = parse_target(p, false, "in");
        p->at = here;
        if (n->test_target == NULL) return NULL;
    }
    n->recursive = parse_skip_name(p, "recursive");
    p->loops++;
    const bool ok = parse_statements(p, ends, "for", &n->body);
    p->loops--;
    if (!ok) return NULL;
    if (token_is_name(p->at++, "endfor")) return n;
    return parse_to_end(p, "endfor", "for", &n->other) ? n : NULL;
}

static node *parse_if(parser *p) {
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    enum { BRANCHES_MOST = 1000 };
    node *n = node_new(p, NODE_IF), *first = n;
    p->at++;
    for (int branch = 0; n != NULL; branch++) {
        if (branch == BRANCHES_MOST) return parse_fail(p, "an 'if' has more than %d branches", BRANCHES_MOST), NULL;
        if ((n->a = parse_tuple(p, TUPLE_NO_CONDITION, NULL)) == NULL || !parse_statements(p, ends, "if", &n->body)) return NULL;
        const token *end = p->at++;
        if (token_is_name(end, "else")) return parse_to_end(p, "endif", "if", &n->other) ? first : NULL;
        if (token_is_name(end, "endif")) return first;
        node_list other = {0}; /* elif: an if of its own in the other branch */
        node *next = node_new(p, NODE_IF);
        if (next == NULL || !node_push(p, &other, next)) return NULL;
        n->other = (body){other.item, 1};
        n = next;
    }
    return NULL;
}

static node *parse_with(parser *p) {
    node *n = node_new(p, NODE_WITH);
    node_list pairs = {0};
    p->at++;
    while (n != NULL && p->at->type != TOKEN_BLOCK_END && !token_is_op(p->at, ":")) {
        if (pairs.n > 0 && !parse_expect_op(p, ",")) return NULL;
        node *target = parse_target(p, false, NULL);
        if (target == NULL || !parse_expect_op(p, "=") || !node_push(p, &pairs, target)) return NULL;
        node *v = parse_expression(p, true);
        if (v == NULL || !node_push(p, &pairs, v)) return NULL;
    }
    if (n == NULL) return NULL;
    n->child = pairs.item;
    n->n = pairs.n;
    return parse_to_end(p, "endwith", "with", &n->body) ? n : NULL;
}

/* A body that is a function: what breaks out of a loop cannot reach out of it. */
static bool parse_function_body(parser *p, const char *end, const char *tag, body *out) {
    const int loops = p->loops;
    p->loops = 0;
    const bool ok = parse_to_end(p, end, tag, out);
    p->loops = loops;
    return ok;
}

static bool parse_signature(parser *p, macro_node *m) {
    node_list names = {0}, values = {0};
    if (!parse_expect_op(p, "(")) return false;
    bool with_value = false;
    while (!token_is_op(p->at, ")")) {
        if (names.n > 0 && !parse_expect_op(p, ",")) return false;
        node *name = parse_target_name(p), *v = NULL;
        if (name == NULL || !node_push(p, &names, name)) return false;
        if (names.n > ARGUMENTS_MOST) return parse_fail(p, "a macro has more than %d parameters", ARGUMENTS_MOST);
        for (uint32_t i = 0; i + 1 < names.n; i++)
            if (names.item[i]->n_name == name->n_name && memcmp(names.item[i]->name, name->name, name->n_name) == 0)
                return parse_fail(p, "parameter '%.*s' is there twice", (int)name->n_name, name->name);
        if (parse_skip_op(p, "=")) {
            if ((v = parse_expression(p, true)) == NULL) return false;
            with_value = true;
        } else if (with_value) return parse_fail(p, "a parameter without default follows one with a default");
        if (!node_push(p, &values, v)) return false;
    }
    p->at++;
    m->parameter = names.item;
    m->value = values.item;
    m->n_parameter = names.n;
    return true;
}

static macro_node *macro_new(parser *p) {
    macro_node *m = NEW(p->owner, macro_node);
    if (m == NULL) return fail_null(p->err, "the template is too large");
    m->caller = m->kwargs = m->varargs = -1;
    return m;
}
static node *parse_macro(parser *p) {
    node *n = node_new(p, NODE_MACRO);
    p->at++;
    if (n == NULL || (n->definition = macro_new(p)) == NULL || (n->target = parse_target_name(p)) == NULL) return NULL;
    n->definition->name = n->target->name;
    n->definition->n_name = n->target->n_name;
    if (!parse_signature(p, n->definition)) return NULL;
    return parse_function_body(p, "endmacro", "macro", &n->definition->body) ? n : NULL;
}
static node *parse_call_block(parser *p) {
    node *n = node_new(p, NODE_CALL_BLOCK);
    p->at++;
    if (n == NULL || (n->definition = macro_new(p)) == NULL) return NULL;
    if (token_is_op(p->at, "(") && !parse_signature(p, n->definition)) return NULL;
    if ((n->a = parse_expression(p, true)) == NULL) return NULL;
    if (n->a->kind != NODE_CALL) return parse_fail(p, "'call' needs a call"), NULL;
    return parse_function_body(p, "endcall", "call", &n->definition->body) ? n : NULL;
}

static node *parse_filter_block(parser *p) {
    node *n = node_new(p, NODE_FILTER_BLOCK);
    p->at++;
    if (n == NULL || (n->a = parse_filter(p, NULL, true)) == NULL) return NULL;
    return parse_to_end(p, "endfilter", "filter", &n->body) ? n : NULL;
}

static node *parse_generation(parser *p) {
    node *n = node_new(p, NODE_GENERATION);
    p->at++;
    return n != NULL && parse_function_body(p, "endgeneration", "generation", &n->body) ? n : NULL;
}

static node *parse_jump(parser *p) {
    node *n = node_new(p, token_is_name(p->at, "break") ? NODE_BREAK : NODE_CONTINUE);
    if (p->loops == 0) return parse_fail(p, "'%.*s' outside of a loop", (int)p->at->n, p->at->text), NULL;
    p->at++;
    return n;
}

/* {% print a, b %} is {{ a }}{{ b }}: an if that is always true holds them. */
static node *parse_print(parser *p) {
    node *n = node_new(p, NODE_IF);
    node_list items = {0};
    if (n == NULL || (n->a = node_new(p, NODE_CONSTANT)) == NULL) return NULL;
    n->a->constant = value_bool(true);
    for (p->at++; p->at->type != TOKEN_BLOCK_END;) {
        if (items.n > 0 && !parse_expect_op(p, ",")) return NULL;
        node *o = node_new(p, NODE_OUTPUT);
        if (o == NULL || (o->a = parse_expression(p, true)) == NULL || !node_push(p, &items, o)) return NULL;
    }
    n->body = (body){items.item, items.n};
    return n;
}

static node *parse_statement(parser *p, const char *const *ends, const char *tag) {
    static const struct {
        const char *name;
        node *(*parse)(parser *p);
    } statements[] = {
        {"set", parse_set},
        {"if", parse_if},
        {"for", parse_for},
        {"macro", parse_macro},
        {"call", parse_call_block},
        {"with", parse_with},
        {"filter", parse_filter_block},
        {"generation", parse_generation},
        {"break", parse_jump},
        {"continue", parse_jump},
        {"print", parse_print},
    };
    static const char *const refused[] = {"include", "import", "from", "extends", "block", "autoescape", "do", "trans", "debug"};
    char found[48];
    if (p->at->type != TOKEN_NAME) return parse_fail(p, "expected a statement, got %s", token_describe(p->at, found)), NULL;
    for (size_t i = 0; i < COUNT(statements); i++)
        if (token_is_name(p->at, statements[i].name)) return statements[i].parse(p);
    for (size_t i = 0; i < COUNT(refused); i++)
        if (token_is_name(p->at, refused[i])) return parse_fail(p, "the statement '%s' is not supported", refused[i]), NULL;
    if (ends != NULL) parse_fail(p, "unknown statement %s; '%s' is still to be closed by '%s'", token_describe(p->at, found), tag, ends[0]);
    else parse_fail(p, "unknown statement %s", token_describe(p->at, found));
    return NULL;
}

static bool parse_one(parser *p, node_list *l, const char *const *ends, const char *tag, bool *done) {
    node *n;
    if (p->at->type == TOKEN_DATA) {
        if ((n = node_new(p, NODE_DATA)) == NULL) return false;
        n->constant = value_text(p->at->text, p->at->n, TEMPLATE_MARKUP);
        p->at++;
        return node_push(p, l, n);
    }
    if (p->at->type == TOKEN_OUTPUT_BEGIN) {
        char found[48];
        p->at++;
        if ((n = node_new(p, NODE_OUTPUT)) == NULL || (n->a = parse_tuple(p, TUPLE_PLAIN, NULL)) == NULL) return false;
        if (p->at->type != TOKEN_OUTPUT_END) return parse_fail(p, "expected '}}', got %s", token_describe(p->at, found));
        p->at++;
        return node_push(p, l, n);
    }
    p->at++; /* {% */
    for (const char *const *end = ends; end != NULL && *end != NULL; end++)
        if (token_is_name(p->at, *end)) return *done = true;
    n = parse_statement(p, ends, tag);
    return n != NULL && expect_block_end(p) && node_push(p, l, n);
}

static bool parse_body(parser *p, const char *const *ends, const char *tag, body *out) {
    node_list l = {0};
    bool done = false;
    if (!parse_enter(p)) return false;
    while (!done) {
        if (p->at->type == TOKEN_END) {
            if (ends == NULL) break;
            while (ends[1] != NULL) ends++; /* the last one closes it */
            return parse_fail(p, "the template ends inside '%s', which needs '%s'", tag, ends[0]);
        }
        if (!parse_one(p, &l, ends, tag, &done)) return false;
    }
    p->depth--;
    *out = (body){l.item, l.n};
    return true;
}

bool jinja_parse(parser *p, body *out) {
    return parse_body(p, NULL, NULL, out);
}
