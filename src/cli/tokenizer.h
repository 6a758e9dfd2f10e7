/* cli/tokenizer.h: the commands under `socle tokenizer`, and TOK with its --pattern, which other commands take too. */
#ifndef SOCLE_CLI_TOKENIZER_H
#define SOCLE_CLI_TOKENIZER_H
#include "cli/cli.h"
#include "text/tokenizer.h"

/* TOK: -t TOK, and how text is cut for a vocabulary that does not say. */
typedef struct tokenizer_choice {
    const char *path, *pattern;
} tokenizer_choice;
#define TOKENIZER_OPTION(path_) \
    { \
        "tokenizer", 't', OPT_TEXT, (path_), \
            .argument = "TOK", \
            .help = "a tokenizer: a folder, tokenizer.json, SentencePiece's .model, .tiktoken, encoder.json, vocab.txt, tokenizer.bin, .gguf (needed)" \
    }
#define PATTERN_OPTION(pattern_) \
    { \
        "pattern", 0, OPT_TEXT, (pattern_), \
            .argument = "NAME|REGEX", \
            .help = "how text is cut into words, for a vocabulary that does not say: gpt2, llama3, qwen2, ..., or a regular expression" \
    }
/* NULL: err says why. */
const tokenizer *tokenizer_chosen(arena *owner, const tokenizer_choice *choice, error *err);

int command_tokenizer_train(int argc, char **argv);
int command_tokenizer_encode(int argc, char **argv);
int command_tokenizer_decode(int argc, char **argv);
int command_tokenizer_inspect(int argc, char **argv);
int command_tokenizer_compare(int argc, char **argv);

/* Appends bytes as a terminal may show them: control characters but for line feeds and tabs, and bytes that are not UTF-8,
 * become U+FFFD. */
void text_for_terminal(const char *text, size_t n, string *out);

#endif
