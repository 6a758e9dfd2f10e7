/* Whole tuning runs of a tiny model: by an adapter, and of all weights. */
#include "train/run_support.h"

#include "base/parallel.h"
#include "data/chat_form.h"
#include "model/adapter.h"
#include "text/tokenizer_train.h"

#include <math.h>

#define TUNE \
    "model: {init: ~/base}\n" \
    "data: {train: [{path: ~/rows.jsonl}], valid: [{path: ~/rows.jsonl}], seq_len: 64}\n" \
    "method: {name: lora, r: 4, alpha: 8, target_modules: [q_proj, v_proj], dropout: 0.1}\n" \
    "batch: {sequences: 2, accumulate: 2}\n" \
    "optimizer: {lr: 1e-2}\n" \
    "eval: {batches: 100}\n" \
    "epochs: 3\n" \
    "checkpoint: {every: 3, keep: 9}\n"

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A tokenizer, with ChatML's control tokens or without. */
static tokenizer *make_tokenizer(bool control) {
    static const char *special[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    error err = {0};
    const tokenizer_training o = {.vocab_size = 260, .special = special, .n_special = control ? 3 : 1, .eos = special[0], .pattern = "gpt2"};
    tokenizer_trainer *trainer = tokenizer_trainer_new(&o, &err);
    tokenizer_trainer_add(trainer, "what does it do", 15, true);
    tokenizer *t = tokenizer_trainer_finish(trainer, &owner, NULL, &err);
    tokenizer_trainer_drop(trainer);
    assert_non_null(t);
    return t;
}

static void make_base(const char *name, tokenizer *t, long vocab_size, uint64_t seed) {
    error err = {0};
    const model_sizes sizes = {.family = "llama",
                               .vocab_size = vocab_size,
                               .n_layer = 2,
                               .n_head = 2,
                               .n_kv_head = 2,
                               .hidden_size = 16,
                               .intermediate_size = 24,
                               .max_position = 96,
                               .bos_id = -1,
                               .eos_id = 0};
    json *config = model_config_of_sizes(&owner, &sizes, &err);
    model *m = model_describe_json(&owner, config, name, &err);
    const char *path = in_folder(name);
    assert_true(m != NULL && model_allocate(m, &err) && folder_make(path, &err));
    m->init_std = (real)0.3; /* frozen weights that leave an adapter something to turn */
    model_initialise(m, seed);
    assert_true(model_save(m, path, &err) && (t == NULL || tokenizer_save(t, path, NULL, &err)));
    model_free_weights(m);
}

static void write_rows(const char *name) {
    string text = {0};
    error err = {0};
    for (int i = 0; i < 24; i++) string_print(&text, "{\"prompt\": \"what %d\", \"completion\": \"do %d\"}\n%s", i % 7, i % 7 * 3, i % 5 == 0 ? "\n" : "");
    string_text(&text, "{\"messages\": [{\"role\": \"user\", \"content\": \"alone\"}]}\n"); /* nothing to learn */
    string_text(&text, "{\"prompt\": \"long\", \"completion\": \"");
    for (int i = 0; i < 90; i++) string_text(&text, "z");
    string_text(&text, "\"}\n");
    assert_true(file_write(in_folder(name), string_chars(&text), text.length, &err));
    string_drop(&text);
}

static void an_adapter_learns_the_answers_and_the_base_stays(void **state) {
    error err = {0};
    size_t n;
    const char *before = file_read(&owner, in_folder("base/model.safetensors"), 0, &n, &err);
    const train_report r = run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=lora", "epochs=40"), (train_how){0});
    const char *after = file_read(&owner, in_folder("base/model.safetensors"), 0, &n, &err);
    assert_memory_equal(before, after, n);
    assert_int_equal(r.conversations, 25);
    assert_int_equal(r.left_out, 1);
    assert_int_equal(r.cut, 1);
    assert_int_equal(r.trainable, 2 * 2 * 4 * (16 + 16)); /* 2 layers, q and v, rank 4 */
    assert_true(r.learned_share > 0.1 && r.learned_share < 0.6);
    long steps;
    const metrics_row *rows = log_of("lora", &steps);
    assert_int_equal(steps, r.steps);
    assert_int_equal(steps, (40 * r.windows + 3) / 4);
    assert_true(rows[steps - 1].loss < 0.7 * rows[0].loss);
    /* What was written is an adapter that loads whole over the base, and holds ChatML. */
    const char *folder_of = r.checkpoint;
    adapter_config c;
    model *m = model_load(&owner, in_folder("base"), &err);
    assert_true(m != NULL && adapter_config_read(&owner, folder_of, &c, &err) && bank_new(m, &c, 1, 1, &err) != NULL);
    assert_true(bank_load(m, 0, folder_of, &err));
    assert_string_equal(json_get_text(c.tree, "base_model_name_or_path", ""), in_folder("base"));
    model_free_weights(m);
    tokenizer *t = tokenizer_load(&owner, folder_of, &err);
    assert_non_null(t);
    assert_string_equal(tokenizer_chat_template(t), template_chatml_jinja());
}

static void a_schedule_longer_than_the_epochs_is_refused(void **state) {
    train_report r;
    error err;
    assert_false(run_with(TRAIN_CONVERSATIONS, TUNE, SET("out=short", "epochs=1", "schedule={name: wsd, decay_steps: 5000}"), (train_how){0}, &r, &err));
    assert_non_null(strstr(err.text, "5000 of decay"));
    assert_false(file_exists(in_folder("short")));
}

static void an_adapter_run_goes_on_bit_for_bit(void **state) {
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=whole", "steps=8"), (train_how){0});
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=parts", "steps=8"), (train_how){0});
    assert_true(folder_remove(in_folder("parts/checkpoints/step-00000008"), NULL) && folder_remove(in_folder("parts/checkpoints/step-00000006"), NULL));
    const train_report r = run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=parts", "steps=8"), (train_how){.resume = true});
    assert_int_equal(r.first_step, 3);
    assert_same_curve("whole", "parts");
    assert_same_file("whole/checkpoints/step-00000008/adapter_model.safetensors", "parts/checkpoints/step-00000008/adapter_model.safetensors");
}

/* Micro-batches with few and with many learned tokens weigh by what they hold. */
static void accumulation_counts_tokens_not_micro_batches(void **state) {
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=by-4", "steps=6", "method.dropout=0", "batch={sequences: 1, accumulate: 4}"), (train_how){0});
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=by-1", "steps=6", "method.dropout=0", "batch={sequences: 4, accumulate: 1}"), (train_how){0});
    long n, m;
    const metrics_row *a = log_of("by-4", &n), *b = log_of("by-1", &m);
    assert_true(n == 6 && m == 6);
    for (long i = 0; i < n; i++) {
        assert_int_equal(a[i].tokens, b[i].tokens);
        assert_true(fabs(a[i].loss - b[i].loss) < 1e-5);
        assert_true(fabs(a[i].grad_norm - b[i].grad_norm) < 1e-4 * b[i].grad_norm);
    }
}

static void threads_do_not_show_in_an_adapter(void **state) {
    parallel_set_threads(1);
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=threads-1", "steps=4"), (train_how){0});
    parallel_set_threads(2);
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=threads-2", "steps=4"), (train_how){0});
    parallel_set_threads(0);
    assert_same_curve("threads-1", "threads-2");
    assert_same_file("threads-1/checkpoints/step-00000004/adapter_model.safetensors", "threads-2/checkpoints/step-00000004/adapter_model.safetensors");
}

static void an_adapter_goes_on_over_its_own_base_only(void **state) {
    train_report r;
    error err;
    run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=own", "steps=2"), (train_how){0});
    make_base("changed", make_tokenizer(true), 262, 6);
    const char *other = arena_print(&owner, "model.init=%s", in_folder("changed"));
    assert_false(run_with(TRAIN_CONVERSATIONS, TUNE, SET("out=own", "steps=4", other), (train_how){.resume = true}, &r, &err));
    assert_non_null(strstr(err.text, "base"));
}

static void all_weights_can_be_tuned(void **state) {
    error err = {0};
    const train_report r = run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=full", "method.name=full", "epochs=20"), (train_how){0});
    assert_int_equal(r.trainable, r.parameters);
    long n;
    const metrics_row *rows = log_of("full", &n);
    assert_true(rows[n - 1].loss < 0.5 * rows[0].loss);
    /* It ends a turn, so generation has to know that this ends it. */
    model *m = model_load(&owner, r.checkpoint, &err);
    tokenizer *t = tokenizer_load(&owner, r.checkpoint, &err);
    assert_true(m != NULL && t != NULL);
    bool ends = false;
    for (int i = 0; i < m->n_eos; i++) ends = ends || m->eos_ids[i] == tokenizer_lookup(t, "<|im_end|>", 10);
    assert_true(ends);
    model_free_weights(m);
}

/* A template with no spans, whose turns end with a token that is not ChatML's. */
static void a_models_own_template_is_used_and_kept(void **state) {
    static const char jinja[] =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
    error err = {0};
    const char *path = in_folder("own");
    make_base("own", make_tokenizer(false), 260, 5);
    assert_true(tokenizer_save(make_tokenizer(false), path, jinja, &err));
    const char *init = arena_print(&owner, "model.init=%s", path);
    const train_report r = run_fine(TRAIN_CONVERSATIONS, TUNE, SET("out=ours", "method.name=full", "epochs=2", init), (train_how){0});
    assert_true(r.learned_share > 0.05 && r.learned_share < 0.6);
    assert_int_equal(r.left_out, 1); /* nothing to learn */
    const tokenizer *t = tokenizer_load(&owner, r.checkpoint, &err);
    assert_non_null(t);
    assert_string_equal(tokenizer_chat_template(t), jinja);
    train_config c;
    train_report replaced;
    assert_true(config_of(TRAIN_CONVERSATIONS, TUNE, SET("out=other", "data.template=chatml", init), &c, &err));
    assert_false(train_plan(&owner, &c, &replaced, &err)); /* ChatML needs tokens that it lacks */
    assert_non_null(strstr(err.text, "<|im_start|>"));
}

static void loss_all_learns_every_token_that_follows_one(void **state) {
    train_config c;
    train_report r;
    error err = {0};
    assert_true(config_of(TRAIN_CONVERSATIONS, TUNE, SET("out=all", "data.loss=all"), &c, &err));
    assert_true(train_plan(&owner, &c, &r, &err));
    assert_true(r.learned_share == 1);
    assert_int_equal(r.left_out, 0);
}

static void what_cannot_be_tuned_is_refused_by_name(void **state) {
    train_report r;
    error err;
    make_base("plain", make_tokenizer(false), 260, 5);
    make_base("bare", NULL, 260, 5);
    make_base("small", make_tokenizer(true), 2, 5);
    const struct {
        const char *set, *says;
    } cases[] = {
        {arena_print(&owner, "model.init=%s", in_folder("plain")), "<|im_start|>"},
        {arena_print(&owner, "model.init=%s", in_folder("bare")), "no tokenizer.json"},
        {arena_print(&owner, "model.init=%s", in_folder("small")), "no row for <|im_end|>"},
        {arena_print(&owner, "model.init=%s", in_folder("absent")), "absent"},
        {"method.target_modules=[x_proj]", "target_modules"},
        {"data.seq_len=128", "positions"},
        {"method.bias=all", "method.bias"},
        {"epochs=0", "epochs"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(run_with(TRAIN_CONVERSATIONS, TUNE, SET("out=refused", cases[i].set), (train_how){0}, &r, &err));
        if (strstr(err.text, cases[i].says) == NULL) fail_msg("%s: %s", cases[i].set, err.text);
    }
    assert_true(file_write(in_folder("bad.jsonl"), "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": 3}\n", 50, &err));
    const char *bad = arena_print(&owner, "data.train=[{path: %s}]", in_folder("bad.jsonl"));
    assert_false(run_with(TRAIN_CONVERSATIONS, TUNE, SET("out=refused", bad), (train_how){0}, &r, &err));
    assert_non_null(strstr(err.text, "bad.jsonl: line 2"));
    assert_false(file_exists(in_folder("refused")));
}

static int begin(void **state) {
    const int failed = folder_begin_test(state);
    make_base("base", make_tokenizer(true), 262, 5);
    write_rows("rows.jsonl");
    return failed;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adapter_learns_the_answers_and_the_base_stays),
        cmocka_unit_test(a_schedule_longer_than_the_epochs_is_refused),
        cmocka_unit_test(an_adapter_run_goes_on_bit_for_bit),
        cmocka_unit_test(accumulation_counts_tokens_not_micro_batches),
        cmocka_unit_test(threads_do_not_show_in_an_adapter),
        cmocka_unit_test(an_adapter_goes_on_over_its_own_base_only),
        cmocka_unit_test(all_weights_can_be_tuned),
        cmocka_unit_test(a_models_own_template_is_used_and_kept),
        cmocka_unit_test(loss_all_learns_every_token_that_follows_one),
        cmocka_unit_test(what_cannot_be_tuned_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, begin, folder_end_test);
}
