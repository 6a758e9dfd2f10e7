/* base/arena.h: memory by lifetime. What lives as long as a model, a request or a document is allocated from that thing's
 * arena; freeing is dropping the arena. An arena is an argument, never a global, and belongs to one thread at a time. */
#ifndef SOCLE_BASE_ARENA_H
#define SOCLE_BASE_ARENA_H
#include <stddef.h>

typedef struct arena_block arena_block;
typedef struct arena {
    size_t limit;       /* most bytes it may hand out; 0: no limit. Set it where outside bytes fill the arena. */
    size_t used;        /* bytes handed out since the last reset */
    arena_block *first; /* the newest block */
    arena_block *spare; /* blocks kept by arena_reset */
} arena;

/* `bytes` zeroed bytes, aligned to 16; never NULL for 0 bytes. NULL only where the limit is met; without a limit an
 * exhausted machine ends the program with one line, since nothing useful can go on. */
void *arena_alloc(arena *a, size_t bytes);
/* The same for `n` values of `size` bytes; NULL also where n * size overflows. */
void *arena_array(arena *a, size_t n, size_t size);
/* A larger copy of an array of `old_bytes`; grows in place where it was the last thing handed out. */
void *arena_grow(arena *a, void *old, size_t old_bytes, size_t new_bytes);
/* Copies; the result ends in NUL. NULL where the limit is met. */
char *arena_copy(arena *a, const char *text);
char *arena_copy_bytes(arena *a, const void *bytes, size_t n);
char *arena_print(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

void arena_reset(arena *a); /* forgets everything, keeps the pages for the next document or request */
void arena_drop(arena *a);  /* gives everything back; the arena may be used again */

#define NEW(arena_, type) ((type *)arena_alloc((arena_), sizeof(type)))
#define NEW_ARRAY(arena_, n, type) ((type *)arena_array((arena_), (size_t)(n), sizeof(type)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
