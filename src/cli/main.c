/* socle COMMAND: the table of commands, and nothing else. */
#include "cli/cli.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"curate", command_curate, "raw sources to clean, deduplicated shards, with a report"},
    {"tokenizer", command_tokenizer, "train a tokenizer; encode and decode with one"},
    {"template", command_template, "a conversation to text, by a model's chat template"},
    {"pack", command_pack, "documents to token files for training"},
    {"train", command_train, "pretrain a model, from scratch or continued"},
    {"tune", command_tune, "tune a model on conversations, whole or by a LoRA adapter"},
    {"eval", command_eval, "perplexity, bits per byte, answers to pairs"},
    {"generate", command_generate, "text out of a model"},
    {"chat", command_chat, "a conversation in the terminal"},
    {"serve", command_serve, "an OpenAI-compatible server with many adapters"},
    {"inspect", command_inspect, "what a model, adapter, tokenizer, token file or run holds"},
    {"bench", command_bench, "speed figures on this machine"},
};

static int help(FILE *to) {
    fputs("socle: from raw text to a served model, in one program\n\nusage: socle COMMAND [options] [arguments]\n\ncommands:\n", to);
    for (size_t i = 0; i < COUNT(commands); i++) fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n'socle COMMAND --help' shows a command's options and examples; 'socle --version' its version.\n", to);
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write */
    if (argc < 2) return help(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) return help(stdout);
    if (strcmp(argv[1], "--version") == 0) return puts("socle " SOCLE_VERSION), finish_out();
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "error: there is no command '%s'; 'socle --help' lists them\n", argv[1]);
    return EXIT_USAGE;
}
