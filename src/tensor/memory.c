#include "tensor/tensor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

/* Bytes that the machine can still give, or SIZE_MAX where it does not say. Linux promises more than it has, and ends the
 * program when the promise is called in; asking first turns that into an error message. */
static size_t memory_left(void) {
    size_t left = SIZE_MAX;
    FILE *file = fopen("/proc/meminfo", "r");
    if (file == NULL) return left;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        size_t kib;
        if (sscanf(line, "MemAvailable: %zu kB", &kib) != 1) continue;
        left = kib << 10;
        break;
    }
    fclose(file);
    return left;
}

static void *too_little(size_t bytes, size_t left, error *err) {
    if (left == SIZE_MAX) return fail_null(err, "%.1f MB of memory are wanted: %s", (double)bytes / 1e6, strerror(errno));
    return fail_null(err, "%.1f MB of memory are wanted, the machine has %.1f MB left", (double)bytes / 1e6, (double)left / 1e6);
}

void *memory_new(size_t bytes, error *err) {
    if (bytes == 0) bytes = 1;
    const size_t left = bytes < HUGE_PAGE ? SIZE_MAX : memory_left();
    if (bytes > left) return too_little(bytes, left, err);
#ifdef SOCLE_SANITIZE /* from the heap, so that the sanitizer sees the ends of the block */
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, bytes) != 0) return too_little(bytes, left, err);
    return memset(memory, 0, bytes);
#else
    if (bytes < HUGE_PAGE) {
        void *memory = NULL;
        if (posix_memalign(&memory, ALIGNMENT, bytes) != 0) return too_little(bytes, left, err);
        return memset(memory, 0, bytes);
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return too_little(bytes, left, err);
    madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: without huge pages it is slower, nothing else */
    return memory;
#endif
}

void memory_free(void *memory, size_t bytes) {
    if (memory == NULL) return;
#ifndef SOCLE_SANITIZE
    if (bytes >= HUGE_PAGE) {
        munmap(memory, bytes);
        return;
    }
#endif
    free(memory);
}
