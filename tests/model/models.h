/* tests/model/models.h: small models, folders and edited JSON for the tests of model/. */
#ifndef TESTS_MODEL_MODELS_H
#define TESTS_MODEL_MODELS_H
#include "base/file.h"
#include "model/adapter.h"
#include "model/model.h"
#include "tensor/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static arena owner; /* of the test that runs; test_end drops it */
static char folder[] = "/tmp/socle-model-XXXXXX";

static int make_folder(void **state) {
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    return folder_remove(folder, NULL) ? 0 : -1;
}

static inline int test_end(void **state) {
    arena_drop(&owner);
    return 0;
}

/* "NAME" in the group's folder, made. */
static inline char *subfolder(const char *name) {
    char *path = path_join(&owner, folder, name);
    if (!folder_make(path, NULL)) fail_msg("cannot make %s", path);
    return path;
}

static inline json *tree_of(const char *text) {
    error err = {0};
    json *tree = json_parse(&owner, text, strlen(text), &err);
    if (tree == NULL) fail_msg("%s: %s", text, err.text);
    return tree;
}

static const __attribute__((unused)) model_sizes small_llama = {
    .family = "llama", .vocab_size = 37, .n_layer = 2, .n_head = 4, .n_kv_head = 2, .hidden_size = 24, .max_position = 16, .bos_id = 1, .eos_id = 2};
static const __attribute__((unused)) model_sizes small_gpt2 = {
    .family = "gpt2", .vocab_size = 37, .n_layer = 2, .n_head = 4, .hidden_size = 24, .max_position = 16, .tied = true, .bos_id = 1, .eos_id = 2};

static inline model *new_model(const model_sizes *sizes, uint64_t seed) {
    error err = {0};
    json *config = model_config_of_sizes(&owner, sizes, &err);
    model *m = config == NULL ? NULL : model_describe_json(&owner, config, "new", &err);
    if (m == NULL || !model_allocate(m, &err)) fail_msg("%s", err.text);
    model_initialise(m, seed);
    return m;
}

static inline void assert_same_weights(const model *a, const model *b) {
    assert_int_equal(a->n_parameter, b->n_parameter);
    for (int i = 0; i < a->n_parameter; i++) {
        const parameter *p = a->parameters[i], *q = b->parameters[i];
        assert_string_equal(p->name, q->name);
        assert_true(shape_equal(p->value.shape, q->value.shape));
        if (memcmp(p->value.data, q->value.data, tensor_bytes(p->value)) != 0) fail_msg("%s differs", p->name);
    }
}

static inline void assert_says(const error *err, const char *what) {
    if (strstr(err->text, what) == NULL) fail_msg("it says '%s', not '%s'", err->text, what);
}

/* The shared data folder's `name`, or NULL where it is not there. */
static inline const char *shared_data(const char *name) {
    const char *root = getenv("SOCLE_DATA");
    const char *path = path_join(&owner, root != NULL ? root : "../shared/data", name);
    return file_exists(path) ? path : NULL;
}

#endif
