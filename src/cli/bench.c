/* socle bench WHAT: figures of this machine. */
#include "cli/bench.h"
#include "cli/cli.h"

#include "base/log.h"
#include "base/parallel.h"
#include "base/random.h"
#include "tensor/matmul.h"
#include "train/measure.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

typedef struct bench_options {
    int shape;
    long batch, seq, steps;
    bool profile, json;
    double peak;
} bench_options;

static const struct {
    const char *name;
    model_sizes sizes;
} shapes[] = {
    {"gpt2",
     {.family = "gpt2", .vocab_size = 50257, .n_layer = 12, .n_head = 12, .hidden_size = 768, .max_position = 1024, .tied = true, .bos_id = -1, .eos_id = -1}},
    {"tiny",
     {.family = "llama",
      .vocab_size = 8192,
      .n_layer = 4,
      .n_head = 4,
      .n_kv_head = 4,
      .hidden_size = 256,
      .max_position = 512,
      .tied = true,
      .bos_id = -1,
      .eos_id = -1}},
};
#define SHAPE_CHOICES "gpt2|tiny"

static double peak_memory(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss * 1024;
}

static bool bench_peak(const bench_options *o, error *err) {
    string out = {0};
    if (o->json) string_print(&out, "{\"kernel\": \"%s\", \"threads\": %d, \"flops\": %.6g}\n", matmul_kernel_name(), parallel_threads(), o->peak);
    else string_print(&out, "%s, %d threads: %.1f GFLOP/s in registers (f32 multiply-adds)\n", matmul_kernel_name(), parallel_threads(), o->peak / 1e9);
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

/* The products of one GPT-2 124M step with 1024 rows, and those of one generated token. */
static bool bench_matmul(const bench_options *o, error *err) {
    static const struct {
        const char *what;
        long m, n, k;
        int form; /* 0: x · wᵀ, 1: dy · w, 2: dyᵀ · x */
    } products[] = {
        {"forward", 1024, 768, 768, 0}, {"forward", 1024, 3072, 768, 0},      {"forward", 1024, 768, 3072, 0}, {"logits", 512, 50257, 768, 0},
        {"dx", 1024, 768, 3072, 1},     {"dx of logits", 512, 768, 50257, 1}, {"dw", 3072, 768, 1024, 2},      {"dw of logits", 50257, 768, 512, 2},
        {"one row", 1, 3072, 768, 0},   {"one row", 1, 50257, 768, 0},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < COUNT(products); i++) {
        const long m = products[i].m, n = products[i].n, k = products[i].k;
        const size_t bytes = (size_t)(m * k + k * n + m * n) * sizeof(real);
        real *a = memory_new(bytes, err);
        if (a == NULL) return false;
        real *b = a + m * k, *c = b + k * n;
        random_stream r = random_start(1, i);
        for (long j = 0; j < m * k + k * n; j++) a[j] = (real)random_unit(&r) - (real)0.5;
        const matrix x = products[i].form == 2 ? (matrix){a, 1, m} : (matrix){a, k, 1}, y = products[i].form == 0 ? (matrix){b, 1, k} : (matrix){b, n, 1};
        double best = 1e30;
        const double until = clock_seconds() + 0.5;
        for (int round = 0; round < 3 || clock_seconds() < until; round++) {
            const double start = clock_seconds();
            matmul(c, n, MATMUL_SET, NULL, x, y, m, n, k);
            const double seconds = clock_seconds() - start;
            if (seconds < best) best = seconds;
        }
        const double flops = 2.0 * (double)m * (double)n * (double)k / best;
        string out = {0};
        if (o->json)
            string_print(&out, "{\"what\": \"%s\", \"m\": %ld, \"n\": %ld, \"k\": %ld, \"flops\": %.6g, \"share_of_peak\": %.4f}\n", products[i].what, m, n, k,
                         flops, flops / o->peak);
        else
            string_print(&out, "%-14s %6ld x %5ld x %5ld  %7.1f GFLOP/s  %5.1f%% of peak  %6.1f GB/s of the second\n", products[i].what, m, n, k, flops / 1e9,
                         100 * flops / o->peak, 4e-9 * (double)(k * n) / best);
        ok = print_string(&out, err);
        string_drop(&out);
        memory_free(a, bytes);
    }
    return ok;
}

static bool bench_train(const bench_options *o, error *err) {
    train_measurement did;
    if (!train_measure(&shapes[o->shape].sizes, o->batch, o->seq, o->steps, o->profile, &did, err)) return false;
    string out = {0};
    if (o->json) {
        string_print(&out, "{\"shape\": \"%s\", \"parameters\": %ld, \"batch\": %ld, \"seq\": %ld, \"threads\": %d, \"tokens_per_s\": %.6g, \"flops\": %.6g, ",
                     shapes[o->shape].name, did.parameters, o->batch, o->seq, parallel_threads(), did.tokens_per_s, did.flops);
        string_print(&out, "\"peak_flops\": %.6g, \"share_of_peak\": %.4f, \"peak_rss_bytes\": %.0f, \"loss\": %.6g}\n", o->peak, did.flops / o->peak,
                     peak_memory(), did.loss);
    } else {
        string_print(&out, "%s, %ld parameters, %ld x %ld tokens a step, %d threads (%s)\n", shapes[o->shape].name, did.parameters, o->batch, o->seq,
                     parallel_threads(), matmul_kernel_name());
        string_print(&out, "%.1f tokens/s (median of %ld steps; a step %.3f to %.3f s)\n", did.tokens_per_s, did.steps, did.fastest, did.slowest);
        string_print(&out, "%.1f GFLOP/s = %.1f%% of %.1f GFLOP/s; peak memory %.2f GB\n", did.flops / 1e9, 100 * did.flops / o->peak, o->peak / 1e9,
                     peak_memory() / 1e9);
        if (o->profile) string_text(&out, string_chars(&did.profile));
    }
    const bool ok = print_string(&out, err);
    string_drop(&out);
    string_drop(&did.profile);
    return ok;
}

static const struct {
    const char *name;
    bool (*run)(const bench_options *o, error *err);
} benches[] = {{"peak", bench_peak}, {"matmul", bench_matmul}, {"train", bench_train}};

int command_bench(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "tokenizer") == 0) return command_bench_tokenizer(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "template") == 0) return command_bench_template(argc - 1, argv + 1);
    bench_options o = {.batch = 4, .seq = 256, .steps = 5};
    const option options[] = {
        {"shape", 0, OPT_CHOICE, &o.shape, SHAPE_CHOICES, NULL, "train: the model; gpt2 is GPT-2 124M, tiny a Llama of 5M parameters", 0, 0},
        {"batch", 0, OPT_INT, &o.batch, NULL, NULL, "train: windows a step", 1, 4096},
        {"seq", 0, OPT_INT, &o.seq, NULL, NULL, "train: tokens of a window", 1, 1024},
        {"steps", 0, OPT_INT, &o.steps, NULL, NULL, "train: steps that count, after one that does not", 1, 1000},
        {"profile", 0, OPT_FLAG, &o.profile, NULL, NULL, "train: time by op", 0, 0},
        {NULL, 0, OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    const command c = {"bench",
                       "peak|matmul|train|tokenizer|template",
                       "speed figures on this machine",
                       "  socle bench peak                        # multiply-adds a second, the limit of all else\n"
                       "  socle bench matmul                      # matrix products as shares of it\n"
                       "  socle bench train --shape gpt2 --threads 2\n"
                       "  socle bench tokenizer -t tok/ documents.jsonl  # has options of its own: see --help behind it\n"
                       "  socle bench template chatml.jinja conversation.json  # the same\n",
                       options,
                       1,
                       1,
                       .takes_set = false};
    arena owner = {0};
    common_options common = {0};
    error err = {0};
    int status = EXIT_DONE;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        size_t i = 0;
        while (i < COUNT(benches) && strcmp(benches[i].name, common.words[0]) != 0) i++;
        if (i == COUNT(benches)) {
            fail(&err, "there is no bench '%s': peak, matmul, train, tokenizer or template", common.words[0]);
            status = report_usage("bench", &err);
        } else {
            o.json = common.json;
            o.peak = matmul_peak(parallel_threads(), 0.6);
            status = benches[i].run(&o, &err) ? finish_out() : report_failure(&err);
        }
    }
    arena_drop(&owner);
    return status;
}
