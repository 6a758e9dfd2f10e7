#include "curate/report.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names come from the documents: a report is read by people, and one row stands for all names beyond these, and for long ones. */
enum { ROWS_MOST = 400, ROW_NAME = 200 };
static const char *const others = "(others)";

static report_row *row_of(report *r, report_rows *rows, const char *name, const char *rule) {
    char key[2 * ROW_NAME + 2];
    if (rows->places == NULL) rows->places = map_new(r->owner, 64);
    if (strlen(name) > ROW_NAME) name = others;
    int n = snprintf(key, sizeof key, "%s\n%.*s", name, ROW_NAME, rule != NULL ? rule : "");
    const int64_t *known = map_get(rows->places, key, (size_t)n);
    if (known == NULL && rows->n >= ROWS_MOST) {
        name = others;
        n = snprintf(key, sizeof key, "%s\n%.*s", name, ROW_NAME, rule != NULL ? rule : "");
        known = map_get(rows->places, key, (size_t)n);
    }
    if (known != NULL) return &rows->row[*known];
    *map_put(rows->places, key, (size_t)n, NULL) = (int64_t)rows->n;
    if (rows->n == rows->room) {
        const size_t room = rows->room == 0 ? 32 : rows->room * 2;
        rows->row = arena_grow(r->owner, rows->row, sizeof *rows->row * rows->n, sizeof *rows->row * room);
        rows->room = room;
    }
    report_row *row = &rows->row[rows->n++];
    *row = (report_row){.name = arena_copy(r->owner, name), .rule = rule != NULL ? arena_copy(r->owner, rule) : NULL};
    return row;
}

static void count_in(report_count *c, const pipeline_item *item) {
    c->documents_in++;
    c->bytes_in += (double)item->characters_in;
}

static void count_out(report_count *c, const pipeline_item *item) {
    c->documents_out++;
    c->bytes_out += (double)item->d.n;
}

void report_add(report *r, const pipeline_item *item, bool is_valid) {
    const bool kept = item->failure == NULL && item->dropped_by == NULL;
    report_count *source_count = &row_of(r, &r->sources, item->d.source != NULL ? item->d.source : "", NULL)->count;
    count_in(&r->all, item);
    count_in(source_count, item);
    if (item->failure == NULL && document_get(&item->d, "language") != NULL) {
        arena scratch = {0};
        report_count *c = &row_of(r, &r->languages, document_language(&item->d, &scratch, "und"), NULL)->count;
        count_in(c, item);
        if (kept) count_out(c, item);
        arena_drop(&scratch);
    }
    if (item->failure != NULL) count_in(&row_of(r, &r->drops, "read", "unreadable")->count, item);
    else if (item->dropped_by != NULL) count_in(&row_of(r, &r->drops, item->dropped_by->kind->name, item->j.v.rule)->count, item);
    if (!kept) return;
    count_out(&r->all, item);
    count_out(source_count, item);
    r->valid += is_valid;
    r->written += (double)item->line.length;
}

/* ---- report.json ---- */

static void json_count(json_writer *w, const report_count *c) {
    json_key(w, "documents_in"), json_integer(w, c->documents_in);
    json_key(w, "documents_out"), json_integer(w, c->documents_out);
    json_key(w, "bytes_in"), json_integer(w, (int64_t)c->bytes_in);
    json_key(w, "bytes_out"), json_integer(w, (int64_t)c->bytes_out);
}

static int by_size(const void *a, const void *b) {
    const report_row *x = a, *y = b;
    if (x->count.bytes_in != y->count.bytes_in) return x->count.bytes_in < y->count.bytes_in ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* A copy in falling order of size. */
static report_rows sorted(const report *r, const report_rows *rows) {
    report_rows copy = *rows;
    copy.row = (report_row *)arena_copy_bytes(r->owner, rows->row != NULL ? (const char *)rows->row : "", sizeof *rows->row * rows->n);
    if (copy.n > 0) qsort(copy.row, copy.n, sizeof *copy.row, by_size);
    return copy;
}

static void json_rows(json_writer *w, const char *key, const char *name, const report_rows *rows) {
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < rows->n; i++) {
        json_begin_object(w);
        json_key(w, name), json_text(w, rows->row[i].name);
        json_count(w, &rows->row[i].count);
        json_end_object(w);
    }
    json_end_array(w);
}

void report_json(const report *r, const curate_recipe *recipe, const pairs *p, double seconds, string *out) {
    json_writer w = {.out = out, .indent = 2};
    const report_rows languages = sorted(r, &r->languages);
    json_begin_object(&w);
    json_key(&w, "recipe"), json_text(&w, recipe->file);
    json_count(&w, &r->all);
    json_key(&w, "documents_valid"), json_integer(&w, r->valid);
    json_key(&w, "shards"), json_integer(&w, r->shards);
    json_key(&w, "seconds"), json_number(&w, seconds);
    json_key(&w, "stages");
    json_begin_array(&w);
    for (size_t i = 0; i < recipe->n_stage; i++) json_text(&w, recipe->stages[i]->kind->name);
    json_end_array(&w);
    json_rows(&w, "sources", "source", &r->sources);
    json_key(&w, "dropped");
    json_begin_array(&w);
    for (size_t i = 0; i < r->drops.n; i++) {
        const report_row *row = &r->drops.row[i];
        json_begin_object(&w);
        json_key(&w, "stage"), json_text(&w, row->name);
        json_key(&w, "rule"), json_text(&w, row->rule);
        json_key(&w, "documents"), json_integer(&w, row->count.documents_in);
        json_key(&w, "bytes"), json_integer(&w, (int64_t)row->count.bytes_in);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_rows(&w, "languages", "language", &languages);
    if (p != NULL) {
        pairs_count counts[PAIRS_LANGUAGES];
        const size_t n = pairs_counts(p, counts);
        json_key(&w, "pairs");
        json_begin_array(&w);
        for (size_t i = 0; i < n; i++) {
            json_begin_object(&w);
            json_key(&w, "language"), json_text(&w, counts[i].language);
            json_key(&w, "train"), json_integer(&w, counts[i].train);
            json_key(&w, "valid"), json_integer(&w, counts[i].valid);
            json_end_object(&w);
        }
        json_end_array(&w);
    }
    json_end_object(&w);
    string_char(out, '\n');
}

/* ---- report.html ---- */

static void html_text(string *out, const char *text) {
    for (; *text != 0; text++) {
        if (*text == '<') string_text(out, "&lt;");
        else if (*text == '>') string_text(out, "&gt;");
        else if (*text == '&') string_text(out, "&amp;");
        else if (*text == '"') string_text(out, "&quot;");
        else string_char(out, *text);
    }
}

static void html_size(string *out, double bytes) {
    if (bytes >= 1e9) string_print(out, "%.2f GB", bytes / 1e9);
    else if (bytes >= 1e6) string_print(out, "%.1f MB", bytes / 1e6);
    else string_print(out, "%.1f kB", bytes / 1e3);
}

/* Two bars on one another: all in grey, what was kept in colour; the largest row is 260 wide. */
static void html_bar(string *out, double whole, double kept, double largest) {
    const double w = largest > 0 ? whole / largest * 260 : 0, k = largest > 0 ? kept / largest * 260 : 0;
    string_print(out,
                 "<svg width=\"262\" height=\"12\" role=\"img\"><rect width=\"%.1f\" height=\"12\" rx=\"2\" fill=\"#c9ced6\"/>"
                 "<rect width=\"%.1f\" height=\"12\" rx=\"2\" fill=\"#2f6f9f\"/></svg>",
                 w, k);
}

static void html_rows(string *out, const char *title, const char *first, const report_rows *rows) {
    double largest = 0;
    if (rows->n == 0) return;
    for (size_t i = 0; i < rows->n; i++)
        if (rows->row[i].count.bytes_in > largest) largest = rows->row[i].count.bytes_in;
    string_print(out, "<h2>%s</h2>\n<table><tr><th>%s<th class=n>documents in<th class=n>kept<th class=n>text in<th class=n>kept<th></tr>\n", title, first);
    for (size_t i = 0; i < rows->n; i++) {
        const report_count *c = &rows->row[i].count;
        string_text(out, "<tr><td>");
        html_text(out, rows->row[i].name[0] != 0 ? rows->row[i].name : "(no name)");
        string_print(out, "<td class=n>%ld<td class=n>%ld<td class=n>", c->documents_in, c->documents_out);
        html_size(out, c->bytes_in);
        string_text(out, "<td class=n>");
        html_size(out, c->bytes_out);
        string_text(out, "<td>");
        html_bar(out, c->bytes_in, c->bytes_out, largest);
        string_text(out, "</tr>\n");
    }
    string_text(out, "</table>\n");
}

static void html_drops(string *out, const report_rows *rows) {
    long most = 1;
    if (rows->n == 0) return;
    for (size_t i = 0; i < rows->n; i++)
        if (rows->row[i].count.documents_in > most) most = rows->row[i].count.documents_in;
    string_text(out, "<h2>Dropped, by stage and reason</h2>\n<table><tr><th>stage<th>reason<th class=n>documents<th class=n>text<th></tr>\n");
    for (size_t i = 0; i < rows->n; i++) {
        const report_row *row = &rows->row[i];
        string_text(out, "<tr><td>");
        html_text(out, row->name);
        string_text(out, "<td>");
        html_text(out, row->rule);
        string_print(out, "<td class=n>%ld<td class=n>", row->count.documents_in);
        html_size(out, row->count.bytes_in);
        string_text(out, "<td>");
        html_bar(out, (double)row->count.documents_in, 0, (double)most);
        string_text(out, "</tr>\n");
    }
    string_text(out, "</table>\n");
}

void report_html(const report *r, const curate_recipe *recipe, const pairs *p, double seconds, string *out) {
    char took[32];
    const report_rows languages = sorted(r, &r->languages);
    string_text(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Curation: ");
    html_text(out, recipe->file);
    string_text(out,
                "</title>\n<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
                "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #e3e7ec}"
                ".n{text-align:right;font-variant-numeric:tabular-nums}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}"
                "@media(prefers-color-scheme:dark){body{background:#14191f;color:#dbe2ea}td,th{border-color:#2a333d}}</style></head><body>\n<h1>Curation: ");
    html_text(out, recipe->file);
    string_print(out, "</h1>\n<p><b>%ld</b> of %ld documents kept (", r->all.documents_out, r->all.documents_in);
    html_size(out, r->all.bytes_out);
    string_text(out, " of ");
    html_size(out, r->all.bytes_in);
    string_print(out, " of text), %ld of them held out for validation, in %ld shards; %s.</p>\n<p>Stages: ", r->valid, r->shards, duration_text(seconds, took));
    for (size_t i = 0; i < recipe->n_stage; i++) {
        string_text(out, i > 0 ? " \xe2\x86\x92 " : "");
        html_text(out, recipe->stages[i]->kind->name);
    }
    string_text(out, recipe->n_stage == 0 ? "none.</p>\n" : ".</p>\n");
    html_rows(out, "Sources", "source", &r->sources);
    html_drops(out, &r->drops);
    html_rows(out, "Languages", "language", &languages);
    if (p != NULL) {
        pairs_count counts[PAIRS_LANGUAGES];
        const size_t n = pairs_counts(p, counts);
        string_text(out, "<h2>Questions and answers</h2>\n<table><tr><th>language<th class=n>to learn from<th class=n>held out</tr>\n");
        for (size_t i = 0; i < n; i++)
            string_print(out, "<tr><td>%s<td class=n>%ld<td class=n>%ld</tr>\n", counts[i].language, counts[i].train, counts[i].valid);
        string_text(out, "</table>\n");
    }
    string_text(out, "</body></html>\n");
}
