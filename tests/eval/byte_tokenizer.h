/* A tokenizer in which byte b is id b + 1 and BOS, which the post-processor adds, is id 257; 258 and 259 are ChatML's markers.
 * Files of a test lie in a folder of its own. */
#ifndef SOCLE_TESTS_EVAL_BYTE_TOKENIZER_H
#define SOCLE_TESTS_EVAL_BYTE_TOKENIZER_H
#include "base/file.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTE_BOS = 257, BYTE_START = 258, BYTE_END = 259, BYTE_VOCAB = 260 };

static inline tokenizer *byte_tokenizer(arena *owner, bool bos, error *err) {
    static const char config[] = "{\"bos_token\": \"<s>\", \"eos_token\": \"<s>\"}";
    static const char *const markers[] = {"<s>", "<|im_start|>", "<|im_end|>"};
    string text = {0};
    string_text(&text, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [");
    for (int i = 0; i < 3; i++)
        string_print(&text,
                     "%s{\"id\": %d, \"content\": \"%s\", \"special\": true, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                     "\"normalized\": false}",
                     i == 0 ? "" : ", ", BYTE_BOS + i, markers[i]);
    string_text(&text, "], \"normalizer\": null, \"pre_tokenizer\": null, \"post_processor\": ");
    string_text(&text, bos ? "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, {\"Sequence\": "
                             "{\"id\": \"A\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"B\", "
                             "\"type_id\": 0}}], \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [257], \"tokens\": [\"<s>\"]}}}"
                           : "null");
    string_text(&text, ", \"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}]}, "
                       "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"<unk>\", \"continuing_subword_prefix\": null, "
                       "\"end_of_word_suffix\": null, \"fuse_unk\": true, \"byte_fallback\": true, \"ignore_merges\": false, \"vocab\": {\"<unk>\": 0");
    for (int b = 0; b < 256; b++) string_print(&text, ", \"<0x%02X>\": %d", b, b + 1);
    for (int i = 0; i < 3; i++) string_print(&text, ", \"%s\": %d", markers[i], BYTE_BOS + i);
    string_text(&text, "}, \"merges\": []}}");
    tokenizer *t = tokenizer_parse(owner, string_chars(&text), text.length, config, sizeof config - 1, err);
    string_drop(&text);
    return t;
}

static inline const char *test_folder(void) {
    static char folder[64];
    if (folder[0] != 0) return folder;
    snprintf(folder, sizeof folder, "/tmp/socle-eval-test-XXXXXX");
    return mkdtemp(folder);
}

/* A file of the test's folder with this text; its path lives in `owner`. */
static inline const char *test_file(arena *owner, const char *name, const char *text) {
    error err = {0};
    const char *path = path_join(owner, test_folder(), name);
    if (!file_write(path, text, strlen(text), &err)) fprintf(stderr, "%s\n", err.text), abort();
    return path;
}

#endif
