#include "text/tokenizer_inner.h"
#include "text/unicode.h"

#include <string.h>

static uint32_t trie_child(const trie *tree, uint32_t node, unsigned char byte) {
    for (uint32_t c = tree->node[node].child; c != 0; c = tree->node[c].sibling)
        if (tree->node[c].byte == byte) return c;
    return 0;
}

static uint32_t trie_new_node(trie *tree, arena *owner, unsigned char byte) {
    if (tree->n == tree->room) {
        const size_t room = tree->room < 64 ? 64 : tree->room * 2;
        trie_node *node = arena_grow(owner, tree->node, tree->n * sizeof *node, room * sizeof *node);
        if (node == NULL) return 0;
        tree->node = node;
        tree->room = room;
        if (tree->n == 0) tree->n = 1;
    }
    tree->node[tree->n] = (trie_node){.added = -1, .byte = byte};
    return (uint32_t)tree->n++;
}

/* Where the entry of text[0..n), n > 0, is noted: -1 so far, or another's; NULL where memory is not enough. */
static int32_t *trie_put(trie *tree, arena *owner, const char *text, size_t n) {
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)text[i];
        uint32_t next = i == 0 ? tree->root[byte] : trie_child(tree, node, byte);
        if (next == 0) {
            next = trie_new_node(tree, owner, byte);
            if (next == 0) return NULL;
            if (i == 0) tree->root[byte] = next;
            else {
                tree->node[next].sibling = tree->node[node].child;
                tree->node[node].child = next;
            }
        }
        node = next;
    }
    if (n > tree->longest) tree->longest = n;
    return &tree->node[node].added;
}

static void find_only(trie *tree) {
    int n = 0;
    for (int b = 0; b < 256; b++)
        if (tree->root[b] != 0) tree->only = b, n++;
    if (n != 1) tree->only = -1;
}

static bool is_blank(const char *text, size_t n) {
    for (size_t at = 0; at < n;)
        if (!(unicode_class(utf8_next(text, n, &at)) & UNICODE_SPACE)) return false;
    return true;
}

/* What entry i matches, into the trie that it belongs to; `made` and `spare` are room. */
static bool add_entry(tokenizer *t, size_t i, string *made, string *spare, error *err) {
    added_token *a = &t->added[i];
    trie *tree = a->normalized ? &t->normalized : &t->raw;
    a->blank = is_blank(a->content, a->length);
    a->pattern = a->content;
    a->n_pattern = a->length;
    if (a->normalized && t->normalizer.n > 0) {
        if (!normalize_text(&t->normalizer, a->content, a->length, made, spare, NULL, 0))
            return fail(err, "added_tokens: %.60s: a pattern of the normalizer needs more steps on it than it may take", a->content);
        a->n_pattern = made->length;
        a->pattern = arena_copy_bytes(t->owner, string_chars(made), made->length);
    }
    if (a->n_pattern == 0) return fail(err, "added_tokens: %.60s: the normalizer leaves nothing of it", a->content);
    int32_t *place = a->pattern != NULL ? trie_put(tree, t->owner, a->pattern, a->n_pattern) : NULL;
    if (place == NULL) return fail(err, "added_tokens: larger than the memory allowed for a tokenizer");
    if (*place >= 0 && t->added[*place].id != a->id)
        return fail(err, "added_tokens: %.60s and %.60s are one text when normalized", t->added[*place].content, a->content);
    *place = (int32_t)i;
    return true;
}

bool added_build(tokenizer *t, error *err) {
    string made = {0}, spare = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < t->n_added; i++) ok = add_entry(t, i, &made, &spare, err);
    find_only(&t->raw);
    find_only(&t->normalized);
    string_drop(&made);
    string_drop(&spare);
    return ok;
}

size_t added_next(const trie *tree, const char *text, size_t n, size_t at) {
    if (at >= n || tree->n == 0) return n;
    if (tree->only >= 0) {
        const char *found = memchr(text + at, tree->only, n - at);
        return found != NULL ? (size_t)(found - text) : n;
    }
    while (at < n && tree->root[(unsigned char)text[at]] == 0) at++;
    return at;
}

bool trie_reaches(const trie *tree, const char *text, size_t n, size_t from, size_t at) {
    uint32_t node = from < at ? tree->root[(unsigned char)text[from]] : 0;
    while (node != 0 && ++from < at) node = trie_child(tree, node, (unsigned char)text[from]);
    return node != 0;
}

int32_t added_at(const tokenizer *t, const trie *tree, const char *text, size_t n, size_t at, const unsigned char *marks, size_t *end) {
    int32_t found = -1;
    bool markup = true;
    for (uint32_t node = tree->root[(unsigned char)text[at]]; node != 0;) {
        if (marks != NULL && !(marks[at] & TOKENIZER_MARKUP)) markup = false;
        const int32_t i = tree->node[node].added;
        at++;
        if (i >= 0 && (markup || (t->added[i].blank && !t->added[i].special))) {
            found = i;
            *end = at;
        }
        if (at == n) break;
        node = trie_child(tree, node, (unsigned char)text[at]);
    }
    return found;
}
