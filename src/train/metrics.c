#include "train/metrics.h"

#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

struct metrics_log {
    const char *path;
    int file;
};

static bool row_read(arena *scratch, const char *line, size_t n, metrics_row *row) {
    const json *v = json_parse(scratch, line, n, NULL);
    if (v == NULL || json_get_integer(v, "step", 0) < 1) return false;
    *row = (metrics_row){.step = json_get_integer(v, "step", 0),
                         .tokens = json_get_integer(v, "tokens", 0),
                         .loss = json_get_number(v, "loss", NAN),
                         .lr = json_get_number(v, "lr", NAN),
                         .grad_norm = json_get_number(v, "grad_norm", NAN),
                         .tokens_per_s = json_get_number(v, "tokens_per_s", NAN),
                         .time = json_get_number(v, "time", 0),
                         .valid_loss = json_get_number(v, "valid_loss", NAN)};
    return true;
}

/* Rows as long as they are whole, rise, and are not beyond `most`; *end: bytes up to there. */
static metrics_row *rows_read(arena *owner, const char *path, long most, long *n, size_t *end, error *err) {
    *n = 0;
    *end = 0;
    if (!file_exists(path)) return NEW(owner, metrics_row);
    arena scratch = {0};
    size_t size;
    const char *text = file_read(&scratch, path, 0, &size, err);
    metrics_row *rows = NULL;
    long room = 0;
    for (const char *p = text; p != NULL;) {
        const char *line_end = memchr(p, '\n', size - (size_t)(p - text));
        arena line = {0};
        metrics_row row = {0};
        const bool ok = line_end != NULL && row_read(&line, p, (size_t)(line_end - p), &row) && row.step <= most && (*n == 0 || row.step > rows[*n - 1].step);
        arena_drop(&line);
        if (!ok) break;
        if (*n == room) {
            const long more = room == 0 ? 256 : room * 2;
            rows = arena_grow(owner, rows, (size_t)room * sizeof *rows, (size_t)more * sizeof *rows);
            room = more;
        }
        rows[(*n)++] = row;
        p = line_end + 1;
        *end = (size_t)(p - text);
    }
    const bool ok = text != NULL;
    arena_drop(&scratch);
    return !ok ? NULL : rows != NULL ? rows : NEW(owner, metrics_row);
}

metrics_row *metrics_read(arena *owner, const char *path, long *n, error *err) {
    size_t end;
    return rows_read(owner, path, INT64_MAX, n, &end, err);
}

metrics_log *metrics_open(arena *owner, const char *path, long keep, error *err) {
    arena scratch = {0};
    long n;
    size_t end;
    const bool read = rows_read(&scratch, path, keep, &n, &end, err) != NULL;
    arena_drop(&scratch);
    if (!read) return NULL;
    metrics_log *log = NEW(owner, metrics_log);
    log->path = arena_copy(owner, path);
    log->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log->file < 0) return fail_null(err, "%s: %s", path, strerror(errno));
    if (ftruncate(log->file, (off_t)end) == 0) return log;
    fail(err, "%s: %s", path, strerror(errno));
    metrics_close(log);
    return NULL;
}

bool metrics_append(metrics_log *log, const metrics_row *row, error *err) {
    string line = {0};
    json_writer w = {.out = &line};
    json_begin_object(&w);
    json_key(&w, "step"), json_integer(&w, row->step);
    json_key(&w, "tokens"), json_integer(&w, row->tokens);
    const struct {
        const char *key;
        double value;
    } numbers[] = {
        {"loss", row->loss},
        {"lr", row->lr},
        {"grad_norm", row->grad_norm},
        {"tokens_per_s", round(row->tokens_per_s * 10) / 10},
        {"time", round(row->time * 1000) / 1000},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) json_key(&w, numbers[i].key), json_number(&w, numbers[i].value);
    if (!isnan(row->valid_loss)) json_key(&w, "valid_loss"), json_number(&w, row->valid_loss);
    json_end_object(&w);
    string_char(&line, '\n');
    /* One call, so that a line is whole or the log's last. */
    const ssize_t put = write(log->file, line.data, line.length);
    const bool ok = put == (ssize_t)line.length;
    string_drop(&line);
    return ok || fail(err, "%s: %s", log->path, put < 0 ? strerror(errno) : "the disk is full");
}

bool metrics_sync(metrics_log *log, error *err) {
    return fsync(log->file) == 0 || errno == EINVAL || fail(err, "%s: %s", log->path, strerror(errno));
}

void metrics_close(metrics_log *log) {
    if (log != NULL && log->file >= 0) close(log->file);
    if (log != NULL) log->file = -1;
}
