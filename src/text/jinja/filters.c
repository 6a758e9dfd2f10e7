/* The filters of Jinja on texts, numbers and single values. Those on lists are in filters_list.c. */
#include "text/jinja/jinja.h"

#include "base/number.h"
#include "text/jinja/character.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* str(v), but Markup stays Markup. */
static bool soft_str(run *r, const value *v, value *out) {
    return v->type == VALUE_STRING ? (*out = *v, true) : value_str(r, v, out);
}
static bool integer_or(run *r, const value *v, int64_t absent, int64_t *out) {
    return given(v) ? value_to_index(r, v, out) : (*out = absent, true);
}

/* --- single values --------------------------------------------------------------------------------------------------------------------- */
static bool filter_default(run *r, const value *v, const call_arguments *a, value *out) {
    const bool absent = v[0].type == VALUE_UNDEFINED || (true_if_given(&v[2]) && !value_truth(&v[0]));
    return *out = !absent ? v[0] : given(&v[1]) ? v[1] : value_literal(""), true;
}
static bool filter_tojson(run *r, const value *v, const call_arguments *a, value *out) { /* ensure_ascii indent separators sort_keys */
    value separator[2] = {value_of(VALUE_MISSING), value_of(VALUE_MISSING)};
    if (given(&v[3]) && v[3].type != VALUE_NONE) {
        if (!iterate_unpack(r, &v[3], separator, 2)) return false;
        if (separator[0].type != VALUE_STRING || separator[1].type != VALUE_STRING) return run_fail(r, "tojson: separators must be two strings");
    }
    return json_dump(r, &v[0], true_if_given(&v[1]), &v[2], &separator[0], &separator[1], true_if_given(&v[4]), out);
}
static bool filter_string(run *r, const value *v, const call_arguments *a, value *out) {
    return soft_str(r, &v[0], out);
}
static bool filter_safe(run *r, const value *v, const call_arguments *a, value *out) {
    return soft_str(r, &v[0], out) && (out->safe = true);
}
static bool filter_escape(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    return soft_str(r, &v[0], &s) && (*out = text_escape(r, &s), true);
}
static bool filter_forceescape(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    if (!value_str(r, &v[0], &s)) return false;
    return *out = text_escape(r, &s), true;
}
static bool filter_length(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t n;
    return value_length(r, &v[0], &n) && (*out = value_int(n), true);
}
static bool filter_attr(run *r, const value *v, const call_arguments *a, value *out) {
    bool unsafe = false;
    if (v[1].type != VALUE_STRING) return run_fail(r, "attr: the name must be a string");
    if (v[0].type != VALUE_DICT) return attribute_get(r, &v[0], &v[1], out);
    if (method_find(&v[0], v[1].text, v[1].n, &unsafe) != NULL) return attribute_get(r, &v[0], &v[1], out);
    return *out = undefined_attribute("dict object", &v[1]), true; /* an attribute, not a key */
}

/* --- numbers ------------------------------------------------------------------------------------------------------------------------------ */
/* Digits in a base, with a sign, white space around, '_' between: as Python's int(text, base). */
static bool int_from_text(run *r, const value *s, int64_t base, value *out) {
    const value t = text_strip(r, s, NULL, 3);
    size_t at = 0, n = 0;
    bool negative = false, ok;
    if (at < t.n && (t.text[at] == '-' || t.text[at] == '+')) negative = t.text[at++] == '-';
    if (at + 1 < t.n && t.text[at] == '0') {
        const char kind = (char)tolower((unsigned char)t.text[at + 1]);
        const int64_t own = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
        if (own > 0 && (base == own || base == 0)) {
            base = own;
            at += 2;
            if (at < t.n && t.text[at] == '_') at++;
        }
    }
    if (base == 0) base = 10;
    if (base < 2 || base > 36) return run_fail(r, "int() base must be >= 2 and <= 36, or 0");
    char *digits = run_take(r, t.n + 1);
    if (digits == NULL) return run_step(r);
    for (bool digit_before = false; at < t.n; at++) {
        const char c = (char)tolower((unsigned char)t.text[at]);
        const int x = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
        if (c == '_' && digit_before && at + 1 < t.n) {
            digit_before = false;
            continue;
        }
        if (x >= base) return false;
        digits[n++] = c;
        digit_before = true;
    }
    if (n == 0) return false;
    *out = number_from_text(r, digits, n, (int)base, negative, &ok);
    return ok;
}
/* As Python's float(text). */
static bool real_from_text(run *r, const value *s, double *out) {
    const value t = text_strip(r, s, NULL, 3);
    char plain[400];
    size_t n = 0, at = 0;
    if (t.n == 0 || t.n >= sizeof plain) return false;
    const bool sign = t.text[0] == '-' || t.text[0] == '+', negative = t.text[0] == '-';
    for (at = sign; at < t.n; at++) {
        const char c = (char)tolower((unsigned char)t.text[at]);
        if (c == '_' && at > 0 && at + 1 < t.n && isdigit((unsigned char)t.text[at - 1]) && isdigit((unsigned char)t.text[at + 1])) continue;
        plain[n++] = c;
    }
    plain[n] = 0;
    if (strcmp(plain, "inf") == 0 || strcmp(plain, "infinity") == 0) *out = INFINITY;
    else if (strcmp(plain, "nan") == 0) *out = NAN;
    else {
        if (n == 0 || (!isdigit((unsigned char)plain[0]) && plain[0] != '.')) return false;
        char *end;
        if (plain[0] == '.' || plain[n - 1] == '.' || strstr(plain, ".e") != NULL) { /* forms that number_read does not know */
            if (strpbrk(plain, "xp") != NULL) return false;
            *out = strtod(plain, &end);
            if (*end != 0) return false;
        } else if (!number_read(plain, n, out)) return false;
    }
    if (negative) *out = -*out;
    return true;
}
static bool filter_int(run *r, const value *v, const call_arguments *a, value *out) {
    const value absent = given(&v[1]) ? v[1] : value_int(0);
    int64_t base;
    double x;
    if (!integer_or(r, &v[2], 10, &base)) return false;
    if (v[0].type == VALUE_UNDEFINED) return undefined_fail(r, &v[0]);
    if (v[0].type == VALUE_STRING) {
        if (int_from_text(r, &v[0], base, out)) return true;
        if (r->err->text[0] != 0) return false;
        if (!real_from_text(r, &v[0], &x) || !isfinite(x)) return *out = absent, true;
        return *out = number_from_real(r, trunc(x)), true;
    }
    if (v[0].type == VALUE_FLOAT) {
        if (isinf(v[0].real)) return run_fail(r, "cannot convert float infinity to integer");
        return *out = isnan(v[0].real) ? absent : number_from_real(r, trunc(v[0].real)), true;
    }
    if (v[0].type == VALUE_BIG) return *out = v[0], true;
    return *out = value_is_integer(&v[0]) ? value_int(v[0].integer) : absent, true;
}
static bool filter_float(run *r, const value *v, const call_arguments *a, value *out) {
    double x;
    if (v[0].type == VALUE_UNDEFINED) return undefined_fail(r, &v[0]);
    if (value_is_number(&v[0])) return *out = value_real(value_to_real(&v[0])), true;
    if (v[0].type == VALUE_STRING && real_from_text(r, &v[0], &x)) return *out = value_real(x), true;
    return *out = given(&v[1]) ? v[1] : value_real(0), true;
}
static bool filter_abs(run *r, const value *v, const call_arguments *a, value *out) {
    const value zero = value_int(0);
    if (v[0].type == VALUE_UNDEFINED) return undefined_fail(r, &v[0]);
    if (!value_is_number(&v[0])) return run_fail(r, "bad operand type for abs(): '%s'", value_type_name(&v[0]));
    if (v[0].type == VALUE_FLOAT) return *out = value_real(fabs(v[0].real)), true;
    if (number_compare(&v[0], &zero) < 0) return number_negate(r, &v[0], out);
    return number_operate(r, OP_ADD, &v[0], &zero, out);
}
/* To a number of decimals, the nearest, halves to even: what the decimal text of the double says. */
static double round_real(double x, int64_t decimals) {
    char text[400];
    if (!isfinite(x) || decimals > 320) return x;
    if (decimals >= 0) {
        snprintf(text, sizeof text, "%.*f", (int)decimals, x);
        return strtod(text, NULL);
    }
    if (decimals < -308) return 0 * x;
    snprintf(text, sizeof text, "%.0f", nearbyint(x / pow(10, (double)-decimals)) * pow(10, (double)-decimals));
    return strtod(text, NULL);
}
static bool round_integer(run *r, const value *v, int64_t decimals, value *out) {
    const value zero = value_int(0);
    if (decimals >= 0) return number_operate(r, OP_ADD, v, &zero, out);
    if (decimals < -18 || v->type == VALUE_BIG)
        return decimals < -18 && v->type != VALUE_BIG ? (*out = zero, true) : run_fail(r, "round: the number is too large");
    int64_t unit = 1;
    for (int64_t i = decimals; i < 0; i++) unit *= 10;
    int64_t rest = v->integer % unit, times = v->integer / unit;
    if (rest < 0) rest += unit, times--;
    if (rest * 2 > unit || (rest * 2 == unit && times % 2 != 0)) times++;
    const value whole = value_int(times), each = value_int(unit);
    return number_operate(r, OP_MUL, &whole, &each, out);
}
static bool filter_round(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t decimals;
    if (given(&v[2]) && !text_is(&v[2], "common") && !text_is(&v[2], "ceil") && !text_is(&v[2], "floor"))
        return run_fail(r, "method must be common, ceil or floor");
    if (v[0].type == VALUE_UNDEFINED) return undefined_fail(r, &v[0]);
    if (!value_is_number(&v[0])) return run_fail(r, "type %s doesn't define __round__ method", value_type_name(&v[0]));
    if (!integer_or(r, &v[1], 0, &decimals)) return false;
    if (!given(&v[2]) || text_is(&v[2], "common")) {
        if (v[0].type != VALUE_FLOAT) return round_integer(r, &v[0], decimals, out);
        return *out = value_real(round_real(v[0].real, decimals)), true;
    }
    const value ten = value_int(10), power = value_int(decimals);
    value unit, scaled, whole;
    if (!number_operate(r, OP_POW, &ten, &power, &unit) || !number_operate(r, OP_MUL, &v[0], &unit, &scaled)) return false;
    whole = scaled;
    if (scaled.type == VALUE_FLOAT) {
        if (!isfinite(scaled.real)) return run_fail(r, "cannot convert float infinity or NaN to integer");
        whole = number_from_real(r, text_is(&v[2], "ceil") ? ceil(scaled.real) : floor(scaled.real));
    }
    return number_operate(r, OP_DIV, &whole, &unit, out);
}
static bool filter_filesizeformat(run *r, const value *v, const call_arguments *a, value *out) {
    static const char *const prefixes[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    static const char *const binary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
    value x;
    const call_arguments none = {0};
    const value number[3] = {v[0], value_of(VALUE_NONE), value_of(VALUE_MISSING)};
    if (!filter_float(r, number, &none, &x)) return false;
    if (x.type != VALUE_FLOAT) return run_fail(r, "filesizeformat: this is no number");
    const bool two = true_if_given(&v[1]);
    const double base = two ? 1024 : 1000;
    builder b = {.r = r};
    if (x.real == 1) build_bytes(&b, "1 Byte", 6, TEMPLATE_MARKUP);
    else if (x.real < base) {
        if (isinf(x.real)) return run_fail(r, "cannot convert float infinity to integer");
        const value whole = number_from_real(r, trunc(x.real));
        build_str(&b, &whole);
        build_bytes(&b, " Bytes", 6, TEMPLATE_MARKUP);
    } else {
        double unit = base;
        size_t i = 0;
        for (; i < COUNT(prefixes); i++) {
            unit *= base;
            if (x.real < unit || i + 1 == COUNT(prefixes)) break;
        }
        build_print(&b, TEMPLATE_MARKUP, "%.1f %s", base * x.real / unit, (two ? binary : prefixes)[i]);
    }
    return *out = build_end(&b), true;
}

/* --- texts ---------------------------------------------------------------------------------------------------------------------------------- */
static bool filter_upper(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    return soft_str(r, &v[0], &s) && (*out = text_map(r, &s, 'u'), true);
}
static bool filter_lower(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    return soft_str(r, &v[0], &s) && (*out = text_map(r, &s, 'l'), true);
}
static bool filter_capitalize(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    return soft_str(r, &v[0], &s) && (*out = text_map(r, &s, 'c'), true);
}
/* Behind it a word of `title` begins. */
static bool is_word_begin(const value *s, size_t at, size_t *next) {
    return text_is_space(s->text, s->n, at, next) || memchr("-({[<", s->text[at], 5) != NULL;
}
static bool filter_title(run *r, const value *v, const call_arguments *a, value *out) { /* words begin behind - ( { [ < and white space */
    value s;
    if (!soft_str(r, &v[0], &s)) return false;
    builder b = {.r = r};
    for (size_t at = 0, next; at < s.n;) {
        size_t end = at;
        while (end < s.n && is_word_begin(&s, end, &next)) end = next;
        if (end == at) {
            while (end < s.n && !is_word_begin(&s, end, &next)) end = next;
            size_t first = at;
            utf8_next(s.text, s.n, &first);
            const value head = text_part(&s, at, first), tail = text_part(&s, first, end);
            const value upper = text_map(r, &head, 'u'), lower = text_map(r, &tail, 'l');
            build_string(&b, &upper);
            build_string(&b, &lower);
        } else build_part(&b, &s, at, end);
        at = end;
    }
    return *out = build_end(&b), true;
}
static bool filter_trim(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    const bool with = given(&v[1]) && v[1].type != VALUE_NONE;
    if (with && v[1].type != VALUE_STRING) return run_fail(r, "strip arg must be None or str");
    return soft_str(r, &v[0], &s) && (*out = text_strip(r, &s, with ? &v[1] : NULL, 3), true);
}
static bool filter_replace(run *r, const value *v, const call_arguments *a, value *out) {
    value s, old, by;
    int64_t most = -1;
    if (!value_str(r, &v[0], &s) || !value_str(r, &v[1], &old) || !value_str(r, &v[2], &by)) return false;
    if (given(&v[3]) && v[3].type != VALUE_NONE && !value_to_index(r, &v[3], &most)) return false;
    return *out = text_replace(r, &s, &old, &by, most), true;
}
static bool filter_center(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    int64_t width;
    if (!soft_str(r, &v[0], &s) || !integer_or(r, &v[1], 80, &width)) return false;
    const int64_t n = text_count(&s), missing = width > n ? width - n : 0, left = missing / 2 + (missing & width & 1);
    const value blank = value_literal(" ");
    builder b = {.r = r, .safe = s.safe};
    build_repeat(&b, &blank, left);
    build_string(&b, &s);
    build_repeat(&b, &blank, missing - left);
    return *out = build_end(&b), run_step(r);
}
static bool filter_indent(run *r, const value *v, const call_arguments *a, value *out) { /* width first blank */
    value s = v[0], indention;
    int64_t width;
    if (s.type == VALUE_UNDEFINED) return undefined_fail(r, &s);
    if (s.type != VALUE_STRING) return run_fail(r, "indent: this is no string but %s", value_type_name(&s));
    if (given(&v[1]) && v[1].type == VALUE_STRING) indention = v[1];
    else {
        if (!integer_or(r, &v[1], 4, &width)) return false;
        builder blanks = {.r = r};
        const value blank = value_literal(" ");
        build_repeat(&blanks, &blank, width);
        indention = build_end(&blanks);
    }
    const value newline = value_literal("\n");
    builder whole = {.r = r}, b = {.r = r, .safe = s.safe};
    build_string(&whole, &s);
    build_string(&whole, &newline);
    const value ended = build_end(&whole);
    const list *lines = text_split_lines(r, &ended, false);
    if (true_if_given(&v[2])) build_string(&b, &indention);
    for (uint32_t i = 0; i < lines->n && run_step(r); i++) {
        if (i > 0) build_string(&b, &newline);
        if (i > 0 && (lines->item[i].n > 0 || true_if_given(&v[3]))) build_string(&b, &indention);
        build_string(&b, &lines->item[i]);
    }
    return *out = build_end(&b), run_step(r);
}
static bool filter_truncate(run *r, const value *v, const call_arguments *a, value *out) { /* length killwords end leeway */
    int64_t length, leeway, n, n_end;
    const value end = given(&v[3]) ? v[3] : value_literal("...");
    if (!value_length(r, &v[0], &n) || !integer_or(r, &v[1], 255, &length)) return false;
    leeway = 5;
    if (given(&v[4]) && v[4].type != VALUE_NONE && !value_to_index(r, &v[4], &leeway)) return false;
    if (!value_length(r, &end, &n_end)) return false;
    if (length < n_end || leeway < 0) return run_fail(r, "truncate: expected length >= %lld", (long long)n_end);
    if (n <= length || n - length <= leeway) return *out = v[0], true;
    if (v[0].type != VALUE_STRING || end.type != VALUE_STRING) return run_fail(r, "truncate: this is no string");
    value head = text_slice(r, &v[0], 0, length - n_end, 1, length - n_end);
    const value blank = value_literal(" ");
    const int64_t cut = true_if_given(&v[2]) ? -1 : text_search_last(r, &head, &blank, 0, head.n);
    if (cut >= 0) head = text_part(&head, 0, (size_t)cut);
    return operate(r, OP_ADD, &head, &end, out);
}
static bool filter_wordcount(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    int64_t n = 0;
    bool inside = false;
    if (!soft_str(r, &v[0], &s)) return false;
    run_charge(r, (size_t)s.n * 4);
    for (size_t at = 0; at < s.n;) {
        const uint32_t c = utf8_next(s.text, s.n, &at);
        const bool word = c == '_' || (character_class(c) & CHARACTER_ALNUM) != 0;
        n += word && !inside;
        inside = word;
    }
    return *out = value_int(n), true;
}
static bool filter_format(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    if (a->n > 0 && a->named != NULL) return run_fail(r, "format takes arguments by place or by name, not both");
    if (!soft_str(r, &v[0], &s)) return false;
    list l = {.item = (value *)a->item, .n = a->n, .room = a->n};
    const value all = a->named != NULL ? value_dict(a->named) : value_tuple(&l);
    return format_percent(r, &s, &all, out);
}
static void quote_url(builder *b, const value *s, bool query) {
    for (uint32_t i = 0; i < s->n; i++) {
        const unsigned char c = (unsigned char)s->text[i];
        if ((c < 128 && isalnum(c)) || (c != 0 && strchr("_.-~", c) != NULL) || (c == '/' && !query)) build_part(b, s, i, i + 1);
        else if (c == ' ' && query) build_bytes(b, "+", 1, text_mark(s, i));
        else build_print(b, text_mark(s, i), "%%%02X", c);
    }
}
static bool filter_urlencode(run *r, const value *v, const call_arguments *a, value *out) {
    builder b = {.r = r};
    value s, pair[2];
    if (v[0].type == VALUE_STRING || !value_is_iterable(&v[0])) {
        if (!value_str(r, &v[0], &s)) return false;
        quote_url(&b, &s, false);
        return *out = build_end(&b), true;
    }
    value items = v[0], item;
    if (items.type == VALUE_DICT) items.type = VALUE_VIEW, items.n = 2;
    iterator it;
    bool first = true;
    if (!iterate_start(r, &items, &it)) return false;
    for (int got; (got = iterate_next(r, &it, &item)) != 0; first = false) {
        if (got < 0 || !run_step(r) || !iterate_unpack(r, &item, pair, 2)) return false;
        if (!first) build_bytes(&b, "&", 1, TEMPLATE_MARKUP);
        for (int i = 0; i < 2; i++) {
            if (!value_str(r, &pair[i], &s)) return false;
            quote_url(&b, &s, true);
            if (i == 0) build_bytes(&b, "=", 1, TEMPLATE_MARKUP);
        }
    }
    return *out = build_end(&b), true;
}
/* Each character has the mark of the entity that it comes from. */
static value unescape(run *r, const value *s) {
    static const struct {
        const char *entity;
        char character;
    } known[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#34;", '"'}, {"&#39;", '\''}, {"&amp;", '&'}};
    builder b = {.r = r, .safe = s->safe};
    size_t from = 0;
    for (size_t at = 0; at < s->n;) {
        size_t i = s->text[at] == '&' ? 0 : COUNT(known), n = 1;
        while (i < COUNT(known) && ((n = strlen(known[i].entity)) > s->n - at || memcmp(s->text + at, known[i].entity, n) != 0)) i++;
        if (i < COUNT(known)) {
            build_part(&b, s, from, at);
            build_bytes(&b, &known[i].character, 1, text_mark(s, at));
            from = at += n;
        } else at++;
    }
    build_part(&b, s, from, s->n);
    return build_end(&b);
}
static bool filter_striptags(run *r, const value *v, const call_arguments *a, value *out) {
    value s;
    if (!value_str(r, &v[0], &s)) return false;
    builder b = {.r = r};
    size_t at = 0;
    for (;;) {
        const char *open = memchr(s.text + at, '<', s.n - at);
        if (open == NULL) break;
        const size_t begin = (size_t)(open - s.text);
        const bool comment = s.n - begin >= 4 && memcmp(open, "<!--", 4) == 0;
        const value close = value_literal(comment ? "-->" : ">");
        const int64_t end = text_search(&s, &close, begin + (comment ? 4 : 0), s.n);
        if (end < 0) break;
        build_part(&b, &s, at, begin);
        at = (size_t)end + close.n;
    }
    build_part(&b, &s, at, s.n);
    const value left = build_end(&b);
    const list *words = text_split(r, &left, NULL, -1, false);
    builder joined = {.r = r};
    for (uint32_t i = 0; i < words->n; i++) {
        if (i > 0) build_bytes(&joined, " ", 1, TEMPLATE_MARKUP);
        build_string(&joined, &words->item[i]);
    }
    const value text = build_end(&joined);
    if (memchr(text.text, '&', text.n) == NULL) return *out = text, true;
    return *out = unescape(r, &text), true;
}
static bool filter_xmlattr(run *r, const value *v, const call_arguments *a, value *out) {
    builder b = {.r = r};
    if (v[0].type != VALUE_DICT) return run_fail(r, "xmlattr: this is no dict");
    for (uint32_t i = 0; i < v[0].dict->n; i++) {
        const value *key = &v[0].dict->key[i], *item = &v[0].dict->item[i];
        value text;
        if (item->type == VALUE_NONE || item->type == VALUE_UNDEFINED) continue;
        if (key->type != VALUE_STRING) return run_fail(r, "xmlattr: names must be strings");
        for (uint32_t k = 0; k < key->n; k++)
            if (key->text[k] != 0 && strchr(" \t\n\v\f\r/>=", key->text[k]) != NULL) return run_fail(r, "xmlattr: invalid character in an attribute's name");
        if (b.n > 0 || !given(&v[1]) || value_truth(&v[1])) build_bytes(&b, " ", 1, TEMPLATE_MARKUP);
        if (!soft_str(r, item, &text)) return false;
        const value name = text_escape(r, key), shown = text_escape(r, &text);
        build_string(&b, &name);
        build_bytes(&b, "=\"", 2, TEMPLATE_MARKUP);
        build_string(&b, &shown);
        build_bytes(&b, "\"", 1, TEMPLATE_MARKUP);
    }
    return *out = build_end(&b), true;
}

const builtin jinja_filters[] = {
    {"abs", "", filter_abs},
    {"attr", "name", filter_attr},
    {"capitalize", "", filter_capitalize},
    {"center", "width=", filter_center},
    {"count", "", filter_length},
    {"d", "default_value= boolean=", filter_default},
    {"default", "default_value= boolean=", filter_default},
    {"e", "", filter_escape},
    {"escape", "", filter_escape},
    {"filesizeformat", "binary=", filter_filesizeformat},
    {"float", "default=", filter_float},
    {"forceescape", "", filter_forceescape},
    {"format", "*", filter_format},
    {"indent", "width= first= blank=", filter_indent},
    {"int", "default= base=", filter_int},
    {"length", "", filter_length},
    {"lower", "", filter_lower},
    {"replace", "old new count=", filter_replace},
    {"round", "precision= method=", filter_round},
    {"safe", "", filter_safe},
    {"string", "", filter_string},
    {"striptags", "", filter_striptags},
    {"title", "", filter_title},
    {"tojson", "ensure_ascii= indent= separators= sort_keys=", filter_tojson},
    {"trim", "chars=", filter_trim},
    {"truncate", "length= killwords= end= leeway=", filter_truncate},
    {"upper", "", filter_upper},
    {"urlencode", "", filter_urlencode},
    {"wordcount", "", filter_wordcount},
    {"xmlattr", "autospace=", filter_xmlattr},
    {0},
};

static const builtin *table_find(const builtin *table, const char *name, size_t n) {
    for (; table->name != NULL; table++)
        if (strlen(table->name) == n && memcmp(table->name, name, n) == 0) return table;
    return NULL;
}
const builtin *filter_find(const char *name, size_t n) {
    const builtin *found = table_find(jinja_filters, name, n);
    return found != NULL ? found : table_find(jinja_list_filters, name, n);
}
const builtin *test_find(const char *name, size_t n) {
    return table_find(jinja_tests, name, n);
}
const char *filter_refused(const char *name, size_t n) {
    static const char *const refused[] = {"pprint", "random", "urlize", "wordwrap"};
    for (size_t i = 0; i < COUNT(refused); i++)
        if (strlen(refused[i]) == n && memcmp(refused[i], name, n) == 0) return refused[i];
    return NULL;
}
