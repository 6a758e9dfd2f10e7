#include "tensor/safetensors.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_HEADER = 100 * 1000 * 1000, LENGTH_BYTES = 8, LARGEST_NAME = 4096 };

struct safetensors {
    file_map mapped; /* data NULL: the caller's bytes */
    safetensors_entry *entries;
    size_t n;
    map *by_name;
};

/* ---- reading ---- */

/* A member of the header on its way to an entry. */
typedef struct found {
    safetensors_entry entry;
    uint64_t begin, end; /* bytes behind the header */
} found;

static bool read_shape(const json *axes, shape *s, error *err) {
    if (axes == NULL || axes->type != JSON_ARRAY) return fail(err, "shape is missing");
    if (axes->length > SHAPE_MOST) return fail(err, "it has %zu axes; at most %d are supported", axes->length, SHAPE_MOST);
    *s = (shape){.n = (int)axes->length};
    long values = 1;
    for (int i = 0; i < s->n; i++) {
        const json *axis = &axes->item[i];
        if (axis->type != JSON_NUMBER || !axis->is_integer || axis->integer < 0) return fail(err, "shape holds something that is no size");
        s->dim[i] = (long)axis->integer;
        if (s->dim[i] != 0 && values > INT64_MAX / 16 / s->dim[i]) return fail(err, "shape is too large");
        values *= s->dim[i];
    }
    return true;
}

static bool read_member(const char *name, size_t name_length, const json *member, const char *values, uint64_t n_value, found *f, error *err) {
    if (member->type != JSON_OBJECT) return fail(err, "it is no object");
    if (name_length == 0 || name_length > LARGEST_NAME || strlen(name) != name_length) return fail(err, "its name is empty, too long or holds a NUL");
    const char *type_name = json_get_text(member, "dtype", "");
    dtype type;
    if (!dtype_from_file_name(type_name, &type)) return fail(err, "type '%.20s' is not supported", type_name);
    shape s;
    if (!read_shape(json_get(member, "shape"), &s, err)) return false;
    const json *offsets = json_get(member, "data_offsets");
    if (offsets == NULL || offsets->type != JSON_ARRAY || offsets->length != 2) return fail(err, "data_offsets are not two numbers");
    for (int i = 0; i < 2; i++)
        if (offsets->item[i].type != JSON_NUMBER || !offsets->item[i].is_integer || offsets->item[i].integer < 0)
            return fail(err, "data_offsets are not two numbers");
    f->begin = (uint64_t)offsets->item[0].integer;
    f->end = (uint64_t)offsets->item[1].integer;
    if (f->end < f->begin || f->end > n_value)
        return fail(err, "its values end at byte %llu of %llu: the file is cut short or damaged", (unsigned long long)f->end, (unsigned long long)n_value);
    const uint64_t wanted = (uint64_t)shape_values(s) * dtype_bytes(type);
    if (f->end - f->begin != wanted)
        return fail(err, "%s %s takes %llu bytes, data_offsets give it %llu", dtype_text(type), shape_text(s), (unsigned long long)wanted,
                    (unsigned long long)(f->end - f->begin));
    f->entry = (safetensors_entry){name, tensor_of(type, s, (char *)(uintptr_t)values + f->begin)};
    return true;
}

static int by_place(const void *a, const void *b) {
    const found *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Fills file->entries from the header's tree; names are copied out of it. */
static bool read_header(safetensors *file, arena *owner, arena *scratch, const json *header, const char *values, uint64_t n_value, error *err) {
    found *all = NEW_ARRAY(scratch, header->length, found);
    file->entries = NEW_ARRAY(owner, header->length, safetensors_entry);
    file->by_name = map_new(owner, header->length);
    if (all == NULL || file->entries == NULL || file->by_name == NULL) return fail(err, "the header is too large");
    size_t n = 0;
    for (size_t i = 0; i < header->length; i++) {
        if (strcmp(header->key[i], "__metadata__") == 0) continue;
        if (!read_member(header->key[i], header->key_length[i], &header->item[i], values, n_value, &all[n], err))
            return fail(err, "tensor %.100s", header->key[i]);
        n++;
    }
    qsort(all, n, sizeof *all, by_place);
    uint64_t at = 0;
    for (size_t i = 0; i < n; at = all[i++].end) {
        const char *name = all[i].entry.name;
        if (all[i].begin != at) return fail(err, "tensor %.100s: its values %s", name, all[i].begin < at ? "overlap another tensor's" : "come after a hole");
        bool is_new = false;
        int64_t *place = map_put(file->by_name, name, strlen(name), &is_new);
        file->entries[i] = all[i].entry;
        file->entries[i].name = arena_copy(owner, name);
        if (place == NULL || file->entries[i].name == NULL) return fail(err, "the header is too large");
        if (!is_new) return fail(err, "tensor %.100s is there twice", name);
        *place = (int64_t)i;
    }
    if (at != n_value) return fail(err, "%llu bytes at the end belong to no tensor", (unsigned long long)(n_value - at));
    file->n = n;
    return true;
}

safetensors *safetensors_parse(arena *owner, const void *bytes, size_t n, error *err) {
    if (n < LENGTH_BYTES) return fail_null(err, "%zu bytes are no safetensors file", n);
    uint64_t header_bytes = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) header_bytes |= (uint64_t)((const uint8_t *)bytes)[i] << 8 * i;
    if (header_bytes > LARGEST_HEADER) return fail_null(err, "no safetensors file: its header would have %llu bytes", (unsigned long long)header_bytes);
    if (header_bytes > n - LENGTH_BYTES)
        return fail_null(err, "cut short: the header has %llu bytes, %zu are there", (unsigned long long)header_bytes, n - LENGTH_BYTES);
    safetensors *file = NEW(owner, safetensors);
    if (file == NULL) return fail_null(err, "no memory left for its description");
    /* A real header takes about eight times its bytes as a tree; one that takes far more is not worth the memory. */
    arena scratch = {.limit = ((size_t)4 << 20) + 16 * (size_t)header_bytes};
    const char *text = (const char *)bytes + LENGTH_BYTES;
    const json *header = json_parse(&scratch, text, (size_t)header_bytes, err);
    bool ok = header != NULL || fail(err, "header");
    if (ok && header->type != JSON_OBJECT) ok = fail(err, "the header is no JSON object");
    ok = ok && read_header(file, owner, &scratch, header, text + header_bytes, n - LENGTH_BYTES - header_bytes, err);
    arena_drop(&scratch);
    return ok ? file : NULL;
}

safetensors *safetensors_open(arena *owner, const char *path, error *err) {
    file_map mapped;
    if (!file_map_open(&mapped, path, err)) return NULL;
    safetensors *file = safetensors_parse(owner, mapped.data, mapped.n, err);
    if (file == NULL) {
        file_map_close(&mapped);
        return fail_null(err, "%s", path);
    }
    file->mapped = mapped;
    return file;
}

void safetensors_close(safetensors *file) {
    if (file == NULL || file->mapped.data == NULL) return;
    file_map_close(&file->mapped);
    file->mapped.data = NULL;
}

size_t safetensors_count(const safetensors *file) {
    return file->n;
}

const safetensors_entry *safetensors_at(const safetensors *file, size_t i) {
    return &file->entries[i];
}

const safetensors_entry *safetensors_find(const safetensors *file, const char *name) {
    const int64_t *place = map_get_text(file->by_name, name);
    return place == NULL ? NULL : &file->entries[*place];
}

/* ---- writing ---- */

struct safetensors_writer {
    file_writer *out;
    uint64_t wanted, put; /* bytes of values */
};

static uint64_t entry_bytes(const safetensors_entry *e) {
    return (uint64_t)shape_values(e->value.shape) * dtype_bytes(e->value.type);
}

static uint64_t header_write(string *header, const safetensors_entry *entries, size_t n) {
    uint64_t at = 0;
    json_writer w = {.out = header};
    json_begin_object(&w);
    json_key(&w, "__metadata__");
    json_begin_object(&w);
    json_key(&w, "format");
    json_text(&w, "pt");
    json_end_object(&w);
    for (size_t i = 0; i < n; i++) {
        const safetensors_entry *e = &entries[i];
        json_key(&w, e->name);
        json_begin_object(&w);
        json_key(&w, "dtype");
        json_text(&w, dtype_file_name(e->value.type));
        json_key(&w, "shape");
        json_begin_array(&w);
        for (int axis = 0; axis < e->value.shape.n; axis++) json_integer(&w, e->value.shape.dim[axis]);
        json_end_array(&w);
        json_key(&w, "data_offsets");
        json_begin_array(&w);
        json_integer(&w, (int64_t)at);
        json_integer(&w, (int64_t)(at += entry_bytes(e)));
        json_end_array(&w);
        json_end_object(&w);
    }
    json_end_object(&w);
    while (header->length % LENGTH_BYTES != 0) string_char(header, ' ');
    return at;
}

safetensors_writer *safetensors_writer_open(const char *path, const safetensors_entry *entries, size_t n, error *err) {
    safetensors_writer *w = calloc(1, sizeof *w);
    if (w == NULL) return fail_null(err, "%s: out of memory", path);
    w->out = file_writer_open(path, err);
    if (w->out == NULL) {
        free(w);
        return NULL;
    }
    string header = {0};
    w->wanted = header_write(&header, entries, n);
    uint8_t length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) length[i] = (uint8_t)((uint64_t)header.length >> 8 * i);
    const bool ok = file_writer_put(w->out, length, sizeof length, err) && file_writer_put(w->out, header.data, header.length, err);
    string_drop(&header);
    if (ok) return w;
    safetensors_writer_abort(w);
    return NULL;
}

bool safetensors_writer_put(safetensors_writer *w, const void *bytes, size_t n, error *err) {
    w->put += n;
    return file_writer_put(w->out, bytes, n, err);
}

bool safetensors_writer_commit(safetensors_writer *w, error *err) {
    if (w->put != w->wanted) {
        fail(err, "%llu bytes of values were put, the header promises %llu", (unsigned long long)w->put, (unsigned long long)w->wanted);
        safetensors_writer_abort(w);
        return false;
    }
    const bool ok = file_writer_commit(w->out, err);
    free(w);
    return ok;
}

void safetensors_writer_abort(safetensors_writer *w) {
    if (w == NULL) return;
    file_writer_abort(w->out);
    free(w);
}

bool safetensors_write(const char *path, const safetensors_entry *entries, size_t n, error *err) {
    safetensors_entry *sorted = calloc(n + 1, sizeof *sorted);
    if (sorted == NULL) return fail(err, "%s: out of memory", path);
    size_t n_sorted = 0;
    for (size_t width = 8; width > 0; width /= 2) /* types are 8, 4, 2 or 1 bytes wide */
        for (size_t i = 0; i < n; i++)
            if (dtype_bytes(entries[i].value.type) == width) sorted[n_sorted++] = entries[i];
    safetensors_writer *w = safetensors_writer_open(path, sorted, n, err);
    bool ok = w != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = safetensors_writer_put(w, sorted[i].value.data, entry_bytes(&sorted[i]), err);
    if (ok) ok = safetensors_writer_commit(w, err);
    else safetensors_writer_abort(w);
    free(sorted);
    return ok;
}
