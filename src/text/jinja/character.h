/* text/jinja/character.h: what Python's str methods say of a character: the classes and the case of chat templates. The tables are made
 * by scripts/character-table. (Tokenizers ask text/unicode.h, whose Unicode is another one.) */
#ifndef SOCLE_TEXT_CHARACTER_H
#define SOCLE_TEXT_CHARACTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHARACTER_PRINTABLE = 1,
    CHARACTER_ALPHA = 2,
    CHARACTER_DECIMAL = 4,
    CHARACTER_DIGIT = 8,
    CHARACTER_NUMERIC = 16,
    CHARACTER_LOWER = 32,
    CHARACTER_UPPER = 64,
    CHARACTER_TITLE = 128,
    CHARACTER_SPACE = 256,
    CHARACTER_ALNUM = CHARACTER_ALPHA | CHARACTER_DECIMAL | CHARACTER_DIGIT | CHARACTER_NUMERIC,
    CHARACTER_CASED = CHARACTER_LOWER | CHARACTER_UPPER | CHARACTER_TITLE,
};
unsigned character_class_beyond(uint32_t c);
extern const uint16_t character_class_ascii[];
static inline unsigned character_class(uint32_t c) {
    return c < 128 ? character_class_ascii[c] : character_class_beyond(c);
}

/* The image under a case map, 1 to 3 characters; returns how many. */
typedef struct case_map case_map;
extern const case_map character_upper, character_lower, character_title, character_fold; /* fold: on top of lower */
int character_map(const case_map *map, uint32_t c, uint32_t image[3]);

/* What the generated tables consist of. */
typedef struct character_class_run {
    uint32_t first; /* up to the next run's */
    uint16_t bits;
} character_class_run;
extern const character_class_run character_class_runs[];
extern const size_t n_character_class_run;
typedef struct case_run {
    uint32_t first, last, step;
    int32_t distance;
} case_run;
typedef struct case_several {
    uint32_t c, image[3];
} case_several;
struct case_map {
    const case_run *run;
    size_t n_run;
    const case_several *several;
    size_t n_several;
};

#endif
