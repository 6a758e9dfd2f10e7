/* curate/pipeline.h: documents in batches through the stages: read and judged on all cores, compared and handed on in order. */
#ifndef SOCLE_CURATE_PIPELINE_H
#define SOCLE_CURATE_PIPELINE_H
#include "curate/stage.h"
#include "data/read_source.h"

typedef struct pipeline_item {
    raw_item raw;
    const char *failure; /* why it could not be read or judged; NULL: it was */
    document d;
    judged j;
    const stage *dropped_by; /* NULL: kept, or failed */
    size_t characters_in;    /* of the text as it was read */
    string line;             /* the document as it is to be written, with its LF */
    arena memory, scratch;
} pipeline_item;

typedef struct pipeline {
    source_stream *stream;
    const source *sources;
    stage *const *stages;
    size_t n_stage;
    bool dropped_text; /* lines of dropped documents hold the text */
    const volatile int *stop;
    const char *what;                                             /* of the progress line; NULL: none */
    bool (*done)(void *context, pipeline_item *item, error *err); /* in the order of the sources */
    void *context;
} pipeline;

/* False on a failure of `done` or a signal; one bad document is an item with a failure. */
bool pipeline_run(const pipeline *p, error *err);

#endif
