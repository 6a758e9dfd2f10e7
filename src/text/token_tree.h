/* text/token_tree.h: the tokens of a vocabulary as a tree over their bytes, for "which tokens does this text begin with".
 * Inner to text/. */
#ifndef SOCLE_TEXT_TOKEN_TREE_H
#define SOCLE_TEXT_TOKEN_TREE_H
#include "text/vocabulary.h"

typedef struct token_node {
    uint32_t first; /* its children are nodes first, first + 1, ..., up to the next node's first */
    int32_t id;     /* the token that ends here, -1: none. Of two with one text the one of the higher id */
    int32_t wide;   /* of a node with many children: which row of `wide` has them by byte; -1 */
} token_node;

/* Nodes lie in breadth-first order; 0 is the root, and so never a child. */
typedef struct token_tree {
    token_node *node;
    unsigned char *label; /* by node: the byte that leads to it */
    uint32_t (*wide)[256];
    size_t n;
} token_tree;

/* In `owner`; false where its limit is met. Empty tokens are left out. */
bool token_tree_build(token_tree *t, arena *owner, const vocabulary *v);

/* The child of `node` by `byte`; 0: none. */
static inline uint32_t token_tree_step(const token_tree *t, uint32_t node, unsigned char byte) {
    const token_node *x = &t->node[node];
    if (x->wide >= 0) return t->wide[x->wide][byte];
    for (uint32_t i = x->first, end = x[1].first; i < end; i++)
        if (t->label[i] == byte) return i;
    return 0;
}

#endif
