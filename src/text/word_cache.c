#include "text/word_cache.h"

enum {
    NEAR_LEAST = 1 << 9,
    NEAR_MOST = 1 << 14, /* 512 KiB */
    FAR_SLOTS = 1 << 16, /* 2 MiB */
    LONG_LEAST = 1 << 7,
    LONG_MOST = 1 << 13, /* 780 KiB */
    GROWTH = 4,
    CACHE_LINE = 64
};

static bool short_table_start(short_table *t, arena *memory, uint32_t n) {
    char *bytes = NEW_ARRAY(memory, n * sizeof(short_word) + CACHE_LINE, char);
    if (bytes == NULL) return false;
    *t = (short_table){.slot = (short_word *)(void *)(bytes + (CACHE_LINE - (uintptr_t)bytes % CACHE_LINE) % CACHE_LINE),
                       .shift = 64 - (unsigned)__builtin_ctz(n),
                       .n_slot = n};
    return true;
}

bool word_cache_start(tokenizer_scratch *s) {
    s->cache = NEW(&s->memory, struct word_cache);
    if (s->cache == NULL) return false;
    s->cache->long_slot = NEW_ARRAY(&s->memory, LONG_LEAST, long_word);
    s->cache->n_long_slot = LONG_LEAST;
    return s->cache->long_slot != NULL && short_table_start(&s->cache->near, &s->memory, NEAR_LEAST);
}

void word_reserve(tokenizer_scratch *s, size_t n) {
    if (n <= s->room) return;
    const size_t room = n < 256 ? 256 : n + n / 8;
    s->id = NEW_ARRAY(&s->memory, room, int32_t);
    s->length = NEW_ARRAY(&s->memory, room, uint32_t);
    s->room = room;
}

static void ids_append(id_list *out, const int32_t *id, size_t n) {
    id_list_reserve(out, n);
    memcpy(out->id + out->n, id, n * sizeof *id);
    out->n += n;
}

/* --- words of few ids --------------------------------------------------------------------------------------------------- */
static void short_put(short_table *t, const short_word *w, uint64_t hash) {
    t->slot[hash >> t->shift] = *w;
    t->n_put++;
}

static void near_grow(word_cache *c, arena *memory) {
    short_table larger;
    if (!short_table_start(&larger, memory, c->near.n_slot * GROWTH > NEAR_MOST ? NEAR_MOST : c->near.n_slot * GROWTH)) return;
    for (uint32_t i = 0; i < c->near.n_slot; i++)
        if (c->near.slot[i].key.high != 0) short_put(&larger, &c->near.slot[i], word_key_hash(c->near.slot[i].key));
    c->near = larger;
}

static void short_keep(tokenizer_scratch *s, const short_word *w, uint64_t hash) {
    word_cache *c = s->cache;
    if (c->near.n_put > c->near.n_slot / 2 && c->near.n_slot < NEAR_MOST) near_grow(c, &s->memory);
    if (c->near.n_put > c->near.n_slot && c->far.slot == NULL) short_table_start(&c->far, &s->memory, FAR_SLOTS);
    short_put(&c->near, w, hash);
    if (c->far.slot != NULL) short_put(&c->far, w, hash);
}

/* --- others --------------------------------------------------------------------------------------------------------------- */
static void long_grow(word_cache *c, arena *memory) {
    const uint32_t n = c->n_long_slot * GROWTH > LONG_MOST ? LONG_MOST : c->n_long_slot * GROWTH;
    long_word *larger = NEW_ARRAY(memory, n, long_word);
    for (uint32_t i = 0; i < c->n_long_slot; i++) {
        const long_word *w = &c->long_slot[i];
        if (w->n_byte > 0) larger[hash64(w->key, w->n_byte, 0) % n] = *w;
    }
    c->long_slot = larger;
    c->n_long_slot = n;
}

static void long_keep(tokenizer_scratch *s, const char *word, size_t n, uint64_t hash, size_t n_id) {
    word_cache *c = s->cache;
    if (c->n_long_put++ > c->n_long_slot / 2 && c->n_long_slot < LONG_MOST) long_grow(c, &s->memory);
    long_word *w = &c->long_slot[hash % c->n_long_slot];
    w->n_byte = (unsigned char)n;
    w->n = (unsigned char)n_id;
    memcpy(w->key, word, n);
    memcpy(w->id, s->id, n_id * sizeof *s->id);
}

/* What meets no token must be met again by the next text: such words are not kept. */
static size_t word_model_ids(tokenizer_scratch *s, const char *word, size_t n, id_list *out, bool *keep) {
    const bool unknown = s->unknown;
    s->unknown = false;
    const size_t n_id = s->tokenizer->model->word(s, word, n);
    *keep = !s->unknown;
    s->unknown |= unknown;
    ids_append(out, s->id, n_id);
    return n_id;
}

static bool long_found(tokenizer_scratch *s, const char *word, size_t n, uint64_t hash, id_list *out) {
    const long_word *w = &s->cache->long_slot[hash % s->cache->n_long_slot];
    if (w->n_byte != n || memcmp(w->key, word, n) != 0) return false;
    ids_append(out, w->id, w->n);
    return true;
}

void word_encode_long(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    const uint64_t hash = n <= LONG_BYTES ? hash64(word, n, 0) : 0;
    if (n <= LONG_BYTES && long_found(s, word, n, hash, out)) return;
    bool keep;
    const size_t n_id = word_model_ids(s, word, n, out, &keep);
    if (keep && n <= LONG_BYTES && n_id <= LONG_IDS) long_keep(s, word, n, hash, n_id);
}

void word_encode_missed(tokenizer_scratch *s, const char *word, size_t n, word_key key, uint64_t hash, id_list *out) {
    word_cache *c = s->cache;
    if (c->far.slot != NULL) {
        const short_word *w = &c->far.slot[hash >> c->far.shift];
        if (w->key.low == key.low && w->key.high == key.high) {
            c->near.slot[hash >> c->near.shift] = *w;
            ids_append(out, w->id, (size_t)w->n);
            return;
        }
    }
    const uint64_t long_hash = hash64(word, n, 0);
    if (n > SHORT_IDS && long_found(s, word, n, long_hash, out)) return;
    bool keep;
    const size_t n_id = word_model_ids(s, word, n, out, &keep);
    if (!keep) return;
    short_word w = {.key = key, .n = (int32_t)n_id};
    if (n_id > SHORT_IDS) {
        if (n_id <= LONG_IDS) long_keep(s, word, n, long_hash, n_id);
        return;
    }
    memcpy(w.id, s->id, n_id * sizeof *s->id);
    short_keep(s, &w, hash);
}

void word_encode(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    if (n > SHORT_BYTES) {
        word_encode_long(s, word, n, out);
        return;
    }
    id_list_reserve(out, SHORT_IDS);
    word_encode_short(s, word, n, word_key_at_end(word, n), out);
}
