/* Oniguruma's regular expressions written out for PCRE2. One walk over the text, atom by atom; brackets and properties become
 * sets of code points. */
#include "text/pattern_inner.h"

#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_DEPTH = 100, MOST_REPEATS = 1000 };

/* Case is ignored, blanks and comments are skipped, '.' takes line ends too. */
typedef struct pattern_flags {
    bool any_case, extended, dot_all;
} pattern_flags;

typedef struct translation {
    const char *text;
    size_t n, at;
    string *out;
    pattern_flags flags;
    char before; /* the last letter where case is ignored, in lower case; 0: something else */
    int depth;
    error *err;
} translation;

static bool refuse(const translation *t, size_t at, const char *what) {
    return fail(t->err, "%s at byte %zu of the pattern %.300s", what, at, t->text);
}

static bool next_is(const translation *t, const char *text) {
    const size_t n = strlen(text);
    return t->n - t->at >= n && memcmp(t->text + t->at, text, n) == 0;
}

static bool take(translation *t, const char *text) {
    if (!next_is(t, text)) return false;
    t->at += strlen(text);
    return true;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* --- single characters --------------------------------------------------------------------------------------------------- */
/* Up to `most` digits to the base; *n says how many. */
static uint32_t read_digits(translation *t, int base, int most, int *n) {
    uint32_t c = 0;
    for (*n = 0; *n < most && t->at < t->n; ++*n, t->at++) {
        const int digit = hex_digit(t->text[t->at]);
        if (digit < 0 || digit >= base) break;
        c = c * (uint32_t)base + (uint32_t)digit;
    }
    return c;
}

/* The character that an escape stands for, t->at behind the backslash. */
static bool read_escape(translation *t, uint32_t *c) {
    static const char letters[] = "tnrfvae", values[] = "\t\n\r\f\v\a\x1b";
    const size_t at = t->at - 1;
    const unsigned char letter = (unsigned char)t->text[t->at];
    const char *known = strchr(letters, letter);
    int n;
    if (letter != 0 && known != NULL) {
        t->at++;
        *c = (unsigned char)values[known - letters];
    } else if (take(t, "x{")) {
        *c = read_digits(t, 16, 8, &n);
        if (n == 0 || !take(t, "}")) return refuse(t, at, "\\x{..} without a closing brace");
    } else if (letter == 'x' || letter == 'u') {
        t->at++;
        *c = read_digits(t, 16, letter == 'x' ? 2 : 4, &n);
        if (n == 0 || (letter == 'u' && n < 4)) return refuse(t, at, "an escape without its digits");
        if (letter == 'x' && *c > 127) return refuse(t, at, "\\x for a byte that is no character");
    } else if (letter == '0') {
        *c = read_digits(t, 8, 3, &n);
        if (*c > 127) return refuse(t, at, "an octal escape for a byte that is no character");
    } else if ((letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'z')) {
        return refuse(t, at, "an escape that is not supported");
    } else *c = utf8_next(t->text, t->n, &t->at);
    return *c < CODE_POINTS && (*c < 0xd800 || *c > 0xdfff) ? true : refuse(t, at, "an escape for no character");
}

/* Letters that are the same where case is ignored. Beyond ASCII only those that ASCII letters are the same as. */
static bool add_cases(const translation *t, size_t at, code_point_set *s, uint32_t c) {
    set_add(s, c);
    if (c < 128) {
        const uint32_t lower = c | 32;
        if (lower < 'a' || lower > 'z') return true;
        set_add(s, lower);
        set_add(s, lower - 32);
        if (lower == 's') set_add(s, 0x17f);
        if (lower == 'k') set_add(s, 0x212a);
        return true;
    }
    const unicode_kind kind = unicode_category(c);
    if (kind == UNICODE_LO || unicode_class(c) == 0 || (unicode_class(c) & UNICODE_SPACE)) return true;
    return refuse(t, at, "a character beyond ASCII where case is ignored");
}

/* Two letters that are the same as one ligature or sharp s. */
static bool is_ligature(char a, char b) {
    return (a == 's' && (b == 's' || b == 't')) || (a == 'f' && (b == 'f' || b == 'i' || b == 'l'));
}

static bool write_character(translation *t, size_t at, uint32_t c, code_point_set *spare) {
    if (t->flags.any_case) {
        memset(spare, 0, sizeof *spare);
        if (!add_cases(t, at, spare, c)) return false;
        const char lower = (char)(c < 128 ? c | 32 : 0);
        if (is_ligature(t->before, lower)) return refuse(t, at, "a pair of letters that is also a ligature, where case is ignored,");
        set_write(spare, t->out);
        t->before = lower;
    } else string_print(t->out, "\\x{%x}", (unsigned)c);
    return true;
}

/* --- sets ---------------------------------------------------------------------------------------------------------------------- */
static code_point_set *set_new(void) {
    return calloc(1, sizeof(code_point_set));
}

/* \p{NAME}, \P{NAME}, \p{^NAME}; t->at behind the p. Outside brackets \p{Word} is \w, which is more than [[:word:]]. */
static bool read_property(translation *t, bool in_bracket, bool negated, code_point_set *s) {
    const size_t at = t->at - 2;
    const char *close = take(t, "{") ? memchr(t->text + t->at, '}', t->n - t->at) : NULL;
    if (close == NULL) return refuse(t, at, "\\p without {NAME}");
    if (take(t, "^")) negated = !negated;
    const char *name = t->text + t->at;
    size_t n = (size_t)(close - name);
    t->at = (size_t)(close + 1 - t->text);
    if (!in_bracket && n == 4 && strncasecmp(name, "word", n) == 0) name = "\\w", n = 2;
    if (!set_add_property(s, name, n)) return refuse(t, at, "a property that is not known");
    if (negated) set_complement(s);
    return true;
}

/* A class escape (\s, \P{L}, ...) at t->at behind the backslash into the empty *s; *is says whether there is one. */
static bool read_class_escape(translation *t, bool in_bracket, code_point_set *s, bool *is) {
    const struct {
        char letter;
        const char *name;
    } classes[] = {{'s', "space"}, {'d', "digit"}, {'w', in_bracket ? "word" : "\\w"}, {'h', "xdigit"}};
    const char letter = t->text[t->at], lower = (char)(letter | 32);
    *is = true;
    if (lower == 'p') {
        t->at++;
        return read_property(t, in_bracket, letter == 'P', s);
    }
    for (size_t i = 0; i < COUNT(classes); i++) {
        if (lower != classes[i].letter) continue;
        t->at++;
        set_add_property(s, classes[i].name, strlen(classes[i].name));
        if (letter != lower) set_complement(s);
        return true;
    }
    if (letter == 'R' || letter == 'X' || letter == 'N' || letter == 'O') return refuse(t, t->at - 1, "an escape that is not supported in brackets");
    return !(*is = false);
}

/* [:name:] or [:^name:] at t->at; *is says whether it is one. */
static bool read_posix(translation *t, code_point_set *s, bool *is) {
    size_t end = t->at + 2;
    while (end < t->n && ((t->text[end] >= 'a' && t->text[end] <= 'z') || (t->text[end] == '^' && end == t->at + 2))) end++;
    *is = next_is(t, "[:") && t->n - end >= 2 && t->text[end] == ':' && t->text[end + 1] == ']';
    if (!*is) return true;
    const bool negated = t->text[t->at + 2] == '^';
    const size_t begin = t->at + 2 + negated;
    static const char *const names[] = {"blank", "cntrl", "digit", "punct", "space", "xdigit", "word"};
    size_t i = 0;
    while (i < COUNT(names) && (strlen(names[i]) != end - begin || memcmp(names[i], t->text + begin, end - begin) != 0)) i++;
    if (i == COUNT(names)) return refuse(t, t->at, "a class in brackets that is not supported");
    if (strcmp(names[i], "punct") == 0) set_add_property(s, "S", 1); /* unlike \p{Punct} */
    set_add_property(s, names[i], strlen(names[i]));
    if (negated) set_complement(s);
    t->at = end + 2;
    return true;
}

static bool read_bracket(translation *t, code_point_set *s);

/* One character of a bracket. */
static bool read_bracket_character(translation *t, uint32_t *c) {
    if (!take(t, "\\")) {
        *c = utf8_next(t->text, t->n, &t->at);
        return true;
    }
    if (t->at == t->n) return refuse(t, t->at, "an escape of nothing");
    if (take(t, "b")) {
        *c = '\b';
        return true;
    }
    return read_escape(t, c);
}

/* A character or a range of them. */
static bool read_range(translation *t, code_point_set *s) {
    const size_t at = t->at;
    uint32_t first, last;
    if (!read_bracket_character(t, &first)) return false;
    last = first;
    if (next_is(t, "-") && t->n - t->at >= 2 && t->text[t->at + 1] != ']') {
        t->at++;
        if (next_is(t, "[")) return refuse(t, at, "a range that ends in a set");
        if (t->n - t->at >= 2 && next_is(t, "\\") && strchr("pPsSdDwWhH", t->text[t->at + 1]) != NULL) return refuse(t, at, "a range that ends in a class");
        if (!read_bracket_character(t, &last)) return false;
        if (last < first) return refuse(t, at, "a range that runs backwards");
    }
    if (!t->flags.any_case) {
        set_add_range(s, first, last);
        return true;
    }
    for (uint32_t c = first; c <= last; c++)
        if (!add_cases(t, at, s, c)) return false;
    return true;
}

/* One member of a bracket into *s. */
static bool read_member(translation *t, code_point_set *s) {
    code_point_set *part = set_new();
    bool is = false, ok = part != NULL || fail(t->err, "out of memory");
    const size_t at = t->at;
    if (ok && next_is(t, "[")) {
        ok = read_posix(t, part, &is);
        if (ok && !is) {
            t->at++;
            ok = read_bracket(t, part);
        }
        is = true;
    } else if (ok && next_is(t, "\\") && t->n - t->at >= 2) {
        t->at++;
        ok = read_class_escape(t, true, part, &is);
        if (ok && !is) t->at--;
    }
    if (ok && is && next_is(t, "-") && t->n - t->at >= 2 && t->text[t->at + 1] != ']') ok = refuse(t, t->at, "a range that begins with a class");
    if (ok && is && t->flags.any_case) ok = refuse(t, at, "a class in brackets where case is ignored");
    if (ok && is) set_unite(s, part);
    if (ok && !is) ok = read_range(t, s);
    free(part);
    return ok;
}

/* A bracket, t->at behind its '['. "a&&b" is what is in both. */
static bool read_bracket(translation *t, code_point_set *s) {
    const size_t at = t->at - 1;
    if (++t->depth > MOST_DEPTH) return refuse(t, at, "too deep a nesting");
    const bool negated = take(t, "^");
    code_point_set *part = set_new();
    bool ok = part != NULL || fail(t->err, "out of memory"), both = false, first = true;
    for (; ok; first = false) {
        if (t->at == t->n) ok = refuse(t, at, "a bracket that is not closed");
        else if (next_is(t, "]") && !first) break;
        else if (next_is(t, "]") && memchr(t->text + t->at + 1, ']', t->n - t->at - 1) == NULL) ok = refuse(t, at, "an empty bracket");
        else if (take(t, "&&")) {
            if (both) set_intersect(s, part);
            else *s = *part;
            both = true;
            memset(part, 0, sizeof *part);
        } else ok = read_member(t, part);
    }
    if (ok) {
        t->at++;
        if (both) set_intersect(s, part);
        else *s = *part;
        if (negated) set_complement(s);
    }
    free(part);
    t->depth--;
    return ok;
}

/* --- atoms ------------------------------------------------------------------------------------------------------------------------ */
static bool write_set(translation *t, bool (*read)(translation *, code_point_set *)) {
    code_point_set *s = set_new();
    const bool ok = s != NULL ? read(t, s) : fail(t->err, "out of memory");
    if (ok) set_write(s, t->out);
    free(s);
    t->before = 0;
    return ok;
}

static bool read_word(translation *t, code_point_set *s) {
    return set_add_property(s, "\\w", 2);
}

/* \b: a character of a word on one side alone. */
static bool write_word_edge(translation *t, bool negated) {
    string *out = t->out, word = {0};
    t->out = &word;
    const bool ok = write_set(t, read_word);
    t->out = out;
    const char *w = string_chars(&word);
    if (ok) string_print(out, negated ? "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))" : "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", w, w, w, w);
    string_drop(&word);
    return ok;
}

static bool read_class(translation *t, code_point_set *s) {
    bool is;
    return read_class_escape(t, false, s, &is);
}

/* An escape outside brackets, t->at behind the backslash. *repeats: a quantifier may follow. */
static bool write_escape(translation *t, bool *repeats) {
    if (t->at == t->n) return refuse(t, t->at - 1, "an escape of nothing");
    const char letter = t->text[t->at];
    if (letter == 'b' || letter == 'B') {
        t->at++;
        *repeats = false;
        return write_word_edge(t, letter == 'B');
    }
    static const struct {
        char letter;
        bool repeats;
        const char *written;
    } same[] = {{'A', false, "\\A"},   {'Z', false, "\\Z"},   {'z', false, "\\z"},
                {'N', true, "[^\\n]"}, {'O', true, "(?s:.)"}, {'R', true, "(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])"}};
    for (size_t i = 0; i < COUNT(same); i++) {
        if (letter != same[i].letter) continue;
        t->at++;
        t->before = 0;
        *repeats = same[i].repeats;
        string_text(t->out, same[i].written);
        return true;
    }
    if (strchr("pPsSdDwWhH", letter) != NULL) return write_set(t, read_class);
    uint32_t c = 0;
    const size_t at = t->at - 1;
    code_point_set *spare = set_new();
    const bool ok = read_escape(t, &c) && write_character(t, at, c, spare);
    free(spare);
    return ok;
}

static bool write_alternatives(translation *t);

/* Flags of (?imx-imx) at t->at, up to ')' or ':'. */
static bool read_flags(translation *t) {
    const size_t at = t->at;
    bool on = true;
    for (; t->at < t->n && t->text[t->at] != ')' && t->text[t->at] != ':'; t->at++) {
        switch (t->text[t->at]) {
        case '-': on = false; break;
        case 'i': t->flags.any_case = on; break;
        case 'x': t->flags.extended = on; break;
        case 'm': t->flags.dot_all = on; break;
        default: return refuse(t, at, "a kind of group that is not supported");
        }
    }
    return true;
}

/* A group, t->at behind its '('; `first`: nothing stands before it in the group around it. */
static bool write_group(translation *t, bool first, bool *repeats) {
    static const char *const same[] = {"?:", "?=", "?!", "?>", "?<=", "?<!"};
    const size_t at = t->at - 1;
    if (take(t, "?#")) {
        const char *close = memchr(t->text + t->at, ')', t->n - t->at);
        if (close == NULL) return refuse(t, at, "a comment that is not closed");
        t->at = (size_t)(close + 1 - t->text);
        *repeats = false;
        return true;
    }
    const pattern_flags outside = t->flags;
    bool known = !next_is(t, "?");
    if (known) string_text(t->out, "(?:"); /* nobody asks what a group matched */
    for (size_t i = 0; i < COUNT(same) && !known; i++) {
        if (!take(t, same[i])) continue;
        string_print(t->out, "(%s", same[i]);
        known = true;
        *repeats = same[i][1] == ':' || same[i][1] == '>';
    }
    if (!known && next_is(t, "?<")) { /* a name, which nobody asks for */
        const char *close = memchr(t->text + t->at, '>', t->n - t->at);
        const char first_letter = t->n - t->at > 2 ? t->text[t->at + 2] : 0;
        if (close == NULL || (first_letter | 32) < 'a' || (first_letter | 32) > 'z') return refuse(t, at, "a group's name that is not supported");
        t->at = (size_t)(close + 1 - t->text);
        string_text(t->out, "(?:");
        known = true;
    }
    if (!known) {
        t->at++;
        if (!read_flags(t)) return false;
        if (take(t, ")")) {
            *repeats = false;
            return first || refuse(t, at, "a flag in the middle of a group");
        }
        if (!take(t, ":")) return refuse(t, at, "a group that is not closed");
        string_text(t->out, "(?:");
    }
    if (++t->depth > MOST_DEPTH) return refuse(t, at, "too deep a nesting");
    t->before = 0;
    if (!write_alternatives(t)) return false;
    if (!take(t, ")")) return refuse(t, at, "a group that is not closed");
    string_char(t->out, ')');
    t->depth--;
    t->flags = outside;
    t->before = 0;
    return true;
}

static bool write_atom(translation *t, bool first, bool *repeats) {
    const size_t at = t->at;
    *repeats = true;
    if (take(t, "[")) return write_set(t, read_bracket);
    if (take(t, "\\")) return write_escape(t, repeats);
    if (take(t, "(")) return write_group(t, first, repeats);
    if (strchr(".^$", t->text[at]) != NULL && t->text[at] != 0) {
        t->at++;
        t->before = 0;
        *repeats = t->text[at] == '.';
        if (*repeats) string_text(t->out, t->flags.dot_all ? "(?s:.)" : "[^\\n]");
        else string_text(t->out, t->text[at] == '^' ? "(?m:^)" : "(?m:$)");
        return true;
    }
    if (strchr("*+?", t->text[at]) != NULL && t->text[at] != 0) return refuse(t, at, "a quantifier of nothing");
    const uint32_t c = utf8_next(t->text, t->n, &t->at);
    code_point_set *spare = set_new();
    const bool ok = write_character(t, at, c, spare);
    free(spare);
    return ok;
}

/* --- quantifiers -------------------------------------------------------------------------------------------------------------- */
/* {n}, {n,}, {,m}, {n,m} at t->at: false where it is none, which is then text. most -1: no end. */
static bool read_interval(translation *t, long *least, long *most) {
    const size_t at = t->at;
    int n_least, n_most = 0;
    t->at++;
    *least = (long)read_digits(t, 10, 6, &n_least);
    const bool range = take(t, ",");
    *most = range ? (long)read_digits(t, 10, 6, &n_most) : *least;
    if ((n_least > 0 || n_most > 0) && take(t, "}")) {
        if (range && n_most == 0) *most = -1;
        return true;
    }
    t->at = at;
    return false;
}

/* The quantifiers behind the atom that was written from `begin` on. */
static bool write_quantifiers(translation *t, size_t begin, bool repeats) {
    for (bool again = false; t->at < t->n; again = true) {
        const size_t at = t->at;
        char text[64];
        long least, most;
        const char c = t->text[at];
        if (c == '{' && read_interval(t, &least, &most)) {
            if (most >= 0 && most < least) return refuse(t, at, "a quantifier that runs backwards");
            if (least > MOST_REPEATS || most > MOST_REPEATS) return refuse(t, at, "a quantifier above 1000");
            if (most < 0) snprintf(text, sizeof text, "{%ld,}", least);
            else snprintf(text, sizeof text, "{%ld,%ld}", least, most);
            if (least != most && take(t, "?")) strcat(text, "?"); /* {n}? and {..}+ are two quantifiers */
        } else if (c == '*' || c == '+' || c == '?') {
            t->at++;
            snprintf(text, sizeof text, "%c%s", c, take(t, "?") ? "?" : take(t, "+") ? "+" : "");
        } else return true;
        if (!repeats) return refuse(t, at, "a quantifier of what matches no text");
        t->before = 0;
        if (again) { /* of a quantifier: what there is becomes one atom */
            string wrapped = {0};
            string_print(&wrapped, "(?:%s)", string_chars(t->out) + begin);
            t->out->length = begin;
            string_append(t->out, string_chars(&wrapped), wrapped.length);
            string_drop(&wrapped);
        }
        string_text(t->out, text);
    }
    return true;
}

static void skip_blanks(translation *t) {
    while (t->flags.extended && t->at < t->n && strchr(" \t\n\r\f\v#", t->text[t->at]) != NULL && t->text[t->at] != 0) {
        if (t->text[t->at] == '#')
            while (t->at < t->n && t->text[t->at] != '\n') t->at++;
        else t->at++;
    }
}

static bool write_alternatives(translation *t) {
    bool first = true;
    for (skip_blanks(t); t->at < t->n && t->text[t->at] != ')'; first = false, skip_blanks(t)) {
        if (take(t, "|")) {
            string_char(t->out, '|');
            t->before = 0;
            continue;
        }
        const size_t begin = t->out->length;
        bool repeats;
        if (!write_atom(t, first, &repeats)) return false;
        skip_blanks(t);
        if (!write_quantifiers(t, begin, repeats)) return false;
        if (t->out->overflow) return refuse(t, t->at, "too long a translation");
    }
    return true;
}

bool pattern_translate(const char *text, size_t n, string *out, error *err) {
    translation t = {.text = text, .n = n, .out = out, .err = err};
    if (!utf8_valid(text, n) || memchr(text, 0, n) != NULL) return fail(err, "a pattern that is not UTF-8 text: %.300s", text);
    if (!write_alternatives(&t)) return false;
    return t.at == n ? true : refuse(&t, t.at, "a parenthesis that was not opened");
}
