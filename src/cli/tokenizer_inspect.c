/* socle tokenizer inspect: what a tokenizer is made of, from the tokenizer.json that it was read as. */
#include "cli/tokenizer.h"

#include <string.h>

enum { MOST_SHOWN = 8, LONGEST_SHOWN = 160 };

/* Members of a component that are not its settings: they come by themselves. */
static bool is_bulk(const char *key) {
    static const char *const names[] = {"type", "vocab", "merges", "normalizers", "pretokenizers", "processors", "decoders", "special_tokens", "pair"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(key, names[i]) == 0) return true;
    return false;
}

static void put_value(string *out, const json *v) {
    string text = {0};
    json_writer w = {.out = &text};
    json_value(&w, v);
    if (v->type == JSON_STRING && v->length > LONGEST_SHOWN) string_print(out, "%zu bytes", v->length);
    else text_for_terminal(string_chars(&text), text.length, out);
    string_drop(&text);
}

/* What TemplateProcessing puts where: "[CLS] A [SEP]". */
static void put_pieces(string *out, const json *pieces) {
    for (size_t i = 0; pieces != NULL && pieces->type == JSON_ARRAY && i < pieces->length; i++) {
        const json *special = json_get(&pieces->item[i], "SpecialToken"), *text = json_get(&pieces->item[i], "Sequence");
        const char *id = json_get_text(special != NULL ? special : text, "id", "?");
        if (i > 0) string_char(out, ' ');
        text_for_terminal(id, strlen(id), out);
    }
}

/* A component on one line: its type, and its settings. */
static void put_component(string *out, const json *v) {
    string_text(out, json_get_text(v, "type", "?"));
    for (size_t i = 0; v->type == JSON_OBJECT && i < v->length; i++) {
        const json *member = &v->item[i];
        if (is_bulk(v->key[i]) || member->type == JSON_NULL || (member->type == JSON_BOOL && !member->truth)) continue;
        string_print(out, "  %s", v->key[i]);
        if (member->type == JSON_BOOL) continue;
        string_char(out, ' ');
        if (strcmp(v->key[i], "single") == 0) put_pieces(out, member);
        else if (member->type == JSON_OBJECT && member->length == 1) put_value(out, &member->item[0]); /* {"Regex": ...} */
        else put_value(out, member);
    }
    const json *regex = json_get(json_get(v, "pattern"), "Regex");
    if (regex == NULL || regex->type != JSON_STRING || strcmp(json_get_text(v, "type", ""), "Split") != 0) return;
    const char *scanner = tokenizer_scanner(regex->text, regex->length);
    string_print(out, "  (%s%s)", scanner != NULL ? "scanner " : "PCRE2", scanner != NULL ? scanner : "");
}

static const json *members_of(const json *v) {
    static const char *const keys[] = {"normalizers", "pretokenizers", "processors", "decoders"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        const json *list = json_get(v, keys[i]);
        if (list != NULL && list->type == JSON_ARRAY) return list;
    }
    return NULL;
}

static void put_steps(string *out, const char *name, const json *v) {
    const json *list = members_of(v);
    if (v == NULL || v->type != JSON_OBJECT) string_print(out, "  %-16s none\n", name);
    else if (list == NULL) {
        string_print(out, "  %-16s ", name);
        put_component(out, v);
        string_char(out, '\n');
    } else
        for (size_t i = 0; i < list->length; i++) {
            string_print(out, "  %-16s %zu. ", i == 0 ? name : "", i + 1);
            put_component(out, &list->item[i]);
            string_char(out, '\n');
        }
}

/* A text with its line feeds and tabs written out. */
static void put_one_line(const char *text, string *out) {
    for (const char *at = text; *at != 0;) {
        const size_t n = strcspn(at, "\n\t");
        text_for_terminal(at, n, out);
        at += n;
        if (*at != 0) string_text(out, *at++ == '\n' ? "\\n" : "\\t");
    }
}

static void put_token_names(string *out, const json *added, bool special) {
    size_t n = 0;
    for (size_t i = 0; added != NULL && added->type == JSON_ARRAY && i < added->length; i++) n += json_get_bool(&added->item[i], "special", false) == special;
    string_print(out, "  %-16s %zu", special ? "special_tokens" : "added_tokens", n);
    size_t shown = 0;
    for (size_t i = 0; n > 0 && i < added->length && shown < MOST_SHOWN; i++) {
        if (json_get_bool(&added->item[i], "special", false) != special) continue;
        const char *content = json_get_text(&added->item[i], "content", "");
        string_text(out, shown++ == 0 ? ": " : ", ");
        put_one_line(content, out);
        string_print(out, " = %lld", (long long)json_get_integer(&added->item[i], "id", -1));
    }
    string_text(out, n > shown ? ", ...\n" : "\n");
}

static const struct {
    const char *name;
    int32_t (*id)(const tokenizer *t);
} named[] = {{"bos_token", tokenizer_bos}, {"eos_token", tokenizer_eos}, {"pad_token", tokenizer_pad}, {"unk_token", tokenizer_unk}};

static void put_people(string *out, const char *path, const tokenizer *t, const json *root) {
    char hex[33];
    const json *model = json_get(root, "model");
    string_print(out, "tokenizer %s\n  %-16s %s\n", path, "kind", tokenizer_kind(t));
    string_print(out, "  %-16s %d ids, %zu merges\n", "vocabulary", (int)tokenizer_vocab_size(t), tokenizer_count_merges(t));
    put_steps(out, "normalizer", json_get(root, "normalizer"));
    put_steps(out, "pre_tokenizer", json_get(root, "pre_tokenizer"));
    if (model != NULL) put_steps(out, "model", model);
    put_steps(out, "post_processor", json_get(root, "post_processor"));
    put_steps(out, "decoder", json_get(root, "decoder"));
    put_token_names(out, json_get(root, "added_tokens"), true);
    put_token_names(out, json_get(root, "added_tokens"), false);
    for (size_t i = 0; i < COUNT(named); i++) {
        const int32_t id = named[i].id(t);
        size_t n;
        const char *text = id < 0 ? NULL : tokenizer_token(t, id, &n);
        if (text == NULL) continue;
        string_print(out, "  %-16s ", named[i].name);
        text_for_terminal(text, n, out);
        string_print(out, " = %d\n", (int)id);
    }
    string_print(out, "  %-16s", "chat_templates");
    for (size_t i = 0; i < tokenizer_count_chat_templates(t); i++) {
        const char *name = tokenizer_chat_template_name(t, i);
        string_print(out, "%s %.60s (%zu bytes)", i == 0 ? "" : ",", name, strlen(tokenizer_chat_template_named(t, name)));
    }
    if (tokenizer_count_chat_templates(t) == 0) string_text(out, " none");
    string_print(out, "\n  %-16s %s\n", "digest", digest_text(tokenizer_digest(t), hex));
}

/* A component as it is in the file, but for its bulk. */
static void write_component(json_writer *w, const json *v) {
    if (v == NULL || v->type != JSON_OBJECT) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    for (size_t i = 0; i < v->length; i++) {
        const bool tokens = strcmp(v->key[i], "vocab") == 0 || strcmp(v->key[i], "merges") == 0;
        json_key(w, v->key[i]);
        if (tokens) json_integer(w, (int64_t)v->item[i].length);
        else json_value(w, &v->item[i]);
    }
    const json *regex = json_get(json_get(v, "pattern"), "Regex");
    if (regex != NULL && regex->type == JSON_STRING) json_key(w, "scanner"), json_text(w, tokenizer_scanner(regex->text, regex->length));
    json_end_object(w);
}

static void write_steps(json_writer *w, const char *name, const json *v) {
    const json *list = members_of(v);
    json_key(w, name);
    json_begin_array(w);
    if (list == NULL && v != NULL && v->type == JSON_OBJECT) write_component(w, v);
    for (size_t i = 0; list != NULL && i < list->length; i++) write_component(w, &list->item[i]);
    json_end_array(w);
}

static void put_json(string *out, const char *path, const tokenizer *t, const json *root) {
    char hex[33];
    json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "path"), json_text(&w, path);
    json_key(&w, "kind"), json_text(&w, tokenizer_kind(t));
    json_key(&w, "vocab_size"), json_integer(&w, tokenizer_vocab_size(t));
    json_key(&w, "merges"), json_integer(&w, (int64_t)tokenizer_count_merges(t));
    json_key(&w, "model"), write_component(&w, json_get(root, "model"));
    static const char *const parts[] = {"normalizer", "pre_tokenizer", "post_processor", "decoder"};
    for (size_t i = 0; i < COUNT(parts); i++) write_steps(&w, parts[i], json_get(root, parts[i]));
    const json *added = json_get(root, "added_tokens");
    json_key(&w, "added_tokens");
    if (added != NULL) json_value(&w, added);
    else json_null(&w);
    for (size_t i = 0; i < COUNT(named); i++) {
        const int32_t id = named[i].id(t);
        json_key(&w, named[i].name);
        if (id < 0) json_null(&w);
        else json_integer(&w, id);
    }
    json_key(&w, "chat_templates");
    json_begin_array(&w);
    for (size_t i = 0; i < tokenizer_count_chat_templates(t); i++) json_text(&w, tokenizer_chat_template_name(t, i));
    json_end_array(&w);
    json_key(&w, "digest"), json_text(&w, digest_text(tokenizer_digest(t), hex));
    json_end_object(&w);
    string_char(out, '\n');
}

static bool inspect(arena *owner, const common_options *common, const tokenizer_choice *choice, error *err) {
    const tokenizer *t = tokenizer_chosen(owner, choice, err);
    if (t == NULL) return false;
    size_t n;
    const char *source = tokenizer_source(t, &n);
    const json *root = json_parse(owner, source, n, err);
    if (root == NULL) return false;
    string out = {0};
    if (common->json) put_json(&out, choice->path, t, root);
    else put_people(&out, choice->path, t, root);
    const bool ok = print_string(&out, err);
    string_drop(&out);
    return ok;
}

int command_tokenizer_inspect(int argc, char **argv) {
    tokenizer_choice choice = {0};
    const option options[] = {PATTERN_OPTION(&choice.pattern), {0}};
    const command c = {
        .name = "tokenizer inspect",
        .arguments = "TOK",
        .summary = "What a tokenizer is made of: its model, normalizer, pre-tokenizer (and which of its patterns have a scanner), special tokens, "
                   "post-processor, decoder and chat templates.",
        .examples = "  socle tokenizer inspect tok/\n  socle tokenizer inspect model.gguf --json\n",
        .options = options,
        .least_words = 1,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    error err = {0};
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        choice.path = common.words[0];
        status = inspect(&owner, &common, &choice, &err) ? finish_out() : report_failure(&err);
    }
    arena_drop(&owner);
    return status;
}
