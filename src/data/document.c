#include "data/document.h"

#include "base/hash.h"
#include "base/json.h"

#include <string.h>

enum { FEW_KEYS = 32 }; /* more are searched by a map */

/* A line from outside may have a million keys: from FEW_KEYS on, *places has where each is. */
static bool index_fields(const document_fields *f, arena *owner, map **places) {
    if (*places != NULL || f->n < FEW_KEYS) return true;
    *places = map_new(owner, 2 * FEW_KEYS);
    for (int i = 0; *places != NULL && i < f->n; i++) {
        int64_t *place = map_put(*places, f->field[i].key, strlen(f->field[i].key), NULL);
        if (place == NULL) return false;
        *place = i;
    }
    return *places != NULL;
}

/* Where the key is, or is to be; -1: the arena's limit is met. */
static int fields_place(const document_fields *f, const char *key, map *places) {
    if (places == NULL) {
        int i = 0;
        while (i < f->n && strcmp(f->field[i].key, key) != 0) i++;
        return i;
    }
    bool is_new;
    int64_t *place = map_put(places, key, strlen(key), &is_new);
    if (place == NULL) return -1;
    if (is_new) *place = f->n;
    return (int)*place;
}

/* `places` (NULL: a plain search) serves many calls for the same fields; it points at NULL at first. */
static bool fields_put(document_fields *f, arena *owner, const char *key, const char *value, size_t n, map **places) {
    if (places != NULL && !index_fields(f, owner, places)) return false;
    const int at = fields_place(f, key, places != NULL ? *places : NULL);
    if (at < 0) return false;
    if (at < f->n) {
        f->field[at].json = value;
        f->field[at].n = n;
        return true;
    }
    if (f->n == f->room) {
        const int room = f->room == 0 ? 8 : f->room * 2;
        document_field *grown = arena_grow(owner, f->field, sizeof *grown * (size_t)f->n, sizeof *grown * (size_t)room);
        if (grown == NULL) return false;
        f->field = grown;
        f->room = room;
    }
    f->field[f->n++] = (document_field){key, value, n};
    return true;
}

static bool fields_put_value(document_fields *f, arena *owner, const char *key, const json *value, map **places) {
    string s = {0};
    json_writer w = {.out = &s};
    json_value(&w, value);
    const char *copy = arena_copy_bytes(owner, string_chars(&s), s.length);
    const char *name = arena_copy(owner, key);
    const size_t n = s.length;
    string_drop(&s);
    return copy != NULL && name != NULL && fields_put(f, owner, name, copy, n, places);
}

static bool take_text(const json *value, const char *key, const char **text, size_t *n, error *err) {
    if (value->type != JSON_STRING) return fail(err, "`%s` is %s, not text", key, json_type_name(value->type));
    *text = value->text;
    if (n != NULL) *n = value->length;
    return true;
}

static bool take_id(arena *owner, const json *value, const char **id, error *err) {
    if (value->type != JSON_STRING && value->type != JSON_NUMBER) return fail(err, "`id` is %s, not text", json_type_name(value->type));
    *id = arena_copy(owner, value->text);
    return *id != NULL || fail(err, "the document needs more memory than it may take");
}

static bool take_field(document_fields *f, arena *owner, const char *key, const json *value, map **places, error *err) {
    return fields_put_value(f, owner, key, value, places) || fail(err, "the document needs more memory than it may take");
}

bool document_parse(document *d, arena *owner, const char *line, size_t n, const char *fallback, error *err) {
    *d = (document){0};
    const json *o = json_parse(owner, line, n, err);
    if (o == NULL) return false;
    if (o->type != JSON_OBJECT) return fail(err, "the line is %s, not a document", json_type_name(o->type));
    map *metadata = NULL, *others = NULL;
    for (size_t i = 0; i < o->length; i++) {
        const char *key = o->key[i];
        const json *value = &o->item[i];
        bool ok = true;
        if (strcmp(key, "id") == 0 && value->type != JSON_NULL) ok = take_id(owner, value, &d->id, err);
        else if (strcmp(key, "text") == 0 && value->type != JSON_NULL) ok = take_text(value, key, &d->text, &d->n, err);
        else if (strcmp(key, "html") == 0 && value->type != JSON_NULL) ok = take_text(value, key, &d->html, &d->html_n, err);
        else if (strcmp(key, "source") == 0 && value->type == JSON_STRING) d->source = value->text;
        else if (strcmp(key, "metadata") == 0 && value->type == JSON_OBJECT) {
            for (size_t k = 0; k < value->length && ok; k++) ok = take_field(&d->metadata, owner, value->key[k], &value->item[k], &metadata, err);
        } else ok = take_field(&d->other, owner, key, value, &others, err);
        if (!ok) return false;
    }
    if (d->text == NULL && d->html == NULL) return fail(err, "the line has no `text`");
    if (d->id == NULL) d->id = fallback;
    return d->id != NULL || fail(err, "the line has no `id`");
}

static void write_fields(json_writer *w, const document_fields *f) {
    for (int i = 0; i < f->n; i++) {
        json_key(w, f->field[i].key);
        json_raw(w, f->field[i].json, f->field[i].n);
    }
}

/* U+0085, U+2028 and U+2029 end lines for some readers of lines: they are escaped from `start` on. They occur in strings only. */
static void escape_line_ends(string *out, size_t start) {
    static const struct { const char *bytes, *escape; } ends[] = {{"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}};
    bool any = false;
    for (size_t k = 0; k < COUNT(ends); k++) any |= memmem(out->data + start, out->length - start, ends[k].bytes, strlen(ends[k].bytes)) != NULL;
    if (!any) return;
    string s = {0};
    for (size_t i = start; i < out->length;) {
        size_t k = 0;
        while (k < COUNT(ends) && (out->length - i < strlen(ends[k].bytes) || memcmp(out->data + i, ends[k].bytes, strlen(ends[k].bytes)) != 0)) k++;
        if (k == COUNT(ends)) string_char(&s, out->data[i++]);
        else string_text(&s, ends[k].escape), i += strlen(ends[k].bytes);
    }
    out->length = start;
    string_append(out, s.data, s.length);
    string_drop(&s);
}

void document_write(const document *d, string *out) {
    const size_t start = out->length;
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "id"), json_text(&w, d->id);
    if (d->text != NULL) json_key(&w, "text"), json_text_n(&w, d->text, d->n);
    else if (d->html != NULL) json_key(&w, "html"), json_text_n(&w, d->html, d->html_n);
    if (d->source != NULL) json_key(&w, "source"), json_text(&w, d->source);
    write_fields(&w, &d->other);
    if (d->metadata.n > 0) {
        json_key(&w, "metadata");
        json_begin_object(&w);
        write_fields(&w, &d->metadata);
        json_end_object(&w);
    }
    json_end_object(&w);
    escape_line_ends(out, start);
    string_char(out, '\n');
}

bool document_set_json(document *d, arena *owner, const char *key, const char *value, size_t n) {
    const char *copy = arena_copy_bytes(owner, value, n);
    const char *name = arena_copy(owner, key);
    return copy != NULL && name != NULL && fields_put(&d->metadata, owner, name, copy, n, NULL);
}

static bool set_written(document *d, arena *owner, const char *key, string *s) {
    const bool ok = document_set_json(d, owner, key, string_chars(s), s->length);
    string_drop(s);
    return ok;
}

bool document_set_text(document *d, arena *owner, const char *key, const char *text) {
    string s = {0};
    json_writer w = {.out = &s};
    json_text(&w, text);
    return set_written(d, owner, key, &s);
}

bool document_set_number(document *d, arena *owner, const char *key, double x) {
    string s = {0};
    json_writer w = {.out = &s};
    json_number(&w, x);
    return set_written(d, owner, key, &s);
}

bool document_set_integer(document *d, arena *owner, const char *key, long x) {
    string s = {0};
    json_writer w = {.out = &s};
    json_integer(&w, x);
    return set_written(d, owner, key, &s);
}

const document_field *document_get(const document *d, const char *key) {
    for (int i = 0; i < d->metadata.n; i++)
        if (strcmp(d->metadata.field[i].key, key) == 0) return &d->metadata.field[i];
    return NULL;
}

const char *document_get_text(const document *d, arena *owner, const char *key) {
    const document_field *f = document_get(d, key);
    if (f == NULL || f->n == 0 || f->json[0] != '"') return NULL;
    error ignored = {0};
    const json *value = json_parse(owner, f->json, f->n, &ignored);
    return value != NULL && value->type == JSON_STRING ? value->text : NULL;
}
