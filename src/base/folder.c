/* base/folder.c: folders that appear whole (base/file.h). */
#include "base/file.h"

#include "base/file_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 64 }; /* of folders in folders; more is a mistake or an attack */

void parent_sync(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) snprintf(folder, sizeof folder, ".");
    else if (slash == path) snprintf(folder, sizeof folder, "/");
    else if ((size_t)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) >= sizeof folder) return;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fsync(fd);
    close(fd);
}

/* `path` without slashes at its end and with `ending`; false where that cannot name a folder of its own. */
static bool folder_name(char name[PATH_MAX], const char *path, const char *ending, error *err) {
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/') n--;
    const char *last = path + n;
    while (last > path && last[-1] != '/') last--;
    const size_t width = (size_t)(path + n - last);
    if (width == 0 || (width == 1 && last[0] == '.') || (width == 2 && last[0] == '.' && last[1] == '.'))
        return fail(err, "'%s' cannot be written as a whole; name a folder of its own", path);
    if (n + strlen(ending) >= PATH_MAX) return fail(err, "%s: %s", path, strerror(ENAMETOOLONG));
    memcpy(name, path, n);
    strcpy(name + n, ending);
    return true;
}

bool folder_make(const char *path, error *err) {
    char name[PATH_MAX];
    const size_t n = strlen(path);
    if (n == 0 || n >= sizeof name) return fail(err, "making folder '%s': %s", path, strerror(n == 0 ? ENOENT : ENAMETOOLONG));
    memcpy(name, path, n + 1);
    for (char *slash = name + 1;; slash++) {
        while (*slash != '/' && *slash != 0) slash++;
        const char kept = *slash;
        *slash = 0;
        if (mkdir(name, 0777) != 0 && !file_is_folder(name)) /* asked afterwards: mkdir may say EROFS or EACCES of one that is there */
            return fail(err, "making folder %s: %s", name, strerror(errno));
        if (kept == 0) return true;
        *slash = kept;
    }
}

static bool remove_at(int parent, const char *name, const char *top, int depth, error *err) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT || fail(err, "removing %s: %s", top, strerror(errno));
    if (!S_ISDIR(st.st_mode)) /* a link is removed, not followed */
        return unlinkat(parent, name, 0) == 0 || errno == ENOENT || fail(err, "removing %s: %s: %s", top, name, strerror(errno));
    if (depth == MOST_DEPTH) return fail(err, "removing %s: more than %d folders in one another", top, MOST_DEPTH);
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        const int why = errno;
        if (fd >= 0) close(fd);
        return fail(err, "removing %s: %s: %s", top, name, strerror(why));
    }
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) ok = remove_at(fd, e->d_name, top, depth + 1, err);
    closedir(d);
    if (!ok) return false;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || fail(err, "removing %s: %s: %s", top, name, strerror(errno));
}

bool folder_remove(const char *path, error *err) {
    char name[PATH_MAX];
    return folder_name(name, path, "", err) && remove_at(AT_FDCWD, name, name, 0, err);
}

/* All that is in the folder, and itself, to the disk. */
static bool sync_at(int parent, const char *name, const char *top, int depth, error *err) {
    const int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return errno == ELOOP || fail(err, "%s: %s: %s", top, name, strerror(errno)); /* a link has nothing to sync */
    bool ok = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || fail(err, "writing %s to the disk: %s: %s", top, name, strerror(errno));
    const bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder && depth == MOST_DEPTH) ok = fail(err, "%s: more than %d folders in one another", top, MOST_DEPTH);
    DIR *d = ok && folder ? fdopendir(fd) : NULL;
    for (struct dirent *e; ok && d != NULL && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) ok = sync_at(fd, e->d_name, top, depth + 1, err);
    if (d != NULL) closedir(d);
    else close(fd);
    return ok;
}

char *folder_begin(arena *owner, const char *path, error *err) {
    char name[PATH_MAX];
    if (!folder_name(name, path, ".partial", err)) return NULL;
    if (file_exists(path) && !file_is_folder(path)) return fail_null(err, "%s is a file, and a folder is to be written", path);
    if (!folder_remove(name, err) || !folder_make(name, err)) return NULL; /* what an earlier run that was cut off left */
    char *copy = arena_copy(owner, name);
    if (copy == NULL) fail(err, "%s: no memory for its name", path);
    return copy;
}

bool folder_commit(const char *path, error *err) {
    char partial[PATH_MAX], whole[PATH_MAX];
    if (!folder_name(partial, path, ".partial", err) || !folder_name(whole, path, "", err)) return false;
    if (!sync_at(AT_FDCWD, partial, partial, 0, err)) {
        folder_remove(partial, NULL);
        return false;
    }
    if (renameat2(AT_FDCWD, partial, AT_FDCWD, whole, RENAME_NOREPLACE) != 0) {
        /* There is one already: the two change places, so that at no moment there is none. */
        if (renameat2(AT_FDCWD, partial, AT_FDCWD, whole, RENAME_EXCHANGE) == 0) {
            parent_sync(whole);
            return folder_remove(partial, err);
        }
        if (file_exists(whole) && !folder_remove(whole, err)) return fail(err, "what was written stays in %s", partial);
        if (rename(partial, whole) != 0) return fail(err, "renaming %s to %s: %s; what was written stays there", partial, whole, strerror(errno));
    }
    parent_sync(whole);
    return true;
}

void folder_abort(const char *path) {
    char partial[PATH_MAX];
    if (folder_name(partial, path, ".partial", NULL)) folder_remove(partial, NULL);
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **folder_list(arena *owner, const char *path, size_t *n, error *err) {
    DIR *d = opendir(path);
    if (d == NULL) return fail_null(err, "reading folder %s: %s", path, strerror(errno));
    size_t count = 0, room = 32;
    char **names = NEW_ARRAY(owner, room, char *);
    bool ok = names != NULL;
    for (struct dirent *e; ok && (errno = 0, e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (count == room) {
            char **grown = arena_grow(owner, names, room * sizeof *names, room * 2 * sizeof *names);
            if ((ok = grown != NULL) == false) break;
            names = grown;
            room *= 2;
        }
        names[count] = arena_copy(owner, e->d_name);
        ok = names[count++] != NULL;
    }
    const int why = errno;
    closedir(d);
    if (!ok) return fail_null(err, "folder %s: too many names for the %zu bytes of memory they may take", path, owner->limit);
    if (why != 0) return fail_null(err, "reading folder %s: %s", path, strerror(why));
    qsort(names, count, sizeof *names, by_bytes);
    *n = count;
    return names;
}
