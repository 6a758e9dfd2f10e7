#include "curate/minhash.h"
#include "curate/stage.h"
#include "curate/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_words(const char *text, const char *want) { /* words joined by | */
    arena a = {0};
    spans w = {0};
    string got = {0};
    assert_true(words_of(&a, text, strlen(text), "en", &w));
    for (size_t i = 0; i < w.n; i++) {
        if (i > 0) string_char(&got, '|');
        string_append(&got, w.at[i].text, w.at[i].n);
    }
    assert_string_equal(string_chars(&got), want);
    string_drop(&got);
    arena_drop(&a);
}

static void words_are_those_of_a_tokenizer(void **state) {
    assert_words("don't stop.", "do|n't|stop|.");
    assert_words("(\"Well-known\", isn't it?)", "(|\"|Well|-|known|\"|,|is|n't|it|?|)");
    assert_words("see http://a.b/c?d, or me@x.org.", "see|http://a.b/c?d|,|or|me@x.org|.");
    assert_words("wait... 3.5 and/or", "wait|...|3.5|and|/|or");
    assert_words("\xe4\xb8\xad\xe6\x96\x87x", "\xe4\xb8\xad|\xe6\x96\x87|x");
    assert_words("  ", "");
    assert_words("...", "...");
    assert_words("\xff\xfe a", "\xff|\xfe|a");
}

static void lines_end_where_unicode_ends_them(void **state) {
    static const struct {
        const char *text;
        size_t lines, between_lf;
    } cases[] = {{"", 0, 1},
                 {"a\n", 1, 2},
                 {"a\r\nb\rc\xe2\x80\xa8"
                  "d",
                  4, 2},
                 {"\n\n", 2, 2},
                 {"a\n\n\nb", 4, 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena a = {0};
        spans lines = {0}, pieces = {0};
        assert_true(lines_of(&a, cases[i].text, strlen(cases[i].text), &lines));
        assert_true(pieces_between(&a, cases[i].text, strlen(cases[i].text), 1, &pieces));
        assert_int_equal(lines.n, cases[i].lines);
        assert_int_equal(pieces.n, cases[i].between_lf);
        arena_drop(&a);
    }
}

/* The numbers of huggingface/datatrove for this text (XXH64, 64 bit). */
static void the_signature_is_that_of_datatrove(void **state) {
    static const uint64_t bucket[MINHASH_ROWS] = {85330943174081874u,   663359892825767826u, 302227827184868053u, 34440879854629237u,
                                                  1270900061947546662u, 117899488208280896u, 922286648869847700u, 204404170303891102u};
    const char *text = "The QUICK brown f\xc3\xb6x, jumps over the lazy dog!";
    arena a = {0};
    spans words = {0};
    uint64_t signature[MINHASH_HASHES];
    assert_true(minhash_words(&a, text, strlen(text), "en", &words));
    assert_int_equal(words.n, 9);
    assert_true(minhash_signature(&a, &words, signature));
    for (int i = 0; i < MINHASH_ROWS; i++) assert_true(signature[i] == bucket[i]);
    words.n = 4;
    assert_false(minhash_signature(&a, &words, signature));
    arena_drop(&a);
}

static arena owner;

/* What the stage says of the text; NULL: kept. */
static verdict judge_as(stage *s, const char *id, const char *text) {
    error err = {0};
    arena *scratch = NEW(&owner, arena);
    document *d = NEW(&owner, document);
    *d = (document){.id = id, .text = arena_copy(&owner, text), .n = strlen(text)};
    judged j = {.d = d, .owner = &owner, .scratch = scratch};
    if (!s->kind->judge(s, &j, &err)) fail_msg("%s", err.text);
    if (j.v.rule == NULL && s->kind->compare != NULL && !s->kind->compare(s, &j, &err)) fail_msg("%s", err.text);
    arena_drop(scratch);
    return j.v;
}

static stage *open_with(const char *name, const char *const *set, size_t n) {
    error err = {0};
    stage *s = stage_open(&owner, name, &err);
    if (s == NULL || !stage_configure(s, NULL, "test", set, n, &err)) fail_msg("%s", err.text);
    return s;
}

static void assert_rule(stage *s, const char *text, const char *rule) {
    const verdict v = judge_as(s, "x", text);
    if (rule == NULL && v.rule != NULL) fail_msg("dropped by %s: %s", v.rule, text);
    if (rule != NULL && (v.rule == NULL || strcmp(v.rule, rule) != 0)) fail_msg("%s, not %s: %s", v.rule != NULL ? v.rule : "kept", rule, text);
}

static const char *repeated(const char *text, int n) {
    string s = {0};
    for (int i = 0; i < n; i++) string_text(&s, text);
    const char *copy = arena_copy_bytes(&owner, string_chars(&s), s.length);
    string_drop(&s);
    return copy;
}

static void gopher_quality_gives_the_first_reason_that_holds(void **state) {
    static const char *const loose[] = {"min_words=5", "max_words=40"};
    stage *s = open_with("gopher-quality", loose, 2);
    assert_rule(s, "The words of this text are good and they have a point.", NULL);
    assert_rule(s, "", "gopher_short_doc");
    assert_rule(s, ". . . . . . . .", "gopher_short_doc");
    assert_rule(s, repeated("the word of ", 14), "gopher_long_doc");
    assert_rule(s, "a b c d e f g h", "gopher_below_avg_threshold");
    assert_rule(s, "supercalifragilistic expialidocious internationalization the of", "gopher_above_avg_threshold");
    assert_rule(s, "# the # words # of that #", "gopher_short_doc"); /* four words that are no symbols */
    assert_rule(s, "# the # words # of that # text with", "gopher_too_many_hashes");
    assert_rule(s, "the words... of that... text with... much", "gopher_too_many_ellipsis");
    assert_rule(s, "- the words\n- of that\n- text with\n\xe2\x80\xa2 more", "gopher_too_many_bullets");
    assert_rule(s, "the words of that text 1999 2000 2001 2002", "gopher_below_alpha_threshold");
    assert_rule(s, "Words without small helper tokens inside here", "gopher_enough_stop_words");
}

static void stop_words_are_those_of_the_language(void **state) {
    static const char *const german[] = {"min_words=3", "language=de"}, *const unknown[] = {"min_words=3", "language=xx"};
    assert_rule(open_with("gopher-quality", german, 2), "Das Wort und der Satz mit den Zeichen", NULL);
    assert_rule(open_with("gopher-quality", german, 2), "the words of that text with", "gopher_enough_stop_words");
    assert_rule(open_with("gopher-quality", unknown, 2), "words nobody lists", NULL);
}

static void gopher_repetition_counts_repeats(void **state) {
    stage *s = open_with("gopher-repetition", NULL, 0);
    assert_rule(s,
                "Every line of this text says something else.\nNothing that was said before comes back here, since a short text is judged harshly:\nits most "
                "frequent pair of words may hold no more than a fifth of all characters.\n",
                NULL);
    assert_rule(s, "", "empty");
    assert_rule(s, "one\n\none\n\none\n\ntwo", "dup_para_frac");
    assert_rule(s, "short\n\nThis long paragraph, which says much, comes twice.\n\nother\n\nmore\n\nThis long paragraph, which says much, comes twice.\n\nlast",
                "dup_para_char_frac");
    assert_rule(s, "one\ntwo\none\ntwo\none\n", "dup_line_frac");
    assert_rule(s, repeated("buy now ", 20), "top_n_gram");
}

static void c4_cuts_lines_and_drops_pages(void **state) {
    static const char *const few[] = {"min_sentences=1"};
    stage *s = open_with("c4", few, 1);
    document d = {.id = "x", .text = "Kept line with a stop [12].\nno stop at its end\nTwo words.\nSee our cookie policy today.\nIt says more. And more!\n"};
    arena scratch = {0};
    error err = {0};
    d.n = strlen(d.text);
    judged j = {.d = &d, .owner = &owner, .scratch = &scratch};
    assert_true(s->kind->judge(s, &j, &err));
    assert_null(j.v.rule);
    assert_string_equal(d.text, "Kept line with a stop .\nIt says more. And more!");
    arena_drop(&scratch);
    assert_rule(s, "This one has a { in it.", "curly_bracket");
    assert_rule(s, "This { has no stop\nBut this line does.", NULL);
    assert_rule(s, "Lorem ipsum dolor sit amet.", "lorem_ipsum");
    assert_rule(open_with("c4", NULL, 0), "Only one sentence here.", "too_few_sentences");
}

static void dedup_keeps_the_first_of_what_is_alike(void **state) {
    stage *s = open_with("dedup", NULL, 0);
    string text = {0};
    for (int i = 0; i < 200; i++) string_print(&text, "word%c%c is here and ", 'a' + i % 26, 'a' + i / 26);
    const char *first = arena_copy(&owner, text.data);
    string_text(&text, "now it ends another way");
    assert_null(judge_as(s, "one", first).rule);
    verdict v = judge_as(s, "two", first);
    assert_string_equal(v.rule, "exact_duplicate");
    assert_string_equal(v.of, "one");
    v = judge_as(s, "three", text.data);
    assert_string_equal(v.rule, "near_duplicate");
    assert_string_equal(v.of, "one");
    assert_true(v.value > 0.9);
    string_text(&text, "!"); /* like the third, which is gone: it still counts as the first */
    assert_string_equal(judge_as(s, "four", text.data).of, "one");
    assert_null(judge_as(s, "five", "A text that is like none of the others at all.").rule);
    assert_null(judge_as(s, "six", "too short").rule);
    assert_string_equal(judge_as(s, "seven", "too short").rule, "exact_duplicate");
    string_drop(&text);
}

static void the_language_is_found_and_others_go(void **state) {
    static const char *const keep[] = {"keep=[en, zh]"};
    stage *s = open_with("language", keep, 1);
    assert_rule(s, "This is a plain English sentence about the weather of today and tomorrow.", NULL);
    assert_rule(
        s, "\xe8\xbf\x99\xe6\x98\xaf\xe4\xb8\x80\xe4\xb8\xaa\xe5\x85\xb3\xe4\xba\x8e\xe5\xa4\xa9\xe6\xb0\x94\xe7\x9a\x84\xe5\x8f\xa5\xe5\xad\x90\xe3\x80\x82",
        NULL);
    const verdict v = judge_as(s, "x",
                               "Ceci est une phrase fran\xc3\xa7"
                               "aise ordinaire sur le temps qu'il fait aujourd'hui.");
    assert_string_equal(v.rule, "language");
    assert_string_equal(v.text_value, "fr");
    assert_rule(s, "", "language");
    assert_rule(s, "\x01\xff\xfe\x80", "language");
}

static void a_stage_or_option_that_is_not_there_is_an_error_that_helps(void **state) {
    error err = {0};
    assert_null(stage_open(&owner, "gofer", &err));
    assert_non_null(strstr(err.text, "gopher-quality"));
    static const char *const misspelt[] = {"min_word=5"};
    error_clear(&err);
    stage *s = stage_open(&owner, "gopher-quality", &err);
    assert_false(stage_configure(s, NULL, "test", misspelt, 1, &err));
    assert_non_null(strstr(err.text, "min_words"));
}

static int drop_owner(void **state) {
    arena_drop(&owner);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_a_tokenizer),       cmocka_unit_test(lines_end_where_unicode_ends_them),
        cmocka_unit_test(the_signature_is_that_of_datatrove),   cmocka_unit_test(gopher_quality_gives_the_first_reason_that_holds),
        cmocka_unit_test(stop_words_are_those_of_the_language), cmocka_unit_test(gopher_repetition_counts_repeats),
        cmocka_unit_test(c4_cuts_lines_and_drops_pages),        cmocka_unit_test(dedup_keeps_the_first_of_what_is_alike),
        cmocka_unit_test(the_language_is_found_and_others_go),  cmocka_unit_test(a_stage_or_option_that_is_not_there_is_an_error_that_helps),
    };
    return cmocka_run_group_tests(tests, NULL, drop_owner);
}
