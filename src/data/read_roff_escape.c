/* Escapes. A line is first expanded (strings, registers, arguments, widths become text), then looked at, and what is printed
 * is rendered (special characters become UTF-8, the rest of the escapes goes away). */
#include "data/read_roff_inner.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS_PER_EN = 24, UNITS_PER_LINE = 40, UNITS_PER_INCH = 240 };

/* A name as escapes carry it: x, (xx or [xxx]; *at moves behind it. */
static void escape_name(const char *text, size_t n, size_t *at, const char **name, size_t *name_n) {
    *name = text + *at;
    *name_n = 0;
    if (*at >= n) return;
    if (text[*at] == '(') {
        *name = text + *at + 1;
        *name_n = n - *at - 1 < 2 ? n - *at - 1 : 2;
        *at += 1 + *name_n;
    } else if (text[*at] == '[') {
        size_t end = ++*at;
        while (end < n && text[end] != ']') end++;
        *name = text + *at;
        *name_n = end - *at;
        *at = end < n ? end + 1 : n;
    } else {
        size_t end = *at;
        utf8_next(text, n, &end);
        *name_n = end - *at;
        *at = end;
    }
}

/* What stands between two equal characters, as in \h'...'; *at moves behind the second. */
static void escape_quoted(const char *text, size_t n, size_t *at, const char **inside, size_t *inside_n) {
    *inside = text + *at;
    *inside_n = 0;
    if (*at >= n) return;
    const char quote = text[(*at)++];
    const size_t begin = *at;
    while (*at < n && text[*at] != quote) *at += text[*at] == '\\' && *at + 1 < n ? 2 : 1;
    if (*at > n) *at = n;
    *inside = text + begin;
    *inside_n = *at - begin;
    if (*at < n) ++*at;
}

static size_t size_end(const char *text, size_t n, size_t at) { /* behind \s */
    const char *ignored;
    size_t ignored_n;
    if (at < n && (text[at] == '+' || text[at] == '-')) at++;
    if (at >= n) return n;
    if (text[at] == '\'') return escape_quoted(text, n, &at, &ignored, &ignored_n), at;
    if (text[at] == '(' || text[at] == '[') return escape_name(text, n, &at, &ignored, &ignored_n), at;
    if (text[at] >= '1' && text[at] <= '3' && at + 1 < n && text[at + 1] >= '0' && text[at + 1] <= '9') return at + 2;
    return at + 1;
}

size_t roff_escape_end(const char *text, size_t n, size_t at) {
    const char *ignored;
    size_t ignored_n;
    if (at + 1 >= n) return n;
    const char c = text[at + 1];
    at += 2;
    switch (c) {
    case '(':
    case '[':
        at--;
        escape_name(text, n, &at, &ignored, &ignored_n);
        return at;
    case 'n':
        if (at < n && (text[at] == '+' || text[at] == '-')) at++;
        escape_name(text, n, &at, &ignored, &ignored_n);
        return at;
    case '*':
    case 'f':
    case 'F':
    case 'm':
    case 'M':
    case 'k':
    case 'g':
    case 'V':
    case 'Y':
    case 'O':
    case '$': escape_name(text, n, &at, &ignored, &ignored_n); return at;
    case 's': return size_end(text, n, at);
    case 'A':
    case 'b':
    case 'B':
    case 'C':
    case 'D':
    case 'h':
    case 'H':
    case 'l':
    case 'L':
    case 'N':
    case 'o':
    case 'R':
    case 'S':
    case 'v':
    case 'w':
    case 'x':
    case 'X':
    case 'Z': escape_quoted(text, n, &at, &ignored, &ignored_n); return at;
    default:
        at--;
        utf8_next(text, n, &at);
        return at;
    }
}

/* ---- numbers ---- */

static bool number_expression(const char *text, size_t n, size_t *at, double *value, int depth);

static double unit_factor(char unit) { /* 0: no unit */
    switch (unit) {
    case 'u': return 1;
    case 'n':
    case 'm':
    case 's': return UNITS_PER_EN;
    case 'v':
    case 'P': return UNITS_PER_LINE;
    case 'i': return UNITS_PER_INCH;
    case 'c': return UNITS_PER_INCH / 2.54;
    case 'p': return UNITS_PER_INCH / 72.0;
    case 'M': return UNITS_PER_EN / 100.0;
    case 'f': return 65536;
    default: return 0;
    }
}

static bool number_term(const char *text, size_t n, size_t *at, double *value, int depth) {
    bool negative = false;
    while (*at < n && (text[*at] == '-' || text[*at] == '+')) negative ^= text[(*at)++] == '-';
    if (*at < n && text[*at] == '(' && depth < ROFF_MAX_DEPTH) {
        ++*at;
        if (!number_expression(text, n, at, value, depth + 1)) return false;
        if (*at < n && text[*at] == ')') ++*at;
    } else {
        const size_t begin = *at;
        double x = 0, place = 1;
        while (*at < n && text[*at] >= '0' && text[*at] <= '9') x = x * 10 + (text[(*at)++] - '0');
        if (*at < n && text[*at] == '.' && *at + 1 < n && text[*at + 1] >= '0' && text[*at + 1] <= '9')
            for (++*at; *at < n && text[*at] >= '0' && text[*at] <= '9'; ++*at) x += (text[*at] - '0') * (place /= 10);
        if (*at == begin) return false;
        const double unit = *at < n ? unit_factor(text[*at]) : 0;
        if (unit != 0) x *= unit, ++*at;
        *value = x;
    }
    if (negative) *value = -*value;
    if (!(*value > -1e15)) *value = -1e15; /* far beyond any page, and safe to turn into an integer */
    if (!(*value < 1e15)) *value = 1e15;
    return true;
}

static double apply(char operation, bool equal, double a, double b) {
    const long p = (long)a, q = (long)b;
    switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return b == 0 ? 0 : (double)(long)(a / b);
    case '%': return q == 0 ? 0 : (double)(p % q);
    case '<': return equal ? a <= b : a < b;
    case '>': return equal ? a >= b : a > b;
    case '=': return a == b;
    case '&': return a > 0 && b > 0;
    case ':': return a > 0 || b > 0;
    case 'm': return a < b ? a : b; /* <? */
    default: return a > b ? a : b;  /* >? */
    }
}

/* Left to right, without precedence, as troff does. */
static bool number_expression(const char *text, size_t n, size_t *at, double *value, int depth) {
    if (depth > 0)
        while (*at < n && text[*at] == ' ') ++*at;
    if (!number_term(text, n, at, value, depth)) return false;
    for (;;) {
        size_t here = *at;
        if (depth > 0)
            while (here < n && text[here] == ' ') here++;
        if (here >= n || strchr("+-*/%<>=&:", text[here]) == NULL || text[here] == 0) return *at = here, true;
        char operation = text[here++];
        bool equal = false;
        if (here < n && text[here] == '=' && strchr("<>=", operation) != NULL) equal = true, here++;
        else if (here < n && text[here] == '?' && (operation == '<' || operation == '>')) operation = operation == '<' ? 'm' : 'M', here++;
        double right;
        if (depth > 0)
            while (here < n && text[here] == ' ') here++;
        if (!number_term(text, n, &here, &right, depth)) return true;
        *value = apply(operation, equal, *value, right);
        if (!(*value > -1e15 && *value < 1e15)) *value = 0;
        *at = here;
    }
}

bool roff_number(const char *text, size_t n, size_t *at, long *value) {
    double x;
    size_t here = *at;
    if (!number_expression(text, n, &here, &x, 0)) return false;
    *at = here;
    *value = (long)x;
    return true;
}

/* ---- registers and strings ---- */

roff_text *roff_find(roff *r, const char *name, size_t n) {
    const int64_t *value = map_get(r->names, name, n);
    return value != NULL ? (roff_text *)(intptr_t)*value : NULL;
}

static const roff_source *macro_source(const roff *r) {
    for (const roff_source *s = r->source; s != NULL; s = s->below)
        if (s->is_macro) return s;
    return NULL;
}

long roff_register(roff *r, const char *name, size_t n) {
    if (n >= 2 && name[0] == '.') {
        if (n == 2 && name[1] == '$') return macro_source(r) != NULL ? macro_source(r)->n_arg - 1 : 0;
        if (n == 2 && name[1] == 'g') return 1; /* we say that we are groff, as mandoc does */
        if (n == 2 && name[1] == 'H') return UNITS_PER_EN;
        if (n == 2 && name[1] == 'V') return UNITS_PER_LINE;
        return 0;
    }
    const int64_t *value = map_get(r->registers, name, n);
    return value != NULL ? (long)*value : 0;
}

void roff_set_register(roff *r, const char *name, size_t n, long value) {
    int64_t *place = map_put(r->registers, name, n, NULL);
    if (place != NULL) *place = value;
    else roff_stop(r, "the page needs more memory than a document may take");
}

/* ---- expansion ---- */

static void expand_into(roff *r, const char *text, size_t n, string *out, int depth);

static void expand_string(roff *r, const char *name, size_t n, string *out, int depth) {
    const char *blank = memchr(name, ' ', n); /* \*[name argument ...] */
    if (blank != NULL) n = (size_t)(blank - name);
    const roff_text *own = roff_find(r, name, n);
    if (own != NULL) {
        size_t length = own->n;
        while (length > 0 && own->is_macro && own->text[length - 1] == '\n') length--;
        expand_into(r, own->text, length, out, depth + 1);
        return;
    }
    const char *text = roff_predefined(name, n);
    if (text != NULL) string_text(out, text);
}

static void expand_argument(roff *r, const char *name, size_t n, string *out) {
    const roff_source *s = macro_source(r);
    if (s == NULL || n == 0) return;
    if (n == 1 && (name[0] == '*' || name[0] == '@')) {
        for (int i = 1; i < s->n_arg; i++) string_print(out, name[0] == '*' ? "%s%s" : "%s\"%s\"", i > 1 ? " " : "", s->arg[i]);
        return;
    }
    long index = 0;
    for (size_t i = 0; i < n; i++) {
        if (name[i] < '0' || name[i] > '9' || index > ROFF_MAX_ARGS) return;
        index = index * 10 + (name[i] - '0');
    }
    if (index < s->n_arg) string_text(out, s->arg[index]);
}

static void expand_register(roff *r, const char *text, size_t n, size_t *at, string *out) {
    const char *name;
    size_t name_n;
    const char sign = *at < n && (text[*at] == '+' || text[*at] == '-') ? text[(*at)++] : 0;
    escape_name(text, n, at, &name, &name_n);
    if (sign != 0) {
        const int64_t *step = map_get(r->steps_of, name, name_n);
        const long by = step != NULL ? (long)*step : 0;
        const long now = roff_register(r, name, name_n);
        roff_set_register(r, name, name_n, sign == '+' ? now + by : now - by);
    }
    string_print(out, "%ld", roff_register(r, name, name_n));
}

static void expand_width(roff *r, const char *text, size_t n, string *out, int depth) {
    string inner = {.limit = ROFF_MAX_LINE}, shown = {.limit = ROFF_MAX_LINE};
    const bool continued = r->continued;
    expand_into(r, text, n, &inner, depth + 1);
    roff_render(r, string_chars(&inner), inner.length, &shown);
    r->continued = continued;
    long count = 0;
    for (size_t i = 0; i < shown.length; count++) utf8_next(shown.data, shown.length, &i);
    string_print(out, "%ld", count * UNITS_PER_EN);
    string_drop(&inner);
    string_drop(&shown);
}

static void expand_into(roff *r, const char *text, size_t n, string *out, int depth) {
    if (depth > ROFF_MAX_DEPTH || r->failed) return;
    if ((r->steps += 1 + (long)(n / 64)) > ROFF_MAX_STEPS) {
        roff_stop(r, "the page's macros do not come to an end");
        return;
    }
    for (size_t at = 0; at < n;) {
        if (text[at] != r->escape || at + 1 >= n) {
            string_append(out, text + at++, 1);
            continue;
        }
        const char *name;
        size_t name_n;
        size_t after = at + 1;
        if (text[after] == 'E' && after + 1 < n) after++; /* \E is an escape character that is not seen in copy mode */
        switch (text[after]) {
        case '*':
            after++;
            escape_name(text, n, &after, &name, &name_n);
            expand_string(r, name, name_n, out, depth);
            break;
        case 'n':
            after++;
            expand_register(r, text, n, &after, out);
            break;
        case '$':
            after++;
            escape_name(text, n, &after, &name, &name_n);
            expand_argument(r, name, name_n, out);
            break;
        case 'w':
            after++;
            escape_quoted(text, n, &after, &name, &name_n);
            expand_width(r, name, name_n, out, depth);
            break;
        case 'B': {
            long ignored;
            size_t end = 0;
            after++;
            escape_quoted(text, n, &after, &name, &name_n);
            string_char(out, name_n > 0 && roff_number(name, name_n, &end, &ignored) && end == name_n ? '1' : '0');
            break;
        }
        case 'A':
            after++;
            escape_quoted(text, n, &after, &name, &name_n);
            string_char(out, name_n > 0 ? '1' : '0');
            break;
        case 'V':
            after++;
            escape_name(text, n, &after, &name, &name_n);
            break;
        default: /* kept; the character behind it too, so that \\* stays what it is */ string_char(out, '\\'); string_append(out, text + after++, 1);
        }
        at = after;
    }
}

const char *roff_expand(roff *r, const char *line, size_t n, size_t *expanded) {
    *expanded = n;
    if (r->escape == 0 || memchr(line, r->escape, n) == NULL) return line;
    bool needed = r->escape != '\\';
    for (size_t i = 0; i + 1 < n && !needed; i++)
        if (line[i] == '\\') needed = line[i + 1] != 0 && strchr("*n$wBAVE", line[i + 1]) != NULL, i++;
    if (!needed) return line;
    string out = {.limit = ROFF_MAX_LINE};
    expand_into(r, line, n, &out, 0);
    *expanded = out.length;
    const char *copy = arena_copy_bytes(r->owner, string_chars(&out), out.length);
    if (copy == NULL || out.overflow) roff_stop(r, "the page needs more memory than a document may take"), copy = "", *expanded = 0;
    string_drop(&out);
    return copy;
}

/* ---- what prints ---- */

static bool hex_code_point(const char *name, size_t n, uint32_t *c) {
    *c = 0;
    if (n < 4 || n > 6) return false;
    for (size_t i = 0; i < n; i++) {
        const char h = name[i];
        const int digit = h >= '0' && h <= '9' ? h - '0' : h >= 'A' && h <= 'F' ? h - 'A' + 10 : h >= 'a' && h <= 'f' ? h - 'a' + 10 : -1;
        if (digit < 0) return false;
        *c = *c << 4 | (uint32_t)digit;
    }
    return *c <= 0x10ffff;
}

static void render_code_point(uint32_t c, string *out) {
    if (c == 0xa0) c = ' ';
    if (c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c <= 0x10ffff) string_utf8(out, c);
}

/* uXXXX, uXXXX_XXXX (letter and accents), charNNN, or a name of the table */
static void render_named(const char *name, size_t n, string *out) {
    uint32_t c;
    if (n > 4 && name[0] == 'u') {
        const size_t start = out->length;
        for (size_t at = 1; at < n;) {
            size_t end = at;
            while (end < n && name[end] != '_') end++;
            if (!hex_code_point(name + at, end - at, &c)) {
                out->length = start;
                break;
            }
            render_code_point(c, out);
            at = end + 1;
        }
        if (out->length > start) return;
    }
    if (n > 4 && memcmp(name, "char", 4) == 0) {
        render_code_point((uint32_t)strtoul(name + 4, NULL, 10) & 0xffff, out);
        return;
    }
    const char *text = roff_character(name, n);
    if (text != NULL) string_text(out, text);
}

static void render_motion(const char *text, size_t n, string *out) { /* \h */
    size_t at = 0;
    double value;
    if (!number_expression(text, n, &at, &value, 0)) return;
    const bool has_unit = at > 0 && unit_factor(text[at - 1]) != 0;
    const double columns = has_unit ? value / UNITS_PER_EN : value;
    for (int i = 0; i < (int)(columns + 0.5) && i < 200; i++) string_char(out, ' ');
}

static void render_line(roff *r, const char *text, size_t n, string *out) { /* \l */
    size_t at = 0;
    double value;
    if (!number_expression(text, n, &at, &value, 0)) return;
    const bool has_unit = at > 0 && unit_factor(text[at - 1]) != 0;
    const double columns = has_unit ? value / UNITS_PER_EN : value;
    for (int i = 0; i < (int)columns && i < 200; i++) string_char(out, '_');
}

/* The last of the characters that are printed on one another. */
static void render_overstrike(roff *r, const char *text, size_t n, string *out) {
    size_t begin = 0;
    for (size_t at = 0; at < n;) {
        begin = at;
        if (text[at] == '\\') at = roff_escape_end(text, n, at);
        else utf8_next(text, n, &at);
    }
    if (begin < n) roff_render(r, text + begin, n - begin, out);
}

/* One escape, text[at..end). */
static void render_escape(roff *r, const char *text, size_t end, size_t at, string *out) {
    const char *name;
    size_t name_n, from = at + 1;
    if (from >= end) return;
    const char c = text[from];
    switch (c) {
    case '(':
    case '[':
        escape_name(text, end, &from, &name, &name_n);
        render_named(name, name_n, out);
        return;
    case 'C':
        from++;
        escape_quoted(text, end, &from, &name, &name_n);
        render_named(name, name_n, out);
        return;
    case 'N': {
        from++;
        escape_quoted(text, end, &from, &name, &name_n);
        char digits[8] = {0};
        memcpy(digits, name, name_n < 7 ? name_n : 7);
        render_code_point((uint32_t)strtoul(digits, NULL, 10), out);
        return;
    }
    case 'h':
        from++;
        escape_quoted(text, end, &from, &name, &name_n);
        render_motion(name, name_n, out);
        return;
    case 'l':
        from++;
        escape_quoted(text, end, &from, &name, &name_n);
        render_line(r, name, name_n, out);
        return;
    case 'o':
        from++;
        escape_quoted(text, end, &from, &name, &name_n);
        if (name_n < end - at) render_overstrike(r, name, name_n, out);
        return;
    case 'c': r->continued = true; return;
    case 'e':
    case 'E':
    case '\\': string_char(out, '\\'); return;
    case '\'': string_text(out, "\xc2\xb4"); return;
    case ' ':
    case '~':
    case '0': string_char(out, ' '); return;
    case 't': string_char(out, '\t'); return;
    default:
        /* Fonts, sizes, colours, motions and marks print nothing; an unknown escape prints its character. */
        if (strchr("fsmMFvkDbxXRSHLAZduraBwgVYO$*n{}&)%:/,|^!?pz\"#", c) == NULL) string_append(out, text + from, end - from);
    }
}

void roff_render(roff *r, const char *raw, size_t n, string *out) {
    const bool translated = map_count(r->printed) > 0;
    bool hidden = false;           /* \z: the next character is printed over */
    if (r->rendering >= 4) return; /* overstrikes in overstrikes, translations of translations */
    r->rendering++;
    for (size_t at = 0; at < n;) {
        size_t end = at;
        const size_t before = out->length;
        if (raw[at] == '\\' && r->escape != 0) end = roff_escape_end(raw, n, at);
        else utf8_next(raw, n, &end);
        const int64_t *other = translated ? map_get(r->printed, raw + at, end - at) : NULL;
        if (other != NULL && *other != 0) {
            const roff_text *instead = (const roff_text *)(intptr_t)*other;
            if (instead->n > 0 && instead->text[0] == '\\') render_escape(r, instead->text, instead->n, 0, out);
            else string_append(out, instead->text, instead->n);
        } else if (raw[at] == '\\' && r->escape != 0) {
            if (at + 1 < n && raw[at + 1] == 'z') {
                hidden = true;
                at = end;
                continue;
            }
            render_escape(r, raw, end, at, out);
        } else {
            size_t i = at;
            const uint32_t c = utf8_next(raw, n, &i);
            if (c == '\t' || (c >= 0x20 && c < 0x7f)) string_append(out, raw + at, end - at);
            else render_code_point(c, out);
        }
        if (hidden && out->length > before) out->length = before, hidden = false;
        at = end;
    }
    r->rendering--;
    if (out->data != NULL) out->data[out->length] = 0;
}
