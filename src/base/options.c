#include "base/options.h"

#include "base/number.h"
#include "base/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = 128 };

/* '-' and '_' are the same in a name: --vocab-size and vocab_size. */
static char name_char(char c) {
    return c == '_' ? '-' : c;
}

static bool name_begins(const char *whole, const char *name, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (whole[i] == 0 || name_char(whole[i]) != name_char(name[i])) return false;
    return true;
}

static const option *option_find(const option *table, const char *name, size_t n) {
    for (; table != NULL && table->name != NULL; table++)
        if (name_begins(table->name, name, n) && table->name[n] == 0) return table;
    return NULL;
}

/* Whether some option's name begins with `name` and a dot: it is a level of the tree. */
static bool level_known(const option *table, const char *name, size_t n) {
    for (; table != NULL && table->name != NULL; table++)
        if (name_begins(table->name, name, n) && table->name[n] == '.') return true;
    return false;
}

/* Edits (put, drop, change, swap of neighbours) from one text to the other: Damerau 1964, restricted form. */
static int edit_distance(const char *a, size_t na, const char *b, size_t nb) {
    int rows[3][LONGEST_NAME + 1];
    if (na > LONGEST_NAME) na = LONGEST_NAME;
    if (nb > LONGEST_NAME) nb = LONGEST_NAME;
    for (size_t j = 0; j <= nb; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3];
        const int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int least = last[j - 1] + (name_char(a[i - 1]) != name_char(b[j - 1]));
            if (last[j] + 1 < least) least = last[j] + 1;
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < least) least = before[j - 2] + 1;
            row[j] = least;
        }
    }
    return rows[na % 3][nb];
}

static void nearest_in(const option *table, const char *name, size_t n, const char **best, int *distance) {
    for (; table != NULL && table->name != NULL; table++) {
        /* A key that stands on the wrong level (lr for optimizer.lr) is nearer than its letters say. */
        const char *last = strrchr(table->name, '.');
        int d = edit_distance(name, n, table->name, strlen(table->name));
        if (last != NULL) {
            const int inner = edit_distance(name, n, last + 1, strlen(last + 1)) + 1;
            if (inner < d) d = inner;
        }
        if (*best == NULL || d < *distance) *best = table->name, *distance = d;
    }
}

static bool bounded(const option *o, double x, const char *text, error *err) {
    if (!(o->least < o->most) || (x >= o->least && x <= o->most)) return true;
    char least[32], most[32];
    number_print(o->least, least);
    number_print(o->most, most);
    if (isinf(o->most)) return fail(err, "%s is too small; %s is the least", text, least);
    return fail(err, "%s lies outside %s to %s", text, least, most);
}

static bool choice_put(const option *o, const char *text, error *err) {
    const size_t n = strlen(text);
    int i = 0;
    for (const char *c = o->choices; c != NULL && *c != 0; i++) {
        const size_t width = strcspn(c, "|");
        if (width == n && memcmp(c, text, n) == 0) return *(int *)o->value = i, true;
        c += width + (c[width] == '|');
    }
    return fail(err, "'%s' is none of %s", text, o->choices);
}

static bool texts_add(option_texts *list, const char *text, arena *owner, error *err) {
    if (list->n + 1 >= list->room) {
        const size_t more = list->room == 0 ? 8 : list->room * 2;
        const char **larger = arena_grow(owner, list->text, list->room * sizeof(char *), more * sizeof(char *));
        if (larger == NULL) return fail(err, "the list is too long");
        list->text = larger;
        list->room = more;
    }
    list->text[list->n++] = text;
    list->text[list->n] = NULL;
    return true;
}

static bool flag_read(const char *text, bool *truth) {
    *truth = strcmp(text, "true") == 0;
    return *truth || strcmp(text, "false") == 0;
}

/* Sets a value from its text on the command line. */
static bool put_text(const option *o, const char *text, arena *owner, error *err) {
    switch (o->type) {
    case OPT_FLAG: {
        bool truth;
        if (!flag_read(text, &truth)) return fail(err, "'%s' is neither true nor false", text);
        return *(bool *)o->value = truth, true;
    }
    case OPT_INT: {
        char *end;
        errno = 0;
        const long x = strtol(text, &end, 10);
        if (end == text || *end != 0) return fail(err, "'%s' is no whole number", text);
        if (errno != 0) return fail(err, "%s is too large", text);
        if (!bounded(o, (double)x, text, err)) return false;
        return *(long *)o->value = x, true;
    }
    case OPT_REAL: {
        double x;
        if (!number_read(text, strlen(text), &x) || !isfinite(x)) return fail(err, "'%s' is no number", text);
        if (!bounded(o, x, text, err)) return false;
        return *(double *)o->value = x, true;
    }
    case OPT_TEXT: {
        const char *copy = arena_copy(owner, text);
        if (copy == NULL) return fail(err, "the text is too long");
        return *(const char **)o->value = copy, true;
    }
    case OPT_TEXTS: {
        const char *copy = arena_copy(owner, text);
        return copy != NULL ? texts_add(o->value, copy, owner, err) : fail(err, "the text is too long");
    }
    case OPT_CHOICE: return choice_put(o, text, err);
    case OPT_LIST: {
        const json *tree = yaml_parse(owner, text, strlen(text), err);
        if (tree != NULL) *(const json **)o->value = tree;
        return tree != NULL;
    }
    }
    return false;
}

/* A list of texts, or one text, in place of what was there. */
static bool put_texts(const option *o, const json *v, arena *owner, error *err) {
    option_texts list = {0};
    const size_t n = v->type == JSON_ARRAY ? v->length : v->type == JSON_NULL ? 0 : 1;
    for (size_t i = 0; i < n; i++) {
        const json *item = v->type == JSON_ARRAY ? &v->item[i] : v;
        if (item->type == JSON_NULL || item->type >= JSON_ARRAY || item->text == NULL) return fail(err, "texts are wanted, not %s", json_type_name(item->type));
        if (strlen(item->text) != item->length) return fail(err, "the text holds a zero byte");
        if (!texts_add(&list, item->text, owner, err)) return false;
    }
    return *(option_texts *)o->value = list, true;
}

/* Sets a value from a tree. */
static bool put_value(const option *o, const json *v, arena *owner, error *err) {
    switch (o->type) {
    case OPT_FLAG:
        if (v->type != JSON_BOOL) return fail(err, "true or false is wanted, not %s", v->type == JSON_STRING ? v->text : json_type_name(v->type));
        return *(bool *)o->value = v->truth, true;
    case OPT_INT: {
        const bool whole = v->type == JSON_NUMBER && (v->is_integer || (v->number == floor(v->number) && fabs(v->number) < 0x1p53));
        if (v->type != JSON_NUMBER) return fail(err, "a whole number is wanted, not %s", v->type == JSON_STRING ? v->text : json_type_name(v->type));
        if (!whole) return fail(err, "%s is no whole number, or too large", v->text);
        if (!bounded(o, v->number, v->text, err)) return false;
        return *(long *)o->value = v->is_integer ? (long)v->integer : (long)v->number, true;
    }
    case OPT_REAL:
        if (v->type != JSON_NUMBER) return fail(err, "a number is wanted, not %s", v->type == JSON_STRING ? v->text : json_type_name(v->type));
        if (!isfinite(v->number)) return fail(err, "%s is no finite number", v->text);
        if (!bounded(o, v->number, v->text, err)) return false;
        return *(double *)o->value = v->number, true;
    case OPT_TEXT:
    case OPT_CHOICE:
        if (v->type >= JSON_ARRAY) return fail(err, "a text is wanted, not %s", json_type_name(v->type));
        if (v->text != NULL && strlen(v->text) != v->length) return fail(err, "the text holds a zero byte");
        if (o->type == OPT_CHOICE) return choice_put(o, v->text == NULL ? "" : v->text, err);
        if (v->type == JSON_NULL) return *(const char **)o->value = NULL, true;
        return put_text(o, v->text, owner, err);
    case OPT_TEXTS: return put_texts(o, v, owner, err);
    case OPT_LIST: return *(const json **)o->value = v->type == JSON_NULL ? NULL : v, true;
    }
    return false;
}

/* Puts the value at `name` (dots are levels) where the table wants it. `line` 0: no line is told. */
static bool put_tree(const option *table, const char *name, const json *v, arena *owner, error *err) {
    const option *o = option_find(table, name, strlen(name));
    if (o != NULL) {
        if (put_value(o, v, owner, err)) return true;
        fail(err, "%s", name);
        return v->line > 0 ? fail(err, "line %d", v->line) : false;
    }
    if (name[0] != 0 && !level_known(table, name, strlen(name))) {
        const char *best = NULL;
        int distance = 0;
        nearest_in(table, name, strlen(name), &best, &distance);
        if (best == NULL) fail(err, "%.100s: there is no such key, and no other", name);
        else fail(err, "%.100s: there is no such key; the nearest is '%s'", name, best);
        return v->line > 0 ? fail(err, "line %d", v->line) : false;
    }
    if (v->type == JSON_NULL) return true;
    if (v->type != JSON_OBJECT) {
        if (name[0] == 0) return fail(err, "keys and values are wanted, not %s", json_type_name(v->type));
        fail(err, "%s: keys and values are wanted, not %s", name, json_type_name(v->type));
        return v->line > 0 ? fail(err, "line %d", v->line) : false;
    }
    for (size_t i = 0; i < v->length; i++) {
        char inner[2 * LONGEST_NAME];
        snprintf(inner, sizeof inner, "%s%s%.*s", name, name[0] == 0 ? "" : ".", LONGEST_NAME, v->key[i]); /* one too long is unknown as well */
        if (!put_tree(table, inner, &v->item[i], owner, err)) return false;
    }
    return true;
}

bool options_from_tree(const option *options, const json *tree, const char *file, arena *owner, error *err) {
    return put_tree(options, "", tree, owner, err) || (file != NULL && fail(err, "%s", file));
}

static void forget_lines(json *v) {
    v->line = 0;
    for (size_t i = 0; v->type >= JSON_ARRAY && i < v->length; i++) forget_lines(&v->item[i]);
}

bool options_set(const option *options, const char *assignment, arena *owner, error *err) {
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment) return fail(err, "--set %s: a.b=value is wanted", assignment);
    if (equals - assignment >= LONGEST_NAME) return fail(err, "--set %.60s...: there is no such key", assignment);
    char name[LONGEST_NAME];
    snprintf(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
    const option *o = option_find(options, name, strlen(name));
    error yaml = {0};
    json *v = yaml_parse(owner, equals + 1, strlen(equals + 1), &yaml);
    if (o != NULL && o->type == OPT_TEXT && (v == NULL || v->type >= JSON_ARRAY)) return put_text(o, equals + 1, owner, err); /* a text as it is */
    if (v == NULL) return fail(err, "--set %s: %s", assignment, yaml.text);
    forget_lines(v);
    return put_tree(options, name, v, owner, err) || fail(err, "--set %s", assignment);
}

/* ---- the command line ---- */

typedef struct command_line {
    const option *own, *common;
    arena *owner;
    common_options *to;
    option_texts words;
    bool apply; /* false: only look for --help, which must show defaults that nothing has changed */
    bool help;
    error *err;
} command_line;

/* Sets one option, in the command's table and in the common one where both have it. */
static bool line_put(command_line *l, const char *shown, const char *name, size_t n, const char *text) {
    const option *o[2] = {option_find(l->own, name, n), option_find(l->common, name, n)};
    if (!l->apply) return true;
    for (int i = 0; i < 2; i++) {
        if (o[i] == NULL) continue;
        if (o[i]->type == OPT_FLAG && text == NULL) *(bool *)o[i]->value = true;
        else if (!put_text(o[i], text, l->owner, l->err)) return fail(l->err, "%s", shown);
    }
    return true;
}

static bool line_unknown(const command_line *l, const char *shown, const char *name, size_t n) {
    const char *best = NULL;
    int distance = 0;
    nearest_in(l->own, name, n, &best, &distance);
    nearest_in(l->common, name, n, &best, &distance);
    return fail(l->err, "there is no option %s; the nearest is --%s", shown, best);
}

/* --name, --name=value, --name value, --no-name. Moves *at where the value is the next word. */
static bool line_long(command_line *l, int argc, char **argv, int *at) {
    const char *name = argv[*at] + 2, *equals = strchr(name, '='), *value = equals == NULL ? NULL : equals + 1;
    const size_t n = equals == NULL ? strlen(name) : (size_t)(equals - name);
    char shown[LONGEST_NAME];
    snprintf(shown, sizeof shown, "--%.*s", (int)(n < 100 ? n : 100), name);
    const option *o = option_find(l->own, name, n);
    if (o == NULL) o = option_find(l->common, name, n);
    if (o == NULL && n > 3 && strncmp(name, "no-", 3) == 0 && value == NULL) {
        const option *positive = option_find(l->own, name + 3, n - 3);
        if (positive != NULL && positive->type == OPT_FLAG) return line_put(l, shown, name + 3, n - 3, "false");
    }
    if (o == NULL) return l->apply ? line_unknown(l, shown, name, n) : true;
    if (o->value == &l->help) return l->help = true;
    if (o->type != OPT_FLAG && value == NULL) {
        if (*at + 1 >= argc) return l->apply ? fail(l->err, "%s wants a value", shown) : true;
        value = argv[++*at];
    }
    return line_put(l, shown, name, n, value);
}

/* -n 5, -n5, and flags. */
static bool line_short(command_line *l, int argc, char **argv, int *at) {
    const char *word = argv[*at];
    const option *tables[] = {l->own, l->common};
    for (int i = 0; i < 2; i++)
        for (const option *o = tables[i]; o != NULL && o->name != NULL; o++) {
            if (o->letter != word[1]) continue;
            if (o->value == &l->help) return l->help = true;
            const char shown[] = {'-', word[1], 0}, *value = word[2] != 0 ? word + 2 : NULL;
            if (o->type == OPT_FLAG && value != NULL) return l->apply ? fail(l->err, "%s takes no value; '%s' was given", shown, value) : true;
            if (o->type != OPT_FLAG && value == NULL) {
                if (*at + 1 >= argc) return l->apply ? fail(l->err, "%s wants a value", shown) : true;
                value = argv[++*at];
            }
            return line_put(l, shown, o->name, strlen(o->name), value);
        }
    return l->apply ? line_unknown(l, word, word + 1, strlen(word + 1)) : true;
}

static bool line_walk(command_line *l, int argc, char **argv) {
    bool options = true;
    for (int i = 1; i < argc; i++) {
        double number;
        const char *word = argv[i];
        const bool is_word = !options || word[0] != '-' || word[1] == 0 || (word[1] != '-' && number_read(word, strlen(word), &number));
        bool ok = true;
        if (is_word) {
            if (l->apply) ok = texts_add(&l->words, word, l->owner, l->err);
        } else if (strcmp(word, "--") == 0) options = false;
        else ok = word[1] == '-' ? line_long(l, argc, argv, &i) : line_short(l, argc, argv, &i);
        if (!ok) return false;
    }
    return true;
}

/* The options of every command. */
static void common_table(option table[8], common_options *to, bool *help) {
    const option rows[] = {
        {"help", 'h', OPT_FLAG, help, .help = "shows this"},
        {"threads", 0, OPT_INT, &to->threads, .help = "cores to use; 0: all", .least = 0, .most = 512},
        {"seed", 0, OPT_INT, &to->seed, .help = "where random numbers start", .least = 0, .most = 0x1p53},
        {"quiet", 0, OPT_FLAG, &to->quiet, .help = "no progress, warnings and errors only"},
        {"verbose", 0, OPT_FLAG, &to->verbose, .help = "says more of what it does"},
        {"json", 0, OPT_FLAG, &to->json, .help = "results as JSON, one object a line"},
        {"device", 0, OPT_TEXT, &to->device, .argument = "DEVICE", .help = "where to compute: cpu"},
        {"set", 0, OPT_TEXTS, &to->set, .argument = "a.b=VALUE", .help = "sets a key of the configuration; may be given many times"},
    };
    memcpy(table, rows, sizeof rows);
}

parse_result options_parse(const command *c, int argc, char **argv, arena *owner, common_options *common, error *err) {
    option table[9] = {0}; /* the ninth ends it */
    command_line l = {.own = c->options, .common = table, .owner = owner, .to = common, .err = err};
    *common = (common_options){.seed = 1};
    common_table(table, common, &l.help);
    line_walk(&l, argc, argv);
    if (l.help) return PARSE_HELP;
    l.apply = true;
    if (!line_walk(&l, argc, argv)) return PARSE_ERROR;
    common->words = (char **)(uintptr_t)l.words.text;
    common->n_word = l.words.n;
    if (common->set.n > 0 && !c->takes_set)
        return fail(err, "--set %s: %s has no configuration whose keys could be set", common->set.text[0], c->name), PARSE_ERROR;
    if (common->quiet && common->verbose) return fail(err, "--quiet and --verbose exclude each other"), PARSE_ERROR;
    if (common->n_word < c->least_words) return fail(err, "%s wants %s", c->name, c->arguments), PARSE_ERROR;
    if (common->n_word > c->most_words)
        return fail(err, "'%s' is one argument too many; %s takes %s", common->words[c->most_words], c->name, c->most_words == 0 ? "none" : c->arguments),
               PARSE_ERROR;
    return PARSE_OK;
}

/* ---- what the table says about itself ---- */

static const char *argument_name(const option *o) {
    static const char *const names[] = {[OPT_FLAG] = "", [OPT_INT] = "N", [OPT_REAL] = "X", [OPT_TEXT] = "TEXT", [OPT_TEXTS] = "TEXT", [OPT_LIST] = "YAML"};
    return o->argument != NULL ? o->argument : o->type == OPT_CHOICE ? o->choices : names[o->type];
}

static const char *choice_text(const option *o, arena *owner) {
    const char *c = o->choices;
    for (int i = 0; i < *(int *)o->value && *c != 0; i++) {
        c += strcspn(c, "|");
        if (*c == '|') c++;
    }
    return arena_copy_bytes(owner, c, strcspn(c, "|"));
}

static json texts_tree(const option_texts *list, arena *owner) {
    if (list->n == 0) return (json){.type = JSON_NULL};
    json v = {.type = JSON_ARRAY, .length = list->n, .item = NEW_ARRAY(owner, list->n, json)};
    for (size_t i = 0; i < list->n; i++) v.item[i] = (json){.type = JSON_STRING, .text = list->text[i], .length = strlen(list->text[i])};
    return v;
}

static json value_tree(const option *o, arena *owner) {
    json v = {.type = JSON_NULL};
    switch (o->type) {
    case OPT_FLAG: return (json){.type = JSON_BOOL, .truth = *(bool *)o->value};
    case OPT_INT: return (json){.type = JSON_NUMBER, .is_integer = true, .integer = *(long *)o->value, .number = (double)*(long *)o->value};
    case OPT_REAL: return (json){.type = JSON_NUMBER, .number = *(double *)o->value};
    case OPT_TEXT: v.text = *(const char **)o->value; break;
    case OPT_CHOICE: v.text = choice_text(o, owner); break;
    case OPT_TEXTS: return texts_tree(o->value, owner);
    case OPT_LIST: return *(const json **)o->value == NULL ? v : **(const json **)o->value;
    }
    if (v.text != NULL) v.type = JSON_STRING, v.length = strlen(v.text);
    return v;
}

/* The options whose names begin with `prefix` (which ends in a dot, or is empty), as an object. */
static json level_tree(const option *options, const char *prefix, arena *owner) {
    size_t n = 0, all = 0;
    while (options[all].name != NULL) all++;
    json v = {
        .type = JSON_OBJECT, .item = NEW_ARRAY(owner, all, json), .key = NEW_ARRAY(owner, all, const char *), .key_length = NEW_ARRAY(owner, all, size_t)};
    const size_t skip = strlen(prefix);
    for (size_t i = 0; i < all; i++) {
        const char *name = options[i].name;
        if (strncmp(name, prefix, skip) != 0) continue;
        const size_t width = strcspn(name + skip, ".");
        const char *key = arena_copy_bytes(owner, name + skip, width);
        bool known = false;
        for (size_t j = 0; j < n; j++) known = known || strcmp(v.key[j], key) == 0;
        if (known) continue;
        v.key[n] = key;
        v.key_length[n] = width;
        v.item[n++] = name[skip + width] == 0 ? value_tree(&options[i], owner) : level_tree(options, arena_print(owner, "%s%s.", prefix, key), owner);
    }
    v.length = n;
    return v;
}

void options_write(const option *options, string *out) {
    arena scratch = {0};
    const json tree = level_tree(options, "", &scratch);
    yaml_write(out, &tree, 3);
    arena_drop(&scratch);
}

static void help_row(string *out, const option *o, bool with_default) {
    arena scratch = {0};
    string left = {0};
    if (o->letter != 0) string_print(&left, "  -%c, --%s", o->letter, o->name);
    else string_print(&left, "      --%s", o->name);
    const char *argument = argument_name(o);
    if (argument[0] != 0) string_print(&left, " %s", argument);
    string_print(out, "%-34s", string_chars(&left));
    if (left.length >= 34) string_print(out, "\n%-34s", "");
    string_print(out, " %s", o->help == NULL ? "" : o->help);
    const json v = with_default ? value_tree(o, &scratch) : (json){.type = JSON_NULL};
    if (o->type == OPT_FLAG && v.truth) string_print(out, " (the default; --no-%s turns it off)", o->name);
    else if (o->type != OPT_FLAG && v.type != JSON_NULL) {
        string text = {0};
        yaml_write(&text, &v, 0);
        string_print(out, " (default: %.*s)", (int)text.length - 1, string_chars(&text));
        string_drop(&text);
    }
    string_char(out, '\n');
    string_drop(&left);
    arena_drop(&scratch);
}

void options_help(const command *c, string *out) {
    option table[9] = {0};
    bool help = false;
    common_options common = {.seed = 1, .device = "cpu"};
    common_table(table, &common, &help);
    string_print(out, "usage: socle %s [options]%s%s\n\n%s\n", c->name, c->arguments == NULL || c->arguments[0] == 0 ? "" : " ",
                 c->arguments == NULL ? "" : c->arguments, c->summary);
    if (c->options != NULL && c->options->name != NULL) string_text(out, "\noptions:\n");
    for (const option *o = c->options; o != NULL && o->name != NULL; o++) help_row(out, o, true);
    string_text(out, "\noptions of every command:\n");
    for (const option *o = table; o->name != NULL; o++) {
        const bool sets = o->value == (void *)&common.set;
        if (option_find(c->options, o->name, strlen(o->name)) == NULL && (!sets || c->takes_set)) help_row(out, o, !sets);
    }
    if (c->examples != NULL && c->examples[0] != 0) string_print(out, "\nexamples:\n%s", c->examples);
}
