/* text/split.h: pre-tokenization patterns as hand-made scanners. A scanner says where the piece that begins at `at` ends, as
 * the pattern's leftmost match would: the patterns leave nothing between two matches, so a text is the sum of its pieces.
 * An invalid byte is a character that is neither letter, number nor white space. */
#ifndef SOCLE_TEXT_SPLIT_H
#define SOCLE_TEXT_SPLIT_H
#include <stdbool.h>
#include <stddef.h>

typedef enum { SPLIT_NONE, SPLIT_GPT2, SPLIT_LLAMA3, SPLIT_QWEN2, SPLIT_QWEN35, SPLIT_O200K, SPLIT_TEKKEN, SPLIT_COUNT } split_kind;

/* End of the piece at text[at], at < n; SPLIT_NONE: n. Linear over a whole text, whatever it holds. */
size_t split_next(split_kind kind, const char *text, size_t n, size_t at);

split_kind split_by_pattern(const char *pattern, size_t n); /* SPLIT_COUNT where it is not known */
const char *split_name(split_kind kind);
const char *split_pattern(split_kind kind); /* the pattern as tokenizer.json has it */
/* Other spellings that split_by_pattern knows, 0 and up; NULL: no more. */
const char *split_spelling(size_t i, split_kind *kind);

/* Where a long text may be cut so that both parts have the pieces of the whole: the largest cut in (0, n), or 0 where there
 * is none. Every pattern ends a piece between a letter and white space. */
size_t split_safe_cut(const char *text, size_t n);

#endif
