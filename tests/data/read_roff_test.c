#include "base/file.h"
#include "data/read_roff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* behind base/error.h: it has a macro called fail */

static const char *include_one(void *context, arena *owner, const char *name, size_t *n) {
    const char *text = strcmp(name, "man1/other.1") == 0 ? context : NULL;
    *n = text != NULL ? strlen(text) : 0;
    return text;
}

/* The page's text, in `owner`. */
static char *read_page(arena *owner, const char *bytes, size_t n, roff_page *page) {
    string out = {0};
    error err = {0};
    static char included[] = ".SH NAME\nother \\- the included page\n.PP\nMore.\n.so man1/other.1\nend\n";
    const roff_include include = {include_one, included};
    if (!roff_to_text(owner, bytes, n, &include, &out, page, &err)) fail_msg("%s", err.text);
    char *copy = arena_copy_bytes(owner, string_chars(&out), out.length);
    string_drop(&out);
    return copy;
}

static char *read_text(arena *owner, const char *text) {
    return read_page(owner, text, strlen(text), NULL);
}

typedef struct page_case {
    const char *page, *text;
} page_case;

static void assert_pages(const page_case *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        arena owner = {0};
        const char *got = read_text(&owner, c[i].page);
        if (strcmp(got, c[i].text) != 0) fail_msg("case %zu:\n%s\ngives\n%s\nnot\n%s", i, c[i].page, got, c[i].text);
        arena_drop(&owner);
    }
}

/* The .txt files hold what the reader gives; their words are those of `mandoc -T utf8 -O width=500` without title and bottom. */
static void whole_pages_give_the_words_that_mandoc_gives(void **state) {
    static const char *const names[] = {"weigh", "sieve"};
    for (size_t i = 0; i < COUNT(names); i++) {
        arena owner = {0};
        error err = {0};
        size_t n, want_n;
        const char *page = file_read(&owner, arena_print(&owner, "tests/golden/curate/%s.1", names[i]), 0, &n, &err);
        const char *want = file_read(&owner, arena_print(&owner, "tests/golden/curate/%s.txt", names[i]), 0, &want_n, &err);
        assert_non_null(page);
        assert_non_null(want);
        assert_string_equal(read_page(&owner, page, n, NULL), want);
        arena_drop(&owner);
    }
}

static void escapes_print_what_they_stand_for(void **state) {
    static const page_case cases[] = {
        {"a\\-b \\(em \\[u00E9] \\N'65' \\e \\\\ \\.x\n", "a-b \xe2\x80\x94 \xc3\xa9 A \\ \\ .x\n"},
        {"\\fBbold\\fR \\f(CWcode\\f[] \\s-1small\\s0 \\s'+2'big\\s10x\n", "bold code small bigx\n"},
        {"a\\&b\\|c\\^d\\%e\\:f\n", "abcdef\n"},
        {"a\\ b\\~c\\0d\n", "a b c d\n"},
        {"\\*(lqx\\*(rq \\*(Tm\n", "\xe2\x80\x9cx\xe2\x80\x9d (Tm)\n"},
        {"\\zab \\o'x+' \\h'3'y \\v'-1'z \\l'3'\n", "b + y z ___\n"},
        {"one\\c\ntwo\n", "onetwo\n"},
        {"one\\\ntwo\n", "onetwo\n"},
        {"kept \\\" dropped\n\\\" all comment\nnext\n", "kept next\n"},
        {".tr xy\nx\\(*a\n.tr \\(*W-\n\\(*W\n", "y\xce\xb1 -\n"},
        {"\\[nosuch] \\(zz \\[u110000] \\N'99999999999' \\\n", ""},
        {"caf\xe9\n", "caf\xc3\xa9\n"}, /* Latin-1 */
    };
    assert_pages(cases, COUNT(cases));
}

static void definitions_and_conditions_work(void **state) {
    static const page_case cases[] = {
        {".de X\n(\\\\$1|\\\\$2)\n..\n.X \"a b\" c\n", "(a b|c)\n"},
        {".ds v 1\\\\*w\n.ds w 2\n\\*v \\*[w]\n", "12 2\n"},
        {".nr n 3\n.nr n +2 1\n\\nn \\n+n \\n(nn\n", "5 6 0\n"},
        {".if n yes\n.if t no\n.if !t also\n.ie 1>2 no\n.el else\n", "yes also else\n"},
        {".if 'a'a' same\n.if !'a'b' other\n.if 'a'b' no\n", "same other\n"},
        {".if t \\{\nno\n.if n \\{\nno\n.\\}\n.\\}\nyes\n", "yes\n"},
        {".nr i 3\n.while \\ni \\{\nx\\ni\n.nr i -1\n.\\}\n", "x3 x2 x1\n"},
        {".als Y X\n.de X\nx\n..\n.Y\n.rn X Z\n.Z\n.X\n", "x\n"},
        {".ig\nno\n..\n.ig zz\nno\n.zz\nyes\n", "yes\n"},
        {".de A\n.B\n..\n.de B\n.A\n..\n.A\nends\n", "ends\n"}, /* macros that call each other */
        {".it 2 M\n.de M\n(m)\n..\na\nb\nc\n", "a b (m) c\n"},
        {".nosuch macro\n.\n'br\ntext\n.el x\n", "text\n"},
        {".if n .if n .if n deep\n", "deep\n"},
        {".if (1+2*3)=9 left to right\n", "left to right\n"},
    };
    assert_pages(cases, COUNT(cases));
}

static void man_macros_lay_out_text(void **state) {
    static const page_case cases[] = {
        {".SH A\n.PP\none\n.PP\ntwo\n.SS b\nc\n", "A\none\n\ntwo\n\nb\nc\n"},
        {".SH\nnext line\nbody\n", "next line\nbody\n"},
        {".TP\n.B tag\nbody\n.TQ\n.TP\n.B x\\c\ny\nz\n", "tag\n    body\n\nxy\n    z\n"},
        {".BR a ( 1 ) \" b\"\n.RI \"\" c \"\" d\n", "a(1) b cd\n"},
        {"a\n.RI \"\" b\n", "a b\n"},
        {".nf\n a  b\n.B c  d\n.fi\ne\nf\n", " a  b\nc d\ne f\n"},
        {".IP 1. 4\nbody\n.RS\n.IP longer\nin\n.RE\n.IP\nalone\n", "1. body\n\n    longer\n        in\n\n    alone\n"},
        {".UR http://a\nx\n.UE .\n.MT m@n\n.ME\n", "x <http://a>. <m@n>\n"},
        {".B \"a \"\"q\"\" b\"\n.I \\\\-x\n", "a \"q\" b -x\n"},
    };
    assert_pages(cases, COUNT(cases));
}

static void mdoc_delimiters_stand_as_they_should(void **state) {
    static const page_case cases[] = {
        {".Dd x\n.Fl a , b .\n", "-a, -b.\n"},
        {".Dd x\n.Fl ( a | b )\n.Op ( Ar x )\n", "(-a | -b) ([x])\n"},
        {".Dd x\n.Dq Aq foo .\n.Ql .\n.Ql |\n", "\xe2\x80\x9c\xe2\x9f\xa8"
                                                "foo\xe2\x9f\xa9\xe2\x80\x9d. \xe2\x80\x98\xe2\x80\x99. \xe2\x80\x98|\xe2\x80\x99\n"},
        {".Dd x\n.Oo Fl a\n.Ar b Oc , then\n", "[-a b], then\n"},
        {".Dd x\n.Ar a Ns b\n.Xr ls 1 Ns s\n.Fn f \"int a\" b ,\n", "ab ls(1)s f(int a, b),\n"},
        {".Dd x\n.Ar\n.Pa\n.Fl\n.Nm\n.Nm n\n.Nm\n", "file ... ~ - n n\n"},
        {".Dd x\n.Op Ar u Ns @ Ns\n.Ar h\n", "[u@]h\n"},
        {".Dd x\n.Bl -column a b\n.It Dq a Ta b\n.El\n", "\xe2\x80\x9c"
                                                         "a\xe2\x80\x9d\tb\n"},
        {".Dd x\n.Oc\n.El\n.Ed\n.Re\n.Xc\n.It x\nok\n", "ok\n"},                         /* ends of what never began */
        {".Dd x\n.Bl -tag\n.It a\n.Bd -literal\nb\n.Sh C\nd\n", "a\n\n    b\n\nC\nd\n"}, /* what never ends */
    };
    assert_pages(cases, COUNT(cases));
}

static void tables_give_their_cells(void **state) {
    static const page_case cases[] = {
        {".TS\nl l.\na\tb\n_\nc\td\textra\n.TE\nend\n", "a\tb\nc\td\nend\n"},
        {".TS\ntab(;);\nl l.\na;T{\nb\nc\nT}\n.TE\n", "a\tb c\n"},
        {".TS\nbox;\nl s\nl l.\nhead\na\tb\n.TE\n", "head\na\tb\n"},
        {".TS\nl.\nnever ends\n", "never ends\n"},
        {".EQ\nx sup 2\n.EN\ntext\n", "text\n"},
    };
    assert_pages(cases, COUNT(cases));
}

static void an_included_page_is_read_once(void **state) {
    arena owner = {0};
    roff_page page;
    const char *text = ".so man1/other.1\n";
    assert_string_equal(read_page(&owner, text, strlen(text), &page), "NAME\nother - the included page\n\nMore. end\n");
    assert_string_equal(page.name, "other");
    assert_string_equal(page.description, "the included page");
    arena_drop(&owner);
}

static void the_name_line_is_split_at_its_dash(void **state) {
    static const struct {
        const char *line, *name, *description;
    } cases[] = {
        {"ls - list directory contents", "ls", "list directory contents"},
        {"  egrep, fgrep,\n grep \xe2\x80\x93 print   lines\n", "egrep", "print lines"},
        {"git-add - add file contents", "git-add", "add file contents"},
        {"no dash here", NULL, NULL},
        {"- nothing before", NULL, NULL},
        {"nothing behind -", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        arena owner = {0};
        const char *name, *description;
        assert_int_equal(roff_name_line(&owner, cases[i].line, strlen(cases[i].line), &name, &description), cases[i].name != NULL);
        if (cases[i].name != NULL) {
            assert_string_equal(name, cases[i].name);
            assert_string_equal(description, cases[i].description);
        }
        arena_drop(&owner);
    }
}

static void a_page_that_does_not_end_meets_a_limit(void **state) {
    static const char *const pages[] = {
        ".while 1 .br\n",
        ".nr x 1\n.while \\nx x\n",
        ".ds a \\\\*b\\\\*b\n.ds b \\\\*a\\\\*a\n\\*a\n",
        ".de X\n.X\n.X\n..\n.X\n.X\n",
    };
    for (size_t i = 0; i < COUNT(pages); i++) {
        arena owner = {.limit = 64 << 20};
        string out = {.limit = 1 << 20};
        error err = {0};
        if (!roff_to_text(&owner, pages[i], strlen(pages[i]), NULL, &out, NULL, &err)) assert_true(err.text[0] != 0);
        string_drop(&out);
        arena_drop(&owner);
    }
}

static void memory_that_is_too_small_is_an_error_that_says_so(void **state) {
    arena big = {0};
    string page = {0};
    for (int i = 0; i < 300; i++) string_print(&page, ".de M%d\nbody \\\\$1 of %d\n..\n.M%d \"x y\"\n.ds s%d \\*[s%d]z\n", i, i, i, i + 1, i);
    for (size_t limit = 1; limit < 200000; limit = limit * 3 / 2 + 1) {
        arena owner = {.limit = limit};
        string out = {0};
        error err = {0};
        if (!roff_to_text(&owner, page.data, page.length, NULL, &out, NULL, &err)) assert_true(err.text[0] != 0);
        string_drop(&out);
        arena_drop(&owner);
    }
    string_drop(&page);
    arena_drop(&big);
}

static void pages_are_told_from_other_text(void **state) {
    assert_true(roff_is_page(".\\\" comment\n.TH LS 1\n", 22));
    assert_true(roff_is_page("'\\\" t\n\n.de X\n", 13));
    assert_true(roff_is_page(".so man1/a.1", 12));
    assert_false(roff_is_page("", 0));
    assert_false(roff_is_page("text\n.TH LS 1\n", 14));
    assert_false(roff_is_page("...\n", 4));
    assert_false(roff_is_page(".hidden file\n", 13));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_pages_give_the_words_that_mandoc_gives),
        cmocka_unit_test(escapes_print_what_they_stand_for),
        cmocka_unit_test(definitions_and_conditions_work),
        cmocka_unit_test(man_macros_lay_out_text),
        cmocka_unit_test(mdoc_delimiters_stand_as_they_should),
        cmocka_unit_test(tables_give_their_cells),
        cmocka_unit_test(an_included_page_is_read_once),
        cmocka_unit_test(the_name_line_is_split_at_its_dash),
        cmocka_unit_test(a_page_that_does_not_end_meets_a_limit),
        cmocka_unit_test(memory_that_is_too_small_is_an_error_that_says_so),
        cmocka_unit_test(pages_are_told_from_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
