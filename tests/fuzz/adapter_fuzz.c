#include "model/adapter.h"

#include <assert.h>
#include <string.h>

static const char *const bases[] = {
    "{\"model_type\":\"llama\",\"hidden_size\":8,\"num_attention_heads\":2,\"num_hidden_layers\":2,\"vocab_size\":5,\"intermediate_size\":6}",
    "{\"model_type\":\"gpt2\",\"n_embd\":8,\"n_head\":2,\"n_layer\":2,\"vocab_size\":5,\"n_positions\":4}",
};

/* An adapter_config.json that is accepted either fits a model, with ranks that the bank holds, or is refused with a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 4 << 20};
    error err = {0};
    adapter_config c;
    const bool ok = adapter_config_parse(&owner, (const char *)data, size, &c, &err);
    assert(ok == (err.text[0] == 0));
    for (size_t i = 0; ok && i < COUNT(bases); i++) {
        arena of_model = {0};
        err = (error){0};
        model *m = model_describe_json(&of_model, json_parse(&of_model, bases[i], strlen(bases[i]), NULL), "base", &err);
        assert(m != NULL);
        const adapter_bank *bank = bank_new(m, &c, 1, 1, &err);
        assert((bank == NULL) == (err.text[0] != 0));
        if (bank != NULL) {
            assert(bank->n_module > 0 && bank->rank >= 1 && bank_initialise(m, 0, &c, 1, &err));
            assert(bank_parameter_count(bank, 0) > 0);
        }
        model_free_weights(m);
        arena_drop(&of_model);
    }
    arena_drop(&owner);
    return 0;
}
