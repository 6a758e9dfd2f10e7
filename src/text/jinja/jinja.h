/* text/jinja/jinja.h: inside the chat-template engine: values, the run of one rendering, and what its files ask of each other.
 *   lexer.c -> parser.c, statement.c (a tree) -> scope.c (names become slots) -> run.c, eval.c
 * Values are Python's, as a template sees them. They live in the run's arena and, lists in the making aside, never change.
 * A function that can fail returns false after run_fail. */
#ifndef SOCLE_TEXT_JINJA_H
#define SOCLE_TEXT_JINJA_H
#include "text/chat_template.h"

#include <string.h>

typedef enum {
    VALUE_MISSING, /* a slot that nothing was put into; reading it gives UNDEFINED */
    VALUE_UNDEFINED,
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_BIG, /* an int beyond 64 bits */
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_TUPLE,
    VALUE_DICT,
    VALUE_VIEW, /* of a dict: keys(), values(), items() */
    VALUE_RANGE,
    VALUE_ITERATOR, /* a generator: goes by once */
    VALUE_NAMESPACE,
    VALUE_MACRO,
    VALUE_FUNCTION,
    VALUE_METHOD, /* of `self` */
    VALUE_LOOP,
    VALUE_CYCLER,
    VALUE_JOINER,
} value_type;

typedef struct value value;
typedef struct list list;
typedef struct dict dict;
typedef struct big big;
typedef struct iterator iterator;
typedef struct macro macro;
typedef struct function function;
typedef struct method method;
typedef struct loop loop;
typedef struct node node;
typedef struct run run;

enum { MARK_MIXED = 255 };
struct value {
    union {
        struct {
            uint8_t type;
            uint8_t mark;  /* STRING: of all its bytes, or MARK_MIXED: then `marks` has each byte's */
            bool safe;     /* STRING: Markup, whose methods escape what they are given */
            uint8_t ascii; /* STRING: 1 yes, 2 no, 0 not known */
            uint32_t n;    /* STRING, UNDEFINED: bytes; VIEW: 0 keys, 1 values, 2 items */
        };
        uint64_t head; /* the five as one word, see VALUE_HEAD */
    };
    union {
        int64_t integer; /* INT, BOOL */
        double real;
        const char *text; /* STRING, UNDEFINED; need not end in NUL */
        list *list;       /* LIST, TUPLE */
        dict *dict;       /* DICT, VIEW, NAMESPACE */
        big *big;
        int64_t *range; /* start, stop, step, count */
        iterator *iterator;
        macro *macro;
        const function *function;
        method *method;
        loop *loop;
        struct cycler *cycler;
        struct joiner *joiner;
        void *pointer;
    };
    const unsigned char *marks;
};

/* Values are made word by word: bytes that are written one by one and then read as a word make a processor wait. */
#define VALUE_HEAD(type_, mark_, ascii_, n_) ((uint64_t)(type_) | (uint64_t)(mark_) << 8 | (uint64_t)(ascii_) << 24 | (uint64_t)(uint32_t)(n_) << 32)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "VALUE_HEAD is for little-endian machines");

struct list {
    value *item;
    uint32_t n, room;
    bool group; /* a tuple of groupby: .grouper and .list */
};
struct dict {
    value *key, *item; /* in the order of insertion */
    uint32_t n, room;
    uint32_t *slot; /* index + 1, open addressing; NULL while the dict is small */
    uint32_t n_slot;
};
struct cycler {
    list *items;
    uint32_t at;
};
struct joiner {
    value separator;
    bool used;
};

/* Limits of one rendering. A sanitizer's build is slower, and takes fewer steps. */
#ifdef SOCLE_SANITIZE
enum { STEPS_MOST = 1 << 24, MEMORY_MOST = 64 << 20 };
#else
enum { STEPS_MOST = 1 << 26, MEMORY_MOST = 256 << 20 };
#endif
enum { OUTPUT_MOST = 64 << 20, DEPTH_MOST = 200, STACK_MOST = 3 << 20, TEXT_MOST = 64 << 20 };

/* Variables of one call of a function (the template itself, a macro, the body of a recursive loop). */
typedef struct frame frame;
struct frame {
    frame *parent; /* the function around it, whose variables it sees */
    value slot[];
};

struct run {
    arena memory;
    char *next; /* what is left of the newest chunk of memory: bytes_left from here on */
    size_t bytes_left;
    size_t budget;     /* bytes that further chunks may have */
    long steps;        /* left */
    int depth;         /* of calls */
    const char *stack; /* where the stack was at the beginning */
    bool over;         /* a limit was met: the next step fails */
    const chat_template *compiled;
    const chat_template_input *in;
    error *err;
    int line; /* of what runs now */
    frame *frame;
    value *variable; /* of the input, by the template's table of names; MISSING until asked for */
    char *out;       /* the text so far; what is captured (a macro's, a set block's) is taken off its end */
    unsigned char *marks;
    size_t n_out, out_room;
    bool marking;       /* marks are wanted */
    uint8_t generation; /* TEMPLATE_GENERATION inside such a block */
};

/* --- the run ------------------------------------------------------------------------------------------------------------------ */
void run_say(run *r, const char *format, ...) __attribute__((format(printf, 2, 3))); /* makes the error "line N: ..." */
#define run_fail(r, ...) (run_say((r), __VA_ARGS__), false)                          /* the same; always false, as the compiler sees */
void *run_take_chunk(run *r, size_t bytes);
static inline void *run_take(run *r, size_t bytes) { /* not zeroed, aligned to 16; NULL where the budget ends */
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > r->bytes_left) return run_take_chunk(r, bytes);
    char *p = r->next;
    r->next += bytes;
    r->bytes_left -= bytes;
    return p;
}
static inline bool run_step(run *r) {
    return __builtin_expect(--r->steps >= 0 && !r->over, 1) ||
           run_fail(r, r->over ? "the template needs more memory than it may" : "the template runs too long");
}
bool run_deeper(run *r);                       /* one call deeper (the caller counts r->depth down again), or too deep */
const value *variable_get(run *r, uint32_t i); /* an input variable, a global function, or MISSING */
/* Work that is proportional to n bytes. */
static inline void run_charge(run *r, size_t n) {
    r->steps -= (long)(n / 16);
}
bool run_emit(run *r, const value *v); /* appends str(v) to the output */
bool run_emit_bytes(run *r, const char *text, size_t n, uint8_t mark);
value run_capture(run *r, size_t from); /* takes what was written since out had `from` bytes */

/* --- values ------------------------------------------------------------------------------------------------------------------- */
/* The same in place, where it counts: word by word, nothing is copied. */
static inline void value_put(value *out, uint64_t head, uint64_t word) {
    out->head = head;
    out->integer = (int64_t)word;
    out->marks = NULL;
}
static inline bool value_put_bool(value *out, bool x) {
    return value_put(out, VALUE_HEAD(VALUE_BOOL, 0, 0, 0), x), true;
}
static inline bool value_put_int(value *out, int64_t x) {
    return value_put(out, VALUE_HEAD(VALUE_INT, 0, 0, 0), (uint64_t)x), true;
}
static inline value value_of(value_type type) {
    return (value){.head = VALUE_HEAD(type, 0, 0, 0)};
}
static inline value value_none(void) {
    return value_of(VALUE_NONE);
}
static inline value value_bool(bool x) {
    return (value){.head = VALUE_HEAD(VALUE_BOOL, 0, 0, 0), .integer = x};
}
static inline value value_int(int64_t x) {
    return (value){.head = VALUE_HEAD(VALUE_INT, 0, 0, 0), .integer = x};
}
static inline value value_real(double x) {
    return (value){.head = VALUE_HEAD(VALUE_FLOAT, 0, 0, 0), .real = x};
}
static inline value value_text(const char *text, size_t n, uint8_t mark) {
    return (value){.head = VALUE_HEAD(VALUE_STRING, mark, 0, n), .text = text};
}
static inline value value_literal(const char *text) { /* ASCII, lives long enough */
    return (value){.head = VALUE_HEAD(VALUE_STRING, TEMPLATE_MARKUP, 1, strlen(text)), .text = text};
}
static inline bool value_is_integer(const value *v) { /* Python's int, bool among them, as far as it fits */
    return v->type == VALUE_INT || v->type == VALUE_BOOL;
}
static inline bool value_is_number(const value *v) {
    return v->type >= VALUE_BOOL && v->type <= VALUE_FLOAT;
}
/* UNDEFINED: text and n are a name; marks, if any, is the C text that says what lacks it; mark 1: text is the whole message. */
static inline value undefined_name(const char *name, size_t n) {
    return (value){.head = VALUE_HEAD(VALUE_UNDEFINED, 0, 0, n), .text = name};
}
static inline value undefined_attribute(const char *of, const value *name) {
    return (value){.head = VALUE_HEAD(VALUE_UNDEFINED, 0, 0, name->n), .text = name->text, .marks = (const unsigned char *)of};
}
value value_undefined(run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void undefined_say(run *r, const value *v);
static inline bool undefined_fail(run *r, const value *v) { /* it was used */
    undefined_say(r, v);
    return false;
}
const char *value_type_name(const value *v); /* Python's: "str", "NoneType", ... */
bool value_truth(const value *v);
bool value_equal(run *r, const value *a, const value *b); /* the run steps; too deep is unequal and over */
bool value_same(const value *a, const value *b);          /* `is` */
bool value_less(run *r, const value *a, const value *b, const char *op, bool *out);
bool value_contains(run *r, const value *container, const value *item, bool *out);
bool value_hashable(run *r, const value *v);
bool value_length(run *r, const value *v, int64_t *n);
bool value_str(run *r, const value *v, value *out); /* str(v) */
void value_from_json(run *r, const json *j, value *out);
bool value_to_index(run *r, const value *v, int64_t *out); /* an int, clamped to 64 bits */
double value_to_real(const value *v);                      /* of a number */

static inline value value_list(list *l) {
    return (value){.head = VALUE_HEAD(VALUE_LIST, 0, 0, 0), .list = l};
}
static inline value value_tuple(list *l) {
    return (value){.head = VALUE_HEAD(VALUE_TUPLE, 0, 0, 0), .list = l};
}
list *list_new(run *r, size_t room);
void list_push(run *r, list *l, value v); /* nothing happens when the budget ends */
value tuple_of(run *r, value a, value b);

dict *dict_new(run *r, size_t room);
/* Keys have been found hashable. */
void dict_set(run *r, dict *d, value key, value item);
value *dict_get(const dict *d, const value *key); /* NULL: absent; an unhashable key is absent */
value *dict_get_text(const dict *d, const char *key, size_t n);
static inline value value_dict(dict *d) {
    return (value){.head = VALUE_HEAD(VALUE_DICT, 0, 0, 0), .dict = d};
}

/* --- iteration ---------------------------------------------------------------------------------------------------------------- */
typedef enum {
    ITERATE_ITEMS, /* of a list */
    ITERATE_TEXT,  /* characters of a string */
    ITERATE_VIEW,  /* of a dict, by view.n */
    ITERATE_RANGE,
    ITERATE_NOTHING,
    ITERATE_THROUGH,  /* another iterator */
    ITERATE_REVERSED, /* the items of a list, from its end */
    ITERATE_STEPS,    /* by `step`: map, select, unique, batch, slice, a loop's `if` */
} iterate_kind;
struct iterator {
    uint8_t kind;
    value source;
    int64_t at, end;
    iterator *from;
    int (*step)(run *r, iterator *it, value *out); /* 1 a value, 0 the end, -1 failed */
    const char *name;                              /* of the Python type, for messages */
    void *state;
};
bool iterate_start(run *r, const value *v, iterator *it); /* fails where v is not iterable */
bool value_is_iterable(const value *v);
int iterate_next(run *r, iterator *it, value *out); /* 1, 0, -1 */
bool iterate_all(run *r, const value *v, list **out);
bool iterate_unpack(run *r, const value *v, value *out, size_t n); /* exactly n */
value value_generator(run *r, const char *name, const value *source, int (*step)(run *, iterator *, value *), void *state, bool *ok);

/* --- text --------------------------------------------------------------------------------------------------------------------- */
/* Builds a string with its marks; what the budget does not allow is dropped, and the run is over. */
typedef struct builder {
    run *r;
    char *data;
    unsigned char *marks; /* NULL while all bytes have one mark */
    size_t n, room;
    uint8_t mark;
    bool safe, not_ascii;
} builder;
bool build_reserve(builder *b, size_t n); /* room for n more bytes; false: there is none */
void build_bytes_slow(builder *b, const char *text, size_t n, uint8_t mark);
static inline void build_bytes(builder *b, const char *text, size_t n, uint8_t mark) {
    if (b->n == 0 || b->marks != NULL || b->mark != mark || n > b->room - b->n) {
        build_bytes_slow(b, text, n, mark);
        return;
    }
    memcpy(b->data + b->n, text, n);
    b->n += n;
}
void build_part(builder *b, const value *s, size_t from, size_t to); /* bytes [from, to) of a string with their marks */
static inline void build_string(builder *b, const value *s) {
    build_part(b, s, 0, s->n);
}
void build_char(builder *b, uint32_t c, uint8_t mark);
void build_repeat(builder *b, const value *s, int64_t times);
void build_print(builder *b, uint8_t mark, const char *format, ...) __attribute__((format(printf, 3, 4)));
value build_end(builder *b);
void build_str(builder *b, const value *v); /* str(v) */
void build_repr(builder *b, const value *v, int depth);
char *print_integer(int64_t x, char *end); /* its digits, before `end`; at most 20 */
size_t print_real(double x, char out[40]); /* as Python's repr */

value text_part(const value *s, size_t from, size_t to);
uint8_t text_mark(const value *s, size_t at);
bool text_is_ascii(value *s);
int64_t text_count(const value *s);                    /* characters */
size_t text_offset(const value *s, int64_t character); /* its byte; character <= count */
value text_slice(run *r, const value *s, int64_t start, int64_t stop, int64_t step, int64_t count);
value text_map(run *r, const value *s, char what);                              /* u upper, l lower, t title, c capitalize, s swapcase, f casefold */
value text_escape(run *r, const value *s);                                      /* HTML; safe */
int64_t text_search(const value *s, const value *part, size_t from, size_t to); /* byte or -1 */
int64_t text_search_last(run *r, const value *s, const value *part, size_t from, size_t to); /* charges, as does text_strip */
bool text_is_space(const char *text, size_t n, size_t at, size_t *next);
value text_strip(run *r, const value *s, const value *characters, int sides); /* characters NULL: white space; sides 1 left, 2 right */
bool text_equal(const value *a, const value *b);
bool text_is(const value *v, const char *text);
list *text_split_lines(run *r, const value *s, bool keep);
list *text_split(run *r, const value *s, const value *separator, int64_t most, bool from_right); /* separator NULL: white space */
value text_replace(run *r, const value *s, const value *old, const value *by, int64_t most);

/* --- operators ---------------------------------------------------------------------------------------------------------------- */
typedef enum { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_FLOOR_DIV, OP_MOD, OP_POW, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN } op_kind;
bool operate(run *r, op_kind op, const value *a, const value *b, value *out);
bool compare(run *r, op_kind op, const value *a, const value *b, bool *out);
bool number_operate(run *r, op_kind op, const value *a, const value *b, value *out); /* two numbers */
int number_compare(const value *a, const value *b);                                  /* -1, 0, 1; 2: a NaN is among them */
bool number_negate(run *r, const value *a, value *out);
value number_from_text(run *r, const char *digits, size_t n, int base, bool negative, bool *ok); /* an int of any size */
value number_from_real(run *r, double whole);
double big_to_real(const big *b);
uint64_t big_hash(const big *b);
bool big_print(run *r, const big *b, builder *out);
bool big_is_negative(const big *b);
bool format_percent(run *r, const value *format, const value *arguments, value *out);
bool format_braces(run *r, const value *format, const list *arguments, const dict *named, value *out);
bool json_dump(run *r, const value *v, bool ascii, const value *indent, const value *item_separator, const value *key_separator, bool sort, value *out);

/* --- calls -------------------------------------------------------------------------------------------------------------------- */
/* What is in the parentheses. */
typedef struct call_arguments {
    const value *item;
    uint32_t n;
    dict *named; /* NULL: none */
} call_arguments;

/* Filters and tests get their first argument, the value, in bound[0]; methods get `self`. `bound` follows `parameters`; an
 * argument that was not given has type MISSING. */
typedef struct builtin builtin;
struct builtin {
    const char *name;
    const char *parameters; /* "width=" may be absent, "width" may not; "*": any, then `bound` has no more and `a` has all; "/" first: none by name */
    bool (*run)(run *r, const value *bound, const call_arguments *a, value *out);
};
enum { BOUND_MOST = 8 };
static inline bool given(const value *argument) {
    return argument->type != VALUE_MISSING;
}
static inline bool true_if_given(const value *argument) {
    return given(argument) && value_truth(argument);
}
bool builtin_call(run *r, const builtin *b, const char *kind, const value *first, const call_arguments *a, value *out);
extern const builtin jinja_filters[], jinja_list_filters[], jinja_tests[], loop_methods[];
const builtin *filter_find(const char *name, size_t n);
const builtin *test_find(const char *name, size_t n);
const char *filter_refused(const char *name, size_t n); /* a filter of Jinja that is not supported: its name; else NULL */

struct function {
    const char *name;
    bool (*run)(run *r, const call_arguments *a, value *out);
};
const function *function_find(const char *name, size_t n);
struct method {
    value self;
    const builtin *builtin;
};
/* Methods by the type of what they belong to; NULL: it has none of this name. *unsafe: it would change its object. */
const builtin *method_find(const value *self, const char *name, size_t n, bool *unsafe);
bool method_named(const char *name, size_t n); /* some type has a method of this name */
bool method_call(run *r, const method *m, const call_arguments *a, value *out);
bool call_value(run *r, const value *f, const call_arguments *a, value *out);

/* x.name, x[key]; absent: UNDEFINED */
bool attribute_get(run *r, const value *v, const value *name, value *out);
bool item_get(run *r, const value *v, const value *key, value *out);
bool slice_get(run *r, const value *v, const value *start, const value *stop, const value *step, value *out);
/* The `attribute` argument of filters: dotted, digits are indexes. */
bool path_get(run *r, const value *v, const value *path, const value *absent, value *out);

#endif
