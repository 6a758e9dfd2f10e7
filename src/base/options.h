/* base/options.h: one option table a command. It serves flags (--out DIR, --out=DIR), `--set a.b=v`, YAML, `--help`, the docs
 * and config.yaml as it ran. A key that the table lacks is an error that names the nearest one. */
#ifndef SOCLE_BASE_OPTIONS_H
#define SOCLE_BASE_OPTIONS_H
#include "base/json.h"

typedef enum {
    OPT_FLAG,   /* bool *: --name; --no-name clears it */
    OPT_INT,    /* long * */
    OPT_REAL,   /* double * */
    OPT_TEXT,   /* const char ** */
    OPT_TEXTS,  /* option_texts *: may be given many times, in order; in YAML a text or a list of texts */
    OPT_CHOICE, /* int *: index into `choices`, "a|b|c" */
    OPT_LIST,   /* const json **: anything structured, kept as a tree for the caller to read (YAML only) */
} option_type;

typedef struct option_texts {
    const char **text; /* ends with NULL; NULL while there is none */
    size_t n, room;
} option_texts;

typedef struct option {
    const char *name; /* "out", "model.init", "optimizer.lr": dots are levels in YAML */
    char letter;      /* -n; 0: none */
    option_type type;
    void *value;          /* holds the default before parsing, the result after */
    const char *choices;  /* OPT_CHOICE */
    const char *argument; /* how --help names its value: "DIR", "N"; NULL: by type */
    const char *help;     /* one sentence; the default is added to it */
    double least, most;   /* OPT_INT, OPT_REAL: bounds, where least < most */
} option;

typedef struct command {
    const char *name;      /* "generate" */
    const char *arguments; /* "MODEL [FILE...]" */
    const char *summary;   /* one line */
    const char *examples;  /* lines, each "  socle ...\n" */
    const option *options; /* ends with name NULL */
    size_t least_words, most_words;
    bool takes_set; /* it has a configuration, whose keys --set changes; other commands refuse the option */
} command;

typedef enum { PARSE_OK, PARSE_HELP, PARSE_ERROR } parse_result;

/* Options every command has; the results of a parse. */
typedef struct common_options {
    long threads, seed;
    bool quiet, verbose, json;
    const char *device;
    char **words; /* what is no option, in order; "--" ends options */
    size_t n_word;
    option_texts set; /* the arguments of --set, "a.b=v" */
} common_options;

/* Parses argv[1..]; texts live in `owner`. Fills the values of the table and *common. */
parse_result options_parse(const command *c, int argc, char **argv, arena *owner, common_options *common, error *err);
/* Fills the table's values from a tree (YAML); err: "FILE: line N: key: ...". `file` is for messages. */
bool options_from_tree(const option *options, const json *tree, const char *file, arena *owner, error *err);
/* Applies one "a.b=v" (v is YAML). Its errors name the --set. */
bool options_set(const option *options, const char *assignment, arena *owner, error *err);
/* The table's present values as YAML text: config.yaml as it ran. */
void options_write(const option *options, string *out);
void options_help(const command *c, string *out);

#endif
