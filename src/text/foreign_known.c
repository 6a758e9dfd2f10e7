/* Vocabularies that are known by what they hold: the pattern that they were made with, and the special tokens that their files
 * leave out. A row's digest is over the texts of the first n ids, so that added tokens and the format do not matter. */
#include "text/foreign.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

enum { MOST_SPECIALS = 8 };

typedef struct special_run { /* ids one after another; %d counts from `from` to `to` */
    const char *format;
    int from, to;
} special_run;

static const struct {
    const char *digest;
    size_t n;
    const char *pattern;
    special_run special[MOST_SPECIALS]; /* behind the last id */
    const char *bos, *eos;
} known[] = {
    {"dc780f2bc27c877e73fdb5a481ab6c9d", 50256, "gpt2", {{"<|endoftext|>", 0, 0}}, "<|endoftext|>", "<|endoftext|>"},
    {"1e0c6bbea8b45a59d61483c86a549c44", 50257, "gpt2", {{"<|endoftext|>", 0, 0}}, NULL, "<|endoftext|>"},
    {"b6d8d35b73b1414ce562fdf377a5c1ae",
     128000,
     "llama3",
     {{"<|begin_of_text|>", 0, 0},
      {"<|end_of_text|>", 0, 0},
      {"<|reserved_special_token_%d|>", 0, 3},
      {"<|start_header_id|>", 0, 0},
      {"<|end_header_id|>", 0, 0},
      {"<|reserved_special_token_%d|>", 4, 4},
      {"<|eot_id|>", 0, 0},
      {"<|reserved_special_token_%d|>", 5, 250}},
     "<|begin_of_text|>",
     "<|end_of_text|>"},
    {"cb214775a3f6da3e48d3c5c7de5dc5c7", 151643, "qwen", {{"<|endoftext|>", 0, 0}, {"<|im_start|>", 0, 0}, {"<|im_end|>", 0, 0}}, NULL, "<|endoftext|>"},
};

static digest digest_of_first(const foreign *f, size_t n) {
    string s = {0};
    for (size_t i = 0; i < n; i++) {
        string_append(&s, f->part[i].text, f->part[i].text == NULL ? 0 : f->part[i].n);
        string_char(&s, 0);
    }
    const digest d = digest_of(string_chars(&s), s.length);
    string_drop(&s);
    return d;
}

static bool put_special(foreign *f, const special_run *run, const char *bos, const char *eos, error *err) {
    size_t room = f->n_added;
    int32_t id = (int32_t)f->n;
    for (size_t r = 0; r < MOST_SPECIALS && run[r].format != NULL; r++)
        for (int i = run[r].from; i <= run[r].to; i++, id++) {
            char text[64];
            snprintf(text, sizeof text, run[r].format, i);
            const char *kept = arena_copy(f->memory, text);
            if (f->n_added == room) {
                const size_t more = room == 0 ? 512 : room * 2;
                part_added *larger = arena_grow(f->memory, f->added, room * sizeof *larger, more * sizeof *larger);
                if (larger == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
                f->added = larger;
                room = more;
            }
            if (kept == NULL) return fail(err, "larger than the memory allowed for a tokenizer");
            f->added[f->n_added++] = (part_added){.id = id, .text = kept, .n = strlen(kept), .special = true};
            if (bos != NULL && f->bos < 0 && strcmp(bos, kept) == 0) f->bos = id;
            if (eos != NULL && f->eos < 0 && strcmp(eos, kept) == 0) f->eos = id;
        }
    return true;
}

bool foreign_recognize(foreign *f, error *err) {
    for (size_t i = 0; i < COUNT(known); i++) {
        char text[33];
        if (f->n < known[i].n || strcmp(digest_text(digest_of_first(f, known[i].n), text), known[i].digest) != 0) continue;
        if (f->pattern == NULL) f->pattern = word_pattern_find(known[i].pattern, strlen(known[i].pattern));
        f->add_bos = f->add_bos || word_pattern_adds_begin(f->pattern);
        /* where the files name tokens of their own, theirs count */
        return f->n_added > 0 || f->n != known[i].n || put_special(f, known[i].special, known[i].bos, known[i].eos, err);
    }
    return true;
}
