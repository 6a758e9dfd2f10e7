/* The global functions of a chat template: Jinja's, and those that transformers adds. */
#include "text/jinja/jinja.h"

#include <time.h>

static bool only_positional(run *r, const call_arguments *a, const char *name, uint32_t least, uint32_t most) {
    if (a->named != NULL && a->named->n > 0) return run_fail(r, "%s() takes no arguments by name", name);
    if (a->n < least || a->n > most) return run_fail(r, "%s() takes %u to %u arguments, not %u", name, least, most, a->n);
    return true;
}

static bool run_range(run *r, const call_arguments *a, value *out) {
    enum { RANGE_MOST = 100000 }; /* the sandbox's limit */
    int64_t at[3] = {0, 0, 1};
    if (!only_positional(r, a, "range", 1, 3)) return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!value_to_index(r, &a->item[i], &at[a->n == 1 ? 1 : i])) return false;
    if (at[2] == 0) return run_fail(r, "range() arg 3 must not be zero");
    const bool down = at[2] < 0;
    unsigned __int128 n = 0;
    const __int128 distance = down ? (__int128)at[0] - at[1] : (__int128)at[1] - at[0], step = down ? -(__int128)at[2] : at[2];
    if (distance > 0) n = (unsigned __int128)((distance - 1) / step + 1);
    if (n > RANGE_MOST) return run_fail(r, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", RANGE_MOST);
    int64_t *range = run_take(r, 4 * sizeof *range);
    if (range == NULL) return run_step(r);
    memcpy(range, at, sizeof at);
    range[3] = (int64_t)n;
    return *out = (value){.type = VALUE_RANGE, .range = range}, true;
}

/* dict(pairs or dict, name=value, ...) */
static bool dict_from(run *r, const call_arguments *a, const char *name, dict **out) {
    dict *d = dict_new(r, 4);
    if (a->n > 1) return run_fail(r, "%s() takes one argument without a name, not %u", name, a->n);
    if (a->n == 1 && (a->item[0].type == VALUE_DICT)) {
        const dict *from = a->item[0].dict;
        for (uint32_t i = 0; i < from->n; i++) dict_set(r, d, from->key[i], from->item[i]);
    } else if (a->n == 1) {
        iterator it;
        value item, pair[2];
        if (a->item[0].type == VALUE_NAMESPACE || !iterate_start(r, &a->item[0], &it))
            return run_fail(r, "'%s' object is not iterable", value_type_name(&a->item[0]));
        for (int got; (got = iterate_next(r, &it, &item)) != 0;) {
            if (got < 0 || !run_step(r) || !iterate_unpack(r, &item, pair, 2) || !value_hashable(r, &pair[0])) return false;
            dict_set(r, d, pair[0], pair[1]);
        }
    }
    for (uint32_t i = 0; a->named != NULL && i < a->named->n; i++) dict_set(r, d, a->named->key[i], a->named->item[i]);
    return *out = d, true;
}
static bool run_dict(run *r, const call_arguments *a, value *out) {
    dict *d;
    return dict_from(r, a, "dict", &d) && (*out = value_dict(d), true);
}
static bool run_namespace(run *r, const call_arguments *a, value *out) {
    dict *d;
    if (!dict_from(r, a, "namespace", &d)) return false;
    for (uint32_t i = 0; i < d->n; i++)
        if (d->key[i].type == VALUE_STRING && d->key[i].n > 0 && d->key[i].text[0] == '_')
            return run_fail(r, "a namespace has no fields that begin with '_': '%.*s'", (int)d->key[i].n, d->key[i].text);
    return *out = (value){.type = VALUE_NAMESPACE, .dict = d}, true;
}

static bool run_cycler(run *r, const call_arguments *a, value *out) {
    struct cycler *c = run_take(r, sizeof *c);
    if (c == NULL) return run_step(r);
    if (!only_positional(r, a, "cycler", 1, UINT32_MAX)) return false;
    *c = (struct cycler){.items = list_new(r, a->n)};
    for (uint32_t i = 0; i < a->n; i++) list_push(r, c->items, a->item[i]);
    if (r->over) return run_step(r);
    return *out = (value){.type = VALUE_CYCLER, .cycler = c}, true;
}
static bool run_joiner(run *r, const call_arguments *a, value *out) {
    struct joiner *j = run_take(r, sizeof *j);
    if (j == NULL) return run_step(r);
    const value *named = a->named != NULL && a->named->n == 1 ? dict_get_text(a->named, "sep", 3) : NULL;
    if (named == NULL && !only_positional(r, a, "joiner", 0, 1)) return false;
    *j = (struct joiner){.separator = named != NULL ? *named : a->n == 1 ? a->item[0] : value_literal(", ")};
    return *out = (value){.type = VALUE_JOINER, .joiner = j}, true;
}

static bool run_raise_exception(run *r, const call_arguments *a, value *out) {
    value text;
    const value *named = a->named != NULL && a->named->n == 1 ? dict_get_text(a->named, "message", 7) : NULL;
    if (named == NULL && !only_positional(r, a, "raise_exception", 1, 1)) return false;
    if (!value_str(r, named != NULL ? named : &a->item[0], &text)) return false;
    return run_fail(r, "%.*s", text.n < 380 ? (int)text.n : 380, text.text);
}

/* Python's strftime of a time without zone: what the C library does, but %f is microseconds, and %z and %Z are empty. */
static bool run_strftime_now(run *r, const call_arguments *a, value *out) {
    const value *named = a->named != NULL && a->named->n == 1 ? dict_get_text(a->named, "format", 6) : NULL;
    if (named == NULL && !only_positional(r, a, "strftime_now", 1, 1)) return false;
    const value *format = named != NULL ? named : &a->item[0];
    if (format->type != VALUE_STRING) return run_fail(r, "strftime() argument 1 must be str, not %s", value_type_name(format));
    struct tm when;
    const time_t now = r->in->now != INT64_MIN ? (time_t)r->in->now : time(NULL);
    if ((r->in->now != INT64_MIN ? gmtime_r(&now, &when) : localtime_r(&now, &when)) == NULL) return run_fail(r, "strftime_now: the time is out of range");
    builder pattern = {.r = r};
    for (uint32_t i = 0; i < format->n; i++) {
        const char next = format->text[i] == '%' && i + 1 < format->n ? format->text[i + 1] : 0;
        if (next == 'f') build_bytes(&pattern, "000000", 6, TEMPLATE_MARKUP);
        else if (next != 0 && next != 'z' && next != 'Z') build_bytes(&pattern, format->text + i, 2, TEMPLATE_MARKUP);
        if (next != 0) i++;
        else build_bytes(&pattern, format->text + i, 1, TEMPLATE_MARKUP);
    }
    build_bytes(&pattern, ".\0", 2, TEMPLATE_MARKUP); /* the point tells an empty result from one that did not fit */
    const value p = build_end(&pattern);
    const size_t room = (size_t)p.n * 16 + 256;
    char *text = run_take(r, room);
    if (text == NULL || r->over) return run_step(r);
    const size_t n = strftime(text, room, p.text, &when);
    if (n == 0) return run_fail(r, "strftime_now: the result is too long");
    bool markup = true; /* of a format that came from a message nothing is */
    for (uint32_t i = 0; i < format->n; i++) markup = markup && (text_mark(format, i) & TEMPLATE_MARKUP) != 0;
    return *out = value_text(text, n - 1, markup ? TEMPLATE_MARKUP : 0), true;
}

static bool run_lipsum(run *r, const call_arguments *a, value *out) {
    return run_fail(r, "the function 'lipsum' is not supported");
}

static const function functions[] = {
    {"range", run_range},
    {"dict", run_dict},
    {"namespace", run_namespace},
    {"cycler", run_cycler},
    {"joiner", run_joiner},
    {"lipsum", run_lipsum},
    {"raise_exception", run_raise_exception},
    {"strftime_now", run_strftime_now},
};
const function *function_find(const char *name, size_t n) {
    for (size_t i = 0; i < COUNT(functions); i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0) return &functions[i];
    return NULL;
}
