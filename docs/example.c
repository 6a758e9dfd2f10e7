/* A completion by libsocle:  cc example.c -lsocle && ./a.out MODEL "Once upon a time" [TOKENS] */
#include <socle/socle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_token(void *context, const char *text, size_t n, int32_t id, double logprob) {
    (void)context, (void)id, (void)logprob;
    fwrite(text, 1, n, stdout);
    return fflush(stdout) != 0; /* a closed pipe: stop */
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL PROMPT [TOKENS]\n", argv[0]);
        return 2;
    }
    char error[SOCLE_ERROR];
    socle_model *model = socle_open(argv[1], error);
    if (model == NULL) {
        fprintf(stderr, "error: %s\n", error);
        return 1;
    }
    socle_generation how = SOCLE_GENERATION_DEFAULT;
    if (argc > 3) how.max_tokens = strtoul(argv[3], NULL, 10);

    fputs(argv[2], stdout);
    const ptrdiff_t n = socle_generate(model, argv[2], strlen(argv[2]), &how, print_token, NULL, error);
    fputc('\n', stdout);
    if (n < 0) fprintf(stderr, "error: %s\n", error);
    socle_close(model);
    return n < 0;
}
