#include "cli/cli.h"

#include "base/log.h"
#include "base/parallel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int report_failure(const error *err) {
    fprintf(stderr, "error: %s\n", err->text);
    return EXIT_FAILED;
}

int report_usage(const char *command_name, const error *err) {
    fprintf(stderr, "error: %s ('socle %s --help' shows what it takes)\n", err->text, command_name);
    return EXIT_USAGE;
}

bool command_begin(const command *c, int argc, char **argv, arena *owner, common_options *common, int *status) {
    error err = {0};
    switch (options_parse(c, argc, argv, owner, common, &err)) {
    case PARSE_HELP: {
        string text = {0};
        options_help(c, &text);
        fputs(string_chars(&text), stdout);
        string_drop(&text);
        *status = finish_out();
        return false;
    }
    case PARSE_ERROR: *status = report_usage(c->name, &err); return false;
    case PARSE_OK: break;
    }
    if (common->device != NULL && strcmp(common->device, "cpu") != 0) {
        fail(&err, "--device %s: this build computes on the cpu only", common->device);
        *status = report_usage(c->name, &err);
        return false;
    }
    log_set_level(common->quiet ? LOG_QUIET : common->verbose ? LOG_VERBOSE : LOG_NORMAL);
    parallel_set_threads((int)common->threads);
    return true;
}

bool print_out(const void *bytes, size_t n, error *err) {
    if (fwrite(bytes, 1, n, stdout) == n) return true;
    return fail(err, "writing to standard output: %s", strerror(errno));
}

bool print_string(const string *s, error *err) {
    return print_out(string_chars(s), s->length, err);
}

int finish_out(void) {
    if (fflush(stdout) == 0 && ferror(stdout) == 0) return EXIT_DONE;
    fprintf(stderr, "error: writing to standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

static volatile int seen;

static void on_signal(int number) {
    if (seen != 0) _exit(128 + number);
    seen = number;
}

void signals_catch(void) {
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}

int signal_seen(void) {
    return seen;
}

const volatile int *signal_flag(void) {
    return &seen;
}
