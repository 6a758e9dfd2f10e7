#include "eval/kind.h"

#include "base/file.h"
#include "base/json.h"

#include <string.h>

static bool ends_with(const char *text, size_t n, const char *end) {
    const size_t n_end = strlen(end);
    return n >= n_end && memcmp(text + n - n_end, end, n_end) == 0;
}

static bool is_json_lines(const char *path) {
    size_t n = strlen(path);
    if (ends_with(path, n, ".gz")) n -= 3;
    else if (ends_with(path, n, ".zst")) n -= 4;
    return ends_with(path, n, ".jsonl") || ends_with(path, n, ".ndjson") || ends_with(path, n, ".json");
}

bool eval_kind_of(const char *path, eval_kind *out, error *err) {
    static const struct {
        const char *key;
        eval_kind kind;
    } keys[] = {{"messages", EVAL_PAIRS}, {"conversations", EVAL_PAIRS}, {"prompt", EVAL_PAIRS}, {"text", EVAL_TEXT}};
    *out = EVAL_TEXT;
    if (!is_json_lines(path)) return true;
    file_reader *in = file_reader_open(path, err);
    if (in == NULL) return false;
    arena scratch = {0};
    const char *line = "";
    size_t n = 0;
    while (file_reader_line(in, (size_t)256 << 20, &line, &n, err) && (n == 0 || (n == 1 && line[0] == '\r'))) n = 0;
    bool ok = false;
    if (err->text[0] != 0) ok = false; /* the reader's */
    else if (n == 0) fail(err, "%s: is empty: there is nothing to score", path);
    else {
        const json *first = json_parse(&scratch, line, n, err);
        if (first == NULL) fail(err, "%s: its first line is no JSON object, and one a line is wanted", path);
        for (size_t i = 0; first != NULL && !ok && i < COUNT(keys); i++)
            if (json_get(first, keys[i].key) != NULL) *out = keys[i].kind, ok = true;
        if (first != NULL && !ok) fail(err, "%s: its first line has no `text`, `messages`, `conversations` or `prompt`", path);
    }
    arena_drop(&scratch);
    file_reader_close(in);
    return ok;
}
