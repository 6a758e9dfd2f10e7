/* A template's text to tokens, by the rules of Jinja's lexer with trim_blocks and lstrip_blocks: the first line feed behind a
 * block or comment is dropped, and blanks between a line's beginning and a block; `-` drops all white space on its side, `+` keeps. */
#include "text/jinja/tree.h"

#include "text/jinja/character.h"

typedef struct lexer {
    arena *owner;
    const char *text;
    size_t n, at;
    int line;
    bool line_starts; /* what was read last ended in a line feed */
    token *token;
    size_t n_token, room;
    char open[256]; /* closing brackets that are due */
    int n_open;
    error *err;
} lexer;

static bool lex_fail(lexer *l, int line, const char *what) {
    return fail(l->err, "line %d: %s", line, what);
}

static token *token_push(lexer *l, token_type type, const char *text, size_t n) {
    if (l->n_token == l->room) {
        const size_t room = l->room == 0 ? 64 : l->room * 2;
        token *more = arena_grow(l->owner, l->token, l->room * sizeof *more, room * sizeof *more);
        if (more == NULL) return fail_null(l->err, "the template is too large");
        l->token = more;
        l->room = room;
    }
    token *t = &l->token[l->n_token++];
    *t = (token){.type = (uint8_t)type, .line = l->line, .text = text, .n = n};
    return t;
}

static bool starts(const lexer *l, size_t at, const char *text) {
    const size_t n = strlen(text);
    return at + n <= l->n && memcmp(l->text + at, text, n) == 0;
}
static size_t skip_space(const lexer *l, size_t at) {
    size_t next;
    while (at < l->n && text_is_space(l->text, l->n, at, &next)) at = next;
    return at;
}
static void advance(lexer *l, size_t to) { /* counts the lines on the way */
    for (const char *p = l->text + l->at, *end = l->text + to; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) l->line++;
    l->line_starts = to > 0 && l->text[to - 1] == '\n';
    l->at = to;
}

/* --- text ------------------------------------------------------------------------------------------------------------------------ */
/* Text [from, to) before a tag whose sign is `sign`; block: a block, comment or raw, not an output. */
static bool push_data(lexer *l, size_t from, size_t to, char sign, bool block) {
    size_t end = to;
    if (sign == '-') {
        for (size_t at = from, last = from; at < to;) { /* end: behind the last character that is no white space */
            size_t next;
            const bool space = text_is_space(l->text, to, at, &next);
            if (!space) last = next;
            at = next;
            end = last;
        }
    } else if (sign != '+' && block) {
        size_t begin = to;
        while (begin > from && l->text[begin - 1] != '\n') begin--;
        if ((begin > from || l->line_starts) && begin < to) {
            size_t at = begin, next;
            while (at < to && text_is_space(l->text, to, at, &next)) at = next;
            if (at == to) end = begin;
        }
    }
    const bool ok = end == from || token_push(l, TOKEN_DATA, l->text + from, end - from) != NULL;
    advance(l, to);
    return ok;
}

/* {%[-+]? raw [-]?%} at `at`: behind it, or 0. */
static size_t raw_begin(const lexer *l, size_t at) {
    at += 2;
    if (at < l->n && (l->text[at] == '-' || l->text[at] == '+')) at++;
    at = skip_space(l, at);
    if (!starts(l, at, "raw")) return 0;
    at = skip_space(l, at + 3);
    if (starts(l, at, "-%}")) return skip_space(l, at + 3);
    return starts(l, at, "%}") ? at + 2 : 0;
}
static size_t block_end(const lexer *l, size_t at) { /* behind +%}, -%} or %}, or 0 */
    if (starts(l, at, "+%}")) return at + 3;
    if (starts(l, at, "-%}")) return skip_space(l, at + 3);
    if (starts(l, at, "%}")) return at + 2 + starts(l, at + 2, "\n");
    return 0;
}

static bool lex_raw(lexer *l, size_t begin) {
    advance(l, begin);
    for (size_t at = begin; at < l->n; at++) {
        if (!starts(l, at, "{%")) continue;
        size_t to = at + 2;
        const char sign = to < l->n && (l->text[to] == '-' || l->text[to] == '+') ? l->text[to++] : 0;
        to = skip_space(l, to);
        if (!starts(l, to, "endraw")) continue;
        to = block_end(l, skip_space(l, to + 6));
        if (to == 0) continue;
        if (!push_data(l, begin, at, sign, true)) return false;
        return advance(l, to), true;
    }
    return begin == l->n || lex_fail(l, l->line, "{% raw %} has no {% endraw %}"); /* with nothing behind it, Jinja does not complain */
}

static bool lex_comment(lexer *l) {
    for (size_t at = l->at; at < l->n; at++) {
        size_t to = 0;
        if (starts(l, at, "+#}")) to = at + 3;
        else if (starts(l, at, "-#}")) to = skip_space(l, at + 3);
        else if (starts(l, at, "#}")) to = at + 2 + starts(l, at + 2, "\n");
        if (to > 0) return advance(l, to), true;
    }
    return l->at == l->n || lex_fail(l, l->line, "a comment has no end '#}'"); /* as with raw */
}

/* --- inside a tag ---------------------------------------------------------------------------------------------------------------- */
static bool is_digit(const lexer *l, size_t at) {
    return at < l->n && l->text[at] >= '0' && l->text[at] <= '9';
}
static size_t digits(const lexer *l, size_t at) { /* (\d+_)*\d+ : behind it, or `at` */
    if (!is_digit(l, at)) return at;
    while (is_digit(l, at) || (at < l->n && l->text[at] == '_' && is_digit(l, at + 1))) at++;
    return at;
}
static size_t real_end(const lexer *l, size_t at) { /* behind a number with fraction or exponent, or 0 */
    if (at > 0 && l->text[at - 1] == '.') return 0;
    size_t end = digits(l, at);
    bool real = false;
    if (end < l->n && l->text[end] == '.' && is_digit(l, end + 1)) end = digits(l, end + 1), real = true;
    if (end < l->n && (l->text[end] == 'e' || l->text[end] == 'E')) {
        const size_t sign = end + 1 + (end + 1 < l->n && (l->text[end + 1] == '+' || l->text[end + 1] == '-'));
        if (is_digit(l, sign)) end = digits(l, sign), real = true;
    }
    return real ? end : 0;
}
static bool in_base(char c, int base) {
    const int x = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 99;
    return x < base;
}
static size_t integer_end(const lexer *l, size_t at) {
    if (l->text[at] == '0' && at + 1 < l->n) {
        const char kind = (char)(l->text[at + 1] | 32);
        const int base = kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 0;
        size_t end = at + 2;
        while (base > 0 && end < l->n && (in_base(l->text[end], base) || (l->text[end] == '_' && end + 1 < l->n && in_base(l->text[end + 1], base)))) end++;
        if (base > 0 && end > at + 2) return end;
    }
    size_t end = at + 1;
    const bool zero = l->text[at] == '0';
    while (end < l->n) {
        const size_t digit = end + (l->text[end] == '_');
        if (!is_digit(l, digit) || (zero && l->text[digit] != '0')) break;
        end = digit + 1;
    }
    return end;
}
static bool push_number(lexer *l, token_type type, size_t end) {
    char *copy = arena_copy_bytes(l->owner, l->text + l->at, end - l->at);
    if (copy == NULL) return fail(l->err, "the template is too large");
    size_t n = 0;
    for (size_t i = l->at; i < end; i++)
        if (l->text[i] != '_') copy[n++] = l->text[i];
    copy[n] = 0;
    return token_push(l, type, copy, n) != NULL;
}

static int hex_value(char c) {
    return in_base(c, 16) ? (c <= '9' ? c - '0' : (c | 32) - 'a' + 10) : -1;
}
/* The code point of n hexadecimal digits, or -1. */
static int64_t hex_digits(const char *text, size_t left, int n) {
    int64_t x = 0;
    for (int i = 0; i < n; i++) {
        if ((size_t)i >= left || hex_value(text[i]) < 0) return -1;
        x = x * 16 + hex_value(text[i]);
    }
    return x;
}
/* Python's escapes; the result is never longer than what is read (a code point of \uXXXX takes 3 bytes, of \UXXXXXXXX 4, of \xXX 2). */
static bool unescape(lexer *l, const char *from, size_t n, char *to, size_t *n_to) {
    static const char plain[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    string out = {.data = to, .room = n + 5, .limit = n + 4};
    for (size_t i = 0; i < n;) {
        if (from[i] != '\\' || i + 1 == n) {
            string_char(&out, from[i++]);
            continue;
        }
        const char c = from[i + 1];
        i += 2;
        const char *p = plain;
        while (*p != 0 && *p != c) p += 2;
        const int n_hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        if (*p != 0) string_char(&out, p[1]);
        else if (c == '\n') continue;
        else if (c >= '0' && c <= '7') {
            uint32_t x = (uint32_t)(c - '0');
            for (int k = 0; k < 2 && i < n && from[i] >= '0' && from[i] <= '7'; k++) x = x * 8 + (uint32_t)(from[i++] - '0');
            string_utf8(&out, x);
        } else if (n_hex > 0) {
            const int64_t x = hex_digits(from + i, n - i, n_hex);
            if (x < 0 || x > 0x10ffff) return lex_fail(l, l->line, "a string has a \\x, \\u or \\U escape with too few digits, or beyond Unicode");
            string_utf8(&out, (uint32_t)x);
            i += (size_t)n_hex;
        } else if (c == 'N') return lex_fail(l, l->line, "the escape \\N{...} in a string is not supported");
        else string_char(&out, '\\'), string_char(&out, c);
    }
    *n_to = out.length;
    return true;
}
static bool lex_string(lexer *l) {
    const char quote = l->text[l->at];
    size_t end = l->at + 1;
    bool escaped = false;
    while (end < l->n && l->text[end] != quote) {
        if (l->text[end] == '\\') escaped = true, end++;
        end++;
    }
    if (end >= l->n) return lex_fail(l, l->line, "a string has no end");
    const char *text = l->text + l->at + 1;
    size_t n = end - l->at - 1;
    if (escaped) {
        char *copy = arena_alloc(l->owner, n + 8);
        if (copy == NULL) return fail(l->err, "the template is too large");
        if (!unescape(l, text, n, copy, &n)) return false;
        text = copy;
    }
    if (token_push(l, TOKEN_STRING, text, n) == NULL) return false;
    return advance(l, end + 1), true;
}

static bool lex_operator(lexer *l) {
    static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                            "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (!starts(l, l->at, operators[i])) continue;
        const char c = operators[i][0];
        const char *const opening = memchr("([{", c, 3), *const closing = memchr(")]}", c, 3);
        if (opening != NULL) {
            if (l->n_open == (int)sizeof l->open) return lex_fail(l, l->line, "brackets are nested too deep");
            l->open[l->n_open++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        } else if (closing != NULL && (l->n_open == 0 || l->open[--l->n_open] != c)) return fail(l->err, "line %d: unexpected '%c'", l->line, c);
        token *t = token_push(l, TOKEN_OPERATOR, l->text + l->at, strlen(operators[i]));
        if (t == NULL) return false;
        memcpy(t->op, operators[i], strlen(operators[i]));
        return advance(l, l->at + strlen(operators[i])), true;
    }
    const unsigned char c = (unsigned char)l->text[l->at];
    return c >= 33 && c < 127 ? fail(l->err, "line %d: unexpected character '%c'", l->line, c) : fail(l->err, "line %d: unexpected byte %#x", l->line, c);
}

static size_t name_end(const lexer *l, size_t at) {
    for (size_t next = at; at < l->n; at = next) {
        const uint32_t c = utf8_next(l->text, l->n, &next);
        if (c != '_' && (character_class(c) & CHARACTER_ALNUM) == 0) break;
    }
    return at;
}

/* Up to the end of a {{ }} or {% %}. */
static bool lex_tag(lexer *l, bool block) {
    l->n_open = 0;
    const int line = l->line;
    while (l->at < l->n) {
        size_t end = 0;
        if (l->n_open == 0 && block) end = block_end(l, l->at);
        else if (l->n_open == 0) end = starts(l, l->at, "-}}") ? skip_space(l, l->at + 3) : starts(l, l->at, "}}") ? l->at + 2 : 0;
        if (end > 0) {
            if (token_push(l, block ? TOKEN_BLOCK_END : TOKEN_OUTPUT_END, NULL, 0) == NULL) return false;
            return advance(l, end), true;
        }
        const size_t space = skip_space(l, l->at);
        if (space > l->at) {
            advance(l, space);
            continue;
        }
        const char c = l->text[l->at];
        if (c >= '0' && c <= '9') {
            const size_t real = real_end(l, l->at);
            end = real > 0 ? real : integer_end(l, l->at);
            if (!push_number(l, real > 0 ? TOKEN_REAL : TOKEN_INTEGER, end)) return false;
            advance(l, end);
        } else if (c == '\'' || c == '"') {
            if (!lex_string(l)) return false;
        } else if ((end = name_end(l, l->at)) > l->at) {
            if (token_push(l, TOKEN_NAME, l->text + l->at, end - l->at) == NULL) return false;
            advance(l, end);
        } else if (!lex_operator(l)) return false;
    }
    return lex_fail(l, line, block ? "'{%' has no end '%}'" : "'{{' has no end '}}'");
}

/* --- the whole -------------------------------------------------------------------------------------------------------------------- */
/* "\r\n" and "\r" become "\n"; one line feed at the very end is dropped. */
static char *normalize_lines(arena *owner, const char *text, size_t n, size_t *n_out) {
    char *copy = arena_copy_bytes(owner, text, n);
    if (copy == NULL) return NULL;
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        copy[to++] = text[i] == '\r' ? '\n' : text[i];
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') i++;
    }
    if (to > 0 && copy[to - 1] == '\n') to--;
    copy[to] = 0;
    *n_out = to;
    return copy;
}

static bool lex_next(lexer *l) {
    size_t at = l->at;
    while (at < l->n && !(l->text[at] == '{' && at + 1 < l->n && memchr("{%#", l->text[at + 1], 3) != NULL)) {
        const char *brace = memchr(l->text + at + 1, '{', l->n - at - 1);
        at = brace != NULL ? (size_t)(brace - l->text) : l->n;
    }
    if (at == l->n) {
        if (token_push(l, TOKEN_DATA, l->text + l->at, l->n - l->at) == NULL) return false;
        return advance(l, l->n), true;
    }
    const char kind = l->text[at + 1];
    const char sign = at + 2 < l->n && (l->text[at + 2] == '-' || l->text[at + 2] == '+') ? l->text[at + 2] : 0;
    const size_t raw = kind == '%' ? raw_begin(l, at) : 0;
    if (!push_data(l, l->at, at, sign, kind != '{')) return false;
    if (raw > 0) return lex_raw(l, raw);
    advance(l, at + 2 + (sign != 0));
    if (kind == '#') return lex_comment(l);
    return token_push(l, kind == '{' ? TOKEN_OUTPUT_BEGIN : TOKEN_BLOCK_BEGIN, NULL, 0) != NULL && lex_tag(l, kind == '%');
}

token *jinja_tokens(arena *owner, const char *text, size_t n, size_t *n_token, error *err) {
    lexer l = {.owner = owner, .line = 1, .line_starts = true, .err = err};
    l.text = normalize_lines(owner, text, n, &l.n);
    if (l.text == NULL) return fail_null(err, "the template is too large");
    while (l.at < l.n)
        if (!lex_next(&l)) return NULL;
    if (token_push(&l, TOKEN_END, NULL, 0) == NULL) return NULL;
    *n_token = l.n_token;
    return l.token;
}
