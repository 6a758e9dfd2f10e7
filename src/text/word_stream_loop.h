/* text/word_stream_loop.h: included by the files of instruction sets, which define TARGET and window_read: the loop, and a
 * function and a row of a table for each kind. */
/* The words of a window, which begin at text[at] and at each of `starts`; returns where the last of them begins, which is not
 * encoded yet. The cache is asked for all before the ids of the first that it lacks are made: the waits for memory overlap. */
TARGET static inline __attribute__((always_inline)) size_t stream_window(tokenizer_scratch *s, const char *text, size_t at, uint64_t starts, id_list *out) {
    word_ids found[WINDOW];
    unsigned char length[WINDOW];
    uint64_t missed = 0;
    size_t n = 0, before = 0;
    for (const char *word = text + at; starts != 0; starts &= starts - 1, n++) {
        const size_t end = (size_t)__builtin_ctzll(starts), n_byte = end - before;
        length[n] = (unsigned char)n_byte;
        if (!word_look_up(s, word, n_byte, &found[n])) missed |= 1ull << n;
        word += n_byte;
        before = end;
    }
    id_list_reserve(out, WINDOW * SHORT_IDS);
    int32_t *to = out->id + out->n;
    for (size_t i = 0; i < n; at += length[i++]) {
        if (__builtin_expect(missed >> i & 1, 0)) {
            out->n = (size_t)(to - out->id);
            word_encode_missed(s, text + at, length[i], out);
            id_list_reserve(out, WINDOW * SHORT_IDS);
            to = out->id + out->n;
            continue;
        }
        memcpy(to, found[i].id, sizeof found[i].id);
        to += found[i].n;
    }
    out->n = (size_t)(to - out->id);
    return at;
}

TARGET static inline __attribute__((always_inline)) void stream(const split_rules r, tokenizer_scratch *s, const char *text, size_t n, id_list *out) {
    for (size_t at = 0; at < n;) {
        if (n - at >= WINDOW_READ && (text[at] & 0x80) == 0 && (text[at + 1] & 0x80) == 0) {
            const window w = window_read(r, text + at);
            uint64_t starts = window_starts(r, &w);
            if (starts != 0) {
                at = stream_window(s, text, at, starts, out);
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
