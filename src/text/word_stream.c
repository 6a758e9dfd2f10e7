/* A stretch of text through its scanner and the cache of words, without a call for each word. */
#include "text/word_stream_inner.h"

#define STREAM(kind_, rules) \
    static void kind_##_stream(tokenizer_scratch *s, const char *text, size_t n, id_list *out) { \
        for (size_t at = 0; at < n;) at = stream_word(rules, s, text, n, at, out); \
    }
SPLIT_RULES(STREAM)

void word_stream_plain(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out) {
#define STREAM_ROW(kind_, rules) [kind_] = kind_##_stream,
    static const stream_function streams[SPLIT_COUNT] = {SPLIT_RULES(STREAM_ROW)};
    streams[kind](s, text, n, out);
}

void word_stream(tokenizer_scratch *s, split_kind kind, const char *text, size_t n, id_list *out) {
    const stream_function *streams = word_stream_avx512();
    if (streams == NULL) streams = word_stream_avx2();
    if (streams == NULL) word_stream_plain(s, kind, text, n, out);
    else streams[kind](s, text, n, out);
}
