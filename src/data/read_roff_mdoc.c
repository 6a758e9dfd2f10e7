/* The mdoc(7) macros. A line is a row of words, some of which are macros in turn. Fonts are not shown, so most macros are their
 * words, set with the language's rule for delimiters: no blank before . , : ; ) ] ? ! nor behind ( [ where they stand alone.
 * What encloses the rest of a line (Op, Dq, ...) is closed at its end, before the delimiters that end the line; what encloses
 * several lines (Oo Oc, Xo Xc, ...) keeps what was open on its line open too. */
#include "data/read_roff_mdoc_inner.h"

#include <string.h>

/* ---- the macros ---- */

static const mdoc_row *find_in(const mdoc_row *rows, int n_row, const char *name, size_t n) {
    int low = 0, high = n_row;
    while (low < high) {
        const int middle = (low + high) / 2;
        const size_t length = strlen(rows[middle].name);
        int order = memcmp(rows[middle].name, name, length < n ? length : n);
        if (order == 0) order = length < n ? -1 : length > n;
        if (order == 0) return &rows[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static const mdoc_row *find_row(const char *name, size_t n) {
    if (n < 2 || n > 3) return NULL;
    const mdoc_row *row = find_in(mdoc_word_rows, mdoc_n_word_rows, name, n);
    return row != NULL ? row : find_in(mdoc_block_rows, mdoc_n_block_rows, name, n);
}

/* ---- delimiters and words ---- */

static delimiter delimiter_quoted(const roff_arg *a) { /* whether or not quotes stand around it */
    if (a->n == 2 && memcmp(a->text, "\\.", 2) == 0) return DELIMITER_CLOSE;
    if (a->n != 1) return DELIMITER_NONE;
    if (a->text[0] != 0 && strchr("([", a->text[0]) != NULL) return DELIMITER_OPEN;
    if (a->text[0] == '|') return DELIMITER_MIDDLE;
    return a->text[0] != 0 && strchr(".,:;)]?!", a->text[0]) != NULL ? DELIMITER_CLOSE : DELIMITER_NONE;
}

delimiter mdoc_delimiter_of(const roff_arg *a) {
    return a->quoted ? DELIMITER_NONE : delimiter_quoted(a);
}

void mdoc_put_arg(mdoc_call *c, const roff_arg *a) {
    const delimiter d = mdoc_delimiter_of(a);
    if (d == DELIMITER_CLOSE) roff_join(c->r);
    roff_put_raw(c->r, a->text, a->n);
    if (d == DELIMITER_OPEN) roff_join(c->r);
}

/* The macro that the word calls, where it is one. */
const mdoc_row *mdoc_called(const mdoc_call *c, int i) {
    if (i >= c->end || c->arg[i].quoted || !c->row->parsed) return NULL;
    const mdoc_row *row = find_row(c->arg[i].text, c->arg[i].n);
    return row != NULL && row->callable ? row : NULL;
}

/* A word that is neither macro nor delimiter is next. */
bool mdoc_has_word(const mdoc_call *c) {
    return c->at < c->end && mdoc_called(c, c->at) == NULL && mdoc_delimiter_of(&c->arg[c->at]) == DELIMITER_NONE;
}

void mdoc_put_leading(mdoc_call *c) { /* delimiters that open stand before what the macro prints */
    while (c->at < c->end && mdoc_delimiter_of(&c->arg[c->at]) == DELIMITER_OPEN) mdoc_put_arg(c, &c->arg[c->at++]);
}

void mdoc_run_rest(mdoc_call *c) {
    while (c->at < c->end && !c->r->failed) {
        const mdoc_row *row = mdoc_called(c, c->at);
        if (row == NULL) {
            mdoc_put_arg(c, &c->arg[c->at++]);
            continue;
        }
        c->at++;
        c->line_start = false;
        c->row = row;
        row->run(c);
    }
}

void mdoc_put_enclosed(roff *r, const char *open, const char *text, const char *close) {
    roff_put_text(r, open);
    roff_join(r);
    roff_put_text(r, text);
    roff_join(r);
    roff_put_text(r, close);
}

const char *mdoc_word_text(mdoc_call *c, const roff_arg *a) {
    const char *copy = arena_copy_bytes(c->r->owner, a->text, a->n);
    return copy != NULL ? copy : "";
}

/* The words up to the line's end, joined by blanks. */
const char *mdoc_rest_text(mdoc_call *c, int end) {
    string *s = &c->r->parts;
    string_reset(s);
    for (; c->at < end; c->at++) {
        if (s->length > 0 && mdoc_delimiter_of(&c->arg[c->at]) != DELIMITER_CLOSE) string_char(s, ' ');
        string_append(s, c->arg[c->at].text, c->arg[c->at].n);
    }
    const char *copy = arena_copy_bytes(c->r->owner, string_chars(s), s->length);
    return copy != NULL ? copy : "";
}

/* ---- what is open ---- */

void mdoc_indent_body(roff *r) {
    const mdoc_state *m = &r->mdoc;
    int indent = m->n_display > 0 ? m->display[m->n_display - 1].indent : 0;
    if (m->n_list > 0 && m->list[m->n_list - 1].indent > indent) indent = m->list[m->n_list - 1].indent;
    r->out.indent = indent < MDOC_MOST_INDENT ? indent : MDOC_MOST_INDENT;
}

static void head_done(roff *r) { /* the head of an .It is over */
    mdoc_state *m = &r->mdoc;
    if (m->n_list == 0) return;
    mdoc_list *l = &m->list[m->n_list - 1];
    if (l->type == LIST_TAG || l->type == LIST_OHANG) roff_break(r);
    if (l->type == LIST_TAG || l->type == LIST_HANG) l->indent += MDOC_INDENT;
    mdoc_indent_body(r);
}

void mdoc_open_push(roff *r, mdoc_open o) {
    if (r->mdoc.n_open < ROFF_MAX_NEST) r->mdoc.open[r->mdoc.n_open++] = o;
}

void mdoc_open_pop(roff *r) {
    const mdoc_open o = r->mdoc.open[--r->mdoc.n_open];
    if (o.kind == OPEN_HEAD) head_done(r);
    else if (o.kind == OPEN_DISPLAY_LINE) {
        roff_break(r);
        r->out.indent -= r->out.indent >= MDOC_INDENT ? MDOC_INDENT : 0;
    } else if (o.close[0] != 0) {
        roff_join(r);
        roff_put_text(r, o.close);
    }
}

bool mdoc_top_is(const roff *r, int kind) {
    return r->mdoc.n_open > 0 && (int)r->mdoc.open[r->mdoc.n_open - 1].kind == kind;
}

void mdoc_close_all(roff *r) { /* a section begins: nothing goes over it */
    while (r->mdoc.n_open > 0) {
        if (r->mdoc.open[r->mdoc.n_open - 1].kind == OPEN_EXPLICIT) r->mdoc.n_open--;
        else mdoc_open_pop(r);
    }
}

bool mdoc_close_explicit(roff *r, const char *macro, const char *with) {
    mdoc_state *m = &r->mdoc;
    int i = m->n_open - 1;
    while (i >= 0 && (m->open[i].kind != OPEN_EXPLICIT || strcmp(m->open[i].macro, macro) != 0)) i--;
    if (i < 0) return false;
    while (m->n_open - 1 > i && m->open[m->n_open - 1].kind != OPEN_EXPLICIT) mdoc_open_pop(r);
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

/* ---- a line ---- */

bool mdoc_macro(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    const mdoc_row *row = find_row(name, name_n);
    if (row == NULL) return false;
    mdoc_call c = {.r = r, .m = &r->mdoc, .row = row, .line_start = true};
    const bool columns = row->run == mdoc_run_item && r->mdoc.n_list > 0 && r->mdoc.list[r->mdoc.n_list - 1].type == LIST_COLUMN;
    c.n = c.end = roff_split(r, rest, n, c.arg, ROFF_MAX_ARGS, columns);
    if (row->parsed)
        while (c.end > 0 && delimiter_quoted(&c.arg[c.end - 1]) == DELIMITER_CLOSE) c.arg[--c.end].quoted = false;
    row->run(&c);
    mdoc_run_rest(&c);
    /* The line is over, and with it what it opened, unless something over several lines lies on top. */
    const bool joins = c.joins && c.at >= c.n;
    while (mdoc_top_is(r, OPEN_LINE)) mdoc_open_pop(r);
    if (joins) roff_join(r); /* .Op Ar user Ns @ Ns: what follows the bracket is joined to it */
    for (c.at = c.at < c.end ? c.end : c.at; c.at < c.n; c.at++) mdoc_put_arg(&c, &c.arg[c.at]);
    while (r->mdoc.n_open > 0 && !mdoc_top_is(r, OPEN_EXPLICIT)) mdoc_open_pop(r);
    return true;
}

void mdoc_line_done(roff *r, bool was_text) {
    if (!was_text && !r->out.fill && !r->continued && r->mdoc.n_open == 0) roff_break(r);
}

void mdoc_finish(roff *r) {
    if (r->package == ROFF_MDOC) mdoc_close_all(r);
}
