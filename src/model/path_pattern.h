/* model/path_pattern.h (inner): the part of Python's `re` that configurations of adapters use, on paths of modules: literals, '.',
 * classes, groups, |, * + ? {m,n} and their lazy forms, ^ $ \A \Z \b \B, \d \w \s. Anything else is refused by name. Matching is
 * a simulation of the automaton (Thompson 1968), so no pattern from outside can take more than size times length. */
#ifndef SOCLE_MODEL_PATH_PATTERN_H
#define SOCLE_MODEL_PATH_PATTERN_H
#include "base/arena.h"
#include "base/error.h"

typedef struct path_pattern path_pattern;
/* err: what in the pattern is off, and where. */
path_pattern *path_pattern_new(arena *owner, const char *text, error *err);
/* Whether the whole path matches (re.fullmatch). One thread at a time. */
bool path_pattern_matches(path_pattern *p, const char *path);

#endif
