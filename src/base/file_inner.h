/* base/file_inner.h: what only base/file*.c share. */
#ifndef SOCLE_BASE_FILE_INNER_H
#define SOCLE_BASE_FILE_INNER_H
#include "base/error.h"
#include <sys/types.h>

/* Opens for reading; refuses a folder by that name. "-" is a copy of stdin. -1 on an error. */
int fd_open_read(const char *path, error *err);
/* read() that goes on after a signal. -1 on an error. */
long fd_read(int fd, const char *path, void *bytes, size_t room, error *err);
bool fd_write(int fd, const char *path, const void *bytes, size_t n, error *err);
/* Makes what was renamed or made in path's folder last. Best effort: some file systems cannot. */
void parent_sync(const char *path);

#endif
