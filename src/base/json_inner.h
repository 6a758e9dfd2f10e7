/* base/json_inner.h: what only base/json*.c and json_simdjson.cc share. */
#ifndef SOCLE_BASE_JSON_INNER_H
#define SOCLE_BASE_JSON_INNER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TOKENS_DONE, TOKENS_EMPTY, TOKENS_BAD_UTF8, TOKENS_CONTROL, TOKENS_OPEN_STRING, TOKENS_TOO_LARGE, TOKENS_NO_MEMORY } tokens_result;

/* Where each token of a JSON text begins: brackets, ':' and ',', the first byte of scalars, the opening quote of strings.
 * Strings are known to be closed, valid UTF-8 and free of control characters; all else is unchecked. This is simdjson's first
 * stage (Langdale and Lemire 2019, arXiv:1902.08318). *token is valid until the next call on this thread, or json_tokens_end. */
tokens_result json_tokens(const char *text, size_t n, const uint32_t **token, size_t *n_token);
void json_tokens_end(void); /* gives a large text's tokens back */

#ifdef __cplusplus
}
#endif
#endif
