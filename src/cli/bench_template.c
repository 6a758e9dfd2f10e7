/* socle bench template: how fast a chat template, compiled once, renders conversations. */
#include "cli/bench.h"
#include "cli/cli.h"

#include "base/file.h"
#include "text/chat_template.h"

#include <time.h>

enum { MOST_TEMPLATE_BYTES = 1 << 22, MOST_ROUNDS = 1000 };

typedef struct bench_template_options {
    const char *bos_token, *eos_token;
    long rounds;
    double seconds; /* of a round */
    bool marks;
} bench_template_options;

typedef struct bench_template_result {
    size_t conversations;
    double compile_seconds, best, bytes; /* best: of a round, for all conversations once; bytes: of their texts */
} bench_template_result;

/* Of the processor, spent by this process: what else the machine does counts less. One thread works. */
static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool render_all(const chat_template *t, const bench_template_options *o, const json *inputs, string *text, string *marks, double *bytes, error *err) {
    for (size_t i = 0; i < inputs->length; i++) {
        const chat_template_input in = {.variables = &inputs->item[i], .bos_token = o->bos_token, .eos_token = o->eos_token, .now = INT64_MIN};
        string_reset(text);
        string_reset(marks);
        if (!chat_template_render(t, &in, text, o->marks ? marks : NULL, err)) return fail(err, "conversation %zu", i + 1);
        *bytes += (double)text->length;
    }
    return true;
}

enum { AT_A_TIME = 32 }; /* renderings between two looks at the clock, which costs as much as a short one */

static bool bench_rounds(const chat_template *t, const bench_template_options *o, const json *inputs, bench_template_result *did, error *err) {
    string text = {0}, marks = {0};
    bool ok = render_all(t, o, inputs, &text, &marks, &did->bytes, err);
    did->best = 1e30;
    for (long r = 0; ok && r < o->rounds; r++) {
        const double start = processor_seconds();
        double now = start, ignored = 0;
        long times = 0;
        while (ok && now < start + o->seconds) {
            for (int i = 0; ok && i < AT_A_TIME; i++) ok = render_all(t, o, inputs, &text, &marks, &ignored, err);
            now = processor_seconds();
            times += AT_A_TIME;
        }
        if ((now - start) / (double)times < did->best) did->best = (now - start) / (double)times;
    }
    string_drop(&text);
    string_drop(&marks);
    return ok;
}

static bool say(const common_options *common, const bench_template_result *did, error *err) {
    const double renderings = (double)did->conversations / did->best, speed = did->bytes / did->best;
    string out = {0};
    if (common->json) {
        json_writer w = {.out = &out};
        json_begin_object(&w);
        json_key(&w, "conversations"), json_integer(&w, (int64_t)did->conversations);
        json_key(&w, "bytes"), json_number(&w, did->bytes);
        json_key(&w, "compile_seconds"), json_number(&w, did->compile_seconds);
        json_key(&w, "renderings_per_s"), json_number(&w, renderings);
        json_key(&w, "bytes_per_s"), json_number(&w, speed);
        json_end_object(&w);
        string_char(&out, '\n');
    } else
        string_print(&out, "%zu conversations, %.0f bytes: %.0f renderings/s, %.1f MB/s on one thread; compiled in %.2f ms\n", did->conversations, did->bytes,
                     renderings, speed / 1e6, 1e3 * did->compile_seconds);
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

static bool bench_files(arena *owner, const common_options *common, const bench_template_options *o, error *err) {
    bench_template_result did = {0};
    size_t n;
    const char *text = file_read(owner, common->words[0], MOST_TEMPLATE_BYTES, &n, err);
    json *inputs = text == NULL ? NULL : json_read_file(owner, common->words[1], err);
    if (inputs == NULL) return false;
    const json alone = {.type = JSON_ARRAY, .length = 1, .item = inputs};
    const json *list = inputs->type == JSON_ARRAY ? inputs : &alone;
    if (list->length == 0) return fail(err, "%s: it holds no conversation", common->words[1]);
    did.conversations = list->length;
    const double start = processor_seconds();
    const chat_template *t = chat_template_compile(owner, text, n, err);
    if (t == NULL) return fail(err, "%s", common->words[0]);
    did.compile_seconds = processor_seconds() - start;
    if (!bench_rounds(t, o, list, &did, err)) return fail(err, "%s over %s", common->words[0], common->words[1]);
    return say(common, &did, err);
}

int command_bench_template(int argc, char **argv) {
    bench_template_options o = {.bos_token = "<s>", .eos_token = "</s>", .rounds = 3, .seconds = 0.2};
    const option options[] = {
        {"bos-token", 0, OPT_TEXT, &o.bos_token, .argument = "T", .help = "what the template sees as bos_token"},
        {"eos-token", 0, OPT_TEXT, &o.eos_token, .argument = "T", .help = "what the template sees as eos_token"},
        {"rounds", 0, OPT_INT, &o.rounds, .help = "timed rounds, of which the best counts", .least = 1, .most = MOST_ROUNDS},
        {"seconds", 0, OPT_REAL, &o.seconds, .help = "least seconds of a round, of the processor", .least = 0.001, .most = 3600},
        {"marks", 0, OPT_FLAG, &o.marks, .help = "also which bytes are the template's"},
        {0},
    };
    const command c = {
        .name = "bench template",
        .arguments = "FILE.jinja INPUT.json",
        .summary = "Renderings a second of a chat template that is compiled once. INPUT.json is a conversation as `socle template` takes it, or a list.",
        .examples = "  socle bench template chatml.jinja conversation.json\n",
        .options = options,
        .least_words = 2,
        .most_words = 2,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) status = bench_files(&owner, &common, &o, &err) ? finish_out() : report_failure(&err);
    arena_drop(&owner);
    return status;
}
