#include "text/split.h"

#include "base/arena.h"
#include "base/string.h"
#include "text/split_scan.h"

#include <string.h>

enum { L = UNICODE_LETTER, N = UNICODE_NUMBER, S = UNICODE_SPACE };

const unsigned char split_ascii_class[128] = {
    ['\t'] = S, ['\n'] = S, ['\v'] = S, ['\f'] = S, ['\r'] = S, [' '] = S, ['0'] = N, ['1'] = N, ['2'] = N, ['3'] = N, ['4'] = N, ['5'] = N,
    ['6'] = N,  ['7'] = N,  ['8'] = N,  ['9'] = N,  ['A'] = L,  ['B'] = L, ['C'] = L, ['D'] = L, ['E'] = L, ['F'] = L, ['G'] = L, ['H'] = L,
    ['I'] = L,  ['J'] = L,  ['K'] = L,  ['L'] = L,  ['M'] = L,  ['N'] = L, ['O'] = L, ['P'] = L, ['Q'] = L, ['R'] = L, ['S'] = L, ['T'] = L,
    ['U'] = L,  ['V'] = L,  ['W'] = L,  ['X'] = L,  ['Y'] = L,  ['Z'] = L, ['a'] = L, ['b'] = L, ['c'] = L, ['d'] = L, ['e'] = L, ['f'] = L,
    ['g'] = L,  ['h'] = L,  ['i'] = L,  ['j'] = L,  ['k'] = L,  ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L,
    ['s'] = L,  ['t'] = L,  ['u'] = L,  ['v'] = L,  ['w'] = L,  ['x'] = L, ['y'] = L, ['z'] = L,
};

#define NEXT(kind_, rules) \
    static size_t kind_##_next(const char *text, size_t n, size_t at) { \
        return scan_next(rules, text, n, at); \
    }
SPLIT_RULES(NEXT)

size_t split_next(split_kind kind, const char *text, size_t n, size_t at) {
#define ROW(kind_, rules) [kind_] = kind_##_next,
    static size_t (*const next[SPLIT_COUNT])(const char *, size_t, size_t) = {SPLIT_RULES(ROW)};
    return next[kind] != NULL ? next[kind](text, n, at) : n;
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
    [SPLIT_QWEN35] =
        {"qwen3.5",
         "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_O200K] = {"o200k", "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^"
                              "\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}"
                              "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    [SPLIT_TEKKEN] = {"tekken",
                      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}"
                      "\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

/* Other spellings of the same. \s*[\r\n] ends at the last line end of a run, as \s*[\r\n]+ does. */
static const struct {
    split_kind kind;
    const char *pattern;
} spellings[] = {
    {SPLIT_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {SPLIT_GPT2, "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s+(?!\\S)|\\s+"},
    {SPLIT_LLAMA3, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    {SPLIT_LLAMA3, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
    {SPLIT_LLAMA3, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
    {SPLIT_QWEN2, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    {SPLIT_QWEN2, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
    {SPLIT_QWEN2, "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
};

static bool is_text(const char *pattern, const char *text, size_t n) {
    return strlen(pattern) == n && memcmp(pattern, text, n) == 0;
}

split_kind split_by_pattern(const char *pattern, size_t n) {
    for (int k = SPLIT_NONE + 1; k < SPLIT_COUNT; k++)
        if (is_text(splits[k].pattern, pattern, n)) return (split_kind)k;
    for (size_t i = 0; i < COUNT(spellings); i++)
        if (is_text(spellings[i].pattern, pattern, n)) return spellings[i].kind;
    return SPLIT_COUNT;
}

const char *split_spelling(size_t i, split_kind *kind) {
    if (i >= COUNT(spellings)) return NULL;
    *kind = spellings[i].kind;
    return spellings[i].pattern;
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
        if (b >= 128 || split_ascii_class[b] != S) continue;
        if (before < 128) {
            if (split_ascii_class[before] == L) return at - 1;
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
