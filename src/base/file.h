/* base/file.h: the one door to files. A file or folder appears whole or not at all: written as NAME.partial, fsync, rename;
 * append-only logs are the one exception. Errors name the path and the reason. */
#ifndef SOCLE_BASE_FILE_H
#define SOCLE_BASE_FILE_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"
#include <stdint.h>

/* Reading whole. `limit` 0: 2 GiB. The bytes live in `owner` and end in a NUL that *n does not count. "-" is stdin. */
char *file_read(arena *owner, const char *path, size_t limit, size_t *n, error *err);

/* Mapped read-only; shared pages. A file of 0 bytes maps to a valid pointer. */
typedef struct file_map {
    const char *data;
    size_t n;
} file_map;
bool file_map_open(file_map *m, const char *path, error *err);
void file_map_close(file_map *m);

/* Reading by lines or blocks: plain, .gz or .zst told by content. "-" is stdin. */
typedef struct file_reader file_reader;
file_reader *file_reader_open(const char *path, error *err);
/* Next line without its LF (a CR before it stays); valid until the next call. false at the end or on an error: then
 * err->text is not empty. A line longer than `limit` bytes is an error. */
bool file_reader_line(file_reader *r, size_t limit, const char **line, size_t *n, error *err);
/* Up to `room` bytes into `bytes`; 0 at the end; -1 on an error. */
long file_reader_bytes(file_reader *r, void *bytes, size_t room, error *err);
double file_reader_share(const file_reader *r); /* share of the file that has been read, 0 to 1, for progress */
void file_reader_close(file_reader *r);

/* Writing: PATH.partial, made whole by file_writer_commit. Compressed where the path ends in .gz or .zst. "-" is stdout. */
typedef struct file_writer file_writer;
file_writer *file_writer_open(const char *path, error *err);
bool file_writer_put(file_writer *w, const void *bytes, size_t n, error *err); /* buffered */
bool file_writer_commit(file_writer *w, error *err);                           /* flush, fsync, rename; closes also when it fails */
void file_writer_abort(file_writer *w);                                        /* closes and removes PATH.partial; NULL is fine */
/* The whole file in one call. */
bool file_write(const char *path, const void *bytes, size_t n, error *err);

/* A folder that appears whole: fill the folder returned (PATH.partial, emptied first), then commit (fsync, rename; an
 * existing PATH is replaced) or abort (removed). The name returned lives in `owner`. */
char *folder_begin(arena *owner, const char *path, error *err);
bool folder_commit(const char *path, error *err);
void folder_abort(const char *path);

bool file_exists(const char *path);
bool file_is_folder(const char *path);
int64_t file_size(const char *path);              /* -1 where it cannot be told */
bool folder_make(const char *path, error *err);   /* with its parents; an existing one is fine */
bool folder_remove(const char *path, error *err); /* with all that is in it; an absent one is fine */
/* Names in a folder (without . and ..), sorted by bytes, in `owner`. NULL on an error. */
char **folder_list(arena *owner, const char *path, size_t *n, error *err);
char *path_join(arena *owner, const char *folder, const char *name);
const char *path_name(const char *path); /* the part behind the last '/', of the text itself */

#endif
