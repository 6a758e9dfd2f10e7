/* socle tokenizer encode | decode */
#include "cli/tokenizer.h"

#include "base/file.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

/* --- encode ----------------------------------------------------------------------------------------------------------------- */
typedef struct encode_options {
    tokenizer_choice tokenizer;
    bool lines, add_special, parse_special, show;
} encode_options;

static void put_digits(string *out, uint32_t x) {
    char digits[12];
    size_t n = 0;
    do digits[n++] = (char)('0' + x % 10);
    while ((x /= 10) > 0);
    while (n > 0) string_char(out, digits[--n]);
}

static void put_plain(const id_list *ids, string *out) {
    for (size_t i = 0; i < ids->n; i++) {
        if (i > 0) string_char(out, ' ');
        put_digits(out, (uint32_t)ids->id[i]);
    }
    string_char(out, '\n');
}

static void put_offsets(json_writer *w, const char *key, const id_list *ids) {
    json_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < ids->n; i++) {
        json_begin_array(w);
        json_integer(w, (int64_t)ids->begin[i]);
        json_integer(w, (int64_t)ids->end[i]);
        json_end_array(w);
    }
    json_end_array(w);
}

/* offsets are bytes of the text, characters are code points; both [begin, end). Turns the list into characters. */
static void put_json(const tokenizer *t, const char *text, size_t n, id_list *ids, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "ids");
    json_begin_array(&w);
    for (size_t i = 0; i < ids->n; i++) json_integer(&w, ids->id[i]);
    json_end_array(&w);
    json_key(&w, "tokens");
    json_begin_array(&w);
    for (size_t i = 0; i < ids->n; i++) {
        size_t length;
        const char *token = tokenizer_token(t, ids->id[i], &length);
        json_text_n(&w, token, length);
    }
    json_end_array(&w);
    put_offsets(&w, "offsets", ids);
    id_list_to_characters(ids, text, n);
    put_offsets(&w, "characters", ids);
    json_end_object(&w);
    string_char(out, '\n');
}

/* A piece of the text; bytes of a character that other tokens share come as <E6>. */
static void put_piece(const char *text, size_t n, string *out) {
    for (size_t at = 0; at < n;) {
        const size_t begin = at;
        if (utf8_next(text, n, &at) == 0xfffd && at == begin + 1) string_print(out, "<%02X>", (unsigned char)text[begin]);
        else text_for_terminal(text + begin, at - begin, out);
    }
}

/* One piece of text in the colour of its token; a line feed ends the colour and begins it again, so that no line is filled. */
static void put_coloured(const char *text, size_t n, const char *colour, string *out) {
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        const size_t stop = end != NULL ? (size_t)(end - text) : n;
        string_text(out, colour);
        put_piece(text + at, stop - at, out);
        if (end != NULL) string_text(out, "\xe2\x8f\x8e"); /* a line feed is part of a token: it shows as a sign, too */
        string_text(out, "\033[0m");
        if (end != NULL) string_char(out, '\n');
        at = stop + (end != NULL);
    }
}

/* The text in the pieces that its tokens stand for: in two colours on a terminal, else with a bar between them. What the tokenizer
 * adds has no text of its own: its name stands in brackets. */
static void put_shown(const tokenizer *t, const char *text, size_t n, const id_list *ids, bool colours, string *out) {
    static const char *const paints[] = {"\033[30;48;5;152m", "\033[30;48;5;223m"}, *const aside = "\033[2m";
    size_t shown = 0;
    for (size_t i = 0; i < ids->n; i++) {
        const size_t begin = ids->begin[i] > shown ? ids->begin[i] : shown, end = ids->end[i];
        size_t length;
        const char *token = tokenizer_token(t, ids->id[i], &length);
        if (i > 0 && !colours) string_char(out, '|');
        if (begin > shown) text_for_terminal(text + shown, begin - shown, out); /* text that no token stands for */
        if (end > begin && end <= n) {
            if (colours) put_coloured(text + begin, end - begin, paints[i % 2], out);
            else put_piece(text + begin, end - begin, out);
            shown = end;
        } else {
            if (colours) string_text(out, aside);
            string_char(out, '[');
            text_for_terminal(token, length, out);
            string_char(out, ']');
            if (colours) string_text(out, "\033[0m");
            if (begin > shown) shown = begin;
        }
    }
    if (shown < n) text_for_terminal(text + shown, n - shown, out);
    string_print(out, "\n%zu tokens, %zu bytes", ids->n, n);
    if (ids->n > 0) string_print(out, ", %.2f bytes a token", (double)n / (double)ids->n);
    string_char(out, '\n');
}

typedef struct encoding {
    const common_options *common;
    const encode_options *o;
    const tokenizer *t;
    tokenizer_scratch *scratch;
    unsigned flags;
    bool colours;
    id_list ids;
    string out;
} encoding;

static bool encode_one(encoding *e, const char *text, size_t n, error *err) {
    id_list_reset(&e->ids);
    string_reset(&e->out);
    if (!tokenizer_encode(e->t, e->scratch, text, n, e->flags, &e->ids, err)) return false;
    if (e->common->json) put_json(e->t, text, n, &e->ids, &e->out);
    else if (e->o->show) put_shown(e->t, text, n, &e->ids, e->colours, &e->out);
    else put_plain(&e->ids, &e->out);
    return print_string(&e->out, err);
}

static bool encode_lines(encoding *e, const char *path, error *err) {
    file_reader *r = file_reader_open(path, err);
    const char *line;
    size_t n;
    bool ok = true;
    while (ok && r != NULL && file_reader_line(r, INT32_MAX, &line, &n, err)) ok = encode_one(e, line, n, err);
    if (r != NULL) file_reader_close(r);
    return ok && r != NULL && err->text[0] == 0;
}

static bool encode_file(const common_options *common, const encode_options *o, const tokenizer *t, const char *path, error *err) {
    const unsigned flags =
        (o->add_special ? TOKENIZER_ADD_SPECIAL : 0) | (o->parse_special ? TOKENIZER_PARSE_SPECIAL : 0) | (common->json || o->show ? TOKENIZER_OFFSETS : 0);
    encoding e = {.common = common, .o = o, .t = t, .scratch = tokenizer_scratch_new(t), .flags = flags, .colours = isatty(STDOUT_FILENO) != 0};
    arena text = {0};
    bool ok;
    if (o->lines) ok = encode_lines(&e, path, err);
    else {
        size_t n;
        const char *whole = file_read(&text, path, INT32_MAX, &n, err);
        ok = whole != NULL && encode_one(&e, whole, n, err);
    }
    string_drop(&e.out);
    id_list_drop(&e.ids);
    arena_drop(&text);
    tokenizer_scratch_drop(e.scratch);
    return ok;
}

int command_tokenizer_encode(int argc, char **argv) {
    encode_options o = {0};
    const option options[] = {
        TOKENIZER_OPTION(&o.tokenizer.path),
        PATTERN_OPTION(&o.tokenizer.pattern),
        {"lines", 0, OPT_FLAG, &o.lines, .help = "each line is a text (else all of it is one)"},
        {"add-special", 0, OPT_FLAG, &o.add_special, .help = "adds what the post-processor adds: BOS and the like"},
        {"parse-special", 0, OPT_FLAG, &o.parse_special, .help = "special tokens in the text become their ids (else they are text)"},
        {"show", 0, OPT_FLAG, &o.show, .help = "shows the text with its tokens in two colours; in a file or pipe with a bar between them"},
        {0},
    };
    const command c = {
        .name = "tokenizer encode",
        .arguments = "-t TOK [FILE]",
        .summary = "Text to ids, blank-separated on one line; without FILE it reads stdin.",
        .examples = "  echo -n 'Once upon a time' | socle tokenizer encode -t tok/\n"
                    "  socle tokenizer encode -t tok/ --lines --add-special lines.txt\n"
                    "  socle tokenizer encode -t qwen.tiktoken --pattern qwen2 --show README.md\n",
        .options = options,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        if (o.tokenizer.path == NULL) {
            fail(&err, "name a tokenizer with -t TOK");
            status = report_usage(c.name, &err);
        } else {
            const tokenizer *t = tokenizer_chosen(&owner, &o.tokenizer, &err);
            const bool ok = t != NULL && encode_file(&common, &o, t, common.n_word > 0 ? common.words[0] : "-", &err);
            status = ok ? finish_out() : report_failure(&err);
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
        while (!whole && end < n && !isspace((unsigned char)text[end]) && text[end] != ',') end++;
        if (!whole) return fail(err, "'%.*s' at byte %zu is no id", (int)(end - at < 20 ? end - at : 20), text + at, at);
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

int command_tokenizer_decode(int argc, char **argv) {
    tokenizer_choice choice = {0};
    bool skip_special = false, lines = false;
    const option options[] = {
        TOKENIZER_OPTION(&choice.path),
        PATTERN_OPTION(&choice.pattern),
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
        if (choice.path == NULL) {
            fail(&err, "name a tokenizer with -t TOK");
            status = report_usage(c.name, &err);
        } else {
            const tokenizer *t = tokenizer_chosen(&owner, &choice, &err);
            const bool ok = t != NULL && decode_file(t, common.n_word > 0 ? common.words[0] : "-", lines, skip_special, &err);
            status = ok ? finish_out() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}
