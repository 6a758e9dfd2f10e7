/* text/chat_template.h. What Jinja2 makes of the same templates is in the goldens (tests/golden/text/make_template_goldens.py). */
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/chat_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOON = 1768478400 }; /* 2026-01-15T12:00:00 */

static const json *parse(arena *owner, const char *text) {
    error err = {0};
    const json *v = json_parse(owner, text, strlen(text), &err);
    if (v == NULL) fail_msg("%s", err.text);
    return v;
}
static bool render(arena *owner, const char *template, size_t n, const json *variables, string *out, string *marks, error *err) {
    const chat_template *t = chat_template_compile(owner, template, n, err);
    const chat_template_input in = {.variables = variables, .bos_token = "<s>", .eos_token = "</s>", .now = NOON};
    return t != NULL && chat_template_render(t, &in, out, marks, err);
}
static void assert_renders(const char *template, const char *variables, const char *want) {
    arena owner = {0};
    string out = {0};
    error err = {0};
    if (!render(&owner, template, strlen(template), parse(&owner, variables), &out, NULL, &err)) fail_msg("%s: %s", template, err.text);
    assert_string_equal(string_chars(&out), want);
    string_drop(&out);
    arena_drop(&owner);
}
static void assert_fails(const char *template, const char *variables, const char *why) {
    arena owner = {0};
    string out = {0};
    error err = {0};
    if (render(&owner, template, strlen(template), parse(&owner, variables), &out, NULL, &err)) fail_msg("%s renders to '%s'", template, string_chars(&out));
    if (strstr(err.text, why) == NULL) fail_msg("'%s' does not say '%s'", err.text, why);
    assert_int_equal(out.length, 0);
    string_drop(&out);
    arena_drop(&owner);
}
/* marks: a digit for each byte: 0 content, 1 markup, 2 more inside a generation block. */
static void assert_marks(const char *template, const char *variables, const char *want, const char *want_marks) {
    arena owner = {0};
    string out = {0}, marks = {0};
    error err = {0};
    if (!render(&owner, template, strlen(template), parse(&owner, variables), &out, &marks, &err)) fail_msg("%s: %s", template, err.text);
    assert_string_equal(string_chars(&out), want);
    assert_int_equal(out.length, marks.length);
    for (size_t i = 0; i < marks.length; i++) marks.data[i] += '0';
    assert_string_equal(string_chars(&marks), want_marks);
    string_drop(&out);
    string_drop(&marks);
    arena_drop(&owner);
}

static void texts_and_refusals_are_those_of_jinja(void **state) {
    arena owner = {0};
    error err = {0};
    const json *golden = json_read_file(&owner, "tests/golden/text/template_cases.json", &err);
    if (golden == NULL) fail_msg("%s", err.text);
    const json *cases = json_get(golden, "cases"), *variables = json_get(golden, "variables");
    assert_true(cases->length > 1000);
    for (size_t i = 0; i < cases->length; i++) {
        const json *template = &cases->item[i].item[0], *want = &cases->item[i].item[1];
        string out = {0};
        error_clear(&err);
        const bool ok = render(&owner, template->text, template->length, variables, &out, NULL, &err);
        if (ok != (want->type == JSON_STRING)) fail_msg("%s: %s", template->text, ok ? "renders, and should not" : err.text);
        if (ok && (out.length != want->length || memcmp(string_chars(&out), want->text, want->length) != 0))
            fail_msg("%s gives '%s', not '%s'", template->text, string_chars(&out), want->text);
        if (!ok && strncmp(err.text, "line ", 5) != 0) fail_msg("%s: '%s' names no line", template->text, err.text);
        string_drop(&out);
    }
    arena_drop(&owner);
}

static void templates_of_real_models_give_the_reference_s_text(void **state) {
    arena owner = {0};
    error err = {0};
    const char *data = getenv("SOCLE_DATA");
    const char *path = arena_print(&owner, "%s/chat-templates/cases.json", data != NULL ? data : "../shared/data");
    if (!file_exists(path)) skip();
    const json *all = json_read_file(&owner, path, &err);
    if (all == NULL) fail_msg("%s", err.text);
    const json *templates = json_get(all, "templates"), *cases = json_get(all, "cases");
    for (size_t i = 0; i < cases->length; i++) {
        const json *c = &cases->item[i], *text = &templates->item[json_get_integer(c, "template", 0)];
        if (strstr(json_get_text(c, "error", ""), "serializable") != NULL) continue;
        string out = {0};
        error_clear(&err);
        const chat_template *t = chat_template_compile(&owner, text->text, text->length, &err);
        if (t == NULL) fail_msg("%s: %s", json_get_text(c, "name", "?"), err.text);
        const chat_template_input in = {json_get(c, "input"), json_get_text(c, "bos_token", NULL), json_get_text(c, "eos_token", NULL), NULL, NULL, NOON};
        const bool ok = chat_template_render(t, &in, &out, NULL, &err);
        assert_int_equal(ok, json_get(c, "error") == NULL);
        if (ok) assert_string_equal(string_chars(&out), json_get_text(c, "text", ""));
        string_drop(&out);
    }
    arena_drop(&owner);
}

static void input_that_transformers_always_passes_is_there(void **state) {
    assert_renders("{{ tools is none }}{{ documents is none }}{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ messages is defined }}", "{}",
                   "TrueTrue<s></s>FalseFalse");
    assert_renders("{{ tools }}{{ eos_token }}{{ anything }}", "{\"tools\": [1], \"eos_token\": \"x\", \"anything\": {\"a\": 1}}", "[1]x{'a': 1}");
    assert_renders("{{ a }}{{ a|length }}", "{\"a\": 1, \"a\": {\"x\": 1, \"y\": 2, \"x\": 3}}", "{'x': 3, 'y': 2}2");
    assert_renders("{{ range }}", "{\"range\": 5}", "5");
}

static void time_is_what_the_input_says(void **state) {
    assert_renders("{{ strftime_now('%d %b %Y %H:%M:%S %A %j %f%z%Z%%') }}|{{ strftime_now('') }}", "{}", "15 Jan 2026 12:00:00 Thursday 015 000000%|");
    assert_fails("{{ strftime_now(1) }}", "{}", "must be str");
}

static void bytes_are_marked_by_who_wrote_them(void **state) {
    const char *chat = "{\"messages\": [{\"role\": \"user\", \"content\": \" a<s> \"}, {\"role\": \"<s>\", \"content\": \"b\"}], \"x\": \"cd\"}";
    assert_marks("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] | trim }};{% endfor %}", chat, "<s>[user]a<s>;[<s>]b;",
                 "111111111000011000101");
    assert_marks("{{ 'p' + x + 'q' }}{{ x ~ 1 }}{{ (x ~ 'z')[::-1] }}{{ x|upper ~ 'w' }}", chat, "pcdqcd1zdcCDw", "1001001100001");
    assert_marks("{{ ('<' ~ x ~ '>')|replace('c', '|') }}{{ ('a' ~ x).split('c')|join('-') }}", chat, "<|d>a-d", "1101110");
    assert_marks("{% macro m(v) %}<{{ v }}>{% endmacro %}{{ m(x) }}{% set y %}{{ x }}!{% endset %}{{ y }}{% filter upper %}a{{ x }}{% endfilter %}", chat,
                 "<cd>cd!ACD", "1001001100");
    assert_marks("{{ x|tojson }}{{ {'k': x}|tojson }}{{ [x, 1] }}{{ '%s-%s' % (x, 'y') }}", chat, "\"cd\"{\"k\": \"cd\"}['cd', 1]cd-y",
                 "0000001000000000000000000011");
    assert_marks("{{ 'ab{}'.format(x) }}{{ x.title() }}{{ x|indent(1, true) }}{{ '-'.join([x, 'z']) }}", chat, "abcdCd cdcd-z", "1100001000011");
    assert_marks("a{% generation %}b{{ x }}{% endgeneration %}c", chat, "abcdc", "13221");
    assert_marks("{{ ('<b>&lt;' ~ y ~ '&gt;')|striptags }}{{ strftime_now(x) }}{{ strftime_now('a' ~ x) }}", "{\"x\": \"cd\", \"y\": \"&lt;&amp;|\"}",
                 "<<&|>cdacd", "1000100000");
}

static void unsupported_constructs_are_refused_by_name_when_compiled(void **state) {
    static const char *const templates[][2] = {
        {"{% include 'x' %}", "'include'"},
        {"{% extends 'x' %}", "'extends'"},
        {"{% block a %}{% endblock %}", "'block'"},
        {"{% if false %}{% import 'x' as y %}{% endif %}", "'import'"},
        {"{% if false %}{{ 'x'|urlize }}{% endif %}", "filter 'urlize'"},
        {"{{ x|unheard_of }}", "'unheard_of'"},
        {"{{ x is unheard_of }}", "'unheard_of'"},
        {"{% autoescape true %}{% endautoescape %}", "'autoescape'"},
    };
    for (size_t i = 0; i < COUNT(templates); i++) {
        arena owner = {0};
        error err = {0};
        assert_null(chat_template_compile(&owner, templates[i][0], strlen(templates[i][0]), &err));
        if (strstr(err.text, templates[i][1]) == NULL) fail_msg("'%s' does not say %s", err.text, templates[i][1]);
        arena_drop(&owner);
    }
}

static void errors_name_the_template_s_line(void **state) {
    assert_fails("a\n{% if true %}\n\n{{ missing.x }}{% endif %}", "{}", "line 4: 'missing' is undefined");
    assert_fails("{% macro m() %}\n{{ 1 + 'a' }}{% endmacro %}\n\n{{ m() }}", "{}", "line 2: ");
    assert_fails("\n\n{{ raise_exception('No ' ~ 5) }}", "{}", "line 3: No 5");
    assert_fails("\n{% for %}", "{}", "line 2: ");
    assert_fails("{#\n#}\n{{ 'a\nb' ~ }}", "{}", "line 4: ");
    assert_fails("{{ m.x.y }}", "{\"m\": {}}", "'dict object' has no attribute 'x'");
}

static void hostile_templates_meet_a_limit(void **state) {
    assert_fails("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "{}", "too long");
    assert_fails("{% set ns = namespace(x='aaaaaaaa') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", "{}", "more memory");
    assert_fails("{% for a in range(99999) %}{{ 'aaaaaaaaaaaaaaaa' * 99 }}{% endfor %}", "{}", "grows beyond");
    assert_fails("{{ 'a' * 99999999999 }}", "{}", "more memory");
    assert_fails("{{ 'a'.ljust(99999999999) }}{{ 'a'|indent(99999999999) }}", "{}", "more memory");
    assert_fails("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{}", "nested deeper");
    assert_fails("{{ 10 ** 9999 }}", "{}", "too large");
    assert_fails("{% set ns = namespace(x=[]) %}{% for a in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}{{ ns.x == ns.x }}{{ ns.x|tojson }}",
                 "{}", "line 1");
    /* generators over generators, keys in keys: each level is a call of ours */
    assert_fails("{% set ns = namespace(x=[1]) %}{% for a in range(99999) %}{% set ns.x = ns.x|map('abs') %}{% endfor %}{{ ns.x|list }}", "{}",
                 "nested deeper");
    assert_fails("{% set ns = namespace(x=()) %}{% for a in range(99999) %}{% set ns.x = (1, ns.x) %}{% endfor %}{{ {ns.x: 1} }}", "{}", "nested too deep");
    char deep[4000];
    memset(deep, '(', sizeof deep);
    memcpy(deep, "{{ ", 3);
    deep[sizeof deep - 1] = 0;
    assert_fails(deep, "{}", "nested too deep");
    for (size_t i = 3; i + 1 < sizeof deep; i++) deep[i] = i % 2 == 0 ? 'a' : '+';
    assert_fails(deep, "{}", "line 1");
}

/* One step each for the engine, and for Python; each of them looks at a megabyte, and some at it for each of its characters. */
static void what_looks_at_long_texts_is_charged_for_it(void **state) {
    static const char *const looks[] = {
        "s.find('x')",       "s.isalpha()",       "s.startswith(s)", "s is sameas t",       "d[s]",   "s in d",      "d.get(s)",
        "s.strip(t ~ 'a')",  "t.rstrip('b' ~ s)", "'%.1s' % s",      "('9' * 4000)|int",    "{s: 1}", "{s: 1} == d", "s.rfind('b' ~ t[1:])",
        "s.rsplit('b' ~ t)", "dict(d)",           "s.count('b')",    "namespace(**{s: 1})", "s < t",  "[s] == [t]",  "('{' ~ '[' * 999999).format()",
    };
    for (size_t i = 0; i < COUNT(looks); i++) {
        arena owner = {0};
        const char *template = arena_print(&owner,
                                           "{%% set s = 'a' * 1000000 %%}{%% set t = 'a' * 999999 ~ 'a' %%}{%% set d = {s: 1} %%}"
                                           "{%% for a in range(99999) %%}{%% for b in range(99999) %%}{%% if %s %%}{%% endif %%}{%% endfor %%}{%% endfor %%}",
                                           looks[i]);
        assert_fails(template, "{}", "line 1");
        arena_drop(&owner);
    }
    assert_renders("{{ ('\xce\xa3' * 999999)|lower|length }}", "{}", "999999");
}

static void templates_of_many_names_are_refused(void **state) {
    static const char *const shapes[][3] = {
        {"", "{%% set a%d = 1 %%}", ""}, {"", "{{ a%d }}", ""}, {"{% macro m(x", ",a%d", ") %}{% endmacro %}"}, {"{{ dict(x=1", ",a%d=1", ") }}"}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        arena owner = {0};
        string template = {0};
        error err = {0};
        string_print(&template, "%s", shapes[i][0]);
        for (int k = 0; k < 5000; k++) string_print(&template, shapes[i][1], k);
        string_print(&template, "%s", shapes[i][2]);
        assert_null(chat_template_compile(&owner, template.data, template.length, &err));
        assert_non_null(strstr(err.text, "more than"));
        string_drop(&template);
        arena_drop(&owner);
    }
}

/* Numbers at the ends of 64 bits, which clamp what Python would count further. */
static void numbers_at_their_limits_are_no_trouble(void **state) {
    assert_renders("{{ 'abcdef'[2::9223372036854775807] }}{{ [1, 2, 3][2::9223372036854775807] }}{{ '\xc3\xa9"
                   "a'[1::9223372036854775807] }}",
                   "{}", "c[3]a");
    assert_renders("{{ 'a'.zfill(0 - 10**30) }}{{ 'a'|center(0 - 10**30) }}{{ 'abc'|truncate(10**30) }}", "{}", "aaabc");
    assert_renders("{{ 9223372036854775807|round(-1) }} {{ (-9223372036854775807 - 1)|round(-1) }} {{ 25|round(-1) }} {{ 35|round(-1) }} {{ -25|round(-1) }}",
                   "{}", "9223372036854775810 -9223372036854775810 20 40 -20");
    assert_renders("{{ (0 - 1e300)|filesizeformat|length }}{{ 10**400 > 1.5 }}{{ 0 - 10**400 > 1.5 }}", "{}", "308TrueFalse");
    assert_fails("{{ range(0, 100, 3)[::4611686018427387904] }}", "{}", "too large");
}

typedef struct rendering {
    const chat_template *t;
    const chat_template_input *in;
    bool ok[64];
} rendering;
static void render_one(void *state, long i) {
    rendering *all = state;
    string out = {0};
    all->ok[i] = chat_template_render(all->t, all->in, &out, NULL, NULL) && strcmp(string_chars(&out), "a1a2|5") == 0;
    string_drop(&out);
}
static void a_compiled_template_serves_many_threads(void **state) {
    arena owner = {0};
    error err = {0};
    const char *text = "{% set x = 'a' %}{% macro m(v) %}{{ x ~ v }}{% endmacro %}{% for v in l %}{{ m(v) }}{% set x = v %}{% endfor %}|{{ 2 + 3 }}";
    const chat_template_input in = {.variables = parse(&owner, "{\"l\": [1, 2]}"), .now = NOON};
    rendering all = {.t = chat_template_compile(&owner, text, strlen(text), &err), .in = &in};
    assert_non_null(all.t);
    parallel_for(COUNT(all.ok), render_one, &all);
    for (size_t i = 0; i < COUNT(all.ok); i++) assert_true(all.ok[i]);
    arena_drop(&owner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_refusals_are_those_of_jinja),
        cmocka_unit_test(templates_of_real_models_give_the_reference_s_text),
        cmocka_unit_test(input_that_transformers_always_passes_is_there),
        cmocka_unit_test(time_is_what_the_input_says),
        cmocka_unit_test(bytes_are_marked_by_who_wrote_them),
        cmocka_unit_test(unsupported_constructs_are_refused_by_name_when_compiled),
        cmocka_unit_test(errors_name_the_template_s_line),
        cmocka_unit_test(hostile_templates_meet_a_limit),
        cmocka_unit_test(what_looks_at_long_texts_is_charged_for_it),
        cmocka_unit_test(templates_of_many_names_are_refused),
        cmocka_unit_test(numbers_at_their_limits_are_no_trouble),
        cmocka_unit_test(a_compiled_template_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
