#include "model/families.h"

#include <stddef.h>
#include <string.h>

/* A tensor of the model, of each layer; a weight is [rows, dim] (out, in), a vector has dim values. */
#define IN(place_, holder, field) .place = place_, .offset = offsetof(holder, field)
#define MODEL_(field) IN(IN_MODEL, model, field)
#define LAYER_(field) IN(IN_LAYER, layer, field)
#define WEIGHT(out, in) .rows = SIZE_##out, .dim = SIZE_##in
#define VECTOR(n) .rows = SIZE_NONE, .dim = SIZE_##n

/* Llama (Touvron et al. 2023, arXiv:2302.13971), as transformers' LlamaForCausalLM stores it. */
static const family_tensor llama_tensors[] = {
    {"model.embed_tokens.weight", "", MODEL_(embed), WEIGHT(VOCAB, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.input_layernorm.weight", "", LAYER_(attention_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"model.layers.%ld.self_attn.q_proj.weight", "", LAYER_(q), WEIGHT(QUERY, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.self_attn.q_proj.bias", "", LAYER_(q_bias), VECTOR(QUERY), WHEN_ATTENTION_BIAS, INIT_ZERO},
    {"model.layers.%ld.self_attn.k_proj.weight", "", LAYER_(k), WEIGHT(KEY, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.self_attn.k_proj.bias", "", LAYER_(k_bias), VECTOR(KEY), WHEN_ATTENTION_BIAS, INIT_ZERO},
    {"model.layers.%ld.self_attn.v_proj.weight", "", LAYER_(v), WEIGHT(KEY, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.self_attn.v_proj.bias", "", LAYER_(v_bias), VECTOR(KEY), WHEN_ATTENTION_BIAS, INIT_ZERO},
    {"model.layers.%ld.self_attn.o_proj.weight", "", LAYER_(o), WEIGHT(HIDDEN, QUERY), .init = INIT_NORMAL_RESIDUAL},
    {"model.layers.%ld.self_attn.o_proj.bias", "", LAYER_(o_bias), VECTOR(HIDDEN), WHEN_ATTENTION_BIAS, INIT_ZERO},
    {"model.layers.%ld.post_attention_layernorm.weight", "", LAYER_(mlp_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"model.layers.%ld.mlp.gate_proj.weight", "", LAYER_(gate), WEIGHT(INTERMEDIATE, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.mlp.gate_proj.bias", "", LAYER_(gate_bias), VECTOR(INTERMEDIATE), WHEN_MLP_BIAS, INIT_ZERO},
    {"model.layers.%ld.mlp.up_proj.weight", "", LAYER_(up), WEIGHT(INTERMEDIATE, HIDDEN), .init = INIT_NORMAL},
    {"model.layers.%ld.mlp.up_proj.bias", "", LAYER_(up_bias), VECTOR(INTERMEDIATE), WHEN_MLP_BIAS, INIT_ZERO},
    {"model.layers.%ld.mlp.down_proj.weight", "", LAYER_(down), WEIGHT(HIDDEN, INTERMEDIATE), .init = INIT_NORMAL_RESIDUAL},
    {"model.layers.%ld.mlp.down_proj.bias", "", LAYER_(down_bias), VECTOR(HIDDEN), WHEN_MLP_BIAS, INIT_ZERO},
    {"model.norm.weight", "", MODEL_(final_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"lm_head.weight", "", MODEL_(head), WEIGHT(VOCAB, HIDDEN), WHEN_UNTIED, INIT_NORMAL},
};

/* GPT-2 (Radford et al. 2019), as transformers' GPT2LMHeadModel stores it: linear layers are Conv1D, [in, out], and one of them
 * holds q, k and v side by side. */
static const family_tensor gpt2_tensors[] = {
    {"transformer.wte.weight", "", MODEL_(embed), WEIGHT(VOCAB, HIDDEN), .init = INIT_NORMAL},
    {"transformer.wpe.weight", "", MODEL_(position_embed), WEIGHT(POSITIONS, HIDDEN), .init = INIT_NORMAL},
    {"transformer.h.%ld.ln_1.weight", "", LAYER_(attention_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"transformer.h.%ld.ln_1.bias", "", LAYER_(attention_norm_bias), VECTOR(HIDDEN), .init = INIT_ZERO},
    {"transformer.h.%ld.attn.c_attn.weight", "#q", LAYER_(q), WEIGHT(QUERY, HIDDEN), .init = INIT_NORMAL, .transposed = true},
    {"transformer.h.%ld.attn.c_attn.weight", "#k", LAYER_(k), WEIGHT(KEY, HIDDEN), .init = INIT_NORMAL, .transposed = true},
    {"transformer.h.%ld.attn.c_attn.weight", "#v", LAYER_(v), WEIGHT(KEY, HIDDEN), .init = INIT_NORMAL, .transposed = true},
    {"transformer.h.%ld.attn.c_attn.bias", "#q", LAYER_(q_bias), VECTOR(QUERY), .init = INIT_ZERO},
    {"transformer.h.%ld.attn.c_attn.bias", "#k", LAYER_(k_bias), VECTOR(KEY), .init = INIT_ZERO},
    {"transformer.h.%ld.attn.c_attn.bias", "#v", LAYER_(v_bias), VECTOR(KEY), .init = INIT_ZERO},
    {"transformer.h.%ld.attn.c_proj.weight", "", LAYER_(o), WEIGHT(HIDDEN, QUERY), .init = INIT_NORMAL_RESIDUAL, .transposed = true},
    {"transformer.h.%ld.attn.c_proj.bias", "", LAYER_(o_bias), VECTOR(HIDDEN), .init = INIT_ZERO},
    {"transformer.h.%ld.ln_2.weight", "", LAYER_(mlp_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"transformer.h.%ld.ln_2.bias", "", LAYER_(mlp_norm_bias), VECTOR(HIDDEN), .init = INIT_ZERO},
    {"transformer.h.%ld.mlp.c_fc.weight", "", LAYER_(up), WEIGHT(INTERMEDIATE, HIDDEN), .init = INIT_NORMAL, .transposed = true},
    {"transformer.h.%ld.mlp.c_fc.bias", "", LAYER_(up_bias), VECTOR(INTERMEDIATE), .init = INIT_ZERO},
    {"transformer.h.%ld.mlp.c_proj.weight", "", LAYER_(down), WEIGHT(HIDDEN, INTERMEDIATE), .init = INIT_NORMAL_RESIDUAL, .transposed = true},
    {"transformer.h.%ld.mlp.c_proj.bias", "", LAYER_(down_bias), VECTOR(HIDDEN), .init = INIT_ZERO},
    {"transformer.ln_f.weight", "", MODEL_(final_norm), VECTOR(HIDDEN), .init = INIT_ONE},
    {"transformer.ln_f.bias", "", MODEL_(final_norm_bias), VECTOR(HIDDEN), .init = INIT_ZERO},
    {"lm_head.weight", "", MODEL_(head), WEIGHT(VOCAB, HIDDEN), WHEN_UNTIED, INIT_NORMAL},
};

/* What transformers writes into every config.json (PretrainedConfig, version 4 and 5) and what does not change a forward pass:
 * where a file came from, how it was trained, defaults of generation (generation_config.json counts), labels of classifiers. */
const known_key common_keys[] = {
    {"model_type", NULL},
    {"vocab_size", NULL},
    {"tie_word_embeddings", NULL},
    {"initializer_range", NULL},
    {"bos_token_id", NULL},
    {"eos_token_id", NULL},
    {"pad_token_id", NULL},
    {"sep_token_id", NULL},
    {"decoder_start_token_id", NULL},
    {"architectures", NULL},
    {"torch_dtype", NULL},
    {"dtype", NULL},
    {"transformers_version", NULL},
    {"transformers.js_config", NULL},
    {"use_cache", NULL},
    {"_name_or_path", NULL},
    {"name_or_path", NULL},
    {"_commit_hash", NULL},
    {"_attn_implementation", NULL},
    {"_attn_implementation_internal", NULL},
    {"_attn_implementation_autoset", NULL},
    {"attn_implementation", NULL},
    {"_flash_attn_2_enabled", NULL},
    {"use_flash_attention", NULL},
    {"auto_map", NULL},
    {"gradient_checkpointing", NULL},
    {"unsloth_version", NULL},
    {"unsloth_fixed", NULL},
    {"model_name", NULL},
    {"tokenizer_class", NULL},
    {"prefix", NULL},
    {"task_specific_params", NULL},
    {"problem_type", NULL},
    {"finetuning_task", NULL},
    {"num_labels", NULL},
    {"id2label", NULL},
    {"label2id", NULL},
    {"return_dict", NULL},
    {"output_hidden_states", NULL},
    {"output_attentions", NULL},
    {"torchscript", NULL},
    {"use_bfloat16", NULL},
    {"tf_legacy_loss", NULL},
    {"max_length", NULL},
    {"min_length", NULL},
    {"do_sample", NULL},
    {"early_stopping", NULL},
    {"num_beams", NULL},
    {"num_beam_groups", NULL},
    {"diversity_penalty", NULL},
    {"temperature", NULL},
    {"top_k", NULL},
    {"top_p", NULL},
    {"typical_p", NULL},
    {"repetition_penalty", NULL},
    {"length_penalty", NULL},
    {"no_repeat_ngram_size", NULL},
    {"encoder_no_repeat_ngram_size", NULL},
    {"bad_words_ids", NULL},
    {"num_return_sequences", NULL},
    {"output_scores", NULL},
    {"return_dict_in_generate", NULL},
    {"forced_bos_token_id", NULL},
    {"forced_eos_token_id", NULL},
    {"remove_invalid_values", NULL},
    {"exponential_decay_length_penalty", NULL},
    {"suppress_tokens", NULL},
    {"begin_suppress_tokens", NULL},
    {"is_decoder", NULL},
    {"chunk_size_feed_forward", NULL}, /* the same sums in pieces */
    {"is_encoder_decoder", "false"},
    {"add_cross_attention", "false"},
    {"cross_attention_hidden_size", "null"},
    {"tie_encoder_decoder", "false"},
    {"pruned_heads", "{}"},
    {"quantization_config", "null"},
    {"compression_config", "null"},
    {NULL, NULL},
};

static const known_key llama_keys[] = {
    {"hidden_size", NULL},
    {"intermediate_size", NULL},
    {"num_hidden_layers", NULL},
    {"num_attention_heads", NULL},
    {"num_key_value_heads", NULL},
    {"head_dim", NULL},
    {"max_position_embeddings", NULL},
    {"max_sequence_length", NULL}, /* a note of the first conversions of Llama */
    {"rms_norm_eps", NULL},
    {"hidden_act", NULL},
    {"rope_theta", NULL},
    {"rope_scaling", NULL},
    {"rope_parameters", NULL},
    {"attention_bias", NULL},
    {"mlp_bias", NULL},
    {"attention_dropout", NULL},
    {"pretraining_tp", NULL}, /* the same products in slices */
    {"rope_interleaved", "false"},
    {"partial_rotary_factor", "1"},
    {"sliding_window", "null"},
    {"use_sliding_window", "false"},
    {NULL, NULL},
};

static const known_key gpt2_keys[] = {
    {"n_embd", NULL},
    {"n_layer", NULL},
    {"n_head", NULL},
    {"n_inner", NULL},
    {"n_positions", NULL},
    {"n_ctx", NULL}, /* of version 2; n_positions counts */
    {"hidden_size", NULL},
    {"num_hidden_layers", NULL},
    {"num_attention_heads", NULL},
    {"max_position_embeddings", NULL},
    {"layer_norm_epsilon", NULL},
    {"activation_function", NULL},
    {"scale_attn_weights", NULL},
    {"scale_attn_by_inverse_layer_idx", NULL},
    {"reorder_and_upcast_attn", NULL}, /* the same in f32 */
    {"attn_pdrop", NULL},
    {"embd_pdrop", NULL},
    {"resid_pdrop", NULL},
    {"summary_activation", NULL},
    {"summary_first_dropout", NULL},
    {"summary_proj_to_labels", NULL},
    {"summary_type", NULL},
    {"summary_use_proj", NULL},
    {"predict_special_tokens", NULL},
    {NULL, NULL},
};

static const char *const llama_buffers[] = {"rotary_emb.inv_freq", NULL};
static const char *const gpt2_buffers[] = {".attn.bias", ".attn.masked_bias", NULL};

static const family families[] = {
    {.name = "llama",
     .architecture = "LlamaForCausalLM",
     .prefix = "model.",
     .norm = NORM_RMS,
     .mlp = MLP_SWIGLU,
     .rope = true,
     .sizes = {[SIZE_VOCAB] = {"vocab_size", NULL, 32000},
               [SIZE_HIDDEN] = {"hidden_size", NULL, 4096},
               [SIZE_LAYERS] = {"num_hidden_layers", NULL, 32},
               [SIZE_HEADS] = {"num_attention_heads", NULL, 32},
               [SIZE_KV_HEADS] = {"num_key_value_heads", NULL, 0},
               [SIZE_HEAD_DIM] = {"head_dim", NULL, 0},
               [SIZE_INTERMEDIATE] = {"intermediate_size", NULL, 11008},
               [SIZE_POSITIONS] = {"max_position_embeddings", NULL, 2048}},
     .norm_eps_key = "rms_norm_eps",
     .norm_eps = 1e-6,
     .activation_key = "hidden_act",
     .activations = {"silu", "swish"},
     .bos_id = 1,
     .eos_id = 2,
     .tensors = llama_tensors,
     .n_tensor = COUNT(llama_tensors),
     .keys = llama_keys,
     .default_targets = {"q_proj", "v_proj"},
     .buffers = llama_buffers},
    {.name = "gpt2",
     .architecture = "GPT2LMHeadModel",
     .prefix = "transformer.",
     .norm = NORM_LAYER,
     .mlp = MLP_GELU,
     .sizes = {[SIZE_VOCAB] = {"vocab_size", NULL, 50257},
               [SIZE_HIDDEN] = {"n_embd", "hidden_size", 768},
               [SIZE_LAYERS] = {"n_layer", "num_hidden_layers", 12},
               [SIZE_HEADS] = {"n_head", "num_attention_heads", 12},
               [SIZE_INTERMEDIATE] = {"n_inner", NULL, 0},
               [SIZE_POSITIONS] = {"n_positions", "max_position_embeddings", 1024}},
     .intermediate_over_hidden = 4,
     .norm_eps_key = "layer_norm_epsilon",
     .norm_eps = 1e-5,
     .activation_key = "activation_function",
     .activations = {"gelu_new", "gelu_pytorch_tanh"},
     .tied = true,
     .bos_id = 50256,
     .eos_id = 50256,
     .tensors = gpt2_tensors,
     .n_tensor = COUNT(gpt2_tensors),
     .keys = gpt2_keys,
     .default_targets = {"c_attn"},
     .buffers = gpt2_buffers},
};

const family *family_find(const char *name) {
    for (size_t i = 0; i < COUNT(families); i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}

const char *family_names(void) {
    static _Thread_local char text[64 * COUNT(families)];
    text[0] = 0;
    for (size_t i = 0; i < COUNT(families); i++) {
        if (i > 0) strcat(text, ", ");
        strcat(text, families[i].name);
    }
    return text;
}
