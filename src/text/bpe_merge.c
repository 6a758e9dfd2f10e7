/* The merges of one word. Short words by looking through all pairs for the lowest rank; long ones by a list of places for each
 * rank. Both give the same. */
#include "text/tokenizer_inner.h"

#include <string.h>

enum { PAIRS_BY_SCAN = 40 };

static inline pair_merge pair_find(const merge_table *merges, int32_t left, int32_t right) {
    const merge *m = merge_find(merges, left, right);
    return m != NULL ? (pair_merge){m->rank, m->result} : (pair_merge){INT32_MAX, -1};
}

/* The merge of part i with the next. */
static inline pair_merge pair_at(const bpe *m, const int32_t *id, const char *bytes, size_t i) {
    if (bytes != NULL) return m->byte_pair[(unsigned)(unsigned char)bytes[i] << 8 | (unsigned char)bytes[i + 1]];
    return pair_find(&m->merges, id[i], id[i + 1]);
}

/* --- short words ---------------------------------------------------------------------------------------------------------- */
/* The parts of a word, first to last by way of `behind`; a part that went into another has id -1. */
typedef struct parts {
    size_t n;
    int32_t rank[PAIRS_BY_SCAN], result[PAIRS_BY_SCAN]; /* of a part and the next; rank INT32_MAX: no merge */
    unsigned char before[PAIRS_BY_SCAN], behind[PAIRS_BY_SCAN];
} parts;

static inline void set_pair(parts *p, size_t i, pair_merge pair) {
    p->rank[i] = pair.rank;
    p->result[i] = pair.result;
}

static void link_parts(parts *p) {
    for (size_t i = 0; i < p->n; i++) {
        p->before[i] = (unsigned char)(i - 1);
        p->behind[i] = (unsigned char)(i + 1);
    }
}

/* Takes out what is gone. */
static void close_up(parts *p, int32_t *id, uint32_t *length) {
    size_t to = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (id[i] < 0) continue;
        id[to] = id[i];
        length[to] = length[i];
        set_pair(p, to++, (pair_merge){p->rank[i], p->result[i]});
    }
    p->n = to;
    link_parts(p);
}

static size_t merge_by_scan(const bpe *m, const char *bytes, int32_t *id, uint32_t *length, size_t n) {
    static const pair_merge none = {INT32_MAX, -1};
    parts p; /* only as much of it as there are parts is ever read */
    p.n = n;
    for (size_t i = 0; i < n; i++) set_pair(&p, i, i + 1 < n ? pair_at(m, id, bytes, i) : none);
    link_parts(&p);
    for (size_t left = n;;) {
        if (left * 2 < p.n && p.n > 8) close_up(&p, id, length);
        size_t at = 0;
        for (size_t i = 1; i + 1 < p.n; i++) at = p.rank[i] < p.rank[at] ? i : at;
        if (p.rank[at] == INT32_MAX) break;
        const size_t gone = p.behind[at], next = p.behind[gone], before = p.before[at];
        id[at] = p.result[at];
        length[at] += length[gone];
        id[gone] = -1;
        p.rank[gone] = INT32_MAX;
        p.behind[at] = (unsigned char)next;
        left--;
        if (at > 0) __builtin_prefetch(&m->merges.slot[merge_slot(id[before], id[at]) & m->merges.mask]); /* while the other is waited for */
        set_pair(&p, at, next < p.n ? pair_find(&m->merges, id[at], id[next]) : none);
        if (next < p.n) p.before[next] = (unsigned char)at;
        if (at > 0) set_pair(&p, before, pair_find(&m->merges, id[before], id[at]));
    }
    close_up(&p, id, length);
    return p.n;
}

/* --- long words ----------------------------------------------------------------------------------------------------------- */
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

/* Neighbours and the heap of one long word: fewer than n entries at first, and each of fewer than n merges leaves at most one
 * more. */
struct bpe_room {
    uint32_t *before, *behind;
    uint64_t *heap;
    size_t n;
};

static struct bpe_room *room_for(tokenizer_scratch *s, size_t n) {
    if (s->bpe == NULL) s->bpe = NEW(&s->memory, struct bpe_room);
    if (s->bpe->n < n) {
        s->bpe->n = n + n / 8;
        s->bpe->before = NEW_ARRAY(&s->memory, s->bpe->n, uint32_t);
        s->bpe->behind = NEW_ARRAY(&s->memory, s->bpe->n, uint32_t);
        s->bpe->heap = NEW_ARRAY(&s->memory, s->bpe->n * 2, uint64_t);
    }
    return s->bpe;
}

static size_t merge_by_heap(tokenizer_scratch *s, size_t n) {
    const merge_table *merges = &s->tokenizer->bpe.merges;
    enum { NONE = UINT32_MAX };
    struct bpe_room *room = room_for(s, n);
    size_t n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        room->before[i] = i > 0 ? (uint32_t)i - 1 : NONE;
        room->behind[i] = i + 1 < n ? (uint32_t)i + 1 : NONE;
        const merge *m = i + 1 < n ? merge_find(merges, s->id[i], s->id[i + 1]) : NULL;
        if (m != NULL) room->heap[n_heap++] = (uint64_t)m->rank << 32 | i;
    }
    for (size_t i = n_heap / 4 + 1; i-- > 0;)
        if (i < n_heap) heap_down(room->heap, n_heap, i);
    while (n_heap > 0) {
        const uint64_t top = room->heap[0];
        room->heap[0] = room->heap[--n_heap];
        heap_down(room->heap, n_heap, 0);
        const uint32_t at = (uint32_t)top, next = s->id[at] >= 0 ? room->behind[at] : NONE;
        if (next == NONE) continue;
        const merge *m = merge_find(merges, s->id[at], s->id[next]);
        if (m == NULL || (uint64_t)m->rank != top >> 32) continue; /* what stood here has been joined otherwise since */
        s->id[at] = m->result;
        s->length[at] += s->length[next];
        s->id[next] = -1;
        room->behind[at] = room->behind[next];
        if (room->behind[at] != NONE) room->before[room->behind[at]] = at;
        if (room->before[at] != NONE && (m = merge_find(merges, s->id[room->before[at]], s->id[at])) != NULL)
            heap_push(room->heap, &n_heap, (uint64_t)m->rank << 32 | room->before[at]);
        if (room->behind[at] != NONE && (m = merge_find(merges, s->id[at], s->id[room->behind[at]])) != NULL)
            heap_push(room->heap, &n_heap, (uint64_t)m->rank << 32 | at);
    }
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->id[i] < 0) continue;
        s->id[left] = s->id[i];
        s->length[left++] = s->length[i];
    }
    return left;
}

size_t bpe_merge(tokenizer_scratch *s, const char *bytes, size_t n) {
    const bpe *m = &s->tokenizer->bpe;
    if (m->byte_pair == NULL || !s->tokenizer->pre_tokenizer.byte_level) bytes = NULL;
    if (n < 2) return n;
    return n <= PAIRS_BY_SCAN ? merge_by_scan(m, bytes, s->id, s->length, n) : merge_by_heap(s, n);
}
