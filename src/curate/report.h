/* curate/report.h: what became of the documents: counts by source, stage and reason, language; report.json and report.html. */
#ifndef SOCLE_CURATE_REPORT_H
#define SOCLE_CURATE_REPORT_H
#include "base/hash.h"
#include "curate/curate.h"
#include "curate/pairs.h"
#include "curate/pipeline.h"

typedef struct report_count {
    long documents_in, documents_out;
    double bytes_in, bytes_out; /* of text, UTF-8 */
} report_count;

typedef struct report_row {
    const char *name, *rule; /* rule: of drops, by (stage, rule); else NULL */
    report_count count;
} report_row;

typedef struct report_rows {
    report_row *row;
    size_t n, room;
    map *places; /* of the rows, by name and rule */
} report_rows;

typedef struct report {
    arena *owner;
    report_rows sources, languages, drops; /* drops: documents_in and bytes_in are those dropped */
    report_count all;
    long valid, shards;
    double written; /* bytes of JSON in shards */
} report;

void report_add(report *r, const pipeline_item *item, bool is_valid);
void report_json(const report *r, const curate_recipe *recipe, const pairs *p, double seconds, string *out);
void report_html(const report *r, const curate_recipe *recipe, const pairs *p, double seconds, string *out);

#endif
