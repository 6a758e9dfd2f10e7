/* socle tokenizer compare: how many tokens two tokenizers make of the same texts, by language, and where they cut otherwise. */
#include "cli/tokenizer.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

#include <string.h>

enum { LARGEST_TEXT = INT32_MAX, LONGEST_EXCERPT = 60 };

/* --- counting ------------------------------------------------------------------------------------------------------------------ */
typedef struct tally { /* of one language, or one file */
    const char *name;
    int64_t documents, bytes, characters, words;
    int64_t tokens[2];
    int64_t same_ids, same_cuts; /* documents */
    int64_t bytes_cut_otherwise;
} tally;

typedef struct side {
    const char *path;
    const tokenizer *t;
    tokenizer_scratch *scratch;
    id_list ids;
} side;

typedef struct difference { /* between two places where both cut */
    const char *file, *text;
    int64_t document; /* from 1 */
    size_t at, n;
    const char *tokens[2]; /* "a|b" */
} difference;

typedef struct comparison {
    arena *owner;
    side side[2];
    map *by_name;
    tally *rows;
    size_t n_row, room;
    difference *differences;
    size_t n_difference, most_differences;
    long skipped;
} comparison;

static tally *row_of(comparison *c, const char *name) {
    bool is_new;
    int64_t *place = map_put(c->by_name, name, strlen(name), &is_new);
    if (!is_new) return &c->rows[*place];
    if (c->n_row == c->room) {
        const size_t more = c->room == 0 ? 16 : c->room * 2;
        c->rows = arena_grow(c->owner, c->rows, c->room * sizeof *c->rows, more * sizeof *c->rows);
        c->room = more;
    }
    *place = (int64_t)c->n_row;
    c->rows[c->n_row] = (tally){.name = arena_copy(c->owner, name)};
    return &c->rows[c->n_row++];
}

static bool is_white_space(uint32_t c) { /* Unicode's White_Space */
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static void count_characters(tally *row, const char *text, size_t n) {
    bool in_word = false;
    for (size_t at = 0; at < n;) {
        const bool white = is_white_space(utf8_next(text, n, &at));
        row->characters++;
        row->words += !white && !in_word;
        in_word = !white;
    }
}

/* --- differences ---------------------------------------------------------------------------------------------------------------- */
/* The text's pieces [begin, end) as one side cuts them, with bars between them. */
static const char *pieces_text(arena *owner, const side *s, size_t first, size_t end) {
    string out = {0};
    for (size_t i = first; i < end; i++) {
        size_t n;
        const char *token = tokenizer_token(s->t, s->ids.id[i], &n);
        if (i > first) string_char(&out, '|');
        text_for_terminal(token, n, &out);
    }
    const char *text = arena_copy_bytes(owner, string_chars(&out), out.length);
    string_drop(&out);
    return text;
}

static void keep_difference(comparison *c, const char *file, int64_t document, const char *text, size_t at, size_t end, const size_t first[2],
                            const size_t stop[2]) {
    if (c->n_difference == c->most_differences) return;
    difference *d = &c->differences[c->n_difference++];
    *d = (difference){.file = file, .document = document, .at = at, .n = end - at};
    string shown = {0};
    size_t width = end - at < LONGEST_EXCERPT ? end - at : LONGEST_EXCERPT;
    while (width > 0 && at + width < end && ((unsigned char)text[at + width] & 0xc0) == 0x80) width--;
    text_for_terminal(text + at, width, &shown);
    d->text = arena_copy_bytes(c->owner, string_chars(&shown), shown.length);
    string_drop(&shown);
    for (int i = 0; i < 2; i++) d->tokens[i] = pieces_text(c->owner, &c->side[i], first[i], stop[i]);
}

/* Walks both lists from one place where both end a token to the next. Where a side has several tokens, or another cut, between
 * two of them while the other has not, the text there is cut otherwise. */
static void compare_cuts(comparison *c, tally *row, const char *file, int64_t document, const char *text) {
    const id_list *a = &c->side[0].ids, *b = &c->side[1].ids;
    size_t at[2] = {0, 0}, done = 0;
    bool same = true;
    while (at[0] < a->n && at[1] < b->n) {
        const size_t first[2] = {at[0], at[1]};
        size_t ends[2] = {a->end[at[0]++], b->end[at[1]++]};
        while (ends[0] != ends[1]) {
            if (ends[0] < ends[1] && at[0] < a->n) ends[0] = a->end[at[0]++];
            else if (ends[1] < ends[0] && at[1] < b->n) ends[1] = b->end[at[1]++];
            else break;
        }
        const size_t end = ends[0] > ends[1] ? ends[0] : ends[1];
        if (at[0] - first[0] != 1 || at[1] - first[1] != 1) {
            same = false;
            if (end > done) row->bytes_cut_otherwise += (int64_t)(end - done);
            if (end > done) keep_difference(c, file, document, text, done, end, first, at);
        }
        if (end > done) done = end;
    }
    row->same_cuts += same && at[0] == a->n && at[1] == b->n;
}

static bool compare_text(comparison *c, const char *name, const char *file, int64_t document, const char *text, size_t n, error *err) {
    tally *row = row_of(c, name);
    for (int i = 0; i < 2; i++) {
        side *s = &c->side[i];
        id_list_reset(&s->ids);
        if (!tokenizer_encode(s->t, s->scratch, text, n, TOKENIZER_OFFSETS, &s->ids, err)) return fail(err, "%s", s->path);
        row->tokens[i] += (int64_t)s->ids.n;
    }
    row->documents++;
    row->bytes += (int64_t)n;
    count_characters(row, text, n);
    const id_list *a = &c->side[0].ids, *b = &c->side[1].ids;
    row->same_ids += a->n == b->n && (a->n == 0 || memcmp(a->id, b->id, a->n * sizeof *a->id) == 0);
    compare_cuts(c, row, file, document, text);
    return true;
}

/* --- reading ----------------------------------------------------------------------------------------------------------------------- */
/* metadata.language, as text or as `socle curate` writes it, or language; else the file's name. */
static const char *language_of(const json *line, const char *file) {
    const json *v = json_get(json_get(line, "metadata"), "language");
    if (v == NULL) v = json_get(line, "language");
    if (v != NULL && v->type == JSON_OBJECT) v = json_get(v, "language");
    return v != NULL && v->type == JSON_STRING && v->length > 0 ? v->text : file;
}

/* JSON lines are told by the first line: an object with a text. */
static bool line_text(arena *memory, const char *line, size_t n, const json **tree, const json **text) {
    *tree = n > 0 && line[0] == '{' ? json_parse(memory, line, n, NULL) : NULL;
    *text = json_get(*tree, "text");
    return *text != NULL && (*text)->type == JSON_STRING;
}

static bool compare_file(comparison *c, const char *path, error *err) {
    file_reader *r = file_reader_open(path, err);
    if (r == NULL) return false;
    arena memory = {0};
    string plain = {.limit = LARGEST_TEXT};
    const json *tree, *text;
    const char *line;
    size_t n;
    int64_t number = 0, documents = 0;
    bool ok = true, lines = false;
    for (; ok && signal_seen() == 0 && file_reader_line(r, LARGEST_TEXT, &line, &n, err); arena_reset(&memory)) {
        const bool is_text = (number == 0 || lines) && line_text(&memory, line, n, &tree, &text);
        if (number++ == 0) lines = is_text;
        if (is_text) ok = compare_text(c, language_of(tree, path), path, ++documents, text->text, text->length, err);
        else if (lines) c->skipped += n > 0;
        else string_append(&plain, line, n), string_char(&plain, '\n');
    }
    ok = ok && err->text[0] == 0;
    if (ok && plain.overflow) ok = fail(err, "larger than a text may be");
    if (ok && !lines && signal_seen() == 0) ok = compare_text(c, path, path, 1, string_chars(&plain), plain.length, err);
    file_reader_close(r);
    string_drop(&plain);
    arena_drop(&memory);
    if (signal_seen() != 0) return fail(err, "stopped");
    return ok || fail(err, "%s", path);
}

/* --- saying it ------------------------------------------------------------------------------------------------------------------------ */
static double ratio(int64_t a, int64_t b) {
    return b == 0 ? 0 : (double)a / (double)b;
}

static tally total_of(const comparison *c) {
    tally all = {.name = "all"};
    for (size_t i = 0; i < c->n_row; i++) {
        const tally *r = &c->rows[i];
        int64_t *const to[] = {&all.documents, &all.bytes,     &all.characters,         &all.words, &all.tokens[0], &all.tokens[1],
                               &all.same_ids,  &all.same_cuts, &all.bytes_cut_otherwise};
        const int64_t from[] = {r->documents, r->bytes, r->characters, r->words, r->tokens[0], r->tokens[1], r->same_ids, r->same_cuts, r->bytes_cut_otherwise};
        for (size_t k = 0; k < COUNT(to); k++) *to[k] += from[k];
    }
    return all;
}

static void put_row(string *out, const tally *r) {
    string_print(out, "%-24.24s %9lld %9.2f", r->name, (long long)r->documents, (double)r->bytes / 1e6);
    for (int i = 0; i < 2; i++) string_print(out, " %9lld %7.3f %7.3f", (long long)r->tokens[i], ratio(r->tokens[i], r->words), ratio(r->bytes, r->tokens[i]));
    string_print(out, " %8.4f %7.2f%%\n", ratio(r->tokens[1], r->tokens[0]), 100 * ratio(r->bytes_cut_otherwise, r->bytes));
}

static void put_people(string *out, const comparison *c) {
    for (int i = 0; i < 2; i++)
        string_print(out, "%c  %s: %s, %d ids\n", 'A' + i, c->side[i].path, tokenizer_kind(c->side[i].t), (int)tokenizer_vocab_size(c->side[i].t));
    const tally all = total_of(c);
    string_print(out, "\n%-24s %9s %9s %9s %7s %7s %9s %7s %7s %8s %8s\n", "", "documents", "MB", "A tokens", "a word", "bytes", "B tokens", "a word", "bytes",
                 "B / A", "differs");
    for (size_t i = 0; i < c->n_row; i++) put_row(out, &c->rows[i]);
    if (c->n_row > 1) put_row(out, &all);
    string_print(out, "\nsame ids in %lld of %lld documents, same cuts in %lld\n", (long long)all.same_ids, (long long)all.documents, (long long)all.same_cuts);
    for (size_t i = 0; i < c->n_difference; i++) {
        const difference *d = &c->differences[i];
        string_print(out, "%s, document %lld, byte %zu:  A %s   B %s\n", d->file, (long long)d->document, d->at, d->tokens[0], d->tokens[1]);
    }
}

static void write_row(json_writer *w, const tally *r) {
    static const char *const names[] = {"a", "b"};
    json_begin_object(w);
    json_key(w, "language"), json_text(w, r->name);
    json_key(w, "documents"), json_integer(w, r->documents);
    json_key(w, "bytes"), json_integer(w, r->bytes);
    json_key(w, "characters"), json_integer(w, r->characters);
    json_key(w, "words"), json_integer(w, r->words);
    for (int i = 0; i < 2; i++) {
        json_key(w, names[i]);
        json_begin_object(w);
        json_key(w, "tokens"), json_integer(w, r->tokens[i]);
        json_key(w, "tokens_per_word"), json_number(w, ratio(r->tokens[i], r->words));
        json_key(w, "bytes_per_token"), json_number(w, ratio(r->bytes, r->tokens[i]));
        json_end_object(w);
    }
    json_key(w, "same_ids"), json_integer(w, r->same_ids);
    json_key(w, "same_cuts"), json_integer(w, r->same_cuts);
    json_key(w, "bytes_cut_otherwise"), json_integer(w, r->bytes_cut_otherwise);
    json_end_object(w);
}

static void put_json(string *out, const comparison *c) {
    json_writer w = {.out = out};
    char hex[33];
    json_begin_object(&w);
    for (int i = 0; i < 2; i++) {
        const side *s = &c->side[i];
        json_key(&w, i == 0 ? "a" : "b");
        json_begin_object(&w);
        json_key(&w, "path"), json_text(&w, s->path);
        json_key(&w, "kind"), json_text(&w, tokenizer_kind(s->t));
        json_key(&w, "vocab_size"), json_integer(&w, tokenizer_vocab_size(s->t));
        json_key(&w, "digest"), json_text(&w, digest_text(tokenizer_digest(s->t), hex));
        json_end_object(&w);
    }
    json_key(&w, "languages");
    json_begin_array(&w);
    for (size_t i = 0; i < c->n_row; i++) write_row(&w, &c->rows[i]);
    json_end_array(&w);
    const tally all = total_of(c);
    json_key(&w, "all"), write_row(&w, &all);
    json_key(&w, "differences");
    json_begin_array(&w);
    for (size_t i = 0; i < c->n_difference; i++) {
        const difference *d = &c->differences[i];
        json_begin_object(&w);
        json_key(&w, "file"), json_text(&w, d->file);
        json_key(&w, "document"), json_integer(&w, d->document);
        json_key(&w, "byte"), json_integer(&w, (int64_t)d->at);
        json_key(&w, "bytes"), json_integer(&w, (int64_t)d->n);
        json_key(&w, "text"), json_text(&w, d->text);
        json_key(&w, "a"), json_text(&w, d->tokens[0]);
        json_key(&w, "b"), json_text(&w, d->tokens[1]);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    string_char(out, '\n');
}

static bool compare(arena *owner, const common_options *common, const char *pattern, long differences, error *err) {
    comparison c = {.owner = owner, .by_name = map_new(owner, 0), .most_differences = (size_t)differences};
    c.differences = NEW_ARRAY(owner, differences + 1, difference);
    for (int i = 0; i < 2; i++) {
        side *s = &c.side[i];
        s->path = common->words[i];
        s->t = tokenizer_chosen(owner, &(tokenizer_choice){s->path, pattern}, err);
        if (s->t == NULL) return false;
    }
    for (int i = 0; i < 2; i++) c.side[i].scratch = tokenizer_scratch_new(c.side[i].t);
    bool ok = true;
    for (size_t i = 2; ok && i < common->n_word; i++) ok = compare_file(&c, common->words[i], err);
    string out = {0};
    if (ok && common->json) put_json(&out, &c);
    else if (ok) put_people(&out, &c);
    if (c.skipped > 0) log_warning("%ld lines hold no text and were skipped", c.skipped);
    ok = ok && print_string(&out, err);
    string_drop(&out);
    for (int i = 0; i < 2; i++) {
        tokenizer_scratch_drop(c.side[i].scratch);
        id_list_drop(&c.side[i].ids);
    }
    return ok;
}

int command_tokenizer_compare(int argc, char **argv) {
    const char *pattern = NULL;
    long differences = 5;
    const option options[] = {
        PATTERN_OPTION(&pattern),
        {"differences", 0, OPT_INT, &differences, .help = "how many places to show where the two cut otherwise", .least = 0, .most = 1 << 20},
        {0},
    };
    const command c = {
        .name = "tokenizer compare",
        .arguments = "A B FILE...",
        .summary = "Tokens a word (fertility) and bytes a token of two tokenizers on the same texts, for each language, and where they cut otherwise. A FILE "
                   "is text, or JSON lines with `text`, whose metadata.language is the language; else a file is one. Also .gz and .zst; - is stdin.",
        .examples = "  socle tokenizer compare tok/ llama/tokenizer.json texts.jsonl\n"
                    "  socle tokenizer compare gpt2.gguf tok/ de.txt fr.txt --json\n",
        .options = options,
        .least_words = 3,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        signals_catch();
        if (compare(&owner, &common, pattern, differences, &err)) status = finish_out();
        else status = signal_seen() != 0 ? 128 + signal_seen() : report_failure(&err);
    }
    arena_drop(&owner);
    return status;
}
