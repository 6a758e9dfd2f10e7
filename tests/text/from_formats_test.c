/* Vocabularies in other formats than tokenizer.json: the ids that the programs give whose formats they are. The goldens are made
 * by tests/golden/text/make_format_goldens.py. */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/text/formats/"

static const char *data_folder(void) {
    const char *folder = getenv("SOCLE_DATA");
    return folder != NULL ? folder : "../shared/data";
}

static tokenizer *load(arena *owner, const char *path, const char *pattern) {
    error err = {0};
    tokenizer *t = tokenizer_load_with(owner, path, &(tokenizer_load_options){.pattern = pattern}, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

static void expect_ids(const tokenizer *t, const char *file, const char *text, size_t n, unsigned flags, const json *want) {
    id_list ids = {0};
    error err = {0};
    if (!tokenizer_encode(t, NULL, text, n, flags, &ids, &err)) fail_msg("%s: %s", file, err.text);
    bool same = ids.n == want->length;
    for (size_t i = 0; same && i < ids.n; i++) same = ids.id[i] == want->item[i].integer;
    if (!same) {
        string got = {0};
        for (size_t i = 0; i < ids.n; i++) string_print(&got, " %d", (int)ids.id[i]);
        string_text(&got, "; wanted:");
        for (size_t i = 0; i < want->length; i++) string_print(&got, " %lld", (long long)want->item[i].integer);
        fail_msg("%s: '%.*s' gives%s", file, (int)n, text, string_chars(&got));
    }
    id_list_drop(&ids);
}

static void ids_are_those_of_the_formats_own_programs(void **state) {
    arena memory = {0};
    error err = {0};
    const json *root = json_read_file(&memory, GOLDEN "cases.json", &err);
    if (root == NULL) fail_msg("%s", err.text);
    const json *cases = json_get(root, "cases"), *texts = json_get(root, "texts");
    assert_true(cases->length >= 17);
    for (size_t c = 0; c < cases->length; c++) {
        arena owner = {0};
        const char *file = json_get_text(&cases->item[c], "file", "");
        const tokenizer *t = load(&owner, arena_print(&owner, GOLDEN "%s", file), json_get_text(&cases->item[c], "pattern", NULL));
        const unsigned flags = json_get_bool(&cases->item[c], "add_special", false) ? TOKENIZER_ADD_SPECIAL : 0;
        const json *ids = json_get(&cases->item[c], "ids");
        for (size_t i = 0; i < texts->length; i++) expect_ids(t, file, texts->item[i].text, texts->item[i].length, flags, &ids->item[i]);
        arena_drop(&owner);
    }
    arena_drop(&memory);
}

static void expect_token(const tokenizer *t, int32_t id, const char *text) {
    if (text == NULL) assert_int_equal(id, -1);
    else assert_string_equal(tokenizer_token(t, id, NULL), text);
}

static void roles_and_templates_are_taken_along(void **state) {
    static const struct {
        const char *file, *bos, *eos, *unk, *pad;
    } rows[] = {{"bpe.model", "<s>", "</s>", "<unk>", NULL}, {"llama2c.bin", "<s>", "</s>", "<unk>", NULL}, {"pieces.gguf", "<s>", "</s>", "<unk>", NULL},
                {"vocab.txt", NULL, NULL, "[UNK]", "[PAD]"}, {"smollm.gguf", NULL, "<|end|>", NULL, NULL},  {"gpt2", NULL, "<|end|>", NULL, NULL}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena owner = {0};
        const tokenizer *t = load(&owner, arena_print(&owner, GOLDEN "%s", rows[i].file), NULL);
        expect_token(t, tokenizer_bos(t), rows[i].bos);
        expect_token(t, tokenizer_eos(t), rows[i].eos);
        expect_token(t, tokenizer_unk(t), rows[i].unk);
        expect_token(t, tokenizer_pad(t), rows[i].pad);
        if (rows[i].eos != NULL) assert_true(tokenizer_is_special(t, tokenizer_eos(t)));
        arena_drop(&owner);
    }
    arena owner = {0};
    const tokenizer *t = load(&owner, GOLDEN "pieces.gguf", NULL);
    assert_string_equal(tokenizer_chat_template(t), "{{ messages }}");
    assert_string_equal(tokenizer_chat_template_named(t, "tool_use"), "{{ tools }}");
    arena_drop(&owner);
}

static void what_was_read_can_be_saved_and_read_again(void **state) {
    static const char *const files[] = {"unigram.model", "user.model", "llama2c.bin", "gpt2", "vocab.txt", "falcon.gguf", "words.gguf"};
    for (size_t i = 0; i < COUNT(files); i++) {
        arena owner = {0};
        error err = {0};
        const tokenizer *t = load(&owner, arena_print(&owner, GOLDEN "%s", files[i]), NULL);
        char folder[] = "/tmp/socle-formats-XXXXXX";
        assert_non_null(mkdtemp(folder));
        if (!tokenizer_save(t, folder, NULL, &err)) fail_msg("%s", err.text);
        const tokenizer *again = load(&owner, folder, NULL);
        assert_true(digest_equal(tokenizer_digest(t), tokenizer_digest(again)));
        assert_int_equal(tokenizer_eos(t), tokenizer_eos(again));
        assert_true(folder_remove(folder, &err));
        arena_drop(&owner);
    }
}

/* --- folders -------------------------------------------------------------------------------------------------------------------- */
static void copy_file(const char *folder, const char *name, const char *from) {
    arena memory = {0};
    error err = {0};
    size_t n;
    const char *bytes = file_read(&memory, arena_print(&memory, GOLDEN "%s", from), 0, &n, &err);
    if (bytes == NULL || !file_write(path_join(&memory, folder, name), bytes, n, &err)) fail_msg("%s", err.text);
    arena_drop(&memory);
}

static void write_text(const char *folder, const char *name, const char *text) {
    arena memory = {0};
    error err = {0};
    if (!file_write(path_join(&memory, folder, name), text, strlen(text), &err)) fail_msg("%s", err.text);
    arena_drop(&memory);
}

static void what_lies_beside_a_vocabulary_counts(void **state) {
    arena owner = {0};
    error err = {0};
    char folder[] = "/tmp/socle-formats-XXXXXX";
    assert_non_null(mkdtemp(folder));
    copy_file(folder, "tokenizer.model", "bpe.model");
    write_text(folder, "tokenizer_config.json",
               "{\"added_tokens_decoder\": {\"700\": {\"content\": \"<tool>\", \"special\": true}, \"5\": {\"content\": \"\", \"special\": true}},"
               " \"eos_token\": {\"content\": \"<tool>\"}, \"add_bos_token\": false, \"add_eos_token\": true, \"chat_template\": \"{{ 1 }}\"}");
    write_text(folder, "added_tokens.json", "{\"<more>\": 701}");
    const tokenizer *t = load(&owner, folder, NULL);
    assert_int_equal(tokenizer_vocab_size(t), 702);
    assert_int_equal(tokenizer_eos(t), 700);
    assert_true(tokenizer_is_special(t, 700) && !tokenizer_is_special(t, 701));
    assert_string_equal(tokenizer_chat_template(t), "{{ 1 }}");
    id_list ids = {0};
    assert_true(tokenizer_encode(t, NULL, "the<more>", 9, TOKENIZER_ADD_SPECIAL, &ids, &err));
    assert_true(ids.n >= 3 && ids.id[0] != tokenizer_bos(t) && ids.id[ids.n - 2] == 701 && ids.id[ids.n - 1] == 700);
    id_list_drop(&ids);
    assert_true(tokenizer_folder_holds(folder));
    assert_null(tokenizer_load_with(&owner, folder, &(tokenizer_load_options){"gpt2"}, &err));
    assert_non_null(strstr(err.text, "--pattern"));
    assert_true(folder_remove(folder, &err));
    assert_false(tokenizer_folder_holds(folder));
    arena_drop(&owner);
}

static void a_class_says_how_its_vocabulary_cuts(void **state) {
    arena owner = {0};
    error err = {0};
    char folder[] = "/tmp/socle-formats-XXXXXX";
    assert_non_null(mkdtemp(folder));
    copy_file(folder, "vocab.json", "gpt2/encoder.json");
    copy_file(folder, "merges.txt", "gpt2/vocab.bpe");
    write_text(folder, "tokenizer_config.json", "{\"tokenizer_class\": \"Qwen2Tokenizer\"}");
    const tokenizer *t = load(&owner, folder, NULL);
    assert_non_null(strstr(tokenizer_kind(t), "qwen2"));
    id_list composed = {0}, apart = {0}; /* its normalizer is NFC */
    assert_true(tokenizer_encode(t, NULL, "\xc3\xa9", 2, 0, &composed, &err) && tokenizer_encode(t, NULL, "e\xcc\x81", 3, 0, &apart, &err));
    assert_true(composed.n == apart.n && memcmp(composed.id, apart.id, apart.n * sizeof *apart.id) == 0);
    id_list_reset(&composed);
    write_text(folder, "added_tokens.json", "{\"<s>\": 900, \"</s>\": 901}");
    write_text(folder, "tokenizer_config.json", "{\"tokenizer_class\": \"RobertaTokenizer\", \"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    t = load(&owner, folder, NULL); /* this class puts BOS and EOS around a text */
    assert_true(tokenizer_encode(t, NULL, "a", 1, TOKENIZER_ADD_SPECIAL, &composed, &err));
    assert_true(composed.n == 3 && composed.id[0] == 900 && composed.id[2] == 901);
    id_list_drop(&composed);
    id_list_drop(&apart);
    copy_file(folder, "x.tiktoken", "ranks.tiktoken");
    copy_file(folder, "y.tiktoken", "ranks.tiktoken");
    assert_true(file_exists(path_join(&owner, folder, "merges.txt")) && remove(path_join(&owner, folder, "vocab.json")) == 0);
    assert_null(tokenizer_load(&owner, folder, &err));
    assert_non_null(strstr(err.text, "name one of them"));
    error_clear(&err);
    assert_true(folder_remove(folder, &err));
    arena_drop(&owner);
}

/* Old folders name special tokens in a list alone: a text that spells one must not become it. */
static void tokens_that_a_list_calls_special_are_special(void **state) {
    arena owner = {0};
    error err = {0};
    char folder[] = "/tmp/socle-formats-XXXXXX";
    assert_non_null(mkdtemp(folder));
    copy_file(folder, "vocab.json", "gpt2/encoder.json");
    copy_file(folder, "merges.txt", "gpt2/vocab.bpe");
    write_text(folder, "added_tokens.json", "{\"<|im_start|>\": 900, \"<|im_end|>\": 901, \"<plain>\": 902}");
    write_text(folder, "special_tokens_map.json", "{\"additional_special_tokens\": [\"<|im_start|>\"]}");
    write_text(folder, "tokenizer_config.json",
               "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"extra_special_tokens\": {\"end\": {\"content\": \"<|im_end|>\"}}}");
    const tokenizer *t = load(&owner, folder, NULL);
    assert_true(tokenizer_is_special(t, 900) && tokenizer_is_special(t, 901) && !tokenizer_is_special(t, 902));
    id_list ids = {0};
    static const char text[] = "<|im_start|><|im_end|>";
    assert_true(tokenizer_encode(t, NULL, text, sizeof text - 1, 0, &ids, &err));
    for (size_t i = 0; i < ids.n; i++) assert_true(ids.id[i] < 900);
    id_list_drop(&ids);
    assert_true(folder_remove(folder, &err));
    arena_drop(&owner);
}

static void a_class_that_renumbers_tokens_is_refused(void **state) {
    arena owner = {0};
    static const struct {
        const char *file, *config, *what; /* what NULL: it is taken */
    } cases[] = {
        {"sentencepiece.bpe.model", "{\"tokenizer_class\": \"XLMRobertaTokenizerFast\"}", "XLMRobertaTokenizerFast"},
        {"sentencepiece.bpe.model", "{}", "tokenizer.json"},
        {"spiece.model", "{\"tokenizer_class\": \"PegasusTokenizer\"}", "PegasusTokenizer"},
        {"spiece.model", "{\"tokenizer_class\": \"T5Tokenizer\"}", NULL},
        {"spiece.model", "{}", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        error err = {0};
        char folder[] = "/tmp/socle-formats-XXXXXX";
        assert_non_null(mkdtemp(folder));
        copy_file(folder, cases[i].file, "unigram.model");
        write_text(folder, "tokenizer_config.json", cases[i].config);
        const tokenizer *t = tokenizer_load(&owner, folder, &err);
        if ((t != NULL) != (cases[i].what == NULL)) fail_msg("case %zu: %s", i, err.text);
        if (t == NULL && (strstr(err.text, cases[i].what) == NULL || strstr(err.text, cases[i].file) == NULL)) fail_msg("case %zu: %s", i, err.text);
        assert_true(folder_remove(folder, &err));
    }
    arena_drop(&owner);
}

static void texts_come_back_from_ids(void **state) {
    static const struct {
        const char *file, *text;
    } rows[] = {{"bpe.model", "the bread \xf0\x9f\x98\x80\n"},
                {"user.model", " x<user>y  aaaa"},
                {"unigram.model", "the bread"},
                {"suffix.model", "the bread"},
                {"ranks.tiktoken", "\xff\xfe the"},
                {"pieces.gguf", "a  b"},
                {"vocab.txt", "the bread"},
                {"words.gguf", "the bread"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena owner = {0};
        error err = {0};
        id_list ids = {0};
        string out = {0};
        const tokenizer *t = load(&owner, arena_print(&owner, GOLDEN "%s", rows[i].file), strstr(rows[i].file, "ranks") != NULL ? "llama3" : NULL);
        assert_true(tokenizer_encode(t, NULL, rows[i].text, strlen(rows[i].text), 0, &ids, &err));
        tokenizer_decode(t, ids.id, ids.n, false, &out);
        assert_string_equal(string_chars(&out), rows[i].text);
        string_drop(&out);
        id_list_drop(&ids);
        arena_drop(&owner);
    }
}

static void what_cannot_be_read_is_refused_by_name(void **state) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *pattern, *says;
    } rows[] = {
        {"hello\nworld\n", 12, NULL, "no tokenizer"},
        {"", 0, NULL, "no tokenizer"},
        {"IQ== 0\nIg== zero\n", 17, "gpt2", "line 2"},
        {"IQ== 0\nIQ== 1\n", 14, "gpt2", "twice"},
        {"IQ== 0\nI!== 1\n", 14, "gpt2", "base64"},
        {"IQ== 9999999\n", 13, "gpt2", "proportion"},
        {"IQ== 0\n", 7, "lama3", "llama3"},
        {"IQ== 0\n", 7, "(", "("},
        {"[PAD]\n[UNK]\na\n", 14, "gpt2", "--pattern"},
        {"{\"a\": 0}", 8, NULL, "vocab.bpe"},
        {"{\"config\": {}, \"vocab\": []}", 27, NULL, "tekken"},
        {"\x1f\x8b\x08\0\0", 5, NULL, "compressed"},
        {"\x0a\x0a\x0a\x01g\x15\0\0\0\0\x18\x09\x12\x02\x18\x02", 16, NULL, "type 9"},
        {"\x0a\x05\x0a\x01g\x18\x01\x12\x02\x18\x03", 11, NULL, "WORD"},
        {"\x0a\x05\x0a\x01g\x18\x01\x12\x02\x18\x02\x1a\x7f", 13, NULL, "no tokenizer"},
        {"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02\x0a\x08\x0a\x01g\x15\0\0\0\0", 26, NULL, "cut short"},
        {"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02\x0a\x03\x0a\x01g\x0a\x03\x0a\x01h\x0a\x09\x0a", 29, NULL, "damaged at byte"},
        {"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, NULL, "tokenizer.ggml.model"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena owner = {0};
        error err = {0};
        if (tokenizer_parse_any(&owner, rows[i].bytes, rows[i].n, &(tokenizer_load_options){rows[i].pattern}, &err) != NULL) fail_msg("row %zu is taken", i);
        if (strstr(err.text, rows[i].says) == NULL) fail_msg("row %zu: '%s' does not say %s", i, err.text, rows[i].says);
        arena_drop(&owner);
    }
}

/* --- real vocabularies ----------------------------------------------------------------------------------------------------------- */
static tokenizer *load_data(arena *owner, const char *name, const char *pattern) {
    const char *path = arena_print(owner, "%s/tokenizers/%s", data_folder(), name);
    if (!file_exists(path)) skip();
    error err = {0};
    file_reader *r = file_reader_open(path, &err);
    string bytes = {0};
    enum { BLOCK = 1 << 20 };
    char *block = arena_alloc(owner, BLOCK);
    long n;
    assert_non_null(r);
    while ((n = file_reader_bytes(r, block, BLOCK, &err)) > 0) string_append(&bytes, block, (size_t)n);
    file_reader_close(r);
    tokenizer *t = tokenizer_parse_any(owner, string_chars(&bytes), bytes.length, &(tokenizer_load_options){pattern}, &err);
    string_drop(&bytes);
    if (t == NULL) fail_msg("%s: %s", name, err.text);
    return t;
}

static void one_vocabulary_in_three_formats_is_one_tokenizer(void **state) {
    arena owner = {0};
    const tokenizer *model = load_data(&owner, "llama2/tokenizer.model", NULL), *bin = load_data(&owner, "llama2/tokenizer.bin", NULL);
    const tokenizer *inside = load_data(&owner, "llama.cpp-vocab/ggml-vocab-llama-spm.gguf.zst", NULL);
    assert_int_equal(tokenizer_vocab_size(model), 32000);
    assert_true(digest_equal(tokenizer_digest(model), tokenizer_digest(bin)));
    assert_true(digest_equal(tokenizer_digest(model), tokenizer_digest(inside)));
    arena_drop(&owner);
}

static void known_ranks_bring_their_pattern_and_their_special_tokens(void **state) {
    static const struct {
        const char *name, *kind, *token;
        int32_t id;
    } rows[] = {{"llama3/tokenizer.model.zst", "llama3", "<|eot_id|>", 128009},
                {"qwen/qwen.tiktoken.zst", "qwen2", "<|im_end|>", 151645},
                {"whisper/gpt2.tiktoken.zst", "gpt2", "<|endoftext|>", 50256},
                {"whisper/multilingual.tiktoken.zst", "gpt2", "<|endoftext|>", 50257}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena owner = {0};
        const tokenizer *t = load_data(&owner, rows[i].name, NULL);
        if (strstr(tokenizer_kind(t), rows[i].kind) == NULL) fail_msg("%s: %s", rows[i].name, tokenizer_kind(t));
        assert_int_equal(tokenizer_lookup(t, rows[i].token, strlen(rows[i].token)), rows[i].id);
        assert_true(tokenizer_is_special(t, rows[i].id));
        arena_drop(&owner);
    }
}

int main(void) {
    log_set_level(LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_the_formats_own_programs),
        cmocka_unit_test(roles_and_templates_are_taken_along),
        cmocka_unit_test(what_was_read_can_be_saved_and_read_again),
        cmocka_unit_test(what_lies_beside_a_vocabulary_counts),
        cmocka_unit_test(a_class_says_how_its_vocabulary_cuts),
        cmocka_unit_test(a_class_that_renumbers_tokens_is_refused),
        cmocka_unit_test(tokens_that_a_list_calls_special_are_special),
        cmocka_unit_test(texts_come_back_from_ids),
        cmocka_unit_test(what_cannot_be_read_is_refused_by_name),
        cmocka_unit_test(one_vocabulary_in_three_formats_is_one_tokenizer),
        cmocka_unit_test(known_ranks_bring_their_pattern_and_their_special_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
