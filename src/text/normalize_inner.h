/* text/normalize_inner.h: what the files of the normalizer share: steps, and how a step writes. */
#ifndef SOCLE_TEXT_NORMALIZE_INNER_H
#define SOCLE_TEXT_NORMALIZE_INNER_H
#include "text/normal_table.h"
#include "text/normalize.h"
#include "text/pattern.h"

/* --- characters -------------------------------------------------------------------------------------------------------- */
enum { CHARACTER_INVALID = 0x110000 }; /* and above: a byte that is no part of one, CHARACTER_INVALID + byte */

static inline bool is_tail(char c) {
    return (c & 0xc0) == 0x80;
}

/* The character at text[at], at < n; returns its bytes. The same characters as utf8_next's. */
static inline size_t character_at(const char *text, size_t n, size_t at, uint32_t *c) {
    const unsigned char *s = (const unsigned char *)text + at;
    const size_t left = n - at;
    *c = s[0];
    if (s[0] < 0x80) return 1;
    if (s[0] >= 0xc2 && s[0] < 0xe0 && left >= 2 && is_tail(text[at + 1])) {
        *c = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
        return 2;
    }
    if ((s[0] & 0xf0) == 0xe0 && left >= 3 && is_tail(text[at + 1]) && is_tail(text[at + 2])) {
        *c = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        if (*c >= 0x800 && (*c & 0xf800) != 0xd800) return 3;
    }
    if (s[0] >= 0xf0 && s[0] < 0xf5 && left >= 4 && is_tail(text[at + 1]) && is_tail(text[at + 2]) && is_tail(text[at + 3])) {
        *c = (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
        if (*c >= 0x10000 && *c < 0x110000) return 4;
    }
    *c = CHARACTER_INVALID + s[0];
    return 1;
}

size_t character_write(uint32_t c, char out[4]); /* its bytes; an invalid one is its byte */
/* Where the character that ends at text[end], end > 0, begins. */
size_t character_before(const char *text, size_t end, uint32_t *c);
size_t ascii_run(const char *text, size_t n); /* bytes below 0x80 at its beginning */

/* normal_record of a character as character_at gives it: nothing changes an invalid byte. */
static inline uint32_t record_of(uint32_t c) {
    return c < 0x110000 ? normal_record(c) : CLUSTER_CONTROL << 8;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */
/* A step reads text[0..n) and writes characters, and says of each, as `tokenizers` does, which of the text's it stands for: the
 * next one (change 0), the next one and -change more behind it (change < 0), or none: then it came from where the character
 * before it did (change > 0). */
typedef struct edit {
    const char *text;
    size_t n;
    size_t at;     /* the next byte of text that nothing has stood for */
    size_t before; /* where the character before it begins */
    string *out;
    const origin_list *from; /* where the text's bytes came from; NULL: from themselves, counted from shift */
    size_t shift;
    origin_list *origin; /* NULL: nobody asked, and `at` does not move */
} edit;
void edit_put(edit *e, const char *character, size_t n, long change);
void edit_put_character(edit *e, uint32_t c, long change);
/* n bytes of characters that stand for the next ones, each as long as the one it stands for. */
void edit_same(edit *e, const char *bytes, size_t n);
/* The characters of the next n bytes are removed, with nothing before them. */
void edit_skip(edit *e, size_t n);
/* n bytes that came from where the byte before text[at] did; and text[begin, end) as it is. For steps that move `at` themselves. */
void edit_insert(edit *e, const char *bytes, size_t n, size_t at);
void edit_copy(edit *e, size_t begin, size_t end);

/* --- steps ------------------------------------------------------------------------------------------------------------- */
typedef struct normalize_step {
    const struct normalize_kind *kind;
    const char *text, *content; /* Replace: pattern, what comes there; Prepend: content */
    size_t n_text, n_content;
    const pattern *pattern; /* Replace with a Regex */
    bool left, right;       /* Strip */
    const struct charsmap *charsmap;
} normalize_step;

typedef struct normalize_kind {
    const char *name;                                                         /* type, in tokenizer.json */
    bool (*read)(normalize_step *s, arena *owner, const json *v, error *err); /* NULL: no fields */
    bool (*keeps)(const normalize_step *s, const char *text, size_t n);       /* as normalizer_keeps */
    bool (*apply)(const normalize_step *s, edit *e);                          /* false: as normalize_text */
} normalize_kind;

extern const normalize_kind normalize_nfc, normalize_nfd, normalize_nfkc, normalize_nfkd;                                       /* normal_form.c */
extern const normalize_kind normalize_lowercase, normalize_strip, normalize_strip_accents, normalize_nmt, normalize_byte_level; /* normalize_character.c */
extern const normalize_kind normalize_bert_clean, normalize_bert_chinese, normalize_bert_accents;                               /* parts of BertNormalizer */
extern const normalize_kind normalize_replace, normalize_prepend;                                                               /* normalize_replace.c */
extern const normalize_kind normalize_precompiled;                                                                              /* precompiled.c */

bool step_flag(const json *v, const char *key, bool *flag, error *err); /* a member that must be true or false */

#endif
