/* socle template MODEL [FILE] */
#include "cli/cli.h"

#include "base/file.h"
#include "text/chat_template.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct template_options {
    const char *bos, *eos, *now;
} template_options;

/* "2026-01-15T12:00:00", or the day alone, as seconds of a UTC clock. */
static bool read_time(const char *text, int64_t *out, error *err) {
    struct tm when = {0};
    char rest = 0;
    const int n = sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%c", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour, &when.tm_min, &when.tm_sec, &rest);
    int day_end = 0;
    const bool day = n == 3 && sscanf(text, "%*4d-%*2d-%*2d%n", &day_end) == 0 && text[day_end] == 0;
    bool right = (n == 6 || day) && when.tm_mon >= 1 && when.tm_mon <= 12 && when.tm_mday >= 1 && when.tm_mday <= 31 && when.tm_hour >= 0 &&
                 when.tm_hour < 24 && when.tm_min >= 0 && when.tm_min < 60 && when.tm_sec >= 0 && when.tm_sec < 60 && when.tm_year >= 1;
    const int day_of_month = when.tm_mday;
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    if (right) *out = (int64_t)timegm(&when); /* which makes the 3rd of March of a 31st of February */
    right = right && when.tm_mday == day_of_month;
    return right || fail(err, "--now: '%.40s' is no time like 2026-01-15T12:00:00", text);
}

static bool ends_in(const char *path, const char *end) {
    const size_t n = strlen(path), n_end = strlen(end);
    return n >= n_end && strcmp(path + n - n_end, end) == 0;
}

/* The text of the template, and the tokens that it may ask for. Of several templates transformers takes "tool_use" where tools are
 * offered. */
static const char *read_template(arena *owner, const char *path, chat_template_input *in, size_t *n, error *err) {
    if (ends_in(path, ".jinja") || ends_in(path, ".jinja2") || ends_in(path, ".j2")) return file_read(owner, path, 0, n, err);
    const tokenizer *t = tokenizer_load(owner, path, err);
    if (t == NULL) return NULL;
    const struct {
        const char **to;
        int32_t id;
    } tokens[] = {
        {&in->bos_token, tokenizer_bos(t)}, {&in->eos_token, tokenizer_eos(t)}, {&in->pad_token, tokenizer_pad(t)}, {&in->unk_token, tokenizer_unk(t)}};
    for (size_t i = 0; i < COUNT(tokens); i++)
        if (tokens[i].id >= 0) *tokens[i].to = tokenizer_token(t, tokens[i].id, NULL);
    const json *tools = json_get(in->variables, "tools");
    const char *text = tools != NULL && tools->type != JSON_NULL ? tokenizer_chat_template_named(t, "tool_use") : NULL;
    if (text == NULL) text = tokenizer_chat_template(t);
    if (text == NULL) return fail_null(err, "%s: the model has no chat template; name a .jinja file in its place", path);
    *n = strlen(text);
    return text;
}

static const char *mark_name(unsigned char mark) {
    return mark & TEMPLATE_GENERATION ? (mark & TEMPLATE_MARKUP ? "generation markup" : "generation") : mark & TEMPLATE_MARKUP ? "markup" : "content";
}
/* {"text", "spans": [{"begin", "end", "mark"}, ...]}: bytes of the text, each run of equal marks. */
static void print_json(const string *text, const string *marks, string *out) {
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "text");
    json_text_n(&w, string_chars(text), text->length);
    json_key(&w, "spans");
    json_begin_array(&w);
    for (size_t begin = 0, end; begin < marks->length; begin = end) {
        for (end = begin + 1; end < marks->length && marks->data[end] == marks->data[begin];) end++;
        json_begin_object(&w);
        json_key(&w, "begin");
        json_integer(&w, (int64_t)begin);
        json_key(&w, "end");
        json_integer(&w, (int64_t)end);
        json_key(&w, "mark");
        json_text(&w, mark_name((unsigned char)marks->data[begin]));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    string_char(out, '\n');
}

static bool render(arena *owner, const common_options *common, const template_options *o, chat_template_input *in, error *err) {
    const char *model = common->words[0], *file = common->n_word > 1 ? common->words[1] : "-";
    size_t n = 0;
    const char *file_name = strcmp(file, "-") == 0 ? "standard input" : file;
    const char *conversation = file_read(owner, file, 0, &n, err);
    if (conversation == NULL) return false;
    in->variables = json_parse(owner, conversation, n, err);
    if (in->variables == NULL) return fail(err, "%s", file_name);
    const char *text = read_template(owner, model, in, &n, err);
    if (text == NULL) return false;
    if (o->bos != NULL) in->bos_token = o->bos;
    if (o->eos != NULL) in->eos_token = o->eos;
    const chat_template *t = chat_template_compile(owner, text, n, err);
    if (t == NULL) return fail(err, "%s", model);
    if (in->variables->type != JSON_OBJECT)
        return fail(err, "%s: an object with \"messages\" is needed, not %s", file_name, json_type_name(in->variables->type));
    string rendered = {0}, marks = {0}, out = {0};
    bool ok = chat_template_render(t, in, &rendered, common->json ? &marks : NULL, err) || fail(err, "%s", model);
    if (ok && common->json) print_json(&rendered, &marks, &out);
    ok = ok && print_string(common->json ? &out : &rendered, err);
    string_drop(&rendered);
    string_drop(&marks);
    string_drop(&out);
    return ok;
}

int command_template(int argc, char **argv) {
    template_options o = {0};
    const option options[] = {
        {"bos-token", 0, OPT_TEXT, &o.bos, .argument = "T", .help = "what the template's bos_token is (default: the model's)"},
        {"eos-token", 0, OPT_TEXT, &o.eos, .argument = "T", .help = "what the template's eos_token is (default: the model's)"},
        {"now", 0, OPT_TEXT, &o.now, .argument = "TIME", .help = "the time that strftime_now sees, like 2026-01-15T12:00:00 (default: the clock's)"},
        {0},
    };
    const command c = {
        .name = "template",
        .arguments = "MODEL [FILE]",
        .summary = "Renders a conversation with a model's chat template, to text, no newline added; without FILE it reads stdin.",
        .examples = "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}], \"add_generation_prompt\": true}' | socle template models/base\n"
                    "  socle template chatml.jinja --eos-token '<|im_end|>' --json conversation.json\n",
        .options = options,
        .least_words = 1,
        .most_words = 2,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        chat_template_input in = {.now = INT64_MIN};
        if (o.now != NULL && !read_time(o.now, &in.now, &err)) status = report_usage(c.name, &err);
        else status = render(&owner, &common, &o, &in, &err) ? finish_out() : report_failure(&err);
    }
    arena_drop(&owner);
    return status;
}
