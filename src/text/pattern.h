/* text/pattern.h: regular expressions of tokenizers, as Oniguruma reads them (`tokenizers` uses it), run by PCRE2. A pattern is
 * translated: \p{..}, \s, \d, \w and brackets become explicit sets of Unicode 16 (PCRE2 brings an older table), and what the
 * two read differently ({,n}, {n,m}+, ^, $, \h, (?i:..) with its long s and Kelvin sign) is written out. Syntax that has no
 * exact translation is refused by name and offset. Inner to text/.
 * A pattern never changes after it is made: any number of threads may search with one; a search belongs to one thread. */
#ifndef SOCLE_TEXT_PATTERN_H
#define SOCLE_TEXT_PATTERN_H
#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>

typedef struct pattern pattern;

/* Lives in `owner`. err: what is wrong, at which byte of which pattern. */
pattern *pattern_compile(arena *owner, const char *text, size_t n, error *err);

/* Matches in text[0..n), leftmost first, one after another, none overlapping; an empty match right behind the one before is
 * passed over. An invalid byte is a character of its own that is neither letter, number nor white space (U+FFFD to the
 * pattern). A pattern that needs more steps or room at one place of the text than a bound is given up: no further match, and
 * gave_up says so. Places have no bound together: a pattern that looks as far as the text's end from each (a+b|. where there is
 * no b) takes time that grows with the square of the text. */
typedef struct pattern_search {
    const pattern *pattern;
    const char *text;
    size_t n, at, last; /* at: where to look next; last: end of the match before, SIZE_MAX: none yet */
    char *copy;         /* the text with U+FFFD in place of invalid bytes; NULL: it has none */
    size_t n_copy, known, known_copy;
    struct pattern_code *code; /* the thread's */
    bool gave_up;
} pattern_search;
pattern_search pattern_search_start(const pattern *p, const char *text, size_t n);
bool pattern_search_next(pattern_search *s, size_t *begin, size_t *end); /* false: no further match */
void pattern_search_end(pattern_search *s);

#endif
