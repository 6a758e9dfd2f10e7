/* The pre-tokenizer at work: a stretch of text goes down the steps, piece by piece, each piece to the last step before the next. */
#include "text/pre_tokenize.h"

#include "text/tokenizer_inner.h"
#include "text/unicode.h"
#include "text/word_cache.h"

#include <string.h>

static void run_step(run *r, size_t step, const piece *from);

static void next_step(run *r, size_t step, const piece *from, size_t begin, size_t end) {
    if (begin >= end) return;
    if (step + 1 == r->t->pre_tokenizer.n) run_word(r, from, begin, end);
    else run_step(r, step + 1, &(piece){from->text + begin, end - begin, from->shift + begin, from->origin});
}

/* --- where a step's pattern matches -------------------------------------------------------------------------------------- */
typedef struct matches {
    const pre_step *step;
    const char *text;
    size_t n, at;
    pattern_search search;
    bool begun; /* LITERAL of no bytes: it stands between all characters */
} matches;

static bool in_class(character_kind kind, uint32_t c) {
    switch (kind) {
    case CLASS_SPACE: return (unicode_class(c) & UNICODE_SPACE) != 0;
    case CLASS_NUMBER: return is_number(c);
    default: return is_punctuation(c);
    }
}

static bool scan_next(matches *m, size_t *begin, size_t *end) {
    if (m->at >= m->n) return false;
    *begin = m->at;
    *end = m->at = split_next(m->step->scanner, m->text, m->n, m->at);
    return true;
}

static bool literal_next(matches *m, size_t *begin, size_t *end) {
    const pre_step *p = m->step;
    if (p->n_text == 0) {
        if (m->begun && m->at >= m->n) return false;
        if (m->begun) utf8_next(m->text, m->n, &m->at);
        m->begun = true;
        *begin = *end = m->at;
        return true;
    }
    const char *found = m->at < m->n ? memmem(m->text + m->at, m->n - m->at, p->text, p->n_text) : NULL;
    if (found == NULL) return false;
    *begin = (size_t)(found - m->text);
    *end = m->at = *begin + p->n_text;
    return true;
}

static bool character_next(matches *m, size_t *begin, size_t *end) {
    while (m->at < m->n) {
        *begin = m->at;
        const uint32_t c = utf8_next(m->text, m->n, &m->at);
        if (!in_class(m->step->class, c)) continue;
        *end = m->at;
        return true;
    }
    return false;
}

static bool matches_next(matches *m, size_t *begin, size_t *end) {
    switch (m->step->kind) {
    case STEP_SCAN: return scan_next(m, begin, end);
    case STEP_PATTERN: return pattern_search_next(&m->search, begin, end);
    case STEP_LITERAL: return literal_next(m, begin, end);
    default: return character_next(m, begin, end);
    }
}

/* --- what becomes of matches and of what lies between --------------------------------------------------------------------- */
typedef struct cutter {
    run *r;
    size_t step;
    const piece *from;
    bool before, held; /* the stretch before this one was a match; [begin, end) waits for what comes */
    size_t begin, end;
} cutter;

static void let_go(cutter *c) {
    if (c->held) next_step(c->r, c->step, c->from, c->begin, c->end);
    c->held = false;
}

static void hold(cutter *c, size_t begin, size_t end) {
    let_go(c);
    c->held = true;
    c->begin = begin;
    c->end = end;
}

static void stretch(cutter *c, size_t begin, size_t end, bool match) {
    const pre_step *p = &c->r->t->pre_tokenizer.step[c->step];
    if (p->invert) match = !match;
    switch (p->behaviour) {
    case CUT_REMOVED:
        if (!match) next_step(c->r, c->step, c->from, begin, end);
        break;
    case CUT_ISOLATED: next_step(c->r, c->step, c->from, begin, end); break;
    case CUT_CONTIGUOUS:
        if (c->held && match == c->before) c->end = end;
        else hold(c, begin, end);
        break;
    case CUT_MERGED_WITH_PREVIOUS:
        if (c->held && match && !c->before) c->end = end;
        else hold(c, begin, end);
        break;
    default: /* with next: only a match is ever held */
        if (match) hold(c, begin, end);
        else if (c->held) {
            c->end = end;
            let_go(c);
        } else next_step(c->r, c->step, c->from, begin, end);
    }
    c->before = match;
}

static void cut(run *r, size_t step, const piece *from) {
    const pre_step *p = &r->t->pre_tokenizer.step[step];
    matches m = {.step = p, .text = from->text, .n = from->n};
    if (p->kind == STEP_PATTERN) m.search = pattern_search_start(p->pattern, from->text, from->n);
    cutter c = {.r = r, .step = step, .from = from};
    size_t done = 0, begin, end;
    while (matches_next(&m, &begin, &end)) {
        if (done < begin) stretch(&c, done, begin, false);
        stretch(&c, begin, end, true);
        done = end;
    }
    if (done < from->n) stretch(&c, done, from->n, false);
    let_go(&c);
    if (p->kind != STEP_PATTERN) return;
    r->gave_up |= m.search.gave_up;
    pattern_search_end(&m.search);
}

/* --- the steps that have a rule of their own ------------------------------------------------------------------------------- */
static void cut_scanned(run *r, size_t step, const piece *from) {
    const pre_step *p = &r->t->pre_tokenizer.step[step];
    if (p->behaviour == CUT_CONTIGUOUS || (p->behaviour == CUT_REMOVED && !p->invert)) {
        cut(r, step, from);
        return;
    }
    if (step + 1 == r->t->pre_tokenizer.n && r->out->begin == NULL) {
        word_stream(r->s, p->scanner, from->text, from->n, r->out);
        return;
    }
    for (size_t at = 0; at < from->n;) { /* nothing lies between matches: whatever the behaviour, each is a piece */
        const size_t end = split_next(p->scanner, from->text, from->n, at);
        next_step(r, step, from, at, end);
        at = end;
    }
}

static void cut_words(run *r, size_t step, const piece *from) {
    enum { NOTHING, WORD, OTHER } before = NOTHING;
    size_t begin = 0;
    for (size_t at = 0, next = 0; at < from->n; at = next) {
        const unsigned bits = unicode_class(utf8_next(from->text, from->n, &next));
        const int now = bits & UNICODE_WORD ? WORD : bits & UNICODE_SPACE ? NOTHING : OTHER;
        if (now == (int)before) continue;
        if (before != NOTHING) next_step(r, step, from, begin, at);
        begin = at;
        before = now;
    }
    if (before != NOTHING) next_step(r, step, from, begin, from->n);
}

/* Characters of no script of their own go with what is before them; at the beginning of the piece they vanish, as there. */
static void cut_scripts(run *r, size_t step, const piece *from) {
    int before = -1;
    size_t begin = 0;
    for (size_t at = 0, next = 0; at < from->n; at = next) {
        const int script = script_of(utf8_next(from->text, from->n, &next));
        if (script < 0 || script == before) continue;
        if (before >= 0) next_step(r, step, from, begin, at);
        begin = at;
        before = script;
    }
    if (before >= 0) next_step(r, step, from, begin, from->n);
}

static void cut_fixed(run *r, size_t step, const piece *from) {
    const size_t length = r->t->pre_tokenizer.step[step].length;
    for (size_t begin = 0, at = 0; at < from->n; begin = at) {
        for (size_t i = 0; i < length && at < from->n; i++) utf8_next(from->text, from->n, &at);
        next_step(r, step, from, begin, at);
    }
}

/* --- the steps that write the text anew ------------------------------------------------------------------------------------ */
struct rewritten {
    string text;
    origin_list origin;
};

static struct rewritten *rewritten_of(run *r, size_t step) {
    tokenizer_scratch *s = r->s;
    if (s->rewritten == NULL) s->rewritten = NEW_ARRAY(&s->memory, r->t->pre_tokenizer.n, struct rewritten);
    struct rewritten *w = &s->rewritten[step];
    string_reset(&w->text);
    w->origin.n = 0;
    return w;
}

void pre_tokenize_drop(tokenizer_scratch *s) {
    for (size_t i = 0; s->rewritten != NULL && i < s->tokenizer->pre_tokenizer.n; i++) {
        string_drop(&s->rewritten[i].text);
        origin_list_drop(&s->rewritten[i].origin);
    }
}

/* `n` bytes more, that came from byte i of the piece. */
static void came_from(run *r, struct rewritten *w, const piece *from, size_t i, size_t n) {
    if (!r->track) return;
    origin_list *o = &w->origin;
    origin_list_reserve(o, n);
    for (size_t k = 0; k < n; k++) o->byte[o->n++] = (byte_origin){(uint32_t)piece_begin(from, i), (uint32_t)piece_end(from, i)};
}

static void pass_on(run *r, size_t step, const piece *from, const struct rewritten *w) {
    piece made = {string_chars(&w->text), w->text.length, from->shift, NULL};
    if (r->track) made.shift = 0, made.origin = &w->origin;
    next_step(r, step, &made, 0, made.n);
}

static bool begins_with(const piece *p, const char *text, size_t n) {
    return p->n >= n && memcmp(p->text, text, n) == 0;
}

static bool is_first(const run *r, const piece *p) {
    return character_begin(r->text, r->n, piece_begin(p, 0)) == 0;
}

static void rewrite(run *r, size_t step, const piece *from) {
    const pre_step *p = &r->t->pre_tokenizer.step[step];
    const bool there = begins_with(from, p->text, p->n_text) || (p->replaces_blanks && from->text[0] == ' ');
    const bool prepend = !there && (p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && is_first(r, from)));
    const char *blank = p->replaces_blanks ? memchr(from->text, ' ', from->n) : NULL;
    if (!prepend && blank == NULL) {
        next_step(r, step, from, 0, from->n);
        return;
    }
    struct rewritten *w = rewritten_of(r, step);
    if (prepend) {
        string_append(&w->text, p->text, p->n_text);
        came_from(r, w, from, 0, p->n_text);
    }
    size_t at = 0;
    while (at < from->n) {
        const size_t stop = blank != NULL ? (size_t)(blank - from->text) : from->n;
        string_append(&w->text, from->text + at, stop - at);
        for (size_t i = at; r->track && i < stop; i++) came_from(r, w, from, i, 1);
        at = stop;
        if (blank == NULL) break;
        string_append(&w->text, p->text, p->n_text);
        came_from(r, w, from, at, p->n_text);
        at++;
        blank = at < from->n ? memchr(from->text + at, ' ', from->n - at) : NULL;
    }
    pass_on(r, step, from, w);
}

static void write_bytes(run *r, size_t step, const piece *from) {
    struct rewritten *w = rewritten_of(r, step);
    for (size_t i = 0; i < from->n; i++) {
        const uint32_t c = byte_to_char((unsigned char)from->text[i]);
        string_utf8(&w->text, c);
        came_from(r, w, from, i, c < 0x80 ? 1 : 2);
    }
    pass_on(r, step, from, w);
}

static void (*const apply[STEP_COUNT])(run *, size_t, const piece *) = {
    [STEP_SCAN] = cut_scanned, [STEP_PATTERN] = cut,       [STEP_LITERAL] = cut,         [STEP_CHARACTER] = cut,   [STEP_WORDS] = cut_words,
    [STEP_REWRITE] = rewrite,  [STEP_BYTES] = write_bytes, [STEP_SCRIPTS] = cut_scripts, [STEP_FIXED] = cut_fixed,
};

static void run_step(run *r, size_t step, const piece *from) {
    apply[r->t->pre_tokenizer.step[step].kind](r, step, from);
}

/* Whether a word without a pre-tokenizer may be cut at text[at], 0 < at < n: between two characters that no merge has side by
 * side, or before U+2581 (E2 96 81) behind another character where no merge crosses there. */
static inline bool may_cut(const bpe *m, const char *text, size_t n, size_t at) {
    static const char blank[] = "\xe2\x96\x81";
    const unsigned char a = (unsigned char)text[at - 1], b = (unsigned char)text[at];
    if (b < 128) return a < 128 && !(m->joins[a][b / 64] >> b % 64 & 1);
    return b == 0xe2 && m->cut_at_blank && n - at >= 3 && memcmp(text + at, blank, 3) == 0 && (at < 3 || memcmp(text + at - 3, blank, 3) != 0);
}

static void encode_whole(run *r, const piece *from) {
    size_t begin = 0;
    for (size_t at = 1; r->t->bpe.cuts && at < from->n; at++) {
        if (!may_cut(&r->t->bpe, from->text, from->n, at)) continue;
        run_word(r, from, begin, at);
        begin = at;
    }
    run_word(r, from, begin, from->n);
}

void pre_tokenize(run *r, const piece *from) {
    if (from->n == 0) return;
    if (r->t->pre_tokenizer.n == 0) encode_whole(r, from);
    else run_step(r, 0, from);
}
