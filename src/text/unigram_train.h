/* text/unigram_train.h: learns the pieces of a Unigram model from distinct words and their counts (Kudo 2018, arXiv:1804.10959,
 * in the way of SentencePiece and `tokenizers`): frequent substrings are the first pieces, expectation-maximization gives them
 * probabilities, and those that the text would miss least are taken away, a quarter at a time, until few enough are left. Sums
 * go over fixed parts of the words and are added in order, so threads cannot show. Inner to text/. */
#ifndef SOCLE_TEXT_UNIGRAM_TRAIN_H
#define SOCLE_TEXT_UNIGRAM_TRAIN_H
#include "base/error.h"
#include "text/word_count.h"
#include <stdbool.h>

typedef struct unigram_piece {
    const char *text;
    uint32_t length, characters; /* in bytes and in characters */
    double score;                /* natural logarithm of its probability */
} unigram_piece;

typedef struct unigram_pieces {
    unigram_piece *piece;
    size_t n;
} unigram_pieces;

typedef struct unigram_learning {
    size_t n_piece;           /* how many pieces to end with, single characters included */
    size_t seed_size;         /* how many to begin with */
    double shrinking;         /* which share of the pieces stays in a round, in (0, 1) */
    int sub_iterations;       /* of expectation-maximization in a round */
    uint32_t most_length;     /* characters of a piece, LONGEST_PIECE at most */
    double coverage;          /* share of the text's characters that have pieces, (0, 1]: the rarest beyond it get none */
    const char *alphabet;     /* characters that have a piece whatever the text; NULL: none */
    const volatile int *stop; /* may be NULL: where it becomes non-zero, learning fails with "stopped" */
} unigram_learning;

enum { LONGEST_PIECE = 64 };

/* Words are valid UTF-8, none is empty; the maps hold nothing afterwards. The pieces come by falling score, in `owner`; fewer
 * than asked for where the text has no more. err: where single characters alone are more than n_piece. */
bool unigram_learn(arena *owner, word_map *words, size_t n_map, const unigram_learning *o, unigram_pieces *out, error *err);

/* --- what the files of the trainer share ----------------------------------------------------------------------------------- */
/* Distinct words, one after another, each with WORD_END behind it, and a few more of these at the end. */
enum { WORD_END = 0xff, WORD_PADDING = 16 };
typedef struct unigram_words {
    arena memory;
    unsigned char *text;
    uint32_t *begin; /* [n + 1]; a word ends at begin[i + 1] - 1 */
    int64_t *count;
    size_t n, bytes; /* bytes: without the padding */
} unigram_words;

/* unigram_seed.c: the single characters of the words, and the substrings that stand in them most, by bytes; `score` is the
 * logarithm of the share that each has. */
bool unigram_seed(arena *owner, const unigram_words *words, const unigram_learning *o, unigram_pieces *out, error *err);

/* unigram_trie.c: a double array (Aoe 1989) over the bytes of pieces. The child of `node` by byte b is cell[node].base ^ b, if
 * that cell's parent is `node`. */
typedef struct trie_cell {
    int32_t base, parent; /* parent -1: nobody's cell */
    int32_t piece;        /* index of the piece that ends here, or -1 */
} trie_cell;
typedef struct piece_trie {
    arena memory;
    trie_cell *cell; /* cell[0] is the root */
    size_t n, room;
    int32_t free; /* first of the ring of free cells that may still be taken, -1: none */
} piece_trie;
void piece_trie_build(piece_trie *t, const unigram_piece *piece, size_t n); /* pieces by bytes, each once; starts as {0} */
void piece_trie_drop(piece_trie *t);
static inline int32_t piece_trie_step(const piece_trie *t, int32_t node, unsigned char b) { /* -1: no piece goes on so */
    const int32_t next = t->cell[node].base ^ b;
    return t->cell[next].parent == node ? next : -1;
}

/* Bytes of the character that begins with b, in valid UTF-8. */
static inline uint32_t character_bytes(unsigned char b) {
    return b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

#endif
