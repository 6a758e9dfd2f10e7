/* graph/graph_inner.h: what a record holds. Inner: only files of graph/ include it. */
#ifndef SOCLE_GRAPH_GRAPH_INNER_H
#define SOCLE_GRAPH_GRAPH_INNER_H
#include "graph/graph.h"

typedef struct value_info {
    tensor t;              /* type and shape; data is not used */
    const tensor *outside; /* where it lives, if not in the plan's memory */
    int made_by;           /* node; -1: outside, scratch or gradient */
    value gradient;        /* of this value */
    bool wanted;           /* somebody outside wants the gradient */
    bool on_path;          /* depends on a wanted one */
    bool gradient_written; /* some backward has written the gradient: the next one adds */
    bool kept;             /* readable after the run */
} value_info;

typedef struct node {
    op_call call; /* op, attributes, shapes; data pointers are filled at every run */
    op_pass pass;
    int n_out, n_saved;
    value in[OP_IN], out[OP_RESULTS], saved[OP_SAVED], din[OP_IN], dout[OP_RESULTS], scratch;
    bool redoes;   /* backward that also writes the outputs of its forward */
    bool left_out; /* forward that its backward redoes */
} node;

struct record {
    arena *owner;
    value_info *values;
    node *nodes;
    int n_value, value_room, n_node, node_room;
    const char *mark; /* of what is recorded now; NULL: none */
    int mark_index;
};

#endif
