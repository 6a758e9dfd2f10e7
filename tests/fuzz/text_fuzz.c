/* Any bytes as a text, for tokenizers of several kinds: the quick way gives the ids of the careful one, a text in pieces gives those
 * of the whole, and byte-level vocabularies give the text back. */
#include "text/tokenizer.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *path;
    bool whole; /* every text comes back as it was */
} kinds[] = {
    {"tests/golden/text/gpt2.json", true},
    {"tests/golden/text/llama3.json", true},
    {"tests/golden/text/qwen2.json", false}, /* NFC */
    {"tests/golden/text/whole.json", false},
};

typedef struct subject {
    const tokenizer *tokenizer;
    tokenizer_scratch *scratch;
} subject;

static subject *subjects(void) {
    static arena owner;
    static subject loaded[COUNT(kinds)];
    for (size_t i = 0; loaded[0].tokenizer == NULL && i < COUNT(kinds); i++) {
        error err = {0};
        const size_t last = COUNT(kinds) - 1 - i; /* the first one last: it says that all are there */
        loaded[last].tokenizer = tokenizer_load(&owner, kinds[last].path, &err);
        if (loaded[last].tokenizer == NULL) abort();
        loaded[last].scratch = tokenizer_scratch_new(loaded[last].tokenizer);
    }
    return loaded;
}

static void assert_equal(const id_list *a, const id_list *b) {
    assert(a->n == b->n && (a->n == 0 || memcmp(a->id, b->id, a->n * sizeof *a->id) == 0));
}

/* Pieces whose lengths the text itself gives. */
static void feed(const tokenizer *t, const char *text, size_t n, unsigned flags, const id_list *whole) {
    tokenizer_feed *f = tokenizer_feed_new(t, flags);
    id_list ids = {0};
    error err = {0};
    for (size_t at = 0, step; at < n; at += step) {
        step = 1 + (unsigned char)text[at] % 97;
        if (step > n - at) step = n - at;
        assert(tokenizer_feed_push(f, text + at, step, &ids, &err));
    }
    assert(tokenizer_feed_end(f, &ids, &err));
    assert_equal(&ids, whole);
    tokenizer_feed_drop(f);
    id_list_drop(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const unsigned flags = size > 0 && data[0] % 2 ? TOKENIZER_PARSE_SPECIAL : 0;
    subject *all = subjects();
    for (size_t k = 0; k < COUNT(kinds); k++) {
        const tokenizer *t = all[k].tokenizer;
        id_list quick = {0}, careful = {0};
        string back = {0};
        error err = {0};
        assert(tokenizer_encode(t, all[k].scratch, (const char *)data, size, flags, &quick, &err));
        assert(tokenizer_encode(t, NULL, (const char *)data, size, flags | TOKENIZER_OFFSETS, &careful, &err));
        assert_equal(&quick, &careful);
        for (size_t i = 0; i < careful.n; i++) assert(careful.begin[i] <= careful.end[i] && careful.end[i] <= size);
        feed(t, (const char *)data, size, flags, &quick);
        tokenizer_decode(t, quick.id, quick.n, false, &back);
        if (kinds[k].whole) assert(back.length == size && memcmp(string_chars(&back), data, size) == 0);
        string_drop(&back);
        id_list_drop(&quick);
        id_list_drop(&careful);
    }
    return 0;
}
