/* The man(7) macros. Fonts are not shown, so most of them are words in a row. */
#include "data/read_roff_inner.h"

#include <string.h>

enum { INDENT = 4, MOST_INDENT = 40 };

typedef struct man_call {
    roff_arg arg[ROFF_MAX_ARGS];
    int n;
} man_call;

static void set_indent(roff *r) {
    const int columns = INDENT * (r->man.depth + r->man.hang);
    r->out.indent = columns < MOST_INDENT ? columns : MOST_INDENT;
}

static void put_words(roff *r, const man_call *c, int first) { /* with blanks between them */
    for (int i = first; i < c->n; i++) roff_put_raw(r, c->arg[i].text, c->arg[i].n);
}

static void put_joined(roff *r, const man_call *c) { /* without */
    for (int i = 0; i < c->n; i++) {
        if (i > 0) roff_join(r);
        roff_put_raw(r, c->arg[i].text, c->arg[i].n);
    }
}

static void line_ends(roff *r) { /* an input line is an output line where nothing is filled */
    if (!r->out.fill && !r->continued) roff_break(r);
}

static void put_link(roff *r) {
    roff_put_text(r, "<");
    roff_join(r);
    roff_put_raw(r, r->man.link, strlen(r->man.link));
    roff_join(r);
    roff_put_text(r, ">");
    r->man.link = NULL;
}

static void close_link(roff *r) { /* a block begins: the link that nobody closed is over */
    if (r->man.link != NULL) put_link(r);
}

static void paragraph(roff *r, int hang) {
    close_link(r);
    roff_blank(r);
    r->man.hang = hang;
    r->man.tag_wait = false;
    set_indent(r);
}

static void macro_title(roff *r, const man_call *c) {
    if (c->n > 0) {
        string_reset(&r->parts);
        roff_render(r, c->arg[0].text, c->arg[0].n, &r->parts);
        r->page->title = arena_copy(r->owner, string_chars(&r->parts));
    }
    if (c->n > 1) r->page->section = arena_copy_bytes(r->owner, c->arg[1].text, c->arg[1].n);
}

static void heading_done(roff *r) {
    roff_break(r);
    r->out.heading = true;
    r->man.heading_wait = false;
    if (r->n_heading == 1 && r->name_start == 0) r->name_start = r->out.text->length;
}

static void heading(roff *r, const man_call *c, bool section) {
    close_link(r);
    if (section) roff_heading(r);
    else roff_blank(r);
    r->man.depth = r->man.hang = 0;
    r->man.tag_wait = false;
    r->out.fill = true;
    r->out.indent = 0;
    put_words(r, c, 0);
    if (c->n > 0) heading_done(r);
    else r->man.heading_wait = true;
}

static void macro_section(roff *r, const man_call *c) {
    heading(r, c, true);
}

static void macro_subsection(roff *r, const man_call *c) {
    heading(r, c, false);
}

static void macro_paragraph(roff *r, const man_call *c) {
    paragraph(r, 0);
}

static void macro_tagged(roff *r, const man_call *c) {
    paragraph(r, 0);
    r->man.tag_wait = true;
}

static void macro_tag_again(roff *r, const man_call *c) { /* one more tag for the same body */
    roff_break(r);
    r->man.hang = 0;
    set_indent(r);
    r->man.tag_wait = true;
}

static void macro_indented(roff *r, const man_call *c) {
    paragraph(r, c->n > 0 ? 0 : 1);
    if (c->n == 0) return;
    const size_t before = r->out.text->length;
    roff_put_raw(r, c->arg[0].text, c->arg[0].n);
    const size_t shown = r->out.text->length - before;
    r->man.hang = 1;
    if (shown > 6) roff_break(r); /* a bullet or a number stays on the line of its text */
    set_indent(r);
}

static void macro_indent(roff *r, const man_call *c) {
    roff_break(r);
    if (r->man.depth < ROFF_MAX_NEST - 1) r->man.saved_hang[r->man.depth++] = r->man.hang;
    r->man.hang = 0;
    set_indent(r);
}

static void macro_dedent(roff *r, const man_call *c) {
    roff_break(r);
    if (r->man.depth > 0) r->man.hang = r->man.saved_hang[--r->man.depth];
    set_indent(r);
}

static void macro_words(roff *r, const man_call *c) {
    put_words(r, c, 0);
    if (c->n > 0) line_ends(r);
}

static void macro_joined(roff *r, const man_call *c) {
    put_joined(r, c);
    if (c->n > 0) line_ends(r);
}

static void macro_unfilled(roff *r, const man_call *c) {
    roff_break(r);
    r->out.fill = false;
}

static void macro_filled(roff *r, const man_call *c) {
    roff_break(r);
    r->out.fill = true;
}

static void macro_option(roff *r, const man_call *c) { /* .OP -a file: [-a file] */
    if (c->n == 0) return;
    roff_put_text(r, "[");
    roff_join(r);
    put_words(r, c, 0);
    roff_join(r);
    roff_put_text(r, "]");
    line_ends(r);
}

static void macro_synopsis(roff *r, const man_call *c) {
    roff_break(r);
    put_words(r, c, 0);
}

static void macro_break(roff *r, const man_call *c) {
    roff_break(r);
}

static void macro_link(roff *r, const man_call *c) {
    r->man.link = c->n > 0 ? arena_copy_bytes(r->owner, c->arg[0].text, c->arg[0].n) : "";
}

static void macro_link_end(roff *r, const man_call *c) {
    if (r->man.link == NULL) return;
    put_link(r);
    if (c->n > 0) {
        roff_join(r);
        put_words(r, c, 0);
    }
    line_ends(r);
}

static const struct {
    const char *name;
    void (*run)(roff *r, const man_call *c);
} macros[] = {
    {"TH", macro_title},    {"SH", macro_section},   {"SS", macro_subsection}, {"PP", macro_paragraph}, {"P", macro_paragraph}, {"LP", macro_paragraph},
    {"TP", macro_tagged},   {"TQ", macro_tag_again}, {"IP", macro_indented},   {"HP", macro_paragraph}, {"RS", macro_indent},   {"RE", macro_dedent},
    {"B", macro_words},     {"I", macro_words},      {"R", macro_words},       {"SM", macro_words},     {"SB", macro_words},    {"BR", macro_joined},
    {"RB", macro_joined},   {"BI", macro_joined},    {"IB", macro_joined},     {"RI", macro_joined},    {"IR", macro_joined},   {"EX", macro_unfilled},
    {"EE", macro_filled},   {"OP", macro_option},    {"SY", macro_synopsis},   {"YS", macro_break},     {"UR", macro_link},     {"MT", macro_link},
    {"UE", macro_link_end}, {"ME", macro_link_end},
};

bool man_macro(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    for (size_t i = 0; i < COUNT(macros); i++) {
        if (strlen(macros[i].name) != name_n || memcmp(macros[i].name, name, name_n) != 0) continue;
        man_call c;
        c.n = roff_split(r, rest, n, c.arg, ROFF_MAX_ARGS, false);
        macros[i].run(r, &c);
        return true;
    }
    return false;
}

void man_line_done(roff *r, bool was_text) {
    if (r->continued || r->out.at_start) return;
    if (r->man.heading_wait) heading_done(r);
    else if (r->man.tag_wait) {
        r->man.tag_wait = false;
        roff_break(r);
        r->man.hang = 1;
        set_indent(r);
    }
}
