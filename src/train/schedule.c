#include "train/schedule.h"

#include <math.h>

double schedule_lr(const train_config *c, long steps, long step) {
    const double peak = c->optimizer.lr, last = c->schedule.final_lr;
    const long warm = c->schedule.warmup_steps, decay = c->schedule.decay_steps;
    if (step < warm) return peak * (double)step / (double)warm;
    switch (c->schedule.name) {
    case SCHEDULE_COSINE: {
        const double share = steps > warm ? (double)(step - warm) / (double)(steps - warm) : 0;
        return last + (peak - last) * 0.5 * (1 + cos(3.14159265358979323846 * share));
    }
    case SCHEDULE_WSD: return step <= steps - decay ? peak : peak + (last - peak) * (double)(step - (steps - decay)) / (double)decay;
    default: return peak;
    }
}
