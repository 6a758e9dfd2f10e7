#include "text/code_point_set.h"

#include "base/arena.h"
#include "text/unicode.h"

#include <string.h>

enum { WORDS = CODE_POINTS / 64 };

void set_add_range(code_point_set *s, uint32_t first, uint32_t last) {
    for (uint32_t c = first; c <= last; c++) {
        if (c % 64 == 0 && last - c >= 63) {
            s->bits[c / 64] = UINT64_MAX;
            c += 63;
        } else set_add(s, c);
    }
}

void set_unite(code_point_set *s, const code_point_set *with) {
    for (size_t i = 0; i < WORDS; i++) s->bits[i] |= with->bits[i];
}

void set_intersect(code_point_set *s, const code_point_set *with) {
    for (size_t i = 0; i < WORDS; i++) s->bits[i] &= with->bits[i];
}

void set_complement(code_point_set *s) {
    for (size_t i = 0; i < WORDS; i++) s->bits[i] = ~s->bits[i];
}

/* --- properties ----------------------------------------------------------------------------------------------------------- */
static void add_categories(code_point_set *s, uint32_t categories) {
    for (uint32_t c = 0; c < CODE_POINTS; c++)
        if (categories >> unicode_category(c) & 1) set_add(s, c);
}

static void add_class(code_point_set *s, unsigned bits) {
    for (uint32_t c = 0; c < CODE_POINTS; c++)
        if (unicode_class(c) & bits) set_add(s, c);
}

static void add_script(code_point_set *s, int script) {
    for (size_t i = 0; i < n_unicode_script_run; i++)
        if (unicode_script_runs[i].script == script)
            set_add_range(s, unicode_script_runs[i].first, i + 1 < n_unicode_script_run ? unicode_script_runs[i + 1].first - 1 : CODE_POINTS - 1);
}

/* Letters, marks, numbers of letters, decimal digits, connectors; joiners are none here. */
static void add_word(code_point_set *s) {
    add_class(s, UNICODE_WORD);
    for (uint32_t c = 0x200c; c <= 0x200d; c++) s->bits[c / 64] &= ~(1ull << (c % 64));
}

/* \w, which has Latin-1's superscripts and fractions besides. */
static void add_word_escape(code_point_set *s) {
    static const uint32_t besides[] = {0xb2, 0xb3, 0xb9, 0xbc, 0xbd, 0xbe};
    add_word(s);
    for (size_t i = 0; i < COUNT(besides); i++) set_add(s, besides[i]);
}

static void add_space(code_point_set *s) {
    add_class(s, UNICODE_SPACE);
}

static void add_blank(code_point_set *s) {
    add_categories(s, 1u << UNICODE_ZS);
    set_add(s, '\t');
}

static void add_hex_digits(code_point_set *s) {
    set_add_range(s, '0', '9');
    set_add_range(s, 'A', 'F');
    set_add_range(s, 'a', 'f');
}

static void add_any(code_point_set *s) {
    set_add_range(s, 0, CODE_POINTS - 1);
}

static void add_ascii(code_point_set *s) {
    set_add_range(s, 0, 127);
}

/* Names that are neither a category nor a script; what \p{punct} and the like mean is said by a category. */
static const struct {
    const char *name, *category;
    void (*add)(code_point_set *s);
} named[] = {
    {"\\w", NULL, add_word_escape},  {"word", NULL, add_word},   {"space", NULL, add_space},
    {"whitespace", NULL, add_space}, {"blank", NULL, add_blank}, {"xdigit", NULL, add_hex_digits},
    {"any", NULL, add_any},          {"ascii", NULL, add_ascii}, {"digit", "Nd", NULL},
    {"cntrl", "Cc", NULL},           {"punct", "P", NULL},
};

/* Oniguruma's list of names has no "L&". */
bool set_add_property(code_point_set *s, const char *name, size_t n) {
    char plain[64];
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (name[i] == ' ' || name[i] == '-' || name[i] == '_') continue;
        if (to + 1 == sizeof plain || name[i] == '&') return false;
        plain[to++] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 32 : name[i]);
    }
    plain[to] = 0;
    for (size_t i = 0; i < COUNT(named); i++) {
        if (strcmp(plain, named[i].name) != 0) continue;
        if (named[i].add != NULL) named[i].add(s);
        else add_categories(s, unicode_categories_named(named[i].category, strlen(named[i].category)));
        return true;
    }
    const uint32_t categories = unicode_categories_named(plain, to);
    if (categories != 0) {
        add_categories(s, categories);
        return true;
    }
    const int script = unicode_script_named(plain, to);
    if (script < 0) return false;
    add_script(s, script);
    return true;
}

/* --- as a class of PCRE2 ----------------------------------------------------------------------------------------------------- */
static void write_ranges(const code_point_set *s, bool has, string *out) {
    for (uint32_t c = 0; c < CODE_POINTS; c++) {
        if (c % 64 == 0 && s->bits[c / 64] == (has ? 0 : UINT64_MAX)) {
            c += 63;
            continue;
        }
        if (set_has(s, c) != has) continue;
        const uint32_t first = c;
        while (c + 1 < CODE_POINTS && set_has(s, c + 1) == has) c++;
        if (c == first) string_print(out, "\\x{%x}", (unsigned)c);
        else string_print(out, "\\x{%x}-\\x{%x}", (unsigned)first, (unsigned)c);
    }
}

void set_write(const code_point_set *s, string *out) {
    code_point_set whole = *s;
    const bool negated = set_has(s, CODE_POINTS - 1); /* then the complement has fewer ranges */
    const bool below = set_has(s, 0xd7ff), above = set_has(s, 0xe000);
    /* a range that is written may run across the surrogates, and neither begin nor end there */
    for (uint32_t c = 0xd800; c < 0xe000; c += 64) whole.bits[c / 64] = (below == above ? below : negated) ? UINT64_MAX : 0;
    size_t n = 0;
    for (size_t i = 0; i < WORDS; i++) n += (size_t)__builtin_popcountll(whole.bits[i]);
    if (n == 0) string_text(out, "(?!)");
    else if (n == CODE_POINTS) string_text(out, "(?s:.)");
    else {
        string_text(out, negated ? "[^" : "[");
        write_ranges(&whole, !negated, out);
        string_char(out, ']');
    }
}
