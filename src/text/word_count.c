#include "text/word_count.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BLOCK = 64 << 10 };

uint32_t word_hash(const char *text, size_t n) {
    const uint64_t wide = hash64(text, n, 0);
    return (uint32_t)(wide ^ wide >> 32);
}

void *array_move(arena *a, const void *old, size_t old_bytes, size_t new_bytes) {
    arena larger = {0};
    void *p = arena_alloc(&larger, new_bytes);
    if (old_bytes > 0) memcpy(p, old, old_bytes);
    arena_drop(a);
    *a = larger;
    return p;
}

static void word_map_index(word_map *m) {
    for (size_t i = 0; i < m->n; i++) {
        size_t at = m->entry[i].hash & m->mask;
        while (m->slot[at] != 0) at = (at + 1) & m->mask;
        m->slot[at] = (uint32_t)i + 1;
    }
}

static void word_map_grow(word_map *m) {
    const size_t slots = m->mask == 0 ? 1 << 12 : (m->mask + 1) * 2;
    m->slot = array_move(&m->slots, NULL, 0, slots * sizeof *m->slot);
    m->mask = slots - 1;
    word_map_index(m);
}

static char *word_map_copy(word_map *m, const char *text, size_t n) {
    if (n > TEXT_BLOCK / 16) return arena_copy_bytes(&m->texts, text, n);
    if (n > m->n_text) {
        m->text = arena_alloc(&m->texts, TEXT_BLOCK);
        m->n_text = TEXT_BLOCK;
    }
    char *copy = memcpy(m->text, text, n);
    m->text += n;
    m->n_text -= n;
    return copy;
}

void word_map_add(word_map *m, const char *text, size_t n, uint32_t hash, int64_t count) {
    if (m->n >= m->mask - m->mask / 3) word_map_grow(m);
    size_t at = hash & m->mask;
    for (; m->slot[at] != 0; at = (at + 1) & m->mask) {
        word_entry *e = &m->entry[m->slot[at] - 1];
        if (e->hash != hash || e->n != n || memcmp(e->text, text, n) != 0) continue;
        e->count += count;
        return;
    }
    if (m->n == m->room) {
        const size_t room = m->room == 0 ? 1 << 11 : m->room + m->room / 2;
        m->entry = array_move(&m->entries, m->entry, m->room * sizeof *m->entry, room * sizeof *m->entry);
        m->room = room;
    }
    m->entry[m->n] = (word_entry){word_map_copy(m, text, n), (uint32_t)n, hash, count};
    m->slot[at] = (uint32_t)++m->n;
    m->bytes += n;
}

int64_t word_map_prune(word_map *m, int64_t most) {
    int64_t lost = 0;
    word_map kept = {0};
    for (size_t i = 0; i < m->n; i++) {
        const word_entry *e = &m->entry[i];
        if (e->count <= most) lost += e->count;
        else word_map_add(&kept, e->text, e->n, e->hash, e->count);
    }
    word_map_drop(m);
    *m = kept;
    return lost;
}

static int by_bytes(const void *a, const void *b) {
    const word_entry *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

void word_map_sort(word_map *m) {
    if (m->n > 0) qsort(m->entry, m->n, sizeof *m->entry, by_bytes);
    arena_drop(&m->slots);
    m->slot = NULL;
    m->mask = 0;
}

void word_map_reset(word_map *m) {
    if (m->n > 0) memset(m->slot, 0, (m->mask + 1) * sizeof *m->slot);
    arena_reset(&m->texts);
    m->n = m->bytes = m->n_text = 0;
}

void word_map_drop(word_map *m) {
    arena_drop(&m->entries);
    arena_drop(&m->slots);
    arena_drop(&m->texts);
    *m = (word_map){0};
}
