#include "text/word_bytes.h"

const char *word_bytes(tokenizer_scratch *s, const char *word, size_t *n) {
    if (!s->tokenizer->pre_tokenizer.byte_level) return word;
    string_reset(&s->mapped);
    for (size_t i = 0; i < *n; i++) string_utf8(&s->mapped, byte_to_char((unsigned char)word[i]));
    *n = s->mapped.length;
    return string_chars(&s->mapped);
}

void word_bytes_lengths(tokenizer_scratch *s, const char *seen, size_t n_id) {
    if (!s->tokenizer->pre_tokenizer.byte_level) return;
    for (size_t i = 0; i < n_id; i++) { /* each character stands for one byte */
        uint32_t characters = 0;
        for (uint32_t b = 0; b < s->length[i]; b++) characters += ((unsigned char)*seen++ & 0xc0) != 0x80;
        s->length[i] = characters;
    }
}
