#include "tensor/safetensors.h"

#include <assert.h>
#include <string.h>

/* What is refused says why; what is accepted holds: values lie in the file, one behind another, and are all of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 1 << 20};
    error err = {0};
    const safetensors *file = safetensors_parse(&owner, data, size, &err);
    assert((file == NULL) == (err.text[0] != 0));
    const char *at = NULL;
    for (size_t i = 0; file != NULL && i < safetensors_count(file); i++) {
        const safetensors_entry *e = safetensors_at(file, i);
        const char *values = e->value.data;
        assert(safetensors_find(file, e->name) == e);
        assert(at == NULL || values == at);
        assert((uintptr_t)values >= (uintptr_t)data && tensor_bytes(e->value) <= size - (size_t)(values - (const char *)data));
        at = values + tensor_bytes(e->value);
        const long n = shape_values(e->value.shape);
        real last;
        if (n > 0) values_to_real(e->value.type, at - dtype_bytes(e->value.type), &last, 1);
    }
    assert(at == NULL || at == (const char *)data + size);
    arena_drop(&owner);
    return 0;
}
