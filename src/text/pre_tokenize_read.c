/* Reading a pre-tokenizer: components of tokenizer.json become steps. */
#include "text/pre_tokenize.h"

#include "text/tokenizer_inner.h"

#include <string.h>

static const char *const behaviours[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous", NULL};

static bool add(tokenizer *t, pre_step step, error *err) {
    pre_tokenizer *p = &t->pre_tokenizer;
    pre_step *grown = arena_grow(t->owner, p->step, p->n * sizeof step, (p->n + 1) * sizeof step);
    if (grown == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
    p->step = grown;
    p->step[p->n++] = step;
    return true;
}

static bool add_scanner(tokenizer *t, split_kind scanner, cut_behaviour behaviour, bool invert, error *err) {
    return add(t, (pre_step){.kind = STEP_SCAN, .scanner = scanner, .behaviour = behaviour, .invert = invert}, err);
}

static bool read_split(tokenizer *t, const json *v, error *err) {
    const json *source = json_get(v, "pattern"), *regex = json_get(source, "Regex"), *literal = json_get(source, "String");
    pre_step step = {0};
    int behaviour;
    if (!component_choice(v, "behavior", behaviours, -1, &behaviour, err) || !component_bool(v, "invert", &step.invert, err)) return false;
    step.behaviour = (cut_behaviour)behaviour;
    if (regex == NULL) {
        step.kind = STEP_LITERAL;
        return component_text(t->owner, literal, "Split: pattern", &step.text, &step.n_text, err) && add(t, step, err);
    }
    if (!component_text(t->owner, regex, "Split: pattern: Regex", &step.text, &step.n_text, err)) return false;
    step.scanner = split_by_pattern(step.text, step.n_text);
    step.kind = step.scanner != SPLIT_COUNT ? STEP_SCAN : STEP_PATTERN;
    if (step.kind == STEP_PATTERN) {
        step.scanner = SPLIT_NONE;
        step.pattern = pattern_compile(t->owner, step.text, step.n_text, err);
        if (step.pattern == NULL) return fail(err, "Split");
    }
    return add(t, step, err);
}

static bool read_byte_level(tokenizer *t, const json *v, error *err) {
    bool add_prefix_space = true, use_regex = true, trim_offsets = true;
    if (!component_bool(v, "add_prefix_space", &add_prefix_space, err) || !component_bool(v, "use_regex", &use_regex, err) ||
        !component_bool(v, "trim_offsets", &trim_offsets, err))
        return false;
    if (add_prefix_space && !add(t, (pre_step){.kind = STEP_REWRITE, .text = " ", .n_text = 1}, err)) return false;
    if (use_regex && !add_scanner(t, SPLIT_GPT2, CUT_ISOLATED, false, err)) return false;
    return add(t, (pre_step){.kind = STEP_BYTES}, err);
}

static bool read_metaspace(tokenizer *t, const json *v, error *err) {
    static const char *const schemes[] = {"always", "first", "never", NULL};
    pre_step step = {.kind = STEP_REWRITE, .replaces_blanks = true};
    bool add_prefix_space = true, split = true;
    int scheme;
    if (!component_character(t->owner, v, "replacement", &step.text, &step.n_text, err) || !component_bool(v, "add_prefix_space", &add_prefix_space, err) ||
        !component_bool(v, "split", &split, err) ||
        !component_choice(v, "prepend_scheme", schemes, add_prefix_space ? PREPEND_ALWAYS : PREPEND_NEVER, &scheme, err))
        return false;
    if (!add_prefix_space && scheme != PREPEND_NEVER) return fail(err, "Metaspace: add_prefix_space is false, prepend_scheme is %s", schemes[scheme]);
    step.prepend = (prepend_scheme)scheme;
    if (!add(t, step, err)) return false;
    return !split || add(t, (pre_step){.kind = STEP_LITERAL, .text = step.text, .n_text = step.n_text, .behaviour = CUT_MERGED_WITH_NEXT}, err);
}

static bool add_class(tokenizer *t, character_kind class, cut_behaviour behaviour, error *err) {
    return add(t, (pre_step){.kind = STEP_CHARACTER, .class = class, .behaviour = behaviour}, err);
}

static bool read_digits(tokenizer *t, const json *v, error *err) {
    bool individual = false;
    return component_bool(v, "individual_digits", &individual, err) && add_class(t, CLASS_NUMBER, individual ? CUT_ISOLATED : CUT_CONTIGUOUS, err);
}

static bool read_punctuation(tokenizer *t, const json *v, error *err) {
    int behaviour;
    return component_choice(v, "behavior", behaviours, CUT_ISOLATED, &behaviour, err) && add_class(t, CLASS_PUNCTUATION, (cut_behaviour)behaviour, err);
}

static bool read_whitespace(tokenizer *t, const json *v, error *err) {
    return add(t, (pre_step){.kind = STEP_WORDS}, err);
}

static bool read_whitespace_split(tokenizer *t, const json *v, error *err) {
    return add_class(t, CLASS_SPACE, CUT_REMOVED, err);
}

static bool read_bert(tokenizer *t, const json *v, error *err) {
    return add_class(t, CLASS_SPACE, CUT_REMOVED, err) && add_class(t, CLASS_PUNCTUATION, CUT_ISOLATED, err);
}

static bool read_delimiter(tokenizer *t, const json *v, error *err) {
    pre_step step = {.kind = STEP_LITERAL, .behaviour = CUT_REMOVED};
    return component_character(t->owner, v, "delimiter", &step.text, &step.n_text, err) && add(t, step, err);
}

static bool read_scripts(tokenizer *t, const json *v, error *err) {
    return add(t, (pre_step){.kind = STEP_SCRIPTS}, err);
}

static bool read_fixed(tokenizer *t, const json *v, error *err) {
    const json *length = json_get(v, "length");
    pre_step step = {.kind = STEP_FIXED, .length = 5};
    if (length != NULL) {
        if (length->type != JSON_NUMBER || !length->is_integer || length->integer < 1) return fail(err, "FixedLength: length is no whole number from 1 on");
        step.length = (size_t)length->integer;
    }
    return add(t, step, err);
}

static const struct {
    const char *name;
    bool (*read)(tokenizer *t, const json *v, error *err);
} kinds[] = {
    {"ByteLevel", read_byte_level},
    {"Split", read_split},
    {"Metaspace", read_metaspace},
    {"Digits", read_digits},
    {"Punctuation", read_punctuation},
    {"Whitespace", read_whitespace},
    {"WhitespaceSplit", read_whitespace_split},
    {"BertPreTokenizer", read_bert},
    {"CharDelimiterSplit", read_delimiter},
    {"UnicodeScripts", read_scripts},
    {"FixedLength", read_fixed},
};

static bool read_component(void *user, const json *v, error *err) {
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (component_is(v, kinds[i].name)) return kinds[i].read(user, v, err);
    return component_refuse(v, err);
}

static bool isolates(const pre_step *step) {
    return step->kind == STEP_SCAN && step->behaviour != CUT_CONTIGUOUS && (step->behaviour != CUT_REMOVED || step->invert);
}

bool pre_tokenizer_read(tokenizer *t, const json *v, error *err) {
    pre_tokenizer *p = &t->pre_tokenizer;
    if (component_is_null(v)) return true;
    if (!component_each(v, "pretokenizers", read_component, t, err)) return fail(err, "pre_tokenizer");
    if (p->n > 0 && p->step[p->n - 1].kind == STEP_BYTES) {
        p->byte_level = true;
        p->n--;
    }
    if (p->byte_level && p->n == 1 && isolates(&p->step[0])) p->scanner = p->step[0].scanner;
    bool hidden = t->normalizer.n > 0;
    for (size_t i = 0; i < p->n; i++) {
        const pre_step *step = &p->step[i];
        if (step->kind == STEP_REWRITE && step->prepend == PREPEND_FIRST && hidden) p->looks_back = true;
        hidden = hidden || step->kind == STEP_REWRITE || step->kind == STEP_BYTES;
    }
    return true;
}

/* --- what decides ids --------------------------------------------------------------------------------------------------- */
void pre_tokenizer_digest(const tokenizer *t, string *out) {
    const pre_tokenizer *p = &t->pre_tokenizer;
    for (size_t i = 0; i < p->n; i++) {
        const pre_step *s = &p->step[i];
        const char *text = s->kind == STEP_SCAN ? split_pattern(s->scanner) : s->text;
        string_print(out, "%d %d %d %d %d %d %zu %zu ", s->kind, s->class, s->behaviour, s->invert, s->replaces_blanks, s->prepend, s->length,
                     s->kind == STEP_SCAN ? strlen(text) : s->n_text);
        string_append(out, text, s->kind == STEP_SCAN ? strlen(text) : s->n_text);
    }
    string_print(out, "%zu %d", p->n, p->byte_level);
}
