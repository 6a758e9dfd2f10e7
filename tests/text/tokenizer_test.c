/* Ids, texts and refusals of text/tokenizer.h. The goldens are Hugging Face tokenizers' (tests/golden/text/make_goldens.py). */
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/text/"

static const char *data_folder(void) {
    const char *folder = getenv("SOCLE_DATA");
    return folder != NULL ? folder : "../shared/data";
}

/* NULL where `name` is one of the data folder's and that is absent. */
static tokenizer *load(arena *owner, const char *name) {
    const bool stories = strcmp(name, "stories") == 0;
    const char *path = stories ? arena_print(owner, "%s/models/stories260K-hf", data_folder()) : arena_print(owner, GOLDEN "%s.json", name);
    if (stories && !file_exists(path)) return NULL;
    error err = {0};
    tokenizer *t = tokenizer_load(owner, path, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

static tokenizer *parse(arena *owner, const char *text, const char *config) {
    error err = {0};
    tokenizer *t = tokenizer_parse(owner, text, strlen(text), config, config != NULL ? strlen(config) : 0, &err);
    if (t == NULL) fail_msg("%s", err.text);
    return t;
}

static void encode(const tokenizer *t, const char *text, unsigned flags, id_list *out) {
    error err = {0};
    id_list_reset(out);
    assert_true(tokenizer_encode(t, NULL, text, strlen(text), flags, out, &err));
}

static void assert_ids(const id_list *ids, const int32_t *want, size_t n) {
    assert_int_equal(ids->n, n);
    for (size_t i = 0; i < n; i++) assert_int_equal(ids->id[i], want[i]);
}
#define ASSERT_IDS(list, ...) assert_ids(list, (const int32_t[]){__VA_ARGS__}, sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void assert_golden(const json *want, const id_list *got, const char *name, const json *text) {
    bool same = want->length == got->n;
    for (size_t i = 0; same && i < got->n; i++) same = want->item[i].integer == got->id[i];
    if (!same) fail_msg("%s gives other ids for '%.60s'", name, text->text);
}

static void ids_and_texts_are_those_of_the_reference(void **state) {
    arena a = {0};
    error err = {0};
    const json *golden = json_read_file(&a, GOLDEN "cases.json", &err), *names = json_get(golden, "tokenizers"), *cases = json_get(golden, "cases");
    if (cases == NULL) fail_msg("%s", err.text);
    assert_true(cases->length >= 200);
    for (size_t k = 0; k < names->length; k++) {
        const tokenizer *t = load(&a, names->item[k].text);
        if (t == NULL) continue;
        tokenizer_scratch *s = tokenizer_scratch_new(t);
        id_list ids = {0}, slow = {0};
        string text = {0};
        for (size_t i = 0; i < cases->length; i++) {
            const json *in = json_get(&cases->item[i], "text"), *want = &json_get(&cases->item[i], "ids")->item[k];
            for (unsigned parse = 0; parse < 2; parse++) {
                const unsigned flags = parse ? TOKENIZER_PARSE_SPECIAL | TOKENIZER_ADD_SPECIAL : 0;
                id_list_reset(&ids);
                assert_true(tokenizer_encode(t, s, in->text, in->length, flags, &ids, &err));
                assert_golden(&want->item[parse], &ids, names->item[k].text, in);
                id_list_reset(&slow); /* with offsets, which go another way */
                assert_true(tokenizer_encode(t, s, in->text, in->length, flags | TOKENIZER_OFFSETS, &slow, &err));
                assert_golden(&want->item[parse], &slow, names->item[k].text, in);
            }
            string_reset(&text);
            tokenizer_decode(t, ids.id, ids.n, true, &text);
            if (strstr(want->item[2].text, "\xef\xbf\xbd") == NULL && strcmp(want->item[2].text, string_chars(&text)) != 0)
                fail_msg("%s decodes to '%s', not '%s'", names->item[k].text, string_chars(&text), want->item[2].text);
        }
        string_drop(&text);
        id_list_drop(&ids);
        id_list_drop(&slow);
        tokenizer_scratch_drop(s);
    }
    arena_drop(&a);
}

static void any_bytes_survive_the_round_trip(void **state) {
    static const char *const names[] = {"gpt2", "llama3", "words", "whole"};
    arena a = {0};
    for (size_t k = 0; k < COUNT(names); k++) {
        const tokenizer *t = load(&a, names[k]);
        id_list ids = {0};
        string out = {0};
        error err = {0};
        char bytes[1024];
        uint32_t x = 1;
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
        assert_true(tokenizer_encode(t, NULL, bytes, sizeof bytes, 0, &ids, &err));
        tokenizer_decode(t, ids.id, ids.n, false, &out);
        assert_int_equal(out.length, sizeof bytes);
        assert_memory_equal(out.data, bytes, sizeof bytes);
        string_drop(&out);
        id_list_drop(&ids);
    }
    arena_drop(&a);
}

static void a_decoder_gives_whole_characters_and_what_decoding_all_adds(void **state) {
    static const char *const names[] = {"gpt2", "words", "flags", "unknown"};
    static const char text[] = "Once \xf0\x9f\x98\x80 \xe4\xb8\xad\xe6\x96\x87 caf\xc3\xa9 \xff\xe4\xb8 end";
    arena a = {0};
    for (size_t k = 0; k < COUNT(names); k++) {
        const tokenizer *t = load(&a, names[k]);
        id_list ids = {0};
        encode(t, text, 0, &ids);
        for (size_t split = 0; split <= ids.n; split++) {
            string prompt = {0}, all = {0}, streamed = {0};
            tokenizer_decode(t, ids.id, split, true, &prompt);
            tokenizer_decode(t, ids.id, ids.n, true, &all);
            tokenizer_decoder d = tokenizer_decoder_start(t, ids.id, split, true);
            const size_t held = d.n_held; /* what the prompt left half done comes with its other half */
            for (size_t i = split; i < ids.n; i++) {
                tokenizer_decoder_push(&d, ids.id[i], &streamed);
                if (streamed.length == 0) continue;
                const unsigned char last = (unsigned char)streamed.data[streamed.length - 1];
                assert_true(last < 0xc0 || last == 0xff); /* never ends in the first byte of a character */
            }
            tokenizer_decoder_end(&d, &streamed);
            assert_int_equal(streamed.length, all.length - prompt.length + held);
            assert_memory_equal(string_chars(&streamed), string_chars(&all) + prompt.length - held, streamed.length);
            string_drop(&prompt);
            string_drop(&all);
            string_drop(&streamed);
        }
        id_list_drop(&ids);
    }
    arena_drop(&a);
}

static void a_continuation_keeps_the_blank_of_its_first_piece(void **state) {
    arena a = {0};
    const tokenizer *t = load(&a, "words");
    id_list ids = {0};
    encode(t, "the street", 0, &ids);
    assert_true(ids.n > 1);
    string alone = {0}, behind = {0};
    size_t n;
    int32_t at = 1; /* the first piece that begins with the blank */
    while (memcmp(tokenizer_token(t, ids.id[at], &n), "\xe2\x96\x81", 3) != 0) at++;
    tokenizer_decode(t, &ids.id[at], 1, false, &alone);
    tokenizer_decoder d = tokenizer_decoder_start(t, ids.id, (size_t)at, false);
    tokenizer_decoder_push(&d, ids.id[at], &behind);
    assert_int_not_equal(string_chars(&alone)[0], ' ');
    assert_int_equal(string_chars(&behind)[0], ' ');
    string_drop(&alone);
    string_drop(&behind);
    id_list_drop(&ids);
    arena_drop(&a);
}

static void offsets_cover_the_text_in_order(void **state) {
    static const char *const names[] = {"gpt2", "llama3", "prefix", "words", "whole"};
    static const char text[] = "  Stra\xc3\x9f"
                               "e  12 \xf0\x9f\x98\x80\n x";
    arena a = {0};
    for (size_t k = 0; k < COUNT(names); k++) {
        const tokenizer *t = load(&a, names[k]);
        id_list ids = {0};
        encode(t, text, TOKENIZER_OFFSETS, &ids);
        size_t at = 0;
        for (size_t i = 0; i < ids.n; i++) {
            while (at < ids.begin[i] && text[at] == ' ') at++; /* what the post-processor trims */
            assert_true(ids.begin[i] <= at && ids.end[i] >= ids.begin[i] && ids.end[i] <= strlen(text));
            if (ids.end[i] > at) at = ids.end[i];
        }
        assert_int_equal(at, strlen(text));
        id_list_drop(&ids);
    }
    const tokenizer *t = load(&a, "words"); /* U+2581 that was put before the text stands for none of its bytes */
    id_list ids = {0};
    encode(t, "a b", TOKENIZER_OFFSETS | TOKENIZER_ADD_SPECIAL, &ids);
    assert_int_equal(ids.id[0], tokenizer_lookup(t, "<s>", 3));
    assert_int_equal(ids.begin[0], ids.end[0]);
    assert_int_equal(ids.begin[1], 0);
    assert_int_equal(ids.end[ids.n - 1], 3);
    id_list_drop(&ids);
    arena_drop(&a);
}

/* What lies behind a text is not its own, whatever it looks like. */
static void a_character_cut_off_by_the_end_is_bytes(void **state) {
    static const char text[] = "a\xf0\x9f\x98\x80";
    id_list ids = {0};
    id_list_push(&ids, 0);
    id_list_push(&ids, 0);
    size_t begin[] = {3, 2}, end[] = {3, 3};
    ids.begin = begin;
    ids.end = end;
    id_list_to_characters(&ids, text, 3);
    assert_int_equal(begin[0], 3);
    assert_int_equal(begin[1], 2);
    assert_int_equal(end[1], 3);
    id_list_drop(&ids);
}

static void special_tokens_in_content_stay_text(void **state) {
    static const char text[] = "<|im_start|>a<|im_end|>    b<|im_end|>";
    unsigned char marks[sizeof text - 1];
    arena a = {0};
    error err = {0};
    const tokenizer *t = load(&a, "flags");
    id_list ids = {0}, plain = {0};
    const int32_t start = tokenizer_lookup(t, "<|im_start|>", 12), end = tokenizer_lookup(t, "<|im_end|>", 10), blanks = tokenizer_lookup(t, "    ", 4);
    memset(marks, TOKENIZER_MARKUP, sizeof marks);
    memset(marks + 12, 0, sizeof marks - 22); /* what lies between the first and the last is a user's */
    assert_true(tokenizer_encode_marked(t, NULL, text, sizeof text - 1, marks, 0, &ids, &err));
    size_t n_end = 0, n_blanks = 0;
    for (size_t i = 0; i < ids.n; i++) n_end += ids.id[i] == end, n_blanks += ids.id[i] == blanks;
    assert_int_equal(ids.id[0], start);
    assert_int_equal(n_end, 1);
    assert_int_equal(ids.id[ids.n - 1], end);
    assert_int_equal(n_blanks, 1); /* blanks control nothing: they are matched there too */
    marks[0] = 0;                  /* one byte of the token is a user's: it is none */
    id_list_reset(&ids);
    assert_true(tokenizer_encode_marked(t, NULL, text, sizeof text - 1, marks, 0, &ids, &err));
    assert_int_not_equal(ids.id[0], start);
    memset(marks, TOKENIZER_MARKUP, sizeof marks); /* all markup: as with parsing special tokens */
    id_list_reset(&ids);
    assert_true(tokenizer_encode_marked(t, NULL, text, sizeof text - 1, marks, 0, &ids, &err));
    encode(t, text, TOKENIZER_PARSE_SPECIAL, &plain);
    assert_ids(&ids, plain.id, plain.n);
    id_list_drop(&ids);
    id_list_drop(&plain);
    arena_drop(&a);
}

/* Whole words are tokens before all merging, and after many words they are found by the index of tokens: no special one there. */
static void no_word_becomes_a_special_token_however_many_came_before(void **state) {
    arena a = {0};
    string text = {0}, many = {0};
    string_text(&text, "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, \"added_tokens\": [{\"id\": 0, \"content\": \"stop\", "
                       "\"special\": true}], \"model\": {\"type\": \"BPE\", \"ignore_merges\": true, \"merges\": [], \"vocab\": {\"stop\": 0");
    for (int c = 'a'; c <= 'z'; c++) string_print(&text, ", \"%c\": %d", c, c - 'a' + 1);
    string_text(&text, ", \"\u0120\": 27, \"step\": 28}}}");
    for (int i = 0; i < 20000; i++) string_print(&many, "%c%c%c%c ", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'a' + i / 17576);
    const tokenizer *t = parse(&a, string_chars(&text), NULL);
    tokenizer_scratch *s = tokenizer_scratch_new(t);
    error err = {0};
    id_list ids = {0};
    for (int round = 0; round < 2; round++) {
        id_list_reset(&ids);
        assert_true(tokenizer_encode(t, s, "stop", 4, 0, &ids, &err));
        ASSERT_IDS(&ids, 19, 20, 15, 16);
        id_list_reset(&ids);
        assert_true(tokenizer_encode(t, s, "step", 4, 0, &ids, &err));
        ASSERT_IDS(&ids, 28);
        tokenizer_scratch_drop(s); /* which knows these words */
        s = tokenizer_scratch_new(t);
        assert_true(tokenizer_encode(t, s, string_chars(&many), many.length, 0, &ids, &err));
    }
    tokenizer_scratch_drop(s);
    string_drop(&text);
    string_drop(&many);
    id_list_drop(&ids);
    arena_drop(&a);
}

static void content_cannot_hide_markup(void **state) {
    /* [left][right] is a longer token than [left]: where its second half is a user's, the first still is markup */
    static const char text[] = "[left][right]";
    unsigned char marks[sizeof text - 1] = {0};
    arena a = {0};
    error err = {0};
    const tokenizer *t = load(&a, "flags");
    id_list ids = {0};
    memset(marks, TOKENIZER_MARKUP, 6);
    assert_true(tokenizer_encode_marked(t, NULL, text, sizeof text - 1, marks, 0, &ids, &err));
    assert_int_equal(ids.id[0], tokenizer_lookup(t, "[left]", 6));
    assert_true(ids.n > 2);
    id_list_drop(&ids);
    arena_drop(&a);
}

static void marks_hold_through_a_normalizer(void **state) {
    static const char text[] = "x two words two words";
    unsigned char marks[sizeof text - 1] = {0};
    arena a = {0};
    error err = {0};
    const tokenizer *t = load(&a, "words");
    const int32_t id = tokenizer_lookup(t, "two words", 9);
    id_list ids = {0};
    memset(marks + 11, TOKENIZER_MARKUP, 10);
    assert_true(tokenizer_encode_marked(t, NULL, text, sizeof text - 1, marks, 0, &ids, &err));
    size_t n = 0;
    for (size_t i = 0; i < ids.n; i++) n += ids.id[i] == id;
    assert_int_equal(n, 1);
    assert_int_equal(ids.id[ids.n - 1], id);
    id_list_drop(&ids);
    arena_drop(&a);
}

/* One tokenizer, used by many threads. */
typedef struct shared {
    const tokenizer *t;
    const char *text;
    size_t n;
    id_list ids[8];
} shared;

static void encode_in_thread(void *context, long i) {
    shared *s = context;
    error err = {0};
    tokenizer_encode(s->t, NULL, s->text, s->n, 0, &s->ids[i], &err);
}

static void threads_share_a_tokenizer(void **state) {
    arena a = {0};
    error err = {0};
    shared s = {.t = load(&a, "llama3")};
    s.text = file_read(&a, GOLDEN "corpus.jsonl", 0, &s.n, &err);
    assert_non_null(s.text);
    parallel_set_threads(4);
    parallel_for(8, encode_in_thread, &s);
    for (int i = 0; i < 8; i++) {
        assert_true(s.ids[0].n > 1000);
        assert_ids(&s.ids[i], s.ids[0].id, s.ids[0].n);
    }
    for (int i = 0; i < 8; i++) id_list_drop(&s.ids[i]);
    parallel_stop();
    arena_drop(&a);
}

static void long_words_take_time_in_proportion(void **state) {
    static const char *const names[] = {"gpt2", "whole"};
    arena a = {0};
    error err = {0};
    const size_t n = 1000000;
    char *text = arena_alloc(&a, n);
    memset(text, 'a', n);
    for (size_t k = 0; k < COUNT(names); k++) {
        const tokenizer *t = load(&a, names[k]);
        id_list ids = {0};
        string out = {0};
        assert_true(tokenizer_encode(t, NULL, text, n, 0, &ids, &err)); /* a word of a million letters: this would not end */
        tokenizer_decode(t, ids.id, ids.n, false, &out);
        assert_int_equal(out.length, n);
        id_list_drop(&ids);
        string_drop(&out);
    }
    arena_drop(&a);
}

#define BPE(more, vocab, merges) "\"model\": {\"type\": \"BPE\"" more ", \"vocab\": {" vocab "}, \"merges\": [" merges "]}"
#define SMALL BPE("", "\"a\": 0, \"b\": 1, \"ab\": 2", "\"a b\"")

static void refusals_name_the_component(void **state) {
    static const char *const cases[][2] = {
        {"[]", "tokenizer.json: not an object"},
        {"{}", "tokenizer.json: model is missing"},
        {"{\"version\": \"2.0\", " SMALL "}", "tokenizer.json: version is not 1.0"},
        {"{\"model\": {\"type\": \"Nobody\", \"vocab\": {}}}", "tokenizer.json: model: Nobody is not supported"},
        {"{\"normalizer\": {\"type\": \"Nobody\"}, " SMALL "}", "tokenizer.json: normalizer: Nobody is not supported"},
        {"{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Nobody\"}]}, " SMALL "}",
         "tokenizer.json: normalizer: Nobody is not supported"},
        {"{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(\"}, \"content\": \"\"}, " SMALL "}",
         "tokenizer.json: normalizer: Replace: pattern: Regex: a group that is not closed at byte 0 of the pattern ("},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\"}, " SMALL "}", "tokenizer.json: pre_tokenizer: Metaspace: replacement is not a character"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"[\"}, \"behavior\": \"Isolated\", \"invert\": false}, " SMALL "}",
         "tokenizer.json: pre_tokenizer: Split: a bracket that is not closed at byte 0 of the pattern ["},
        {"{\"post_processor\": {\"type\": \"BertProcessing\"}, " SMALL "}", "tokenizer.json: post_processor: BertProcessing: cls is not a token and its id"},
        {"{\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\"}}], \"special_tokens\": {}}, " SMALL "}",
         "tokenizer.json: post_processor: TemplateProcessing: special_tokens has no ids for x"},
        {"{\"decoder\": {\"type\": \"WordPiece\"}, " SMALL "}", "tokenizer.json: decoder: WordPiece: prefix is not a text"},
        {"{" BPE("", "\"a\": 0, \"b\": 0", "") "}", "tokenizer.json: model: vocab: b: this token or its id 0 is there twice"},
        {"{" BPE("", "\"a\": -1", "") "}", "tokenizer.json: model: vocab: a: its id is no whole number from 0 to 16777215"},
        {"{" BPE("", "\"a\": 9999999", "") "}", "tokenizer.json: model: vocab: id 9999999 is out of proportion to 1 tokens"},
        {"{" BPE("", "", "") "}", "tokenizer.json: model: vocab is empty"},
        {"{" BPE("", "\"a\": 0", "[\"a\", \"a\"]") "}", "tokenizer.json: model: merges: entry 0: the vocabulary has no token aa"},
        {"{" BPE("", "\"a\": 0", "\"a a a\"") "}", "tokenizer.json: model: merges: entry 0 is not two tokens"},
        {"{" BPE(", \"unk_token\": \"<u>\"", "\"a\": 0", "") "}", "tokenizer.json: model: unk_token: the vocabulary has no <u>"},
        {"{\"added_tokens\": [{\"id\": 5, \"content\": \"a\"}], " SMALL "}", "tokenizer.json: added_tokens: a has id 5 here and 0 in the vocabulary"},
        {"{\"added_tokens\": [{\"id\": 1, \"content\": \"c\"}], " SMALL "}", "tokenizer.json: added_tokens: c: its id 1 is another token's"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        error err = {0};
        assert_null(tokenizer_parse(&a, cases[i][0], strlen(cases[i][0]), NULL, 0, &err));
        assert_string_equal(err.text, cases[i][1]);
        arena_drop(&a);
    }
}

static void a_limit_of_memory_is_an_error(void **state) {
    arena whole = {0};
    error err = {0};
    size_t n;
    const char *text = file_read(&whole, GOLDEN "words.json", 0, &n, &err);
    for (size_t limit = 1000; limit < 500000; limit += limit / 3) {
        arena a = {.limit = limit};
        err = (error){0};
        if (tokenizer_parse(&a, text, n, NULL, 0, &err) == NULL) assert_int_not_equal(err.text[0], 0);
        arena_drop(&a);
    }
    arena_drop(&whole);
}

static void what_is_saved_loads_again(void **state) {
    arena a = {0};
    error err = {0};
    char folder[] = "/tmp/socle-tokenizer-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    size_t n;
    const char *text = file_read(&a, GOLDEN "gpt2.json", 0, &n, &err);
    const char *config = "{\"eos_token\": {\"content\": \"<|endoftext|>\"}, \"bos_token\": null, \"chat_template\": [{\"name\": \"x\", \"template\": \"X\"}, "
                         "{\"name\": \"default\", \"template\": \"D\"}], \"model_max_length\": 1e30, \"kept\": [1, {}]}";
    const tokenizer *t = parse(&a, text, config);
    assert_int_equal(tokenizer_eos(t), 0);
    assert_int_equal(tokenizer_bos(t), -1);
    assert_string_equal(tokenizer_chat_template(t), "D");
    assert_true(tokenizer_save(t, folder, "{{ \"ä\n\" }}", &err));
    const tokenizer *again = tokenizer_load(&a, folder, &err);
    assert_non_null(again);
    assert_true(digest_equal(tokenizer_digest(t), tokenizer_digest(again)));
    assert_int_equal(tokenizer_eos(again), 0);
    assert_string_equal(tokenizer_chat_template(again), "{{ \"ä\n\" }}");
    const json *saved = json_read_file(&a, path_join(&a, folder, "tokenizer_config.json"), &err);
    assert_int_equal(json_get(saved, "kept")->length, 2);
    assert_string_equal(json_get_text(saved, "tokenizer_class", ""), "PreTrainedTokenizerFast");
    assert_true(folder_remove(folder, &err));
    err = (error){0};
    assert_null(tokenizer_load(&a, "/nowhere/at/all", &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    arena_drop(&a);
}

static void the_digest_is_of_what_decides_ids(void **state) {
    arena a = {0};
    error err = {0};
    const tokenizer *t = load(&a, "gpt2");
    string pretty = {0};
    json_writer w = {.out = &pretty, .indent = 4};
    json_value(&w, json_read_file(&a, GOLDEN "gpt2.json", &err));
    const tokenizer *same = parse(&a, string_chars(&pretty), NULL);
    assert_true(digest_equal(tokenizer_digest(t), tokenizer_digest(same)));
    char *flag = strstr(pretty.data, "\"use_regex\": true"); /* the pre-tokenizer's: another way to cut */
    assert_non_null(flag);
    memcpy(flag + 13, "null", 4);
    assert_true(digest_equal(tokenizer_digest(t), tokenizer_digest(parse(&a, string_chars(&pretty), NULL)))); /* null is the default */
    char *special = strstr(pretty.data, "\"special\": true");
    assert_non_null(special);
    memcpy(special, "\"special\":false", 15);
    assert_false(digest_equal(tokenizer_digest(t), tokenizer_digest(parse(&a, string_chars(&pretty), NULL))));
    assert_false(digest_equal(tokenizer_digest(t), tokenizer_digest(load(&a, "qwen2"))));
    string_drop(&pretty);
    arena_drop(&a);
}

static void the_last_of_two_equal_merges_counts(void **state) {
    arena a = {0};
    id_list ids = {0};
    const tokenizer *t = parse(&a, "{" BPE("", "\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3, \"bc\": 4", "\"a b\", \"b c\", \"a b\"") "}", NULL);
    encode(t, "abc", 0, &ids);
    ASSERT_IDS(&ids, 0, 4);
    string out = {0};
    tokenizer_decode(t, ids.id, ids.n, false, &out); /* no decoder: tokens with blanks between */
    assert_string_equal(string_chars(&out), "a bc");
    string_drop(&out);
    id_list_drop(&ids);
    arena_drop(&a);
}

static void ids_that_nobody_has_decode_to_nothing(void **state) {
    arena a = {0};
    const tokenizer *t = load(&a, "gpt2");
    string out = {0};
    tokenizer_decode(t, (const int32_t[]){-1, 1 << 30, tokenizer_vocab_size(t), tokenizer_lookup(t, "a", 1)}, 4, false, &out);
    assert_string_equal(string_chars(&out), "a");
    assert_null(tokenizer_token(t, tokenizer_vocab_size(t), NULL));
    assert_true(tokenizer_is_special(t, 0));
    assert_false(tokenizer_is_special(t, -5));
    string_drop(&out);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_texts_are_those_of_the_reference),
        cmocka_unit_test(any_bytes_survive_the_round_trip),
        cmocka_unit_test(a_decoder_gives_whole_characters_and_what_decoding_all_adds),
        cmocka_unit_test(a_continuation_keeps_the_blank_of_its_first_piece),
        cmocka_unit_test(offsets_cover_the_text_in_order),
        cmocka_unit_test(a_character_cut_off_by_the_end_is_bytes),
        cmocka_unit_test(special_tokens_in_content_stay_text),
        cmocka_unit_test(no_word_becomes_a_special_token_however_many_came_before),
        cmocka_unit_test(content_cannot_hide_markup),
        cmocka_unit_test(marks_hold_through_a_normalizer),
        cmocka_unit_test(threads_share_a_tokenizer),
        cmocka_unit_test(long_words_take_time_in_proportion),
        cmocka_unit_test(refusals_name_the_component),
        cmocka_unit_test(a_limit_of_memory_is_an_error),
        cmocka_unit_test(what_is_saved_loads_again),
        cmocka_unit_test(the_digest_is_of_what_decides_ids),
        cmocka_unit_test(the_last_of_two_equal_merges_counts),
        cmocka_unit_test(ids_that_nobody_has_decode_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
