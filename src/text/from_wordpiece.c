/* BERT's vocab.txt: a line a token, its number is its id; ## begins a piece that goes on a word. The rest is as
 * BertTokenizerFast has it. */
#include "text/foreign.h"

#include "base/hash.h"

#include <string.h>

typedef struct line {
    const char *text;
    size_t n;
} line;

/* The line at *at without white space at its end, moving *at behind it. */
static line next_line(const char *bytes, size_t n, size_t *at) {
    const char *begin = bytes + *at, *end = memchr(begin, '\n', n - *at);
    size_t length = end != NULL ? (size_t)(end - begin) : n - *at;
    *at += length + (end != NULL);
    while (length > 0 && (begin[length - 1] == '\r' || begin[length - 1] == ' ' || begin[length - 1] == '\t')) length--;
    return (line){begin, length};
}

static bool line_is(line l, const char *text) {
    return l.n == strlen(text) && memcmp(l.text, text, l.n) == 0;
}

bool is_wordpiece(const char *bytes, size_t n) {
    if (memchr(bytes, 0, n) != NULL) return false;
    for (size_t at = 0; at < n;) {
        const line l = next_line(bytes, n, &at);
        if (line_is(l, "[UNK]")) return utf8_valid(bytes, n);
    }
    return false;
}

static const struct {
    const char *text;
    size_t place;
} special[] = {
    {"[UNK]", offsetof(foreign, unk)}, {"[CLS]", offsetof(foreign, cls)},   {"[SEP]", offsetof(foreign, sep)},
    {"[PAD]", offsetof(foreign, pad)}, {"[MASK]", offsetof(foreign, mask)},
};

static bool has_upper_case(line l) {
    for (size_t i = 0; l.text[0] != '[' && i < l.n; i++)
        if (l.text[i] >= 'A' && l.text[i] <= 'Z') return true;
    return false;
}

bool from_wordpiece(foreign *f, const char *bytes, size_t n, const json *config, error *err) {
    map *known = map_new(f->memory, n / 8);
    if (known == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    size_t room = 0;
    bool upper = false;
    for (size_t at = 0; at < n;) {
        const line l = next_line(bytes, n, &at);
        bool is_new;
        int64_t *id = map_put(known, l.text, l.n, &is_new);
        if (id == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
        if (!is_new) f->part[*id].text = NULL; /* the last one of its kind counts */
        *id = (int64_t)f->n;
        part_kind kind = PART_NORMAL;
        for (size_t i = 0; i < COUNT(special); i++) {
            if (!line_is(l, special[i].text)) continue;
            *(int32_t *)(void *)((char *)f + special[i].place) = (int32_t)f->n;
            kind = PART_CONTROL;
        }
        upper = upper || has_upper_case(l);
        if (!foreign_put(f, &room, l.text, l.n, kind, 0, err)) return false;
    }
    if (f->unk < 0 && json_get(config, "unk_token") == NULL) return fail(err, "the vocabulary has no [UNK]");
    f->lowercase = json_get_bool(config, "do_lower_case", !upper);
    f->strip_accents = json_get_bool(config, "strip_accents", f->lowercase);
    return true;
}
