/* Gradients of whole models against finite differences of the loss, in double. */
#include "base/random.h"
#include "model/transformer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 11, VOCAB = 23, NUDGED = 6 /* values of each tensor */ };

typedef struct loss_pass {
    transformer_pass p;
    tensor targets, root_gradient;
    record *r;
    value nll;
    plan *plan;
    void *memory;
} loss_pass;

static arena owner;

static tensor ints(const int32_t *values) {
    return tensor_of(DTYPE_I32, shape_1(ROWS), arena_copy_bytes(&owner, values, ROWS * sizeof *values));
}

/* Two packed documents, some targets ignored, weights of the rows all different, dropout on. */
static void pass_prepare(loss_pass *x) {
    int32_t ids[ROWS], targets[ROWS], first[ROWS], position[ROWS], slot[ROWS];
    for (int i = 0; i < ROWS; i++) {
        ids[i] = (i * 7 + 3) % VOCAB;
        targets[i] = i % 4 == 2 ? -100 : (i * 5 + 1) % VOCAB;
        first[i] = i < 6 ? 0 : 6;
        position[i] = i - first[i];
        slot[i] = 0;
    }
    x->p = (transformer_pass){.ids = ints(ids), .first = ints(first), .position = ints(position), .adapter = ints(slot), .dropout = 0.1, .training = true};
    x->p.seed = tensor_of(DTYPE_I64, shape_1(2), arena_copy_bytes(&owner, (int64_t[]){3, 4}, 2 * sizeof(int64_t)));
    x->targets = ints(targets);
    x->root_gradient = tensor_of(DTYPE_REAL, shape_1(ROWS), NEW_ARRAY(&owner, ROWS, real));
    for (int i = 0; i < ROWS; i++) ((real *)x->root_gradient.data)[i] = 0.1 + 0.03 * i;
}

static void pass_record(loss_pass *x, const model *m) {
    error err = {0};
    x->r = record_new(&owner);
    const value hidden = transformer_hidden(m, x->r, &x->p, &err);
    x->nll = transformer_nll(m, x->r, hidden, record_outside(x->r, &x->targets), &err);
    if (x->nll < 0) fail_msg("%s", err.text);
    record_keep(x->r, x->nll);
}

static void pass_plan(loss_pass *x) {
    error err = {0};
    x->plan = plan_new(&owner, x->r, &err);
    x->memory = memory_new(plan_bytes(x->plan), &err);
    assert_non_null(x->memory);
}

static double pass_loss(loss_pass *x) {
    plan_run(x->plan, x->memory);
    const real *nll = plan_tensor(x->plan, x->nll, x->memory).data;
    double loss = 0;
    for (int i = 0; i < ROWS; i++) loss += nll[i] * ((real *)x->root_gradient.data)[i];
    return loss;
}

static void assert_gradients(const model *m, const tensor *const *wanted, const char *const *names, int n) {
    error err = {0};
    loss_pass *backward = NEW(&owner, loss_pass), *forward = NEW(&owner, loss_pass);
    tensor *gradients = NEW_ARRAY(&owner, n, tensor);
    pass_prepare(backward), pass_prepare(forward);
    pass_record(backward, m), pass_record(forward, m);
    for (int i = 0; i < n; i++) {
        gradients[i] = *wanted[i];
        gradients[i].data = arena_alloc(&owner, tensor_bytes(*wanted[i]));
        record_want(backward->r, record_outside(backward->r, wanted[i]), &gradients[i], false);
    }
    if (!record_differentiate(backward->r, backward->nll, record_outside(backward->r, &backward->root_gradient), &err)) fail_msg("%s", err.text);
    pass_plan(backward), pass_plan(forward);
    assert_true(fabs(pass_loss(backward) - pass_loss(forward)) < 1e-12);
    for (int i = 0; i < n; i++) {
        random_stream r = random_start(5, (uint64_t)i);
        for (int k = 0; k < NUDGED; k++) {
            const long at = (long)random_below(&r, (uint64_t)shape_values(wanted[i]->shape));
            real *x = (real *)wanted[i]->data + at, keep = *x;
            const real h = 1e-5;
            *x = keep + h;
            const double up = pass_loss(forward);
            *x = keep - h;
            const double down = pass_loss(forward);
            *x = keep;
            const double want = (up - down) / (2 * h), got = ((real *)gradients[i].data)[at];
            if (!(fabs(got - want) <= 1e-7 + 1e-6 * fabs(want))) fail_msg("%s: gradient of value %ld is %.10g, not %.10g", names[i], at, got, want);
        }
    }
    memory_free(backward->memory, plan_bytes(backward->plan));
    memory_free(forward->memory, plan_bytes(forward->plan));
}

static model *model_make(const model_sizes *sizes) {
    error err = {0};
    json *config = model_config_of_sizes(&owner, sizes, &err);
    model *m = config != NULL ? model_describe_json(&owner, config, "test", &err) : NULL;
    if (m == NULL || !model_allocate(m, &err)) fail_msg("%s", err.text);
    model_initialise(m, 7);
    /* Larger weights than a fresh model has: every path then carries a gradient that can be seen. */
    for (int i = 0; i < m->n_parameter; i++) {
        random_stream r = random_start(8, (uint64_t)i);
        for (long k = 0; k < shape_values(m->parameters[i]->value.shape); k++) ((real *)m->parameters[i]->value.data)[k] += 0.2 * random_normal(&r);
    }
    return m;
}

static void assert_model(const model_sizes *sizes) {
    model *m = model_make(sizes);
    const tensor **wanted = NEW_ARRAY(&owner, m->n_parameter, const tensor *);
    const char **names = NEW_ARRAY(&owner, m->n_parameter, const char *);
    for (int i = 0; i < m->n_parameter; i++) wanted[i] = &m->parameters[i]->value, names[i] = m->parameters[i]->name;
    assert_gradients(m, wanted, names, m->n_parameter);
    model_free_weights(m);
    arena_drop(&owner);
}

static const model_sizes llama = {.family = "llama",
                                  .vocab_size = VOCAB,
                                  .n_layer = 2,
                                  .n_head = 4,
                                  .n_kv_head = 2,
                                  .hidden_size = 24,
                                  .intermediate_size = 20,
                                  .max_position = 32,
                                  .bos_id = -1,
                                  .eos_id = -1};
static const model_sizes gpt2 = {.family = "gpt2",
                                 .vocab_size = VOCAB,
                                 .n_layer = 2,
                                 .n_head = 2,
                                 .n_kv_head = 2,
                                 .hidden_size = 12,
                                 .intermediate_size = 20,
                                 .max_position = 32,
                                 .tied = true,
                                 .bos_id = -1,
                                 .eos_id = -1};

static void gradients_of_llama_agree_with_finite_differences(void **state) {
    (void)state;
    assert_model(&llama);
}

static void gradients_of_tied_llama_agree_with_finite_differences(void **state) {
    (void)state;
    model_sizes tied = llama;
    tied.tied = true;
    assert_model(&tied);
}

static void gradients_of_gpt2_agree_with_finite_differences(void **state) {
    (void)state;
    assert_model(&gpt2);
}

static void assert_adapter(const model_sizes *sizes, const char **targets, int n_target) {
    error err = {0};
    model *m = model_make(sizes);
    adapter_config c = {0};
    if (!adapter_config_make(&owner, 3, 5, 0.2, targets, n_target, &c, &err) || bank_new(m, &c, 1, 1, &err) == NULL || !bank_initialise(m, 0, &c, 9, &err))
        fail_msg("%s", err.text);
    m->bank->dropout = 0.2;
    enum { MOST = 64 };
    const tensor *wanted[MOST] = {0};
    const char *names[MOST];
    int n = 0;
    for (int i = 0; i < m->bank->n_module; i++) {
        bank_module *mod = &m->bank->modules[i];
        random_stream r = random_start(11, (uint64_t)i);
        for (long k = 0; k < shape_values(mod->b.shape); k++) ((real *)mod->b.data)[k] = 0.3 * random_normal(&r);
        names[n] = mod->path, wanted[n++] = &mod->a;
        names[n] = mod->path, wanted[n++] = &mod->b;
    }
    assert_gradients(m, wanted, names, n);
    model_free_weights(m);
    arena_drop(&owner);
}

static void gradients_of_adapters_agree_with_finite_differences(void **state) {
    (void)state;
    assert_adapter(&llama, (const char *[]){"q_proj", "v_proj", "down_proj", "gate_proj"}, 4);
    assert_adapter(&gpt2, (const char *[]){"c_attn", "c_proj"}, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_llama_agree_with_finite_differences),
        cmocka_unit_test(gradients_of_tied_llama_agree_with_finite_differences),
        cmocka_unit_test(gradients_of_gpt2_agree_with_finite_differences),
        cmocka_unit_test(gradients_of_adapters_agree_with_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
