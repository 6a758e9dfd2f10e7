#include "curate/minhash.h"

#include "base/string.h"
#include "text/unicode.h"

#include <pthread.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- the permutations ---- */

/* MT19937 (Matsumoto and Nishimura 1998) seeded with 1: not for randomness, but because the public signatures are made with
 * its first numbers. */
typedef struct twister {
    uint32_t state[624];
    int at;
} twister;

static void twister_seed(twister *t, uint32_t seed) {
    t->state[0] = seed;
    for (uint32_t i = 1; i < 624; i++) t->state[i] = 1812433253u * (t->state[i - 1] ^ (t->state[i - 1] >> 30)) + i;
    t->at = 624;
}

static uint32_t twister_next(twister *t) {
    if (t->at == 624) {
        for (int i = 0; i < 624; i++) {
            const uint32_t y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % 624] & 0x7fffffffu);
            t->state[i] = t->state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        t->at = 0;
    }
    uint32_t y = t->state[t->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static const uint64_t prime = ((uint64_t)1 << 61) - 1;
static uint64_t factor[MINHASH_HASHES], offset[MINHASH_HASHES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t draw(twister *t, uint64_t range) { /* in [0, range] */
    for (;;) {
        const uint64_t high = twister_next(t);
        const uint64_t x = (high << 32 | twister_next(t)) & prime;
        if (x <= range) return x;
    }
}

static void make_permutations(void) {
    twister t;
    twister_seed(&t, 1);
    for (int i = 0; i < MINHASH_HASHES; i++) factor[i] = 1 + draw(&t, prime - 2);
    for (int i = 0; i < MINHASH_HASHES; i++) offset[i] = draw(&t, prime - 1);
}

bool minhash_signature(arena *scratch, const spans *words, uint64_t signature[MINHASH_HASHES]) {
    if (words->n < MINHASH_SHINGLE) return false;
    pthread_once(&once, make_permutations);
    string shingle = {0};
    memset(signature, 0xff, sizeof *signature * MINHASH_HASHES);
    for (size_t i = 0; i + MINHASH_SHINGLE <= words->n; i++) {
        string_reset(&shingle);
        for (size_t k = 0; k < MINHASH_SHINGLE; k++) {
            if (k > 0) string_char(&shingle, ' ');
            string_append(&shingle, words->at[i + k].text, words->at[i + k].n);
        }
        const uint64_t h = XXH64(shingle.data, shingle.length, 0);
        for (int k = 0; k < MINHASH_HASHES; k++) {
            uint64_t v = h * factor[k] + offset[k]; /* the product wraps at 64 bits first */
            v = (v & prime) + (v >> 61);            /* mod 2^61 - 1, which twice subtracted is enough */
            if (v >= prime) v -= prime;
            if (v < signature[k]) signature[k] = v;
        }
    }
    string_drop(&shingle);
    return true;
}

/* ---- what is compared ---- */

/* Letters of Latin-1 and Latin Extended-A without their marks and in lower case; . where there is no such letter. */
static const char latin_base[] =
    "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.y"
    "aaaaaaccccccccdd..eeeeeeeeeegggggggghh..iiiiiiiii...jjkk.llllll....nnnnnn...oooooo..rrrrrrsssssssstttt..uuuuuuuuuuuuwwyyyzzzzzz.";
/* Latin Extended Additional (1E00 on) */
static const char latin_additional[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoo"
                                       "oooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy..";

/* One character in lower case and without marks (NFD less Mn), for Latin, Greek and Cyrillic; 0: it goes. */
static uint32_t fold(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c >= 0xc0 && c < 0xc0 + sizeof latin_base - 1) {
        const char base = latin_base[c - 0xc0];
        if (base != '.') return (unsigned char)base;
        if (c == 0xc6 || (c >= 0xd8 && c <= 0xde)) return c + 32; /* AE, O with stroke, thorn */
        if (c == 0xd0) return 0xf0;
        if (c >= 0x139 && c <= 0x148) return c % 2 == 1 ? c + 1 : c;
        return c >= 0x100 && c % 2 == 0 ? c + 1 : c;
    }
    if (c >= 0x1a0 && c <= 0x1b0) return c <= 0x1a1 ? 'o' : c >= 0x1af ? 'u' : c; /* o and u with horn */
    if (c >= 0x1e00 && c < 0x1e9a) return (unsigned char)latin_additional[c - 0x1e00];
    if (c >= 0x1ea0 && c <= 0x1ef9) return c <= 0x1eb7 ? 'a' : c <= 0x1ec7 ? 'e' : c <= 0x1ecb ? 'i' : c <= 0x1ee3 ? 'o' : c <= 0x1ef1 ? 'u' : 'y';
    if ((c >= 0x300 && c < 0x370) || (c >= 0x591 && c <= 0x5c7) || (c >= 0x64b && c <= 0x65f) || (c >= 0x20d0 && c <= 0x20ff)) return 0;
    if (c >= 0x386 && c <= 0x3ce) {
        static const uint16_t accented[][2] = {{0x386, 0x3b1}, {0x388, 0x3b5}, {0x389, 0x3b7}, {0x38a, 0x3b9}, {0x38c, 0x3bf}, {0x38e, 0x3c5},
                                               {0x38f, 0x3c9}, {0x390, 0x3b9}, {0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7}, {0x3af, 0x3b9},
                                               {0x3b0, 0x3c5}, {0x3ca, 0x3b9}, {0x3cb, 0x3c5}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5}, {0x3ce, 0x3c9}};
        for (size_t i = 0; i < COUNT(accented); i++)
            if (accented[i][0] == c) return accented[i][1];
        return c >= 0x391 && c <= 0x3ab ? c + 32 : c;
    }
    if (c >= 0x400 && c <= 0x45f) {
        if (c < 0x410) c += 80;
        else if (c < 0x430) c += 32;
        return c == 0x439 ? 0x438 : c == 0x451 ? 0x435 : c == 0x457 ? 0x456 : c; /* short i, io, yi */
    }
    return c;
}

static bool is_digit(uint32_t c) {
    return c < 0x80 ? c >= '0' && c <= '9' : (unicode_class(c) & UNICODE_NUMBER) && !(unicode_class(c) & UNICODE_LETTER);
}

/* A run of digits, and with one separator between a further run. */
static size_t number_end(const char *text, size_t n, size_t at) {
    size_t end = at;
    for (int run = 0; run < 2; run++) {
        size_t i = end;
        if (run == 1) {
            const uint32_t separator = i < n ? utf8_next(text, n, &i) : 0;
            if (separator != '.' && separator != ',' && separator != 0x60c && separator != 0x66b) return end;
        }
        bool any = false;
        for (size_t next = i; next < n; i = next, any = true)
            if (!is_digit(utf8_next(text, n, &next))) break;
        if (!any) return end;
        end = i;
    }
    return end;
}

bool minhash_words(arena *scratch, const char *text, size_t n, const char *language, spans *out) {
    string s = {0};
    for (size_t i = 0; i < n;) {
        const size_t here = i;
        uint32_t c = utf8_next(text, n, &i);
        if (is_digit(c)) {
            i = number_end(text, n, here);
            string_char(&s, '0');
        } else if (is_symbol(c) && (c < 0xa0 || !is_sentence_terminal(c) || c == 0x3002 || c >= 0xff01)) string_char(&s, ' ');
        else if ((c = fold(c)) != 0) {
            if (c < 0x80) string_char(&s, (char)c);
            else string_utf8(&s, c);
        }
    }
    const char *copy = arena_copy_bytes(scratch, string_chars(&s), s.length);
    const size_t length = s.length;
    string_drop(&s);
    return copy != NULL && words_of(scratch, copy, length, language, out);
}
