/* text/tokenizer_inner.h: what the files of text/ share about a loaded tokenizer. Nobody outside text/ includes it. */
#ifndef SOCLE_TEXT_TOKENIZER_INNER_H
#define SOCLE_TEXT_TOKENIZER_INNER_H
#include "base/json.h"
#include "text/split.h"
#include "text/tokenizer.h"

/* --- vocabulary.c: ids, tokens, merges ------------------------------------------------------------------------------ */
typedef struct token {
    const char *text; /* NULL: nobody has this id */
    uint32_t length;
} token;

/* Ids from here on are refused: an id is an index, and outside bytes must not size memory. */
enum { MOST_IDS = 1 << 24 };

typedef struct vocabulary {
    token *token;  /* by id */
    size_t n;      /* ids that there is room for */
    int32_t *slot; /* open addressing: an id or -1 */
    size_t mask;
} vocabulary;
bool vocabulary_start(vocabulary *v, arena *owner, size_t n_id, size_t n_token);
bool vocabulary_put(vocabulary *v, int32_t id, const char *text, size_t n); /* false: the id or the text is there already */
int32_t vocabulary_get(const vocabulary *v, const char *text, size_t n);    /* -1: absent */

/* Which two neighbours become which token, and when. */
typedef struct merge {
    int32_t left, right; /* left -1: an empty slot */
    int32_t rank, result;
} merge;
typedef struct merge_table {
    merge *slot;
    size_t mask, n;
} merge_table;
bool merge_table_start(merge_table *m, arena *owner, size_t n);
void merge_table_put(merge_table *m, int32_t left, int32_t right, int32_t rank, int32_t result); /* the last one wins */
static inline size_t merge_slot(int32_t left, int32_t right) {
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    const uint64_t mixed = (key ^ key >> 29) * 0x9e3779b97f4a7c15ull;
    return (size_t)(mixed ^ mixed >> 32);
}
static inline const merge *merge_find(const merge_table *m, int32_t left, int32_t right) {
    for (size_t i = merge_slot(left, right) & m->mask;; i = (i + 1) & m->mask) {
        if (m->slot[i].left == left && m->slot[i].right == right) return &m->slot[i];
        if (m->slot[i].left < 0) return NULL;
    }
}

/* GPT-2's characters for bytes. */
uint32_t byte_to_char(unsigned char b);
int char_to_byte(uint32_t c); /* -1: stands for none */

/* --- the steps of a tokenizer, as data --------------------------------------------------------------------------------- */
enum { MOST_STEPS = 8 };

typedef struct replacement { /* pattern empty: content goes before the whole text, unless that is empty (Prepend) */
    const char *pattern, *content;
    size_t n_pattern, n_content;
} replacement;

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

typedef struct decoder {
    bool byte_level, byte_fallback;
    bool join_blank; /* no decoder: tokens are joined by a blank, as `tokenizers` does */
    replacement replace[MOST_STEPS];
    size_t n_replace;
    const char *strip; /* a character that the text loses once at its beginning; NULL: none */
    size_t n_strip;
} decoder;

struct tokenizer {
    arena *owner;
    const char *source; /* tokenizer.json as it was read */
    size_t n_source;
    const json *config; /* tokenizer_config.json, NULL where there is none */
    vocabulary vocabulary;
    merge_table merges;
    bool fuse_unk, ignore_merges, byte_fallback;
    int32_t unk;               /* -1: none: characters that the vocabulary lacks vanish */
    int32_t byte_token[256];   /* <0xHH>, -1: absent */
    int32_t ascii_token[128];  /* the token that is this one character, -1: absent */
    int32_t mapped_token[256]; /* the token of the character that stands for a byte, -1: absent */
    bool byte_level;           /* the pre-tokenizer writes bytes as characters */
    bool byte_level_whole;     /* ... and every byte has a token */
    bool cut_at_blank;         /* no pre-tokenizer, and no merge crosses from another character into U+2581 */
    replacement normalize[MOST_STEPS];
    size_t n_normalize;
    split_kind split[MOST_STEPS];
    size_t n_split;
    bool add_prefix_space; /* before the last split: a piece that does not begin with a blank gets one */
    added_token *added;
    size_t n_added;
    trie raw, normalized;     /* over the text as it is; over the normalized text */
    int32_t *prefix, *suffix; /* what the post-processor puts around a text */
    size_t n_prefix, n_suffix;
    decoder decoder;
    token *decoded;         /* bytes of each id */
    unsigned char *special; /* by id */
    int32_t bos, eos, pad, unk_named;
    const char *chat_template;
    digest digest;
    char kind[96];
};

/* tokenizer_json.c: fills a tokenizer from the tree of tokenizer.json; component.c reads its parts. */
bool tokenizer_read_json(tokenizer *t, const json *root, error *err);
bool component_read_normalizer(tokenizer *t, const json *v, error *err);
bool component_read_pre_tokenizer(tokenizer *t, const json *v, error *err);
bool component_read_post_processor(tokenizer *t, const json *v, error *err);
bool component_read_decoder(tokenizer *t, const json *v, error *err);

/* tokenizer_config.c */
bool tokenizer_config_read(tokenizer *t, const char *text, size_t n, error *err);
void config_write(const tokenizer *t, const char *chat_template, string *out);

/* added.c: tries over the added tokens. */
bool added_build(tokenizer *t, error *err);
/* The longest entry that text[at..] begins with: an index into t->added, *end behind it; -1: none. marks NULL: any; else one
 * that is not blank needs TOKENIZER_MARKUP on all its bytes, and so does a special one. */
int32_t added_at(const tokenizer *t, const trie *tree, const char *text, size_t n, size_t at, const unsigned char *marks, size_t *end);

/* normalize.c: for each byte of a text that was made from another, the bytes [begin, end) that it came from. */
typedef struct origin_list {
    size_t *begin, *end; /* NULL where nobody asked */
    size_t n, room;
} origin_list;
/* Appends the normalized text[0..n) to `out` (emptied first; `spare` is room for steps between). `origin` may be NULL; its
 * memory is in `owner`; positions count from `shift`. */
void normalize_text(const tokenizer *t, const char *text, size_t n, string *out, string *spare, arena *owner, origin_list *origin, size_t shift);

/* Where `pattern` (not empty) stands in text[0..n), or NULL. */
const char *text_find(const char *text, size_t n, const char *pattern, size_t n_pattern);

/* decode.c: the bytes of every id. */
bool decoder_build(tokenizer *t, error *err);

/* bpe.c */
struct tokenizer_scratch {
    const tokenizer *tokenizer;
    arena memory;
    /* one word: the ids of its parts, and how many bytes of it each stands for */
    int32_t *id;
    uint32_t *length;
    uint32_t *before, *behind; /* neighbours, for long words */
    uint64_t *heap;
    size_t room, heap_room;
    struct short_word *short_words; /* caches of whole words */
    struct long_word *long_words;
    string normalized, spare, prefixed;
    unsigned char *marks;
    size_t marks_room;
    origin_list origin;
};
/* Appends the ids of one word, by way of the cache. */
void bpe_encode(tokenizer_scratch *s, const char *word, size_t n, id_list *out);
/* The same without the cache, left in s->id and s->length; returns how many. */
size_t bpe_word(tokenizer_scratch *s, const char *word, size_t n);
bool bpe_scratch_start(tokenizer_scratch *s);

void id_list_reserve(id_list *list, size_t more);

#endif
