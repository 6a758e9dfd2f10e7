/* cli/cli.h: what the commands share: words in, calls down, results out. One file a command; each exports one command_NAME.
 * Results go to stdout, progress and logs to stderr. Exit: 0 done, 1 it failed, 2 the command line or a socle YAML is off. */
#ifndef SOCLE_CLI_CLI_H
#define SOCLE_CLI_CLI_H
#include "base/arena.h"
#include "base/error.h"
#include "base/options.h"
#include "base/string.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What every command begins with: parses, answers --help, sets threads, log level. Returns true to go on; else *status is
 * what to exit with. Texts live in `owner`. Refuses a --device other than cpu by name. */
bool command_begin(const command *c, int argc, char **argv, arena *owner, common_options *common, int *status);

int report_usage(const char *command_name, const error *err); /* prints "error: ..." and a hint at --help; 2 */
int report_failure(const error *err);                         /* prints "error: ..."; 1 */
/* Writes to stdout and fails (disk full, closed pipe) like any other file. */
bool print_out(const void *bytes, size_t n, error *err);
bool print_string(const string *s, error *err);
int finish_out(void); /* flushes stdout: EXIT_DONE or, with a message, EXIT_FAILED */

/* 0, or the signal that asked to stop (SIGINT, SIGTERM): long work finishes its step, saves, and exits with 128 + it.
 * signals_catch installs the handlers; a second signal ends at once. */
void signals_catch(void);
int signal_seen(void);
const volatile int *signal_flag(void); /* for rooms below, which take such a flag as an argument */

int command_curate(int argc, char **argv);
int command_tokenizer(int argc, char **argv);
int command_template(int argc, char **argv);
int command_pack(int argc, char **argv);
int command_train(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_generate(int argc, char **argv);
int command_chat(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
