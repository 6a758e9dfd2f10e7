/* The normalizers that look at one character at a time: Lowercase, Strip, StripAccents, Nmt, ByteLevel, and the parts of
 * BertNormalizer. */
#include "text/normalize_inner.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

#include <string.h>

/* --- rules --------------------------------------------------------------------------------------------------------------- */
/* What becomes of a character: itself, another one, or REMOVED. */
enum { REMOVED = UINT32_MAX };
typedef uint32_t (*character_rule)(uint32_t c);

static uint32_t strip_accents_rule(uint32_t c) {
    return record_of(c) & NORMAL_MARK ? REMOVED : c;
}

static uint32_t bert_accents_rule(uint32_t c) {
    return record_of(c) & NORMAL_NONSPACING ? REMOVED : c;
}

static bool is_space(uint32_t c) {
    return c < 0x110000 && (unicode_class(c) & UNICODE_SPACE) != 0;
}

static uint32_t bert_clean_rule(uint32_t c) {
    if (record_of(c) & NORMAL_OTHER) return REMOVED;
    return is_space(c) ? ' ' : c;
}

static uint32_t nmt_rule(uint32_t c) {
    if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f) return REMOVED;
    const bool blank = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
                       c == 0x2581 || c == 0xfeff || c == 0xfffd;
    return blank ? ' ' : c;
}

/* How many bytes from text[at] on the rule leaves alone. *last: where the last character of them begins. */
static inline size_t run_left_alone(character_rule rule, const unsigned char *ascii_stays, const char *text, size_t n, size_t at, size_t *last) {
    const size_t begin = at;
    while (at < n) {
        uint32_t c = (unsigned char)text[at];
        if (c < 0x80) {
            if (!ascii_stays[c]) break;
            *last = at++;
            continue;
        }
        const size_t length = character_at(text, n, at, &c);
        if (rule(c) != c) break;
        *last = at;
        at += length;
    }
    return at - begin;
}

/* A character removed is a change of the one before it: the last character kept waits until it is known how many go behind it. */
static inline void apply_rule(edit *e, character_rule rule, const unsigned char *ascii_stays) {
    char waiting[4];
    size_t n_waiting = 0;
    long removed = 0;
    for (size_t at = 0; at < e->n;) {
        size_t last = at;
        const size_t alone = run_left_alone(rule, ascii_stays, e->text, e->n, at, &last);
        if (alone > 0) {
            if (n_waiting > 0) edit_put(e, waiting, n_waiting, -removed);
            else edit_skip(e, at);
            removed = 0;
            edit_same(e, e->text + at, last - at);
            at += alone;
            n_waiting = at - last;
            memcpy(waiting, e->text + last, n_waiting);
            continue;
        }
        uint32_t c;
        const size_t length = character_at(e->text, e->n, at, &c);
        const uint32_t to = rule(c);
        if (to == REMOVED) removed++;
        else {
            if (n_waiting > 0) edit_put(e, waiting, n_waiting, -removed);
            else edit_skip(e, at);
            removed = 0;
            n_waiting = character_write(to, waiting);
        }
        at += length;
    }
    if (n_waiting > 0) edit_put(e, waiting, n_waiting, -removed);
}

#define TEN 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
#define FROM_BLANK TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, TEN, 1, 1, 1, 1, 1 /* 0x20 to 0x7e */
static const unsigned char all_stay[128] = {TEN, TEN, TEN, 1, 1, FROM_BLANK, 1};
static const unsigned char printable_stay[128] = {[32] = FROM_BLANK};
static const unsigned char nmt_stay[128] = {1, [32] = FROM_BLANK};

#define RULE(rule, type, stays, all) \
    static bool rule##_keeps(const normalize_step *s, const char *text, size_t n) { \
        size_t last; \
        const size_t plain = all ? ascii_run(text, n) : 0; \
        return run_left_alone(rule##_rule, stays, text, n, plain, &last) == n - plain; \
    } \
    static bool rule##_apply(const normalize_step *s, edit *e) { \
        apply_rule(e, rule##_rule, stays); \
        return true; \
    } \
    const normalize_kind normalize_##rule = {.name = type, .keeps = rule##_keeps, .apply = rule##_apply};
RULE(strip_accents, "StripAccents", all_stay, true)
RULE(nmt, "Nmt", nmt_stay, false)
RULE(bert_clean, "BertNormalizer clean_text", printable_stay, false)
RULE(bert_accents, "BertNormalizer strip_accents", all_stay, true)

/* --- Lowercase ------------------------------------------------------------------------------------------------------------- */
static bool lowercase_keeps(const normalize_step *s, const char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        const size_t plain = ascii_run(text + at, n - at);
        unsigned char capital = 0;
        for (size_t i = at; i < at + plain; i++) capital |= (unsigned char)(text[i] - 'A') < 26;
        if (capital != 0) return false;
        at += plain;
        while (at < n && (unsigned char)text[at] >= 0x80) {
            uint32_t c;
            at += character_at(text, n, at, &c);
            if (record_of(c) & NORMAL_LOWER) return false;
        }
    }
    return true;
}

/* Most small letters are as long as their capitals: those are gathered and written together. */
static bool lowercase_apply(const normalize_step *s, edit *e) {
    char made[1024];
    size_t n = 0;
    for (size_t at = 0; at < e->n;) {
        if (n + 4 > sizeof made) {
            edit_same(e, made, n);
            n = 0;
        }
        if ((unsigned char)e->text[at] < 0x80) {
            size_t most = e->n - at < sizeof made - n ? e->n - at : sizeof made - n;
            most = ascii_run(e->text + at, most);
            for (size_t i = 0; i < most; i++) {
                const char c = e->text[at + i];
                made[n + i] = (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
            }
            n += most;
            at += most;
            continue;
        }
        uint32_t c;
        const size_t length = character_at(e->text, e->n, at, &c);
        const uint32_t small = record_of(c) & NORMAL_LOWER ? normal_mapping_of(c)->small : c;
        const size_t n_small = character_write(small, made + n);
        at += length;
        if (n_small == length) {
            n += length;
            continue;
        }
        edit_same(e, made, n);
        edit_put(e, made + n, n_small, 0);
        if (c == 0x130) edit_put_character(e, 0x307, 1); /* I with a dot: the only one that becomes two */
        n = 0;
    }
    edit_same(e, made, n);
    return true;
}
const normalize_kind normalize_lowercase = {.name = "Lowercase", .keeps = lowercase_keeps, .apply = lowercase_apply};

/* --- Strip ------------------------------------------------------------------------------------------------------------------ */
static bool strip_read(normalize_step *s, arena *owner, const json *v, error *err) {
    return step_flag(v, "strip_left", &s->left, err) && step_flag(v, "strip_right", &s->right, err);
}

/* What is left of the text: [*begin, *end). */
static void strip_range(const normalize_step *s, const char *text, size_t n, size_t *begin, size_t *end) {
    uint32_t c;
    *begin = 0;
    *end = n;
    while (s->left && *begin < *end) {
        const size_t length = character_at(text, n, *begin, &c);
        if (!is_space(c)) break;
        *begin += length;
    }
    while (s->right && *begin < *end) {
        const size_t before = character_before(text, *end, &c);
        if (!is_space(c)) break;
        *end = before;
    }
}

static bool strip_keeps(const normalize_step *s, const char *text, size_t n) {
    size_t begin, end;
    strip_range(s, text, n, &begin, &end);
    return end - begin == n;
}

static bool strip_apply(const normalize_step *s, edit *e) {
    size_t begin, end;
    strip_range(s, e->text, e->n, &begin, &end);
    edit_copy(e, begin, end);
    return true;
}
const normalize_kind normalize_strip = {.name = "Strip", .read = strip_read, .keeps = strip_keeps, .apply = strip_apply};

/* --- ByteLevel -------------------------------------------------------------------------------------------------------------- */
/* Bytes that stand for themselves; all others become a character of two bytes. */
static bool byte_level_keeps(const normalize_step *s, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] == 0x7f) return false; /* char is signed or not: bytes from 0x80 on are caught below */
    return ascii_run(text, n) == n;
}

static bool byte_level_apply(const normalize_step *s, edit *e) {
    for (size_t at = 0; at < e->n;) {
        uint32_t c;
        const size_t length = character_at(e->text, e->n, at, &c);
        for (size_t i = 0; i < length; i++) edit_put_character(e, byte_to_char((unsigned char)e->text[at + i]), i > 0);
        at += length;
    }
    return true;
}
const normalize_kind normalize_byte_level = {.name = "ByteLevel", .keeps = byte_level_keeps, .apply = byte_level_apply};

/* --- BertNormalizer: handle_chinese_chars ------------------------------------------------------------------------------------- */
static size_t before_chinese(const char *text, size_t n, size_t at, size_t *length) {
    while (at < n) {
        uint32_t c;
        at += ascii_run(text + at, n - at);
        if (at == n) break;
        *length = character_at(text, n, at, &c);
        if (record_of(c) & NORMAL_CHINESE) break;
        at += *length;
    }
    return at;
}

static bool bert_chinese_keeps(const normalize_step *s, const char *text, size_t n) {
    size_t length;
    return before_chinese(text, n, 0, &length) == n;
}

static bool bert_chinese_apply(const normalize_step *s, edit *e) {
    size_t length = 0;
    for (size_t at = 0; at < e->n;) {
        const size_t stop = before_chinese(e->text, e->n, at, &length);
        edit_same(e, e->text + at, stop - at);
        at = stop;
        if (at == e->n) break;
        edit_put(e, " ", 1, 0);
        edit_put(e, e->text + at, length, 1);
        edit_put(e, " ", 1, 1);
        at += length;
    }
    return true;
}
const normalize_kind normalize_bert_chinese = {.name = "BertNormalizer handle_chinese_chars", .keeps = bert_chinese_keeps, .apply = bert_chinese_apply};
