/* tbl(1), simply: cells of a row on one line with tabs between them, text blocks filled, rules and boxes left out. */
#include "data/read_roff_inner.h"

#include <string.h>

enum { MAX_COLUMNS = 256, MAX_LAYOUTS = 1024 };

struct roff_table {
    enum { TABLE_OPTIONS, TABLE_LAYOUT, TABLE_DATA } part;
    char tab;
    int columns[MAX_LAYOUTS]; /* cells of each layout line that take data (not the spanned ones) */
    int n_layout, row;
    string text;   /* the present row */
    int cell;      /* cells of it so far */
    bool in_block; /* between T{ and T} */
    bool saw_fill; /* what the page did before */
};

void table_begin(roff *r) {
    roff_table *t = arena_alloc(r->owner, sizeof *t);
    if (t == NULL) {
        roff_stop(r, "the page needs more memory than a document may take");
        return;
    }
    t->tab = '\t';
    t->text.limit = ROFF_MAX_LINE;
    t->saw_fill = r->out.fill;
    roff_break(r);
    r->out.fill = false;
    r->table = t;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void table_options(roff_table *t, const char *line, size_t n) {
    for (size_t i = 0; i + 5 <= n; i++)
        if (lower(line[i]) == 't' && lower(line[i + 1]) == 'a' && lower(line[i + 2]) == 'b') {
            size_t at = i + 3;
            while (at < n && line[at] == ' ') at++;
            if (at + 1 < n && line[at] == '(') t->tab = line[at + 1];
        }
}

/* Modifiers behind a column's letter may have arguments: w(20n), f(CW), p-2. */
static size_t skip_modifier(const char *line, size_t n, size_t at) {
    while (at < n && line[at] == ' ') at++;
    if (at < n && line[at] == '(') {
        while (at < n && line[at] != ')') at++;
        return at < n ? at + 1 : n;
    }
    return at;
}

static void table_layout(roff_table *t, const char *line, size_t n) {
    int columns = 0;
    size_t i = 0;
    for (; i < n && line[i] != '.'; i++) {
        const char c = lower(line[i]);
        if (c == ',') {
            if (t->n_layout < MAX_LAYOUTS) t->columns[t->n_layout++] = columns;
            columns = 0;
        } else if (c == 'w' || c == 'f' || c == 'p' || c == 'v' || c == 'm') {
            const size_t at = skip_modifier(line, n, i + 1);
            if (at > i + 1) i = at - 1;
            else if (c == 'f' && i + 1 < n) i += line[i + 1] == '(' ? 0 : 1 + (i + 2 < n && line[i + 2] >= 'A' && line[i + 2] <= 'Z');
        } else if (c != 0 && strchr("lrcna^_=-", c) != NULL && columns < MAX_COLUMNS) columns++;
    }
    if (t->n_layout < MAX_LAYOUTS) t->columns[t->n_layout++] = columns;
    if (i < n) t->part = TABLE_DATA;
}

static int row_columns(const roff_table *t) {
    if (t->n_layout == 0) return MAX_COLUMNS;
    return t->columns[t->row < t->n_layout ? t->row : t->n_layout - 1];
}

static void row_done(roff *r, roff_table *t) {
    size_t n = t->text.length;
    while (n > 0 && (t->text.data[n - 1] == '\t' || t->text.data[n - 1] == ' ')) n--;
    if (n > 0) roff_put(r, t->text.data, n);
    roff_break(r);
    string_reset(&t->text);
    t->cell = 0;
    if (t->row < t->n_layout) t->row++;
}

static void put_cell_text(roff *r, roff_table *t, const char *raw, size_t n) {
    if (t->cell >= row_columns(t)) return; /* more cells than the layout has columns: mandoc leaves them out too */
    string_reset(&r->rendered);
    roff_render(r, raw, n, &r->rendered);
    string_append(&t->text, string_chars(&r->rendered), r->rendered.length);
}

static bool is_rule(const char *cell, size_t n) {
    if (n == 1) return cell[0] == '_';
    return n == 2 && cell[0] == '\\' && (cell[1] == '_' || cell[1] == '^' || cell[1] == '=');
}

static void table_cells(roff *r, roff_table *t, const char *line, size_t n) {
    for (size_t at = 0;;) {
        size_t end = at;
        while (end < n && line[end] != t->tab) end++;
        size_t from = at, to = end;
        while (from < to && line[from] == ' ') from++;
        while (to > from && line[to - 1] == ' ') to--;
        if (end == n && to - from == 2 && memcmp(line + from, "T{", 2) == 0) {
            t->in_block = true;
            return;
        }
        if (to > from && !is_rule(line + from, to - from)) put_cell_text(r, t, line + from, to - from);
        t->cell++;
        if (end >= n) break;
        if (t->cell < row_columns(t)) string_char(&t->text, '\t');
        at = end + 1;
    }
    row_done(r, t);
}

static void table_block_line(roff *r, roff_table *t, const char *line, size_t n) {
    if (n >= 2 && line[0] == 'T' && line[1] == '}') {
        t->in_block = false;
        t->cell++;
        if (n == 2) row_done(r, t);
        else {
            if (t->cell < row_columns(t)) string_char(&t->text, '\t');
            if (line[2] == t->tab) table_cells(r, t, line + 3, n - 3);
            else row_done(r, t);
        }
        return;
    }
    if (t->text.length > 0 && t->text.data[t->text.length - 1] != '\t') string_char(&t->text, ' ');
    put_cell_text(r, t, line, n);
}

/* A control line in a table. As in mandoc, requests are done or, where they break lines or set type, ignored; of a macro its
 * arguments are data, as they stand. False where nothing is left to be read as data. */
static bool table_control(roff *r, const char **line, size_t *n) {
    static const char *const ignored[] = {"ad", "af", "bp", "br", "ce", "ft", "fi", "fam", "hc", "hw", "hy", "in", "it", "ll", "lt", "mc", "na", "ne",
                                          "nf", "nh", "nn", "ns", "pl", "po", "ps", "rj",  "rs", "rt", "sp", "ss", "ta", "ti", "tm", "ul", "vs", "TS"};
    const char *const end = *line + *n;
    const char *name = *line + 1;
    while (name < end && (*name == ' ' || *name == '\t')) name++;
    const char *rest = name;
    while (rest < end && *rest != ' ' && *rest != '\t') rest++;
    const size_t name_n = (size_t)(rest - name);
    while (rest < end && (*rest == ' ' || *rest == '\t')) rest++;
    for (size_t i = 0; i < COUNT(ignored); i++)
        if (strlen(ignored[i]) == name_n && memcmp(ignored[i], name, name_n) == 0) return false;
    if (name_n == 0 || roff_request(r, name, name_n, rest, (size_t)(end - rest))) return false;
    *line = rest;
    *n = (size_t)(end - rest);
    return *n > 0;
}

void table_line(roff *r, const char *line, size_t n) {
    roff_table *t = r->table;
    while (n > 0 && line[n - 1] == ' ' && !(n > 1 && line[n - 2] == '\\')) n--;
    if (t->part == TABLE_OPTIONS) {
        t->part = TABLE_LAYOUT;
        const char *end = NULL; /* "tab(;);": not the one in parentheses */
        bool inside = false;
        for (size_t i = 0; i < n && end == NULL; i++) {
            if (line[i] == '(') inside = true;
            else if (line[i] == ')') inside = false;
            else if (line[i] == ';' && !inside) end = line + i;
        }
        if (end != NULL) {
            table_options(t, line, (size_t)(end - line));
            if (line + n > end + 1) table_layout(t, end + 1, n - (size_t)(end + 1 - line));
            return;
        }
    }
    const bool control = n > 0 && (line[0] == r->control || line[0] == r->control2);
    if (control && n >= 3 && memcmp(line + 1, "T&", 2) == 0) {
        t->part = TABLE_LAYOUT;
        t->n_layout = t->row = 0;
        return;
    }
    const bool number = n > 1 && line[0] == '.' && line[1] >= '0' && line[1] <= '9'; /* .5 is data */
    if (control && !number && !table_control(r, &line, &n)) return;
    if (t->part == TABLE_LAYOUT) table_layout(t, line, n);
    else if (t->in_block) table_block_line(r, t, line, n);
    else if (!is_rule(line, n) && !(n == 1 && line[0] == '=')) table_cells(r, t, line, n);
}

void table_end(roff *r) {
    roff_table *t = r->table;
    if (t->text.length > 0) row_done(r, t);
    string_drop(&t->text);
    r->table = NULL;
    r->out.fill = t->saw_fill;
}
