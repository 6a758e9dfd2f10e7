/* socle tokenizer train | encode | decode */
#include "cli/cli.h"

#include "base/file.h"
#include "base/log.h"
#include "data/text_files.h"
#include "text/tokenizer.h"
#include "text/tokenizer_train.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- train ------------------------------------------------------------------------------------------------------------------ */
typedef struct train_options {
    long vocab_size;
    const char *pattern, *out, *eos;
    const char **special;
    size_t n_special;
} train_options;

/* The values of an option that may come many times, in order. */
static const char **values_of(arena *owner, int argc, char **argv, const char *name, size_t *n) {
    const char **values = NEW_ARRAY(owner, argc, const char *);
    const size_t width = strlen(name);
    *n = 0;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], name) == 0 && i + 1 < argc) values[(*n)++] = argv[++i];
        else if (strncmp(argv[i], name, width) == 0 && argv[i][width] == '=') values[(*n)++] = argv[i] + width + 1;
    }
    return values;
}

static bool feed(tokenizer_trainer *t, text_files *files, error *err) {
    text_batch batch = {0};
    progress p;
    progress_start(&p, "counting words", "MB", text_files_megabytes(files));
    while (signal_seen() == 0 && text_files_next(files, 32 << 20, &batch, err)) {
        for (size_t i = 0; i < batch.n; i++) tokenizer_trainer_add(t, batch.documents[i].text, batch.documents[i].n, batch.documents[i].ends);
        progress_at(&p, text_files_done(files), NULL);
    }
    progress_end(&p, NULL);
    text_batch_drop(&batch);
    if (signal_seen() != 0) return fail(err, "stopped");
    if (err->text[0] != 0) return false;
    if (text_files_skipped(files) > 0) log_warning("%lld lines were skipped", (long long)text_files_skipped(files));
    return true;
}

static bool save(const tokenizer *t, const char *out, error *err) {
    arena memory = {0};
    char *folder = folder_begin(&memory, out, err);
    bool ok = folder != NULL && tokenizer_save(t, folder, NULL, err);
    if (ok) ok = folder_commit(out, err);
    else if (folder != NULL) folder_abort(out);
    arena_drop(&memory);
    return ok;
}

/* Takes the trainer over. */
static bool train(arena *owner, const common_options *common, const train_options *o, tokenizer_trainer *trainer, error *err) {
    const double start = clock_seconds();
    const bool taken = file_exists(o->out) && !fail(err, "%s is there already; name another folder or remove it", o->out);
    text_files *files = taken ? NULL : text_files_open(common->words, common->n_word, true, err);
    const tokenizer_training training = {o->vocab_size, o->special, o->n_special, o->eos};
    const tokenizer *t = NULL;
    const bool fed = files != NULL && feed(trainer, files, err);
    const int64_t bytes = fed ? tokenizer_trainer_bytes(trainer) : 0;
    if (fed) t = tokenizer_trainer_finish(trainer, &training, owner, signal_flag(), err);
    tokenizer_trainer_drop(trainer);
    text_files_close(files);
    if (t == NULL || !save(t, o->out, err)) return false;
    char text[33], took[32];
    string s = {0};
    if (common->json) {
        json_writer w = {.out = &s};
        json_begin_object(&w);
        json_key(&w, "vocab_size"), json_integer(&w, tokenizer_vocab_size(t));
        json_key(&w, "merges"), json_integer(&w, (int64_t)tokenizer_count_merges(t));
        json_key(&w, "bytes"), json_integer(&w, bytes);
        json_key(&w, "digest"), json_text(&w, digest_text(tokenizer_digest(t), text));
        json_key(&w, "seconds"), json_number(&w, clock_seconds() - start);
        json_end_object(&w);
        string_char(&s, '\n');
    } else
        string_print(&s, "%s: %d tokens, %zu merges, from %.1f MB of text in %s\n", o->out, tokenizer_vocab_size(t), tokenizer_count_merges(t),
                     (double)bytes / 1e6, duration_text(clock_seconds() - start, took));
    if (tokenizer_vocab_size(t) < o->vocab_size) log_warning("the text has merges for %d tokens only, not %ld", tokenizer_vocab_size(t), o->vocab_size);
    const bool ok = print_string(&s, err);
    string_drop(&s);
    return ok;
}

static int command_train_tokenizer(int argc, char **argv) {
    train_options o = {.pattern = "llama3"};
    const char *special = NULL;
    tokenizer_trainer *trainer = NULL;
    const option options[] = {
        {"vocab-size", 0, OPT_INT, &o.vocab_size, .help = "ids in all: special tokens, 256 bytes, merges (needed)", .least = 0, .most = 1 << 22},
        {"pattern", 0, OPT_TEXT, &o.pattern, .argument = "NAME|REGEX", .help = "how text is cut into words: gpt2, llama3 or qwen2"},
        {"special", 0, OPT_TEXT, &special, .argument = "TOKEN",
         .help = "a special token; may be given many times (default: <|endoftext|>, <|im_start|>, <|im_end|>)"},
        {"eos", 0, OPT_TEXT, &o.eos, .argument = "TOKEN", .help = "the special token that ends a text (default: <|endoftext|>, else the first one)"},
        {"out", 0, OPT_TEXT, &o.out, .argument = "DIR", .help = "folder to write, which must not be there yet; it appears whole or not at all (needed)"},
        {0},
    };
    const command c = {
        .name = "tokenizer train",
        .arguments = "--vocab-size N --out DIR FILE...",
        .summary = "Trains a byte-level BPE tokenizer. A FILE is text (one document) or JSON lines with `text`, also .gz and .zst; - is stdin.",
        .examples = "  socle tokenizer train --vocab-size 8192 --out tok/ corpus/*.jsonl.zst\n"
                    "  socle tokenizer train --vocab-size 32000 --pattern gpt2 --special '<|endoftext|>' --out tok/ book.txt\n",
        .options = options,
        .least_words = 1,
        .most_words = 1 << 20,
    };
    static const char *defaults[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        o.special = values_of(&owner, argc, argv, "--special", &o.n_special);
        if (o.n_special == 0) o.special = defaults, o.n_special = COUNT(defaults);
        for (size_t i = 0; o.eos == NULL && i < o.n_special; i++)
            if (strcmp(o.special[i], defaults[0]) == 0) o.eos = defaults[0];
        if (o.eos == NULL) o.eos = o.special[0];
        if (o.out == NULL || o.vocab_size == 0) {
            fail(&err, "--vocab-size and --out are needed");
            status = report_usage(c.name, &err);
        } else if (!tokenizer_training_check(&(tokenizer_training){o.vocab_size, o.special, o.n_special, o.eos}, &err)) {
            status = report_usage(c.name, &err);
        } else if ((trainer = tokenizer_trainer_new(o.pattern, &err)) == NULL) {
            fail(&err, "--pattern");
            status = report_usage(c.name, &err);
        } else {
            signals_catch();
            if (train(&owner, &common, &o, trainer, &err)) status = finish_out();
            else status = signal_seen() != 0 ? 128 + signal_seen() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}

/* --- encode ----------------------------------------------------------------------------------------------------------------- */
static void put_ids(const common_options *common, const tokenizer *t, const id_list *ids, string *out) {
    if (!common->json) {
        for (size_t i = 0; i < ids->n; i++) {
            if (i > 0) string_char(out, ' ');
            char digits[12];
            size_t n = 0;
            for (uint32_t x = (uint32_t)ids->id[i]; n == 0 || x > 0; x /= 10) digits[n++] = (char)('0' + x % 10);
            while (n > 0) string_char(out, digits[--n]);
        }
        string_char(out, '\n');
        return;
    }
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "ids");
    json_begin_array(&w);
    for (size_t i = 0; i < ids->n; i++) json_integer(&w, ids->id[i]);
    json_end_array(&w);
    json_key(&w, "tokens");
    json_begin_array(&w);
    for (size_t i = 0; i < ids->n; i++) {
        size_t n;
        const char *token = tokenizer_token(t, ids->id[i], &n);
        json_text_n(&w, token, n);
    }
    json_end_array(&w);
    json_key(&w, "offsets"); /* bytes of the text, [begin, end) */
    json_begin_array(&w);
    for (size_t i = 0; i < ids->n; i++) {
        json_begin_array(&w);
        json_integer(&w, (int64_t)ids->begin[i]);
        json_integer(&w, (int64_t)ids->end[i]);
        json_end_array(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    string_char(out, '\n');
}

typedef struct encode_options {
    const char *tokenizer;
    bool lines, add_special, parse_special;
} encode_options;

static bool encode_one(const common_options *common, const tokenizer *t, tokenizer_scratch *s, unsigned flags, const char *text, size_t n, id_list *ids,
                       string *out, error *err) {
    id_list_reset(ids);
    string_reset(out);
    if (!tokenizer_encode(t, s, text, n, flags, ids, err)) return false;
    put_ids(common, t, ids, out);
    return print_string(out, err);
}

static bool encode_file(const common_options *common, const encode_options *o, const tokenizer *t, const char *path, error *err) {
    const unsigned flags =
        (o->add_special ? TOKENIZER_ADD_SPECIAL : 0) | (o->parse_special ? TOKENIZER_PARSE_SPECIAL : 0) | (common->json ? TOKENIZER_OFFSETS : 0);
    enum { LONGEST = INT32_MAX };
    tokenizer_scratch *s = tokenizer_scratch_new(t);
    arena text = {0};
    id_list ids = {0};
    string out = {0};
    bool ok = true;
    size_t n;
    if (!o->lines) {
        const char *whole = file_read(&text, path, LONGEST, &n, err);
        ok = whole != NULL && encode_one(common, t, s, flags, whole, n, &ids, &out, err);
    } else {
        file_reader *r = file_reader_open(path, err);
        const char *line;
        while (ok && r != NULL && file_reader_line(r, LONGEST, &line, &n, err)) ok = encode_one(common, t, s, flags, line, n, &ids, &out, err);
        ok = ok && r != NULL && err->text[0] == 0;
        if (r != NULL) file_reader_close(r);
    }
    string_drop(&out);
    id_list_drop(&ids);
    arena_drop(&text);
    tokenizer_scratch_drop(s);
    return ok;
}

static int command_encode(int argc, char **argv) {
    encode_options o = {0};
    const option options[] = {
        {"tokenizer", 't', OPT_TEXT, &o.tokenizer, .argument = "TOK", .help = "a tokenizer: a folder, or its tokenizer.json (needed)"},
        {"lines", 0, OPT_FLAG, &o.lines, .help = "each line is a text (else all of it is one)"},
        {"add-special", 0, OPT_FLAG, &o.add_special, .help = "adds what the post-processor adds: BOS and the like"},
        {"parse-special", 0, OPT_FLAG, &o.parse_special, .help = "special tokens in the text become their ids (else they are text)"},
        {0},
    };
    const command c = {
        .name = "tokenizer encode",
        .arguments = "-t TOK [FILE]",
        .summary = "Text to ids, blank-separated on one line; without FILE it reads stdin.",
        .examples = "  echo -n 'Once upon a time' | socle tokenizer encode -t tok/\n"
                    "  socle tokenizer encode -t tok/ --lines --add-special lines.txt\n",
        .options = options,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        const char *path = common.n_word > 0 ? common.words[0] : "-";
        if (o.tokenizer == NULL) {
            fail(&err, "name a tokenizer with -t TOK");
            status = report_usage(c.name, &err);
        } else {
            const tokenizer *t = tokenizer_load(&owner, o.tokenizer, &err);
            status = t != NULL && encode_file(&common, &o, t, path, &err) ? finish_out() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}

/* --- decode ----------------------------------------------------------------------------------------------------------------- */
/* Ids between white space, or between the brackets and commas of JSON. */
static bool read_ids(const tokenizer *t, const char *text, size_t n, id_list *out, error *err) {
    for (size_t at = 0; at < n;) {
        if (isspace((unsigned char)text[at]) || text[at] == ',' || text[at] == '[' || text[at] == ']') {
            at++;
            continue;
        }
        int64_t id = 0;
        size_t end = at;
        while (end < n && isdigit((unsigned char)text[end]) && id < INT32_MAX) id = id * 10 + (text[end++] - '0');
        const bool whole = end > at && (end == n || isspace((unsigned char)text[end]) || text[end] == ',' || text[end] == ']');
        if (!whole) return fail(err, "'%.20s' at byte %zu is no id", text + at, at);
        if (id >= INT32_MAX || tokenizer_token(t, (int32_t)id, NULL) == NULL) return fail(err, "id %lld is not in the vocabulary", (long long)id);
        id_list_push(out, (int32_t)id);
        at = end;
    }
    return true;
}

static bool decode_file(const tokenizer *t, const char *path, bool lines, bool skip_special, error *err) {
    arena memory = {0};
    id_list ids = {0};
    string out = {0};
    size_t n, number = 1;
    const char *text = file_read(&memory, path, 0, &n, err);
    bool ok = text != NULL;
    for (size_t at = 0; ok && at < n;) {
        const char *end = lines ? memchr(text + at, '\n', n - at) : NULL;
        const size_t stop = end != NULL ? (size_t)(end - text) : n;
        id_list_reset(&ids);
        ok = read_ids(t, text + at, stop - at, &ids, err);
        if (ok) tokenizer_decode(t, ids.id, ids.n, skip_special, &out);
        if (ok && lines) string_char(&out, '\n');
        if (!ok && lines) fail(err, "line %zu", number);
        if (!ok) fail(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
        number++;
        at = stop + 1;
    }
    if (ok) ok = print_string(&out, err);
    string_drop(&out);
    id_list_drop(&ids);
    arena_drop(&memory);
    return ok;
}

static int command_decode(int argc, char **argv) {
    const char *name = NULL;
    bool skip_special = false, lines = false;
    const option options[] = {
        {"tokenizer", 't', OPT_TEXT, &name, .argument = "TOK", .help = "a tokenizer: a folder, or its tokenizer.json (needed)"},
        {"lines", 0, OPT_FLAG, &lines, .help = "each line holds the ids of one text, and gives a line"},
        {"skip-special", 0, OPT_FLAG, &skip_special, .help = "special tokens give nothing (else they give their text)"},
        {0},
    };
    const command c = {
        .name = "tokenizer decode",
        .arguments = "-t TOK [FILE]",
        .summary = "Ids to the exact bytes of the text, no newline added; without FILE it reads stdin.",
        .examples = "  echo 403 407 261 378 | socle tokenizer decode -t tok/\n",
        .options = options,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        if (name == NULL) {
            fail(&err, "name a tokenizer with -t TOK");
            status = report_usage(c.name, &err);
        } else {
            const tokenizer *t = tokenizer_load(&owner, name, &err);
            const bool ok = t != NULL && decode_file(t, common.n_word > 0 ? common.words[0] : "-", lines, skip_special, &err);
            status = ok ? finish_out() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}

/* --- the three ---------------------------------------------------------------------------------------------------------------- */
int command_tokenizer(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } parts[] = {{"train", command_train_tokenizer}, {"encode", command_encode}, {"decode", command_decode}};
    for (size_t i = 0; argc > 1 && i < COUNT(parts); i++)
        if (strcmp(argv[1], parts[i].name) == 0) return parts[i].run(argc - 1, argv + 1);
    const command c = {
        .name = "tokenizer",
        .arguments = "train|encode|decode",
        .summary = "Trains a tokenizer; text to ids and back. 'socle tokenizer train --help' shows the options of one of them.",
        .examples = "  socle tokenizer train --vocab-size 8192 --out tok/ corpus.jsonl\n"
                    "  echo -n 'Once upon a time' | socle tokenizer encode -t tok/\n"
                    "  echo 403 407 | socle tokenizer decode -t tok/\n",
        .options = (const option[]){{0}},
        .least_words = 1,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        error err = {0};
        fail(&err, "there is no 'tokenizer %s': train, encode and decode are", common.words[0]);
        status = report_usage(c.name, &err);
    }
    arena_drop(&owner);
    return status;
}
