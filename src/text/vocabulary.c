#include "text/vocabulary.h"

#include <string.h>

static size_t power_of_two(size_t least) {
    size_t n = 16;
    while (n < least) n *= 2;
    return n;
}

bool vocabulary_start(vocabulary *v, arena *owner, size_t n_id, size_t n_token) {
    const size_t slots = power_of_two(n_token * 2 + 1);
    *v = (vocabulary){.token = NEW_ARRAY(owner, n_id, token), .n = n_id, .slot = NEW_ARRAY(owner, slots, vocabulary_slot), .mask = slots - 1};
    if (v->token == NULL || v->slot == NULL) return false;
    memset(v->slot, 0xff, slots * sizeof *v->slot);
    return true;
}

/* The slot of a text, or the empty one where it belongs. */
static vocabulary_slot *slot_of(const vocabulary *v, uint64_t hash, const char *text, size_t n) {
    const uint32_t upper = (uint32_t)(hash >> 32);
    for (size_t i = hash & v->mask;; i = (i + 1) & v->mask) {
        vocabulary_slot *s = &v->slot[i];
        if (s->id < 0) return s;
        if (s->hash != upper) continue;
        const token *there = &v->token[s->id];
        if (there->length == n && memcmp(there->text, text, n) == 0) return s;
    }
}

static bool put(vocabulary *v, int32_t id, const char *text, size_t n, bool again) {
    if (v->token[id].text != NULL) return false;
    const uint64_t hash = vocabulary_hash(text, n);
    vocabulary_slot *s = slot_of(v, hash, text, n);
    if (s->id >= 0 && !again) return false;
    *s = (vocabulary_slot){(uint32_t)(hash >> 32), id};
    v->token[id] = (token){text, (uint32_t)n};
    return true;
}

bool vocabulary_put(vocabulary *v, int32_t id, const char *text, size_t n) {
    return put(v, id, text, n, false);
}

bool vocabulary_put_again(vocabulary *v, int32_t id, const char *text, size_t n) {
    return put(v, id, text, n, true);
}

int32_t vocabulary_get_hashed(const vocabulary *v, uint64_t hash, const char *text, size_t n) {
    return slot_of(v, hash, text, n)->id;
}

int32_t vocabulary_get(const vocabulary *v, const char *text, size_t n) {
    return vocabulary_get_hashed(v, vocabulary_hash(text, n), text, n);
}

/* GPT-2's alphabet: printable Latin-1 stands for itself, the other 68 bytes are U+0100 and up, in order. */
static bool byte_is_itself(unsigned b) {
    return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
}

uint32_t byte_to_char(unsigned char b) {
    if (byte_is_itself(b)) return b;
    if (b <= ' ') return 0x100u + b;
    return b < 0xad ? 0x100u + 33 + (b - 0x7fu) : 0x100u + 67;
}

int char_to_byte(uint32_t c) {
    if (c < 0x100) return byte_is_itself(c) ? (int)c : -1;
    if (c <= 0x100 + ' ') return (int)(c - 0x100);
    if (c < 0x100 + 67) return (int)(c - 0x100 - 33 + 0x7f);
    return c == 0x100 + 67 ? 0xad : -1;
}
