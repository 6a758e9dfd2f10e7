#include "base/hash.h"
#include "text/merge_learn.h"

#include <string.h>

static void word_map_grow(word_map *m) {
    const size_t slots = m->mask == 0 ? 1 << 12 : (m->mask + 1) * 2;
    m->slot = NEW_ARRAY(&m->memory, slots, uint32_t);
    m->mask = slots - 1;
    for (size_t i = 0; i < m->n; i++) {
        size_t at = m->entry[i].hash & m->mask;
        while (m->slot[at] != 0) at = (at + 1) & m->mask;
        m->slot[at] = (uint32_t)i + 1;
    }
}

void word_map_add(word_map *m, const char *text, size_t n, int64_t count) {
    if (m->n * 2 >= m->mask) word_map_grow(m);
    const uint64_t wide = hash64(text, n, 0);
    const uint32_t hash = (uint32_t)(wide ^ wide >> 32);
    size_t at = hash & m->mask;
    for (; m->slot[at] != 0; at = (at + 1) & m->mask) {
        word_entry *e = &m->entry[m->slot[at] - 1];
        if (e->hash != hash || e->n != n || memcmp(e->text, text, n) != 0) continue;
        e->count += count;
        return;
    }
    if (m->n == m->room) {
        const size_t room = m->room == 0 ? 1 << 11 : m->room * 2;
        m->entry = arena_grow(&m->memory, m->entry, m->room * sizeof *m->entry, room * sizeof *m->entry);
        m->room = room;
    }
    m->entry[m->n] = (word_entry){arena_copy_bytes(&m->memory, text, n), (uint32_t)n, hash, count};
    m->slot[at] = (uint32_t)++m->n;
}

void word_map_drop(word_map *m) {
    arena_drop(&m->memory);
    *m = (word_map){0};
}
