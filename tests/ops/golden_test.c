/* Values and gradients of every op against PyTorch's (tests/golden/torch). */
#include "ops/op.h"
#include "tensor/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAMES = 6 };

/* A row an op: its file, and the file's names of its inputs (in the op's order), outputs and saved ones, by position. */
typedef struct golden {
    const char *file;
    const op *op;
    const char *in[NAMES], *gradient[NAMES], *out[2];
    void (*attributes)(op_call *c, const safetensors *file, const char *which);
} golden;

static arena owner;

static const safetensors_entry *find(const safetensors *file, const char *which, const char *name) {
    return safetensors_find(file, arena_print(&owner, "%s.%s", which, name));
}

/* A copy as `real`, or as i32. */
static tensor get(const safetensors *file, const char *which, const char *name) {
    const safetensors_entry *e = find(file, which, name);
    if (e == NULL) fail_msg("no tensor %s.%s", which, name);
    tensor t = e->value;
    if (t.type == DTYPE_I32) {
        t.data = arena_copy_bytes(&owner, t.data, tensor_bytes(t));
        return t;
    }
    real *values = NEW_ARRAY(&owner, shape_values(t.shape), real);
    values_to_real(t.type, t.data, values, shape_values(t.shape));
    return tensor_of(DTYPE_REAL, t.shape, values);
}

static double number(const safetensors *file, const char *which, const char *name) {
    const tensor t = get(file, which, name);
    return t.type == DTYPE_I32 ? *(const int32_t *)t.data : *(const real *)t.data;
}

static void norm_attributes(op_call *c, const safetensors *file, const char *which) {
    c->at.eps = (real)number(file, which, "eps");
}
static void linear_attributes(op_call *c, const safetensors *file, const char *which) {
    (void)file, (void)which;
    c->at = (op_attributes){.n_weight = 1, .has_bias = {true}, .module = {-1}};
}
static void adapted_attributes(op_call *c, const safetensors *file, const char *which) {
    (void)file, (void)which;
    c->at = (op_attributes){.n_weight = 1, .n_module = 1, .has_bias = {true}, .module = {0}};
    const long slots = c->in[6].dim, rank = c->in[5].dim; /* the goldens' adapters use their whole rank */
    c->in[7] = tensor_of(DTYPE_I32, shape_1(slots), NEW_ARRAY(&owner, slots, int32_t));
    for (long i = 0; i < slots; i++) ((int32_t *)c->in[7].data)[i] = (int32_t)rank;
    c->n_in = 8;
}
static void head_attributes(op_call *c, const safetensors *file, const char *which) {
    (void)file, (void)which;
    c->at.ignore_index = -100;
}
static void attention_attributes(op_call *c, const safetensors *file, const char *which) {
    c->at.n_head = (int)number(file, which, "n_head");
    c->at.n_kv_head = (int)number(file, which, "n_kv_head");
    c->at.head_dim = c->in[0].dim / c->at.n_head;
    c->at.scale = (real)(1 / sqrt((double)c->at.head_dim));
}
static void rope_attributes(op_call *c, const safetensors *file, const char *which) {
    (void)file, (void)which;
    c->at.head_dim = 2 * c->in[1].dim;
}

static const golden goldens[] = {
    {"linear", &op_linear, {"x", "w", "bias"}, {"dx", "dw", "dbias"}, {"out"}, linear_attributes},
    {"adapted_linear", &op_linear, {"x", "w", "bias", "slot", "a", "b"}, {"dx", "dw", "dbias", NULL, "da", "db"}, {"out"}, adapted_attributes},
    {"embedding", &op_embedding, {"ids", "w"}, {NULL, "dw"}, {"out"}, NULL},
    {"rms_norm", &op_rms_norm, {"x", "w"}, {"dx", "dw"}, {"out"}, norm_attributes},
    {"layer_norm", &op_layer_norm, {"x", "w", "bias"}, {"dx", "dw", "dbias"}, {"out"}, norm_attributes},
    {"rope", &op_rope_table, {"position", "inverse"}, {NULL}, {"cos", "sin"}, NULL},
    {"rope", &op_rope, {"x", "cos", "sin"}, {"dx"}, {"out"}, rope_attributes},
    {"attention", &op_attention, {"q", "k", "v", "first"}, {"dq", "dk", "dv"}, {"out"}, attention_attributes},
    {"swiglu", &op_swiglu, {"gate", "up"}, {"dgate", "dup"}, {"out"}, NULL},
    {"gelu", &op_gelu, {"x"}, {"dx"}, {"out"}, NULL},
    {"head", &op_head, {"x", "w", "targets"}, {"dx", "dw"}, {"out", "logsumexp"}, head_attributes},
};

static void assert_agrees(const golden *g, const safetensors *file, const char *which, const char *name, tensor got) {
    const tensor want = get(file, which, name);
    double most = 0, worst = 0;
    for (long i = 0; i < shape_values(want.shape); i++) {
        const double a = ((const real *)got.data)[i], b = ((const real *)want.data)[i];
        /* Of a row that is not learned, nll is 0 and its logsumexp is not asked for. */
        if (strcmp(name, "logsumexp") == 0 && ((const int32_t *)get(file, which, "targets").data)[i] == -100) continue;
        if (fabs(b) > most) most = fabs(b);
        if (!(fabs(a - b) <= worst)) worst = fabs(a - b);
    }
    if (!(worst <= 1e-4 * most)) fail_msg("%s %s: %s is off by %.3g of %.3g", g->op->name, which, name, worst, most);
}

static void *memory_of(tensor t) {
    return arena_alloc(&owner, tensor_bytes(t));
}

static void check_case(const golden *g, const safetensors *file, const char *which) {
    error err = {0};
    int n_out, n_saved;
    op_call c = {.op = g->op};
    while (c.n_in < NAMES && g->in[c.n_in] != NULL) c.in[c.n_in] = get(file, which, g->in[c.n_in]), c.n_in++;
    if (g->op == &op_linear && c.n_in == 6) c.in[6] = get(file, which, "scale");
    if (g->attributes != NULL) g->attributes(&c, file, which);
    if (!g->op->shape(&c, &n_out, &n_saved, &err)) fail_msg("%s %s: %s", g->op->name, which, err.text);
    for (int k = 0; k < n_out; k++) c.out[k].data = memory_of(c.out[k]);
    for (int k = 0; k < n_saved; k++) c.saved[k].data = memory_of(c.saved[k]);
    c.scratch = arena_alloc(&owner, op_scratch_bytes(&c, PASS_FORWARD));
    op_run(&c, PASS_FORWARD);
    for (int k = 0; k < 2 && g->out[k] != NULL; k++) assert_agrees(g, file, which, g->out[k], c.out[k]);
    if (g->op->backward == NULL) return;
    c.dout[0] = get(file, which, "dout");
    for (int k = 0; k < NAMES; k++)
        if (g->gradient[k] != NULL) c.din[k] = c.in[k], c.din[k].data = memory_of(c.in[k]);
    c.scratch = arena_alloc(&owner, op_scratch_bytes(&c, PASS_BACKWARD));
    op_run(&c, PASS_BACKWARD);
    for (int k = 0; k < NAMES; k++)
        if (g->gradient[k] != NULL) assert_agrees(g, file, which, g->gradient[k], c.din[k]);
}

static void ops_agree_with_torch(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        error err = {0};
        const safetensors *file = safetensors_open(&owner, arena_print(&owner, "tests/golden/torch/%s.safetensors", goldens[i].file), &err);
        if (file == NULL) fail_msg("%s", err.text);
        int cases = 0;
        for (size_t k = 0; k < safetensors_count(file); k++) { /* a case is told by its first input */
            const char *name = safetensors_at(file, k)->name, *dot = strrchr(name, '.');
            if (dot == NULL || strcmp(dot + 1, goldens[i].in[0]) != 0) continue;
            check_case(&goldens[i], file, arena_copy_bytes(&owner, name, (size_t)(dot - name)));
            cases++;
        }
        assert_true(cases >= 2);
        safetensors_close((safetensors *)file);
        arena_reset(&owner);
    }
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_agree_with_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
