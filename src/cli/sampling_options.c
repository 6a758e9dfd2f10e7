#include "cli/sampling_options.h"

sampling_options sampling_options_unset(void) {
    return (sampling_options){.temperature = -1, .top_p = -1, .min_p = -1, .repetition_penalty = -1, .top_k = -1};
}

bool sampling_options_apply(const sampling_options *o, const json *generation, uint64_t seed, sampling *out, error *err) {
    if (!sampling_of_config(generation, out, err)) return false;
    if (o->temperature >= 0) out->temperature = o->temperature;
    else if (out->temperature == 0 && (o->top_k > 0 || o->top_p >= 0 || o->min_p >= 0)) out->temperature = 1;
    if (o->top_k >= 0) out->top_k = o->top_k;
    if (o->top_p >= 0) out->top_p = o->top_p;
    if (o->min_p >= 0) out->min_p = o->min_p;
    if (o->repetition_penalty >= 0) out->repetition_penalty = o->repetition_penalty;
    out->seed = seed;
    return true;
}
