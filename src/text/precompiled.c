/* Precompiled: SentencePiece's table of characters (precompiled_charsmap), applied as `tokenizers` does. The table is a double array
 * (a trie of byte strings, as Darts-clone stores it) and the texts that its values point into: a 32-bit length of the array in
 * bytes, the array, the texts, each ending in NUL. */
#include "text/normalize_inner.h"

#include <string.h>

typedef struct charsmap {
    const uint32_t *unit;
    size_t n_unit;
    const char *text;
    size_t n_text;
    unsigned char ascii_stays[128]; /* followed by another ASCII character that is no mark, it is left alone */
} charsmap;

/* --- the table ----------------------------------------------------------------------------------------------------------- */
static uint32_t unit_offset(uint32_t unit) {
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* What the shortest entry that key[0..n) begins with becomes; false: none does. */
static bool charsmap_get(const charsmap *m, const char *key, size_t n, const char **text, size_t *n_text) {
    size_t at = unit_offset(m->unit[0]);
    for (size_t i = 0; i < n && key[i] != 0; i++) {
        const unsigned char byte = (unsigned char)key[i];
        at ^= byte;
        if (at >= m->n_unit) return false;
        const uint32_t unit = m->unit[at];
        if ((unit & (1u << 31 | 0xff)) != byte) return false;
        at ^= unit_offset(unit);
        if (unit >> 8 & 1) {
            if (at >= m->n_unit) return false;
            const size_t begin = m->unit[at] & ~(1u << 31);
            if (begin >= m->n_text) *text = "", *n_text = 0;
            else *text = m->text + begin, *n_text = strnlen(*text, m->n_text - begin);
            return true;
        }
    }
    return false;
}

/* --- reading --------------------------------------------------------------------------------------------------------------- */
static int digit_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool base64_read(const char *text, size_t n, unsigned char *out, size_t *n_out) {
    if (n % 4 != 0) return false;
    *n_out = 0;
    const size_t padding = n > 0 && text[n - 1] == '=' ? text[n - 2] == '=' ? 2 : 1 : 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        const int value = i >= n - padding ? 0 : digit_value(text[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 3) continue;
        const size_t bytes = i + 1 == n ? 3 - padding : 3;
        for (size_t b = 0; b < bytes; b++) out[(*n_out)++] = (unsigned char)(bits >> (16 - 8 * b));
        if (bytes < 3 && (bits & (bytes == 2 ? 0xffu : 0xffffu)) != 0) return false;
        bits = 0;
    }
    return true;
}

static bool precompiled_read(normalize_step *s, arena *owner, const json *v, error *err) {
    const json *map = json_get(v, "precompiled_charsmap");
    if (map == NULL || map->type != JSON_STRING) return fail(err, "Precompiled: precompiled_charsmap is not a text");
    charsmap *m = NEW(owner, charsmap);
    unsigned char *bytes = arena_alloc(owner, map->length / 4 * 3 + 1);
    size_t n;
    if (m == NULL || bytes == NULL) return fail(err, "Precompiled: larger than the memory allowed for a tokenizer");
    if (!base64_read(map->text, map->length, bytes, &n)) return fail(err, "Precompiled: precompiled_charsmap is not base64");
    uint32_t size = 0;
    if (n >= 4) memcpy(&size, bytes, 4);
    if (n < 8 || size < 4 || size > n - 4) return fail(err, "Precompiled: precompiled_charsmap is cut short");
    m->n_unit = size / 4;
    uint32_t *unit = NEW_ARRAY(owner, m->n_unit, uint32_t);
    if (unit == NULL) return fail(err, "Precompiled: larger than the memory allowed for a tokenizer");
    memcpy(unit, bytes + 4, m->n_unit * 4);
    m->unit = unit;
    m->text = (const char *)bytes + 4 + m->n_unit * 4;
    m->n_text = n - 4 - m->n_unit * 4;
    if (!utf8_valid(m->text, m->n_text)) return fail(err, "Precompiled: precompiled_charsmap: its texts are not UTF-8");
    for (int c = 0; c < 128; c++) {
        const char *to;
        size_t n_to;
        const char key = (char)c;
        m->ascii_stays[c] = !charsmap_get(m, &key, 1, &to, &n_to);
    }
    m->ascii_stays['\r'] = false; /* CR LF is one grapheme cluster: it takes the other way */
    s->charsmap = m;
    s->text = (const char *)bytes;
    s->n_text = n;
    return true;
}

/* --- grapheme clusters (UAX 29, extended) --------------------------------------------------------------------------------------- */
static unsigned cluster_of(uint32_t c) {
    return record_of(c) >> 8 & 0xff;
}

/* What the rules need to know of the cluster so far. */
typedef struct cluster {
    unsigned last;
    bool pictograph; /* a pictograph, then Extend* */
    bool after_zwj;  /* and then a ZWJ */
    bool consonant;  /* a consonant, then linkers and their like */
    bool linked;     /* at least one linker among them */
    size_t regional;
} cluster;

static void cluster_take(cluster *k, unsigned class) {
    const unsigned kind = class & CLUSTER_BREAK;
    k->after_zwj = k->pictograph && kind == CLUSTER_ZWJ;
    k->pictograph = (class & CLUSTER_PICTOGRAPH) != 0 || (k->pictograph && kind == CLUSTER_EXTEND);
    const bool joins = (class & (CLUSTER_LINKER | CLUSTER_CONJUNCT_EXTEND)) != 0;
    k->linked = k->consonant && ((class & CLUSTER_LINKER) != 0 || (joins && k->linked));
    k->consonant = (class & CLUSTER_CONSONANT) != 0 || (k->consonant && joins);
    k->regional = kind == CLUSTER_REGIONAL ? k->regional + 1 : 0;
    k->last = kind;
}

/* Whether a character of this class goes on with the cluster. */
static bool cluster_goes_on(const cluster *k, unsigned class) {
    const unsigned kind = class & CLUSTER_BREAK;
    if (k->last == CLUSTER_CR) return kind == CLUSTER_LF;
    if (k->last == CLUSTER_LF || k->last == CLUSTER_CONTROL) return false;
    if (kind == CLUSTER_CR || kind == CLUSTER_LF || kind == CLUSTER_CONTROL) return false;
    if (k->last == CLUSTER_L && (kind == CLUSTER_L || kind == CLUSTER_V || kind == CLUSTER_LV || kind == CLUSTER_LVT)) return true;
    if ((k->last == CLUSTER_LV || k->last == CLUSTER_V) && (kind == CLUSTER_V || kind == CLUSTER_T)) return true;
    if ((k->last == CLUSTER_LVT || k->last == CLUSTER_T) && kind == CLUSTER_T) return true;
    if (kind == CLUSTER_EXTEND || kind == CLUSTER_ZWJ || kind == CLUSTER_SPACING_MARK) return true;
    if (k->last == CLUSTER_PREPEND) return true;
    if (k->linked && (class & CLUSTER_CONSONANT)) return true;
    if (k->after_zwj && (class & CLUSTER_PICTOGRAPH)) return true;
    return kind == CLUSTER_REGIONAL && k->regional % 2 == 1;
}

/* Where the cluster that begins at text[at] ends. */
static size_t cluster_end(const char *text, size_t n, size_t at) {
    uint32_t c;
    cluster k = {0};
    at += character_at(text, n, at, &c);
    cluster_take(&k, cluster_of(c));
    while (at < n) {
        const size_t length = character_at(text, n, at, &c);
        const unsigned class = cluster_of(c);
        if (!cluster_goes_on(&k, class)) break;
        cluster_take(&k, class);
        at += length;
    }
    return at;
}

/* --- applying -------------------------------------------------------------------------------------------------------------------- */
/* The character written last waits: what is removed behind it changes it. */
typedef struct writer {
    edit *e;
    const char *waiting;
    size_t n_waiting;
    long change;
    size_t read; /* bytes of the text that were read */
} writer;

static void let_go(writer *w) {
    if (w->n_waiting > 0) edit_put(w->e, w->waiting, w->n_waiting, w->change);
    w->n_waiting = 0;
}

static void hold(writer *w, const char *character, size_t n, long change) {
    let_go(w);
    w->waiting = character;
    w->n_waiting = n;
    w->change = change;
}

/* Characters of the text that stay. */
static void keep(writer *w, size_t n) {
    const char *text = w->e->text + w->read, *end = text + n;
    uint32_t c;
    let_go(w);
    if (w->e->origin == NULL || w->e->at == w->read) {
        const size_t last = character_before(text, n, &c);
        edit_same(w->e, text, last);
        text += last;
    }
    while (text < end) { /* all of them where the text lost its first characters: then none stands for itself */
        const size_t length = character_at(text, (size_t)(end - text), 0, &c);
        hold(w, text, length, 0);
        text += length;
    }
    w->read += n;
}

static size_t count(const char *text, size_t n) {
    uint32_t c;
    size_t characters = 0;
    for (size_t at = 0; at < n; characters++) at += character_at(text, n, at, &c);
    return characters;
}

static void replace(writer *w, size_t n, const char *to, size_t n_to) {
    const size_t old = count(w->e->text + w->read, n), new = count(to, n_to);
    for (size_t at = 0, i = 0; at < n_to; i++) {
        uint32_t c;
        const size_t length = character_at(to, n_to, at, &c);
        hold(w, to + at, length, i >= old);
        at += length;
    }
    if (new < old && w->n_waiting > 0) w->change -= (long)(old - new);
    w->read += n;
}

/* From text[at] on, up to the first cluster that changes: where it begins; n: none. */
static size_t first_change(const charsmap *m, const char *text, size_t n, size_t at) {
    const char *to;
    size_t n_to;
    uint32_t c;
    while (at < n) {
        if (at + 1 < n && (text[at] & 0x80) == 0 && (text[at + 1] & 0x80) == 0 && m->ascii_stays[(unsigned char)text[at]]) {
            at++;
            continue;
        }
        const size_t end = cluster_end(text, n, at);
        if (end - at < 6 && charsmap_get(m, text + at, end - at, &to, &n_to)) return at;
        for (size_t i = at; i < end;) {
            const size_t length = character_at(text, n, i, &c);
            if (charsmap_get(m, text + i, length, &to, &n_to)) return at;
            i += length;
        }
        at = end;
    }
    return n;
}

static bool precompiled_keeps(const normalize_step *s, const char *text, size_t n) {
    return first_change(s->charsmap, text, n, 0) == n;
}

/* A whole cluster of less than 6 bytes becomes what its beginning does; else each character what it does alone. */
static bool precompiled_apply(const normalize_step *s, edit *e) {
    const charsmap *m = s->charsmap;
    writer w = {.e = e};
    const char *to;
    size_t n_to;
    uint32_t c;
    while (w.read < e->n) {
        const size_t changed = first_change(m, e->text, e->n, w.read);
        if (changed > w.read) keep(&w, changed - w.read);
        if (changed == e->n) break;
        const size_t end = cluster_end(e->text, e->n, changed);
        if (end - changed < 6 && charsmap_get(m, e->text + changed, end - changed, &to, &n_to)) {
            replace(&w, end - changed, to, n_to);
            continue;
        }
        while (w.read < end) {
            const size_t length = character_at(e->text, e->n, w.read, &c);
            if (charsmap_get(m, e->text + w.read, length, &to, &n_to)) replace(&w, length, to, n_to);
            else keep(&w, length);
        }
    }
    let_go(&w);
    return true;
}
const normalize_kind normalize_precompiled = {.name = "Precompiled", .read = precompiled_read, .keeps = precompiled_keeps, .apply = precompiled_apply};
