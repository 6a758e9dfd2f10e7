#include "base/json.h"

#include "base/file.h"
#include "base/json_inner.h"
#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 256, MOST_PATH = 4 };

typedef struct member {
    json value;
    const char *key;
    size_t key_length;
} member;

/* The text is copied once; strings are unescaped and ended in place, so that a tree is that copy and one array a container. */
typedef struct parser {
    arena *owner;
    char *text;
    size_t n;
    const uint32_t *token;
    size_t n_token, at;
    member *stack; /* members of the containers that are open */
    size_t n_stack, room;
    const json_visit *visit;
    size_t n_visit;
    struct {
        const char *text;
        size_t n;
    } path[MOST_PATH]; /* keys of the objects that are open */
    error *err;
} parser;

static bool parser_fail(const parser *p, const char *what) {
    const size_t place = p->at < p->n_token ? p->token[p->at] : p->n;
    if (place >= p->n) return fail(p->err, "byte %zu: %s, and the text ends", place, what);
    size_t n = 1;
    while (n < 16 && place + n < p->n && strchr(" \t\r\n,:]}[{\"", p->text[place + n]) == NULL) n++;
    return fail(p->err, "byte %zu: %s, found '%.*s'", place, what, (int)n, p->text + place);
}

static bool parser_memory(const parser *p) {
    return fail(p->err, "it takes more memory than the %zu bytes it may", p->owner->limit);
}

static int hex4(const char *s) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = s[i], lower = (char)(c | 32);
        const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) *out++ = (char)c;
    else if (c < 0x800) *out++ = (char)(0xc0 | c >> 6);
    else if (c < 0x10000) *out++ = (char)(0xe0 | c >> 12);
    else *out++ = (char)(0xf0 | c >> 18);
    if (c >= 0x10000) *out++ = (char)(0x80 | (c >> 12 & 63));
    if (c >= 0x800) *out++ = (char)(0x80 | (c >> 6 & 63));
    if (c >= 0x80) *out++ = (char)(0x80 | (c & 63));
    return out;
}

/* The escape at *from ("\n", "\u00e9", a surrogate pair); a surrogate that stands alone becomes U+FFFD. NULL: no such escape.
 * What an escape gives is never longer than the escape, so that it can be written over it. */
static char *unescape(const char **from, char *out) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *s = *from + 1, *name = *s == 0 ? NULL : strchr(names, *s);
    if (name != NULL) {
        *out = values[name - names];
        *from = s + 1;
        return out + 1;
    }
    int c = *s == 'u' ? hex4(s + 1) : -1;
    if (c < 0) return NULL;
    s += 5;
    if (c >= 0xd800 && c < 0xdc00 && s[0] == '\\' && s[1] == 'u') {
        const int low = hex4(s + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
        }
    }
    if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
    *from = s;
    return put_utf8(out, (uint32_t)c);
}

/* The string whose opening quote is the present token. */
static bool read_string(parser *p, const char **text, size_t *length) {
    char *start = p->text + p->token[p->at] + 1;
    char *end = memchr(start, '"', (size_t)(p->text + p->n - start)); /* there is one: the first stage saw to it */
    char *out = end == NULL ? NULL : memchr(start, '\\', (size_t)(end - start));
    if (end == NULL) return parser_fail(p, "a string does not end");
    if (out == NULL) out = end;
    else {
        const char *from = out;
        while (*from != '"') {
            if (*from != '\\') *out++ = *from++;
            else if ((out = unescape(&from, out)) == NULL) return parser_fail(p, "an escape in this string is unknown");
        }
    }
    *out = 0;
    *text = start;
    *length = (size_t)(out - start);
    p->at++;
    return true;
}

static size_t digits(const char *s, size_t n, size_t at) {
    while (at < n && s[at] >= '0' && s[at] <= '9') at++;
    return at;
}

/* RFC 8259, section 6. */
static bool number_is_json(const char *s, size_t n, bool *whole) {
    const size_t first = n > 0 && s[0] == '-';
    size_t at = digits(s, n, first);
    if (at == first || (s[first] == '0' && at > first + 1)) return false;
    *whole = at == n;
    if (at < n && s[at] == '.') {
        const size_t from = at + 1;
        if ((at = digits(s, n, from)) == from) return false;
    }
    if (at < n && (s[at] | 32) == 'e') {
        at++;
        if (at < n && (s[at] == '+' || s[at] == '-')) at++;
        const size_t from = at;
        if ((at = digits(s, n, from)) == from) return false;
    }
    return at == n;
}

static bool integer_read(const char *s, size_t n, int64_t *value) {
    const bool minus = s[0] == '-';
    int64_t sum = 0;
    for (size_t i = minus; i < n; i++) {
        const int digit = s[i] - '0';
        if (__builtin_mul_overflow(sum, (int64_t)10, &sum) || __builtin_sub_overflow(sum, (int64_t)digit, &sum)) return false; /* downward: INT64_MIN fits */
    }
    if (!minus && sum == INT64_MIN) return false;
    *value = minus ? sum : -sum;
    return true;
}

static bool read_scalar(parser *p, json *v) {
    static const struct {
        const char *text;
        json_type type;
        double number;
        bool truth;
    } words[] = {{"null", JSON_NULL, 0, false},
                 {"true", JSON_BOOL, 0, true},
                 {"false", JSON_BOOL, 0, false},
                 {"NaN", JSON_NUMBER, NAN, false},
                 {"Infinity", JSON_NUMBER, INFINITY, false},
                 {"-Infinity", JSON_NUMBER, -INFINITY, false}};
    const char *s = p->text + p->token[p->at];
    const size_t left = p->n - p->token[p->at];
    size_t n = 0;
    while (n < left && s[n] != ',' && s[n] != ']' && s[n] != '}' && s[n] != ' ' && s[n] != '\n' && s[n] != '\r' && s[n] != '\t' && s[n] != ':' && s[n] != '[' &&
           s[n] != '{' && s[n] != '"')
        n++;
    v->text = s;
    v->length = n;
    bool whole;
    if (number_is_json(s, n, &whole)) {
        v->type = JSON_NUMBER;
        v->is_integer = whole && integer_read(s, n, &v->integer);
        if (v->is_integer && v->integer != 0) v->number = (double)v->integer;
        else if (!number_read(s, n, &v->number)) return parser_fail(p, "a number cannot be read"); /* "-0" keeps its sign */
        p->at++;
        return true;
    }
    for (size_t i = 0; i < COUNT(words); i++)
        if (n == strlen(words[i].text) && memcmp(s, words[i].text, n) == 0) {
            v->type = words[i].type;
            v->truth = words[i].truth;
            v->number = words[i].number;
            p->at++;
            return true;
        }
    return parser_fail(p, "a value is expected");
}

static bool push(parser *p, const member *m) {
    if (p->n_stack == p->room) {
        const size_t room = p->room == 0 ? 64 : p->room * 2;
        if (p->owner->limit != 0 && room > 64 && room / 2 * sizeof(json) > p->owner->limit) return parser_memory(p);
        member *grown = realloc(p->stack, room * sizeof *grown);
        if (grown == NULL) return fail(p->err, "out of memory");
        p->stack = grown;
        p->room = room;
    }
    p->stack[p->n_stack++] = *m;
    return true;
}

/* Moves the members from stack[base] on into the arena. The text of numbers is ended here, where all behind it is read. */
static bool container_close(parser *p, json *v, size_t base) {
    const size_t n = p->n_stack - base;
    p->n_stack = base;
    v->length = n;
    const size_t each = sizeof(json) + (v->type == JSON_OBJECT ? sizeof(char *) + sizeof(size_t) : 0);
    v->item = n == 0 ? NULL : arena_array(p->owner, n, each);
    if (n == 0) return true;
    if (v->item == NULL) return parser_memory(p);
    const member *m = p->stack + base;
    for (size_t i = 0; i < n; i++) {
        v->item[i] = m[i].value;
        if (m[i].value.type <= JSON_NUMBER) p->text[m[i].value.text - p->text + (long)m[i].value.length] = 0;
    }
    if (v->type == JSON_ARRAY) return true;
    v->key = (const char **)(void *)(v->item + n);
    v->key_length = (size_t *)(void *)(v->key + n);
    for (size_t i = 0; i < n; i++) {
        v->key[i] = m[i].key;
        v->key_length[i] = m[i].key_length;
    }
    return true;
}

static char token_char(const parser *p) {
    return p->at < p->n_token ? p->text[p->token[p->at]] : 0;
}

/* Who wants the members of the container at this depth one by one; NULL: nobody. */
static const json_visit *visit_at(const parser *p, int depth) {
    for (size_t i = 0; i < p->n_visit && depth > 0 && depth <= MOST_PATH; i++) {
        const char *want = p->visit[i].path;
        int at = 0;
        for (; at < depth; at++) {
            const size_t n = strcspn(want, ".");
            if (n != p->path[at].n || memcmp(want, p->path[at].text, n) != 0) break;
            want += n;
            if (*want != (at + 1 < depth ? '.' : 0)) break;
            want++;
        }
        if (at == depth) return &p->visit[i];
    }
    return NULL;
}

static bool read_value(parser *p, json *v, int depth);

/* ',' and, in an object, the key before a member. */
static bool read_key(parser *p, member *m, bool object, bool first) {
    if (!first) {
        if (token_char(p) != ',') return parser_fail(p, object ? "',' or '}' is expected" : "',' or ']' is expected");
        p->at++;
    }
    if (!object) return true;
    if (token_char(p) != '"') return parser_fail(p, "a key in quotes is expected");
    if (!read_string(p, &m->key, &m->key_length)) return false;
    if (token_char(p) != ':') return parser_fail(p, "':' is expected");
    p->at++;
    return true;
}

static bool read_members(parser *p, json *v, int depth) {
    const bool object = v->type == JSON_OBJECT;
    const char close = object ? '}' : ']';
    const size_t base = p->n_stack;
    for (bool first = true; token_char(p) != close; first = false) {
        member m = {0};
        if (!read_key(p, &m, object, first)) return false;
        if (depth < MOST_PATH) {
            p->path[depth].text = object ? m.key : "";
            p->path[depth].n = m.key_length;
        }
        if (!read_value(p, &m.value, depth + 1) || !push(p, &m)) return false;
    }
    p->at++;
    return container_close(p, v, base);
}

/* Members go to the visitor; what they hold lives in an arena that is emptied behind each. */
static bool visit_members(parser *p, json *v, int depth, const json_visit *visit) {
    const bool object = v->type == JSON_OBJECT;
    const char close = object ? '}' : ']';
    arena *owner = p->owner, aside = {.limit = owner->limit};
    p->owner = &aside;
    bool ok = true;
    for (bool first = true; ok && token_char(p) != close; first = false) {
        member m = {0};
        ok = read_key(p, &m, object, first) && read_value(p, &m.value, MOST_PATH + 1 + depth) &&
             visit->member(visit->user, m.key, m.key_length, &m.value, p->err);
        if (aside.used > 0) arena_reset(&aside);
    }
    p->owner = owner;
    p->at++;
    arena_drop(&aside);
    return ok;
}

static bool read_value(parser *p, json *v, int depth) {
    const char open = token_char(p);
    if (open == '"') {
        v->type = JSON_STRING;
        return read_string(p, &v->text, &v->length);
    }
    if (p->at >= p->n_token) return parser_fail(p, "a value is expected");
    if (open != '[' && open != '{') return read_scalar(p, v);
    if (depth >= MOST_DEPTH) return parser_fail(p, "more than 256 levels");
    const json_visit *visit = visit_at(p, depth);
    v->type = open == '{' ? JSON_OBJECT : JSON_ARRAY;
    p->at++;
    return visit != NULL ? visit_members(p, v, depth, visit) : read_members(p, v, depth);
}

static bool tokens_fail(const parser *p, tokens_result why) {
    switch (why) {
    case TOKENS_DONE: return true;
    case TOKENS_EMPTY: return fail(p->err, "it is empty; JSON is expected");
    case TOKENS_TOO_LARGE: return fail(p->err, "it has %zu bytes; JSON is read up to 4 GiB", p->n);
    case TOKENS_NO_MEMORY: return fail(p->err, "out of memory");
    case TOKENS_OPEN_STRING: return fail(p->err, "byte %zu: the text ends inside a string", p->n);
    case TOKENS_BAD_UTF8:
        for (size_t at = 0; at < p->n;) {
            const size_t before = at;
            if (utf8_next(p->text, p->n, &at) == 0xfffd && at == before + 1) return fail(p->err, "byte %zu: it is no valid UTF-8", before);
        }
        return fail(p->err, "it is no valid UTF-8");
    case TOKENS_CONTROL: break;
    }
    bool inside = false;
    for (size_t i = 0; i < p->n; i++) {
        if (inside && (unsigned char)p->text[i] < 0x20) return fail(p->err, "byte %zu: a control character stands in a string; JSON wants it escaped", i);
        if (inside && p->text[i] == '\\') i++;
        else if (p->text[i] == '"') inside = !inside;
    }
    return fail(p->err, "a control character stands in a string; JSON wants it escaped");
}

json *json_parse(arena *owner, const char *text, size_t n, error *err) {
    return json_parse_visit(owner, text, n, NULL, 0, err);
}

json *json_parse_visit(arena *owner, const char *text, size_t n, const json_visit *visit, size_t n_visit, error *err) {
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, n -= 3; /* a byte order mark, as some editors leave */
    parser p = {.owner = owner, .n = n, .visit = visit, .n_visit = n_visit, .err = err};
    json *root = NEW(owner, json);
    p.text = arena_copy_bytes(owner, text, n);
    if (root == NULL || p.text == NULL) return parser_memory(&p), NULL;
    const tokens_result got = json_tokens(p.text, n, &p.token, &p.n_token);
    bool ok = got == TOKENS_DONE ? read_value(&p, root, 0) : tokens_fail(&p, got);
    if (ok && p.at < p.n_token) ok = parser_fail(&p, "the text should end here");
    if (ok && root->type <= JSON_NUMBER) p.text[root->text - p.text + (long)root->length] = 0;
    free(p.stack);
    json_tokens_end();
    return ok ? root : NULL;
}

json *json_read_file(arena *owner, const char *path, error *err) {
    arena file = {0};
    size_t n = 0;
    const char *text = file_read(&file, path, 0, &n, err);
    json *v = text == NULL ? NULL : json_parse(owner, text, n, err);
    if (text != NULL && v == NULL) fail(err, "%s", path);
    arena_drop(&file);
    return v;
}

const json *json_get(const json *o, const char *key) {
    if (o == NULL || o->type != JSON_OBJECT) return NULL;
    const size_t n = strlen(key);
    for (size_t i = o->length; i-- > 0;) /* from the end: of duplicates the last one wins */
        if (o->key_length[i] == n && memcmp(o->key[i], key, n) == 0) return &o->item[i];
    return NULL;
}

static const json *get_typed(const json *o, const char *key, json_type type) {
    const json *v = json_get(o, key);
    return v != NULL && v->type == type ? v : NULL;
}

const char *json_get_text(const json *o, const char *key, const char *absent) {
    const json *v = get_typed(o, key, JSON_STRING);
    return v == NULL ? absent : v->text;
}

double json_get_number(const json *o, const char *key, double absent) {
    const json *v = get_typed(o, key, JSON_NUMBER);
    return v == NULL ? absent : v->number;
}

int64_t json_get_integer(const json *o, const char *key, int64_t absent) {
    const json *v = get_typed(o, key, JSON_NUMBER);
    return v == NULL || !v->is_integer ? absent : v->integer;
}

bool json_get_bool(const json *o, const char *key, bool absent) {
    const json *v = get_typed(o, key, JSON_BOOL);
    return v == NULL ? absent : v->truth;
}

bool json_is_text(const json *v, const char *text) {
    return v != NULL && v->type == JSON_STRING && v->length == strlen(text) && memcmp(v->text, text, v->length) == 0;
}

const char *json_type_name(json_type type) {
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
    return names[type];
}
