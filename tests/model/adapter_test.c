#include "model/models.h"

#include <math.h>

static adapter_config config_of(const char *fields) {
    error err = {0};
    adapter_config c;
    const char *text = arena_print(&owner, "{\"peft_type\":\"LORA\",\"r\":3,\"lora_alpha\":6,%s}", fields);
    if (!adapter_config_parse(&owner, text, strlen(text), &c, &err)) fail_msg("%s: %s", text, err.text);
    return c;
}

static void bank_for(model *m, const adapter_config *c, int n, int n_slot) {
    error err = {0};
    if (bank_new(m, c, n, n_slot, &err) == NULL) fail_msg("%s", err.text);
}

static const bank_module *module(const model *m, const char *path) {
    for (int i = 0; i < m->bank->n_module; i++)
        if (strcmp(m->bank->modules[i].path, path) == 0) return &m->bank->modules[i];
    return NULL;
}

static long rank_at(const bank_module *mod, int slot) {
    return ((const int32_t *)mod->rank.data)[slot];
}

static double scale_at(const bank_module *mod, int slot) {
    return (double)((const real *)mod->scale.data)[slot];
}

/* A fresh adapter whose B is made to matter, as after a step of training. */
static void start(model *m, int slot, const adapter_config *c, uint64_t seed) {
    error err = {0};
    if (!bank_initialise(m, slot, c, seed, &err)) fail_msg("%s", err.text);
    for (int i = 0; i < m->bank->n_module; i++) {
        const bank_module *mod = &m->bank->modules[i];
        real *b = (real *)mod->b.data + slot * mod->out * mod->b.dim;
        for (long row = 0; row < mod->out; row++)
            for (long r = 0; r < rank_at(mod, slot); r++) b[row * mod->b.dim + r] = (real)(row + 1) / (real)(r + 2);
    }
}

/* Which modules an adapter changes: "0:q_proj 1:up_proj". */
static const char *chosen(const model *m) {
    char *text = arena_copy(&owner, "");
    for (int i = 0; i < m->bank->n_module; i++) {
        const char *path = m->bank->modules[i].path;
        text = arena_print(&owner, "%s%s%c:%s", text, i == 0 ? "" : " ", strpbrk(path, "0123456789")[0], strrchr(path, '.') + 1);
    }
    return text;
}

static void targets_are_chosen_as_peft_chooses_them(void **state) {
    static const struct {
        const char *fields, *modules;
    } cases[] = {
        {"\"target_modules\":[\"q_proj\",\"v_proj\"]", "0:q_proj 0:v_proj 1:q_proj 1:v_proj"},
        {"\"target_modules\":null", "0:q_proj 0:v_proj 1:q_proj 1:v_proj"},
        {"\"target_modules\":[\"layers.1.mlp.up_proj\",\"absent\"]", "1:up_proj"},
        {"\"target_modules\":[\"proj\",\"o_proj\"]", "0:o_proj 1:o_proj"},
        {"\"target_modules\":\".*\\\\.0\\\\..*(up|down)_proj\"", "0:up_proj 0:down_proj"},
        {"\"target_modules\":[\"q_proj\",\"o_proj\"],\"layers_to_transform\":[1]", "1:q_proj 1:o_proj"},
        {"\"target_modules\":[\"q_proj\"],\"layers_to_transform\":0", "0:q_proj"},
        {"\"target_modules\":[\"q_proj\"],\"layers_to_transform\":[0],\"layers_pattern\":\"layers\"", "0:q_proj"},
        {"\"target_modules\":[\"q_proj\"],\"layers_to_transform\":[]", "0:q_proj 1:q_proj"},
        {"\"target_modules\":[\"q_proj\",\"model.layers.1.mlp.up_proj\"],\"layers_to_transform\":[0]", "0:q_proj 1:up_proj"},
        {"\"target_modules\":[\"q_proj\",\"k_proj\"],\"exclude_modules\":[\"k_proj\",\"0.self_attn.q_proj\"]", "1:q_proj"},
        {"\"target_modules\":[\"q_proj\"],\"exclude_modules\":\".*\\\\.1\\\\..*\"", "0:q_proj"},
        {"\"target_modules\":\"ALL-linear\",\"exclude_modules\":[\"mlp\",\"gate_proj\",\"up_proj\",\"down_proj\"]",
         "0:q_proj 0:k_proj 0:v_proj 0:o_proj 1:q_proj 1:k_proj 1:v_proj 1:o_proj"},
    };
    model *m = new_model(&small_llama, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const adapter_config c = config_of(cases[i].fields);
        bank_for(m, &c, 1, 1);
        if (strcmp(chosen(m), cases[i].modules) != 0) fail_msg("%s chooses %s", cases[i].fields, chosen(m));
    }
    model_free_weights(m);
}

static void gpt2s_fused_attention_is_one_module_over_three_weights(void **state) {
    model *m = new_model(&small_gpt2, 1);
    const adapter_config c = config_of("\"target_modules\":[\"c_attn\",\"c_proj\"]");
    bank_for(m, &c, 1, 1);
    assert_string_equal(chosen(m), "0:c_attn 0:c_proj 0:c_proj 1:c_attn 1:c_proj 1:c_proj");
    const bank_module *mod = module(m, "transformer.h.1.attn.c_attn");
    assert_true(mod->n_weight == 3 && mod->in == 24 && mod->out == 72);
    long row;
    assert_int_equal(bank_find(m->bank, m->layers[1].v, &row), (int)(mod - m->bank->modules));
    assert_int_equal(row, 48);
    assert_int_equal(bank_find(m->bank, m->layers[1].up, &row), -1);
    assert_int_equal(bank_find(m->bank, m->embed, &row), -1);
    model_free_weights(m);
}

static void patterns_and_rslora_decide_rank_and_scale(void **state) {
    model *m = new_model(&small_llama, 1);
    const adapter_config c[] = {config_of("\"target_modules\":[\"k_proj\",\"up_proj\"],\"rank_pattern\":{\"layers.1.mlp.up_proj\":9,\"up_proj\":2},"
                                          "\"alpha_pattern\":{\"k_proj\":1.5,\"^up_proj\":99}"),
                                config_of("\"target_modules\":[\"k_proj\"],\"use_rslora\":true")};
    bank_for(m, c, 2, 2);
    assert_int_equal(m->bank->rank, 9);
    start(m, 0, &c[0], 1);
    start(m, 1, &c[1], 2);
    const bank_module *up = module(m, "model.layers.1.mlp.up_proj"), *first = module(m, "model.layers.0.mlp.up_proj"),
                      *k = module(m, "model.layers.0.self_attn.k_proj");
    assert_true(rank_at(up, 0) == 9 && rank_at(first, 0) == 2 && rank_at(k, 0) == 3 && rank_at(k, 1) == 3 && rank_at(up, 1) == 0);
    assert_true(fabs(scale_at(up, 0) - 6 / 9.0) < 1e-6 && fabs(scale_at(k, 0) - 0.5) < 1e-6 && fabs(scale_at(k, 1) - 6 / sqrt(3)) < 1e-6);
    assert_int_equal(bank_parameter_count(m->bank, 1), 2 * 3 * (24 + 12));
    bank_clear(m, 0);
    assert_int_equal(bank_parameter_count(m->bank, 0), 0);
    assert_true(rank_at(k, 1) == 3);
    model_free_weights(m);
}

static void fresh_adapters_are_uniform_in_a_and_zero_in_b(void **state) {
    model *m = new_model(&small_llama, 1);
    error err = {0};
    adapter_config c;
    assert_true(adapter_config_make(&owner, 8, 16, 0.1, (const char *[]){"all-linear"}, 1, &c, &err));
    bank_for(m, &c, 1, 2);
    assert_int_equal(m->bank->n_module, 14);
    assert_true(m->bank->dropout == (real)0.1);
    assert_true(bank_initialise(m, 1, &c, 5, &err));
    double squares = 0, most = 0;
    for (int i = 0; i < m->bank->n_module; i++) {
        const bank_module *mod = &m->bank->modules[i];
        const real *a = mod->a.data, *b = mod->b.data;
        for (long k = 0; k < 8 * mod->in; k++) assert_true(a[k] == 0); /* the other slot */
        for (long k = 8 * mod->in; k < 16 * mod->in; k++) {
            const double x = (double)a[k] * sqrt((double)mod->in);
            squares += x * x / (8.0 * (double)mod->in * 14);
            if (fabs(x) > most) most = fabs(x);
        }
        for (long k = 0; k < shape_values(mod->b.shape); k++) assert_true(b[k] == 0);
    }
    assert_true(most <= 1 && most > 0.99 && fabs(squares - 1 / 3.0) < 0.02);
    assert_false(adapter_config_make(&owner, 0, 16, 0, (const char *[]){"q_proj"}, 1, &c, &err));
    model_free_weights(m);
}

/* ---- folders ---- */

static void assert_same_slot(const model *a, int slot_a, const model *b, int slot_b) {
    assert_int_equal(bank_parameter_count(a->bank, slot_a), bank_parameter_count(b->bank, slot_b));
    for (int i = 0; i < a->bank->n_module; i++) {
        const bank_module *x = &a->bank->modules[i], *y = module(b, x->path);
        assert_non_null(y);
        assert_true(rank_at(x, slot_a) == rank_at(y, slot_b) && scale_at(x, slot_a) == scale_at(y, slot_b));
        for (long r = 0; r < rank_at(x, slot_a); r++) {
            for (long k = 0; k < x->in; k++)
                assert_true(tensor_row(x->a, slot_a * x->a.shape.dim[1] + r)[k] == tensor_row(y->a, slot_b * y->a.shape.dim[1] + r)[k]);
            for (long k = 0; k < x->out; k++) assert_true(tensor_row(x->b, slot_a * x->out + k)[r] == tensor_row(y->b, slot_b * y->out + k)[r]);
        }
    }
}

static void save(const model *m, int slot, const adapter_config *c, const char *path) {
    error err = {0};
    if (!bank_save(m, slot, c, "models/base", path, &err)) fail_msg("%s", err.text);
}

static void what_is_saved_is_loaded_again_into_any_slot(void **state) {
    static const struct {
        const model_sizes *sizes;
        const char *fields;
    } cases[] = {
        {&small_llama,
         "\"target_modules\":[\"q_proj\",\"up_proj\"],\"rank_pattern\":{\"up_proj\":5},\"alpha_pattern\":{\"0.mlp.up_proj\":2},\"use_rslora\":true"},
        {&small_llama, "\"target_modules\":\".*down_proj\""},
        {&small_llama, "\"target_modules\":\"all-linear\",\"exclude_modules\":[\"q_proj\"]"},
        {&small_llama, "\"target_modules\":[\"o_proj\"],\"layers_to_transform\":[1],\"lora_dropout\":0.25"},
        {&small_gpt2, "\"target_modules\":[\"c_attn\",\"c_fc\"]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        model *m = new_model(cases[i].sizes, 1), *n = new_model(cases[i].sizes, 1);
        const adapter_config c = config_of(cases[i].fields);
        const char *path = subfolder(arena_print(&owner, "adapter-%zu", i));
        bank_for(m, &c, 1, 1);
        start(m, 0, &c, 9);
        save(m, 0, &c, path);
        adapter_config read[2];
        error err = {0};
        if (!adapter_config_read(&owner, path, &read[0], &err)) fail_msg("%s", err.text);
        assert_string_equal(read[0].name, path_name(path));
        assert_string_equal(json_get_text(read[0].tree, "base_model_name_or_path", ""), "models/base");
        assert_true(read[0].dropout == c.dropout);
        assert_true(adapter_config_make(&owner, 12, 1, 0, (const char *[]){"all-linear"}, 1, &read[1], &err));
        bank_for(n, read, 2, 3); /* a wider bank than the adapter needs */
        if (!bank_load(n, 2, path, &err)) fail_msg("%s", err.text);
        assert_same_slot(m, 0, n, 2);
        assert_int_equal(bank_parameter_count(n->bank, 0), 0);
        model_free_weights(m), model_free_weights(n);
    }
}

static void fields_that_would_change_the_result_are_refused_by_name(void **state) {
    static const char *const fields[] = {
        "\"use_dora\":true",
        "\"bias\":\"all\"",
        "\"modules_to_save\":[\"lm_head\"]",
        "\"lora_bias\":true",
        "\"trainable_token_indices\":[1]",
        "\"target_parameters\":[\"x\"]",
        "\"layer_replication\":[[0,1]]",
        "\"alora_invocation_tokens\":[1]",
        "\"use_qalora\":true",
        "\"init_lora_weights\":\"pissa\"",
        "\"task_type\":\"SEQ_CLS\"",
        "\"layers_to_transform\":[\"a\"]",
        "\"rank_pattern\":{\"q_proj\":0}",
        "\"alpha_pattern\":{\"q_proj\":\"x\"}",
        "\"some_new_method\":true",
        "\"lora_dropout\":1.5",
        "\"r\":0",
        "\"r\":1000000",
        "\"lora_alpha\":null,\"lora_alphas\":3",
        "\"target_modules\":[]",
        "\"target_modules\":[1]",
        "\"peft_type\":\"IA3\"",
        "\"megatron_config\":{\"a\":1}",
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        error err = {0};
        adapter_config c;
        const char *text = arena_print(&owner, "{\"peft_type\":\"LORA\",%s}", fields[i]);
        if (adapter_config_parse(&owner, text, strlen(text), &c, &err)) fail_msg("%s is taken", text);
        const char *end = strpbrk(fields[i] + 1, "\""), *name = arena_copy_bytes(&owner, fields[i] + 1, (size_t)(end - fields[i] - 1));
        if (strcmp(name, "lora_alpha") == 0) name = "lora_alphas; did you mean lora_alpha?";
        assert_says(&err, name);
        assert_says(&err, "adapter_config.json");
    }
    error err = {0};
    adapter_config c;
    assert_false(adapter_config_parse(&owner, "{}", 2, &c, &err));
    assert_false(adapter_config_parse(&owner, "[]", 2, &c, &err));
    const char *harmless =
        "{\"peft_type\":\"LORA\",\"future_flag\":false,\"future_table\":{},\"peft_version\":\"9\",\"loftq_config\":{},\"task_type\":\"CAUSAL_LM\"}";
    err = (error){0};
    if (!adapter_config_parse(&owner, harmless, strlen(harmless), &c, &err)) fail_msg("%s", err.text);
    assert_true(c.r == 8 && c.alpha == 8);
}

static void targets_that_cannot_be_adapted_are_refused(void **state) {
    static const struct {
        const char *fields, *says;
    } cases[] = {
        {"\"target_modules\":[\"q_proj\",\"lm_head\"]", "lm_head"},
        {"\"target_modules\":[\"embed_tokens\"]", "model.embed_tokens is no linear layer"},
        {"\"target_modules\":\".*layernorm\"", "input_layernorm is no linear layer"},
        {"\"target_modules\":[\"c_attn\"]", "no linear layer of the model has such a name"},
        {"\"target_modules\":\".*(?!q_proj)\"", "target_modules"},
        {"\"target_modules\":[\"q_proj\"],\"rank_pattern\":{\"(\":1}", "rank_pattern"},
    };
    model *m = new_model(&small_llama, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const adapter_config c = config_of(cases[i].fields);
        error err = {0};
        assert_null(bank_new(m, &c, 1, 1, &err));
        assert_says(&err, cases[i].says);
        assert_null(m->bank);
    }
    model_free_weights(m);
}

/* Changes an adapter's file by one tensor. */
static void edit_file(const char *path, const char *drop, const char *add, void (*change)(safetensors_entry *, size_t)) {
    error err = {0};
    const char *name = path_join(&owner, path, "adapter_model.safetensors");
    safetensors *file = safetensors_open(&owner, name, &err);
    if (file == NULL) fail_msg("%s", err.text);
    safetensors_entry *out = NEW_ARRAY(&owner, safetensors_count(file) + 1, safetensors_entry);
    size_t n = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const safetensors_entry *e = safetensors_at(file, i);
        if (drop != NULL && strstr(e->name, drop) != NULL) continue;
        out[n] = *e;
        out[n++].value.data = arena_copy_bytes(&owner, e->value.data, tensor_bytes(e->value));
    }
    if (add != NULL) out[n++] = (safetensors_entry){add, tensor_of(DTYPE_F32, shape_1(1), arena_copy(&owner, "abc"))};
    if (change != NULL) change(out, n);
    safetensors_close(file);
    assert_true(safetensors_write(name, out, n, &err));
}

static void zero_b(safetensors_entry *entries, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strstr(entries[i].name, "lora_B") != NULL) memset(entries[i].value.data, 0, tensor_bytes(entries[i].value));
}

/* A and B are not zero, but their product is: B reads a row of A that is zero. */
static void zero_product(safetensors_entry *entries, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float *x = entries[i].value.data;
        const bool a = strstr(entries[i].name, "lora_A") != NULL;
        for (long row = 0; row < entries[i].value.rows; row++)
            for (long k = 0; k < entries[i].value.dim; k++) x[row * entries[i].value.dim + k] = a ? row != 0 : k == 0;
    }
}

static void not_a_number(safetensors_entry *entries, size_t n) {
    ((float *)entries[n - 1].value.data)[3] = NAN;
}

static void flatten(safetensors_entry *entries, size_t n) {
    entries[0].value = tensor_of(DTYPE_F32, shape_1(shape_values(entries[0].value.shape)), entries[0].value.data);
}

static void a_file_is_placed_whole_or_refused_and_the_slot_is_empty(void **state) {
    static const struct {
        const char *drop, *add;
        void (*change)(safetensors_entry *, size_t);
        const char *says;
    } cases[] = {
        {.drop = "layers.1.self_attn.q_proj.lora_B", .says = "tensor base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight is missing"},
        {.add = "base_model.model.model.layers.1.self_attn.k_proj.lora_A.weight", .says = "k_proj.lora_A.weight has no place"},
        {.add = "base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector", .says = "lora_magnitude_vector has no place"},
        {.add = "base_model.model.lm_head.weight", .says = "lm_head.weight has no place"},
        {.change = zero_b, .says = "changes nothing"},
        {.change = zero_product, .says = "changes nothing"},
        {.change = not_a_number, .says = "infinite or no number"},
        {.change = flatten, .says = "configuration and model say"},
    };
    model *m = new_model(&small_llama, 1);
    const adapter_config c = config_of("\"target_modules\":[\"q_proj\",\"v_proj\"]");
    const char *path = subfolder("edited");
    for (size_t i = 0; i < COUNT(cases); i++) {
        bank_for(m, &c, 1, 1);
        start(m, 0, &c, 9);
        save(m, 0, &c, path);
        edit_file(path, cases[i].drop, cases[i].add, cases[i].change);
        error err = {0};
        assert_false(bank_load(m, 0, path, &err));
        assert_says(&err, cases[i].says);
        assert_int_equal(bank_parameter_count(m->bank, 0), 0);
    }
    model_free_weights(m);
}

static void an_adapter_that_the_bank_cannot_hold_is_refused(void **state) {
    model *m = new_model(&small_llama, 1), *wide = new_model(&small_llama, 1);
    const adapter_config narrow = config_of("\"target_modules\":[\"q_proj\"]"), more = config_of("\"target_modules\":[\"q_proj\",\"k_proj\"]"),
                         larger = config_of("\"target_modules\":[\"q_proj\"],\"rank_pattern\":{\"q_proj\":7}");
    const char *path = subfolder("too-much");
    bank_for(m, &narrow, 1, 1);
    const adapter_config *const tried[] = {&more, &larger};
    static const char *const says[] = {"k_proj is not among", "rank 7; the bank holds 3"};
    for (int i = 0; i < 2; i++) {
        bank_for(wide, tried[i], 1, 1);
        start(wide, 0, tried[i], 9);
        save(wide, 0, tried[i], path);
        error err = {0};
        assert_false(bank_load(m, 0, path, &err));
        assert_says(&err, says[i]);
    }
    model_free_weights(m), model_free_weights(wide);
}

/* ---- MODEL arguments ---- */

static model_path resolve(const char *argument) {
    error err = {0};
    model_path p;
    if (!model_path_resolve(&owner, argument, &p, &err)) fail_msg("%s", err.text);
    return p;
}

static void assert_unresolved(const char *argument, const char *says) {
    error err = {0};
    model_path p;
    if (model_path_resolve(&owner, argument, &p, &err)) fail_msg("%s is taken", argument);
    assert_says(&err, says);
}

static const char *saved_model(const char *name) {
    error err = {0};
    model *m = new_model(&small_llama, 4);
    const char *path = subfolder(name);
    if (!model_save(m, path, &err)) fail_msg("%s", err.text);
    model_free_weights(m);
    return path;
}

static const char *saved_adapter(const char *name, const char *base) {
    error err = {0};
    model *m = new_model(&small_llama, 4);
    const adapter_config c = config_of("\"target_modules\":[\"q_proj\"]");
    const char *path = subfolder(name);
    bank_for(m, &c, 1, 1);
    start(m, 0, &c, 9);
    if (!bank_save(m, 0, &c, base, path, &err)) fail_msg("%s", err.text);
    model_free_weights(m);
    return path;
}

static void an_argument_names_a_model_an_adapter_on_it_or_a_run(void **state) {
    const char *base = saved_model("base"), *adapter = saved_adapter("ad+apter", base), *plus = saved_model("base+ad");
    const char *both = arena_print(&owner, "%s+%s", base, adapter);
    model_path p = resolve(both);
    assert_string_equal(p.base, base);
    assert_string_equal(p.adapter, adapter);
    p = resolve(plus); /* a path that exists as written wins */
    assert_string_equal(p.base, plus);
    assert_null(p.adapter);
    p = resolve(adapter); /* its configuration says where its base is */
    assert_string_equal(p.base, base);
    assert_string_equal(p.adapter, adapter);
    assert_unresolved(arena_print(&owner, "%s+%s", adapter, adapter), "no model, but an adapter");
    assert_unresolved(arena_print(&owner, "%s+%s", base, base), "is no adapter");
    assert_unresolved(arena_print(&owner, "%s/absent", folder), "absent");
    assert_unresolved(arena_print(&owner, "%s/config.json", base), "is a file");
    assert_unresolved(saved_adapter("orphan", "far/away"), "is an adapter for 'far/away'");
    assert_unresolved(subfolder("nothing"), "holds neither");

    saved_model("run/checkpoints/step-00000009");
    saved_model("run/checkpoints/step-00000100");
    subfolder("run/checkpoints/step-00000200.partial");
    p = resolve(arena_print(&owner, "%s/run", folder));
    assert_string_equal(path_name(p.base), "step-00000100");
    saved_adapter("tuned/checkpoints/step-00000007", base);
    p = resolve(arena_print(&owner, "%s/run+%s/tuned", folder, folder));
    assert_string_equal(path_name(p.base), "step-00000100");
    assert_string_equal(path_name(p.adapter), "step-00000007");
    p = resolve(arena_print(&owner, "%s/tuned/", folder));
    assert_string_equal(p.base, base);
    subfolder("begun/checkpoints");
    assert_unresolved(arena_print(&owner, "%s/begun", folder), "without a whole checkpoint");

    error err = {0};
    model *m = model_open(&owner, both, &err);
    if (m == NULL) fail_msg("%s", err.text);
    assert_true(m->bank != NULL && m->bank->n_slot == 1 && bank_parameter_count(m->bank, 0) == 2 * 3 * 48);
    model_free_weights(m);
    assert_null(m->bank);
    m = model_open(&owner, base, &err);
    assert_true(m != NULL && m->bank == NULL);
    model_free_weights(m);
}

/* ---- adapters that PEFT wrote ---- */

static void real_adapters_are_loaded_or_refused(void **state) {
    static const struct {
        const char *adapter, *base;
        long parameters; /* 0: refused */
    } cases[] = {
        {"stories-qv", "models/stories260K-hf", 17920},      {"stories-layers", "models/stories260K-hf", 4368},
        {"stories-patterns", "models/stories260K-hf", 8056}, {"stories-all-rslora", "models/stories260K-hf", 46240},
        {"stories-dora", "models/stories260K-hf", 0},        {"gpt2-conv1d", "families/gpt2", 6336},
    };
    if (shared_data("adapters") == NULL) skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        const char *adapter = shared_data(arena_print(&owner, "adapters/%s", cases[i].adapter));
        model *m = model_open(&owner, arena_print(&owner, "%s+%s", shared_data(cases[i].base), adapter), &err);
        if (cases[i].parameters == 0) {
            assert_null(m);
            assert_says(&err, "use_dora");
            continue;
        }
        if (m == NULL) fail_msg("%s", err.text);
        assert_int_equal(bank_parameter_count(m->bank, 0), cases[i].parameters);
        adapter_config c; /* and what is written again is the same adapter */
        assert_true(adapter_config_read(&owner, adapter, &c, &err));
        const char *again = subfolder(cases[i].adapter);
        save(m, 0, &c, again);
        model *n = model_open(&owner, arena_print(&owner, "%s+%s", shared_data(cases[i].base), again), &err);
        if (n == NULL) fail_msg("%s", err.text);
        assert_same_slot(m, 0, n, 0);
        model_free_weights(m), model_free_weights(n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(targets_are_chosen_as_peft_chooses_them, test_end),
        cmocka_unit_test_teardown(gpt2s_fused_attention_is_one_module_over_three_weights, test_end),
        cmocka_unit_test_teardown(patterns_and_rslora_decide_rank_and_scale, test_end),
        cmocka_unit_test_teardown(fresh_adapters_are_uniform_in_a_and_zero_in_b, test_end),
        cmocka_unit_test_teardown(what_is_saved_is_loaded_again_into_any_slot, test_end),
        cmocka_unit_test_teardown(fields_that_would_change_the_result_are_refused_by_name, test_end),
        cmocka_unit_test_teardown(targets_that_cannot_be_adapted_are_refused, test_end),
        cmocka_unit_test_teardown(a_file_is_placed_whole_or_refused_and_the_slot_is_empty, test_end),
        cmocka_unit_test_teardown(an_adapter_that_the_bank_cannot_hold_is_refused, test_end),
        cmocka_unit_test_teardown(an_argument_names_a_model_an_adapter_on_it_or_a_run, test_end),
        cmocka_unit_test_teardown(real_adapters_are_loaded_or_refused, test_end),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
