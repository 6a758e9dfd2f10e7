/* llama2.c's tokenizer.bin (karpathy/llama2.c, tokenizer.py): the length of the longest token, then for each id its score
 * (float), its length (int) and its bytes, little-endian. It is Llama 2's SentencePiece vocabulary: U+2581 was made a blank, and
 * <s> and </s> stand between line feeds. */
#include "text/foreign.h"

#include <string.h>

enum { LONGEST_TOKEN = 4096, BEGIN = 1, END = 2 };

static uint32_t little(const char *at) {
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

typedef struct entry {
    float score;
    const char *text;
    size_t n;
} entry;

static bool next_entry(const char *bytes, size_t n, size_t *at, size_t longest, entry *e) {
    if (n - *at < 8) return false;
    const uint32_t score = little(bytes + *at), length = little(bytes + *at + 4);
    if (length == 0 || length > longest || length > n - *at - 8) return false;
    memcpy(&e->score, &score, sizeof e->score);
    e->text = bytes + *at + 8;
    e->n = length;
    *at += 8 + length;
    return true;
}

bool is_llama2c(const char *bytes, size_t n) {
    if (n < 4) return false;
    const uint32_t longest = little(bytes);
    size_t at = 4, most = 0, count = 0;
    entry e;
    if (longest == 0 || longest > LONGEST_TOKEN) return false;
    for (; at < n; count++) {
        if (!next_entry(bytes, n, &at, longest, &e)) return false;
        if (e.n > most) most = e.n;
    }
    return most == longest && count > END;
}

/* Blanks as U+2581 again, unless there are none. */
static const char *piece_of(arena *memory, entry e, size_t *n) {
    size_t blanks = 0;
    for (size_t i = 0; i < e.n; i++) blanks += e.text[i] == ' ';
    char *text = arena_alloc(memory, e.n + 2 * blanks + 1);
    if (text == NULL) return NULL;
    *n = 0;
    for (size_t i = 0; i < e.n; i++) {
        if (e.text[i] == ' ') memcpy(text + *n, "\xe2\x96\x81", 3), *n += 3;
        else text[(*n)++] = e.text[i];
    }
    return text;
}

static bool is_byte(const char *text, size_t n) {
    return n == 6 && memcmp(text, "<0x", 3) == 0 && text[5] == '>';
}

bool from_llama2c(foreign *f, const char *bytes, size_t n, error *err) {
    size_t at = 4, room = 0;
    entry e;
    while (at < n) {
        const size_t id = f->n;
        if (!next_entry(bytes, n, &at, LONGEST_TOKEN, &e)) return fail(err, "the file ends in the middle of token %zu", id);
        if ((id == BEGIN || id == END) && e.n > 2 && e.text[0] == '\n' && e.text[e.n - 1] == '\n') e.text++, e.n -= 2;
        size_t length;
        const char *text = piece_of(f->memory, e, &length);
        if (text == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
        const part_kind kind = id == 0 ? PART_UNKNOWN : id == BEGIN || id == END ? PART_CONTROL : is_byte(text, length) ? PART_BYTE : PART_NORMAL;
        f->byte_fallback = f->byte_fallback || kind == PART_BYTE;
        if (!foreign_put(f, &room, text, length, kind, e.score, err)) return false;
    }
    f->unk = 0;
    f->bos = BEGIN;
    f->eos = END;
    f->add_bos = f->add_blank = f->escape_blanks = true;
    return true;
}
