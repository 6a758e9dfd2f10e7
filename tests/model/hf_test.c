#include "base/parallel.h"
#include "model/models.h"

#include <math.h>

/* ---- random weights ---- */

static void random_weights_have_the_spread_that_each_parameter_asks_for(void **state) {
    model_sizes sizes = small_gpt2;
    sizes.hidden_size = 128, sizes.vocab_size = 1000, sizes.n_layer = 3;
    model *m = new_model(&sizes, 5);
    for (int i = 0; i < m->n_parameter; i++) {
        const parameter *p = m->parameters[i];
        const real *x = p->value.data;
        const long n = shape_values(p->value.shape);
        double sum = 0, squares = 0;
        for (long k = 0; k < n; k++) sum += (double)x[k], squares += (double)x[k] * (double)x[k];
        const double mean = sum / (double)n, spread = sqrt(squares / (double)n - mean * mean);
        const double want = p->init == INIT_NORMAL ? 0.02 : p->init == INIT_NORMAL_RESIDUAL ? 0.02 / sqrt(6) : 0;
        if (fabs(spread - want) > 5 * want / sqrt(2 * (double)n)) fail_msg("%s spreads by %g, not %g", p->name, spread, want);
        const double centre = p->init == INIT_ONE ? 1 : 0;
        if (fabs(mean - centre) > 5 * want / sqrt((double)n)) fail_msg("%s has mean %g", p->name, mean);
    }
    assert_int_equal(model_parameter(m, "transformer.h.0.attn.c_proj.weight")->init, INIT_NORMAL_RESIDUAL);
    model_free_weights(m);
}

static void random_weights_are_a_function_of_seed_and_name(void **state) {
    parallel_set_threads(1);
    model *a = new_model(&small_llama, 7), *other = new_model(&small_llama, 8);
    model_sizes deeper = small_llama;
    deeper.n_head = 2, deeper.n_kv_head = 1; /* other shapes beside it do not matter */
    parallel_set_threads(3);
    model *b = new_model(&small_llama, 7), *c = new_model(&deeper, 7);
    assert_same_weights(a, b);
    assert_memory_not_equal(a->embed->value.data, other->embed->value.data, 64);
    assert_memory_equal(a->embed->value.data, c->embed->value.data, tensor_bytes(a->embed->value));
    assert_memory_not_equal(a->layers[0].q->value.data, a->layers[1].q->value.data, 64);
    model *all[] = {a, b, c, other};
    for (size_t i = 0; i < COUNT(all); i++) model_free_weights(all[i]);
    parallel_set_threads(0);
}

/* ---- folders ---- */

static void save(const model *m, const char *path) {
    error err = {0};
    if (!model_save(m, path, &err)) fail_msg("%s", err.text);
}

static model *load(const char *path) {
    error err = {0};
    model *m = model_load(&owner, path, &err);
    if (m == NULL) fail_msg("%s", err.text);
    return m;
}

static void assert_refused(const char *path, const char *says) {
    error err = {0};
    if (model_load(&owner, path, &err) != NULL) fail_msg("%s is taken", path);
    assert_says(&err, says);
}

static void what_is_saved_is_loaded_again(void **state) {
    static const model_sizes *const sizes[] = {&small_llama, &small_gpt2};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        model *m = new_model(sizes[i], 3);
        const char *path = subfolder(sizes[i]->family);
        save(m, path);
        model *again = load(path);
        assert_same_weights(m, again);
        assert_string_equal(again->name, sizes[i]->family);
        assert_int_not_equal(again->number, m->number);
        for (int k = 0; k < again->n_parameter; k++) assert_int_equal((uintptr_t)again->parameters[k]->value.data % 64, 0);
        model_free_weights(m);
        model_free_weights(again);
        assert_null(again->embed->value.data);
    }
}

/* The stored c_attn is [in, out] with q, k and v side by side; a saved file must have it so too. */
static void gpt2_is_stored_transposed_and_fused(void **state) {
    model *m = new_model(&small_gpt2, 3);
    const char *path = subfolder("fused");
    save(m, path);
    error err = {0};
    safetensors *file = safetensors_open(&owner, path_join(&owner, path, "model.safetensors"), &err);
    const safetensors_entry *e = safetensors_find(file, "transformer.h.1.attn.c_attn.weight"),
                            *bias = safetensors_find(file, "transformer.h.1.attn.c_attn.bias");
    assert_true(shape_equal(e->value.shape, shape_2(24, 72)) && shape_equal(bias->value.shape, shape_1(72)));
    const float *stored = e->value.data;
    const parameter *parts[] = {m->layers[1].q, m->layers[1].k, m->layers[1].v};
    for (long in = 0; in < 24; in++)
        for (long out = 0; out < 72; out++) assert_true(stored[in * 72 + out] == (float)tensor_row(parts[out / 24]->value, out % 24)[in]);
    assert_null(safetensors_find(file, "lm_head.weight"));
    safetensors_close(file);
    model_free_weights(m);
}

/* Rewrites a saved model's tensors: renamed, narrowed, left out, added. */
typedef struct edit {
    const char *drop, *add; /* a tensor's name */
    const char *strip;      /* taken off the front of names */
    dtype type;             /* of all */
    int shards;             /* 0: model.safetensors */
} edit;

static void rewrite(const char *path, const edit *e) {
    error err = {0};
    const char *whole = path_join(&owner, path, "model.safetensors");
    safetensors *file = safetensors_open(&owner, whole, &err);
    const size_t n = safetensors_count(file);
    safetensors_entry *out = NEW_ARRAY(&owner, n + 1, safetensors_entry);
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const safetensors_entry *from = safetensors_at(file, i);
        if (e->drop != NULL && strcmp(from->name, e->drop) == 0) continue;
        const long values = shape_values(from->value.shape);
        real *x = NEW_ARRAY(&owner, values, real);
        values_to_real(from->value.type, from->value.data, x, values);
        tensor t = tensor_of(e->type, from->value.shape, NULL);
        t.data = arena_alloc(&owner, tensor_bytes(t));
        values_from_real(e->type, x, t.data, values);
        const size_t strip = e->strip != NULL && strncmp(from->name, e->strip, strlen(e->strip)) == 0 ? strlen(e->strip) : 0;
        out[n_out++] = (safetensors_entry){from->name + strip, t};
    }
    if (e->add != NULL) out[n_out++] = (safetensors_entry){e->add, tensor_of(DTYPE_F32, shape_1(1), arena_copy(&owner, "abc"))};
    safetensors_close(file);
    if (e->shards == 0) {
        assert_true(safetensors_write(whole, out, n_out, &err));
        return;
    }
    assert_true(folder_remove(whole, &err) || remove(whole) == 0);
    string index = {0};
    string_text(&index, "{\"metadata\":{},\"weight_map\":{");
    for (int s = 0; s < e->shards; s++) {
        const size_t first = n_out * (size_t)s / (size_t)e->shards, end = n_out * (size_t)(s + 1) / (size_t)e->shards;
        const char *name = arena_print(&owner, "model-%d.safetensors", s);
        assert_true(safetensors_write(path_join(&owner, path, name), out + first, end - first, &err));
        for (size_t i = first; i < end; i++) string_print(&index, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", out[i].name, name);
    }
    string_text(&index, "}}");
    assert_true(file_write(path_join(&owner, path, "model.safetensors.index.json"), index.data, index.length, &err));
    string_drop(&index);
}

static void files_of_the_bare_model_and_old_buffers_are_read(void **state) {
    model *m = new_model(&small_gpt2, 3);
    const char *path = subfolder("bare");
    save(m, path);
    rewrite(path, &(edit){.strip = "transformer.", .add = "h.0.attn.masked_bias"});
    model *again = load(path);
    assert_same_weights(m, again);
    const char *canonical = subfolder("bare-again"); /* it is saved with the names that the class with a head has */
    save(again, canonical);
    model *third = load(canonical);
    assert_same_weights(m, third);
    model_free_weights(m), model_free_weights(again), model_free_weights(third);
}

static void shards_and_narrow_types_are_read(void **state) {
    static const dtype types[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16};
    for (size_t t = 0; t < COUNT(types); t++) {
        model *m = new_model(&small_llama, 3);
        const char *path = subfolder(dtype_text(types[t]));
        save(m, path);
        rewrite(path, &(edit){.type = types[t], .shards = 3});
        model *again = load(path);
        for (int i = 0; i < m->n_parameter; i++) {
            const real *x = m->parameters[i]->value.data, *y = again->parameters[i]->value.data;
            for (long k = 0; k < shape_values(m->parameters[i]->value.shape); k++) {
                unsigned char narrow[8];
                real want;
                values_from_real(types[t], &x[k], narrow, 1);
                values_to_real(types[t], narrow, &want, 1);
                assert_true(want == y[k]);
            }
        }
        model_free_weights(m), model_free_weights(again);
    }
}

static void a_folder_that_does_not_agree_with_itself_is_refused(void **state) {
    static const struct {
        edit edit;
        const char *says;
    } cases[] = {
        {{.drop = "model.layers.1.mlp.up_proj.weight"}, "tensor model.layers.1.mlp.up_proj.weight is missing"},
        {{.drop = "model.embed_tokens.weight"}, "tensor model.embed_tokens.weight is missing"},
        {{.add = "model.layers.0.self_attn.q_norm.weight"}, "tensor model.layers.0.self_attn.q_norm.weight has no place"},
        {{.add = "model.layers.2.input_layernorm.weight"}, "has no place"},
        {{.type = DTYPE_I8}, "holds i8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        model *m = new_model(&small_llama, 3);
        const char *path = subfolder(arena_print(&owner, "bad-%zu", i));
        save(m, path);
        model_free_weights(m);
        rewrite(path, &cases[i].edit);
        assert_refused(path, cases[i].says);
    }
}

static void put_text(const char *path, const char *name, const char *text) {
    error err = {0};
    assert_true(file_write(path_join(&owner, path, name), text, strlen(text), &err));
}

static void shapes_that_the_configuration_does_not_say_are_refused_before_memory_is_taken(void **state) {
    model *m = new_model(&small_llama, 3);
    const char *path = subfolder("shape");
    save(m, path);
    model_free_weights(m);
    put_text(path, "config.json",
             "{\"model_type\":\"llama\",\"hidden_size\":24,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"num_hidden_layers\":2,"
             "\"vocab_size\":9999999,\"intermediate_size\":9999999,\"tie_word_embeddings\":false}");
    assert_refused(path, "tensor model.embed_tokens.weight is [37, 24]; config.json says [9999999, 24]");
}

static void a_second_copy_of_a_tied_embedding_must_be_one(void **state) {
    model *m = new_model(&small_llama, 3);
    const char *path = subfolder("tied");
    memcpy(m->head->value.data, m->embed->value.data, tensor_bytes(m->head->value));
    save(m, path);
    const char *config = "{\"model_type\":\"llama\",\"hidden_size\":24,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"num_hidden_layers\":2,"
                         "\"vocab_size\":37,\"intermediate_size\":64,\"tie_word_embeddings\":true}";
    put_text(path, "config.json", config);
    model_free_weights(load(path));
    ((real *)m->head->value.data)[100] += 1;
    save(m, path);
    put_text(path, "config.json", config);
    assert_refused(path, "tie_word_embeddings");
    model_free_weights(m);
}

static void an_index_may_not_lie_nor_leave_its_folder(void **state) {
    static const struct {
        const char *index, *says;
    } cases[] = {
        {"{\"weight_map\":{\"model.norm.weight\":\"../model.safetensors\"}}", "no name of a file"},
        {"{\"weight_map\":{\"model.norm.weight\":\"absent.safetensors\"}}", "absent.safetensors"},
        {"{\"weight_map\":{\"nowhere\":\"model-0.safetensors\"}}", "nowhere is not in"},
        {"{\"weight_map\":{\"model.norm.weight\":\"model-1.safetensors\"}}", "it names 1 tensors"},
        {"{}", "weight_map is missing"},
        {"[", "model.safetensors.index.json"},
    };
    model *m = new_model(&small_llama, 3);
    const char *path = subfolder("index");
    save(m, path);
    model_free_weights(m);
    rewrite(path, &(edit){.shards = 2});
    model_free_weights(load(path));
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_text(path, "model.safetensors.index.json", cases[i].index);
        assert_refused(path, cases[i].says);
    }
}

static void a_folder_without_weights_says_so(void **state) {
    const char *path = subfolder("empty");
    assert_refused(path, "config.json");
    put_text(path, "config.json", "{\"model_type\":\"gpt2\",\"n_layer\":1}");
    assert_refused(path, "model.safetensors");
    put_text(path, "pytorch_model.bin", "");
    assert_refused(path, "pytorch_model.bin");
}

static void a_saved_configuration_is_the_one_held_but_says_f32(void **state) {
    const char *path = subfolder("config");
    model *m = new_model(&small_llama, 3);
    save(m, path);
    put_text(path, "config.json",
             "{\"model_type\":\"llama\",\"hidden_size\":24,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"num_hidden_layers\":2,"
             "\"vocab_size\":37,\"intermediate_size\":64,\"torch_dtype\":\"bfloat16\",\"_name_or_path\":\"somewhere\",\"rms_norm_eps\":1e-05}");
    put_text(path, "generation_config.json", "{\"eos_token_id\":[3,4],\"temperature\":0.7}");
    model *read = load(path);
    assert_true(read->n_eos == 2 && read->eos_ids[1] == 4);
    save(read, path);
    error err = {0};
    const json *config = json_read_file(&owner, path_join(&owner, path, "config.json"), &err);
    assert_string_equal(json_get_text(config, "torch_dtype", ""), "float32");
    assert_string_equal(json_get_text(config, "_name_or_path", ""), "somewhere");
    assert_true(json_get_number(config, "rms_norm_eps", 0) == 1e-5);
    const json *generation = json_read_file(&owner, path_join(&owner, path, "generation_config.json"), &err);
    assert_true(json_get_number(generation, "temperature", 0) == 0.7);
    model_free_weights(m), model_free_weights(read);
}

/* ---- folders that transformers wrote ---- */

static void real_folders_are_loaded_saved_and_loaded_again_unchanged(void **state) {
    static const char *const folders[] = {"families/gpt2", "families/gpt2-no-prefix", "families/llama", "families/llama-tied-bias", "models/stories260K-hf"};
    if (shared_data(folders[0]) == NULL) skip();
    for (size_t i = 0; i < COUNT(folders); i++) {
        const char *from = shared_data(folders[i]), *to = subfolder(arena_print(&owner, "real-%zu", i));
        model *m = load(from);
        save(m, to);
        model *again = load(to);
        assert_same_weights(m, again);
        error err = {0};
        safetensors *a = safetensors_open(&owner, path_join(&owner, from, "model.safetensors"), &err);
        safetensors *b = safetensors_open(&owner, path_join(&owner, to, "model.safetensors"), &err);
        assert_int_equal(safetensors_count(a), safetensors_count(b));
        for (size_t k = 0; k < safetensors_count(a); k++) { /* the tensors are those of the file, bit for bit */
            const safetensors_entry *e = safetensors_at(a, k), *same = safetensors_find(b, e->name);
            if (same == NULL) same = safetensors_find(b, arena_print(&owner, "transformer.%s", e->name));
            if (same == NULL) fail_msg("%s: %s is gone", folders[i], e->name);
            assert_memory_equal(e->value.data, same->value.data, tensor_bytes(e->value));
        }
        safetensors_close(a), safetensors_close(b);
        model_free_weights(m), model_free_weights(again);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(random_weights_have_the_spread_that_each_parameter_asks_for, test_end),
        cmocka_unit_test_teardown(random_weights_are_a_function_of_seed_and_name, test_end),
        cmocka_unit_test_teardown(what_is_saved_is_loaded_again, test_end),
        cmocka_unit_test_teardown(gpt2_is_stored_transposed_and_fused, test_end),
        cmocka_unit_test_teardown(files_of_the_bare_model_and_old_buffers_are_read, test_end),
        cmocka_unit_test_teardown(shards_and_narrow_types_are_read, test_end),
        cmocka_unit_test_teardown(a_folder_that_does_not_agree_with_itself_is_refused, test_end),
        cmocka_unit_test_teardown(shapes_that_the_configuration_does_not_say_are_refused_before_memory_is_taken, test_end),
        cmocka_unit_test_teardown(a_second_copy_of_a_tied_embedding_must_be_one, test_end),
        cmocka_unit_test_teardown(an_index_may_not_lie_nor_leave_its_folder, test_end),
        cmocka_unit_test_teardown(a_folder_without_weights_says_so, test_end),
        cmocka_unit_test_teardown(a_saved_configuration_is_the_one_held_but_says_f32, test_end),
        cmocka_unit_test_teardown(real_folders_are_loaded_saved_and_loaded_again_unchanged, test_end),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
