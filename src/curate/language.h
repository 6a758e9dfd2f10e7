/* curate/language.h: which language a text is in, by CLD2 (github.com/CLD2Owners/cld2). */
#ifndef SOCLE_CURATE_LANGUAGE_H
#define SOCLE_CURATE_LANGUAGE_H
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct language_guess {
    char code[16]; /* BCP 47: "en", "nb", "zh-Hant"; "und": not known */
    double share;  /* of the text that is in it, 0 to 1 */
    bool reliable; /* CLD2 says that the next best is far off */
} language_guess;

/* `text` is UTF-8 of n bytes; at most the first 256 KiB are looked at. */
void language_detect(const char *text, size_t n, language_guess *guess);

#ifdef __cplusplus
}
#endif
#endif
