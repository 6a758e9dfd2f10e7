/* Whole pretraining runs of a tiny model. */
#include "train/run_support.h"

#include "base/parallel.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE \
    "model: {sizes: {family: llama, vocab_size: 29, n_layer: 2, n_head: 2, n_kv_head: 1, hidden_size: 16, intermediate_size: 24, max_position: 32}}\n" \
    "data: {train: [{path: ~/tokens}], valid: [{path: ~/tokens}], seq_len: 16}\n" \
    "batch: {sequences: 4, accumulate: 2}\n" \
    "optimizer: {lr: 1e-2}\n" \
    "schedule: {name: cosine, warmup_steps: 3, final_lr: 1e-3}\n" \
    "steps: 24\n" \
    "eval: {every: 10, batches: 3}\n" \
    "checkpoint: {every: 5, keep: 2}\n" \
    "dropout: 0.1\n"

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_loss_falls(void **state) {
    const train_report r = run_fine(TRAIN_TOKENS, BASE, SET("out=falls", "steps=120", "dropout=0"), (train_how){0});
    long n;
    const metrics_row *rows = log_of("falls", &n);
    assert_int_equal(n, 120);
    assert_true(fabs(rows[0].loss - log(29)) < 0.2); /* a fresh model knows nothing */
    assert_true(rows[n - 1].loss < 1.6);
    assert_true(r.valid_loss < 1.6 && rows[n - 1].valid_loss == r.valid_loss);
    assert_int_equal(rows[n - 1].tokens, 120 * 8 * 16);
    assert_true(isnan(rows[0].valid_loss) && !isnan(rows[9].valid_loss));
    assert_true(file_exists(in_folder("falls/loss.svg")) && file_exists(in_folder("falls/config.yaml")));
}

static void one_and_two_threads_give_the_same_bits(void **state) {
    parallel_set_threads(1);
    run_fine(TRAIN_TOKENS, BASE, SET("out=threads-1"), (train_how){0});
    parallel_set_threads(2);
    run_fine(TRAIN_TOKENS, BASE, SET("out=threads-2"), (train_how){0});
    parallel_set_threads(0);
    assert_same_curve("threads-1", "threads-2");
    assert_same_file("threads-1/checkpoints/step-00000024/model.safetensors", "threads-2/checkpoints/step-00000024/model.safetensors");
}

typedef struct stopper {
    const char *log;
    int after; /* lines */
    volatile int stop, over;
} stopper;

/* What a signal does: asks to stop while steps are under way. */
static void *stop_under_way(void *context) {
    stopper *s = context;
    for (int lines = 0; lines < s->after && !__atomic_load_n(&s->over, __ATOMIC_RELAXED); usleep(50)) {
        FILE *f = fopen(s->log, "r");
        lines = 0;
        for (int c; f != NULL && (c = getc(f)) != EOF;) lines += c == '\n';
        if (f != NULL) fclose(f);
    }
    __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void a_run_that_is_stopped_under_way_goes_on_bit_for_bit(void **state) {
    stopper s = {.log = in_folder("stopped/metrics.jsonl"), .after = 3};
    pthread_t thread;
    run_fine(TRAIN_TOKENS, BASE, SET("out=unstopped", "steps=300", "checkpoint.every=200"), (train_how){0});
    assert_int_equal(pthread_create(&thread, NULL, stop_under_way, &s), 0);
    train_report r = run_fine(TRAIN_TOKENS, BASE, SET("out=stopped", "steps=300", "checkpoint.every=200"), (train_how){.stop = &s.stop});
    __atomic_store_n(&s.over, 1, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(r.stopped && r.last_step >= 3 && r.last_step < 300);
    assert_non_null(strstr(r.checkpoint, arena_print(&owner, "step-%08ld", r.last_step)));
    const long first = r.last_step;
    r = run_fine(TRAIN_TOKENS, BASE, SET("out=stopped", "steps=300", "checkpoint.every=200"), (train_how){.resume = true});
    assert_int_equal(r.first_step, first);
    assert_same_curve("unstopped", "stopped");
    assert_same_file("unstopped/checkpoints/step-00000300/model.safetensors", "stopped/checkpoints/step-00000300/model.safetensors");
    assert_same_file("unstopped/checkpoints/step-00000300/state/optimizer.safetensors", "stopped/checkpoints/step-00000300/state/optimizer.safetensors");
}

static void a_run_whose_last_checkpoints_are_gone_goes_on_bit_for_bit(void **state) {
    volatile int stop = 1;
    run_fine(TRAIN_TOKENS, BASE, SET("out=whole"), (train_how){0});
    train_report r = run_fine(TRAIN_TOKENS, BASE, SET("out=parts"), (train_how){.stop = &stop});
    assert_true(r.stopped && r.last_step == 0 && r.checkpoint == NULL);
    /* The cosine knows how long the whole run is, so the parts are cut by taking later checkpoints and lines away. */
    run_fine(TRAIN_TOKENS, BASE, SET("out=parts"), (train_how){.resume = true});
    assert_true(folder_remove(in_folder("parts/checkpoints/step-00000024"), NULL));
    r = run_fine(TRAIN_TOKENS, BASE, SET("out=parts"), (train_how){.resume = true});
    assert_int_equal(r.first_step, 20);
    assert_int_equal(r.last_step, 24);
    assert_same_curve("whole", "parts");
    assert_same_file("whole/checkpoints/step-00000024/model.safetensors", "parts/checkpoints/step-00000024/model.safetensors");
    assert_same_file("whole/checkpoints/step-00000024/state/optimizer.safetensors", "parts/checkpoints/step-00000024/state/optimizer.safetensors");
}

/* A child is killed wherever it happens to be; the run then goes on, or starts over. */
static void a_killed_run_goes_on_bit_for_bit(void **state) {
    run_fine(TRAIN_TOKENS, BASE, SET("out=unkilled"), (train_how){0});
    static const long after[] = {2, 7, 13};
    for (size_t i = 0; i < COUNT(after); i++) {
        const char *name = arena_print(&owner, "killed-%ld", after[i]), *out = arena_print(&owner, "out=%s", name);
        parallel_stop(); /* no threads in what is forked */
        const pid_t child = fork();
        if (child == 0) {
            train_report r;
            error err;
            _exit(!run_with(TRAIN_TOKENS, BASE, SET(out), (train_how){0}, &r, &err));
        }
        for (long n = 0; n < after[i] && waitpid(child, NULL, WNOHANG) == 0;) {
            usleep(200);
            log_of(name, &n);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        run_fine(TRAIN_TOKENS, BASE, SET(out), (train_how){.resume = true});
        assert_same_curve("unkilled", name);
    }
}

static void accumulation_equals_a_batch_of_the_same_size(void **state) {
    run_fine(TRAIN_TOKENS, BASE, SET("out=two-of-4", "dropout=0"), (train_how){0});
    run_fine(TRAIN_TOKENS, BASE, SET("out=one-of-8", "dropout=0", "batch={sequences: 8, accumulate: 1}"), (train_how){0});
    long n, m;
    const metrics_row *a = log_of("two-of-4", &n), *b = log_of("one-of-8", &m);
    assert_int_equal(n, m);
    for (long i = 0; i < n; i++) {
        assert_true(fabs(a[i].loss - b[i].loss) < 1e-5);
        assert_true(fabs(a[i].grad_norm - b[i].grad_norm) < 1e-5 * b[i].grad_norm + 1e-5);
    }
    assert_true(fabs(a[0].loss - b[0].loss) < 1e-6);
}

static void a_run_can_start_from_what_another_made(void **state) {
    run_fine(TRAIN_TOKENS, BASE, SET("out=first"), (train_how){0});
    const char *yaml =
        "model: {init: ~/first/checkpoints/step-00000024}\ndata: {train: [{path: ~/tokens}], seq_len: 16, shuffle: false}\nbatch: {sequences: 4}\n"
        "optimizer: {lr: 1e-3}\nschedule: {name: constant}\nsteps: 3\n";
    long n;
    run_fine(TRAIN_TOKENS, yaml, SET("out=second"), (train_how){0});
    assert_true(log_of("second", &n)[0].loss < 3);
}

static void masked_documents_train_too(void **state) {
    run_fine(TRAIN_TOKENS, BASE, SET("out=masked", "data.mask_documents=true", "steps=4"), (train_how){0});
}

static void old_checkpoints_go_and_the_last_stays(void **state) {
    size_t n;
    run_fine(TRAIN_TOKENS, BASE, SET("out=kept"), (train_how){0});
    char **names = folder_list(&owner, in_folder("kept/checkpoints"), &n, NULL);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "step-00000020");
    assert_string_equal(names[1], "step-00000024");
}

static void a_run_that_exists_is_not_overwritten(void **state) {
    train_report r;
    error err;
    run_fine(TRAIN_TOKENS, BASE, SET("out=exists", "steps=4"), (train_how){0});
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=exists", "steps=4"), (train_how){0}, &r, &err));
    assert_non_null(strstr(err.text, "--resume"));
}

static void what_would_break_the_curve_is_refused_by_name(void **state) {
    static const char *const changes[][2] = {
        {"batch.sequences=2", "batch.sequences"},
        {"seed=2", "seed"},
        {"data.seq_len=8", "data.seq_len"},
        {"dropout=0", "dropout"},
        {"model.sizes.n_layer=1", "model.sizes.n_layer"},
        {"data.train=[{path: ~/others}]", "data.train"},
    };
    train_report r;
    error err;
    run_fine(TRAIN_TOKENS, BASE, SET("out=fixed", "steps=4"), (train_how){0});
    write_tokens("others", 400, 29);
    for (size_t i = 0; i < COUNT(changes); i++) {
        const char *change = changes[i][0], *tilde = strchr(change, '~');
        if (tilde != NULL) change = arena_print(&owner, "%.*s%s%s", (int)(tilde - change), change, folder, tilde + 1);
        assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=fixed", "steps=6", change), (train_how){.resume = true}, &r, &err));
        assert_non_null(strstr(err.text, changes[i][1]));
    }
    r = run_fine(TRAIN_TOKENS, BASE, SET("out=fixed", "steps=6"), (train_how){.resume = true}); /* more steps are fine */
    assert_int_equal(r.last_step, 6);
}

static void a_run_without_its_configuration_does_not_go_on(void **state) {
    train_report r;
    error err;
    run_fine(TRAIN_TOKENS, BASE, SET("out=bare", "steps=4"), (train_how){0});
    const char *state_file = in_folder("bare/checkpoints/step-00000004/state/state.json");
    size_t n;
    char *text = file_read(&owner, state_file, 0, &n, &err), *samples = strstr(text, "\"samples\": 32");
    assert_non_null(samples);
    samples[12] = '9'; /* another batch */
    assert_true(file_write(state_file, text, n, &err));
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=bare", "steps=6"), (train_how){.resume = true}, &r, &err));
    assert_non_null(strstr(err.text, "batch.sequences"));
    assert_int_equal(unlink(in_folder("bare/config.yaml")), 0);
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=bare", "steps=6"), (train_how){.resume = true}, &r, &err));
    assert_non_null(strstr(err.text, "config.yaml is missing"));
}

static void tied_is_as_the_family_does_where_nothing_says(void **state) {
    static const struct {
        const char *family, *tied;
        bool want;
    } cases[] = {{"gpt2", NULL, true}, {"llama", NULL, false}, {"gpt2", "model.sizes.tied=false", false}, {"llama", "model.sizes.tied=true", true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        train_config c;
        error err = {0};
        const char *family = arena_print(&owner, "model.sizes.family=%s", cases[i].family);
        assert_true(config_of(TRAIN_TOKENS, BASE, SET("out=x", "model.sizes.n_kv_head=2", family, cases[i].tied), &c, &err));
        assert_int_equal(c.model.tied, cases[i].want);
    }
}

static void a_damaged_checkpoint_is_an_error_that_names_it(void **state) {
    train_report r;
    error err;
    run_fine(TRAIN_TOKENS, BASE, SET("out=damaged", "steps=4"), (train_how){0});
    assert_int_equal(truncate(in_folder("damaged/checkpoints/step-00000004/state/optimizer.safetensors"), 1000), 0);
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=damaged", "steps=8"), (train_how){.resume = true}, &r, &err));
    assert_non_null(strstr(err.text, "optimizer.safetensors"));
}

static void mistakes_in_the_configuration_are_named(void **state) {
    static const char *const cases[][2] = {
        {"modl: {init: x}\n", "line 1: modl"},
        {BASE "out: x\nlr: 3\n", "optimizer.lr"},
        {"model: {init: x}\nout: x\nsteps: 3\n", "data.train is missing"},
        {"model: {init: x, sizes: {vocab_size: 3}}\nout: x\n", "exclude each other"},
        {"model: {init: x}\ndata: {train: [{path: x, wieght: 2}]}\nsteps: 3\nout: x\n", "wieght"},
        {"model: {init: x}\ndata: {train: [{path: x}]}\nsteps: 3\nout: x\noptimizer: {betas: [0.9]}\n", "betas"},
        {"model: {init: x}\ndata: {train: [{path: x}]}\nsteps: 3\nout: x\nschedule: {name: wsd}\n", "decay_steps"},
        {"model: {init: x}\ndata: {train: [{path: x}]}\nsteps: 3\nout: x\nschedule: {warmup_steps: 4}\n", "warm-up"},
        {"model: {init: x}\ndata: {train: [{path: x}]}\nout: x\n", "steps is missing"},
        {"model: {init: x}\ndata: {train: [{path: x}]}\nsteps: -3\nout: x\n", "line 3"},
        {"data: {train: [{path: x}]}\nsteps: 3\nout: x\n", "model is missing"},
        {"model: {sizes: {family: lama, vocab_size: 9}}\ndata: {train: [{path: x}]}\nsteps: 3\nout: x\n", "lama"},
        {"model: {sizes: {vocab_size: 9, n_head: 4, n_kv_head: 3, hidden_size: 16}}\ndata: {train: [{path: x}]}\nsteps: 3\nout: x\n", "model.sizes"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        train_config c;
        error err = {0};
        assert_false(config_of(TRAIN_TOKENS, cases[i][0], NULL, &c, &err));
        if (strstr(err.text, cases[i][1]) == NULL) fail_msg("case %zu: %s", i, err.text);
        assert_non_null(strstr(err.text, "config.yaml"));
    }
}

static void what_does_not_fit_together_is_refused_before_training(void **state) {
    train_report r;
    error err;
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=never", "data.seq_len=64"), (train_how){0}, &r, &err));
    assert_non_null(strstr(err.text, "data.seq_len"));
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=never", "model.sizes.vocab_size=28"), (train_how){0}, &r, &err));
    assert_non_null(strstr(err.text, "id 28"));
    assert_false(run_with(TRAIN_TOKENS, BASE, SET("out=never", "model.sizes.n_kv_head=3"), (train_how){0}, &r, &err));
    assert_false(file_exists(in_folder("never")));
}

static void a_dry_run_needs_no_weights_and_writes_nothing(void **state) {
    train_config c;
    train_report r, ran;
    error err = {0};
    assert_true(config_of(TRAIN_TOKENS, BASE, SET("out=dry"), &c, &err));
    assert_true(train_plan(&owner, &c, &r, &err));
    assert_false(file_exists(in_folder("dry")));
    ran = run_fine(TRAIN_TOKENS, BASE, SET("out=dry"), (train_how){0});
    assert_int_equal(r.parameters, ran.parameters);
    assert_int_equal(r.trainable, r.parameters);
    assert_int_equal(r.tokens_per_step, 4 * 2 * 16);
    assert_true(r.memory == ran.memory && r.memory > 4.0 * 4 * (double)r.parameters);
}

static void the_docs_list_every_key(void **state) {
    static const char *const pages[] = {"docs/train.md", "docs/tune.md"};
    error err = {0};
    const char *train = file_read(&owner, pages[0], 0, NULL, &err), *tune = file_read(&owner, pages[1], 0, NULL, &err);
    assert_true(train != NULL && tune != NULL);
    for (int kind = TRAIN_TOKENS; kind <= TRAIN_CONVERSATIONS; kind++) {
        train_config c;
        train_config_defaults(kind, &c);
        for (const option *o = train_options(&owner, kind, &c); o->name != NULL; o++) {
            const char *quoted = arena_print(&owner, "`%s`", o->name);
            if (strstr(train, quoted) == NULL && (kind == TRAIN_TOKENS || strstr(tune, quoted) == NULL)) fail_msg("%s is in no table", o->name);
        }
    }
}

static int begin(void **state) {
    const int failed = folder_begin_test(state);
    write_tokens("tokens", 2000, 29);
    return failed;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_falls),
        cmocka_unit_test(one_and_two_threads_give_the_same_bits),
        cmocka_unit_test(a_run_that_is_stopped_under_way_goes_on_bit_for_bit),
        cmocka_unit_test(a_run_whose_last_checkpoints_are_gone_goes_on_bit_for_bit),
        cmocka_unit_test(a_killed_run_goes_on_bit_for_bit),
        cmocka_unit_test(accumulation_equals_a_batch_of_the_same_size),
        cmocka_unit_test(a_run_can_start_from_what_another_made),
        cmocka_unit_test(masked_documents_train_too),
        cmocka_unit_test(old_checkpoints_go_and_the_last_stays),
        cmocka_unit_test(a_run_that_exists_is_not_overwritten),
        cmocka_unit_test(what_would_break_the_curve_is_refused_by_name),
        cmocka_unit_test(a_run_without_its_configuration_does_not_go_on),
        cmocka_unit_test(tied_is_as_the_family_does_where_nothing_says),
        cmocka_unit_test(a_damaged_checkpoint_is_an_error_that_names_it),
        cmocka_unit_test(mistakes_in_the_configuration_are_named),
        cmocka_unit_test(what_does_not_fit_together_is_refused_before_training),
        cmocka_unit_test(a_dry_run_needs_no_weights_and_writes_nothing),
        cmocka_unit_test(the_docs_list_every_key),
    };
    return cmocka_run_group_tests(tests, begin, folder_end_test);
}
