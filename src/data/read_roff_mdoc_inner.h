/* data/read_roff_mdoc_inner.h: what the files of the mdoc(7) reader share; nobody else includes it. A macro is a row: its name, how
 * it is parsed, the function that runs it, and what that prints. The rows stand beside their functions. */
#ifndef SOCLE_DATA_READ_ROFF_MDOC_INNER_H
#define SOCLE_DATA_READ_ROFF_MDOC_INNER_H
#include "data/read_roff_inner.h"

enum { MDOC_INDENT = 4, MDOC_MOST_INDENT = 40 };

typedef struct mdoc_call mdoc_call;
typedef struct mdoc_row {
    const char *name;
    bool callable, parsed; /* it may stand among a macro's words; its words may be macros */
    void (*run)(mdoc_call *c);
    const char *first, *second; /* what the macro prints: see the functions */
} mdoc_row;

/* A macro line on its way: words from `at` on are still to be read. */
struct mdoc_call {
    roff *r;
    mdoc_state *m;
    const mdoc_row *row;
    roff_arg arg[ROFF_MAX_ARGS];
    int n, end, at;  /* arg[end..n) are the delimiters that end the line */
    bool line_start; /* the macro is the line's first */
    bool joins;      /* the line ends in .Ns */
};

extern const mdoc_row mdoc_word_rows[], mdoc_block_rows[]; /* each sorted by name */
extern const int mdoc_n_word_rows, mdoc_n_block_rows;
void mdoc_run_item(mdoc_call *c);           /* .It */
void mdoc_run_reference_line(mdoc_call *c); /* %A, %T, ... */

typedef enum { DELIMITER_NONE, DELIMITER_OPEN, DELIMITER_MIDDLE, DELIMITER_CLOSE } delimiter;
delimiter mdoc_delimiter_of(const roff_arg *a);
void mdoc_put_arg(mdoc_call *c, const roff_arg *a);
const mdoc_row *mdoc_called(const mdoc_call *c, int i); /* the macro that the word calls, or NULL */
bool mdoc_has_word(const mdoc_call *c);                 /* a word that is neither macro nor delimiter is next */
void mdoc_put_leading(mdoc_call *c);                    /* delimiters that open stand before what the macro prints */
void mdoc_run_rest(mdoc_call *c);
void mdoc_put_enclosed(roff *r, const char *open, const char *text, const char *close);
const char *mdoc_word_text(mdoc_call *c, const roff_arg *a);
const char *mdoc_rest_text(mdoc_call *c, int end); /* the words up to `end`, joined by blanks */

void mdoc_indent_body(roff *r);
void mdoc_open_push(roff *r, mdoc_open o);
void mdoc_open_pop(roff *r);
bool mdoc_top_is(const roff *r, int kind);
void mdoc_close_all(roff *r); /* a section or item begins: nothing goes over it */
/* Closes the explicit block that `macro` ends, printing `with` or what was kept for it; false where none is open. */
bool mdoc_close_explicit(roff *r, const char *macro, const char *with);

#endif
