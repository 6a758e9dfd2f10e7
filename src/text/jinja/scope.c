/* Names to slots, by the rules that Jinja's compiler has: what a loop, a block or a macro sets is gone behind it; a name that a
 * scope sets begins, each time the scope is entered, as what it is outside; what nobody sets is an input variable. */
#include "text/jinja/tree.h"

#include <stdlib.h>

/* A function of its own has a frame: the template, a macro, the body of a recursive loop. */
typedef struct function_level {
    int level;
    uint32_t n_slot;
} function_level;

typedef enum { LOAD_PARAMETER, LOAD_VARIABLE, LOAD_OUTER, LOAD_NOTHING } load_kind;
typedef struct symbol {
    const char *name;
    size_t n;
    uint8_t load;
    bool stored;
    int slot; /* -1: an input variable that nobody sets */
} symbol;
typedef struct symbols symbols;
struct symbols {
    symbols *parent;
    function_level *function;
    symbol *item;
    uint32_t n, room;
};

typedef struct resolver {
    arena *owner;
    chat_template *t;
    uint32_t variable_room;
    error *err;
    bool failed;
} resolver;

static void out_of_room(resolver *r) {
    if (!r->failed) fail(r->err, "the template is too large");
    r->failed = true;
}
enum { NAMES_MOST = 2000 }; /* of a scope: they are looked through one by one */
static void too_many(resolver *r) {
    if (!r->failed) fail(r->err, "the template has more than %d names", NAMES_MOST);
    r->failed = true;
}
static void refuse(resolver *r, int line, const char *what, const char *name, size_t n) {
    if (!r->failed) fail(r->err, "line %d: %s '%.*s'", line, what, n < 100 ? (int)n : 100, name);
    r->failed = true;
}

/* --- symbols ---------------------------------------------------------------------------------------------------------------------- */
static symbol *find_own(const symbols *s, const char *name, size_t n) {
    for (uint32_t i = 0; i < s->n; i++)
        if (s->item[i].n == n && memcmp(s->item[i].name, name, n) == 0) return &s->item[i];
    return NULL;
}
static symbol *find(const symbols *s, const char *name, size_t n, const symbols **where) {
    for (; s != NULL; s = s->parent) {
        symbol *found = find_own(s, name, n);
        if (found == NULL) continue;
        if (where != NULL) *where = s;
        return found;
    }
    return NULL;
}
static symbol *define(resolver *r, symbols *s, const char *name, size_t n, load_kind load, bool stored) {
    if (s->n == NAMES_MOST) return too_many(r), NULL;
    if (s->n == s->room) {
        const uint32_t room = s->room == 0 ? 8 : s->room * 2;
        symbol *more = arena_grow(r->owner, s->item, s->room * sizeof *more, room * sizeof *more);
        if (more == NULL) return out_of_room(r), NULL;
        s->item = more;
        s->room = room;
    }
    symbol *made = &s->item[s->n++];
    *made = (symbol){name, n, (uint8_t)load, stored, -1};
    return made;
}
static int declare(resolver *r, symbols *s, const char *name, size_t n) { /* a parameter; returns its slot */
    symbol *p = find_own(s, name, n);
    if (p == NULL && (p = define(r, s, name, n, LOAD_PARAMETER, true)) == NULL) return 0;
    if (p->slot < 0) p->slot = (int)s->function->n_slot++;
    return p->slot;
}
static void note_store(resolver *r, symbols *s, const char *name, size_t n) {
    symbol *own = find_own(s, name, n);
    if (own != NULL) own->stored = true;
    else define(r, s, name, n, s->parent != NULL && find(s->parent, name, n, NULL) != NULL ? LOAD_OUTER : LOAD_NOTHING, true);
}
static void note_load(resolver *r, symbols *s, const char *name, size_t n) {
    if (find(s, name, n, NULL) == NULL) define(r, s, name, n, LOAD_VARIABLE, false);
}

static uint8_t variable_kind(const char *name, size_t n) {
    static const struct {
        const char *name;
        uint8_t kind;
    } known[] = {{"bos_token", VARIABLE_BOS},   {"eos_token", VARIABLE_EOS},   {"pad_token", VARIABLE_PAD},    {"unk_token", VARIABLE_UNK},
                 {"sep_token", VARIABLE_TOKEN}, {"cls_token", VARIABLE_TOKEN}, {"mask_token", VARIABLE_TOKEN}, {"messages", VARIABLE_MESSAGES},
                 {"tools", VARIABLE_NONE},      {"documents", VARIABLE_NONE}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0) return known[i].kind;
    return VARIABLE_PLAIN;
}
static int variable_index(resolver *r, const char *name, size_t n) {
    chat_template *t = r->t;
    for (uint32_t i = 0; i < t->n_variable; i++)
        if (t->variable[i].n == n && memcmp(t->variable[i].name, name, n) == 0) return (int)i;
    if (t->n_variable == NAMES_MOST) return too_many(r), 0;
    if (t->n_variable == r->variable_room) {
        const uint32_t room = r->variable_room == 0 ? 16 : r->variable_room * 2;
        variable_name *more = arena_grow(r->owner, t->variable, r->variable_room * sizeof *more, room * sizeof *more);
        if (more == NULL) return out_of_room(r), 0;
        t->variable = more;
        r->variable_room = room;
    }
    t->variable[t->n_variable] = (variable_name){name, n, function_find(name, n), variable_kind(name, n)};
    return (int)t->n_variable++;
}

/* Gives slots, and says what entering the scope does. */
static scope settle(resolver *r, symbols *s) {
    scope out = {.entry = NEW_ARRAY(r->owner, s->n, entry)};
    if (out.entry == NULL) return out_of_room(r), out;
    for (uint32_t i = 0; i < s->n; i++) {
        symbol *x = &s->item[i];
        if (x->load == LOAD_PARAMETER || (x->load == LOAD_VARIABLE && !x->stored)) continue;
        x->slot = (int)s->function->n_slot++;
        entry e = {.kind = ENTRY_CLEAR, .slot = x->slot};
        const symbols *where = NULL;
        const symbol *outer = x->load == LOAD_OUTER ? find(s->parent, x->name, x->n, &where) : NULL;
        if (outer != NULL && outer->slot >= 0) e = (entry){ENTRY_COPY, x->slot, s->function->level - where->function->level, outer->slot};
        else if (outer != NULL || x->load == LOAD_VARIABLE) e = (entry){ENTRY_VARIABLE, x->slot, 0, variable_index(r, x->name, x->n)};
        out.entry[out.n++] = e;
    }
    return out;
}

/* --- which names a scope uses -------------------------------------------------------------------------------------------------- */
typedef void visitor(resolver *r, symbols *s, node *n);
static void visit_call(resolver *r, symbols *s, call_node *c, visitor *visit) {
    if (c == NULL) return;
    for (uint32_t i = 0; i < c->n_argument; i++) visit(r, s, c->argument[i]);
    for (uint32_t i = 0; i < c->n_keyword; i++) visit(r, s, c->keyword_value[i]);
    if (c->list != NULL) visit(r, s, c->list);
    if (c->dict != NULL) visit(r, s, c->dict);
}
static void visit_expression_parts(resolver *r, symbols *s, node *n, visitor *visit) {
    node *const parts[] = {n->a, n->b, n->c, n->d};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i] != NULL) visit(r, s, parts[i]);
    for (uint32_t i = 0; i < n->n; i++) visit(r, s, n->child[i]);
    visit_call(r, s, n->call, visit);
}
static void note_target(resolver *r, symbols *s, node *target, bool parameter) {
    if (target->kind == NODE_TUPLE)
        for (uint32_t i = 0; i < target->n; i++) note_target(r, s, target->child[i], parameter);
    else if (target->kind == NODE_FIELD) note_load(r, s, target->name, target->n_name);
    else if (parameter) declare(r, s, target->name, target->n_name);
    else note_store(r, s, target->name, target->n_name);
}

static void note(resolver *r, symbols *s, node *n);
static void note_body(resolver *r, symbols *s, const body *b) {
    for (uint32_t i = 0; i < b->n; i++) note(r, s, b->item[i]);
}
/* What a branch sets may be set or not: it begins as what it is outside, or as the input variable. */
static void note_if(resolver *r, symbols *s, node *n) {
    note(r, s, n->a);
    const uint32_t before = s->n;
    bool *stored = NEW_ARRAY(r->owner, before, bool);
    if (stored == NULL) {
        out_of_room(r);
        return;
    }
    for (uint32_t i = 0; i < before; i++) stored[i] = s->item[i].stored;
    note_body(r, s, &n->body);
    note_body(r, s, &n->other);
    for (uint32_t i = 0; i < s->n; i++) {
        symbol *x = &s->item[i];
        if (!x->stored || (i < before && stored[i])) continue;
        x->load = s->parent != NULL && find(s->parent, x->name, x->n, NULL) != NULL ? LOAD_OUTER : LOAD_VARIABLE;
    }
}
static void note(resolver *r, symbols *s, node *n) {
    if (r->failed) return;
    switch (n->kind) {
    case NODE_NAME:
    case NODE_FIELD: note_load(r, s, n->name, n->n_name); break;
    case NODE_IF: note_if(r, s, n); break;
    case NODE_FOR:
    case NODE_CALL_BLOCK:
    case NODE_OUTPUT: note(r, s, n->a); break;
    case NODE_MACRO: note_store(r, s, n->target->name, n->target->n_name); break;
    case NODE_FILTER_BLOCK: note(r, s, n->a); break;
    case NODE_WITH:
        for (uint32_t i = 1; i < n->n; i += 2) note(r, s, n->child[i]);
        break;
    case NODE_SET:
        note(r, s, n->a);
        note_target(r, s, n->target, false);
        break;
    case NODE_SET_BLOCK: note_target(r, s, n->target, false); break;
    case NODE_DATA:
    case NODE_BREAK:
    case NODE_CONTINUE:
    case NODE_GENERATION: break;
    default: visit_expression_parts(r, s, n, note);
    }
}

/* --- does a body use a name? -------------------------------------------------------------------------------------------------- */
typedef struct wanted {
    const char *name;
    bool store; /* sets it, rather than reads it */
} wanted;
static bool uses(const node *n, const wanted *w);
static bool uses_body(const body *b, const wanted *w) {
    for (uint32_t i = 0; i < b->n; i++)
        if (uses(b->item[i], w)) return true;
    return false;
}
static bool is_named(const node *n, const char *name) {
    return n->n_name == strlen(name) && memcmp(n->name, name, n->n_name) == 0;
}
static bool target_uses(const node *n, const wanted *w) {
    if (n->kind == NODE_TUPLE)
        for (uint32_t i = 0; i < n->n; i++)
            if (target_uses(n->child[i], w)) return true;
    return n->kind != NODE_TUPLE && (n->kind == NODE_NAME) == w->store && is_named(n, w->name);
}
static bool uses_call(const call_node *c, const wanted *w) {
    if (c == NULL) return false;
    for (uint32_t i = 0; i < c->n_argument; i++)
        if (uses(c->argument[i], w)) return true;
    for (uint32_t i = 0; i < c->n_keyword; i++)
        if (uses(c->keyword_value[i], w)) return true;
    return (c->list != NULL && uses(c->list, w)) || (c->dict != NULL && uses(c->dict, w));
}
static bool uses(const node *n, const wanted *w) {
    if (n->kind == NODE_NAME || n->kind == NODE_FIELD) return !w->store && is_named(n, w->name);
    if (n->target != NULL && target_uses(n->target, w)) return true;
    const node *const parts[] = {n->a, n->b, n->c, n->d};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i] != NULL && uses(parts[i], w)) return true;
    for (uint32_t i = 0; i < n->n; i++)
        if (n->kind == NODE_WITH && i % 2 == 0 ? target_uses(n->child[i], w) : uses(n->child[i], w)) return true;
    const macro_node *m = n->definition;
    for (uint32_t i = 0; m != NULL && i < m->n_parameter; i++)
        if (m->value[i] != NULL && uses(m->value[i], w)) return true;
    return uses_call(n->call, w) || uses_body(&n->body, w) || uses_body(&n->other, w) || (m != NULL && uses_body(&m->body, w));
}

/* --- slots into the tree ------------------------------------------------------------------------------------------------------- */
static void walk(resolver *r, symbols *s, node *n, bool soft);
static void walk_hard(resolver *r, symbols *s, node *n) {
    walk(r, s, n, false);
}
static void walk_soft(resolver *r, symbols *s, node *n) {
    walk(r, s, n, true);
}
static void walk_body(resolver *r, symbols *s, const body *b, bool soft) {
    for (uint32_t i = 0; i < b->n; i++) walk(r, s, b->item[i], soft);
}
static void walk_name(resolver *r, const symbols *s, node *n) {
    const symbols *where = NULL;
    const symbol *x = find(s, n->name, n->n_name, &where);
    if (x != NULL && x->slot >= 0) {
        n->hops = s->function->level - where->function->level;
        n->slot = x->slot;
    } else {
        n->hops = -1;
        n->slot = variable_index(r, n->name, n->n_name);
    }
}
static void walk_target(resolver *r, const symbols *s, node *target) {
    for (uint32_t i = 0; target->kind == NODE_TUPLE && i < target->n; i++) walk_target(r, s, target->child[i]);
    if (target->kind != NODE_TUPLE) walk_name(r, s, target);
}
/* A scope with nothing but a body. */
static scope walk_block(resolver *r, symbols *outer, const body *b, node *filter) {
    symbols s = {.parent = outer, .function = outer->function};
    if (filter != NULL) note(r, &s, filter);
    note_body(r, &s, b);
    const scope entered = settle(r, &s);
    if (filter != NULL) walk(r, &s, filter, false);
    walk_body(r, &s, b, false);
    return entered;
}

static void walk_for(resolver *r, symbols *outer, node *n) {
    const wanted reads_loop = {"loop", false}, sets_loop = {"loop", true};
    if (uses_body(&n->body, &sets_loop) || uses_body(&n->other, &sets_loop)) {
        refuse(r, n->line, "a loop's own variable cannot be assigned to:", "loop", 4);
        return;
    }
    function_level own = {.level = outer->function->level + 1};
    walk(r, outer, n->a, false);
    if (n->b != NULL) {
        symbols test = {.parent = outer, .function = outer->function};
        note_target(r, &test, n->test_target, true);
        note(r, &test, n->b);
        n->test_entered = settle(r, &test);
        walk_target(r, &test, n->test_target);
        walk(r, &test, n->b, false);
    }
    symbols inside = {.parent = outer, .function = n->recursive ? &own : outer->function};
    if (n->recursive || uses_body(&n->body, &reads_loop)) n->loop_slot = declare(r, &inside, "loop", 4);
    note_target(r, &inside, n->target, true);
    note_body(r, &inside, &n->body);
    n->entered = settle(r, &inside);
    walk_target(r, &inside, n->target);
    walk_body(r, &inside, &n->body, false);
    symbols other = {.parent = outer, .function = inside.function};
    note_body(r, &other, &n->other);
    n->other_entered = settle(r, &other);
    walk_body(r, &other, &n->other, false);
    n->n_slot = own.n_slot;
}

static void walk_macro(resolver *r, symbols *outer, node *n) {
    static const char *const special[] = {"caller", "kwargs", "varargs"};
    macro_node *m = n->definition;
    int *const slots[] = {&m->caller, &m->kwargs, &m->varargs};
    function_level own = {.level = outer->function->level + 1};
    symbols s = {.parent = outer, .function = &own};
    for (uint32_t i = 0; i < m->n_parameter; i++) declare(r, &s, m->parameter[i]->name, m->parameter[i]->n_name);
    for (size_t k = 0; k < COUNT(special); k++) {
        const symbol *given = find_own(&s, special[k], strlen(special[k]));
        if (!uses_body(&m->body, &(wanted){special[k], false})) continue;
        if (given == NULL) *slots[k] = declare(r, &s, special[k], strlen(special[k]));
        else if (k == 0) m->explicit_caller = true;
    }
    for (uint32_t i = 0; i < m->n_parameter; i++) {
        if (m->explicit_caller && is_named(m->parameter[i], "caller") && m->value[i] == NULL)
            refuse(r, n->line, "a macro's parameter needs a default, or to be left out:", "caller", 6);
        if (m->value[i] != NULL) note(r, &s, m->value[i]);
    }
    note_body(r, &s, &m->body);
    m->entered = settle(r, &s);
    for (uint32_t i = 0; i < m->n_parameter; i++) {
        walk_name(r, &s, m->parameter[i]);
        if (m->value[i] != NULL) walk(r, &s, m->value[i], false);
    }
    walk_body(r, &s, &m->body, false);
    m->n_slot = own.n_slot;
}

static void walk_with(resolver *r, symbols *outer, node *n) {
    symbols s = {.parent = outer, .function = outer->function};
    for (uint32_t i = 0; i < n->n; i += 2) note_target(r, &s, n->child[i], true);
    note_body(r, &s, &n->body);
    n->entered = settle(r, &s);
    for (uint32_t i = 0; i < n->n; i += 2) {
        walk_target(r, &s, n->child[i]);
        walk(r, outer, n->child[i + 1], false);
    }
    walk_body(r, &s, &n->body, false);
}

static bool is_own_variable(const node *n) {
    return n->kind == NODE_NAME && n->hops == 0;
}
static bool is_short(const value *key) { /* so short that a look-up need not be charged */
    return key->n > 0 && key->n <= 64;
}
static uint8_t quick_kind(const node *n) {
    if (n->kind == NODE_CONSTANT) return QUICK_CONSTANT;
    if (is_own_variable(n)) return QUICK_SLOT;
    if (n->kind == NODE_ATTRIBUTE && n->plain && is_short(&n->constant) && is_own_variable(n->a)) return QUICK_FIELD;
    const bool key = n->kind == NODE_ITEM && n->b->kind == NODE_CONSTANT && n->b->constant.type == VALUE_STRING && is_short(&n->b->constant);
    return key && is_own_variable(n->a) ? QUICK_ITEM : QUICK_NO;
}
/* soft: inside an if, where a filter that does not exist is an error only when it is met (templates try what their host has). */
static void walk(resolver *r, symbols *s, node *n, bool soft) {
    if (r->failed) return;
    switch (n->kind) {
    case NODE_NAME: walk_name(r, s, n); break;
    case NODE_IF:
        walk(r, s, n->a, true);
        walk_body(r, s, &n->body, true);
        walk_body(r, s, &n->other, true);
        break;
    case NODE_FOR: walk_for(r, s, n); break;
    case NODE_SET:
        walk(r, s, n->a, soft);
        walk_target(r, s, n->target);
        break;
    case NODE_SET_BLOCK:
        walk_target(r, s, n->target);
        n->entered = walk_block(r, s, &n->body, n->a);
        break;
    case NODE_FILTER_BLOCK: n->entered = walk_block(r, s, &n->body, n->a); break;
    case NODE_GENERATION: n->entered = walk_block(r, s, &n->body, NULL); break;
    case NODE_WITH: walk_with(r, s, n); break;
    case NODE_MACRO:
        walk_target(r, s, n->target);
        walk_macro(r, s, n);
        break;
    case NODE_CALL_BLOCK:
        walk(r, s, n->a, soft);
        walk_macro(r, s, n);
        break;
    case NODE_FILTER:
    case NODE_TEST:
        if (n->builtin == NULL && !soft)
            refuse(r, n->line, n->kind == NODE_FILTER ? "there is no filter" : "there is no test", n->constant.text, n->constant.n);
        visit_expression_parts(r, s, n, soft ? walk_soft : walk_hard);
        break;
    case NODE_CONDITION: visit_expression_parts(r, s, n, walk_soft); break;
    default: visit_expression_parts(r, s, n, soft ? walk_soft : walk_hard);
    }
    n->quick = quick_kind(n);
}

bool jinja_resolve(arena *owner, chat_template *t, error *err) {
    resolver r = {.owner = owner, .t = t, .err = err};
    function_level whole = {0};
    symbols s = {.function = &whole};
    note_body(&r, &s, &t->body);
    t->entered = settle(&r, &s);
    walk_body(&r, &s, &t->body, false);
    t->n_slot = whole.n_slot;
    return !r.failed;
}
