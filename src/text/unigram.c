/* The best cut is found from left to right: the best way to each place is known before the ways on from there are tried
 * (Viterbi). Follows `tokenizers` in its corners too: a character that no token covers alone costs the lowest score minus 10,
 * unknown tokens in a row become one, whose text is looked up once more, and falls back to bytes where the model says so.
 * Unlike there, and as in SentencePiece, no text becomes a special token: those stand for themselves only. */
#include "text/component.h"
#include "text/tokenizer_inner.h"
#include "text/word_bytes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The best way to a place: the token that ends there, where it begins, and the sum so far. */
typedef struct way {
    double score;
    int32_t id; /* -1: no way yet, or the unknown token where the model has none */
    uint32_t begin;
    bool reached;
} way;
struct unigram_room {
    way *way;
    size_t n;
};

static way *room_for(tokenizer_scratch *s, size_t n) {
    if (s->unigram == NULL) s->unigram = NEW(&s->memory, struct unigram_room);
    if (s->unigram->n < n) {
        s->unigram->n = n + n / 2 + 64;
        s->unigram->way = NEW_ARRAY(&s->memory, s->unigram->n, way);
    }
    return s->unigram->way;
}

static void way_try(way *to, double score, int32_t id, size_t begin) {
    if (to->reached && score <= to->score) return;
    *to = (way){score, id, (uint32_t)begin, true};
}

static void find_ways(const tokenizer *t, const char *word, size_t n, way *ways) {
    for (size_t i = 0; i <= n; i++) ways[i].reached = false;
    ways[0].score = 0;
    for (size_t at = 0, next; at < n; at = next) {
        next = at;
        utf8_next(word, n, &next);
        const double here = ways[at].score;
        bool alone = false; /* a token covers just this character */
        uint32_t node = 0;
        for (size_t end = at; end < n;) {
            node = token_tree_step(&t->unigram.tree, node, (unsigned char)word[end++]);
            if (node == 0) break;
            const int32_t id = t->unigram.tree.node[node].id;
            if (id < 0 || t->special[id]) continue;
            way_try(&ways[end], here + t->unigram.score[id], id, at);
            alone = alone || end == next;
        }
        if (!alone) way_try(&ways[next], here + t->unigram.unk_score, t->unk, at);
    }
}

static size_t put_unknown(tokenizer_scratch *s, const char *word, size_t begin, size_t end, size_t n_id) {
    const tokenizer *t = s->tokenizer;
    const int32_t id = model_token(t, word + begin, end - begin);
    bool bytes = id < 0 && t->unigram.byte_fallback;
    for (size_t i = begin; bytes && i < end; i++) bytes = t->unigram.byte_token[(unsigned char)word[i]] >= 0;
    /* written from behind, as all of a word is: bytes end up in order */
    for (size_t i = end; bytes && i > begin; i--) {
        s->id[n_id] = t->unigram.byte_token[(unsigned char)word[i - 1]];
        s->length[n_id++] = i - 1 == begin ? (uint32_t)(end - begin) : 0;
    }
    if (bytes) return n_id;
    if (id < 0 && t->unk < 0) s->unknown = true;
    s->id[n_id] = id >= 0 ? id : t->unk;
    s->length[n_id] = (uint32_t)(end - begin);
    return n_id + 1;
}

/* Walks back from the end, and so leaves the parts in reverse. */
static size_t walk_back(tokenizer_scratch *s, const char *word, size_t n, const way *ways) {
    const tokenizer *t = s->tokenizer;
    size_t n_id = 0;
    for (size_t end = n; end > 0;) {
        size_t begin = ways[end].begin;
        if (ways[end].id != t->unk) {
            s->id[n_id] = ways[end].id;
            s->length[n_id++] = (uint32_t)(end - begin);
        } else {
            while (t->unk >= 0 && begin > 0 && ways[begin].id == t->unk) begin = ways[begin].begin;
            n_id = put_unknown(s, word, begin, end, n_id);
        }
        end = begin;
    }
    return n_id;
}

static size_t unigram_word(tokenizer_scratch *s, const char *text, size_t n_text) {
    size_t n = n_text;
    const char *word = word_bytes(s, text, &n);
    way *ways = room_for(s, n + 1);
    word_reserve(s, n);
    find_ways(s->tokenizer, word, n, ways);
    const size_t n_id = walk_back(s, word, n, ways);
    for (size_t i = 0, j = n_id; i + 1 < j; i++) {
        j--;
        const int32_t id = s->id[i];
        const uint32_t length = s->length[i];
        s->id[i] = s->id[j];
        s->length[i] = s->length[j];
        s->id[j] = id;
        s->length[j] = length;
    }
    word_bytes_lengths(s, word, n_id);
    return n_id;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */
static bool unigram_read(tokenizer *t, const model_text *source, error *err) {
    const json *unk = json_get(source->fields, "unk_id"), *fallback = json_get(source->fields, "byte_fallback");
    unigram *u = &t->unigram;
    if (unk != NULL && unk->type != JSON_NULL) {
        if (unk->type != JSON_NUMBER || !unk->is_integer || unk->integer < 0 || (uint64_t)unk->integer >= t->vocabulary.n ||
            t->vocabulary.token[unk->integer].text == NULL)
            return fail(err, "model: unk_id is no id of the vocabulary");
        t->unk = (int32_t)unk->integer;
    }
    if (fallback != NULL && fallback->type != JSON_NULL && fallback->type != JSON_BOOL) return fail(err, "model: byte_fallback is neither true nor false");
    u->byte_fallback = json_get_bool(source->fields, "byte_fallback", false);
    u->score = source->score;
    double lowest = INFINITY;
    for (size_t id = 0; id < t->vocabulary.n; id++) {
        if (t->vocabulary.token[id].text == NULL) continue;
        if (isnan(u->score[id])) return fail(err, "model: vocab: entry %zu: its score is no number", id);
        if (u->score[id] < lowest) lowest = u->score[id];
    }
    u->unk_score = lowest - 10;
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        u->byte_token[b] = vocabulary_get(&t->vocabulary, text, 6);
    }
    return token_tree_build(&u->tree, t->owner, &t->vocabulary) || fail(err, "model: vocab: larger than the memory allowed for a tokenizer");
}

static void unigram_content(const tokenizer *t, string *out) {
    for (size_t id = 0; id < t->vocabulary.n; id++) {
        uint64_t bits;
        memcpy(&bits, &t->unigram.score[id], sizeof bits);
        content_number(out, bits);
    }
    content_number(out, t->unigram.byte_fallback);
}

const word_model unigram_model = {.name = "Unigram", .scored = true, .read = unigram_read, .word = unigram_word, .content = unigram_content};
