/* Text repeats its words: a cache of whole words stands before the model. */
#include "text/tokenizer_inner.h"

#include <string.h>

enum { SHORT_BITS = 14, SHORT_WORDS = 1 << SHORT_BITS, LONG_WORDS = 1 << 13, SHORT_BYTES = 15, LONG_BYTES = 32, SHORT_IDS = 3, LONG_IDS = 7 };

struct short_word {
    uint64_t key[2]; /* the bytes, and in the last one 1 + how many */
    int32_t id[SHORT_IDS];
    int32_t n;
};
struct long_word {
    unsigned char n_byte, n; /* n_byte 0: empty */
    char key[LONG_BYTES];
    int32_t id[LONG_IDS];
};

struct word_cache {
    struct short_word short_words[SHORT_WORDS];
    struct long_word long_words[LONG_WORDS];
};

bool word_cache_start(tokenizer_scratch *s) {
    s->cache = NEW(&s->memory, struct word_cache);
    return s->cache != NULL;
}

void word_reserve(tokenizer_scratch *s, size_t n) {
    if (n <= s->room) return;
    const size_t room = n < 256 ? 256 : n + n / 8;
    s->id = NEW_ARRAY(&s->memory, room, int32_t);
    s->length = NEW_ARRAY(&s->memory, room, uint32_t);
    s->room = room;
}

/* --- the cache ------------------------------------------------------------------------------------------------------------------ */
static void ids_append(id_list *out, const int32_t *id, size_t n) {
    id_list_reserve(out, n);
    memcpy(out->id + out->n, id, n * sizeof *id);
    out->n += n;
}

static struct long_word *long_place(tokenizer_scratch *s, const char *word, size_t n, bool *hit) {
    struct long_word *w = &s->cache->long_words[hash64(word, n, 0) % LONG_WORDS];
    *hit = w->n_byte == n && memcmp(w->key, word, n) == 0;
    return w;
}

static void long_keep(struct long_word *w, const char *word, size_t n, const int32_t *id, size_t n_id) {
    w->n_byte = (unsigned char)n;
    w->n = (unsigned char)n_id;
    memcpy(w->key, word, n);
    memcpy(w->id, id, n_id * sizeof *id);
}

static void encode_long(tokenizer_scratch *s, const char *word, size_t n, struct short_word *place, const uint64_t key[2], id_list *out) {
    bool hit;
    struct long_word *w = long_place(s, word, n, &hit);
    if (hit) {
        ids_append(out, w->id, w->n);
        return;
    }
    const size_t n_id = s->tokenizer->model->word(s, word, n);
    ids_append(out, s->id, n_id);
    if (place != NULL && n_id <= SHORT_IDS) {
        *place = (struct short_word){.key = {key[0], key[1]}, .n = (int32_t)n_id};
        memcpy(place->id, s->id, n_id * sizeof *s->id);
    } else if (n_id <= LONG_IDS) long_keep(w, word, n, s->id, n_id);
}

void word_encode(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    if (n > LONG_BYTES) {
        const size_t n_id = s->tokenizer->model->word(s, word, n);
        ids_append(out, s->id, n_id);
        return;
    }
    if (n > SHORT_BYTES) {
        encode_long(s, word, n, NULL, NULL, out);
        return;
    }
    union {
        char byte[16];
        uint64_t word[2];
    } key = {0};
    memcpy(key.byte, word, n);
    key.byte[15] = (char)(n + 1);
    uint64_t mixed = (key.word[0] ^ key.word[1] * 0xc2b2ae3d27d4eb4full) * 0x9e3779b97f4a7c15ull;
    mixed ^= mixed >> 29;
    struct short_word *w = &s->cache->short_words[(mixed * 0x9e3779b97f4a7c15ull) >> (64 - SHORT_BITS)];
    if (w->key[0] != key.word[0] || w->key[1] != key.word[1]) {
        encode_long(s, word, n, w, key.word, out);
        return;
    }
    id_list_reserve(out, SHORT_IDS);
    memcpy(out->id + out->n, w->id, sizeof w->id);
    out->n += (size_t)w->n;
}
