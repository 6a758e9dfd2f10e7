/* The vocabulary in a GGUF file: tokenizer.ggml.model says of which kind it is (ggml, docs/gguf.md, "Tokenizer"), and
 * tokenizer.ggml.pre how its family cuts text into words. */
#include "text/foreign.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define BLANK "\xe2\x96\x81"

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- tokens ---------------------------------------------------------------------------------------------------------------------- */
/* An array of the metadata that must have a member for each token; NULL where it is absent. */
static bool array_of_tokens(const gguf *file, const char *key, uint64_t n, const gguf_value **v, error *err) {
    *v = gguf_find(file, key);
    if (*v == NULL) return true;
    if (!(*v)->is_array || (*v)->n < n) return fail(err, "%s: it is no array of %llu members", key, (unsigned long long)n);
    return true;
}

static bool put_tokens(foreign *f, const gguf *file, error *err) {
    gguf_texts texts;
    const gguf_value *scores, *kinds;
    if (!gguf_texts_start(&texts, gguf_find(file, "tokenizer.ggml.tokens"))) return fail(err, "tokenizer.ggml.tokens: there is no array of texts");
    if (!array_of_tokens(file, "tokenizer.ggml.scores", texts.left, &scores, err)) return false;
    if (!array_of_tokens(file, "tokenizer.ggml.token_type", texts.left, &kinds, err)) return false;
    size_t room = 0, n;
    const char *text;
    while (gguf_texts_next(&texts, &text, &n)) {
        double score = 0;
        int64_t kind = PART_NORMAL;
        if (scores != NULL && !gguf_number(scores, f->n, &score)) return fail(err, "tokenizer.ggml.scores: they are no numbers");
        if (kinds != NULL && !gguf_integer(kinds, f->n, &kind)) return fail(err, "tokenizer.ggml.token_type: they are no whole numbers");
        if (kind < PART_NORMAL || kind > PART_BYTE) kind = PART_NORMAL;
        if (n == 0) { /* as llama.cpp calls it */
            text = arena_print(f->memory, "[EMPTY_%zu]", f->n);
            if (text == NULL) return too_large(err);
            n = strlen(text);
        }
        if (!foreign_put(f, &room, text, n, (part_kind)kind, (float)score, err)) return false;
        f->byte_fallback = f->byte_fallback || kind == PART_BYTE;
    }
    return true;
}

/* "a b": the blank that cuts is the first one behind the first character. */
static bool put_merges(foreign *f, const gguf *file, error *err) {
    gguf_texts texts;
    if (!gguf_texts_start(&texts, gguf_find(file, "tokenizer.ggml.merges"))) return fail(err, "tokenizer.ggml.merges: there is no array of texts");
    size_t room = 0, n;
    const char *text;
    for (size_t i = 0; gguf_texts_next(&texts, &text, &n); i++) {
        const char *blank = n > 1 ? memchr(text + 1, ' ', n - 1) : NULL;
        if (blank == NULL || blank + 1 == text + n) return fail(err, "tokenizer.ggml.merges: entry %zu is not two tokens", i);
        const size_t left = (size_t)(blank - text);
        if (!foreign_put_merge(f, &room, (part_merge){{text, blank + 1}, {left, n - left - 1}}, err)) return false;
    }
    return true;
}

/* --- what is common --------------------------------------------------------------------------------------------------------------- */
static void take_special(foreign *f, const gguf *file) {
    static const struct {
        const char *key;
        size_t place;
    } keys[] = {
        {"tokenizer.ggml.bos_token_id", offsetof(foreign, bos)},       {"tokenizer.ggml.eos_token_id", offsetof(foreign, eos)},
        {"tokenizer.ggml.unknown_token_id", offsetof(foreign, unk)},   {"tokenizer.ggml.padding_token_id", offsetof(foreign, pad)},
        {"tokenizer.ggml.cls_token_id", offsetof(foreign, cls)},       {"tokenizer.ggml.separator_token_id", offsetof(foreign, sep)},
        {"tokenizer.ggml.seperator_token_id", offsetof(foreign, sep)}, {"tokenizer.ggml.mask_token_id", offsetof(foreign, mask)},
    };
    for (size_t i = 0; i < COUNT(keys); i++) {
        const int64_t id = gguf_get_integer(file, keys[i].key, -1);
        if (id >= 0 && (uint64_t)id < f->n) *(int32_t *)(void *)((char *)f + keys[i].place) = (int32_t)id;
    }
    f->add_bos = gguf_get_bool(file, "tokenizer.ggml.add_bos_token", f->add_bos);
    f->add_eos = gguf_get_bool(file, "tokenizer.ggml.add_eos_token", f->add_eos);
    f->add_sep = gguf_get_bool(file, "tokenizer.ggml.add_sep_token", f->add_sep);
}

/* tokenizer.chat_template, and tokenizer.chat_template.NAME where there are several. */
static bool take_templates(foreign *f, const gguf *file, error *err) {
    static const char prefix[] = "tokenizer.chat_template";
    size_t most = 0, n;
    for (size_t i = 0; i < gguf_count(file); i++) most += strncmp(gguf_key(file, i), prefix, strlen(prefix)) == 0;
    f->template = NEW_ARRAY(f->memory, most, foreign_template);
    if (f->template == NULL) return too_large(err);
    for (size_t i = 0; i < gguf_count(file); i++) {
        const char *key = gguf_key(file, i), *text = gguf_text(gguf_at(file, i), &n);
        if (strncmp(key, prefix, strlen(prefix)) != 0 || text == NULL) continue;
        const char *rest = key + strlen(prefix);
        if (rest[0] != 0 && (rest[0] != '.' || rest[1] == 0)) continue;
        const char *name = rest[0] == 0 ? "default" : rest + 1;
        f->template[f->n_template++] = (foreign_template){name, text, strlen(name), n};
    }
    return true;
}

/* --- the kinds ----------------------------------------------------------------------------------------------------------------------- */
static bool read_bytes(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    size_t n;
    const char *pre = gguf_get_text(file, "tokenizer.ggml.pre", &n);
    f->model = FOREIGN_BYTES;
    f->pattern = given;
    if (given == NULL && pre == NULL) {
        log_warning("tokenizer.ggml.pre is missing: text is cut as llama.cpp's default does, which may not be what the model learned; --pattern says another");
        pre = "default";
        n = strlen(pre);
    }
    if (given == NULL && (f->pattern = word_pattern_find(pre, n)) == NULL)
        return fail(err, "tokenizer.ggml.pre: '%.*s' is not supported; --pattern says how to cut text into words", n < 60 ? (int)n : 60, pre);
    if (!put_tokens(f, file, err) || !put_merges(f, file, err)) return false;
    f->byte_fallback = false;
    f->normal_form = word_pattern_normal_form(f->pattern);
    f->keeps_whole_words = word_pattern_keeps_whole_words(f->pattern);
    f->add_bos = word_pattern_adds_begin(f->pattern);
    return true;
}

static bool read_pieces(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    f->model = FOREIGN_PIECES;
    if (!put_tokens(f, file, err)) return false;
    f->unk = 0;
    f->bos = f->n > 1 ? 1 : -1;
    f->eos = f->n > 2 ? 2 : -1;
    f->escape_blanks = f->add_bos = true;
    f->add_blank = gguf_get_bool(file, "tokenizer.ggml.add_space_prefix", true);
    f->remove_extra_blanks = gguf_get_bool(file, "tokenizer.ggml.remove_extra_whitespaces", false);
    return true;
}

/* Gemma 4: merges of its own over characters; blanks become U+2581 and nothing is put in front. */
static bool read_pieces_with_merges(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    f->model = FOREIGN_PIECES;
    if (!put_tokens(f, file, err) || !put_merges(f, file, err)) return false;
    for (size_t i = 0; i < f->n && f->unk < 0; i++)
        if (f->part[i].kind == PART_UNKNOWN) f->unk = (int32_t)i;
    f->escape_blanks = f->add_bos = true;
    return true;
}

static bool read_unigram(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    f->model = FOREIGN_UNIGRAM;
    if (!put_tokens(f, file, err)) return false;
    f->unk = f->n > 2 ? 2 : -1;
    f->eos = f->n > 1 ? 1 : -1;
    f->pad = 0;
    f->add_eos = f->escape_blanks = f->user_defined_in_words = true;
    f->add_blank = gguf_get_bool(file, "tokenizer.ggml.add_space_prefix", false);
    f->remove_extra_blanks = gguf_get_bool(file, "tokenizer.ggml.remove_extra_whitespaces", false);
    const gguf_value *map = gguf_find(file, "tokenizer.ggml.precompiled_charsmap");
    if (map != NULL && (!map->is_array || (map->type != GGUF_UINT8 && map->type != GGUF_INT8)))
        return fail(err, "tokenizer.ggml.precompiled_charsmap: it is no array of bytes");
    if (map != NULL) f->charsmap = (const char *)map->bytes, f->n_charsmap = (size_t)map->n;
    return true;
}

/* GGUF writes U+2581 before what begins a word and nothing before what goes on one; vocab.txt has ## before the latter. */
static bool read_words(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    f->model = FOREIGN_WORDS;
    if (!put_tokens(f, file, err)) return false;
    bool upper = false;
    for (size_t i = 0; i < f->n; i++) {
        part *p = &f->part[i];
        if (p->kind != PART_NORMAL) continue;
        if (p->n > 3 && memcmp(p->text, BLANK, 3) == 0) p->text += 3, p->n -= 3;
        else {
            char *text = arena_alloc(f->memory, p->n + 3);
            if (text == NULL) return too_large(err);
            memcpy(text, "##", 2);
            memcpy(text + 2, p->text, p->n);
            p->text = text;
            p->n += 2;
        }
        for (size_t at = 0; at < p->n; at++) upper = upper || (p->text[at] >= 'A' && p->text[at] <= 'Z');
    }
    f->unk = f->n > 100 ? 100 : -1; /* BERT's, where the file names no others */
    f->cls = f->n > 101 ? 101 : -1;
    f->sep = f->n > 102 ? 102 : -1;
    f->lowercase = gguf_get_bool(file, "tokenizer.ggml.normalizer.lowercase", !upper);
    f->strip_accents = gguf_get_bool(file, "tokenizer.ggml.normalizer.strip_accents", f->lowercase);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(foreign *f, const gguf *file, const word_pattern *given, error *err);
} kinds[] = {{"gpt2", read_bytes}, {"llama", read_pieces}, {"gemma4", read_pieces_with_merges}, {"t5", read_unigram}, {"bert", read_words}};

bool from_gguf(foreign *f, const gguf *file, const word_pattern *given, error *err) {
    size_t n;
    const char *model = gguf_get_text(file, "tokenizer.ggml.model", &n);
    if (model == NULL) return fail(err, "it holds no vocabulary: there is no tokenizer.ggml.model");
    size_t i = 0;
    while (i < COUNT(kinds) && (strlen(kinds[i].name) != n || memcmp(kinds[i].name, model, n) != 0)) i++;
    if (i == COUNT(kinds)) return fail(err, "tokenizer.ggml.model: '%.*s' is not supported; gpt2, llama, gemma4, t5 and bert are", n < 60 ? (int)n : 60, model);
    if (given != NULL && kinds[i].read != read_bytes) return fail(err, "--pattern: a vocabulary of kind '%s' cuts text by itself", kinds[i].name);
    if (!kinds[i].read(f, file, given, err)) return false;
    take_special(f, file);
    if (f->model == FOREIGN_WORDS && f->bos >= 0 && gguf_find(file, "tokenizer.ggml.cls_token_id") == NULL) f->cls = f->bos;
    return take_templates(f, file, err);
}
