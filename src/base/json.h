/* base/json.h: JSON read into a tree (simdjson behind it) and written by our own writer.
 * The same tree holds YAML (base/yaml.h), so one set of look-ups serves both.
 * Reader: RFC 8259, and what data sets hold beyond it: a number too big for int64/double keeps its text, a lone surrogate
 * becomes U+FFFD, NaN and (-)Infinity are numbers. Bounded depth (256). Duplicate keys: the last one wins in json_get. */
#ifndef SOCLE_BASE_JSON_H
#define SOCLE_BASE_JSON_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"
#include <stdint.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_type;

typedef struct json json;
struct json {
    json_type type;
    bool is_integer;  /* NUMBER: written without fraction or exponent, and `integer` holds it exactly */
    bool truth;       /* BOOL */
    int line;         /* YAML: line in the file, from 1; JSON: 0 */
    double number;    /* NUMBER */
    int64_t integer;  /* NUMBER, where is_integer */
    const char *text; /* STRING: its bytes, NUL at the end (may hold NULs); NUMBER: its text as written */
    size_t length;    /* STRING, NUMBER: bytes of text; ARRAY, OBJECT: members */
    json *item;       /* ARRAY, OBJECT: the members, one after another */
    const char **key; /* OBJECT: their names */
    size_t *key_length;
};

/* The tree lives in `owner`; text need not end in NUL. err says what is off and where (byte offset or line). */
json *json_parse(arena *owner, const char *text, size_t n, error *err);
/* The same for texts with containers too long for a tree: of the container at `path` ("model.vocab": keys from the root, at most 4)
 * each member is handed to `member` as it is read, and the tree has an empty one there. key is NULL in an array. Texts handed
 * over live as long as the tree, containers until `member` returns, which is false, with err set, to end the parse. */
typedef struct json_visit {
    const char *path;
    bool (*member)(void *user, const char *key, size_t n_key, const json *value, error *err);
    void *user;
} json_visit;
json *json_parse_visit(arena *owner, const char *text, size_t n, const json_visit *visit, size_t n_visit, error *err);
/* Reads and parses a file; err names it. */
json *json_read_file(arena *owner, const char *path, error *err);

/* Member of an object; NULL where it is absent, or `o` is NULL or no object. O(members). */
const json *json_get(const json *o, const char *key);
/* Value of a member or `absent`; a member of another type counts as absent (check with json_get where it matters). */
const char *json_get_text(const json *o, const char *key, const char *absent);
double json_get_number(const json *o, const char *key, double absent);
int64_t json_get_integer(const json *o, const char *key, int64_t absent);
bool json_get_bool(const json *o, const char *key, bool absent);
bool json_is_text(const json *v, const char *text); /* a string equal to `text` */
const char *json_type_name(json_type type);         /* "null", "bool", "number", "string", "array", "object" */

/* Writer: appends to `out`. Begin, then members, then end; commas are put where needed. indent 0: one line. */
typedef struct json_writer {
    string *out;
    int indent, depth;
    bool comma, after_key;
} json_writer;
void json_begin_object(json_writer *w);
void json_end_object(json_writer *w);
void json_begin_array(json_writer *w);
void json_end_array(json_writer *w);
void json_key(json_writer *w, const char *key);
void json_key_n(json_writer *w, const char *key, size_t n);
void json_text(json_writer *w, const char *text); /* invalid UTF-8 becomes U+FFFD */
void json_text_n(json_writer *w, const char *text, size_t n);
void json_number(json_writer *w, double x); /* shortest text that reads back equal; NaN: null */
void json_integer(json_writer *w, int64_t x);
void json_bool(json_writer *w, bool x);
void json_null(json_writer *w);
void json_raw(json_writer *w, const char *text, size_t n); /* JSON text as it is */
void json_value(json_writer *w, const json *v);            /* a whole tree */

#endif
