#include "base/options.h"
#include "base/yaml.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* What is accepted is written and read back to the same JSON; a table of options takes or refuses it, with a word. */
static void check(const json *v, int block_depth) {
    arena again = {0};
    error err = {0};
    string yaml = {.limit = 1 << 20}, first = {.limit = 1 << 20}, second = {.limit = 1 << 20};
    yaml_write(&yaml, v, block_depth);
    json_value(&(json_writer){.out = &first}, v);
    if (!yaml.overflow && !first.overflow) {
        const json *back = yaml_parse(&again, string_chars(&yaml), yaml.length, &err);
        assert(back != NULL);
        json_value(&(json_writer){.out = &second}, back);
        assert(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    }
    string_drop(&yaml);
    string_drop(&first);
    string_drop(&second);
    arena_drop(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 1 << 20};
    error err = {0};
    const json *v = yaml_parse(&owner, (const char *)data, size, &err);
    assert((v == NULL) == (err.text[0] != 0));
    if (v != NULL) {
        bool flag = false;
        long whole = 0;
        double real = 0;
        const char *text = NULL;
        const json *list = NULL;
        const option options[] = {
            {"flag", 0, OPT_FLAG, &flag, .help = ""}, {"a.n", 0, OPT_INT, &whole, .help = "", .least = -5, .most = 1e12},
            {"a.x", 0, OPT_REAL, &real, .help = ""},  {"text", 0, OPT_TEXT, &text, .help = ""},
            {"list", 0, OPT_LIST, &list, .help = ""}, {0},
        };
        assert(options_from_tree(options, v, "file", &owner, &err) == (err.text[0] == 0));
        check(v, (int)(size % 4));
    }
    arena_drop(&owner);
    return 0;
}
