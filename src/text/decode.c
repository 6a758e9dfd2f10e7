/* Ids to text, at once and as ids come. */
#include "text/decode_inner.h"

#include <stdlib.h>
#include <string.h>

/* --- the bytes of every id --------------------------------------------------------------------------------------------- */
/* What an id is decoded from: an added token in the form that matched. */
static token decoded_from(const tokenizer *t, size_t id, const int32_t *added_of) {
    const int32_t i = added_of[id] - 1;
    return i >= 0 ? (token){t->added[i].pattern, (uint32_t)t->added[i].n_pattern} : t->vocabulary.token[id];
}

static void decode_alone(const tokenizer *t, token from, bool first, bool last, string *s, string *spare, string *out) {
    const decoder *d = &t->decoder;
    string_reset(s);
    string_append(s, from.text, from.length);
    if (d->join_blank && !first) string_char(out, ' ');
    for (size_t i = 0; !d->chained && i < d->n_local; i++) decode_token(&d->step[i], first, last, s, spare);
    const int byte = d->byte_fallback ? fallback_byte(string_chars(s), s->length) : -1;
    if (byte >= 0) string_char(out, (char)byte);
    else if (d->byte_level) bytes_of_alphabet(string_chars(s), s->length, out);
    else string_append(out, string_chars(s), s->length);
}

/* The bytes of all ids at one place of a text; NULL where memory is not enough. */
static const token *build_place(const tokenizer *t, const int32_t *added_of, bool first, bool last) {
    const size_t n = t->vocabulary.n;
    string bytes = {0}, s = {0}, spare = {0};
    token *made = NEW_ARRAY(t->owner, n, token);
    uint32_t *begin = made != NULL ? malloc((n + 1) * sizeof *begin) : NULL;
    bool ok = begin != NULL;
    for (size_t id = 0; ok && id < n; id++) {
        begin[id] = (uint32_t)bytes.length;
        const token from = decoded_from(t, id, added_of);
        if (from.text != NULL) decode_alone(t, from, first, last, &s, &spare, &bytes);
        ok = bytes.length < UINT32_MAX;
        begin[id + 1] = (uint32_t)bytes.length;
    }
    const char *kept = ok ? arena_copy_bytes(t->owner, string_chars(&bytes), bytes.length) : NULL;
    for (size_t id = 0; kept != NULL && id < n; id++)
        if (decoded_from(t, id, added_of).text != NULL) made[id] = (token){kept + begin[id], begin[id + 1] - begin[id]};
    free(begin);
    string_drop(&bytes);
    string_drop(&s);
    string_drop(&spare);
    return kept != NULL ? made : NULL;
}

/* How much of what a token becomes before another one it becomes at the end, too. */
static const uint32_t *build_sure(const tokenizer *t) {
    const decoder *d = &t->decoder;
    uint32_t *sure = NEW_ARRAY(t->owner, t->vocabulary.n, uint32_t);
    for (size_t id = 0; sure != NULL && id < t->vocabulary.n; id++) {
        const token *a = &d->later[id], *b = &d->last[id];
        while (sure[id] < a->length && sure[id] < b->length && a->text[sure[id]] == b->text[sure[id]]) sure[id]++;
    }
    return sure;
}

bool decoder_build(tokenizer *t, error *err) {
    decoder *d = &t->decoder;
    const size_t n = t->vocabulary.n;
    bool place_counts = d->join_blank, end_counts = false;
    for (size_t i = 0; !d->chained && i < d->n_local; i++) {
        place_counts |= d->step[i].kind == DECODE_WORDPIECE || d->step[i].kind == DECODE_METASPACE;
        end_counts |= d->step[i].kind == DECODE_BPE;
    }
    int32_t *added_of = calloc(n, sizeof *added_of); /* 1 + index */
    unsigned char *skipped = NEW_ARRAY(t->owner, n, unsigned char);
    bool ok = added_of != NULL && skipped != NULL;
    for (size_t i = 0; ok && i < t->n_added; i++) added_of[t->added[i].id] = (int32_t)i + 1;
    for (size_t id = 0; ok && id < n; id++) { /* `tokenizers` looks the text up that it is about to decode */
        const token from = decoded_from(t, id, added_of);
        const int32_t named = from.text != NULL ? vocabulary_get(&t->vocabulary, from.text, from.length) : -1;
        skipped[id] = named >= 0 && t->special[named];
    }
    if (ok) {
        d->skipped = skipped;
        d->later = build_place(t, added_of, false, false);
        d->first = place_counts ? build_place(t, added_of, true, false) : d->later;
        d->last = end_counts ? build_place(t, added_of, false, true) : d->later;
        ok = d->later != NULL && d->first != NULL && d->last != NULL;
    }
    if (ok && end_counts) ok = (d->sure = build_sure(t)) != NULL;
    free(added_of);
    return ok || fail(err, "model: vocab: larger than the memory allowed for a tokenizer");
}

/* --- one id after another ------------------------------------------------------------------------------------------------ */
static bool has_text(const tokenizer *t, int32_t id, bool skip_special) {
    const decoder *d = &t->decoder;
    return id >= 0 && (size_t)id < t->vocabulary.n && d->later[id].text != NULL && !(skip_special && d->skipped[id]);
}

/* Takes what Strip wants off the beginning of the text; `text` moves. */
static void strip_beginning(tokenizer_decoder *d, const char **text, size_t *n) {
    const decode_step *strip = d->tokenizer->decoder.strip;
    while (d->stripped < strip->start && *n >= strip->n_text && memcmp(*text, strip->text, strip->n_text) == 0) {
        *text += strip->n_text;
        *n -= strip->n_text;
        d->stripped++;
    }
    if (*n > 0) d->stripped = SIZE_MAX;
}

/* Appends the bytes of one id. */
static void take(tokenizer_decoder *d, int32_t id, string *out) {
    const decoder *z = &d->tokenizer->decoder;
    if (!has_text(d->tokenizer, id, d->skip_special) || (z->no_repeats && id == d->last)) return;
    if (z->sure != NULL && d->last >= 0) {
        const token *before = &z->later[d->last];
        string_append(out, before->text + z->sure[d->last], before->length - z->sure[d->last]);
    }
    if (d->begun && d->last < 0) d->stripped = SIZE_MAX;
    const token *made = d->begun ? &z->later[id] : &z->first[id];
    const char *text = made->text;
    size_t n = z->sure != NULL ? z->sure[id] : made->length;
    if (z->strip != NULL && d->stripped < SIZE_MAX) strip_beginning(d, &text, &n);
    d->last = id;
    d->begun = true;
    string_append(out, text, n);
}

static void finish(tokenizer_decoder *d, string *out) {
    const decoder *z = &d->tokenizer->decoder;
    if (z->sure == NULL || d->last < 0) return;
    const token *end = &z->last[d->last];
    string_append(out, end->text + z->sure[d->last], end->length - z->sure[d->last]);
}

/* A decoder whose steps need the whole list. */
static void decode_all(const tokenizer *t, const int32_t *ids, size_t n, bool skip_special, string *out) {
    token *tokens = malloc((n + 1) * sizeof *tokens);
    if (tokens == NULL) return;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (has_text(t, ids[i], skip_special)) tokens[kept++] = t->decoder.later[ids[i]];
    decode_chain(&t->decoder, tokens, kept, out);
    free(tokens);
}

void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool skip_special, string *out) {
    if (t->decoder.chained) {
        decode_all(t, ids, n, skip_special, out);
        return;
    }
    tokenizer_decoder d = {.tokenizer = t, .skip_special = skip_special, .last = -1};
    for (size_t i = 0; i < n; i++) take(&d, ids[i], out);
    finish(&d, out);
}

/* --- as ids come ----------------------------------------------------------------------------------------------------------- */
/* How many bytes at the end of text[0..n) begin a character that is not whole yet: 0 to 3. */
static size_t unfinished(const char *text, size_t n) {
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        const unsigned char b = (unsigned char)text[n - back];
        if ((b & 0xc0) == 0x80) continue;
        const size_t need = b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 1;
        if (need <= back) return 0;
        /* what is there must be able to go on: a second byte out of range never becomes a character */
        const unsigned char second = back > 1 ? (unsigned char)text[n - back + 1] : 0x90;
        if (back > 1 && ((b == 0xe0 && second < 0xa0) || (b == 0xed && second > 0x9f) || (b == 0xf0 && second < 0x90) || (b == 0xf4 && second > 0x8f)))
            return 0;
        return back;
    }
    return 0;
}

static void take_whole_characters(tokenizer_decoder *d, int32_t id, string *out) {
    const size_t before = out->length;
    string_append(out, d->held, d->n_held);
    take(d, id, out);
    d->n_held = unfinished(string_chars(out) + before, out->length - before);
    out->length -= d->n_held;
    if (out->data == NULL) return;
    memcpy(d->held, out->data + out->length, d->n_held);
    out->data[out->length] = 0;
}

tokenizer_decoder tokenizer_decoder_start(const tokenizer *t, const int32_t *prompt, size_t n, bool skip_special) {
    tokenizer_decoder d = {.tokenizer = t, .skip_special = skip_special, .last = -1};
    if (t->decoder.chained) {
        d.all = calloc(1, sizeof *d.all);
        for (size_t i = 0; d.all != NULL && i < n; i++) id_list_push(d.all, prompt[i]);
        d.n_prompt = n;
        return d;
    }
    string forgotten = {0};
    for (size_t i = 0; i < n; i++) {
        take_whole_characters(&d, prompt[i], &forgotten);
        string_reset(&forgotten);
    }
    string_drop(&forgotten);
    return d;
}

void tokenizer_decoder_push(tokenizer_decoder *d, int32_t id, string *out) {
    if (d->all != NULL) id_list_push(d->all, id);
    else take_whole_characters(d, id, out);
}

void tokenizer_decoder_end(tokenizer_decoder *d, string *out) {
    string_append(out, d->held, d->n_held);
    d->n_held = 0;
    if (d->all == NULL) {
        finish(d, out);
        d->last = -1;
        return;
    }
    string prompt = {0}, whole = {0};
    decode_all(d->tokenizer, d->all->id, d->n_prompt, d->skip_special, &prompt);
    decode_all(d->tokenizer, d->all->id, d->all->n, d->skip_special, &whole);
    size_t same = 0;
    while (same < prompt.length && same < whole.length && prompt.data[same] == whole.data[same]) same++;
    string_append(out, string_chars(&whole) + same, whole.length - same);
    string_drop(&prompt);
    string_drop(&whole);
    tokenizer_decoder_drop(d);
}

void tokenizer_decoder_drop(tokenizer_decoder *d) {
    if (d->all != NULL) id_list_drop(d->all);
    free(d->all);
    d->all = NULL;
}
