/* Iteration: what Python's iter() and next() do, lazily, so that a filter's error waits until its item is asked for. */
#include "text/jinja/tree.h"

bool value_is_iterable(const value *v) {
    switch (v->type) {
    case VALUE_STRING:
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_DICT:
    case VALUE_VIEW:
    case VALUE_RANGE:
    case VALUE_ITERATOR:
    case VALUE_LOOP:
    case VALUE_UNDEFINED: return true;
    default: return false;
    }
}

static int loop_items(run *r, iterator *it, value *out) {
    return run_fail(r, "iterating over 'loop' itself is not supported") ? 1 : -1;
}

bool iterate_start(run *r, const value *v, iterator *it) {
    *it = (iterator){.source = *v};
    switch (v->type) {
    case VALUE_LIST:
    case VALUE_TUPLE: it->kind = ITERATE_ITEMS, it->end = v->list->n; break;
    case VALUE_STRING: it->kind = ITERATE_TEXT, it->end = v->n; break;
    case VALUE_DICT: it->source.n = 0; __attribute__((fallthrough));
    case VALUE_VIEW: it->kind = ITERATE_VIEW; break;
    case VALUE_RANGE: it->kind = ITERATE_RANGE, it->end = v->range[3]; break;
    case VALUE_UNDEFINED: it->kind = ITERATE_NOTHING; break;
    case VALUE_ITERATOR: it->kind = ITERATE_THROUGH, it->from = v->iterator; break;
    case VALUE_LOOP: it->kind = ITERATE_STEPS, it->step = loop_items; break;
    default: return run_fail(r, "'%s' object is not iterable", value_type_name(v));
    }
    return true;
}

int iterate_next(run *r, iterator *it, value *out) {
    while (it->kind == ITERATE_THROUGH) it = it->from;
    switch (it->kind) {
    case ITERATE_ITEMS:
        if (it->at >= it->end || it->at >= it->source.list->n) return 0;
        *out = it->source.list->item[it->at++];
        return 1;
    case ITERATE_TEXT: {
        if (it->at >= it->end) return 0;
        size_t next = (size_t)it->at;
        utf8_next(it->source.text, it->source.n, &next);
        *out = text_part(&it->source, (size_t)it->at, next);
        out->safe = false; /* iterating over Markup gives plain strings */
        it->at = (int64_t)next;
        return 1;
    }
    case ITERATE_VIEW: {
        const dict *d = it->source.dict;
        if (it->at >= d->n) return 0;
        const int64_t i = it->at++;
        *out = it->source.n == 0 ? d->key[i] : it->source.n == 1 ? d->item[i] : tuple_of(r, d->key[i], d->item[i]);
        return 1;
    }
    case ITERATE_RANGE:
        if (it->at >= it->end) return 0;
        *out = value_int(it->source.range[0] + it->at++ * it->source.range[2]);
        return 1;
    case ITERATE_REVERSED:
        if (it->end <= 0) return 0;
        *out = it->source.list->item[--it->end];
        return 1;
    case ITERATE_STEPS: { /* generators over generators: calls within calls */
        if (!run_step(r) || !run_deeper(r)) return -1;
        const int got = it->step(r, it, out);
        r->depth--;
        return got;
    }
    default: return 0;
    }
}

bool iterate_all(run *r, const value *v, list **out) {
    iterator it;
    value item;
    if (!iterate_start(r, v, &it)) return false;
    *out = list_new(r, it.kind == ITERATE_ITEMS ? (size_t)it.end : 0);
    for (int got; (got = iterate_next(r, &it, &item)) != 0;) {
        if (got < 0 || !run_step(r)) return false;
        list_push(r, *out, item);
    }
    return true;
}

bool iterate_unpack(run *r, const value *v, value *out, size_t n) {
    iterator it;
    value more;
    if (!value_is_iterable(v)) return run_fail(r, "cannot unpack non-iterable %s object", value_type_name(v));
    if (!iterate_start(r, v, &it)) return false;
    for (size_t i = 0; i < n; i++) {
        const int got = iterate_next(r, &it, &out[i]);
        if (got < 0) return false;
        if (got == 0) return run_fail(r, "not enough values to unpack (expected %zu, got %zu)", n, i);
    }
    const int got = iterate_next(r, &it, &more);
    return got == 0 || (got == 1 && run_fail(r, "too many values to unpack (expected %zu)", n));
}

static int not_iterable(run *r, iterator *it, value *out) {
    return run_fail(r, "'%s' object is not iterable", value_type_name(&it->source)) ? 1 : -1;
}
/* A generator over `source`; where that is not iterable, it fails when it is first asked. */
value value_generator(run *r, const char *name, const value *source, int (*step)(run *, iterator *, value *), void *state, bool *ok) {
    iterator *it = run_take(r, 2 * sizeof *it);
    *ok = it != NULL || (run_step(r) && false);
    if (!*ok) return value_none();
    if (!value_is_iterable(source)) it[1] = (iterator){.kind = ITERATE_STEPS, .source = *source, .step = not_iterable};
    else if (!iterate_start(r, source, it + 1)) return *ok = false, value_none();
    *it = (iterator){.kind = ITERATE_STEPS, .source = *source, .from = it + 1, .step = step, .name = name, .state = state};
    return (value){.type = VALUE_ITERATOR, .iterator = it};
}
