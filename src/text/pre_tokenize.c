/* The pre-tokenizer: a stretch of text into words. */
#include "text/component.h"
#include "text/tokenizer_inner.h"

#include <string.h>

/* No pre-tokenizer: one word; cut before each U+2581 (E2 96 81) behind another character where no merge crosses there. */
static void encode_whole(run *r, const piece *from) {
    size_t begin = 0;
    for (size_t at = 1; r->t->bpe.cut_at_blank && at + 2 < from->n;) {
        const char *found = memchr(from->text + at, 0xe2, from->n - 2 - at);
        if (found == NULL) break;
        at = (size_t)(found - from->text);
        if (memcmp(found, "\xe2\x96\x81", 3) != 0) {
            at++;
            continue;
        }
        const bool behind_another = at < 3 || memcmp(found - 3, "\xe2\x96\x81", 3) != 0;
        if (behind_another && at > begin) {
            run_word(r, from, begin, at);
            begin = at;
        }
        at += 3;
    }
    if (begin < from->n) run_word(r, from, begin, from->n);
}

/* Step `step` of the pre-tokenizer over one p. */
void pre_tokenize_step(run *r, size_t step, const piece *from) {
    const tokenizer *t = r->t;
    if (from->n == 0) return;
    if (t->pre_tokenizer.n_split == 0) {
        encode_whole(r, from);
        return;
    }
    piece p = *from;
    const bool last = step + 1 == t->pre_tokenizer.n_split;
    if (last && t->pre_tokenizer.add_prefix_space && from->text[0] != ' ') {
        string_reset(&r->s->prefixed);
        string_char(&r->s->prefixed, ' ');
        string_append(&r->s->prefixed, from->text, from->n);
        p = (piece){string_chars(&r->s->prefixed), from->n + 1, from->shift, from->origin, 1};
    }
    const split_kind kind = t->pre_tokenizer.split[step];
    for (size_t at = 0; at < p.n;) {
        const size_t end = split_next(kind, p.text, p.n, at);
        if (last) run_word(r, &p, at, end);
        else pre_tokenize_step(r, step + 1, &(piece){p.text + at, end - at, p.shift + at, p.origin, 0});
        at = end;
    }
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
static bool read_split(tokenizer *t, const json *v, error *err) {
    const json *pattern = json_get(json_get(v, "pattern"), "Regex");
    if (pattern == NULL || pattern->type != JSON_STRING) return fail(err, "Split: a pattern that is no Regex is not supported");
    const split_kind kind = split_by_pattern(pattern->text, pattern->length);
    if (kind == SPLIT_COUNT) return fail(err, "Split: the pattern %.100s is not supported", pattern->text);
    const char *behaviour = json_get_text(v, "behavior", "none");
    const bool invert = json_get_bool(v, "invert", false);
    /* these patterns leave nothing between matches, so that Removed + invert, which some files have, is Isolated too */
    if (!(strcmp(behaviour, "Isolated") == 0 && !invert) && !(strcmp(behaviour, "Removed") == 0 && invert))
        return fail(err, "Split: behavior %s%s is not supported", behaviour, invert ? " with invert" : "");
    t->pre_tokenizer.split[t->pre_tokenizer.n_split++] = kind;
    return true;
}

static bool read_byte_level(tokenizer *t, const json *v, error *err) {
    if (t->pre_tokenizer.byte_level) return fail(err, "ByteLevel twice is not supported");
    t->pre_tokenizer.byte_level = true;
    t->pre_tokenizer.add_prefix_space = json_get_bool(v, "add_prefix_space", true);
    const bool use_regex = json_get_bool(v, "use_regex", true);
    if (use_regex || t->pre_tokenizer.add_prefix_space || t->pre_tokenizer.n_split == 0)
        t->pre_tokenizer.split[t->pre_tokenizer.n_split++] = use_regex ? SPLIT_GPT2 : SPLIT_NONE;
    return true;
}

bool pre_tokenizer_read(tokenizer *t, const json *v, error *err) {
    if (component_is_null(v)) return true;
    const json *items;
    size_t n;
    if (!component_sequence(v, "pretokenizers", &items, &n, err)) return fail(err, "pre_tokenizer");
    for (size_t i = 0; i < n; i++) {
        if (t->pre_tokenizer.byte_level && !component_is(&items[i], "ByteLevel"))
            return fail(err, "pre_tokenizer: %s behind ByteLevel is not supported", component_type(&items[i]));
        const bool ok = component_is(&items[i], "Split")       ? read_split(t, &items[i], err)
                        : component_is(&items[i], "ByteLevel") ? read_byte_level(t, &items[i], err)
                                                               : component_refuse(&items[i], err);
        if (!ok) return fail(err, "pre_tokenizer");
    }
    return true;
}
