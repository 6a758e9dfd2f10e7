/* A regular expression and a text, divided by a line feed: whatever they are, matches lie in order within the text. */
#include "text/pattern.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0;
    const uint8_t *line = memchr(data, '\n', size);
    const size_t n = line != NULL ? (size_t)(line - data) : size;
    arena owner = {.limit = 16 << 20};
    error err = {0};
    const pattern *p = pattern_compile(&owner, (const char *)data, n, &err);
    if (p == NULL) assert(err.text[0] != 0);
    else {
        const char *text = (const char *)data + (line != NULL ? n + 1 : n);
        const size_t n_text = size - (size_t)(text - (const char *)data);
        pattern_search s = pattern_search_start(p, text, n_text);
        size_t begin, end, last = 0;
        while (pattern_search_next(&s, &begin, &end)) {
            assert(begin >= last && end >= begin && end <= n_text);
            last = end;
        }
        pattern_search_end(&s);
    }
    arena_drop(&owner);
    return 0;
}
