/* What tests of encoding share: a byte-level BPE with merges drawn at random, so that words fall into tokens in all ways, and random
 * texts. */
#ifndef SOCLE_TESTS_RANDOM_TOKENIZER_H
#define SOCLE_TESTS_RANDOM_TOKENIZER_H
#include "base/json.h"
#include "base/random.h"
#include "text/split.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static const char *mapped(arena *owner, unsigned char b) {
    string s = {0};
    string_utf8(&s, byte_to_char(b));
    const char *text = arena_copy(owner, string_chars(&s));
    string_drop(&s);
    return text;
}

/* n_merge merges over the bytes of `alphabet`; a byte of `missing` has no token. `cut`: the pattern that cuts. */
static tokenizer *random_tokenizer(arena *owner, uint64_t seed, int n_merge, const char *alphabet, const char *missing, split_kind cut, bool ignore_merges) {
    random_stream r = random_start(seed, 1);
    const char **made_token = NEW_ARRAY(owner, 256 + n_merge, const char *);
    map *known = map_new(owner, 1024);
    string merges = {0}, vocab = {0}, text = {0};
    json_writer w = {.out = &vocab};
    size_t n = 0, n_alphabet = strlen(alphabet);
    int64_t id = 0;
    json_begin_object(&w);
    for (unsigned b = 0; b < 256; b++) {
        if (b != 0 && strchr(missing, (char)b) != NULL) continue;
        const char *t = mapped(owner, (unsigned char)b);
        json_key(&w, t);
        json_integer(&w, id++);
    }
    for (size_t i = 0; i < n_alphabet; i++)
        if (strchr(missing, alphabet[i]) == NULL) made_token[n++] = mapped(owner, (unsigned char)alphabet[i]);
    json_writer m = {.out = &merges};
    json_begin_array(&m);
    for (int made = 0, tries = 0; made < n_merge && tries < n_merge * 50; tries++) {
        const char *left = made_token[random_below(&r, n)], *right = made_token[random_below(&r, n)];
        if (strlen(left) + strlen(right) > 24) continue;
        const char *joined = arena_print(owner, "%s%s", left, right), *pair = arena_print(owner, "%s %s", left, right);
        bool new_token, new_pair;
        map_put(known, pair, strlen(pair), &new_pair);
        map_put(known, joined, strlen(joined), &new_token);
        if (!new_pair) continue;
        json_text(&m, pair);
        made++;
        if (!new_token) continue;
        made_token[n++] = joined;
        json_key(&w, joined);
        json_integer(&w, id++);
    }
    json_end_array(&m);
    json_end_object(&w);
    string pattern = {0};
    json_writer p = {.out = &pattern};
    json_text(&p, split_pattern(cut));
    string_print(
        &text,
        "{\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":%s},"
        "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]},"
        "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"ignore_merges\":%s,\"vocab\":%s,\"merges\":%s}}",
        string_chars(&pattern), ignore_merges ? "true" : "false", string_chars(&vocab), string_chars(&merges));
    error err = {0};
    tokenizer *t = tokenizer_parse(owner, string_chars(&text), text.length, NULL, 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    string_drop(&merges);
    string_drop(&vocab);
    string_drop(&text);
    string_drop(&pattern);
    return t;
}

/* Pieces that patterns cut in all ways, joined until there are n bytes. */
__attribute__((unused)) static void random_text(uint64_t seed, size_t n, string *out) {
    static const char *const pieces[] = {
        " ",
        " ",
        "  ",
        "      ",
        "\n",
        "\r\n",
        "\t",
        "a",
        "the",
        "The",
        "HTTPServer",
        "camelCase",
        "s",
        "'",
        "'s",
        "'LL",
        "'re",
        "'d'll",
        "I'm",
        "don't",
        "1",
        "12",
        "1234567",
        "!",
        "?!",
        "/",
        "//\n",
        "-",
        "...\n",
        " (",
        "\n\n\n",
        "\n  \n   ",
        "\xc2\xa0",
        "\xe3\x80\x80",
        "\xc3\xa9",
        "\xc3\x89",
        "\xc5\xbf",
        "\xcc\x81",
        "\xe4\xb8\xad\xe6\x96\x87",
        "\xc2\xb2",
        "\xd9\xa3",
        "\xf0\x9f\x98\x80",
        "\xc7\x85",
        "\xca\xb0",
        "\xff",
        "\xe4\xb8",
        "\xe2\x80\xa8",
        "\xd0\xb4\xd0\xbe",
        "_",
        "\x1c",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "                                                                              ",
        "etaoinetaoinetaoin",
        "\x80",
    };
    random_stream r = random_start(seed, 2);
    const bool ascii = random_below(&r, 2) == 0; /* windows of 64 bytes of ASCII would be rare */
    string_reset(out);
    while (out->length < n) {
        const char *p = pieces[random_below(&r, COUNT(pieces))];
        if (ascii && (unsigned char)p[0] >= 0x80) continue;
        if (strlen(p) > 32 && random_below(&r, 8) != 0) continue;
        string_append(out, p, strlen(p) < n - out->length ? strlen(p) : n - out->length);
    }
}

#endif
