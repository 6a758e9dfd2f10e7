#include "base/json.h"
#include "text/tokenizer_train_inner.h"

#include <string.h>

static const char blank[] = "\xe2\x96\x81"; /* U+2581, which stands for a blank */

static void write_field_bool(json_writer *w, const char *key, bool x) {
    json_key(w, key);
    json_bool(w, x);
}

static void write_field_text(json_writer *w, const char *key, const char *x) {
    json_key(w, key);
    json_text(w, x);
}

static void write_null(json_writer *w, const char *key) {
    json_key(w, key);
    json_null(w);
}

/* {"type": type, and what is written until the object's end. */
static void write_begin(json_writer *w, const char *type) {
    json_begin_object(w);
    write_field_text(w, "type", type);
}

/* "key": {"type": "Sequence", list: [ */
static void write_sequence(json_writer *w, const char *list) {
    write_begin(w, "Sequence");
    json_key(w, list);
    json_begin_array(w);
}

static void write_sequence_end(json_writer *w) {
    json_end_array(w);
    json_end_object(w);
}

static void write_metaspace(json_writer *w) {
    write_begin(w, "Metaspace");
    write_field_text(w, "replacement", blank);
    write_field_text(w, "prepend_scheme", "always");
    write_field_bool(w, "split", true);
    json_end_object(w);
}

/* Steps of a normalizer; the last one makes runs of blanks one. */
static const struct {
    const char *name;
    const char *steps[3];
    bool single_blanks;
} normalizers[] = {
    {"nmt-nfkc", {"Nmt", "NFKC"}, true},
    {"nfkc", {"NFKC"}, false},
    {"none", {NULL}, false},
};

bool training_write_normalizer(const char *name, string *out) {
    json_writer w = {.out = out};
    for (size_t i = 0; i < COUNT(normalizers); i++) {
        if (name != NULL && strcmp(normalizers[i].name, name) != 0) continue;
        if (normalizers[i].steps[0] == NULL) {
            json_null(&w);
            return true;
        }
        write_sequence(&w, "normalizers");
        for (const char *const *step = normalizers[i].steps; *step != NULL; step++) {
            write_begin(&w, *step);
            json_end_object(&w);
        }
        if (normalizers[i].single_blanks) {
            write_begin(&w, "Replace");
            json_key(&w, "pattern");
            json_begin_object(&w);
            write_field_text(&w, "Regex", " {2,}");
            json_end_object(&w);
            write_field_text(&w, "content", " ");
            json_end_object(&w);
        }
        write_sequence_end(&w);
        return true;
    }
    return false;
}

static void write_added(json_writer *w, const tokenizer_training *o) {
    json_key(w, "added_tokens");
    json_begin_array(w);
    for (size_t id = 0; id < o->n_special; id++) {
        json_begin_object(w);
        json_key(w, "id");
        json_integer(w, (int64_t)id);
        write_field_text(w, "content", o->special[id]);
        static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
        for (size_t i = 0; i < COUNT(off); i++) write_field_bool(w, off[i], false);
        write_field_bool(w, "special", true);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_head(json_writer *w, const tokenizer_training *o) {
    json_begin_object(w);
    write_field_text(w, "version", "1.0");
    write_null(w, "truncation");
    write_null(w, "padding");
    write_added(w, o);
}

/* An array's member on a line of its own: these lists are long. */
static void write_line(json_writer *w, string *line) {
    json_raw(w, string_chars(line), line->length);
    string_reset(line);
}

/* --- BPE ------------------------------------------------------------------------------------------------------------------------ */
static void write_merges(json_writer *w, const learned *l) {
    json_begin_object(w);
    write_field_text(w, "type", "BPE");
    static const char *const none[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < COUNT(none); i++) write_null(w, none[i]);
    static const char *const off[] = {"fuse_unk", "byte_fallback", "ignore_merges"};
    for (size_t i = 0; i < COUNT(off); i++) write_field_bool(w, off[i], false);
    json_key(w, "vocab");
    json_begin_object(w);
    for (size_t id = 0; id < l->n_token; id++) {
        json_key(w, l->token[id].text);
        json_integer(w, (int64_t)id);
    }
    json_end_object(w);
    json_key(w, "merges");
    json_begin_array(w);
    string line = {0};
    for (size_t i = 0; i < l->n_merge; i++) {
        const learned_token left = l->token[l->merge[i].left], right = l->token[l->merge[i].right];
        json_writer one = {.out = &line};
        json_begin_array(&one);
        json_text_n(&one, left.text, left.length);
        json_text_n(&one, right.text, right.length);
        json_end_array(&one);
        write_line(w, &line);
    }
    string_drop(&line);
    json_end_array(w);
    json_end_object(w);
}

void training_write_bpe(const tokenizer_training *o, const char *pre_tokenizer, const learned *l, string *out) {
    json_writer w = {.out = out, .indent = 2};
    write_head(&w, o);
    write_null(&w, "normalizer");
    json_key(&w, "pre_tokenizer");
    json_raw(&w, pre_tokenizer, strlen(pre_tokenizer));
    write_null(&w, "post_processor");
    json_key(&w, "decoder");
    write_begin(&w, "ByteLevel");
    static const char *const on[] = {"add_prefix_space", "trim_offsets", "use_regex"};
    for (size_t i = 0; i < COUNT(on); i++) write_field_bool(&w, on[i], true);
    json_end_object(&w);
    json_key(&w, "model");
    write_merges(&w, l);
    json_end_object(&w);
    string_char(out, '\n');
}

/* --- Unigram -------------------------------------------------------------------------------------------------------------------- */
static void write_piece(json_writer *w, string *line, const char *text, size_t n, double score) {
    json_writer one = {.out = line};
    json_begin_array(&one);
    json_text_n(&one, text, n);
    json_number(&one, score);
    json_end_array(&one);
    write_line(w, line);
}

/* A text that reads like the name of a byte, <0x41>, is found among the tokens too: these must cost more than its characters. */
enum { BYTE_SCORE = -1000 };

static bool is_taken(const tokenizer_training *o, const unigram_piece *x) { /* by a special token or a byte */
    for (size_t i = 0; i < o->n_special; i++)
        if (strlen(o->special[i]) == x->length && memcmp(o->special[i], x->text, x->length) == 0) return true;
    return o->byte_fallback && x->length == 6 && memcmp(x->text, "<0x", 3) == 0 && x->text[5] == '>';
}

static void write_pieces(json_writer *w, const tokenizer_training *o, const unigram_pieces *p) {
    int64_t unk = 0;
    while (strcmp(o->special[unk], o->unk) != 0) unk++;
    json_begin_object(w);
    write_field_text(w, "type", "Unigram");
    json_key(w, "unk_id");
    json_integer(w, unk);
    json_key(w, "vocab");
    json_begin_array(w);
    string line = {0};
    for (size_t i = 0; i < o->n_special; i++) write_piece(w, &line, o->special[i], strlen(o->special[i]), 0);
    for (int b = 0; o->byte_fallback && b < 256; b++) {
        string name = {0};
        string_print(&name, "<0x%02X>", b);
        write_piece(w, &line, name.data, name.length, BYTE_SCORE);
        string_drop(&name);
    }
    for (size_t i = 0; i < p->n; i++)
        if (!is_taken(o, &p->piece[i])) write_piece(w, &line, p->piece[i].text, p->piece[i].length, p->piece[i].score);
    string_drop(&line);
    json_end_array(w);
    write_field_bool(w, "byte_fallback", o->byte_fallback);
    json_end_object(w);
}

void training_write_unigram(const tokenizer_training *o, const unigram_pieces *p, string *out) {
    json_writer w = {.out = out, .indent = 2};
    string normalizer = {0};
    training_write_normalizer(o->normalizer, &normalizer);
    write_head(&w, o);
    json_key(&w, "normalizer");
    json_raw(&w, string_chars(&normalizer), normalizer.length);
    string_drop(&normalizer);
    json_key(&w, "pre_tokenizer");
    write_metaspace(&w);
    write_null(&w, "post_processor");
    json_key(&w, "decoder");
    if (o->byte_fallback) {
        write_sequence(&w, "decoders");
        write_begin(&w, "ByteFallback");
        json_end_object(&w);
        write_metaspace(&w);
        write_sequence_end(&w);
    } else write_metaspace(&w);
    json_key(&w, "model");
    write_pieces(&w, o, p);
    json_end_object(&w);
    string_char(out, '\n');
}

void training_write_config(const tokenizer_training *o, string *out) {
    json_writer w = {.out = out, .indent = 2};
    json_begin_object(&w);
    write_field_text(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    if (o->eos != NULL) write_field_text(&w, "eos_token", o->eos);
    if (o->model == TRAIN_UNIGRAM) write_field_text(&w, "unk_token", o->unk);
    write_field_bool(&w, "clean_up_tokenization_spaces", false);
    json_end_object(&w);
    string_char(out, '\n');
}
