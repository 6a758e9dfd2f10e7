#include "api/openai.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The first byte's lowest bit chooses the endpoint. What is refused says why; what is accepted keeps every bound. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    arena owner = {.limit = 1 << 20};
    api_request r;
    api_error e = {0};
    if (!api_request_read(&owner, data[0] & 1, (const char *)data + 1, size - 1, &r, &e)) {
        assert(e.status >= 400 && e.message[0] != 0 && e.type != NULL);
        string text = {0};
        api_write_error(&text, &e);
        assert(utf8_valid(string_chars(&text), text.length));
        string_drop(&text);
    } else {
        const sampling plain = sampling_plain(), s = api_request_sampling(&r, &plain);
        error err = {0};
        assert(r.model != NULL && r.n >= 1 && r.n <= API_CHOICES && r.n_stop <= API_STOPS && r.max_tokens >= -1);
        assert(r.chat ? r.messages.n > 0 : r.n_prompt > 0 && r.n_prompt * (size_t)r.n <= API_CHOICES);
        assert(sampling_check(&s, (long)INT32_MAX + 1, &err));
        for (size_t i = 0; i < r.n_stop; i++) assert(r.stops[i][0] != 0);
        for (size_t i = 0; i < r.n_prompt; i++)
            for (size_t k = 0; r.prompts[i].ids != NULL && k < r.prompts[i].n; k++) assert(r.prompts[i].ids[k] >= 0);
    }
    arena_drop(&owner);
    return 0;
}
