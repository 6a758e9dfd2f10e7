/* Any bytes as a GGUF file, and the vocabulary in it as a tokenizer. */
#include "base/log.h"
#include "tensor/gguf.h"
#include "text/tokenizer.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const gguf *file, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < gguf_count(file); i++) {
        const gguf_value *v = gguf_at(file, i);
        int64_t x;
        double y;
        assert(gguf_find(file, gguf_key(file, i)) == v);
        if (v->n > 0) gguf_integer(v, v->n - 1, &x), gguf_number(v, v->n - 1, &y);
        gguf_texts texts;
        const char *text;
        size_t n;
        if (gguf_texts_start(&texts, v))
            while (gguf_texts_next(&texts, &text, &n)) assert((const uint8_t *)text >= data && (const uint8_t *)text + n <= data + size);
    }
    for (size_t i = 0; i < gguf_tensor_count(file); i++) {
        const gguf_tensor *t = gguf_tensor_at(file, i);
        assert((const uint8_t *)t->data >= data && (const uint8_t *)t->data + t->bytes <= data + size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 64 << 20};
    error err = {0};
    log_set_level(LOG_QUIET);
    const gguf *file = gguf_parse(&owner, data, size, &err);
    if (file == NULL) assert(err.text[0] != 0);
    else {
        walk(file, data, size);
        err = (error){0};
        const tokenizer *t = tokenizer_parse_any(&owner, data, size, &(tokenizer_load_options){0}, &err);
        id_list ids = {0};
        static const char text[] = "ab <s>  don't \xff\xf0\x9f\x98\x80 123";
        if (t == NULL) assert(err.text[0] != 0);
        else tokenizer_encode(t, NULL, text, sizeof text - 1, 0, &ids, &err);
        id_list_drop(&ids);
    }
    arena_drop(&owner);
    return 0;
}
