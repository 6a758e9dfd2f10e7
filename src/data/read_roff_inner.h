/* data/read_roff_inner.h: what the parts of the roff reader share; nobody else includes it.
 *   read_roff.c          the page: input lines, text lines, output
 *   read_roff_request.c  requests: definitions, conditions, registers
 *   read_roff_escape.c   escapes: what is replaced in a line before it is looked at, and what prints; numbers
 *   read_roff_char.c     tables of special characters and predefined strings
 *   read_roff_man.c, read_roff_mdoc.c and its files, read_roff_table.c    the macro packages, and tables */
#ifndef SOCLE_DATA_READ_ROFF_INNER_H
#define SOCLE_DATA_READ_ROFF_INNER_H
#include "base/hash.h"
#include "data/read_roff.h"

enum { ROFF_MAX_DEPTH = 64, ROFF_MAX_STEPS = 2000000, ROFF_MAX_ARGS = 256, ROFF_MAX_LINE = 1 << 20, ROFF_MAX_CONDITIONS = 128 };

/* Where lines come from: the page, an included page, the body of a macro or of a loop. */
typedef struct roff_source roff_source;
struct roff_source {
    const char *text;
    size_t n, at;
    const char **arg; /* a macro's arguments; arg[0] is its name */
    int n_arg;
    bool is_macro, is_included;
    roff_source *below;
};

typedef struct roff_text { /* the value of a string, or the body of a macro */
    const char *text;
    size_t n;
    bool is_macro;
} roff_text;

typedef struct roff_arg {
    const char *text;
    size_t n;
    bool quoted;
} roff_arg;

/* The text being made. A word is set off by a blank unless nospace; a line begins with `indent` blanks. */
typedef struct roff_out {
    string *text;
    size_t start; /* where this page begins in it */
    int indent;
    bool fill;     /* false: each input line is an output line, blanks kept */
    bool at_start; /* nothing is on the current line yet */
    bool nospace, never_space;
    bool blank;   /* an empty line is wanted before the next text */
    bool heading; /* the line before is a heading: no empty line behind it */
} roff_out;

typedef enum { ROFF_PLAIN, ROFF_MAN, ROFF_MDOC } roff_package;

enum { ROFF_MAX_NEST = 64 };
typedef struct man_state {
    int depth, saved_hang[ROFF_MAX_NEST]; /* .RS levels, and what each interrupted */
    int hang;                             /* 1: body of a tagged paragraph */
    bool tag_wait;                        /* the next line is a tag (.TP) */
    bool heading_wait;                    /* the next line is a heading (.SH, .SS without words) */
    const char *link;                     /* address of an open .UR or .MT */
} man_state;

typedef enum { LIST_ITEM, LIST_BULLET, LIST_DASH, LIST_ENUM, LIST_TAG, LIST_HANG, LIST_OHANG, LIST_INSET, LIST_DIAG, LIST_COLUMN } mdoc_list_type;

/* What is open: a list, a display, an enclosure over lines (explicit), or one that ends with its line (implicit). */
typedef struct mdoc_open {
    enum { OPEN_EXPLICIT, OPEN_LINE, OPEN_HEAD, OPEN_DISPLAY_LINE } kind;
    const char *macro; /* the macro that closes an explicit one */
    const char *close; /* what is printed at its end */
} mdoc_open;

typedef struct mdoc_list {
    mdoc_list_type type;
    long count; /* of -enum */
    bool compact;
    int indent;
} mdoc_list;

typedef struct mdoc_reference { /* one line of an .Rs block */
    char letter;
    const char *text;
} mdoc_reference;

typedef struct mdoc_state {
    const char *name; /* what .Nm without words prints */
    bool synopsis, authors, name_section, see_also;
    mdoc_open open[ROFF_MAX_NEST];
    int n_open;
    mdoc_list list[ROFF_MAX_NEST];
    int n_list;
    struct {
        bool fill;
        int indent;
    } display[ROFF_MAX_NEST];
    int n_display;
    bool in_function;                         /* between .Fo and .Fc */
    int n_argument;                           /* .Fa seen there */
    const char *enclose_open, *enclose_close; /* of .Es */
    bool in_reference;
    mdoc_reference reference[ROFF_MAX_NEST];
    int n_reference;
} mdoc_state;

typedef struct roff_table roff_table;

typedef struct roff {
    arena *owner;
    const roff_include *include;
    roff_source *source;
    int depth;  /* of the stack of sources */
    long steps; /* lines and expansions so far: bounded, so that no page runs for ever */
    bool failed;
    error *err;

    map *names;     /* strings and macros: name -> roff_text * */
    map *renames;   /* what .als and .rn made of built-in macros: name -> const char * */
    map *registers; /* name -> value */
    map *steps_of;  /* name -> step of \n+x */
    map *printed;   /* .tr, .char: character or escape -> roff_text * */
    char control, control2, escape;
    bool condition[ROFF_MAX_CONDITIONS]; /* results of .ie that wait for their .el */
    int n_condition;
    int braces;      /* open \{ of true conditions */
    bool leave;      /* .break */
    long trap_lines; /* .it: lines left, and the macro */
    const char *trap;

    roff_package package;
    roff_out out;
    bool continued; /* the text ended in \c */
    int rendering;  /* calls of roff_render inside one another */
    string line, rendered, parts;
    man_state man;
    mdoc_state mdoc;
    roff_table *table;
    bool in_equation;

    roff_page *page;
    int n_heading;
    size_t name_start, name_end; /* of the NAME section's text, in out.text */
} roff;

/* read_roff.c */
bool roff_stop(roff *r, const char *why); /* a limit is met: nothing goes on; always false */
void roff_push(roff *r, const char *text, size_t n, const char **arg, int n_arg, bool is_macro);
bool roff_next_line(roff *r, const char **line, size_t *n); /* comments off, continued lines joined; of the top source alone */
void roff_run(roff *r, const roff_source *floor);           /* all lines above `floor` */
void roff_run_line(roff *r, const char *line, size_t n);    /* one line, before expansion */
void roff_text_line(roff *r, const char *text, size_t n);
int roff_split(roff *r, const char *text, size_t n, roff_arg *arg, int room, bool tabs); /* a macro's arguments */
void roff_heading(roff *r);                                                              /* a section's heading begins */
void roff_package_line(roff *r, bool was_text);                                          /* what the macro package does when a line is over */

void roff_put(roff *r, const char *utf8, size_t n); /* a word, or words */
void roff_put_text(roff *r, const char *utf8);
void roff_put_raw(roff *r, const char *raw, size_t n); /* the same, escapes rendered */
void roff_join(roff *r);                               /* no blank before the next word */
void roff_break(roff *r);
void roff_blank(roff *r);

/* read_roff_escape.c */
const char *roff_expand(roff *r, const char *line, size_t n, size_t *expanded); /* \* \n \$ \w ... replaced; in owner */
void roff_render(roff *r, const char *raw, size_t n, string *out);              /* what prints, as UTF-8 */
size_t roff_escape_end(const char *text, size_t n, size_t at);                  /* behind the escape that begins at text[at] */
bool roff_number(const char *text, size_t n, size_t *at, long *value);          /* an expression of troff */
long roff_register(roff *r, const char *name, size_t n);
void roff_set_register(roff *r, const char *name, size_t n, long value);
roff_text *roff_find(roff *r, const char *name, size_t n); /* a string or macro; NULL: none */

/* read_roff_request.c: true where the name is a request, which is then done */
bool roff_request(roff *r, const char *name, size_t name_n, const char *rest, size_t n);
bool roff_raw_request(roff *r, const char *name, size_t name_n, const char *rest, size_t n); /* those that want the line as it is */

/* read_roff_char.c: NULL: none of that name */
const char *roff_character(const char *name, size_t n);
const char *roff_predefined(const char *name, size_t n);

/* The macro packages: true where the name is one of theirs, which is then done. */
bool man_macro(roff *r, const char *name, size_t name_n, const char *rest, size_t n);
void man_line_done(roff *r, bool was_text);
bool mdoc_macro(roff *r, const char *name, size_t name_n, const char *rest, size_t n);
void mdoc_line_done(roff *r, bool was_text);
void mdoc_finish(roff *r);
const char *mdoc_standard(const char *name); /* .St */
const char *mdoc_library(const char *name);  /* .Lb */
const char *mdoc_att(const char *name);      /* .At */

/* read_roff_table.c: .TS begins one, each line goes to it, .TE prints it. */
void table_begin(roff *r);
void table_line(roff *r, const char *line, size_t n);
void table_end(roff *r);

#endif
