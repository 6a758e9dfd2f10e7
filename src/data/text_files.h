/* data/text_files.h: the documents of files on a command line. A file is JSON lines (a document a line: its `text`) or plain
 * text (one document); plain, .gz or .zst. JSON lines are told by the name (.jsonl, .ndjson, .json before .gz or .zst), else by
 * a first line that is an object with a `text`; a .txt is always plain text. "-" is standard input. */
#ifndef SOCLE_DATA_TEXT_FILES_H
#define SOCLE_DATA_TEXT_FILES_H
#include "base/arena.h"
#include "base/error.h"
#include <stdint.h>

typedef struct text_files text_files;
typedef struct text_document {
    const char *text;
    size_t n;
    bool ends; /* false: a part of a plain text, more of it follows */
} text_document;

enum { TEXT_SLICES = 16 };
typedef struct text_batch {
    text_document *documents; /* in the order of the files */
    size_t n;
    size_t bytes;
    arena memory, slice[TEXT_SLICES];
} text_batch;

/* Fails where a file is missing. `parts`: a large plain text comes in parts; else whole, below 2 GiB. */
text_files *text_files_open(char **paths, size_t n, bool parts, error *err);
/* Fills the batch (starts as {0}; what it held is forgotten) with about `bytes` of documents. JSON is parsed in parallel. False
 * at the end, or on an error: then err->text is not empty. A line that is not JSON or has no `text` is skipped and counted; the
 * first few are named in the log. */
bool text_files_next(text_files *f, size_t bytes, text_batch *batch, error *err);
void text_batch_drop(text_batch *batch);
double text_files_megabytes(const text_files *f); /* of all files, as they lie on the disk; 0: not known */
double text_files_done(const text_files *f);      /* megabytes read so far */
int64_t text_files_skipped(const text_files *f);
void text_files_close(text_files *f); /* NULL is fine */

#endif
