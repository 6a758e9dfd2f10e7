/* A text in pieces. What came is kept up to a place where a text may be cut: between a letter and a blank, where every word that
 * a model sees ends. The bytes before that place are encoded, behind a few that were encoded already, so that nothing which looks
 * back (the beginning of a text or stretch, a single word, a token that strips what is behind it) sees another text than the
 * whole; the ids of those few are left out. */
#include "text/normalize_inner.h"
#include "text/tokenizer_inner.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

struct tokenizer_feed {
    const tokenizer *t;
    tokenizer_scratch *scratch;
    unsigned flags;
    bool cuts;  /* there are places where a text may be cut */
    bool begun; /* something went out: the post-processor's prefix did, too */
    string text;
    size_t known;   /* bytes of `text` whose ids went out */
    size_t n_known; /* how many ids they have when encoded alone */
    size_t seen;    /* no cut ends in text[known + 1, seen) */
    id_list ids;
};

/* --- whether a tokenizer's texts may be cut between a letter and a blank --------------------------------------------------- */
/* What the normalizer makes of a blank between letters: itself, U+2581, or something else. */
static char blank_becomes(const tokenizer *t) {
    string out = {0}, spare = {0};
    normalize_text(&t->normalizer, "a a", 3, &out, &spare, NULL, 0);
    const size_t n = out.length;
    char made = 0;
    if (n >= 3 && memcmp(out.data + n - 3, "a a", 3) == 0) made = ' ';
    else if (n >= 5 && memcmp(out.data + n - 5,
                              "a\xe2\x96\x81"
                              "a",
                              5) == 0)
        made = '_';
    string_drop(&out);
    string_drop(&spare);
    return made;
}

/* Where a blank, or what it may have become, stands in a text; n: nowhere. */
static size_t blank_at(const char *text, size_t n, size_t from) {
    for (size_t i = from; i < n; i++)
        if (text[i] == ' ' || (n - i >= 3 && memcmp(text + i, "\xe2\x96\x81", 3) == 0)) return i;
    return n;
}

/* A normalizer that does on both sides of letter and blank what it does to the whole: no text that Replace looks for goes across. */
static bool normalizer_is_local(const normalizer *z) {
    for (size_t i = 0; i < z->n; i++) {
        const normalize_step *s = &z->step[i];
        if (s->kind == &normalize_replace && (s->pattern != NULL || s->n_text == 0 || blank_at(s->text, s->n_text, 1) < s->n_text)) return false;
    }
    return true;
}

static bool is_blank_alone(const normalize_step *s) {
    return (s->n_text == 1 || s->n_text == 3) && blank_at(s->text, s->n_text, 0) == 0;
}

/* Whether no entry of the trie over the normalized text can match across letter and blank: each blank becomes a blank or U+2581,
 * whatever follows it, and no entry has one behind its beginning. (Where nothing is normalized, the text itself is asked.) */
static bool entries_stay_inside(const tokenizer *t) {
    if (t->normalizer.n == 0 || t->normalized.n == 0) return true;
    for (size_t i = 0; i < t->n_added; i++) {
        const added_token *a = &t->added[i];
        if (a->normalized && blank_at(a->pattern, a->n_pattern, 1) < a->n_pattern) return false;
    }
    for (size_t i = 0; i < t->normalizer.n; i++) {
        const normalize_step *s = &t->normalizer.step[i];
        if (s->kind == &normalize_precompiled) return false;
        if (s->kind == &normalize_replace && !is_blank_alone(s) && blank_at(s->text, s->n_text, 0) < s->n_text) return false;
    }
    return true;
}

/* A step after which no word goes across letter and blank, wherever the text began. */
static bool cuts_there(const pre_step *s) {
    const bool each_stays = s->behaviour != CUT_CONTIGUOUS && (s->behaviour != CUT_REMOVED || s->invert);
    switch (s->kind) {
    case STEP_SCAN: return each_stays;
    case STEP_WORDS: return true;
    case STEP_CHARACTER: return s->class == CLASS_SPACE;
    case STEP_LITERAL: return s->n_text == 1 && s->text[0] == ' ' && !s->invert && s->behaviour != CUT_MERGED_WITH_PREVIOUS;
    default: return false;
    }
}

/* A step that does on both sides of letter and blank what it would do were there only one side. */
static bool keeps_apart(const pre_step *s) {
    switch (s->kind) {
    case STEP_CHARACTER:
    case STEP_SCAN:
    case STEP_WORDS:
    case STEP_SCRIPTS: return true;
    case STEP_LITERAL: return s->n_text > 0 && memchr(s->text, ' ', s->n_text) == NULL;
    default: return false;
    }
}

static bool words_end_at_blanks(const tokenizer *t, char blank) {
    const pre_tokenizer *p = &t->pre_tokenizer;
    if (p->n == 0) return blank == '_' && !p->byte_level && t->bpe.cut_at_blank;
    for (size_t i = 0; blank == ' ' && i < p->n; i++) {
        const pre_step *s = &p->step[i];
        if (cuts_there(s)) return true;
        if (s->kind == STEP_REWRITE && s->replaces_blanks) /* Metaspace: the step behind it cuts before what blanks became */
            return i + 1 < p->n && s[1].kind == STEP_LITERAL && s[1].behaviour == CUT_MERGED_WITH_NEXT && !s[1].invert && s[1].n_text == s->n_text &&
                   memcmp(s[1].text, s->text, s->n_text) == 0;
        if (s->kind != STEP_REWRITE && !keeps_apart(s)) return false;
    }
    return false;
}

static bool may_cut(const tokenizer *t) {
    if (!normalizer_is_local(&t->normalizer)) return false;
    if (!entries_stay_inside(t)) return false;
    return words_end_at_blanks(t, t->normalizer.n > 0 ? blank_becomes(t) : ' ');
}

/* --- cutting ----------------------------------------------------------------------------------------------------------------- */
static bool may_cross(const trie *tree, const char *text, size_t n, size_t at) {
    if (tree->n == 0) return false;
    for (size_t from = at > tree->longest ? at - tree->longest : 0; from < at; from++)
        if (trie_reaches(tree, text, n, from, at)) return true;
    return false;
}

/* Letters that are a character for themselves whatever follows, also for Precompiled, which looks at grapheme clusters. */
static bool stands_alone(uint32_t c) {
    return c < 0x600 || (c >= 0x3041 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4);
}

static bool may_end(const tokenizer_feed *f, size_t at) {
    const char *text = f->text.data;
    if (at == 0 || at >= f->text.length || text[at] != ' ') return false;
    size_t from = character_begin(text, f->text.length, at - 1);
    const uint32_t c = utf8_next(text, at, &from);
    if (!(unicode_class(c) & UNICODE_LETTER) || from != at || (f->t->normalizer.n > 0 && !stands_alone(c))) return false;
    if (may_cross(&f->t->raw, text, f->text.length, at)) return false;
    return f->t->normalizer.n > 0 || !may_cross(&f->t->normalized, text, f->text.length, at);
}

/* The largest cut in (least, most], or `least`. */
static size_t last_cut(const tokenizer_feed *f, size_t least, size_t most) {
    for (size_t at = most; at > least; at--)
        if (may_end(f, at)) return at;
    return least;
}

static bool give_ids(tokenizer_feed *f, size_t end, id_list *out, error *err) {
    const tokenizer *t = f->t;
    if (!f->begun && (f->flags & TOKENIZER_ADD_SPECIAL))
        for (size_t i = 0; i < t->post.n_prefix; i++) id_list_push(out, t->post.prefix[i]);
    f->begun = true;
    id_list_reset(&f->ids);
    if (!tokenizer_encode(t, f->scratch, string_chars(&f->text), end, f->flags & TOKENIZER_PARSE_SPECIAL, &f->ids, err)) return false;
    for (size_t i = f->n_known; i < f->ids.n; i++) id_list_push(out, f->ids.id[i]);
    return true;
}

/* Forgets text[0, begin); what is left up to `end` is known. */
static bool forget(tokenizer_feed *f, size_t begin, size_t end, error *err) {
    memmove(f->text.data, f->text.data + begin, f->text.length - begin);
    f->text.length -= begin;
    f->known = end - begin;
    f->seen = f->known + 1;
    id_list_reset(&f->ids);
    const bool ok = tokenizer_encode(f->t, f->scratch, f->text.data, f->known, f->flags & TOKENIZER_PARSE_SPECIAL, &f->ids, err);
    f->n_known = f->ids.n;
    return ok;
}

static void start_anew(tokenizer_feed *f) {
    string_reset(&f->text);
    f->known = f->n_known = 0;
    f->seen = 1;
    f->begun = false;
}

tokenizer_feed *tokenizer_feed_new(const tokenizer *t, unsigned flags) {
    tokenizer_feed *f = calloc(1, sizeof *f);
    if (f == NULL) return NULL;
    f->t = t;
    f->flags = flags;
    f->scratch = tokenizer_scratch_new(t);
    f->cuts = may_cut(t);
    start_anew(f);
    return f;
}

bool tokenizer_feed_push(tokenizer_feed *f, const char *text, size_t n, id_list *out, error *err) {
    if (f->text.length + n > INT32_MAX) return fail(err, "a text without a place to cut has less than 2 GiB");
    string_append(&f->text, text, n);
    if (!f->cuts || f->text.length == 0) return true;
    const size_t least = f->seen - 1 > f->known ? f->seen - 1 : f->known;
    const size_t cut = last_cut(f, least, f->text.length - 1);
    f->seen = f->text.length;
    if (cut <= f->known || cut == least) return true;
    if (!give_ids(f, cut, out, err)) return false;
    return forget(f, last_cut(f, 0, cut - 1), cut, err);
}

bool tokenizer_feed_end(tokenizer_feed *f, id_list *out, error *err) {
    const bool ok = give_ids(f, f->text.length, out, err);
    if (ok && (f->flags & TOKENIZER_ADD_SPECIAL))
        for (size_t i = 0; i < f->t->post.n_suffix; i++) id_list_push(out, f->t->post.suffix[i]);
    start_anew(f);
    return ok;
}

void tokenizer_feed_drop(tokenizer_feed *f) {
    if (f == NULL) return;
    tokenizer_scratch_drop(f->scratch);
    string_drop(&f->text);
    id_list_drop(&f->ids);
    free(f);
}
