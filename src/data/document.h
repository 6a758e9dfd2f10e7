/* data/document.h: a document: what curation reads, judges and writes, one JSON object a line:
 *   {"id": ..., "text": ..., "source": ..., "metadata": {...}}
 * Every part lives in the arena that the document was read into. Fields that are not known here are kept and written back. */
#ifndef SOCLE_DATA_DOCUMENT_H
#define SOCLE_DATA_DOCUMENT_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"

typedef struct document_field {
    const char *key;
    const char *json; /* its value, as JSON text */
    size_t n;
} document_field;

typedef struct document_fields {
    document_field *field;
    int n, room;
} document_fields;

typedef struct document {
    const char *id;     /* never NULL once read */
    const char *source; /* the name of the source it came from; NULL: none */
    const char *text;   /* UTF-8; NULL: the line had none */
    size_t n;
    const char *html; /* of a line that has `html`; NULL else */
    size_t html_n;
    document_fields metadata, other;
} document;

enum { DOCUMENT_LIMIT = 64 << 20 }; /* bytes of a document as it is read, and of a line of JSON */

/* A line of JSON lines. `fallback` is the id where the line has none (NULL: then an id is needed). The line must be an object
 * with `text` or `html`, text; err says what is off. Bytes that are not UTF-8 become U+FFFD. */
bool document_parse(document *d, arena *owner, const char *line, size_t n, const char *fallback, error *err);
/* Appends the document as one line with its LF. */
void document_write(const document *d, string *out);

/* metadata.KEY = value, in place of an earlier one; false where the arena's limit is met. */
bool document_set_json(document *d, arena *owner, const char *key, const char *value, size_t n);
bool document_set_text(document *d, arena *owner, const char *key, const char *text);
bool document_set_number(document *d, arena *owner, const char *key, double x);
bool document_set_integer(document *d, arena *owner, const char *key, long x);
/* The value of metadata.KEY where it is text, as text in `owner`; NULL else. */
const char *document_get_text(const document *d, arena *owner, const char *key);
const document_field *document_get(const document *d, const char *key);

#endif
