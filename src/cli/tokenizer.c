/* socle tokenizer: which of its parts is meant, and what they share. */
#include "cli/tokenizer.h"

#include <string.h>

const tokenizer *tokenizer_chosen(arena *owner, const tokenizer_choice *choice, error *err) {
    return tokenizer_load_with(owner, choice->path, &(tokenizer_load_options){.pattern = choice->pattern}, err);
}

void text_for_terminal(const char *text, size_t n, string *out) {
    for (size_t at = 0; at < n;) {
        const size_t begin = at;
        const uint32_t c = utf8_next(text, n, &at);
        const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
        if (control || (c == 0xfffd && at == begin + 1)) string_utf8(out, 0xfffd);
        else string_append(out, text + begin, at - begin);
    }
}

int command_tokenizer(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } parts[] = {{"train", command_tokenizer_train},
                 {"encode", command_tokenizer_encode},
                 {"decode", command_tokenizer_decode},
                 {"inspect", command_tokenizer_inspect},
                 {"compare", command_tokenizer_compare}};
    for (size_t i = 0; argc > 1 && i < COUNT(parts); i++)
        if (strcmp(argv[1], parts[i].name) == 0) return parts[i].run(argc - 1, argv + 1);
    const command c = {
        .name = "tokenizer",
        .arguments = "train|encode|decode|inspect|compare",
        .summary = "Trains a tokenizer; text to ids and back; what one is made of, and how two differ. 'socle tokenizer train --help' shows the "
                   "options of one of them.",
        .examples = "  socle tokenizer train --vocab-size 8192 --out tok/ corpus.jsonl\n"
                    "  echo -n 'Once upon a time' | socle tokenizer encode -t tok/\n"
                    "  echo 403 407 | socle tokenizer decode -t tok/\n"
                    "  socle tokenizer inspect model.gguf\n"
                    "  socle tokenizer compare tok/ other/tokenizer.json texts.jsonl\n",
        .options = (const option[]){{0}},
        .least_words = 1,
        .most_words = 1 << 20,
    };
    arena owner = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        error err = {0};
        fail(&err, "there is no 'tokenizer %s': train, encode, decode, inspect and compare are", common.words[0]);
        status = report_usage(c.name, &err);
    }
    arena_drop(&owner);
    return status;
}
