/* data/pack_files.h: documents to token files: encoded in parallel, written in order, each ended by the end-of-text id. */
#ifndef SOCLE_DATA_PACK_FILES_H
#define SOCLE_DATA_PACK_FILES_H
#include "text/tokenizer.h"

typedef struct pack_options {
    const tokenizer *tokenizer;
    int32_t eos; /* -1: the tokenizer's */
    bool parse_special;
    char **paths; /* data/text_files.h says what they may be */
    size_t n_path;
    const char *prefix;
    const volatile int *stop; /* NULL, or where it becomes non-zero, nothing is written and it fails with "stopped" */
} pack_options;

typedef struct pack_report {
    int64_t documents, tokens, bytes; /* bytes of text */
    int64_t empty, skipped;           /* documents without text; lines that could not be read */
} pack_report;

/* Writes PREFIX.bin, PREFIX.idx and PREFIX.json, all or none. Fails where no document is left. */
bool pack_files(const pack_options *o, pack_report *did, error *err);

#endif
