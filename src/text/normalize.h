/* text/normalize.h: the normalizer: steps that change a text before it is cut into words, and where each byte came from.
 * Inner to text/. */
#ifndef SOCLE_TEXT_NORMALIZE_H
#define SOCLE_TEXT_NORMALIZE_H
#include "base/json.h"

enum { MOST_STEPS = 32 };

/* For each byte of a text that was made from another, the bytes [begin, end) that it came from. */
typedef struct origin_list {
    size_t *begin, *end; /* NULL where nobody asked */
    size_t n, room;
} origin_list;

typedef struct replacement { /* pattern empty: content goes before the whole text, unless that is empty (Prepend) */
    const char *pattern, *content;
    size_t n_pattern, n_content;
} replacement;

typedef struct normalizer {
    replacement step[MOST_STEPS];
    size_t n;
} normalizer;

/* Reads tokenizer.json's "normalizer" (NULL or null: none); what it keeps lives in `owner`. */
bool normalizer_read(normalizer *z, arena *owner, const json *v, error *err);
bool replacement_read(arena *owner, const json *v, replacement *r, error *err); /* a Replace, which decoders have too */
/* Whether normalize_text would leave text[0..n) as it is: a quick check that may say false where it would. */
bool normalizer_keeps(const normalizer *z, const char *text, size_t n);
/* Makes `out` (emptied first; `spare` is room for steps between) the normalized text[0..n). `origin` may be NULL; its memory is
 * in `owner`; positions count from `shift`. */
void normalize_text(const normalizer *z, const char *text, size_t n, string *out, string *spare, arena *owner, origin_list *origin, size_t shift);

/* Where `pattern` (not empty) stands in text[0..n), or NULL. */
const char *text_find(const char *text, size_t n, const char *pattern, size_t n_pattern);

#endif
