/* infer/engine_pass.c: one pass of the model over rows of many sequences, and what is read off its logits. */
#include "infer/engine_inner.h"

#include "base/parallel.h"

#include <assert.h>
#include <math.h>

/* Few sequences get a pass of exactly their number; beyond that, a pass in steps of 16 rows, the last of them idle. */
static long bucket_rows(long n) {
    return n <= 16 ? n : (n + 15) / 16 * 16;
}

/* A pass in which every row wants its logits is the common one (answers only); others go by powers of two. */
static long bucket_logits(long n, long rows, long bucket) {
    if (n == rows) return bucket;
    long b = 1;
    while (b < n) b *= 2;
    return b < bucket ? b : bucket;
}

static bool pass_record(pass_room *r, pass *p, long rows, long n_logit, error *err) {
    const struct {
        tensor *t;
        int32_t *data;
    } inputs[] = {{&p->at.ids, r->ids}, {&p->at.position, r->position}, {&p->at.adapter, r->adapter}, {&p->at.sequence, r->sequence}, {&p->at.slot, r->slot}};
    *p = (pass){.rows = rows, .n_logit = n_logit};
    for (size_t i = 0; i < COUNT(inputs); i++) *inputs[i].t = tensor_of(DTYPE_I32, shape_1(rows), inputs[i].data);
    p->at.table = tensor_of(DTYPE_I32, shape_2(r->max_sequences, r->max_blocks), r->table);
    p->at.cache_k = r->cache->k;
    p->at.cache_v = r->cache->v;
    p->at.block_size = KV_BLOCK;
    p->logit_rows = tensor_of(DTYPE_I32, shape_1(n_logit), r->logit_rows);
    record *rec = record_new(&p->memory);
    const value hidden = transformer_hidden(r->model, rec, &p->at, err);
    if (hidden == NO_VALUE) return false;
    p->logits = transformer_logits(r->model, rec, hidden, record_outside(rec, &p->logit_rows), err);
    if (p->logits == NO_VALUE) return false;
    record_keep(rec, p->logits);
    p->plan = plan_new(&p->memory, rec, err);
    return p->plan != NULL;
}

/* Intermediates of a pass are nobody's between passes. Where there is no more memory, the old block stays: kept passes need it. */
static bool room_grow(pass_room *r, size_t bytes, long rows, error *err) {
    if (bytes <= r->bytes) return true;
    void *larger = memory_new(bytes, err);
    if (larger == NULL) return fail(err, "memory for a pass of %ld rows", rows);
    memory_free(r->memory, r->bytes);
    r->memory = larger;
    r->bytes = bytes;
    return true;
}

/* The pass for these sizes: one that is kept, or a new one in the place of the one not used for longest. */
static pass *pass_for(pass_room *r, long rows, long n_logit, error *err) {
    pass *oldest = &r->passes[0];
    for (int i = 0; i < PASS_PLANS; i++) {
        pass *p = &r->passes[i];
        if (p->plan != NULL && p->rows == rows && p->n_logit == n_logit) {
            p->used = ++r->clock;
            return p;
        }
        if (p->used < oldest->used) oldest = p;
    }
    arena_drop(&oldest->memory);
    *oldest = (pass){0};
    if (!pass_record(r, oldest, rows, n_logit, err) || !room_grow(r, plan_bytes(oldest->plan), rows, err)) {
        arena_drop(&oldest->memory);
        *oldest = (pass){0};
        return NULL;
    }
    oldest->used = ++r->clock;
    return oldest;
}

bool pass_room_make(arena *owner, pass_room *r, const model *m, kv_cache *cache, long max_rows, long max_sequences, long max_blocks, error *err) {
    *r = (pass_room){.model = m, .cache = cache, .max_rows = bucket_rows(max_rows), .max_sequences = max_sequences, .max_blocks = max_blocks};
    int32_t **rows[] = {&r->ids, &r->position, &r->adapter, &r->sequence, &r->slot, &r->logit_rows};
    for (size_t i = 0; i < COUNT(rows); i++) *rows[i] = NEW_ARRAY(owner, r->max_rows, int32_t);
    r->table = NEW_ARRAY(owner, max_sequences * max_blocks, int32_t);
    r->scratch_bytes = sizeof(candidate) * (size_t)max_sequences * (size_t)m->vocab_size;
    r->scratch = memory_new(r->scratch_bytes, err);
    if (r->scratch == NULL) return fail(err, "memory for sampling");
    /* The largest pass, planned beforehand: what does not fit is known now. */
    const long most_logits = max_sequences > PROMPT_LOGPROB_ROWS ? max_sequences : PROMPT_LOGPROB_ROWS;
    return pass_for(r, r->max_rows, bucket_logits(most_logits, 0, r->max_rows), err) != NULL;
}

void pass_room_free(pass_room *r) {
    for (int i = 0; i < PASS_PLANS; i++) arena_drop(&r->passes[i].memory);
    memory_free(r->memory, r->bytes);
    memory_free(r->scratch, r->scratch_bytes);
    *r = (pass_room){0};
}

static void fill_rows(pass_room *r, sequence **s, long n, long *rows, long *n_logit) {
    *rows = *n_logit = 0;
    for (long i = 0; i < n; i++) {
        sequence *q = s[i];
        const int32_t *blocks = r->table + q->place * r->max_blocks;
        q->first_row = *rows;
        for (long j = 0; j < q->n_row; j++) {
            const long at = q->computed + j, row = (*rows)++;
            r->ids[row] = q->ids[at];
            r->position[row] = (int32_t)at;
            r->adapter[row] = q->want.adapter;
            r->sequence[row] = (int32_t)q->place;
            r->slot[row] = blocks[at / KV_BLOCK] * KV_BLOCK + (int32_t)(at % KV_BLOCK);
        }
        q->n_logit = q->want.prompt_logprobs && q->computed < q->n_prompt ? q->n_row : q->computed + q->n_row == q->n ? 1 : 0;
        q->first_logit = *n_logit;
        for (long j = q->n_row - q->n_logit; j < q->n_row; j++) r->logit_rows[(*n_logit)++] = (int32_t)(q->first_row + j);
    }
}

static void fill_idle(pass_room *r, long rows, long rows_end, long n_logit, long logits_end) {
    for (; rows < rows_end; rows++) {
        r->ids[rows] = r->position[rows] = 0;
        r->adapter[rows] = r->sequence[rows] = r->slot[rows] = -1;
    }
    for (; n_logit < logits_end; n_logit++) r->logit_rows[n_logit] = 0;
}

typedef struct reading {
    const pass_room *room;
    sequence **s;
    tensor logits;
} reading;

/* Reads one sequence's logits: the log-probabilities of prompt tokens, and the next token where all its rows are computed. */
static void read_logits(void *context, long i) {
    const reading *what = context;
    sequence *q = what->s[i];
    const long vocab_size = what->room->model->vocab_size;
    for (long j = 0; j < q->n_logit; j++) {
        const real *logits = tensor_row(what->logits, q->first_logit + j);
        const long next = q->computed + q->n_row - q->n_logit + j + 1; /* the place of the token that these are about */
        const bool picks = next == q->n && q->n < q->n_most;
        if (!picks && !(q->want.prompt_logprobs && next < q->n_prompt)) continue;
        const double logsumexp = sampler_logsumexp(logits, vocab_size);
        if (q->want.n_top > 0) sampler_top(logits, vocab_size, logsumexp, q->want.n_top, q->top + j * q->want.n_top);
        if (!picks) {
            q->prompt_logprob[j] = (real)((double)logits[q->ids[next]] - logsumexp);
            continue;
        }
        q->picked = sampler_pick(&q->want.how, logits, vocab_size, q->ids, (size_t)q->n_prompt, (size_t)q->n, what->room->scratch + i * vocab_size);
        q->picked_logprob = q->picked < 0 ? -INFINITY : (real)((double)logits[q->picked] - logsumexp);
    }
}

bool pass_run(pass_room *r, sequence **s, long n, error *err) {
    long rows, n_logit;
    fill_rows(r, s, n, &rows, &n_logit);
    assert(rows > 0 && rows <= r->max_rows);
    const long rows_end = bucket_rows(rows);
    const long logits_end = bucket_logits(n_logit, rows, rows_end);
    fill_idle(r, rows, rows_end, n_logit, logits_end);
    pass *p = pass_for(r, rows_end, logits_end, err);
    if (p == NULL) return false;
    plan_run(p->plan, r->memory);
    reading what = {r, s, plan_tensor(p->plan, p->logits, r->memory)};
    parallel_for(n, read_logits, &what);
    return true;
}
