/* tests/fuzz/replay_main.c: a fuzz target as a test of the normal suite. NAME_fuzz_replay runs it on each file in
 * tests/fuzz/corpus/NAME/ (the folder may also be given), so that what a fuzzer once found stays found. */
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes in memory of exactly their size, so that the address sanitizer sees a read behind them. */
static bool replay(const char *path, error *err) {
    arena a = {0};
    size_t n = 0;
    const char *bytes = file_read(&a, path, 0, &n, err);
    char *exact = bytes == NULL ? NULL : malloc(n == 0 ? 1 : n);
    if (exact != NULL) {
        memcpy(exact, bytes, n);
        LLVMFuzzerTestOneInput((const uint8_t *)exact, n);
    }
    free(exact);
    arena_drop(&a);
    return bytes != NULL;
}

int main(int argc, char **argv) {
    arena a = {0};
    error err = {0};
    const char *name = path_name(argv[0]), *end = strstr(name, "_fuzz_replay");
    if (end == NULL && argc < 2) return fprintf(stderr, "%s is not called NAME_fuzz_replay; give the folder of its corpus\n", name), 2;
    const int width = end == NULL ? (int)strlen(name) : (int)(end - name);
    const char *folder = argc > 1 ? argv[1] : arena_print(&a, "tests/fuzz/corpus/%.*s", width, name);
    size_t n = 0;
    char **files = folder_list(&a, folder, &n, &err);
    printf("[ RUN      ] %.*s_replay\n", width, name);
    fflush(stdout); /* a crash must not take this line along */
    bool ok = files != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *path = path_join(&a, folder, files[i]);
        fprintf(stderr, "%s\n", path); /* the last one named is the one that crashed */
        ok = replay(path, &err);
    }
    if (!ok) fprintf(stderr, "%s\n", err.text);
    else if (n == 0) fprintf(stderr, "%s holds no input\n", folder);
    printf(ok && n > 0 ? "[       OK ] %.*s_replay\n" : "[  FAILED  ] %.*s_replay\n", width, name);
    arena_drop(&a);
    return ok && n > 0 ? 0 : 1;
}
