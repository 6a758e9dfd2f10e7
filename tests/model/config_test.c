#include "model/models.h"

#include <math.h>

static model *describe(const char *config, error *err) {
    return model_describe_json(&owner, tree_of(config), "test", err);
}

#define LLAMA "\"model_type\":\"llama\",\"hidden_size\":24,\"num_attention_heads\":4,\"num_hidden_layers\":2,\"vocab_size\":9,\"intermediate_size\":40"
#define GPT2 "\"model_type\":\"gpt2\",\"n_embd\":24,\"n_head\":4,\"n_layer\":3,\"vocab_size\":9"

static void absent_keys_take_the_familys_defaults(void **state) {
    error err = {0};
    const model *m = describe("{" LLAMA "}", &err);
    if (m == NULL) fail_msg("%s", err.text);
    assert_int_equal(m->max_position, 2048);
    assert_int_equal(m->layers[1].n_kv_head, 4);
    assert_int_equal(m->layers[1].head_dim, 6);
    assert_true(m->layers[0].norm == NORM_RMS && m->layers[0].mlp == MLP_SWIGLU && m->layers[0].rope);
    assert_true(fabs((double)m->layers[0].norm_eps - 1e-6) < 1e-12);
    assert_ptr_not_equal(m->head, m->embed);
    assert_null(m->position_embed);
    assert_null(m->layers[0].q_bias);
    assert_true(m->bos_id == 1 && m->n_eos == 1 && m->eos_ids[0] == 2);

    const model *g = describe("{" GPT2 "}", &err);
    if (g == NULL) fail_msg("%s", err.text);
    assert_int_equal(g->max_position, 1024);
    assert_int_equal(g->layers[0].intermediate, 96);
    assert_ptr_equal(g->head, g->embed);
    assert_non_null(g->position_embed);
    assert_null(g->rope_inverse.data);
    assert_true(g->bos_id == -1 && g->n_eos == 0); /* 50256 is not in a vocabulary of 9 */
}

static void one_description_needs_no_weights_and_counts_parameters(void **state) {
    error err = {0};
    const model *m = describe("{\"model_type\":\"gpt2\"}", &err); /* GPT-2 of 124M by its defaults */
    if (m == NULL) fail_msg("%s", err.text);
    assert_int_equal(model_parameter_count(m), 124439808);
    assert_null(m->weights);
    assert_null(m->embed->value.data);
    const parameter *k = model_parameter(m, "transformer.h.11.attn.c_attn.weight#k");
    assert_non_null(k);
    assert_true(k->part_first == 768 && k->part_total == 2304 && k->transposed && k->decays);
    assert_false(model_parameter(m, "transformer.h.11.attn.c_attn.bias#k")->decays);
    assert_null(model_parameter(m, "transformer.h.12.attn.c_attn.weight#k"));
    const model *l = describe("{\"model_type\":\"llama\",\"num_key_value_heads\":8,\"intermediate_size\":14336,\"vocab_size\":128256}", &err);
    assert_int_equal(model_parameter_count(l), 8030261248); /* the shape of Llama 3 8B */
}

static void rope_is_read_as_both_versions_write_it(void **state) {
    static const char *const same[] = {
        "{" LLAMA ",\"rope_theta\":500000.0}",
        "{" LLAMA ",\"rope_theta\":500000,\"rope_scaling\":null}",
        "{" LLAMA ",\"rope_parameters\":{\"rope_theta\":500000.0,\"rope_type\":\"default\"}}",
        "{" LLAMA ",\"rope_theta\":500000.0,\"rope_scaling\":{\"type\":\"default\"}}",
    };
    for (size_t i = 0; i < COUNT(same); i++) {
        error err = {0};
        const model *m = describe(same[i], &err);
        if (m == NULL) fail_msg("%s", err.text);
        const real *inverse = m->rope_inverse.data;
        assert_int_equal(m->rope_inverse.dim, 3);
        for (int k = 0; k < 3; k++) assert_true(fabs((double)inverse[k] - pow(500000, -2 * k / 6.0)) < 1e-7);
    }
}

static void scores_are_scaled_as_the_configuration_says(void **state) {
    error err = {0};
    const model *m = describe("{" GPT2 ",\"scale_attn_by_inverse_layer_idx\":true,\"reorder_and_upcast_attn\":true}", &err);
    for (int i = 0; i < 3; i++) assert_true(fabs((double)m->layers[i].attention_scale - 1 / sqrt(6) / (i + 1)) < 1e-6);
    assert_true(describe("{" GPT2 ",\"scale_attn_weights\":false}", &err)->layers[2].attention_scale == 1);
}

static void biases_and_shared_heads_come_from_the_configuration(void **state) {
    error err = {0};
    const model *m =
        describe("{" LLAMA ",\"attention_bias\":true,\"mlp_bias\":true,\"num_key_value_heads\":2,\"head_dim\":10,\"tie_word_embeddings\":true}", &err);
    if (m == NULL) fail_msg("%s", err.text);
    const layer *l = &m->layers[1];
    assert_true(shape_equal(l->q->value.shape, shape_2(40, 24)) && shape_equal(l->k->value.shape, shape_2(20, 24)));
    assert_true(shape_equal(l->o->value.shape, shape_2(24, 40)) && shape_equal(l->v_bias->value.shape, shape_1(20)));
    assert_true(shape_equal(l->down_bias->value.shape, shape_1(24)) && l->o_bias != NULL && l->gate_bias != NULL);
    assert_ptr_equal(m->head, m->embed);
    assert_null(model_parameter(m, "lm_head.weight"));
}

static void several_end_ids_are_kept_and_impossible_ones_left_out(void **state) {
    error err = {0};
    const model *m = describe("{" LLAMA ",\"eos_token_id\":[2,7,100],\"bos_token_id\":null}", &err);
    assert_true(m->n_eos == 2 && m->eos_ids[0] == 2 && m->eos_ids[1] == 7 && m->bos_id == -1);
}

static void what_would_change_the_result_is_refused_by_name(void **state) {
    static const struct {
        const char *config, *says;
    } cases[] = {
        {"[]", "no JSON object"},
        {"{}", "model_type is missing"},
        {"{\"model_type\":\"qwen2\"}", "model_type qwen2 is not supported (llama, gpt2"},
        {"{" LLAMA ",\"num_key_value_head\":2}", "unknown key num_key_value_head; did you mean num_key_value_heads?"},
        {"{" LLAMA ",\"rms_norm_epss\":1e-5}", "did you mean rms_norm_eps?"},
        {"{" GPT2 ",\"tie_word_embedings\":false}", "did you mean tie_word_embeddings?"},
        {"{" GPT2 ",\"n_experts\":4}", "unknown key n_experts"},
        {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4}}", "rope_scaling: rope type yarn is not supported"},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}", "rope type linear"},
        {"{" LLAMA ",\"rope_parameters\":{\"rope_type\":\"default\",\"factor\":4}}", "rope_parameters: unknown key factor"},
        {"{" LLAMA ",\"rope_parameters\":{\"rope_theta\":-1}}", "rope_theta"},
        {"{" LLAMA ",\"rope_theta\":10000,\"rope_parameters\":{\"rope_theta\":20000}}", "differ"},
        {"{" LLAMA ",\"hidden_act\":\"gelu\"}", "hidden_act: gelu is not supported"},
        {"{" GPT2 ",\"activation_function\":\"relu\"}", "activation_function: relu"},
        {"{" GPT2 ",\"add_cross_attention\":true}", "add_cross_attention"},
        {"{" GPT2 ",\"pruned_heads\":{\"0\":[1]}}", "pruned_heads"},
        {"{" LLAMA ",\"quantization_config\":{\"bits\":4}}", "quantization_config"},
        {"{" LLAMA ",\"num_key_value_heads\":3}", "cannot share"},
        {"{\"model_type\":\"llama\",\"hidden_size\":25,\"num_attention_heads\":4}", "no multiple"},
        {"{" LLAMA ",\"head_dim\":5}", "odd"},
        {"{" LLAMA ",\"max_position_embeddings\":0}", "max_position_embeddings: 0"},
        {"{" LLAMA ",\"max_position_embeddings\":\"many\"}", "max_position_embeddings: many is no whole number"},
        {"{" LLAMA ",\"max_position_embeddings\":512.5}", "no whole number"},
        {"{" LLAMA ",\"head_dim\":99999999999999999999}", "head_dim"},
        {"{" LLAMA ",\"rms_norm_eps\":0}", "rms_norm_eps"},
        {"{" LLAMA ",\"rms_norm_eps\":NaN}", "rms_norm_eps"},
        {"{" LLAMA ",\"attention_bias\":1}", "attention_bias: 1 is neither"},
        {"{" GPT2 ",\"hidden_size\":32}", "n_embd and hidden_size differ"},
        {"{" LLAMA ",\"eos_token_id\":\"</s>\"}", "eos_token_id"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        if (describe(cases[i].config, &err) != NULL) fail_msg("%s is taken", cases[i].config);
        assert_says(&err, cases[i].says);
    }
}

static void what_changes_nothing_is_taken(void **state) {
    error err = {0};
    const model *m = describe("{" LLAMA ",\"torch_dtype\":\"bfloat16\",\"transformers_version\":\"4.1\",\"use_cache\":true,\"pretraining_tp\":2,"
                              "\"architectures\":[\"LlamaForCausalLM\"],\"something_new\":null,\"pruned_heads\":{},\"sliding_window\":null}",
                              &err);
    if (m == NULL) fail_msg("%s", err.text);
    m = describe("{" GPT2 ",\"task_specific_params\":{\"text-generation\":{}},\"summary_type\":\"cls_index\",\"n_ctx\":1024,\"resid_pdrop\":0.1}", &err);
    if (m == NULL) fail_msg("%s", err.text);
}

static void a_new_model_has_the_sizes_asked_for(void **state) {
    const model *m = new_model(&small_llama, 1);
    assert_true(m->n_layer == 2 && m->vocab_size == 37 && m->layers[0].n_kv_head == 2 && m->max_position == 16);
    assert_int_equal(m->layers[0].intermediate, 64);
    assert_string_equal(json_get_text(m->config, "model_type", ""), "llama");
    model_free_weights((model *)m);
    error err = {0};
    const model_sizes gpt2 = {.family = "gpt2", .vocab_size = 50257};
    m = model_describe_json(&owner, model_config_of_sizes(&owner, &gpt2, &err), "new", &err);
    assert_non_null(m);
    assert_int_equal(model_parameter_count(m), 124439808); /* tied, as the published one */
    assert_true(fabs((double)m->layers[0].norm_eps - 1e-5) < 1e-12);
    model_sizes untied = gpt2;
    untied.tied = -1;
    m = model_describe_json(&owner, model_config_of_sizes(&owner, &untied, &err), "new", &err);
    assert_int_equal(model_parameter_count(m), 124439808 + 50257 * 768);
    assert_null(model_config_of_sizes(&owner, &(model_sizes){.family = "bert", .vocab_size = 9}, &err));
    assert_says(&err, "bert");
    err = (error){0};
    assert_null(model_config_of_sizes(&owner, &(model_sizes){.family = "gpt2", .vocab_size = 9, .n_head = 4, .n_kv_head = 2}, &err));
    assert_says(&err, "n_kv_head");
}

static void an_arena_that_is_too_small_is_an_error(void **state) {
    json *config = tree_of("{" LLAMA ",\"num_hidden_layers\":4000}");
    for (size_t limit = 64; limit < 1 << 22; limit *= 4) {
        arena small = {.limit = limit};
        error err = {0};
        assert_null(model_describe_json(&small, config, "test", &err));
        assert_true(err.text[0] != 0);
        arena_drop(&small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(absent_keys_take_the_familys_defaults, test_end),
        cmocka_unit_test_teardown(one_description_needs_no_weights_and_counts_parameters, test_end),
        cmocka_unit_test_teardown(rope_is_read_as_both_versions_write_it, test_end),
        cmocka_unit_test_teardown(scores_are_scaled_as_the_configuration_says, test_end),
        cmocka_unit_test_teardown(biases_and_shared_heads_come_from_the_configuration, test_end),
        cmocka_unit_test_teardown(several_end_ids_are_kept_and_impossible_ones_left_out, test_end),
        cmocka_unit_test_teardown(what_would_change_the_result_is_refused_by_name, test_end),
        cmocka_unit_test_teardown(what_changes_nothing_is_taken, test_end),
        cmocka_unit_test_teardown(a_new_model_has_the_sizes_asked_for, test_end),
        cmocka_unit_test_teardown(an_arena_that_is_too_small_is_an_error, test_end),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
