#include "text/token_index.h"

#include "text/word_cache.h"

#include <stdatomic.h>

enum { EMPTY, FILLING, FILLED };

token_index *token_index_new(arena *owner, size_t n) {
    size_t slots = 16;
    while (slots < n + n / 2) slots *= 2;
    token_index *x = NEW(owner, token_index);
    if (x == NULL) return NULL;
    /* as one block: a large one costs nothing before it is used */
    x->key = arena_alloc(owner, n * sizeof *x->key + slots * sizeof *x->slot);
    x->slot = (token_slot *)(void *)(x->key + n);
    x->shift = 64 - (unsigned)__builtin_ctzll(slots);
    x->mask = slots - 1;
    return x->key != NULL ? x : NULL;
}

/* A token as the bytes of a word; SIZE_MAX: it is none, or one of more than SHORT_BYTES. */
static size_t token_word(const tokenizer *t, int32_t id, char word[SHORT_BYTES]) {
    const token *x = &t->vocabulary.token[id];
    size_t n = 0;
    if (x->text == NULL || x->length == 0 || x->length > 2 * SHORT_BYTES) return SIZE_MAX;
    if (t->special[id] || t->added_only[id]) return SIZE_MAX; /* no text becomes one of these */
    for (size_t at = 0; at < x->length;) {
        int byte = (unsigned char)x->text[at];
        if (t->pre_tokenizer.byte_level) byte = char_to_byte(utf8_next(x->text, x->length, &at));
        else at++;
        if (byte < 0 || n == SHORT_BYTES) return SIZE_MAX;
        word[n++] = (char)byte;
    }
    return n;
}

static token_slot *slot_of(const token_index *x, word_key key, uint64_t hash) {
    for (size_t i = hash >> x->shift;; i = (i + 1) & x->mask) {
        token_slot *s = &x->slot[i];
        if (s->id == 0) return s;
        const word_key *there = &x->key[s->id - 1];
        if (s->tag == (uint32_t)hash && there->low == key.low && there->high == key.high) return s;
    }
}

bool token_index_fill(token_index *x, const tokenizer *t) {
    int state = EMPTY;
    if (!atomic_compare_exchange_strong(&x->state, &state, FILLING)) return state == FILLED;
    for (size_t id = 0; id < t->vocabulary.n; id++) {
        char word[SHORT_BYTES];
        const size_t n = token_word(t, (int32_t)id, word);
        if (n == SIZE_MAX) continue;
        const word_key key = word_key_at_end(word, n);
        const uint64_t hash = word_key_hash(key);
        token_slot *s = slot_of(x, key, hash);
        const token *this = &t->vocabulary.token[id];
        if (s->id != 0 && vocabulary_get(&t->vocabulary, this->text, this->length) != (int32_t)id) continue; /* of two ids the one that is found */
        x->key[id] = key;
        *s = (token_slot){(uint32_t)hash, (uint32_t)id + 1};
    }
    atomic_store_explicit(&x->state, FILLED, memory_order_release);
    return true;
}

int32_t token_index_get(const token_index *x, word_key key, uint64_t hash) {
    return (int32_t)slot_of(x, key, hash)->id - 1;
}
