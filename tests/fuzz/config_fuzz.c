#include "model/model.h"

#include <assert.h>
#include <stdint.h>

/* A config.json that is accepted describes a model whose sizes can be computed with. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 4 << 20};
    error err = {0};
    json *config = json_parse(&owner, (const char *)data, size, &err);
    const model *m = config == NULL ? NULL : model_describe_json(&owner, config, "fuzz", &err);
    assert((m == NULL) == (err.text[0] != 0));
    if (m != NULL) {
        size_t bytes = 0;
        assert(m->n_layer > 0 && m->vocab_size > 0 && m->head != NULL && m->embed != NULL && m->final_norm != NULL);
        for (int i = 0; i < m->n_parameter; i++) {
            const parameter *p = m->parameters[i];
            assert(p->value.rows > 0 && p->value.dim > 0 && p->value.data == NULL && p->part_first < p->part_total);
            assert(!__builtin_add_overflow(bytes, tensor_bytes(p->value), &bytes));
        }
        assert(model_parameter_count(m) > 0 && (size_t)model_parameter_count(m) <= bytes / sizeof(real));
        for (long i = 0; i < m->n_layer; i++) {
            const layer *l = &m->layers[i];
            assert(l->q != NULL && l->o != NULL && l->down != NULL && l->n_head % l->n_kv_head == 0 && l->head_dim > 0 && l->attention_scale > 0);
        }
        for (int i = 0; i < m->n_eos; i++) assert(m->eos_ids[i] >= 0 && m->eos_ids[i] < m->vocab_size);
        assert(m->bos_id >= -1 && m->bos_id < m->vocab_size);
    }
    arena_drop(&owner);
    return 0;
}
