#include "serve/keys.h"

#include "base/file.h"

#include <string.h>
#include <strings.h>

bool keys_read(arena *owner, const char *path, key_list *out, error *err) {
    enum { MOST_BYTES = 1 << 20 };
    size_t n;
    char *text = file_read(owner, path, MOST_BYTES, &n, err);
    if (text == NULL) return false;
    *out = (key_list){.keys = NEW_ARRAY(owner, n + 1, const char *)};
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        line += strspn(line, " \t");
        size_t length = strlen(line);
        while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t')) line[--length] = 0;
        if (length > 0 && line[0] != '#') out->keys[out->n++] = line;
    }
    return out->n > 0 || fail(err, "%s: there is no key in it; write one on each line", path);
}

bool keys_allow(const key_list *k, const char *authorization) {
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0) return false;
    const char *given = authorization + 7;
    given += strspn(given, " ");
    const size_t n = strlen(given);
    unsigned found = 0;
    for (size_t i = 0; i < k->n; i++) { /* all of them, and all of each */
        const size_t length = strlen(k->keys[i]);
        unsigned differs = length != n;
        for (size_t b = 0; b < n; b++) differs |= (unsigned)((unsigned char)given[b] ^ (unsigned char)k->keys[i][b % length]);
        found |= differs == 0;
    }
    return found != 0;
}
