/* graph/plan.c: where each intermediate lies, and the run. A value lives from the op that first touches it to the one that
 * last does; values whose lives do not meet share memory. Offsets are given largest value first, each the lowest that is free
 * for its life ("greedy by size", Pisarchyk and Lee 2020, arXiv:2001.03288). */
#include "graph/graph_inner.h"

#include "base/log.h"
#include "base/string.h"

#include <stdlib.h>
#include <string.h>

typedef struct place {
    int first, last; /* nodes that touch it; first < 0: none */
    size_t offset, bytes;
} place;

typedef struct op_time {
    const op *op;
    op_pass pass;
    long calls;
    double seconds;
} op_time;

struct plan {
    record *r;
    place *places; /* one for each value */
    size_t bytes;
    bool profiled;
    op_time *times;
    int n_time;
};

enum { ALIGNMENT = 64 };

static void touch(plan *p, value v, int at) {
    if (v < 0 || p->r->values[v].outside != NULL) return;
    place *x = &p->places[v];
    if (x->first < 0) x->first = at;
    x->last = at;
}

static void find_lives(plan *p) {
    const record *r = p->r;
    for (int i = 0; i < r->n_node; i++) {
        const node *n = &r->nodes[i];
        if (n->left_out) continue;
        for (int k = 0; k < OP_IN; k++) touch(p, n->in[k], i), touch(p, n->din[k], i);
        for (int k = 0; k < OP_RESULTS; k++) touch(p, n->out[k], i), touch(p, n->dout[k], i);
        for (int k = 0; k < OP_SAVED; k++) touch(p, n->saved[k], i);
        touch(p, n->scratch, i);
    }
    for (value v = 0; v < r->n_value; v++) {
        place *x = &p->places[v];
        if (r->values[v].kept && x->first >= 0) x->last = r->n_node;
        x->bytes = (tensor_bytes(r->values[v].t) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    }
}

typedef struct by_size {
    size_t bytes;
    int first;
    value v;
} by_size;

static int larger_first(const void *a, const void *b) {
    const by_size *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x->v - y->v;
}

/* The lowest offset at which v meets no value placed before it; `placed` is kept sorted by offset. */
static void place_value(plan *p, value v, value *placed, int *n_placed) {
    place *x = &p->places[v];
    size_t offset = 0;
    for (int i = 0; i < *n_placed; i++) {
        const place *y = &p->places[placed[i]];
        if (y->last < x->first || x->last < y->first) continue;
        if (y->offset >= offset + x->bytes) break;
        if (y->offset + y->bytes > offset) offset = y->offset + y->bytes;
    }
    x->offset = offset;
    if (offset + x->bytes > p->bytes) p->bytes = offset + x->bytes;
    int at = (*n_placed)++;
    for (; at > 0 && p->places[placed[at - 1]].offset > offset; at--) placed[at] = placed[at - 1];
    placed[at] = v;
}

plan *plan_new(arena *owner, record *r, error *err) {
    plan *p = NEW(owner, plan);
    p->r = r;
    p->places = NEW_ARRAY(owner, r->n_value, place);
    for (value v = 0; v < r->n_value; v++) p->places[v].first = -1;
    find_lives(p);
    by_size *order = malloc((size_t)r->n_value * sizeof *order + 1);
    value *placed = malloc((size_t)r->n_value * sizeof *placed + 1);
    if (order == NULL || placed == NULL) {
        free(order), free(placed);
        return fail_null(err, "out of memory while planning %d values", r->n_value);
    }
    int n = 0, n_placed = 0;
    for (value v = 0; v < r->n_value; v++)
        if (p->places[v].first >= 0 && r->values[v].outside == NULL) order[n++] = (by_size){p->places[v].bytes, p->places[v].first, v};
    qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) place_value(p, order[i].v, placed, &n_placed);
    free(order), free(placed);
    return p;
}

size_t plan_bytes(const plan *p) {
    return p->bytes;
}

/* The tensor of a value; its data where it lives now, NULL for NO_VALUE or a value that nothing touches. */
static void resolve(const plan *p, value v, void *memory, tensor *t) {
    if (v < 0) return;
    const value_info *x = &p->r->values[v];
    if (x->outside != NULL) t->data = x->outside->data;
    else if (p->places[v].first >= 0) t->data = (char *)memory + p->places[v].offset;
}

tensor plan_tensor(const plan *p, value v, void *memory) {
    tensor t = p->r->values[v].t;
    resolve(p, v, memory, &t);
    return t;
}

static void add_time(plan *p, const node *n, double seconds) {
    int i = 0;
    while (i < p->n_time && (p->times[i].op != n->call.op || p->times[i].pass != n->pass)) i++;
    if (i == p->n_time) p->times[p->n_time++] = (op_time){n->call.op, n->pass, 0, 0};
    p->times[i].calls++;
    p->times[i].seconds += seconds;
}

void plan_run(plan *p, void *memory) {
    for (int i = 0; i < p->r->n_node; i++) {
        node *n = &p->r->nodes[i];
        if (n->left_out) continue;
        op_call *c = &n->call;
        for (int k = 0; k < c->n_in; k++) {
            c->in[k].data = c->din[k].data = NULL;
            resolve(p, n->in[k], memory, &c->in[k]);
            if (n->din[k] >= 0) c->din[k] = plan_tensor(p, n->din[k], memory);
        }
        for (int k = 0; k < n->n_out; k++) {
            c->out[k].data = c->dout[k].data = NULL;
            resolve(p, n->out[k], memory, &c->out[k]);
            if (n->dout[k] >= 0) c->dout[k] = plan_tensor(p, n->dout[k], memory);
        }
        for (int k = 0; k < n->n_saved; k++) resolve(p, n->saved[k], memory, &c->saved[k]);
        c->scratch = n->scratch >= 0 ? plan_tensor(p, n->scratch, memory).data : NULL;
        const double start = p->profiled ? clock_seconds() : 0;
        op_run(c, n->pass);
        if (p->profiled) add_time(p, n, clock_seconds() - start);
    }
}

void plan_profile(plan *p, bool on) {
    if (on && p->times == NULL) p->times = NEW_ARRAY(p->r->owner, 2 * 64, op_time);
    p->profiled = on && p->times != NULL;
}

static int slower_first(const void *a, const void *b) {
    const double x = ((const op_time *)a)->seconds, y = ((const op_time *)b)->seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

void plan_profile_write(const plan *p, string *out) {
    if (p->times == NULL) return;
    double all = 0;
    for (int i = 0; i < p->n_time; i++) all += p->times[i].seconds;
    qsort(p->times, (size_t)p->n_time, sizeof *p->times, slower_first);
    for (int i = 0; i < p->n_time; i++) {
        const op_time *t = &p->times[i];
        string_print(out, "%-12s %-8s %7ld calls %9.3f s %5.1f%%\n", t->op->name, t->pass == PASS_FORWARD ? "forward" : "backward", t->calls, t->seconds,
                     100 * t->seconds / all);
    }
}
