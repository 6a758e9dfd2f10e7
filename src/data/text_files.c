#include "data/text_files.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"

#include <string.h>

enum { BLOCK = 1 << 20, LONGEST_LINE = 256 << 20, NAMED_SKIPS = 5, LARGEST_PART = 8 << 20 };

struct text_files {
    arena memory;
    char **paths;
    size_t n, at; /* files; the one that is open or comes next */
    bool parts;
    file_reader *reader;
    bool lines;     /* the open file is JSON lines */
    bool begun;     /* a part of the open file's text has been given out */
    bool over;      /* all of it has been read into `pending` */
    string pending; /* read and not given out yet: [from, length) */
    size_t from;
    char *block;
    int64_t line, skipped;
    double megabytes, done;
};

static const char *shown(const text_files *f) {
    return strcmp(f->paths[f->at], "-") == 0 ? "standard input" : f->paths[f->at];
}

static double size_of(const char *path) {
    const int64_t size = file_size(path);
    return size > 0 ? (double)size / 1e6 : 0;
}

text_files *text_files_open(char **paths, size_t n, bool parts, error *err) {
    arena memory = {0};
    text_files *f = NEW(&memory, text_files);
    f->memory = memory;
    f->paths = paths;
    f->n = n;
    f->parts = parts;
    for (size_t i = 0; i < n; i++) {
        const bool in = strcmp(paths[i], "-") == 0;
        const char *wrong = in || file_exists(paths[i]) ? (!in && file_is_folder(paths[i]) ? "is a folder; name its files" : NULL) : "there is no such file";
        if (wrong != NULL) {
            fail(err, "%s: %s", paths[i], wrong);
            text_files_close(f);
            return NULL;
        }
        f->megabytes += in ? 0 : size_of(paths[i]);
    }
    return f;
}

void text_files_close(text_files *f) {
    if (f == NULL) return;
    if (f->reader != NULL) file_reader_close(f->reader);
    string_drop(&f->pending);
    arena memory = f->memory; /* which holds f itself */
    arena_drop(&memory);
}

void text_batch_drop(text_batch *b) {
    arena_drop(&b->memory);
    for (size_t i = 0; i < TEXT_SLICES; i++) arena_drop(&b->slice[i]);
    *b = (text_batch){0};
}

double text_files_megabytes(const text_files *f) {
    return f->megabytes;
}

double text_files_done(const text_files *f) {
    return f->done + (f->reader != NULL && f->at < f->n ? file_reader_share(f->reader) * size_of(f->paths[f->at]) : 0);
}

int64_t text_files_skipped(const text_files *f) {
    return f->skipped;
}

/* --- one file ------------------------------------------------------------------------------------------------------------- */
static bool read_block(text_files *f, error *err) {
    if (f->from > 0) {
        f->pending.length -= f->from;
        memmove(f->pending.data, f->pending.data + f->from, f->pending.length);
        f->from = 0;
    }
    if (f->block == NULL) f->block = NEW_ARRAY(&f->memory, BLOCK, char);
    const long n = file_reader_bytes(f->reader, f->block, BLOCK, err);
    if (n > 0) string_append(&f->pending, f->block, (size_t)n);
    f->over = n <= 0;
    return n >= 0;
}

static bool name_ends(const char *name, size_t n, const char *end) {
    const size_t m = strlen(end);
    return n >= m && memcmp(name + n - m, end, m) == 0;
}

static bool has_text(const char *line, size_t n) {
    arena tree = {.limit = (size_t)LONGEST_LINE * 2};
    const json *v = json_parse(&tree, line, n, NULL);
    const json *text = v != NULL ? json_get(v, "text") : NULL;
    const bool is = text != NULL && text->type == JSON_STRING;
    arena_drop(&tree);
    return is;
}

static bool tell_lines(text_files *f, bool *lines, error *err) {
    const char *name = f->paths[f->at];
    size_t n = strlen(name);
    if (name_ends(name, n, ".gz")) n -= 3;
    else if (name_ends(name, n, ".zst")) n -= 4;
    *lines = name_ends(name, n, ".jsonl") || name_ends(name, n, ".ndjson") || name_ends(name, n, ".json");
    if (*lines || name_ends(name, n, ".txt")) return true;
    const char *end = NULL;
    while (!f->over && f->pending.length < LONGEST_LINE && end == NULL) {
        if (!read_block(f, err)) return false;
        if (f->pending.length > 0 && f->pending.data[0] != '{') return true;
        end = f->pending.length > 0 ? memchr(f->pending.data, '\n', f->pending.length) : NULL;
    }
    if (f->pending.length > 0) *lines = has_text(f->pending.data, end != NULL ? (size_t)(end - f->pending.data) : f->pending.length);
    return true;
}

static bool file_begin(text_files *f, error *err) {
    f->reader = file_reader_open(f->paths[f->at], err);
    if (f->reader == NULL) return false;
    string_reset(&f->pending);
    f->from = 0;
    f->line = 0;
    f->begun = f->over = false;
    return tell_lines(f, &f->lines, err) || fail(err, "%s", shown(f));
}

static void file_end(text_files *f) {
    file_reader_close(f->reader);
    f->reader = NULL;
    f->done += size_of(f->paths[f->at]);
    f->at++;
}

/* --- a batch ---------------------------------------------------------------------------------------------------------------- */
typedef struct raw {
    const char *text;
    size_t n, room;
    int64_t line; /* 0: plain text */
    size_t file;
    bool ends, bad;
    error why;
} raw;
typedef struct raw_list {
    raw *item;
    size_t n, room, bytes;
} raw_list;

static void raw_add(text_files *f, text_batch *b, raw_list *list, const char *text, size_t n, int64_t line, bool ends) {
    if (list->n == list->room) {
        const size_t room = list->room == 0 ? 256 : list->room * 2;
        list->item = arena_grow(&b->memory, list->item, list->room * sizeof *list->item, room * sizeof *list->item);
        list->room = room;
    }
    list->item[list->n++] = (raw){.text = arena_copy_bytes(&b->memory, text, n), .n = n, .line = line, .file = f->at, .ends = ends};
    list->bytes += n;
}

/* The next line of a file of JSON lines, if there is one. */
static bool take_line(text_files *f, text_batch *b, raw_list *list, bool *over, error *err) {
    const char *end = NULL;
    for (size_t seen = f->from;;) {
        end = f->pending.length > seen ? memchr(f->pending.data + seen, '\n', f->pending.length - seen) : NULL;
        if (end != NULL || f->over) break;
        if (f->pending.length - f->from > LONGEST_LINE)
            return fail(err, "%s: line %lld has more than %d bytes", shown(f), (long long)f->line + 1, LONGEST_LINE);
        seen = f->pending.length - f->from; /* where it will lie once the block has been read */
        if (!read_block(f, err)) return fail(err, "%s", shown(f));
    }
    const char *begin = string_chars(&f->pending) + f->from;
    const size_t n = end != NULL ? (size_t)(end - begin) : f->pending.length - f->from;
    *over = end == NULL && n == 0;
    if (*over) return true;
    f->line++;
    f->from += n + (end != NULL);
    const bool blank = n == 0 || strspn(begin, " \t\r") >= n;
    if (!blank) raw_add(f, b, list, begin, n, f->line, true);
    return true;
}

/* A plain text, or the next part of it. */
static bool take_text(text_files *f, text_batch *b, raw_list *list, bool *over, error *err) {
    while (!f->over && (!f->parts || f->pending.length < LARGEST_PART)) {
        if (!read_block(f, err)) return fail(err, "%s", shown(f));
        if (f->pending.length > INT32_MAX) return fail(err, "%s: one text of 2 GiB or more; JSON lines hold many", shown(f));
    }
    *over = f->over;
    if (f->pending.length > 0 || f->begun) raw_add(f, b, list, string_chars(&f->pending), f->pending.length, 0, f->over);
    f->begun = true;
    string_reset(&f->pending);
    return true;
}

typedef struct parse_job {
    raw_list *list;
    text_batch *batch;
} parse_job;

/* Each slice has its own arena for the texts, and takes every TEXT_SLICES-th document. */
static void parse_slice(void *context, long slice) {
    const parse_job *job = context;
    arena tree = {.limit = (size_t)LONGEST_LINE * 4};
    for (size_t i = (size_t)slice; i < job->list->n; i += TEXT_SLICES) {
        raw *r = &job->list->item[i];
        if (r->line == 0) continue;
        const json *v = json_parse(&tree, r->text, r->n, &r->why), *text = json_get(v, "text");
        if (v == NULL || text == NULL || text->type != JSON_STRING) {
            r->bad = true;
            if (v != NULL) fail(&r->why, text == NULL ? "it has no text" : "text is not a string");
        } else {
            r->n = text->length;
            r->text = arena_copy_bytes(&job->batch->slice[slice], text->text, text->length);
        }
        arena_reset(&tree);
    }
    arena_drop(&tree);
}

static void batch_settle(text_files *f, text_batch *b, const raw_list *list) {
    b->documents = NEW_ARRAY(&b->memory, list->n, text_document);
    for (size_t i = 0; i < list->n; i++) {
        const raw *r = &list->item[i];
        if (!r->bad) {
            b->documents[b->n++] = (text_document){r->text, r->n, r->ends};
            b->bytes += r->n;
            continue;
        }
        if (f->skipped++ < NAMED_SKIPS) log_warning("%s: line %lld: %s; the line is skipped", f->paths[r->file], (long long)r->line, r->why.text);
    }
}

bool text_files_next(text_files *f, size_t bytes, text_batch *b, error *err) {
    do {
        arena_reset(&b->memory);
        for (size_t i = 0; i < TEXT_SLICES; i++) arena_reset(&b->slice[i]);
        b->n = b->bytes = 0;
        raw_list list = {0};
        while (list.bytes < bytes && f->at < f->n) {
            if (f->reader == NULL && !file_begin(f, err)) return false;
            bool over = false;
            if (!(f->lines ? take_line(f, b, &list, &over, err) : take_text(f, b, &list, &over, err))) return false;
            if (over) file_end(f);
        }
        parallel_for(TEXT_SLICES, parse_slice, &(parse_job){&list, b});
        batch_settle(f, b, &list);
    } while (b->n == 0 && f->at < f->n);
    return b->n > 0;
}
