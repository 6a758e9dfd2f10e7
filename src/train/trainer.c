#include "train/trainer.h"

#include <math.h>
#include <string.h>

/* ---- what is learned ---- */

static void part_add(trainer *t, const char *name, const tensor *learned, bool decays) {
    t->parts[t->n_part++] = (trainable){.name = name, .value = learned, .decays = decays};
    t->n_value += shape_values(learned->shape);
}

static void parts_find(trainer *t, arena *owner) {
    const adapter_bank *bank = t->m->bank;
    t->parts = NEW_ARRAY(owner, bank != NULL ? 2 * bank->n_module : t->m->n_parameter, trainable);
    for (int i = 0; bank != NULL && i < bank->n_module; i++) {
        const bank_module *mod = &bank->modules[i];
        part_add(t, arena_print(owner, "%s.lora_A", mod->path), &mod->a, true);
        part_add(t, arena_print(owner, "%s.lora_B", mod->path), &mod->b, true);
    }
    for (int i = 0; bank == NULL && i < t->m->n_parameter; i++)
        part_add(t, t->m->parameters[i]->name, &t->m->parameters[i]->value, t->m->parameters[i]->decays);
}

/* ---- records ---- */

typedef enum { PASS_SETS, PASS_ADDS, PASS_LOOKS } pass_use;

static bool pass_make(trainer *t, arena *owner, loss_pass *p, pass_use use, error *err) {
    const tensor rows = tensor_of(DTYPE_I32, shape_1(t->rows), NULL);
    p->pass = (transformer_pass){.ids = rows, .position = rows, .adapter = rows, .first = rows, .seed = tensor_of(DTYPE_I64, shape_1(2), t->seed)};
    p->targets = rows;
    p->pass.training = use != PASS_LOOKS;
    p->pass.dropout = use != PASS_LOOKS ? (real)t->c->dropout : 0;
    record *r = p->record = record_new(owner);
    const value hidden = transformer_hidden(t->m, r, &p->pass, err);
    if (hidden == NO_VALUE) return false;
    p->nll = transformer_nll(t->m, r, hidden, record_outside(r, &p->targets), err);
    if (p->nll == NO_VALUE) return false;
    record_keep(r, p->nll);
    if (use != PASS_LOOKS) {
        for (int i = 0; i < t->n_part; i++) record_want(r, record_outside(r, t->parts[i].value), &t->parts[i].gradient, use == PASS_ADDS);
        if (!record_differentiate(r, p->nll, record_outside(r, &t->root_gradient), err)) return false;
    }
    p->plan = plan_new(owner, r, err);
    return p->plan != NULL;
}

static plan *norm_make(trainer *t, arena *owner, error *err) {
    record *r = record_new(owner);
    for (int i = 0; i < t->n_part; i++) {
        const value in[] = {record_outside(r, &t->parts[i].gradient), record_outside(r, &t->squares)};
        if (record_op(r, &op_square_sum, &(op_attributes){.place = i}, in, 2, err) == NO_VALUE) return NULL;
    }
    return plan_new(owner, r, err);
}

static plan *update_make(trainer *t, arena *owner, error *err) {
    record *r = record_new(owner);
    const op_attributes at = {.beta1 = t->c->optimizer.beta1, .beta2 = t->c->optimizer.beta2};
    for (int i = 0; i < t->n_part; i++) {
        trainable *p = &t->parts[i];
        const value in[] = {record_outside(r, p->value), record_outside(r, &p->gradient), record_outside(r, &p->m), record_outside(r, &p->v),
                            record_outside(r, p->decays ? &t->now_decays : &t->now_plain)};
        if (record_op(r, &op_adamw, &at, in, 5, err) == NO_VALUE) return NULL;
    }
    return plan_new(owner, r, err);
}

static void workspace_for(trainer *t, const plan *p) {
    if (p != NULL && plan_bytes(p) > t->workspace_bytes) t->workspace_bytes = plan_bytes(p);
}

enum { ALIGNMENT = 64, ROW_ARRAYS = 4 };

static size_t aligned(size_t bytes) {
    return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* Gives a tensor its place behind `*at` bytes of memory; with NULL only counts. */
static void lay_out(tensor *t, char *memory, size_t *at) {
    t->data = memory == NULL ? NULL : memory + *at;
    *at += aligned(tensor_bytes(*t));
}

/* The parts' gradients and moments, and the small tensors; returns how many bytes they take. */
static size_t state_lay_out(trainer *t, char *memory) {
    size_t at = 0;
    for (int i = 0; i < t->n_part; i++) {
        lay_out(&t->parts[i].gradient, memory, &at);
        lay_out(&t->parts[i].m, memory, &at);
        lay_out(&t->parts[i].v, memory, &at);
    }
    tensor *small[] = {&t->root_gradient, &t->squares, &t->now_decays, &t->now_plain};
    for (size_t k = 0; k < COUNT(small); k++) lay_out(small[k], memory, &at);
    return at;
}

bool trainer_make(trainer *t, arena *owner, const train_config *c, model *m, loader *train, loader *valid, error *err) {
    *t = (trainer){.c = c, .m = m, .train = train, .valid = valid, .rows = c->batch.sequences * c->data.seq_len};
    parts_find(t, owner);
    for (int i = 0; i < t->n_part; i++) t->parts[i].gradient = t->parts[i].m = t->parts[i].v = tensor_of(DTYPE_REAL, t->parts[i].value->shape, NULL);
    t->root_gradient = tensor_of(DTYPE_REAL, shape_1(t->rows), NULL);
    t->squares = tensor_of(DTYPE_F64, shape_1(t->n_part), NULL);
    t->now_decays = t->now_plain = tensor_of(DTYPE_F64, shape_1(6), NULL);
    t->state_bytes = state_lay_out(t, NULL);
    t->batch_bytes = (size_t)(ROW_ARRAYS * c->batch.accumulate + 1) * (size_t)t->rows * sizeof(int32_t);
    if (!pass_make(t, owner, &t->first, PASS_SETS, err) || (c->batch.accumulate > 1 && !pass_make(t, owner, &t->more, PASS_ADDS, err)) ||
        (valid != NULL && !pass_make(t, owner, &t->check, PASS_LOOKS, err)))
        return false;
    t->norm = norm_make(t, owner, err);
    t->update = t->norm != NULL ? update_make(t, owner, err) : NULL;
    if (t->update == NULL) return false;
    const plan *plans[] = {t->first.plan, t->more.plan, t->check.plan, t->norm, t->update};
    for (size_t i = 0; i < COUNT(plans); i++) workspace_for(t, plans[i]);
    return true;
}

bool trainer_allocate(trainer *t, error *err) {
    t->state = memory_new(t->state_bytes, err);
    t->batches = t->state != NULL ? memory_new(t->batch_bytes, err) : NULL;
    t->workspace = t->batches != NULL ? memory_new(t->workspace_bytes, err) : NULL;
    if (t->workspace == NULL) {
        trainer_free(t);
        return fail(err, "memory for training");
    }
    state_lay_out(t, t->state);
    return true;
}

void trainer_free(trainer *t) {
    if (t->workspace != NULL) memory_free(t->workspace, t->workspace_bytes);
    if (t->batches != NULL) memory_free(t->batches, t->batch_bytes);
    if (t->state != NULL) memory_free(t->state, t->state_bytes);
    t->workspace = t->batches = t->state = NULL;
}

/* ---- running ---- */

/* The arrays of the k-th micro-batch, of which each holds `rows` values; behind them all, the adapter slots: all 0. */
static loader_rows batch_rows(const trainer *t, long k) {
    int32_t *at = (int32_t *)t->batches + k * ROW_ARRAYS * t->rows;
    return (loader_rows){at, at + t->rows, at + 2 * t->rows, at + 3 * t->rows};
}

static void pass_read(const trainer *t, loss_pass *p, loader_rows rows) {
    p->pass.ids.data = rows.ids;
    p->pass.position.data = rows.position;
    p->pass.first.data = rows.first;
    p->targets.data = rows.targets;
    p->pass.adapter.data = (int32_t *)t->batches + t->c->batch.accumulate * ROW_ARRAYS * t->rows;
}

static long learned_of(const trainer *t, loader_rows rows) {
    long n = 0;
    for (long i = 0; i < t->rows; i++) n += rows.targets[i] != TARGET_IGNORED;
    return n;
}

/* In double and in the order of the rows. */
static double nll_sum(const trainer *t, const loss_pass *p) {
    const real *nll = plan_tensor(p->plan, p->nll, t->workspace).data;
    double sum = 0;
    for (long i = 0; i < t->rows; i++) sum += (double)nll[i];
    return sum;
}

static double micro_batch(trainer *t, long k, double share) {
    loss_pass *p = k == 0 ? &t->first : &t->more;
    const loader_rows rows = batch_rows(t, k);
    real *root = t->root_gradient.data;
    for (long i = 0; i < t->rows; i++) root[i] = rows.targets[i] == TARGET_IGNORED ? 0 : (real)share;
    pass_read(t, p, rows);
    plan_run(p->plan, t->workspace);
    return nll_sum(t, p);
}

static double gradient_norm(trainer *t) {
    plan_run(t->norm, t->workspace);
    const double *squares = t->squares.data;
    double sum = 0;
    for (int i = 0; i < t->n_part; i++) sum += squares[i];
    return sqrt(sum);
}

/* As torch.nn.utils.clip_grad_norm_ scales. */
static double clip_factor(const trainer *t, double norm) {
    const double most = t->c->optimizer.clip;
    return most > 0 && norm + 1e-6 > most ? most / (norm + 1e-6) : 1;
}

static void update(trainer *t, long step, double lr, double factor) {
    const double now[] = {
        lr,    t->c->optimizer.weight_decay, t->c->optimizer.eps, 1 - pow(t->c->optimizer.beta1, (double)step), 1 - pow(t->c->optimizer.beta2, (double)step),
        factor};
    for (size_t i = 0; i < COUNT(now); i++) {
        ((double *)t->now_decays.data)[i] = now[i];
        ((double *)t->now_plain.data)[i] = i == 1 ? 0 : now[i];
    }
    plan_run(t->update, t->workspace);
    t->m->version++;
}

bool trainer_step(trainer *t, long step, double lr, step_result *out, error *err) {
    const long sequences = t->c->batch.sequences, accumulate = t->c->batch.accumulate;
    *out = (step_result){0};
    for (long k = 0; k < accumulate; k++) {
        const loader_rows rows = batch_rows(t, k);
        for (long w = 0; w < sequences; w++)
            out->tokens += loader_fill(t->train, ((int64_t)(step - 1) * accumulate + k) * sequences + w, rows, w * t->c->data.seq_len);
        out->learned += learned_of(t, rows);
    }
    const double share = out->learned > 0 ? 1.0 / (double)out->learned : 0;
    double sum = 0;
    t->seed[0] = t->c->seed;
    for (long k = 0; k < accumulate; k++) {
        t->seed[1] = (int64_t)(step - 1) * accumulate + k;
        sum += micro_batch(t, k, share);
    }
    out->loss = sum * share;
    out->grad_norm = gradient_norm(t);
    if (!isfinite(out->loss) || !isfinite(out->grad_norm))
        return fail(err, "step %ld: the %s is not a finite number; a smaller optimizer.lr, clipping or a warm-up may help", step,
                    isfinite(out->loss) ? "gradient" : "loss");
    update(t, step, lr, clip_factor(t, out->grad_norm));
    return true;
}

double trainer_evaluate(trainer *t) {
    const long sequences = t->c->batch.sequences, windows = loader_windows(t->valid);
    const loader_rows rows = batch_rows(t, 0);
    double sum = 0;
    long learned = 0;
    for (long k = 0; k < t->c->eval.batches && k * sequences < windows; k++) {
        for (long w = 0; w < sequences; w++)
            if (k * sequences + w < windows) loader_fill(t->valid, k * sequences + w, rows, w * t->c->data.seq_len);
            else loader_fill_empty(t->valid, rows, w * t->c->data.seq_len);
        learned += learned_of(t, rows);
        pass_read(t, &t->check, rows);
        plan_run(t->check.plan, t->workspace);
        sum += nll_sum(t, &t->check);
    }
    return learned > 0 ? sum / (double)learned : NAN;
}
