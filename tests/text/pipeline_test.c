/* Pre-tokenizers, added tokens, post-processors and decoders, alone and in sequences: ids, offsets and texts are those of Hugging
 * Face `tokenizers` (tests/golden/text/make_pipelines.py). */
#include "base/json.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static arena memory;
static const json *golden;

static int read_golden(void **state) {
    error err = {0};
    golden = json_read_file(&memory, "tests/golden/text/pipelines.json", &err);
    if (golden == NULL) print_error("%s\n", err.text);
    return golden == NULL;
}

static int drop_golden(void **state) {
    arena_drop(&memory);
    return 0;
}

/* A pipeline's components and its model as one tokenizer.json. */
static tokenizer *build(arena *owner, const json *pipeline) {
    static const char *const fields[] = {"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"};
    string text = {0};
    json_writer w = {.out = &text};
    json_begin_object(&w);
    for (size_t i = 0; i < COUNT(fields); i++) {
        json_key(&w, fields[i]);
        json_value(&w, json_get(pipeline, fields[i]));
    }
    json_key(&w, "model");
    json_value(&w, json_get(json_get(golden, "models"), json_get_text(pipeline, "model", "")));
    json_end_object(&w);
    error err = {0};
    tokenizer *t = tokenizer_parse(owner, string_chars(&text), text.length, NULL, 0, &err);
    if (t == NULL) fail_msg("%s: %.300s", err.text, string_chars(&text));
    string_drop(&text);
    return t;
}

static void show(const json *pipeline) {
    string text = {0};
    json_writer w = {.out = &text};
    for (size_t i = 0; i < 6; i++) json_value(&w, &pipeline->item[i]);
    print_error("%.900s\n", string_chars(&text));
    string_drop(&text);
}

static bool same_ids(const json *want, const id_list *got) {
    bool same = want->length == got->n;
    for (size_t i = 0; same && i < got->n; i++) same = want->item[i].integer == got->id[i];
    return same;
}

/* In characters; -1: an id of the post-processor, which stands for nothing here. */
static bool same_offsets(const json *want, const id_list *got) {
    bool same = want->length == 2 * got->n;
    for (size_t i = 0; same && i < got->n; i++) {
        const int64_t begin = want->item[2 * i].integer, end = want->item[2 * i + 1].integer;
        same = begin < 0 ? got->begin[i] == got->end[i] : begin == (int64_t)got->begin[i] && end == (int64_t)got->end[i];
    }
    return same;
}

static void assert_encodings(const json *pipeline, const tokenizer *t, const json *texts, const json *want, unsigned flags) {
    tokenizer_scratch *s = tokenizer_scratch_new(t);
    for (size_t i = 0; want != NULL && i < want->length; i++) {
        const json *text = &texts->item[i], *ids = &want->item[i].item[0], *offsets = &want->item[i].item[1];
        id_list fast = {0}, slow = {0};
        error err = {0};
        if (!tokenizer_encode(t, s, text->text, text->length, flags, &fast, &err)) fail_msg("%s", err.text);
        assert_true(tokenizer_encode(t, s, text->text, text->length, flags | TOKENIZER_OFFSETS, &slow, &err));
        id_list_to_characters(&slow, text->text, text->length);
        if (!same_ids(ids, &fast) || !same_ids(ids, &slow) || !same_offsets(offsets, &slow)) {
            show(pipeline);
            fail_msg("other ids or offsets for '%s'", text->text);
        }
        id_list_drop(&fast);
        id_list_drop(&slow);
    }
    tokenizer_scratch_drop(s);
}

static void assert_group(const char *name, const json *texts) {
    const json *group = json_get(golden, name);
    assert_true(group != NULL && group->length >= 8);
    for (size_t i = 0; i < group->length; i++) {
        arena owner = {0};
        const json *p = &group->item[i];
        const tokenizer *t = build(&owner, p);
        assert_encodings(p, t, texts, json_get(p, "plain"), 0);
        assert_encodings(p, t, texts, json_get(p, "parsed"), TOKENIZER_ADD_SPECIAL | TOKENIZER_PARSE_SPECIAL);
        arena_drop(&owner);
    }
}

static void pre_tokenizers_cut_as_the_reference(void **state) {
    assert_group("pre_tokenizer", json_get(golden, "texts"));
}

static void added_tokens_match_as_the_reference(void **state) {
    const json *texts = json_get(golden, "texts"), *which = json_get(golden, "added_texts");
    json chosen[8], list = {.type = JSON_ARRAY, .item = chosen, .length = which->length};
    assert_true(which->length <= COUNT(chosen));
    for (size_t i = 0; i < which->length; i++) chosen[i] = texts->item[which->item[i].integer];
    assert_group("added", &list);
}

static void post_processors_add_and_trim_as_the_reference(void **state) {
    assert_group("post_processor", json_get(golden, "texts"));
}

static void pairs_are_put_together_as_the_reference(void **state) {
    const json *group = json_get(golden, "post_processor");
    for (size_t i = 0; i < group->length; i++) {
        arena owner = {0};
        const tokenizer *t = build(&owner, &group->item[i]);
        for (unsigned mode = 0; mode < 2; mode++) {
            id_list ids = {0};
            error err = {0};
            const unsigned flags = mode ? TOKENIZER_ADD_SPECIAL | TOKENIZER_PARSE_SPECIAL : 0;
            assert_true(tokenizer_encode_pair(t, NULL, "Hello world", 11, " x", 2, flags, &ids, &err));
            if (!same_ids(&json_get(&group->item[i], "pairs")->item[mode], &ids)) {
                show(&group->item[i]);
                fail_msg("other ids for a pair");
            }
            id_list_drop(&ids);
        }
        arena_drop(&owner);
    }
}

/* --- decoders -------------------------------------------------------------------------------------------------------------- */
static size_t take_ids(const json *list, int32_t *ids) {
    for (size_t i = 0; i < list->length; i++) ids[i] = (int32_t)list->item[i].integer;
    return list->length;
}

static void decoders_decode_as_the_reference(void **state) {
    const json *group = json_get(golden, "decoder");
    assert_true(group->length >= 40);
    for (size_t i = 0; i < group->length; i++) {
        arena owner = {0};
        const tokenizer *t = build(&owner, &group->item[i]);
        const json *lists = json_get(&group->item[i], "lists");
        for (size_t k = 0; k < lists->length; k++) {
            int32_t ids[64];
            const size_t n = take_ids(&lists->item[k].item[0], ids);
            for (unsigned skip = 0; skip < 2; skip++) {
                string out = {0};
                const json *want = &lists->item[k].item[1 + skip];
                tokenizer_decode(t, ids, n, skip, &out);
                /* what is no UTF-8 stays bytes here */
                if (strstr(want->text, "\xef\xbf\xbd") == NULL && strcmp(want->text, string_chars(&out)) != 0) {
                    show(&group->item[i]);
                    fail_msg("list %zu: '%s', not '%s'", k, string_chars(&out), want->text);
                }
                string_drop(&out);
            }
        }
        arena_drop(&owner);
    }
}

/* Whatever the decoder: decoding a prompt and pushing the rest gives what decoding all gives. */
static void a_stream_gives_what_decoding_all_gives(void **state) {
    const json *group = json_get(golden, "decoder");
    for (size_t i = 0; i < group->length; i++) {
        arena owner = {0};
        const tokenizer *t = build(&owner, &group->item[i]);
        const json *lists = json_get(&group->item[i], "lists");
        for (size_t k = 0; k < lists->length; k++) {
            int32_t ids[64];
            const size_t n = take_ids(&lists->item[k].item[0], ids);
            string all = {0};
            tokenizer_decode(t, ids, n, true, &all);
            for (size_t split = 0; split <= n; split++) {
                string prompt = {0}, streamed = {0};
                tokenizer_decode(t, ids, split, true, &prompt);
                tokenizer_decoder d = tokenizer_decoder_start(t, ids, split, true);
                size_t same = 0, held = d.n_held;
                for (size_t at = split; at < n; at++) tokenizer_decoder_push(&d, ids[at], &streamed);
                tokenizer_decoder_end(&d, &streamed);
                while (same < prompt.length && same < all.length && prompt.data[same] == all.data[same]) same++;
                if (held > same) held = same;
                const bool whole =
                    streamed.length == all.length - same + held && memcmp(string_chars(&streamed), string_chars(&all) + same - held, streamed.length) == 0;
                if (!whole) {
                    show(&group->item[i]);
                    fail_msg("list %zu cut at %zu: '%s' behind '%s', not '%s'", k, split, string_chars(&streamed), string_chars(&prompt), string_chars(&all));
                }
                string_drop(&prompt);
                string_drop(&streamed);
            }
            string_drop(&all);
        }
        arena_drop(&owner);
    }
}

/* --- what is refused, and what is told ------------------------------------------------------------------------------------ */
#define MODEL "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}}"

static void refusals_name_component_and_field(void **state) {
    static const char *const cases[][2] = {
        {"{\"pre_tokenizer\": {\"type\": \"Nobody\"}, " MODEL, "tokenizer.json: pre_tokenizer: Nobody is not supported"},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"ab\"}, " MODEL,
         "tokenizer.json: pre_tokenizer: Metaspace: replacement is not one character"},
        {"{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"a\", \"add_prefix_space\": false, \"prepend_scheme\": \"first\"}, " MODEL,
         "tokenizer.json: pre_tokenizer: Metaspace: add_prefix_space is false, prepend_scheme is first"},
        {"{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"behavior\": \"Kept\", \"invert\": false}, " MODEL,
         "tokenizer.json: pre_tokenizer: Split: behavior Kept is not supported"},
        {"{\"pre_tokenizer\": {\"type\": \"Digits\", \"individual_digits\": 1}, " MODEL,
         "tokenizer.json: pre_tokenizer: Digits: individual_digits is neither true nor false"},
        {"{\"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 0}, " MODEL,
         "tokenizer.json: pre_tokenizer: FixedLength: length is no whole number from 1 on"},
        {"{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 0]}, " MODEL,
         "tokenizer.json: post_processor: BertProcessing: sep is not a token and its id"},
        {"{\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\", 0], \"sep\": [\"x\", 9]}, " MODEL,
         "tokenizer.json: post_processor: BertProcessing: sep: an id that no token has"},
        {"{\"decoder\": {\"type\": \"Strip\", \"content\": \"a\", \"start\": -1, \"stop\": 0}, " MODEL,
         "tokenizer.json: decoder: Strip: start is no whole number from 0 on"},
        {"{\"decoder\": {\"type\": \"Sequence\", \"decoders\": {}}, " MODEL, "tokenizer.json: decoder: Sequence: decoders is not a list"},
        {"{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"x\"}, \"content\": \"\"}, \"added_tokens\": [{\"id\": 2, \"content\": \"xx\", "
         "\"normalized\": true}], " MODEL,
         "tokenizer.json: added_tokens: xx: the normalizer leaves nothing of it"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        error err = {0};
        assert_null(tokenizer_parse(&a, cases[i][0], strlen(cases[i][0]), NULL, 0, &err));
        assert_string_equal(err.text, cases[i][1]);
        arena_drop(&a);
    }
}

static void components_are_digested(void **state) {
    static const char with[] = "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, "
                               "{\"type\": \"Whitespace\"}]}, " MODEL;
    string other = {0};
    string_text(&other, with);
    memcpy(strstr(other.data, "true"), "null", 4); /* not individual digits */
    arena a = {0};
    error err = {0};
    const tokenizer *t = tokenizer_parse(&a, with, strlen(with), NULL, 0, &err), *u = tokenizer_parse(&a, other.data, other.length, NULL, 0, &err);
    assert_true(t != NULL && u != NULL);
    assert_false(digest_equal(tokenizer_digest(t), tokenizer_digest(u)));
    string_drop(&other);
    arena_drop(&a);
}

/* A text that was not matched as a token is text to the model, too, whatever added tokens are called. */
static void an_added_token_is_none_of_the_models(void **state) {
    static const char text[] = "{\"added_tokens\": [{\"id\": 2, \"content\": \"<e>\", \"special\": true}, {\"id\": 3, \"content\": \"c\", \"special\": true}], "
                               "\"model\": {\"type\": \"BPE\", \"ignore_merges\": true, \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": []}}";
    arena a = {0};
    error err = {0};
    id_list ids = {0};
    const tokenizer *t = tokenizer_parse(&a, text, strlen(text), NULL, 0, &err);
    assert_non_null(t);
    assert_true(tokenizer_encode(t, NULL, "<e>", 3, 0, &ids, &err));
    assert_true(tokenizer_encode(t, NULL, "acb", 3, 0, &ids, &err));
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.id[0], 0);
    assert_int_equal(ids.id[1], 1);
    assert_true(tokenizer_encode(t, NULL, "<e>c", 4, TOKENIZER_PARSE_SPECIAL, &ids, &err));
    assert_int_equal(ids.n, 4);
    assert_int_equal(ids.id[2], 2);
    assert_int_equal(ids.id[3], 3);
    id_list_drop(&ids);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pre_tokenizers_cut_as_the_reference),
        cmocka_unit_test(added_tokens_match_as_the_reference),
        cmocka_unit_test(post_processors_add_and_trim_as_the_reference),
        cmocka_unit_test(pairs_are_put_together_as_the_reference),
        cmocka_unit_test(decoders_decode_as_the_reference),
        cmocka_unit_test(a_stream_gives_what_decoding_all_gives),
        cmocka_unit_test(refusals_name_component_and_field),
        cmocka_unit_test(components_are_digested),
        cmocka_unit_test(an_added_token_is_none_of_the_models),
    };
    return cmocka_run_group_tests(tests, read_golden, drop_golden);
}
