/* GPT-2's two files: encoder.json (or vocab.json), which gives each token its id, and vocab.bpe (or merges.txt), a line a merge. */
#include "text/foreign.h"

#include "base/hash.h"
#include "text/vocabulary.h"

#include <string.h>

static bool put_tokens(foreign *f, const json *vocab, error *err) {
    int64_t highest = -1;
    for (size_t i = 0; i < vocab->length; i++) {
        const json *v = &vocab->item[i];
        if (v->type != JSON_NUMBER || !v->is_integer || v->integer < 0 || v->integer >= MOST_IDS)
            return fail(err, "%.60s: its id is no whole number from 0 to %d", vocab->key[i], MOST_IDS - 1);
        if (v->integer > highest) highest = v->integer;
    }
    if ((uint64_t)(highest + 1) > 16 * (uint64_t)vocab->length + 65536)
        return fail(err, "id %lld is out of proportion to %zu tokens", (long long)highest, vocab->length);
    f->n = (size_t)(highest + 1);
    f->part = NEW_ARRAY(f->memory, f->n, part);
    if (f->part == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    for (size_t i = 0; i < vocab->length; i++) {
        part *p = &f->part[vocab->item[i].integer];
        if (p->text != NULL) return fail(err, "id %lld is there twice", (long long)vocab->item[i].integer);
        *p = (part){vocab->key[i], vocab->key_length[i], PART_NORMAL, 0};
    }
    return true;
}

static bool put_lines(foreign *f, const char *text, size_t n, error *err) {
    size_t room = 0, number = 1;
    for (size_t at = 0; at < n; number++) {
        const char *begin = text + at, *end = memchr(begin, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - begin) : n - at;
        at += length + (end != NULL);
        if (length > 0 && begin[length - 1] == '\r') length--;
        if (length == 0 || (length >= 8 && memcmp(begin, "#version", 8) == 0)) continue;
        const char *blank = memchr(begin, ' ', length);
        const size_t left = blank != NULL ? (size_t)(blank - begin) : 0;
        if (left == 0 || left + 1 == length || memchr(blank + 1, ' ', length - left - 1) != NULL)
            return fail(err, "line %zu of the merges is not two tokens", number);
        if (!foreign_put_merge(f, &room, (part_merge){{begin, blank + 1}, {left, length - left - 1}}, err)) return false;
    }
    return true;
}

/* A token in angle brackets that no merge makes can come from no text: it is there to be put in by its id. */
static bool mark_special(foreign *f, error *err) {
    map *made = map_new(f->memory, f->n_merge);
    if (made == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    string joined = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < f->n_merge; i++) {
        string_reset(&joined);
        for (int side = 0; side < 2; side++) string_append(&joined, f->merge[i].side[side], f->merge[i].n[side]);
        if (map_put(made, string_chars(&joined), joined.length, NULL) == NULL) ok = fail(err, "larger than the memory allowed for a tokenizer");
    }
    for (size_t i = 0; ok && i < f->n; i++) {
        part *p = &f->part[i];
        if (p->n > 2 && p->text[0] == '<' && p->text[p->n - 1] == '>' && map_get(made, p->text, p->n) == NULL) p->kind = PART_CONTROL;
    }
    string_drop(&joined);
    return ok;
}

bool from_gpt2(foreign *f, const json *vocab, const char *merges, size_t n_merges, error *err) {
    if (vocab->type != JSON_OBJECT) return fail(err, "the vocabulary is not an object of tokens and ids");
    if (!put_tokens(f, vocab, err) || !put_lines(f, merges, n_merges, err) || !mark_special(f, err)) return false;
    /* A trained vocabulary has a merge for each token; more of them were made from ranks, where a word is looked up first. */
    f->keeps_whole_words = f->n_merge > f->n;
    return true;
}
