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
    origin_list_drop(&s->origin);
    pre_tokenize_drop(s);
    string_drop(&s->mapped);
    arena memory = s->memory; /* which holds s itself */
    arena_drop(&memory);
}

/* --- one call ---------------------------------------------------------------------------------------------------------- */
size_t piece_begin(const piece *p, size_t i) {
    return p->origin != NULL ? p->origin->byte[p->shift + i].begin : p->shift + i;
}

size_t piece_end(const piece *p, size_t i) {
    return p->origin != NULL ? p->origin->byte[p->shift + i].end : p->shift + i + 1;
}

/* An invalid byte is a character of its own. */
size_t character_begin(const char *text, size_t n, size_t at) {
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        size_t next = at - back;
        const unsigned char first = (unsigned char)text[at - back];
        if ((first & 0xc0) == 0x80) continue;
        if (first < 0xc0) break;
        utf8_next(text, n, &next);
        return next > at ? at - back : at;
    }
    return at;
}

static void emit(run *r, const piece *from, int32_t id, size_t begin, size_t end, const char *written, size_t n_written) {
    if (r->out->begin == NULL) {
        id_list_push(r->out, id);
        return;
    }
    size_t first = 0, last = 0;
    if (begin < end) first = piece_begin(from, begin), last = piece_end(from, end - 1);
    else if (begin < from->n) first = last = piece_begin(from, begin);
    if (r->t->post.n_trim > 0) post_trim(r, written, n_written, &first, &last);
    id_list_push_at(r->out, id, first, last);
}

void run_word(run *r, const piece *from, size_t begin, size_t end) {
    const tokenizer *t = r->t;
    if (r->out->begin == NULL) {
        word_encode(r->s, from->text + begin, end - begin, from->n - begin, r->out);
        return;
    }
    const size_t n = t->model->word(r->s, from->text + begin, end - begin);
    for (size_t i = 0, at = begin; i < n; i++) {
        const int32_t id = r->s->id[i]; /* -1: no token covers it, and the text will be refused */
        const token part = id >= 0 ? t->vocabulary.token[id] : (token){"", 0};
        if (r->s->length[i] > 0) begin = at; /* a part without length shares the bytes of the one before */
        if (r->s->length[i] > 0) at = begin + r->s->length[i];
        emit(r, from, id, begin, at, part.text, part.length);
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

/* Where the white space that ends at `at` begins. */
static size_t blanks_before(const char *text, size_t at) {
    while (at > 0) {
        size_t from = at - 1;
        while (from > 0 && at - from < 4 && ((unsigned char)text[from] & 0xc0) == 0x80) from--;
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
 * (special and not wanted, not a single word) is passed over as a whole. What a match strips behind it may be matched once more,
 * as there. `between` gets what lies between. */
static void each_added(run *r, const piece *from, const trie *tree, const unsigned char *marks, void (*between)(run *, const piece *)) {
    const char *text = from->text;
    const size_t n = from->n;
    size_t done = 0;
    for (size_t at = added_next(tree, text, n, 0); at < n; at = added_next(tree, text, n, at)) {
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
        if (a->lstrip) {
            begin = blanks_before(text, begin);
            if (begin < done) begin = done;
        }
        if (a->rstrip) end = blanks_behind(text, n, end);
        if (done < begin) between(r, &(piece){text + done, begin - done, from->shift + done, from->origin});
        if (begin < end) emit(r, from, a->id, begin, end, text + begin, end - begin); /* else the one before has stripped all of it */
        done = end;
    }
    if (done < n) between(r, &(piece){text + done, n - done, from->shift + done, from->origin});
}

/* A stretch between added tokens that match the text as it is. */
static void normalize_stretch(run *r, const piece *from) {
    const tokenizer *t = r->t;
    piece made = *from;
    const unsigned char *marks = r->marks != NULL ? r->marks + from->shift : NULL;
    if (t->normalizer.n > 0 && !normalizer_keeps(&t->normalizer, from->text, from->n)) {
        tokenizer_scratch *s = r->s;
        r->gave_up |= !normalize_text(&t->normalizer, from->text, from->n, &s->normalized, &s->spare, r->track ? &s->origin : NULL, from->shift);
        made = (piece){string_chars(&s->normalized), s->normalized.length, 0, r->track ? &s->origin : NULL};
        if (r->marks != NULL) {
            if (s->marks_room < made.n) {
                s->marks_room = made.n + made.n / 2;
                s->marks = NEW_ARRAY(&s->memory, s->marks_room, unsigned char);
            }
            for (size_t i = 0; i < made.n; i++) s->marks[i] = r->marks[s->origin.byte[i].begin];
            marks = s->marks;
        }
    }
    each_added(r, &made, &t->normalized, marks, pre_tokenize);
}

/* The ids of one text, without what goes around it. */
static bool encode_text(const tokenizer *t, tokenizer_scratch *s, const char *text, size_t n, const unsigned char *marks, unsigned flags, id_list *out,
                        error *err) {
    if (n > INT32_MAX) return fail(err, "a text of %zu bytes: one text has less than 2 GiB", n);
    run r = {.t = t, .s = s, .flags = flags, .marks = marks, .out = out, .text = text, .n = n, .n_before = out->n};
    r.track = out->begin != NULL || marks != NULL || t->pre_tokenizer.looks_back;
    each_added(&r, &(piece){.text = text, .n = n}, &t->raw, marks, normalize_stretch);
    const bool unknown = s->unknown;
    s->unknown = false;
    if (r.gave_up)
        return fail(err,
                    "a pattern of the normalizer or the pre-tokenizer needs more steps on this text than it may take, or the normalizer makes it far too long");
    return !unknown || fail(err, "the text has a character that no token covers, and the tokenizer has no unknown token");
}

static bool encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags, id_list *out,
                   error *err) {
    tokenizer_scratch *s = scratch != NULL ? scratch : tokenizer_scratch_new(t);
    const bool around = (flags & TOKENIZER_ADD_SPECIAL) != 0;
    const size_t before = out->n;
    if (flags & TOKENIZER_OFFSETS) id_list_want_offsets(out);
    for (size_t i = 0; around && i < t->post.n_prefix; i++) id_list_push_at(out, t->post.prefix[i], 0, 0);
    const bool ok = encode_text(t, s, text, n, marks, flags, out, err);
    for (size_t i = 0; ok && around && i < t->post.n_suffix; i++) id_list_push_at(out, t->post.suffix[i], n, n);
    if (!ok) out->n = before;
    if (scratch == NULL) tokenizer_scratch_drop(s);
    return ok;
}

bool tokenizer_encode(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, unsigned flags, id_list *out, error *err) {
    return encode(t, scratch, text, n, NULL, flags, out, err);
}

bool tokenizer_encode_marked(const tokenizer *t, tokenizer_scratch *scratch, const char *text, size_t n, const unsigned char *marks, unsigned flags,
                             id_list *out, error *err) {
    return encode(t, scratch, text, n, marks, flags, out, err);
}

bool tokenizer_encode_pair(const tokenizer *t, tokenizer_scratch *scratch, const char *a, size_t n_a, const char *b, size_t n_b, unsigned flags, id_list *out,
                           error *err) {
    tokenizer_scratch *s = scratch != NULL ? scratch : tokenizer_scratch_new(t);
    const size_t before = out->n;
    if (flags & TOKENIZER_OFFSETS) id_list_want_offsets(out);
    bool ok = true;
    for (size_t i = 0; ok && i < t->post.n_pair; i++) {
        const int32_t id = t->post.pair[i];
        if (id == POST_TEXT_A) ok = encode_text(t, s, a, n_a, NULL, flags, out, err);
        else if (id == POST_TEXT_B) ok = encode_text(t, s, b, n_b, NULL, flags, out, err);
        else if (flags & TOKENIZER_ADD_SPECIAL) id_list_push_at(out, id, 0, 0);
    }
    if (!ok) out->n = before;
    if (scratch == NULL) tokenizer_scratch_drop(s);
    return ok;
}

void id_list_to_characters(id_list *list, const char *text, size_t n) {
    size_t at = 0, character = 0; /* characters before byte `at`, which begins one */
    for (size_t i = 0; list->begin != NULL && i < list->n; i++) {
        const size_t begin = list->begin[i] < n ? list->begin[i] : n, end = list->end[i] < n ? list->end[i] : n;
        for (; begin < at; character--) at = character_begin(text, n, at - 1); /* what a normalizer put there may have come from before */
        for (size_t next = at; at < begin; at = next, character++) {
            utf8_next(text, n, &next);
            if (next > begin) break;
        }
        list->begin[i] = character;
        size_t stop = at, characters = character;
        for (; stop < end; characters++) utf8_next(text, n, &stop);
        list->end[i] = characters;
    }
}
