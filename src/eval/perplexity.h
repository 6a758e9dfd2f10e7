/* eval/perplexity.h: how well a model predicts text. */
#ifndef SOCLE_EVAL_PERPLEXITY_H
#define SOCLE_EVAL_PERPLEXITY_H
#include "eval/judge.h"

/* What stands before a document's first token. AUTO: what the tokenizer's post-processor puts there (BOS), else nothing, and
 * the first token is then not scored, since nothing predicts it. */
typedef enum { PREFIX_AUTO, PREFIX_NONE, PREFIX_BOS, PREFIX_EOS } text_prefix;
/* ALL: each token once. LAST_HALF: chunks of `context` ids, each beginning with BOS where the post-processor adds one; the
 * second half of each is scored and an incomplete chunk at the end is left out, as llama.cpp's perplexity does. */
typedef enum { SCORE_ALL, SCORE_LAST_HALF } text_scoring;

typedef struct perplexity_options {
    size_t context; /* ids read at once; 0: the model's positions, at most 1024 */
    size_t stride;  /* SCORE_ALL: ids between windows, 1 .. context; 0: context, windows that do not overlap */
    text_scoring scoring;
    text_prefix prefix;
    const volatile int *stop; /* not 0: stop and fail; NULL: never */
} perplexity_options;

typedef struct perplexity_result {
    size_t documents, tokens, bytes; /* tokens: scored ones; bytes: of the text (LAST_HALF: of the scored tokens) */
    size_t skipped;                  /* lines that were no documents */
    double nll;                      /* in nats, summed */
    double *document_nll;            /* of each document, in the owner's memory */
} perplexity_result;
double perplexity_of(const perplexity_result *r);    /* exp(nll / tokens) */
double bits_per_byte_of(const perplexity_result *r); /* nll / (bytes * ln 2): comparable between tokenizers */

/* Of the documents of a file (see data/text_files.h: JSON lines or one text; plain, .gz or .zst), which know nothing of each
 * other. Totals are sums over all documents, as in lm-evaluation-harness, not means of means. */
bool perplexity_measure(judge *j, const char *path, const perplexity_options *o, arena *owner, perplexity_result *out, error *err);

#endif
