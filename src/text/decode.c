/* Ids to text. What each id stands for is worked out once, when the tokenizer is loaded. */
#include "text/component.h"
#include "text/tokenizer_inner.h"

#include <string.h>

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* <0xHH> to its byte; -1: is no such token. */
static int fallback_byte(const char *text, size_t n) {
    if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>' || hex_digit(text[3]) < 0 || hex_digit(text[4]) < 0) return -1;
    return hex_digit(text[3]) * 16 + hex_digit(text[4]);
}

/* Bytes that a token of the byte-level alphabet stands for; one with any other character stands for itself. */
static void decode_byte_level(const char *text, size_t n, string *out) {
    const size_t before = out->length;
    for (size_t at = 0; at < n;) {
        const int byte = char_to_byte(utf8_next(text, n, &at));
        if (byte < 0) {
            out->length = before;
            string_append(out, text, n);
            return;
        }
        string_char(out, (char)byte);
    }
}

static void decode_token(const tokenizer *t, const char *text, size_t n, string *out, string *spare) {
    const decoder *d = &t->decoder;
    if (d->byte_level) {
        decode_byte_level(text, n, out);
        return;
    }
    string_reset(spare);
    string_append(spare, text, n);
    for (size_t i = 0; i < d->n_replace; i++) {
        const replacement *r = &d->replace[i];
        string made = {0};
        const char *p = string_chars(spare);
        for (size_t at = 0; at < spare->length;) {
            const char *found = text_find(p + at, spare->length - at, r->pattern, r->n_pattern);
            const size_t stop = found != NULL ? (size_t)(found - p) : spare->length;
            string_append(&made, p + at, stop - at);
            if (found == NULL) break;
            string_append(&made, r->content, r->n_content);
            at = stop + r->n_pattern;
        }
        string_drop(spare);
        *spare = made;
    }
    const int byte = d->byte_fallback ? fallback_byte(string_chars(spare), spare->length) : -1;
    if (byte >= 0) string_char(out, (char)byte);
    else string_append(out, string_chars(spare), spare->length);
}

/* What an id is decoded from: an added token in the form that matched. Its bytes are not looked up in the byte alphabet: they
 * are the text itself. */
static token decoded_from(const tokenizer *t, size_t id, const int32_t *added_of) {
    const int32_t i = added_of[id] - 1;
    return i >= 0 ? (token){t->added[i].pattern, (uint32_t)t->added[i].n_pattern} : t->vocabulary.token[id];
}

bool decoder_build(tokenizer *t, error *err) {
    const size_t n = t->vocabulary.n;
    string bytes = {0}, spare = {0};
    t->decoded = NEW_ARRAY(t->owner, n, token);
    int32_t *added_of = NEW_ARRAY(t->owner, n, int32_t); /* 1 + index */
    uint32_t *begin = NEW_ARRAY(t->owner, n + 1, uint32_t);
    bool ok = t->decoded != NULL && added_of != NULL && begin != NULL;
    for (size_t i = 0; ok && i < t->n_added; i++) added_of[t->added[i].id] = (int32_t)i + 1;
    for (size_t id = 0; ok && id < n; id++) {
        const token from = decoded_from(t, id, added_of);
        if (from.text != NULL && added_of[id] > 0 && t->decoder.byte_level) string_append(&bytes, from.text, from.length);
        else if (from.text != NULL) decode_token(t, from.text, from.length, &bytes, &spare);
        ok = bytes.length < UINT32_MAX;
        begin[id + 1] = (uint32_t)bytes.length;
    }
    const char *kept = ok ? arena_copy_bytes(t->owner, string_chars(&bytes), bytes.length) : NULL;
    for (size_t id = 0; kept != NULL && id < n; id++)
        if (t->vocabulary.token[id].text != NULL) t->decoded[id] = (token){kept + begin[id], begin[id + 1] - begin[id]};
    string_drop(&bytes);
    string_drop(&spare);
    return kept != NULL || fail(err, "model: vocab: larger than the memory allowed for a tokenizer");
}

/* Appends the bytes of one id; `begun` says whether any text went before, and is brought up to date. */
static void decode_id(const tokenizer *t, int32_t id, bool skip_special, bool *begun, string *out) {
    if (id < 0 || (size_t)id >= t->vocabulary.n || t->decoded[id].text == NULL || (skip_special && t->special[id])) return;
    const char *text = t->decoded[id].text;
    size_t n = t->decoded[id].length;
    if (t->decoder.join_blank && *begun) string_char(out, ' ');
    if (!*begun && t->decoder.strip != NULL && n >= t->decoder.n_strip && memcmp(text, t->decoder.strip, t->decoder.n_strip) == 0) {
        text += t->decoder.n_strip;
        n -= t->decoder.n_strip;
        *begun = true;
    }
    if (n > 0 || t->decoder.join_blank) *begun = true;
    string_append(out, text, n);
}

void tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, bool skip_special, string *out) {
    bool begun = false;
    for (size_t i = 0; i < n; i++) decode_id(t, ids[i], skip_special, &begun, out);
}

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

static void decoder_take(tokenizer_decoder *d, int32_t id, string *out) {
    const size_t before = out->length;
    string_append(out, d->held, d->n_held);
    decode_id(d->tokenizer, id, d->skip_special, &d->begun, out);
    d->n_held = unfinished(string_chars(out) + before, out->length - before);
    out->length -= d->n_held;
    if (out->data == NULL) return;
    memcpy(d->held, out->data + out->length, d->n_held);
    out->data[out->length] = 0;
}

tokenizer_decoder tokenizer_decoder_start(const tokenizer *t, const int32_t *prompt, size_t n, bool skip_special) {
    tokenizer_decoder d = {.tokenizer = t, .skip_special = skip_special};
    string forgotten = {0};
    for (size_t i = 0; i < n; i++) {
        decoder_take(&d, prompt[i], &forgotten);
        string_reset(&forgotten);
    }
    string_drop(&forgotten);
    return d;
}

void tokenizer_decoder_push(tokenizer_decoder *d, int32_t id, string *out) {
    decoder_take(d, id, out);
}

void tokenizer_decoder_end(tokenizer_decoder *d, string *out) {
    string_append(out, d->held, d->n_held);
    d->n_held = 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
static bool read_strip(tokenizer *t, const json *v, bool fused, error *err) {
    decoder *d = &t->decoder;
    const int64_t start = json_get_integer(v, "start", 0), stop = json_get_integer(v, "stop", 0);
    if (start == 0 && stop == 0) return true;
    if (!fused) return fail(err, "Strip before Fuse is not supported");
    if (start != 1 || stop != 0 || d->strip != NULL) return fail(err, "Strip with other than start 1 and stop 0, once, is not supported");
    return component_text(t->owner, json_get(v, "content"), "Strip: content", &d->strip, &d->n_strip, err);
}

bool decoder_read(tokenizer *t, const json *v, error *err) {
    decoder *d = &t->decoder;
    d->join_blank = component_is_null(v);
    if (component_is_null(v)) return true;
    const json *items;
    size_t n;
    if (!component_sequence(v, "decoders", &items, &n, err)) return fail(err, "decoder");
    bool fused = false;
    for (size_t i = 0; i < n; i++) {
        bool ok = true;
        if (component_is(&items[i], "ByteLevel") && i == 0) d->byte_level = true;
        else if (component_is(&items[i], "Replace") && !fused && !d->byte_fallback && !d->byte_level)
            ok = replacement_read(t->owner, &items[i], &d->replace[d->n_replace++], err);
        else if (component_is(&items[i], "ByteFallback") && !fused && !d->byte_level) d->byte_fallback = true;
        else if (component_is(&items[i], "Fuse")) fused = true;
        else if (component_is(&items[i], "Strip")) ok = read_strip(t, &items[i], fused, err);
        else if (component_is(&items[i], "ByteLevel") || component_is(&items[i], "Replace") || component_is(&items[i], "ByteFallback"))
            ok = fail(err, "%s at this place of a Sequence is not supported", component_type(&items[i]));
        else ok = component_refuse(&items[i], err);
        if (!ok) return fail(err, "decoder");
    }
    return true;
}
