/* Filling in a foreign vocabulary: tokens, merges, and what files beside it say. */
#include "text/foreign.h"

#include "base/hash.h"
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- filling in ----------------------------------------------------------------------------------------------------------------- */
void foreign_start(foreign *f, arena *memory, foreign_model model) {
    *f = (foreign){.memory = memory, .model = model, .bos = -1, .eos = -1, .unk = -1, .pad = -1, .cls = -1, .sep = -1, .mask = -1};
}

/* Room for one more member; NULL where the limit is met. */
static void *grow(arena *memory, void *list, size_t n, size_t *room, size_t size) {
    if (n < *room) return list;
    const size_t more = *room == 0 ? 1024 : *room * 2;
    void *larger = arena_grow(memory, list, *room * size, more * size);
    if (larger != NULL) *room = more;
    return larger;
}

bool foreign_put(foreign *f, size_t *room, const char *text, size_t n, part_kind kind, float score, error *err) {
    if (f->n >= MOST_IDS) return fail(err, "more than %d tokens", MOST_IDS);
    part *larger = grow(f->memory, f->part, f->n, room, sizeof *larger);
    if (larger == NULL) return too_large(err);
    f->part = larger;
    f->part[f->n++] = (part){text, n, kind, score};
    return true;
}

bool foreign_put_merge(foreign *f, size_t *room, part_merge m, error *err) {
    part_merge *larger = grow(f->memory, f->merge, f->n_merge, room, sizeof *larger);
    if (larger == NULL) return too_large(err);
    f->merge = larger;
    f->merge[f->n_merge++] = m;
    return true;
}

/* Adds one token; what came first for an id wins. */
static bool put_added(foreign *f, map *known, size_t *room, part_added a, error *err) {
    if (a.id < 0 || a.id >= MOST_IDS) return fail(err, "added token %.60s: its id is no whole number from 0 to %d", a.text, MOST_IDS - 1);
    bool is_new;
    if (map_put(known, &a.id, sizeof a.id, &is_new) == NULL) return too_large(err);
    if (!is_new) return true;
    part_added *larger = grow(f->memory, f->added, f->n_added, room, sizeof *larger);
    if (larger == NULL) return too_large(err);
    f->added = larger;
    f->added[f->n_added++] = a;
    return true;
}

bool foreign_put_added(foreign *f, const json *config, const json *added, error *err) {
    size_t room = 0;
    map *known = map_new(f->memory, 0);
    if (known == NULL) return too_large(err);
    const json *named = json_get(config, "added_tokens_decoder");
    for (size_t i = 0; named != NULL && named->type == JSON_OBJECT && i < named->length; i++) {
        const json *v = &named->item[i], *content = json_get(v, "content");
        if (content == NULL || content->type != JSON_STRING || content->length == 0) continue;
        char *end;
        const long id = strtol(named->key[i], &end, 10);
        if (*end != 0 || end == named->key[i]) return fail(err, "added_tokens_decoder: '%.20s' is no id", named->key[i]);
        const part_added a = {.id = id < 0 || id > MOST_IDS ? -1 : (int32_t)id,
                              .text = content->text,
                              .n = content->length,
                              .special = json_get_bool(v, "special", false),
                              .normalized = json_get_bool(v, "normalized", false),
                              .lstrip = json_get_bool(v, "lstrip", false),
                              .rstrip = json_get_bool(v, "rstrip", false),
                              .single_word = json_get_bool(v, "single_word", false)};
        if (!put_added(f, known, &room, a, err)) return false;
    }
    for (size_t i = 0; added != NULL && added->type == JSON_OBJECT && i < added->length; i++) {
        const json *v = &added->item[i];
        const part_added a = {.id = v->type == JSON_NUMBER && v->is_integer && v->integer >= 0 && v->integer < MOST_IDS ? (int32_t)v->integer : -1,
                              .text = added->key[i],
                              .n = added->key_length[i]};
        if (a.n > 0 && !put_added(f, known, &room, a, err)) return false;
    }
    return true;
}

const foreign_name foreign_names[FOREIGN_NAMES] = {
    {"bos_token", offsetof(foreign, bos)},   {"eos_token", offsetof(foreign, eos)}, {"unk_token", offsetof(foreign, unk)},
    {"pad_token", offsetof(foreign, pad)},   {"cls_token", offsetof(foreign, cls)}, {"sep_token", offsetof(foreign, sep)},
    {"mask_token", offsetof(foreign, mask)},
};

int32_t foreign_named(const foreign *f, size_t i) {
    return *(const int32_t *)(const void *)((const char *)f + foreign_names[i].place);
}

/* The id of a text among tokens and added ones; -1: none. A walk: asked for a few times only. */
static int32_t id_of_text(const foreign *f, const char *text, size_t n) {
    for (size_t i = 0; i < f->n; i++)
        if (f->part[i].text != NULL && f->part[i].n == n && memcmp(f->part[i].text, text, n) == 0) return (int32_t)i;
    for (size_t i = 0; i < f->n_added; i++)
        if (f->added[i].n == n && memcmp(f->added[i].text, text, n) == 0) return f->added[i].id;
    return -1;
}

/* A token as "text" or {"content": "text"}. */
static const json *text_of_token(const json *v) {
    if (v->type == JSON_OBJECT) v = json_get(v, "content");
    return v != NULL && v->type == JSON_STRING && v->length > 0 ? v : NULL;
}

void foreign_take_config(foreign *f, const json *config) {
    for (size_t i = 0; i < FOREIGN_NAMES; i++) {
        const json *v = json_get(config, foreign_names[i].name);
        if (v == NULL || (v = text_of_token(v)) == NULL) continue;
        const int32_t id = id_of_text(f, v->text, v->length);
        if (id >= 0) *(int32_t *)(void *)((char *)f + foreign_names[i].place) = id;
    }
    f->add_bos = json_get_bool(config, "add_bos_token", f->add_bos);
    f->add_eos = json_get_bool(config, "add_eos_token", f->add_eos);
}

bool foreign_mark_special(foreign *f, const json *config, error *err) {
    static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
    map *named = map_new(f->memory, 0);
    size_t n_named = 0;
    if (named == NULL) return too_large(err);
    for (size_t l = 0; l < COUNT(lists); l++) {
        const json *list = json_get(config, lists[l]); /* an object of names and tokens, too, in the second one */
        for (size_t i = 0; list != NULL && (list->type == JSON_ARRAY || list->type == JSON_OBJECT) && i < list->length; i++) {
            const json *text = text_of_token(&list->item[i]);
            if (text == NULL) continue;
            if (map_put(named, text->text, text->length, NULL) == NULL) return too_large(err);
            n_named++;
        }
    }
    if (n_named == 0) return true;
    for (size_t i = 0; i < f->n; i++) {
        part *p = &f->part[i];
        const bool is_text = p->kind == PART_NORMAL || p->kind == PART_USER_DEFINED;
        if (is_text && p->text != NULL && map_get(named, p->text, p->n) != NULL) p->kind = PART_CONTROL;
    }
    for (size_t i = 0; i < f->n_added; i++)
        if (map_get(named, f->added[i].text, f->added[i].n) != NULL) f->added[i].special = true;
    return true;
}
