#include "curate/words.h"

#include "base/string.h"
#include "text/unicode.h"

#include <string.h>

typedef struct range {
    uint32_t first, last;
} range;

static bool in_ranges(const range *r, size_t n, uint32_t c) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > r[middle].last) low = middle + 1;
        else if (c < r[middle].first) high = middle;
        else return true;
    }
    return false;
}

/* Sentence_Terminal of Unicode's PropList.txt */
static const range terminals[] = {
    {0x21, 0x21},       {0x2e, 0x2e},       {0x3f, 0x3f},       {0x589, 0x589},     {0x61d, 0x61f},     {0x6d4, 0x6d4},     {0x700, 0x702},
    {0x7f9, 0x7f9},     {0x837, 0x837},     {0x839, 0x839},     {0x83d, 0x83e},     {0x964, 0x965},     {0x104a, 0x104b},   {0x1362, 0x1362},
    {0x1367, 0x1368},   {0x166e, 0x166e},   {0x1735, 0x1736},   {0x17d4, 0x17d5},   {0x1803, 0x1803},   {0x1809, 0x1809},   {0x1944, 0x1945},
    {0x1aa8, 0x1aab},   {0x1b5a, 0x1b5b},   {0x1b5e, 0x1b5f},   {0x1b7d, 0x1b7f},   {0x1c3b, 0x1c3c},   {0x1c7e, 0x1c7f},   {0x203c, 0x203d},
    {0x2047, 0x2049},   {0x2cf9, 0x2cfb},   {0x2e2e, 0x2e2e},   {0x2e3c, 0x2e3c},   {0x2e53, 0x2e54},   {0x3002, 0x3002},   {0xa4ff, 0xa4ff},
    {0xa60e, 0xa60f},   {0xa6f3, 0xa6f3},   {0xa6f7, 0xa6f7},   {0xa876, 0xa877},   {0xa8ce, 0xa8cf},   {0xa92f, 0xa92f},   {0xa9c8, 0xa9c9},
    {0xaa5d, 0xaa5f},   {0xaaf0, 0xaaf1},   {0xabeb, 0xabeb},   {0xfe12, 0xfe12},   {0xfe15, 0xfe16},   {0xfe52, 0xfe52},   {0xfe56, 0xfe57},
    {0xff01, 0xff01},   {0xff0e, 0xff0e},   {0xff1f, 0xff1f},   {0xff61, 0xff61},   {0x10a56, 0x10a57}, {0x10f55, 0x10f59}, {0x10f86, 0x10f89},
    {0x11047, 0x11048}, {0x110be, 0x110c1}, {0x11141, 0x11143}, {0x111c5, 0x111c6}, {0x111cd, 0x111cd}, {0x111de, 0x111df}, {0x11238, 0x11239},
    {0x1123b, 0x1123c}, {0x112a9, 0x112a9}, {0x1144b, 0x1144c}, {0x115c2, 0x115c3}, {0x115c9, 0x115d7}, {0x11641, 0x11642}, {0x1173c, 0x1173e},
    {0x11944, 0x11944}, {0x11946, 0x11946}, {0x11a42, 0x11a43}, {0x11a9b, 0x11a9c}, {0x11c41, 0x11c42}, {0x11ef7, 0x11ef8}, {0x11f43, 0x11f44},
    {0x16a6e, 0x16a6f}, {0x16af5, 0x16af5}, {0x16b37, 0x16b38}, {0x16b44, 0x16b44}, {0x16e98, 0x16e98}, {0x1bc9f, 0x1bc9f}, {0x1da88, 0x1da88},
};

/* The marks of print that CCNet's table holds besides ASCII; ASCII and controls are tested by themselves. */
static const range print_marks[] = {
    {0xab, 0xab},     {0xb4, 0xb4},     {0xbb, 0xbb},     {0x2013, 0x2014}, {0x2018, 0x2019}, {0x201c, 0x201e}, {0x2026, 0x2026}, {0x2236, 0x2236},
    {0x2501, 0x2501}, {0x25ba, 0x25ba}, {0x3001, 0x3002}, {0x3008, 0x300d}, {0x3010, 0x3011}, {0xff01, 0xff01}, {0xff05, 0xff05}, {0xff08, 0xff09},
    {0xff0c, 0xff0c}, {0xff0e, 0xff0e}, {0xff11, 0xff11}, {0xff1a, 0xff1b}, {0xff1f, 0xff1f}, {0xff5e, 0xff5e},
};

/* Scripts that set no blanks between words. */
static const range ideographs[] = {
    {0xe00, 0xeff},   {0x1000, 0x109f}, {0x1780, 0x17ff}, {0x3040, 0x30ff}, {0x31f0, 0x31ff},
    {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xaa60, 0xaa7f}, {0xf900, 0xfaff}, {0x20000, 0x3ffff},
};

bool is_sentence_terminal(uint32_t c) {
    return in_ranges(terminals, COUNT(terminals), c);
}

bool is_ideographic(uint32_t c) {
    return c >= 0xe00 && in_ranges(ideographs, COUNT(ideographs), c);
}

bool is_blank_character(uint32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
    return (unicode_class(c) & UNICODE_SPACE) != 0;
}

bool is_symbol(uint32_t c) {
    if (c < 0x80) return !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' || c == '\t' || c == '\n');
    return c < 0xa0 || in_ranges(print_marks, COUNT(print_marks), c) || is_sentence_terminal(c);
}

uint32_t characters_in(const char *text, size_t n) {
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

bool span_is_symbol(span s) {
    for (size_t i = 0; i < s.n;)
        if (!is_symbol(utf8_next(s.text, s.n, &i))) return false;
    return s.n > 0;
}

bool span_has_letter(span s) {
    for (size_t i = 0; i < s.n;)
        if (unicode_class(utf8_next(s.text, s.n, &i)) & UNICODE_LETTER) return true;
    return false;
}

static bool spans_add(arena *scratch, spans *out, const char *text, size_t n) {
    if (out->n == out->room) {
        const size_t room = out->room == 0 ? 256 : out->room * 2;
        span *grown = arena_grow(scratch, out->at, sizeof *grown * out->n, sizeof *grown * room);
        if (grown == NULL) return false;
        out->at = grown;
        out->room = room;
    }
    out->at[out->n++] = (span){text, (uint32_t)n, characters_in(text, n)};
    return true;
}

span span_trim(span s) {
    size_t begin = 0, end = s.n;
    for (size_t i = 0; i < end;) {
        if (!is_blank_character(utf8_next(s.text, end, &i))) break;
        begin = i;
    }
    while (end > begin) {
        size_t last = end - 1;
        while (last > begin && ((unsigned char)s.text[last] & 0xc0) == 0x80) last--;
        size_t i = last;
        if (!is_blank_character(utf8_next(s.text, end, &i))) break;
        end = last;
    }
    return (span){s.text + begin, (uint32_t)(end - begin), characters_in(s.text + begin, end - begin)};
}

bool lines_of(arena *scratch, const char *text, size_t n, spans *out) {
    size_t begin = 0;
    for (size_t i = 0; i < n;) {
        const size_t here = i;
        const uint32_t c = utf8_next(text, n, &i);
        if (!((c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029)) continue;
        if (c == '\r' && i < n && text[i] == '\n') i++;
        if (!spans_add(scratch, out, text + begin, here - begin)) return false;
        begin = i;
    }
    return begin >= n || spans_add(scratch, out, text + begin, n - begin);
}

bool pieces_between(arena *scratch, const char *text, size_t n, int run, spans *out) {
    size_t begin = 0;
    for (size_t i = 0; i < n;) {
        const char *lf = memchr(text + i, '\n', n - i);
        if (lf == NULL) break;
        const size_t at = (size_t)(lf - text);
        size_t end = at;
        while (end < n && text[end] == '\n') end++;
        if (end - at >= (size_t)run) {
            if (!spans_add(scratch, out, text + begin, at - begin)) return false;
            begin = end;
        }
        i = end;
    }
    return spans_add(scratch, out, text + begin, n - begin);
}

bool words_between_blanks(arena *scratch, const char *text, size_t n, spans *out) {
    size_t begin = 0;
    for (size_t i = 0; i < n;) {
        const size_t here = i;
        if (!is_blank_character(utf8_next(text, n, &i))) continue;
        if (here > begin && !spans_add(scratch, out, text + begin, here - begin)) return false;
        begin = i;
    }
    return begin >= n || spans_add(scratch, out, text + begin, n - begin);
}

/* ---- words of a language ---- */

static bool is_word_character(uint32_t c) {
    return (unicode_class(c) & (UNICODE_LETTER | UNICODE_NUMBER | UNICODE_MARK)) != 0;
}

static uint32_t last_character(const char *text, size_t n, size_t *begin) {
    size_t at = n - 1;
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    *begin = at;
    size_t i = at;
    return utf8_next(text, n, &i);
}

static bool is_address(const char *text, size_t n) {
    if (memmem(text, n, "://", 3) != NULL || (n > 4 && memcmp(text, "www.", 4) == 0)) return true;
    const char *at = memchr(text, '@', n);
    return at != NULL && at > text && memchr(at, '.', n - (size_t)(at - text)) != NULL;
}

/* Length of the clitic at the end of an English word: n't, 's, 're, ...; 0: none. */
static size_t clitic(const char *text, size_t n) {
    static const char *const endings[] = {"n't",
                                          "'s",
                                          "'re",
                                          "'ve",
                                          "'ll",
                                          "'d",
                                          "'m",
                                          "n\xe2\x80\x99t",
                                          "\xe2\x80\x99s",
                                          "\xe2\x80\x99re",
                                          "\xe2\x80\x99ve",
                                          "\xe2\x80\x99ll",
                                          "\xe2\x80\x99"
                                          "d",
                                          "\xe2\x80\x99m"};
    for (size_t i = 0; i < COUNT(endings); i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strncmp(text + n - m, endings[i], m) == 0) return m;
    }
    return 0;
}

/* A mark between two word characters that cuts: hyphens and slashes between letters, runs of dots, commas between letters. */
static bool is_infix(uint32_t before, uint32_t c, uint32_t after) {
    const bool letters = (unicode_class(before) & UNICODE_LETTER) && (unicode_class(after) & UNICODE_LETTER);
    if (c == '-' || c == 0x2013 || c == 0x2014 || c == '~' || c == ',') return letters;
    if (c == ':' || c == '<' || c == '>' || c == '=' || c == '/') return (unicode_class(after) & UNICODE_LETTER) != 0;
    return c == 0x2026;
}

/* The inside of a chunk: no punctuation at its ends. */
static bool add_inside(arena *scratch, const char *text, size_t n, bool english, spans *out) {
    size_t begin = 0;
    uint32_t before = 0;
    for (size_t i = 0; i < n;) {
        const size_t here = i;
        const uint32_t c = utf8_next(text, n, &i);
        if (is_ideographic(c)) {
            if (here > begin && !spans_add(scratch, out, text + begin, here - begin)) return false;
            if (!spans_add(scratch, out, text + here, i - here)) return false;
            begin = i;
        } else if (here > begin && i < n) {
            size_t next = i;
            if (is_infix(before, c, utf8_next(text, n, &next))) {
                if (!spans_add(scratch, out, text + begin, here - begin) || !spans_add(scratch, out, text + here, i - here)) return false;
                begin = i;
            }
        }
        before = c;
    }
    if (begin >= n) return true;
    const size_t tail = english ? clitic(text + begin, n - begin) : 0;
    if (!spans_add(scratch, out, text + begin, n - begin - tail)) return false;
    return tail == 0 || spans_add(scratch, out, text + n - tail, tail);
}

static size_t dots_at(const char *text, size_t n) { /* "..." is one word */
    size_t i = 0;
    while (i < n && text[i] == '.') i++;
    return i >= 2 ? i : 0;
}

static bool add_chunk(arena *scratch, const char *text, size_t n, bool english, spans *out) {
    size_t end = n, begin = 0;
    while (begin < end) { /* marks in front */
        size_t i = begin;
        const size_t dots = dots_at(text + begin, end - begin);
        if (dots > 0) i = begin + dots;
        else if (is_word_character(utf8_next(text, end, &i))) break;
        if (!spans_add(scratch, out, text + begin, i - begin)) return false;
        begin = i;
    }
    size_t last, kept = end;
    while (kept > begin && !is_word_character(last_character(text + begin, kept - begin, &last))) kept = begin + last;
    if (kept > begin) {
        if (is_address(text + begin, kept - begin)) {
            if (!spans_add(scratch, out, text + begin, kept - begin)) return false;
        } else if (!add_inside(scratch, text + begin, kept - begin, english, out)) return false;
    }
    for (size_t at = kept; at < end;) { /* marks behind */
        size_t i = at;
        const size_t dots = dots_at(text + at, end - at);
        if (dots > 0) i = at + dots;
        else utf8_next(text, end, &i);
        if (!spans_add(scratch, out, text + at, i - at)) return false;
        at = i;
    }
    return true;
}

bool words_of(arena *scratch, const char *text, size_t n, const char *language, spans *out) {
    const bool english = language == NULL || strncmp(language, "en", 2) == 0;
    size_t begin = 0;
    for (size_t i = 0; i < n;) {
        const size_t here = i;
        if (!is_blank_character(utf8_next(text, n, &i))) continue;
        if (here > begin && !add_chunk(scratch, text + begin, here - begin, english, out)) return false;
        begin = i;
    }
    return begin >= n || add_chunk(scratch, text + begin, n - begin, english, out);
}
