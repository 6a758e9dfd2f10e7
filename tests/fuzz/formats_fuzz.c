/* Any bytes as a tokenizer in one of the formats that are told by content (SentencePiece, tiktoken's ranks, llama2.c,
 * vocab.txt); where it is taken, a text is encoded and decoded with it. */
#include "base/log.h"
#include "text/tokenizer.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] = "ab a\xe2\x96\x81\142 <s>  don't\n\n 123 \xff\xf0\x9f\x98\x80 aaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    arena owner = {.limit = 64 << 20};
    error err = {0};
    log_set_level(LOG_QUIET);
    /* with a pattern, or else there is a warning for every vocabulary that has none; those that have one refuse it */
    const tokenizer *t = tokenizer_parse_any(&owner, data, size, &(tokenizer_load_options){"gpt2"}, &err);
    if (t == NULL) err = (error){0}, t = tokenizer_parse_any(&owner, data, size, &(tokenizer_load_options){0}, &err);
    if (t == NULL) assert(err.text[0] != 0);
    else {
        id_list ids = {0};
        string out = {0};
        tokenizer_encode(t, NULL, text, sizeof text - 1, TOKENIZER_ADD_SPECIAL | TOKENIZER_OFFSETS, &ids, &err);
        for (size_t i = 0; i < ids.n; i++) assert(tokenizer_token(t, ids.id[i], NULL) != NULL && ids.end[i] < sizeof text);
        tokenizer_decode(t, ids.id, ids.n, false, &out);
        string_drop(&out);
        id_list_drop(&ids);
    }
    arena_drop(&owner);
    return 0;
}
