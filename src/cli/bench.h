/* cli/bench.h: what the files of `socle bench` share. */
#ifndef SOCLE_CLI_BENCH_H
#define SOCLE_CLI_BENCH_H
int command_bench_tokenizer(int argc, char **argv); /* argv[0] is "tokenizer" */
int command_bench_template(int argc, char **argv);  /* argv[0] is "template" */
#endif
