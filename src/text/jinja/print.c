/* Values to text as Python's str() and repr(), JSON to values. */
#include "text/jinja/tree.h"

#include "base/number.h"
#include "text/jinja/character.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

size_t print_real(double x, char out[40]) {
    char shortest[32], digits[32];
    size_t n = number_print(x, shortest), n_digit = 0;
    if (isnan(x) || isinf(x)) return memcpy(out, shortest, n + 1), n;
    int point = 0; /* digits before the decimal point */
    bool fraction = false;
    long exponent = 0;
    for (size_t i = shortest[0] == '-'; i < n; i++) {
        if (shortest[i] == 'e' || shortest[i] == 'E') {
            exponent = strtol(shortest + i + 1, NULL, 10);
            break;
        }
        if (shortest[i] == '.') fraction = true;
        else if (n_digit > 0 || shortest[i] != '0') digits[n_digit++] = shortest[i], point += !fraction;
        else if (fraction) point--;
    }
    while (n_digit > 0 && digits[n_digit - 1] == '0') n_digit--;
    size_t at = 0;
    if (signbit(x)) out[at++] = '-';
    if (n_digit == 0) return at + (size_t)sprintf(out + at, "0.0");
    const int magnitude = point + (int)exponent; /* 0.DIGITS * 10^magnitude */
    if (magnitude > 16 || magnitude < -3) {
        out[at++] = digits[0];
        if (n_digit > 1) out[at++] = '.';
        memcpy(out + at, digits + 1, n_digit - 1);
        at += n_digit - 1;
        return at + (size_t)sprintf(out + at, "e%c%02d", magnitude - 1 < 0 ? '-' : '+', abs(magnitude - 1));
    }
    if (magnitude <= 0) {
        at += (size_t)sprintf(out + at, "0.");
        for (int i = 0; i < -magnitude; i++) out[at++] = '0';
    }
    for (int i = 0; i < (int)n_digit || i < magnitude; i++) {
        if (i == magnitude && magnitude > 0) out[at++] = '.';
        out[at++] = i < (int)n_digit ? digits[i] : '0';
    }
    if ((int)n_digit <= magnitude) at += (size_t)sprintf(out + at, ".0");
    out[at] = 0;
    return at;
}

char *print_integer(int64_t x, char *end) {
    uint64_t left = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
    do *--end = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (x < 0) *--end = '-';
    return end;
}

/* Quotes and escapes as Python's repr: ' unless the text has one and no ". */
static void repr_text(builder *b, const value *s) {
    const bool single = memchr(s->text, '\'', s->n) != NULL, both = single && memchr(s->text, '"', s->n) != NULL;
    const char quote = single && !both ? '"' : '\'';
    if (s->safe) build_bytes(b, "Markup(", 7, 0);
    build_bytes(b, &quote, 1, 0);
    for (size_t at = 0; at < s->n;) {
        const size_t begin = at;
        while (at < s->n && s->text[at] >= ' ' && s->text[at] < 127 && s->text[at] != quote && s->text[at] != '\\') at++;
        if (at > begin) { /* as it is */
            build_part(b, s, begin, at);
            continue;
        }
        const uint32_t c = utf8_next(s->text, s->n, &at);
        const uint8_t mark = text_mark(s, begin);
        if (c == (unsigned char)quote || c == '\\') build_print(b, mark, "\\%c", (int)c);
        else if (c == '\n' || c == '\r' || c == '\t') build_print(b, mark, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (character_class(c) & CHARACTER_PRINTABLE) build_part(b, s, begin, at);
        else build_print(b, mark, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
    build_bytes(b, &quote, 1, 0);
    if (s->safe) build_bytes(b, ")", 1, 0);
}

static void repr_items(builder *b, const value *item, uint32_t n, int depth) {
    for (uint32_t i = 0; i < n && !b->r->over; i++) {
        if (i > 0) build_bytes(b, ", ", 2, 0);
        build_repr(b, &item[i], depth + 1);
    }
}
static void repr_dict(builder *b, const dict *d, int depth) {
    build_bytes(b, "{", 1, 0);
    for (uint32_t i = 0; i < d->n && !b->r->over; i++) {
        if (i > 0) build_bytes(b, ", ", 2, 0);
        build_repr(b, &d->key[i], depth + 1);
        build_bytes(b, ": ", 2, 0);
        build_repr(b, &d->item[i], depth + 1);
    }
    build_bytes(b, "}", 1, 0);
}
static void repr_list(builder *b, const value *v, int depth) {
    const bool tuple = v->type == VALUE_TUPLE;
    build_bytes(b, tuple ? "(" : "[", 1, 0);
    repr_items(b, v->list->item, v->list->n, depth);
    if (tuple && v->list->n == 1) build_bytes(b, ",", 1, 0);
    build_bytes(b, tuple ? ")" : "]", 1, 0);
}
static void repr_view(builder *b, const value *v, int depth) {
    build_print(b, 0, "%s([", value_type_name(v));
    for (uint32_t i = 0; i < v->dict->n && !b->r->over; i++) {
        if (i > 0) build_bytes(b, ", ", 2, 0);
        if (v->n == 2) build_bytes(b, "(", 1, 0);
        if (v->n != 1) build_repr(b, &v->dict->key[i], depth + 1);
        if (v->n == 2) build_bytes(b, ", ", 2, 0);
        if (v->n != 0) build_repr(b, &v->dict->item[i], depth + 1);
        if (v->n == 2) build_bytes(b, ")", 1, 0);
    }
    build_bytes(b, "])", 2, 0);
}

/* What stands in a list is content as far as its marks do not say otherwise; the numbers of `str` are markup. */
void build_repr(builder *b, const value *v, int depth) {
    enum { DEEPEST = 300 };
    if (depth > DEEPEST || --b->r->steps < 0) {
        b->r->over = true;
        return;
    }
    char text[40];
    const uint8_t mark = depth == 0 ? TEMPLATE_MARKUP : 0;
    switch (v->type) {
    case VALUE_STRING: repr_text(b, v); break;
    case VALUE_NONE: build_bytes(b, "None", 4, mark); break;
    case VALUE_BOOL: build_print(b, mark, "%s", v->integer ? "True" : "False"); break;
    case VALUE_INT: {
        char *const end = text + sizeof text, *digit = print_integer(v->integer, end);
        build_bytes(b, digit, (size_t)(end - digit), mark);
        break;
    }
    case VALUE_BIG: big_print(b->r, v->big, b); break;
    case VALUE_FLOAT: build_bytes(b, text, print_real(v->real, text), mark); break;
    case VALUE_LIST:
    case VALUE_TUPLE: repr_list(b, v, depth); break;
    case VALUE_DICT: repr_dict(b, v->dict, depth); break;
    case VALUE_VIEW: repr_view(b, v, depth); break;
    case VALUE_RANGE:
        build_print(b, mark, "range(%lld, %lld", (long long)v->range[0], (long long)v->range[1]);
        if (v->range[2] != 1) build_print(b, mark, ", %lld", (long long)v->range[2]);
        build_bytes(b, ")", 1, mark);
        break;
    case VALUE_NAMESPACE:
        build_bytes(b, "<Namespace ", 11, mark);
        repr_dict(b, v->dict, depth);
        build_bytes(b, ">", 1, mark);
        break;
    case VALUE_MACRO:
        if (v->macro->node->name == NULL) build_bytes(b, "<Macro anonymous>", 17, mark);
        else build_print(b, mark, "<Macro '%.*s'>", v->macro->node->n_name < 100 ? (int)v->macro->node->n_name : 100, v->macro->node->name);
        break;
    case VALUE_LOOP: {
        int64_t n = 0;
        if (loop_length(b->r, v->loop, &n)) build_print(b, mark, "<LoopContext %lld/%lld>", (long long)v->loop->index0 + 1, (long long)n);
        else b->r->over = true; /* the error is there */
        break;
    }
    case VALUE_MISSING:
    case VALUE_UNDEFINED: build_bytes(b, "Undefined", 9, mark); break;
    default: build_print(b, mark, "<%s object>", value_type_name(v));
    }
}

void build_str(builder *b, const value *v) {
    if (v->type == VALUE_STRING) build_string(b, v);
    else if (v->type != VALUE_UNDEFINED && v->type != VALUE_MISSING) build_repr(b, v, 0);
}
bool value_str(run *r, const value *v, value *out) {
    if (v->type == VALUE_STRING) {
        *out = *v;
        return out->safe = false, true;
    }
    builder b = {.r = r};
    build_str(&b, v);
    return *out = build_end(&b), !r->over || run_step(r);
}

/* --- JSON ------------------------------------------------------------------------------------------------------------------------------- */
static value from_number(run *r, const json *j) {
    bool ok = true;
    if (j->is_integer) return value_int(j->integer);
    const bool negative = j->length > 0 && j->text[0] == '-';
    size_t digits = negative;
    while (digits < j->length && j->text[digits] >= '0' && j->text[digits] <= '9') digits++;
    if (digits < j->length || digits == (size_t)negative) return value_real(j->number);
    const value v = number_from_text(r, j->text + negative, j->length - negative, 10, negative, &ok);
    return ok ? v : value_real(j->number);
}
static void dict_from_json(run *r, const json *j, dict *d) {
    for (size_t i = 0; i < j->length && !r->over; i++) {
        if (d->slot == NULL && dict_get_text(d, j->key[i], j->key_length[i]) == NULL) { /* there is room for all */
            value_put(&d->key[d->n], VALUE_HEAD(VALUE_STRING, 0, 0, j->key_length[i]), (uintptr_t)j->key[i]);
            value_from_json(r, &j->item[i], &d->item[d->n]);
            d->n++;
        } else {
            value item;
            value_from_json(r, &j->item[i], &item);
            dict_set(r, d, value_text(j->key[i], j->key_length[i], 0), item);
        }
    }
}
/* Made in place: a value that is put together and then copied costs more than the conversion. */
void value_from_json(run *r, const json *j, value *out) {
    r->steps--;
    switch (j->type) {
    case JSON_NULL: value_put(out, VALUE_HEAD(VALUE_NONE, 0, 0, 0), 0); break;
    case JSON_BOOL: value_put_bool(out, j->truth); break;
    case JSON_NUMBER: *out = from_number(r, j); break;
    case JSON_STRING: value_put(out, VALUE_HEAD(VALUE_STRING, 0, 0, j->length), (uintptr_t)j->text); break;
    case JSON_ARRAY: {
        list *l = list_new(r, j->length);
        for (size_t i = 0; i < j->length && !r->over; i++) value_from_json(r, &j->item[i], &l->item[i]);
        if (!r->over) l->n = (uint32_t)j->length;
        value_put(out, VALUE_HEAD(VALUE_LIST, 0, 0, 0), (uintptr_t)l);
        break;
    }
    default: {
        dict *d = dict_new(r, j->length);
        dict_from_json(r, j, d);
        value_put(out, VALUE_HEAD(VALUE_DICT, 0, 0, 0), (uintptr_t)d);
    }
    }
}
