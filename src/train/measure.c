#include "train/measure.h"

#include "base/log.h"
#include "base/random.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Random windows, every row learned. */
static loader *random_windows(arena *a, long n, long seq_len, long vocab_size, error *err) {
    token_sequence *sequences = NEW_ARRAY(a, n, token_sequence);
    bool *learned = NEW_ARRAY(a, seq_len + 1, bool);
    memset(learned, true, (size_t)seq_len + 1);
    random_stream r = random_start(1, 0);
    for (long i = 0; i < n; i++) {
        int32_t *ids = NEW_ARRAY(a, seq_len + 1, int32_t);
        for (long k = 0; k <= seq_len; k++) ids[k] = (int32_t)random_below(&r, (uint64_t)vocab_size);
        sequences[i] = (token_sequence){ids, learned, seq_len + 1};
    }
    packing did;
    return loader_pack(a, &(sequence_source){.path = "random ids", .sequences = sequences, .n = n}, 1, &(loader_options){.seq_len = seq_len, .seed = 1}, &did,
                       err);
}

static bool measure(arena *a, const model_sizes *sizes, long batch, long seq_len, long steps, bool profile, train_measurement *out, error *err) {
    json *config = model_config_of_sizes(a, sizes, err);
    model *m = config != NULL ? model_describe_json(a, config, "bench", err) : NULL;
    if (m == NULL) return false;
    train_config c;
    train_config_defaults(TRAIN_TOKENS, &c);
    c.batch.sequences = batch;
    c.batch.accumulate = 1;
    c.data.seq_len = seq_len;
    loader *l = random_windows(a, batch * (steps + 1), seq_len, m->vocab_size, err);
    trainer t = {0};
    double *seconds = NEW_ARRAY(a, steps, double);
    bool ok = l != NULL && model_allocate(m, err);
    if (ok) model_initialise(m, 1);
    ok = ok && trainer_make(&t, a, &c, m, l, NULL, err) && trainer_allocate(&t, err);
    for (long step = 0; ok && step <= steps; step++) {
        step_result did;
        if (profile && step == 1) plan_profile(t.first.plan, true), plan_profile(t.update, true);
        const double start = clock_seconds();
        ok = trainer_step(&t, step + 1, 1e-4, &did, err);
        if (step > 0) seconds[step - 1] = clock_seconds() - start;
        out->loss = did.loss;
    }
    if (ok) {
        if (profile) plan_profile_write(t.first.plan, &out->profile), plan_profile_write(t.update, &out->profile);
        qsort(seconds, (size_t)steps, sizeof *seconds, by_value);
        const double median = steps % 2 ? seconds[steps / 2] : (seconds[steps / 2 - 1] + seconds[steps / 2]) / 2;
        out->parameters = model_parameter_count(m);
        out->steps = steps;
        out->tokens_per_step = batch * seq_len;
        out->tokens_per_s = (double)out->tokens_per_step / median;
        out->fastest = seconds[0], out->slowest = seconds[steps - 1];
        out->flops = 3 * transformer_flops(m, (double)out->tokens_per_step, (double)(seq_len + 1) / 2) / median;
    }
    trainer_free(&t);
    loader_close(l);
    model_free_weights(m);
    return ok;
}

bool train_measure(const model_sizes *sizes, long batch, long seq_len, long steps, bool profile, train_measurement *out, error *err) {
    arena a = {0};
    *out = (train_measurement){0};
    const bool ok = measure(&a, sizes, batch, seq_len, steps, profile, out, err);
    arena_drop(&a);
    return ok;
}
