/* Byte pair encoding of one word (Sennrich et al. 2016, arXiv:1508.07909): of all neighbours that a merge knows, the one of
 * lowest rank, leftmost first, is joined, until none is left. Short words by looking through all pairs, long ones by a heap;
 * both give the same. A cache of whole words stands before it, since text repeats its words. */
#include "text/tokenizer_inner.h"

#include <string.h>

enum {
    SHORT_BITS = 14,
    SHORT_WORDS = 1 << SHORT_BITS,
    LONG_WORDS = 1 << 13,
    SHORT_BYTES = 15,
    LONG_BYTES = 32,
    SHORT_IDS = 3,
    LONG_IDS = 7,
    PAIRS_BY_SCAN = 40
};

struct short_word {
    uint64_t key[2]; /* the bytes, and in the last one 1 + how many */
    int32_t id[SHORT_IDS];
    int32_t n;
};
struct long_word {
    unsigned char n_byte, n; /* n_byte 0: empty */
    char key[LONG_BYTES];
    int32_t id[LONG_IDS];
};

bool bpe_scratch_start(tokenizer_scratch *s) {
    s->short_words = NEW_ARRAY(&s->memory, SHORT_WORDS, struct short_word);
    s->long_words = NEW_ARRAY(&s->memory, LONG_WORDS, struct long_word);
    return s->short_words != NULL && s->long_words != NULL;
}

static void word_reserve(tokenizer_scratch *s, size_t n) {
    if (n <= s->room) return;
    const size_t room = n < 256 ? 256 : n + n / 8;
    s->id = NEW_ARRAY(&s->memory, room, int32_t);
    s->length = NEW_ARRAY(&s->memory, room, uint32_t);
    s->room = room;
}

/* --- characters to their first ids ------------------------------------------------------------------------------------- */
typedef struct parts {
    tokenizer_scratch *s;
    size_t n;
    int32_t unk; /* an unknown token that waits for more to join it; -1: none */
    uint32_t unk_length;
} parts;

static void parts_add(parts *p, int32_t id, uint32_t length) {
    p->s->id[p->n] = id;
    p->s->length[p->n++] = length;
}

static void parts_flush(parts *p) {
    if (p->unk >= 0) parts_add(p, p->unk, p->unk_length);
    p->unk = -1;
}

/* One character that the model sees as text[0..n) and that stands for `length` bytes of the word. */
static void parts_character(parts *p, const char *text, size_t n, uint32_t length) {
    const tokenizer *t = p->s->tokenizer;
    const int32_t id = n == 1 && (unsigned char)text[0] < 128 ? t->ascii_token[(unsigned char)text[0]] : vocabulary_get(&t->vocabulary, text, n);
    if (id >= 0) {
        parts_flush(p);
        parts_add(p, id, length);
        return;
    }
    bool all = t->byte_fallback;
    for (size_t i = 0; all && i < n; i++) all = t->byte_token[(unsigned char)text[i]] >= 0;
    if (all) { /* a waiting unknown token stays behind these, as in `tokenizers` */
        for (size_t i = 0; i < n; i++) parts_add(p, t->byte_token[(unsigned char)text[i]], length == n ? 1 : i == 0 ? length : 0);
        return;
    }
    if (t->unk < 0) return;
    if (p->unk >= 0 && t->fuse_unk) {
        p->unk_length += length;
        return;
    }
    parts_flush(p);
    p->unk = t->unk;
    p->unk_length = length;
}

static size_t word_parts(tokenizer_scratch *s, const char *word, size_t n) {
    const tokenizer *t = s->tokenizer;
    word_reserve(s, n * (t->byte_level ? 2 : 1)); /* a mapped byte may fall back to two */
    if (t->byte_level && t->byte_level_whole) {
        for (size_t i = 0; i < n; i++) {
            s->id[i] = t->mapped_token[(unsigned char)word[i]];
            s->length[i] = 1;
        }
        return n;
    }
    parts p = {.s = s, .unk = -1};
    if (t->byte_level) {
        string character = {0};
        for (size_t i = 0; i < n; i++) {
            string_reset(&character);
            string_utf8(&character, byte_to_char((unsigned char)word[i]));
            parts_character(&p, string_chars(&character), character.length, 1);
        }
        string_drop(&character);
    } else {
        for (size_t at = 0; at < n;) {
            const size_t from = at;
            utf8_next(word, n, &at);
            parts_character(&p, word + from, at - from, (uint32_t)(at - from));
        }
    }
    parts_flush(&p);
    return p.n;
}

/* --- merging ---------------------------------------------------------------------------------------------------------------- */
static size_t merge_by_scan(const merge_table *merges, int32_t *id, uint32_t *length, size_t n) {
    int32_t rank[PAIRS_BY_SCAN + 1], result[PAIRS_BY_SCAN + 1];
    const merge *m;
#define LOOK_UP(i) (m = merge_find(merges, id[i], id[(i) + 1]), rank[i] = m != NULL ? m->rank : INT32_MAX, result[i] = m != NULL ? m->result : 0)
    for (size_t i = 0; i + 1 < n; i++) LOOK_UP(i);
    while (n > 1) {
        size_t at = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[at]) at = i;
        if (rank[at] == INT32_MAX) break;
        id[at] = result[at];
        length[at] += length[at + 1];
        n--;
        memmove(id + at + 1, id + at + 2, (n - at - 1) * sizeof *id);
        memmove(length + at + 1, length + at + 2, (n - at - 1) * sizeof *length);
        if (at + 1 < n) {
            memmove(rank + at + 1, rank + at + 2, (n - at - 2) * sizeof *rank);
            memmove(result + at + 1, result + at + 2, (n - at - 2) * sizeof *result);
            LOOK_UP(at);
        }
        if (at > 0) LOOK_UP(at - 1);
    }
#undef LOOK_UP
    return n;
}

/* A heap of rank << 32 | position, smallest first. */
static void heap_down(uint64_t *heap, size_t n, size_t at) {
    const uint64_t moving = heap[at];
    for (size_t child; (child = at * 4 + 1) < n; at = child) {
        const size_t last = child + 4 < n ? child + 4 : n;
        for (size_t i = child + 1; i < last; i++)
            if (heap[i] < heap[child]) child = i;
        if (heap[child] >= moving) break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void heap_push(uint64_t *heap, size_t *n, uint64_t value) {
    size_t at = (*n)++;
    for (; at > 0 && heap[(at - 1) / 4] > value; at = (at - 1) / 4) heap[at] = heap[(at - 1) / 4];
    heap[at] = value;
}

static size_t merge_by_heap(tokenizer_scratch *s, size_t n) {
    const merge_table *merges = &s->tokenizer->merges;
    enum { NONE = UINT32_MAX };
    if (s->heap_room < n) { /* fewer than n entries at first, and each of fewer than n merges leaves at most one more */
        s->heap_room = n + n / 8;
        s->before = NEW_ARRAY(&s->memory, s->heap_room, uint32_t);
        s->behind = NEW_ARRAY(&s->memory, s->heap_room, uint32_t);
        s->heap = NEW_ARRAY(&s->memory, s->heap_room * 2, uint64_t);
    }
    size_t n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        s->before[i] = i > 0 ? (uint32_t)i - 1 : NONE;
        s->behind[i] = i + 1 < n ? (uint32_t)i + 1 : NONE;
        const merge *m = i + 1 < n ? merge_find(merges, s->id[i], s->id[i + 1]) : NULL;
        if (m != NULL) s->heap[n_heap++] = (uint64_t)m->rank << 32 | i;
    }
    for (size_t i = n_heap / 4 + 1; i-- > 0;)
        if (i < n_heap) heap_down(s->heap, n_heap, i);
    while (n_heap > 0) {
        const uint64_t top = s->heap[0];
        s->heap[0] = s->heap[--n_heap];
        heap_down(s->heap, n_heap, 0);
        const uint32_t at = (uint32_t)top, next = s->id[at] >= 0 ? s->behind[at] : NONE;
        if (next == NONE) continue;
        const merge *m = merge_find(merges, s->id[at], s->id[next]);
        if (m == NULL || (uint64_t)m->rank != top >> 32) continue; /* what stood here has been joined otherwise since */
        s->id[at] = m->result;
        s->length[at] += s->length[next];
        s->id[next] = -1;
        s->behind[at] = s->behind[next];
        if (s->behind[at] != NONE) s->before[s->behind[at]] = at;
        if (s->before[at] != NONE && (m = merge_find(merges, s->id[s->before[at]], s->id[at])) != NULL)
            heap_push(s->heap, &n_heap, (uint64_t)m->rank << 32 | s->before[at]);
        if (s->behind[at] != NONE && (m = merge_find(merges, s->id[at], s->id[s->behind[at]])) != NULL)
            heap_push(s->heap, &n_heap, (uint64_t)m->rank << 32 | at);
    }
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->id[i] < 0) continue;
        s->id[left] = s->id[i];
        s->length[left++] = s->length[i];
    }
    return left;
}

/* The word as one token, where the model takes those before all merging; -1: it does not, or there is none. */
static int32_t whole_word(tokenizer_scratch *s, const char *word, size_t n) {
    const tokenizer *t = s->tokenizer;
    if (!t->ignore_merges) return -1;
    if (!t->byte_level) return vocabulary_get(&t->vocabulary, word, n);
    string_reset(&s->spare);
    for (size_t i = 0; i < n; i++) string_utf8(&s->spare, byte_to_char((unsigned char)word[i]));
    return vocabulary_get(&t->vocabulary, string_chars(&s->spare), s->spare.length);
}

size_t bpe_word(tokenizer_scratch *s, const char *word, size_t n) {
    const int32_t whole = whole_word(s, word, n);
    if (whole >= 0) {
        word_reserve(s, 1);
        s->id[0] = whole;
        s->length[0] = (uint32_t)n;
        return 1;
    }
    const size_t n_part = word_parts(s, word, n);
    return n_part <= PAIRS_BY_SCAN ? merge_by_scan(&s->tokenizer->merges, s->id, s->length, n_part) : merge_by_heap(s, n_part);
}

/* --- the cache ------------------------------------------------------------------------------------------------------------------ */
static void ids_append(id_list *out, const int32_t *id, size_t n) {
    id_list_reserve(out, n);
    memcpy(out->id + out->n, id, n * sizeof *id);
    out->n += n;
}

static struct long_word *long_place(tokenizer_scratch *s, const char *word, size_t n, bool *hit) {
    struct long_word *w = &s->long_words[hash64(word, n, 0) % LONG_WORDS];
    *hit = w->n_byte == n && memcmp(w->key, word, n) == 0;
    return w;
}

static void long_keep(struct long_word *w, const char *word, size_t n, const int32_t *id, size_t n_id) {
    w->n_byte = (unsigned char)n;
    w->n = (unsigned char)n_id;
    memcpy(w->key, word, n);
    memcpy(w->id, id, n_id * sizeof *id);
}

static void encode_long(tokenizer_scratch *s, const char *word, size_t n, struct short_word *place, const uint64_t key[2], id_list *out) {
    bool hit;
    struct long_word *w = long_place(s, word, n, &hit);
    if (hit) {
        ids_append(out, w->id, w->n);
        return;
    }
    const size_t n_id = bpe_word(s, word, n);
    ids_append(out, s->id, n_id);
    if (place != NULL && n_id <= SHORT_IDS) {
        *place = (struct short_word){.key = {key[0], key[1]}, .n = (int32_t)n_id};
        memcpy(place->id, s->id, n_id * sizeof *s->id);
    } else if (n_id <= LONG_IDS) long_keep(w, word, n, s->id, n_id);
}

void bpe_encode(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    if (n > LONG_BYTES) {
        const size_t n_id = bpe_word(s, word, n);
        ids_append(out, s->id, n_id);
        return;
    }
    if (n > SHORT_BYTES) {
        encode_long(s, word, n, NULL, NULL, out);
        return;
    }
    union {
        char byte[16];
        uint64_t word[2];
    } key = {0};
    memcpy(key.byte, word, n);
    key.byte[15] = (char)(n + 1);
    uint64_t mixed = (key.word[0] ^ key.word[1] * 0xc2b2ae3d27d4eb4full) * 0x9e3779b97f4a7c15ull;
    mixed ^= mixed >> 29;
    struct short_word *w = &s->short_words[(mixed * 0x9e3779b97f4a7c15ull) >> (64 - SHORT_BITS)];
    if (w->key[0] != key.word[0] || w->key[1] != key.word[1]) {
        encode_long(s, word, n, w, key.word, out);
        return;
    }
    id_list_reserve(out, SHORT_IDS);
    memcpy(out->id + out->n, w->id, sizeof w->id);
    out->n += (size_t)w->n;
}
