/* text/split_scan.h: one scanner for the families of patterns, told apart by rules that are constants where it is used, so that
 * each family gets a loop of its own. Inner to text/. */
#ifndef SOCLE_TEXT_SPLIT_SCAN_H
#define SOCLE_TEXT_SPLIT_SCAN_H
#include "text/split.h"
#include "text/unicode.h"

#define SCAN static inline __attribute__((always_inline))

/* What a pattern of the families says. L: letters, with \p{M} where `marks`; O: neither L nor \p{N} nor \s. */
typedef struct split_rules {
    enum { SHORT_NONE, SHORT_EXACT, SHORT_ANY_CASE, SHORT_BEHIND } shorts; /* 's|'t|... first; (?i:..) first; (?i:..)? behind letters */
    bool blank_leads; /* " ?" before letters, numbers and O; else [^\r\n\p{L}\p{N}]? before letters and " ?" before O */
    bool marks;
    bool cased;       /* letters are [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ or, that failing, the same with + and * */
    int digits;       /* \p{N}{1,digits}; 0: \p{N}+ */
    bool takes_line;  /* O is followed by [\r\n]*, and \s*[\r\n]+ comes before other white space */
    bool takes_slash; /* by [\r\n/]* */
} split_rules;

/* The rules of the kinds that have such, by split_kind. */
#define SPLIT_RULES(X) \
    X(SPLIT_GPT2, ((split_rules){SHORT_EXACT, .blank_leads = true})) \
    X(SPLIT_LLAMA3, ((split_rules){SHORT_ANY_CASE, .digits = 3, .takes_line = true})) \
    X(SPLIT_QWEN2, ((split_rules){SHORT_ANY_CASE, .digits = 1, .takes_line = true})) \
    X(SPLIT_QWEN35, ((split_rules){SHORT_ANY_CASE, .marks = true, .digits = 1, .takes_line = true})) \
    X(SPLIT_O200K, ((split_rules){SHORT_BEHIND, .cased = true, .digits = 3, .takes_line = true, .takes_slash = true})) \
    X(SPLIT_TEKKEN, ((split_rules){SHORT_NONE, .cased = true, .digits = 1, .takes_line = true, .takes_slash = true}))

/* The classes that patterns ask for exclude each other; 0 is all else. A mark is one where the rules say so. */
enum { SCAN_L = UNICODE_LETTER, SCAN_N = UNICODE_NUMBER, SCAN_S = UNICODE_SPACE, SCAN_M = UNICODE_MARK };
extern const unsigned char split_ascii_class[128];

/* The code point at text[*at], *at < n, as utf8_next gives it. */
SCAN uint32_t scan_character(const char *text, size_t n, size_t *at) {
    const unsigned char *p = (const unsigned char *)text + *at;
    const size_t left = n - *at;
    const uint32_t b = p[0];
    if (b >= 0xc2 && b < 0xe0 && left > 1 && (p[1] & 0xc0) == 0x80) return *at += 2, (b & 31) << 6 | (p[1] & 63);
    if (b >= 0xe0 && b < 0xf0 && left > 2 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
        const uint32_t c = (b & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
        if (c >= 0x800 && (c < 0xd800 || c > 0xdfff)) return *at += 3, c;
    }
    if (b >= 0xf0 && b < 0xf5 && left > 3 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80) {
        const uint32_t c = (b & 7) << 18 | (uint32_t)(p[1] & 63) << 12 | (uint32_t)(p[2] & 63) << 6 | (p[3] & 63);
        if (c >= 0x10000 && c < 0x110000) return *at += 4, c;
    }
    return ++*at, b < 128 ? b : 0xfffd;
}

/* Class of the character at text[at], and where the next one begins. */
SCAN unsigned scan_class(const split_rules r, const char *text, size_t n, size_t at, size_t *next) {
    const unsigned char b = (unsigned char)text[at];
    *next = at + 1;
    if (b < 128) return split_ascii_class[b];
    *next = at;
    const unsigned bits = unicode_class(scan_character(text, n, next));
    if (r.marks && (bits & SCAN_M)) return SCAN_L;
    return bits & (SCAN_L | SCAN_N | SCAN_S);
}

/* End of the run of characters of class `want` from `at` on, which may be empty. */
SCAN size_t scan_run(const split_rules r, const char *text, size_t n, size_t at, unsigned want) {
    while (at < n) {
        size_t next;
        if (scan_class(r, text, n, at, &next) != want) break;
        at = next;
    }
    return at;
}

/* Bytes of 's 't 're 've 'm 'll 'd at text[at], the apostrophe included; 0: none of them. Where case is ignored, U+017F (long
 * s) is an s too, as Unicode's simple case folding has it. */
SCAN size_t scan_short(const char *text, size_t n, size_t at, bool any_case) {
    if (at >= n || text[at] != '\'' || n - at < 2) return 0;
    const unsigned char a = (unsigned char)text[at + 1], b = n - at > 2 ? (unsigned char)text[at + 2] : 0;
    if (any_case && a == 0xc5 && b == 0xbf) return 3;
    const unsigned char x = any_case && a >= 'A' && a <= 'Z' ? a | 32 : a, y = any_case && b >= 'A' && b <= 'Z' ? b | 32 : b;
    if (x == 's' || x == 't' || x == 'm' || x == 'd') return 2;
    if (((x == 'r' || x == 'v') && y == 'e') || (x == 'l' && y == 'l')) return 3;
    return 0;
}

/* \s+(?!\S)|\s+ at white space: the run without its last character, which goes with what follows; whole at the end of the
 * text, or where it is one character long. */
SCAN size_t scan_space(size_t at, size_t last, size_t end, size_t n) {
    return end == n || last == at ? end : last;
}

/* Of the letters of `cased` patterns: 1: may stand in the first part, 2: in the second. */
SCAN unsigned scan_case(const char *text, size_t n, size_t at, size_t *next) {
    const unsigned char b = (unsigned char)text[at];
    *next = at + 1;
    if (b < 128) return split_ascii_class[b] != SCAN_L ? 0 : b & 32 ? 2 : 1;
    *next = at;
    switch (unicode_category(scan_character(text, n, next))) {
    case UNICODE_LU:
    case UNICODE_LT: return 1;
    case UNICODE_LL: return 2;
    case UNICODE_LM:
    case UNICODE_LO:
    case UNICODE_MN:
    case UNICODE_MC:
    case UNICODE_ME: return 3;
    default: return 0;
    }
}

/* The letters at `at`: where the pattern's first form ends, or `at` where it has no match; *upper: where the second form's
 * first part ends, which is all of that form then. */
static inline size_t scan_cased(const char *text, size_t n, size_t at, size_t *upper) {
    size_t next, end = at, behind_second = at; /* behind the last character of the first part that may stand in the second */
    unsigned kind = 0;
    while (end < n && ((kind = scan_case(text, n, end, &next)) & 1)) {
        end = next;
        if (kind & 2) behind_second = end;
    }
    *upper = end;
    if (end == n || !(kind & 2)) return behind_second;
    while (end < n && (scan_case(text, n, end, &next) & 2)) end = next;
    return end;
}

SCAN size_t scan_cased_next(const split_rules r, const char *text, size_t n, size_t at, unsigned kind, size_t next) {
    size_t end = at, upper = at, upper_alone = at;
    const bool leads = kind == 0 ? text[at] != '\r' && text[at] != '\n' : kind == SCAN_S && text[at] != '\r' && text[at] != '\n';
    if (leads && next < n) end = scan_cased(text, n, next, &upper);
    if (!leads || end == next || next >= n) {
        size_t behind;
        const size_t with_lead = leads && next < n && upper > next ? upper : at;
        end = at;
        if (scan_case(text, n, at, &behind) != 0) end = scan_cased(text, n, at, &upper_alone);
        if (end == at) end = with_lead > at ? with_lead : upper_alone;
    }
    if (end > at && r.shorts == SHORT_BEHIND) end += scan_short(text, n, end, true);
    return end;
}

/* End of the piece at text[at], at < n. */
SCAN size_t scan_next(const split_rules r, const char *text, size_t n, size_t at) {
    size_t next, behind;
    if ((r.shorts == SHORT_EXACT || r.shorts == SHORT_ANY_CASE) && text[at] == '\'') {
        const size_t short_form = scan_short(text, n, at, r.shorts == SHORT_ANY_CASE);
        if (short_form > 0) return at + short_form;
    }
    const unsigned kind = scan_class(r, text, n, at, &next);
    if (r.blank_leads) {
        if (text[at] == ' ' && next < n) {
            const unsigned after = scan_class(r, text, n, next, &behind);
            if (after != SCAN_S) return scan_run(r, text, n, behind, after);
        }
        if (kind != SCAN_S) return scan_run(r, text, n, next, kind);
    } else {
        if (kind == SCAN_N) {
            for (int i = 1; i < r.digits && next < n && scan_class(r, text, n, next, &behind) == SCAN_N; i++) next = behind;
            return next;
        }
        if (r.cased) {
            const size_t end = scan_cased_next(r, text, n, at, kind, next);
            if (end > at) return end;
        } else if (kind == SCAN_L) return scan_run(r, text, n, next, SCAN_L);
        unsigned after = SCAN_S; /* class behind this character; S where there is nothing */
        if (text[at] != '\n' && text[at] != '\r' && next < n) {
            after = scan_class(r, text, n, next, &behind);
            if (after == SCAN_L && !r.cased) return scan_run(r, text, n, behind, SCAN_L);
        }
        if (kind == 0 || (text[at] == ' ' && after == 0)) {
            size_t end = scan_run(r, text, n, next, 0);
            while (end < n && (text[end] == '\n' || text[end] == '\r' || (r.takes_slash && text[end] == '/'))) end++;
            return end;
        }
    }
    size_t last = at, end = next, line = text[at] == '\n' || text[at] == '\r' ? next : 0; /* line: behind the last line end of the run */
    while (end < n && scan_class(r, text, n, end, &next) == SCAN_S) {
        last = end;
        if (text[end] == '\n' || text[end] == '\r') line = next;
        end = next;
    }
    return r.takes_line && line > 0 ? line : scan_space(at, last, end, n);
}

#endif
