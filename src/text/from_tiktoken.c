/* tiktoken's ranks: a line a token, its bytes in base64 and its rank, which is its id. Merges are made as transformers'
 * TikTokenConverter makes them: into each token from any two tokens that it is made of, in the order of their ranks. */
#include "text/foreign.h"

#include "base/hash.h"
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_TOKEN = 4096 }; /* in base64; each token is looked up in all its parts */

static int base64_digit(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bytes of text[0..n), base64 with its padding, into `out`, which has room for n bytes; -1: it is none. */
static long base64_bytes(const char *text, size_t n, unsigned char *out) {
    size_t digits = n;
    while (digits > 0 && n - digits < 2 && text[digits - 1] == '=') digits--;
    if (digits == 0) return 0; /* an id that is no text: Whisper's file has one */
    if (n % 4 != 0) return -1;
    uint32_t bits = 0;
    long made = 0;
    for (size_t i = 0; i < digits; i++) {
        const int d = base64_digit((unsigned char)text[i]);
        if (d < 0) return -1;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 1) out[made++] = (unsigned char)(bits >> 4);
        if (i % 4 == 2) out[made++] = (unsigned char)(bits >> 2);
        if (i % 4 == 3) out[made++] = (unsigned char)bits;
    }
    return digits % 4 == 1 ? -1 : made;
}

typedef struct rank_line {
    const char *text; /* base64 */
    size_t n;
    int64_t rank;
} rank_line;

/* The line at *at, moving *at behind it; false: it has another shape. An empty line has n 0. */
static bool next_line(const char *bytes, size_t n, size_t *at, rank_line *line) {
    const char *begin = bytes + *at, *end = memchr(begin, '\n', n - *at);
    size_t length = end != NULL ? (size_t)(end - begin) : n - *at;
    *at += length + (end != NULL);
    if (length > 0 && begin[length - 1] == '\r') length--;
    *line = (rank_line){begin, 0, 0};
    if (length == 0) return true;
    const char *blank = memchr(begin, ' ', length);
    if (blank == NULL) return false;
    line->n = (size_t)(blank - begin);
    size_t digit = line->n + 1;
    for (; digit < length && begin[digit] >= '0' && begin[digit] <= '9' && line->rank < MOST_IDS; digit++) line->rank = line->rank * 10 + (begin[digit] - '0');
    return line->n > 0 && line->n <= LONGEST_TOKEN && digit == length && digit > line->n + 1;
}

bool is_tiktoken(const char *bytes, size_t n) {
    unsigned char decoded[LONGEST_TOKEN];
    rank_line line = {0};
    for (size_t at = 0; at < n && line.n == 0;)
        if (!next_line(bytes, n, &at, &line)) return false;
    return line.n > 0 && base64_bytes(line.text, line.n, decoded) > 0;
}

/* A token's bytes, and the same as characters for bytes. */
typedef struct ranked_token {
    const unsigned char *bytes;
    size_t n;
} ranked_token;

static const char *bytes_as_text(arena *memory, const unsigned char *bytes, size_t n, size_t *n_text) {
    char *text = arena_alloc(memory, 2 * n + 1);
    if (text == NULL) return NULL;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = byte_to_char(bytes[i]);
        if (c < 0x80) text[at++] = (char)c;
        else text[at++] = (char)(0xc0 | c >> 6), text[at++] = (char)(0x80 | (c & 63));
    }
    *n_text = at;
    return text;
}

/* Two tokens that make a third one. */
typedef struct split_pair {
    int64_t left, right;
} split_pair;

static int by_ranks(const void *a, const void *b) {
    const split_pair *x = a, *y = b;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    return x->right < y->right ? -1 : x->right > y->right;
}

static bool put_merges(foreign *f, const ranked_token *tokens, const map *ranks, error *err) {
    size_t room = 0, room_split = 0;
    split_pair *split = NULL;
    for (size_t rank = 0; rank < f->n; rank++) {
        const ranked_token *t = &tokens[rank];
        size_t n = 0;
        if (t->n > room_split) {
            room_split = 2 * t->n;
            split = NEW_ARRAY(f->memory, room_split, split_pair);
            if (split == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
        }
        for (size_t cut = 1; cut < t->n; cut++) {
            const int64_t *left = map_get(ranks, t->bytes, cut);
            const int64_t *right = left == NULL ? NULL : map_get(ranks, t->bytes + cut, t->n - cut);
            if (right != NULL) split[n++] = (split_pair){*left, *right};
        }
        if (n > 1) qsort(split, n, sizeof *split, by_ranks);
        for (size_t i = 0; i < n; i++) {
            const part *left = &f->part[split[i].left], *right = &f->part[split[i].right];
            if (!foreign_put_merge(f, &room, (part_merge){{left->text, right->text}, {left->n, right->n}}, err)) return false;
        }
    }
    return true;
}

static bool count_ranks(const char *bytes, size_t n, size_t *most, error *err) {
    int64_t highest = -1;
    size_t lines = 0, number = 1;
    rank_line line;
    for (size_t at = 0; at < n; number++) {
        if (!next_line(bytes, n, &at, &line)) return fail(err, "line %zu is not a token in base64 and its rank", number);
        if (line.n == 0) continue;
        if (line.rank >= MOST_IDS) return fail(err, "line %zu: its rank is larger than %d", number, MOST_IDS - 1);
        if (line.rank > highest) highest = line.rank;
        lines++;
    }
    if ((uint64_t)(highest + 1) > 16 * (uint64_t)lines + 65536) return fail(err, "rank %lld is out of proportion to %zu tokens", (long long)highest, lines);
    *most = (size_t)(highest + 1);
    return true;
}

static bool put_ranks(foreign *f, const char *bytes, size_t n, ranked_token *tokens, map *ranks, error *err) {
    unsigned char decoded[LONGEST_TOKEN];
    size_t number = 1;
    rank_line line;
    for (size_t at = 0; at < n; number++) {
        if (!next_line(bytes, n, &at, &line) || line.n == 0) continue;
        const long length = base64_bytes(line.text, line.n, decoded);
        if (length < 0) return fail(err, "line %zu: '%.*s' is not base64", number, line.n < 40 ? (int)line.n : 40, line.text);
        bool is_new;
        int64_t *rank = map_put(ranks, decoded, (size_t)length, &is_new);
        const char *kept = arena_copy_bytes(f->memory, decoded, (size_t)length);
        part *p = &f->part[line.rank];
        if (rank == NULL || kept == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
        if (!is_new || p->text != NULL) return fail(err, "line %zu: its token or its rank %lld is there twice", number, (long long)line.rank);
        *rank = line.rank;
        tokens[line.rank] = (ranked_token){(const unsigned char *)kept, (size_t)length};
        p->kind = PART_NORMAL;
        p->text = bytes_as_text(f->memory, decoded, (size_t)length, &p->n);
        if (p->text == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    }
    return true;
}

bool from_tiktoken(foreign *f, const char *bytes, size_t n, error *err) {
    size_t most = 0;
    if (!count_ranks(bytes, n, &most, err)) return false;
    f->part = NEW_ARRAY(f->memory, most, part);
    f->n = most;
    ranked_token *tokens = NEW_ARRAY(f->memory, most, ranked_token);
    map *ranks = map_new(f->memory, most);
    if (f->part == NULL || tokens == NULL || ranks == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    f->keeps_whole_words = true; /* tiktoken looks a word up before it merges */
    return put_ranks(f, bytes, n, tokens, ranks, err) && put_merges(f, tokens, ranks, err);
}
