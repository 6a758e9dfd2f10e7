/* model/transformer.c: one pass, recorded from the array of layers. What differs by family or by layer is a value of a layer;
 * nothing here asks what a model is called. */
#include "model/transformer.h"

#include <string.h>

/* What recording carries along. The first error stays in err; `ok` turns false and everything after it does nothing. */
typedef struct recorder {
    const model *m;
    record *r;
    const transformer_pass *p;
    error *err;
    bool ok;
    value position_cos, position_sin, seed, adapter;
    int64_t place; /* of the next op that draws random numbers */
} recorder;

static value put(recorder *x, const op *o, op_attributes at, const value *in, int n_in) {
    if (!x->ok) return NO_VALUE;
    const value out = record_op(x->r, o, &at, in, n_in, x->err);
    x->ok = out != NO_VALUE;
    return out;
}

static value parameter_value(recorder *x, const parameter *p) {
    return record_outside(x->r, &p->value);
}

static value norm(recorder *x, value in, const layer *l, const parameter *weight, const parameter *bias) {
    const op_attributes at = {.eps = l->norm_eps};
    if (l->norm == NORM_RMS) return put(x, &op_rms_norm, at, (value[]){in, parameter_value(x, weight)}, 2);
    return put(x, &op_layer_norm, at, (value[]){in, parameter_value(x, weight), parameter_value(x, bias)}, 3);
}

static value dropped(recorder *x, value in) {
    if (!(x->p->dropout > 0)) return in;
    return put(x, &op_dropout, (op_attributes){.dropout = x->p->dropout, .place = ++x->place}, (value[]){in, x->seed}, 2);
}

/* The weights that read one input, with their biases and the adapters that change them, as one op; out[k] is the k-th's. */
static void linear(recorder *x, value in, const parameter *const *weights, const parameter *const *biases, int n, value *out) {
    const adapter_bank *bank = x->m->bank;
    op_attributes at = {.n_weight = n};
    value all[OP_IN] = {in};
    int n_in = 1, modules[LINEAR_WEIGHTS] = {0};
    for (int k = 0; k < n; k++) all[n_in++] = parameter_value(x, weights[k]);
    for (int k = 0; k < n; k++)
        if ((at.has_bias[k] = biases[k] != NULL)) all[n_in++] = parameter_value(x, biases[k]);
    for (int k = 0; k < n; k++) {
        const int module = bank != NULL ? bank_find(bank, weights[k], &at.module_row[k]) : -1;
        int known = 0;
        while (known < at.n_module && modules[known] != module) known++;
        at.module[k] = module < 0 ? -1 : known;
        if (module >= 0 && known == at.n_module) modules[at.n_module++] = module;
    }
    if (at.n_module > 0) {
        all[n_in++] = x->adapter;
        if (x->p->training && bank->dropout > 0) {
            at.dropout = bank->dropout;
            at.place = x->place + 1; /* one for each module */
            x->place += at.n_module;
            all[n_in++] = x->seed;
        }
        for (int m = 0; m < at.n_module; m++) {
            const bank_module *mod = &bank->modules[modules[m]];
            const tensor *parts[] = {&mod->a, &mod->b, &mod->scale, &mod->rank};
            for (int k = 0; k < 4; k++) all[n_in++] = record_outside(x->r, parts[k]);
        }
    }
    const value first = put(x, &op_linear, at, all, n_in);
    for (int k = 0; k < n; k++) out[k] = x->ok ? record_result(x->r, first, k) : NO_VALUE;
}

static value linear_1(recorder *x, value in, const parameter *weight, const parameter *bias) {
    value out;
    linear(x, in, &weight, &bias, 1, &out);
    return out;
}

static value rope(recorder *x, const layer *l, value in) {
    if (!l->rope) return in;
    return put(x, &op_rope, (op_attributes){.head_dim = l->head_dim}, (value[]){in, x->position_cos, x->position_sin}, 3);
}

static value attention(recorder *x, const layer *l, int index, value in) {
    const transformer_pass *p = x->p;
    value qkv[3];
    linear(x, in, (const parameter *const[]){l->q, l->k, l->v}, (const parameter *const[]){l->q_bias, l->k_bias, l->v_bias}, 3, qkv);
    op_attributes at = {.n_head = l->n_head, .n_kv_head = l->n_kv_head, .head_dim = l->head_dim, .scale = l->attention_scale, .block_size = p->block_size};
    const value q = rope(x, l, qkv[0]), k = rope(x, l, qkv[1]), v = qkv[2];
    value out;
    if (p->first.data != NULL || p->cache_k == NULL) {
        out = put(x, &op_attention, at, (value[]){q, k, v, record_outside(x->r, &p->first)}, 4);
    } else {
        const value cache_k = record_outside(x->r, &p->cache_k[index]), cache_v = record_outside(x->r, &p->cache_v[index]);
        put(x, &op_cache_write, at, (value[]){k, v, cache_k, cache_v, record_outside(x->r, &p->slot)}, 5);
        at.cached = true;
        const value sequence = record_outside(x->r, &p->sequence), position = record_outside(x->r, &p->position), table = record_outside(x->r, &p->table);
        out = put(x, &op_attention, at, (value[]){q, cache_k, cache_v, sequence, position, table}, 6);
    }
    return linear_1(x, out, l->o, l->o_bias);
}

static value feed_forward(recorder *x, const layer *l, value in) {
    value up[2], middle;
    if (l->mlp == MLP_SWIGLU) {
        linear(x, in, (const parameter *const[]){l->gate, l->up}, (const parameter *const[]){l->gate_bias, l->up_bias}, 2, up);
        middle = put(x, &op_swiglu, (op_attributes){0}, up, 2);
    } else {
        up[0] = linear_1(x, in, l->up, l->up_bias);
        middle = put(x, &op_gelu, (op_attributes){0}, up, 1);
    }
    return linear_1(x, middle, l->down, l->down_bias);
}

static value add(recorder *x, value a, value b) {
    return put(x, &op_add, (op_attributes){0}, (value[]){a, b}, 2);
}

static value embed(recorder *x) {
    const model *m = x->m;
    value h = put(x, &op_embedding, (op_attributes){0}, (value[]){record_outside(x->r, &x->p->ids), parameter_value(x, m->embed)}, 2);
    const value position = record_outside(x->r, &x->p->position);
    if (m->position_embed != NULL) h = add(x, h, put(x, &op_embedding, (op_attributes){0}, (value[]){position, parameter_value(x, m->position_embed)}, 2));
    if (m->rope_inverse.data != NULL) {
        x->position_cos = put(x, &op_rope_table, (op_attributes){0}, (value[]){position, record_outside(x->r, &m->rope_inverse)}, 2);
        x->position_sin = x->ok ? record_result(x->r, x->position_cos, 1) : NO_VALUE;
    }
    return dropped(x, h);
}

value transformer_hidden(const model *m, record *r, const transformer_pass *p, error *err) {
    recorder x = {.m = m, .r = r, .p = p, .err = err, .ok = true};
    if (p->dropout > 0 || (p->training && m->bank != NULL && m->bank->dropout > 0)) x.seed = record_outside(r, &p->seed);
    if (m->bank != NULL) x.adapter = record_outside(r, &p->adapter);
    record_mark(r, "embedding", -1);
    value h = embed(&x);
    for (int i = 0; i < m->n_layer; i++) {
        const layer *l = &m->layers[i];
        record_mark(r, "layer", i);
        h = add(&x, h, dropped(&x, attention(&x, l, i, norm(&x, h, l, l->attention_norm, l->attention_norm_bias))));
        h = add(&x, h, dropped(&x, feed_forward(&x, l, norm(&x, h, l, l->mlp_norm, l->mlp_norm_bias))));
    }
    record_mark(r, "head", -1);
    h = norm(&x, h, &m->layers[m->n_layer - 1], m->final_norm, m->final_norm_bias);
    return x.ok ? h : NO_VALUE;
}

value transformer_nll(const model *m, record *r, value hidden, value targets, error *err) {
    return record_op(r, &op_head, &(op_attributes){.ignore_index = -100}, (value[]){hidden, record_outside(r, &m->head->value), targets}, 3, err);
}

value transformer_logits(const model *m, record *r, value hidden, value rows, error *err) {
    const value some = record_op(r, &op_select_rows, NULL, (value[]){hidden, rows}, 2, err);
    if (some == NO_VALUE) return NO_VALUE;
    return record_op(r, &op_linear, &(op_attributes){.n_weight = 1, .module = {-1}}, (value[]){some, record_outside(r, &m->head->value)}, 2, err);
}

double transformer_flops(const model *m, double rows, double keys) {
    double each = 2.0 * (double)m->vocab_size * (double)m->hidden_size;
    for (int i = 0; i < m->n_layer; i++) {
        const layer *l = &m->layers[i];
        const parameter *weights[] = {l->q, l->k, l->v, l->o, l->gate, l->up, l->down};
        for (size_t k = 0; k < COUNT(weights); k++)
            if (weights[k] != NULL) each += 2.0 * (double)weights[k]->value.rows * (double)weights[k]->value.dim;
        each += 4.0 * keys * (double)(l->n_head * l->head_dim);
    }
    return each * rows;
}
