/* A random model, small enough for a test: 2 layers of 4 heads over 2, 61 tokens. */
#ifndef SOCLE_TESTS_INFER_TINY_MODEL_H
#define SOCLE_TESTS_INFER_TINY_MODEL_H
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>

static inline model *tiny_model(arena *owner, long max_position) {
    const model_sizes sizes = {.family = "llama",
                               .vocab_size = 61,
                               .n_layer = 2,
                               .n_head = 4,
                               .n_kv_head = 2,
                               .hidden_size = 32,
                               .intermediate_size = 48,
                               .max_position = max_position,
                               .tied = true,
                               .bos_id = 1,
                               .eos_id = 2};
    error err = {0};
    json *config = model_config_of_sizes(owner, &sizes, &err);
    model *m = config != NULL ? model_describe_json(owner, config, "tiny", &err) : NULL;
    if (m == NULL || !model_allocate(m, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    m->init_std = (real)0.3; /* so that the answers are not all alike */
    model_initialise(m, 11);
    return m;
}

#endif
