/* Text to ids: added tokens are taken out, what lies between is normalized, split into words, and each word encoded. */
#include "text/tokenizer_inner.h"
#include "text/unicode.h"

#include <string.h>

/* --- lists ------------------------------------------------------------------------------------------------------------- */
void id_list_reserve(id_list *list, size_t more) {
    if (list->room - list->n >= more) return;
    const size_t room = (list->n + more) * 2 < 256 ? 256 : (list->n + more) * 2;
    list->id = arena_grow(&list->memory, list->id, list->n * sizeof *list->id, room * sizeof *list->id);
    if (list->begin != NULL) {
        list->begin = arena_grow(&list->memory, list->begin, list->n * sizeof *list->begin, room * sizeof *list->begin);
        list->end = arena_grow(&list->memory, list->end, list->n * sizeof *list->end, room * sizeof *list->end);
    }
    list->room = room;
}

static void id_list_push_at(id_list *list, int32_t id, size_t begin, size_t end) {
    id_list_reserve(list, 1);
    if (list->begin != NULL) {
        list->begin[list->n] = begin;
        list->end[list->n] = end;
    }
    list->id[list->n++] = id;
}

void id_list_push(id_list *list, int32_t id) {
    id_list_push_at(list, id, 0, 0);
}

void id_list_reset(id_list *list) {
    list->n = 0;
}

void id_list_drop(id_list *list) {
    arena_drop(&list->memory);
    *list = (id_list){0};
}

static void id_list_want_offsets(id_list *list) {
    if (list->begin != NULL) return;
    id_list_reserve(list, 1);
    list->begin = NEW_ARRAY(&list->memory, list->room, size_t);
    list->end = NEW_ARRAY(&list->memory, list->room, size_t);
}

tokenizer_scratch *tokenizer_scratch_new(const tokenizer *t) {
    arena memory = {0};
    tokenizer_scratch *s = NEW(&memory, tokenizer_scratch);
    s->tokenizer = t;
    s->memory = memory;
    word_cache_start(s);
    return s;
}

void tokenizer_scratch_drop(tokenizer_scratch *s) {
    if (s == NULL) return;
    string_drop(&s->normalized);
    string_drop(&s->spare);
    string_drop(&s->prefixed);
    arena memory = s->memory; /* which holds s itself */
    arena_drop(&memory);
}

/* --- one call ---------------------------------------------------------------------------------------------------------- */
static size_t source_begin(const piece *s, size_t i) {
    i = i < s->prefixed ? 0 : i - s->prefixed;
    return s->origin != NULL ? s->origin->begin[s->shift + i] : s->shift + i;
}

static size_t source_end(const piece *s, size_t i) {
    if (i < s->prefixed) return source_begin(s, 0);
    i -= s->prefixed;
    return s->origin != NULL ? s->origin->end[s->shift + i] : s->shift + i + 1;
}

static void emit(run *r, const piece *from, int32_t id, size_t begin, size_t end) {
    if (r->out->begin == NULL) id_list_push(r->out, id);
    else if (begin < end) id_list_push_at(r->out, id, source_begin(from, begin), source_end(from, end - 1));
    else id_list_push_at(r->out, id, begin < from->n ? source_begin(from, begin) : 0, begin < from->n ? source_begin(from, begin) : 0);
}

void run_word(run *r, const piece *from, size_t begin, size_t end) {
    if (r->out->begin == NULL) {
        word_encode(r->s, from->text + begin, end - begin, r->out);
        return;
    }
    const size_t n = r->t->model->word(r->s, from->text + begin, end - begin);
    for (size_t i = 0; i < n; i++) {
        emit(r, from, r->s->id[i], begin, begin + r->s->length[i]);
        begin += r->s->length[i];
    }
}

/* --- added tokens -------------------------------------------------------------------------------------------------------- */
static bool word_before(const char *text, size_t at) {
    if (at == 0) return false;
    size_t from = at - 1;
    while (from > 0 && at - from < 4 && ((unsigned char)text[from] & 0xc0) == 0x80) from--;
    size_t next = from;
    const uint32_t c = utf8_next(text, at, &next);
    return next == at && (unicode_class(c) & UNICODE_WORD);
}

static bool word_behind(const char *text, size_t n, size_t at) {
    return at < n && (unicode_class(utf8_next(text, n, &at)) & UNICODE_WORD);
}

/* Where the white space that ends at `at` begins, not before `least`. */
static size_t blanks_before(const char *text, size_t least, size_t at) {
    while (at > least) {
        size_t from = at - 1;
        while (from > least && at - from < 4 && ((unsigned char)text[from] & 0xc0) == 0x80) from--;
        size_t next = from;
        const uint32_t c = utf8_next(text, at, &next);
        if (next != at || !(unicode_class(c) & UNICODE_SPACE)) break;
        at = from;
    }
    return at;
}

static size_t blanks_behind(const char *text, size_t n, size_t at) {
    while (at < n) {
        size_t next = at;
        if (!(unicode_class(utf8_next(text, n, &next)) & UNICODE_SPACE)) break;
        at = next;
    }
    return at;
}

/* Finds the entries of `tree` in a text, leftmost and longest first, as `tokenizers` does: a match that is then refused
 * (special and not wanted, not a single word) is passed over as a whole. `between` gets what lies between. */
static void each_added(run *r, const piece *from, const trie *tree, const unsigned char *marks, void (*between)(run *, const piece *)) {
    const char *text = from->text;
    const size_t n = from->n;
    size_t done = 0;
    for (size_t at = 0; at < n && tree->n > 0;) {
        while (at < n && tree->root[(unsigned char)text[at]] == 0) at++;
        if (at == n) break;
        size_t begin = at, end = at;
        const int32_t found = added_at(r->t, tree, text, n, at, marks, &end);
        if (found < 0) {
            at++;
            continue;
        }
        at = end;
        const added_token *a = &r->t->added[found];
        if (marks == NULL && a->special && !(r->flags & TOKENIZER_PARSE_SPECIAL)) continue;
        if (a->single_word && (word_before(text, begin) || word_behind(text, n, end))) continue;
        if (a->lstrip && begin > done) begin = blanks_before(text, done, begin);
        if (a->rstrip) end = blanks_behind(text, n, end);
        if (done < begin) between(r, &(piece){text + done, begin - done, from->shift + done, from->origin, 0});
        emit(r, from, a->id, begin, end);
        done = end;
    }
    if (done < n) between(r, &(piece){text + done, n - done, from->shift + done, from->origin, 0});
}

static void split_start(run *r, const piece *from) {
    pre_tokenize_step(r, 0, from);
}

/* A stretch between added tokens that match the text as it is. */
static void normalize_stretch(run *r, const piece *from) {
    const tokenizer *t = r->t;
    piece made = *from;
    const unsigned char *marks = r->marks != NULL ? r->marks + from->shift : NULL;
    if (t->normalizer.n > 0) {
        const bool track = r->out->begin != NULL || r->marks != NULL;
        tokenizer_scratch *s = r->s;
        normalize_text(&t->normalizer, from->text, from->n, &s->normalized, &s->spare, &s->memory, track ? &s->origin : NULL, from->shift);
        made = (piece){string_chars(&s->normalized), s->normalized.length, 0, track ? &s->origin : NULL, 0};
        if (r->marks != NULL) {
            if (s->marks_room < made.n) {
                s->marks_room = made.n + made.n / 2;
                s->marks = NEW_ARRAY(&s->memory, s->marks_room, unsigned char);
            }
            for (size_t i = 0; i < made.n; i++) s->marks[i] = r->marks[s->origin.begin[i]];
            marks = s->marks;
        }
    }
    each_added(r, &made, &t->normalized, marks, split_start);
}

static bool encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags, id_list *out,
                   error *err) {
    if (n > INT32_MAX) return fail(err, "a text of %zu bytes: one text has less than 2 GiB", n);
    tokenizer_scratch *s = scratch != NULL ? scratch : tokenizer_scratch_new(t);
    if (flags & TOKENIZER_OFFSETS) id_list_want_offsets(out);
    run r = {t, s, flags, marks, out};
    if (flags & TOKENIZER_ADD_SPECIAL)
        for (size_t i = 0; i < t->post.n_prefix; i++) id_list_push_at(out, t->post.prefix[i], 0, 0);
    each_added(&r, &(piece){.text = text, .n = n}, &t->raw, marks, normalize_stretch);
    if (flags & TOKENIZER_ADD_SPECIAL)
        for (size_t i = 0; i < t->post.n_suffix; i++) id_list_push_at(out, t->post.suffix[i], n, n);
    if (scratch == NULL) tokenizer_scratch_drop(s);
    return true;
}

bool tokenizer_encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, unsigned flags, id_list *out, error *err) {
    return encode(t, scratch, text, n, NULL, flags, out, err);
}

bool tokenizer_encode_marked(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags,
                             id_list *out, error *err) {
    return encode(t, scratch, text, n, marks, flags, out, err);
}
