/* text/word_stream_loop.h: included by the files of instruction sets, which define TARGET and window_read: the loop, and a
 * function and a row of a table for each kind. */
TARGET static inline __attribute__((always_inline)) void stream(const split_rules r, tokenizer_scratch *s, const char *text, size_t n, id_list *out) {
    for (size_t at = 0; at < n;) {
        if (n - at >= WINDOW_READ && (text[at] & 0x80) == 0 && (text[at + 1] & 0x80) == 0) {
            const window w = window_read(r, text + at);
            uint64_t starts = window_starts(r, &w);
            if (starts != 0) {
                id_list_reserve(out, WINDOW * SHORT_IDS);
                for (size_t before = 0; starts != 0; starts &= starts - 1) {
                    const size_t end = (size_t)__builtin_ctzll(starts), length = end - before;
                    const char *word = text + at;
                    at += length;
                    before = end;
                    if (__builtin_expect(length > SHORT_BYTES, 0)) {
                        word_encode_long(s, word, length, out);
                        id_list_reserve(out, WINDOW * SHORT_IDS);
                    } else word_encode_short(s, word, length, word_key_of(word, length), out);
                }
                continue;
            }
        }
        at = stream_word(r, s, text, n, at, out);
    }
}

#define STREAM(kind_, rules) \
    TARGET static void kind_##_stream(tokenizer_scratch *s, const char *text, size_t n, id_list *out) { \
        stream(rules, s, text, n, out); \
    }
SPLIT_RULES(STREAM)
#define STREAM_ROW(kind_, rules) [kind_] = kind_##_stream,
static const stream_function streams[SPLIT_COUNT] = {SPLIT_RULES(STREAM_ROW)};
