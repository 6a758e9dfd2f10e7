/* infer/answer.h: one answer, from prompt to text, by an engine that has no thread of its own: what the command line and
 * library users want. */
#ifndef SOCLE_INFER_ANSWER_H
#define SOCLE_INFER_ANSWER_H
#include "infer/engine.h"
#include "infer/text_stream.h"

typedef struct answer {
    id_list ids;    /* the new tokens */
    real *logprobs; /* [ids.n], nats before temperature */
    string text;    /* continues the prompt exactly; empty without a tokenizer */
    finish_reason why;
    bool interrupted; /* *interrupt was not 0 */
} answer;

typedef struct answer_request {
    generation want;            /* its callbacks are not used */
    const tokenizer *tokenizer; /* NULL: ids only */
    const char *const *stops;   /* strings that end the answer, not part of it; none of them empty; needs the tokenizer */
    size_t n_stop;
    const volatile int *interrupt; /* checked at each step; NULL: never */
    /* Text as it becomes certain; false: enough. NULL: nobody looks on. */
    bool (*show)(void *context, const char *text, size_t n);
    void *context;
} answer_request;

/* Runs the request to its end. What is in `out` is the caller's (answer_drop) also when it fails half-way. */
bool answer_make(engine *e, const answer_request *q, answer *out, error *err);
void answer_drop(answer *a);

#endif
