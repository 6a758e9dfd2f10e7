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

typedef struct terminal {
    error *err;
} terminal;

static bool show(void *context, const char *text, size_t n) {
    const terminal *t = context;
    return print_out(text, n, t->err) && (fflush(stdout) == 0 || fail(t->err, "writing to standard output: %s", strerror(errno)));
}

/* What the model needs and says: prompt ids, tokenizer (NULL with --ids, where its folder has none). */
static bool prepare(arena *owner, const model *m, const char *argument, const generate_options *o, const tokenizer **t, id_list *prompt, error *err) {
    model_path path;
    if (!model_path_resolve(owner, argument, &path, err)) return false;
    if (o->ids != NULL) {
        *t = model_has_tokenizer(owner, path.base, path.adapter) ? model_tokenizer(owner, m, path.base, path.adapter, NULL) : NULL;
        return read_ids(o->ids, prompt, err);
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

static int generate(arena *owner, const common_options *common, const generate_options *o, id_list *prompt, answer *a, error *err) {
    model *m = model_open(owner, common->words[0], err);
    if (m == NULL) return report_failure(err);
    answer_request q = {.want = {.adapter = m->bank != NULL ? 0 : -1, .ignore_eos = o->ignore_eos}, .interrupt = signal_flag()};
    if (!prepare(owner, m, common->words[0], o, &q.tokenizer, prompt, err)) return report_failure(err);
    if (!sampling_options_apply(&o->sampling, m->generation, (uint64_t)common->seed, &q.want.how, err)) return report_failure(err);
    q.want.prompt = prompt->id;
    q.want.n_prompt = prompt->n;
    q.want.max_tokens = answer_length(m, o->max_tokens, (long)prompt->n);
    if (o->stop != NULL) {
        q.stops = &o->stop;
        q.n_stop = 1;
        if (q.tokenizer == NULL) return fail(err, "--stop needs a tokenizer; %s has none", common->words[0]), report_failure(err);
    }
    if ((long)prompt->n + q.want.max_tokens > m->max_position) {
        fail(err, "the prompt has %zu tokens and -n asks for %ld: the model has positions for %ld together", prompt->n, q.want.max_tokens, m->max_position);
        return report_failure(err);
    }
    terminal to = {err};
    if (!common->json && q.tokenizer != NULL) {
        q.show = show;
        q.context = &to;
    }
    engine *e = engine_new(owner, m, &(engine_options){.context = (long)prompt->n + q.want.max_tokens, .max_sequences = 1, .cache_tokens = (long)prompt->n + q.want.max_tokens}, err);
    if (e == NULL) return report_failure(err);
    const bool ok = answer_make(e, &q, a, err) && err->text[0] == 0;
    engine_free(e);
    if (!ok) return report_failure(err);
    string out = {0};
    if (common->json) put_json(prompt, a, q.tokenizer != NULL, &out);
    else if (q.tokenizer == NULL)
        for (size_t i = 0; i < a->ids.n; i++) string_print(&out, "%s%d", i > 0 ? " " : "", a->ids.id[i]);
    if (!common->json) string_char(&out, '\n');
    const bool printed = print_string(&out, err);
    string_drop(&out);
    if (!printed) return report_failure(err);
    const int status = finish_out();
    return status == EXIT_DONE && a->interrupted ? 128 + signal_seen() : status;
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
    arena owner = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        error err = {0};
        id_list prompt = {0};
        answer a = {0};
        if ((o.prompt == NULL) == (o.ids == NULL)) {
            fail(&err, "give the prompt by -p TEXT or by --ids");
            status = report_usage(c.name, &err);
        } else if (o.stop != NULL && o.stop[0] == 0) {
            fail(&err, "--stop: the text is empty");
            status = report_usage(c.name, &err);
        } else {
            signals_catch();
            status = generate(&owner, &common, &o, &prompt, &a, &err);
        }
        answer_drop(&a);
        id_list_drop(&prompt);
    }
    arena_drop(&owner);
    return status;
}
