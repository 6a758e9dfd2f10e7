/* Any bytes as a chat template, and behind a zero byte as the JSON of its input. What is compiled is rendered twice: the same text,
 * a mark for each byte, and where it fails an error that says why. */
#include "text/chat_template.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \" a<s>\\u00e9 \\n\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": "
    "[{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": [1, 2.5, true, \"y\"]}}}]}], \"tools\": [{\"name\": \"f\"}], \"n\": 3}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 8 << 20};
    error err = {0};
    const char *text = (const char *)data, *input = sample;
    const char *zero = size > 0 ? memchr(text, 0, size) : NULL;
    const size_t n = zero != NULL ? (size_t)(zero - text) : size;
    size_t n_input = sizeof sample - 1;
    if (zero != NULL) input = zero + 1, n_input = size - n - 1;
    const chat_template *t = chat_template_compile(&owner, text, n, &err);
    assert((t == NULL) == (err.text[0] != 0));
    const json *variables = t != NULL ? json_parse(&owner, input, n_input, &err) : NULL;
    if (variables != NULL) {
        const chat_template_input in = {.variables = variables, .bos_token = "<s>", .now = 0};
        string first = {0}, again = {0}, marks = {0};
        error_clear(&err);
        const bool ok = chat_template_render(t, &in, &first, &marks, &err);
        assert(ok == (err.text[0] == 0) && first.length == marks.length);
        for (size_t i = 0; i < marks.length; i++) assert((unsigned char)marks.data[i] <= (TEMPLATE_MARKUP | TEMPLATE_GENERATION));
        assert(chat_template_render(t, &in, &again, NULL, NULL) == ok);
        assert(first.length == again.length && memcmp(string_chars(&first), string_chars(&again), first.length) == 0);
        string_drop(&first);
        string_drop(&again);
        string_drop(&marks);
    }
    arena_drop(&owner);
    return 0;
}
