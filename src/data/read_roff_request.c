/* Requests of the roff language: definitions, conditions, loops, registers, and those that break a line. What is not here (fonts,
 * sizes, margins, hyphenation) prints nothing and is ignored, as is what nobody knows. */
#include "data/read_roff_inner.h"

#include <string.h>

static size_t skip(const char *text, size_t n, size_t at) {
    while (at < n && (text[at] == ' ' || text[at] == '\t')) at++;
    return at;
}

/* The next word of a request's arguments; *at moves behind it. */
static size_t word(const char *text, size_t n, size_t *at, const char **start) {
    *at = skip(text, n, *at);
    const size_t begin = *at;
    while (*at < n && text[*at] != ' ' && text[*at] != '\t') ++*at;
    *start = text + begin;
    return *at - begin;
}

/* ---- definitions ---- */

static void define(roff *r, const char *name, size_t name_n, const char *text, size_t n, bool is_macro, bool append) {
    if (name_n == 0 || r->failed) return;
    const roff_text *old = append ? roff_find(r, name, name_n) : NULL;
    const size_t old_n = old != NULL ? old->n : 0;
    char *value = arena_alloc(r->owner, old_n + n + 1);
    roff_text *t = arena_alloc(r->owner, sizeof *t);
    int64_t *place = map_put(r->names, name, name_n, NULL);
    if (value == NULL || t == NULL || place == NULL) {
        roff_stop(r, "the page needs more memory than a document may take");
        return;
    }
    if (old_n > 0) memcpy(value, old->text, old_n);
    size_t at = old_n;
    for (size_t i = 0; i < n; i++) { /* copy mode: \\ becomes \ */
        value[at++] = text[i];
        if (text[i] == '\\' && i + 1 < n && text[i + 1] == '\\') i++;
    }
    *t = (roff_text){value, at, is_macro};
    *place = (int64_t)(intptr_t)t;
}

static void request_ds(roff *r, const char *rest, size_t n, bool append) {
    const char *name;
    size_t at = 0;
    const size_t name_n = word(rest, n, &at, &name);
    at = skip(rest, n, at);
    if (at < n && rest[at] == '"') at++;
    define(r, name, name_n, rest + at, n - at, false, append);
}

static void request_ds_set(roff *r, const char *rest, size_t n) {
    request_ds(r, rest, n, false);
}

static void request_as(roff *r, const char *rest, size_t n) {
    request_ds(r, rest, n, true);
}

/* Lines up to `.END`, each ending in LF, appended to body (which may be NULL). */
static void read_body(roff *r, const char *end, size_t end_n, string *body) {
    const char *line;
    size_t n;
    while (roff_next_line(r, &line, &n)) {
        if (n > 0 && line[0] == r->control) {
            const size_t at = skip(line, n, 1);
            if (n - at >= end_n && memcmp(line + at, end, end_n) == 0 && (n - at == end_n || line[at + end_n] == ' ' || line[at + end_n] == '\t')) return;
        }
        if (body == NULL) continue;
        line = roff_expand(r, line, n, &n);
        string_append(body, line, n);
        string_char(body, '\n');
    }
}

static void request_de(roff *r, const char *rest, size_t n, bool append) {
    char own[64];
    const char *name, *end;
    size_t at = 0;
    const size_t name_n = word(rest, n, &at, &name);
    size_t end_n = word(rest, n, &at, &end);
    if (end_n == 0 || end_n >= sizeof own) end = ".", end_n = 1;
    string body = {.limit = ROFF_MAX_LINE};
    read_body(r, end, end_n, &body);
    if (body.overflow) roff_stop(r, "a macro's definition is longer than a line may be");
    define(r, name, name_n, string_chars(&body), body.length, true, append);
    string_drop(&body);
}

static void request_ig(roff *r, const char *rest, size_t n) {
    const char *end;
    size_t at = 0, end_n = word(rest, n, &at, &end);
    if (end_n == 0) end = ".", end_n = 1;
    read_body(r, end, end_n, NULL);
}

static void request_rm(roff *r, const char *rest, size_t n) {
    const char *name;
    size_t name_n;
    for (size_t at = 0; (name_n = word(rest, n, &at, &name)) > 0;) {
        int64_t *place = map_get(r->names, name, name_n);
        if (place != NULL) *place = 0;
    }
}

/* Both names mean the same from now on; a built-in macro may get another name too. */
static void rename_to(roff *r, const char *new_name, size_t new_n, const char *old, size_t old_n, bool keep_old) {
    const int64_t *value = map_get(r->names, old, old_n);
    if (new_n == 0 || old_n == 0) return;
    if (value != NULL && *value != 0) {
        const int64_t text = *value;
        int64_t *place = map_put(r->names, new_name, new_n, NULL);
        if (place != NULL) *place = text;
        if (!keep_old && (place = map_get(r->names, old, old_n)) != NULL) *place = 0;
        return;
    }
    const int64_t *renamed = map_get(r->renames, old, old_n);
    const char *target = renamed != NULL && *renamed != 0 ? (const char *)(intptr_t)*renamed : arena_copy_bytes(r->owner, old, old_n);
    int64_t *place = map_put(r->renames, new_name, new_n, NULL);
    if (place != NULL && target != NULL) *place = (int64_t)(intptr_t)target;
}

static void request_rn(roff *r, const char *rest, size_t n) {
    const char *old, *new_name;
    size_t at = 0;
    const size_t old_n = word(rest, n, &at, &old), new_n = word(rest, n, &at, &new_name);
    rename_to(r, new_name, new_n, old, old_n, false);
}

static void request_als(roff *r, const char *rest, size_t n) {
    const char *old, *new_name;
    size_t at = 0;
    const size_t new_n = word(rest, n, &at, &new_name), old_n = word(rest, n, &at, &old);
    rename_to(r, new_name, new_n, old, old_n, true);
}

static void request_nr(roff *r, const char *rest, size_t n) {
    const char *name;
    size_t at = 0;
    const size_t name_n = word(rest, n, &at, &name);
    at = skip(rest, n, at);
    const char sign = at < n && (rest[at] == '+' || rest[at] == '-') ? rest[at++] : 0;
    long value = 0, step;
    if (name_n == 0 || !roff_number(rest, n, &at, &value)) return;
    const long now = roff_register(r, name, name_n);
    roff_set_register(r, name, name_n, sign == '+' ? now + value : sign == '-' ? now - value : value);
    at = skip(rest, n, at);
    if (roff_number(rest, n, &at, &step)) {
        int64_t *place = map_put(r->steps_of, name, name_n, NULL);
        if (place != NULL) *place = step;
    }
}

static void request_rr(roff *r, const char *rest, size_t n) {
    const char *name;
    size_t at = 0;
    const size_t name_n = word(rest, n, &at, &name);
    if (map_get(r->registers, name, name_n) != NULL) roff_set_register(r, name, name_n, 0);
}

static size_t glyph_end(const char *text, size_t n, size_t at) {
    if (text[at] == '\\') return roff_escape_end(text, n, at);
    utf8_next(text, n, &at);
    return at;
}

static void print_as(roff *r, const char *glyph, size_t glyph_n, const char *text, size_t n) {
    roff_text *t = arena_alloc(r->owner, sizeof *t);
    const char *copy = arena_copy_bytes(r->owner, text, n);
    int64_t *place = map_put(r->printed, glyph, glyph_n, NULL);
    if (t == NULL || copy == NULL || place == NULL) return;
    *t = (roff_text){copy, n, false};
    *place = (int64_t)(intptr_t)t;
}

static void request_tr(roff *r, const char *rest, size_t n) { /* pairs of characters */
    for (size_t at = 0; at < n;) {
        const size_t from = at, to = glyph_end(rest, n, at);
        const size_t end = to < n ? glyph_end(rest, n, to) : to;
        if (to < n) print_as(r, rest + from, to - from, rest + to, end - to);
        else print_as(r, rest + from, to - from, " ", 1);
        at = end;
    }
}

static void request_char(roff *r, const char *rest, size_t n) {
    if (n == 0) return;
    const size_t end = glyph_end(rest, n, 0);
    size_t at = skip(rest, n, end);
    if (at < n && rest[at] == '"') at++;
    print_as(r, rest, end, rest + at, n - at);
}

/* ---- conditions ---- */

static bool condition_is_true(roff *r, const char *text, size_t n, size_t *at) {
    bool wanted = true;
    while (*at < n && (text[*at] == '!' || text[*at] == ' ')) wanted ^= text[(*at)++] == '!';
    if (*at >= n) return false;
    long value;
    const char *name;
    size_t name_n, end;
    switch (text[*at]) {
    case 'n':
    case 'o': ++*at; return wanted;
    case 't':
    case 'e':
    case 'v': ++*at; return !wanted;
    case 'd':
    case 'r':
    case 'm':
    case 'F':
    case 'S': {
        const char kind = text[(*at)++];
        name_n = word(text, n, at, &name);
        const char *brace = memmem(name, name_n, "\\{", 2);
        if (brace != NULL) *at -= (size_t)(name + name_n - brace), name_n = (size_t)(brace - name);
        bool found = false;
        if (kind == 'r') found = map_get(r->registers, name, name_n) != NULL;
        else if (kind == 'd') found = roff_find(r, name, name_n) != NULL || roff_predefined(name, name_n) != NULL;
        return found == wanted;
    }
    case 'c':
        *at = skip(text, n, *at + 1);
        if (*at >= n) return !wanted;
        end = glyph_end(text, n, *at);
        string_reset(&r->parts);
        roff_render(r, text + *at, end - *at, &r->parts);
        *at = end;
        return (r->parts.length > 0) == wanted;
    default: break;
    }
    if (roff_number(text, n, at, &value)) return (value > 0) == wanted;
    const char quote = text[*at]; /* 'one'other' */
    const char *first = text + *at + 1;
    const char *middle = memchr(first, quote, n - *at - 1);
    const char *last = middle != NULL ? memchr(middle + 1, quote, n - (size_t)(middle + 1 - text)) : NULL;
    if (last == NULL) return *at = n, false;
    *at = (size_t)(last + 1 - text);
    return ((middle - first == last - middle - 1) && memcmp(first, middle + 1, (size_t)(middle - first)) == 0) == wanted;
}

/* Counts \{ and \} of a line. */
static int braces_of(const char *line, size_t n, int depth, size_t *end) {
    for (size_t i = 0; i + 1 < n;) {
        if (line[i] != '\\') i++;
        else {
            if (line[i + 1] == '{') depth++;
            if (line[i + 1] == '}' && --depth == 0) return *end = i, 0;
            i += 2;
        }
    }
    *end = n;
    return depth;
}

/* What stands behind a condition: done, or passed over with all the lines of its block. */
static void branch(roff *r, bool truth, const char *text, size_t n) {
    size_t at = skip(text, n, 0), end;
    const bool block = n - at >= 2 && text[at] == '\\' && text[at + 1] == '{';
    if (truth) {
        while (n - at >= 2 && text[at] == '\\' && text[at + 1] == '{') {
            r->braces++;
            at = skip(text, n, at + 2);
        }
        if (at < n) roff_run_line(r, text + at, n - at);
        return;
    }
    if (!block) return;
    for (int depth = braces_of(text + at, n - at, 0, &end); depth > 0;) {
        const char *line;
        size_t line_n;
        if (!roff_next_line(r, &line, &line_n)) return;
        depth = braces_of(line, line_n, depth, &end);
    }
}

static void request_if(roff *r, const char *rest, size_t n) {
    size_t at = 0;
    const bool truth = condition_is_true(r, rest, n, &at);
    branch(r, truth, rest + at, n - at);
}

static void request_ie(roff *r, const char *rest, size_t n) {
    size_t at = 0;
    const bool truth = condition_is_true(r, rest, n, &at);
    if (r->n_condition < ROFF_MAX_CONDITIONS) r->condition[r->n_condition++] = truth;
    branch(r, truth, rest + at, n - at);
}

static void request_el(roff *r, const char *rest, size_t n) {
    const bool before = r->n_condition > 0 ? r->condition[--r->n_condition] : true;
    branch(r, !before, rest, n);
}

/* .while condition \{ ... \}: the condition is expanded anew each time. */
static void request_while(roff *r, const char *rest, size_t n) {
    string body = {.limit = ROFF_MAX_LINE};
    const char *open = memmem(rest, n, "\\{", 2);
    size_t condition_n = n;
    if (open != NULL) {
        size_t end;
        condition_n = (size_t)(open - rest);
        const char *line = open;
        size_t line_n = n - condition_n;
        int depth = 0;
        do {
            depth = braces_of(line, line_n, depth, &end);
            const size_t begin = line == open ? 2 : 0;
            if (end > begin) string_append(&body, line + begin, end - begin);
            if (end > begin || line != open) string_char(&body, '\n');
        } while (depth > 0 && roff_next_line(r, &line, &line_n));
    }
    if (body.overflow) roff_stop(r, "a loop is longer than a line may be");
    const char *loop = arena_copy_bytes(r->owner, string_chars(&body), body.length);
    const size_t loop_n = body.length;
    string_drop(&body);
    const roff_source *floor = r->source;
    r->leave = false;
    while (loop != NULL && !r->failed && !r->leave && ++r->steps < ROFF_MAX_STEPS) {
        size_t expanded_n, at = 0;
        const char *expanded = roff_expand(r, rest, condition_n, &expanded_n);
        if (!condition_is_true(r, expanded, expanded_n, &at)) break;
        if (open == NULL) {
            branch(r, true, expanded + at, expanded_n - at);
            continue;
        }
        if (r->depth >= ROFF_MAX_DEPTH) break;
        roff_push(r, loop, loop_n, NULL, 0, false);
        roff_run(r, floor);
    }
    r->leave = false;
}

static void request_break(roff *r, const char *rest, size_t n) {
    r->leave = true;
    r->source->at = r->source->n;
}

/* ---- control ---- */

static void request_return(roff *r, const char *rest, size_t n) {
    for (roff_source *s = r->source; s != NULL; s = s->below) {
        if (!s->is_macro && s->below == NULL) return;
        s->at = s->n;
        if (s->is_macro) return;
    }
}

static void request_ex(roff *r, const char *rest, size_t n) {
    for (roff_source *s = r->source; s != NULL; s = s->below) s->at = s->n;
}

static void request_shift(roff *r, const char *rest, size_t n) {
    long by = 1;
    size_t at = 0;
    roff_number(rest, n, &at, &by);
    for (roff_source *s = r->source; s != NULL; s = s->below) {
        if (!s->is_macro) continue;
        if (by < 1) return;
        if (by > s->n_arg - 1) by = s->n_arg - 1;
        for (int i = 1; i + by < s->n_arg; i++) s->arg[i] = s->arg[i + by];
        s->n_arg -= (int)by;
        return;
    }
}

static void request_nop(roff *r, const char *rest, size_t n) {
    if (n > 0) roff_run_line(r, rest, n);
}

static void request_do(roff *r, const char *rest, size_t n) {
    char *line = arena_print(r->owner, ".%.*s", (int)(n < ROFF_MAX_LINE ? n : ROFF_MAX_LINE), rest);
    if (line != NULL && n > 0) roff_run_line(r, line, strlen(line));
}

static void request_so(roff *r, const char *rest, size_t n) {
    const char *name;
    size_t at = 0, text_n;
    const size_t name_n = word(rest, n, &at, &name);
    for (const roff_source *s = r->source; s != NULL; s = s->below)
        if (s->is_included) return; /* one level: a page that includes itself ends here */
    if (name_n == 0 || r->include == NULL) return;
    const char *copy = arena_copy_bytes(r->owner, name, name_n);
    const char *text = copy != NULL ? r->include->find(r->include->context, r->owner, copy, &text_n) : NULL;
    if (text == NULL) return;
    const roff_source *below = r->source;
    roff_push(r, text, text_n, NULL, 0, false);
    if (r->source != below) r->source->is_included = true;
}

static void request_ec(roff *r, const char *rest, size_t n) {
    r->escape = n > 0 ? rest[0] : '\\';
}

static void request_eo(roff *r, const char *rest, size_t n) {
    r->escape = 0;
}

static void request_cc(roff *r, const char *rest, size_t n) {
    r->control = n > 0 ? rest[0] : '.';
}

static void request_c2(roff *r, const char *rest, size_t n) {
    r->control2 = n > 0 ? rest[0] : '\'';
}

static void request_it(roff *r, const char *rest, size_t n) {
    const char *name;
    size_t at = 0;
    long lines = 0;
    r->trap_lines = 0;
    if (!roff_number(rest, n, &at, &lines)) return;
    const size_t name_n = word(rest, n, &at, &name);
    r->trap = name_n > 0 ? arena_copy_bytes(r->owner, name, name_n) : NULL;
    r->trap_lines = r->trap != NULL ? lines : 0;
}

/* ---- lines ---- */

static void request_br(roff *r, const char *rest, size_t n) {
    roff_break(r);
}

static void request_sp(roff *r, const char *rest, size_t n) {
    long lines = 1;
    size_t at = 0;
    roff_number(rest, n, &at, &lines);
    if (lines > 0) roff_blank(r);
    else roff_break(r);
}

static void request_nf(roff *r, const char *rest, size_t n) {
    roff_break(r);
    r->out.fill = false;
}

static void request_fi(roff *r, const char *rest, size_t n) {
    roff_break(r);
    r->out.fill = true;
}

static void request_ts(roff *r, const char *rest, size_t n) {
    if (r->table == NULL) table_begin(r);
}

static void request_te(roff *r, const char *rest, size_t n) {
    if (r->table != NULL) table_end(r);
}

static void request_eq(roff *r, const char *rest, size_t n) {
    r->in_equation = true;
}

static void request_en(roff *r, const char *rest, size_t n) {
    r->in_equation = false;
}

static void request_nothing(roff *r, const char *rest, size_t n) {
}

typedef struct request {
    const char *name;
    void (*run)(roff *r, const char *rest, size_t n);
} request;

static const request requests[] = {
    {"br", request_br},   {"sp", request_sp}, {"if", request_if},     {"ie", request_ie},         {"el", request_el},       {"ds", request_ds_set},
    {"as", request_as},   {"nr", request_nr}, {"nf", request_nf},     {"fi", request_fi},         {"in", request_br},       {"ti", request_br},
    {"ce", request_br},   {"rj", request_br}, {"bp", request_br},     {"rm", request_rm},         {"rn", request_rn},       {"rr", request_rr},
    {"als", request_als}, {"tr", request_tr}, {"char", request_char}, {"so", request_so},         {"ec", request_ec},       {"eo", request_eo},
    {"cc", request_cc},   {"c2", request_c2}, {"it", request_it},     {"return", request_return}, {"shift", request_shift}, {"break", request_break},
    {"nop", request_nop}, {"do", request_do}, {"ex", request_ex},     {"ab", request_ex},         {"nx", request_ex},       {"TS", request_ts},
    {"TE", request_te},   {"EQ", request_eq}, {"EN", request_en},     {"ds1", request_ds_set},    {"as1", request_as},      {"tm", request_nothing},
};

static bool same(const char *a, const char *name, size_t n) {
    return strlen(a) == n && memcmp(a, name, n) == 0;
}

bool roff_request(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    for (size_t i = 0; i < COUNT(requests); i++)
        if (same(requests[i].name, name, name_n)) return requests[i].run(r, rest, n), true;
    return false;
}

bool roff_raw_request(roff *r, const char *name, size_t name_n, const char *rest, size_t n) {
    if (name_n < 2 || roff_find(r, name, name_n) != NULL) return false;
    if (same("de", name, name_n) || same("de1", name, name_n)) request_de(r, rest, n, false);
    else if (same("am", name, name_n) || same("am1", name, name_n)) request_de(r, rest, n, true);
    else if (same("ig", name, name_n)) request_ig(r, rest, n);
    else if (same("while", name, name_n)) request_while(r, rest, n);
    else return false;
    return true;
}
