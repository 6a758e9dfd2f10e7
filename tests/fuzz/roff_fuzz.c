/* A manual page is outside bytes: any of them gives a text of valid UTF-8 within the limits, or an error that says why not. */
#include "data/read_roff.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 16 << 20};
    string out = {.limit = 1 << 20};
    error err = {0};
    roff_page page;
    roff_is_page((const char *)data, size);
    if (!roff_to_text(&owner, (const char *)data, size, NULL, &out, &page, &err)) assert(err.text[0] != 0);
    else assert(utf8_valid(string_chars(&out), out.length));
    if (page.name != NULL) assert(page.description != NULL && strlen(page.name) > 0);
    string_drop(&out);
    arena_drop(&owner);
    return 0;
}
