/* A web page is outside bytes: any of them gives a text within the limits, or an error that says why not. */
#include "data/read_html.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 16 << 20};
    string out = {.limit = 1 << 20};
    error err = {0};
    html_page page;
    html_is_page((const char *)data, size);
    if (!html_to_text(&owner, (const char *)data, size, &out, &page, &err)) assert(err.text[0] != 0);
    else assert(out.length <= 1 << 20);
    string_drop(&out);
    arena_drop(&owner);
    return 0;
}
