/* Byte pair encoding of one word (Sennrich et al. 2016, arXiv:1508.07909): of all neighbours that a merge knows, the one of
 * lowest rank, leftmost first, is joined, until none is left (bpe_merge.c). */
#include "base/log.h"
#include "text/component.h"
#include "text/token_index.h"
#include "text/tokenizer_inner.h"
#include "text/word_bytes.h"

#include <stdio.h>
#include <string.h>

/* --- merges ------------------------------------------------------------------------------------------------------------ */
bool merge_table_start(merge_table *m, arena *owner, size_t n) {
    size_t slots = 16;
    while (slots < n + n / 2 + 1) slots *= 2; /* the smaller it is, the more of it is in cache */
    const size_t bits = slots * MET_BITS;
    *m = (merge_table){.slot = NEW_ARRAY(owner, slots, merge), .mask = slots - 1, .met = NEW_ARRAY(owner, bits / 64, uint64_t)};
    m->met_shift = 64 - (unsigned)__builtin_ctzll(bits);
    for (size_t i = 0; m->slot != NULL && i < slots; i++) m->slot[i].left = -1;
    return m->slot != NULL && m->met != NULL;
}

void merge_table_put(merge_table *m, int32_t left, int32_t right, int32_t rank, int32_t result) {
    merge *there = (merge *)merge_find(m, left, right);
    if (there != NULL) {
        there->rank = rank;
        there->result = result;
        return;
    }
    size_t i = merge_slot(left, right) & m->mask;
    while (m->slot[i].left >= 0) i = (i + 1) & m->mask;
    m->slot[i] = (merge){left, right, rank, result};
    m->n++;
    const uint64_t bit = merge_hash(left, right) >> m->met_shift;
    m->met[bit / 64] |= 1ull << bit % 64;
}

/* --- characters to their first ids ------------------------------------------------------------------------------------- */
typedef struct parts {
    tokenizer_scratch *s;
    size_t n;
    int32_t unk; /* an unknown token that waits for more to join it; -1: none */
    uint32_t unk_length;
} parts;

static void parts_add(parts *p, int32_t id, uint32_t length) {
    p->s->id[p->n] = id;
    p->s->length[p->n++] = length;
}

static void parts_flush(parts *p) {
    if (p->unk >= 0) parts_add(p, p->unk, p->unk_length);
    p->unk = -1;
}

/* The token of one character, which may be called special (CLIP's `!`, since it has id 0) and is what merges begin with all the
 * same; -1: the model has none. */
static int32_t character_token(const tokenizer *t, const char *text, size_t n) {
    const int32_t id = vocabulary_get(&t->vocabulary, text, n);
    return id >= 0 && t->added_only[id] ? -1 : id;
}

/* One character that the model sees as text[0..n) and that stands for `length` bytes of the word. */
static void parts_character(parts *p, const char *text, size_t n, uint32_t length) {
    const tokenizer *t = p->s->tokenizer;
    const int32_t id = n == 1 && (unsigned char)text[0] < 128 ? t->bpe.ascii_token[(unsigned char)text[0]] : character_token(t, text, n);
    if (id >= 0) {
        parts_flush(p);
        parts_add(p, id, length);
        return;
    }
    bool all = t->bpe.byte_fallback;
    for (size_t i = 0; all && i < n; i++) all = t->bpe.byte_token[(unsigned char)text[i]] >= 0;
    if (all) { /* a waiting unknown token stays behind these, as in `tokenizers` */
        for (size_t i = 0; i < n; i++) parts_add(p, t->bpe.byte_token[(unsigned char)text[i]], length == n ? 1 : i == 0 ? length : 0);
        return;
    }
    if (t->unk < 0) return;
    if (p->unk >= 0 && t->bpe.fuse_unk) {
        p->unk_length += length;
        return;
    }
    parts_flush(p);
    p->unk = t->unk;
    p->unk_length = length;
}

static size_t word_parts(tokenizer_scratch *s, const char *word, size_t n) {
    const tokenizer *t = s->tokenizer;
    /* a character, a mapped byte and what decorates them may fall back to a token a byte */
    word_reserve(s, n * ((t->pre_tokenizer.byte_level ? 2 : 1) + t->bpe.n_prefix) + t->bpe.n_suffix);
    if (t->pre_tokenizer.byte_level && t->bpe.mapped_whole && t->bpe.n_prefix + t->bpe.n_suffix == 0) {
        for (size_t i = 0; i < n; i++) {
            s->id[i] = t->bpe.mapped_token[(unsigned char)word[i]];
            s->length[i] = 1;
        }
        return n;
    }
    parts p = {.s = s, .unk = -1};
    const bool decorated = t->bpe.n_prefix + t->bpe.n_suffix > 0;
    string character = {0};
    for (size_t at = 0; at < n;) {
        const size_t from = at;
        if (t->pre_tokenizer.byte_level) at++;
        else utf8_next(word, n, &at);
        if (!decorated && !t->pre_tokenizer.byte_level) {
            parts_character(&p, word + from, at - from, (uint32_t)(at - from));
            continue;
        }
        string_reset(&character);
        if (from > 0) string_append(&character, t->bpe.prefix, t->bpe.n_prefix);
        if (t->pre_tokenizer.byte_level) string_utf8(&character, byte_to_char((unsigned char)word[from]));
        else string_append(&character, word + from, at - from);
        if (at == n) string_append(&character, t->bpe.suffix, t->bpe.n_suffix);
        parts_character(&p, string_chars(&character), character.length, (uint32_t)(at - from));
    }
    string_drop(&character);
    parts_flush(&p);
    return p.n;
}

/* The word as one token, where the model takes those before all merging; -1: it does not, or there is none. */
static int32_t whole_word(tokenizer_scratch *s, const char *word, size_t n) {
    const tokenizer *t = s->tokenizer;
    if (!t->bpe.ignore_merges) return -1;
    if (!t->pre_tokenizer.byte_level) return model_token(t, word, n);
    char mapped[128];
    if (n > sizeof mapped / 2) {
        const char *whole = word_bytes(s, word, &n);
        return model_token(t, whole, n);
    }
    size_t n_mapped = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = byte_to_char((unsigned char)word[i]);
        if (c >= 0x80) mapped[n_mapped++] = (char)(0xc0 | c >> 6);
        mapped[n_mapped++] = (char)(c < 0x80 ? c : 0x80 | (c & 63));
    }
    return model_token(t, mapped, n_mapped);
}

size_t bpe_merged_word(tokenizer_scratch *s, const char *word, size_t n) {
    return bpe_merge(s, word, word_parts(s, word, n));
}

static size_t bpe_word(tokenizer_scratch *s, const char *word, size_t n) {
    const int32_t whole = whole_word(s, word, n);
    if (whole < 0) return bpe_merged_word(s, word, n);
    word_reserve(s, 1);
    s->id[0] = whole;
    s->length[0] = (uint32_t)n;
    return 1;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */
/* The token that a merge makes: that of the merge before it or the one behind, as files order them, else by a look-up. */
static int32_t merge_result(const vocabulary *v, const merge_text *m, size_t skipped, int32_t before, string *joined) {
    const size_t n = m->n_left + m->n_right - skipped;
    for (int32_t id = before; id >= 0 && id <= before + 1 && (size_t)id < v->n; id++) {
        const token *x = &v->token[id];
        if (x->text != NULL && x->length == n && memcmp(x->text, m->left, m->n_left) == 0 &&
            memcmp(x->text + m->n_left, m->right + skipped, m->n_right - skipped) == 0)
            return id;
    }
    string_reset(joined);
    string_append(joined, m->left, m->n_left);
    string_append(joined, m->right + skipped, m->n_right - skipped);
    return vocabulary_get(v, string_chars(joined), joined->length);
}

/* Look-ups go in batches: all of a batch are asked for before the first is waited for. */
enum { MERGE_BATCH = 32 };
static bool read_merge_batch(tokenizer *t, const merge_text *list, size_t from, size_t n, string *joined, error *err) {
    const vocabulary *v = &t->vocabulary;
    uint64_t hash[MERGE_BATCH][2];
    int32_t side[MERGE_BATCH][2], result[MERGE_BATCH];
    for (size_t i = 0; i < n; i++) {
        vocabulary_prefetch(v, hash[i][0] = vocabulary_hash(list[i].left, list[i].n_left));
        vocabulary_prefetch(v, hash[i][1] = vocabulary_hash(list[i].right, list[i].n_right));
    }
    for (size_t i = 0; i < n; i++) /* the tokens are next: their texts are compared */
        for (int s = 0; s < 2; s++) {
            const int32_t id = v->slot[hash[i][s] & v->mask].id;
            if (id >= 0) __builtin_prefetch(&v->token[id]);
        }
    for (size_t i = 0; i < n; i++)
        for (int s = 0; s < 2; s++) {
            const int32_t id = v->slot[hash[i][s] & v->mask].id;
            if (id >= 0) __builtin_prefetch(v->token[id].text);
        }
    for (size_t i = 0; i < n; i++) {
        const merge_text *m = &list[i];
        const size_t skipped = m->n_right < t->bpe.n_prefix ? m->n_right : t->bpe.n_prefix; /* of the right side's beginning, whatever it is */
        side[i][0] = vocabulary_get_hashed(v, hash[i][0], m->left, m->n_left);
        side[i][1] = vocabulary_get_hashed(v, hash[i][1], m->right, m->n_right);
        const int32_t before = i > 0 ? result[i - 1] : side[i][0];
        result[i] = merge_result(v, m, skipped, before, joined);
        if (side[i][0] < 0)
            return fail(err, "model: merges: entry %zu: the vocabulary has no token %.*s", from + i, m->n_left < 60 ? (int)m->n_left : 60, m->left);
        if (side[i][1] < 0)
            return fail(err, "model: merges: entry %zu: the vocabulary has no token %.*s", from + i, m->n_right < 60 ? (int)m->n_right : 60, m->right);
        if (result[i] < 0) return fail(err, "model: merges: entry %zu: the vocabulary has no token %.60s", from + i, string_chars(joined));
        __builtin_prefetch(&t->bpe.merges.slot[merge_slot(side[i][0], side[i][1]) & t->bpe.merges.mask], 1);
    }
    for (size_t i = 0; i < n; i++)
        if (!t->special[result[i]])
            merge_table_put(&t->bpe.merges, side[i][0], side[i][1], (int32_t)(from + i), result[i]); /* no text becomes a special token */
    return true;
}

static bool read_merges(tokenizer *t, const model_text *source, error *err) {
    if (!source->has_merges) return fail(err, "model: merges is not a list");
    if (!merge_table_start(&t->bpe.merges, t->owner, source->n_merge)) return fail(err, "model: merges: larger than the memory allowed for a tokenizer");
    string joined = {0};
    bool ok = true;
    for (size_t at = 0; ok && at < source->n_merge; at += MERGE_BATCH) {
        const size_t n = source->n_merge - at < MERGE_BATCH ? source->n_merge - at : MERGE_BATCH;
        ok = read_merge_batch(t, source->merge + at, at, n, &joined, err);
    }
    string_drop(&joined);
    return ok;
}

static void read_characters(tokenizer *t) {
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        t->bpe.byte_token[b] = vocabulary_get(&t->vocabulary, text, 6);
        const uint32_t c = byte_to_char((unsigned char)b);
        const char mapped[2] = {(char)(c < 0x80 ? c : 0xc0 | c >> 6), (char)(0x80 | (c & 63))};
        t->bpe.mapped_token[b] = vocabulary_get(&t->vocabulary, mapped, c < 0x80 ? 1 : 2);
        const char plain = (char)b;
        if (b < 128) t->bpe.ascii_token[b] = vocabulary_get(&t->vocabulary, &plain, 1);
    }
    t->bpe.mapped_whole = true;
    for (unsigned b = 0; b < 256; b++) t->bpe.mapped_whole = t->bpe.mapped_whole && t->bpe.mapped_token[b] >= 0;
}

/* Where words begin as bytes, their first merges are found by two bytes. */
static bool read_byte_pairs(bpe *m, arena *owner) {
    if (!m->mapped_whole || m->n_prefix + m->n_suffix > 0) return true;
    m->byte_pair = NEW_ARRAY(owner, 65536, pair_merge);
    if (m->byte_pair == NULL) return false;
    for (unsigned pair = 0; pair < 65536; pair++) {
        const merge *found = merge_find(&m->merges, m->mapped_token[pair >> 8], m->mapped_token[pair & 255]);
        m->byte_pair[pair] = found != NULL ? (pair_merge){found->rank, found->result} : (pair_merge){INT32_MAX, -1};
    }
    return true;
}

/* A field that is absent, null or of one type. */
static bool check_type(const json *model, const char *name, json_type type, error *err) {
    const json *v = json_get(model, name);
    return v == NULL || v->type == JSON_NULL || v->type == type || fail(err, "model: %s is neither null nor a %s", name, json_type_name(type));
}

/* Null or absent: empty. */
static bool read_affix(tokenizer *t, const json *model, const char *name, const char **text, size_t *n, error *err) {
    const json *v = json_get(model, name);
    *text = "";
    *n = 0;
    if (v == NULL || v->type == JSON_NULL) return true;
    if (v->type == JSON_STRING && v->length > 64) return fail(err, "model: %s has %zu bytes; 64 is the most", name, v->length);
    return component_text(t->owner, v, name, text, n, err) || fail(err, "model");
}

static bool read_fields(tokenizer *t, const json *model, error *err) {
    static const char *const switches[] = {"fuse_unk", "byte_fallback", "ignore_merges"};
    bool *const values[] = {&t->bpe.fuse_unk, &t->bpe.byte_fallback, &t->bpe.ignore_merges};
    for (size_t i = 0; i < COUNT(switches); i++) {
        if (!check_type(model, switches[i], JSON_BOOL, err)) return false;
        *values[i] = json_get_bool(model, switches[i], false);
    }
    if (!check_type(model, "dropout", JSON_NUMBER, err)) return false;
    if (json_get_number(model, "dropout", 0) != 0)
        log_warning("tokenizer.json: model: dropout %g is for training; texts are encoded without it", json_get_number(model, "dropout", 0));
    return read_affix(t, model, "continuing_subword_prefix", &t->bpe.prefix, &t->bpe.n_prefix, err) &&
           read_affix(t, model, "end_of_word_suffix", &t->bpe.suffix, &t->bpe.n_suffix, err);
}

static bool bpe_read(tokenizer *t, const model_text *source, error *err) {
    if (!read_fields(t, source->fields, err) || !read_merges(t, source, err) || !model_read_unk(t, source->fields, NULL, true, err)) return false;
    read_characters(t);
    if (t->bpe.ignore_merges) t->bpe.tokens = token_index_new(t->owner, t->vocabulary.n);
    return read_byte_pairs(&t->bpe, t->owner) || fail(err, "model: merges: larger than the memory allowed for a tokenizer");
}

/* Without a pre-tokenizer a text is one word. Cutting it before U+2581 gives the same ids where that is a token of its own, and
 * no merge has it at the beginning of its right side while its left side ends in another character. */
static bool may_cut_at_blank(const tokenizer *t) {
    static const char blank[] = "\xe2\x96\x81";
    if (vocabulary_get(&t->vocabulary, blank, 3) < 0) return false;
    for (size_t i = 0; i <= t->bpe.merges.mask; i++) {
        const merge *m = &t->bpe.merges.slot[i];
        if (m->left < 0) continue;
        const token *left = &t->vocabulary.token[m->left], *right = &t->vocabulary.token[m->right];
        const bool crosses = right->length >= 3 && memcmp(right->text, blank, 3) == 0;
        if (crosses && (left->length < 3 || memcmp(left->text + left->length - 3, blank, 3) != 0)) return false;
    }
    if (t->unk < 0) return true;
    const token *unk = &t->vocabulary.token[t->unk];
    return unk->length < 3 || memcmp(unk->text + unk->length - 3, blank, 3) != 0;
}

/* Two characters that are tokens of their own, and that no merge has side by side, are never in one token: cutting between them
 * gives the same ids, and short words that come again. */
static void find_joins(tokenizer *t) {
    bpe *m = &t->bpe;
    memset(m->joins, 0xff, sizeof m->joins);
    /* in the byte alphabet these alone are themselves */
    const int first = t->pre_tokenizer.byte_level ? '!' : 0, last = t->pre_tokenizer.byte_level ? '~' : 127;
    for (int a = first; a <= last; a++)
        for (int b = first; m->ascii_token[a] >= 0 && b <= last; b++)
            if (m->ascii_token[b] >= 0) m->joins[a][b / 64] &= ~(1ull << b % 64);
    for (size_t i = 0; i <= m->merges.mask; i++) {
        if (m->merges.slot[i].left < 0) continue;
        const token *left = &t->vocabulary.token[m->merges.slot[i].left], *right = &t->vocabulary.token[m->merges.slot[i].right];
        if (left->length == 0 || right->length == 0) continue;
        const unsigned a = (unsigned char)left->text[left->length - 1], b = (unsigned char)right->text[0];
        if (a < 128 && b < 128) m->joins[a][b / 64] |= 1ull << b % 64;
    }
}

bool bpe_find_cuts(tokenizer *t) {
    const bpe *m = &t->bpe;
    if (t->pre_tokenizer.n > 0 || m->ignore_merges || m->n_prefix + m->n_suffix > 0) return false;
    find_joins(t);
    t->bpe.cut_at_blank = !t->pre_tokenizer.byte_level && may_cut_at_blank(t);
    return true;
}

static void bpe_content(const tokenizer *t, string *out) {
    const bpe *m = &t->bpe;
    uint64_t sum[2] = {0, 0}; /* over all merges: the table has no order of its own */
    for (size_t i = 0; i <= m->merges.mask; i++) {
        if (m->merges.slot[i].left < 0) continue;
        const merge *x = &m->merges.slot[i];
        uint64_t mixed = merge_hash(x->left, x->right) ^ merge_hash(x->rank, ~x->result);
        mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ull;
        sum[0] += mixed ^ mixed >> 32;
        sum[1] += (mixed ^ mixed >> 29) * 0xc2b2ae3d27d4eb4full;
    }
    content_number(out, sum[0]);
    content_number(out, sum[1]);
    content_text(out, m->prefix, m->n_prefix);
    content_text(out, m->suffix, m->n_suffix);
    content_number(out, (uint64_t)(m->byte_fallback | m->fuse_unk << 1 | m->ignore_merges << 2));
}

const word_model bpe_model = {.name = "BPE", .read = bpe_read, .word = bpe_word, .content = bpe_content};
