#include "tensor/gguf.h"

#include "base/file.h"
#include "base/hash.h"

#include <string.h>

enum { LEAST_VERSION = 2, NEWEST_VERSION = 3, LARGEST_NAME = 65535, DEEPEST_ARRAY = 4, DEFAULT_ALIGNMENT = 32 };

typedef struct pair {
    const char *key;
    gguf_value value;
} pair;

struct gguf {
    file_map mapped; /* data NULL: the caller's bytes */
    uint32_t version;
    uint64_t alignment;
    pair *pairs;
    size_t n_pair;
    gguf_tensor *tensors;
    size_t n_tensor;
    map *keys, *names;
};

/* --- types ------------------------------------------------------------------------------------------------------------------- */
static const struct {
    const char *name;
    unsigned bytes; /* 0: its length is told in the file */
} types[GGUF_TYPE_COUNT] = {
    [GGUF_UINT8] = {"uint8", 1},   [GGUF_INT8] = {"int8", 1},       [GGUF_UINT16] = {"uint16", 2},   [GGUF_INT16] = {"int16", 2}, [GGUF_UINT32] = {"uint32", 4},
    [GGUF_INT32] = {"int32", 4},   [GGUF_FLOAT32] = {"float32", 4}, [GGUF_BOOL] = {"bool", 1},       [GGUF_TEXT] = {"text", 0},   [GGUF_ARRAY] = {"array", 0},
    [GGUF_UINT64] = {"uint64", 8}, [GGUF_INT64] = {"int64", 8},     [GGUF_FLOAT64] = {"float64", 8},
};

/* By ggml's number; the holes are types that ggml has taken out again. */
static const gguf_tensor_type tensor_types[] = {
    [0] = {"F32", 1, 4},        [1] = {"F16", 1, 2},         [2] = {"Q4_0", 32, 18},    [3] = {"Q4_1", 32, 20},    [6] = {"Q5_0", 32, 22},
    [7] = {"Q5_1", 32, 24},     [8] = {"Q8_0", 32, 34},      [9] = {"Q8_1", 32, 36},    [10] = {"Q2_K", 256, 84},  [11] = {"Q3_K", 256, 110},
    [12] = {"Q4_K", 256, 144},  [13] = {"Q5_K", 256, 176},   [14] = {"Q6_K", 256, 210}, [15] = {"Q8_K", 256, 292}, [16] = {"IQ2_XXS", 256, 66},
    [17] = {"IQ2_XS", 256, 74}, [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50}, [20] = {"IQ4_NL", 32, 18}, [21] = {"IQ3_S", 256, 110},
    [22] = {"IQ2_S", 256, 82},  [23] = {"IQ4_XS", 256, 136}, [24] = {"I8", 1, 1},       [25] = {"I16", 1, 2},      [26] = {"I32", 1, 4},
    [27] = {"I64", 1, 8},       [28] = {"F64", 1, 8},        [29] = {"IQ1_M", 256, 56}, [30] = {"BF16", 1, 2},     [34] = {"TQ1_0", 256, 54},
    [35] = {"TQ2_0", 256, 66},  [39] = {"MXFP4", 32, 17},
};

const char *gguf_type_name(gguf_type type) {
    return (unsigned)type < GGUF_TYPE_COUNT ? types[type].name : "unknown";
}

/* --- bytes -------------------------------------------------------------------------------------------------------------------- */
typedef struct cursor {
    const unsigned char *begin, *at, *end;
} cursor;

static uint64_t little(const unsigned char *bytes, unsigned n) {
    uint64_t x = 0;
    for (unsigned i = 0; i < n; i++) x |= (uint64_t)bytes[i] << 8 * i;
    return x;
}

static size_t left_in(const cursor *c) {
    return (size_t)(c->end - c->at);
}

static bool cut_short(const cursor *c, error *err) {
    return fail(err, "the file ends at byte %zu, in the middle of its header", (size_t)(c->end - c->begin));
}

static bool take(cursor *c, unsigned n, uint64_t *x, error *err) {
    if (left_in(c) < n) return cut_short(c, err);
    *x = little(c->at, n);
    c->at += n;
    return true;
}

static bool take_text(cursor *c, const char **text, size_t *n, error *err) {
    uint64_t length = 0;
    if (!take(c, 8, &length, err)) return false;
    if (length > left_in(c)) return fail(err, "a text of %llu bytes goes beyond the end of the file", (unsigned long long)length);
    *text = (const char *)c->at;
    *n = (size_t)length;
    c->at += length;
    return true;
}

/* A key or a tensor's name, copied and ended with a NUL. */
static bool take_name(cursor *c, arena *owner, const char **name, error *err) {
    const char *text = NULL;
    size_t n = 0;
    if (!take_text(c, &text, &n, err)) return false;
    if (n == 0 || n > LARGEST_NAME || memchr(text, 0, n) != NULL)
        return fail(err, "a name at byte %zu is empty, too long or holds a NUL", (size_t)(text - (const char *)c->begin));
    *name = arena_copy_bytes(owner, text, n);
    return *name != NULL || fail(err, "its header is larger than the memory allowed");
}

/* --- values ------------------------------------------------------------------------------------------------------------------- */
static bool take_type(cursor *c, gguf_type *type, error *err) {
    uint64_t x = 0;
    if (!take(c, 4, &x, err)) return false;
    *type = (gguf_type)x;
    return x < GGUF_TYPE_COUNT || fail(err, "a value has type %llu, which is not known", (unsigned long long)x);
}

static bool take_array(cursor *c, gguf_value *v, int depth, error *err);

/* Moves behind `n` values of a type that is no array, or arrays in arrays. */
static bool skip_values(cursor *c, gguf_type type, uint64_t n, int depth, error *err) {
    const unsigned width = types[type].bytes;
    if (width > 0) {
        if (n > left_in(c) / width) return fail(err, "%llu values go beyond the end of the file", (unsigned long long)n);
        c->at += n * width;
        return true;
    }
    if (n > left_in(c) / 8) return fail(err, "%llu values go beyond the end of the file", (unsigned long long)n);
    const char *text = NULL;
    size_t length;
    gguf_value inner;
    for (uint64_t i = 0; i < n; i++)
        if (type == GGUF_TEXT ? !take_text(c, &text, &length, err) : !take_array(c, &inner, depth + 1, err)) return false;
    return true;
}

static bool take_array(cursor *c, gguf_value *v, int depth, error *err) {
    if (depth > DEEPEST_ARRAY) return fail(err, "arrays in arrays, more than %d deep", DEEPEST_ARRAY);
    v->is_array = true;
    if (!take_type(c, &v->type, err) || !take(c, 8, &v->n, err)) return false;
    v->bytes = c->at;
    return skip_values(c, v->type, v->n, depth, err);
}

static bool take_value(cursor *c, gguf_value *v, error *err) {
    if (!take_type(c, &v->type, err)) return false;
    if (v->type == GGUF_ARRAY) return take_array(c, v, 1, err);
    v->n = 1;
    v->bytes = c->at;
    return skip_values(c, v->type, 1, 1, err);
}

/* --- header ------------------------------------------------------------------------------------------------------------------- */
/* Room for one more member of a list that grows; NULL where the arena's limit is met. */
static void *grow(arena *owner, void *list, size_t n, size_t *room, size_t size) {
    if (n < *room) return list;
    const size_t more = *room == 0 ? 32 : *room * 2;
    void *larger = arena_grow(owner, list, *room * size, more * size);
    if (larger != NULL) *room = more;
    return larger;
}

/* Notes that number `i` has this name. */
static bool name_new(map *names, const char *name, size_t i, error *err) {
    bool is_new;
    int64_t *place = map_put(names, name, strlen(name), &is_new);
    if (place == NULL) return fail(err, "its header is larger than the memory allowed");
    if (!is_new) return fail(err, "it is there twice");
    *place = (int64_t)i;
    return true;
}

static bool read_pairs(gguf *file, arena *owner, cursor *c, uint64_t n, error *err) {
    size_t room = 0;
    for (uint64_t i = 0; i < n; i++) {
        pair p = {0};
        if (!take_name(c, owner, &p.key, err)) return fail(err, "key %llu", (unsigned long long)i);
        if (!take_value(c, &p.value, err) || !name_new(file->keys, p.key, file->n_pair, err)) return fail(err, "%.100s", p.key);
        pair *larger = grow(owner, file->pairs, file->n_pair, &room, sizeof p);
        if (larger == NULL) return fail(err, "its header is larger than the memory allowed");
        file->pairs = larger;
        file->pairs[file->n_pair++] = p;
    }
    return true;
}

/* What the header says about a tensor; its place, counted from the data, is left in *offset. */
static bool read_tensor(cursor *c, gguf_tensor *t, uint64_t *offset, error *err) {
    uint64_t n_axis = 0, type = 0;
    if (!take(c, 4, &n_axis, err)) return false;
    if (n_axis > GGUF_MOST_AXES) return fail(err, "it has %llu axes; at most %d are supported", (unsigned long long)n_axis, GGUF_MOST_AXES);
    t->n_axis = (int)n_axis;
    t->values = 1;
    for (int i = 0; i < t->n_axis; i++) {
        if (!take(c, 8, &t->dim[i], err)) return false;
        if (__builtin_mul_overflow(t->values, t->dim[i], &t->values) || t->values > INT64_MAX / 16) return fail(err, "its shape is too large");
    }
    if (!take(c, 4, &type, err) || !take(c, 8, offset, err)) return false;
    if (type >= COUNT(tensor_types) || tensor_types[type].name == NULL) return fail(err, "its type %llu is not known", (unsigned long long)type);
    t->type = (uint32_t)type;
    t->layout = &tensor_types[type];
    const uint64_t row = t->n_axis > 0 ? t->dim[0] : 1;
    if (row % t->layout->block_values != 0) return fail(err, "a row of %llu values is no whole number of %s blocks", (unsigned long long)row, t->layout->name);
    t->bytes = t->values / t->layout->block_values * t->layout->block_bytes;
    return true;
}

static bool read_tensors(gguf *file, arena *owner, cursor *c, uint64_t n, error *err) {
    size_t room = 0, room_offset = 0;
    uint64_t *offset = NULL;
    arena scratch = {.limit = owner->limit};
    bool ok = true;
    for (uint64_t i = 0; ok && i < n; i++) {
        gguf_tensor *tensors = grow(owner, file->tensors, file->n_tensor, &room, sizeof *tensors);
        uint64_t *offsets = grow(&scratch, offset, file->n_tensor, &room_offset, sizeof *offsets);
        if (tensors == NULL || offsets == NULL) {
            ok = fail(err, "its header is larger than the memory allowed");
            break;
        }
        file->tensors = tensors;
        offset = offsets;
        gguf_tensor *t = &tensors[file->n_tensor];
        *t = (gguf_tensor){0};
        ok = take_name(c, owner, &t->name, err) || fail(err, "tensor %llu", (unsigned long long)i);
        if (ok && (!read_tensor(c, t, &offset[file->n_tensor], err) || !name_new(file->names, t->name, file->n_tensor, err)))
            ok = fail(err, "tensor %.100s", t->name);
        if (ok) file->n_tensor++;
    }
    /* The data begins behind the header, at the next multiple of the alignment. */
    const uint64_t header = (uint64_t)(c->at - c->begin), all = (uint64_t)(c->end - c->begin);
    const uint64_t begin = (header + file->alignment - 1) / file->alignment * file->alignment;
    for (size_t i = 0; ok && i < file->n_tensor; i++) {
        gguf_tensor *t = &file->tensors[i];
        if (offset[i] % file->alignment != 0)
            ok =
                fail(err, "tensor %.100s: its offset %llu is no multiple of %llu", t->name, (unsigned long long)offset[i], (unsigned long long)file->alignment);
        else if (begin > all || offset[i] > all - begin || t->bytes > all - begin - offset[i])
            ok = fail(err, "tensor %.100s: its %llu bytes go beyond the end of the file: it is cut short or damaged", t->name, (unsigned long long)t->bytes);
        else t->data = c->begin + begin + offset[i];
    }
    arena_drop(&scratch);
    return ok;
}

static bool read_alignment(gguf *file, error *err) {
    const gguf_value *v = gguf_find(file, "general.alignment");
    int64_t x = DEFAULT_ALIGNMENT;
    if (v != NULL && (!gguf_integer(v, 0, &x) || v->is_array || x < 1 || x > 1 << 24 || (x & (x - 1)) != 0))
        return fail(err, "general.alignment is no power of two up to 2^24");
    file->alignment = (uint64_t)x;
    return true;
}

bool gguf_is(const void *bytes, size_t n) {
    return n >= 4 && memcmp(bytes, "GGUF", 4) == 0;
}

static bool read_header(gguf *file, arena *owner, cursor *c, error *err) {
    uint64_t version = 0, n_tensor = 0, n_pair = 0;
    c->at += 4;
    if (!take(c, 4, &version, err)) return false;
    if (version != 0 && (version & 0xffff) == 0) return fail(err, "it is big-endian; little-endian files are supported");
    if (version < LEAST_VERSION || version > NEWEST_VERSION)
        return fail(err, "GGUF version %llu; %d and %d are supported", (unsigned long long)version, LEAST_VERSION, NEWEST_VERSION);
    file->version = (uint32_t)version;
    if (!take(c, 8, &n_tensor, err) || !take(c, 8, &n_pair, err)) return false;
    /* A key takes at least 8 + 1 + 4 + 1 bytes, a tensor 8 + 1 + 4 + 4 + 8. */
    if (n_pair > left_in(c) / 14 || n_tensor > left_in(c) / 25)
        return fail(err, "%llu keys and %llu tensors do not fit into %zu bytes", (unsigned long long)n_pair, (unsigned long long)n_tensor, left_in(c));
    if ((file->keys = map_new(owner, 0)) == NULL || (file->names = map_new(owner, 0)) == NULL) return fail(err, "no memory left for its description");
    return read_pairs(file, owner, c, n_pair, err) && read_alignment(file, err) && read_tensors(file, owner, c, n_tensor, err);
}

gguf *gguf_parse(arena *owner, const void *bytes, size_t n, error *err) {
    if (!gguf_is(bytes, n)) return fail_null(err, "no GGUF file");
    gguf *file = NEW(owner, gguf);
    if (file == NULL) return fail_null(err, "no memory left for its description");
    cursor c = {bytes, bytes, (const unsigned char *)bytes + n};
    return read_header(file, owner, &c, err) ? file : NULL;
}

gguf *gguf_open(arena *owner, const char *path, error *err) {
    file_map m;
    if (!file_map_open(&m, path, err)) return NULL;
    gguf *file = gguf_parse(owner, m.data, m.n, err);
    if (file == NULL) {
        file_map_close(&m);
        return fail_null(err, "%s", path);
    }
    file->mapped = m;
    return file;
}

void gguf_close(gguf *file) {
    if (file != NULL && file->mapped.data != NULL) file_map_close(&file->mapped);
}

/* --- looking up --------------------------------------------------------------------------------------------------------------- */
uint32_t gguf_version(const gguf *file) {
    return file->version;
}

uint64_t gguf_alignment(const gguf *file) {
    return file->alignment;
}

size_t gguf_count(const gguf *file) {
    return file->n_pair;
}

const char *gguf_key(const gguf *file, size_t i) {
    return file->pairs[i].key;
}

const gguf_value *gguf_at(const gguf *file, size_t i) {
    return &file->pairs[i].value;
}

const gguf_value *gguf_find(const gguf *file, const char *key) {
    const int64_t *place = map_get_text(file->keys, key);
    return place == NULL ? NULL : &file->pairs[*place].value;
}

bool gguf_integer(const gguf_value *v, uint64_t i, int64_t *x) {
    if (v == NULL || i >= v->n) return false;
    const unsigned width = types[v->type].bytes;
    const unsigned char *at = v->bytes + i * width;
    switch (v->type) {
    case GGUF_UINT8:
    case GGUF_UINT16:
    case GGUF_UINT32: *x = (int64_t)little(at, width); return true;
    case GGUF_UINT64: *x = (int64_t)little(at, width); return *x >= 0;
    case GGUF_INT8: *x = (int8_t)at[0]; return true;
    case GGUF_INT16: *x = (int16_t)little(at, width); return true;
    case GGUF_INT32: *x = (int32_t)little(at, width); return true;
    case GGUF_INT64: *x = (int64_t)little(at, width); return true;
    default: return false;
    }
}

bool gguf_number(const gguf_value *v, uint64_t i, double *x) {
    int64_t whole;
    if (v == NULL || i >= v->n) return false;
    if (v->type == GGUF_FLOAT32) {
        float f;
        const uint32_t bits = (uint32_t)little(v->bytes + i * sizeof f, sizeof f);
        memcpy(&f, &bits, sizeof f);
        return *x = (double)f, true;
    }
    if (v->type == GGUF_FLOAT64) {
        const uint64_t bits = little(v->bytes + i * sizeof *x, sizeof *x);
        return memcpy(x, &bits, sizeof *x), true;
    }
    if (!gguf_integer(v, i, &whole)) return false;
    return *x = (double)whole, true;
}

bool gguf_bool(const gguf_value *v, uint64_t i, bool *x) {
    if (v == NULL || i >= v->n || v->type != GGUF_BOOL) return false;
    return *x = v->bytes[i] != 0, true;
}

const char *gguf_text(const gguf_value *v, size_t *n) {
    gguf_texts t = {v == NULL ? 0 : v->n, v == NULL ? NULL : v->bytes};
    const char *text = NULL;
    if (v == NULL || v->is_array || v->type != GGUF_TEXT || !gguf_texts_next(&t, &text, n)) return NULL;
    return text;
}

int64_t gguf_get_integer(const gguf *file, const char *key, int64_t absent) {
    const gguf_value *v = gguf_find(file, key);
    int64_t x;
    return v != NULL && !v->is_array && gguf_integer(v, 0, &x) ? x : absent;
}

double gguf_get_number(const gguf *file, const char *key, double absent) {
    const gguf_value *v = gguf_find(file, key);
    double x;
    return v != NULL && !v->is_array && gguf_number(v, 0, &x) ? x : absent;
}

bool gguf_get_bool(const gguf *file, const char *key, bool absent) {
    const gguf_value *v = gguf_find(file, key);
    bool x;
    return v != NULL && !v->is_array && gguf_bool(v, 0, &x) ? x : absent;
}

const char *gguf_get_text(const gguf *file, const char *key, size_t *n) {
    return gguf_text(gguf_find(file, key), n);
}

bool gguf_texts_start(gguf_texts *t, const gguf_value *v) {
    if (v == NULL || !v->is_array || v->type != GGUF_TEXT) return false;
    *t = (gguf_texts){v->n, v->bytes};
    return true;
}

bool gguf_texts_next(gguf_texts *t, const char **text, size_t *n) {
    if (t->left == 0) return false;
    t->left--;
    *n = (size_t)little(t->at, 8);
    *text = (const char *)t->at + 8;
    t->at += 8 + *n;
    return true;
}

size_t gguf_tensor_count(const gguf *file) {
    return file->n_tensor;
}

const gguf_tensor *gguf_tensor_at(const gguf *file, size_t i) {
    return &file->tensors[i];
}

const gguf_tensor *gguf_tensor_find(const gguf *file, const char *name) {
    const int64_t *place = map_get_text(file->names, name);
    return place == NULL ? NULL : &file->tensors[*place];
}
