#include "base/file.h"

#include "base/file_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *shown(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

int fd_open_read(const char *path, error *err) {
    if (path[0] == 0) return fail(err, "the name of a file is empty"), -1;
    const int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return fail(err, "%s: %s", shown(path), strerror(errno)), -1;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return fail(err, "%s is a folder, and a file is wanted", shown(path)), -1;
    }
    return fd;
}

long fd_read(int fd, const char *path, void *bytes, size_t room, error *err) {
    if (room > 1 << 30) room = 1 << 30;
    for (;;) {
        const ssize_t n = read(fd, bytes, room);
        if (n >= 0) return n;
        if (errno != EINTR) return fail(err, "reading %s: %s", shown(path), strerror(errno)), -1;
    }
}

bool fd_write(int fd, const char *path, const void *bytes, size_t n, error *err) {
    for (const char *p = bytes; n > 0;) {
        const ssize_t did = write(fd, p, n < 1 << 30 ? n : 1 << 30);
        if (did < 0 && errno == EINTR) continue;
        if (did < 0) return fail(err, "writing %s: %s", strcmp(path, "-") == 0 ? "standard output" : path, strerror(errno));
        p += did;
        n -= (size_t)did;
    }
    return true;
}

/* The size in the inode is a hint only: pipes and /proc say 0, and files grow. */
char *file_read(arena *owner, const char *path, size_t limit, size_t *n, error *err) {
    if (limit == 0) limit = (size_t)2 << 30;
    const int fd = fd_open_read(path, err);
    struct stat st;
    if (fd < 0) return NULL;
    const size_t hint = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 64 << 10;
    size_t room = (hint < limit ? hint : limit) + 2, have = 0; /* a byte more than wanted shows whether the end is there; one for the NUL */
    char *data = arena_alloc(owner, room);
    long got = data == NULL ? 0 : 1;
    while (got > 0 && have <= limit) {
        if (have + 1 == room) {
            char *grown = arena_grow(owner, data, room, room * 2);
            data = grown;
            if (grown == NULL) break;
            room *= 2;
        }
        got = fd_read(fd, path, data + have, room - 1 - have, err);
        if (got > 0) have += (size_t)got;
    }
    close(fd);
    if (data == NULL) return fail_null(err, "%s does not fit into the %zu bytes of memory it may take", shown(path), owner->limit);
    if (have > limit) return fail_null(err, "%s is larger than the %zu bytes that are read at most", shown(path), limit);
    if (got < 0) return NULL;
    data[have] = 0;
    if (n != NULL) *n = have;
    return data;
}

bool file_map_open(file_map *m, const char *path, error *err) {
    *m = (file_map){.data = ""};
    const int fd = fd_open_read(path, err);
    struct stat st;
    if (fd < 0) return false;
    bool ok = fstat(fd, &st) == 0 || fail(err, "%s: %s", shown(path), strerror(errno));
    if (ok && !S_ISREG(st.st_mode)) ok = fail(err, "%s is no plain file; this needs one that can be mapped", shown(path));
    if (ok && st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) ok = fail(err, "mapping %s: %s", shown(path), strerror(errno));
        else *m = (file_map){.data = data, .n = (size_t)st.st_size};
    }
    close(fd);
    return ok;
}

void file_map_close(file_map *m) {
    if (m->n > 0) munmap((void *)m->data, m->n);
    *m = (file_map){.data = ""};
}

bool file_write(const char *path, const void *bytes, size_t n, error *err) {
    file_writer *w = file_writer_open(path, err);
    if (w == NULL) return false;
    if (file_writer_put(w, bytes, n, err)) return file_writer_commit(w, err);
    file_writer_abort(w);
    return false;
}

bool file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t file_size(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

char *path_join(arena *owner, const char *folder, const char *name) {
    const size_t n = strlen(folder);
    if (n == 0 || name[0] == '/') return arena_copy(owner, name);
    return arena_print(owner, folder[n - 1] == '/' ? "%s%s" : "%s/%s", folder, name);
}

const char *path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}
