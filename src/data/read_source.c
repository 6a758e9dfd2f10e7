#include "data/read_source.h"

#include "base/file.h"
#include "data/read_html.h"
#include "data/read_roff.h"
#include "data/read_text.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MOST_FOLDERS_DEEP = 32 };

typedef struct source_file {
    const char *path, *id, *root;
    size_t source;
    source_format format;
    double bytes;
} source_file;

struct source_stream {
    arena owner;
    const source *sources;
    source_file *file;
    size_t n, room, at;
    double bytes, done;
    file_reader *lines; /* of the JSON lines being read */
    long line;          /* number of the last line, from 1 */
    double line_share;
};

/* ---- listing ---- */

static bool ends_with(const char *name, size_t n, const char *ending) {
    const size_t m = strlen(ending);
    return n >= m && strncasecmp(name + n - m, ending, m) == 0;
}

static bool is_json_lines(const char *path, source_format format) {
    if (format != FORMAT_AUTO) return format == FORMAT_JSONL;
    size_t n = strlen(path);
    if (ends_with(path, n, ".gz")) n -= 3;
    else if (ends_with(path, n, ".zst")) n -= 4;
    return ends_with(path, n, ".jsonl") || ends_with(path, n, ".ndjson") || strcmp(path, "-") == 0;
}

static void add_file(source_stream *s, size_t which, const char *path, const char *root, const char *below) {
    const source *from = &s->sources[which];
    if (s->n == s->room) {
        const size_t room = s->room == 0 ? 256 : s->room * 2;
        s->file = arena_grow(&s->owner, s->file, sizeof *s->file * s->n, sizeof *s->file * room);
        s->room = room;
    }
    const int64_t bytes = file_size(path);
    source_file *f = &s->file[s->n++];
    f->path = arena_copy(&s->owner, path);
    f->root = root;
    f->id = from->name != NULL ? arena_print(&s->owner, "%s:%s", from->name, below) : arena_copy(&s->owner, below);
    f->source = which;
    f->format = is_json_lines(path, from->format) ? FORMAT_JSONL : from->format;
    f->bytes = bytes > 0 ? (double)bytes : 0;
    s->bytes += f->bytes;
}

/* In a folder these are no documents: pictures, sound, fonts, style, programs, archives. */
static bool is_other(const char *name) {
    static const char *const endings[] = {".png", ".jpg",  ".jpeg",  ".gif", ".svg", ".ico", ".webp", ".bmp",  ".xpm", ".tif",  ".tiff",
                                          ".eps", ".pdf",  ".ps",    ".mp3", ".mp4", ".ogg", ".wav",  ".flac", ".avi", ".webm", ".ttf",
                                          ".otf", ".woff", ".woff2", ".css", ".js",  ".map", ".zip",  ".tar",  ".xz",  ".bz2",  ".7z",
                                          ".deb", ".rpm",  ".jar",   ".so",  ".a",   ".o",   ".pyc",  ".exe",  ".dll", ".bin"};
    size_t n = strlen(name);
    if (ends_with(name, n, ".gz")) n -= 3;
    else if (ends_with(name, n, ".zst")) n -= 4;
    for (size_t i = 0; i < COUNT(endings); i++)
        if (ends_with(name, n, endings[i])) return true;
    return false;
}

static bool is_link(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool is_regular(const char *path) { /* a pipe or a device would be waited for */
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* What a page that is named alone may include: the tree of manual pages it lies in (its folder is called man1, man.fr or the
 * like), else its own folder. */
static const char *tree_of(arena *owner, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return ".";
    const char *folder = slash == path ? "/" : arena_print(owner, "%.*s", (int)(slash - path), path);
    return strncmp(path_name(folder), "man", 3) == 0 ? arena_print(owner, "%s/..", folder) : folder;
}

/* A folder that cannot be listed is left to the file's own reading, which fails and is counted. */
static void add_folder(source_stream *s, size_t which, const char *root, const char *folder, int depth) {
    size_t n = 0;
    error ignored = {0};
    char **names = depth < MOST_FOLDERS_DEEP ? folder_list(&s->owner, folder, &n, &ignored) : NULL;
    if (names == NULL) {
        add_file(s, which, folder, root, folder + strlen(root));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *path = path_join(&s->owner, folder, names[i]);
        if (is_link(path) || is_other(names[i])) continue;
        if (file_is_folder(path)) add_folder(s, which, root, path, depth + 1);
        else if (is_regular(path)) {
            const char *below = path + strlen(root);
            while (*below == '/') below++;
            add_file(s, which, path, root, below);
        }
    }
}

static void add_single(source_stream *s, size_t which, const char *path) {
    add_file(s, which, path, tree_of(&s->owner, path), s->sources[which].name != NULL ? path_name(path) : path);
}

static bool add_path(source_stream *s, size_t which, const char *path, error *err) {
    if (strcmp(path, "-") == 0) return add_file(s, which, path, NULL, "stdin"), true;
    if (file_is_folder(path)) return add_folder(s, which, arena_copy(&s->owner, path), path, 0), true;
    if (file_exists(path)) return add_single(s, which, path), true;
    glob_t found;
    if (strpbrk(path, "*?[") == NULL || glob(path, 0, NULL, &found) != 0) return fail(err, "there is no %s", path);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *each = found.gl_pathv[i];
        if (file_is_folder(each)) add_folder(s, which, arena_copy(&s->owner, each), each, 0);
        else if (is_regular(each)) add_single(s, which, each);
    }
    globfree(&found);
    return true;
}

source_stream *source_stream_open(const source *sources, size_t n, error *err) {
    source_stream *s = calloc(1, sizeof *s);
    if (s == NULL) return fail_null(err, "out of memory");
    s->sources = sources;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sources[i].n_path; k++)
            if (!add_path(s, i, sources[i].path[k], err)) {
                source_stream_close(s);
                return NULL;
            }
    return s;
}

void source_stream_close(source_stream *s) {
    if (s == NULL) return;
    file_reader_close(s->lines);
    arena_drop(&s->owner);
    free(s);
}

double source_stream_bytes(const source_stream *s) {
    return s->bytes;
}

double source_stream_done(const source_stream *s) {
    return s->done + (s->lines != NULL && s->at < s->n ? s->line_share * s->file[s->at].bytes : 0);
}

static void file_done(source_stream *s) {
    s->done += s->file[s->at++].bytes;
    file_reader_close(s->lines);
    s->lines = NULL;
}

/* The item knows its path; base/file says it again. */
static void drop_path(error *err, const char *path) {
    const size_t n = strlen(path);
    if (strncmp(err->text, path, n) == 0 && strncmp(err->text + n, ": ", 2) == 0) memmove(err->text, err->text + n + 2, strlen(err->text + n + 2) + 1);
}

/* The next line of JSON lines that is not blank. */
static bool next_line(source_stream *s, arena *owner, raw_item *item, const char **failure) {
    const source_file *f = &s->file[s->at];
    error err = {0};
    const char *line;
    size_t n;
    if (s->lines == NULL) {
        s->lines = file_reader_open(f->path, &err);
        s->line = 0;
    }
    while (s->lines != NULL && file_reader_line(s->lines, DOCUMENT_LIMIT, &line, &n, &err)) {
        s->line++;
        s->line_share = file_reader_share(s->lines);
        size_t blank = 0;
        while (blank < n && (line[blank] == ' ' || line[blank] == '\t' || line[blank] == '\r')) blank++;
        if (blank == n) continue;
        *item = (raw_item){.source = f->source, .path = f->path, .format = FORMAT_JSONL, .n = n, .bytes = (double)n};
        item->line = arena_copy_bytes(owner, line, n);
        item->id = arena_print(owner, "%s#%ld", f->id, s->line);
        return true;
    }
    drop_path(&err, f->path);
    *failure = err.text[0] != 0 ? arena_copy(owner, err.text) : NULL;
    *item = (raw_item){.source = f->source, .path = f->path, .id = arena_copy(owner, f->id), .format = FORMAT_JSONL};
    file_done(s);
    return *failure != NULL;
}

bool source_stream_next(source_stream *s, arena *owner, raw_item *item, const char **failure) {
    *failure = NULL;
    while (s->at < s->n) {
        const source_file *f = &s->file[s->at];
        if (f->format == FORMAT_JSONL) {
            if (next_line(s, owner, item, failure)) return true;
            continue;
        }
        *item = (raw_item){.source = f->source, .path = arena_copy(owner, f->path), .id = arena_copy(owner, f->id), .format = f->format, .bytes = f->bytes};
        item->root = f->root != NULL ? arena_copy(owner, f->root) : NULL;
        file_done(s);
        return true;
    }
    return false;
}

/* ---- reading ---- */

/* A whole file, unpacked, within the limit of a document. */
static char *read_unpacked(arena *owner, const char *path, size_t *n, error *err) {
    file_reader *r = file_reader_open(path, err);
    if (r == NULL) return drop_path(err, path), NULL;
    string s = {.limit = DOCUMENT_LIMIT};
    char block[1 << 16];
    long got = 0;
    while (!s.overflow && (got = file_reader_bytes(r, block, sizeof block, err)) > 0) string_append(&s, block, (size_t)got);
    file_reader_close(r);
    char *copy = NULL;
    if (s.overflow) fail(err, "it is larger than %d MiB", DOCUMENT_LIMIT >> 20);
    else if (got == 0 && (copy = arena_copy_bytes(owner, string_chars(&s), s.length)) == NULL) fail(err, "the document needs more memory than it may take");
    drop_path(err, path);
    *n = s.length;
    string_drop(&s);
    return copy;
}

/* Whether the file, all links followed, lies in the folder. */
static bool lies_in(const char *path, const char *folder) {
    char *whole = realpath(path, NULL), *root = realpath(folder, NULL);
    const size_t n = root != NULL ? strlen(root) : 0;
    const bool in = whole != NULL && root != NULL && strncmp(whole, root, n) == 0 && (whole[n] == '/' || (n == 1 && root[0] == '/'));
    free(whole);
    free(root);
    return in;
}

/* `.so man1/ls.1`: in the tree of manual pages that the page lies in, or beside it; never outside the root of the source. */
static const char *find_included(void *context, arena *owner, const char *name, size_t *n) {
    static const char *const endings[] = {"", ".gz", ".zst"};
    const raw_item *page = context;
    const char *path = page->path, *slash = strrchr(path, '/');
    const char *beside = slash != NULL ? arena_print(owner, "%.*s", (int)(slash - path), path) : ".";
    if (beside == NULL || name[0] == '/' || strstr(name, "..") != NULL) return NULL; /* it stays in the tree */
    for (int up = 1; up >= 0; up--)
        for (size_t i = 0; i < COUNT(endings); i++) {
            const char *candidate = arena_print(owner, "%s/%s%s%s", beside, up ? "../" : "", name, endings[i]);
            error ignored = {0};
            if (candidate != NULL && is_regular(candidate) && lies_in(candidate, page->root)) return read_unpacked(owner, candidate, n, &ignored);
        }
    return NULL;
}

static bool set_found(document *d, arena *owner, const char *key, const char *text) {
    return text == NULL || text[0] == 0 || document_set_text(d, owner, key, text);
}

static bool read_html(document *d, arena *owner, const char *bytes, size_t n, string *out, error *err) {
    html_page page;
    if (!html_to_text(owner, bytes, n, out, &page, err)) return false;
    return set_found(d, owner, "title", page.title) || fail(err, "the document needs more memory than it may take");
}

static bool read_roff(document *d, arena *owner, const raw_item *item, const char *bytes, size_t n, string *out, error *err) {
    roff_page page;
    const roff_include include = {find_included, (void *)(uintptr_t)item};
    char *text = text_to_utf8(owner, bytes, n, &n);
    if (text == NULL) return fail(err, "the document needs more memory than it may take");
    if (!roff_to_text(owner, text, n, item->root != NULL ? &include : NULL, out, &page, err)) return false;
    return (set_found(d, owner, "title", page.title) && set_found(d, owner, "section", page.section) && set_found(d, owner, "name", page.name) &&
            set_found(d, owner, "description", page.description)) ||
           fail(err, "the document needs more memory than it may take");
}

static bool read_plain(arena *owner, const char *bytes, size_t n, string *out, error *err) {
    char *text = text_to_utf8(owner, bytes, n, &n);
    if (text == NULL) return fail(err, "the document needs more memory than it may take");
    const char *zero = memchr(text, 0, n);
    if (zero != NULL) return fail(err, "it is no text: byte %zu is NUL", (size_t)(zero - text));
    string_append(out, text, n);
    return true;
}

bool raw_item_read(const raw_item *item, const char *source_name, arena *owner, document *d, error *err) {
    *d = (document){0};
    if (item->line != NULL) {
        if (!document_parse(d, owner, item->line, item->n, item->id, err)) return false;
        if (d->source == NULL) d->source = source_name;
        return true;
    }
    d->id = item->id;
    d->source = source_name;
    size_t n;
    const char *bytes = read_unpacked(owner, item->path, &n, err);
    if (bytes == NULL) return false;
    source_format format = item->format;
    if (format == FORMAT_AUTO) format = html_is_page(bytes, n) ? FORMAT_HTML : roff_is_page(bytes, n) ? FORMAT_ROFF : FORMAT_TEXT;
    string text = {.limit = DOCUMENT_LIMIT};
    bool ok;
    if (format == FORMAT_HTML) ok = read_html(d, owner, bytes, n, &text, err);
    else if (format == FORMAT_ROFF) ok = read_roff(d, owner, item, bytes, n, &text, err);
    else ok = read_plain(owner, bytes, n, &text, err);
    if (ok && text.overflow) ok = fail(err, "its text is larger than %d MiB", DOCUMENT_LIMIT >> 20);
    if (ok) {
        d->text = arena_copy_bytes(owner, string_chars(&text), text.length);
        d->n = text.length;
        ok = d->text != NULL || fail(err, "the document needs more memory than it may take");
    }
    string_drop(&text);
    return ok;
}
