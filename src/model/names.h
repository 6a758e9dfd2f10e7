/* model/names.h (inner): reading configurations: the file, tables of keys that it may have, and what a wrong key was meant to be. */
#ifndef SOCLE_MODEL_NAMES_H
#define SOCLE_MODEL_NAMES_H
#include "base/json.h"

/* A key that does nothing here, either at all (only NULL) or as long as it holds `only`: JSON of one scalar, "{}" or "[]" for
 * anything empty. null always does nothing. */
typedef struct known_key {
    const char *name, *only;
} known_key;

/* Checks each key of an object against tables that end in a NULL name and together list everything known: those that are read
 * (`only` NULL) and those that do nothing. A key that no table has is an error that names the nearest one; one that is null,
 * false or empty passes where `lenient`. */
bool keys_check(const json *object, const known_key *const *tables, int n_table, bool lenient, error *err);
/* null, false, "", {} or []. */
bool json_is_nothing(const json *v);
/* A short text of a value, for messages: a scalar, "[...]" or "{...}"; a static buffer of this thread. */
const char *json_short_text(const json *v);
/* The name of a folder as a user sees it: the last part of its whole path, so that "." and "stories/" have one too. */
const char *folder_name(arena *owner, const char *folder);
/* A JSON file of a model or adapter folder, at most 16 MB; err names it. */
json *config_file_read(arena *owner, const char *folder, const char *name, error *err);

#endif
