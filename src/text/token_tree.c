#include "text/token_tree.h"

#include <stdlib.h>
#include <string.h>

enum { WIDE = 6 }; /* more children than this are found by a table */

typedef struct entry {
    uint64_t key; /* the first eight bytes, so that smaller texts have smaller keys */
    int32_t id;
} entry;

static uint64_t key_of(const token *t) {
    unsigned char bytes[8] = {0};
    memcpy(bytes, t->text, t->length < 8 ? t->length : 8);
    uint64_t key;
    memcpy(&key, bytes, 8);
    return __builtin_bswap64(key);
}

/* By key, stable, a byte at a time. */
static entry *sort_by_key(entry *from, entry *to, size_t n) {
    for (int shift = 0; shift < 64; shift += 8) {
        size_t start[257] = {0};
        for (size_t i = 0; i < n; i++) start[(from[i].key >> shift & 255) + 1]++;
        bool same = false;
        for (int b = 1; b <= 256; b++) {
            same = same || start[b] == n;
            start[b] += start[b - 1];
        }
        if (same) continue;
        for (size_t i = 0; i < n; i++) to[start[from[i].key >> shift & 255]++] = from[i];
        entry *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static int by_text(const void *a, const void *b, void *vocabulary_) {
    const vocabulary *v = vocabulary_;
    const entry *x = a, *y = b;
    const token *p = &v->token[x->id], *q = &v->token[y->id];
    const int order = memcmp(p->text, q->text, p->length < q->length ? p->length : q->length);
    if (order != 0) return order;
    if (p->length != q->length) return p->length < q->length ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Ids by text, and those of one text by id. */
static entry *sorted(arena *memory, const vocabulary *v, size_t *n, size_t *n_byte) {
    entry *list = NEW_ARRAY(memory, v->n, entry), *spare = NEW_ARRAY(memory, v->n, entry);
    *n = *n_byte = 0;
    for (size_t id = 0; id < v->n; id++) {
        if (v->token[id].text == NULL || v->token[id].length == 0) continue;
        list[(*n)++] = (entry){key_of(&v->token[id]), (int32_t)id};
        *n_byte += v->token[id].length;
    }
    list = sort_by_key(list, spare, *n);
    for (size_t i = 0, end; i < *n; i = end) {
        for (end = i + 1; end < *n && list[end].key == list[i].key; end++) {
        }
        if (end - i > 1) qsort_r(list + i, end - i, sizeof *list, by_text, (void *)v);
    }
    return list;
}

/* Children of node `at`, whose tokens are list[lo, hi) from byte `depth` on. */
static void add_children(token_tree *t, const vocabulary *v, const entry *list, uint32_t at, size_t lo, size_t hi, size_t depth, uint32_t *span) {
    for (; lo < hi && v->token[list[lo].id].length == depth; lo++) t->node[at].id = list[lo].id;
    t->node[at].first = (uint32_t)t->n;
    while (lo < hi) {
        const unsigned char byte = (unsigned char)v->token[list[lo].id].text[depth];
        size_t end = lo + 1;
        while (end < hi && (unsigned char)v->token[list[end].id].text[depth] == byte) end++;
        t->label[t->n] = byte;
        span[2 * t->n] = (uint32_t)lo;
        span[2 * t->n + 1] = (uint32_t)end;
        t->node[t->n++].id = -1;
        lo = end;
    }
}

static bool widen(token_tree *t, arena *owner) {
    int32_t n_wide = 0;
    for (size_t i = 0; i < t->n; i++) {
        t->node[i].wide = -1;
        if (t->node[i + 1].first - t->node[i].first > WIDE) t->node[i].wide = n_wide++;
    }
    t->wide = arena_array(owner, (size_t)n_wide, sizeof *t->wide);
    for (size_t i = 0; t->wide != NULL && i < t->n; i++)
        for (uint32_t c = t->node[i].first; t->node[i].wide >= 0 && c < t->node[i + 1].first; c++) t->wide[t->node[i].wide][t->label[c]] = c;
    return t->wide != NULL;
}

bool token_tree_build(token_tree *t, arena *owner, const vocabulary *v) {
    arena memory = {0};
    size_t n, n_byte;
    const entry *list = sorted(&memory, v, &n, &n_byte);
    *t = (token_tree){.n = 1};
    t->node = NEW_ARRAY(&memory, n_byte + 2, token_node);
    t->label = NEW_ARRAY(&memory, n_byte + 1, unsigned char);
    uint32_t *span = NEW_ARRAY(&memory, 2 * (n_byte + 1), uint32_t);
    t->node[0].id = -1;
    span[1] = (uint32_t)n;
    size_t level_end = 1, depth = 0;
    for (uint32_t at = 0; at < t->n; at++) {
        if (at == level_end) level_end = t->n, depth++;
        add_children(t, v, list, at, span[2 * at], span[2 * at + 1], depth, span);
    }
    t->node[t->n].first = (uint32_t)t->n;
    const size_t nodes = (t->n + 1) * sizeof *t->node;
    t->node = (token_node *)(void *)arena_copy_bytes(owner, t->node, nodes);
    t->label = (unsigned char *)arena_copy_bytes(owner, t->label, t->n);
    arena_drop(&memory);
    return t->node != NULL && t->label != NULL && widen(t, owner);
}
