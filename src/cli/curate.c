/* socle curate: raw sources to clean shards by a recipe; one stage as a filter; the readers alone. */
#include "cli/cli.h"

#include "base/log.h"
#include "curate/curate.h"

#include <string.h>

typedef struct curate_options {
    const char *out, *stage, *dropped;
    bool read;
    int format;
} curate_options;

static bool say(const common_options *common, const curate_options *o, const curate_result *did, error *err) {
    string s = {0};
    char took[32];
    if (common->json) {
        json_writer w = {.out = &s};
        json_begin_object(&w);
        json_key(&w, "documents_in"), json_integer(&w, did->documents_in);
        json_key(&w, "documents_out"), json_integer(&w, did->documents_out);
        json_key(&w, "documents_valid"), json_integer(&w, did->valid);
        json_key(&w, "unreadable"), json_integer(&w, did->unreadable);
        json_key(&w, "bytes_in"), json_integer(&w, (int64_t)did->characters_in);
        json_key(&w, "bytes_out"), json_integer(&w, (int64_t)did->characters_out);
        json_key(&w, "seconds"), json_number(&w, did->seconds);
        json_end_object(&w);
        string_char(&s, '\n');
    } else
        string_print(&s, "%s: %ld of %ld documents kept (%.1f of %.1f MB of text), %ld of them held out, in %s; see report.html there\n", o->out,
                     did->documents_out, did->documents_in, did->characters_out / 1e6, did->characters_in / 1e6, did->valid, duration_text(did->seconds, took));
    const bool ok = print_string(&s, err);
    string_drop(&s);
    return ok;
}

/* Documents that could not be read are counted and left out; where there is nothing else, it failed. */
static bool judge_result(const curate_result *did, error *err) {
    if (did->unreadable > 0) log_warning("%ld of %ld documents could not be read and were left out", did->unreadable, did->documents_in);
    if (did->documents_in > 0 && did->unreadable == did->documents_in) return fail(err, "none of %ld documents could be read", did->documents_in);
    return true;
}

static bool check_words(const common_options *common, const curate_options *o, error *err) {
    const int modes = (o->out != NULL) + (o->stage != NULL) + o->read;
    if (modes != 1) return fail(err, "one of --out DIR (with a recipe), --stage NAME and --read is needed");
    if (o->out != NULL && common->n_word != 1) return fail(err, "--out takes one RECIPE.yaml");
    if (o->stage != NULL && common->n_word != 0) return fail(err, "--stage reads standard input and takes no files");
    if (o->read && common->n_word == 0) return fail(err, "--read takes files");
    if (o->dropped != NULL && o->stage == NULL) return fail(err, "--dropped belongs to --stage");
    return true;
}

static int run_recipe(arena *owner, const common_options *common, const curate_options *o, error *err) {
    curate_recipe recipe;
    curate_result did;
    if (!recipe_read(owner, common->words[0], common->set.text, common->set.n, &recipe, err)) return report_usage("curate", err);
    if (!curate_run(owner, &recipe, o->out, (uint64_t)common->seed, signal_flag(), &did, err)) return report_failure(err);
    if (did.unreadable > 0) log_warning("%ld of %ld documents could not be read and were left out", did.unreadable, did.documents_in);
    return say(common, o, &did, err) ? finish_out() : report_failure(err);
}

static int run_stage(arena *owner, const common_options *common, const curate_options *o, error *err) {
    curate_result did;
    stage *s = stage_open(owner, o->stage, err);
    if (s == NULL || !stage_configure(s, NULL, "--set", common->set.text, common->set.n, err)) return report_usage("curate", err);
    if (!curate_filter(s, o->dropped, signal_flag(), &did, err) || !judge_result(&did, err)) return report_failure(err);
    return finish_out();
}

static int run_readers(const common_options *common, const curate_options *o, error *err) {
    curate_result did;
    if (!curate_read((const char **)common->words, common->n_word, (source_format)o->format, signal_flag(), &did, err) || !judge_result(&did, err))
        return report_failure(err);
    return finish_out();
}

int command_curate(int argc, char **argv) {
    curate_options o = {0};
    const option options[] = {
        {"out", 0, OPT_TEXT, &o.out, .argument = "DIR", .help = "runs the recipe and writes this folder; it appears whole or not at all"},
        {"stage", 0, OPT_TEXT, &o.stage, .argument = "NAME",
         .help = "one stage as a filter of JSON lines: extract, language, gopher-quality, gopher-repetition, c4, dedup"},
        {"dropped", 0, OPT_TEXT, &o.dropped, .argument = "FILE", .help = "with --stage: where the dropped documents go"},
        {"read", 0, OPT_FLAG, &o.read, .help = "the readers alone: documents of files and folders to JSON lines"},
        {"format", 0, OPT_CHOICE, &o.format, .choices = SOURCE_FORMATS, .help = "with --read: of the files"},
        {0},
    };
    const command c = {
        .name = "curate",
        .arguments = "RECIPE.yaml --out DIR | --stage NAME | --read FILE...",
        .summary =
            "Raw sources (HTML, manual pages, text, JSON lines) to clean, deduplicated shards, with a report; docs/curate.md describes recipes and stages.",
        .examples = "  socle curate recipe.yaml --out corpus/\n"
                    "  socle curate --stage language --set keep=[en,fr] --dropped other.jsonl < docs.jsonl > kept.jsonl\n"
                    "  socle curate --read page.html ls.1.gz > docs.jsonl\n",
        .options = options,
        .most_words = 1 << 20,
        .takes_set = true,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        signals_catch();
        if (!check_words(&common, &o, &err)) status = report_usage(c.name, &err);
        else if (o.out != NULL) status = run_recipe(&owner, &common, &o, &err);
        else status = o.stage != NULL ? run_stage(&owner, &common, &o, &err) : run_readers(&common, &o, &err);
        if (status == EXIT_FAILED && signal_seen() != 0) status = 128 + signal_seen();
    }
    arena_drop(&owner);
    return status;
}
