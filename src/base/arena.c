#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 16, SMALLEST_BLOCK = 32 << 10, LARGEST_GROWTH = 4 << 20, HUGE_PAGE = 2 << 20 };

struct arena_block {
    arena_block *next;
    size_t size, used; /* bytes behind this header */
    size_t dirty;      /* from here on they are zero */
    size_t mapped;     /* bytes to unmap; 0: from malloc */
    _Alignas(ALIGNMENT) char bytes[];
};

static void *out_of_memory(size_t size) {
    fprintf(stderr, "socle: out of memory (%zu more bytes wanted)\n", size);
    exit(1);
}

/* Large blocks come as huge pages where the system has them: touching 4 KiB at a time costs more than filling them. */
static arena_block *block_map(size_t size) {
    const size_t whole = (sizeof(arena_block) + size + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    char *p = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return out_of_memory(size);
    const size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before > 0) munmap(p, before);
    if (before < HUGE_PAGE) munmap(p + before + whole, HUGE_PAGE - before);
    arena_block *b = (arena_block *)(void *)(p + before);
    madvise(b, whole, MADV_HUGEPAGE);
    *b = (arena_block){.size = whole - sizeof *b, .mapped = whole};
    return b;
}

static arena_block *block_new(arena *a, size_t bytes) {
    size_t size = a->first == NULL ? SMALLEST_BLOCK : a->first->size * 2;
    if (size > LARGEST_GROWTH) size = LARGEST_GROWTH;
    if (size < bytes) size = bytes;
#ifdef SOCLE_SANITIZE /* the sanitizers watch malloc's memory only, and look for pointers nowhere else */
    const bool map = false;
#else
    const bool map = bytes >= LARGEST_GROWTH && bytes < SIZE_MAX / 4;
#endif
    if (map) return block_map(size);
    arena_block *b = malloc(sizeof *b + size);
    if (b == NULL) return out_of_memory(size);
    *b = (arena_block){.size = size, .dirty = size};
    return b;
}

static void block_free(arena_block *b) {
    if (b->mapped > 0) munmap(b, b->mapped);
    else free(b);
}

/* The next `bytes` of a block that has room for them, zeroed. */
static void *block_take(arena_block *b, size_t bytes) {
    char *p = b->bytes + b->used;
    if (b->used < b->dirty) memset(p, 0, b->dirty - b->used < bytes ? b->dirty - b->used : bytes);
    b->used += bytes;
    if (b->dirty < b->used) b->dirty = b->used;
    return p;
}

void *arena_alloc(arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes == 0) bytes = ALIGNMENT;
    if (a->limit != 0 && (bytes > a->limit || a->used > a->limit - bytes)) return NULL;
    arena_block *b = a->first;
    if (b == NULL || b->size - b->used < bytes) {
        arena_block **spare = &a->spare;
        while (*spare != NULL && (*spare)->size < bytes) spare = &(*spare)->next;
        b = *spare;
        if (b != NULL) *spare = b->next;
        else b = block_new(a, bytes);
        b->next = a->first;
        a->first = b;
    }
    a->used += bytes;
    return block_take(b, bytes);
}

void *arena_array(arena *a, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
    return arena_alloc(a, bytes);
}

void *arena_grow(arena *a, void *old, size_t old_bytes, size_t new_bytes) {
    if (new_bytes <= old_bytes) return old;
    const size_t old_padded = (old_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    const size_t new_padded = (new_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    arena_block *b = a->first;
    if (old != NULL && old_bytes > 0 && b != NULL && (char *)old + old_padded == b->bytes + b->used) {
        const size_t more = new_padded - old_padded;
        if (b->size - b->used >= more && (a->limit == 0 || a->used + more <= a->limit)) {
            block_take(b, more);
            a->used += more;
            return old;
        }
    }
    void *p = arena_alloc(a, new_bytes);
    if (p != NULL && old_bytes > 0) memcpy(p, old, old_bytes);
    return p;
}

char *arena_copy_bytes(arena *a, const void *bytes, size_t n) {
    char *p = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;
    if (p != NULL && n > 0) memcpy(p, bytes, n);
    return p;
}

char *arena_copy(arena *a, const char *text) {
    return arena_copy_bytes(a, text, strlen(text));
}

char *arena_print(arena *a, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    const int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p != NULL) vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

void arena_reset(arena *a) {
    while (a->first != NULL) {
        arena_block *b = a->first;
        a->first = b->next;
        b->used = 0;
        b->next = a->spare;
        a->spare = b;
    }
    a->used = 0;
}

static void blocks_free(arena_block *b) {
    while (b != NULL) {
        arena_block *next = b->next;
        block_free(b);
        b = next;
    }
}

void arena_drop(arena *a) {
    blocks_free(a->first);
    blocks_free(a->spare);
    a->first = a->spare = NULL;
    a->used = 0;
}
