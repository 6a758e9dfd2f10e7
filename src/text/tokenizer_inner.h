/* text/tokenizer_inner.h: what the files of text/ share about a loaded tokenizer. Nobody outside text/ includes it.
 * A text goes through: added tokens (added.c) -> normalizer (normalize.c) -> pre-tokenizer (pre_tokenize.c) -> the model of one
 * word (word_model.h) -> post-processor (post_process.c); encode.c is the walk through them, decode.c the way back. */
#ifndef SOCLE_TEXT_TOKENIZER_INNER_H
#define SOCLE_TEXT_TOKENIZER_INNER_H
#include "base/json.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/split.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/vocabulary.h"
#include "text/word_model.h"
#include "text/wordpiece.h"

/* --- the stages, as data ----------------------------------------------------------------------------------------------- */
typedef struct pre_tokenizer {
    split_kind split[MOST_STEPS];
    size_t n_split;
    bool byte_level;       /* the last step writes bytes as characters: models do that as they read a word */
    bool add_prefix_space; /* before the last split: a piece that does not begin with a blank gets one */
} pre_tokenizer;

typedef struct post_processor { /* what goes around a text */
    int32_t *prefix, *suffix;
    size_t n_prefix, n_suffix;
} post_processor;

typedef struct decoder {
    bool byte_level, byte_fallback;
    bool join_blank; /* no decoder: tokens are joined by a blank, as `tokenizers` does */
    replacement replace[MOST_STEPS];
    size_t n_replace;
    const char *strip; /* a character that the text loses once at its beginning; NULL: none */
    size_t n_strip;
} decoder;

typedef struct added_token {
    const char *content;
    size_t length;
    const char *pattern; /* what it matches: its content, normalized where it says so */
    size_t n_pattern;
    int32_t id;
    bool special, normalized, lstrip, rstrip, single_word;
    bool blank; /* white space alone */
} added_token;

/* A trie over bytes; the children of a node are a list of siblings. Node 0 is nobody. */
typedef struct trie_node {
    uint32_t child, sibling;
    int32_t added; /* index into tokenizer.added, or -1 */
    unsigned char byte;
} trie_node;
typedef struct trie {
    trie_node *node;
    size_t n, room;
    uint32_t root[256]; /* the node of a first byte, 0: none */
} trie;

struct tokenizer {
    arena *owner;
    const char *source; /* tokenizer.json as it was read */
    size_t n_source;
    const json *config; /* tokenizer_config.json, NULL where there is none */
    vocabulary vocabulary;
    const word_model *model; /* which of the next three holds */
    bpe bpe;
    unigram unigram;
    wordpiece wordpiece;
    int32_t unk; /* -1: none: characters that the vocabulary lacks vanish */
    normalizer normalizer;
    pre_tokenizer pre_tokenizer;
    added_token *added;
    size_t n_added;
    trie raw, normalized; /* over the text as it is; over the normalized text */
    post_processor post;
    decoder decoder;
    token *decoded;         /* bytes of each id */
    unsigned char *special; /* by id */
    int32_t bos, eos, pad, unk_named;
    const char *chat_template;
    digest digest;
    char kind[96];
};

/* tokenizer_json.c: fills a tokenizer from the tree of tokenizer.json, by way of these. */
bool tokenizer_read_json(tokenizer *t, const json *root, error *err);
bool pre_tokenizer_read(tokenizer *t, const json *v, error *err);
bool post_processor_read(tokenizer *t, const json *v, error *err);
bool decoder_read(tokenizer *t, const json *v, error *err);
bool decoder_build(tokenizer *t, error *err); /* the bytes of every id */

bool bpe_may_cut_at_blank(const tokenizer *t);

/* tokenizer_config.c */
bool tokenizer_config_read(tokenizer *t, const char *text, size_t n, error *err);
void config_write(const tokenizer *t, const char *chat_template, string *out);

/* added.c: tries over the added tokens. */
bool added_build(tokenizer *t, error *err);
/* The longest entry that text[at..] begins with: an index into t->added, *end behind it; -1: none. marks NULL: any; else one
 * that is not blank needs TOKENIZER_MARKUP on all its bytes, and so does a special one. */
int32_t added_at(const tokenizer *t, const trie *tree, const char *text, size_t n, size_t at, const unsigned char *marks, size_t *end);

/* --- encoding ---------------------------------------------------------------------------------------------------------- */
struct tokenizer_scratch {
    const tokenizer *tokenizer;
    arena memory;
    /* one word: the ids of its parts, and how many bytes of it each stands for */
    int32_t *id;
    uint32_t *length;
    size_t room;
    struct bpe_room *bpe; /* what a model needs besides; made when first asked for */
    struct unigram_room *unigram;
    struct word_cache *cache;
    string normalized, spare, prefixed;
    unsigned char *marks;
    size_t marks_room;
    origin_list origin;
};

/* A text under way and where its bytes came from: `origin` or, where that is NULL, byte i from shift + i. A `prefixed` text has
 * one byte before those. */
typedef struct piece {
    const char *text;
    size_t n, shift;
    const origin_list *origin;
    size_t prefixed;
} piece;

/* One call of tokenizer_encode. */
typedef struct run {
    const tokenizer *t;
    tokenizer_scratch *s;
    unsigned flags;
    const unsigned char *marks; /* of the caller's text; NULL: not a marked one */
    id_list *out;
} run;

/* pre_tokenize.c: step `step` and those behind it over one piece, down to run_word. */
void pre_tokenize_step(run *r, size_t step, const piece *from);
/* encode.c: the ids of the word from->text[begin, end) go out. */
void run_word(run *r, const piece *from, size_t begin, size_t end);
void id_list_reserve(id_list *list, size_t more);

#endif
