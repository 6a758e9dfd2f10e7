/* eval/kind.h: what a FILE to evaluate on holds. */
#ifndef SOCLE_EVAL_KIND_H
#define SOCLE_EVAL_KIND_H
#include "base/error.h"

typedef enum { EVAL_TEXT, EVAL_PAIRS } eval_kind;

/* By name and content: JSON lines (.jsonl, .ndjson, .json; .gz, .zst behind it) are told by their first line, texts by `text`,
 * pairs by `messages`, `conversations` or `prompt`; anything else is text. Fails where the first line is none of these. */
bool eval_kind_of(const char *path, eval_kind *out, error *err);

#endif
