/* mdoc(7) macros within a line: words, names, texts that they stand for, functions, enclosures. */
#include "data/read_roff_mdoc_inner.h"

#include <string.h>

/* ---- inline macros ---- */

/* Words; `first` stands before each (Fl), `second` is printed where there are none (Ar). */
static void run_words(mdoc_call *c) {
    roff *r = c->r;
    bool any = false;
    for (; c->at < c->end; c->at++) {
        const roff_arg *a = &c->arg[c->at];
        if (mdoc_called(c, c->at) != NULL) break;
        const delimiter d = mdoc_delimiter_of(a);
        if (d == DELIMITER_NONE) {
            if (c->row->first != NULL) roff_put_text(r, c->row->first), roff_join(r);
        } else if (d != DELIMITER_OPEN && !any && c->row->second != NULL) roff_put_text(r, c->row->second);
        any |= d != DELIMITER_OPEN;
        mdoc_put_arg(c, a);
    }
    if (any || c->row->second == NULL) return;
    roff_put_text(r, c->row->second);
    if (c->row->first != NULL && c->at < c->end) roff_join(r); /* .Fl Ar x: -x */
}

static void run_name(mdoc_call *c) {
    roff *r = c->r;
    if (c->line_start && c->m->synopsis) roff_break(r);
    mdoc_put_leading(c);
    if (mdoc_has_word(c)) {
        if (c->m->name == NULL) {
            string_reset(&r->parts);
            roff_render(r, c->arg[c->at].text, c->arg[c->at].n, &r->parts);
            c->m->name = arena_copy_bytes(r->owner, string_chars(&r->parts), r->parts.length);
        }
        while (mdoc_has_word(c)) mdoc_put_arg(c, &c->arg[c->at++]);
    } else if (c->m->name != NULL) roff_put_text(r, c->m->name);
}

static void run_cross_reference(mdoc_call *c) {
    mdoc_put_leading(c);
    if (!mdoc_has_word(c)) return;
    mdoc_put_arg(c, &c->arg[c->at++]);
    if (!mdoc_has_word(c)) return;
    roff_join(c->r);
    mdoc_put_enclosed(c->r, "(", "", "");
    roff_join(c->r);
    mdoc_put_arg(c, &c->arg[c->at++]);
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
    mdoc_put_arg(c, &c->arg[c->at++]);
    if (c->at < c->n) roff_join(c->r);
}

static void run_spacing(mdoc_call *c) {
    const char *word = c->n > c->at ? mdoc_word_text(c, &c->arg[c->at]) : "";
    roff_out *o = &c->r->out;
    o->never_space = strcmp(word, "off") == 0 ? true : strcmp(word, "on") == 0 ? false : !o->never_space;
    if (!o->never_space) o->nospace = false; /* switched off, it still sets the next word apart from the last */
    c->at = c->end = c->n;
}

/* "BSD", "FreeBSD 9.0": first is the system's name, which its version follows. */
static void run_system(mdoc_call *c) {
    mdoc_put_leading(c);
    roff_put_text(c->r, c->row->first);
}

static void run_bsd(mdoc_call *c) {
    roff *r = c->r;
    mdoc_put_leading(c);
    if (!mdoc_has_word(c)) {
        roff_put_text(r, "BSD");
        return;
    }
    mdoc_put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "BSD");
    if (!mdoc_has_word(c)) return;
    roff_join(r);
    roff_put_text(r, "-");
    roff_join(r);
    const char *variant = mdoc_word_text(c, &c->arg[c->at++]); /* tahoe: Tahoe */
    const char first[2] = {(char)(variant[0] >= 'a' && variant[0] <= 'z' ? variant[0] - 32 : variant[0]), 0};
    roff_put_text(r, first);
    roff_join(r);
    roff_put_text(r, variant[0] != 0 ? variant + 1 : "");
}

static void run_att(mdoc_call *c) {
    mdoc_put_leading(c);
    const char *version = mdoc_has_word(c) ? mdoc_word_text(c, &c->arg[c->at]) : "";
    const char *text = mdoc_att(version);
    if (version[0] != 0 && text != NULL) c->at++;
    roff_put_text(c->r, text != NULL ? text : "AT&T UNIX");
}

static void run_standard(mdoc_call *c) {
    if (c->at >= c->end) return;
    const char *text = mdoc_standard(mdoc_word_text(c, &c->arg[c->at]));
    c->at++;
    if (text != NULL) roff_put_text(c->r, text);
}

static void run_library(mdoc_call *c) {
    if (c->at >= c->end) return;
    const char *name = mdoc_word_text(c, &c->arg[c->at++]);
    const char *text = mdoc_library(name);
    if (text != NULL) roff_put_text(c->r, text);
    else {
        roff_put_text(c->r, "library");
        mdoc_put_enclosed(c->r, "\xe2\x80\x9c", name, "\xe2\x80\x9d");
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
    mdoc_put_leading(c);
    if (c->at >= c->end) return;
    const roff_arg uri = c->arg[c->at++];
    if (c->at < c->end) {
        while (c->at < c->end) mdoc_put_arg(c, &c->arg[c->at++]);
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
    mdoc_put_leading(c);
    if (c->at >= c->end) return;
    roff_put_text(r, "<");
    roff_join(r);
    mdoc_put_arg(c, &c->arg[c->at++]);
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
    mdoc_put_leading(c);
    if (!mdoc_has_word(c)) return;
    mdoc_put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "(");
    roff_join(r);
    for (int i = 0; mdoc_has_word(c); i++) {
        if (i > 0) roff_join(r), roff_put_text(r, ",");
        mdoc_put_arg(c, &c->arg[c->at++]);
    }
    roff_join(r);
    roff_put_text(r, c->m->synopsis ? ");" : ")");
    if (c->m->synopsis && c->at >= c->n) roff_break(r);
}

static void run_function_open(mdoc_call *c) {
    roff *r = c->r;
    if (c->m->synopsis) roff_break(r);
    mdoc_open_push(r, (mdoc_open){OPEN_EXPLICIT, "Fc", c->m->synopsis ? ");" : ")"});
    while (c->at < c->end) mdoc_put_arg(c, &c->arg[c->at++]);
    roff_join(r);
    roff_put_text(r, "(");
    roff_join(r);
    c->m->in_function = true;
    c->m->n_argument = 0;
}

static void run_function_close(mdoc_call *c) {
    c->m->in_function = false;
    mdoc_close_explicit(c->r, "Fc", NULL);
    if (c->m->synopsis && c->at >= c->n) roff_break(c->r);
}

static void run_argument(mdoc_call *c) {
    if (!c->m->in_function) {
        run_words(c);
        return;
    }
    mdoc_put_leading(c);
    while (mdoc_has_word(c)) {
        if (c->m->n_argument++ > 0) roff_join(c->r), roff_put_text(c->r, ",");
        mdoc_put_arg(c, &c->arg[c->at++]);
    }
}

/* ---- enclosures ---- */

static void run_enclose_line(mdoc_call *c) { /* Op, Dq, ...: first and second are what encloses */
    mdoc_put_leading(c);
    roff_put_text(c->r, c->row->first);
    roff_join(c->r);
    mdoc_open_push(c->r, (mdoc_open){OPEN_LINE, "", c->row->second});
}

static void run_angle_line(mdoc_call *c) { /* an address is enclosed as ASCII */
    mdoc_put_leading(c);
    const mdoc_row *next = mdoc_called(c, c->at);
    const bool address = next != NULL && strcmp(next->name, "Mt") == 0 && c->end - c->at == 2;
    roff_put_text(c->r, address ? "<" : c->row->first);
    roff_join(c->r);
    mdoc_open_push(c->r, (mdoc_open){OPEN_LINE, "", address ? ">" : c->row->second});
}

static void run_enclose_own(mdoc_call *c) { /* En: what .Es said */
    mdoc_put_leading(c);
    const char *open = c->m->enclose_open != NULL ? c->m->enclose_open : "", *close = c->m->enclose_close != NULL ? c->m->enclose_close : "";
    if (open[0] != 0) roff_put_raw(c->r, open, strlen(open)), roff_join(c->r);
    mdoc_open_push(c->r, (mdoc_open){OPEN_LINE, "", close});
}

static void run_enclose_set(mdoc_call *c) {
    c->m->enclose_open = c->at < c->n ? mdoc_word_text(c, &c->arg[c->at++]) : NULL;
    c->m->enclose_close = c->at < c->n ? mdoc_word_text(c, &c->arg[c->at++]) : NULL;
    if (c->end < c->at) c->end = c->at;
}

static const char *const closers[][2] = {{"Ao", "Ac"}, {"Bo", "Bc"}, {"Bro", "Brc"}, {"Do", "Dc"}, {"Oo", "Oc"}, {"Po", "Pc"},
                                         {"Qo", "Qc"}, {"So", "Sc"}, {"Xo", "Xc"},   {"Eo", "Ec"}, {"Bk", "Ek"}};

static void run_open(mdoc_call *c) {
    const char *closer = "";
    for (size_t i = 0; i < COUNT(closers); i++)
        if (strcmp(closers[i][0], c->row->name) == 0) closer = closers[i][1];
    mdoc_put_leading(c);
    if (c->row->first[0] != 0) roff_put_text(c->r, c->row->first), roff_join(c->r);
    mdoc_open_push(c->r, (mdoc_open){OPEN_EXPLICIT, closer, c->row->second});
}

static void run_close(mdoc_call *c) {
    mdoc_close_explicit(c->r, c->row->name, NULL);
}

static void run_generic_open(mdoc_call *c) { /* Eo [mark] */
    mdoc_open_push(c->r, (mdoc_open){OPEN_EXPLICIT, "Ec", ""});
    if (c->at >= c->n || mdoc_called(c, c->at) != NULL) return;
    roff_put_raw(c->r, c->arg[c->at].text, c->arg[c->at].n);
    roff_join(c->r);
    if (++c->at > c->end) c->end = c->at;
}

static void run_generic_close(mdoc_call *c) { /* Ec [mark] */
    const char *mark = c->at < c->n && mdoc_called(c, c->at) == NULL ? mdoc_word_text(c, &c->arg[c->at++]) : "";
    if (c->at > c->end) c->end = c->at;
    mdoc_close_explicit(c->r, "Ec", mark);
}

const mdoc_row mdoc_word_rows[] = {
    /* name, callable, parsed, run, first, second */
    {"Ac", true, true, run_close, NULL, NULL},
    {"Ad", true, true, run_words, NULL, NULL},
    {"An", true, true, run_author, NULL, NULL},
    {"Ao", true, true, run_open, "\xe2\x9f\xa8", "\xe2\x9f\xa9"},
    {"Ap", true, true, run_apostrophe, NULL, NULL},
    {"Aq", true, true, run_angle_line, "\xe2\x9f\xa8", "\xe2\x9f\xa9"},
    {"Ar", true, true, run_words, NULL, "file ..."},
    {"At", true, true, run_att, NULL, NULL},
    {"Bc", true, true, run_close, NULL, NULL},
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
    {"Dc", true, true, run_close, NULL, NULL},
    {"Do", true, true, run_open, "\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"Dq", true, true, run_enclose_line, "\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"Dv", true, true, run_words, NULL, NULL},
    {"Dx", true, true, run_system, "DragonFly", NULL},
    {"Ec", true, true, run_generic_close, NULL, NULL},
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
    {"Lb", false, false, run_library, NULL, NULL},
    {"Li", true, true, run_words, NULL, NULL},
    {"Lk", true, true, run_link, NULL, NULL},
    {"Ms", true, true, run_words, NULL, NULL},
    {"Mt", true, true, run_words, NULL, "~"},
    {"Nm", true, true, run_name, NULL, NULL},
    {"No", true, true, run_words, NULL, NULL},
    {"Ns", true, true, run_no_space, NULL, NULL},
    {"Nx", true, true, run_system, "NetBSD", NULL},
    {"Oc", true, true, run_close, NULL, NULL},
    {"Oo", true, true, run_open, "[", "]"},
    {"Op", true, true, run_enclose_line, "[", "]"},
    {"Ot", true, true, run_own_line, NULL, NULL},
    {"Ox", true, true, run_system, "OpenBSD", NULL},
    {"Pa", true, true, run_words, NULL, "~"},
    {"Pc", true, true, run_close, NULL, NULL},
    {"Pf", true, true, run_prefix, NULL, NULL},
    {"Po", true, true, run_open, "(", ")"},
    {"Pq", true, true, run_enclose_line, "(", ")"},
    {"Qc", true, true, run_close, NULL, NULL},
    {"Ql", true, true, run_enclose_line, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"Qo", true, true, run_open, "\"", "\""},
    {"Qq", true, true, run_enclose_line, "\"", "\""},
    {"Rv", false, false, run_return_values, NULL, NULL},
    {"Sc", true, true, run_close, NULL, NULL},
    {"Sm", false, false, run_spacing, NULL, NULL},
    {"So", true, true, run_open, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"Sq", true, true, run_enclose_line, "\xe2\x80\x98", "\xe2\x80\x99"},
    {"St", false, true, run_standard, NULL, NULL},
    {"Sx", true, true, run_words, NULL, NULL},
    {"Sy", true, true, run_words, NULL, NULL},
    {"Tn", true, true, run_words, NULL, NULL},
    {"Ud", false, false, run_sentence, "currently under development.", NULL},
    {"Ux", true, true, run_system, "UNIX", NULL},
    {"Va", true, true, run_words, NULL, NULL},
    {"Vt", true, true, run_own_line, NULL, NULL},
    {"Xc", true, true, run_close, NULL, NULL},
    {"Xo", true, true, run_open, "", ""},
    {"Xr", true, true, run_cross_reference, NULL, NULL},
};
const int mdoc_n_word_rows = (int)COUNT(mdoc_word_rows);
