/* The filters of Jinja on lists and dicts. Those that are generators in Jinja are so here: they ask for an item when they are asked
 * for one, and go by once. */
#include "text/jinja/jinja.h"

#include <math.h>

static value lower_if_text(run *r, const value *v, bool case_sensitive) {
    return v->type == VALUE_STRING && !case_sensitive ? text_map(r, v, 'l') : *v;
}

/* --- first, last, list, join -------------------------------------------------------------------------------------------------------------- */
static bool filter_first(run *r, const value *v, const call_arguments *a, value *out) {
    iterator it;
    if (!iterate_start(r, &v[0], &it)) return false;
    const int got = iterate_next(r, &it, out);
    if (got == 0) *out = value_undefined(r, "No first item, sequence was empty.");
    return got >= 0;
}
/* What Python's reversed() takes, as a list. */
static bool reversible(run *r, const value *v, list **out) {
    if (v->type == VALUE_ITERATOR || v->type == VALUE_LOOP || !value_is_iterable(v)) return run_fail(r, "'%s' object is not reversible", value_type_name(v));
    if (v->type == VALUE_LIST || v->type == VALUE_TUPLE) return *out = v->list, true;
    return iterate_all(r, v, out);
}
static bool filter_last(run *r, const value *v, const call_arguments *a, value *out) {
    list *l;
    if (!reversible(r, &v[0], &l)) return false;
    *out = l->n > 0 ? l->item[l->n - 1] : value_undefined(r, "No last item, sequence was empty.");
    return true;
}
static bool filter_list(run *r, const value *v, const call_arguments *a, value *out) {
    list *l;
    return iterate_all(r, &v[0], &l) && (*out = value_list(l), true);
}
static bool filter_reverse(run *r, const value *v, const call_arguments *a, value *out) {
    list *l;
    if (v[0].type == VALUE_STRING) {
        const int64_t n = text_count(&v[0]);
        return *out = text_slice(r, &v[0], n - 1, -1, -1, n), true;
    }
    if (v[0].type == VALUE_ITERATOR) {
        list *back = list_new(r, 0);
        if (!iterate_all(r, &v[0], &l)) return false;
        for (uint32_t i = l->n; i-- > 0;) list_push(r, back, l->item[i]);
        return *out = value_list(back), true;
    }
    if (!reversible(r, &v[0], &l)) return false;
    iterator *it = run_take(r, sizeof *it);
    if (it == NULL) return run_step(r);
    *it = (iterator){.kind = ITERATE_REVERSED, .source = value_list(l), .end = l->n, .name = "list_reverseiterator"};
    return *out = (value){.type = VALUE_ITERATOR, .iterator = it}, true;
}
static bool filter_join(run *r, const value *v, const call_arguments *a, value *out) { /* d attribute */
    value separator = value_literal(""), item, at;
    iterator it;
    builder b = {.r = r};
    if (given(&v[1]) && !value_str(r, &v[1], &separator)) return false;
    if (!iterate_start(r, &v[0], &it)) return false;
    bool first = true;
    for (int got; (got = iterate_next(r, &it, &item)) != 0; first = false) {
        if (got < 0 || !run_step(r) || !path_get(r, &item, &v[2], NULL, &at)) return false;
        if (!first) build_string(&b, &separator);
        build_str(&b, &at);
    }
    return *out = build_end(&b), run_step(r);
}
static bool filter_sum(run *r, const value *v, const call_arguments *a, value *out) { /* attribute start */
    iterator it;
    value item, at;
    value sum = given(&v[2]) ? v[2] : value_int(0);
    if (sum.type == VALUE_STRING) return run_fail(r, "sum() can't sum strings [use ''.join(seq) instead]");
    if (!iterate_start(r, &v[0], &it)) return false;
    for (int got; (got = iterate_next(r, &it, &item)) != 0;)
        if (got < 0 || !run_step(r) || !path_get(r, &item, &v[1], NULL, &at) || !operate(r, OP_ADD, &sum, &at, &sum)) return false;
    return *out = sum, true;
}

/* --- order --------------------------------------------------------------------------------------------------------------------------------- */
/* Stable, by keys: order[] becomes the places of the items. */
static bool merge_sort(run *r, const value *key, uint32_t *order, uint32_t *spare, uint32_t n, bool down) {
    if (n < 2) return true;
    const uint32_t half = n / 2;
    if (!merge_sort(r, key, order, spare, half, down) || !merge_sort(r, key, order + half, spare, n - half, down)) return false;
    memcpy(spare, order, n * sizeof *order);
    for (uint32_t i = 0, left = 0, right = half; i < n; i++) {
        bool take_right = left == half;
        if (!take_right && right < n) { /* the right one first only where it is really less (or, downwards, more) */
            const value *x = &key[spare[left]], *y = &key[spare[right]];
            if (!run_step(r) || !value_less(r, down ? x : y, down ? y : x, "<", &take_right)) return false;
        }
        order[i] = take_right ? spare[right++] : spare[left++];
    }
    return true;
}
/* Items in the order of their keys. */
static bool sorted(run *r, const list *items, const list *keys, bool down, list **out) {
    uint32_t *order = run_take(r, (items->n + 1) * 2 * sizeof *order);
    if (order == NULL || r->over) return run_step(r) && false;
    for (uint32_t i = 0; i < items->n; i++) order[i] = i;
    if (!merge_sort(r, keys->item, order, order + items->n, items->n, down)) return false;
    *out = list_new(r, items->n);
    for (uint32_t i = 0; i < items->n; i++) list_push(r, *out, items->item[order[i]]);
    return true;
}
/* The keys by a path, or by several, "a,b", as a list: what is equal is not asked whether it is less. */
static bool sort_key(run *r, const value *item, const value *path, bool case_sensitive, const value *absent, value *out) {
    list *l = list_new(r, 2);
    if (!given(path) || path->type != VALUE_STRING) {
        if (!path_get(r, item, path, absent, out)) return false;
        list_push(r, l, lower_if_text(r, out, case_sensitive));
        return *out = value_list(l), true;
    }
    for (size_t at = 0; at <= path->n;) {
        const char *comma = memchr(path->text + at, ',', path->n - at);
        const size_t end = comma != NULL ? (size_t)(comma - path->text) : path->n;
        const value part = text_part(path, at, end);
        value one;
        if (!path_get(r, item, &part, absent, &one)) return false;
        list_push(r, l, lower_if_text(r, &one, case_sensitive));
        at = end + 1;
    }
    return *out = value_list(l), true;
}
static bool sort_items(run *r, const value *v, const value *path, bool case_sensitive, bool several, bool down, const value *absent, list **out, list **keys) {
    list *items;
    if (!iterate_all(r, v, &items)) return false;
    *keys = list_new(r, items->n);
    for (uint32_t i = 0; i < items->n; i++) {
        value key;
        const bool ok = several ? sort_key(r, &items->item[i], path, case_sensitive, absent, &key) : path_get(r, &items->item[i], path, absent, &key);
        if (!ok || !run_step(r)) return false;
        list_push(r, *keys, several ? key : lower_if_text(r, &key, case_sensitive));
    }
    return sorted(r, items, *keys, down, out);
}
static bool filter_sort(run *r, const value *v, const call_arguments *a, value *out) { /* reverse case_sensitive attribute */
    list *l, *keys;
    if (!sort_items(r, &v[0], &v[3], true_if_given(&v[2]), true, true_if_given(&v[1]), NULL, &l, &keys)) return false;
    return *out = value_list(l), true;
}
static bool filter_dictsort(run *r, const value *v, const call_arguments *a, value *out) { /* case_sensitive by reverse */
    if (given(&v[2]) && !text_is(&v[2], "key") && !text_is(&v[2], "value")) return run_fail(r, "You can only sort by either \"key\" or \"value\"");
    if (v[0].type == VALUE_UNDEFINED) return undefined_fail(r, &v[0]);
    if (v[0].type != VALUE_DICT) return run_fail(r, "'%s' object has no attribute 'items'", value_type_name(&v[0]));
    const bool by_value = given(&v[2]) && text_is(&v[2], "value");
    list *items = list_new(r, v[0].dict->n), *keys = list_new(r, v[0].dict->n), *l;
    for (uint32_t i = 0; i < v[0].dict->n; i++) {
        list_push(r, items, tuple_of(r, v[0].dict->key[i], v[0].dict->item[i]));
        list_push(r, keys, lower_if_text(r, by_value ? &v[0].dict->item[i] : &v[0].dict->key[i], true_if_given(&v[1])));
    }
    if (!sorted(r, items, keys, true_if_given(&v[3]), &l)) return false;
    return *out = value_list(l), true;
}
static bool filter_groupby(run *r, const value *v, const call_arguments *a, value *out) { /* attribute default case_sensitive */
    list *items, *keys, *groups = list_new(r, 0);
    const bool exact = true_if_given(&v[3]);
    if (!sort_items(r, &v[0], &v[1], exact, false, false, &v[2], &items, &keys)) return false;
    value key, before = value_none();
    list *group = NULL;
    for (uint32_t i = 0; i < items->n && run_step(r); i++) {
        if (!path_get(r, &items->item[i], &v[1], &v[2], &key)) return false;
        const value shown = key;
        key = lower_if_text(r, &key, exact);
        if (group == NULL || !value_equal(r, &key, &before)) {
            group = list_new(r, 4);
            value pair = tuple_of(r, shown, value_list(group));
            if (!r->over) pair.list->group = true;
            list_push(r, groups, pair);
            before = key;
        }
        list_push(r, group, items->item[i]);
    }
    return *out = value_list(groups), run_step(r);
}
static bool extreme(run *r, const value *v, bool largest, value *out) { /* case_sensitive attribute */
    iterator it;
    value item, key, best_key = value_none();
    bool first = true, better = false;
    if (!iterate_start(r, &v[0], &it)) return false;
    for (int got; (got = iterate_next(r, &it, &item)) != 0; first = false) {
        if (got < 0 || !run_step(r) || !path_get(r, &item, &v[2], NULL, &key)) return false;
        key = lower_if_text(r, &key, true_if_given(&v[1]));
        if (!first && !value_less(r, largest ? &best_key : &key, largest ? &key : &best_key, largest ? ">" : "<", &better)) return false;
        if (!first && !better) continue;
        *out = item;
        best_key = key;
    }
    if (first) *out = value_undefined(r, "No aggregated item, sequence was empty.");
    return true;
}
static bool filter_min(run *r, const value *v, const call_arguments *a, value *out) {
    return extreme(r, v, false, out);
}
static bool filter_max(run *r, const value *v, const call_arguments *a, value *out) {
    return extreme(r, v, true, out);
}

/* --- generators ------------------------------------------------------------------------------------------------------------------------------ */
/* What a generator needs beside its source. */
typedef struct generator {
    const builtin *builtin; /* map's filter, select's test; NULL: the item's truth */
    bool by_attribute, reject, case_sensitive;
    value attribute, absent, fill;
    call_arguments arguments;
    int64_t n, at, extra;
    dict *seen;
    list *items;
    const char *complaint; /* what is wrong, said when the first item is asked for, as in Python */
    value name;
} generator;

static bool generator_new(run *r, generator **g) {
    *g = run_take(r, sizeof **g);
    if (*g == NULL) return run_step(r);
    **g = (generator){.attribute = value_of(VALUE_MISSING), .absent = value_of(VALUE_MISSING)};
    return true;
}
static bool make(run *r, const value *source, int (*step)(run *, iterator *, value *), generator *g, value *out) {
    bool ok;
    value none = {.type = VALUE_UNDEFINED};
    if (!value_truth(source) && source->type != VALUE_ITERATOR) source = &none; /* nothing is asked of what is empty */
    *out = value_generator(r, "generator", source, step, g, &ok);
    return ok;
}
static bool generator_fails(run *r, const generator *g) {
    if (g->complaint == NULL) return false;
    run_say(r, g->name.type == VALUE_STRING ? "%s '%.*s'" : "%s", g->complaint, g->name.n < 60 ? (int)g->name.n : 60, g->name.text);
    return true;
}

static int map_step(run *r, iterator *it, value *out) {
    const generator *g = it->state;
    value item;
    if (it->source.type == VALUE_UNDEFINED) return 0;
    if (generator_fails(r, g)) return -1;
    const int got = iterate_next(r, it->from, &item);
    if (got != 1) return got;
    if (g->by_attribute) return path_get(r, &item, &g->attribute, &g->absent, out) ? 1 : -1;
    return builtin_call(r, g->builtin, "filter", &item, &g->arguments, out) ? 1 : -1;
}
static bool filter_map(run *r, const value *v, const call_arguments *a, value *out) {
    generator *g;
    if (!generator_new(r, &g)) return false;
    const value *attribute = a->named != NULL ? dict_get_text(a->named, "attribute", 9) : NULL;
    const value *absent = a->named != NULL ? dict_get_text(a->named, "default", 7) : NULL;
    if (a->n == 0 && attribute != NULL) {
        g->by_attribute = true;
        g->attribute = *attribute;
        if (absent != NULL) g->absent = *absent;
        if (a->named->n > 1u + (absent != NULL)) g->complaint = "map: unexpected argument beside 'attribute'";
    } else if (a->n == 0) g->complaint = "map requires a filter argument";
    else {
        g->builtin = a->item[0].type == VALUE_STRING ? filter_find(a->item[0].text, a->item[0].n) : NULL;
        g->arguments = (call_arguments){a->item + 1, a->n - 1, a->named};
        if (g->builtin == NULL) g->complaint = "there is no filter", g->name = a->item[0];
    }
    return make(r, &v[0], map_step, g, out);
}

static int select_step(run *r, iterator *it, value *out) {
    const generator *g = it->state;
    value subject, holds;
    int got;
    if (it->source.type == VALUE_UNDEFINED) return 0;
    if (generator_fails(r, g)) return -1;
    while ((got = iterate_next(r, it->from, out)) == 1) {
        subject = *out;
        if (!run_step(r) || (g->by_attribute && !path_get(r, out, &g->attribute, NULL, &subject))) return -1;
        holds = subject;
        if (g->builtin != NULL && !builtin_call(r, g->builtin, "test", &subject, &g->arguments, &holds)) return -1;
        if (value_truth(&holds) != g->reject) return 1;
    }
    return got;
}
static bool select_items(run *r, const value *v, const call_arguments *a, bool by_attribute, bool reject, value *out) {
    generator *g;
    const uint32_t at = by_attribute;
    if (!generator_new(r, &g)) return false;
    g->by_attribute = by_attribute;
    g->reject = reject;
    if (by_attribute && a->n == 0) g->complaint = "missing parameter for attribute name";
    else if (by_attribute) g->attribute = a->item[0];
    if (a->n > at) {
        g->builtin = a->item[at].type == VALUE_STRING ? test_find(a->item[at].text, a->item[at].n) : NULL;
        g->arguments = (call_arguments){a->item + at + 1, a->n - at - 1, a->named};
        if (g->builtin == NULL) g->complaint = "there is no test", g->name = a->item[at];
    }
    return make(r, &v[0], select_step, g, out);
}
static bool filter_select(run *r, const value *v, const call_arguments *a, value *out) {
    return select_items(r, v, a, false, false, out);
}
static bool filter_reject(run *r, const value *v, const call_arguments *a, value *out) {
    return select_items(r, v, a, false, true, out);
}
static bool filter_selectattr(run *r, const value *v, const call_arguments *a, value *out) {
    return select_items(r, v, a, true, false, out);
}
static bool filter_rejectattr(run *r, const value *v, const call_arguments *a, value *out) {
    return select_items(r, v, a, true, true, out);
}

static int unique_step(run *r, iterator *it, value *out) {
    const generator *g = it->state;
    value key;
    int got;
    while ((got = iterate_next(r, it->from, out)) == 1) {
        if (!run_step(r) || !path_get(r, out, &g->attribute, NULL, &key)) return -1;
        key = lower_if_text(r, &key, g->case_sensitive);
        if (!value_hashable(r, &key)) return -1;
        if (dict_get(g->seen, &key) != NULL) continue;
        dict_set(r, g->seen, key, value_none());
        return 1;
    }
    return got;
}
static bool filter_unique(run *r, const value *v, const call_arguments *a, value *out) { /* case_sensitive attribute */
    generator *g;
    bool ok;
    if (!generator_new(r, &g)) return false;
    g->case_sensitive = true_if_given(&v[1]);
    g->attribute = v[2];
    g->seen = dict_new(r, 0);
    *out = value_generator(r, "generator", &v[0], unique_step, g, &ok);
    return ok;
}

static int batch_step(run *r, iterator *it, value *out) {
    generator *g = it->state;
    list *l = list_new(r, 0);
    value item;
    int got = g->extra ? 0 : 1; /* extra: the source has ended */
    while (got == 1 && (int64_t)l->n < (g->n > 0 ? g->n : INT64_MAX) && (got = iterate_next(r, it->from, &item)) == 1) {
        if (!run_step(r)) return -1;
        list_push(r, l, item);
    }
    if (got < 0) return -1;
    g->extra = got == 0;
    if (l->n == 0) return 0;
    for (; given(&g->fill) && g->fill.type != VALUE_NONE && (int64_t)l->n < g->n;) {
        if (!run_step(r)) return -1;
        list_push(r, l, g->fill);
    }
    *out = value_list(l);
    return 1;
}
static bool filter_batch(run *r, const value *v, const call_arguments *a, value *out) { /* linecount fill_with */
    generator *g;
    bool ok;
    if (!generator_new(r, &g) || !value_to_index(r, &v[1], &g->n)) return false;
    g->fill = v[2];
    *out = value_generator(r, "generator", &v[0], batch_step, g, &ok);
    return ok;
}

static int slice_step(run *r, iterator *it, value *out) {
    generator *g = it->state;
    if (g->items == NULL) {
        const value rest = {.type = VALUE_ITERATOR, .iterator = it->from};
        if (!iterate_all(r, &rest, &g->items)) return -1;
        if (g->n == 0) return run_fail(r, "integer division or modulo by zero") ? 1 : -1;
    }
    if (g->at >= g->n || !run_step(r)) return g->at >= g->n ? 0 : -1;
    const int64_t each = g->items->n / g->n, longer = g->items->n % g->n, k = g->at++;
    const int64_t from = k * each + (k < longer ? k : longer), to = from + each + (k < longer);
    list *l = list_new(r, (size_t)(to - from) + 1);
    for (int64_t i = from; i < to; i++) list_push(r, l, g->items->item[i]);
    if (given(&g->fill) && g->fill.type != VALUE_NONE && k >= longer) list_push(r, l, g->fill);
    *out = value_list(l);
    return 1;
}
static bool filter_slice(run *r, const value *v, const call_arguments *a, value *out) { /* slices fill_with */
    generator *g;
    bool ok;
    if (!generator_new(r, &g) || !value_to_index(r, &v[1], &g->n)) return false;
    g->fill = v[2];
    *out = value_generator(r, "generator", &v[0], slice_step, g, &ok);
    return ok;
}

static int items_step(run *r, iterator *it, value *out) {
    if (it->source.type != VALUE_DICT && it->source.type != VALUE_UNDEFINED) return run_fail(r, "Can only get item pairs from a mapping.") ? 1 : -1;
    if (it->source.type == VALUE_UNDEFINED || it->at >= it->source.dict->n) return 0;
    *out = tuple_of(r, it->source.dict->key[it->at], it->source.dict->item[it->at]);
    return it->at++, 1;
}
static bool filter_items(run *r, const value *v, const call_arguments *a, value *out) {
    iterator *it = run_take(r, sizeof *it);
    if (it == NULL) return run_step(r);
    *it = (iterator){.kind = ITERATE_STEPS, .source = v[0], .step = items_step, .name = "generator"};
    return *out = (value){.type = VALUE_ITERATOR, .iterator = it}, true;
}

const builtin jinja_list_filters[] = {
    {"batch", "linecount fill_with=", filter_batch},
    {"dictsort", "case_sensitive= by= reverse=", filter_dictsort},
    {"first", "", filter_first},
    {"groupby", "attribute default= case_sensitive=", filter_groupby},
    {"items", "", filter_items},
    {"join", "d= attribute=", filter_join},
    {"last", "", filter_last},
    {"list", "", filter_list},
    {"map", "*", filter_map},
    {"max", "case_sensitive= attribute=", filter_max},
    {"min", "case_sensitive= attribute=", filter_min},
    {"reject", "*", filter_reject},
    {"rejectattr", "*", filter_rejectattr},
    {"reverse", "", filter_reverse},
    {"select", "*", filter_select},
    {"selectattr", "*", filter_selectattr},
    {"slice", "slices fill_with=", filter_slice},
    {"sort", "reverse= case_sensitive= attribute=", filter_sort},
    {"sum", "attribute= start=", filter_sum},
    {"unique", "case_sensitive= attribute=", filter_unique},
    {0},
};
