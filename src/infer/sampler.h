/* infer/sampler.h: from logits to the next token. A choice is a function of the logits, the tokens before, the seed and the
 * token's number alone: who else is in the batch cannot show. The order of the steps is transformers': penalties and biases,
 * temperature, top-k, top-p, min-p. */
#ifndef SOCLE_INFER_SAMPLER_H
#define SOCLE_INFER_SAMPLER_H
#include "base/json.h"
#include "tensor/tensor.h"

typedef struct logit_bias {
    int32_t id;
    real bias;
} logit_bias;

typedef struct sampling {
    double temperature;        /* 0: the likeliest token, of equals the one with the lowest id */
    long top_k;                /* only the k likeliest; 0: all */
    double top_p;              /* only the fewest likeliest whose probabilities reach it; 1: all. Holtzman et al. 2019, arXiv:1904.09751 */
    double min_p;              /* only those at least this times as likely as the likeliest; 0: all. Nguyen et al. 2024, arXiv:2407.01082 */
    double repetition_penalty; /* 1: none. Tokens of prompt and answer; Keskar et al. 2019, arXiv:1909.05858 */
    double frequency_penalty;  /* for each time a token is in the answer */
    double presence_penalty;   /* for each token that is in the answer */
    uint64_t seed;
    const logit_bias *bias; /* added to logits; borrowed */
    size_t n_bias;
} sampling;

sampling sampling_greedy(void);
sampling sampling_plain(void); /* temperature 1 and nothing else */
/* Bounds of every field; err names it. */
bool sampling_check(const sampling *s, long vocab_size, error *err);
/* What a generation_config.json (NULL: none) asks for. As in transformers, do_sample not true means greedy. Fields that would
 * change the result and are not known here get a warning. */
bool sampling_of_config(const json *generation, sampling *s, error *err);

typedef struct token_logprob {
    int32_t id;
    real logprob;
} token_logprob;

typedef struct candidate { /* one token on its way; a scratch of vocab_size of these belongs to one call */
    real weight;
    int32_t id;
} candidate;

/* The next token. ids[0..n) are all tokens so far, the first n_prompt of them the prompt. Logits are not changed.
 * -1 where no logit is a finite number. */
int32_t sampler_pick(const sampling *s, const real *logits, long vocab_size, const int32_t *ids, size_t n_prompt, size_t n, candidate *scratch);
/* log Σ exp(logit), so that a token's log-probability (nats, before temperature and penalties) is its logit less this. */
double sampler_logsumexp(const real *logits, long vocab_size);
/* The n likeliest tokens, likeliest first, of equals the lowest id first. */
void sampler_top(const real *logits, long vocab_size, double logsumexp, int n, token_logprob *out);

#endif
