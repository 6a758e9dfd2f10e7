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

/* --- model ------------------------------------------------------------------------------------------------------------ */
static bool read_model(tokenizer *t, const json *model, const json *added, error *err) {
    if (model == NULL || model->type != JSON_OBJECT) return fail(err, "model is missing");
    const json *type = json_get(model, "type");
    if (type != NULL && !json_is_text(type, "BPE"))
        return fail(err, "model: %.60s is not supported", type->type == JSON_STRING ? type->text : "a type that is no text");
    const json *vocab = json_get(model, "vocab");
    if (vocab == NULL || vocab->type != JSON_OBJECT) return fail(err, "model: vocab is not an object");
    t->model = &bpe_model;
    if (!read_vocabulary(t, vocab, added, err)) return false;
    const json *unk = json_get(model, "unk_token");
    t->unk = -1;
    if (unk != NULL && unk->type == JSON_STRING && unk->length > 0) {
        t->unk = vocabulary_get(&t->vocabulary, unk->text, unk->length);
        if (t->unk < 0) return fail(err, "model: unk_token: the vocabulary has no %.60s", unk->text);
    } else if (unk != NULL && unk->type != JSON_NULL && unk->type != JSON_STRING) return fail(err, "model: unk_token is not a text");
    return t->model->read(t, model, err);
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
    for (size_t i = 0; i <= t->bpe.merges.mask; i++) {
        if (t->bpe.merges.slot[i].left < 0) continue;
        merges[0] += hash64(&t->bpe.merges.slot[i], sizeof(merge), 1);
        merges[1] += hash64(&t->bpe.merges.slot[i], sizeof(merge), 2);
    }
    string_append(&s, merges, sizeof merges);
    for (size_t i = 0; i < t->n_added; i++) {
        const added_token *a = &t->added[i];
        digest_number(&s, (uint64_t)a->id << 8 | (uint64_t)(a->special | a->normalized << 1 | a->lstrip << 2 | a->rstrip << 3 | a->single_word << 4));
    }
    for (size_t i = 0; i < t->normalizer.n; i++) {
        digest_text_of(&s, t->normalizer.step[i].pattern, t->normalizer.step[i].n_pattern);
        digest_text_of(&s, t->normalizer.step[i].content, t->normalizer.step[i].n_content);
    }
    for (size_t i = 0; i < t->pre_tokenizer.n_split; i++) string_text(&s, split_pattern(t->pre_tokenizer.split[i]));
    digest_number(&s, (uint64_t)(t->pre_tokenizer.byte_level | t->pre_tokenizer.add_prefix_space << 1 | t->bpe.byte_fallback << 2 | t->bpe.fuse_unk << 3 |
                                 t->bpe.ignore_merges << 4));
    digest_number(&s, (uint64_t)(int64_t)t->unk);
    const digest d = digest_of(string_chars(&s), s.length);
    string_drop(&s);
    return d;
}

static void describe(tokenizer *t) {
    if (t->pre_tokenizer.byte_level) {
        split_kind kind = t->pre_tokenizer.split[0];
        snprintf(t->kind, sizeof t->kind, kind == SPLIT_NONE ? "byte-level BPE, no pattern" : "byte-level BPE, %s pattern", split_name(kind));
    } else snprintf(t->kind, sizeof t->kind, "BPE over characters%s", t->bpe.byte_fallback ? " with byte fallback" : "");
}

bool tokenizer_read_json(tokenizer *t, const json *root, error *err) {
    if (root->type != JSON_OBJECT) return fail(err, "not an object");
    const json *version = json_get(root, "version");
    if (version != NULL && !json_is_text(version, "1.0")) return fail(err, "version is not 1.0");
    const json *added = json_get(root, "added_tokens");
    if (added != NULL && added->type != JSON_ARRAY) added = NULL;
    if (!read_model(t, json_get(root, "model"), added, err)) return false;
    if (!read_added(t, json_get(root, "added_tokens"), err)) return false;
    if (!normalizer_read(&t->normalizer, t->owner, json_get(root, "normalizer"), err)) return false;
    if (!pre_tokenizer_read(t, json_get(root, "pre_tokenizer"), err)) return false;
    if (!post_processor_read(t, json_get(root, "post_processor"), err)) return false;
    if (!decoder_read(t, json_get(root, "decoder"), err)) return false;
    t->bpe.cut_at_blank = bpe_may_cut_at_blank(t);
    t->digest = content_digest(t);
    describe(t);
    return added_build(t, err) && decoder_build(t, err);
}
