/* The mdoc(7) macros. A line is a row of words, some of which are macros in turn. Fonts are not shown, so most macros are their
 * words, set with the language's rule for delimiters: no blank before . , : ; ) ] ? ! nor behind ( [ where they stand alone.
 * What encloses the rest of a line (Op, Dq, ...) is closed at its end, before the delimiters that end the line; what encloses
 * several lines (Oo Oc, Xo Xc, ...) keeps what was open on its line open too. */
#include "data/read_roff_inner.h"

#include <string.h>

enum { INDENT = 4, MOST_INDENT = 40 };

typedef struct mdoc_call mdoc_call;
typedef struct mdoc_row {
    const char *name;
    bool callable, parsed;
    void (*run)(mdoc_call *c);
    const char *first, *second; /* what the macro prints: see the functions */
} mdoc_row;

struct mdoc_call {
    roff *r;
    mdoc_state *m;
    const mdoc_row *row;
    roff_arg arg[ROFF_MAX_ARGS];
    int n, end, at;  /* arg[end..n) are the delimiters that end the line */
    bool line_start; /* the macro is the line's first */
    bool joins;      /* the line ends in .Ns */
};

static const mdoc_row *find_row(const char *name, size_t n);

/* ---- delimiters and words ---- */

typedef enum { DELIMITER_NONE, DELIMITER_OPEN, DELIMITER_MIDDLE, DELIMITER_CLOSE } delimiter;

static delimiter delimiter_quoted(const roff_arg *a) { /* whether or not quotes stand around it */
    if (a->n == 2 && memcmp(a->text, "\\.", 2) == 0) return DELIMITER_CLOSE;
    if (a->n != 1) return DELIMITER_NONE;
    if (a->text[0] != 0 && strchr("([", a->text[0]) != NULL) return DELIMITER_OPEN;
    if (a->text[0] == '|') return DELIMITER_MIDDLE;
    return a->text[0] != 0 && strchr(".,:;)]?!", a->text[0]) != NULL ? DELIMITER_CLOSE : DELIMITER_NONE;
}

static delimiter delimiter_of(const roff_arg *a) {
    return a->quoted ? DELIMITER_NONE : delimiter_quoted(a);
}

static void put_arg(mdoc_call *c, const roff_arg *a) {
    const delimiter d = delimiter_of(a);
    if (d == DELIMITER_CLOSE) roff_join(c->r);
    roff_put_raw(c->r, a->text, a->n);
    if (d == DELIMITER_OPEN) roff_join(c->r);
}

/* The macro that the word calls, where it is one. */
static const mdoc_row *called(const mdoc_call *c, int i) {
    if (i >= c->end || c->arg[i].quoted || !c->row->parsed) return NULL;
    const mdoc_row *row = find_row(c->arg[i].text, c->arg[i].n);
    return row != NULL && row->callable ? row : NULL;
}

/* A word that is neither macro nor delimiter is next. */
static bool has_word(const mdoc_call *c) {
    return c->at < c->end && called(c, c->at) == NULL && delimiter_of(&c->arg[c->at]) == DELIMITER_NONE;
}

static void put_leading(mdoc_call *c) { /* delimiters that open stand before what the macro prints */
    while (c->at < c->end && delimiter_of(&c->arg[c->at]) == DELIMITER_OPEN) put_arg(c, &c->arg[c->at++]);
}

static void run_rest(mdoc_call *c) {
    while (c->at < c->end && !c->r->failed) {
        const mdoc_row *row = called(c, c->at);
        if (row == NULL) {
            put_arg(c, &c->arg[c->at++]);
            continue;
        }
        c->at++;
        c->line_start = false;
        c->row = row;
        row->run(c);
    }
}

static void put_enclosed(roff *r, const char *open, const char *text, const char *close) {
    roff_put_text(r, open);
    roff_join(r);
    roff_put_text(r, text);
    roff_join(r);
    roff_put_text(r, close);
}

static const char *word_text(mdoc_call *c, const roff_arg *a) {
    const char *copy = arena_copy_bytes(c->r->owner, a->text, a->n);
    return copy != NULL ? copy : "";
}

/* The words up to the line's end, joined by blanks. */
static const char *rest_text(mdoc_call *c, int end) {
    string *s = &c->r->parts;
    string_reset(s);
    for (; c->at < end; c->at++) {
        if (s->length > 0 && delimiter_of(&c->arg[c->at]) != DELIMITER_CLOSE) string_char(s, ' ');
        string_append(s, c->arg[c->at].text, c->arg[c->at].n);
    }
    const char *copy = arena_copy_bytes(c->r->owner, string_chars(s), s->length);
    return copy != NULL ? copy : "";
}

/* ---- what is open ---- */

static void indent_body(roff *r) {
    const mdoc_state *m = &r->mdoc;
    int indent = m->n_display > 0 ? m->display[m->n_display - 1].indent : 0;
    if (m->n_list > 0 && m->list[m->n_list - 1].indent > indent) indent = m->list[m->n_list - 1].indent;
    r->out.indent = indent < MOST_INDENT ? indent : MOST_INDENT;
}

static void head_done(roff *r) { /* the head of an .It is over */
    mdoc_state *m = &r->mdoc;
    if (m->n_list == 0) return;
    mdoc_list *l = &m->list[m->n_list - 1];
    if (l->type == LIST_TAG || l->type == LIST_OHANG) roff_break(r);
    if (l->type == LIST_TAG || l->type == LIST_HANG) l->indent += INDENT;
    indent_body(r);
}

static void open_push(roff *r, mdoc_open o) {
    if (r->mdoc.n_open < ROFF_MAX_NEST) r->mdoc.open[r->mdoc.n_open++] = o;
}

static void open_pop(roff *r) {
    const mdoc_open o = r->mdoc.open[--r->mdoc.n_open];
    if (o.kind == OPEN_HEAD) head_done(r);
    else if (o.kind == OPEN_DISPLAY_LINE) {
        roff_break(r);
        r->out.indent -= r->out.indent >= INDENT ? INDENT : 0;
    } else if (o.close[0] != 0) {
        roff_join(r);
        roff_put_text(r, o.close);
    }
}

static bool top_is(const roff *r, int kind) {
    return r->mdoc.n_open > 0 && (int)r->mdoc.open[r->mdoc.n_open - 1].kind == kind;
}

static void close_all(roff *r) { /* a section begins: nothing goes over it */
    while (r->mdoc.n_open > 0) {
        if (r->mdoc.open[r->mdoc.n_open - 1].kind == OPEN_EXPLICIT) r->mdoc.n_open--;
        else open_pop(r);
    }
}

static bool close_explicit(roff *r, const char *macro, const char *with) {
    mdoc_state *m = &r->mdoc;
    int i = m->n_open - 1;
    while (i >= 0 && (m->open[i].kind != OPEN_EXPLICIT || strcmp(m->open[i].macro, macro) != 0)) i--;
    if (i < 0) return false;
    while (m->n_open - 1 > i && m->open[m->n_open - 1].kind != OPEN_EXPLICIT) open_pop(r);
    const mdoc_open o = m->open[i];
    memmove(&m->open[i], &m->open[i + 1], sizeof m->open[0] * (size_t)(m->n_open - 1 - i));
    m->n_open--;
    const char *text = with != NULL ? with : o.close;
    if (text[0] != 0) {
        roff_join(r);
        roff_put_raw(r, text, strlen(text));
    }
    return true;
}

/* ---- inline macros ---- */

/* Words; `first` stands before each (Fl), `second` is printed where there are none (Ar). */
static void run_words(mdoc_call *c) {
    roff *r = c->r;
    bool any = false;
    for (; c->at < c->end; c->at++) {
        const roff_arg *a = &c->arg[c->at];
        if (called(c, c->at) != NULL) break;
        const delimiter d = delimiter_of(a);
        if (d == DELIMITER_NONE) {
            if (c->row->first != NULL) roff_put_text(r, c->row->first), roff_join(r);
        } else if (d != DELIMITER_OPEN && !any && c->row->second != NULL) roff_put_text(r, c->row->second);
        any |= d != DELIMITER_OPEN;
        put_arg(c, a);
    }
    if (any || c->row->second == NULL) return;
    roff_put_text(r, c->row->second);
    if (c->row->first != NULL && c->at < c->end) roff_join(r); /* .Fl Ar x: -x */
}

static void run_name(mdoc_call *c) {
    roff *r = c->r;
    if (c->line_start && c->m->synopsis) roff_break(r);
    put_leading(c);
    if (has_word(c)) {
        if (c->m->name == NULL) {
            string_reset(&r->parts);
            roff_render(r, c->arg[c->at].text, c->arg[c->at].n, &r->parts);
            c->m->name = arena_copy_bytes(r->owner, string_chars(&r->parts), r->parts.length);
        }
        while (has_word(c)) put_arg(c, &c->arg[c->at++]);
    } else if (c->m->name != NULL) roff_put_text(r, c->m->name);
}

static void run_cross_reference(mdoc_call *c) {
    put_leading(c);
    if (!has_word(c)) return;
    put_arg(c, &c->arg[c->at++]);
    if (!has_word(c)) return;
    roff_join(c->r);
    put_enclosed(c->r, "(", "", "");
    roff_join(c->r);
    put_arg(c, &c->arg[c->at++]);
    roff_join(c->r);
    roff_put_text(c->r, ")");
}

static void run_no_space(mdoc_call *c) {
    if (c->line_start) return;
    roff_join(c->r);
    c->joins = c->at >= c->n;
}

static void run_apostrophe(mdoc_call *c) {
    roff_join(c->r);
    roff_put_text(c->r, "'");
    roff_join(c->r);
}

static void run_prefix(mdoc_call *c) {
    if (c->at >= c->end) return;
    put_arg(c, &c->arg[c->at++]);
    if (c->at < c->n) roff_join(c->r);
}

static void run_spacing(mdoc_call *c) {
    const char *word = c->n > c->at ? word_text(c, &c->arg[c->at]) : "";
    roff_out *o = &c->r->out;
    o->never_space = strcmp(word, "off") == 0 ? true : strcmp(word, "on") == 0 ? false : !o->never_space;
    if (!o->never_space) o->nospace = false; /* switched off, it still sets the next word apart from the last */
    c->at = c->end = c->n;
}

/* "BSD", "FreeBSD 9.0": first is the system's name, which its version follows. */
static void run_system(mdoc_call *c) {
    put_leading(c);
    roff_put_text(c->r, c->row->first);
}

static void run_bsd(mdoc_call *c) {
    roff *r = c->r;
    put_leading(c);
    if (!has_word(c)) {
        roff_put_text(r, "BSD");
        return;
    }
    put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "BSD");
    if (!has_word(c)) return;
    roff_join(r);
    roff_put_text(r, "-");
    roff_join(r);
    const char *variant = word_text(c, &c->arg[c->at++]); /* tahoe: Tahoe */
    const char first[2] = {(char)(variant[0] >= 'a' && variant[0] <= 'z' ? variant[0] - 32 : variant[0]), 0};
    roff_put_text(r, first);
    roff_join(r);
    roff_put_text(r, variant[0] != 0 ? variant + 1 : "");
}

static void run_att(mdoc_call *c) {
    put_leading(c);
    const char *version = has_word(c) ? word_text(c, &c->arg[c->at]) : "";
    const char *text = mdoc_att(version);
    if (version[0] != 0 && text != NULL) c->at++;
    roff_put_text(c->r, text != NULL ? text : "AT&T UNIX");
}

static void run_standard(mdoc_call *c) {
    if (c->at >= c->end) return;
    const char *text = mdoc_standard(word_text(c, &c->arg[c->at]));
    c->at++;
    if (text != NULL) roff_put_text(c->r, text);
}

static void run_library(mdoc_call *c) {
    if (c->at >= c->end) return;
    const char *name = word_text(c, &c->arg[c->at++]);
    const char *text = mdoc_library(name);
    if (text != NULL) roff_put_text(c->r, text);
    else {
        roff_put_text(c->r, "library");
        put_enclosed(c->r, "\xe2\x80\x9c", name, "\xe2\x80\x9d");
    }
}

static void run_sentence(mdoc_call *c) { /* Ud, Bt */
    roff_put_text(c->r, c->row->first);
    c->at = c->end = c->n;
}

/* "f", "f and g", "f, g, and h", each with `after` */
static void put_list(mdoc_call *c, const char *after) {
    const int first = c->at, n = c->end - first;
    for (int i = 0; i < n; i++) {
        if (i > 0 && i == n - 1) roff_put_text(c->r, "and");
        roff_put_raw(c->r, c->arg[first + i].text, c->arg[first + i].n);
        roff_join(c->r);
        roff_put_text(c->r, after);
        if (n > 2 && i < n - 1) roff_join(c->r), roff_put_text(c->r, ",");
    }
    c->at = c->end;
}

static void skip_option(mdoc_call *c) { /* -std */
    if (c->at < c->n && c->arg[c->at].n > 0 && c->arg[c->at].text[0] == '-') c->at++;
}

static void run_exit_values(mdoc_call *c) {
    c->end = c->n;
    skip_option(c);
    const int n = c->end - c->at;
    roff_put_text(c->r, "The");
    if (n == 0 && c->m->name != NULL) roff_put_text(c->r, c->m->name);
    put_list(c, "");
    roff_put_text(c->r, n > 1 ? "utilities exit" : "utility exits");
    roff_put_text(c->r, "0 on success, and >0 if an error occurs.");
}

static void run_return_values(mdoc_call *c) {
    c->end = c->n;
    skip_option(c);
    const int n = c->end - c->at;
    if (n > 0) {
        roff_put_text(c->r, "The");
        put_list(c, "()");
        roff_put_text(c->r, n > 1 ? "functions return" : "function returns");
        roff_put_text(c->r, "the value 0 if successful;");
    } else roff_put_text(c->r, "Upon successful completion, the value 0 is returned;");
    roff_put_text(c->r, "otherwise the value -1 is returned and the global variable errno is set to indicate the error.");
}

static void run_link(mdoc_call *c) { /* Lk uri words: "words: uri" */
    put_leading(c);
    if (c->at >= c->end) return;
    const roff_arg uri = c->arg[c->at++];
    if (c->at < c->end) {
        while (c->at < c->end) put_arg(c, &c->arg[c->at++]);
        roff_join(c->r);
        roff_put_text(c->r, ":");
    }
    roff_put_raw(c->r, uri.text, uri.n);
}

static void run_author(mdoc_call *c) {
    roff *r = c->r;
    if (c->at < c->end && c->arg[c->at].n > 0 && c->arg[c->at].text[0] == '-') {
        c->at++;
        return;
    }
    if (c->m->authors && c->line_start) roff_break(r);
    run_words(c);
}

static void run_include(mdoc_call *c) {
    roff *r = c->r;
    if (c->m->synopsis && c->line_start) {
        roff_break(r);
        roff_put_text(r, "#include");
    }
    put_leading(c);
    if (c->at >= c->end) return;
    roff_put_text(r, "<");
    roff_join(r);
    put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, ">");
}

/* ---- functions ---- */

static void run_own_line(mdoc_call *c) { /* Ft, Vt, Fd, Cd: lines of their own in a synopsis */
    if (c->m->synopsis && c->line_start) roff_break(c->r);
    run_words(c);
}

static void run_function(mdoc_call *c) {
    roff *r = c->r;
    put_leading(c);
    if (!has_word(c)) return;
    put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "(");
    roff_join(r);
    for (int i = 0; has_word(c); i++) {
        if (i > 0) roff_join(r), roff_put_text(r, ",");
        put_arg(c, &c->arg[c->at++]);
    }
    roff_join(r);
    roff_put_text(r, c->m->synopsis ? ");" : ")");
    if (c->m->synopsis && c->at >= c->n) roff_break(r);
}

static void run_function_open(mdoc_call *c) {
    roff *r = c->r;
    if (c->m->synopsis) roff_break(r);
    open_push(r, (mdoc_open){OPEN_EXPLICIT, "Fc", c->m->synopsis ? ");" : ")"});
    while (c->at < c->end) put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "(");
    roff_join(r);
    c->m->in_function = true;
    c->m->n_argument = 0;
}

static void run_function_close(mdoc_call *c) {
    c->m->in_function = false;
    close_explicit(c->r, "Fc", NULL);
    if (c->m->synopsis && c->at >= c->n) roff_break(c->r);
}

static void run_argument(mdoc_call *c) {
    if (!c->m->in_function) {
        run_words(c);
        return;
    }
    put_leading(c);
    while (has_word(c)) {
        if (c->m->n_argument++ > 0) roff_join(c->r), roff_put_text(c->r, ",");
        put_arg(c, &c->arg[c->at++]);
    }
}

/* ---- enclosures ---- */

static void run_enclose_line(mdoc_call *c) { /* Op, Dq, ...: first and second are what encloses */
    put_leading(c);
    roff_put_text(c->r, c->row->first);
    roff_join(c->r);
    open_push(c->r, (mdoc_open){OPEN_LINE, "", c->row->second});
}

static void run_angle_line(mdoc_call *c) { /* an address is enclosed as ASCII */
    put_leading(c);
    const mdoc_row *next = called(c, c->at);
    const bool address = next != NULL && strcmp(next->name, "Mt") == 0 && c->end - c->at == 2;
    roff_put_text(c->r, address ? "<" : c->row->first);
    roff_join(c->r);
    open_push(c->r, (mdoc_open){OPEN_LINE, "", address ? ">" : c->row->second});
}

static void run_enclose_own(mdoc_call *c) { /* En: what .Es said */
    put_leading(c);
    const char *open = c->m->enclose_open != NULL ? c->m->enclose_open : "", *close = c->m->enclose_close != NULL ? c->m->enclose_close : "";
    if (open[0] != 0) roff_put_raw(c->r, open, strlen(open)), roff_join(c->r);
    open_push(c->r, (mdoc_open){OPEN_LINE, "", close});
}

static void run_enclose_set(mdoc_call *c) {
    c->m->enclose_open = c->at < c->n ? word_text(c, &c->arg[c->at++]) : NULL;
    c->m->enclose_close = c->at < c->n ? word_text(c, &c->arg[c->at++]) : NULL;
    if (c->end < c->at) c->end = c->at;
}

static const char *const closers[][2] = {{"Ao", "Ac"}, {"Bo", "Bc"}, {"Bro", "Brc"}, {"Do", "Dc"}, {"Oo", "Oc"}, {"Po", "Pc"},
                                         {"Qo", "Qc"}, {"So", "Sc"}, {"Xo", "Xc"},   {"Eo", "Ec"}, {"Bk", "Ek"}};

static void run_open(mdoc_call *c) {
    const char *closer = "";
    for (size_t i = 0; i < COUNT(closers); i++)
        if (strcmp(closers[i][0], c->row->name) == 0) closer = closers[i][1];
    put_leading(c);
    if (c->row->first[0] != 0) roff_put_text(c->r, c->row->first), roff_join(c->r);
    open_push(c->r, (mdoc_open){OPEN_EXPLICIT, closer, c->row->second});
}

static void run_close(mdoc_call *c) {
    close_explicit(c->r, c->row->name, NULL);
}

static void run_generic_open(mdoc_call *c) { /* Eo [mark] */
    open_push(c->r, (mdoc_open){OPEN_EXPLICIT, "Ec", ""});
    if (c->at >= c->n || called(c, c->at) != NULL) return;
    roff_put_raw(c->r, c->arg[c->at].text, c->arg[c->at].n);
    roff_join(c->r);
    if (++c->at > c->end) c->end = c->at;
}

static void run_generic_close(mdoc_call *c) { /* Ec [mark] */
    const char *mark = c->at < c->n && called(c, c->at) == NULL ? word_text(c, &c->arg[c->at++]) : "";
    if (c->at > c->end) c->end = c->at;
    close_explicit(c->r, "Ec", mark);
}

/* ---- sections and paragraphs ---- */

static void run_title(mdoc_call *c) {
    roff_page *p = c->r->page;
    if (c->n > 0) p->title = word_text(c, &c->arg[0]);
    if (c->n > 1) p->section = word_text(c, &c->arg[1]);
    c->at = c->end = c->n;
}

static void run_nothing(mdoc_call *c) {
    c->at = c->end = c->n;
}

static void run_heading(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    const bool section = c->row->name[1] == 'h';
    close_all(r);
    m->n_list = m->n_display = 0;
    m->in_reference = false;
    r->out.fill = true;
    r->out.never_space = false;
    if (section) roff_heading(r);
    else roff_blank(r);
    r->out.indent = 0;
    const size_t from = r->out.text->length;
    c->end = c->n;
    run_rest(c);
    const size_t n = r->out.text->length - from;
    const char *title = n > 0 ? r->out.text->data + from : "";
    if (section) {
        while (title[0] == '\n') title++;
        m->synopsis = strncmp(title, "SYNOPSIS", 8) == 0;
        m->authors = strncmp(title, "AUTHORS", 7) == 0;
        m->see_also = strncmp(title, "SEE ALSO", 8) == 0;
    }
    close_all(r);
    roff_break(r);
    r->out.heading = true;
    if (section && r->n_heading == 1 && r->name_start == 0) r->name_start = r->out.text->length;
}

static void run_paragraph(mdoc_call *c) {
    roff_blank(c->r);
    c->at = c->end = c->n;
}

static void run_description(mdoc_call *c) {
    roff_put_text(c->r, "\xe2\x80\x93");
    c->end = c->n;
    while (c->at < c->n) put_arg(c, &c->arg[c->at++]);
}

static void run_display_line(mdoc_call *c) { /* D1, Dl */
    roff_break(c->r);
    c->r->out.indent += c->r->out.indent < MOST_INDENT ? INDENT : 0;
    open_push(c->r, (mdoc_open){OPEN_DISPLAY_LINE, "", ""});
}

static bool option_is(const mdoc_call *c, int i, const char *name) {
    return c->arg[i].n == strlen(name) && memcmp(c->arg[i].text, name, c->arg[i].n) == 0;
}

static void run_display(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    bool unfilled = false, compact = false, offset = false;
    for (int i = c->at; i < c->n; i++) {
        unfilled |= option_is(c, i, "-literal") || option_is(c, i, "-unfilled") || option_is(c, i, "-centered");
        compact |= option_is(c, i, "-compact");
        offset |= option_is(c, i, "-offset");
    }
    c->at = c->end = c->n;
    if (compact) roff_break(r);
    else roff_blank(r);
    if (m->n_display >= ROFF_MAX_NEST) return;
    m->display[m->n_display].fill = r->out.fill;
    m->display[m->n_display].indent = r->out.indent + (offset && r->out.indent < MOST_INDENT ? INDENT : 0);
    m->n_display++;
    r->out.fill = !unfilled;
    indent_body(r);
}

static void run_display_end(mdoc_call *c) {
    c->at = c->end = c->n;
    roff_break(c->r);
    if (c->m->n_display == 0) return;
    c->r->out.fill = c->m->display[--c->m->n_display].fill;
    indent_body(c->r);
}

/* ---- lists ---- */

static const struct {
    const char *option;
    mdoc_list_type type;
} list_types[] = {
    {"-item", LIST_ITEM}, {"-bullet", LIST_BULLET}, {"-dash", LIST_DASH},   {"-hyphen", LIST_DASH}, {"-enum", LIST_ENUM},     {"-tag", LIST_TAG},
    {"-hang", LIST_HANG}, {"-ohang", LIST_OHANG},   {"-inset", LIST_INSET}, {"-diag", LIST_DIAG},   {"-column", LIST_COLUMN},
};

static void run_list(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    mdoc_list l = {.type = LIST_ITEM};
    bool typed = false;
    for (int i = c->at; i < c->n; i++) {
        for (size_t k = 0; k < COUNT(list_types) && !typed; k++)
            if (option_is(c, i, list_types[k].option)) l.type = list_types[k].type, typed = true;
        l.compact |= option_is(c, i, "-compact");
    }
    c->at = c->end = c->n;
    roff_break(r);
    if (m->n_list >= ROFF_MAX_NEST) return;
    l.indent = r->out.indent;
    if (m->n_list == 0 || !l.compact) r->out.blank |= !l.compact;
    m->list[m->n_list++] = l;
}

static void run_list_end(mdoc_call *c) {
    c->at = c->end = c->n;
    close_all(c->r);
    roff_break(c->r);
    if (c->m->n_list > 0) c->m->n_list--;
    indent_body(c->r);
}

static void run_cell(mdoc_call *c) { /* Ta */
    roff_out *o = &c->r->out;
    while (top_is(c->r, OPEN_LINE)) open_pop(c->r);
    if (!o->at_start && o->text->length > o->start && o->text->data[o->text->length - 1] != '\t') string_char(o->text, '\t');
    o->nospace = true;
}

static void run_item(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    if (m->n_list == 0) {
        c->at = c->end = c->n;
        return;
    }
    mdoc_list *l = &m->list[m->n_list - 1];
    close_all(r);
    if (l->type == LIST_TAG || l->type == LIST_HANG) l->indent -= l->count > 0 ? INDENT : 0; /* back to where the heads stand */
    l->count++;
    if (l->compact || l->type == LIST_COLUMN) roff_break(r);
    else roff_blank(r);
    indent_body(r);
    switch (l->type) {
    case LIST_BULLET: roff_put_text(r, "\xe2\x80\xa2"); break;
    case LIST_DASH: roff_put_text(r, "-"); break;
    case LIST_ENUM: {
        const char *number = arena_print(r->owner, "%ld.", l->count);
        if (number != NULL) roff_put_text(r, number);
        break;
    }
    case LIST_ITEM: break;
    case LIST_COLUMN: return;
    case LIST_DIAG:
        c->end = c->n;
        while (c->at < c->n) put_arg(c, &c->arg[c->at++]);
        return;
    default: open_push(r, (mdoc_open){OPEN_HEAD, "", ""}); return;
    }
    c->at = c->end = c->n; /* these have no head */
}

/* ---- references ---- */

static void run_reference(mdoc_call *c) {
    c->at = c->end = c->n;
    if (c->m->see_also) roff_blank(c->r);
    c->m->in_reference = true;
    c->m->n_reference = 0;
}

static void run_reference_line(mdoc_call *c) { /* %A, %T, ... */
    mdoc_state *m = c->m;
    if (m->in_reference && m->n_reference < ROFF_MAX_NEST) {
        c->end = c->n;
        m->reference[m->n_reference++] = (mdoc_reference){c->row->name[1], rest_text(c, c->n)};
        return;
    }
    while (c->at < c->n) put_arg(c, &c->arg[c->at++]);
}

static void run_reference_end(mdoc_call *c) {
    static const char order[] = "ATBIJRNVUPQCDO";
    roff *r = c->r;
    mdoc_state *m = c->m;
    int left = m->n_reference, authors = 0;
    bool part = false; /* the title is that of a part of a book or journal */
    c->at = c->end = c->n;
    if (!m->in_reference) return;
    m->in_reference = false;
    for (int i = 0; i < m->n_reference; i++) {
        authors += m->reference[i].letter == 'A';
        part |= i > 0 && strchr("BJ", m->reference[i].letter) != NULL; /* mandoc does not count the first line */
    }
    const int n_author = authors;
    for (const char *letter = order; *letter != 0; letter++)
        for (int i = 0; i < m->n_reference; i++) {
            const mdoc_reference *e = &m->reference[i];
            if (e->letter != *letter) continue;
            left--;
            const bool quoted = *letter == 'T' && part;
            if (*letter == 'A' && n_author > 1 && authors == 1) roff_put_text(r, "and");
            if (quoted) roff_put_text(r, "\xe2\x80\x9c"), roff_join(r);
            roff_put_raw(r, e->text, strlen(e->text));
            if (quoted) roff_join(r), roff_put_text(r, "\xe2\x80\x9d");
            if (*letter == 'A' && --authors > 0 && n_author == 2) continue; /* "A and B" */
            roff_join(r);
            roff_put_text(r, left > 0 ? "," : ".");
        }
    m->n_reference = 0;
}

/* ---- the table ---- */

static const mdoc_row rows[] = {
    /* name  callable parsed  run                    first               second */
    {"Ac", true, true, run_close, NULL, NULL},
    {"Ad", true, true, run_words, NULL, NULL},
    {"An", true, true, run_author, NULL, NULL},
    {"Ao", true, true, run_open, "\xe2\x9f\xa8", "\xe2\x9f\xa9"},
    {"Ap", true, true, run_apostrophe, NULL, NULL},
    {"Aq", true, true, run_angle_line, "\xe2\x9f\xa8", "\xe2\x9f\xa9"},
    {"Ar", true, true, run_words, NULL, "file ..."},
    {"At", true, true, run_att, NULL, NULL},
    {"Bc", true, true, run_close, NULL, NULL},
    {"Bd", false, false, run_display, NULL, NULL},
    {"Bf", false, false, run_nothing, NULL, NULL},
    {"Bk", false, false, run_nothing, NULL, NULL},
    {"Bl", false, false, run_list, NULL, NULL},
    {"Bo", true, true, run_open, "[", "]"},
    {"Bq", true, true, run_enclose_line, "[", "]"},
    {"Brc", true, true, run_close, NULL, NULL},
    {"Bro", true, true, run_open, "{", "}"},
    {"Brq", true, true, run_enclose_line, "{", "}"},
    {"Bsx", true, true, run_system, "BSD/OS", NULL},
    {"Bt", false, false, run_sentence, "is currently in beta test.", NULL},
    {"Bx", true, true, run_bsd, NULL, NULL},
    {"Cd", true, true, run_own_line, NULL, NULL},
    {"Cm", true, true, run_words, NULL, NULL},
    {"D1", false, true, run_display_line, NULL, NULL},
    {"Db", false, false, run_nothing, NULL, NULL},
    {"Dc", true, true, run_close, NULL, NULL},
    {"Dd", false, false, run_nothing, NULL, NULL},
    {"Dl", false, true, run_display_line, NULL, NULL},
    {"Do", true, true, run_open, "\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"Dq", true, true, run_enclose_line, "\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"Dt", false, false, run_title, NULL, NULL},
    {"Dv", true, true, run_words, NULL, NULL},
    {"Dx", true, true, run_system, "DragonFly", NULL},
    {"Ec", true, true, run_generic_close, NULL, NULL},
    {"Ed", false, false, run_display_end, NULL, NULL},
    {"Ef", false, false, run_nothing, NULL, NULL},
    {"Ek", false, false, run_nothing, NULL, NULL},
    {"El", false, false, run_list_end, NULL, NULL},
    {"Em", true, true, run_words, NULL, NULL},
    {"En", true, true, run_enclose_own, NULL, NULL},
    {"Eo", true, true, run_generic_open, NULL, NULL},
    {"Er", true, true, run_words, NULL, NULL},
    {"Es", true, true, run_enclose_set, NULL, NULL},
    {"Ev", true, true, run_words, NULL, NULL},
    {"Ex", false, false, run_exit_values, NULL, NULL},
    {"Fa", true, true, run_argument, NULL, NULL},
    {"Fc", true, true, run_function_close, NULL, NULL},
    {"Fd", false, false, run_own_line, NULL, NULL},
    {"Fl", true, true, run_words, "-", "-"},
    {"Fn", true, true, run_function, NULL, NULL},
    {"Fo", false, false, run_function_open, NULL, NULL},
    {"Fr", true, true, run_words, NULL, NULL},
    {"Ft", true, true, run_own_line, NULL, NULL},
    {"Fx", true, true, run_system, "FreeBSD", NULL},
    {"Hf", false, false, run_words, NULL, NULL},
    {"Ic", true, true, run_words, NULL, NULL},
    {"In", true, true, run_include, NULL, NULL},
    {"It", false, true, run_item, NULL, NULL},
    {"Lb", false, false, run_library, NULL, NULL},
    {"Li", true, true, run_words, NULL, NULL},
    {"Lk", true, true, run_link, NULL, NULL},
    {"Lp", false, false, run_paragraph, NULL, NULL},
    {"Ms", true, true, run_words, NULL, NULL},
    {"Mt", true, true, run_words, NULL, "~"},
    {"Nd", false, false, run_description, NULL, NULL},
    {"Nm", true, true, run_name, NULL, NULL},
    {"No", true, true, run_words, NULL, NULL},
    {"Ns", true, true, run_no_space, NULL, NULL},
    {"Nx", true, true, run_system, "NetBSD", NULL},
    {"Oc", true, true, run_close, NULL, NULL},
    {"Oo", true, true, run_open, "[", "]"},
    {"Op", true, true, run_enclose_line, "[", "]"},
    {"Os", false, false, run_nothing, NULL, NULL},
    {"Ot", true, true, run_own_line, NULL, NULL},
    {"Ox", true, true, run_system, "OpenBSD", NULL},
    {"Pa", true, true, run_words, NULL, "~"},
    {"Pc", true, true, run_close, NULL, NULL},
    {"Pf", true, true, run_prefix, NULL, NULL},
    {"Po", true, true, run_open, "(", ")"},
    {"Pp", false, false, run_paragraph, NULL, NULL},
    {"Pq", true, true, run_enclose_line, "(", ")"},
    {"Qc", true, true, run_close, NULL, NULL},
    {"Ql", true, true, run_enclose_line, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"Qo", true, true, run_open, "\"", "\""},
    {"Qq", true, true, run_enclose_line, "\"", "\""},
    {"Re", false, false, run_reference_end, NULL, NULL},
    {"Rs", false, false, run_reference, NULL, NULL},
    {"Rv", false, false, run_return_values, NULL, NULL},
    {"Sc", true, true, run_close, NULL, NULL},
    {"Sh", false, true, run_heading, NULL, NULL},
    {"Sm", false, false, run_spacing, NULL, NULL},
    {"So", true, true, run_open, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"Sq", true, true, run_enclose_line, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"Ss", false, true, run_heading, NULL, NULL},
    {"St", false, true, run_standard, NULL, NULL},
    {"Sx", true, true, run_words, NULL, NULL},
    {"Sy", true, true, run_words, NULL, NULL},
    {"Ta", true, true, run_cell, NULL, NULL},
    {"Tg", false, false, run_nothing, NULL, NULL},
    {"Tn", true, true, run_words, NULL, NULL},
    {"Ud", false, false, run_sentence, "currently under development.", NULL},
    {"Ux", true, true, run_system, "UNIX", NULL},
    {"Va", true, true, run_words, NULL, NULL},
    {"Vt", true, true, run_own_line, NULL, NULL},
    {"Xc", true, true, run_close, NULL, NULL},
    {"Xo", true, true, run_open, "", ""},
    {"Xr", true, true, run_cross_reference, NULL, NULL},
};

static const mdoc_row reference_rows[] = {
    {"%A", false, false, run_reference_line, NULL, NULL}, {"%B", false, false, run_reference_line, NULL, NULL},
    {"%C", false, false, run_reference_line, NULL, NULL}, {"%D", false, false, run_reference_line, NULL, NULL},
    {"%I", false, false, run_reference_line, NULL, NULL}, {"%J", false, false, run_reference_line, NULL, NULL},
    {"%N", false, false, run_reference_line, NULL, NULL}, {"%O", false, false, run_reference_line, NULL, NULL},
    {"%P", false, false, run_reference_line, NULL, NULL}, {"%Q", false, false, run_reference_line, NULL, NULL},
    {"%R", false, false, run_reference_line, NULL, NULL}, {"%T", false, false, run_reference_line, NULL, NULL},
    {"%U", false, false, run_reference_line, NULL, NULL}, {"%V", false, false, run_reference_line, NULL, NULL},
};

static const mdoc_row *find_row(const char *name, size_t n) {
    if (n < 2 || n > 3) return NULL;
    if (name[0] == '%') {
        for (size_t i = 0; i < COUNT(reference_rows) && n == 2; i++)
            if (reference_rows[i].name[1] == name[1]) return &reference_rows[i];
        return NULL;
    }
    size_t low = 0, high = COUNT(rows);
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const size_t length = strlen(rows[middle].name);
        int order = memcmp(rows[middle].name, name, length < n ? length : n);
        if (order == 0) order = length < n ? -1 : length > n;
        if (order == 0) return &rows[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

bool mdoc_macro(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    const mdoc_row *row = find_row(name, name_n);
    if (row == NULL) return false;
    mdoc_call c = {.r = r, .m = &r->mdoc, .row = row, .line_start = true};
    const bool columns = row->run == run_item && r->mdoc.n_list > 0 && r->mdoc.list[r->mdoc.n_list - 1].type == LIST_COLUMN;
    c.n = c.end = roff_split(r, rest, n, c.arg, ROFF_MAX_ARGS, columns);
    if (row->parsed)
        while (c.end > 0 && delimiter_quoted(&c.arg[c.end - 1]) == DELIMITER_CLOSE) c.arg[--c.end].quoted = false;
    row->run(&c);
    run_rest(&c);
    /* The line is over, and with it what it opened, unless something over several lines lies on top. */
    const bool joins = c.joins && c.at >= c.n;
    while (top_is(r, OPEN_LINE)) open_pop(r);
    if (joins) roff_join(r); /* .Op Ar user Ns @ Ns: what follows the bracket is joined to it */
    for (c.at = c.at < c.end ? c.end : c.at; c.at < c.n; c.at++) put_arg(&c, &c.arg[c.at]);
    while (r->mdoc.n_open > 0 && !top_is(r, OPEN_EXPLICIT)) open_pop(r);
    return true;
}

void mdoc_line_done(roff *r, bool was_text) {
    if (!was_text && !r->out.fill && !r->continued && r->mdoc.n_open == 0) roff_break(r);
}

void mdoc_finish(roff *r) {
    if (r->package == ROFF_MDOC) close_all(r);
}
