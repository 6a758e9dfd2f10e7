/* Packs windows into passes of a few row counts, so that a record and its plan are made once and used again. */
#include "eval/score.h"

#include "model/transformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PASS_ROWS = 2048, /* rows that one pass packs, unless one window is longer */
    ROW_STEP = 128,   /* passes have a multiple of this many rows: few records, little padding */
    NOT_LEARNED = -100
};

/* A pass of one row count: its inputs, which the record borrows, and what was made of them. */
typedef struct score_pass {
    long rows;
    transformer_pass in;
    tensor targets;
    plan *plan;
    value nll;
    struct score_pass *next;
} score_pass;

struct scorer {
    arena owner; /* records, plans, inputs */
    const model *m;
    int slot;
    score_pass *passes;
    void *memory;
    size_t memory_bytes;
};

scorer *scorer_new(const model *m, int slot) {
    scorer *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->m = m;
    s->slot = m->bank == NULL ? -1 : slot;
    return s;
}

void scorer_drop(scorer *s) {
    if (s == NULL) return;
    memory_free(s->memory, s->memory_bytes);
    arena_drop(&s->owner);
    free(s);
}

static tensor row_input(scorer *s, long rows) {
    return tensor_of(DTYPE_I32, shape_1(rows), NEW_ARRAY(&s->owner, rows, int32_t));
}

static score_pass *pass_new(scorer *s, long rows, error *err) {
    score_pass *p = NEW(&s->owner, score_pass);
    p->rows = rows;
    p->in.ids = row_input(s, rows);
    p->in.position = row_input(s, rows);
    p->in.first = row_input(s, rows);
    p->in.adapter = row_input(s, rows);
    p->targets = row_input(s, rows);
    record *r = record_new(&s->owner);
    const value hidden = transformer_hidden(s->m, r, &p->in, err);
    if (hidden == NO_VALUE) return NULL;
    p->nll = transformer_nll(s->m, r, hidden, record_outside(r, &p->targets), err);
    if (p->nll == NO_VALUE) return NULL;
    record_keep(r, p->nll);
    p->plan = plan_new(&s->owner, r, err);
    if (p->plan == NULL) return NULL;
    p->next = s->passes;
    return s->passes = p;
}

/* The pass of at least `rows` rows, and memory for it. */
static score_pass *pass_for(scorer *s, long rows, error *err) {
    rows = (rows + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
    score_pass *p = s->passes;
    while (p != NULL && p->rows != rows) p = p->next;
    if (p == NULL && (p = pass_new(s, rows, err)) == NULL) return NULL;
    if (plan_bytes(p->plan) > s->memory_bytes) {
        memory_free(s->memory, s->memory_bytes);
        s->memory_bytes = 0;
        s->memory = memory_new(plan_bytes(p->plan), err);
        if (s->memory == NULL) return fail_null(err, "a pass over %ld ids", rows);
        s->memory_bytes = plan_bytes(p->plan);
    }
    return p;
}

static bool windows_check(const scorer *s, const score_window *windows, size_t n, error *err) {
    for (size_t w = 0; w < n; w++) {
        if (windows[w].n > (size_t)s->m->max_position + 1)
            return fail(err, "a window of %zu ids is longer than the model's %ld positions", windows[w].n - 1, s->m->max_position);
        for (size_t i = 0; i < windows[w].n; i++)
            if (windows[w].ids[i] < 0 || windows[w].ids[i] >= s->m->vocab_size)
                return fail(err, "id %d is outside the model's vocabulary of %ld ids", (int)windows[w].ids[i], s->m->vocab_size);
    }
    return true;
}

static void window_put(score_pass *p, long row, const score_window *w, int slot) {
    int32_t *ids = p->in.ids.data, *position = p->in.position.data, *first = p->in.first.data, *adapter = p->in.adapter.data, *target = p->targets.data;
    for (size_t i = 0; i + 1 < w->n; i++) {
        ids[row + i] = w->ids[i];
        position[row + i] = (int32_t)i;
        first[row + i] = (int32_t)row;
        adapter[row + i] = slot;
        target[row + i] = i + 1 >= w->from ? w->ids[i + 1] : NOT_LEARNED;
    }
}

/* Rows that nothing asks for: each sees itself alone. */
static void rows_idle(score_pass *p, long row) {
    for (; row < p->rows; row++) {
        ((int32_t *)p->in.ids.data)[row] = 0;
        ((int32_t *)p->in.position.data)[row] = 0;
        ((int32_t *)p->in.first.data)[row] = (int32_t)row;
        ((int32_t *)p->in.adapter.data)[row] = -1;
        ((int32_t *)p->targets.data)[row] = NOT_LEARNED;
    }
}

static bool window_take(tensor nll, long row, const score_window *w, error *err) {
    for (size_t i = w->from - 1; i + 1 < w->n; i++) {
        const double x = (double)tensor_row(nll, 0)[row + (long)i];
        if (!isfinite(x)) return fail(err, "the model gives no finite probability to id %d: its weights are damaged", (int)w->ids[i + 1]);
        w->nll[i + 1] = x > 0 ? x : 0; /* rounding may fall below 0 by a hair */
    }
    return true;
}

/* Longest first, so that short windows fill what long ones leave; equal ones as they came. */
static int by_length(const void *a, const void *b) {
    const score_window *x = *(const score_window *const *)a, *y = *(const score_window *const *)b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x < y ? -1 : x > y;
}

bool scorer_run(scorer *s, const score_window *windows, size_t n, score_progress *progress, void *context, error *err) {
    if (!windows_check(s, windows, n, err)) return false;
    arena scratch = {0};
    const score_window **left = NEW_ARRAY(&scratch, n, const score_window *), **taken = NEW_ARRAY(&scratch, n, const score_window *);
    long *row = NEW_ARRAY(&scratch, n, long);
    size_t n_left = 0, done = 0;
    for (size_t w = 0; w < n; w++)
        if (windows[w].n >= 2 && windows[w].from < windows[w].n) left[n_left++] = &windows[w];
    qsort(left, n_left, sizeof *left, by_length);
    bool ok = true;
    while (ok && n_left > 0) {
        const long longest = (long)left[0]->n - 1, room = longest > PASS_ROWS ? longest : PASS_ROWS;
        size_t n_taken = 0, kept = 0;
        long rows = 0;
        for (size_t i = 0; i < n_left; i++) {
            const long need = (long)left[i]->n - 1;
            if (rows + need > room) {
                left[kept++] = left[i];
                continue;
            }
            row[n_taken] = rows;
            taken[n_taken++] = left[i];
            rows += need;
        }
        n_left = kept;
        score_pass *p = pass_for(s, rows, err);
        if (p == NULL) {
            ok = false;
            break;
        }
        for (size_t i = 0; i < n_taken; i++) window_put(p, row[i], taken[i], s->slot);
        rows_idle(p, rows);
        plan_run(p->plan, s->memory);
        const tensor nll = plan_tensor(p->plan, p->nll, s->memory);
        for (size_t i = 0; ok && i < n_taken; i++) ok = window_take(nll, row[i], taken[i], err);
        done += (size_t)rows;
        if (ok && progress != NULL && !progress(context, done)) ok = fail(err, "stopped");
    }
    arena_drop(&scratch);
    return ok;
}

size_t score_cut(arena *owner, const int32_t *ids, size_t n, size_t context, size_t stride, double *nll, score_window **out) {
    const size_t last = n == 0 ? 0 : n - 1, most = last <= context ? 1 : 2 + (last - context) / stride;
    score_window *windows = *out = NEW_ARRAY(owner, most, score_window);
    size_t n_window = 0;
    for (size_t scored = 0; scored < last; n_window++) { /* ids[1 .. scored] have been asked for */
        const size_t step = scored == 0 ? context : stride, end = last - scored < step ? last : scored + step;
        const size_t begin = end > context ? end - context : 0; /* reads ids[begin .. end-1], the last id asked for is ids[end] */
        windows[n_window] = (score_window){.ids = ids + begin, .n = end - begin + 1, .from = scored + 1 - begin, .nll = nll + begin};
        scored = end;
    }
    return n_window;
}

bool score_sequence(scorer *s, const int32_t *ids, size_t n, size_t context, size_t stride, double *nll, error *err) {
    arena scratch = {0};
    score_window *windows;
    if (n > 0) nll[0] = 0;
    const size_t n_window = score_cut(&scratch, ids, n, context, stride, nll, &windows);
    const bool ok = scorer_run(s, windows, n_window, NULL, NULL, err);
    arena_drop(&scratch);
    return ok;
}
