/* text/foreign.h: vocabularies of other formats. A reader (from_NAME.c) fills a `foreign`; foreign_write makes of it the
 * tokenizer.json and the tokenizer_config.json that Hugging Face's converters would make, and both go through the one
 * tokenizer_parse. So what is read can be saved, and the file says how it is cut. Nobody outside text/ includes this. */
#ifndef SOCLE_TEXT_FOREIGN_H
#define SOCLE_TEXT_FOREIGN_H
#include "base/json.h"
#include "tensor/gguf.h"

/* --- gguf_patterns.c: how families cut text into words ------------------------------------------------------------------- */
typedef struct word_pattern word_pattern;
/* By a name of llama.cpp's (tokenizer.ggml.pre) or of split.h; NULL: not known. */
const word_pattern *word_pattern_find(const char *name, size_t n);
/* The value of --pattern: a name, else a regular expression (copied into `owner`). err lists the names where it looks like one
 * and is none. */
const word_pattern *word_pattern_from_option(arena *owner, const char *text, error *err);
/* The value of tokenizer.json's pre_tokenizer; its last step always writes bytes as characters. */
void word_pattern_write(const word_pattern *p, json_writer *w);
bool word_pattern_keeps_whole_words(const word_pattern *p);  /* ignore_merges: a word that is a token is that token */
bool word_pattern_adds_begin(const word_pattern *p);         /* where a file does not say whether BOS goes before a text */
const char *word_pattern_normal_form(const word_pattern *p); /* "NFC", or NULL */

/* --- what a reader fills in ------------------------------------------------------------------------------------------------- */
/* SentencePiece's numbers (sentencepiece_model.proto, ModelProto.SentencePiece.Type); GGUF has the same. */
typedef enum { PART_NORMAL = 1, PART_UNKNOWN, PART_CONTROL, PART_USER_DEFINED, PART_UNUSED, PART_BYTE } part_kind;

typedef struct part {
    const char *text; /* NULL: nobody has this id */
    size_t n;
    part_kind kind;
    float score;
} part;

typedef struct part_merge {
    const char *side[2];
    size_t n[2];
} part_merge;

typedef struct part_added { /* beyond what the kinds say: from a tokenizer_config.json or added_tokens.json beside the file */
    int32_t id;
    const char *text;
    size_t n;
    bool special, normalized, lstrip, rstrip, single_word;
} part_added;

typedef struct foreign_template {
    const char *name, *text; /* name "default": the one without a name */
    size_t n_name, n_text;
} foreign_template;

typedef enum { FOREIGN_BYTES, FOREIGN_PIECES, FOREIGN_UNIGRAM, FOREIGN_WORDS } foreign_model;

/* Texts point into the file's bytes or into `memory`, and live until foreign_write has run. */
typedef struct foreign {
    arena *memory;
    foreign_model model; /* byte-level BPE; BPE over characters with scores or merges; Unigram; WordPiece */
    part *part;
    size_t n;
    part_merge *merge; /* FOREIGN_BYTES, FOREIGN_PIECES; none there: made from the scores */
    size_t n_merge;
    const word_pattern *pattern; /* FOREIGN_BYTES */
    const char *normal_form;     /* the same: "NFC", or NULL */
    bool keeps_whole_words;
    bool byte_fallback, add_blank, remove_extra_blanks, escape_blanks, blank_behind; /* FOREIGN_PIECES, FOREIGN_UNIGRAM */
    bool user_defined_in_words; /* user-defined pieces are found after normalization, as SentencePiece does; else in the raw text */
    const char *charsmap;       /* SentencePiece's precompiled normalization */
    size_t n_charsmap;
    bool lowercase, strip_accents;              /* FOREIGN_WORDS */
    int32_t bos, eos, unk, pad, cls, sep, mask; /* ids, -1: none */
    bool add_bos, add_eos, add_sep;
    part_added *added;
    size_t n_added;
    foreign_template *template;
    size_t n_template;
} foreign;
/* The tokens with a part to play, as tokenizer_config.json names them, and where their ids are in a foreign. */
enum { FOREIGN_NAMES = 7 };
typedef struct foreign_name {
    const char *name;
    size_t place;
} foreign_name;
extern const foreign_name foreign_names[FOREIGN_NAMES];
int32_t foreign_named(const foreign *f, size_t i); /* the id of foreign_names[i], -1: none */

void foreign_start(foreign *f, arena *memory, foreign_model model);
/* One id more, at f->n. false where the memory's limit is met, or there are too many. */
bool foreign_put(foreign *f, size_t *room, const char *text, size_t n, part_kind kind, float score, error *err);
bool foreign_put_merge(foreign *f, size_t *room, part_merge m, error *err);
/* Tokens that a tokenizer_config.json (added_tokens_decoder) and an added_tokens.json name; either may be NULL. */
bool foreign_put_added(foreign *f, const json *config, const json *added, error *err);
/* What a tokenizer_config.json says about bos, eos, ... and whether they are added; NULL is fine. */
void foreign_take_config(foreign *f, const json *config);
/* Tokens that a tokenizer_config.json or special_tokens_map.json lists as special beyond those with a part to play: a user's text
 * must not become one of them. NULL is fine. */
bool foreign_mark_special(foreign *f, const json *config, error *err);

/* Appends the two files. `beside`: the tokenizer_config.json that lies beside the file, whose members win; may be NULL. */
bool foreign_write(const foreign *f, const json *beside, string *whole, string *config, error *err);

/* --- foreign_known.c: vocabularies known by their digest ---------------------------------------------------------------------- */
/* Where the vocabulary is a known one: its pattern, unless one is set, and the special tokens that ranks leave out, unless there
 * are added ones. Fails only where the memory's limit is met. */
bool foreign_recognize(foreign *f, error *err);

/* --- readers: told by content, then read ---------------------------------------------------------------------------------------- */
bool is_sentencepiece(const char *bytes, size_t n);
bool is_tiktoken(const char *bytes, size_t n);
bool is_llama2c(const char *bytes, size_t n);
bool is_wordpiece(const char *bytes, size_t n);
/* The bytes must outlive the foreign. err names no file. */
bool from_sentencepiece(foreign *f, const char *bytes, size_t n, error *err);
bool from_tiktoken(foreign *f, const char *bytes, size_t n, error *err);
bool from_gpt2(foreign *f, const json *vocab, const char *merges, size_t n_merges, error *err); /* encoder.json + vocab.bpe */
bool from_wordpiece(foreign *f, const char *bytes, size_t n, const json *config, error *err);
bool from_llama2c(foreign *f, const char *bytes, size_t n, error *err);
bool from_gguf(foreign *f, const gguf *file, const word_pattern *pattern, error *err); /* pattern: of --pattern, or NULL */

#endif
