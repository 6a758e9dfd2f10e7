#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void error_put(error *err, const char *format, va_list list) {
    if (err == NULL) return;
    char text[sizeof err->text];
    vsnprintf(text, sizeof text, format, list);
    if (err->text[0] != 0) {
        const size_t used = strlen(text), left = sizeof text - 1 - used;
        snprintf(text + used, left + 1, ": %.*s", left > 2 ? (int)left - 2 : 0, err->text);
    }
    for (char *c = text; *c != 0; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    memcpy(err->text, text, sizeof text);
}

bool fail(error *err, const char *format, ...) {
    va_list list;
    va_start(list, format);
    error_put(err, format, list);
    va_end(list);
    return false;
}

void *fail_null(error *err, const char *format, ...) {
    va_list list;
    va_start(list, format);
    error_put(err, format, list);
    va_end(list);
    return NULL;
}

void error_clear(error *err) {
    if (err != NULL) err->text[0] = 0;
}
