/* Any bytes as a text for each normalizer, or (first byte 255) as SentencePiece's table of characters and a text for it. */
#include "base/json.h"
#include "text/normalize.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TYPE(name) "{\"type\":\"" name "\"}"
#define REPLACE(kind, pattern, content) "{\"type\":\"Replace\",\"pattern\":{\"" kind "\":\"" pattern "\"},\"content\":\"" content "\"}"
#define BERT(accents) "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":" accents ",\"lowercase\":true}"
static const char *const sources[] = {
    TYPE("NFC"),
    TYPE("NFD"),
    TYPE("NFKC"),
    TYPE("NFKD"),
    TYPE("Lowercase"),
    TYPE("StripAccents"),
    TYPE("Nmt"),
    TYPE("ByteLevel"),
    BERT("null"),
    BERT("false"),
    "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
    REPLACE("String", " ", "\xe2\x96\x81"),
    REPLACE("String", "", "-"),
    REPLACE("Regex", "x*", "-"),
    REPLACE("Regex", " {2,}", " "),
    "{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"}",
    "{\"type\":\"Sequence\",\"normalizers\":[" TYPE("NFKC") "," REPLACE("String", "a", "") "," TYPE("StripAccents") "," TYPE("NFC") "," TYPE("Lowercase") "]}",
};
enum { N_SOURCES = sizeof sources / sizeof *sources, CHARSMAP = 255 };

static bool build(normalizer *z, arena *owner, const char *source) {
    error err = {0};
    const json *v = json_parse(owner, source, strlen(source), &err);
    return v != NULL && normalizer_read(z, owner, v, &err);
}

static void use(const normalizer *z, const char *text, size_t n) {
    string out = {0}, spare = {0}, other = {0};
    origin_list origin = {0};
    const bool whole = normalize_text(z, text, n, &out, &spare, &origin, 3);
    assert(origin.n == out.length);
    for (size_t i = 0; i < origin.n; i++) assert(3 <= origin.byte[i].begin && origin.byte[i].begin <= origin.byte[i].end && origin.byte[i].end <= 3 + n);
    assert(normalize_text(z, text, n, &other, &spare, NULL, 0) == whole);
    assert(other.length == out.length && memcmp(string_chars(&other), string_chars(&out), out.length) == 0);
    if (normalizer_keeps(z, text, n)) assert(out.length == n && memcmp(string_chars(&out), text, n) == 0);
    origin_list_drop(&origin);
    string_drop(&out);
    string_drop(&spare);
    string_drop(&other);
}

/* What is decomposed and then composed is what is composed at once. */
static void agree(const normalizer *c, const normalizer *d, const char *text, size_t n) {
    string once = {0}, apart = {0}, twice = {0}, spare = {0};
    normalize_text(c, text, n, &once, &spare, NULL, 0);
    normalize_text(d, text, n, &apart, &spare, NULL, 0);
    normalize_text(c, string_chars(&apart), apart.length, &twice, &spare, NULL, 0);
    assert(once.length == twice.length && memcmp(string_chars(&once), string_chars(&twice), once.length) == 0);
    string_drop(&once);
    string_drop(&apart);
    string_drop(&twice);
    string_drop(&spare);
}

static void write_charsmap(string *out, const uint8_t *data, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    string_text(out, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
    for (size_t i = 0; i + 3 <= n; i += 3) {
        const uint32_t bits = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        for (int k = 3; k >= 0; k--) string_char(out, digits[bits >> (6 * k) & 63]);
    }
    string_text(out, "\"}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena built;
    static normalizer each[N_SOURCES];
    static bool made;
    for (size_t i = 0; !made && i < N_SOURCES; i++) assert(build(&each[i], &built, sources[i]));
    made = true;
    if (size == 0) return 0;
    const char *text = (const char *)data + 1;
    const size_t n = size - 1;
    arena owner = {0};
    if (data[0] == CHARSMAP) {
        string source = {0};
        normalizer z = {0};
        write_charsmap(&source, data + 1, n);
        if (build(&z, &owner, string_chars(&source))) use(&z, text + n / 2, n - n / 2);
        string_drop(&source);
    } else {
        use(&each[data[0] % N_SOURCES], text, n);
        agree(&each[0], &each[1], text, n);
        agree(&each[2], &each[3], text, n);
    }
    arena_drop(&owner);
    return 0;
}
