/* curate/curate.h: raw sources to clean shards: read, judged by stages in order, written with an account of every document.
 * Knows data/ and below; knows no model. docs/curate.md describes recipes, stages and reports. */
#ifndef SOCLE_CURATE_CURATE_H
#define SOCLE_CURATE_CURATE_H
#include "curate/stage.h"
#include "data/read_source.h"

typedef struct curate_recipe {
    const char *file;
    source *sources;
    size_t n_source;
    stage *stages[STAGES_MOST];
    size_t n_stage;
    double valid;                /* share of documents held out */
    double shard_mb;             /* megabytes of JSON in a shard */
    int compress;                /* 0 zst, 1 gz, 2 none */
    bool metrics;                /* what every stage found is written to metadata */
    bool dropped_text;           /* dropped.jsonl keeps the text too */
    const json *pairs_languages; /* NULL: no pairs */
    double pairs_valid;
} curate_recipe;

/* The recipe's YAML, then the texts of --set. What it holds lives in `owner`. */
bool recipe_read(arena *owner, const char *path, const char *const *set, size_t n_set, curate_recipe *r, error *err);

typedef struct curate_result {
    long documents_in, documents_out, valid, unreadable;
    double characters_in, characters_out, seconds;
} curate_result;

/* Writes the folder `out`: documents-NNNN.jsonl, valid-NNNN.jsonl, dropped.jsonl (each .zst unless the recipe says otherwise),
 * pairs/, report.json, report.html. It appears whole or not at all; one that exists is refused, and it fails where there are
 * documents and none can be read. `seed` salts the splits.
 * `stop` (may be NULL): where it becomes non-zero, nothing is written and it fails with "stopped". */
bool curate_run(arena *owner, const curate_recipe *r, const char *out, uint64_t seed, const volatile int *stop, curate_result *did, error *err);

/* One stage as a filter: JSON lines of stdin, kept documents to stdout, dropped ones to the file (NULL: nowhere). A line that is
 * no document is counted and named in the log. */
bool curate_filter(stage *s, const char *dropped, const volatile int *stop, curate_result *did, error *err);

/* The readers alone: documents of the files to stdout. */
bool curate_read(const char **paths, size_t n, source_format format, const volatile int *stop, curate_result *did, error *err);

#endif
