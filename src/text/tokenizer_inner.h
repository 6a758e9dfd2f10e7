/* text/tokenizer_inner.h: what the files of text/ share about a loaded tokenizer. Nobody outside text/ includes it.
 * A text goes through: added tokens (added.c) -> normalizer (normalize.c) -> pre-tokenizer (pre_tokenize.c) -> the model of one
 * word (word_model.h) -> post-processor (post_process.c); encode.c is the walk through them, decode.c the way back. */
#ifndef SOCLE_TEXT_TOKENIZER_INNER_H
#define SOCLE_TEXT_TOKENIZER_INNER_H
#include "base/json.h"
#include "text/bpe.h"
#include "text/decode.h"
#include "text/normalize.h"
#include "text/pre_tokenize.h"
#include "text/split.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/vocabulary.h"
#include "text/word_model.h"
#include "text/wordpiece.h"

/* --- the stages, as data ----------------------------------------------------------------------------------------------- */
/* What goes around a text, or two, and how offsets are trimmed. */
enum { POST_TEXT_A = -1, POST_TEXT_B = -2 };
typedef struct post_processor {
    int32_t *prefix, *suffix; /* what goes around one text */
    size_t n_prefix, n_suffix;
    int32_t *pair; /* two texts: ids, and POST_TEXT_A and _B once each */
    size_t n_pair;
    struct {
        bool add_prefix_space; /* the blank that a lone one at the beginning may be was put there: it stays */
        bool counts_prefix;    /* ids of `prefix` stand before the first token when this is done */
    } trim[MOST_COMPONENTS];
    size_t n_trim;
} post_processor;

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
    int only;           /* the one first byte that there is, -1: several */
    size_t longest;     /* bytes of the longest entry */
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
    unsigned char *special;    /* by id */
    unsigned char *added_only; /* by id: not in the model's vocabulary, which a text that was not matched as a token meets */
    int32_t bos, eos, pad, unk_named;
    const char *chat_template; /* the default one */
    struct named_template {
        const char *name, *text;
    } * named_templates; /* the others */
    size_t n_named_template;
    bool templates_beside; /* they were read from .jinja files, and hold instead of the configuration's */
    digest digest;
    char kind[96];
};

/* tokenizer_json.c: fills a tokenizer from the text of tokenizer.json, by way of these. */
bool tokenizer_read_json(tokenizer *t, const char *text, size_t n, error *err);
/* The id of the model's unk_token into t->unk; `absent` is what it is called where the file does not say (NULL: nothing).
 * needed: one that the vocabulary lacks is an error now, and not when a text wants it. */
bool model_read_unk(tokenizer *t, const json *fields, const char *absent, bool needed, error *err);
bool pre_tokenizer_read(tokenizer *t, const json *v, error *err);
/* Appends all that decides ids; what the ids mean afterwards is not in it. */
void pre_tokenizer_digest(const tokenizer *t, string *out);
bool post_processor_read(tokenizer *t, const json *v, error *err);
bool decoder_read(tokenizer *t, const json *v, error *err);
bool decoder_build(tokenizer *t, error *err); /* the bytes of every id */

/* The model's own token of a text; -1: it has none. */
static inline int32_t model_token(const tokenizer *t, const char *text, size_t n) {
    const int32_t id = vocabulary_get(&t->vocabulary, text, n);
    return id >= 0 && (t->special[id] || (t->added_only != NULL && t->added_only[id])) ? -1 : id;
}

/* bpe.c: where a text without a pre-tokenizer may be cut (bpe.joins, bpe.cut_at_blank); false: nowhere. */
bool bpe_find_cuts(tokenizer *t);

/* tokenizer_config.c */
bool tokenizer_config_read(tokenizer *t, const char *text, size_t n, error *err);
/* chat_template.jinja and additional_chat_templates/NAME.jinja of a folder, where there are such. */
bool templates_read_beside(tokenizer *t, const char *folder, error *err);
void config_write(const tokenizer *t, const char *chat_template, string *out);

/* added.c: tries over the added tokens. */
bool added_build(tokenizer *t, error *err);
/* Whether text[from, at) is what an entry begins with. */
bool trie_reaches(const trie *tree, const char *text, size_t n, size_t from, size_t at);
/* The first place from `at` on where an entry may begin; n: none. */
size_t added_next(const trie *tree, const char *text, size_t n, size_t at);
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
    bool unknown; /* a character met no token, and there is no unknown token: the text cannot be encoded */
    struct word_cache *cache;
    string normalized, spare, mapped;
    unsigned char *marks;
    size_t marks_room;
    origin_list origin;
    struct rewritten *rewritten; /* pre_tokenize.c: a text for each step that writes one anew */
};

/* A text under way and where its bytes came from: `origin` from [shift] on or, where that is NULL, byte i from shift + i. */
typedef struct piece {
    const char *text;
    size_t n, shift;
    const origin_list *origin;
} piece;

/* One call of tokenizer_encode. */
typedef struct run {
    const tokenizer *t;
    tokenizer_scratch *s;
    unsigned flags;
    const unsigned char *marks; /* of the caller's text; NULL: not a marked one */
    id_list *out;
    const char *text; /* the caller's */
    size_t n;
    bool track;      /* somebody asks where bytes came from */
    bool gave_up;    /* a pattern needed more steps than it may take */
    size_t n_before; /* ids in `out` before this text's first */
} run;

/* pre_tokenize.c: a piece between added tokens into words, down to run_word. */
void pre_tokenize(run *r, const piece *from);
void pre_tokenize_drop(tokenizer_scratch *s);
/* Where in the caller's text byte i of a piece came from. */
size_t piece_begin(const piece *p, size_t i);
size_t piece_end(const piece *p, size_t i);
size_t character_begin(const char *text, size_t n, size_t at); /* the first byte of the character that has byte `at` of text[0..n) */
/* post_process.c: takes white space at the ends of a token out of its bytes [*begin, *end) of the text. */
void post_trim(const run *r, const char *written, size_t n, size_t *begin, size_t *end);
/* encode.c: the ids of the word from->text[begin, end) go out. */
void run_word(run *r, const piece *from, size_t begin, size_t end);
void id_list_reserve(id_list *list, size_t more);

#endif
