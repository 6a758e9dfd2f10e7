#include "base/options.h"
#include "base/yaml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct settings {
    bool dry, shuffle;
    long steps, n_layer;
    double lr;
    const char *out;
    int schedule;
    const json *train;
    option_texts names;
} settings;

enum { N_OPTION = 10 };

static settings defaults(void) {
    return (settings){.shuffle = true, .steps = 100, .n_layer = 6, .lr = 6e-4, .schedule = 1};
}

static void table_fill(option table[N_OPTION], settings *s) {
    const option rows[N_OPTION] = {
        {"dry-run", 'd', OPT_FLAG, &s->dry, .help = "does nothing"},
        {"data.shuffle", 0, OPT_FLAG, &s->shuffle, .help = "in random order"},
        {"steps", 'n', OPT_INT, &s->steps, .help = "steps to make", .least = 1, .most = 1e9},
        {"model.n_layer", 0, OPT_INT, &s->n_layer, .help = "layers"},
        {"optimizer.lr", 0, OPT_REAL, &s->lr, .help = "learning rate", .least = 0, .most = 10},
        {"out", 'o', OPT_TEXT, &s->out, .argument = "DIR", .help = "folder to write"},
        {"schedule.name", 0, OPT_CHOICE, &s->schedule, .choices = "constant|cosine|wsd", .help = "how the rate goes"},
        {"data.train", 0, OPT_LIST, &s->train, .help = "what to read"},
        {"names", 0, OPT_TEXTS, &s->names, .help = "names, one a time"},
    };
    memcpy(table, rows, sizeof rows);
}

typedef struct parsed {
    parse_result result;
    settings to;
    common_options common;
    error err;
} parsed;

#define PARSE(owner_, ...) parse(owner_, (const char *[]){"train", __VA_ARGS__, NULL})

static parsed parse(arena *owner, const char **argv) {
    parsed p = {.to = defaults()};
    option table[N_OPTION];
    settings *to = arena_alloc(owner, sizeof *to);
    *to = defaults();
    table_fill(table, to);
    const command c = {.name = "train",
                       .arguments = "CONFIG [MORE]",
                       .summary = "trains",
                       .examples = "  socle train x\n",
                       .options = table,
                       .least_words = 1,
                       .most_words = 2,
                       .takes_set = true};
    int argc = 0;
    while (argv[argc] != NULL) argc++;
    p.result = options_parse(&c, argc, (char **)argv, owner, &p.common, &p.err);
    p.to = *to;
    return p;
}

static void flags_and_words_are_told_apart(void **state) {
    arena a = {0};
    parsed p = PARSE(&a, "c.yaml", "--steps", "7", "-oX", "--optimizer.lr=1e-3", "-d", "--threads=2", "--set", "a=1", "--set=b.c=2", "--no-data.shuffle", "--",
                     "--word");
    if (p.result != PARSE_OK) fail_msg("%s", p.err.text);
    assert_int_equal(p.to.steps, 7);
    assert_string_equal(p.to.out, "X");
    assert_true(p.to.lr == 1e-3 && p.to.dry && !p.to.shuffle);
    assert_int_equal(p.common.threads, 2);
    assert_int_equal(p.common.seed, 1);
    assert_int_equal(p.common.set.n, 2);
    assert_string_equal(p.common.set.text[1], "b.c=2");
    assert_int_equal(p.common.n_word, 2);
    assert_string_equal(p.common.words[0], "c.yaml");
    assert_string_equal(p.common.words[1], "--word");
    p = PARSE(&a, "-", "-5", "--dry_run", "--quiet", "--json", "--seed", "9");
    assert_int_equal(p.result, PARSE_OK);
    assert_string_equal(p.common.words[1], "-5");
    assert_true(p.to.dry && p.common.quiet && p.common.json && p.common.seed == 9);
    p = PARSE(&a, "c", "--schedule.name", "wsd", "--data.train", "[{path: x}]");
    assert_int_equal(p.to.schedule, 2);
    assert_string_equal(json_get_text(&p.to.train->item[0], "path", ""), "x");
    arena_drop(&a);
}

static void an_option_may_be_given_many_times(void **state) {
    arena a = {0};
    parsed p = PARSE(&a, "c", "--names", "x", "--names=y=z", "-d", "--names", "--", "last");
    assert_int_equal(p.result, PARSE_OK);
    assert_int_equal(p.to.names.n, 3);
    assert_string_equal(p.to.names.text[0], "x");
    assert_string_equal(p.to.names.text[1], "y=z");
    assert_string_equal(p.to.names.text[2], "--");
    assert_null(p.to.names.text[3]);
    assert_string_equal(p.common.words[1], "last");
    settings s = defaults();
    option table[N_OPTION];
    table_fill(table, &s);
    error err = {0};
    assert_true(options_set(table, "names=[one, two]", &a, &err));
    assert_int_equal(s.names.n, 2);
    assert_string_equal(s.names.text[1], "two");
    assert_true(options_set(table, "names=alone", &a, &err));
    assert_int_equal(s.names.n, 1);
    assert_false(options_set(table, "names=[{a: 1}]", &a, &err));
    arena_drop(&a);
}

static void command_lines_that_are_off_say_why(void **state) {
    static const struct {
        const char *a, *b, *says;
    } bad[] = {
        {"c", "--stpes", "there is no option --stpes; the nearest is --steps"},
        {"c", "--treads=3", "there is no option --treads; the nearest is --threads"},
        {"c", "--lr", "the nearest is --optimizer.lr"},
        {"c", "-x", "there is no option -x"},
        {"c", "--steps", "--steps wants a value"},
        {"c", "--steps=12x", "--steps: '12x' is no whole number"},
        {"c", "--steps=0", "--steps: 0 lies outside 1 to 1000000000"},
        {"c", "-n", "-n wants a value"},
        {"c", "--steps=99999999999999999999", "too large"},
        {"c", "--optimizer.lr=nan", "'nan' is no number"},
        {"c", "--schedule.name=cosin", "'cosin' is none of constant|cosine|wsd"},
        {"c", "--dry-run=maybe", "neither true nor false"},
        {"c", "-dx", "-d takes no value"},
        {"--quiet", "--json", "train wants CONFIG"},
        {"c", "--no-steps", "there is no option"},
        {"c", "--threads=-1", "outside 0 to 512"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        arena a = {0};
        const parsed p = PARSE(&a, bad[i].a, bad[i].b);
        assert_int_equal(p.result, PARSE_ERROR);
        if (strstr(p.err.text, bad[i].says) == NULL) fail_msg("%s: it says '%s', not '%s'", bad[i].b, p.err.text, bad[i].says);
        arena_drop(&a);
    }
    arena a = {0};
    const parsed p = PARSE(&a, "1", "2", "3");
    assert_string_equal(p.err.text, "'3' is one argument too many; train takes CONFIG [MORE]");
    arena_drop(&a);
}

static void help_wins_over_everything_and_shows_the_defaults(void **state) {
    arena a = {0};
    option table[N_OPTION];
    settings s = defaults();
    table_fill(table, &s);
    const command c = {.name = "train",
                       .arguments = "CONFIG",
                       .summary = "trains a model",
                       .examples = "  socle train x.yaml\n",
                       .options = table,
                       .least_words = 1,
                       .most_words = 1,
                       .takes_set = true};
    const char *argv[] = {"train", "--steps", "5", "--nonsense", "--help", NULL};
    common_options common;
    error err = {0};
    assert_int_equal(options_parse(&c, 5, (char **)argv, &a, &common, &err), PARSE_HELP);
    string out = {0};
    options_help(&c, &out);
    static const char *const parts[] = {"usage: socle train [options] CONFIG\n",
                                        "trains a model",
                                        "-n, --steps N",
                                        "(default: 100)",
                                        "--out DIR",
                                        "(default: 0.0006)",
                                        "(default: cosine)",
                                        "--no-data.shuffle turns it off",
                                        "--threads N",
                                        "--seed N",
                                        "--set a.b=VALUE",
                                        "--help",
                                        "examples:\n  socle train x.yaml\n"};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strstr(out.data, parts[i]) == NULL) fail_msg("'%s' is missing in:\n%s", parts[i], out.data);
    string_drop(&out);
    const char *value[] = {"train", "-o", "--help", "c", NULL}; /* here it is the value of -o */
    assert_int_equal(options_parse(&c, 4, (char **)value, &a, &common, &err), PARSE_OK);
    assert_string_equal(s.out, "--help");
    arena_drop(&a);
}

static bool from_yaml(arena *a, settings *s, const char *text, error *err) {
    option table[N_OPTION];
    table_fill(table, s);
    const json *tree = yaml_parse(a, text, strlen(text), err);
    return tree != NULL && options_from_tree(table, tree, "c.yaml", a, err);
}

static void a_yaml_fills_the_table(void **state) {
    arena a = {0};
    error err = {0};
    settings s = defaults();
    if (!from_yaml(
            &a, &s,
            "model: {n_layer: 12}\nsteps: 2e3\noptimizer:\n  lr: 1\ndata:\n  shuffle: false\n  train: [{path: a, weight: 2}]\nschedule: {name: wsd}\nout: 42\n",
            &err))
        fail_msg("%s", err.text);
    assert_true(s.n_layer == 12 && s.steps == 2000 && s.lr == 1 && !s.shuffle && s.schedule == 2);
    assert_string_equal(s.out, "42");
    assert_int_equal(s.train->length, 1);
    assert_true(from_yaml(&a, &s, "", &err));
    assert_true(from_yaml(&a, &s, "optimizer:\nout: null\noptimizer.lr: 2\n", &err));
    assert_null(s.out);
    assert_true(s.lr == 2);
    arena_drop(&a);
}

static void a_yaml_that_is_off_says_file_line_and_key(void **state) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"steps: 5\nstpes: 1\n", "c.yaml: line 2: stpes: there is no such key; the nearest is 'steps'"},
        {"optimizer:\n  lr: 1\n  lrr: 2\n", "c.yaml: line 3: optimizer.lrr: there is no such key; the nearest is 'optimizer.lr'"},
        {"optimiser: {lr: 1}\n", "line 1: optimiser: there is no such key; the nearest is 'optimizer.lr'"},
        {"lr: 1\n", "the nearest is 'optimizer.lr'"},
        {"optimizer: 5\n", "c.yaml: line 1: optimizer: keys and values are wanted, not number"},
        {"[1]", "c.yaml: keys and values are wanted, not array"},
        {"steps: many\n", "c.yaml: line 1: steps: a whole number is wanted, not many"},
        {"steps: 1.5\n", "steps: 1.5 is no whole number"},
        {"steps: 0\n", "lies outside"},
        {"optimizer: {lr: .inf}\n", "no finite number"},
        {"data: {shuffle: yes}\n", "true or false is wanted, not yes"},
        {"out: [a]\n", "a text is wanted, not array"},
        {"out: \"a\\0b\"\n", "zero byte"},
        {"schedule: {name: linear}\n", "'linear' is none of"},
        {"steps: {a: 1}\n", "a whole number is wanted, not object"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        arena a = {0};
        error err = {0};
        settings s = defaults();
        assert_false(from_yaml(&a, &s, bad[i].text, &err));
        if (strstr(err.text, bad[i].says) == NULL) fail_msg("%s: it says '%s', not '%s'", bad[i].text, err.text, bad[i].says);
        arena_drop(&a);
    }
}

static void set_is_refused_where_there_is_no_configuration(void **state) {
    arena a = {0};
    common_options common;
    error err = {0};
    const option table[] = {{0}};
    const command c = {.name = "pack", .arguments = "", .summary = "packs", .examples = "", .options = table};
    const char *argv[] = {"pack", "--set", "a=1", NULL};
    assert_int_equal(options_parse(&c, 3, (char **)argv, &a, &common, &err), PARSE_ERROR);
    assert_string_equal(err.text, "--set a=1: pack has no configuration whose keys could be set");
    string out = {0};
    options_help(&c, &out);
    assert_null(strstr(out.data, "--set"));
    string_drop(&out);
    arena_drop(&a);
}

static void set_applies_one_assignment(void **state) {
    arena a = {0};
    error err = {0};
    settings s = defaults();
    option table[N_OPTION];
    table_fill(table, &s);
    static const char *const good[] = {
        "steps=9", "optimizer.lr=0.5", "data.shuffle=false", "out=a: b", "schedule.name=constant", "data.train=[{path: q}]", "model={n_layer: 3}"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (!options_set(table, good[i], &a, &err)) fail_msg("%s", err.text);
    assert_true(s.steps == 9 && s.lr == 0.5 && !s.shuffle && s.schedule == 0 && s.n_layer == 3);
    assert_string_equal(s.out, "a: b");
    static const struct {
        const char *text, *says;
    } bad[] = {{"steps", "--set steps: a.b=value is wanted"},
               {"step=3", "--set step=3: step: there is no such key; the nearest is 'steps'"},
               {"steps=x", "--set steps=x: steps: a whole number is wanted, not x"},
               {"data.train=[", "--set data.train=["},
               {"=1", "wanted"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        error_clear(&err);
        assert_false(options_set(table, bad[i].text, &a, &err));
        if (strstr(err.text, bad[i].says) == NULL) fail_msg("%s: it says '%s', not '%s'", bad[i].text, err.text, bad[i].says);
    }
    arena_drop(&a);
}

static void what_the_table_writes_it_reads_back(void **state) {
    arena a = {0};
    error err = {0};
    settings s = defaults(), back = {0};
    option table[N_OPTION];
    table_fill(table, &s);
    assert_true(options_set(table, "data.train=[{path: \"x y\", weight: 1.5}]", &a, &err));
    s.out = "true";
    string out = {0};
    options_write(table, &out);
    if (!from_yaml(&a, &back, out.data, &err)) fail_msg("%s in\n%s", err.text, out.data);
    assert_true(back.steps == s.steps && back.lr == s.lr && back.shuffle == s.shuffle && back.n_layer == s.n_layer && back.schedule == s.schedule &&
                back.dry == s.dry);
    assert_string_equal(back.out, "true");
    assert_string_equal(json_get_text(&back.train->item[0], "path", ""), "x y");
    string_drop(&out);
    arena_drop(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_words_are_told_apart),
        cmocka_unit_test(an_option_may_be_given_many_times),
        cmocka_unit_test(command_lines_that_are_off_say_why),
        cmocka_unit_test(help_wins_over_everything_and_shows_the_defaults),
        cmocka_unit_test(a_yaml_fills_the_table),
        cmocka_unit_test(a_yaml_that_is_off_says_file_line_and_key),
        cmocka_unit_test(set_applies_one_assignment),
        cmocka_unit_test(set_is_refused_where_there_is_no_configuration),
        cmocka_unit_test(what_the_table_writes_it_reads_back),
    };
    return cmocka_run_group_tests_name("base/options", tests, NULL, NULL);
}
