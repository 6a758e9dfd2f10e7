/* data/loader.h: which tokens a model sees, and in which order. A loader hands out windows of seq_len rows: of token files
 * (Megatron's .bin and .idx), or of conversations packed so that none sees another. Which window a sample is depends on
 * (seed, sample) alone, where samples are counted through the whole run: so there is no state to save, and a run that goes
 * on reads what it would have read.
 * One thread owns a loader. */
#ifndef SOCLE_DATA_LOADER_H
#define SOCLE_DATA_LOADER_H
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include <stdint.h>

enum { TARGET_IGNORED = -100 }; /* the target of a row that is not learned */

typedef struct loader_options {
    long seq_len;        /* rows of a window */
    bool shuffle;        /* each epoch in an order of its own; false: window i is ids[i * seq_len ..], at the end from the start again */
    bool mask_documents; /* token files: a row sees its own document only, positions start anew in each, and what follows a
                            document's last token is not learned; false: plain windows across documents */
    uint64_t seed;
} loader_options;

/* One source of a mixture. Weights are shares of the samples; where none is given (0) each source has one in proportion to its
 * windows, so that an epoch shows everything once. Some given and some not is an error. */
typedef struct token_source {
    const char *path; /* PREFIX of PREFIX.bin and PREFIX.idx */
    double weight;
} token_source;

/* A text that is one attention span: ids, and whether each is learned (the first never is: nothing precedes it). */
typedef struct token_sequence {
    const int32_t *ids;
    const bool *learned;
    long n;
} token_sequence;

typedef struct sequence_source {
    const char *path; /* for messages */
    double weight;
    const token_sequence *sequences; /* borrowed as long as the loader lives */
    long n;
} sequence_source;

typedef struct packing {
    long sequences, cut, left_out; /* taken; of these cut at the window's end; left out since nothing learned remained */
    long rows, learned;            /* rows that hold a token, and those that are learned, in all windows of an epoch */
} packing;

typedef struct loader loader;
/* Maps the files and reads them once, for the largest id and the fingerprint. A source shorter than a window is an error.
 * Lives in `owner` until loader_close. */
loader *loader_open(arena *owner, const token_source *sources, int n_source, const loader_options *o, error *err);
/* Packs sequences into windows: best fit, longest first, where they are shuffled (as TRL's "bfd"), else in their order. A
 * sequence longer than a window keeps its beginning. */
loader *loader_pack(arena *owner, const sequence_source *sources, int n_source, const loader_options *o, packing *did, error *err);
void loader_close(loader *l); /* gives mapped files back; NULL is fine */

long loader_windows(const loader *l); /* of one epoch, all sources together */
/* Whether a model of vocab_size rows can read all of it, and token files that say which tokenizer made them say this one
 * (NULL: none is known, and that is not asked). err names the source. */
bool loader_agrees(const loader *l, const digest *tokenizer, long vocab_size, error *err);
digest loader_fingerprint(const loader *l); /* of all that decides what a sample is, but for the seed */

/* Arrays of a batch; a window fills rows [row, row + seq_len) of each. */
typedef struct loader_rows {
    int32_t *ids;
    int32_t *targets;  /* the id that follows, or TARGET_IGNORED */
    int32_t *position; /* in its document, from 0 */
    int32_t *first;    /* the row where the part that this row sees begins */
} loader_rows;
/* The window of a sample, from 0; returns how many of its rows hold a token. Cheap where samples rise by 1; going back costs
 * O(sample). */
long loader_fill(loader *l, int64_t sample, loader_rows rows, long row);
/* Rows of no window: nothing is learned, nothing is seen. Fills up a batch. */
void loader_fill_empty(const loader *l, loader_rows rows, long row);

/* A permutation of 0..n-1 as a function: where `i` goes under this key. A Feistel network over the next power of four, walked
 * until it lands inside (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). */
long permuted(uint64_t seed, uint64_t stream, long n, long i);

#endif
