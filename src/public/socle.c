/* libsocle's public face over the rooms below: see include/socle/socle.h for the contract. Nothing but translation is here. */
#include "socle/socle.h"

#include "base/log.h"
#include "base/parallel.h"
#include "eval/score.h"
#include "infer/engine.h"
#include "infer/text_stream.h"

#include <string.h>

struct socle_model {
    arena owner; /* holds this struct, too */
    model *m;
    const tokenizer *tokenizer; /* NULL: ids only */
    tokenizer_scratch *scratch;
    scorer *scorer;
    arena engine_owner;
    engine *engine; /* made when text is first written */
    int slot;
};

/* Hands an error over. Always false. */
static bool told(const error *err, char *out) {
    if (out != NULL) memcpy(out, err->text, sizeof err->text < SOCLE_ERROR ? sizeof err->text : SOCLE_ERROR);
    return false;
}

const char *socle_version(void) {
    return SOCLE_VERSION;
}

void socle_threads(int n) {
    parallel_set_threads(n);
}

static bool model_ready(socle_model *s, const char *argument, error *err) {
    model_path path;
    if (!model_path_resolve(&s->owner, argument, &path, err)) return false;
    s->m = model_open(&s->owner, argument, err);
    if (s->m == NULL) return false;
    if (model_has_tokenizer(&s->owner, path.base, path.adapter)) {
        s->tokenizer = model_tokenizer(&s->owner, s->m, path.base, path.adapter, err);
        if (s->tokenizer == NULL) return false;
    }
    s->slot = s->m->bank == NULL ? -1 : 0;
    s->scratch = s->tokenizer == NULL ? NULL : tokenizer_scratch_new(s->tokenizer);
    s->scorer = scorer_new(s->m, s->slot);
    return s->scorer != NULL || fail(err, "no memory");
}

socle_model *socle_open(const char *path, char *error_text) {
    error err = {0};
    arena owner = {0};
    log_set_level(LOG_QUIET); /* a library says nothing by itself */
    socle_model *s = NEW(&owner, socle_model);
    s->owner = owner;
    if (model_ready(s, path, &err)) return s;
    socle_close(s);
    told(&err, error_text);
    return NULL;
}

void socle_close(socle_model *s) {
    if (s == NULL) return;
    if (s->engine != NULL) engine_free(s->engine);
    arena_drop(&s->engine_owner);
    scorer_drop(s->scorer);
    tokenizer_scratch_drop(s->scratch);
    if (s->m != NULL) model_free_weights(s->m);
    arena owner = s->owner;
    arena_drop(&owner);
}

int32_t socle_vocab_size(const socle_model *s) {
    return (int32_t)s->m->vocab_size;
}

int32_t socle_max_position(const socle_model *s) {
    return s->m->max_position > INT32_MAX ? INT32_MAX : (int32_t)s->m->max_position;
}

static bool has_tokenizer(const socle_model *s, error *err) {
    return s->tokenizer != NULL || fail(err, "the model's folder has no tokenizer.json: it can be asked by ids alone");
}

ptrdiff_t socle_encode(socle_model *s, const char *text, size_t n, unsigned flags, int32_t *ids, size_t room, char *error_text) {
    error err = {0};
    id_list list = {0};
    const unsigned wanted = (flags & SOCLE_ADD_SPECIAL ? TOKENIZER_ADD_SPECIAL : 0) | (flags & SOCLE_PARSE_SPECIAL ? TOKENIZER_PARSE_SPECIAL : 0);
    ptrdiff_t count = -1;
    if (has_tokenizer(s, &err) && tokenizer_encode(s->tokenizer, s->scratch, text, n, wanted, &list, &err)) {
        const size_t fits = list.n < room ? list.n : room;
        if (fits > 0) memcpy(ids, list.id, fits * sizeof *ids);
        count = (ptrdiff_t)list.n;
    } else told(&err, error_text);
    id_list_drop(&list);
    return count;
}

ptrdiff_t socle_decode(socle_model *s, const int32_t *ids, size_t n, char *text, size_t room, char *error_text) {
    error err = {0};
    if (!has_tokenizer(s, &err)) return told(&err, error_text), -1;
    string out = {0};
    tokenizer_decode(s->tokenizer, ids, n, false, &out);
    const size_t fits = out.length < room ? out.length : room;
    if (fits > 0) memcpy(text, out.data, fits);
    const ptrdiff_t count = (ptrdiff_t)out.length;
    string_drop(&out);
    return count;
}

int socle_logprobs(socle_model *s, const int32_t *ids, size_t n, double *logprobs, char *error_text) {
    error err = {0};
    arena scratch = {0};
    double *nll = NEW_ARRAY(&scratch, n, double);
    const size_t context = (size_t)s->m->max_position;
    const bool ok = score_sequence(s->scorer, ids, n, context, context, nll, &err) || told(&err, error_text);
    for (size_t i = 1; ok && i < n; i++) logprobs[i - 1] = -nll[i];
    arena_drop(&scratch);
    return ok ? 0 : -1;
}

/* ---- writing ---- */

typedef struct writing {
    const socle_model *s;
    socle_token *on_token;
    void *context;
    tokenizer_decoder decoder;
    string piece;
    ptrdiff_t n_new;
    bool done, failed, stopped;
    error err;
} writing;

static bool writing_token(void *context, const engine_token *t) {
    writing *w = context;
    w->n_new++;
    string_reset(&w->piece);
    if (w->s->tokenizer != NULL) tokenizer_decoder_push(&w->decoder, t->id, &w->piece);
    w->stopped = w->on_token != NULL && w->on_token(w->context, string_chars(&w->piece), w->piece.length, t->id, (double)t->logprob) != 0;
    return !w->stopped;
}

static void writing_end(void *context, finish_reason why, const error *err) {
    writing *w = context;
    w->done = true;
    if (why == FINISH_FAILED) w->failed = true, w->err = *err;
}

static bool engine_ready(socle_model *s, error *err) {
    if (s->engine != NULL) return true;
    arena_drop(&s->engine_owner); /* what an attempt that failed left */
    const long context = s->m->max_position;
    s->engine = engine_new(&s->engine_owner, s->m, &(engine_options){.cache_tokens = context, .max_sequences = 1}, err);
    return s->engine != NULL;
}

static void generation_set(const socle_generation *how, size_t room, generation *g) {
    const socle_generation plain = SOCLE_GENERATION_DEFAULT;
    socle_generation given = plain; /* fields that an older header lacks keep their defaults */
    if (how != NULL && how->size > 0) memcpy(&given, how, how->size < sizeof given ? how->size : sizeof given);
    g->how = given.temperature == 0 ? sampling_greedy() : sampling_plain();
    if (given.temperature != 0) {
        g->how.temperature = given.temperature;
        g->how.top_k = given.top_k;
        g->how.top_p = given.top_p;
    }
    g->how.seed = given.seed;
    g->ignore_eos = given.ignore_end != 0;
    g->max_tokens = (long)(given.max_tokens < room ? given.max_tokens : room);
}

ptrdiff_t socle_generate_ids(socle_model *s, const int32_t *prompt, size_t n, const socle_generation *how, socle_token *on_token, void *context,
                             char *error_text) {
    writing w = {.s = s, .on_token = on_token, .context = context};
    generation g = {.prompt = prompt, .n_prompt = n, .adapter = s->slot, .on_token = writing_token, .on_end = writing_end, .context = &w};
    const size_t most = (size_t)s->m->max_position;
    bool ok = n > 0 || fail(&w.err, "the prompt is empty: there is nothing to continue");
    ok = ok && (n <= most || fail(&w.err, "the prompt has %zu ids, the model %zu positions", n, most));
    ok = ok && engine_ready(s, &w.err);
    if (ok) generation_set(how, most - n, &g);
    if (ok && g.max_tokens == 0) return 0;
    if (ok && s->tokenizer != NULL) w.decoder = tokenizer_decoder_start(s->tokenizer, prompt, n, true);
    ok = ok && engine_submit(s->engine, &g, NULL, NULL, &w.err);
    while (ok && !w.done) engine_step(s->engine);
    ok = ok && !w.failed;
    if (ok && s->tokenizer != NULL && on_token != NULL && !w.stopped) {
        string_reset(&w.piece);
        tokenizer_decoder_end(&w.decoder, &w.piece);
        if (w.piece.length > 0) on_token(context, string_chars(&w.piece), w.piece.length, -1, 0);
    }
    string_drop(&w.piece);
    if (!ok) told(&w.err, error_text);
    return ok ? w.n_new : -1;
}

ptrdiff_t socle_generate(socle_model *s, const char *prompt, size_t n, const socle_generation *how, socle_token *on_token, void *context, char *error_text) {
    error err = {0};
    id_list list = {0};
    ptrdiff_t count = -1;
    if (has_tokenizer(s, &err) && tokenizer_encode(s->tokenizer, s->scratch, prompt, n, TOKENIZER_ADD_SPECIAL, &list, &err))
        count = socle_generate_ids(s, list.id, list.n, how, on_token, context, error_text);
    else told(&err, error_text);
    id_list_drop(&list);
    return count;
}
