/* cli/sampling_options.h: the sampling flags that generate and chat share. */
#ifndef SOCLE_CLI_SAMPLING_OPTIONS_H
#define SOCLE_CLI_SAMPLING_OPTIONS_H
#include "base/options.h"
#include "infer/sampler.h"

typedef struct sampling_options { /* below 0: not given */
    double temperature, top_p, min_p, repetition_penalty;
    long top_k;
} sampling_options;

sampling_options sampling_options_unset(void);

#define SAMPLING_OPTIONS(o) \
    {"temperature", 0, OPT_REAL, &(o)->temperature, .help = "0: the likeliest token; -1: as generation_config.json says", .least = -1, .most = 100}, \
        {"top-k", 0, OPT_INT, &(o)->top_k, .help = "only the N likeliest tokens; 0: all; -1: as generation_config.json says", .least = -1, .most = 1e9}, \
        {"top-p",     0,        OPT_REAL, &(o)->top_p, .help = "only the likeliest tokens that together reach X; -1: as generation_config.json says", \
         .least = -1, .most = 1}, \
        {"min-p",     0,        OPT_REAL, &(o)->min_p, .help = "only tokens at least X times as likely as the likeliest; -1: as generation_config.json says", \
         .least = -1, .most = 1}, \
    { \
        "repetition-penalty", 0, OPT_REAL, &(o)->repetition_penalty, .help = "1: none; -1: as generation_config.json says", .least = -1, .most = 100 \
    }

/* What the model's generation_config.json (NULL: none) says, and the flags over it. A flag that has no meaning when the
 * likeliest token is taken brings temperature 1, where none is given. */
bool sampling_options_apply(const sampling_options *o, const json *generation, uint64_t seed, sampling *out, error *err);

#endif
