/* data/read_text.h: bytes of whatever encoding to UTF-8. */
#ifndef SOCLE_DATA_READ_TEXT_H
#define SOCLE_DATA_READ_TEXT_H
#include "base/arena.h"
#include "base/string.h"

/* Bytes of unknown encoding as UTF-8 with LF line ends: a byte order mark (UTF-8, UTF-16) decides, else UTF-8 where it is valid,
 * else Windows-1252. NULL where the limit of `owner` is met. */
char *text_to_utf8(arena *owner, const char *bytes, size_t n, size_t *out_n);
void text_from_windows_1252(const char *bytes, size_t n, string *out); /* appends */

#endif
