/* A model here as a judge: likelihood by packed passes, answers by the engine, many at once. */
#include "eval/dialog.h"

#include "base/log.h"
#include "infer/engine.h"
#include "infer/text_stream.h"

#include <stdlib.h>
#include <string.h>

enum {
    GROUP_IDS = 1 << 16, /* conversations are scored in groups of about so many ids */
    AT_ONCE = 32,        /* answers under way */
};

typedef struct model_judge {
    model *m;
    const tokenizer *tokenizer;
    rendering how;
    dialog_form form;
    bool has_form;
    arena memory; /* of the form */
    scorer *scorer;
    int slot;
    bool owns_weights;
} model_judge;

static bool model_score(void *self, const score_window *windows, size_t n, score_progress *listen, void *context, error *err) {
    return scorer_run(((model_judge *)self)->scorer, windows, n, listen, context, err);
}

/* The form of conversations, when a conversation first asks for it: text alone needs no template. */
static const dialog_form *form_of(model_judge *j, error *err) {
    if (!j->has_form && !dialog_form_of(&j->memory, j->tokenizer, j->how, &j->form, err)) return NULL;
    j->has_form = true;
    return &j->form;
}

/* ---- likelihood of answers ---- */

typedef struct scored_dialog {
    bool *learned;
    double *nll;
    size_t n;
} scored_dialog;

typedef struct group_progress {
    score_progress *progress;
    void *context;
    size_t before; /* rows of earlier groups */
} group_progress;

static bool group_progress_at(void *context, size_t rows) {
    const group_progress *g = context;
    return g->progress == NULL || g->progress(g->context, g->before + rows);
}

/* One conversation's windows, of which those that ask for nothing learned are left out. */
static size_t dialog_cut(arena *group, const model *m, const scored_dialog *d, const int32_t *ids, score_window **out) {
    score_window *windows;
    const size_t context = (size_t)m->max_position;
    size_t n = d->n, kept = 0;
    while (n > 0 && !d->learned[n - 1]) n--; /* nothing behind the last answer matters */
    const size_t n_window = score_cut(group, ids, n, context, context > 1 ? context / 2 : 1, d->nll, &windows);
    for (size_t w = 0; w < n_window; w++) {
        const size_t at = (size_t)(windows[w].ids - ids);
        size_t from = windows[w].from;
        while (from < windows[w].n && !d->learned[at + from]) from++;
        windows[w].from = from;
        if (from < windows[w].n) windows[kept++] = windows[w];
    }
    *out = windows;
    return kept;
}

/* Scores conversations [first, *end), as many as fit a group; *end is set. */
static bool dialogs_score(model_judge *j, arena *group, const conversation *asked, size_t first, size_t n, size_t *end, answer_score *out, group_progress *told,
                          error *err) {
    const dialog_form *form = form_of(j, err);
    if (form == NULL) return false;
    scored_dialog *dialogs = NEW_ARRAY(group, n - first, scored_dialog);
    score_window *all = NULL;
    size_t n_all = 0, room = 0, ids_so_far = 0, rows = 0, i = first;
    for (; i < n && ids_so_far < GROUP_IDS; i++) {
        scored_dialog *d = &dialogs[i - first];
        int32_t *ids;
        score_window *windows;
        if (!dialog_encode(group, form, &asked[i], &ids, &d->learned, &d->n, err)) return fail(err, "pair %zu", i + 1);
        if (d->n > 0) d->learned[0] = false; /* nothing predicts it */
        d->nll = NEW_ARRAY(group, d->n, double);
        const size_t n_window = dialog_cut(group, j->m, d, ids, &windows);
        if (n_all + n_window > room) {
            const size_t more = 2 * (n_all + n_window);
            all = arena_grow(group, all, room * sizeof *all, more * sizeof *all);
            room = more;
        }
        for (size_t w = 0; w < n_window; w++) {
            all[n_all++] = windows[w];
            rows += windows[w].n - 1;
        }
        ids_so_far += d->n;
    }
    *end = i;
    if (!scorer_run(j->scorer, all, n_all, group_progress_at, told, err)) return false;
    told->before += rows;
    for (i = first; i < *end; i++) {
        const scored_dialog *d = &dialogs[i - first];
        out[i] = (answer_score){0};
        for (size_t t = 1; t < d->n; t++)
            if (d->learned[t]) {
                out[i].nll += d->nll[t];
                out[i].tokens++;
            }
    }
    return true;
}

static bool model_answer_score(void *self, const conversation *asked, size_t n, answer_score *out, score_progress *listen, void *context, error *err) {
    arena group = {0};
    group_progress told = {.progress = listen, .context = context};
    bool ok = true;
    for (size_t first = 0, end = 0; ok && first < n; first = end) {
        ok = dialogs_score(self, &group, asked, first, n, &end, out, &told, err);
        arena_reset(&group);
    }
    arena_drop(&group);
    return ok;
}

/* ---- written answers ---- */

typedef struct answering { /* all of them */
    const char *stop_text;
    size_t n_done, n_open;
    error err; /* of the first that failed */
    bool failed;
} answering;

typedef struct one_answer {
    answering *all;
    string *out;
    text_stream text;
} one_answer;

static bool answer_token(void *context, const engine_token *t) {
    one_answer *a = context;
    return text_stream_put(&a->text, t->id, a->out);
}

static void answer_end(void *context, finish_reason why, const error *err) {
    one_answer *a = context;
    text_stream_end(&a->text, a->out);
    a->all->n_done++;
    a->all->n_open--;
    if (why == FINISH_FAILED && !a->all->failed) {
        a->all->failed = true;
        a->all->err = *err;
    }
}

typedef struct prompt_ids {
    int32_t *ids;
    size_t n;
} prompt_ids;

/* The ids that a prompt has to lose, since the context holds no more and one of the answer: at its beginning, the end counts. */
static size_t prompt_cut(const engine *e, const prompt_ids *p) {
    const size_t context = (size_t)engine_context(e), room = context > 1 ? context - 1 : 1;
    return p->n > room ? p->n - room : 0;
}

static bool answer_submit(model_judge *j, engine *e, const prompt_ids *p, size_t most_tokens, one_answer *a, error *err) {
    const size_t context = (size_t)engine_context(e), cut = prompt_cut(e, p), left = context - (p->n - cut);
    const generation g = {.prompt = p->ids + cut,
                          .n_prompt = p->n - cut,
                          .adapter = j->slot,
                          .max_tokens = (long)(most_tokens < left ? most_tokens : left),
                          .how = sampling_greedy(),
                          .stop_ids = &j->form.chat.stop_id,
                          .n_stop_id = j->form.chat.stop_id >= 0,
                          .on_token = answer_token,
                          .on_end = answer_end,
                          .context = a};
    a->text = text_stream_start(j->tokenizer, g.prompt, g.n_prompt, &a->all->stop_text, a->all->stop_text != NULL);
    a->all->n_open++;
    if (engine_submit(e, &g, NULL, NULL, err)) return true;
    text_stream_end(&a->text, a->out);
    a->all->n_open--;
    return false;
}

static bool model_answer(void *self, const conversation *asked, size_t n, size_t most_tokens, string *out, score_progress *listen, void *context, error *err) {
    model_judge *j = self;
    const dialog_form *form = form_of(j, err);
    if (form == NULL) return false;
    arena scratch = {0};
    prompt_ids *prompts = NEW_ARRAY(&scratch, n, prompt_ids);
    one_answer *answers = NEW_ARRAY(&scratch, n, one_answer);
    size_t longest = 0, n_cut = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = dialog_prompt(&scratch, form, &asked[i], &prompts[i].ids, &prompts[i].n, err) || fail(err, "pair %zu", i + 1);
        if (ok && prompts[i].n > longest) longest = prompts[i].n;
    }
    long most = (long)(longest + most_tokens);
    if (most > j->m->max_position) most = j->m->max_position;
    const engine_options options = {.context = most, .max_sequences = AT_ONCE};
    engine *e = ok ? engine_new(&scratch, j->m, &options, err) : NULL;
    answering all = {.stop_text = form->chat.stop_text};
    ok = e != NULL;
    for (size_t asked_for = 0; ok && all.n_done < n;) {
        for (; ok && asked_for < n && all.n_open < 2 * AT_ONCE; asked_for++) {
            answers[asked_for] = (one_answer){.all = &all, .out = &out[asked_for]};
            n_cut += prompt_cut(e, &prompts[asked_for]) > 0;
            ok = answer_submit(j, e, &prompts[asked_for], most_tokens, &answers[asked_for], err) || fail(err, "pair %zu", asked_for + 1);
        }
        if (ok) engine_step(e);
        if (ok && all.failed) ok = fail(err, "%s", all.err.text);
        if (ok && listen != NULL && !listen(context, all.n_done)) ok = fail(err, "stopped");
    }
    if (ok && n_cut > 0) log_warning("%zu of %zu prompts are longer than the model's context; only their ends were answered", n_cut, n);
    if (e != NULL) engine_free(e); /* ends what is open, which still tells `answers` */
    arena_drop(&scratch);
    return ok;
}

static void model_judge_drop(void *self) {
    model_judge *j = self;
    scorer_drop(j->scorer);
    arena_drop(&j->memory);
    if (j->owns_weights) model_free_weights(j->m);
    free(j);
}

bool judge_of_model(judge *out, model *m, const tokenizer *t, rendering how, error *err) {
    model_judge *j = calloc(1, sizeof *j);
    if (j == NULL) return fail(err, "no memory");
    *j = (model_judge){.m = m, .tokenizer = t, .how = how, .slot = m->bank == NULL ? -1 : 0};
    j->scorer = scorer_new(m, j->slot);
    if (j->scorer == NULL) {
        free(j);
        return fail(err, "no memory");
    }
    *out = (judge){.name = m->name, .self = j, .tokenizer = t, .max_context = (size_t)m->max_position, .score = model_score, .drop = model_judge_drop};
    if (t == NULL) return true;
    out->answer_score = model_answer_score;
    out->answer = model_answer;
    return true;
}

bool judge_open(judge *out, arena *owner, const char *argument, rendering how, error *err) {
    model_path path;
    if (!model_path_resolve(owner, argument, &path, err)) return false;
    model *m = model_open(owner, argument, err);
    if (m == NULL) return false;
    const tokenizer *t = model_tokenizer(owner, m, path.base, path.adapter, err);
    if (t == NULL || !judge_of_model(out, m, t, how, err)) {
        model_free_weights(m);
        return false;
    }
    out->name = arena_copy(owner, argument);
    ((model_judge *)out->self)->owns_weights = true;
    return true;
}

void judge_drop(judge *j) {
    if (j->drop != NULL) j->drop(j->self);
    *j = (judge){0};
}
