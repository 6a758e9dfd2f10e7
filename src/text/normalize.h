/* text/normalize.h: the normalizer: steps that change a text before it is cut into words, and where each byte came from. They are
 * those of Hugging Face `tokenizers`, character by character, offsets included. Inner to text/.
 * A byte that is no part of a valid UTF-8 character stays as it is, whatever the step. */
#ifndef SOCLE_TEXT_NORMALIZE_H
#define SOCLE_TEXT_NORMALIZE_H
#include "base/json.h"

/* For each byte of a text that was made from another, the bytes [begin, end) that it came from: those of a text below 2 GiB. */
typedef struct byte_origin {
    uint32_t begin, end;
} byte_origin;
typedef struct origin_list {
    byte_origin *byte;
    size_t n, room;
    arena memory;       /* that `byte` is all of */
    byte_origin *spare; /* normalize_text's, for steps between */
    size_t spare_room;
    arena spare_memory;
} origin_list;
void origin_list_reserve(origin_list *o, size_t more); /* an exhausted machine ends the program, as for a string */
void origin_list_drop(origin_list *o);

typedef struct normalizer {
    struct normalize_step *step;
    size_t n;
} normalizer;

/* Reads tokenizer.json's "normalizer" (NULL or null: none); what it keeps lives in `owner`. */
bool normalizer_read(normalizer *z, arena *owner, const json *v, error *err);
/* Whether normalize_text would leave text[0..n) as it is: a quick check that may say false where it would. */
bool normalizer_keeps(const normalizer *z, const char *text, size_t n);
/* Makes `out` (emptied first; `spare` is room for steps between) the normalized text[0..n). `origin` may be NULL;
 * positions count from `shift`, and are those of whole characters; a character that came from nothing has an empty stretch at the
 * text's beginning. false: a pattern needed more steps on this text than it may take, or the text became more than 64 times as
 * long and 1 MiB; `out` is not what it should be then. */
bool normalize_text(const normalizer *z, const char *text, size_t n, string *out, string *spare, origin_list *origin, size_t shift);

/* Appends what decides how a text is normalized: for digests. */
void normalizer_digest(const normalizer *z, string *out);

#endif
