/* NFC, NFD, NFKC, NFKD (UAX 15): stretches that are normal already are copied; the rest is decomposed, ordered, and composed. */
#include "text/normalize_inner.h"

#include <string.h>

enum { L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11a7, S_BASE = 0xac00, N_L = 19, N_V = 21, N_T = 28, N_S = N_L * N_V * N_T };

/* --- what is normal already --------------------------------------------------------------------------------------------- */
/* Where, from text[at] on, the first character begins that the form may change: one with one of the flags, or a mark behind one
 * of a higher class; n: none. *safe: the last place before it where a character begins that nothing before it can touch. */
static inline size_t first_change(const char *text, size_t n, size_t at, uint32_t flags, size_t *safe) {
    unsigned before = 0; /* combining class */
    *safe = at;
    while (at < n) {
        if ((unsigned char)text[at] < 0x80) {
            at += ascii_run(text + at, n - at);
            *safe = at - 1;
            before = 0;
            continue;
        }
        uint32_t c;
        const size_t length = character_at(text, n, at, &c);
        const uint32_t record = record_of(c), ccc = record & NORMAL_CCC;
        if ((record & flags) != 0 || (ccc != 0 && ccc < before)) return at;
        if (ccc == 0) *safe = at;
        before = ccc;
        at += length;
    }
    return n;
}

/* --- the rest ----------------------------------------------------------------------------------------------------------- */
typedef struct part {
    uint32_t c;
    int32_t change;
    uint32_t ccc;
} part;
typedef struct part_list {
    part first[64], *part; /* part: first, while they fit */
    size_t n, room;
} part_list;

typedef struct former {
    edit *e;
    bool compatible, composes;
    arena memory;      /* for marks without end */
    part_list pending; /* marks to be put in order, before the next starter */
    part_list blocked; /* marks that the starter before them did not take */
    bool has_starter;
    part starter;
} former;

static void list_push(former *f, part_list *list, part p) {
    if (list->part == NULL) {
        list->part = list->first;
        list->room = COUNT(list->first);
    }
    if (list->n == list->room) {
        part *more = NEW_ARRAY(&f->memory, list->room * 2, part);
        memcpy(more, list->part, list->n * sizeof(part));
        list->part = more;
        list->room *= 2;
    }
    list->part[list->n++] = p;
}

static void emit(former *f, const part *p) {
    edit_put_character(f->e, p->c, p->change);
}

static uint32_t compose(uint32_t a, uint32_t b) {
    if (a - L_BASE < N_L && b - V_BASE < N_V) return S_BASE + ((a - L_BASE) * N_V + (b - V_BASE)) * N_T;
    if (a - S_BASE < N_S && (a - S_BASE) % N_T == 0 && b - T_BASE - 1 < N_T - 1) return a + (b - T_BASE);
    size_t low = 0, high = n_normal_pair;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const normal_pair *p = &normal_pairs[middle];
        if (p->second == b && p->first == a) return p->one;
        if (p->second < b || (p->second == b && p->first < a)) low = middle + 1;
        else high = middle;
    }
    return 0;
}

static bool try_compose(former *f, const part *p) {
    if (!(record_of(p->c) & NORMAL_SECOND)) return false;
    const uint32_t one = compose(f->starter.c, p->c);
    if (one == 0) return false;
    f->starter.c = one;
    f->starter.change += p->change - 1;
    return true;
}

/* The starter that waits, and what it did not take. */
static void release(former *f) {
    if (f->has_starter) emit(f, &f->starter);
    for (size_t i = 0; i < f->blocked.n; i++) emit(f, &f->blocked.part[i]);
    f->has_starter = false;
    f->blocked.n = 0;
}

/* A character in canonical order. */
static void take(former *f, const part *p) {
    if (!f->composes || (!f->has_starter && p->ccc != 0)) {
        emit(f, p);
        return;
    }
    const uint32_t last = f->blocked.n > 0 ? f->blocked.part[f->blocked.n - 1].ccc : 0;
    const bool reaches = f->blocked.n == 0 || last < p->ccc; /* nothing blocks the way to the starter */
    if (f->has_starter && reaches && try_compose(f, p)) return;
    if (p->ccc != 0) {
        list_push(f, &f->blocked, *p);
        return;
    }
    release(f);
    f->has_starter = true;
    f->starter = *p;
}

/* By combining class, equal ones as they came. */
static void order(former *f, part_list *list) {
    if (list->n <= 32) {
        for (size_t i = 1; i < list->n; i++)
            for (size_t j = i; j > 0 && list->part[j - 1].ccc > list->part[j].ccc; j--) {
                const part p = list->part[j];
                list->part[j] = list->part[j - 1];
                list->part[j - 1] = p;
            }
        return;
    }
    size_t place[257] = {0};
    part *sorted = NEW_ARRAY(&f->memory, list->n, part);
    for (size_t i = 0; i < list->n; i++) place[list->part[i].ccc + 1]++;
    for (size_t i = 1; i < 257; i++) place[i] += place[i - 1];
    for (size_t i = 0; i < list->n; i++) sorted[place[list->part[i].ccc]++] = list->part[i];
    memcpy(list->part, sorted, list->n * sizeof(part));
}

static void take_pending(former *f) {
    if (f->pending.n > 1) order(f, &f->pending);
    for (size_t i = 0; i < f->pending.n; i++) take(f, &f->pending.part[i]);
    f->pending.n = 0;
}

static void decomposed(former *f, uint32_t c, int32_t change) {
    const part p = {c, change, record_of(c) & NORMAL_CCC};
    if (p.ccc != 0) {
        list_push(f, &f->pending, p);
        return;
    }
    take_pending(f);
    take(f, &p);
}

static void decompose(former *f, uint32_t c) {
    if (c - S_BASE < N_S) {
        const uint32_t s = c - S_BASE;
        decomposed(f, L_BASE + s / (N_V * N_T), 0);
        decomposed(f, V_BASE + s % (N_V * N_T) / N_T, 1);
        if (s % N_T != 0) decomposed(f, T_BASE + s % N_T, 1);
        return;
    }
    const bool changes = (record_of(c) & (f->compatible ? NORMAL_NFKD : NORMAL_NFD)) != 0;
    if (!changes) {
        decomposed(f, c, 0);
        return;
    }
    const normal_mapping *m = normal_mapping_of(c);
    const uint32_t to = f->compatible && m->compatible != 0 ? m->compatible : m->canonical;
    for (uint32_t i = 0; i < (to & 31); i++) decomposed(f, normal_pool[(to >> 5) + i], i > 0);
}

/* Writes text[at..] up to the first character behind `changed` that nothing before it can touch; returns where that is. */
static size_t change(former *f, size_t at, size_t changed, uint32_t flags) {
    const char *text = f->e->text;
    const size_t n = f->e->n;
    while (at < n) {
        uint32_t c;
        const size_t length = character_at(text, n, at, &c);
        if (at > changed && (record_of(c) & (flags | NORMAL_CCC)) == 0) break;
        decompose(f, c);
        at += length;
    }
    take_pending(f);
    release(f);
    return at;
}

static bool form_apply(edit *e, uint32_t flags, bool compatible, bool composes) {
    former f = {.e = e, .compatible = compatible, .composes = composes};
    for (size_t at = 0; at < e->n;) {
        size_t safe;
        const size_t changed = first_change(e->text, e->n, at, flags, &safe);
        if (changed == e->n) safe = e->n;
        if (safe > at) edit_same(e, e->text + at, safe - at);
        at = safe < e->n ? change(&f, safe, changed, flags) : e->n;
    }
    arena_drop(&f.memory);
    return true;
}

enum {
    C_FLAGS = NORMAL_NFC | NORMAL_SECOND,
    D_FLAGS = NORMAL_NFD,
    KC_FLAGS = NORMAL_NFKC | NORMAL_SECOND,
    KD_FLAGS = NORMAL_NFKD,
};
#define FORM(form, name_, flags, compatible, composes) \
    static bool form##_keeps(const normalize_step *s, const char *text, size_t n) { \
        size_t safe; \
        return first_change(text, n, 0, flags, &safe) == n; \
    } \
    static bool form##_apply(const normalize_step *s, edit *e) { \
        return form_apply(e, flags, compatible, composes); \
    } \
    const normalize_kind normalize_##form = {.name = name_, .keeps = form##_keeps, .apply = form##_apply};
FORM(nfc, "NFC", C_FLAGS, false, true)
FORM(nfd, "NFD", D_FLAGS, false, false)
FORM(nfkc, "NFKC", KC_FLAGS, true, true)
FORM(nfkd, "NFKD", KD_FLAGS, true, false)
