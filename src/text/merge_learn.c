/* Which pairs to merge, in which order. Each word is an array of ids that shrinks in place. A pair knows how often it occurs; the
 * queue holds, for pairs, the words in which they came to be. A queue entry may be out of date: it is then put back with the
 * count that holds now, as `tokenizers` does. Follows that trainer in its corners too: the count of a merged pair is left as it
 * was, and a token that two pairs of ids can make (a + bc, ab + c) is one token with two merges. */
#include "text/merge_learn.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/string.h"
#include "text/vocabulary.h"

#include <string.h>

/* Words of one queue entry, in chunks that go back to a free list. */
enum { CHUNK_WORDS = 13 };
typedef struct chunk {
    struct chunk *next;
    uint32_t n, word[CHUNK_WORDS];
} chunk;

typedef struct pair {
    int32_t left, right;
    int64_t count;
    chunk *words, *last; /* of this round: where it newly occurs */
    size_t merged;       /* 1 + the last merge that was made of it; 0: none */
} pair;

typedef struct entry {
    int64_t count;
    uint32_t pair;
    chunk *words;
} entry;

typedef struct word {
    int32_t *id;
    uint32_t n;
    int64_t count;
} word;

typedef struct learner {
    const merge_learning *o;
    const learned *out;                        /* what has been learned so far */
    arena memory, of_pairs, of_slots, of_heap; /* arrays that grow large have an arena each */
    word *words;
    pair *pairs;
    size_t n_pair, room_pair;
    uint32_t *slot; /* of pairs: 1 + index */
    size_t mask;
    chunk *spare;
    entry *heap;
    size_t n_heap, room_heap;
    uint32_t *touched; /* pairs with words of this round */
    size_t n_touched, room_touched;
} learner;

/* --- pairs ------------------------------------------------------------------------------------------------------------- */
static size_t pair_slot(int32_t left, int32_t right) {
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    const uint64_t mixed = (key ^ key >> 29) * 0x9e3779b97f4a7c15ull;
    return (size_t)(mixed ^ mixed >> 32);
}

static void pairs_grow(learner *l) {
    const size_t slots = l->mask == 0 ? 1 << 16 : (l->mask + 1) * 2;
    l->slot = array_move(&l->of_slots, NULL, 0, slots * sizeof *l->slot);
    l->mask = slots - 1;
    for (size_t i = 0; i < l->n_pair; i++) {
        size_t at = pair_slot(l->pairs[i].left, l->pairs[i].right) & l->mask;
        while (l->slot[at] != 0) at = (at + 1) & l->mask;
        l->slot[at] = (uint32_t)i + 1;
    }
}

static uint32_t pair_of(learner *l, int32_t left, int32_t right) {
    if (l->n_pair >= l->mask - l->mask / 3) pairs_grow(l);
    size_t at = pair_slot(left, right) & l->mask;
    for (; l->slot[at] != 0; at = (at + 1) & l->mask) {
        const pair *p = &l->pairs[l->slot[at] - 1];
        if (p->left == left && p->right == right) return l->slot[at] - 1;
    }
    if (l->n_pair == l->room_pair) {
        const size_t room = l->room_pair == 0 ? 1 << 15 : l->room_pair + l->room_pair / 2;
        l->pairs = array_move(&l->of_pairs, l->pairs, l->room_pair * sizeof *l->pairs, room * sizeof *l->pairs);
        l->room_pair = room;
    }
    l->pairs[l->n_pair] = (pair){.left = left, .right = right};
    l->slot[at] = (uint32_t)++l->n_pair;
    return (uint32_t)l->n_pair - 1;
}

static chunk *chunk_new(learner *l) {
    enum { SLAB = 512 };
    if (l->spare == NULL) {
        chunk *slab = NEW_ARRAY(&l->memory, SLAB, chunk);
        for (size_t i = 0; i < SLAB; i++) {
            slab[i].next = l->spare;
            l->spare = &slab[i];
        }
    }
    chunk *c = l->spare;
    l->spare = c->next;
    c->next = NULL;
    c->n = 0;
    return c;
}

static void chunks_free(learner *l, chunk *c) {
    while (c != NULL) {
        chunk *next = c->next;
        c->next = l->spare;
        l->spare = c;
        c = next;
    }
}

/* The pair has come to be in word w. Words come one after another, so that a word twice shows as the last one again. */
static void pair_occurs(learner *l, uint32_t index, uint32_t w) {
    pair *p = &l->pairs[index];
    if (p->words == NULL) {
        p->words = p->last = chunk_new(l);
        if (l->n_touched == l->room_touched) {
            const size_t room = l->room_touched == 0 ? 1 << 12 : l->room_touched * 2;
            l->touched = arena_grow(&l->memory, l->touched, l->room_touched * sizeof *l->touched, room * sizeof *l->touched);
            l->room_touched = room;
        }
        l->touched[l->n_touched++] = index;
    }
    if (p->last->n > 0 && p->last->word[p->last->n - 1] == w) return;
    if (p->last->n == CHUNK_WORDS) {
        p->last->next = chunk_new(l);
        p->last = p->last->next;
    }
    p->last->word[p->last->n++] = w;
}

/* --- the queue: highest count, then smallest ids -------------------------------------------------------------------------- */
static bool before(const learner *l, entry a, entry b) {
    if (a.count != b.count) return a.count > b.count;
    const pair *x = &l->pairs[a.pair], *y = &l->pairs[b.pair];
    return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static void queue_push(learner *l, entry e) {
    if (l->n_heap == l->room_heap) {
        const size_t room = l->room_heap == 0 ? 1 << 15 : l->room_heap + l->room_heap / 2;
        l->heap = array_move(&l->of_heap, l->heap, l->room_heap * sizeof *l->heap, room * sizeof *l->heap);
        l->room_heap = room;
    }
    size_t at = l->n_heap++;
    for (; at > 0 && before(l, e, l->heap[(at - 1) / 4]); at = (at - 1) / 4) l->heap[at] = l->heap[(at - 1) / 4];
    l->heap[at] = e;
}

/* Puts e where the top was. */
static void queue_replace(learner *l, entry e) {
    size_t at = 0;
    for (size_t child; (child = at * 4 + 1) < l->n_heap; at = child) {
        const size_t end = child + 4 < l->n_heap ? child + 4 : l->n_heap;
        for (size_t i = child + 1; i < end; i++)
            if (before(l, l->heap[i], l->heap[child])) child = i;
        if (!before(l, l->heap[child], e)) break;
        l->heap[at] = l->heap[child];
    }
    l->heap[at] = e;
}

static entry queue_pop(learner *l) {
    const entry top = l->heap[0], last = l->heap[--l->n_heap];
    if (l->n_heap > 0) queue_replace(l, last);
    return top;
}

/* Ends a round: what has newly come to be goes into the queue. */
static void queue_touched(learner *l) {
    for (size_t i = 0; i < l->n_touched; i++) {
        pair *p = &l->pairs[l->touched[i]];
        if (p->count > 0) queue_push(l, (entry){p->count, l->touched[i], p->words});
        else chunks_free(l, p->words);
        p->words = p->last = NULL;
    }
    l->n_touched = 0;
}

/* --- merging in the words ---------------------------------------------------------------------------------------------------- */
static void pair_change(learner *l, int32_t left, int32_t right, int64_t change, uint32_t w) {
    const uint32_t index = pair_of(l, left, right);
    l->pairs[index].count += change;
    if (change > 0) pair_occurs(l, index, w);
}

/* Whether two tokens may become neighbours that are merged. */
static bool may_join(const learner *l, int32_t left, int32_t right) {
    return l->o->max_length == UINT32_MAX || l->out->token[left].bytes + l->out->token[right].bytes < l->o->max_length;
}

static void merge_in_word(learner *l, uint32_t w, int32_t left, int32_t right, int32_t result) {
    word *x = &l->words[w];
    int32_t *id = x->id;
    uint32_t to = 0;
    for (uint32_t from = 0; from < x->n; from++) {
        if (id[from] != left || from + 1 == x->n || id[from + 1] != right) {
            id[to++] = id[from];
            continue;
        }
        if (to > 0) {
            pair_change(l, id[to - 1], left, -x->count, w);
            if (may_join(l, id[to - 1], result)) pair_change(l, id[to - 1], result, x->count, w);
        }
        if (from + 2 < x->n) {
            pair_change(l, right, id[from + 2], -x->count, w);
            if (may_join(l, result, id[from + 2])) pair_change(l, result, id[from + 2], x->count, w);
        }
        id[to++] = result;
        from++;
    }
    x->n = to;
}

/* Takes the words over; they are empty then. */
static void learner_start(learner *l, word_map *maps, size_t n_map, const int32_t byte_id[256]) {
    size_t n_word = 0, n_byte = 0;
    for (size_t k = 0; k < n_map; k++) {
        n_word += maps[k].n;
        n_byte += maps[k].bytes;
    }
    int32_t *id = NEW_ARRAY(&l->memory, n_byte, int32_t);
    l->words = NEW_ARRAY(&l->memory, n_word, word);
    uint32_t w = 0;
    for (size_t k = 0; k < n_map; k++) {
        for (size_t i = 0; i < maps[k].n; i++, w++) {
            const word_entry *e = &maps[k].entry[i];
            l->words[w] = (word){id, e->n, e->count};
            for (uint32_t b = 0; b < e->n; b++) *id++ = byte_id[(unsigned char)e->text[b]];
            for (uint32_t b = 0; b + 1 < e->n; b++) pair_change(l, l->words[w].id[b], l->words[w].id[b + 1], e->count, w);
        }
        word_map_drop(&maps[k]);
    }
    queue_touched(l);
}

/* --- tokens -------------------------------------------------------------------------------------------------------------------- */
typedef struct token_list {
    arena *owner;
    learned *out;
    map *ids;
} token_list;

/* The id of a token, which is made where it is new. */
static int32_t token_of(token_list *t, const char *text, size_t n, uint32_t bytes) {
    bool is_new;
    int64_t *id = map_put(t->ids, text, n, &is_new);
    if (is_new) {
        *id = (int64_t)t->out->n_token;
        t->out->token[t->out->n_token++] = (learned_token){arena_copy_bytes(t->owner, text, n), (uint32_t)n, bytes};
    }
    return (int32_t)*id;
}

/* Special tokens first, then the characters that stand for bytes, by code point. */
static void tokens_start(token_list *t, const char **special, size_t n_special, int32_t byte_id[256]) {
    for (size_t i = 0; i < n_special; i++) token_of(t, special[i], strlen(special[i]), 1);
    string character = {0};
    for (uint32_t c = 0; c < 0x100 + 68; c++) {
        const int byte = char_to_byte(c);
        if (byte < 0) continue;
        string_reset(&character);
        string_utf8(&character, c);
        byte_id[byte] = token_of(t, string_chars(&character), character.length, 1);
    }
    string_drop(&character);
}

static int32_t token_joined(token_list *t, int32_t left, int32_t right, string *joined) {
    const learned_token a = t->out->token[left], b = t->out->token[right];
    string_reset(joined);
    string_append(joined, a.text, a.length);
    string_append(joined, b.text, b.length);
    return token_of(t, string_chars(joined), joined->length, a.bytes + b.bytes);
}

/* A merge that was made twice counts where it was made last. */
static void merges_settle(learner *l, learned *out) {
    size_t kept = 0;
    for (size_t i = 0; i < out->n_merge; i++)
        if (l->pairs[pair_of(l, out->merge[i].left, out->merge[i].right)].merged == i + 1) out->merge[kept++] = out->merge[i];
    out->n_merge = kept;
}

static void merge_add(token_list *tokens, size_t *room, int32_t left, int32_t right) {
    learned *out = tokens->out;
    if (out->n_merge == *room) {
        *room = *room == 0 ? 1 << 12 : *room * 2;
        out->merge = arena_grow(tokens->owner, out->merge, out->n_merge * sizeof *out->merge, *room * sizeof *out->merge);
    }
    out->merge[out->n_merge++] = (learned_merge){left, right};
}

static bool merges_make(learner *l, token_list *tokens, error *err) {
    learned *out = tokens->out;
    const size_t wanted = (size_t)l->o->vocab_size;
    const volatile int *stop = l->o->stop;
    size_t room = 0;
    string joined = {0};
    progress p;
    progress_start(&p, "learning merges", "tokens", (double)wanted);
    while (out->n_token < wanted && l->n_heap > 0 && (stop == NULL || *stop == 0)) {
        const entry top = l->heap[0];
        const pair at = l->pairs[top.pair];
        if (top.count != at.count) {
            queue_replace(l, (entry){at.count, top.pair, top.words});
            continue;
        }
        if (top.count < 1 || top.count < l->o->min_frequency) break;
        queue_pop(l);
        const int32_t result = token_joined(tokens, at.left, at.right, &joined);
        merge_add(tokens, &room, at.left, at.right);
        l->pairs[top.pair].merged = out->n_merge;
        for (const chunk *c = top.words; c != NULL; c = c->next)
            for (uint32_t i = 0; i < c->n; i++) merge_in_word(l, c->word[i], at.left, at.right, result);
        chunks_free(l, top.words);
        queue_touched(l);
        if (out->n_merge % 64 == 0) progress_at(&p, (double)out->n_token, NULL);
    }
    progress_at(&p, (double)out->n_token, NULL);
    progress_end(&p, NULL);
    string_drop(&joined);
    return stop == NULL || *stop == 0 || fail(err, "stopped");
}

bool merges_learn(arena *owner, word_map *words, size_t n_map, const merge_learning *o, learned *out, error *err) {
    size_t n_word = 0;
    for (size_t k = 0; k < n_map; k++) n_word += words[k].n;
    if (n_word > UINT32_MAX) return fail(err, "%zu distinct words: more than 2^32", n_word);
    learner l = {.o = o, .out = out};
    int32_t byte_id[256];
    token_list tokens = {owner, out, map_new(&l.memory, (size_t)o->vocab_size * 2)};
    *out = (learned){.token = NEW_ARRAY(owner, (size_t)o->vocab_size + o->n_special + 256, learned_token)};
    tokens_start(&tokens, o->special, o->n_special, byte_id);
    learner_start(&l, words, n_map, byte_id);
    const bool ok = merges_make(&l, &tokens, err);
    if (ok) merges_settle(&l, out);
    arena *const arenas[] = {&l.memory, &l.of_pairs, &l.of_slots, &l.of_heap};
    for (size_t i = 0; i < COUNT(arenas); i++) arena_drop(arenas[i]);
    return ok;
}
