/* The public header alone, as a program outside would use it. SOCLE_DATA names the folder with models/; without it what needs
 * a model is skipped. */
#include "socle/socle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static socle_model *open_stories(const char *adapter) {
    const char *data = getenv("SOCLE_DATA");
    char path[4096], error[SOCLE_ERROR];
    if (data == NULL) data = "../shared/data";
    snprintf(path, sizeof path, "%s/models/stories260K-hf", data);
    if (access(path, R_OK) != 0) skip();
    if (adapter != NULL) snprintf(path, sizeof path, "%s/models/stories260K-hf+%s/adapters/%s", data, data, adapter);
    socle_model *m = socle_open(path, error);
    if (m == NULL) fail_msg("%s", error);
    return m;
}

typedef struct heard {
    char text[4096];
    size_t n, calls, enough;
    int32_t ids[256];
    double logprob[256];
} heard;

static int listen(void *context, const char *text, size_t n, int32_t id, double logprob) {
    heard *h = context;
    memcpy(h->text + h->n, text, n);
    h->n += n;
    if (id < 0) return 0;
    h->ids[h->calls] = id;
    h->logprob[h->calls++] = logprob;
    return h->calls == h->enough;
}

static void bad_paths_are_errors_in_words(void **state) {
    char error[SOCLE_ERROR] = "";
    assert_null(socle_open("/nowhere/at/all", error));
    assert_non_null(strstr(error, "/nowhere/at/all"));
    assert_null(socle_open("/nowhere/at/all", NULL));
    socle_close(NULL);
    assert_string_equal(socle_version(), SOCLE_VERSION);
}

static void text_becomes_ids_and_comes_back(void **state) {
    socle_model *m = open_stories(NULL);
    static const char text[] = "Once upon a time <s>";
    int32_t ids[64];
    char back[64];
    const ptrdiff_t n = socle_encode(m, text, strlen(text), 0, ids, 64, NULL);
    assert_true(n > 0 && n <= 64);
    assert_int_equal(socle_encode(m, text, strlen(text), 0, ids, 3, NULL), n); /* too little room: still how many */
    assert_int_equal(socle_encode(m, text, strlen(text), SOCLE_ADD_SPECIAL, ids, 64, NULL), n + 1);
    assert_int_equal(ids[0], 1);
    assert_true(socle_encode(m, text, strlen(text), SOCLE_PARSE_SPECIAL, ids, 64, NULL) < n);
    socle_encode(m, text, strlen(text), 0, ids, 64, NULL);
    const ptrdiff_t bytes = socle_decode(m, ids, (size_t)n, back, sizeof back, NULL);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(back, text, strlen(text));
    assert_int_equal(socle_decode(m, ids, (size_t)n, back, 2, NULL), strlen(text));
    socle_close(m);
}

/* What is written says how likely it was; asked about the same ids, the model gives the same figures. */
static void writing_and_scoring_agree(void **state) {
    socle_model *m = open_stories(NULL);
    char error[SOCLE_ERROR];
    socle_generation how = SOCLE_GENERATION_DEFAULT;
    how.max_tokens = 40;
    heard h = {0}, again = {0};
    const int32_t bos = 1;
    assert_int_equal(socle_generate_ids(m, &bos, 1, &how, listen, &h, error), 40);
    assert_int_equal(h.calls, 40);
    static const int32_t llama2_c[] = {403, 407, 261, 378, 432, 383, 286, 261}; /* its greedy ids from BOS */
    assert_memory_equal(h.ids, llama2_c, sizeof llama2_c);
    int32_t ids[41] = {1};
    double logprobs[40];
    memcpy(ids + 1, h.ids, sizeof(int32_t) * 40);
    assert_int_equal(socle_logprobs(m, ids, 41, logprobs, error), 0);
    for (int i = 0; i < 40; i++) assert_true(fabs(logprobs[i] - h.logprob[i]) < 1e-4);
    assert_int_equal(socle_generate(m, "", 0, &how, listen, &again, error), 40); /* BOS is what the tokenizer puts in front */
    assert_memory_equal(h.text, again.text, h.n);
    heard few = {.enough = 5};
    assert_int_equal(socle_generate_ids(m, &bos, 1, &how, listen, &few, error), 5);
    socle_close(m);
}

static void sampling_repeats_with_its_seed(void **state) {
    socle_model *m = open_stories(NULL);
    socle_generation how = SOCLE_GENERATION_DEFAULT;
    how.max_tokens = 24;
    how.temperature = 1;
    heard a = {0}, b = {0}, c = {0};
    assert_true(socle_generate(m, "The", 3, &how, listen, &a, NULL) > 0);
    assert_true(socle_generate(m, "The", 3, &how, listen, &b, NULL) > 0);
    how.seed = 2;
    assert_true(socle_generate(m, "The", 3, &how, listen, &c, NULL) > 0);
    assert_memory_equal(a.ids, b.ids, sizeof a.ids);
    assert_memory_not_equal(a.ids, c.ids, sizeof a.ids);
    socle_close(m);
}

static void an_adapter_changes_what_is_likely(void **state) {
    socle_model *base = open_stories(NULL), *adapted = open_stories("stories-qv");
    const int32_t ids[] = {1, 403, 407, 261, 378};
    double a[4], b[4];
    assert_int_equal(socle_logprobs(base, ids, 5, a, NULL), 0);
    assert_int_equal(socle_logprobs(adapted, ids, 5, b, NULL), 0);
    assert_true(fabs(a[3] - b[3]) > 1e-6);
    socle_close(base);
    socle_close(adapted);
}

static void what_cannot_be_done_is_an_error(void **state) {
    socle_model *m = open_stories(NULL);
    char error[SOCLE_ERROR] = "";
    int32_t ids[] = {1, 100000};
    double logprobs[1];
    assert_int_equal(socle_vocab_size(m), 512);
    assert_int_equal(socle_logprobs(m, ids, 2, logprobs, error), -1);
    assert_non_null(strstr(error, "100000"));
    assert_int_equal(socle_generate_ids(m, ids, 2, NULL, NULL, NULL, error), -1);
    assert_int_equal(socle_generate_ids(m, ids, 0, NULL, NULL, NULL, error), -1);
    assert_non_null(strstr(error, "empty"));
    const size_t most = (size_t)socle_max_position(m);
    int32_t *many = calloc(most + 1, sizeof *many);
    assert_int_equal(socle_generate_ids(m, many, most + 1, NULL, NULL, NULL, error), -1);
    assert_int_equal(socle_generate_ids(m, many, most, NULL, NULL, NULL, error), 0); /* no position is left */
    free(many);
    socle_generation how = SOCLE_GENERATION_DEFAULT;
    how.temperature = -1;
    assert_int_equal(socle_generate(m, "The", 3, &how, NULL, NULL, error), -1);
    assert_non_null(strstr(error, "temperature"));
    socle_close(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_paths_are_errors_in_words),     cmocka_unit_test(text_becomes_ids_and_comes_back),
        cmocka_unit_test(writing_and_scoring_agree),         cmocka_unit_test(sampling_repeats_with_its_seed),
        cmocka_unit_test(an_adapter_changes_what_is_likely), cmocka_unit_test(what_cannot_be_done_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
