#include "text/split.h"

#include "base/arena.h"
#include "base/string.h"
#include "text/unicode.h"

#include <string.h>

/* The three classes that patterns ask for exclude each other; 0 is all else. */
enum { L = UNICODE_LETTER, N = UNICODE_NUMBER, S = UNICODE_SPACE, LNS = L | N | S };

static const unsigned char ascii_class[128] = {
    ['\t'] = S, ['\n'] = S, ['\v'] = S, ['\f'] = S, ['\r'] = S, [' '] = S, ['0'] = N, ['1'] = N, ['2'] = N, ['3'] = N, ['4'] = N, ['5'] = N,
    ['6'] = N,  ['7'] = N,  ['8'] = N,  ['9'] = N,  ['A'] = L,  ['B'] = L, ['C'] = L, ['D'] = L, ['E'] = L, ['F'] = L, ['G'] = L, ['H'] = L,
    ['I'] = L,  ['J'] = L,  ['K'] = L,  ['L'] = L,  ['M'] = L,  ['N'] = L, ['O'] = L, ['P'] = L, ['Q'] = L, ['R'] = L, ['S'] = L, ['T'] = L,
    ['U'] = L,  ['V'] = L,  ['W'] = L,  ['X'] = L,  ['Y'] = L,  ['Z'] = L, ['a'] = L, ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L, ['f'] = L,
    ['g'] = L,  ['h'] = L,  ['i'] = L,  ['j'] = L,  ['k'] = L,  ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L,  ['t'] = L,  ['u'] = L,  ['v'] = L,  ['w'] = L,  ['x'] = L, ['y'] = L, ['z'] = L,
};

/* Class of the character at text[at], and where the next one begins. */
static inline unsigned class_at(const char *text, size_t n, size_t at, size_t *next) {
    const unsigned char b = (unsigned char)text[at];
    *next = at + 1;
    if (b < 128) return ascii_class[b];
    *next = at;
    const uint32_t c = utf8_next(text, n, next);
    return unicode_class(c) & LNS;
}

/* End of the run of characters of class `want` from `at` on, which may be empty. */
static inline size_t run_end(const char *text, size_t n, size_t at, unsigned want) {
    while (at < n) {
        size_t next;
        if (class_at(text, n, at, &next) != want) break;
        at = next;
    }
    return at;
}

/* Bytes of 's 't 're 've 'm 'll 'd behind the apostrophe at text[at], itself included; 0: none of them. Where case is
 * ignored, U+017F (long s) is an s too, as Unicode's simple case folding has it. */
static size_t contraction(const char *text, size_t n, size_t at, bool any_case) {
    if (text[at] != '\'' || n - at < 2) return 0;
    const unsigned char lower = any_case ? 0x20 : 0;
    const unsigned char a = (unsigned char)text[at + 1], b = n - at > 2 ? (unsigned char)text[at + 2] : 0;
    if (any_case && a == 0xc5 && b == 0xbf) return 3;
    const char x = (char)(a < 128 && (a | 0x20) >= 'a' && (a | 0x20) <= 'z' ? a | lower : a);
    const char y = (char)(b < 128 && (b | 0x20) >= 'a' && (b | 0x20) <= 'z' ? b | lower : b);
    switch (x) {
    case 's':
    case 't':
    case 'm':
    case 'd': return 2;
    case 'r':
    case 'v': return y == 'e' ? 3 : 0;
    case 'l': return y == 'l' ? 3 : 0;
    default: return 0;
    }
}

/* \s+(?!\S)|\s+ at white space: the run without its last character, which goes with what follows; whole at the end of the
 * text, or where it is one character long. */
static size_t space_piece(size_t at, size_t last, size_t end, size_t n) {
    return end == n || last == at ? end : last;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t gpt2_next(const char *text, size_t n, size_t at) {
    const size_t short_form = contraction(text, n, at, false);
    if (short_form > 0) return at + short_form;
    size_t next;
    unsigned kind = class_at(text, n, at, &next);
    if (text[at] == ' ' && next < n) {
        size_t behind;
        const unsigned after = class_at(text, n, next, &behind);
        if (after != S) return run_end(text, n, behind, after);
    }
    if (kind != S) return run_end(text, n, next, kind);
    size_t last = at, end = next;
    while (end < n && class_at(text, n, end, &next) == S) last = end, end = next;
    return space_piece(at, last, end, n);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,DIGITS}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static inline size_t llama3_next(const char *text, size_t n, size_t at, int digits) {
    const size_t short_form = contraction(text, n, at, true);
    if (short_form > 0) return at + short_form;
    size_t next, behind;
    const unsigned kind = class_at(text, n, at, &next);
    if (kind == L) return run_end(text, n, next, L);
    if (kind == N) {
        for (int i = 1; i < digits && next < n && class_at(text, n, next, &behind) == N; i++) next = behind;
        return next;
    }
    const bool line_end = text[at] == '\n' || text[at] == '\r';
    unsigned after = S; /* class behind this character; S where there is nothing */
    if (!line_end && next < n) {
        after = class_at(text, n, next, &behind);
        if (after == L) return run_end(text, n, behind, L);
    }
    if (kind == 0 || (text[at] == ' ' && after == 0)) {
        size_t end = run_end(text, n, next, 0);
        while (end < n && (text[end] == '\n' || text[end] == '\r')) end++;
        return end;
    }
    size_t last = at, end = next, line = line_end ? next : 0; /* line: behind the last line end of the run */
    while (end < n && class_at(text, n, end, &next) == S) {
        last = end;
        if (text[end] == '\n' || text[end] == '\r') line = next;
        end = next;
    }
    return line > 0 ? line : space_piece(at, last, end, n);
}

size_t split_next(split_kind kind, const char *text, size_t n, size_t at) {
    switch (kind) {
    case SPLIT_GPT2: return gpt2_next(text, n, at);
    case SPLIT_LLAMA3: return llama3_next(text, n, at, 3);
    case SPLIT_QWEN2: return llama3_next(text, n, at, 1);
    default: return n;
    }
}

static const struct {
    const char *name, *pattern;
} splits[SPLIT_COUNT] = {
    [SPLIT_NONE] = {"none", ""},
    [SPLIT_GPT2] = {"gpt2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_LLAMA3] = {"llama3",
                      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_QWEN2] = {"qwen2",
                     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

split_kind split_by_pattern(const char *pattern, size_t n) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++)
        if (strlen(splits[k].pattern) == n && memcmp(splits[k].pattern, pattern, n) == 0) return (split_kind)k;
    return SPLIT_COUNT;
}

split_kind split_by_name(const char *name) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++)
        if (strcmp(splits[k].name, name) == 0) return (split_kind)k;
    return SPLIT_COUNT;
}

const char *split_name(split_kind kind) {
    return splits[kind].name;
}

const char *split_pattern(split_kind kind) {
    return splits[kind].pattern;
}

size_t split_safe_cut(const char *text, size_t n) {
    for (size_t at = n; at > 1; at--) {
        const unsigned char b = (unsigned char)text[at - 1], before = (unsigned char)text[at - 2];
        if (b >= 128 || ascii_class[b] != S) continue;
        if (before < 128) {
            if (ascii_class[before] == L) return at - 1;
            continue;
        }
        size_t begin = at - 2; /* the character before ends in a byte of 0x80 and up: find where it begins */
        while (begin > 0 && at - 2 - begin < 3 && ((unsigned char)text[begin] & 0xc0) == 0x80) begin--;
        size_t next = begin;
        const uint32_t c = utf8_next(text, n, &next);
        if (next == at - 1 && (unicode_class(c) & L)) return at - 1;
    }
    return 0;
}
