/* data/read_roff.h: manual pages to text: a reader of man(7) and mdoc(7), with the part of the roff language, of tbl(7) and of
 * the special characters that they use. The words are those that `mandoc -T utf8` prints (title and bottom line left out); the
 * layout is for models, not for terminals: a paragraph is one line, headings stand alone, bodies of tagged paragraphs are
 * indented by four blanks. Equations are passed over. References: groff(7), groff_man(7), mandoc_char(7), mdoc(7), tbl(1). */
#ifndef SOCLE_DATA_READ_ROFF_H
#define SOCLE_DATA_READ_ROFF_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"

/* What stands behind `.so name`: the page's bytes (already unpacked) in `owner`; NULL where there is none. */
typedef struct roff_include {
    const char *(*find)(void *context, arena *owner, const char *name, size_t *n);
    void *context;
} roff_include;

typedef struct roff_page {
    const char *title;       /* of .TH or .Dt: "LS"; NULL where there is none */
    const char *section;     /* "1" */
    const char *name;        /* the first name of the NAME section: "ls"; NULL where there is none */
    const char *description; /* what stands behind the dash there: "list directory contents"; NULL where there is none */
} roff_page;

/* Appends the page's text to `out`; what `page` points at lives in `owner`. Bytes are UTF-8 or, where they are not, Latin-1.
 * `include` may be NULL. Any input gives a text; false only where a limit is met (owner's, out's, or the steps that a page's
 * macros may take), which err names. */
bool roff_to_text(arena *owner, const char *bytes, size_t n, const roff_include *include, string *out, roff_page *page, error *err);

/* Whether the bytes look like a manual page: the first line that is no comment is a request or macro such as .TH, .Dd, .so, .de. */
bool roff_is_page(const char *bytes, size_t n);

/* Splits a line such as "ls, dir - list directory contents" (or with a longer dash): the first name, and the description.
 * False where there is no dash with a name before and words behind it. Results live in `owner`. */
bool roff_name_line(arena *owner, const char *line, size_t n, const char **name, const char **description);

#endif
