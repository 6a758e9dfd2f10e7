/* Folders for tests of the server: a random model that converses, and adapters over it. */
#ifndef SOCLE_TESTS_SERVE_FOLDERS_H
#define SOCLE_TESTS_SERVE_FOLDERS_H
#include "base/random.h"
#include "data/chat_form.h"
#include "eval/byte_tokenizer.h"
#include "model/adapter.h"

static inline void must(bool ok, const error *err) {
    if (ok) return;
    fprintf(stderr, "%s\n", err->text);
    abort();
}

static inline model *random_model(arena *a) {
    const model_sizes sizes = {.family = "llama",
                               .vocab_size = BYTE_VOCAB,
                               .n_layer = 2,
                               .n_head = 4,
                               .n_kv_head = 2,
                               .hidden_size = 32,
                               .intermediate_size = 48,
                               .max_position = 256,
                               .tied = true,
                               .bos_id = BYTE_BOS,
                               .eos_id = BYTE_END};
    error err = {0};
    json *config = model_config_of_sizes(a, &sizes, &err);
    model *m = config != NULL ? model_describe_json(a, config, "base", &err) : NULL;
    must(m != NULL && model_allocate(m, &err), &err);
    m->init_std = (real)0.3;
    model_initialise(m, 5);
    return m;
}

static inline void make_base(const char *folder, const char *jinja) {
    arena a = {0};
    error err = {0};
    model *m = random_model(&a);
    must(folder_make(folder, &err) && model_save(m, folder, &err), &err);
    tokenizer *t = byte_tokenizer(&a, true, &err);
    must(t != NULL && tokenizer_save(t, folder, jinja, &err), &err);
    model_free_weights(m);
    arena_drop(&a);
}

/* A LoRA adapter of this rank whose change is large enough to be seen. */
static inline void make_adapter(const char *folder, long rank, uint64_t seed) {
    static const char *targets[] = {"q_proj", "v_proj"};
    arena a = {0};
    error err = {0};
    adapter_config c;
    model *m = random_model(&a);
    must(adapter_config_make(&a, rank, (double)(4 * rank), 0, targets, 2, &c, &err), &err);
    must(bank_new(m, &c, 1, 1, &err) != NULL && bank_initialise(m, 0, &c, seed, &err), &err);
    random_stream r = random_start(seed, 0);
    for (int i = 0; i < m->bank->n_module; i++) {
        const tensor b = m->bank->modules[i].b;
        for (long k = 0; k < shape_values(b.shape); k++) ((real *)b.data)[k] = (real)(0.3 * random_normal(&r));
    }
    must(folder_make(folder, &err) && bank_save(m, 0, &c, "base", folder, &err), &err);
    model_free_weights(m);
    arena_drop(&a);
}

#endif
