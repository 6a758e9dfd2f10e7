/* A foreign vocabulary as tokenizer.json and tokenizer_config.json, component by component as Hugging Face's converters choose
 * them (transformers, convert_slow_tokenizer.py): byte-level BPE as TikTokenConverter and GPT2Converter, pieces as
 * SentencePiece's own settings say, WordPiece as BertConverter. */
#include "text/foreign.h"

#include "base/hash.h"
#include "text/vocabulary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_PIECE = 4096 }; /* each is looked up in all its parts */
#define BLANK "\xe2\x96\x81"   /* U+2581: a blank in SentencePiece's pieces */

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- small words of the writer ---------------------------------------------------------------------------------------------------- */
static void member_text(json_writer *w, const char *key, const char *text) {
    json_key(w, key);
    json_text(w, text);
}

static void member_bool(json_writer *w, const char *key, bool x) {
    json_key(w, key);
    json_bool(w, x);
}

static void member_null(json_writer *w, const char *key) {
    json_key(w, key);
    json_null(w);
}

static void begin_component(json_writer *w, const char *type) {
    json_begin_object(w);
    member_text(w, "type", type);
}

static void begin_sequence(json_writer *w, const char *members) {
    begin_component(w, "Sequence");
    json_key(w, members);
    json_begin_array(w);
}

static void end_sequence(json_writer *w) {
    json_end_array(w);
    json_end_object(w);
}

static void write_replace(json_writer *w, const char *kind, const char *pattern, const char *content) {
    begin_component(w, "Replace");
    json_key(w, "pattern");
    json_begin_object(w);
    member_text(w, kind, pattern);
    json_end_object(w);
    member_text(w, "content", content);
    json_end_object(w);
}

static void write_plain(json_writer *w, const char *type) {
    begin_component(w, type);
    json_end_object(w);
}

/* --- added tokens ------------------------------------------------------------------------------------------------------------------ */
static bool is_added(const foreign *f, const part *p) {
    if (p->text == NULL || p->n == 0) return false;
    if (p->kind == PART_CONTROL || p->kind == PART_UNKNOWN) return true;
    return p->kind == PART_USER_DEFINED && !f->user_defined_in_words;
}

static int by_id(const void *a, const void *b) {
    const part_added *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* All added tokens by id: what the kinds say, and what was added beside the file. */
static part_added *all_added(const foreign *f, size_t *n) {
    size_t most = f->n_added;
    for (size_t i = 0; i < f->n; i++) most += is_added(f, &f->part[i]);
    part_added *all = NEW_ARRAY(f->memory, most, part_added);
    *n = 0;
    if (all == NULL) return NULL;
    for (size_t i = 0; i < f->n_added; i++) all[(*n)++] = f->added[i];
    qsort(all, *n, sizeof *all, by_id);
    const size_t n_beside = *n;
    size_t beside = 0;
    for (size_t i = 0; i < f->n; i++) {
        const part *p = &f->part[i];
        while (beside < n_beside && (size_t)all[beside].id < i) beside++;
        if (!is_added(f, p) || (beside < n_beside && (size_t)all[beside].id == i)) continue;
        all[(*n)++] = (part_added){.id = (int32_t)i, .text = p->text, .n = p->n, .special = p->kind != PART_USER_DEFINED};
    }
    qsort(all, *n, sizeof *all, by_id);
    return all;
}

static bool write_added(const foreign *f, json_writer *w, error *err) {
    size_t n;
    const part_added *all = all_added(f, &n);
    if (all == NULL) return too_large(err);
    json_key(w, "added_tokens");
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        bool special = all[i].special;
        for (size_t name = 0; name < FOREIGN_NAMES; name++) special = special || foreign_named(f, name) == all[i].id;
        json_begin_object(w);
        json_key(w, "id"), json_integer(w, all[i].id);
        json_key(w, "content"), json_text_n(w, all[i].text, all[i].n);
        member_bool(w, "single_word", all[i].single_word);
        member_bool(w, "lstrip", all[i].lstrip);
        member_bool(w, "rstrip", all[i].rstrip);
        member_bool(w, "normalized", all[i].normalized);
        member_bool(w, "special", special);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

/* --- models --------------------------------------------------------------------------------------------------------------------------- */
static bool write_vocabulary(const foreign *f, json_writer *w, error *err) {
    json_key(w, "vocab");
    json_begin_object(w);
    for (size_t i = 0; i < f->n; i++) {
        const part *p = &f->part[i];
        if (p->text == NULL) continue;
        if (!utf8_valid(p->text, p->n)) return fail(err, "token %zu is not valid UTF-8", i);
        json_key_n(w, p->text, p->n);
        json_integer(w, (int64_t)i);
    }
    json_end_object(w);
    return true;
}

static void write_merge(json_writer *w, const part_merge *m) {
    json_begin_array(w);
    json_text_n(w, m->side[0], m->n[0]);
    json_text_n(w, m->side[1], m->n[1]);
    json_end_array(w);
}

static int by_score(const void *a, const void *b) {
    const part *x = *(const part *const *)a, *y = *(const part *const *)b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Merges as SentencePiece would do them: into the piece with the best score, from any two pieces that it is made of. */
static bool write_merges_by_score(const foreign *f, json_writer *w, error *err) {
    const part **order = NEW_ARRAY(f->memory, f->n, const part *);
    map *normal = map_new(f->memory, f->n);
    if (order == NULL || normal == NULL) return too_large(err);
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        const part *p = &f->part[i];
        if (p->kind != PART_NORMAL || p->text == NULL) continue;
        if (p->n > LONGEST_PIECE) return fail(err, "piece %zu has %zu bytes; %d are the most", i, p->n, LONGEST_PIECE);
        if (map_put(normal, p->text, p->n, NULL) == NULL) return too_large(err);
        order[n++] = p;
    }
    qsort(order, n, sizeof *order, by_score);
    json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        const part *p = order[i];
        for (size_t cut = 1; cut < p->n; cut++) {
            if (((unsigned char)p->text[cut] & 0xc0) == 0x80) continue; /* inside a character */
            if (map_get(normal, p->text, cut) == NULL || map_get(normal, p->text + cut, p->n - cut) == NULL) continue;
            write_merge(w, &(part_merge){{p->text, p->text + cut}, {cut, p->n - cut}});
        }
    }
    json_end_array(w);
    return true;
}

static const part *unknown_part(const foreign *f) {
    if (f->unk >= 0 && (size_t)f->unk < f->n && f->part[f->unk].text != NULL) return &f->part[f->unk];
    return NULL;
}

static bool write_bpe(const foreign *f, json_writer *w, error *err) {
    const bool pieces = f->model == FOREIGN_PIECES;
    const part *unk = pieces ? unknown_part(f) : NULL;
    begin_component(w, "BPE");
    member_null(w, "dropout");
    json_key(w, "unk_token");
    if (unk != NULL) json_text_n(w, unk->text, unk->n);
    else json_null(w);
    member_null(w, "continuing_subword_prefix");
    member_null(w, "end_of_word_suffix");
    member_bool(w, "fuse_unk", pieces);
    member_bool(w, "byte_fallback", pieces && f->byte_fallback);
    member_bool(w, "ignore_merges", f->keeps_whole_words);
    if (!write_vocabulary(f, w, err)) return false;
    json_key(w, "merges");
    if (pieces && f->n_merge == 0) {
        if (!write_merges_by_score(f, w, err)) return false;
    } else {
        json_begin_array(w);
        for (size_t i = 0; i < f->n_merge; i++) write_merge(w, &f->merge[i]);
        json_end_array(w);
    }
    json_end_object(w);
    return true;
}

static bool write_unigram(const foreign *f, json_writer *w, error *err) {
    begin_component(w, "Unigram");
    json_key(w, "unk_id");
    if (f->unk >= 0) json_integer(w, f->unk);
    else json_null(w);
    json_key(w, "vocab");
    json_begin_array(w);
    for (size_t i = 0; i < f->n; i++) {
        const part *p = &f->part[i];
        if (p->text == NULL || !utf8_valid(p->text, p->n)) return fail(err, "piece %zu is not valid UTF-8", i);
        json_begin_array(w);
        json_text_n(w, p->text, p->n);
        json_number(w, (double)p->score);
        json_end_array(w);
    }
    json_end_array(w);
    member_bool(w, "byte_fallback", f->byte_fallback);
    json_end_object(w);
    return true;
}

static bool write_word_piece(const foreign *f, json_writer *w, error *err) {
    begin_component(w, "WordPiece");
    const part *unk = unknown_part(f);
    json_key(w, "unk_token");
    json_text_n(w, unk != NULL ? unk->text : "[UNK]", unk != NULL ? unk->n : 5);
    member_text(w, "continuing_subword_prefix", "##");
    json_key(w, "max_input_chars_per_word"), json_integer(w, 100);
    if (!write_vocabulary(f, w, err)) return false;
    json_end_object(w);
    return true;
}

/* --- normalizer, pre-tokenizer ---------------------------------------------------------------------------------------------------------- */
static void base64_text(string *out, const char *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const unsigned char b[3] = {(unsigned char)bytes[i], i + 1 < n ? (unsigned char)bytes[i + 1] : 0, i + 2 < n ? (unsigned char)bytes[i + 2] : 0};
        string_char(out, digits[b[0] >> 2]);
        string_char(out, digits[(b[0] & 3) << 4 | b[1] >> 4]);
        string_char(out, i + 1 < n ? digits[(b[1] & 15) << 2 | b[2] >> 6] : '=');
        string_char(out, i + 2 < n ? digits[b[2] & 63] : '=');
    }
}

/* In SentencePiece's order: its table of characters, blanks in front and in runs, the blank that it puts in front, blanks as
 * U+2581, and blanks at the end, those that were U+2581 before too. Other white space stays. */
static void write_piece_normalizer(const foreign *f, json_writer *w) {
    const char *blank = f->escape_blanks ? BLANK : " ";
    begin_sequence(w, "normalizers");
    if (f->n_charsmap > 0) {
        string text = {0};
        base64_text(&text, f->charsmap, f->n_charsmap);
        begin_component(w, "Precompiled");
        json_key(w, "precompiled_charsmap");
        json_text_n(w, string_chars(&text), text.length);
        json_end_object(w);
        string_drop(&text);
    }
    if (f->remove_extra_blanks) {
        write_replace(w, "Regex", "\\A +", "");
        write_replace(w, "Regex", " {2,}", " ");
    }
    if (f->add_blank && !f->blank_behind) {
        begin_component(w, "Prepend");
        member_text(w, "prepend", blank);
        json_end_object(w);
    }
    if (f->escape_blanks) write_replace(w, "String", " ", BLANK);
    if (f->remove_extra_blanks) write_replace(w, "Regex", f->escape_blanks ? "(?<!" BLANK ")" BLANK "+\\z" : "(?<! ) +\\z", "");
    if (f->add_blank && f->blank_behind) write_replace(w, "Regex", "(?<=[\\s\\S])\\z", blank);
    end_sequence(w);
}

static void write_normalizer(const foreign *f, json_writer *w) {
    json_key(w, "normalizer");
    switch (f->model) {
    case FOREIGN_BYTES:
        if (f->normal_form != NULL) write_plain(w, f->normal_form);
        else json_null(w);
        break;
    case FOREIGN_PIECES:
    case FOREIGN_UNIGRAM: write_piece_normalizer(f, w); break;
    case FOREIGN_WORDS:
        begin_component(w, "BertNormalizer");
        member_bool(w, "clean_text", true);
        member_bool(w, "handle_chinese_chars", true);
        if (f->strip_accents == f->lowercase) member_null(w, "strip_accents"); /* null: as lowercase */
        else member_bool(w, "strip_accents", f->strip_accents);
        member_bool(w, "lowercase", f->lowercase);
        json_end_object(w);
        break;
    }
}

static int longer_first(const void *a, const void *b) {
    const part *const *x = a, *const *y = b;
    if ((*x)->n != (*y)->n) return (*x)->n > (*y)->n ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

/* A regular expression that matches one of the user-defined pieces, the longest; empty where there is none. */
static bool user_defined_regex(const foreign *f, string *out, error *err) {
    const part **list = NEW_ARRAY(f->memory, f->n, const part *);
    if (list == NULL) return too_large(err);
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->user_defined_in_words && f->part[i].kind == PART_USER_DEFINED && f->part[i].n > 0) list[n++] = &f->part[i];
    qsort(list, n, sizeof *list, longer_first);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) string_char(out, '|');
        for (size_t at = 0; at < list[i]->n; at++) {
            const char c = list[i]->text[at];
            if (strchr("\\^$.|?*+()[]{}-#&~ ", c) != NULL && c != 0) string_char(out, '\\');
            string_char(out, c);
        }
    }
    return true;
}

/* Whether a text may be cut before each U+2581 without a change: no piece holds one behind its first character. */
static bool blanks_begin_words(const foreign *f) {
    if (!f->escape_blanks || f->blank_behind || f->model != FOREIGN_UNIGRAM) return false;
    for (size_t i = 0; i < f->n; i++) {
        const part *p = &f->part[i];
        for (size_t at = 1; at + 3 <= p->n; at++)
            if (memcmp(p->text + at, BLANK, 3) == 0) return false;
    }
    return true;
}

static bool write_piece_pre_tokenizer(const foreign *f, json_writer *w, error *err) {
    string regex = {0};
    const bool ok = user_defined_regex(f, &regex, err);
    const bool by_blank = blanks_begin_words(f), by_piece = regex.length > 0;
    if (!by_blank && !by_piece) json_null(w);
    else {
        if (by_blank && by_piece) begin_sequence(w, "pretokenizers");
        if (by_piece) {
            begin_component(w, "Split");
            json_key(w, "pattern");
            json_begin_object(w);
            json_key(w, "Regex"), json_text_n(w, string_chars(&regex), regex.length);
            json_end_object(w);
            member_text(w, "behavior", "Isolated");
            member_bool(w, "invert", false);
            json_end_object(w);
        }
        if (by_blank) {
            begin_component(w, "Metaspace");
            member_text(w, "replacement", BLANK);
            member_text(w, "prepend_scheme", "never");
            member_bool(w, "split", true);
            json_end_object(w);
        }
        if (by_blank && by_piece) end_sequence(w);
    }
    string_drop(&regex);
    return ok;
}

static bool write_pre_tokenizer(const foreign *f, json_writer *w, error *err) {
    json_key(w, "pre_tokenizer");
    if (f->model == FOREIGN_BYTES) return word_pattern_write(f->pattern, w), true;
    if (f->model == FOREIGN_WORDS) return write_plain(w, "BertPreTokenizer"), true;
    return write_piece_pre_tokenizer(f, w, err);
}

/* --- post-processor, decoder ------------------------------------------------------------------------------------------------------------ */
/* The text of an id, or NULL. */
static const char *text_of(const foreign *f, int32_t id, size_t *n) {
    if (id < 0) return NULL;
    for (size_t i = 0; i < f->n_added; i++)
        if (f->added[i].id == id) return *n = f->added[i].n, f->added[i].text;
    if ((size_t)id >= f->n || f->part[id].text == NULL) return NULL;
    return *n = f->part[id].n, f->part[id].text;
}

static void write_template_special(const foreign *f, json_writer *w, int32_t id, int type) {
    size_t n = 0;
    const char *text = text_of(f, id, &n);
    json_begin_object(w);
    json_key(w, "SpecialToken");
    json_begin_object(w);
    json_key(w, "id"), json_text_n(w, text, n);
    json_key(w, "type_id"), json_integer(w, type);
    json_end_object(w);
    json_end_object(w);
}

static void write_template_text(json_writer *w, const char *which, int type) {
    json_begin_object(w);
    json_key(w, "Sequence");
    json_begin_object(w);
    member_text(w, "id", which);
    json_key(w, "type_id"), json_integer(w, type);
    json_end_object(w);
    json_end_object(w);
}

/* TemplateProcessing: `before` text `after`, and for two texts the second one with them again (WordPiece: with `after` only). */
static void write_template(const foreign *f, json_writer *w, int32_t before, int32_t after) {
    begin_component(w, "TemplateProcessing");
    for (int pair = 0; pair < 2; pair++) {
        json_key(w, pair ? "pair" : "single");
        json_begin_array(w);
        for (int i = 0; i <= pair; i++) {
            if (before >= 0 && (i == 0 || f->model != FOREIGN_WORDS)) write_template_special(f, w, before, i);
            write_template_text(w, i == 0 ? "A" : "B", i);
            if (after >= 0) write_template_special(f, w, after, i);
        }
        json_end_array(w);
    }
    json_key(w, "special_tokens");
    json_begin_object(w);
    const int32_t ids[] = {before, after == before ? -1 : after};
    for (size_t i = 0; i < COUNT(ids); i++) {
        size_t n;
        const char *text = text_of(f, ids[i], &n);
        if (text == NULL) continue;
        json_key_n(w, text, n);
        json_begin_object(w);
        json_key(w, "id"), json_text_n(w, text, n);
        json_key(w, "ids"), json_begin_array(w), json_integer(w, ids[i]), json_end_array(w);
        json_key(w, "tokens"), json_begin_array(w), json_text_n(w, text, n), json_end_array(w);
        json_end_object(w);
    }
    json_end_object(w);
    json_end_object(w);
}

static void write_byte_level(json_writer *w) {
    begin_component(w, "ByteLevel");
    member_bool(w, "add_prefix_space", true);
    member_bool(w, "trim_offsets", false);
    member_bool(w, "use_regex", true);
    json_end_object(w);
}

static void write_post_processor(const foreign *f, json_writer *w) {
    size_t n;
    int32_t before = f->model == FOREIGN_WORDS ? f->cls : f->add_bos ? f->bos : -1;
    int32_t after = f->model == FOREIGN_WORDS || f->add_sep ? f->sep : f->add_eos ? f->eos : -1;
    if (text_of(f, before, &n) == NULL) before = -1;
    if (text_of(f, after, &n) == NULL) after = -1;
    const bool around = before >= 0 || after >= 0, bytes = f->model == FOREIGN_BYTES;
    json_key(w, "post_processor");
    if (bytes && around) begin_sequence(w, "processors");
    if (bytes) write_byte_level(w);
    if (around) write_template(f, w, before, after);
    if (bytes && around) end_sequence(w);
    if (!bytes && !around) json_null(w);
}

static void write_strip(json_writer *w, bool front) {
    begin_component(w, "Strip");
    member_text(w, "content", " ");
    json_key(w, "start"), json_integer(w, front);
    json_key(w, "stop"), json_integer(w, !front);
    json_end_object(w);
}

static void write_decoder(const foreign *f, json_writer *w) {
    json_key(w, "decoder");
    switch (f->model) {
    case FOREIGN_BYTES: write_byte_level(w); break;
    case FOREIGN_WORDS:
        begin_component(w, "WordPiece");
        member_text(w, "prefix", "##");
        member_bool(w, "cleanup", true);
        json_end_object(w);
        break;
    case FOREIGN_PIECES:
    case FOREIGN_UNIGRAM:
        begin_sequence(w, "decoders");
        write_replace(w, "String", BLANK, " ");
        if (f->byte_fallback) write_plain(w, "ByteFallback");
        if (f->byte_fallback || f->add_blank) write_plain(w, "Fuse");
        if (f->add_blank) write_strip(w, !f->blank_behind); /* of the whole text: they are fused */
        end_sequence(w);
        break;
    }
}

/* --- the files ---------------------------------------------------------------------------------------------------------------------------- */
static bool write_tokenizer(const foreign *f, string *out, error *err) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    member_text(&w, "version", "1.0");
    member_null(&w, "truncation");
    member_null(&w, "padding");
    if (!write_added(f, &w, err)) return false;
    write_normalizer(f, &w);
    if (!write_pre_tokenizer(f, &w, err)) return false;
    write_post_processor(f, &w);
    write_decoder(f, &w);
    json_key(&w, "model");
    const bool ok = f->model == FOREIGN_UNIGRAM ? write_unigram(f, &w, err) : f->model == FOREIGN_WORDS ? write_word_piece(f, &w, err) : write_bpe(f, &w, err);
    json_end_object(&w);
    return ok;
}

/* One text alone, or a list of named ones, as transformers saves them. */
static void write_templates(const foreign *f, json_writer *w) {
    json_key(w, "chat_template");
    if (f->n_template == 1) {
        json_text_n(w, f->template[0].text, f->template[0].n_text);
        return;
    }
    json_begin_array(w);
    for (size_t i = 0; i < f->n_template; i++) {
        json_begin_object(w);
        json_key(w, "name"), json_text_n(w, f->template[i].name, f->template[i].n_name);
        json_key(w, "template"), json_text_n(w, f->template[i].text, f->template[i].n_text);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_config(const foreign *f, const json *beside, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    for (size_t i = 0; beside != NULL && beside->type == JSON_OBJECT && i < beside->length; i++) {
        if (json_get(beside, beside->key[i]) != &beside->item[i]) continue; /* a key that comes again: the last one counts */
        json_key(&w, beside->key[i]);
        json_value(&w, &beside->item[i]);
    }
    for (size_t i = 0; i < FOREIGN_NAMES; i++) {
        size_t n;
        const char *text = text_of(f, foreign_named(f, i), &n);
        if (text == NULL || json_get(beside, foreign_names[i].name) != NULL) continue;
        json_key(&w, foreign_names[i].name);
        json_text_n(&w, text, n);
    }
    if (f->model != FOREIGN_WORDS && json_get(beside, "add_bos_token") == NULL) member_bool(&w, "add_bos_token", f->add_bos);
    if (f->model != FOREIGN_WORDS && json_get(beside, "add_eos_token") == NULL) member_bool(&w, "add_eos_token", f->add_eos);
    if (json_get(beside, "tokenizer_class") == NULL) member_text(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    if (f->n_template > 0 && json_get(beside, "chat_template") == NULL) write_templates(f, &w);
    json_end_object(&w);
}

bool foreign_write(const foreign *f, const json *beside, string *whole, string *config, error *err) {
    if (f->n == 0) return fail(err, "it holds no tokens");
    for (size_t i = 0; i < f->n; i++)
        if (isnan(f->part[i].score) || isinf(f->part[i].score)) return fail(err, "token %zu: its score is no finite number", i);
    if (!write_tokenizer(f, whole, err)) return false;
    write_config(f, beside, config);
    return true;
}
