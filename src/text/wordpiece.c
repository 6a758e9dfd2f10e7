#include "text/wordpiece.h"

#include "text/component.h"
#include "text/tokenizer_inner.h"
#include "text/word_bytes.h"

#include <string.h>

static size_t count_characters(const char *text, size_t n) {
    size_t count = 0;
    for (size_t at = 0; at < n; count++) utf8_next(text, n, &at);
    return count;
}

/* The whole word is the unknown token. */
static size_t put_unknown(tokenizer_scratch *s, size_t n) {
    if (s->tokenizer->unk < 0) s->unknown = true;
    s->id[0] = s->tokenizer->unk;
    s->length[0] = (uint32_t)n;
    return 1;
}

static size_t wordpiece_word(tokenizer_scratch *s, const char *text, size_t n_text) {
    const wordpiece *m = &s->tokenizer->wordpiece;
    size_t n = n_text, n_id = 0;
    const char *word = word_bytes(s, text, &n);
    word_reserve(s, n);
    if (n > m->most_characters && count_characters(word, n) > m->most_characters) return put_unknown(s, n_text);
    for (size_t at = 0; at < n;) {
        uint32_t node = at > 0 ? m->inside : 0;
        int32_t id = -1;
        size_t longest = at;
        if (at > 0 && m->prefixed && node == 0) return put_unknown(s, n_text);
        for (size_t end = at; end < n && (node = token_tree_step(&m->tree, node, (unsigned char)word[end])) != 0;) {
            end++;
            const int32_t there = m->tree.node[node].id;
            if (there < 0 || s->tokenizer->special[there]) continue; /* no text becomes a special token */
            id = there;
            longest = end;
        }
        if (id < 0) return put_unknown(s, n_text);
        s->id[n_id] = id;
        s->length[n_id++] = (uint32_t)(longest - at);
        at = longest;
    }
    word_bytes_lengths(s, word, n_id);
    return n_id;
}

static bool wordpiece_read(tokenizer *t, const model_text *source, error *err) {
    wordpiece *m = &t->wordpiece;
    const json *prefix = json_get(source->fields, "continuing_subword_prefix"), *most = json_get(source->fields, "max_input_chars_per_word");
    if (prefix != NULL && prefix->type != JSON_STRING) return fail(err, "model: continuing_subword_prefix is not a text");
    if (most != NULL && (most->type != JSON_NUMBER || !most->is_integer || most->integer < 0))
        return fail(err, "model: max_input_chars_per_word is no whole number");
    m->most_characters = most != NULL ? (size_t)most->integer : 100;
    if (!token_tree_build(&m->tree, t->owner, &t->vocabulary)) return fail(err, "model: vocab: larger than the memory allowed for a tokenizer");
    const char *text = prefix != NULL ? prefix->text : "##";
    const size_t n = prefix != NULL ? prefix->length : 2;
    m->prefixed = n > 0;
    for (size_t i = 0; i < n && (i == 0 || m->inside != 0); i++) m->inside = token_tree_step(&m->tree, m->inside, (unsigned char)text[i]);
    return model_read_unk(t, source->fields, "[UNK]", false, err);
}

static void wordpiece_content(const tokenizer *t, string *out) {
    content_number(out, t->wordpiece.inside);
    content_number(out, t->wordpiece.prefixed);
    content_number(out, t->wordpiece.most_characters);
}

const word_model wordpiece_model = {.name = "WordPiece", .read = wordpiece_read, .word = wordpiece_word, .content = wordpiece_content};

/* --- WordLevel: the word is a token, or unknown ------------------------------------------------------------------------ */
static size_t wordlevel_word(tokenizer_scratch *s, const char *text, size_t n_text) {
    size_t n = n_text;
    const char *word = word_bytes(s, text, &n);
    word_reserve(s, 1);
    const int32_t id = model_token(s->tokenizer, word, n);
    if (id < 0) return put_unknown(s, n_text);
    s->id[0] = id;
    s->length[0] = (uint32_t)n_text;
    return 1;
}

static bool wordlevel_read(tokenizer *t, const model_text *source, error *err) {
    return model_read_unk(t, source->fields, "<unk>", false, err);
}

static void wordlevel_content(const tokenizer *t, string *out) {
}

const word_model wordlevel_model = {.name = "WordLevel", .read = wordlevel_read, .word = wordlevel_word, .content = wordlevel_content};
