/* eval/pairs.h: questions with known answers: how likely a model finds the answers, and whether it gives them. */
#ifndef SOCLE_EVAL_PAIRS_H
#define SOCLE_EVAL_PAIRS_H
#include "eval/judge.h"

/* The pairs of a file: JSON lines of messages, or prompt and completion (see data/conversation.h); plain, .gz or .zst. Each
 * must end with the assistant's answer. Lives in `owner`; err names file and line. */
typedef struct pair_list {
    const char *path;
    conversation *pairs;
    size_t *line; /* of the file, from 1 */
    size_t n;
} pair_list;
bool pairs_read(arena *owner, const char *path, pair_list *out, error *err);

typedef struct pairs_options {
    bool match;               /* also write the greedy answers and compare them */
    size_t most_tokens;       /* of a written answer */
    const volatile int *stop; /* not 0: stop and fail; NULL: never */
} pairs_options;

typedef struct pairs_result {
    size_t n, tokens, exact; /* tokens: scored ones of all answers, what ends them included */
    double nll;              /* in nats, summed over all answers; nll / n is the mean of a pair */
    double *pair_nll;        /* each pair's; the following are in the owner's memory, too */
    size_t *pair_tokens;
    bool *pair_exact; /* the written answer equals the known one, blanks at both ends aside; NULL without match */
    string *answer;   /* written answers, trimmed; pairs_result_drop gives their memory back */
} pairs_result;
bool pairs_measure(judge *j, const pair_list *p, const pairs_options *o, arena *owner, pairs_result *out, error *err);
void pairs_result_drop(pairs_result *r);

/* Bytes without the ASCII blanks at both ends; *n becomes their number. */
const char *text_trim(const char *text, size_t *n);

#endif
