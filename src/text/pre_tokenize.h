/* text/pre_tokenize.h: the pre-tokenizer, a list of steps that cut a stretch of text into words. A component of tokenizer.json is
 * one or more steps: ByteLevel, say, is "put a blank before it", "cut by a pattern", "write bytes as characters". Inner to text/. */
#ifndef SOCLE_TEXT_PRE_TOKENIZE_H
#define SOCLE_TEXT_PRE_TOKENIZE_H
#include "text/component.h"
#include "text/pattern.h"
#include "text/split.h"

#include <stdint.h>

typedef enum {
    STEP_SCAN,      /* the matches of a known pattern: hand-made scanner */
    STEP_PATTERN,   /* the matches of a regular expression */
    STEP_LITERAL,   /* the places where a text stands */
    STEP_CHARACTER, /* each character of a class */
    STEP_WORDS,     /* Whitespace: runs of \w and runs of what is neither \w nor \s; white space vanishes */
    STEP_REWRITE,   /* blanks become a text (Metaspace), and the piece begins with it, if it does not yet */
    STEP_BYTES,     /* bytes become the characters of GPT-2's alphabet */
    STEP_SCRIPTS,   /* UnicodeScripts: where the script changes */
    STEP_FIXED,     /* FixedLength: so many characters each */
    STEP_COUNT
} step_kind;

/* What becomes of the matches; `tokenizers` calls it behavior. */
typedef enum { CUT_REMOVED, CUT_ISOLATED, CUT_MERGED_WITH_PREVIOUS, CUT_MERGED_WITH_NEXT, CUT_CONTIGUOUS, CUT_COUNT } cut_behaviour;
typedef enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend_scheme; /* first: where the text begins */
typedef enum { CLASS_SPACE, CLASS_NUMBER, CLASS_PUNCTUATION } character_kind;

typedef struct pre_step {
    step_kind kind;
    split_kind scanner;
    const pattern *pattern;
    const char *text; /* PATTERN: its source; LITERAL, REWRITE: the text */
    size_t n_text;
    character_kind class;
    cut_behaviour behaviour; /* of the first four kinds */
    bool invert;             /* matches are what lies between them */
    bool replaces_blanks;    /* REWRITE: blanks become the text, else it only goes before */
    prepend_scheme prepend;
    size_t length; /* FIXED */
} pre_step;

typedef struct pre_tokenizer {
    pre_step *step;
    size_t n;
    bool byte_level;    /* a last STEP_BYTES, which is not in the list: models do that as they read a word */
    bool looks_back;    /* a step asks where in the text a piece begins, and steps before it may have hidden that */
    split_kind scanner; /* SPLIT_NONE, or: this scanner, each match a word, then byte_level, is all there is */
} pre_tokenizer;

/* A character that the pre-tokenizer Punctuation knows: ASCII punctuation, and \p{P} of an older Unicode. */
bool is_punctuation(uint32_t c);
bool is_number(uint32_t c); /* \p{N}, of a newer one */
/* The script as UnicodeScripts has it (an older Unicode, kana are Han); -1: any. */
int script_of(uint32_t c);

#endif
