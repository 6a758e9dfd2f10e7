#include "text/unigram_train.h"

#include <string.h>

/* Cells come in blocks of 256, so that a node's children, base ^ byte, share one. Only cells of the last WINDOW blocks are
 * offered to new nodes: older ones are nearly full, and looking there would take longer than the cells are worth. A free cell
 * keeps its neighbours in the ring in `base` (next) and `piece` (previous). */
enum { BLOCK = 256, WINDOW = 32 };

static void ring_remove(piece_trie *t, int32_t at) {
    trie_cell *c = t->cell;
    const int32_t next = c[at].base, previous = c[at].piece;
    if (next == at) {
        t->free = -1;
        return;
    }
    c[previous].base = next;
    c[next].piece = previous;
    if (t->free == at) t->free = next;
}

static void ring_add(piece_trie *t, int32_t at) {
    trie_cell *c = t->cell;
    if (t->free < 0) {
        c[at].base = c[at].piece = at;
        t->free = at;
        return;
    }
    const int32_t first = t->free, last = c[first].piece;
    c[at].base = first;
    c[at].piece = last;
    c[last].base = at;
    c[first].piece = at;
}

static void block_add(piece_trie *t) {
    if (t->n + BLOCK > t->room) {
        arena larger = {0};
        const size_t room = t->room == 0 ? 64 * BLOCK : t->room + t->room / 2 / BLOCK * BLOCK;
        trie_cell *cell = NEW_ARRAY(&larger, room, trie_cell);
        if (t->n > 0) memcpy(cell, t->cell, t->n * sizeof *cell);
        arena_drop(&t->memory);
        t->memory = larger;
        t->cell = cell;
        t->room = room;
    }
    const int32_t begin = (int32_t)t->n;
    for (int32_t old = begin - WINDOW * BLOCK, i = old; old >= 0 && i < old + BLOCK; i++)
        if (t->cell[i].parent == -1) ring_remove(t, i);
    t->n += BLOCK;
    for (int32_t i = begin; i < begin + BLOCK; i++) {
        t->cell[i].parent = -1;
        ring_add(t, i);
    }
}

/* A base whose cells for all n bytes are free. */
static int32_t base_find(piece_trie *t, const unsigned char *byte, int n) {
    for (int32_t at = t->free, first = at; at >= 0;) {
        const int32_t base = at ^ byte[0];
        int i = 1;
        while (i < n && t->cell[base ^ byte[i]].parent == -1) i++;
        if (i == n) return base;
        at = t->cell[at].base;
        if (at == first) break;
    }
    block_add(t);
    return (int32_t)t->n - BLOCK;
}

/* The node of pieces [first, end), which agree in their first `depth` bytes. */
static void node_build(piece_trie *t, int32_t node, const unigram_piece *piece, size_t first, size_t end, uint32_t depth) {
    t->cell[node].piece = -1;
    t->cell[node].base = 0;
    if (piece[first].length == depth) t->cell[node].piece = (int32_t)first++;
    if (first == end) return;
    unsigned char byte[BLOCK];
    uint32_t begin[BLOCK + 1];
    int n = 0;
    for (size_t i = first; i < end; i++) {
        const unsigned char b = (unsigned char)piece[i].text[depth];
        if (n == 0 || byte[n - 1] != b) {
            begin[n] = (uint32_t)i;
            byte[n++] = b;
        }
    }
    begin[n] = (uint32_t)end;
    const int32_t base = base_find(t, byte, n);
    for (int i = 0; i < n; i++) {
        ring_remove(t, base ^ byte[i]);
        t->cell[base ^ byte[i]].parent = node;
    }
    t->cell[node].base = base;
    for (int i = 0; i < n; i++) node_build(t, base ^ byte[i], piece, begin[i], begin[i + 1], depth + 1);
}

void piece_trie_build(piece_trie *t, const unigram_piece *piece, size_t n) {
    t->n = 0;
    t->free = -1;
    block_add(t);
    ring_remove(t, 0);
    t->cell[0].parent = -2; /* the root is nobody's child */
    t->cell[0].base = 0;
    t->cell[0].piece = -1;
    if (n > 0) node_build(t, 0, piece, 0, n, 0);
}

void piece_trie_drop(piece_trie *t) {
    arena_drop(&t->memory);
    *t = (piece_trie){0};
}
