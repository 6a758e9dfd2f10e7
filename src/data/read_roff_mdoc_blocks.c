/* mdoc(7) macros that make blocks: sections, displays, lists, references. */
#include "data/read_roff_mdoc_inner.h"

#include <string.h>

/* ---- sections and paragraphs ---- */

static void run_title(mdoc_call *c) {
    roff_page *p = c->r->page;
    if (c->n > 0) p->title = mdoc_word_text(c, &c->arg[0]);
    if (c->n > 1) p->section = mdoc_word_text(c, &c->arg[1]);
    c->at = c->end = c->n;
}

static void run_nothing(mdoc_call *c) {
    c->at = c->end = c->n;
}

static void run_heading(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    const bool section = c->row->name[1] == 'h';
    mdoc_close_all(r);
    m->n_list = m->n_display = 0;
    m->in_reference = false;
    r->out.fill = true;
    r->out.never_space = false;
    if (section) roff_heading(r);
    else roff_blank(r);
    r->out.indent = 0;
    const size_t from = r->out.text->length;
    c->end = c->n;
    mdoc_run_rest(c);
    const size_t n = r->out.text->length - from;
    const char *title = n > 0 ? r->out.text->data + from : "";
    if (section) {
        while (title[0] == '\n') title++;
        m->synopsis = strncmp(title, "SYNOPSIS", 8) == 0;
        m->authors = strncmp(title, "AUTHORS", 7) == 0;
        m->see_also = strncmp(title, "SEE ALSO", 8) == 0;
    }
    mdoc_close_all(r);
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
    while (c->at < c->n) mdoc_put_arg(c, &c->arg[c->at++]);
}

static void run_display_line(mdoc_call *c) { /* D1, Dl */
    roff_break(c->r);
    c->r->out.indent += c->r->out.indent < MDOC_MOST_INDENT ? MDOC_INDENT : 0;
    mdoc_open_push(c->r, (mdoc_open){OPEN_DISPLAY_LINE, "", ""});
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
    m->display[m->n_display].indent = r->out.indent + (offset && r->out.indent < MDOC_MOST_INDENT ? MDOC_INDENT : 0);
    m->n_display++;
    r->out.fill = !unfilled;
    mdoc_indent_body(r);
}

static void run_display_end(mdoc_call *c) {
    c->at = c->end = c->n;
    roff_break(c->r);
    if (c->m->n_display == 0) return;
    c->r->out.fill = c->m->display[--c->m->n_display].fill;
    mdoc_indent_body(c->r);
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
    mdoc_close_all(c->r);
    roff_break(c->r);
    if (c->m->n_list > 0) c->m->n_list--;
    mdoc_indent_body(c->r);
}

static void run_cell(mdoc_call *c) { /* Ta */
    roff_out *o = &c->r->out;
    while (mdoc_top_is(c->r, OPEN_LINE)) mdoc_open_pop(c->r);
    if (!o->at_start && o->text->length > o->start && o->text->data[o->text->length - 1] != '\t') string_char(o->text, '\t');
    o->nospace = true;
}

void mdoc_run_item(mdoc_call *c) {
    roff *r = c->r;
    mdoc_state *m = c->m;
    if (m->n_list == 0) {
        c->at = c->end = c->n;
        return;
    }
    mdoc_list *l = &m->list[m->n_list - 1];
    mdoc_close_all(r);
    if (l->type == LIST_TAG || l->type == LIST_HANG) l->indent -= l->count > 0 ? MDOC_INDENT : 0; /* back to where the heads stand */
    l->count++;
    if (l->compact || l->type == LIST_COLUMN) roff_break(r);
    else roff_blank(r);
    mdoc_indent_body(r);
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
        while (c->at < c->n) mdoc_put_arg(c, &c->arg[c->at++]);
        return;
    default: mdoc_open_push(r, (mdoc_open){OPEN_HEAD, "", ""}); return;
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

void mdoc_run_reference_line(mdoc_call *c) { /* %A, %T, ... */
    mdoc_state *m = c->m;
    if (m->in_reference && m->n_reference < ROFF_MAX_NEST) {
        c->end = c->n;
        m->reference[m->n_reference++] = (mdoc_reference){c->row->name[1], mdoc_rest_text(c, c->n)};
        return;
    }
    while (c->at < c->n) mdoc_put_arg(c, &c->arg[c->at++]);
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

const mdoc_row mdoc_block_rows[] = {
    /* name, callable, parsed, run, first, second */
    {"%A", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%B", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%C", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%D", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%I", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%J", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%N", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%O", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%P", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%Q", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%R", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%T", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%U", false, false, mdoc_run_reference_line, NULL, NULL},
    {"%V", false, false, mdoc_run_reference_line, NULL, NULL},
    {"Bd", false, false, run_display, NULL, NULL},
    {"Bf", false, false, run_nothing, NULL, NULL},
    {"Bk", false, false, run_nothing, NULL, NULL},
    {"Bl", false, false, run_list, NULL, NULL},
    {"D1", false, true, run_display_line, NULL, NULL},
    {"Db", false, false, run_nothing, NULL, NULL},
    {"Dd", false, false, run_nothing, NULL, NULL},
    {"Dl", false, true, run_display_line, NULL, NULL},
    {"Dt", false, false, run_title, NULL, NULL},
    {"Ed", false, false, run_display_end, NULL, NULL},
    {"Ef", false, false, run_nothing, NULL, NULL},
    {"Ek", false, false, run_nothing, NULL, NULL},
    {"El", false, false, run_list_end, NULL, NULL},
    {"It", false, true, mdoc_run_item, NULL, NULL},
    {"Lp", false, false, run_paragraph, NULL, NULL},
    {"Nd", false, false, run_description, NULL, NULL},
    {"Os", false, false, run_nothing, NULL, NULL},
    {"Pp", false, false, run_paragraph, NULL, NULL},
    {"Re", false, false, run_reference_end, NULL, NULL},
    {"Rs", false, false, run_reference, NULL, NULL},
    {"Sh", false, true, run_heading, NULL, NULL},
    {"Ss", false, true, run_heading, NULL, NULL},
    {"Ta", true, true, run_cell, NULL, NULL},
    {"Tg", false, false, run_nothing, NULL, NULL},
};
const int mdoc_n_block_rows = (int)COUNT(mdoc_block_rows);
