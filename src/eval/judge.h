/* eval/judge.h: who is asked: a struct of functions, so that a model here and somebody's API are measured by the same code.
 * A function that a judge lacks is NULL, and what needs it says so. */
#ifndef SOCLE_EVAL_JUDGE_H
#define SOCLE_EVAL_JUDGE_H
#include "data/conversation.h"
#include "text/tokenizer.h"
#include "eval/score.h"

/* What an answer costs: the negative log-likelihood in nats of what is learned of a conversation (the assistant's turns and
 * what ends them), given all before it, and how many ids that is. */
typedef struct answer_score {
    double nll;
    size_t tokens;
} answer_score;

typedef struct judge {
    const char *name; /* for reports */
    void *self;
    const tokenizer *tokenizer; /* NULL: none is known, then it cannot be asked about text by ids */
    size_t max_context;         /* most ids it reads at once */

    /* Negative log-likelihood by id. */
    bool (*score)(void *self, const score_window *windows, size_t n, score_progress *progress, void *context, error *err);
    /* Of each conversation's learned turns. `progress` is told ids. */
    bool (*answer_score)(void *self, const conversation *asked, size_t n, answer_score *out, score_progress *progress, void *context, error *err);
    /* The most likely answer, token by token, to each conversation without its last turn; at most most_tokens ids. Appends to
     * out[i]. `progress` is told answers. */
    bool (*answer)(void *self, const conversation *asked, size_t n, size_t most_tokens, string *out, score_progress *progress, void *context, error *err);
    void (*drop)(void *self);
} judge;

/* How a model is shown a conversation. AUTO: by its own chat template; a model without one is an error that names the others.
 * PLAIN: the turns as they are, each followed by a line feed; an answer ends at its first line feed. */
typedef enum { RENDER_AUTO, RENDER_CHATML, RENDER_PLAIN } rendering;

/* A judge that is a model here, with the adapter in slot 0 of its bank, where it has one. Borrows both; `t` may be NULL, then
 * only `score` works. */
bool judge_of_model(judge *j, model *m, const tokenizer *t, rendering how, error *err);
/* The same for a MODEL argument ("FOLDER", "FOLDER+ADAPTER"), loaded into `owner` with the tokenizer that lies in the adapter's
 * folder or else in the base's. judge_drop frees the weights. */
bool judge_open(judge *j, arena *owner, const char *argument, rendering how, error *err);
void judge_drop(judge *j); /* an empty one is fine */

#endif
