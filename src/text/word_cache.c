#include "text/word_cache.h"

enum {
    NEAR_LEAST = 1 << 9,
    NEAR_MOST = 1 << 14, /* 512 KiB */
    FAR_SLOTS = 1 << 18, /* 8 MiB, made when the small table is full */
    LONG_LEAST = 1 << 7,
    LONG_MOST = 1 << 16, /* 6 MiB */
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

/* Nothing is looked for there, but memory is asked for. */
static short_table far_of_none(const word_cache *c) {
    return (short_table){.slot = c->near.slot, .shift = c->near.shift};
}

/* The tokenizer's index of whole tokens, if there is one by now. */
static void tokens_start(word_cache *c, const tokenizer *t) {
    token_index *x = t->bpe.tokens;
    if (x != NULL && token_index_fill(x, t)) c->tokens = x;
}

bool word_cache_start(tokenizer_scratch *s) {
    s->cache = NEW(&s->memory, struct word_cache);
    if (s->cache == NULL) return false;
    s->cache->long_slot = NEW_ARRAY(&s->memory, LONG_LEAST, long_word);
    s->cache->n_long_slot = LONG_LEAST;
    if (s->cache->long_slot == NULL || !short_table_start(&s->cache->near, &s->memory, NEAR_LEAST)) return false;
    s->cache->far = far_of_none(s->cache);
    return true;
}

void word_reserve(tokenizer_scratch *s, size_t n) {
    if (n <= s->room) return;
    const size_t room = n < 256 ? 256 : n + n / 8;
    s->id = NEW_ARRAY(&s->memory, room, int32_t);
    s->length = NEW_ARRAY(&s->memory, room, uint32_t);
    s->room = room;
}

static void ids_append(id_list *out, const int32_t *id, size_t n) {
    if (n == 0) return;
    id_list_reserve(out, n);
    memcpy(out->id + out->n, id, n * sizeof *id);
    out->n += n;
}

/* --- words of few ids --------------------------------------------------------------------------------------------------- */
static void short_put(short_table *t, const short_word *w, uint64_t hash) {
    t->slot[hash >> t->shift] = *w;
    t->n_put++;
}

/* In the large table the word that was there moves to the other slot of the cache line. */
static void far_put(short_table *t, const short_word *w, uint64_t hash) {
    short_word *slot = &t->slot[hash >> t->shift];
    if (slot->key.high != 0 && (slot->key.low != w->key.low || slot->key.high != w->key.high)) t->slot[(hash >> t->shift) ^ 1] = *slot;
    *slot = *w;
}

static uint64_t slot_hash(const short_word *w) {
    return word_key_hash((word_key){w->key.low, w->key.high & ~LONG_MARK});
}

static void near_grow(word_cache *c, arena *memory) {
    short_table larger;
    if (!short_table_start(&larger, memory, c->near.n_slot * GROWTH > NEAR_MOST ? NEAR_MOST : c->near.n_slot * GROWTH)) return;
    for (uint32_t i = 0; i < c->near.n_slot; i++)
        if (c->near.slot[i].key.high != 0) short_put(&larger, &c->near.slot[i], slot_hash(&c->near.slot[i]));
    c->near = larger;
    c->far = far_of_none(c);
}

static void short_keep(tokenizer_scratch *s, const short_word *w, uint64_t hash) {
    word_cache *c = s->cache;
    if (c->near.n_put > c->near.n_slot / 2 && c->near.n_slot < NEAR_MOST) near_grow(c, &s->memory);
    if (c->near.n_put > c->near.n_slot && c->far.n_slot == 0) short_table_start(&c->far, &s->memory, FAR_SLOTS);
    if (c->far.n_slot != 0 && c->tokens == NULL) tokens_start(c, s->tokenizer); /* again, while another thread fills it */
    short_put(&c->near, w, hash);
    if (c->far.n_slot != 0) far_put(&c->far, w, hash);
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

/* no_token: it is known that the word as a whole is none. What meets no token must be met again by the next text: such words are not kept. */
static size_t word_model_ids(tokenizer_scratch *s, const char *word, size_t n, bool no_token, id_list *out, bool *keep) {
    const bool unknown = s->unknown;
    s->unknown = false;
    const size_t n_id = no_token ? bpe_merged_word(s, word, n) : s->tokenizer->model->word(s, word, n);
    *keep = !s->unknown;
    s->unknown |= unknown;
    ids_append(out, s->id, n_id);
    return n_id;
}

/* Words of more than SHORT_BYTES or SHORT_IDS. */
static void word_encode_long(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    const uint64_t hash = n <= LONG_BYTES ? hash64(word, n, 0) : 0;
    const long_word *w = &s->cache->long_slot[hash % s->cache->n_long_slot];
    if (n <= LONG_BYTES && w->n_byte == n && memcmp(w->key, word, n) == 0) {
        ids_append(out, w->id, w->n);
        return;
    }
    bool keep;
    const size_t n_id = word_model_ids(s, word, n, false, out, &keep);
    if (keep && n <= LONG_BYTES && n_id <= LONG_IDS) long_keep(s, word, n, hash, n_id);
}

static bool key_is(const short_word *w, word_key key) {
    return w->key.low == key.low && (w->key.high & ~LONG_MARK) == key.high;
}

/* In one of the tables: its ids go out. */
static bool short_found(tokenizer_scratch *s, const short_table *t, word_key key, uint64_t hash, const char *word, size_t n, id_list *out) {
    if (t->n_slot == 0) return false;
    const short_word *w = &t->slot[hash >> t->shift];
    if (!key_is(w, key)) {
        if (t == &s->cache->near) return false;
        w = &t->slot[(hash >> t->shift) ^ 1];
        if (!key_is(w, key)) return false;
    }
    if (w->key.high & LONG_MARK) word_encode_long(s, word, n, out);
    else {
        s->cache->near.slot[hash >> s->cache->near.shift] = *w;
        ids_append(out, w->ids.id, (size_t)w->ids.n);
    }
    return true;
}

void word_encode_missed(tokenizer_scratch *s, const char *word, size_t n, id_list *out) {
    if (n > SHORT_BYTES) {
        word_encode_long(s, word, n, out);
        return;
    }
    const word_key key = word_key_at_end(word, n);
    const uint64_t hash = word_key_hash(key);
    if (short_found(s, &s->cache->near, key, hash, word, n, out) || short_found(s, &s->cache->far, key, hash, word, n, out)) return;
    const int32_t whole = s->cache->tokens != NULL ? token_index_get(s->cache->tokens, key, hash) : -1;
    if (whole >= 0) {
        short_keep(s, &(short_word){.key = key, .ids = {.id = {whole}, .n = 1}}, hash);
        ids_append(out, &whole, 1);
        return;
    }
    bool keep;
    const size_t n_id = word_model_ids(s, word, n, s->cache->tokens != NULL, out, &keep);
    if (!keep || n_id > LONG_IDS) return;
    short_word w = {.key = key, .ids.n = (int32_t)n_id};
    if (n_id > SHORT_IDS) {
        long_keep(s, word, n, hash64(word, n, 0), n_id);
        w.key.high |= LONG_MARK;
    } else memcpy(w.ids.id, s->id, n_id * sizeof *s->id);
    short_keep(s, &w, hash);
}

void word_encode(tokenizer_scratch *s, const char *word, size_t n, size_t readable, id_list *out) {
    word_ids found;
    if (!(readable >= WORD_READ ? word_look_up(s, word, n, &found) : word_look_up_at_end(s, word, n, &found))) {
        word_encode_missed(s, word, n, out);
        return;
    }
    id_list_reserve(out, SHORT_IDS);
    memcpy(out->id + out->n, found.id, sizeof found.id); /* all, whatever their number: that is quicker */
    out->n += (size_t)found.n;
}
