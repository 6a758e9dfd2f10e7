/* socle serve MODEL: an OpenAI-compatible server. */
#include "cli/cli.h"
#include "base/log.h"
#include "serve/server.h"

#include <stdio.h>
#include <unistd.h>

static int run(const server_options *o, double drain_seconds, error *err) {
    server *s = server_start(o, err);
    if (s == NULL) return report_failure(err);
    string line = {0};
    string_print(&line, "%s\n", server_address(s));
    const bool told = print_string(&line, err) && finish_out() == EXIT_DONE;
    string_drop(&line);
    while (told && signal_seen() == 0) usleep(50 * 1000);
    log_line("no new requests; waiting for those under way");
    server_stop(s, drain_seconds, NULL); /* a second signal ends at once */
    return told ? EXIT_DONE : EXIT_FAILED;
}

int command_serve(int argc, char **argv) {
    server_options o = {.host = "127.0.0.1"};
    long port = 8080;
    double drain_seconds = 30;
    const option options[] = {
        {"adapters", 0, OPT_TEXT, &o.adapters, .argument = "DIR", .help = "each folder in it is an adapter, offered by its name"},
        {"host", 0, OPT_TEXT, &o.host, .argument = "HOST", .help = "the address to listen on"},
        {"port", 0, OPT_INT, &port, .help = "the port; 0: any free one", .least = 0, .most = 65535},
        {"api-key-file", 0, OPT_TEXT, &o.api_key_file, .argument = "FILE", .help = "keys, one a line; requests must bring one of them"},
        {"context", 0, OPT_INT, &o.context, .help = "most tokens of prompt and answer; 0: as many as the model has positions for", .least = 0, .most = 1e9},
        {"cache-tokens", 0, OPT_INT, &o.cache_tokens, .help = "tokens that the cache holds, of all requests together; 0: 16 contexts, within 1 GiB", .least = 0,
         .most = 1e9},
        {"max-sequences", 0, OPT_INT, &o.max_sequences, .help = "answers computed at once; more wait; 0: 32", .least = 0, .most = 1024},
        {"drain-seconds", 0, OPT_REAL, &drain_seconds, .help = "how long requests under way may take after SIGTERM", .least = 0, .most = 86400},
        {0},
    };
    const command c = {
        .name = "serve",
        .arguments = "MODEL",
        .summary = "An OpenAI-compatible server: /v1/models, /v1/completions, /v1/chat/completions, /health. Prints its address when it is ready.",
        .examples = "  socle serve model/ --port 8080\n"
                    "  socle serve base/ --adapters adapters/ --api-key-file keys.txt\n"
                    "  curl http://127.0.0.1:8080/v1/completions -d '{\"model\": \"base\", \"prompt\": \"Once\", \"max_tokens\": 20}'\n",
        .options = options,
        .least_words = 1,
        .most_words = 1,
    };
    arena owner = {0};
    common_options common;
    int status;
    if (command_begin(&c, argc, argv, &owner, &common, &status)) {
        error err = {0};
        o.model = common.words[0];
        o.port = (int)port;
        signals_catch();
        status = run(&o, drain_seconds, &err);
    }
    arena_drop(&owner);
    return status;
}
