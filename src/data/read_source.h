/* data/read_source.h: the documents of files and folders: HTML pages, manual pages (roff), plain text and JSON lines, each also
 * as .gz or .zst; the format is told by the content, or given. A stream hands out raw items in a fixed order (files by name,
 * lines by number); reading an item, which may happen on any core, makes a document of it or says why not. */
#ifndef SOCLE_DATA_READ_SOURCE_H
#define SOCLE_DATA_READ_SOURCE_H
#include "data/document.h"
#include <stdint.h>

typedef enum { FORMAT_AUTO, FORMAT_HTML, FORMAT_ROFF, FORMAT_TEXT, FORMAT_JSONL } source_format;
#define SOURCE_FORMATS "auto|html|roff|text|jsonl" /* in the order of the enum */

typedef struct source {
    const char *name;  /* what its documents carry as `source`; NULL: none */
    const char **path; /* files, folders (all that is in them, but links, pipes, pictures, style and the like), patterns (glob) */
    size_t n_path;
    source_format format;
} source;

typedef struct raw_item { /* valid until the stream's next item, except where it was copied */
    size_t source;        /* which one */
    const char *path;     /* the file */
    const char *root;     /* the folder beyond which its `.so` finds nothing; NULL: it includes nothing */
    const char *id;       /* of the document: NAME:path below the folder given; for a line that has none of its own, with #number */
    const char *line;     /* a line of JSON lines; NULL: the file as a whole is the document */
    size_t n;
    source_format format;
    double bytes; /* of the file or line, as read, for progress */
} raw_item;

typedef struct source_stream source_stream;
/* Lists the files; fails where a path is missing or a pattern finds nothing. The sources stay the caller's. */
source_stream *source_stream_open(const source *sources, size_t n, error *err);
/* The next item, copied into `owner`. False at the end. A file of JSON lines that cannot be read on is an item too: it comes
 * with `failure` set to the reason (in `owner`), else NULL. */
bool source_stream_next(source_stream *s, arena *owner, raw_item *item, const char **failure);
double source_stream_bytes(const source_stream *s); /* of all files, as they lie on the disk */
double source_stream_done(const source_stream *s);
void source_stream_close(source_stream *s); /* NULL is fine */

/* Makes the document: reads the file where the item is one, unpacks, reads its format. metadata gets what the reader found
 * (title; of manual pages section, name, description). err says why it cannot be read, without the path. */
bool raw_item_read(const raw_item *item, const char *source_name, arena *owner, document *d, error *err);

#endif
