/* curate/stage.h: a stage of curation looks at one document after another and keeps it or drops it with a reason. What needs the
 * document alone (judge) runs on all cores; what compares documents with one another (compare) runs in their order on one.
 * The rules and their thresholds are those of public corpora; docs/curate.md names the source of each. */
#ifndef SOCLE_CURATE_STAGE_H
#define SOCLE_CURATE_STAGE_H
#include "base/options.h"
#include "data/document.h"

/* Why a document is dropped; rule NULL: it is kept. */
typedef struct verdict {
    const char *rule; /* "gopher_short_doc" */
    double value, threshold;
    const char *text_value; /* where the value is no number: a language; else NULL */
    const char *text_threshold;
    const char *of; /* the id of the document that this one repeats; NULL else */
} verdict;

typedef struct judged {
    document *d;
    arena *owner;   /* of the document; lasts until its batch is written */
    arena *scratch; /* of the thread's document; reset after each stage */
    verdict v;
    void *note; /* what judge leaves for compare, in `owner` */
} judged;

typedef struct stage stage;
typedef struct stage_kind {
    const char *name, *summary;
    size_t size;                                          /* of its settings */
    void (*options)(void *settings, option *table);       /* sets the defaults and fills the table (STAGE_OPTIONS rows at most) */
    bool (*prepare)(stage *s, error *err);                /* after the options are read; may be NULL */
    bool (*judge)(const stage *s, judged *j, error *err); /* false: a limit is met, and the document cannot be judged */
    bool (*compare)(stage *s, judged *j, error *err);     /* may be NULL */
} stage_kind;

enum { STAGE_OPTIONS = 24, STAGES_MOST = 32 };

struct stage {
    const stage_kind *kind;
    void *settings;
    void *state;   /* what compare keeps */
    arena *owner;  /* of settings and state */
    bool metadata; /* what was found is written to metadata.NAME */
};

/* One stage by name; err names the nearest where there is none. Its settings are the defaults until stage_configure. */
stage *stage_open(arena *owner, const char *name, error *err);
/* From a mapping of a recipe (may be NULL), then from --set texts; then prepares it. */
bool stage_configure(stage *s, const json *tree, const char *file, const char *const *set, size_t n_set, error *err);
const stage_kind *const *stage_kinds(size_t *n);
/* The stage's table with its defaults, for --help and the documentation; lives in `owner`. */
const option *stage_options(arena *owner, const stage_kind *kind);

/* The language that an earlier stage found (metadata.language.language), else `fallback`; in `owner`. */
const char *document_language(const document *d, arena *owner, const char *fallback);

/* metadata.dropped = {stage, rule, value, threshold}. */
bool verdict_write(const verdict *v, const char *stage_name, arena *owner, document *d);

extern const stage_kind stage_extract, stage_language, stage_gopher_quality, stage_gopher_repetition, stage_c4, stage_dedup;

#endif
