#include "infer/sampler.h"

#include "base/log.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>

sampling sampling_greedy(void) {
    return (sampling){.temperature = 0, .top_p = 1, .repetition_penalty = 1};
}

sampling sampling_plain(void) {
    return (sampling){.temperature = 1, .top_p = 1, .repetition_penalty = 1};
}

bool sampling_check(const sampling *s, long vocab_size, error *err) {
    const struct {
        const char *name;
        double value, least, most;
    } bounds[] = {
        {"temperature", s->temperature, 0, 100},
        {"top_k", (double)s->top_k, 0, INT32_MAX},
        {"top_p", s->top_p, 0, 1},
        {"min_p", s->min_p, 0, 1},
        {"repetition_penalty", s->repetition_penalty, 0.01, 100},
        {"frequency_penalty", s->frequency_penalty, -100, 100},
        {"presence_penalty", s->presence_penalty, -100, 100},
    };
    for (size_t i = 0; i < COUNT(bounds); i++) {
        if (!(bounds[i].value >= bounds[i].least && bounds[i].value <= bounds[i].most))
            return fail(err, "%s is %g; it may be %g to %g", bounds[i].name, bounds[i].value, bounds[i].least, bounds[i].most);
    }
    for (size_t i = 0; i < s->n_bias; i++) {
        if (s->bias[i].id < 0 || s->bias[i].id >= vocab_size)
            return fail(err, "logit_bias: the model has no token %d; its ids are below %ld", s->bias[i].id, vocab_size);
        if (!isfinite(s->bias[i].bias)) return fail(err, "logit_bias: the bias of token %d is no number", s->bias[i].id);
    }
    return true;
}

static bool config_number(const json *o, const char *key, double *value, error *err) {
    const json *v = json_get(o, key);
    if (v == NULL || v->type == JSON_NULL) return true;
    if (v->type != JSON_NUMBER) return fail(err, "generation_config.json: %s is a %s, not a number", key, json_type_name(v->type));
    *value = v->number;
    return true;
}

bool sampling_of_config(const json *generation, sampling *s, error *err) {
    static const struct {
        const char *name;
        double neutral;
    } unknown[] = {
        {"num_beams", 1}, {"num_beam_groups", 1}, {"no_repeat_ngram_size", 0}, {"typical_p", 1}, {"penalty_alpha", 0}, {"epsilon_cutoff", 0}, {"eta_cutoff", 0},
    };
    const bool samples = json_get_bool(generation, "do_sample", false);
    sampling want = samples ? sampling_plain() : sampling_greedy();
    double top_k = 0;
    *s = sampling_greedy();
    if (!config_number(generation, "repetition_penalty", &want.repetition_penalty, err)) return false;
    if (samples && (!config_number(generation, "temperature", &want.temperature, err) || !config_number(generation, "top_k", &top_k, err) ||
                    !config_number(generation, "top_p", &want.top_p, err) || !config_number(generation, "min_p", &want.min_p, err)))
        return false;
    if (!(top_k >= 0 && top_k <= INT32_MAX)) return fail(err, "generation_config.json: top_k is %g; it may be 0 to %d", top_k, INT32_MAX);
    want.top_k = (long)top_k;
    if (!sampling_check(&want, INT32_MAX, err)) return fail(err, "generation_config.json");
    for (size_t i = 0; i < COUNT(unknown); i++) {
        if (json_get_number(generation, unknown[i].name, unknown[i].neutral) != unknown[i].neutral)
            log_warning("generation_config.json: %s is not supported and left out", unknown[i].name);
    }
    *s = want;
    return true;
}

double sampler_logsumexp(const real *logits, long vocab_size) {
    real most = -INFINITY;
    for (long i = 0; i < vocab_size; i++) most = logits[i] > most ? logits[i] : most;
    if (!isfinite(most)) return most;
    double sum = 0;
    for (long i = 0; i < vocab_size; i++) sum += (double)expf((float)(logits[i] - most));
    return (double)most + log(sum);
}

/* Whether a comes before b: likelier, or as likely with a lower id. A NaN is never likelier. */
static bool before(candidate a, candidate b) {
    return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
}

static void sift_down(candidate *heap, long n, long at) {
    const candidate moving = heap[at];
    for (;;) {
        long child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], moving)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

void sampler_top(const real *logits, long vocab_size, double logsumexp, int n, token_logprob *out) {
    int found = 0;
    for (long i = 0; i < vocab_size; i++) { /* n is small: insertion beats a heap */
        const real logprob = (real)((double)logits[i] - logsumexp);
        if (found == n && !(logprob > out[n - 1].logprob)) continue;
        int at = found < n ? found++ : n - 1;
        for (; at > 0 && logprob > out[at - 1].logprob; at--) out[at] = out[at - 1];
        out[at] = (token_logprob){(int32_t)i, logprob};
    }
    for (; found < n; found++) out[found] = (token_logprob){0, -INFINITY};
}

static int32_t likeliest(const real *logits, long vocab_size) {
    int32_t best = -1;
    for (long i = 0; i < vocab_size; i++)
        if (isfinite(logits[i]) && (best < 0 || logits[i] > logits[best])) best = (int32_t)i;
    return best;
}

/* A token may stand in ids many times, but is penalised once: its candidate is marked (~id) when that is done. */
static void apply_penalties(const sampling *s, candidate *c, const int32_t *ids, size_t n_prompt, size_t n) {
    if (s->repetition_penalty != 1) {
        for (size_t i = 0; i < n; i++) {
            candidate *x = &c[ids[i]];
            if (x->id < 0) continue;
            x->weight = (real)(x->weight < 0 ? x->weight * s->repetition_penalty : x->weight / s->repetition_penalty);
            x->id = ~x->id;
        }
        for (size_t i = 0; i < n; i++) c[ids[i]].id = ids[i];
    }
    if (s->frequency_penalty == 0 && s->presence_penalty == 0) return;
    for (size_t i = n_prompt; i < n; i++) {
        candidate *x = &c[ids[i]];
        x->weight -= (real)(s->frequency_penalty + (x->id < 0 ? 0 : s->presence_penalty));
        x->id = ~ids[i];
    }
    for (size_t i = n_prompt; i < n; i++) c[ids[i]].id = ids[i];
}

/* Moves the likeliest candidates to the end of c, likeliest last, until top_k or top_p say that these are all; returns how many. */
static long keep_likeliest(const sampling *s, candidate *c, long n) {
    for (long at = n / 2 - 1; at >= 0; at--) sift_down(c, n, at);
    const long most = s->top_k > 0 && s->top_k < n ? s->top_k : n;
    double total = 0; /* what top_p is a share of: all, or the top k */
    if (most == n) {
        for (long i = 0; i < n; i++) total += (double)c[i].weight;
    }
    long kept = 0;
    double mass = 0;
    while (kept < most && !(most == n && kept > 0 && mass >= s->top_p * total)) {
        const candidate best = c[0];
        c[0] = c[n - 1 - kept];
        c[n - 1 - kept] = best;
        kept++;
        sift_down(c, n - kept, 0);
        mass += (double)best.weight;
    }
    if (most == n || s->top_p >= 1) return kept;
    double within = 0; /* of the top k */
    long fewer = 0;
    while (fewer < kept && !(fewer > 0 && within >= s->top_p * mass)) within += (double)c[n - 1 - fewer++].weight;
    return fewer;
}

static int32_t draw(const sampling *s, candidate *c, long n, size_t number) {
    long first = 0;
    if (s->top_k > 0 || s->top_p < 1) first = n - keep_likeliest(s, c, n);
    double total = 0;
    long kept = first;
    for (long i = first; i < n; i++) {
        if ((double)c[i].weight < s->min_p) continue; /* the likeliest has weight 1 */
        total += (double)c[i].weight;
        c[kept++] = c[i];
    }
    random_stream r = random_start(s->seed, number);
    double left = random_unit(&r) * total;
    for (long i = first; i < kept; i++) {
        left -= (double)c[i].weight;
        if (left < 0) return c[i].id;
    }
    return c[kept - 1].id; /* rounding */
}

int32_t sampler_pick(const sampling *s, const real *logits, long vocab_size, const int32_t *ids, size_t n_prompt, size_t n, candidate *scratch) {
    const bool changed = s->n_bias > 0 || s->repetition_penalty != 1 || s->frequency_penalty != 0 || s->presence_penalty != 0;
    if (s->temperature == 0 && !changed) return likeliest(logits, vocab_size);
    for (long i = 0; i < vocab_size; i++) scratch[i] = (candidate){isfinite(logits[i]) ? logits[i] : -INFINITY, (int32_t)i};
    for (size_t i = 0; i < s->n_bias; i++) scratch[s->bias[i].id].weight += s->bias[i].bias;
    if (changed) apply_penalties(s, scratch, ids, n_prompt, n);
    candidate best = scratch[0];
    for (long i = 1; i < vocab_size; i++)
        if (before(scratch[i], best)) best = scratch[i];
    if (!isfinite(best.weight)) return -1;
    if (s->temperature == 0) return best.id;
    const float scale = (float)(1 / s->temperature);
    for (long i = 0; i < vocab_size; i++) {
        const float below = (float)(scratch[i].weight - best.weight);
        scratch[i].weight = below == 0 ? 1 : (real)expf(below * scale); /* a tiny temperature makes scale infinite: 0 * inf is none */
    }
    return draw(s, scratch, vocab_size, n - n_prompt);
}
