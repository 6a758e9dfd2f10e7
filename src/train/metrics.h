/* train/metrics.h: metrics.jsonl, a line a step, and loss.svg, which shows it. A log is only appended to; what a killed run
 * wrote beyond its last checkpoint is cut off when it goes on, so that each step stands once. */
#ifndef SOCLE_TRAIN_METRICS_H
#define SOCLE_TRAIN_METRICS_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"
#include <stdint.h>

typedef struct metrics_row {
    long step;      /* from 1 */
    int64_t tokens; /* since step 1 */
    double loss;    /* mean negative log-likelihood of the step's learned tokens, nats */
    double lr;
    double grad_norm;    /* before clipping */
    double tokens_per_s; /* of this step */
    double time;         /* seconds of training since step 1, those of earlier calls included */
    double valid_loss;   /* NaN: not evaluated at this step */
} metrics_row;

typedef struct metrics_log metrics_log;
/* Opens PATH, which need not exist, with the rows up to step `keep` in it; what comes later, or is no whole line, is cut off.
 * Lives in `owner` until metrics_close. */
metrics_log *metrics_open(arena *owner, const char *path, long keep, error *err);
bool metrics_append(metrics_log *log, const metrics_row *row, error *err);
bool metrics_sync(metrics_log *log, error *err); /* on the disk, before a checkpoint that counts on it */
void metrics_close(metrics_log *log);            /* NULL is fine */
/* The rows of a log, whole lines only; *n 0 where there is no file. In `owner`. */
metrics_row *metrics_read(arena *owner, const char *path, long *n, error *err);

/* The curves of these rows as an SVG picture, which follows the reader's light or dark mode. */
void loss_picture(const metrics_row *rows, long n, const char *title, string *out);

#endif
