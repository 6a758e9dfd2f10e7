/* train/measure.h: how fast a training step is on this machine, with the steps that a run takes: forward, backward, clipping,
 * AdamW. Ids are random: no op's time depends on them. */
#ifndef SOCLE_TRAIN_MEASURE_H
#define SOCLE_TRAIN_MEASURE_H
#include "base/error.h"
#include "base/string.h"
#include "model/model.h"

typedef struct train_measurement {
    long parameters, tokens_per_step, steps;
    double tokens_per_s;     /* of the median step */
    double fastest, slowest; /* seconds of a step */
    double flops;            /* floating-point operations a second: three times a forward pass's, by the median step */
    double loss;             /* of the last step */
    string profile;          /* time by op, where asked for; the caller drops it */
} train_measurement;

/* `batch` windows of `seq_len`, one warm-up step and then `steps` that count. */
bool train_measure(const model_sizes *sizes, long batch, long seq_len, long steps, bool profile, train_measurement *out, error *err);

#endif
