/* Runs the real program in tests: build/socle, or $SOCLE_BUILD/socle. */
#ifndef SOCLE_TESTS_SERVE_PROGRAM_H
#define SOCLE_TESTS_SERVE_PROGRAM_H
#include "base/string.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct program {
    pid_t pid;
    int out, err; /* pipes to read; -1 when closed */
} program;

/* words[0] is the command ("generate"); ends with NULL. `input` is what it finds on stdin. */
static inline program program_start(const char *const *words, const char *input) {
    int in[2], out[2], err[2];
    char path[256];
    const char *arguments[32] = {path};
    const char *build = getenv("SOCLE_BUILD");
    snprintf(path, sizeof path, "%s/socle", build != NULL ? build : "build");
    for (int i = 0; i < 30 && words[i] != NULL; i++) arguments[i + 1] = words[i];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) abort();
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(path, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (write(in[1], input, strlen(input)) < 0) abort(); /* short: it fits into the pipe */
    close(in[1]);
    return (program){pid, out[0], err[0]};
}

static inline void program_read_all(int *fd, string *text) {
    char buffer[4096];
    for (ssize_t n; (n = read(*fd, buffer, sizeof buffer)) > 0;) string_append(text, buffer, (size_t)n);
    close(*fd);
    *fd = -1;
}

/* Waits for its end; the exit status, or 128 + signal. */
static inline int program_wait(program *p) {
    int status = 0;
    if (p->out >= 0) close(p->out);
    if (p->err >= 0) close(p->err);
    waitpid(p->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The whole run. stderr is assumed to be short. */
static inline int program_run(const char *const *words, const char *input, string *out, string *err) {
    program p = program_start(words, input);
    string_reset(out);
    string_reset(err);
    program_read_all(&p.out, out);
    program_read_all(&p.err, err);
    return program_wait(&p);
}

#endif
