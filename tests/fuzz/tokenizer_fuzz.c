/* Any bytes as a tokenizer.json; where it is taken, texts are encoded, whole and in pieces, and decoded with it. */
#include "text/tokenizer.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] = "ab a\xe2\x96\x81\142 <s>  don't\n\n 123 \xff\xf0\x9f\x98\x80 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

/* A text in pieces gives the ids of the whole, or is refused as that is. */
static void feed(const tokenizer *t, const char *text, size_t n, unsigned flags, bool taken, const id_list *whole) {
    id_list ids = {0};
    error err = {0};
    tokenizer_feed *f = tokenizer_feed_new(t, flags);
    bool ok = true;
    for (size_t at = 0, step = 1; ok && at < n; at += step, step = step % 11 + 1) {
        if (step > n - at) step = n - at;
        ok = tokenizer_feed_push(f, text + at, step, &ids, &err);
    }
    ok = ok && tokenizer_feed_end(f, &ids, &err);
    assert(ok == taken || !taken);
    if (taken) assert(ids.n == whole->n && (ids.n == 0 || memcmp(ids.id, whole->id, ids.n * sizeof *ids.id) == 0));
    tokenizer_feed_drop(f);
    id_list_drop(&ids);
}

static void use(const tokenizer *t, const char *text, size_t n) {
    static const unsigned flags[] = {0, TOKENIZER_ADD_SPECIAL | TOKENIZER_PARSE_SPECIAL, TOKENIZER_PARSE_SPECIAL | TOKENIZER_OFFSETS};
    tokenizer_scratch *s = tokenizer_scratch_new(t);
    string out = {0};
    error err = {0};
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
        id_list ids = {0};
        const bool taken = tokenizer_encode(t, s, text, n, flags[k], &ids, &err);
        if (!taken) assert(err.text[0] != 0); /* a character that no token covers, say */
        if (!(flags[k] & TOKENIZER_OFFSETS)) feed(t, text, n, flags[k], taken, &ids);
        for (size_t i = 0; i < ids.n; i++) {
            assert(tokenizer_token(t, ids.id[i], NULL) != NULL);
            if (flags[k] & TOKENIZER_OFFSETS) assert(ids.begin[i] <= ids.end[i] && ids.end[i] <= n);
        }
        string_reset(&out);
        tokenizer_decode(t, ids.id, ids.n, k == 1, &out);
        string streamed = {0};
        tokenizer_decoder d = tokenizer_decoder_start(t, NULL, 0, k == 1);
        for (size_t i = 0; i < ids.n; i++) tokenizer_decoder_push(&d, ids.id[i], &streamed);
        tokenizer_decoder_end(&d, &streamed);
        assert(streamed.length == out.length && memcmp(string_chars(&streamed), string_chars(&out), out.length) == 0);
        string_drop(&streamed);
        id_list_drop(&ids);
    }
    unsigned char marks[256];
    for (size_t i = 0; i < sizeof marks; i++) marks[i] = (unsigned char)(i / 7 % 2);
    id_list ids = {0};
    error_clear(&err);
    if (!tokenizer_encode_marked(t, s, text, n < sizeof marks ? n : sizeof marks, marks, TOKENIZER_OFFSETS, &ids, &err)) assert(err.text[0] != 0);
    id_list_reset(&ids);
    if (!tokenizer_encode_pair(t, s, text, n, "b a", 3, TOKENIZER_ADD_SPECIAL, &ids, &err)) assert(err.text[0] != 0);
    id_list_to_characters(&ids, text, n);
    id_list_drop(&ids);
    string_drop(&out);
    tokenizer_scratch_drop(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena owner = {.limit = 8 << 20};
    error err = {0};
    const tokenizer *t = tokenizer_parse(&owner, (const char *)data, size, NULL, 0, &err);
    if (t == NULL) assert(err.text[0] != 0);
    else {
        use(t, sample, sizeof sample - 1);
        use(t, (const char *)data, size < 2000 ? size : 2000);
    }
    arena_drop(&owner);
    return 0;
}
