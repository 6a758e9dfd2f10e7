#include "text/vocabulary.h"

#include <string.h>

static size_t power_of_two(size_t least) {
    size_t n = 16;
    while (n < least) n *= 2;
    return n;
}

bool vocabulary_start(vocabulary *v, arena *owner, size_t n_id, size_t n_token) {
    const size_t slots = power_of_two(n_token * 2 + 1);
    *v = (vocabulary){.token = NEW_ARRAY(owner, n_id, token), .n = n_id, .slot = NEW_ARRAY(owner, slots, int32_t), .mask = slots - 1};
    if (v->token == NULL || v->slot == NULL) return false;
    memset(v->slot, 0xff, slots * sizeof *v->slot);
    return true;
}

bool vocabulary_put(vocabulary *v, int32_t id, const char *text, size_t n) {
    if (v->token[id].text != NULL) return false;
    for (size_t i = (size_t)hash64(text, n, 0) & v->mask;; i = (i + 1) & v->mask) {
        if (v->slot[i] < 0) {
            v->slot[i] = id;
            v->token[id] = (token){text, (uint32_t)n};
            return true;
        }
        const token *there = &v->token[v->slot[i]];
        if (there->length == n && memcmp(there->text, text, n) == 0) return false;
    }
}

int32_t vocabulary_get(const vocabulary *v, const char *text, size_t n) {
    for (size_t i = (size_t)hash64(text, n, 0) & v->mask; v->slot[i] >= 0; i = (i + 1) & v->mask) {
        const token *there = &v->token[v->slot[i]];
        if (there->length == n && memcmp(there->text, text, n) == 0) return v->slot[i];
    }
    return -1;
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
