/* Methods of strings, lists, dicts and the rest. What would change an object is unsafe, as in Jinja's immutable sandbox. */
#include "text/jinja/jinja.h"

#include "text/jinja/character.h"

#include <math.h>

static bool want_text(run *r, const value *v, const char *what) {
    return v->type == VALUE_STRING || run_fail(r, "%s must be str, not %s", what, value_type_name(v));
}
static bool optional_integer(run *r, const value *v, int64_t absent, int64_t *out) {
    *out = absent;
    return !given(v) || v->type == VALUE_NONE || value_to_index(r, v, out);
}
/* What a Markup's method is given is escaped. */
static value escaped_for(run *r, const value *self, const value *v) {
    return self->safe ? text_escape(r, v) : *v;
}

/* --- strings ---------------------------------------------------------------------------------------------------------------------------- */
#define STRING_CASE(name, what) \
    static bool str_##name(run *r, const value *v, const call_arguments *a, value *out) { \
        return *out = text_map(r, &v[0], what), true; \
    }
STRING_CASE(upper, 'u')
STRING_CASE(lower, 'l')
STRING_CASE(title, 't')
STRING_CASE(capitalize, 'c')
STRING_CASE(swapcase, 's')
STRING_CASE(casefold, 'f')

static bool strip(run *r, const value *v, int sides, value *out) {
    const bool with = given(&v[1]) && v[1].type != VALUE_NONE;
    if (with && v[1].type != VALUE_STRING) return run_fail(r, "strip arg must be None or str, not %s", value_type_name(&v[1]));
    return *out = text_strip(r, &v[0], with ? &v[1] : NULL, sides), true;
}
static bool str_strip(run *r, const value *v, const call_arguments *a, value *out) {
    return strip(r, v, 3, out);
}
static bool str_lstrip(run *r, const value *v, const call_arguments *a, value *out) {
    return strip(r, v, 1, out);
}
static bool str_rstrip(run *r, const value *v, const call_arguments *a, value *out) {
    return strip(r, v, 2, out);
}

static bool split(run *r, const value *v, bool from_right, value *out) { /* sep maxsplit */
    int64_t most;
    const bool with = given(&v[1]) && v[1].type != VALUE_NONE;
    if (with && !want_text(r, &v[1], "separator")) return false;
    if (with && v[1].n == 0) return run_fail(r, "empty separator");
    if (!optional_integer(r, &v[2], -1, &most)) return false;
    return *out = value_list(text_split(r, &v[0], with ? &v[1] : NULL, most, from_right)), true;
}
static bool str_split(run *r, const value *v, const call_arguments *a, value *out) {
    return split(r, v, false, out);
}
static bool str_rsplit(run *r, const value *v, const call_arguments *a, value *out) {
    return split(r, v, true, out);
}
static bool str_splitlines(run *r, const value *v, const call_arguments *a, value *out) {
    return *out = value_list(text_split_lines(r, &v[0], given(&v[1]) && value_truth(&v[1]))), true;
}
static bool partition(run *r, const value *v, bool last, value *out) {
    if (!want_text(r, &v[1], "separator")) return false;
    if (v[1].n == 0) return run_fail(r, "empty separator");
    const int64_t at = last ? text_search_last(r, &v[0], &v[1], 0, v[0].n) : text_search(&v[0], &v[1], 0, v[0].n);
    list *l = list_new(r, 3);
    const value empty = text_part(&v[0], 0, 0);
    if (at < 0) {
        for (int i = 0; i < 3; i++) list_push(r, l, i == (last ? 2 : 0) ? v[0] : empty);
    } else {
        list_push(r, l, text_part(&v[0], 0, (size_t)at));
        list_push(r, l, text_part(&v[0], (size_t)at, (size_t)at + v[1].n));
        list_push(r, l, text_part(&v[0], (size_t)at + v[1].n, v[0].n));
    }
    return *out = value_tuple(l), true;
}
static bool str_partition(run *r, const value *v, const call_arguments *a, value *out) {
    return partition(r, v, false, out);
}
static bool str_rpartition(run *r, const value *v, const call_arguments *a, value *out) {
    return partition(r, v, true, out);
}

/* The bytes [from, to) of the characters [start, end) that a search is limited to; false: start lies beyond the end. */
static bool search_range(run *r, const value *v, const value *start, const value *end, size_t *from, size_t *to, bool *ok) {
    int64_t first, last;
    const int64_t n = text_count(&v[0]);
    *ok = optional_integer(r, start, 0, &first) && optional_integer(r, end, n, &last);
    if (!*ok) return false;
    if (first < 0) first = first + n < 0 ? 0 : first + n;
    if (last < 0) last = last + n < 0 ? 0 : last + n;
    if (last > n) last = n;
    if (first > last) return false;
    *from = text_offset(&v[0], first);
    *to = text_offset(&v[0], last);
    return true;
}
static bool affix(run *r, const value *v, bool end, value *out) { /* startswith and endswith: prefix start end */
    size_t from, to;
    bool ok;
    const value *one = &v[1];
    uint32_t n = 1;
    *out = value_bool(false);
    if (v[1].type == VALUE_TUPLE) one = v[1].list->item, n = v[1].list->n;
    const bool inside = search_range(r, v, &v[2], &v[3], &from, &to, &ok);
    if (!ok) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (one[i].type != VALUE_STRING)
            return run_fail(r, "%s first arg must be str or a tuple of str, not %s", end ? "endswith" : "startswith", value_type_name(&one[i]));
        if (!inside || one[i].n > to - from) continue;
        if (memcmp(v[0].text + (end ? to - one[i].n : from), one[i].text, one[i].n) == 0) return *out = value_bool(true), true;
    }
    return true;
}
static bool str_startswith(run *r, const value *v, const call_arguments *a, value *out) {
    return affix(r, v, false, out);
}
static bool str_endswith(run *r, const value *v, const call_arguments *a, value *out) {
    return affix(r, v, true, out);
}
static bool find(run *r, const value *v, bool last, bool must, value *out) {
    size_t from, to;
    bool ok;
    if (!want_text(r, &v[1], "the substring")) return false;
    const bool inside = search_range(r, v, &v[2], &v[3], &from, &to, &ok);
    if (!ok) return false;
    const int64_t at = !inside ? -1 : last ? text_search_last(r, &v[0], &v[1], from, to) : text_search(&v[0], &v[1], from, to);
    if (at < 0 && must) return run_fail(r, "substring not found");
    const value before = text_part(&v[0], 0, at > 0 ? (size_t)at : 0);
    return *out = value_int(at < 0 ? -1 : text_count(&before)), true;
}
static bool str_find(run *r, const value *v, const call_arguments *a, value *out) {
    return find(r, v, false, false, out);
}
static bool str_rfind(run *r, const value *v, const call_arguments *a, value *out) {
    return find(r, v, true, false, out);
}
static bool str_index(run *r, const value *v, const call_arguments *a, value *out) {
    return find(r, v, false, true, out);
}
static bool str_rindex(run *r, const value *v, const call_arguments *a, value *out) {
    return find(r, v, true, true, out);
}
static bool str_count(run *r, const value *v, const call_arguments *a, value *out) {
    size_t from, to;
    bool ok;
    int64_t n = 0;
    if (!want_text(r, &v[1], "the substring")) return false;
    if (!search_range(r, v, &v[2], &v[3], &from, &to, &ok)) return ok && (*out = value_int(0), true);
    run_charge(r, v[0].n);
    if (v[1].n == 0) {
        const value part = text_part(&v[0], from, to);
        return *out = value_int(text_count(&part) + 1), true;
    }
    for (int64_t at; (at = text_search(&v[0], &v[1], from, to)) >= 0; n++) from = (size_t)at + v[1].n;
    return *out = value_int(n), true;
}
static bool str_replace(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t most;
    if (!want_text(r, &v[1], "replace() argument 1") || !want_text(r, &v[2], "replace() argument 2")) return false;
    if (given(&v[3]) ? !value_to_index(r, &v[3], &most) : (most = -1, false)) return false;
    const value by = escaped_for(r, &v[0], &v[2]);
    return *out = text_replace(r, &v[0], &v[1], &by, most), true;
}
static bool str_join(run *r, const value *v, const call_arguments *a, value *out) {
    iterator it;
    value item;
    builder b = {.r = r, .safe = v[0].safe};
    if (!iterate_start(r, &v[1], &it)) return false;
    int64_t i = 0;
    for (int got; (got = iterate_next(r, &it, &item)) != 0; i++) {
        if (got < 0 || !run_step(r)) return false;
        if (v[0].safe && item.type != VALUE_STRING && !value_str(r, &item, &item)) return false;
        if (item.type != VALUE_STRING) return run_fail(r, "sequence item %lld: expected str instance, %s found", (long long)i, value_type_name(&item));
        if (i > 0) build_string(&b, &v[0]);
        const value shown = escaped_for(r, &v[0], &item);
        build_string(&b, &shown);
    }
    *out = build_end(&b);
    return run_step(r);
}
static bool str_removeprefix(run *r, const value *v, const call_arguments *a, value *out) {
    if (!want_text(r, &v[1], "removeprefix() argument")) return false;
    const bool there = v[1].n <= v[0].n && memcmp(v[0].text, v[1].text, v[1].n) == 0;
    return *out = text_part(&v[0], there ? v[1].n : 0, v[0].n), true;
}
static bool str_removesuffix(run *r, const value *v, const call_arguments *a, value *out) {
    if (!want_text(r, &v[1], "removesuffix() argument")) return false;
    const bool there = v[1].n <= v[0].n && memcmp(v[0].text + v[0].n - v[1].n, v[1].text, v[1].n) == 0;
    return *out = text_part(&v[0], 0, there ? v[0].n - v[1].n : v[0].n), true;
}

/* To `width` characters: so many on the left, the rest on the right. */
static bool pad(run *r, const value *v, char side, value *out) { /* width fillchar */
    int64_t width;
    const value fill = given(&v[2]) ? v[2] : value_literal(" ");
    if (!value_to_index(r, &v[1], &width)) return false;
    if (!want_text(r, &fill, "the fill character")) return false;
    const value by = escaped_for(r, &v[0], &fill);
    if (text_count(&by) != 1) return run_fail(r, "The fill character must be exactly one character long");
    const int64_t n = text_count(&v[0]), missing = width > n ? width - n : 0;
    const int64_t left = side == 'r' ? missing : side == 'l' ? 0 : missing / 2 + (missing & width & 1);
    builder b = {.r = r, .safe = v[0].safe};
    build_repeat(&b, &by, left);
    build_string(&b, &v[0]);
    build_repeat(&b, &by, missing - left);
    *out = build_end(&b);
    return run_step(r);
}
static bool str_ljust(run *r, const value *v, const call_arguments *a, value *out) {
    return pad(r, v, 'l', out);
}
static bool str_rjust(run *r, const value *v, const call_arguments *a, value *out) {
    return pad(r, v, 'r', out);
}
static bool str_center(run *r, const value *v, const call_arguments *a, value *out) {
    return pad(r, v, 'c', out);
}
static bool str_zfill(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t width;
    if (!value_to_index(r, &v[1], &width)) return false;
    const int64_t n = text_count(&v[0]);
    const size_t sign = v[0].n > 0 && (v[0].text[0] == '-' || v[0].text[0] == '+');
    const value zero = value_literal("0");
    builder b = {.r = r, .safe = v[0].safe};
    build_part(&b, &v[0], 0, sign);
    build_repeat(&b, &zero, width > n ? width - n : 0);
    build_part(&b, &v[0], sign, v[0].n);
    *out = build_end(&b);
    return run_step(r);
}
static bool str_expandtabs(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t width, column = 0;
    if (!optional_integer(r, &v[1], 8, &width)) return false;
    const value blank = value_literal(" ");
    builder b = {.r = r, .safe = v[0].safe};
    for (size_t at = 0; at < v[0].n && run_step(r);) {
        const size_t begin = at;
        const uint32_t c = utf8_next(v[0].text, v[0].n, &at);
        if (c == '\t') {
            const int64_t n = width > 0 ? width - column % width : 0;
            build_repeat(&b, &blank, n);
            column += n;
            continue;
        }
        column = c == '\n' || c == '\r' ? 0 : column + 1;
        build_part(&b, &v[0], begin, at);
    }
    *out = build_end(&b);
    return run_step(r);
}

/* Every character has one of the bits (and there is one, unless `empty_too`). */
static bool all_are(run *r, const value *s, unsigned bits, bool empty_too, value *out) {
    run_charge(r, (size_t)s->n * 4);
    bool all = s->n > 0 || empty_too;
    for (size_t at = 0; all && at < s->n;) all = (character_class(utf8_next(s->text, s->n, &at)) & bits) != 0;
    return *out = value_bool(all), true;
}
#define STRING_CLASS(name, bits, empty_too) \
    static bool str_##name(run *r, const value *v, const call_arguments *a, value *out) { \
        return all_are(r, &v[0], bits, empty_too, out); \
    }
STRING_CLASS(isalpha, CHARACTER_ALPHA, false)
STRING_CLASS(isdecimal, CHARACTER_DECIMAL, false)
STRING_CLASS(isdigit, CHARACTER_DIGIT, false)
STRING_CLASS(isnumeric, CHARACTER_NUMERIC, false)
STRING_CLASS(isalnum, CHARACTER_ALNUM, false)
STRING_CLASS(isspace, CHARACTER_SPACE, false)
STRING_CLASS(isprintable, CHARACTER_PRINTABLE, true)
static bool str_isascii(run *r, const value *v, const call_arguments *a, value *out) {
    value copy = v[0];
    copy.ascii = 0;
    return *out = value_bool(text_is_ascii(&copy)), true;
}
static bool str_islower(run *r, const value *v, const call_arguments *a, value *out) {
    return test_find("lower", 5)->run(r, v, a, out);
}
static bool str_isupper(run *r, const value *v, const call_arguments *a, value *out) {
    return test_find("upper", 5)->run(r, v, a, out);
}
static bool str_istitle(run *r, const value *v, const call_arguments *a, value *out) {
    bool any = false, cased = false, ok = true;
    for (size_t at = 0; at < v[0].n && ok;) {
        const unsigned class = character_class(utf8_next(v[0].text, v[0].n, &at));
        if (class & (CHARACTER_UPPER | CHARACTER_TITLE)) ok = !cased, any = cased = true;
        else if (class & CHARACTER_LOWER) ok = cased, any = cased = true;
        else cased = false;
    }
    return *out = value_bool(any && ok), true;
}
static bool str_isidentifier(run *r, const value *v, const call_arguments *a, value *out) {
    bool ok = v[0].n > 0;
    for (size_t at = 0; at < v[0].n && ok;) {
        const bool first = at == 0;
        const uint32_t c = utf8_next(v[0].text, v[0].n, &at);
        ok = c == '_' || (character_class(c) & (first ? CHARACTER_ALPHA : CHARACTER_ALPHA | CHARACTER_DECIMAL)) != 0;
    }
    return *out = value_bool(ok), true;
}
static bool str_format(run *r, const value *v, const call_arguments *a, value *out) {
    const list l = {.item = (value *)a->item, .n = a->n, .room = a->n};
    return format_braces(r, &v[0], &l, a->named, out);
}
static bool str_format_map(run *r, const value *v, const call_arguments *a, value *out) {
    const list none = {0};
    if (v[1].type != VALUE_DICT) return run_fail(r, "format_map() needs a dict");
    return format_braces(r, &v[0], &none, v[1].dict, out);
}
static bool str_refused(run *r, const value *v, const call_arguments *a, value *out) {
    return run_fail(r, "the methods encode, translate and maketrans of strings are not supported");
}

static const builtin str_methods[] = {
    {"capitalize", "", str_capitalize},
    {"casefold", "", str_casefold},
    {"center", "/width fillchar=", str_center},
    {"count", "/sub start= end=", str_count},
    {"encode", "*", str_refused},
    {"endswith", "/suffix start= end=", str_endswith},
    {"expandtabs", "tabsize=", str_expandtabs},
    {"find", "/sub start= end=", str_find},
    {"format", "*", str_format},
    {"format_map", "/mapping", str_format_map},
    {"index", "/sub start= end=", str_index},
    {"isalnum", "", str_isalnum},
    {"isalpha", "", str_isalpha},
    {"isascii", "", str_isascii},
    {"isdecimal", "", str_isdecimal},
    {"isdigit", "", str_isdigit},
    {"isidentifier", "", str_isidentifier},
    {"islower", "", str_islower},
    {"isnumeric", "", str_isnumeric},
    {"isprintable", "", str_isprintable},
    {"isspace", "", str_isspace},
    {"istitle", "", str_istitle},
    {"isupper", "", str_isupper},
    {"join", "/iterable", str_join},
    {"ljust", "/width fillchar=", str_ljust},
    {"lower", "", str_lower},
    {"lstrip", "/chars=", str_lstrip},
    {"maketrans", "*", str_refused},
    {"partition", "/sep", str_partition},
    {"removeprefix", "/prefix", str_removeprefix},
    {"removesuffix", "/suffix", str_removesuffix},
    {"replace", "/old new count=", str_replace},
    {"rfind", "/sub start= end=", str_rfind},
    {"rindex", "/sub start= end=", str_rindex},
    {"rjust", "/width fillchar=", str_rjust},
    {"rpartition", "/sep", str_rpartition},
    {"rsplit", "sep= maxsplit=", str_rsplit},
    {"rstrip", "/chars=", str_rstrip},
    {"split", "sep= maxsplit=", str_split},
    {"splitlines", "keepends=", str_splitlines},
    {"startswith", "/prefix start= end=", str_startswith},
    {"strip", "/chars=", str_strip},
    {"swapcase", "", str_swapcase},
    {"title", "", str_title},
    {"translate", "*", str_refused},
    {"upper", "", str_upper},
    {"zfill", "/width", str_zfill},
    {0},
};

/* --- lists and dicts ------------------------------------------------------------------------------------------------------------------------ */
static bool list_copy(run *r, const value *v, const call_arguments *a, value *out) {
    list *l = list_new(r, v[0].list->n);
    for (uint32_t i = 0; i < v[0].list->n; i++) list_push(r, l, v[0].list->item[i]);
    return *out = value_list(l), true;
}
static bool list_index(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t from, to;
    const int64_t n = v[0].list->n;
    if (!optional_integer(r, &v[2], 0, &from) || !optional_integer(r, &v[3], n, &to)) return false;
    if (from < 0) from = from + n < 0 ? 0 : from + n;
    if (to < 0) to += n;
    for (int64_t i = from; i < n && i < to; i++)
        if (value_equal(r, &v[0].list->item[i], &v[1])) return *out = value_int(i), true;
    return run_fail(r, "the value is not in the list");
}
static bool list_count(run *r, const value *v, const call_arguments *a, value *out) {
    int64_t n = 0;
    for (uint32_t i = 0; i < v[0].list->n; i++) n += value_equal(r, &v[0].list->item[i], &v[1]);
    return *out = value_int(n), true;
}
static const builtin list_methods[] = {{"copy", "", list_copy}, {"count", "/value", list_count}, {"index", "/value start= stop=", list_index}, {0}};
static const builtin tuple_methods[] = {{"count", "/value", list_count}, {"index", "/value start= stop=", list_index}, {0}};

static bool dict_view(const value *v, uint32_t kind, value *out) {
    *out = (value){.type = VALUE_VIEW, .dict = v->dict, .n = kind};
    return true;
}
static bool dict_keys(run *r, const value *v, const call_arguments *a, value *out) {
    return dict_view(v, 0, out);
}
static bool dict_values(run *r, const value *v, const call_arguments *a, value *out) {
    return dict_view(v, 1, out);
}
static bool dict_items(run *r, const value *v, const call_arguments *a, value *out) {
    return dict_view(v, 2, out);
}
static bool dict_get_method(run *r, const value *v, const call_arguments *a, value *out) {
    if (!value_hashable(r, &v[1])) return false;
    const value *found = dict_get(v[0].dict, &v[1]);
    return *out = found != NULL ? *found : given(&v[2]) ? v[2] : value_none(), true;
}
static bool dict_copy(run *r, const value *v, const call_arguments *a, value *out) {
    dict *d = dict_new(r, v[0].dict->n);
    for (uint32_t i = 0; i < v[0].dict->n; i++) dict_set(r, d, v[0].dict->key[i], v[0].dict->item[i]);
    return *out = value_dict(d), true;
}
static bool dict_fromkeys(run *r, const value *v, const call_arguments *a, value *out) {
    iterator it;
    value key;
    dict *d = dict_new(r, 4);
    if (!iterate_start(r, &v[1], &it)) return false;
    for (int got; (got = iterate_next(r, &it, &key)) != 0;) {
        if (got < 0 || !run_step(r) || !value_hashable(r, &key)) return false;
        dict_set(r, d, key, given(&v[2]) ? v[2] : value_none());
    }
    return *out = value_dict(d), true;
}
static const builtin dict_methods[] = {
    {"copy", "", dict_copy},
    {"fromkeys", "/iterable value=", dict_fromkeys},
    {"get", "/key default=", dict_get_method},
    {"items", "", dict_items},
    {"keys", "", dict_keys},
    {"values", "", dict_values},
    {0},
};
static const builtin type_dict_methods[] = {{"fromkeys", "/iterable value=", dict_fromkeys}, {0}};

/* --- the rest ------------------------------------------------------------------------------------------------------------------------------- */
static bool cycler_next(run *r, const value *v, const call_arguments *a, value *out) {
    struct cycler *c = v[0].cycler;
    *out = c->items->item[c->at];
    c->at = (c->at + 1) % c->items->n;
    return true;
}
static bool cycler_reset(run *r, const value *v, const call_arguments *a, value *out) {
    v[0].cycler->at = 0;
    return *out = value_none(), true;
}
static const builtin cycler_methods[] = {{"next", "", cycler_next}, {"reset", "", cycler_reset}, {0}};

static bool float_is_integer(run *r, const value *v, const call_arguments *a, value *out) {
    return *out = value_bool(isfinite(v[0].real) && v[0].real == trunc(v[0].real)), true;
}
static bool int_bit_length(run *r, const value *v, const call_arguments *a, value *out) {
    const uint64_t x = v[0].integer < 0 ? 0 - (uint64_t)v[0].integer : (uint64_t)v[0].integer;
    return *out = value_int(x == 0 ? 0 : 64 - __builtin_clzll(x)), true;
}
static bool int_self(run *r, const value *v, const call_arguments *a, value *out) {
    return *out = v[0].type == VALUE_BOOL ? value_int(v[0].integer) : v[0], true;
}
static const builtin float_methods[] = {{"conjugate", "", int_self}, {"is_integer", "", float_is_integer}, {0}};
static const builtin int_methods[] = {{"bit_length", "", int_bit_length}, {"conjugate", "", int_self}, {0}};

static const builtin *methods_of(const value *self) {
    switch (self->type) {
    case VALUE_STRING: return str_methods;
    case VALUE_LIST: return list_methods;
    case VALUE_TUPLE: return tuple_methods;
    case VALUE_DICT: return dict_methods;
    case VALUE_LOOP: return loop_methods;
    case VALUE_CYCLER: return cycler_methods;
    case VALUE_FLOAT: return float_methods;
    case VALUE_BOOL:
    case VALUE_INT: return int_methods;
    case VALUE_FUNCTION: return strcmp(self->function->name, "dict") == 0 ? type_dict_methods : NULL;
    default: return NULL;
    }
}
static bool is_among(const char *const *names, const char *name, size_t n) {
    for (; *names != NULL; names++)
        if (strlen(*names) == n && memcmp(*names, name, n) == 0) return true;
    return false;
}
static const char *const list_changes[] = {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove", NULL};
static const char *const dict_changes[] = {"clear", "pop", "popitem", "setdefault", "update", NULL};
bool method_named(const char *name, size_t n) {
    static const builtin *const tables[] = {str_methods, list_methods, tuple_methods, dict_methods, loop_methods, cycler_methods, float_methods, int_methods};
    for (size_t i = 0; i < COUNT(tables); i++)
        for (const builtin *m = tables[i]; m->name != NULL; m++)
            if (strlen(m->name) == n && memcmp(m->name, name, n) == 0) return true;
    return is_among(list_changes, name, n) || is_among(dict_changes, name, n);
}
const builtin *method_find(const value *self, const char *name, size_t n, bool *unsafe) {
    if (self->type == VALUE_LIST && is_among(list_changes, name, n)) return *unsafe = true, NULL;
    if (self->type == VALUE_DICT && is_among(dict_changes, name, n)) return *unsafe = true, NULL;
    for (const builtin *m = methods_of(self); m != NULL && m->name != NULL; m++)
        if (m->name[0] == name[0] && strlen(m->name) == n && memcmp(m->name, name, n) == 0) return m;
    return NULL;
}
