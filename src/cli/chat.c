/* socle chat MODEL: a conversation in the terminal, or over a pipe. */
#include "cli/cli.h"
#include "cli/sampling_options.h"
#include "infer/answer.h"
#include "data/chat_form.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct chat_options {
    const char *system;
    long max_tokens, context;
    sampling_options sampling;
} chat_options;

typedef struct chat {
    model *m;
    engine *engine;
    chat_form form;
    answer_request request; /* all but the prompt */
    const char *system;
    arena history; /* holds what follows; dropped by /reset */
    message *messages;
    size_t n, room;
    bool on_terminal;
} chat;

static volatile int interrupted; /* SIGINT: ends the answer that is being given, not the program */

static void on_interrupt(int number) {
    interrupted = number;
}

static void catch_interrupt(void) {
    struct sigaction act = {.sa_handler = on_interrupt}; /* without SA_RESTART: a read ends too */
    sigaction(SIGINT, &act, NULL);
}

static void add_message(chat *c, const char *role, const char *text, size_t n) {
    if (c->n == c->room) {
        const size_t more = c->room == 0 ? 16 : 2 * c->room;
        c->messages = arena_grow(&c->history, c->messages, c->room * sizeof *c->messages, more * sizeof *c->messages);
        c->room = more;
    }
    c->messages[c->n++] = (message){.role = role, .content = arena_copy_bytes(&c->history, text, n), .length = n};
}

static void reset(chat *c) {
    arena_drop(&c->history);
    c->messages = NULL;
    c->n = c->room = 0;
    if (c->system != NULL) add_message(c, "system", c->system, strlen(c->system));
}

static bool show(void *context, const char *text, size_t n) {
    return print_out(text, n, context) && (fflush(stdout) == 0 || fail(context, "writing to standard output: %s", strerror(errno)));
}

/* One turn. A question that cannot be answered is forgotten again; false only where the program cannot go on. */
static bool turn(chat *c, const char *text, size_t n, error *err) {
    arena scratch = {0};
    answer_request q = c->request;
    answer a = {0};
    int32_t *ids;
    error why = {0}, output = {0};
    add_message(c, "user", text, n);
    q.show = show;
    q.context = &output;
    interrupted = 0;
    bool ok = conversation_prompt(&scratch, &c->form, &(conversation){.messages = c->messages, .n = c->n}, &ids, &q.want.n_prompt, &why);
    if (ok) {
        q.want.prompt = ids;
        const long left = engine_context(c->engine) - (long)q.want.n_prompt;
        if (left <= 0) ok = fail(&why, "the conversation has %zu tokens; the context holds %ld", q.want.n_prompt, engine_context(c->engine));
        else if (q.want.max_tokens < 0 || q.want.max_tokens > left) q.want.max_tokens = left;
    }
    ok = ok && answer_make(c->engine, &q, &a, &why);
    interrupted = 0;
    if (ok) add_message(c, "assistant", string_chars(&a.text), a.text.length);
    else c->n--;
    const bool cut = ok && a.why == FINISH_LENGTH;
    answer_drop(&a);
    arena_drop(&scratch);
    if (output.text[0] != 0) return fail(err, "%s", output.text);
    if (ok && !show(err, "\n", 1)) return false;
    if (!ok && !c->on_terminal) return fail(err, "%s", why.text); /* nobody is there to go on in another way */
    if (!ok) fprintf(stderr, "error: %s; /reset begins a new conversation\n", why.text);
    if (cut && c->on_terminal) fprintf(stderr, "(cut: %ld tokens were the most)\n", q.want.max_tokens);
    return true;
}

static const char help_text[] = "/reset  begins a new conversation\n/exit   ends (so does the end of input)\n/help   shows this\n"
                                "Ctrl-C ends an answer early.\n";

typedef enum { LINE_TEXT, LINE_DONE, LINE_EXIT } line_kind;

static line_kind obey(chat *c, const char *line, size_t n) {
    if (n == 0) return LINE_DONE;
    if (line[0] != '/') return LINE_TEXT;
    if (strcmp(line, "/exit") == 0 || strcmp(line, "/quit") == 0) return LINE_EXIT;
    if (strcmp(line, "/reset") == 0) reset(c);
    else if (strcmp(line, "/help") == 0) fputs(help_text, stderr);
    else fprintf(stderr, "there is no command '%.40s'; /help lists them\n", line);
    return LINE_DONE;
}

static bool converse(chat *c, error *err) {
    char *line = NULL;
    size_t room = 0;
    bool ok = true;
    while (ok && signal_seen() == 0) {
        if (c->on_terminal) {
            fputs("> ", stderr);
            fflush(stderr);
        }
        errno = 0;
        ssize_t n = getline(&line, &room, stdin);
        if (n < 0 && errno == EINTR && c->on_terminal) {
            clearerr(stdin);
            fputs("\n(/exit or Ctrl-D ends)\n", stderr);
            continue;
        }
        if (n < 0) break;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
        const line_kind kind = obey(c, line, (size_t)n);
        if (kind == LINE_EXIT) break;
        if (kind == LINE_TEXT) ok = turn(c, line, (size_t)n, err);
    }
    free(line);
    return ok;
}

static bool prepare(arena *owner, const common_options *common, const chat_options *o, chat *c, error *err) {
    const char *argument = common->words[0];
    model_path path;
    c->m = model_open(owner, argument, err);
    if (c->m == NULL || !model_path_resolve(owner, argument, &path, err)) return false;
    const tokenizer *t = model_tokenizer(owner, c->m, path.base, path.adapter, err);
    if (t == NULL) return false;
    if (!chat_form_make(owner, t, NULL, &c->form, err)) return fail(err, "%s", argument);
    c->request = (answer_request){.want = {.adapter = c->m->bank != NULL ? 0 : -1, .max_tokens = o->max_tokens},
                                  .tokenizer = t,
                                  .interrupt = c->on_terminal ? &interrupted : signal_flag()};
    if (c->form.stop_id >= 0) {
        c->request.want.stop_ids = &c->form.stop_id;
        c->request.want.n_stop_id = 1;
    } else if (c->form.stop_text != NULL) {
        c->request.stops = &c->form.stop_text;
        c->request.n_stop = 1;
    }
    if (!sampling_options_apply(&o->sampling, c->m->generation, (uint64_t)common->seed, &c->request.want.how, err)) return false;
    const long context = o->context > 0 ? o->context : c->m->max_position;
    c->engine = engine_new(owner, c->m, &(engine_options){.context = context, .cache_tokens = context, .max_sequences = 1}, err);
    return c->engine != NULL || fail(err, "--context %ld", context);
}

static int run(arena *owner, const common_options *common, const chat_options *o, error *err) {
    chat c = {.system = o->system, .on_terminal = isatty(STDIN_FILENO) != 0};
    bool ok = prepare(owner, common, o, &c, err);
    if (ok) {
        if (c.on_terminal) fputs(help_text, stderr);
        reset(&c);
        if (c.on_terminal) catch_interrupt();
        else signals_catch(); /* over a pipe it ends the program as it does elsewhere */
        ok = converse(&c, err);
    }
    arena_drop(&c.history);
    engine_free(c.engine);
    if (c.m != NULL) model_free_weights(c.m);
    const int status = ok ? finish_out() : report_failure(err);
    return status == EXIT_DONE && signal_seen() != 0 ? 128 + signal_seen() : status;
}

int command_chat(int argc, char **argv) {
    chat_options o = {.max_tokens = -1, .sampling = sampling_options_unset()};
    const option options[] = {
        {"system", 0, OPT_TEXT, &o.system, .help = "the system message"},
        {"max-tokens", 'n', OPT_INT, &o.max_tokens, .help = "most tokens of an answer; -1: what the context holds", .least = -1, .most = 1e9},
        {"context", 0, OPT_INT, &o.context, .help = "most tokens of the conversation; 0: as many as the model has positions for", .least = 0, .most = 1e9},
        SAMPLING_OPTIONS(&o.sampling),
        {0},
    };
    const command c = {
        .name = "chat",
        .arguments = "MODEL",
        .summary = "A conversation with a model that has a chat template; each line is a turn. /help lists what else a line may say.",
        .examples = "  socle chat model/\n"
                    "  socle chat base/+adapter/ --system \"Answer in one sentence.\" --temperature 0.7\n"
                    "  echo \"What does ls do?\" | socle chat model/\n",
        .options = options,
        .least_words = 1,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        error err = {0};
        status = run(&owner, &common, &o, &err);
    }
    arena_drop(&owner);
    return status;
}
