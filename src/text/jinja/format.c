/* Python's two ways to format: "..." % values, and "...".format(values). */
#include "text/jinja/jinja.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

/* What a conversion asks for; `type` 0: none given. */
typedef struct spec {
    value fill; /* one character */
    char align; /* < > = ^, 0: the type's own */
    char sign;  /* + - blank */
    bool alternate, zero, comma, underscore;
    int64_t width, precision; /* precision -1: none */
    char type;
} spec;

enum { WIDTH_MOST = 1 << 20, PRECISION_MOST = 400 };

/* `body` behind its sign, filled up to the width. */
static void put_padded(builder *out, const spec *s, const value *sign, const value *body, char own_align) {
    const int64_t n = text_count(sign) + text_count(body), missing = s->width > n ? s->width - n : 0;
    const char align = s->align != 0 ? s->align : own_align;
    const int64_t left = align == '>' || align == '=' ? missing : align == '^' ? missing / 2 : 0;
    if (align == '=') build_string(out, sign);
    build_repeat(out, &s->fill, left);
    if (align != '=') build_string(out, sign);
    build_string(out, body);
    build_repeat(out, &s->fill, missing - left);
}

/* Digits with a separator between thousands (or, for other bases, each four). */
static value group_digits(run *r, const char *digits, size_t n, char separator, size_t each) {
    builder b = {.r = r};
    size_t whole = 0;
    while (whole < n && isalnum((unsigned char)digits[whole]) && !(digits[whole] == 'e' && each == 3)) whole++;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && i < whole && (whole - i) % each == 0) build_bytes(&b, &separator, 1, TEMPLATE_MARKUP);
        build_bytes(&b, digits + i, 1, TEMPLATE_MARKUP);
    }
    return build_end(&b);
}

static bool put_number(run *r, builder *out, const spec *s, bool negative, const char *prefix, const char *digits, size_t n) {
    const char separator = s->comma ? ',' : s->underscore ? '_' : 0;
    const bool decimal = strchr("xXob", s->type != 0 ? s->type : 'd') == NULL;
    builder sign = {.r = r};
    if (negative || s->sign == '+' || s->sign == ' ') build_bytes(&sign, negative ? "-" : s->sign == '+' ? "+" : " ", 1, TEMPLATE_MARKUP);
    build_bytes(&sign, prefix, strlen(prefix), TEMPLATE_MARKUP);
    const value before = build_end(&sign);
    value body = separator != 0 ? group_digits(r, digits, n, separator, decimal ? 3 : 4) : value_text(digits, n, TEMPLATE_MARKUP);
    body.ascii = 1;
    put_padded(out, s, &before, &body, s->zero ? '=' : '>');
    return run_step(r);
}

static bool put_integer(run *r, builder *out, const spec *s, const value *v) {
    builder text = {.r = r};
    char digits[80];
    const char *prefix = "";
    if (v->type == VALUE_BIG || strchr("xXob", s->type != 0 ? s->type : 'd') == NULL) {
        if (strchr("xXob", s->type != 0 ? s->type : 'd') != NULL) return run_fail(r, "a number this large cannot be formatted in this base");
        value plain = *v;
        if (v->type == VALUE_BOOL) plain.type = VALUE_INT;
        build_str(&text, &plain);
        const value t = build_end(&text);
        const bool negative = t.n > 0 && t.text[0] == '-';
        if (r->over) return run_step(r);
        return put_number(r, out, s, negative, "", t.text + negative, t.n - negative);
    }
    uint64_t x = v->integer < 0 ? 0 - (uint64_t)v->integer : (uint64_t)v->integer;
    const unsigned base = s->type == 'b' ? 2 : s->type == 'o' ? 8 : 16;
    size_t n = sizeof digits;
    do digits[--n] = (s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[x % base];
    while ((x /= base) > 0);
    if (s->alternate) prefix = s->type == 'b' ? "0b" : s->type == 'o' ? "0o" : s->type == 'x' ? "0x" : "0X";
    return put_number(r, out, s, v->integer < 0, prefix, digits + n, sizeof digits - n);
}

static bool put_real(run *r, builder *out, const spec *s, double x) {
    char digits[1024], format[16];
    const int64_t precision = s->precision < 0 ? 6 : s->precision;
    if (precision > PRECISION_MOST) return run_fail(r, "a precision of more than %d is not supported", PRECISION_MOST);
    size_t n;
    const double size = fabs(x);
    if (!isfinite(x)) n = (size_t)snprintf(digits, sizeof digits, "%s", isnan(x) ? (isupper(s->type) ? "NAN" : "nan") : isupper(s->type) ? "INF" : "inf");
    else if (s->type == 0 && s->precision < 0) n = print_real(size, digits);
    else {
        const bool general = s->type == 0 || s->type == 'g' || s->type == 'G' || s->type == 'n';
        const char type = s->type == '%' ? 'f' : s->type == 0 || s->type == 'n' ? 'g' : s->type;
        snprintf(format, sizeof format, "%%%s.*%c", s->alternate ? "#" : "", type);
        n = (size_t)snprintf(digits, sizeof digits, format, (int)(general && precision == 0 ? 1 : precision), s->type == '%' ? size * 100 : size);
        if (s->type == 0 && memchr(digits, '.', n) == NULL && memchr(digits, 'e', n) == NULL) n += (size_t)snprintf(digits + n, sizeof digits - n, ".0");
        if (s->type == '%') digits[n++] = '%';
    }
    return put_number(r, out, s, signbit(x) && !isnan(x), "", digits, n);
}

static void put_text(builder *out, const spec *s, const value *v) {
    value shown = *v;
    const value none = value_literal("");
    run_charge(out->r, v->n);
    if (s->precision >= 0 && s->precision < text_count(v)) shown = text_part(v, 0, text_offset(v, s->precision));
    put_padded(out, s, &none, &shown, '<');
}

/* --- % ---------------------------------------------------------------------------------------------------------------------------------------- */
typedef struct percent {
    const value *arguments;
    uint32_t at;
    bool used_names;
} percent;
static bool next_argument(run *r, percent *p, value *out) {
    if (p->arguments->type != VALUE_TUPLE) {
        if (p->at++ > 0) return run_fail(r, "not enough arguments for format string");
        return *out = *p->arguments, true;
    }
    if (p->at >= p->arguments->list->n) return run_fail(r, "not enough arguments for format string");
    return *out = p->arguments->list->item[p->at++], true;
}
static bool read_width(run *r, percent *p, const value *f, size_t *at, int64_t *out) { /* digits or '*' */
    value v;
    *out = 0;
    if (*at < f->n && f->text[*at] == '*') {
        (*at)++;
        if (!next_argument(r, p, &v)) return false;
        if (!value_is_integer(&v)) return run_fail(r, "* wants int");
        *out = v.integer;
    }
    for (; *at < f->n && isdigit((unsigned char)f->text[*at]) && *out <= WIDTH_MOST; (*at)++) *out = *out * 10 + f->text[*at] - '0';
    return (*out <= WIDTH_MOST && *out >= -WIDTH_MOST) || run_fail(r, "a width in a format is too large");
}
static bool percent_integer(run *r, builder *out, spec *s, const value *v) {
    value whole = *v;
    if (v->type == VALUE_FLOAT && strchr("diu", s->type) != NULL) {
        if (!isfinite(v->real)) return run_fail(r, "cannot convert float infinity or NaN to integer");
        whole = number_from_real(r, trunc(v->real));
    }
    if (!value_is_integer(&whole) && whole.type != VALUE_BIG)
        return run_fail(r, "%%%c format: a%s number is required, not %s", s->type, strchr("diu", s->type) != NULL ? " real" : "n integer", value_type_name(v));
    if (strchr("diu", s->type) != NULL) s->type = 'd';
    if (s->precision > 0) { /* at least so many digits */
        builder text = {.r = r};
        spec digits = {.fill = value_literal("0"), .align = '=', .width = s->precision, .precision = -1, .type = s->type};
        value size = whole;
        if (!put_integer(r, &text, &digits, &size)) return false;
        const value t = build_end(&text);
        const bool negative = t.n > 0 && t.text[0] == '-';
        value body = t;
        if (negative) { /* the sign does not count */
            if (!number_negate(r, &whole, &size)) return false;
            text = (builder){.r = r};
            if (!put_integer(r, &text, &digits, &size)) return false;
            body = build_end(&text);
        }
        if (r->over) return run_step(r);
        const char *prefix = !s->alternate ? "" : s->type == 'x' ? "0x" : s->type == 'X' ? "0X" : s->type == 'o' ? "0o" : "";
        return put_number(r, out, s, negative, prefix, body.text, body.n);
    }
    return put_integer(r, out, s, &whole);
}
static bool percent_one(run *r, builder *out, spec *s, const value *given, bool safe) {
    value v = *given, text;
    switch (s->type) {
    case 's':
        if (!(safe && v.type == VALUE_STRING ? (text = text_escape(r, &v), true) : value_str(r, &v, &text))) return false;
        if (safe) text = text_escape(r, &text);
        break;
    case 'r':
    case 'a': {
        builder b = {.r = r};
        build_repr(&b, &v, 0);
        text = build_end(&b);
        if (safe) text = text_escape(r, &text);
        break;
    }
    case 'c':
        if (v.type == VALUE_STRING && text_count(&v) == 1) text = v;
        else if (value_is_integer(&v) && v.integer >= 0 && v.integer < 0x110000) {
            builder b = {.r = r};
            build_char(&b, (uint32_t)v.integer, TEMPLATE_MARKUP);
            text = build_end(&b);
        } else return run_fail(r, "%%c requires int or char");
        break;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': return percent_integer(r, out, s, &v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (v.type == VALUE_UNDEFINED) return undefined_fail(r, &v);
        if (!value_is_number(&v)) return run_fail(r, "must be real number, not %s", value_type_name(&v));
        return put_real(r, out, s, value_to_real(&v));
    default: return run_fail(r, "unsupported format character '%c' (%#x)", isprint((unsigned char)s->type) ? s->type : '?', (unsigned char)s->type);
    }
    if (s->align == 0) s->align = '>';
    s->fill = value_literal(" ");
    put_text(out, s, &text);
    return run_step(r);
}
bool format_percent(run *r, const value *f, const value *arguments, value *out) {
    builder b = {.r = r, .safe = f->safe};
    percent p = {.arguments = arguments};
    const bool mapping = arguments->type == VALUE_DICT || arguments->type == VALUE_LIST || arguments->type == VALUE_RANGE || arguments->type == VALUE_UNDEFINED;
    for (size_t at = 0; at < f->n;) {
        const char *next = memchr(f->text + at, '%', f->n - at);
        const size_t end = next != NULL ? (size_t)(next - f->text) : f->n;
        build_part(&b, f, at, end);
        if (next == NULL) break;
        at = end + 1;
        spec s = {.fill = value_literal(" "), .precision = -1};
        value v = value_none();
        bool named = false, left = false;
        if (at < f->n && f->text[at] == '(') {
            const char *close = memchr(f->text + at, ')', f->n - at);
            if (arguments->type != VALUE_DICT) return run_fail(r, "format requires a mapping");
            if (close == NULL) return run_fail(r, "incomplete format key");
            const value key = text_part(f, at + 1, (size_t)(close - f->text));
            const value *found = dict_get(arguments->dict, &key);
            if (found == NULL) return run_fail(r, "format: there is no key '%.*s'", key.n < 60 ? (int)key.n : 60, key.text);
            v = *found;
            named = p.used_names = true;
            at = (size_t)(close - f->text) + 1;
        }
        for (; at < f->n && f->text[at] != 0 && strchr("-+ #0", f->text[at]) != NULL; at++) {
            if (f->text[at] == '-') left = true;
            else if (f->text[at] == '#') s.alternate = true;
            else if (f->text[at] == '0') s.zero = true;
            else if (s.sign != '+') s.sign = f->text[at];
        }
        if (!read_width(r, &p, f, &at, &s.width)) return false;
        if (s.width < 0) left = true, s.width = -s.width;
        if (at < f->n && f->text[at] == '.' && (at++, !read_width(r, &p, f, &at, &s.precision))) return false;
        while (at < f->n && f->text[at] != 0 && strchr("hlL", f->text[at]) != NULL) at++;
        if (at == f->n) return run_fail(r, "incomplete format");
        s.type = f->text[at++];
        if (left) s.align = '<', s.zero = false;
        if (s.zero) s.fill = value_literal("0");
        if (s.type == '%') {
            build_bytes(&b, "%", 1, text_mark(f, at - 1));
            continue;
        }
        if (!named && !next_argument(r, &p, &v)) return false;
        if (!percent_one(r, &b, &s, &v, f->safe)) return false;
    }
    const uint32_t n = arguments->type == VALUE_TUPLE ? arguments->list->n : 1;
    if (p.at < n && !(arguments->type != VALUE_TUPLE && mapping)) return run_fail(r, "not all arguments converted during string formatting");
    return *out = build_end(&b), run_step(r);
}

/* --- {} --------------------------------------------------------------------------------------------------------------------------------------- */
static bool read_number(const value *s, size_t *at, int64_t *out) {
    bool any = false;
    for (*out = 0; *at < s->n && isdigit((unsigned char)s->text[*at]) && *out <= WIDTH_MOST; (*at)++, any = true) *out = *out * 10 + s->text[*at] - '0';
    return any;
}
static bool read_spec(run *r, const value *t, spec *s) {
    size_t at = 0, first = 0;
    *s = (spec){.fill = value_literal(" "), .precision = -1};
    if (t->n > 0) utf8_next(t->text, t->n, &first);
    if (first > 0 && first < t->n && t->text[first] != 0 && strchr("<>=^", t->text[first]) != NULL)
        s->fill = text_part(t, 0, first), s->align = t->text[first], at = first + 1;
    else if (t->n > 0 && t->text[0] != 0 && strchr("<>=^", t->text[0]) != NULL) s->align = t->text[at++];
    const bool filled = at > 1;
    if (at < t->n && t->text[at] != 0 && strchr("+- ", t->text[at]) != NULL) s->sign = t->text[at++];
    if (at < t->n && t->text[at] == '#') s->alternate = true, at++;
    if (at < t->n && t->text[at] == '0') {
        s->zero = s->align == 0;
        if (!filled) s->fill = value_literal("0");
        at++;
    }
    read_number(t, &at, &s->width);
    if (at < t->n && t->text[at] == ',') s->comma = true, at++;
    else if (at < t->n && t->text[at] == '_') s->underscore = true, at++;
    if (at < t->n && t->text[at] == '.' && (at++, !read_number(t, &at, &s->precision))) return run_fail(r, "Format specifier missing precision");
    if (at < t->n) s->type = t->text[at++];
    if (at < t->n || s->width > WIDTH_MOST || s->precision > WIDTH_MOST)
        return run_fail(r, "Invalid format specifier '%.*s'", t->n < 60 ? (int)t->n : 60, t->text);
    return true;
}
static bool put_formatted(run *r, builder *out, const value *v, const value *spec_text) {
    spec s;
    value text;
    if (spec_text->n == 0) return value_str(r, v, &text) && (build_string(out, &text), true);
    if (!read_spec(r, spec_text, &s)) return false;
    if (v->type == VALUE_STRING || (v->type == VALUE_BOOL && s.type == 0)) {
        if (!value_str(r, v, &text)) return false;
        if (v->type == VALUE_BOOL) { /* a bool is an int once there is a format */
            const value whole = value_int(v->integer);
            return put_integer(r, out, &s, &whole);
        }
        if ((s.type != 0 && s.type != 's') || s.align == '=' || s.sign != 0 || s.comma || s.alternate) return run_fail(r, "a string cannot be formatted so");
        if (s.zero && s.align == 0) s.align = '<';
        put_text(out, &s, &text);
        return run_step(r);
    }
    if (!value_is_number(v)) return run_fail(r, "unsupported format string passed to %s.__format__", value_type_name(v));
    if (v->type == VALUE_FLOAT || (s.type != 0 && strchr("eEfFgG%", s.type) != NULL)) {
        if (s.type != 0 && strchr("eEfFgGn%", s.type) == NULL) return run_fail(r, "Unknown format code '%c' for object of type 'float'", s.type);
        return put_real(r, out, &s, value_to_real(v));
    }
    if (s.precision >= 0) return run_fail(r, "Precision not allowed in integer format specifier");
    if (s.type == 'c' && value_is_integer(v) && v->integer >= 0 && v->integer < 0x110000) {
        builder b = {.r = r};
        build_char(&b, (uint32_t)v->integer, TEMPLATE_MARKUP);
        text = build_end(&b);
        put_text(out, &s, &text);
        return run_step(r);
    }
    if (s.type != 0 && strchr("bdnoxX", s.type) == NULL) return run_fail(r, "Unknown format code '%c' for object of type 'int'", s.type);
    return put_integer(r, out, &s, v);
}

/* name, name.attribute, 0[key] */
static bool find_field(run *r, const value *name, const list *arguments, const dict *named, int64_t *next, value *out) {
    size_t at = 0, digits = 0;
    int64_t i;
    while (at < name->n && name->text[at] != '.' && name->text[at] != '[') at++;
    const value first = text_part(name, 0, at);
    const bool number = read_number(&first, &digits, &i) && digits == first.n;
    if (first.n == 0 || number) {
        if (number ? *next > 0 : *next < 0) return run_fail(r, "cannot switch between automatic and manual field numbering");
        if (number) *next = -1;
        else i = (*next)++;
        if (i >= arguments->n) return run_fail(r, "Replacement index %lld out of range for positional args tuple", (long long)i);
        *out = arguments->item[i];
    } else {
        const value *found = named != NULL ? dict_get(named, &first) : NULL;
        if (found == NULL) return run_fail(r, "format: there is no argument '%.*s'", first.n < 60 ? (int)first.n : 60, first.text);
        *out = *found;
    }
    while (at < name->n) {
        const bool item = name->text[at] == '[';
        size_t end = ++at;
        while (end < name->n && (item ? name->text[end] != ']' : name->text[end] != '.' && name->text[end] != '[')) end++;
        if (end == at || (item && end == name->n)) return run_fail(r, "format: a field's name is incomplete");
        value key = text_part(name, at, end), of = *out;
        size_t used = 0;
        if (item && read_number(&key, &used, &i) && used == key.n) key = value_int(i);
        if (!(item ? item_get(r, &of, &key, out) : attribute_get(r, &of, &key, out))) return false;
        at = end + item;
        if (item && at < name->n && name->text[at] != '.' && name->text[at] != '[')
            return run_fail(r, "Only '.' or '[' may follow ']' in format field specifier");
    }
    return true;
}

static bool braces(run *r, const value *f, const list *arguments, const dict *named, int64_t *next, int depth, builder *out) {
    for (size_t at = 0; at < f->n;) {
        const char c = f->text[at];
        if (c != '{' && c != '}') {
            size_t end = at;
            while (end < f->n && f->text[end] != '{' && f->text[end] != '}') end++;
            build_part(out, f, at, end);
            at = end;
            continue;
        }
        if (depth == 0 && at + 1 < f->n && f->text[at + 1] == c) {
            build_part(out, f, at, at + 1);
            at += 2;
            continue;
        }
        if (c == '}') return run_fail(r, "Single '}' encountered in format string");
        size_t end = at + 1, colon = 0, bang = 0;
        for (int open = 1; end < f->n; end++) { /* up to the '}' that closes it */
            if (f->text[end] == '{') open++;
            else if (f->text[end] == '}' && --open == 0) break;
            else if (f->text[end] == '[' && colon == 0) {
                const char *close = memchr(f->text + end, ']', f->n - end);
                end = close != NULL ? (size_t)(close - f->text) : f->n - 1; /* without one, no '}' closes the field */
            } else if (f->text[end] == ':' && colon == 0) colon = end;
            else if (f->text[end] == '!' && colon == 0 && bang == 0) bang = end;
        }
        if (end == f->n) return run_fail(r, "expected '}' before end of string");
        if (depth > 1) return run_fail(r, "Max string recursion exceeded");
        const size_t name_end = bang > 0 ? bang : colon > 0 ? colon : end;
        const value name = text_part(f, at + 1, name_end);
        value v, spec_text = colon > 0 ? text_part(f, colon + 1, end) : value_literal("");
        if (!find_field(r, &name, arguments, named, next, &v)) return false;
        if (bang > 0) {
            if ((colon > 0 ? colon : end) != bang + 2) return run_fail(r, "a conversion in a format is 's', 'r' or 'a'");
            builder b = {.r = r};
            if (f->text[bang + 1] == 's') build_str(&b, &v);
            else if (f->text[bang + 1] == 'r' || f->text[bang + 1] == 'a') build_repr(&b, &v, 0);
            else return run_fail(r, "a conversion in a format is 's', 'r' or 'a'");
            v = build_end(&b);
        }
        builder inner = {.r = r};
        if (!braces(r, &spec_text, arguments, named, next, depth + 1, &inner)) return false;
        spec_text = build_end(&inner);
        if (out->safe) { /* a Markup's format escapes what it is given */
            builder shown = {.r = r};
            if (!put_formatted(r, &shown, &v, &spec_text)) return false;
            value text = build_end(&shown);
            text.safe = v.type == VALUE_STRING && v.safe;
            text = text_escape(r, &text);
            build_string(out, &text);
        } else if (!put_formatted(r, out, &v, &spec_text)) return false;
        at = end + 1;
    }
    return run_step(r);
}
bool format_braces(run *r, const value *f, const list *arguments, const dict *named, value *out) {
    builder b = {.r = r, .safe = f->safe};
    int64_t next = 0;
    if (!braces(r, f, arguments, named, &next, 0, &b)) return false;
    return *out = build_end(&b), true;
}
