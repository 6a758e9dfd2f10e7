#include "data/read_roff.h"
#include "data/read_roff_inner.h"

#include <string.h>
#include <strings.h>

/* ---- output ---- */

static void line_begin(roff_out *o) {
    if (o->blank && !o->heading && o->text->length > o->start) string_char(o->text, '\n');
    o->blank = o->heading = false;
    for (int i = 0; i < o->indent; i++) string_char(o->text, ' ');
    o->at_start = false;
}

static char last_byte(const roff_out *o) {
    return o->text->length > o->start ? o->text->data[o->text->length - 1] : '\n';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void roff_put(roff *r, const char *utf8, size_t n) {
    roff_out *o = &r->out;
    const bool space = !o->nospace && !o->at_start;
    o->nospace = o->never_space;
    if (n == 0) { /* an empty word is a word: it ends a join, and a blank stands before it */
        if (space && last_byte(o) != ' ') string_char(o->text, ' ');
        return;
    }
    if (!o->fill) {
        if (o->at_start) line_begin(o);
        else if (space) string_char(o->text, ' ');
        string_append(o->text, utf8, n);
        return;
    }
    if (space && last_byte(o) != ' ') string_char(o->text, ' ');
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && !is_blank(utf8[end])) end++;
        if (end > i) {
            if (o->at_start) line_begin(o);
            string_append(o->text, utf8 + i, end - i);
        } else {
            while (end < n && is_blank(utf8[end])) end++;
            if (!o->at_start && last_byte(o) != ' ') string_char(o->text, ' ');
        }
        i = end;
    }
}

void roff_put_text(roff *r, const char *utf8) {
    roff_put(r, utf8, strlen(utf8));
}

void roff_put_raw(roff *r, const char *raw, size_t n) {
    string_reset(&r->rendered);
    roff_render(r, raw, n, &r->rendered);
    roff_put(r, string_chars(&r->rendered), r->rendered.length);
    if (r->continued) r->out.nospace = true;
}

void roff_join(roff *r) {
    r->out.nospace = true;
}

void roff_break(roff *r) {
    roff_out *o = &r->out;
    o->nospace = o->never_space;
    if (o->at_start) return;
    while (o->text->length > o->start && is_blank(o->text->data[o->text->length - 1])) o->text->length--;
    string_char(o->text, '\n');
    o->at_start = true;
}

void roff_blank(roff *r) {
    roff_break(r);
    r->out.blank = true;
}

void roff_heading(roff *r) {
    roff_blank(r);
    r->out.heading = false; /* two headings in a row are set apart */
    r->out.indent = 0;
    if (++r->n_heading == 2) r->name_end = r->out.text->length;
}

/* ---- input ---- */

bool roff_stop(roff *r, const char *why) {
    if (!r->failed) fail(r->err, "%s", why);
    r->failed = true;
    return false;
}

static void *roff_alloc(roff *r, size_t n) {
    void *p = arena_alloc(r->owner, n);
    if (p == NULL) roff_stop(r, "the page needs more memory than a document may take");
    return p;
}

void roff_push(roff *r, const char *text, size_t n, const char **arg, int n_arg, bool is_macro) {
    if (r->depth >= ROFF_MAX_DEPTH) return; /* a macro that calls itself: mandoc ignores the call too */
    roff_source *s = roff_alloc(r, sizeof *s);
    if (s == NULL) return;
    *s = (roff_source){.text = text, .n = n, .arg = arg, .n_arg = n_arg, .is_macro = is_macro, .below = r->source};
    r->source = s;
    r->depth++;
}

static void roff_pop(roff *r) {
    r->source = r->source->below;
    r->depth--;
}

/* The end of the line's text before a comment; *joins: the line goes on in the next one. */
static size_t line_end(const roff *r, const char *line, size_t n, bool *joins) {
    *joins = false;
    if (r->escape == 0) return n;
    for (const char *p = line; (p = memchr(p, r->escape, n - (size_t)(p - line))) != NULL; p += 2) {
        const size_t at = (size_t)(p - line);
        if (at + 1 >= n) {
            *joins = true;
            return at;
        }
        if (p[1] == '"') return at;
        if (p[1] == '#') {
            *joins = true;
            return at;
        }
        if (at + 2 > n) break;
    }
    return n;
}

static bool source_line(roff_source *s, const char **line, size_t *n) {
    if (s->at >= s->n) return false;
    *line = s->text + s->at;
    const char *end = memchr(*line, '\n', s->n - s->at);
    *n = end != NULL ? (size_t)(end - *line) : s->n - s->at;
    s->at += *n + 1;
    if (*n > 0 && (*line)[*n - 1] == '\r') --*n;
    return true;
}

bool roff_next_line(roff *r, const char **line, size_t *n) {
    bool joins;
    if (r->failed || ++r->steps > ROFF_MAX_STEPS) return r->failed ? false : roff_stop(r, "the page's macros do not come to an end");
    if (!source_line(r->source, line, n)) return false;
    const size_t whole = *n;
    r->steps += (long)(whole / 64); /* a long line is many steps */
    *n = line_end(r, *line, whole, &joins);
    if (!joins) {
        if (*n == 0 && whole > 0) *line = ".", *n = 1; /* a line that is all comment is no empty line */
        return true;
    }
    string joined = {.limit = ROFF_MAX_LINE};
    string_append(&joined, *line, *n);
    while (joins && source_line(r->source, line, n)) {
        r->steps += 1 + (long)(*n / 64);
        *n = line_end(r, *line, *n, &joins);
        string_append(&joined, *line, *n);
    }
    *n = joined.length;
    *line = arena_copy_bytes(r->owner, string_chars(&joined), joined.length);
    string_drop(&joined);
    return *line != NULL || roff_stop(r, "the page needs more memory than a document may take");
}

int roff_split(roff *r, const char *text, size_t n, roff_arg *arg, int room, bool tabs) {
    int count = 0;
    size_t i = 0;
    while (count < room) {
        while (i < n && (text[i] == ' ' || (tabs && text[i] == '\t'))) i++;
        if (i >= n) break;
        const bool quoted = text[i] == '"';
        const size_t begin = quoted ? ++i : i;
        size_t end = n;
        bool doubled = false; /* "" in quotes is one quote, and copy mode makes one of two backslashes */
        while (i < n) {
            if (text[i] == '\\' && i + 1 < n) doubled |= text[i + 1] == '\\', i += 2;
            else if (quoted && text[i] == '"' && i + 1 < n && text[i + 1] == '"') doubled = true, i += 2;
            else if (quoted ? text[i] == '"' : text[i] == ' ' || (tabs && text[i] == '\t')) break;
            else i++;
        }
        end = i < n ? i : n;
        if (quoted && i < n) i++;
        arg[count++] = (roff_arg){text + begin, end - begin, quoted};
        if (!doubled) continue;
        char *copy = arena_copy_bytes(r->owner, text + begin, end - begin);
        size_t kept = 0;
        for (size_t k = begin; copy != NULL && k < end; k++) {
            copy[kept++] = text[k];
            if (k + 1 < end && text[k + 1] == text[k] && (text[k] == '\\' || (quoted && text[k] == '"'))) k++;
            else if (text[k] == '\\' && k + 1 < end) copy[kept++] = text[++k];
        }
        if (copy != NULL) arg[count - 1] = (roff_arg){copy, kept, quoted};
    }
    return count;
}

/* ---- lines ---- */

/* A macro that the page defined: its body is read next. */
static void call_macro(roff *r, const roff_text *body, const char *name, size_t name_n, const char *rest, size_t n) {
    roff_arg arg[ROFF_MAX_ARGS];
    const int n_arg = roff_split(r, rest, n, arg, ROFF_MAX_ARGS, false);
    const char **words = roff_alloc(r, sizeof *words * (size_t)(n_arg + 1));
    if (words == NULL) return;
    words[0] = arena_copy_bytes(r->owner, name, name_n);
    for (int i = 0; i < n_arg; i++) words[i + 1] = arena_copy_bytes(r->owner, arg[i].text, arg[i].n);
    for (int i = 0; i <= n_arg; i++)
        if (words[i] == NULL) return;
    roff_push(r, body->text, body->n, words, n_arg + 1, true);
}

static void choose_package(roff *r, const char *name, size_t n) {
    if (r->package != ROFF_PLAIN) return;
    if (n == 2 && (memcmp(name, "Dd", 2) == 0 || memcmp(name, "Dt", 2) == 0)) r->package = ROFF_MDOC;
    else if (n == 2 && (memcmp(name, "TH", 2) == 0 || memcmp(name, "SH", 2) == 0)) r->package = ROFF_MAN;
}

void roff_package_line(roff *r, bool was_text) {
    if (r->package == ROFF_MDOC) mdoc_line_done(r, was_text);
    else man_line_done(r, was_text);
}

static void control_line(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    const roff_text *own = roff_find(r, name, name_n);
    if (own != NULL && own->is_macro) {
        call_macro(r, own, name, name_n, rest, n);
        return;
    }
    const int64_t *other = map_get(r->renames, name, name_n);
    if (other != NULL && *other != 0) name = (const char *)(intptr_t)*other, name_n = strlen(name);
    if (roff_request(r, name, name_n, rest, n)) return;
    choose_package(r, name, name_n);
    if (r->package == ROFF_MDOC) {
        if (mdoc_macro(r, name, name_n, rest, n)) mdoc_line_done(r, false);
    } else if (man_macro(r, name, name_n, rest, n)) man_line_done(r, false);
}

void roff_text_line(roff *r, const char *text, size_t n) {
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t') && !(n > 1 && text[n - 2] == '\\')) n--;
    r->continued = false;
    if (n == 0) {
        roff_blank(r);
        return;
    }
    if (r->out.fill && text[0] == ' ') roff_break(r);
    roff_put_raw(r, text, n);
    if (!r->out.fill && !r->continued) roff_break(r);
    roff_package_line(r, true);
    if (r->trap_lines > 0 && --r->trap_lines == 0 && r->trap != NULL) control_line(r, r->trap, strlen(r->trap), "", 0);
}

/* Takes out the \} of conditions that are true. */
static const char *close_braces(roff *r, const char *line, size_t *n) {
    const char *from = line;
    size_t left = *n;
    string kept = {0};
    bool changed = false;
    for (size_t i = 0; i + 1 < left;) {
        if (from[i] != '\\') i++;
        else if (from[i + 1] == '}' && r->braces > 0) {
            r->braces--;
            changed = true;
            string_append(&kept, from, i);
            from += i + 2;
            left -= i + 2;
            i = 0;
        } else {
            if (from[i + 1] == '{') r->braces++; /* of a condition on this line, whose own \} follows */
            i += 2;
        }
    }
    if (changed) {
        string_append(&kept, from, left);
        *n = kept.length;
        line = arena_copy_bytes(r->owner, string_chars(&kept), kept.length);
        if (line == NULL) roff_stop(r, "the page needs more memory than a document may take"), line = "", *n = 0;
    }
    string_drop(&kept);
    return line;
}

static size_t skip_blanks(const char *line, size_t n, size_t at) {
    while (at < n && (line[at] == ' ' || line[at] == '\t')) at++;
    return at;
}

void roff_run_line(roff *r, const char *line, size_t n) {
    if (r->braces > 0 && memmem(line, n, "\\}", 2) != NULL) {
        const bool was_control = n > 0 && (line[0] == r->control || line[0] == r->control2);
        const size_t before = n;
        line = close_braces(r, line, &n);
        if (n == 0 && before > 0 && !was_control) return; /* nothing but \} */
    }
    for (int pass = 0; pass < 2; pass++) { /* as it is, then with what is to be replaced replaced */
        const bool control = n > 0 && (line[0] == r->control || line[0] == r->control2);
        size_t at = skip_blanks(line, n, 1), end = at;
        if (control)
            while (end < n && line[end] != ' ' && line[end] != '\t' && (line[end] != '\\' || end == at)) end++;
        const char *rest = line + (control ? skip_blanks(line, n, end) : 0);
        const size_t rest_n = n - (size_t)(rest - line);
        if (pass == 0) {
            if (control && roff_raw_request(r, line + at, end - at, rest, rest_n)) return;
            line = roff_expand(r, line, n, &n);
            if (r->failed) return;
            continue;
        }
        const bool ends_table = control && end - at == 2 && memcmp(line + at, "TE", 2) == 0;
        if (r->in_equation && !(control && end - at == 2 && memcmp(line + at, "EN", 2) == 0)) return;
        if (r->table != NULL && !ends_table) table_line(r, line, n);
        else if (control && end > at) r->continued = false, control_line(r, line + at, end - at, rest, rest_n);
        else if (!control) roff_text_line(r, line, n);
    }
}

void roff_run(roff *r, const roff_source *floor) {
    while (!r->failed && r->source != floor && r->source != NULL) {
        const char *line;
        size_t n;
        if (roff_next_line(r, &line, &n)) roff_run_line(r, line, n);
        else if (!r->failed) roff_pop(r);
    }
}

/* ---- the page ---- */

static const char *latin1_to_utf8(arena *owner, const char *bytes, size_t *n) {
    char *out = arena_alloc(owner, *n * 2 + 1);
    size_t at = 0;
    if (out == NULL) return NULL;
    for (size_t i = 0; i < *n; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c < 0x80) out[at++] = (char)c;
        else out[at++] = (char)(0xc0 | c >> 6), out[at++] = (char)(0x80 | (c & 0x3f));
    }
    *n = at;
    return out;
}

/* Of the NAME section's first paragraph. Of several names ("egrep, fgrep, grep") it is the one that the page's title has, where
 * there is one. */
static void find_name(roff *r) {
    roff_page *page = r->page;
    if (r->name_end <= r->name_start || r->name_start < r->out.start) return;
    const char *line = r->out.text->data + r->name_start;
    size_t n = r->name_end - r->name_start;
    const char *paragraph = memmem(line, n, "\n\n", 2);
    if (paragraph != NULL) n = (size_t)(paragraph - line);
    if (!roff_name_line(r->owner, line, n, &page->name, &page->description) || page->title == NULL) return;
    const size_t title_n = strlen(page->title);
    for (size_t at = 0; at < n;) {
        while (at < n && (is_blank(line[at]) || line[at] == ',')) at++;
        size_t end = at;
        while (end < n && !is_blank(line[end]) && line[end] != ',') end++;
        if (end - at == 1 && line[at] == '-') return;
        if (end - at == title_n && strncasecmp(line + at, page->title, title_n) == 0) {
            const char *name = arena_copy_bytes(r->owner, line + at, title_n);
            if (name != NULL) page->name = name;
            return;
        }
        if (end < n && line[end] != ',') return; /* the list is over */
        at = end;
    }
}

bool roff_to_text(arena *owner, const char *bytes, size_t n, const roff_include *include, string *out, roff_page *page, error *err) {
    roff *r = NEW(owner, roff);
    roff_page ignored;
    if (r == NULL) return fail(err, "the page needs more memory than a document may take");
    if (page == NULL) page = &ignored;
    *page = (roff_page){0};
    *r = (roff){.owner = owner, .include = include, .err = err, .control = '.', .control2 = '\'', .escape = '\\', .page = page};
    r->out = (roff_out){.text = out, .start = out->length, .fill = true, .at_start = true};
    r->rendered.limit = r->parts.limit = ROFF_MAX_LINE;
    r->names = map_new(owner, 64);
    r->renames = map_new(owner, 8);
    r->registers = map_new(owner, 32);
    r->steps_of = map_new(owner, 8);
    r->printed = map_new(owner, 8);
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) bytes += 3, n -= 3;
    if (!utf8_valid(bytes, n)) bytes = latin1_to_utf8(owner, bytes, &n);
    if (bytes == NULL || r->printed == NULL || r->steps_of == NULL || r->registers == NULL || r->renames == NULL || r->names == NULL)
        return fail(err, "the page needs more memory than a document may take");
    roff_push(r, bytes, n, NULL, 0, false);
    roff_run(r, NULL);
    if (r->table != NULL && !r->failed) table_end(r);
    mdoc_finish(r);
    roff_break(r);
    if (r->n_heading == 1) r->name_end = out->length;
    if (out->overflow) roff_stop(r, "the text is longer than a document may be");
    if (!r->failed) find_name(r);
    string_drop(&r->rendered);
    string_drop(&r->parts);
    return !r->failed;
}

bool roff_is_page(const char *bytes, size_t n) {
    static const char *const begins[] = {"TH", "Dd", "Dt", "SH", "Sh",  "so", "de",  "ds", "nr", "if", "ie",
                                         "tr", "ig", "nh", "ad", "mso", "do", "als", "hy", "TL", "lf", "de1"};
    for (size_t at = 0; at < n;) {
        const char *line = bytes + at;
        const char *end = memchr(line, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - line) : n - at;
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r') length--;
        if (length == 0) continue;
        if (line[0] != '.' && line[0] != '\'') return false;
        size_t from = skip_blanks(line, length, 1);
        if (from == length || line[from] == '\\') continue; /* a comment */
        size_t to = from;
        while (to < length && line[to] != ' ' && line[to] != '\t' && line[to] != '\\') to++;
        for (size_t i = 0; i < COUNT(begins); i++)
            if (strlen(begins[i]) == to - from && memcmp(begins[i], line + from, to - from) == 0) return true;
        return false;
    }
    return false;
}

/* One line, ends trimmed and blanks single; NULL where nothing is left or the limit is met. */
static char *squeeze(arena *owner, const char *text, size_t n) {
    char *out = arena_alloc(owner, n + 1);
    size_t at = 0;
    if (out == NULL) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!is_blank(text[i])) out[at++] = text[i];
        else if (at > 0 && out[at - 1] != ' ') out[at++] = ' ';
    }
    while (at > 0 && out[at - 1] == ' ') at--;
    out[at] = 0;
    return at > 0 ? out : NULL;
}

bool roff_name_line(arena *owner, const char *line, size_t n, const char **name, const char **description) {
    static const char *const dashes[] = {"-", "--", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x88\x92", "\xe2\x80\x90", "\xe2\x80\x95"};
    *name = *description = NULL;
    for (size_t at = 1; at < n; at++) {
        if (!is_blank(line[at - 1]) || is_blank(line[at])) continue;
        size_t end = at;
        while (end < n && !is_blank(line[end])) end++;
        for (size_t i = 0; i < COUNT(dashes); i++) {
            if (end - at != strlen(dashes[i]) || memcmp(line + at, dashes[i], end - at) != 0) continue;
            const char *comma = memchr(line, ',', at);
            const char *first = squeeze(owner, line, comma != NULL ? (size_t)(comma - line) : at);
            const char *about = squeeze(owner, line + end, n - end);
            if (first == NULL || about == NULL) return false;
            *name = first;
            *description = about;
            return true;
        }
        at = end;
    }
    return false;
}
