/* socle tokenizer train */
#include "cli/cli.h"
#include "cli/tokenizer.h"

#include "base/file.h"
#include "base/log.h"
#include "data/text_files.h"
#include "text/tokenizer.h"
#include "text/tokenizer_train.h"

#include <string.h>

static bool feed(tokenizer_trainer *t, text_files *files, error *err) {
    text_batch batch = {0};
    progress p;
    progress_start(&p, "counting words", "MB", text_files_megabytes(files));
    while (signal_seen() == 0 && text_files_next(files, 8 << 20, &batch, err)) {
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

static bool report(const common_options *common, const char *out, const tokenizer *t, int64_t bytes, double seconds, error *err) {
    char text[33], took[32];
    string s = {0};
    if (common->json) {
        json_writer w = {.out = &s};
        json_begin_object(&w);
        json_key(&w, "vocab_size"), json_integer(&w, tokenizer_vocab_size(t));
        json_key(&w, "merges"), json_integer(&w, (int64_t)tokenizer_count_merges(t));
        json_key(&w, "bytes"), json_integer(&w, bytes);
        json_key(&w, "digest"), json_text(&w, digest_text(tokenizer_digest(t), text));
        json_key(&w, "seconds"), json_number(&w, seconds);
        json_end_object(&w);
        string_char(&s, '\n');
    } else {
        string_print(&s, "%s: %d tokens", out, tokenizer_vocab_size(t));
        if (tokenizer_count_merges(t) > 0) string_print(&s, ", %zu merges", tokenizer_count_merges(t));
        string_print(&s, ", from %.1f MB of text in %s\n", (double)bytes / 1e6, duration_text(seconds, took));
    }
    const bool ok = print_string(&s, err);
    string_drop(&s);
    return ok;
}

/* Takes the trainer over. */
static bool train(arena *owner, const common_options *common, const tokenizer_training *o, const char *out, tokenizer_trainer *trainer, error *err) {
    const double start = clock_seconds();
    const bool taken = file_exists(out) && !fail(err, "%s is there already; name another folder or remove it", out);
    text_files *files = taken ? NULL : text_files_open(common->words, common->n_word, true, err);
    bool fed = files != NULL && feed(trainer, files, err);
    if (fed && tokenizer_trainer_bytes(trainer) == 0) fed = fail(err, "%s: no document with text in %zu files", common->words[0], (size_t)common->n_word);
    text_files_close(files);
    const tokenizer *t = fed ? tokenizer_trainer_finish(trainer, owner, signal_flag(), err) : NULL;
    const int64_t bytes = tokenizer_trainer_bytes(trainer), forgotten = tokenizer_trainer_forgotten(trainer);
    tokenizer_trainer_drop(trainer);
    if (t == NULL || !save(t, out, err)) return false;
    if (forgotten > 0)
        log_warning("%lld words of the text, of the rarest ones, were left out: it has more distinct words than --max-words", (long long)forgotten);
    if (tokenizer_vocab_size(t) < o->vocab_size) log_warning("the text gives %d tokens only, not %ld", tokenizer_vocab_size(t), o->vocab_size);
    return report(common, out, t, bytes, clock_seconds() - start, err);
}

/* What belongs to the other model would change nothing: the command line is off. */
static bool fits_model(const tokenizer_training *o, const tokenizer_training *unless_told, error *err) {
    const tokenizer_training *d = unless_told;
    const char *bpe = o->pattern != d->pattern   ? "--pattern"
                      : o->min_frequency != 0    ? "--min-frequency"
                      : o->max_token_length != 0 ? "--max-token-length"
                                                 : NULL;
    const char *unigram = o->normalizer != d->normalizer               ? "--normalizer"
                          : o->unk != d->unk                           ? "--unk"
                          : o->byte_fallback                           ? "--byte-fallback"
                          : o->coverage != d->coverage                 ? "--character-coverage"
                          : o->max_piece_length != d->max_piece_length ? "--max-piece-length"
                          : o->seed_size != d->seed_size               ? "--seed-size"
                          : o->shrinking_factor != d->shrinking_factor ? "--shrinking-factor"
                                                                       : NULL;
    if (o->model == TRAIN_UNIGRAM && bpe != NULL) return fail(err, "%s is for --model bpe", bpe);
    if (o->model == TRAIN_BPE && unigram != NULL) return fail(err, "%s is for --model unigram", unigram);
    return true;
}

/* The special tokens as given, or those that suit the model; which of them end a text and stand for what is unknown. */
static void special_tokens(arena *owner, const option_texts *wanted, tokenizer_training *o) {
    static const char *defaults[][3] = {[TRAIN_BPE] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, [TRAIN_UNIGRAM] = {"<unk>", "<s>", "</s>"}};
    const char *end = o->model == TRAIN_BPE ? "<|endoftext|>" : "</s>";
    const char **given = wanted->text;
    size_t n = wanted->n;
    if (n == 0) given = defaults[o->model], n = COUNT(defaults[0]);
    o->special = NEW_ARRAY(owner, n + 1, const char *);
    bool has_unk = o->model != TRAIN_UNIGRAM, has_end = false;
    for (size_t i = 0; i < n; i++) {
        has_unk = has_unk || strcmp(given[i], o->unk) == 0;
        has_end = has_end || strcmp(given[i], end) == 0;
    }
    if (!has_unk) o->special[o->n_special++] = o->unk;
    for (size_t i = 0; i < n; i++) o->special[o->n_special++] = given[i];
    if (o->eos == NULL && (has_end || o->model == TRAIN_BPE)) o->eos = has_end ? end : o->special[0];
}

int command_tokenizer_train(int argc, char **argv) {
    tokenizer_training o = {.pattern = "llama3", .normalizer = "nmt-nfkc", .unk = "<unk>", .most_words = MOST_WORDS, .coverage = 1};
    int model = TRAIN_BPE;
    const char *out = NULL;
    option_texts special = {0};
    o.shrinking_factor = 0.75, o.seed_size = 1000000, o.max_piece_length = 16;
    const tokenizer_training unless_told = o;
    const option options[] = {
        {"model", 0, OPT_CHOICE, &model, .choices = "bpe|unigram", .help = "byte-level BPE, or SentencePiece's Unigram"},
        {"vocab-size", 0, OPT_INT, &o.vocab_size, .help = "ids in all: special tokens, bytes, what is learned (needed)", .least = 0, .most = 1 << 22},
        {"special", 0, OPT_TEXTS, &special, .argument = "TOKEN",
         .help = "a special token; may be given many times (default: <|endoftext|>, <|im_start|>, <|im_end|>; unigram: <unk>, <s>, </s>)"},
        {"eos", 0, OPT_TEXT, &o.eos, .argument = "TOKEN",
         .help = "the special token that ends a text (default: <|endoftext|>, else the first one; unigram: </s>)"},
        {"max-words", 0, OPT_INT, &o.most_words, .help = "distinct words to remember; where there are more, the rarest are left out", .least = 1000,
         .most = 1 << 30},
        {"pattern", 0, OPT_TEXT, &o.pattern, .argument = "NAME|REGEX",
         .help = "bpe: how text is cut into words: gpt2, llama3, qwen2 and the like, or a regular expression"},
        {"min-frequency", 0, OPT_INT, &o.min_frequency, .help = "bpe: a pair that is rarer than this is not merged", .least = 0, .most = 1 << 30},
        {"max-token-length", 0, OPT_INT, &o.max_token_length, .help = "bpe: merges give tokens of fewer bytes than this; 0: any", .least = 0, .most = 1 << 30},
        {"normalizer", 0, OPT_TEXT, &o.normalizer, .argument = "NAME",
         .help = "unigram: nmt-nfkc (white space is blanks, runs of blanks are one, NFKC), nfkc, or none"},
        {"unk", 0, OPT_TEXT, &o.unk, .argument = "TOKEN", .help = "unigram: the special token of what has no piece"},
        {"byte-fallback", 0, OPT_FLAG, &o.byte_fallback, .help = "unigram: what has no piece becomes tokens of its bytes"},
        {"character-coverage", 0, OPT_REAL, &o.coverage, .argument = "X", .help = "unigram: share of the text's characters that have pieces", .least = 0.5,
         .most = 1},
        {"max-piece-length", 0, OPT_INT, &o.max_piece_length, .help = "unigram: characters of a piece", .least = 1, .most = 64},
        {"seed-size", 0, OPT_INT, &o.seed_size, .help = "unigram: pieces to begin with", .least = 1, .most = 1 << 24},
        {"shrinking-factor", 0, OPT_REAL, &o.shrinking_factor, .argument = "X", .help = "unigram: share of the pieces that a round leaves", .least = 0.05,
         .most = 0.99},
        {"out", 0, OPT_TEXT, &out, .argument = "DIR", .help = "folder to write, which must not be there yet; it appears whole or not at all (needed)"},
        {0},
    };
    const command c = {
        .name = "tokenizer train",
        .arguments = "--vocab-size N --out DIR FILE...",
        .summary = "Trains a tokenizer. A FILE is text (one document) or JSON lines with `text`, also .gz and .zst; - is stdin.",
        .examples = "  socle tokenizer train --vocab-size 8192 --out tok/ corpus/*.jsonl.zst\n"
                    "  socle tokenizer train --vocab-size 32000 --pattern gpt2 --special '<|endoftext|>' --out tok/ book.txt\n"
                    "  socle tokenizer train --model unigram --vocab-size 16000 --byte-fallback --out tok/ corpus.jsonl\n",
        .options = options,
        .least_words = 1,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        o.model = model;
        special_tokens(&owner, &special, &o);
        tokenizer_trainer *trainer = NULL;
        if (out == NULL || o.vocab_size == 0) fail(&err, "--vocab-size and --out are needed");
        else if (fits_model(&o, &unless_told, &err)) trainer = tokenizer_trainer_new(&o, &err);
        if (trainer == NULL) status = report_usage(c.name, &err);
        else {
            signals_catch();
            if (train(&owner, &common, &o, out, trainer, &err)) status = finish_out();
            else status = signal_seen() != 0 ? 128 + signal_seen() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}
