/* Which chat templates a tokenizer's folder has, and that they are there again when it is saved. */
#include "base/file.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char vocabulary[] =
    "{\"version\": \"1.0\", \"added_tokens\": [], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": "
    "false, \"trim_offsets\": true, \"use_regex\": false}, \"post_processor\": null, \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": "
    "{\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, "
    "\"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": false, \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}}";

typedef struct folder {
    arena memory;
    char path[64];
} folder;

static void put(folder *f, const char *name, const char *text) {
    error err = {0};
    if (!file_write(path_join(&f->memory, f->path, name), text, strlen(text), &err)) fail_msg("%s", err.text);
}

static void folder_new(folder *f, const char *config) {
    *f = (folder){.path = "/tmp/socle-config-XXXXXX"};
    assert_non_null(mkdtemp(f->path));
    put(f, "tokenizer.json", vocabulary);
    if (config != NULL) put(f, "tokenizer_config.json", config);
}

static const tokenizer *load(folder *f, const char *path) {
    error err = {0};
    const tokenizer *t = tokenizer_load(&f->memory, path, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

static void folder_end(folder *f) {
    error err = {0};
    assert_true(folder_remove(f->path, &err));
    arena_drop(&f->memory);
}

static void expect(const tokenizer *t, const char *usual, const char *tool_use, const char *rag) {
    const char *const names[] = {NULL, "default", "tool_use", "rag"}, *const want[] = {usual, usual, tool_use, rag};
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *got = tokenizer_chat_template_named(t, names[i]);
        if (want[i] == NULL) assert_null(got);
        else assert_string_equal(got, want[i]);
    }
    if (usual == NULL) assert_null(tokenizer_chat_template(t));
    else assert_string_equal(tokenizer_chat_template(t), usual);
}

/* Loaded, and saved and loaded again. */
static void expect_kept(folder *f, const char *usual, const char *tool_use, const char *rag) {
    error err = {0};
    const tokenizer *t = load(f, f->path);
    expect(t, usual, tool_use, rag);
    const char *copy = path_join(&f->memory, f->path, "copy");
    assert_true(folder_make(copy, &err) && tokenizer_save(t, copy, NULL, &err));
    expect(load(f, copy), usual, tool_use, rag);
}

static void a_text_is_the_template(void **state) {
    folder f;
    folder_new(&f, "{\"chat_template\": \"A\"}");
    expect_kept(&f, "A", NULL, NULL);
    folder_end(&f);
    folder_new(&f, NULL);
    expect_kept(&f, NULL, NULL, NULL);
    folder_end(&f);
}

static void a_list_has_names(void **state) {
    folder f;
    folder_new(&f, "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": \"D\"}, {\"name\": \"rag\", "
                   "\"template\": \"R\"}]}");
    expect_kept(&f, "D", "T", "R");
    folder_end(&f);
}

static void files_replace_what_the_configuration_has(void **state) {
    folder f;
    error err = {0};
    folder_new(&f, "{\"chat_template\": \"A\"}");
    put(&f, "chat_template.jinja", "J");
    expect_kept(&f, "J", NULL, NULL);
    assert_true(folder_make(path_join(&f.memory, f.path, "additional_chat_templates"), &err));
    put(&f, "additional_chat_templates/rag.jinja", "R");
    put(&f, "additional_chat_templates/readme.txt", "no template");
    expect(load(&f, f.path), "J", NULL, "R");
    folder_end(&f);
}

static void what_is_no_template_is_refused(void **state) {
    static const char *const configs[] = {"{\"chat_template\": 3}", "{\"chat_template\": [\"A\"]}", "{\"chat_template\": [{\"name\": \"x\"}]}"};
    for (size_t i = 0; i < COUNT(configs); i++) {
        folder f;
        error err = {0};
        folder_new(&f, configs[i]);
        assert_null(tokenizer_load(&f.memory, f.path, &err));
        assert_non_null(strstr(err.text, "chat_template"));
        folder_end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_the_template),
        cmocka_unit_test(a_list_has_names),
        cmocka_unit_test(files_replace_what_the_configuration_has),
        cmocka_unit_test(what_is_no_template_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
