/* tokenizer.json of Hugging Face `tokenizers`: model, added tokens, and the components around them (component.h). */
#include "text/tokenizer_inner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- gathering: the two long lists of a file, as they are read --------------------------------------------------------- */
typedef struct entry {
    const char *text;
    uint32_t n;
    int32_t id; /* of a list: its index */
    double score;
} entry;
typedef struct gathered {
    arena memory;
    entry *entry;
    size_t n_entry, entry_room;
    bool listed; /* vocab is a list of [token, score] */
    merge_text *merge;
    size_t n_merge, merge_room;
    size_t expected; /* of each: what a file of this length may hold */
} gathered;

static bool id_of(const json *v, int64_t *id) {
    if (v == NULL || v->type != JSON_NUMBER || !v->is_integer || v->integer < 0 || v->integer >= MOST_IDS) return false;
    *id = v->integer;
    return true;
}

/* The list with room for one more. */
static void *room_for_one(gathered *g, void *list, size_t n, size_t *room, size_t each) {
    if (n < *room) return list;
    const size_t more = *room == 0 ? g->expected : *room * 2;
    list = arena_grow(&g->memory, list, n * each, more * each);
    *room = more;
    return list;
}

/* A score as `tokenizers` reads it: digits as one whole number, rounded, then times or over a power of ten, rounded once more.
 * That may be one unit in the last place from the number written, and decides between cuts of (nearly) equal sums. */
static double score_of(const json *v) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t digits = 0;
    int64_t exponent = 0;
    bool behind_point = false;
    const char *s = v->text;
    size_t i = s[0] == '-';
    if (!isfinite(v->number)) return v->number;
    for (; i < v->length && (s[i] == '.' || (s[i] >= '0' && s[i] <= '9')); i++) {
        if (s[i] == '.') {
            behind_point = true;
            continue;
        }
        uint64_t more;
        const bool fits = !__builtin_mul_overflow(digits, (uint64_t)10, &more) && !__builtin_add_overflow(more, (uint64_t)(s[i] - '0'), &more);
        if (!fits && !behind_point) return v->number;
        if (!fits) break; /* what follows is left out */
        digits = more;
        exponent -= behind_point;
    }
    while (i < v->length && (s[i] | 0x20) != 'e') i++;
    if (i < v->length) exponent += strtol(s + i + 1, NULL, 10);
    if (exponent < -22 || exponent > 22) return v->number;
    const double size = exponent < 0 ? (double)digits / power[-exponent] : (double)digits * power[exponent];
    return s[0] == '-' ? -size : size;
}

static bool gather_entry(void *user, const char *key, size_t n_key, const json *v, error *err) {
    gathered *g = user;
    g->entry = room_for_one(g, g->entry, g->n_entry, &g->entry_room, sizeof *g->entry);
    if (g->n_entry == MOST_IDS) return fail(err, "model: vocab has more than %d tokens", MOST_IDS);
    entry e = {.text = key, .n = (uint32_t)n_key, .id = (int32_t)g->n_entry};
    int64_t id;
    if (key != NULL) {
        if (!id_of(v, &id)) return fail(err, "model: vocab: %.60s: its id is no whole number from 0 to %d", key, MOST_IDS - 1);
        e.id = (int32_t)id;
    } else {
        if (v->type != JSON_ARRAY || v->length != 2 || v->item[0].type != JSON_STRING || v->item[1].type != JSON_NUMBER)
            return fail(err, "model: vocab: entry %zu is not [token, score]", g->n_entry);
        e.text = v->item[0].text;
        e.n = (uint32_t)v->item[0].length;
        e.score = score_of(&v->item[1]);
        g->listed = true;
    }
    g->entry[g->n_entry++] = e;
    return true;
}

/* One merge as ["a", "b"] or "a b". *skip: a comment line of an old file. */
static bool merge_sides(const json *v, merge_text *m, bool *skip) {
    *skip = false;
    if (v->type == JSON_ARRAY && v->length == 2 && v->item[0].type == JSON_STRING && v->item[1].type == JSON_STRING) {
        *m = (merge_text){v->item[0].text, v->item[1].text, (uint32_t)v->item[0].length, (uint32_t)v->item[1].length};
        return true;
    }
    if (v->type != JSON_STRING) return false;
    *skip = v->length >= 8 && memcmp(v->text, "#version", 8) == 0;
    const char *blank = memchr(v->text, ' ', v->length);
    if (blank == NULL) return *skip;
    const size_t left = (size_t)(blank - v->text);
    *m = (merge_text){v->text, blank + 1, (uint32_t)left, (uint32_t)(v->length - left - 1)};
    return *skip || memchr(m->right, ' ', m->n_right) == NULL;
}

static bool gather_merge(void *user, const char *key, size_t n_key, const json *v, error *err) {
    gathered *g = user;
    g->merge = room_for_one(g, g->merge, g->n_merge, &g->merge_room, sizeof *g->merge);
    bool skip;
    if (!merge_sides(v, &g->merge[g->n_merge], &skip)) return fail(err, "model: merges: entry %zu is not two tokens", g->n_merge);
    if (!skip) g->n_merge++;
    return true;
}

/* --- vocabulary -------------------------------------------------------------------------------------------------------- */
static int64_t highest_id(const gathered *g, const json *added) {
    int64_t highest = -1, id;
    for (size_t i = 0; i < g->n_entry; i++)
        if (g->entry[i].id > highest) highest = g->entry[i].id;
    for (size_t i = 0; added != NULL && i < added->length; i++)
        if (id_of(json_get(&added->item[i], "id"), &id) && id > highest) highest = id;
    return highest;
}

/* Sizes the table by the highest id of the vocabulary and the added tokens, then fills in the vocabulary. */
static bool read_vocabulary(tokenizer *t, const gathered *g, const json *added, error *err) {
    const int64_t highest = highest_id(g, added);
    const size_t n_added = added != NULL ? added->length : 0;
    if (highest < 0) return fail(err, "model: vocab is empty");
    if ((uint64_t)highest > 16 * (uint64_t)(g->n_entry + n_added) + 65536)
        return fail(err, "model: vocab: id %lld is out of proportion to %zu tokens", (long long)highest, g->n_entry + n_added);
    size_t n_byte = 0;
    for (size_t i = 0; i < g->n_entry; i++) n_byte += (size_t)g->entry[i].n + 1;
    char *text = arena_alloc(t->owner, n_byte);
    if (text == NULL || !vocabulary_start(&t->vocabulary, t->owner, (size_t)highest + 1, g->n_entry + n_added)) return too_large(err);
    for (size_t i = 0; i < g->n_entry; i++) {
        const entry *e = &g->entry[i];
        memcpy(text, e->text, e->n);
        text[e->n] = 0;
        const bool put = g->listed ? vocabulary_put_again(&t->vocabulary, e->id, text, e->n) : vocabulary_put(&t->vocabulary, e->id, text, e->n);
        if (!put) return fail(err, "model: vocab: %.60s: this token or its id %d is there twice", text, e->id);
        text += e->n + 1;
    }
    return true;
}

/* --- model ------------------------------------------------------------------------------------------------------------- */
static const word_model *const models[] = {&bpe_model, &unigram_model, &wordpiece_model, &wordlevel_model};

/* By its type; old files have none, and are told by their fields as `tokenizers` does. */
static const word_model *model_of(const json *model, const gathered *g, error *err) {
    const json *type = json_get(model, "type");
    if (type == NULL || type->type == JSON_NULL) {
        if (g->listed) return &unigram_model;
        return json_get(model, "merges") != NULL ? &bpe_model : json_get(model, "max_input_chars_per_word") != NULL ? &wordpiece_model : &wordlevel_model;
    }
    for (size_t i = 0; i < COUNT(models); i++)
        if (json_is_text(type, models[i]->name)) return models[i];
    fail(err, "model: %.60s is not supported", type->type == JSON_STRING ? type->text : "a type that is no text");
    return NULL;
}

/* Which ids are special: known before the model is read, since no model may make one of them out of a text. */
static bool read_special(tokenizer *t, const json *added, error *err) {
    t->special = NEW_ARRAY(t->owner, t->vocabulary.n, unsigned char);
    if (t->special == NULL) return too_large(err);
    int64_t id;
    for (size_t i = 0; added != NULL && i < added->length; i++)
        if (json_get_bool(&added->item[i], "special", false) && id_of(json_get(&added->item[i], "id"), &id)) t->special[id] = 1;
    return true;
}

static bool read_model(tokenizer *t, const json *model, gathered *g, const json *added, error *err) {
    if (model == NULL || model->type != JSON_OBJECT) return fail(err, "model is missing");
    t->model = model_of(model, g, err);
    if (t->model == NULL) return false;
    const json *vocab = json_get(model, "vocab"), *merges = json_get(model, "merges");
    const json_type wanted = t->model->scored ? JSON_ARRAY : JSON_OBJECT;
    if (vocab == NULL || vocab->type != wanted) return fail(err, "model: vocab is not an %s", json_type_name(wanted));
    if (merges != NULL && merges->type != JSON_ARRAY) return fail(err, "model: merges is not a list");
    if (!read_vocabulary(t, g, added, err) || !read_special(t, added, err)) return false;
    double *score = NULL;
    if (t->model->scored) {
        score = NEW_ARRAY(t->owner, t->vocabulary.n, double);
        if (score == NULL) return too_large(err);
        for (size_t i = 0; i < g->n_entry; i++) score[i] = g->entry[i].score;
    }
    t->unk = -1;
    return t->model->read(t, &(model_text){model, score, g->merge, g->n_merge, merges != NULL}, err);
}

bool model_read_unk(tokenizer *t, const json *fields, const char *absent, bool needed, error *err) {
    const json *unk = json_get(fields, "unk_token");
    if (unk != NULL && unk->type != JSON_NULL && unk->type != JSON_STRING) return fail(err, "model: unk_token is not a text");
    const bool given = unk != NULL && unk->type == JSON_STRING;
    const char *text = given ? unk->text : absent;
    const size_t n = given ? unk->length : absent != NULL ? strlen(absent) : 0;
    t->unk = n > 0 ? vocabulary_get(&t->vocabulary, text, n) : -1;
    return t->unk >= 0 || n == 0 || !needed || fail(err, "model: unk_token: the vocabulary has no %.60s", text);
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
    t->added_only[id] |= there < 0;
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
    return true;
}

static bool read_added(tokenizer *t, const json *list, error *err) {
    t->added_only = NEW_ARRAY(t->owner, t->vocabulary.n, unsigned char);
    if (t->added_only == NULL) return too_large(err);
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
void content_number(string *s, uint64_t x) {
    string_append(s, &x, sizeof x);
}

void content_text(string *s, const char *text, size_t n) {
    content_number(s, n);
    string_append(s, text, n);
}

/* All that decides which ids a text gets, in one fixed order. */
static digest content_digest(const tokenizer *t) {
    string s = {0};
    for (size_t id = 0; id < t->vocabulary.n; id++) {
        const token *x = &t->vocabulary.token[id];
        content_number(&s, x->text != NULL ? vocabulary_hash(x->text, x->length) : 0);
    }
    string_text(&s, t->model->name);
    t->model->content(t, &s);
    for (size_t i = 0; i < t->n_added; i++) {
        const added_token *a = &t->added[i];
        content_number(&s, (uint64_t)a->id << 8 | (uint64_t)(a->special | a->normalized << 1 | a->lstrip << 2 | a->rstrip << 3 | a->single_word << 4));
    }
    normalizer_digest(&t->normalizer, &s);
    pre_tokenizer_digest(t, &s);
    content_number(&s, (uint64_t)(int64_t)t->unk);
    const digest d = digest_of(string_chars(&s), s.length);
    string_drop(&s);
    return d;
}

static void describe(tokenizer *t) {
    const char *name = t->model->name;
    if (t->pre_tokenizer.byte_level) {
        split_kind kind = SPLIT_NONE;
        for (size_t i = 0; i < t->pre_tokenizer.n && kind == SPLIT_NONE; i++) kind = t->pre_tokenizer.step[i].scanner;
        snprintf(t->kind, sizeof t->kind, kind == SPLIT_NONE ? "byte-level %s, no known pattern" : "byte-level %s, %s pattern", name, split_name(kind));
    } else snprintf(t->kind, sizeof t->kind, "%s over characters%s", name, t->bpe.byte_fallback || t->unigram.byte_fallback ? " with byte fallback" : "");
}

static bool read_root(tokenizer *t, const json *root, gathered *g, error *err) {
    if (root->type != JSON_OBJECT) return fail(err, "not an object");
    const json *version = json_get(root, "version");
    if (version != NULL && !json_is_text(version, "1.0")) return fail(err, "version is not 1.0");
    const json *added = json_get(root, "added_tokens");
    if (added != NULL && added->type != JSON_ARRAY) added = NULL;
    if (!read_model(t, json_get(root, "model"), g, added, err)) return false;
    if (!read_added(t, json_get(root, "added_tokens"), err)) return false;
    if (!normalizer_read(&t->normalizer, t->owner, json_get(root, "normalizer"), err)) return false;
    if (!pre_tokenizer_read(t, json_get(root, "pre_tokenizer"), err)) return false;
    if (!post_processor_read(t, json_get(root, "post_processor"), err)) return false;
    if (!decoder_read(t, json_get(root, "decoder"), err)) return false;
    t->bpe.cuts = t->model == &bpe_model && bpe_find_cuts(t);
    t->digest = content_digest(t);
    describe(t);
    return added_build(t, err) && decoder_build(t, err);
}

bool tokenizer_read_json(tokenizer *t, const char *text, size_t n, error *err) {
    gathered g = {.expected = n / 24 + 64};
    arena tree = {.limit = t->owner->limit};
    const json_visit visit[] = {{"model.vocab", gather_entry, &g}, {"model.merges", gather_merge, &g}};
    const json *root = json_parse_visit(&tree, text, n, visit, COUNT(visit), err);
    const bool ok = root != NULL && read_root(t, root, &g, err);
    arena_drop(&tree);
    arena_drop(&g.memory);
    return ok;
}
