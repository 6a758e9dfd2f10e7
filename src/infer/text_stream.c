#include "infer/text_stream.h"

#include "base/file.h"

#include <string.h>

text_stream text_stream_start(const tokenizer *t, const int32_t *prompt, size_t n, const char *const *stops, size_t n_stop) {
    return (text_stream){.decoder = tokenizer_decoder_start(t, prompt, n, true), .stops = stops, .n_stop = n_stop};
}

/* The first place where a stop string begins; `length` where there is none. */
static size_t find_stop(const text_stream *s) {
    size_t first = s->held.length;
    for (size_t i = 0; i < s->n_stop; i++) {
        const char *at = memmem(s->held.data, s->held.length, s->stops[i], strlen(s->stops[i]));
        if (at != NULL && (size_t)(at - s->held.data) < first) first = (size_t)(at - s->held.data);
    }
    return first;
}

static bool begins_a_stop(const text_stream *s, const char *text, size_t n) {
    for (size_t i = 0; i < s->n_stop; i++)
        if (strlen(s->stops[i]) > n && memcmp(s->stops[i], text, n) == 0) return true;
    return false;
}

static void release(text_stream *s, size_t n, string *out) {
    string_append(out, s->held.data, n);
    memmove(s->held.data, s->held.data + n, s->held.length - n);
    s->held.length -= n;
}

bool text_stream_put(text_stream *s, int32_t id, string *out) {
    if (s->stopped) return false;
    if (s->n_stop == 0) {
        tokenizer_decoder_push(&s->decoder, id, out);
        return true;
    }
    tokenizer_decoder_push(&s->decoder, id, &s->held);
    if (s->held.length == 0) return true;
    const size_t stop = find_stop(s);
    if (stop < s->held.length) {
        release(s, stop, out);
        s->stopped = true;
        return false;
    }
    size_t sure = 0;
    while (sure < s->held.length && !begins_a_stop(s, s->held.data + sure, s->held.length - sure)) sure++;
    release(s, sure, out);
    return true;
}

size_t text_stream_position(const text_stream *s, size_t given_out) {
    return given_out + s->held.length + s->decoder.n_held;
}

void text_stream_end(text_stream *s, string *out) {
    if (!s->stopped) {
        tokenizer_decoder_end(&s->decoder, &s->held); /* of some tokenizers the whole text: a stop string may be in it */
        const size_t n = s->n_stop > 0 && s->held.length > 0 ? find_stop(s) : s->held.length;
        s->stopped = n < s->held.length;
        string_append(out, string_chars(&s->held), n);
    }
    text_stream_drop(s);
}

void text_stream_drop(text_stream *s) {
    tokenizer_decoder_drop(&s->decoder);
    string_drop(&s->held);
}

bool model_has_own_tokenizer(arena *owner, const char *folder) {
    return tokenizer_folder_holds(folder);
}

static const char *tokenizer_folder(arena *owner, const char *base, const char *adapter) {
    return adapter != NULL && model_has_own_tokenizer(owner, adapter) ? adapter : base;
}

bool model_has_tokenizer(arena *owner, const char *base, const char *adapter) {
    return model_has_own_tokenizer(owner, tokenizer_folder(owner, base, adapter));
}

tokenizer *model_tokenizer(arena *owner, const model *m, const char *base, const char *adapter, error *err) {
    const char *folder = tokenizer_folder(owner, base, adapter);
    tokenizer *t = tokenizer_load(owner, folder, err);
    if (t == NULL) return NULL;
    if (tokenizer_vocab_size(t) > m->vocab_size)
        return fail_null(err, "%s: the tokenizer does not match the model: it has ids up to %d, the model has rows for %ld", folder,
                         tokenizer_vocab_size(t) - 1, m->vocab_size);
    return t;
}
