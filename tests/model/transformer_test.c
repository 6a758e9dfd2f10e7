/* Whole models against PyTorch: loss, logits, and the gradient of every parameter (tests/golden/torch). */
#include "model/transformer.h"
#include "tensor/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden/torch/"

static arena owner;

static safetensors *open_file(const char *path) {
    error err = {0};
    safetensors *file = safetensors_open(&owner, path, &err);
    if (file == NULL) fail_msg("%s", err.text);
    return file;
}

static const safetensors_entry *find(const safetensors *file, const char *name) {
    const safetensors_entry *e = safetensors_find(file, name);
    if (e == NULL) fail_msg("no tensor %s", name);
    return e;
}

static real *reals(const safetensors_entry *e) {
    real *x = NEW_ARRAY(&owner, shape_values(e->value.shape), real);
    values_to_real(e->value.type, e->value.data, x, shape_values(e->value.shape));
    return x;
}

static tensor ints(const safetensors_entry *e) {
    const long n = shape_values(e->value.shape);
    real *x = reals(e);
    int32_t *out = NEW_ARRAY(&owner, n, int32_t);
    for (long i = 0; i < n; i++) out[i] = (int32_t)x[i];
    return tensor_of(DTYPE_I32, shape_1(n), out);
}

static void assert_near(const char *what, const real *got, const real *want, long n) {
    double most = 0, worst = 0;
    for (long i = 0; i < n; i++) {
        if (fabs((double)want[i]) > most) most = fabs((double)want[i]);
        const double gap = fabs((double)got[i] - (double)want[i]);
        if (!(gap <= worst)) worst = gap;
    }
    if (!(worst <= 1e-4 * most)) fail_msg("%s is off by %.3g of %.3g", what, worst, most);
}

/* What one pass over the golden's batch needs and gives. */
typedef struct pass {
    transformer_pass p;
    tensor targets, all_rows, root_gradient;
    value nll, logits;
    record *r;
    plan *plan;
    void *memory;
} pass;

static void pass_prepare(pass *x, const safetensors *expected) {
    const tensor ids = find(expected, "ids")->value;
    const long rows = shape_values(ids.shape), seq = ids.shape.dim[1];
    x->p = (transformer_pass){.ids = ints(find(expected, "ids"))};
    x->targets = ints(find(expected, "targets"));
    int32_t *first = NEW_ARRAY(&owner, rows, int32_t), *position = NEW_ARRAY(&owner, rows, int32_t), *row = NEW_ARRAY(&owner, rows, int32_t),
            *slot = NEW_ARRAY(&owner, rows, int32_t);
    const int32_t *documents = safetensors_find(expected, "first") != NULL ? ints(find(expected, "first")).data : NULL;
    long learned = 0;
    for (long i = 0; i < rows; i++) {
        first[i] = (int32_t)(i - i % seq) + (documents != NULL ? documents[i] : 0);
        position[i] = (int32_t)i - first[i];
        row[i] = (int32_t)i;
        learned += ((int32_t *)x->targets.data)[i] != -100;
    }
    x->p.first = tensor_of(DTYPE_I32, shape_1(rows), first);
    x->p.position = tensor_of(DTYPE_I32, shape_1(rows), position);
    x->p.adapter = tensor_of(DTYPE_I32, shape_1(rows), slot);
    x->all_rows = tensor_of(DTYPE_I32, shape_1(rows), row);
    real *gradient = NEW_ARRAY(&owner, rows, real);
    for (long i = 0; i < rows; i++) gradient[i] = ((int32_t *)x->targets.data)[i] != -100 ? 1 / (real)learned : 0;
    x->root_gradient = tensor_of(DTYPE_REAL, shape_1(rows), gradient);
}

static void pass_run(pass *x) {
    error err = {0};
    x->plan = plan_new(&owner, x->r, &err);
    x->memory = memory_new(plan_bytes(x->plan), &err);
    assert_non_null(x->memory);
    plan_run(x->plan, x->memory);
}

static void assert_loss(pass *x, const safetensors *expected) {
    const real *nll = plan_tensor(x->plan, x->nll, x->memory).data;
    double loss = 0;
    for (long i = 0; i < x->targets.dim; i++) loss += (double)nll[i] * (double)((real *)x->root_gradient.data)[i];
    const real got = (real)loss;
    assert_near("loss", &got, reals(find(expected, "loss")), 1);
}

static void assert_logits(const model *m, const safetensors *expected) {
    error err = {0};
    pass x = {0};
    pass_prepare(&x, expected);
    x.r = record_new(&owner);
    const value hidden = transformer_hidden(m, x.r, &x.p, &err);
    x.logits = transformer_logits(m, x.r, hidden, record_outside(x.r, &x.all_rows), &err);
    if (x.logits < 0) fail_msg("%s", err.text);
    record_keep(x.r, x.logits);
    pass_run(&x);
    assert_near("logits", plan_tensor(x.plan, x.logits, x.memory).data, reals(find(expected, "logits")), x.p.ids.dim * m->vocab_size);
    memory_free(x.memory, plan_bytes(x.plan));
}

/* The loss's pass with its backward; gradients in `gradients`, one for each tensor of `wanted`. */
static pass run_backward(const model *m, const safetensors *expected, const tensor *const *wanted, tensor *gradients, int n) {
    error err = {0};
    pass x = {0};
    pass *kept = NEW(&owner, pass); /* the record borrows its tensors */
    pass_prepare(kept, expected);
    x.r = record_new(&owner);
    const value hidden = transformer_hidden(m, x.r, &kept->p, &err);
    x.nll = transformer_nll(m, x.r, hidden, record_outside(x.r, &kept->targets), &err);
    if (x.nll < 0) fail_msg("%s", err.text);
    for (int i = 0; i < n; i++) {
        gradients[i] = *wanted[i];
        gradients[i].data = arena_alloc(&owner, tensor_bytes(*wanted[i]));
        record_want(x.r, record_outside(x.r, wanted[i]), &gradients[i], false);
    }
    if (!record_differentiate(x.r, x.nll, record_outside(x.r, &kept->root_gradient), &err)) fail_msg("%s", err.text);
    record_keep(x.r, x.nll);
    x.targets = kept->targets;
    x.root_gradient = kept->root_gradient;
    pass_run(&x);
    assert_loss(&x, expected);
    memory_free(x.memory, plan_bytes(x.plan));
    return x;
}

/* A parameter's gradient, back in the form of the stored tensor's. */
static void put_stored(const parameter *p, const real *gradient, real *stored) {
    for (long i = 0; i < p->value.rows; i++)
        for (long j = 0; j < p->value.dim; j++) {
            const real g = gradient[i * p->value.dim + j];
            if (p->transposed) stored[j * p->part_total + p->part_first + i] = g;
            else stored[(p->part_first + i) * p->value.dim + j] = g;
        }
    if (p->value.shape.n == 1) memcpy(stored + p->part_first, gradient, (size_t)p->value.dim * sizeof(real));
}

static void assert_model(const char *folder, const char *file) {
    error err = {0};
    model *m = model_load(&owner, arena_print(&owner, FOLDER "%s", folder), &err);
    if (m == NULL) fail_msg("%s", err.text);
    safetensors *expected = open_file(arena_print(&owner, FOLDER "%s/%s", folder, file));
    assert_logits(m, expected);
    const tensor **wanted = NEW_ARRAY(&owner, m->n_parameter, const tensor *);
    tensor *gradients = NEW_ARRAY(&owner, m->n_parameter, tensor);
    for (int i = 0; i < m->n_parameter; i++) wanted[i] = &m->parameters[i]->value;
    run_backward(m, expected, wanted, gradients, m->n_parameter);
    int compared = 0;
    for (int i = 0; i < m->n_parameter; i++) {
        const parameter *p = m->parameters[i];
        if (p->part_first > 0) continue;
        const char *stored = p->stored;
        const safetensors_entry *e = safetensors_find(expected, arena_print(&owner, "gradient.%s", stored));
        if (e == NULL) fail_msg("no gradient of %s", stored);
        real *got = NEW_ARRAY(&owner, shape_values(e->value.shape), real);
        for (int k = 0; k < m->n_parameter; k++)
            if (strcmp(m->parameters[k]->stored, stored) == 0) put_stored(m->parameters[k], gradients[k].data, got);
        assert_near(stored, got, reals(e), shape_values(e->value.shape));
        compared++;
    }
    assert_true(compared > 10);
    safetensors_close(expected);
    model_free_weights(m);
    arena_drop(&owner);
}

static void llama_with_grouped_heads_agrees_with_torch(void **state) {
    (void)state;
    assert_model("llama-grouped", "expected.safetensors");
}

static void llama_on_packed_documents_agrees_with_torch(void **state) {
    (void)state;
    assert_model("llama-grouped", "expected-packed.safetensors");
}

static void llama_tied_with_biases_agrees_with_torch(void **state) {
    (void)state;
    assert_model("llama-tied-biases", "expected.safetensors");
}

static void gpt2_agrees_with_torch(void **state) {
    (void)state;
    assert_model("gpt2", "expected.safetensors");
}

static void adapters_gradients_agree_with_peft(void **state) {
    (void)state;
    error err = {0};
    model *m = model_open(&owner, FOLDER "llama-grouped+" FOLDER "llama-grouped-lora", &err);
    if (m == NULL) fail_msg("%s", err.text);
    safetensors *expected = open_file(FOLDER "llama-grouped-lora/expected.safetensors");
    assert_logits(m, expected);
    enum { MOST = 64 };
    const tensor *wanted[MOST];
    tensor gradients[MOST];
    int n = 0;
    for (int i = 0; i < m->bank->n_module; i++) wanted[n++] = &m->bank->modules[i].a, wanted[n++] = &m->bank->modules[i].b;
    assert_in_range(n, 2, MOST);
    run_backward(m, expected, wanted, gradients, n);
    for (int i = 0; i < n; i++) {
        const char *name = arena_print(&owner, "gradient.base_model.model.%s.lora_%c.weight", m->bank->modules[i / 2].path, i % 2 ? 'B' : 'A');
        const safetensors_entry *e = find(expected, name);
        assert_near(name, gradients[i].data, reals(e), shape_values(e->value.shape));
    }
    safetensors_close(expected);
    model_free_weights(m);
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_with_grouped_heads_agrees_with_torch), cmocka_unit_test(llama_on_packed_documents_agrees_with_torch),
        cmocka_unit_test(llama_tied_with_biases_agrees_with_torch),   cmocka_unit_test(gpt2_agrees_with_torch),
        cmocka_unit_test(adapters_gradients_agree_with_peft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
