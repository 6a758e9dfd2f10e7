/* Values: what the run gives them memory from, lists and dicts, and what Python says of equality, order, truth and length. */
#include "text/jinja/tree.h"

#include "base/hash.h"
#include "base/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* --- the run ------------------------------------------------------------------------------------------------------------------------ */
void run_say(run *r, const char *format, ...) {
    char what[400];
    va_list args;
    if (r->err->text[0] != 0) return; /* the first is the cause */
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    fail(r->err, "line %d: %s", r->line, what);
}

void *run_take_chunk(run *r, size_t bytes) {
    enum { CHUNK = 32 << 10 };
    const size_t size = bytes > CHUNK / 4 ? bytes : CHUNK; /* a large piece is a chunk of its own, the present one stays */
    if (size > r->budget) return r->over = true, NULL;
    char *chunk = arena_alloc(&r->memory, size);
    if (chunk == NULL) return r->over = true, NULL;
    r->budget -= size;
    if (size > bytes) {
        r->next = chunk + bytes;
        r->bytes_left = size - bytes;
    }
    return chunk;
}

bool run_deeper(run *r) {
    const char here = 0;
    const ptrdiff_t used = r->stack - &here;
    if (++r->depth > DEPTH_MOST) return run_fail(r, "calls are nested deeper than %d", DEPTH_MOST);
    return (used < STACK_MOST && -used < STACK_MOST) || run_fail(r, "calls and expressions are nested too deep");
}

value value_undefined(run *r, const char *format, ...) {
    char what[200];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const size_t kept = (size_t)n < sizeof what ? (size_t)n : sizeof what - 1;
    char *text = run_take(r, kept + 1);
    if (text != NULL) memcpy(text, what, kept);
    return (value){.type = VALUE_UNDEFINED, .mark = 1, .text = text, .n = text != NULL ? (uint32_t)kept : 0};
}
void undefined_say(run *r, const value *v) {
    const int n = v->n < 200 ? (int)v->n : 200;
    if (v->mark == 1) run_say(r, "%.*s", n, v->text);
    else if (v->marks == NULL) run_say(r, "'%.*s' is undefined", n, v->text);
    else run_say(r, "'%s' has no attribute '%.*s'", (const char *)v->marks, n, v->text);
}

/* --- lists and dicts ------------------------------------------------------------------------------------------------------------------ */
list *list_new(run *r, size_t room) {
    static list none;
    list *l = run_take(r, sizeof *l + room * sizeof *l->item);
    if (l == NULL) return &none; /* the run is over: nothing is put into it, see list_push */
    *l = (list){.item = (value *)(l + 1), .room = (uint32_t)room};
    return l;
}
void list_push(run *r, list *l, value v) {
    if (r->over) return;
    if (l->n == l->room) {
        const uint32_t room = l->room < 4 ? 4 : l->room * 2;
        value *more = run_take(r, room * sizeof *more);
        if (more == NULL) return;
        if (l->n > 0) memcpy(more, l->item, l->n * sizeof *more);
        l->item = more;
        l->room = room;
    }
    l->item[l->n++] = v;
}
value tuple_of(run *r, value a, value b) {
    list *l = list_new(r, 2);
    list_push(r, l, a);
    list_push(r, l, b);
    return value_tuple(l);
}

static uint64_t int_hash(int64_t x) { /* its lowest bits depend on all bits of x */
    const uint64_t mixed = ((uint64_t)x ^ (uint64_t)x >> 32) * 0x9e3779b97f4a7c15u;
    return mixed ^ mixed >> 32;
}
/* Equal keys have equal hashes: 1, 1.0 and true are one key. */
static uint64_t key_hash(const value *v) {
    uint64_t h = 0;
    switch (v->type) {
    case VALUE_STRING: return hash64(v->text, v->n, (uint64_t)(uintptr_t)&key_hash); /* where the program lies: none can choose keys of one hash */
    case VALUE_BOOL:
    case VALUE_INT: return int_hash(v->integer);
    case VALUE_FLOAT:
        if (v->real == trunc(v->real) && fabs(v->real) < 9e18) return int_hash((int64_t)v->real);
        return hash64(&v->real, sizeof v->real, 2);
    case VALUE_BIG: return big_hash(v->big);
    case VALUE_TUPLE:
        for (uint32_t i = 0; i < v->list->n; i++) h = h * 31 + key_hash(&v->list->item[i]);
        return h;
    case VALUE_NONE: return 7;
    case VALUE_UNDEFINED: return 9;
    default: return (uint64_t)(uintptr_t)v->pointer;
    }
}
static bool keys_equal(const value *a, const value *b) {
    if (a->type == VALUE_STRING && b->type == VALUE_STRING) return text_equal(a, b);
    if (value_is_number(a) && value_is_number(b)) return number_compare(a, b) == 0 || value_same(a, b);
    if (a->type != b->type) return false;
    if (a->type != VALUE_TUPLE) return a->type == VALUE_NONE || a->type == VALUE_UNDEFINED || a->pointer == b->pointer;
    if (a->list->n != b->list->n) return false;
    for (uint32_t i = 0; i < a->list->n; i++)
        if (!keys_equal(&a->list->item[i], &b->list->item[i])) return false;
    return true;
}

static uint32_t dict_find(const dict *d, const value *key) { /* index + 1; 0: absent */
    if (d->slot == NULL) {
        for (uint32_t i = 0; i < d->n; i++)
            if (keys_equal(&d->key[i], key)) return i + 1;
        return 0;
    }
    for (uint64_t at = key_hash(key);; at++) {
        const uint32_t found = d->slot[at & (d->n_slot - 1)];
        if (found == 0 || keys_equal(&d->key[found - 1], key)) return found;
    }
}
static void dict_index(run *r, dict *d) {
    enum { SMALL = 8 };
    if (d->room <= SMALL) return;
    const uint32_t n_slot = d->room * 2;
    uint32_t *slot = run_take(r, n_slot * sizeof *slot);
    if (slot == NULL) return;
    memset(slot, 0, n_slot * sizeof *slot);
    for (uint32_t i = 0; i < d->n; i++) {
        uint64_t at = key_hash(&d->key[i]);
        while (slot[at & (n_slot - 1)] != 0) at++;
        slot[at & (n_slot - 1)] = i + 1;
    }
    d->slot = slot;
    d->n_slot = n_slot;
}
dict *dict_new(run *r, size_t most) {
    static dict none;
    uint32_t room = most == 0 ? 0 : 4; /* a power of two, for the index */
    while (room < most && room <= UINT32_MAX / 4) room *= 2;
    dict *d = run_take(r, sizeof *d + 2 * room * sizeof *d->item);
    if (d == NULL) return &none;
    *d = (dict){.key = (value *)(d + 1), .item = (value *)(d + 1) + room, .room = room};
    dict_index(r, d);
    return d;
}
void dict_set(run *r, dict *d, value key, value item) {
    if (r->over) return;
    if (key.type == VALUE_STRING) run_charge(r, key.n);
    const uint32_t found = dict_find(d, &key);
    if (found > 0) {
        d->item[found - 1] = item;
        return;
    }
    if (d->n == d->room) {
        const uint32_t room = d->room == 0 ? 4 : d->room * 2;
        value *key_more = run_take(r, room * sizeof *key_more), *item_more = run_take(r, room * sizeof *item_more);
        if (key_more == NULL || item_more == NULL) return;
        if (d->n > 0) memcpy(key_more, d->key, d->n * sizeof key), memcpy(item_more, d->item, d->n * sizeof item);
        d->key = key_more;
        d->item = item_more;
        d->room = room;
        dict_index(r, d);
        if (r->over) return;
    }
    d->key[d->n] = key;
    d->item[d->n] = item;
    d->n++;
    if (d->slot == NULL) return;
    uint64_t at = key_hash(&key);
    while (d->slot[at & (d->n_slot - 1)] != 0) at++;
    d->slot[at & (d->n_slot - 1)] = d->n;
}
value *dict_get(const dict *d, const value *key) {
    const uint32_t found = dict_find(d, key);
    return found > 0 ? &d->item[found - 1] : NULL;
}
value *dict_get_text(const dict *d, const char *key, size_t n) {
    if (d->slot == NULL) {
        for (uint32_t i = 0; i < d->n; i++)
            if (d->key[i].n == n && d->key[i].type == VALUE_STRING && memcmp(d->key[i].text, key, n) == 0) return &d->item[i];
        return NULL;
    }
    const value k = value_text(key, n, TEMPLATE_MARKUP);
    return dict_get(d, &k);
}

/* --- what Python says ------------------------------------------------------------------------------------------------------------------ */
const char *value_type_name(const value *v) {
    static const char *const names[] = {
        [VALUE_MISSING] = "Undefined",
        [VALUE_UNDEFINED] = "Undefined",
        [VALUE_NONE] = "NoneType",
        [VALUE_BOOL] = "bool",
        [VALUE_INT] = "int",
        [VALUE_BIG] = "int",
        [VALUE_FLOAT] = "float",
        [VALUE_STRING] = "str",
        [VALUE_LIST] = "list",
        [VALUE_TUPLE] = "tuple",
        [VALUE_DICT] = "dict",
        [VALUE_RANGE] = "range",
        [VALUE_NAMESPACE] = "Namespace",
        [VALUE_MACRO] = "Macro",
        [VALUE_FUNCTION] = "function",
        [VALUE_METHOD] = "builtin_function_or_method",
        [VALUE_LOOP] = "LoopContext",
        [VALUE_CYCLER] = "Cycler",
        [VALUE_JOINER] = "Joiner",
    };
    static const char *const views[] = {"dict_keys", "dict_values", "dict_items"};
    if (v->type == VALUE_VIEW) return views[v->n];
    if (v->type == VALUE_ITERATOR) return v->iterator->name;
    return names[v->type];
}

bool value_truth(const value *v) {
    switch (v->type) {
    case VALUE_MISSING:
    case VALUE_UNDEFINED:
    case VALUE_NONE: return false;
    case VALUE_BOOL:
    case VALUE_INT: return v->integer != 0;
    case VALUE_FLOAT: return v->real != 0;
    case VALUE_STRING: return v->n > 0;
    case VALUE_LIST:
    case VALUE_TUPLE: return v->list->n > 0;
    case VALUE_DICT:
    case VALUE_VIEW: return v->dict->n > 0;
    case VALUE_RANGE: return v->range[3] > 0;
    default: return true;
    }
}

bool value_same(const value *a, const value *b) {
    if (a->type != b->type) return false;
    switch (a->type) {
    case VALUE_NONE:
    case VALUE_BOOL: return a->integer == b->integer || a->type == VALUE_NONE;
    case VALUE_INT: return a->integer == b->integer && a->integer >= -5 && a->integer <= 256; /* the ints that Python keeps */
    case VALUE_FLOAT: return false;
    case VALUE_STRING: return a->n == b->n && (a->text == b->text || text_equal(a, b));
    case VALUE_UNDEFINED: return a->text == b->text;
    default: return a->pointer == b->pointer;
    }
}

/* Big numbers are compared with floats by way of their digits. */
static void charge_numbers(run *r, const value *a, const value *b) {
    if (a->type == VALUE_BIG || b->type == VALUE_BIG) r->steps -= 64;
}
enum { NESTED_MOST = 500 }; /* of lists in lists that are compared */
static bool equal_at(run *r, const value *a, const value *b, int depth);
static bool lists_equal(run *r, const list *a, const list *b, int depth) {
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!equal_at(r, &a->item[i], &b->item[i], depth)) return false;
    return true;
}
static bool dicts_equal(run *r, const dict *a, const dict *b, int depth) {
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->key[i].type == VALUE_STRING) run_charge(r, a->key[i].n);
        const value *other = dict_get(b, &a->key[i]);
        if (other == NULL || !equal_at(r, &a->item[i], other, depth)) return false;
    }
    return true;
}
static bool ranges_equal(const int64_t *a, const int64_t *b) {
    return a[3] == b[3] && (a[3] == 0 || (a[0] == b[0] && (a[3] == 1 || a[2] == b[2])));
}
static bool views_equal(run *r, const value *a, const value *b, int depth) {
    if (a->n == 1 || b->n == 1 || a->n != b->n) return a->dict == b->dict && a->n == b->n && a->n != 1;
    if (a->dict->n != b->dict->n) return false;
    for (uint32_t i = 0; i < a->dict->n; i++) {
        const value *other = dict_get(b->dict, &a->dict->key[i]);
        if (other == NULL || (a->n == 2 && !equal_at(r, &a->dict->item[i], other, depth))) return false;
    }
    return true;
}
static bool equal_at(run *r, const value *a, const value *b, int depth) {
    if (--r->steps < 0) return false; /* the run fails at its next step */
    if (depth > NESTED_MOST) return r->over = true, false;
    if (a->type == VALUE_STRING) {
        if (b->type == VALUE_STRING) run_charge(r, a->n);
        return b->type == VALUE_STRING && text_equal(a, b);
    }
    if (value_is_number(a)) return charge_numbers(r, a, b), value_is_number(b) && number_compare(a, b) == 0;
    if (a->type != b->type) return false;
    switch (a->type) {
    case VALUE_NONE:
    case VALUE_MISSING:
    case VALUE_UNDEFINED: return true;
    case VALUE_LIST:
    case VALUE_TUPLE: return a->list == b->list || lists_equal(r, a->list, b->list, depth + 1);
    case VALUE_DICT: return a->dict == b->dict || dicts_equal(r, a->dict, b->dict, depth + 1);
    case VALUE_VIEW: return views_equal(r, a, b, depth + 1);
    case VALUE_RANGE: return ranges_equal(a->range, b->range);
    case VALUE_METHOD: return a->method->builtin == b->method->builtin && value_same(&a->method->self, &b->method->self);
    default: return a->pointer == b->pointer;
    }
}
bool value_equal(run *r, const value *a, const value *b) {
    return equal_at(r, a, b, 0);
}

static bool less_at(run *r, const value *a, const value *b, const char *op, bool or_equal, int depth, bool *out);
static bool lists_less(run *r, const list *a, const list *b, const char *op, bool or_equal, int depth, bool *out) {
    if (depth > NESTED_MOST) return run_fail(r, "lists are nested too deep to be compared");
    for (uint32_t i = 0; i < a->n && i < b->n; i++)
        if (!value_equal(r, &a->item[i], &b->item[i])) return less_at(r, &a->item[i], &b->item[i], op, or_equal, depth + 1, out);
    return *out = or_equal ? a->n <= b->n : a->n < b->n, true;
}
static bool less_at(run *r, const value *a, const value *b, const char *op, bool or_equal, int depth, bool *out) {
    if (a->type == VALUE_STRING && b->type == VALUE_STRING) { /* bytes of UTF-8 are in the order of code points */
        const uint32_t n = a->n < b->n ? a->n : b->n;
        const int c = memcmp(a->text, b->text, n);
        run_charge(r, n);
        return *out = c != 0 ? c < 0 : or_equal ? a->n <= b->n : a->n < b->n, true;
    }
    if (value_is_number(a) && value_is_number(b)) {
        const int c = number_compare(a, b);
        charge_numbers(r, a, b);
        return *out = c == -1 || (or_equal && c == 0), true;
    }
    if ((a->type == VALUE_LIST || a->type == VALUE_TUPLE) && a->type == b->type) return lists_less(r, a->list, b->list, op, or_equal, depth, out);
    if (a->type == VALUE_UNDEFINED) return undefined_fail(r, a);
    if (b->type == VALUE_UNDEFINED) return undefined_fail(r, b);
    return run_fail(r, "'%s' not supported between instances of '%s' and '%s'", op, value_type_name(a), value_type_name(b));
}
bool value_less(run *r, const value *a, const value *b, const char *op, bool *out) {
    return less_at(r, a, b, op, op[1] == '=', 0, out);
}

bool compare(run *r, op_kind op, const value *a, const value *b, bool *out) {
    switch (op) {
    case OP_EQ: return *out = value_equal(r, a, b), true;
    case OP_NE: return *out = !value_equal(r, a, b), true;
    case OP_LT: return value_less(r, a, b, "<", out);
    case OP_LE: return value_less(r, a, b, "<=", out);
    case OP_GT: return value_less(r, b, a, ">", out); /* a > b is b < a: the message names them the other way round */
    case OP_GE: return value_less(r, b, a, ">=", out);
    case OP_IN: return value_contains(r, b, a, out);
    default:
        if (!value_contains(r, b, a, out)) return false;
        return *out = !*out, true;
    }
}

/* Charges for what hashing and comparing the key will cost, too. */
static bool hashable_at(run *r, const value *v, int depth) {
    if (v->type == VALUE_LIST || v->type == VALUE_DICT || v->type == VALUE_VIEW) return run_fail(r, "unhashable type: '%s'", value_type_name(v));
    if (v->type == VALUE_STRING) run_charge(r, v->n);
    if (v->type != VALUE_TUPLE) return true;
    if (depth > 20) return run_fail(r, "tuples are nested too deep for a key");
    for (uint32_t i = 0; i < v->list->n; i++)
        if (!run_step(r) || !hashable_at(r, &v->list->item[i], depth + 1)) return false;
    return true;
}
bool value_hashable(run *r, const value *v) {
    return hashable_at(r, v, 0);
}

bool value_contains(run *r, const value *container, const value *item, bool *out) {
    value other;
    switch (container->type) {
    case VALUE_STRING:
        if (item->type != VALUE_STRING) return run_fail(r, "'in <string>' requires string as left operand, not %s", value_type_name(item));
        run_charge(r, container->n);
        return *out = text_search(container, item, 0, container->n) >= 0, true;
    case VALUE_LIST:
    case VALUE_TUPLE:
        *out = false;
        for (uint32_t i = 0; i < container->list->n && !*out; i++)
            *out = value_equal(r, &container->list->item[i], item) || value_same(&container->list->item[i], item);
        return true;
    case VALUE_VIEW:
        if (container->n > 0) break;
        __attribute__((fallthrough));
    case VALUE_DICT: return value_hashable(r, item) && (*out = dict_get(container->dict, item) != NULL, true);
    case VALUE_UNDEFINED: return *out = false, true;
    default: break;
    }
    iterator it;
    if (!value_is_iterable(container)) return run_fail(r, "argument of type '%s' is not iterable", value_type_name(container));
    if (!iterate_start(r, container, &it)) return false;
    *out = false;
    for (int got; !*out && (got = iterate_next(r, &it, &other)) != 0;) {
        if (got < 0 || !run_step(r)) return false;
        *out = value_equal(r, &other, item);
    }
    return true;
}

bool value_length(run *r, const value *v, int64_t *n) {
    switch (v->type) {
    case VALUE_STRING: return *n = text_count(v), run_charge(r, v->n), true;
    case VALUE_LIST:
    case VALUE_TUPLE: return *n = v->list->n, true;
    case VALUE_DICT:
    case VALUE_VIEW: return *n = v->dict->n, true;
    case VALUE_RANGE: return *n = v->range[3], true;
    case VALUE_UNDEFINED: return *n = 0, true;
    case VALUE_LOOP: return loop_length(r, v->loop, n);
    default: return run_fail(r, "object of type '%s' has no len()", value_type_name(v));
    }
}

bool value_to_index(run *r, const value *v, int64_t *out) {
    if (value_is_integer(v)) return *out = v->integer, true;
    if (v->type == VALUE_BIG) return *out = big_is_negative(v->big) ? INT64_MIN : INT64_MAX, true;
    if (v->type == VALUE_UNDEFINED) return undefined_fail(r, v);
    return run_fail(r, "'%s' object cannot be interpreted as an integer", value_type_name(v));
}
double value_to_real(const value *v) {
    return v->type == VALUE_FLOAT ? v->real : v->type == VALUE_BIG ? big_to_real(v->big) : (double)v->integer;
}
