/* A decoder as `tokenizers` runs one: each step gets the list of tokens that the step before made. */
#include "text/decode_inner.h"

#include <string.h>

typedef struct token_list {
    token *token;
    size_t n;
} token_list;

static void put(arena *a, token_list *list, const char *text, size_t n) {
    list->token[list->n++] = (token){arena_copy_bytes(a, text, n), (uint32_t)n};
}

static void each_token(const decode_step *d, arena *a, const token_list *in, token_list *out) {
    string s = {0}, spare = {0};
    for (size_t i = 0; i < in->n; i++) {
        const token *t = &in->token[i];
        if (d->kind == DECODE_CTC && i > 0 && t->length == t[-1].length && memcmp(t->text, t[-1].text, t->length) == 0) continue;
        string_reset(&s);
        string_append(&s, t->text, t->length);
        decode_token(d, i == 0, i + 1 == in->n, &s, &spare);
        if (s.length > 0 || d->kind != DECODE_CTC) put(a, out, string_chars(&s), s.length);
    }
    string_drop(&s);
    string_drop(&spare);
}

static void fuse(const decode_step *d, arena *a, const token_list *in, token_list *out) {
    string s = {0};
    for (size_t i = 0; i < in->n; i++)
        if (d->kind == DECODE_BYTE_LEVEL) bytes_of_alphabet(in->token[i].text, in->token[i].length, &s);
        else string_append(&s, in->token[i].text, in->token[i].length);
    put(a, out, string_chars(&s), s.length);
    string_drop(&s);
}

/* A run of byte tokens that is UTF-8 becomes one token; else each stays one, of its byte. */
static void fall_back(arena *a, const token_list *in, token_list *out) {
    string bytes = {0};
    for (size_t i = 0; i <= in->n; i++) {
        const int byte = i < in->n ? fallback_byte(in->token[i].text, in->token[i].length) : -1;
        if (byte >= 0) {
            string_char(&bytes, (char)byte);
            continue;
        }
        if (bytes.length > 0 && utf8_valid(bytes.data, bytes.length)) put(a, out, bytes.data, bytes.length);
        else
            for (size_t k = 0; k < bytes.length; k++) put(a, out, bytes.data + k, 1);
        string_reset(&bytes);
        if (i < in->n) put(a, out, in->token[i].text, in->token[i].length);
    }
    string_drop(&bytes);
}

void decode_chain(const decoder *d, const token *tokens, size_t n, string *out) {
    arena memory = {0};
    token_list in = {NEW_ARRAY(&memory, n + 1, token), n}, made = {NEW_ARRAY(&memory, n + 1, token), 0};
    memcpy(in.token, tokens, n * sizeof *tokens);
    for (size_t i = 0; i < d->n; i++) {
        made.n = 0;
        switch (d->step[i].kind) {
        case DECODE_FUSE:
        case DECODE_BYTE_LEVEL: fuse(&d->step[i], &memory, &in, &made); break;
        case DECODE_BYTE_FALLBACK: fall_back(&memory, &in, &made); break;
        default: each_token(&d->step[i], &memory, &in, &made);
        }
        const token_list other = in;
        in = made;
        made = other;
    }
    for (size_t i = 0; i < in.n; i++) string_append(out, in.token[i].text, in.token[i].length);
    arena_drop(&memory);
}
