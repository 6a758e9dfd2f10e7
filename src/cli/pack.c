/* socle pack: documents to token files for training. */
#include "cli/tokenizer.h"

#include "base/log.h"
#include "data/pack_files.h"

#include <string.h>

static bool say(const common_options *common, const char *prefix, const pack_report *did, double seconds, error *err) {
    string s = {0};
    char took[32];
    if (common->json) {
        json_writer w = {.out = &s};
        json_begin_object(&w);
        json_key(&w, "documents"), json_integer(&w, did->documents);
        json_key(&w, "tokens"), json_integer(&w, did->tokens);
        json_key(&w, "bytes"), json_integer(&w, did->bytes);
        json_key(&w, "empty"), json_integer(&w, did->empty);
        json_key(&w, "skipped"), json_integer(&w, did->skipped);
        json_key(&w, "seconds"), json_number(&w, seconds);
        json_end_object(&w);
        string_char(&s, '\n');
    } else
        string_print(&s, "%s.bin: %lld documents, %lld tokens, %.2f bytes of text a token, in %s\n", prefix, (long long)did->documents, (long long)did->tokens,
                     (double)did->bytes / (double)did->tokens, duration_text(seconds, took));
    if (did->skipped > 0) log_warning("%lld lines could not be read and were skipped", (long long)did->skipped);
    if (did->empty > 0) log_line("%lld documents without text were left out", (long long)did->empty);
    const bool ok = print_string(&s, err);
    string_drop(&s);
    return ok;
}

static bool pack(arena *owner, const common_options *common, const tokenizer_choice *choice, const char *eos, pack_options *o, error *err) {
    const double start = clock_seconds();
    const tokenizer *t = tokenizer_chosen(owner, choice, err);
    if (t == NULL) return false;
    o->tokenizer = t;
    o->eos = -1;
    if (eos != NULL && (o->eos = tokenizer_lookup(t, eos, strlen(eos))) < 0) return fail(err, "--eos: %s has no token %s", choice->path, eos);
    o->paths = common->words;
    o->n_path = common->n_word;
    o->stop = signal_flag();
    pack_report did;
    return pack_files(o, &did, err) && say(common, o->prefix, &did, clock_seconds() - start, err);
}

int command_pack(int argc, char **argv) {
    pack_options o = {0};
    tokenizer_choice choice = {0};
    const char *eos = NULL;
    const option options[] = {
        TOKENIZER_OPTION(&choice.path),
        PATTERN_OPTION(&choice.pattern),
        {"out", 0, OPT_TEXT, &o.prefix, .argument = "PREFIX", .help = "writes PREFIX.bin, PREFIX.idx and PREFIX.json, all or none (needed)"},
        {"eos", 0, OPT_TEXT, &eos, .argument = "TOKEN", .help = "the token that ends a document (default: the tokenizer's end of text)"},
        {"parse-special", 0, OPT_FLAG, &o.parse_special, .help = "special tokens in the text become their ids (else they are text)"},
        {0},
    };
    const command c = {
        .name = "pack",
        .arguments = "-t TOK --out PREFIX FILE...",
        .summary = "Documents to token files for training (Megatron's .bin and .idx). A FILE is text (one document) or JSON lines with `text`, "
                   "also .gz and .zst; - is stdin.",
        .examples = "  socle pack -t tok/ --out data/train corpus/*.jsonl.zst\n"
                    "  socle pack -t tok/tokenizer.json --eos '</s>' --out data/valid valid.jsonl\n",
        .options = options,
        .least_words = 1,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        if (choice.path == NULL || o.prefix == NULL) {
            fail(&err, "-t TOK and --out PREFIX are needed");
            status = report_usage(c.name, &err);
        } else {
            signals_catch();
            if (pack(&owner, &common, &choice, eos, &o, &err)) status = finish_out();
            else status = signal_seen() != 0 ? 128 + signal_seen() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}
