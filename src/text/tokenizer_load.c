/* TOK: a folder or a file in any of the formats that hold a tokenizer, told by content. All but tokenizer.json are made into
 * one (foreign.h) and then read like one. */
#include "text/foreign.h"
#include "text/tokenizer_inner.h"

#include "base/file.h"
#include "base/log.h"

#include <string.h>

enum { LARGEST_FILE = 512 << 20 };

typedef struct loading {
    arena *owner;
    arena memory; /* until the tokenizer is there */
    const tokenizer_load_options *options;
    const char *folder; /* whose files are read along; NULL: none */
    const char *config; /* its tokenizer_config.json, NULL: none */
    size_t n_config;
    const json *config_tree, *added_tree;
} loading;

static bool too_large(error *err) {
    return fail(err, "larger than the memory allowed for a tokenizer");
}

/* --- what lies beside ---------------------------------------------------------------------------------------------------------- */
/* Reads folder/name where it exists; *text stays NULL where not. */
static bool read_beside(loading *l, const char *folder, const char *name, const char **text, size_t *n, error *err) {
    const char *path = path_join(&l->memory, folder, name);
    if (path == NULL || !file_exists(path)) return true;
    *text = file_read(&l->memory, path, LARGEST_FILE, n, err);
    return *text != NULL;
}

static bool read_tree_beside(loading *l, const char *name, const json **tree, error *err) {
    const char *text = NULL;
    size_t n;
    if (l->folder == NULL || !read_beside(l, l->folder, name, &text, &n, err)) return l->folder == NULL;
    if (text == NULL) return true;
    *tree = json_parse(&l->memory, text, n, err);
    return *tree != NULL || fail(err, "%s", name);
}

/* --- from a foreign vocabulary to a tokenizer -------------------------------------------------------------------------------------- */
static tokenizer *finish(loading *l, foreign *f, error *err) {
    string whole = {0}, config = {0};
    tokenizer *t = NULL;
    if (foreign_write(f, l->config_tree, &whole, &config, err))
        t = tokenizer_parse(l->owner, string_chars(&whole), whole.length, string_chars(&config), config.length, err);
    string_drop(&whole);
    string_drop(&config);
    return t;
}

/* Classes of transformers whose folders of vocab.json and merges.txt say in no other way how text is cut, and what goes around it. */
typedef struct class_pattern {
    const char *class, *pattern;
    bool around; /* BOS and EOS */
} class_pattern;
static const class_pattern class_patterns[] = {
    {"Qwen2Tokenizer", "qwen2", false},   {"Qwen2TokenizerFast", "qwen2", false},  {"GPT2Tokenizer", "gpt2", false},
    {"GPT2TokenizerFast", "gpt2", false}, {"RobertaTokenizer", "gpt2", true},      {"RobertaTokenizerFast", "gpt2", true},
    {"BartTokenizer", "gpt2", true},      {"BartTokenizerFast", "gpt2", true},     {"WhisperTokenizer", "whisper", false},
    {"CodeGenTokenizer", "gpt2", false},  {"GPTNeoXTokenizer", "gpt-neox", false}, {"GPTNeoXTokenizerFast", "gpt-neox", false},
};

static const class_pattern *pattern_of_class(const json *config) {
    const json *class = json_get(config, "tokenizer_class");
    for (size_t i = 0; class != NULL && i < COUNT(class_patterns); i++)
        if (json_is_text(class, class_patterns[i].class)) return &class_patterns[i];
    return NULL;
}

/* The pattern of a vocabulary whose file has none: --pattern, the class in tokenizer_config.json, the table of known ones, GPT-2's. */
static bool choose_pattern(loading *l, foreign *f, const char *path, error *err) {
    const class_pattern *of_class = pattern_of_class(l->config_tree);
    if (of_class != NULL && of_class->around) f->add_bos = f->add_eos = true;
    if (l->options->pattern != NULL) {
        f->pattern = word_pattern_from_option(&l->memory, l->options->pattern, err);
        if (f->pattern == NULL) return false;
    } else if (of_class != NULL) {
        f->pattern = word_pattern_find(of_class->pattern, strlen(of_class->pattern));
        f->normal_form = word_pattern_normal_form(f->pattern);
    }
    if (!foreign_recognize(f, err)) return false;
    if (f->pattern == NULL) {
        log_warning("%s carries no pattern that cuts text into words: GPT-2's is taken; --pattern NAME|REGEX says another", path);
        f->pattern = word_pattern_find("gpt2", strlen("gpt2"));
    }
    if (word_pattern_keeps_whole_words(f->pattern)) f->keeps_whole_words = true;
    return true;
}

static bool take_beside(loading *l, foreign *f, error *err) {
    const json *names = NULL;
    if (!read_tree_beside(l, "special_tokens_map.json", &names, err)) return false;
    if (!foreign_put_added(f, l->config_tree, l->added_tree, err)) return false;
    foreign_take_config(f, names);
    foreign_take_config(f, l->config_tree);
    return foreign_mark_special(f, names, err) && foreign_mark_special(f, l->config_tree, err);
}

/* --pattern means nothing to a file that says by itself how it cuts. */
static bool refuse_pattern(const loading *l, error *err) {
    return l->options->pattern == NULL || fail(err, "--pattern: the file says by itself how text is cut into words");
}

static tokenizer *load_gpt2(loading *l, const char *folder, const char *path, const char *text, size_t n, error *err) {
    static const char *const names[] = {"vocab.bpe", "merges.txt"};
    const char *merges = NULL;
    size_t n_merges = 0;
    for (size_t i = 0; merges == NULL && i < COUNT(names); i++)
        if (!read_beside(l, folder, names[i], &merges, &n_merges, err)) return NULL;
    const json *vocab = json_parse(&l->memory, text, n, err);
    if (vocab == NULL) return NULL;
    const json *list = json_get(vocab, "vocab"); /* in an encoder.json that is a token, and a number */
    if (list != NULL && list->type == JSON_ARRAY) return fail_null(err, "Mistral's tekken.json is not supported");
    if (merges == NULL) return fail_null(err, "no tokenizer.json (it has no model), and neither vocab.bpe nor merges.txt lies beside it");
    foreign f;
    foreign_start(&f, &l->memory, FOREIGN_BYTES);
    const bool ok = from_gpt2(&f, vocab, merges, n_merges, err) && take_beside(l, &f, err) && choose_pattern(l, &f, path, err);
    return ok ? finish(l, &f, err) : NULL;
}

/* Formats that are told by their bytes, in the order in which they are tried. */
static bool read_wordpiece(foreign *f, const char *bytes, size_t n, error *err) {
    return from_wordpiece(f, bytes, n, NULL, err);
}

static const struct {
    bool (*is)(const char *bytes, size_t n);
    bool (*read)(foreign *f, const char *bytes, size_t n, error *err);
    foreign_model model;
} formats[] = {
    {is_tiktoken, from_tiktoken, FOREIGN_BYTES},
    {is_sentencepiece, from_sentencepiece, FOREIGN_PIECES},
    {is_llama2c, from_llama2c, FOREIGN_PIECES},
    {is_wordpiece, read_wordpiece, FOREIGN_WORDS},
};

/* Classes of transformers whose ids are not those of their SentencePiece file: they put tokens of their own in front. */
static const char *const renumbering[] = {"XLMRobertaTokenizer", "MBartTokenizer",     "MBart50Tokenizer",       "NllbTokenizer",
                                          "CamembertTokenizer",  "BarthezTokenizer",   "XGLMTokenizer",          "PegasusTokenizer",
                                          "PLBartTokenizer",     "LayoutXLMTokenizer", "XLMProphetNetTokenizer", "M2M100Tokenizer"};

/* Such a folder would give other ids than its model learned. */
static bool refuse_renumbering(const loading *l, const char *path, error *err) {
    const json *class = json_get(l->config_tree, "tokenizer_class");
    const char *name = class != NULL && class->type == JSON_STRING ? class->text : NULL;
    bool renumbers = l->folder != NULL && name == NULL && strcmp(path_name(path), "sentencepiece.bpe.model") == 0; /* what they call it */
    for (size_t i = 0; name != NULL && i < COUNT(renumbering); i++) {
        const size_t n = strlen(renumbering[i]);
        renumbers = renumbers || (strncmp(name, renumbering[i], n) == 0 && (name[n] == 0 || strcmp(name + n, "Fast") == 0));
    }
    if (!renumbers) return true;
    return fail(err,
                "%.60s gives the tokens of this file other ids than the file does; save its tokenizer.json with transformers (save_pretrained) and use that",
                name != NULL ? name : "XLMRobertaTokenizer or another such class");
}

static tokenizer *load_foreign(loading *l, const char *path, const char *bytes, size_t n, error *err) {
    if (n >= 4 && (memcmp(bytes, "\x1f\x8b", 2) == 0 || memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0)) return fail_null(err, "it is compressed: unpack it first");
    size_t i = 0;
    while (i < COUNT(formats) && !formats[i].is(bytes, n)) i++;
    if (i == COUNT(formats)) return fail_null(err, "no tokenizer: none of tokenizer.json, GGUF, tiktoken's ranks, SentencePiece, vocab.txt, tokenizer.bin");
    foreign f;
    foreign_start(&f, &l->memory, formats[i].model);
    if (f.model != FOREIGN_BYTES && !refuse_pattern(l, err)) return NULL;
    if (formats[i].is == is_sentencepiece && !refuse_renumbering(l, path, err)) return NULL;
    const bool read = f.model == FOREIGN_WORDS ? from_wordpiece(&f, bytes, n, l->config_tree, err) : formats[i].read(&f, bytes, n, err);
    if (!read || !take_beside(l, &f, err) || (f.model == FOREIGN_BYTES && !choose_pattern(l, &f, path, err))) return NULL;
    return finish(l, &f, err);
}

static tokenizer *load_gguf(loading *l, const void *bytes, size_t n, error *err) {
    const gguf *file = gguf_parse(&l->memory, bytes, n, err);
    const word_pattern *given = NULL;
    if (file == NULL) return NULL;
    if (l->options->pattern != NULL && (given = word_pattern_from_option(&l->memory, l->options->pattern, err)) == NULL) return NULL;
    foreign f;
    foreign_start(&f, &l->memory, FOREIGN_BYTES);
    if (!from_gguf(&f, file, given, err) || !take_beside(l, &f, err)) return NULL;
    return finish(l, &f, err);
}

/* --- one file ------------------------------------------------------------------------------------------------------------------------ */
static size_t behind_white_space(const char *text, size_t n, size_t at) {
    while (at < n && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
    return at;
}

/* Whether a JSON text has a member "model" that is an object: a vocabulary that holds the word "model" gives it a number. */
static bool has_model(const char *text, size_t n) {
    static const char key[] = "\"model\"";
    for (size_t at = 0; at < n;) {
        const char *found = memmem(text + at, n - at, key, strlen(key));
        if (found == NULL) return false;
        at = behind_white_space(text, n, (size_t)(found - text) + strlen(key));
        if (at >= n || text[at] != ':') continue;
        const size_t value = behind_white_space(text, n, at + 1);
        if (value < n && text[value] == '{') return true;
    }
    return false;
}

static bool begins_with_brace(const char *text, size_t n) {
    const size_t at = behind_white_space(text, n, n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    return at < n && text[at] == '{';
}

static tokenizer *load_bytes(loading *l, const char *path, const char *bytes, size_t n, error *err) {
    if (gguf_is(bytes, n)) return load_gguf(l, bytes, n, err);
    if (n > LARGEST_FILE) return fail_null(err, "%zu bytes are too many for a tokenizer", n);
    if (!begins_with_brace(bytes, n)) return load_foreign(l, path, bytes, n, err);
    const char *name = path_name(path);
    const bool tokens_only = strcmp(name, "encoder.json") == 0 || strcmp(name, "vocab.json") == 0 || !has_model(bytes, n);
    if (tokens_only) {
        const char *folder = arena_copy_bytes(&l->memory, path, (size_t)(name - path));
        return folder == NULL ? (too_large(err), NULL) : load_gpt2(l, folder[0] == 0 ? "." : folder, path, bytes, n, err);
    }
    return refuse_pattern(l, err) ? tokenizer_parse(l->owner, bytes, n, l->config, l->n_config, err) : NULL;
}

static tokenizer *load_file(loading *l, const char *path, error *err) {
    file_map m;
    if (!file_map_open(&m, path, err)) return NULL;
    tokenizer *t = load_bytes(l, path, m.data, m.n, err);
    file_map_close(&m);
    return t != NULL ? t : fail_null(err, "%s", path);
}

/* --- a folder -------------------------------------------------------------------------------------------------------------------------- */
/* The file of a folder that is its tokenizer, best first; names with a * are those that end so. */
static const char *const file_names[] = {"tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                                         "encoder.json",   "vocab.json",      "vocab.txt",    "tokenizer.bin",
                                         "*.tiktoken",     "*.model",         "*.gguf"};

static bool name_fits(const char *name, const char *wanted) {
    if (wanted[0] != '*') return strcmp(name, wanted) == 0;
    const size_t n = strlen(name), m = strlen(wanted + 1);
    return n > m && strcmp(name + n - m, wanted + 1) == 0;
}

static const char *find_file(loading *l, const char *folder, error *err) {
    size_t n;
    char **names = folder_list(&l->memory, folder, &n, err);
    if (names == NULL) return NULL;
    for (size_t w = 0; w < COUNT(file_names); w++) {
        const char *found = NULL;
        for (size_t i = 0; i < n; i++) {
            if (!name_fits(names[i], file_names[w])) continue;
            if (found != NULL) return fail_null(err, "%s holds %s and %s: name one of them", folder, found, names[i]);
            found = names[i];
        }
        if (found != NULL) return path_join(&l->memory, folder, found);
    }
    return fail_null(err, "%s holds no tokenizer.json, nor a tokenizer in another format", folder);
}

bool tokenizer_folder_holds(const char *folder) {
    loading l = {0};
    error ignored = {0};
    const bool found = find_file(&l, folder, &ignored) != NULL;
    arena_drop(&l.memory);
    return found;
}

static tokenizer *load_folder(loading *l, const char *folder, error *err) {
    const char *file = find_file(l, folder, err);
    if (file == NULL) return NULL;
    l->folder = folder;
    if (!read_beside(l, folder, "tokenizer_config.json", &l->config, &l->n_config, err)) return NULL;
    if (strcmp(path_name(file), "tokenizer.json") != 0 &&
        (!read_tree_beside(l, "tokenizer_config.json", &l->config_tree, err) || !read_tree_beside(l, "added_tokens.json", &l->added_tree, err)))
        return fail_null(err, "%s", folder);
    tokenizer *t = load_file(l, file, err);
    return t != NULL && templates_read_beside(t, folder, err) ? t : NULL;
}

tokenizer *tokenizer_load_with(arena *owner, const char *path, const tokenizer_load_options *options, error *err) {
    loading l = {.owner = owner, .options = options, .memory = {.limit = owner->limit}};
    tokenizer *t = file_is_folder(path) ? load_folder(&l, path, err) : load_file(&l, path, err);
    arena_drop(&l.memory);
    return t;
}

tokenizer *tokenizer_load(arena *owner, const char *path, error *err) {
    return tokenizer_load_with(owner, path, &(tokenizer_load_options){0}, err);
}

tokenizer *tokenizer_parse_any(arena *owner, const void *bytes, size_t n, const tokenizer_load_options *options, error *err) {
    loading l = {.owner = owner, .options = options, .memory = {.limit = owner->limit}};
    tokenizer *t = load_bytes(&l, "tokenizer", bytes, n, err);
    arena_drop(&l.memory);
    return t;
}
