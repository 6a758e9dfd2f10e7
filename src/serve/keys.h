/* serve/keys.h: the keys that a server takes. Inner to this room. */
#ifndef SOCLE_SERVE_KEYS_H
#define SOCLE_SERVE_KEYS_H
#include "base/arena.h"
#include "base/error.h"

typedef struct key_list {
    const char **keys;
    size_t n;
} key_list;

/* One key a line; blank lines and lines that begin with '#' are none. A file without a key is an error. */
bool keys_read(arena *owner, const char *path, key_list *out, error *err);
/* Whether the value of an Authorization header ("Bearer KEY"; NULL: none was sent) has one of the keys. The time it takes tells
 * nothing about the keys beyond their lengths. */
bool keys_allow(const key_list *k, const char *authorization);

#endif
