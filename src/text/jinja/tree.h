/* text/jinja/tree.h: a template as tokens, and as a tree. Inside the chat-template engine. */
#ifndef SOCLE_TEXT_JINJA_TREE_H
#define SOCLE_TEXT_JINJA_TREE_H
#include "text/jinja/jinja.h"

/* --- tokens ------------------------------------------------------------------------------------------------------------------- */
typedef enum {
    TOKEN_END,
    TOKEN_DATA,
    TOKEN_OUTPUT_BEGIN, /* {{ */
    TOKEN_OUTPUT_END,
    TOKEN_BLOCK_BEGIN, /* {% */
    TOKEN_BLOCK_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_REAL,
    TOKEN_OPERATOR,
} token_type;

typedef struct token {
    uint8_t type;
    char op[3]; /* OPERATOR: its one or two characters */
    int line;
    const char *text; /* DATA, NAME, STRING: its text, escapes resolved; INTEGER, REAL: digits without '_' */
    size_t n;
} token;

/* The tokens of a text, END at the last. They live in `owner`, and so does the text that they point into. */
token *jinja_tokens(arena *owner, const char *text, size_t n, size_t *n_token, error *err);

/* --- the tree ------------------------------------------------------------------------------------------------------------------- */
typedef enum {
    /* expressions */
    NODE_CONSTANT, /* constant */
    NODE_NAME,     /* name; after scope.c: hops and slot, or hops -1 and the index of an input variable */
    NODE_TUPLE,    /* child[n] */
    NODE_LIST,
    NODE_DICT,      /* child[n]: key, item, key, item, ... */
    NODE_ATTRIBUTE, /* a.constant */
    NODE_ITEM,      /* a[b] */
    NODE_SLICE,     /* a[b:c:d], each of b, c, d may be NULL */
    NODE_CALL,      /* a(call) */
    NODE_FILTER,    /* a | builtin(call); a NULL: what the block wrote */
    NODE_TEST,
    NODE_NEGATE,
    NODE_PLUS,
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_BINARY,    /* a op b */
    NODE_SUM,       /* child[n] joined by + */
    NODE_COMPARE,   /* a, then child[n] with their ops */
    NODE_OPERAND,   /* op a, inside COMPARE */
    NODE_CONCAT,    /* child[n] joined by ~ */
    NODE_CONDITION, /* b if a else c; c may be NULL */
    NODE_FIELD,     /* name.constant as a target of set */
    /* statements */
    NODE_DATA,   /* constant */
    NODE_OUTPUT, /* a */
    NODE_IF,     /* a, body, other */
    NODE_FOR,    /* target, a, b (its if), body, other */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_SET,       /* target = a */
    NODE_SET_BLOCK, /* target = body, filtered by a */
    NODE_FILTER_BLOCK,
    NODE_WITH,       /* child[n]: target, value, ... ; body */
    NODE_MACRO,      /* definition; target: its name */
    NODE_CALL_BLOCK, /* a: the call; definition */
    NODE_GENERATION, /* body */
} node_kind;

/* A constant; a variable of the function that runs; .constant or [constant] of such a variable, where that is a dict. */
enum { QUICK_NO, QUICK_CONSTANT, QUICK_SLOT, QUICK_FIELD, QUICK_ITEM };

typedef struct call_node {
    node **argument;
    value *keyword; /* names */
    node **keyword_value;
    uint32_t n_argument, n_keyword;
    node *list, *dict; /* *list, **dict */
} call_node;

typedef struct body {
    node **item;
    uint32_t n;
} body;

/* What happens to slots where a scope is entered. */
typedef struct entry {
    enum { ENTRY_CLEAR, ENTRY_VARIABLE, ENTRY_COPY } kind;
    int slot;
    int hops, from; /* COPY: a slot; VARIABLE: from, an input variable */
} entry;
typedef struct scope {
    entry *entry;
    uint32_t n;
} scope;

struct macro_node {
    const char *name; /* NULL: a call block's */
    size_t n_name;
    node **parameter; /* NAME */
    node **value;     /* defaults, NULL where there is none */
    uint32_t n_parameter;
    int caller, kwargs, varargs; /* slots, -1: the body does not ask for it */
    bool explicit_caller;
    uint32_t n_slot;
    scope entered;
    body body;
};
typedef struct macro_node macro_node;

struct node {
    uint8_t kind;
    uint8_t op;     /* op_kind */
    bool plain;     /* ATTRIBUTE: no type has a method of this name */
    uint8_t quick;  /* how it is evaluated without much ado */
    bool recursive; /* FOR */
    int line;
    uint32_t n;
    node **child;
    node *a, *b, *c, *d, *target;
    value constant; /* CONSTANT, DATA; ATTRIBUTE, FIELD, FILTER, TEST: the name */
    const char *name;
    size_t n_name;
    int hops, slot;
    const builtin *builtin;
    call_node *call;
    macro_node *definition;
    body body, other;
    scope entered, other_entered, test_entered;
    node *test_target; /* FOR with `if`: the target over again, with slots of its own */
    int loop_slot;     /* FOR, -1: the body does not ask for `loop` */
    uint32_t n_slot;   /* FOR recursive: of the function that its body is */
};

/* An input variable that the template asks for. */
typedef struct variable_name {
    const char *name;
    size_t n;
    const function *function; /* the global of this name, or NULL */
    uint8_t kind;             /* VARIABLE_... */
} variable_name;
/* What the engine knows of an input variable: the tokens in the order of the names that scope.c has. */
enum { VARIABLE_PLAIN, VARIABLE_BOS, VARIABLE_EOS, VARIABLE_PAD, VARIABLE_UNK, VARIABLE_TOKEN, VARIABLE_MESSAGES, VARIABLE_NONE };

struct chat_template {
    const char *text;
    size_t n_text;
    body body;
    scope entered;
    uint32_t n_slot;
    variable_name *variable;
    uint32_t n_variable;
};

/* The parser. Statements are in statement.c, expressions in parser.c. */
typedef struct parser {
    arena *owner;
    const token *at;
    error *err;
    int depth; /* of nesting */
    int loops; /* around this statement, in this function */
} parser;
enum { PARSE_DEPTH_MOST = 150, ARGUMENTS_MOST = 500 }; /* ARGUMENTS_MOST: by name; parameters of a macro */
bool jinja_parse(parser *p, body *out);                /* the whole template */
node *parse_expression(parser *p, bool with_condition);
typedef enum { TUPLE_PLAIN, TUPLE_NO_CONDITION, TUPLE_IN_PARENTHESES } tuple_form;
node *parse_tuple(parser *p, tuple_form form, const char *end_name);
node *parse_primary(parser *p, bool with_field);
node *parse_filter(parser *p, node *of, bool inline_first);
call_node *parse_arguments(parser *p);
node *node_new(parser *p, node_kind kind);
bool parse_fail(parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool parse_enter(parser *p); /* one level deeper, or too deep */
static inline bool token_is_name(const token *t, const char *name) {
    return t->type == TOKEN_NAME && t->n == strlen(name) && memcmp(t->text, name, t->n) == 0;
}
static inline bool token_is_op(const token *t, const char *op) {
    return t->type == TOKEN_OPERATOR && strcmp(t->op, op) == 0;
}
bool parse_skip_name(parser *p, const char *name);
bool parse_skip_op(parser *p, const char *op);
bool parse_expect_op(parser *p, const char *op);
const char *token_describe(const token *t, char out[48]);

/* Nodes and items that grow while they are read. */
typedef struct node_list {
    node **item;
    uint32_t n, room;
} node_list;
bool node_push(parser *p, node_list *l, node *item);

/* Names to slots; fills t->variable. */
bool jinja_resolve(arena *owner, chat_template *t, error *err);

/* --- running -------------------------------------------------------------------------------------------------------------------- */
struct macro {
    const macro_node *node;
    frame *frame; /* around it */
};
struct loop {
    iterator *of;
    int64_t index0, length; /* length -1: not asked for yet */
    int depth0;
    bool peeked, at_end; /* `after` holds the next item, or there is none */
    value before, current, after, changed;
    const node *recurse; /* NULL: not recursive */
    frame *frame;        /* around the recursive loop */
};
bool evaluate(run *r, const node *n, value *out);
bool evaluate_truth(run *r, const node *n, bool *holds);
bool emit_node(run *r, const node *n); /* evaluates it into the output */
bool evaluate_call(run *r, const call_node *c, value *extra_name, value *extra, call_arguments *out);
bool apply_filter(run *r, const node *n, const value *of, value *out);
/* What a statement did beside going on. */
typedef enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED } flow;
flow run_body(run *r, const body *b);
bool macro_call(run *r, const macro *m, const call_arguments *a, value *out);
bool loop_recurse(run *r, loop *l, const value *over, value *out);
int loop_attribute_index(const value *name); /* -1: there is none of this name */
bool loop_attribute(run *r, loop *l, int index, value *out);
bool loop_length(run *r, loop *l, int64_t *n);
frame *frame_new(run *r, frame *parent, uint32_t n_slot);

#endif
