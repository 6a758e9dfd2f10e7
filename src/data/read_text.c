#include "data/read_text.h"

#include "data/document.h"

#include <string.h>

/* What 0x80 to 0x9f are in Windows-1252; the five that are nothing there stay C1 controls. */
static const uint16_t windows_1252[32] = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
                                          0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                          0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

static void decode_utf16(const unsigned char *bytes, size_t n, bool big, string *out) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint32_t c = big ? (uint32_t)(bytes[i] << 8 | bytes[i + 1]) : (uint32_t)(bytes[i + 1] << 8 | bytes[i]);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < n) {
            const uint32_t low = big ? (uint32_t)(bytes[i + 2] << 8 | bytes[i + 3]) : (uint32_t)(bytes[i + 3] << 8 | bytes[i + 2]);
            if (low >= 0xdc00 && low < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), i += 2;
        }
        string_utf8(out, c);
    }
}

void text_from_windows_1252(const char *bytes, size_t n, string *out) {
    const unsigned char *b = (const unsigned char *)bytes;
    for (size_t i = 0; i < n; i++) string_utf8(out, b[i] >= 0x80 && b[i] < 0xa0 ? windows_1252[b[i] - 0x80] : b[i]);
}

char *text_to_utf8(arena *owner, const char *bytes, size_t n, size_t *out_n) {
    string s = {.limit = (size_t)DOCUMENT_LIMIT * 3};
    const unsigned char *b = (const unsigned char *)bytes;
    if (n >= 3 && memcmp(b, "\xef\xbb\xbf", 3) == 0) bytes += 3, b += 3, n -= 3;
    if (n >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff))) decode_utf16(b + 2, n - 2, b[0] == 0xfe, &s);
    else if (utf8_valid(bytes, n)) string_append(&s, bytes, n);
    else text_from_windows_1252(bytes, n, &s);
    size_t kept = 0;
    for (size_t i = 0; i < s.length; i++) { /* CR LF and CR become LF */
        if (s.data[i] == '\r') {
            if (i + 1 < s.length && s.data[i + 1] == '\n') continue;
            s.data[kept++] = '\n';
        } else s.data[kept++] = s.data[i];
    }
    char *copy = s.overflow ? NULL : arena_copy_bytes(owner, string_chars(&s), kept);
    *out_n = kept;
    string_drop(&s);
    return copy;
}
