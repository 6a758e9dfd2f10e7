#include "base/yaml.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MOST_DEPTH = 256, MOST_NODES = 1000000, LONGEST_SIMPLE_KEY = 500 };

typedef struct anchor {
    const char *name;
    json value;
    size_t weight; /* nodes in it, aliases counted each time */
} anchor;

typedef struct loader {
    yaml_parser_t yaml;
    arena *owner, scratch;
    size_t nodes;
    anchor *anchors;
    size_t n_anchor, anchor_room;
    error *err;
} loader;

static int line_of(yaml_mark_t mark) {
    return mark.line < 1 << 30 ? (int)mark.line + 1 : 1 << 30;
}

static bool loader_memory(const loader *l, int line) {
    return fail(l->err, "line %d: it takes more memory than the %zu bytes it may", line, l->owner->limit);
}

static bool loader_next(loader *l, yaml_event_t *event) {
    if (yaml_parser_parse(&l->yaml, event)) return true;
    const char *problem = l->yaml.problem == NULL ? "out of memory" : l->yaml.problem;
    if (l->yaml.error == YAML_READER_ERROR) return fail(l->err, "byte %zu: %s", l->yaml.problem_offset, problem);
    if (l->yaml.context != NULL) return fail(l->err, "line %d: %s, %s", line_of(l->yaml.problem_mark), l->yaml.context, problem);
    return fail(l->err, "line %d: %s", line_of(l->yaml.problem_mark), problem);
}

static bool one_of(const char *s, size_t n, const char *const *words) {
    for (; *words != NULL; words++)
        if (strlen(*words) == n && memcmp(s, *words, n) == 0) return true;
    return false;
}

static bool integer_in_base(const char *s, size_t n, unsigned base, json *v) {
    uint64_t sum = 0;
    bool fits = true;
    v->number = 0;
    for (size_t i = 0; i < n; i++) {
        const char c = s[i], lower = (char)(c | 32);
        const unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a' + 10) : 99;
        if (digit >= base) return false;
        v->number = v->number * base + digit;
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) || __builtin_add_overflow(sum, (uint64_t)digit, &sum)) fits = false;
    }
    v->is_integer = fits && sum <= INT64_MAX;
    if (v->is_integer) v->integer = (int64_t)sum;
    return n > 0;
}

/* Numbers of YAML 1.2's core schema (10.3.2): 12, +3, 0o17, 0xff, 1.5e3, .5, -.inf, .nan. */
static bool number_resolve(const char *s, size_t n, json *v) {
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL}, *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    if (n > 2 && s[0] == '0' && (s[1] == 'o' || s[1] == 'x')) return integer_in_base(s + 2, n - 2, s[1] == 'o' ? 8 : 16, v);
    const size_t sign = n > 0 && (s[0] == '-' || s[0] == '+');
    if (one_of(s + sign, n - sign, infinities)) return v->number = s[0] == '-' ? -INFINITY : INFINITY, true;
    if (one_of(s, n, nans)) return v->number = NAN, true;
    bool whole = n > sign;
    for (size_t i = sign; i < n; i++) whole = whole && s[i] >= '0' && s[i] <= '9';
    if (whole) {
        integer_in_base(s + sign, n - sign, 10, v);
        if (s[0] == '-') v->integer = -v->integer;
    }
    return number_read(s, n, &v->number);
}

static void scalar_resolve(const char *s, size_t n, json *v) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL}, *const trues[] = {"true", "True", "TRUE", NULL},
                             *const falses[] = {"false", "False", "FALSE", NULL};
    const bool truth = one_of(s, n, trues);
    if (one_of(s, n, nulls)) v->type = JSON_NULL;
    else if (truth || one_of(s, n, falses)) {
        v->type = JSON_BOOL;
        v->truth = truth;
    } else if (number_resolve(s, n, v)) v->type = JSON_NUMBER;
    else v->type = JSON_STRING;
}

static bool read_scalar(loader *l, const yaml_event_t *e, json *v) {
    static const struct {
        const char *tag;
        json_type type;
    } tags[] = {
        {YAML_STR_TAG, JSON_STRING}, {YAML_INT_TAG, JSON_NUMBER}, {YAML_FLOAT_TAG, JSON_NUMBER}, {YAML_BOOL_TAG, JSON_BOOL}, {YAML_NULL_TAG, JSON_NULL}};
    const char *tag = (const char *)e->data.scalar.tag;
    v->length = e->data.scalar.length;
    v->text = arena_copy_bytes(l->owner, e->data.scalar.value, v->length);
    if (v->text == NULL) return loader_memory(l, v->line);
    v->type = JSON_STRING;
    if (tag == NULL && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) scalar_resolve(v->text, v->length, v);
    if (tag == NULL || strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0) return true;
    for (size_t i = 0; i < COUNT(tags); i++)
        if (strcmp(tag, tags[i].tag) == 0) {
            scalar_resolve(v->text, v->length, v);
            return v->type == tags[i].type || fail(l->err, "line %d: '%.40s' is no %s, as its tag says", v->line, v->text, json_type_name(tags[i].type));
        }
    return fail(l->err, "line %d: the tag %.60s is not known here", v->line, tag);
}

static bool anchor_add(loader *l, const char *name, const json *v, size_t weight) {
    for (size_t i = 0; i < l->n_anchor; i++) /* a later one of the same name replaces it */
        if (strcmp(l->anchors[i].name, name) == 0) return l->anchors[i].value = *v, l->anchors[i].weight = weight, true;
    if (l->n_anchor == 1000) return fail(l->err, "line %d: more than 1000 anchors", v->line);
    if (l->n_anchor == l->anchor_room) {
        const size_t room = l->anchor_room == 0 ? 8 : l->anchor_room * 2;
        l->anchors = arena_grow(&l->scratch, l->anchors, l->anchor_room * sizeof(anchor), room * sizeof(anchor));
        l->anchor_room = room;
    }
    l->anchors[l->n_anchor++] = (anchor){.name = arena_copy(&l->scratch, name), .value = *v, .weight = weight};
    return true;
}

static bool read_alias(loader *l, const char *name, json *v) {
    const int line = v->line;
    for (size_t i = 0; i < l->n_anchor; i++)
        if (strcmp(l->anchors[i].name, name) == 0) {
            *v = l->anchors[i].value; /* members are shared: a tree is never changed */
            v->line = line;
            l->nodes += l->anchors[i].weight;
            return l->nodes <= MOST_NODES || fail(l->err, "line %d: aliases make more than %d values of it", line, MOST_NODES);
        }
    return fail(l->err, "line %d: there is no anchor &%.60s before this", line, name);
}

static bool read_node(loader *l, const yaml_event_t *e, json *v, int depth);

typedef struct members {
    json *item;
    const char **key;
    size_t *key_length;
    size_t n, room;
} members;

static bool members_grow(loader *l, members *m, bool keyed) {
    if (m->n < m->room) return true;
    const size_t room = m->room == 0 ? 4 : m->room * 2;
    m->item = arena_grow(l->owner, m->item, m->room * sizeof *m->item, room * sizeof *m->item);
    if (keyed) m->key = arena_grow(l->owner, m->key, m->room * sizeof *m->key, room * sizeof *m->key);
    if (keyed) m->key_length = arena_grow(l->owner, m->key_length, m->room * sizeof *m->key_length, room * sizeof *m->key_length);
    m->room = room;
    return m->item != NULL && (!keyed || (m->key != NULL && m->key_length != NULL));
}

static bool read_key(loader *l, const yaml_event_t *e, members *m, map *seen) {
    const int line = line_of(e->start_mark);
    json key = {.line = line};
    if (e->type != YAML_SCALAR_EVENT) return fail(l->err, "line %d: a key has to be plain text", line);
    if (!read_scalar(l, e, &key)) return false;
    bool is_new;
    int64_t *first = map_put(seen, key.text, key.length, &is_new);
    if (!is_new) return fail(l->err, "line %d: the key '%.60s' is there twice (first in line %d)", line, key.text, (int)*first);
    *first = line;
    m->key[m->n] = key.text;
    m->key_length[m->n] = key.length;
    return true;
}

/* The members up to the container's end. */
static bool read_container(loader *l, const yaml_event_t *begin, json *v, int depth) {
    const bool object = begin->type == YAML_MAPPING_START_EVENT;
    const char *tag = (const char *)(object ? begin->data.mapping_start.tag : begin->data.sequence_start.tag);
    if (tag != NULL && strcmp(tag, "!") != 0 && strcmp(tag, object ? YAML_MAP_TAG : YAML_SEQ_TAG) != 0)
        return fail(l->err, "line %d: the tag %.60s is not known here", v->line, tag);
    if (depth == MOST_DEPTH) return fail(l->err, "line %d: more than %d levels", v->line, MOST_DEPTH);
    arena keys = {0};
    map *seen = object ? map_new(&keys, 16) : NULL;
    members m = {0};
    bool ok = true;
    for (bool at_key = object;;) {
        yaml_event_t e;
        if (!(ok = loader_next(l, &e))) break;
        const bool end = e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT;
        if (!end && (!object || at_key) && !members_grow(l, &m, object)) ok = loader_memory(l, line_of(e.start_mark));
        if (ok && !end && at_key) ok = read_key(l, &e, &m, seen);
        else if (ok && !end) ok = read_node(l, &e, &m.item[m.n++], depth + 1);
        yaml_event_delete(&e);
        if (end || !ok) break;
        at_key = object && !at_key;
    }
    arena_drop(&keys);
    *v = (json){.type = object ? JSON_OBJECT : JSON_ARRAY, .line = v->line, .item = m.item, .key = m.key, .key_length = m.key_length, .length = m.n};
    return ok;
}

static bool read_node(loader *l, const yaml_event_t *e, json *v, int depth) {
    const size_t before = l->nodes++;
    const char *name = NULL;
    bool ok;
    *v = (json){.line = line_of(e->start_mark)};
    if (l->nodes > MOST_NODES) return fail(l->err, "line %d: more than %d values", v->line, MOST_NODES);
    switch (e->type) {
    case YAML_ALIAS_EVENT: return read_alias(l, (const char *)e->data.alias.anchor, v);
    case YAML_SCALAR_EVENT:
        name = (const char *)e->data.scalar.anchor;
        ok = read_scalar(l, e, v);
        break;
    case YAML_SEQUENCE_START_EVENT:
        name = (const char *)e->data.sequence_start.anchor;
        ok = read_container(l, e, v, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        name = (const char *)e->data.mapping_start.anchor;
        ok = read_container(l, e, v, depth);
        break;
    default: return fail(l->err, "line %d: a value is expected", v->line);
    }
    return ok && (name == NULL || anchor_add(l, name, v, l->nodes - before));
}

static bool read_stream(loader *l, json *root) {
    bool ok = true, document = false;
    root->line = 1; /* a stream without a document is null */
    for (bool over = false; ok && !over;) {
        yaml_event_t e;
        if (!loader_next(l, &e)) return false;
        switch (e.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_STREAM_END_EVENT: over = true; break;
        case YAML_DOCUMENT_START_EVENT:
            if (document) ok = fail(l->err, "line %d: a second document begins; one is read", line_of(e.start_mark));
            document = true;
            break;
        default: ok = read_node(l, &e, root, 0); break;
        }
        yaml_event_delete(&e);
    }
    return ok;
}

json *yaml_parse(arena *owner, const char *text, size_t n, error *err) {
    loader l = {.owner = owner, .err = err};
    json *root = NEW(owner, json);
    if (root == NULL) return loader_memory(&l, 1), NULL;
    if (!yaml_parser_initialize(&l.yaml)) return fail_null(err, "out of memory");
    yaml_parser_set_input_string(&l.yaml, (const unsigned char *)text, n);
    const bool ok = read_stream(&l, root);
    yaml_parser_delete(&l.yaml);
    arena_drop(&l.scratch);
    return ok ? root : NULL;
}

json *yaml_read_file(arena *owner, const char *path, error *err) {
    arena file = {0};
    size_t n = 0;
    const char *text = file_read(&file, path, 64 << 20, &n, err);
    json *v = text == NULL ? NULL : yaml_parse(owner, text, n, err);
    if (text != NULL && v == NULL) fail(err, "%s", path);
    arena_drop(&file);
    return v;
}

/* Whether every reader, those of YAML 1.1 too, takes this plain scalar as the text that it is. */
static bool plain_is_safe(const char *s, size_t n) {
    static const char *const words[] = {"null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no",
                                        "No",   "NO",   "on",   "On",   "ON",   "off",  "Off",   "OFF",   "y",     "Y",   "n",   "N",   NULL};
    if (n == 0 || one_of(s, n, words)) return false;
    const bool path = s[0] == '/' || (s[0] == '.' && (s[1] == '/' || (s[1] == '.' && s[2] == '/')));
    const char first = (char)(s[0] | 32);
    if (!path && !(first >= 'a' && first <= 'z') && s[0] != '_') return false;
    for (size_t i = 0; i < n; i++) {
        const char c = s[i], lower = (char)(c | 32);
        if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || (c != 0 && strchr("_./+-@=", c) != NULL))) return false;
    }
    return true;
}

static void write_text(string *out, const char *s, size_t n) {
    if (plain_is_safe(s, n)) {
        string_append(out, s, n);
        return;
    }
    static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    string_char(out, '"');
    for (size_t at = 0; at < n;) {
        const uint32_t c = utf8_next(s, n, &at);
        const char *name = c != 0 && c < 0x80 ? strchr(names, (int)c) : NULL;
        if (name != NULL) string_print(out, "\\%c", letters[name - names]);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff)
            string_print(out, "\\u%04x", (unsigned)c); /* what YAML takes for a line's end, or refuses raw */
        else string_utf8(out, c);
    }
    string_char(out, '"');
}

static void write_number(string *out, const json *v) {
    char text[32];
    json same = {0};
    if (v->text != NULL && number_resolve(v->text, v->length, &same)) string_append(out, v->text, v->length);
    else if (v->is_integer) string_print(out, "%lld", (long long)v->integer);
    else if (isnan(v->number)) string_text(out, ".nan");
    else if (isinf(v->number)) string_text(out, v->number < 0 ? "-.inf" : ".inf");
    else { /* readers of YAML 1.1 take 1e-08 for text, and 1.0e-08 for a number */
        const size_t n = number_print(v->number, text), mantissa = strcspn(text, "e");
        string_append(out, text, mantissa);
        if (mantissa < n && memchr(text, '.', mantissa) == NULL) string_text(out, ".0");
        string_append(out, text + mantissa, n - mantissa);
    }
}

/* A key, with the "? " that YAML wants before long ones. True: it was long. */
static bool write_key(string *out, const json *v, size_t i) {
    const bool is_long = v->key_length[i] > LONGEST_SIMPLE_KEY;
    if (is_long) string_text(out, "? ");
    write_text(out, v->key[i], v->key_length[i]);
    return is_long;
}

static void write_flow(string *out, const json *v) {
    switch (v->type) {
    case JSON_NULL: string_text(out, "null"); break;
    case JSON_BOOL: string_text(out, v->truth ? "true" : "false"); break;
    case JSON_NUMBER: write_number(out, v); break;
    case JSON_STRING: write_text(out, v->text, v->length); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        string_char(out, v->type == JSON_ARRAY ? '[' : '{');
        for (size_t i = 0; i < v->length; i++) {
            if (i > 0) string_text(out, ", ");
            if (v->type == JSON_OBJECT) string_text(out, write_key(out, v, i) ? " : " : ": ");
            write_flow(out, &v->item[i]);
        }
        string_char(out, v->type == JSON_ARRAY ? ']' : '}');
        break;
    }
}

static void indent_to(string *out, int width) {
    for (int i = 0; i < width; i++) string_char(out, ' ');
}

/* Lines of a container; the first one begins where the writer stands. */
static void write_block(string *out, const json *v, int block_depth, int indent) {
    for (size_t i = 0; i < v->length; i++) {
        const json *item = &v->item[i];
        const bool block = block_depth > 1 && item->type >= JSON_ARRAY && item->length > 0;
        if (i > 0) indent_to(out, indent);
        if (v->type == JSON_ARRAY) string_text(out, "- ");
        else {
            if (write_key(out, v, i)) {
                string_char(out, '\n');
                indent_to(out, indent);
            }
            string_text(out, block ? ":\n" : ": ");
            if (block) indent_to(out, indent + 2);
        }
        if (block) write_block(out, item, block_depth - 1, indent + 2);
        else {
            write_flow(out, item);
            string_char(out, '\n');
        }
    }
}

void yaml_write(string *out, const json *v, int block_depth) {
    if (block_depth > 0 && v->type >= JSON_ARRAY && v->length > 0) write_block(out, v, block_depth, 0);
    else {
        write_flow(out, v);
        string_char(out, '\n');
    }
}
