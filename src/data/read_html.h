/* data/read_html.h: the main text of a web page. Headings, paragraphs, lists, tables and preformatted text stay; navigation,
 * headers, footers, scripts and blocks that are mostly links go. libxml2's HTML parser reads any page, however broken. */
#ifndef SOCLE_DATA_READ_HTML_H
#define SOCLE_DATA_READ_HTML_H
#include "base/arena.h"
#include "base/error.h"
#include "base/string.h"

typedef struct html_page {
    const char *title;    /* of <title>, blanks single; NULL where there is none */
    const char *language; /* of <html lang>; NULL where there is none */
} html_page;

/* Appends the text to `out`: a paragraph, heading or list item is one line, blocks are set apart by an empty line, cells of a
 * table by tabs. What `page` (may be NULL) points at lives in `owner`. The encoding is what the page declares, else UTF-8
 * where the bytes are, else Windows-1252. False where a limit is met or libxml2 gives up. */
bool html_to_text(arena *owner, const char *bytes, size_t n, string *out, html_page *page, error *err);

/* Whether the bytes look like a page: a doctype, <html> or <head> near their beginning. */
bool html_is_page(const char *bytes, size_t n);

#endif
