#include "text/tokenizer_train.h"

#include "base/json.h"
#include "base/parallel.h"
#include "text/merge_learn.h"
#include "text/split.h"

#include <string.h>

/* Text is collected until a batch is full, then its pieces are counted, each SHARDS-th by the same map: what is counted where
 * does not depend on threads. A document longer than a piece is cut where no word can cross. */
enum { SHARDS = 16, BATCH = 32 << 20, PIECE = 1 << 20 };

typedef struct piece {
    size_t begin, end;
} piece;

struct tokenizer_trainer {
    split_kind split;
    int64_t bytes;
    string text;  /* of this batch, documents one after another */
    size_t open;  /* where the document that has not ended yet begins in it */
    arena memory; /* of the pieces */
    piece *pieces;
    size_t n_piece, room_piece;
    word_map counted[SHARDS];
};

tokenizer_trainer *tokenizer_trainer_new(const char *pattern, error *err) {
    split_kind split = split_by_name(pattern);
    if (split == SPLIT_COUNT) split = split_by_pattern(pattern, strlen(pattern));
    if (split == SPLIT_COUNT) return fail_null(err, "pattern %.100s is not known: gpt2, llama3 and qwen2 are", pattern);
    arena memory = {0};
    tokenizer_trainer *t = NEW(&memory, tokenizer_trainer);
    t->memory = memory;
    t->split = split;
    return t;
}

void tokenizer_trainer_drop(tokenizer_trainer *t) {
    if (t == NULL) return;
    string_drop(&t->text);
    for (size_t i = 0; i < SHARDS; i++) word_map_drop(&t->counted[i]);
    arena memory = t->memory; /* which holds t itself */
    arena_drop(&memory);
}

int64_t tokenizer_trainer_bytes(const tokenizer_trainer *t) {
    return t->bytes;
}

static void piece_add(tokenizer_trainer *t, size_t begin, size_t end) {
    if (begin == end) return;
    if (t->n_piece == t->room_piece) {
        const size_t room = t->room_piece == 0 ? 256 : t->room_piece * 2;
        t->pieces = arena_grow(&t->memory, t->pieces, t->room_piece * sizeof *t->pieces, room * sizeof *t->pieces);
        t->room_piece = room;
    }
    t->pieces[t->n_piece++] = (piece){begin, end};
}

static void count_shard(void *context, long shard) {
    tokenizer_trainer *t = context;
    const char *text = string_chars(&t->text);
    for (size_t i = (size_t)shard; i < t->n_piece; i += SHARDS) {
        const piece p = t->pieces[i];
        for (size_t at = 0; at < p.end - p.begin;) {
            const size_t end = split_next(t->split, text + p.begin, p.end - p.begin, at);
            word_map_add(&t->counted[shard], text + p.begin + at, end - at, 1);
            at = end;
        }
    }
}

/* Counts the text up to `end`, which is where a document or a piece ends; the rest begins the next batch. */
static void count_batch(tokenizer_trainer *t, size_t end) {
    parallel_for(SHARDS, count_shard, t);
    t->n_piece = 0;
    const size_t left = t->text.length - end;
    if (left > 0) memmove(t->text.data, t->text.data + end, left);
    string_reset(&t->text);
    t->text.length = left;
    t->open -= end < t->open ? end : t->open;
}

/* Cuts pieces off the open document as long as it is longer than one; returns where its rest begins. */
static size_t cut_open(tokenizer_trainer *t) {
    for (size_t n; (n = t->text.length - t->open) > 2 * PIECE;) {
        const size_t cut = split_safe_cut(t->text.data + t->open, PIECE);
        if (cut == 0) break; /* a megabyte without a blank behind a letter: it stays whole */
        piece_add(t, t->open, t->open + cut);
        t->open += cut;
    }
    return t->open;
}

void tokenizer_trainer_add(tokenizer_trainer *t, const char *text, size_t n, bool ends) {
    string_append(&t->text, text, n);
    t->bytes += (int64_t)n;
    cut_open(t);
    if (ends) {
        piece_add(t, t->open, t->text.length);
        t->open = t->text.length;
    }
    if (t->text.length >= BATCH && t->n_piece > 0) count_batch(t, t->open);
}

/* --- the result as tokenizer.json --------------------------------------------------------------------------------------------- */
static void write_field_bool(json_writer *w, const char *key, bool x) {
    json_key(w, key);
    json_bool(w, x);
}

static void write_field_text(json_writer *w, const char *key, const char *x) {
    json_key(w, key);
    json_text(w, x);
}

static void write_byte_level(json_writer *w, bool use_regex) {
    json_begin_object(w);
    write_field_text(w, "type", "ByteLevel");
    write_field_bool(w, "add_prefix_space", false);
    write_field_bool(w, "trim_offsets", true);
    write_field_bool(w, "use_regex", use_regex);
    json_end_object(w);
}

static void write_pre_tokenizer(json_writer *w, split_kind split) {
    if (split == SPLIT_GPT2) {
        write_byte_level(w, true);
        return;
    }
    json_begin_object(w);
    write_field_text(w, "type", "Sequence");
    json_key(w, "pretokenizers");
    json_begin_array(w);
    json_begin_object(w);
    write_field_text(w, "type", "Split");
    json_key(w, "pattern");
    json_begin_object(w);
    write_field_text(w, "Regex", split_pattern(split));
    json_end_object(w);
    write_field_text(w, "behavior", "Isolated");
    write_field_bool(w, "invert", false);
    json_end_object(w);
    write_byte_level(w, false);
    json_end_array(w);
    json_end_object(w);
}

static void write_added(json_writer *w, const learned *l, size_t n_special) {
    json_begin_array(w);
    for (size_t id = 0; id < n_special; id++) {
        json_begin_object(w);
        json_key(w, "id");
        json_integer(w, (int64_t)id);
        json_key(w, "content");
        json_text_n(w, l->token[id].text, l->token[id].length);
        static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
        for (size_t i = 0; i < COUNT(off); i++) write_field_bool(w, off[i], false);
        write_field_bool(w, "special", true);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_model(json_writer *w, const learned *l) {
    json_begin_object(w);
    write_field_text(w, "type", "BPE");
    static const char *const none[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < COUNT(none); i++) write_field_text(w, none[i], NULL);
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
    for (size_t i = 0; i < l->n_merge; i++) { /* a merge a line */
        string_reset(&line);
        json_writer one = {.out = &line};
        json_begin_array(&one);
        json_text_n(&one, l->token[l->merge[i].left].text, l->token[l->merge[i].left].length);
        json_text_n(&one, l->token[l->merge[i].right].text, l->token[l->merge[i].right].length);
        json_end_array(&one);
        json_raw(w, string_chars(&line), line.length);
    }
    string_drop(&line);
    json_end_array(w);
    json_end_object(w);
}

static void write_tokenizer(const learned *l, split_kind split, size_t n_special, string *out) {
    json_writer w = {.out = out, .indent = 2};
    json_begin_object(&w);
    write_field_text(&w, "version", "1.0");
    write_field_text(&w, "truncation", NULL);
    write_field_text(&w, "padding", NULL);
    json_key(&w, "added_tokens");
    write_added(&w, l, n_special);
    write_field_text(&w, "normalizer", NULL);
    json_key(&w, "pre_tokenizer");
    write_pre_tokenizer(&w, split);
    write_field_text(&w, "post_processor", NULL);
    json_key(&w, "decoder");
    write_byte_level(&w, true);
    json_key(&w, "model");
    write_model(&w, l);
    json_end_object(&w);
    string_char(out, '\n');
}

static void write_config(const char *eos, string *out) {
    json_writer w = {.out = out, .indent = 2};
    json_begin_object(&w);
    write_field_text(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    if (eos != NULL) write_field_text(&w, "eos_token", eos);
    write_field_bool(&w, "clean_up_tokenization_spaces", false);
    json_end_object(&w);
    string_char(out, '\n');
}

bool tokenizer_training_check(const tokenizer_training *o, error *err) {
    bool eos_is_special = o->eos == NULL;
    for (size_t i = 0; i < o->n_special; i++) {
        if (o->special[i][0] == 0) return fail(err, "a special token is empty");
        if (!utf8_valid(o->special[i], strlen(o->special[i]))) return fail(err, "special token %.60s is not valid UTF-8", o->special[i]);
        eos_is_special = eos_is_special || strcmp(o->special[i], o->eos) == 0;
        for (size_t j = 0; j < i; j++)
            if (strcmp(o->special[i], o->special[j]) == 0) return fail(err, "special token %.60s is there twice", o->special[i]);
    }
    if (!eos_is_special) return fail(err, "the end-of-text token %.60s is not one of the special tokens", o->eos);
    const long least = 256 + (long)o->n_special, most = 1 << 22;
    if (o->vocab_size >= least && o->vocab_size <= most) return true;
    return fail(err, "a vocabulary of %ld: 256 bytes and %zu special tokens make %ld at least, and %ld is the most", o->vocab_size, o->n_special, least, most);
}

tokenizer *tokenizer_trainer_finish(tokenizer_trainer *t, const tokenizer_training *o, arena *owner, const volatile int *stop, error *err) {
    if (!tokenizer_training_check(o, err)) return NULL;
    tokenizer_trainer_add(t, "", 0, true);
    count_batch(t, t->text.length);
    for (size_t s = 1; s < SHARDS; s++) { /* in the order of shards, so that words have one order */
        for (size_t i = 0; i < t->counted[s].n; i++) {
            const word_entry *e = &t->counted[s].entry[i];
            word_map_add(&t->counted[0], e->text, e->n, e->count);
        }
        word_map_drop(&t->counted[s]);
    }
    arena memory = {0};
    learned l;
    tokenizer *made = NULL;
    if (merges_learn(&memory, &t->counted[0], o->vocab_size, o->special, o->n_special, stop, &l, err)) {
        string text = {0}, config = {0};
        write_tokenizer(&l, t->split, o->n_special, &text);
        write_config(o->eos, &config);
        made = tokenizer_parse(owner, string_chars(&text), text.length, string_chars(&config), config.length, err);
        string_drop(&text);
        string_drop(&config);
    }
    arena_drop(&memory);
    return made;
}
