/* tokenizer.json of Hugging Face `tokenizers`: model, added tokens, and the components around them (component.c). */
#include "text/tokenizer_inner.h"

#include <stdio.h>
#include <string.h>

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- vocabulary ------------------------------------------------------------------------------------------------------------ */
static bool id_of(const json *v, int64_t *id) {
    if (v == NULL || v->type != JSON_NUMBER || !v->is_integer || v->integer < 0 || v->integer >= MOST_IDS) return false;
    *id = v->integer;
    return true;
}

/* Sizes the table by the highest id of the vocabulary and the added tokens, then fills in the vocabulary. */
static bool read_vocabulary(tokenizer *t, const json *vocab, const json *added, error *err) {
    int64_t highest = -1, id;
    for (size_t i = 0; i < vocab->length; i++) {
        if (!id_of(&vocab->item[i], &id)) return fail(err, "model: vocab: %.60s: its id is no whole number from 0 to %d", vocab->key[i], MOST_IDS - 1);
        if (id > highest) highest = id;
    }
    for (size_t i = 0; added != NULL && i < added->length; i++)
        if (id_of(json_get(&added->item[i], "id"), &id) && id > highest) highest = id;
    if (highest < 0) return fail(err, "model: vocab is empty");
    const size_t n_added = added != NULL ? added->length : 0;
    if ((uint64_t)highest > 16 * (uint64_t)(vocab->length + n_added) + 65536)
        return fail(err, "model: vocab: id %lld is out of proportion to %zu tokens", (long long)highest, vocab->length + n_added);
    if (!vocabulary_start(&t->vocabulary, t->owner, (size_t)highest + 1, vocab->length + n_added)) return too_large(err);
    for (size_t i = 0; i < vocab->length; i++) {
        const size_t n = vocab->key_length[i];
        const char *text = arena_copy_bytes(t->owner, vocab->key[i], n);
        if (text == NULL) return too_large(err);
        if (vocabulary_put(&t->vocabulary, (int32_t)vocab->item[i].integer, text, n)) continue;
        return fail(err, "model: vocab: %.60s: this token or its id %lld is there twice", text, (long long)vocab->item[i].integer);
    }
    return true;
}

/* --- merges ------------------------------------------------------------------------------------------------------------------ */
/* One merge as ["a", "b"] or "a b". *skip: a comment line of an old file. */
static bool merge_sides(const json *v, const char *side[2], size_t n[2], bool *skip) {
    *skip = false;
    if (v->type == JSON_ARRAY && v->length == 2 && v->item[0].type == JSON_STRING && v->item[1].type == JSON_STRING) {
        for (int i = 0; i < 2; i++) side[i] = v->item[i].text, n[i] = v->item[i].length;
        return true;
    }
    if (v->type != JSON_STRING) return false;
    *skip = v->length >= 8 && memcmp(v->text, "#version", 8) == 0;
    const char *blank = memchr(v->text, ' ', v->length);
    if (blank == NULL) return *skip;
    side[0] = v->text;
    n[0] = (size_t)(blank - v->text);
    side[1] = blank + 1;
    n[1] = v->length - n[0] - 1;
    return *skip || memchr(side[1], ' ', n[1]) == NULL;
}

static bool read_merges(tokenizer *t, const json *merges, error *err) {
    if (merges == NULL || merges->type != JSON_ARRAY) return fail(err, "model: merges is not a list");
    if (!merge_table_start(&t->merges, t->owner, merges->length)) return too_large(err);
    string joined = {0};
    int32_t rank = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < merges->length; i++) {
        const char *side[2] = {NULL, NULL};
        size_t n[2] = {0, 0};
        bool skip;
        if (!merge_sides(&merges->item[i], side, n, &skip)) ok = fail(err, "model: merges: entry %zu is not two tokens", i);
        if (!ok || skip) continue;
        string_reset(&joined);
        string_append(&joined, side[0], n[0]);
        string_append(&joined, side[1], n[1]);
        const int32_t left = vocabulary_get(&t->vocabulary, side[0], n[0]), right = vocabulary_get(&t->vocabulary, side[1], n[1]);
        const int32_t result = vocabulary_get(&t->vocabulary, string_chars(&joined), joined.length);
        if (left < 0 || right < 0 || result < 0)
            ok = fail(err, "model: merges: entry %zu: the vocabulary has no token %.60s", i, left < 0 ? side[0] : right < 0 ? side[1] : string_chars(&joined));
        else merge_table_put(&t->merges, left, right, rank++, result);
    }
    string_drop(&joined);
    return ok;
}

/* --- model ------------------------------------------------------------------------------------------------------------------- */
static void read_characters(tokenizer *t) {
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        t->byte_token[b] = vocabulary_get(&t->vocabulary, text, 6);
        const uint32_t c = byte_to_char((unsigned char)b);
        const char mapped[2] = {(char)(c < 0x80 ? c : 0xc0 | c >> 6), (char)(0x80 | (c & 63))};
        t->mapped_token[b] = vocabulary_get(&t->vocabulary, mapped, c < 0x80 ? 1 : 2);
        const char plain = (char)b;
        if (b < 128) t->ascii_token[b] = vocabulary_get(&t->vocabulary, &plain, 1);
    }
    t->byte_level_whole = true;
    for (unsigned b = 0; b < 256; b++) t->byte_level_whole = t->byte_level_whole && t->mapped_token[b] >= 0;
}

/* Fields that change the result and that we do not do: only their neutral values are let through. */
static bool check_neutral(const json *model, error *err) {
    const json *dropout = json_get(model, "dropout");
    if (dropout != NULL && dropout->type != JSON_NULL && !(dropout->type == JSON_NUMBER && dropout->number == 0))
        return fail(err, "model: dropout is not supported; null is");
    static const char *const names[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const json *v = json_get(model, names[i]);
        if (v != NULL && v->type != JSON_NULL && !json_is_text(v, "")) return fail(err, "model: %s is not supported; null is", names[i]);
    }
    static const char *const switches[] = {"fuse_unk", "byte_fallback", "ignore_merges"};
    for (size_t i = 0; i < COUNT(switches); i++) {
        const json *v = json_get(model, switches[i]);
        if (v != NULL && v->type != JSON_NULL && v->type != JSON_BOOL) return fail(err, "model: %s is neither true nor false", switches[i]);
    }
    return true;
}

static bool read_model(tokenizer *t, const json *model, const json *added, error *err) {
    if (model == NULL || model->type != JSON_OBJECT) return fail(err, "model is missing");
    const json *type = json_get(model, "type");
    if (type != NULL && !json_is_text(type, "BPE"))
        return fail(err, "model: %.60s is not supported", type->type == JSON_STRING ? type->text : "a type that is no text");
    const json *vocab = json_get(model, "vocab");
    if (vocab == NULL || vocab->type != JSON_OBJECT) return fail(err, "model: vocab is not an object");
    if (!check_neutral(model, err) || !read_vocabulary(t, vocab, added, err) || !read_merges(t, json_get(model, "merges"), err)) return false;
    t->fuse_unk = json_get_bool(model, "fuse_unk", false);
    t->byte_fallback = json_get_bool(model, "byte_fallback", false);
    t->ignore_merges = json_get_bool(model, "ignore_merges", false);
    const json *unk = json_get(model, "unk_token");
    t->unk = -1;
    if (unk != NULL && unk->type == JSON_STRING && unk->length > 0) {
        t->unk = vocabulary_get(&t->vocabulary, unk->text, unk->length);
        if (t->unk < 0) return fail(err, "model: unk_token: the vocabulary has no %.60s", unk->text);
    } else if (unk != NULL && unk->type != JSON_NULL && unk->type != JSON_STRING) return fail(err, "model: unk_token is not a text");
    read_characters(t);
    return true;
}

/* --- added tokens -------------------------------------------------------------------------------------------------------------- */
static bool read_added_token(tokenizer *t, const json *v, added_token *a, error *err) {
    const json *content = json_get(v, "content");
    int64_t id;
    if (content == NULL || content->type != JSON_STRING) return fail(err, "added_tokens: an entry without content");
    if (!id_of(json_get(v, "id"), &id)) return fail(err, "added_tokens: %.60s: its id is no whole number from 0 to %d", content->text, MOST_IDS - 1);
    const char *text = arena_copy_bytes(t->owner, content->text, content->length);
    if (text == NULL) return too_large(err);
    const int32_t there = vocabulary_get(&t->vocabulary, text, content->length);
    if (there >= 0 && there != id) return fail(err, "added_tokens: %.60s has id %lld here and %d in the vocabulary", text, (long long)id, there);
    if (there < 0 && !vocabulary_put(&t->vocabulary, (int32_t)id, text, content->length))
        return fail(err, "added_tokens: %.60s: its id %lld is another token's", text, (long long)id);
    static const char *const flags[] = {"special", "normalized", "lstrip", "rstrip", "single_word"};
    bool *const values[] = {&a->special, &a->normalized, &a->lstrip, &a->rstrip, &a->single_word};
    for (size_t i = 0; i < COUNT(flags); i++) {
        const json *flag = json_get(v, flags[i]);
        if (flag != NULL && flag->type != JSON_BOOL) return fail(err, "added_tokens: %.60s: %s is neither true nor false", text, flags[i]);
        *values[i] = flag != NULL && flag->truth;
    }
    a->content = text;
    a->length = content->length;
    a->id = (int32_t)id;
    t->special[id] |= a->special;
    return true;
}

static bool read_added(tokenizer *t, const json *list, error *err) {
    t->special = NEW_ARRAY(t->owner, t->vocabulary.n, unsigned char);
    if (t->special == NULL) return too_large(err);
    if (list == NULL || list->type == JSON_NULL) return true;
    if (list->type != JSON_ARRAY) return fail(err, "added_tokens is not a list");
    t->added = NEW_ARRAY(t->owner, list->length, added_token);
    if (t->added == NULL) return too_large(err);
    for (size_t i = 0; i < list->length; i++) {
        const json *content = json_get(&list->item[i], "content");
        if (content != NULL && content->type == JSON_STRING && content->length == 0) continue; /* `tokenizers` ignores it too */
        if (!read_added_token(t, &list->item[i], &t->added[t->n_added++], err)) return false;
    }
    return true;
}

/* --- what follows from the whole ------------------------------------------------------------------------------------------------- */
/* Without a pre-tokenizer a text is one word. Cutting it before U+2581 gives the same ids where that is a token of its own, and
 * no merge has it at the beginning of its right side while its left side ends in another character. */
static bool may_cut_at_blank(const tokenizer *t) {
    static const char blank[] = "\xe2\x96\x81";
    if (t->n_split > 0 || t->ignore_merges || vocabulary_get(&t->vocabulary, blank, 3) < 0) return false;
    for (size_t i = 0; i <= t->merges.mask; i++) {
        const merge *m = &t->merges.slot[i];
        if (m->left < 0) continue;
        const token *left = &t->vocabulary.token[m->left], *right = &t->vocabulary.token[m->right];
        const bool crosses = right->length >= 3 && memcmp(right->text, blank, 3) == 0;
        if (crosses && (left->length < 3 || memcmp(left->text + left->length - 3, blank, 3) != 0)) return false;
    }
    if (t->unk < 0) return true;
    const token *unk = &t->vocabulary.token[t->unk];
    return unk->length < 3 || memcmp(unk->text + unk->length - 3, blank, 3) != 0;
}

static void digest_number(string *s, uint64_t x) {
    string_append(s, &x, sizeof x);
}

static void digest_text_of(string *s, const char *text, size_t n) {
    digest_number(s, n);
    string_append(s, text, n);
}

/* All that decides which ids a text gets, in one fixed order. */
static digest content_digest(const tokenizer *t) {
    string s = {0};
    for (size_t id = 0; id < t->vocabulary.n; id++) {
        if (t->vocabulary.token[id].text == NULL) continue;
        digest_number(&s, id);
        digest_text_of(&s, t->vocabulary.token[id].text, t->vocabulary.token[id].length);
    }
    uint64_t merges[2] = {0, 0}; /* a sum over all of them: the table has no order of its own */
    for (size_t i = 0; i <= t->merges.mask; i++) {
        if (t->merges.slot[i].left < 0) continue;
        merges[0] += hash64(&t->merges.slot[i], sizeof(merge), 1);
        merges[1] += hash64(&t->merges.slot[i], sizeof(merge), 2);
    }
    string_append(&s, merges, sizeof merges);
    for (size_t i = 0; i < t->n_added; i++) {
        const added_token *a = &t->added[i];
        digest_number(&s, (uint64_t)a->id << 8 | (uint64_t)(a->special | a->normalized << 1 | a->lstrip << 2 | a->rstrip << 3 | a->single_word << 4));
    }
    for (size_t i = 0; i < t->n_normalize; i++) {
        digest_text_of(&s, t->normalize[i].pattern, t->normalize[i].n_pattern);
        digest_text_of(&s, t->normalize[i].content, t->normalize[i].n_content);
    }
    for (size_t i = 0; i < t->n_split; i++) string_text(&s, split_pattern(t->split[i]));
    digest_number(&s, (uint64_t)(t->byte_level | t->add_prefix_space << 1 | t->byte_fallback << 2 | t->fuse_unk << 3 | t->ignore_merges << 4));
    digest_number(&s, (uint64_t)(int64_t)t->unk);
    const digest d = digest_of(string_chars(&s), s.length);
    string_drop(&s);
    return d;
}

static void describe(tokenizer *t) {
    if (t->byte_level) {
        split_kind kind = t->split[0];
        snprintf(t->kind, sizeof t->kind, kind == SPLIT_NONE ? "byte-level BPE, no pattern" : "byte-level BPE, %s pattern", split_name(kind));
    } else snprintf(t->kind, sizeof t->kind, "BPE over characters%s", t->byte_fallback ? " with byte fallback" : "");
}

bool tokenizer_read_json(tokenizer *t, const json *root, error *err) {
    if (root->type != JSON_OBJECT) return fail(err, "not an object");
    const json *version = json_get(root, "version");
    if (version != NULL && !json_is_text(version, "1.0")) return fail(err, "version is not 1.0");
    const json *added = json_get(root, "added_tokens");
    if (added != NULL && added->type != JSON_ARRAY) added = NULL;
    if (!read_model(t, json_get(root, "model"), added, err)) return false;
    if (!read_added(t, json_get(root, "added_tokens"), err)) return false;
    if (!component_read_normalizer(t, json_get(root, "normalizer"), err)) return false;
    if (!component_read_pre_tokenizer(t, json_get(root, "pre_tokenizer"), err)) return false;
    if (!component_read_post_processor(t, json_get(root, "post_processor"), err)) return false;
    if (!component_read_decoder(t, json_get(root, "decoder"), err)) return false;
    t->cut_at_blank = may_cut_at_blank(t);
    t->digest = content_digest(t);
    describe(t);
    return added_build(t, err) && decoder_build(t, err);
}
