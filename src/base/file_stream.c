/* base/file_stream.c: reading by lines or blocks, writing whole files; plain, gzip, zstd (base/file.h). */
#include "base/file.h"

#include "base/file_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { RAW_ROOM = 128 << 10, FIRST_ROOM = 256 << 10 };
typedef enum { PACK_NONE, PACK_GZIP, PACK_ZSTD } packing;

struct file_reader {
    char *path;
    int fd;
    packing pack;
    int64_t size, taken; /* bytes of the file as it lies on the disk; size -1: not known */
    char *raw;           /* as read, [raw_at, raw_end) still to use */
    size_t raw_at, raw_end;
    bool raw_over;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool inside, padding; /* of a gzip member or zstd frame; behind one */
    char *data;           /* unpacked, [at, end) still to hand out */
    size_t at, end, room;
    bool over, failed;
};

static bool raw_fill(file_reader *r, error *err) {
    const long n = fd_read(r->fd, r->path, r->raw, RAW_ROOM, err);
    if (n < 0) return false;
    r->raw_at = 0;
    r->raw_end = (size_t)n;
    r->raw_over = n == 0;
    __atomic_add_fetch(&r->taken, n, __ATOMIC_RELAXED);
    return true;
}

static const char *reader_name(const file_reader *r) {
    return strcmp(r->path, "-") == 0 ? "standard input" : r->path;
}

/* At least the first four bytes, so that the format can be told by them. */
static bool reader_begin(file_reader *r, error *err) {
    while (r->raw_end < 4) {
        const long n = fd_read(r->fd, r->path, r->raw + r->raw_end, RAW_ROOM - r->raw_end, err);
        if (n < 0) return false;
        if (n == 0) break;
        r->raw_end += (size_t)n;
        r->taken += n;
    }
    const unsigned char *b = (const unsigned char *)r->raw;
    if (r->raw_end >= 2 && b[0] == 0x1f && b[1] == 0x8b) r->pack = PACK_GZIP;
    if (r->raw_end >= 4 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd && b[0] == 0x28) r->pack = PACK_ZSTD;
    if (r->raw_end >= 4 && b[0] >= 0x50 && b[0] < 0x60 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18) r->pack = PACK_ZSTD; /* a skippable frame */
    if (r->pack == PACK_GZIP && inflateInit2(&r->gzip, 15 + 16) != Z_OK) return fail(err, "%s: no memory to unpack it", reader_name(r));
    if (r->pack == PACK_ZSTD && (r->zstd = ZSTD_createDStream()) == NULL) return fail(err, "%s: no memory to unpack it", reader_name(r));
    return true;
}

file_reader *file_reader_open(const char *path, error *err) {
    const int fd = fd_open_read(path, err);
    if (fd < 0) return NULL;
    struct stat st;
    file_reader *r = calloc(1, sizeof *r);
    if (r == NULL) return close(fd), fail_null(err, "%s: out of memory", path);
    r->fd = fd;
    r->size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
    r->path = strdup(path);
    r->raw = malloc(RAW_ROOM);
    r->room = FIRST_ROOM;
    r->data = malloc(r->room);
    if (r->path == NULL || r->raw == NULL || r->data == NULL) fail(err, "%s: out of memory", path);
    else if (reader_begin(r, err)) return r;
    file_reader_close(r);
    return NULL;
}

/* One step of gzip's unpacking: 0 bytes may mean that more input is wanted. -1 on an error. */
static long unpack_gzip(file_reader *r, char *to, size_t room, error *err) {
    if (!r->inside && r->raw_at == r->raw_end) return 0;
    if (!r->inside && r->padding && r->raw[r->raw_at] == 0) { /* zeros behind the last member, as from tape */
        r->raw_at++;
        return 0;
    }
    r->inside = true;
    r->gzip.next_in = (Bytef *)r->raw + r->raw_at;
    r->gzip.avail_in = (uInt)(r->raw_end - r->raw_at);
    r->gzip.next_out = (Bytef *)to;
    r->gzip.avail_out = (uInt)room;
    const int did = inflate(&r->gzip, Z_NO_FLUSH);
    r->raw_at = r->raw_end - r->gzip.avail_in;
    if (did == Z_STREAM_END) { /* WARC files are many members, one after another */
        inflateReset(&r->gzip);
        r->inside = false;
        r->padding = true;
    } else if (did != Z_OK && did != Z_BUF_ERROR)
        return fail(err, "%s: the gzip data is damaged near byte %lld (%s)", reader_name(r), (long long)(r->taken - (int64_t)(r->raw_end - r->raw_at)),
                    r->gzip.msg == NULL ? "no further word" : r->gzip.msg),
               -1;
    return (long)(room - r->gzip.avail_out);
}

static long unpack_zstd(file_reader *r, char *to, size_t room, error *err) {
    ZSTD_inBuffer in = {r->raw, r->raw_end, r->raw_at};
    ZSTD_outBuffer out = {to, room, 0};
    const size_t did = ZSTD_decompressStream(r->zstd, &out, &in);
    r->raw_at = in.pos;
    if (ZSTD_isError(did))
        return fail(err, "%s: the zstd data is damaged near byte %lld (%s)", reader_name(r), (long long)(r->taken - (int64_t)(r->raw_end - r->raw_at)),
                    ZSTD_getErrorName(did)),
               -1;
    r->inside = did != 0;
    return (long)out.pos;
}

/* Unpacked bytes, or as they lie; 0 at the end; -1 on an error. */
static long reader_take(file_reader *r, char *to, size_t room, error *err) {
    if (room > 1 << 30) room = 1 << 30;
    for (;;) {
        if (r->raw_at == r->raw_end && !r->raw_over) {
            if (r->pack == PACK_NONE && room >= RAW_ROOM) { /* large blocks of plain files need no stop-over */
                const long n = fd_read(r->fd, r->path, to, room, err);
                if (n > 0) __atomic_add_fetch(&r->taken, n, __ATOMIC_RELAXED);
                if (n == 0) r->raw_over = true;
                return n;
            }
            if (!raw_fill(r, err)) return -1;
        }
        const size_t left = r->raw_end - r->raw_at;
        if (r->pack == PACK_NONE) {
            const size_t n = left < room ? left : room;
            memcpy(to, r->raw + r->raw_at, n);
            r->raw_at += n;
            return (long)n;
        }
        if (left == 0 && !r->inside) return 0;
        const long n = r->pack == PACK_GZIP ? unpack_gzip(r, to, room, err) : unpack_zstd(r, to, room, err);
        if (n != 0) return n;
        if (r->raw_over && r->raw_at == r->raw_end && r->inside)
            return fail(err, "%s: the %s data is cut off", reader_name(r), r->pack == PACK_GZIP ? "gzip" : "zstd"), -1;
    }
}

bool file_reader_line(file_reader *r, size_t limit, const char **line, size_t *n, error *err) {
    if (r->failed) return fail(err, "%s: reading it failed before", reader_name(r));
    size_t looked = 0;
    for (;;) {
        const size_t have = r->end - r->at;
        const char *lf = have > looked ? memchr(r->data + r->at + looked, '\n', have - looked) : NULL;
        const size_t width = lf == NULL ? have : (size_t)(lf - r->data) - r->at;
        if (width > limit && (lf != NULL || have > limit)) {
            r->failed = true;
            return fail(err, "%s: a line is longer than %zu bytes", reader_name(r), limit);
        }
        if (lf != NULL || (r->over && have > 0)) {
            *line = r->data + r->at;
            *n = width;
            r->at += width + (lf != NULL);
            return true;
        }
        if (r->over) return false;
        looked = have;
        if (r->at > 0) {
            memmove(r->data, r->data + r->at, have);
            r->at = 0;
            r->end = have;
        }
        if (r->room - r->end < FIRST_ROOM / 2) {
            char *grown = realloc(r->data, r->room * 2);
            if (grown == NULL) return fail(err, "%s: out of memory for a line", reader_name(r));
            r->data = grown;
            r->room *= 2;
        }
        const long got = reader_take(r, r->data + r->end, r->room - r->end, err);
        if (got < 0) return r->failed = true, false;
        if (got == 0) r->over = true;
        else r->end += (size_t)got;
    }
}

long file_reader_bytes(file_reader *r, void *bytes, size_t room, error *err) {
    if (r->failed) return fail(err, "%s: reading it failed before", reader_name(r)), -1;
    if (r->at < r->end) { /* what the reading of lines has in hand */
        const size_t n = r->end - r->at < room ? r->end - r->at : room;
        memcpy(bytes, r->data + r->at, n);
        r->at += n;
        return (long)n;
    }
    if (room == 0 || r->over) return 0;
    const long n = reader_take(r, bytes, room, err);
    if (n == 0) r->over = true;
    if (n < 0) r->failed = true;
    return n;
}

double file_reader_share(const file_reader *r) {
    const double taken = (double)__atomic_load_n(&r->taken, __ATOMIC_RELAXED);
    return r->size <= 0 ? 0 : taken >= (double)r->size ? 1 : taken / (double)r->size;
}

void file_reader_close(file_reader *r) {
    if (r == NULL) return;
    if (r->pack == PACK_GZIP) inflateEnd(&r->gzip);
    ZSTD_freeDStream(r->zstd);
    close(r->fd);
    free(r->path);
    free(r->raw);
    free(r->data);
    free(r);
}

struct file_writer {
    char *path;    /* as named, links followed */
    char *partial; /* NULL: written where it stands (stdout, a pipe, a device) */
    int fd;
    packing pack;
    z_stream gzip;
    ZSTD_CStream *zstd;
    char *buffer; /* bytes as they go to the disk */
    size_t n;
};

static bool ends_in(const char *text, const char *ending) {
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static bool writer_open(file_writer *w, const char *path, error *err) {
    struct stat st;
    const bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) return fail(err, "%s is a folder, and a file is to be written", path);
    char real[PATH_MAX];
    /* A link stays a link: what it points at is replaced. */
    w->path = strdup(there && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && realpath(path, real) != NULL ? real : path);
    w->buffer = malloc(FIRST_ROOM);
    if (w->path == NULL || w->buffer == NULL) return fail(err, "%s: out of memory", path);
    if (strcmp(path, "-") == 0) w->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    else if (there && stat(path, &st) == 0 && !S_ISREG(st.st_mode)) w->fd = open(path, O_WRONLY | O_CLOEXEC);
    else {
        if (asprintf(&w->partial, "%s.partial", w->path) < 0) return w->partial = NULL, fail(err, "%s: out of memory", path);
        w->fd = open(w->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (w->fd < 0) {
        const int why = errno;
        free(w->partial); /* not ours to remove */
        w->partial = NULL;
        return fail(err, "writing %s: %s", path, strerror(why));
    }
    if (ends_in(path, ".gz")) {
        if (deflateInit2(&w->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return fail(err, "%s: out of memory", path);
        w->pack = PACK_GZIP;
    } else if (ends_in(path, ".zst")) {
        if ((w->zstd = ZSTD_createCStream()) == NULL) return fail(err, "%s: out of memory", path);
        w->pack = PACK_ZSTD;
    }
    return true;
}

file_writer *file_writer_open(const char *path, error *err) {
    if (path[0] == 0) return fail_null(err, "the name of a file to write is empty");
    file_writer *w = calloc(1, sizeof *w);
    if (w == NULL) return fail_null(err, "%s: out of memory", path);
    w->fd = -1;
    if (writer_open(w, path, err)) return w;
    file_writer_abort(w);
    return NULL;
}

static bool writer_flush(file_writer *w, error *err) {
    const size_t n = w->n;
    w->n = 0;
    return fd_write(w->fd, w->path, w->buffer, n, err);
}

/* Packs `n` bytes into the buffer; `end` closes the stream. */
static bool writer_pack(file_writer *w, const void *bytes, size_t n, bool end, error *err) {
    ZSTD_inBuffer in = {bytes, n, 0};
    w->gzip.next_in = (Bytef *)bytes;
    for (bool done = false; !done;) {
        if (w->n == FIRST_ROOM && !writer_flush(w, err)) return false;
        if (w->pack == PACK_ZSTD) {
            ZSTD_outBuffer out = {w->buffer, FIRST_ROOM, w->n};
            const size_t left = ZSTD_compressStream2(w->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left)) return fail(err, "packing %s: %s", w->path, ZSTD_getErrorName(left));
            w->n = out.pos;
            done = end ? left == 0 : in.pos == in.size;
        } else {
            const uInt some = n < 1 << 30 ? (uInt)n : 1 << 30; /* zlib counts in 32 bits */
            w->gzip.avail_in = some;
            w->gzip.next_out = (Bytef *)w->buffer + w->n;
            w->gzip.avail_out = (uInt)(FIRST_ROOM - w->n);
            const int did = deflate(&w->gzip, end && some == n ? Z_FINISH : Z_NO_FLUSH);
            n -= some - w->gzip.avail_in;
            w->n = FIRST_ROOM - w->gzip.avail_out;
            if (did == Z_STREAM_ERROR) return fail(err, "packing %s failed", w->path);
            done = end ? did == Z_STREAM_END : n == 0;
        }
    }
    return true;
}

bool file_writer_put(file_writer *w, const void *bytes, size_t n, error *err) {
    if (w->pack != PACK_NONE) return n == 0 || writer_pack(w, bytes, n, false, err);
    if (w->n + n > FIRST_ROOM && !writer_flush(w, err)) return false;
    if (n >= FIRST_ROOM) return fd_write(w->fd, w->path, bytes, n, err);
    if (n > 0) memcpy(w->buffer + w->n, bytes, n);
    w->n += n;
    return true;
}

bool file_writer_commit(file_writer *w, error *err) {
    bool ok = w->pack == PACK_NONE || writer_pack(w, "", 0, true, err);
    ok = ok && writer_flush(w, err);
    if (ok && w->partial != NULL && fsync(w->fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        ok = fail(err, "writing %s to the disk: %s", w->path, strerror(errno));
    if (close(w->fd) != 0 && ok && errno != EINTR) ok = fail(err, "closing %s: %s", w->path, strerror(errno));
    w->fd = -1;
    if (ok && w->partial != NULL) {
        if (rename(w->partial, w->path) != 0) ok = fail(err, "renaming %s to %s: %s", w->partial, w->path, strerror(errno));
        else {
            free(w->partial);
            w->partial = NULL;
            parent_sync(w->path);
        }
    }
    file_writer_abort(w);
    return ok;
}

void file_writer_abort(file_writer *w) {
    if (w == NULL) return;
    if (w->fd >= 0) close(w->fd);
    if (w->partial != NULL) unlink(w->partial);
    if (w->pack == PACK_GZIP) deflateEnd(&w->gzip);
    ZSTD_freeCStream(w->zstd);
    free(w->path);
    free(w->partial);
    free(w->buffer);
    free(w);
}
