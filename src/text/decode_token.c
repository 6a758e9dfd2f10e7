/* What each kind of decoder does to one token. */
#include "text/decode.h"

#include "text/decode_inner.h"

#include <string.h>

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int fallback_byte(const char *text, size_t n) {
    if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    const int low = hex_digit(text[4]);
    if (text[3] == '+') return low; /* Rust's reading of numbers takes a sign */
    return hex_digit(text[3]) < 0 || low < 0 ? -1 : hex_digit(text[3]) * 16 + low;
}

void bytes_of_alphabet(const char *text, size_t n, string *out) {
    const size_t before = out->length;
    for (size_t at = 0; at < n;) {
        const int byte = char_to_byte(utf8_next(text, n, &at));
        if (byte < 0) {
            out->length = before;
            string_append(out, text, n);
            return;
        }
        string_char(out, (char)byte);
    }
}

/* Every `pattern` becomes `content`; one of no bytes stands before and behind every character. */
static void replace(const char *text, size_t n, const char *what, size_t n_what, const char *content, size_t n_content, string *out) {
    for (size_t at = 0; at < n || n_what == 0;) {
        if (n_what == 0) {
            string_append(out, content, n_content);
            if (at >= n) return;
            const size_t from = at;
            utf8_next(text, n, &at);
            string_append(out, text + from, at - from);
            continue;
        }
        const char *found = memmem(text + at, n - at, what, n_what);
        const size_t stop = found != NULL ? (size_t)(found - text) : n;
        string_append(out, text + at, stop - at);
        if (found == NULL) return;
        string_append(out, content, n_content);
        at = stop + n_what;
    }
}

static void swap(string *a, string *b) {
    const string other = *a;
    *a = *b;
    *b = other;
}

static void replace_in(string *s, string *spare, const char *what, size_t n_what, const char *content, size_t n_content) {
    string_reset(spare);
    replace(string_chars(s), s->length, what, n_what, content, n_content, spare);
    swap(s, spare);
}

static void replace_pattern(string *s, string *spare, const decode_step *d) {
    string_reset(spare);
    pattern_search search = pattern_search_start(d->pattern, string_chars(s), s->length);
    size_t done = 0, begin, end;
    while (pattern_search_next(&search, &begin, &end)) {
        string_append(spare, string_chars(s) + done, begin - done);
        string_append(spare, d->other, d->n_other);
        done = end;
    }
    string_append(spare, string_chars(s) + done, s->length - done);
    pattern_search_end(&search);
    swap(s, spare);
}

/* Blanks before punctuation and short forms go, as English writes them. */
static void clean_up(string *s, string *spare) {
    static const char *const pairs[][2] = {{" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                                           {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < COUNT(pairs); i++) replace_in(s, spare, pairs[i][0], strlen(pairs[i][0]), pairs[i][1], strlen(pairs[i][1]));
}

static void strip(string *s, string *spare, const decode_step *d) {
    const char *text = string_chars(s);
    size_t begin = 0, end = s->length;
    for (size_t i = 0; i < d->start && end - begin >= d->n_text && memcmp(text + begin, d->text, d->n_text) == 0; i++) begin += d->n_text;
    for (size_t i = 0; i < d->stop && end - begin >= d->n_text && memcmp(text + end - d->n_text, d->text, d->n_text) == 0; i++) end -= d->n_text;
    string_reset(spare);
    string_append(spare, text + begin, end - begin);
    swap(s, spare);
}

void decode_token(const decode_step *d, bool first, bool last, string *s, string *spare) {
    switch (d->kind) {
    case DECODE_REPLACE:
        if (s->length == 0) break;
        if (d->pattern != NULL) replace_pattern(s, spare, d);
        else replace_in(s, spare, d->text, d->n_text, d->other, d->n_other);
        break;
    case DECODE_STRIP: strip(s, spare, d); break;
    case DECODE_METASPACE: replace_in(s, spare, d->text, d->n_text, " ", first && !d->keeps_first ? 0 : 1); break;
    case DECODE_BPE: replace_in(s, spare, d->text, d->n_text, " ", last ? 0 : 1); break;
    case DECODE_WORDPIECE:
        if (!first) {
            const bool inside = s->length >= d->n_text && memcmp(string_chars(s), d->text, d->n_text) == 0;
            string_reset(spare);
            if (!inside) string_char(spare, ' ');
            string_append(spare, string_chars(s) + (inside ? d->n_text : 0), s->length - (inside ? d->n_text : 0));
            swap(s, spare);
        }
        if (d->cleanup) clean_up(s, spare);
        break;
    case DECODE_CTC:
        replace_in(s, spare, d->text, d->n_text, "", 0);
        if (!d->cleanup) break;
        clean_up(s, spare);
        replace_in(s, spare, d->other, d->n_other, " ", 1);
        break;
    default: break; /* of the whole list: decode_chain.c */
    }
}
