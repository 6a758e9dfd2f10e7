/* graph/graph.c: recording and differentiating. See graph/plan.c for where values lie and for running. */
#include "graph/graph_inner.h"

#include <assert.h>
#include <string.h>

static void *room_for_one_more(arena *owner, void *array, int n, int *room, size_t size) {
    if (n < *room) return array;
    const int more = *room == 0 ? 64 : *room * 2;
    array = arena_grow(owner, array, (size_t)*room * size, (size_t)more * size);
    *room = more;
    return array;
}

record *record_new(arena *owner) {
    record *r = NEW(owner, record);
    r->owner = owner;
    return r;
}

static value value_new(record *r, tensor t, const tensor *outside) {
    r->values = room_for_one_more(r->owner, r->values, r->n_value, &r->value_room, sizeof *r->values);
    t.data = NULL;
    r->values[r->n_value] = (value_info){.t = t, .outside = outside, .gradient = NO_VALUE, .made_by = -1};
    return r->n_value++;
}

value record_outside(record *r, const tensor *t) {
    for (value v = 0; v < r->n_value; v++)
        if (r->values[v].outside == t) return v;
    return value_new(r, *t, t);
}

static node *node_new(record *r, const op *o, op_pass pass) {
    r->nodes = room_for_one_more(r->owner, r->nodes, r->n_node, &r->node_room, sizeof *r->nodes);
    node *n = &r->nodes[r->n_node++];
    *n = (node){.call = {.op = o}, .pass = pass, .scratch = NO_VALUE};
    for (int i = 0; i < OP_IN; i++) n->in[i] = n->din[i] = NO_VALUE;
    for (int i = 0; i < OP_RESULTS; i++) n->out[i] = n->dout[i] = NO_VALUE;
    for (int i = 0; i < OP_SAVED; i++) n->saved[i] = NO_VALUE;
    return n;
}

static void scratch_of(record *r, node *n) {
    const size_t bytes = op_scratch_bytes(&n->call, n->pass);
    if (bytes > 0) n->scratch = value_new(r, tensor_of(DTYPE_U8, shape_1((long)bytes), NULL), NULL);
}

void record_mark(record *r, const char *name, int index) {
    r->mark = name;
    r->mark_index = index;
}

static value record_failure(const record *r, const op *o, error *err) {
    fail(err, "%s", o->name);
    if (r->mark != NULL && r->mark_index >= 0) fail(err, "%s %d", r->mark, r->mark_index);
    else if (r->mark != NULL) fail(err, "%s", r->mark);
    return NO_VALUE;
}

void record_want(record *r, value outside, const tensor *gradient, bool adds) {
    assert(r->values[outside].outside != NULL && shape_equal(r->values[outside].t.shape, gradient->shape));
    const value made = value_new(r, *gradient, gradient); /* may move r->values */
    r->values[outside].gradient = made;
    r->values[outside].wanted = true;
    r->values[outside].gradient_written = adds;
}

value record_op(record *r, const op *o, const op_attributes *at, const value *in, int n_in, error *err) {
    assert(n_in > 0 && n_in <= OP_IN);
    int n_out = 0, n_saved = 0;
    op_call call = {.op = o, .at = at != NULL ? *at : (op_attributes){0}, .n_in = n_in};
    for (int i = 0; i < n_in; i++) call.in[i] = r->values[in[i]].t;
    if (!o->shape(&call, &n_out, &n_saved, err)) return record_failure(r, o, err);
    const int made_by = r->n_node;
    value first = n_out > 0 ? r->n_value : NO_OUTPUT;
    value out[OP_RESULTS], saved[OP_SAVED];
    for (int i = 0; i < n_out; i++) out[i] = value_new(r, call.out[i], NULL);
    for (int i = 0; i < n_saved; i++) saved[i] = value_new(r, call.saved[i], NULL);
    node *n = node_new(r, o, PASS_FORWARD);
    n->call = call;
    n->n_out = n_out;
    n->n_saved = n_saved;
    memcpy(n->in, in, (size_t)n_in * sizeof *in);
    memcpy(n->out, out, (size_t)n_out * sizeof *out);
    memcpy(n->saved, saved, (size_t)n_saved * sizeof *saved);
    for (int i = 0; i < n_out; i++) r->values[out[i]].made_by = made_by;
    scratch_of(r, n);
    return first;
}

value record_result(const record *r, value first, int k) {
    assert(k < r->nodes[r->values[first].made_by].n_out);
    (void)r;
    return first + k;
}

tensor record_tensor(const record *r, value v) {
    return r->values[v].t;
}

void record_keep(record *r, value v) {
    r->values[v].kept = true;
}

/* Marks every value on a path from a wanted one. */
static void find_paths(record *r) {
    for (int i = 0; i < r->n_node; i++) {
        const node *n = &r->nodes[i];
        bool on = false;
        for (int k = 0; k < n->call.n_in; k++)
            on = on || ((n->call.op->differentiable >> k & 1) && (r->values[n->in[k]].wanted || r->values[n->in[k]].on_path));
        for (int k = 0; on && k < n->n_out; k++) r->values[n->out[k]].on_path = true;
    }
}

static bool is_real(tensor t) {
    return t.type == DTYPE_REAL;
}

/* The backward of one node: its outputs' gradients are whole by now, since walking back met all their readers first. */
static bool node_differentiate(record *r, int at, error *err) {
    const node f = r->nodes[at];
    const op *o = f.call.op;
    bool has_gradient = false;
    for (int k = 0; k < f.n_out; k++) has_gradient = has_gradient || (r->values[f.out[k]].gradient != NO_VALUE && r->values[f.out[k]].gradient_written);
    if (!has_gradient) return true;
    if (o->backward == NULL) return fail(err, "%s has no backward", o->name);
    value din[OP_IN];
    bool adds[OP_IN] = {false};
    for (int k = 0; k < f.call.n_in; k++) {
        din[k] = NO_VALUE;
        const bool wants = (o->differentiable >> k & 1) && is_real(f.call.in[k]) && (r->values[f.in[k]].wanted || r->values[f.in[k]].on_path);
        if (!wants) continue;
        if (r->values[f.in[k]].gradient == NO_VALUE) {
            const value gradient = value_new(r, r->values[f.in[k]].t, NULL);
            r->values[f.in[k]].gradient = gradient;
        }
        din[k] = r->values[f.in[k]].gradient;
        adds[k] = r->values[f.in[k]].gradient_written;
        r->values[f.in[k]].gradient_written = true;
    }
    node *b = node_new(r, o, PASS_BACKWARD);
    b->call = f.call;
    b->n_out = f.n_out;
    b->n_saved = f.n_saved;
    memcpy(b->call.adds, adds, sizeof adds);
    memcpy(b->in, f.in, sizeof b->in);
    memcpy(b->out, f.out, sizeof b->out);
    memcpy(b->saved, f.saved, sizeof b->saved);
    memcpy(b->din, din, (size_t)f.call.n_in * sizeof *din);
    for (int k = 0; k < f.n_out; k++)
        if (r->values[f.out[k]].gradient_written) b->dout[k] = r->values[f.out[k]].gradient;
    /* What backward does not read need not be kept for it. */
    for (int k = 0; k < f.call.n_in; k++)
        if (!(o->backward_reads & READS_IN(k))) b->in[k] = NO_VALUE;
    for (int k = 0; k < f.n_out; k++)
        if (!(o->backward_reads & READS_OUT(k))) b->out[k] = NO_VALUE;
    scratch_of(r, b);
    return true;
}

bool record_differentiate(record *r, value root, value root_gradient, error *err) {
    find_paths(r);
    if (!r->values[root].on_path) return fail(err, "the loss does not depend on anything whose gradient is wanted");
    r->values[root].gradient = root_gradient;
    r->values[root].gradient_written = true;
    const int n_forward = r->n_node;
    node *last = &r->nodes[r->values[root].made_by];
    const bool redoes = last->call.op->backward_is_forward && r->values[root].made_by == n_forward - 1;
    for (int i = n_forward - 1; i >= 0; i--)
        if (!node_differentiate(r, i, err)) return false;
    if (redoes) { /* the last op's backward gives its outputs, too: its forward is left out */
        node *forward = &r->nodes[n_forward - 1], *backward = &r->nodes[n_forward];
        memcpy(backward->out, forward->out, sizeof backward->out);
        backward->redoes = true;
        forward->left_out = true;
    }
    return true;
}
