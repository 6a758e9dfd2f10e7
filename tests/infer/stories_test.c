/* Trained weights (SOCLE_DATA; skipped where it is absent): a long prompt in pieces of any size, alone and beside others. */
#include "base/file.h"
#include "infer/answer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PROMPT = 230, ANSWER = 40, BESIDE = 11 };

typedef struct heard {
    real prompt[PROMPT], answer[ANSWER];
    int32_t ids[ANSWER];
    int n_prompt, n;
} heard;

static bool on_token(void *context, const engine_token *t) {
    heard *h = context;
    if (t->of_prompt) h->prompt[h->n_prompt++] = t->logprob;
    else {
        h->answer[h->n] = t->logprob;
        h->ids[h->n++] = t->id;
    }
    return true;
}

static void ask(engine *e, const int32_t *prompt, size_t n_prompt, bool prompt_logprobs, heard *h) {
    error err = {0};
    *h = (heard){0};
    const generation g = {.prompt = prompt,
                          .n_prompt = n_prompt,
                          .adapter = -1,
                          .max_tokens = ANSWER,
                          .how = sampling_greedy(),
                          .ignore_eos = true,
                          .prompt_logprobs = prompt_logprobs,
                          .on_token = on_token,
                          .context = h};
    if (!engine_submit(e, &g, NULL, NULL, &err)) fail_msg("%s", err.text);
}

static void a_long_prompt_gives_the_same_bits_however_it_is_cut_and_whoever_is_beside(void **state) {
    static const long chunks[] = {1, 7, 64};
    static heard whole, cut, beside[BESIDE];
    arena a = {0};
    error err = {0};
    const char *data = getenv("SOCLE_DATA");
    const char *folder = arena_print(&a, "%s/models/stories260K-hf", data != NULL ? data : "../shared/data");
    if (!file_exists(folder)) {
        arena_drop(&a);
        skip();
    }
    model *m = model_load(&a, folder, &err);
    if (m == NULL) fail_msg("%s", err.text);
    engine *e = engine_new(&a, m, &(engine_options){.max_sequences = 1}, &err);
    assert_non_null(e);
    answer story;
    const int32_t bos = 1;
    const answer_request q = {.want = {.prompt = &bos, .n_prompt = 1, .adapter = -1, .max_tokens = PROMPT - 1, .how = sampling_greedy(), .ignore_eos = true}};
    if (!answer_make(e, &q, &story, &err)) fail_msg("%s", err.text);
    int32_t prompt[PROMPT] = {1};
    memcpy(prompt + 1, story.ids.id, (PROMPT - 1) * sizeof *prompt);
    ask(e, prompt, PROMPT, true, &whole);
    while (engine_step(e)) {
    }
    assert_int_equal(whole.n_prompt, PROMPT);
    /* what answering gave token by token, the prompt's pass gives for rows together */
    assert_memory_equal(whole.prompt + 1, story.logprobs, (PROMPT - 1) * sizeof(real));
    engine_free(e);
    for (size_t i = 0; i < COUNT(chunks); i++) {
        e = engine_new(&a, m, &(engine_options){.chunk = chunks[i]}, &err);
        assert_non_null(e);
        ask(e, prompt, PROMPT, true, &cut);
        for (int k = 0; k < BESIDE; k++) ask(e, prompt, (size_t)(PROMPT - 13 * k), false, &beside[k]);
        while (engine_step(e)) {
        }
        assert_memory_equal(&cut, &whole, sizeof whole);
        assert_memory_equal(beside[0].ids, whole.ids, sizeof whole.ids);
        assert_memory_equal(beside[0].answer, whole.answer, sizeof whole.answer);
        engine_free(e);
    }
    answer_drop(&story);
    model_free_weights(m);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_prompt_gives_the_same_bits_however_it_is_cut_and_whoever_is_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
