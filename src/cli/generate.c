/* socle generate MODEL: text out of a model. */
#include "cli/cli.h"
#include "cli/sampling_options.h"
#include "infer/answer.h"
#include "model/adapter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct generate_options {
    const char *prompt, *ids, *stop;
    long max_tokens;
    bool ignore_eos;
    sampling_options sampling;
} generate_options;

/* "1 2 3" */
static bool read_ids(const char *text, id_list *out, error *err) {
    for (;;) {
        text += strspn(text, " \t\n,");
        if (*text == 0) return out->n > 0 || fail(err, "--ids: no id is given");
        char *end;
        errno = 0;
        const long id = strtol(text, &end, 10);
        if (end == text || errno != 0 || id < 0 || id > INT32_MAX) return fail(err, "--ids: '%.20s' is no id", text);
        id_list_push(out, (int32_t)id);
        text = end;
    }
}

static void put_json(const id_list *prompt, const answer *a, bool has_text, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "prompt_ids");
    json_begin_array(&w);
    for (size_t i = 0; i < prompt->n; i++) json_integer(&w, prompt->id[i]);
    json_end_array(&w);
    json_key(&w, "ids");
    json_begin_array(&w);
    for (size_t i = 0; i < a->ids.n; i++) json_integer(&w, a->ids.id[i]);
    json_end_array(&w);
    json_key(&w, "logprobs");
    json_begin_array(&w);
    for (size_t i = 0; i < a->ids.n; i++) json_number(&w, (double)a->logprobs[i]);
    json_end_array(&w);
    json_key(&w, "text");
    if (has_text) json_text_n(&w, string_chars(&a->text), a->text.length);
    else json_null(&w);
    json_end_object(&w);
    string_char(out, '\n');
}

/* Text as it comes; the context is the error to set when it cannot be written. */
static bool show(void *context, const char *text, size_t n) {
    return print_out(text, n, context) && (fflush(stdout) == 0 || fail(context, "writing to standard output: %s", strerror(errno)));
}

/* The ids of a text prompt, and the tokenizer (NULL with --ids, where its folder has none). */
static bool prepare_prompt(arena *owner, const model *m, const char *argument, const generate_options *o, const tokenizer **t, id_list *prompt, error *err) {
    model_path path;
    if (!model_path_resolve(owner, argument, &path, err)) return false;
    if (o->ids != NULL) {
        *t = model_has_tokenizer(owner, path.base, path.adapter) ? model_tokenizer(owner, m, path.base, path.adapter, NULL) : NULL;
        return true; /* they have been read with the command line */
    }
    *t = model_tokenizer(owner, m, path.base, path.adapter, err);
    return *t != NULL && tokenizer_encode(*t, NULL, o->prompt, strlen(o->prompt), TOKENIZER_ADD_SPECIAL, prompt, err);
}

/* -n as given, or what generation_config.json says, as far as the context goes. */
static long answer_length(const model *m, long asked, long n_prompt) {
    enum { DEFAULT_TOKENS = 128 };
    if (asked >= 0) return asked;
    long n = json_get_integer(m->generation, "max_new_tokens", DEFAULT_TOKENS);
    if (n < 0 || n > m->max_position - n_prompt) n = m->max_position - n_prompt;
    return n < 0 ? 0 : n;
}

/* What this run holds, so that one place gives it back. */
typedef struct run {
    arena owner;
    model *m;
    engine *engine;
    id_list prompt;
    answer answer;
} run;

/* All that the answer depends on. */
static bool prepare_request(run *r, const common_options *common, const generate_options *o, answer_request *q, error *err) {
    const char *argument = common->words[0];
    r->m = model_open(&r->owner, argument, err);
    if (r->m == NULL) return false;
    *q = (answer_request){.want = {.adapter = r->m->bank != NULL ? 0 : -1, .ignore_eos = o->ignore_eos}, .interrupt = signal_flag()};
    if (!prepare_prompt(&r->owner, r->m, argument, o, &q->tokenizer, &r->prompt, err)) return false;
    if (!sampling_options_apply(&o->sampling, r->m->generation, (uint64_t)common->seed, &q->want.how, err)) return false;
    if (o->stop != NULL && q->tokenizer == NULL) return fail(err, "--stop needs a tokenizer; %s has none", argument);
    q->stops = &o->stop;
    q->n_stop = o->stop != NULL;
    q->want.prompt = r->prompt.id;
    q->want.n_prompt = r->prompt.n;
    q->want.max_tokens = answer_length(r->m, o->max_tokens, (long)r->prompt.n);
    const long tokens = (long)r->prompt.n + q->want.max_tokens;
    if (tokens > r->m->max_position)
        return fail(err, "the prompt has %zu tokens and -n asks for %ld: the model has positions for %ld together", r->prompt.n, q->want.max_tokens,
                    r->m->max_position);
    r->engine = engine_new(&r->owner, r->m, &(engine_options){.context = tokens, .max_sequences = 1, .cache_tokens = tokens}, err);
    return r->engine != NULL;
}

static int generate(run *r, const common_options *common, const generate_options *o, error *err) {
    answer_request q;
    if (!prepare_request(r, common, o, &q, err)) return report_failure(err);
    if (!common->json && q.tokenizer != NULL) {
        q.show = show;
        q.context = err;
    }
    if (!answer_make(r->engine, &q, &r->answer, err) || err->text[0] != 0) return report_failure(err);
    string out = {0};
    if (common->json) put_json(&r->prompt, &r->answer, q.tokenizer != NULL, &out);
    else if (q.tokenizer == NULL)
        for (size_t i = 0; i < r->answer.ids.n; i++) string_print(&out, "%s%d", i > 0 ? " " : "", r->answer.ids.id[i]);
    if (!common->json) string_char(&out, '\n');
    const bool printed = print_string(&out, err);
    string_drop(&out);
    if (!printed) return report_failure(err);
    const int status = finish_out();
    return status == EXIT_DONE && r->answer.interrupted ? 128 + signal_seen() : status;
}

static void run_drop(run *r) {
    answer_drop(&r->answer);
    engine_free(r->engine);
    if (r->m != NULL) model_free_weights(r->m);
    id_list_drop(&r->prompt);
    arena_drop(&r->owner);
}

int command_generate(int argc, char **argv) {
    generate_options o = {.max_tokens = -1, .sampling = sampling_options_unset()};
    const option options[] = {
        {"prompt", 'p', OPT_TEXT, &o.prompt, .help = "what to continue; special tokens in it are text"},
        {"ids", 0, OPT_TEXT, &o.ids, .argument = "\"1 2 3\"", .help = "token ids to continue, as they are"},
        {"max-tokens", 'n', OPT_INT, &o.max_tokens, .help = "most tokens to generate; -1: what generation_config.json says, or 128", .least = -1, .most = 1e9},
        SAMPLING_OPTIONS(&o.sampling),
        {"stop", 0, OPT_TEXT, &o.stop, .help = "ends before this text"},
        {"ignore-eos", 0, OPT_FLAG, &o.ignore_eos, .help = "goes on behind the model's end ids"},
        {0},
    };
    const command c = {
        .name = "generate",
        .arguments = "MODEL",
        .summary = "Continues a text. MODEL is a Hugging Face folder, a training run's folder, or BASE+ADAPTER.",
        .examples = "  socle generate model/ -p \"Once upon a time\" -n 50\n"
                    "  socle generate model/+adapter/ -p \"Once\" --temperature 0.8 --top-p 0.95 --seed 7\n"
                    "  socle generate model/ --ids \"1 403\" -n 8 --temperature 0 --json\n",
        .options = options,
        .least_words = 1,
        .most_words = 1,
    };
    run r = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &r.owner, &common, &status)) {
        error err = {0};
        if ((o.prompt == NULL) == (o.ids == NULL)) {
            fail(&err, "give the prompt by -p TEXT or by --ids");
            status = report_usage(c.name, &err);
        } else if (o.stop != NULL && o.stop[0] == 0) {
            fail(&err, "--stop: the text is empty");
            status = report_usage(c.name, &err);
        } else if (o.ids != NULL && !read_ids(o.ids, &r.prompt, &err)) {
            status = report_usage(c.name, &err);
        } else {
            signals_catch();
            status = generate(&r, &common, &o, &err);
        }
    }
    run_drop(&r);
    return status;
}
