#include "infer/answer.h"

#include <stdlib.h>

typedef struct answer_state {
    const answer_request *q;
    answer *out;
    text_stream stream;
    size_t room;
    bool ended;
    error err;
} answer_state;

/* Shows what was appended to the text since `before`. */
static bool show_from(answer_state *s, size_t before) {
    const string *text = &s->out->text;
    return s->q->show == NULL || text->length == before || s->q->show(s->q->context, text->data + before, text->length - before);
}

static bool on_token(void *context, const engine_token *t) {
    answer_state *s = context;
    answer *a = s->out;
    if (t->of_prompt) return true;
    if (a->ids.n == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        real *more = realloc(a->logprobs, s->room * sizeof *more);
        if (more == NULL) return fail(&s->err, "the machine has no memory for the answer's log-probabilities");
        a->logprobs = more;
    }
    a->logprobs[a->ids.n] = t->logprob;
    id_list_push(&a->ids, t->id);
    if (s->q->tokenizer == NULL) return true;
    const size_t before = a->text.length;
    const bool more = text_stream_put(&s->stream, t->id, &a->text);
    return show_from(s, before) && more;
}

static void on_end(void *context, finish_reason why, const error *err) {
    answer_state *s = context;
    s->out->why = why;
    s->ended = true;
    if (err != NULL) s->err = *err;
    if (s->q->tokenizer == NULL) return;
    const size_t before = s->out->text.length;
    text_stream_end(&s->stream, &s->out->text);
    show_from(s, before);
}

bool answer_make(engine *e, const answer_request *q, answer *out, error *err) {
    answer_state s = {.q = q, .out = out};
    generation g = q->want;
    *out = (answer){0};
    g.on_token = on_token;
    g.on_end = on_end;
    g.context = &s;
    if (q->tokenizer != NULL) s.stream = text_stream_start(q->tokenizer, g.prompt, g.n_prompt, q->stops, q->n_stop);
    uint64_t ticket;
    if (!engine_submit(e, &g, &ticket, NULL, err)) {
        text_stream_drop(&s.stream);
        return false;
    }
    while (!s.ended) {
        if (q->interrupt != NULL && *q->interrupt != 0 && !out->interrupted) {
            out->interrupted = true;
            engine_cancel(e, ticket);
        }
        engine_step(e);
    }
    return s.err.text[0] == 0 || fail(err, "%s", s.err.text);
}

void answer_drop(answer *a) {
    id_list_drop(&a->ids);
    free(a->logprobs);
    string_drop(&a->text);
    *a = (answer){0};
}
