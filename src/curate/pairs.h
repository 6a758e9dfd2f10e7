/* curate/pairs.h: questions and answers from manual pages: what the NAME line says of a command, a function, a file, and the
 * reverse. "What does `ls` do?" -> "list directory contents". In English, French and German. */
#ifndef SOCLE_CURATE_PAIRS_H
#define SOCLE_CURATE_PAIRS_H
#include "base/json.h"
#include "data/document.h"

typedef struct pairs pairs;
typedef struct pairs_count {
    char language[16];
    long train, valid; /* pairs written */
} pairs_count;

enum { PAIRS_LANGUAGES = 3 };

/* Whether `languages` names languages that there are wordings for; err names the one that is not. */
bool pairs_check(const json *languages, error *err);
/* Writes LANGUAGE.train.jsonl and LANGUAGE.valid.jsonl in `folder`, which is made. `languages` names some of en, fr, de (a list,
 * or one text with commas). A page is in `valid` by a hash of its name and the seed, with probability `share`: all pages of one
 * name are on one side. Each question is asked once: the first page wins. */
pairs *pairs_open(arena *owner, const char *folder, const json *languages, double share, uint64_t seed, error *err);
/* A page with name and description in its metadata gives two lines {"id", "messages": [user, assistant]}; any other none. */
bool pairs_add(pairs *p, const document *d, const char *language, arena *scratch, error *err);
bool pairs_close(pairs *p, error *err); /* commits the files */
void pairs_abort(pairs *p);             /* NULL is fine */
size_t pairs_counts(const pairs *p, pairs_count counts[PAIRS_LANGUAGES]);

#endif
