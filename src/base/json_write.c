#include "base/json.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

static void line_break(const json_writer *w) {
    if (w->indent <= 0) return;
    string_char(w->out, '\n');
    for (int i = 0; i < w->indent * w->depth; i++) string_char(w->out, ' ');
}

/* What stands before a member: a comma, a new line. */
static void member_begin(json_writer *w) {
    if (w->after_key) w->after_key = false;
    else {
        if (w->comma) string_text(w->out, w->indent > 0 ? "," : ", ");
        if (w->depth > 0) line_break(w);
    }
    w->comma = true;
}

static void container_begin(json_writer *w, char open) {
    member_begin(w);
    string_char(w->out, open);
    w->depth++;
    w->comma = false;
}

static void container_end(json_writer *w, char close) {
    w->depth--;
    if (w->comma) line_break(w);
    string_char(w->out, close);
    w->comma = true;
}

void json_begin_object(json_writer *w) {
    container_begin(w, '{');
}

void json_end_object(json_writer *w) {
    container_end(w, '}');
}

void json_begin_array(json_writer *w) {
    container_begin(w, '[');
}

void json_end_array(json_writer *w) {
    container_end(w, ']');
}

static void put_quoted(string *out, const char *text, size_t n) {
    static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    string_char(out, '"');
    size_t from = 0;
    for (size_t at = 0; at < n;) {
        const unsigned char c = (unsigned char)text[at];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            at++;
            continue;
        }
        const size_t here = at;
        if (c >= 0x80) {
            if (utf8_next(text, n, &at) != 0xfffd || at > here + 1) continue;
            string_append(out, text + from, here - from);
            string_text(out, "\xef\xbf\xbd");
        } else {
            const char *name = c == 0 ? NULL : strchr(names, c);
            string_append(out, text + from, here - from);
            if (name != NULL) string_print(out, "\\%c", letters[name - names]);
            else string_print(out, "\\u%04x", c);
            at++;
        }
        from = at;
    }
    string_append(out, text + from, n - from);
    string_char(out, '"');
}

void json_key_n(json_writer *w, const char *key, size_t n) {
    member_begin(w);
    put_quoted(w->out, key, n);
    string_text(w->out, ": ");
    w->after_key = true;
}

void json_key(json_writer *w, const char *key) {
    json_key_n(w, key, strlen(key));
}

void json_text_n(json_writer *w, const char *text, size_t n) {
    member_begin(w);
    put_quoted(w->out, text, n);
}

void json_text(json_writer *w, const char *text) {
    if (text == NULL) json_null(w);
    else json_text_n(w, text, strlen(text));
}

void json_number(json_writer *w, double x) {
    char text[32];
    if (!isfinite(x)) json_null(w);
    else json_raw(w, text, number_print(x, text));
}

void json_integer(json_writer *w, int64_t x) {
    member_begin(w);
    string_print(w->out, "%lld", (long long)x);
}

void json_bool(json_writer *w, bool x) {
    member_begin(w);
    string_text(w->out, x ? "true" : "false");
}

void json_null(json_writer *w) {
    member_begin(w);
    string_text(w->out, "null");
}

void json_raw(json_writer *w, const char *text, size_t n) {
    member_begin(w);
    string_append(w->out, text, n);
}

/* A number keeps its text where that is JSON: 1.0 stays 1.0, and 40 digits stay 40 digits. (YAML's 0x10 is not.) */
static void put_number(json_writer *w, const json *v) {
    const char *s = v->text;
    const size_t n = v->text == NULL ? 0 : v->length, first = n > 0 && s[0] == '-';
    bool plain = n > first && s[first] >= '0' && s[first] <= '9' && s[n - 1] >= '0' && s[n - 1] <= '9';
    if (plain && s[first] == '0' && n > first + 1 && s[first + 1] != '.' && (s[first + 1] | 32) != 'e') plain = false;
    for (size_t i = 0; plain && i < n; i++)
        plain = (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '+' || (s[i] | 32) == 'e' || (s[i] == '.' && s[i + 1] >= '0' && s[i + 1] <= '9');
    if (plain) json_raw(w, s, n);
    else if (v->is_integer) json_integer(w, v->integer);
    else json_number(w, v->number);
}

void json_value(json_writer *w, const json *v) {
    switch (v->type) {
    case JSON_NULL: json_null(w); break;
    case JSON_BOOL: json_bool(w, v->truth); break;
    case JSON_NUMBER: put_number(w, v); break;
    case JSON_STRING: json_text_n(w, v->text, v->length); break;
    case JSON_ARRAY:
        json_begin_array(w);
        for (size_t i = 0; i < v->length; i++) json_value(w, &v->item[i]);
        json_end_array(w);
        break;
    case JSON_OBJECT:
        json_begin_object(w);
        for (size_t i = 0; i < v->length; i++) {
            member_begin(w);
            put_quoted(w->out, v->key[i], v->key_length[i]);
            string_text(w->out, ": ");
            w->after_key = true;
            json_value(w, &v->item[i]);
        }
        json_end_object(w);
        break;
    }
}
