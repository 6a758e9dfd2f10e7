#include "data/packed.h"

#include "base/file.h"
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, HEADER = 34 };
static const char magic[9] = "MMIDIDX"; /* the rest is zeros */

/* Type codes of the format; width 0: a type that ids do not come in. */
static const struct {
    const char *name;
    unsigned width;
} types[] = {{"", 0}, {"uint8", 1}, {"int8", 1}, {"int16", 2}, {"int32", 4}, {"int64", 8}, {"float64", 0}, {"float32", 0}, {"uint16", 2}};
enum { TYPE_UINT8 = 1, TYPE_INT8, TYPE_INT16, TYPE_INT32, TYPE_INT64, TYPE_UINT16 = 8 };

struct packed {
    file_map bin, idx;
    unsigned type, width;
    int64_t n_token, n_sequence, n_document;
    const char *size, *offset, *bound; /* arrays of the .idx, not aligned */
    bool known;                        /* PREFIX.json is there */
    digest tokenizer;
    int32_t vocab_size;
};

static int64_t read_i64(const char *array, int64_t i) {
    int64_t x;
    memcpy(&x, array + i * (int64_t)sizeof x, sizeof x);
    return x;
}

static int32_t read_i32(const char *array, int64_t i) {
    int32_t x;
    memcpy(&x, array + i * (int64_t)sizeof x, sizeof x);
    return x;
}

/* Sequences lie one after another and fill the .bin; bounds rise from 0 to the number of sequences. */
static bool check_arrays(packed *p, error *err) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < p->n_sequence; i++) {
        const int32_t size = read_i32(p->size, i);
        if (size < 0) return fail(err, "sequence %lld has a size of %d", (long long)i, size);
        if (read_i64(p->offset, i) != bytes)
            return fail(err, "sequence %lld begins at byte %lld, the one before it ends at %lld", (long long)i, (long long)read_i64(p->offset, i),
                        (long long)bytes);
        bytes += (int64_t)size * p->width; /* at most 2^61 sequences cannot be in a file: no overflow */
        if (bytes > (int64_t)p->bin.n) return fail(err, "sequence %lld ends at byte %lld, the .bin has %zu bytes", (long long)i, (long long)bytes, p->bin.n);
    }
    if (bytes != (int64_t)p->bin.n) return fail(err, "its sequences end at byte %lld, the .bin has %zu bytes", (long long)bytes, p->bin.n);
    p->n_token = bytes / p->width;
    int64_t before = 0;
    for (int64_t i = 0; i <= p->n_document; i++) {
        const int64_t bound = read_i64(p->bound, i);
        if (i == 0 ? bound != 0 : bound < before || bound > p->n_sequence) return fail(err, "document bound %lld is %lld", (long long)i, (long long)bound);
        before = bound;
    }
    return before == p->n_sequence || fail(err, "its documents end at sequence %lld of %lld", (long long)before, (long long)p->n_sequence);
}

static bool check_index(packed *p, error *err) {
    const char *data = p->idx.data;
    if (p->idx.n < HEADER || memcmp(data, magic, sizeof magic) != 0) return fail(err, "not a Megatron index: it does not begin with MMIDIDX");
    if (read_i64(data + 9, 0) != VERSION) return fail(err, "version %lld of the index format is not supported; 1 is", (long long)read_i64(data + 9, 0));
    p->type = (unsigned char)data[17];
    if (p->type >= COUNT(types) || types[p->type].width == 0) return fail(err, "type code %u is no type of ids", p->type);
    p->width = types[p->type].width;
    const uint64_t sequences = (uint64_t)read_i64(data + 18, 0), bounds = (uint64_t)read_i64(data + 26, 0), room = p->idx.n - HEADER;
    if (sequences > room / 12 || bounds > room / 8 || sequences * 12 + bounds * 8 != room || bounds == 0)
        return fail(err, "%llu sequences and %llu document bounds do not make a file of %zu bytes", (unsigned long long)sequences, (unsigned long long)bounds,
                    p->idx.n);
    p->n_sequence = (int64_t)sequences;
    p->n_document = (int64_t)bounds - 1;
    p->size = data + HEADER;
    p->offset = p->size + sequences * 4;
    p->bound = p->offset + sequences * 8;
    return check_arrays(p, err);
}

static bool digest_from_text(const char *text, digest *out) {
    if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32) return false;
    char half[17] = {0};
    for (int i = 0; i < 2; i++) {
        memcpy(half, text + 16 * i, 16);
        out->word[i] = strtoull(half, NULL, 16);
    }
    char again[33];
    return strcmp(digest_text(*out, again), text) == 0;
}

static bool read_about(packed *p, const char *path, error *err) {
    if (!file_exists(path)) return true;
    arena memory = {.limit = 1 << 20};
    const json *about = json_read_file(&memory, path, err);
    bool ok = about != NULL;
    if (ok && (!digest_from_text(json_get_text(about, "tokenizer", ""), &p->tokenizer))) ok = fail(err, "%s: tokenizer is no digest", path);
    if (ok) {
        p->known = true;
        p->vocab_size = (int32_t)json_get_integer(about, "vocab_size", 0);
    }
    arena_drop(&memory);
    return ok;
}

/* PREFIX without .bin or .idx behind it. */
static char *prefix_of(arena *owner, const char *path) {
    const size_t n = strlen(path);
    const bool named = n > 4 && (strcmp(path + n - 4, ".bin") == 0 || strcmp(path + n - 4, ".idx") == 0);
    return arena_copy_bytes(owner, path, named ? n - 4 : n);
}

packed *packed_open(arena *owner, const char *prefix, error *err) {
    packed *p = NEW(owner, packed);
    prefix = prefix_of(owner, prefix);
    const char *bin = arena_print(owner, "%s.bin", prefix), *idx = arena_print(owner, "%s.idx", prefix), *about = arena_print(owner, "%s.json", prefix);
    if (p == NULL || bin == NULL || idx == NULL || about == NULL) return fail_null(err, "%s: no memory left for a token file", prefix);
    if (!file_map_open(&p->bin, bin, err)) return NULL;
    if (!file_map_open(&p->idx, idx, err)) {
        file_map_close(&p->bin);
        return NULL;
    }
    if (!check_index(p, err)) fail(err, "%s", idx);
    else if (read_about(p, about, err)) return p;
    packed_close(p);
    return NULL;
}

void packed_close(packed *p) {
    if (p == NULL) return;
    file_map_close(&p->bin);
    file_map_close(&p->idx);
}

int64_t packed_tokens(const packed *p) {
    return p->n_token;
}

int64_t packed_documents(const packed *p) {
    return p->n_document;
}

void packed_read(const packed *p, int64_t first, int64_t n, int32_t *out) {
    assert(first >= 0 && n >= 0 && first <= p->n_token && n <= p->n_token - first);
    const char *from = p->bin.data + first * p->width;
    switch (p->type) {
    case TYPE_UINT8:
        for (int64_t i = 0; i < n; i++) out[i] = ((const uint8_t *)from)[i];
        break;
    case TYPE_INT8:
        for (int64_t i = 0; i < n; i++) out[i] = ((const int8_t *)from)[i];
        break;
    case TYPE_INT16:
        for (int64_t i = 0; i < n; i++) out[i] = ((const int16_t *)from)[i];
        break;
    case TYPE_UINT16:
        for (int64_t i = 0; i < n; i++) out[i] = ((const uint16_t *)from)[i];
        break;
    case TYPE_INT32: memcpy(out, from, (size_t)n * sizeof *out); break;
    case TYPE_INT64:
        for (int64_t i = 0; i < n; i++) {
            const int64_t id = ((const int64_t *)from)[i];
            out[i] = id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
        }
        break;
    }
}

int64_t packed_document_end(const packed *p, int64_t at) {
    int64_t least = 1, most = p->n_document; /* the first bound whose sequence begins behind `at` */
    while (least < most) {
        const int64_t middle = least + (most - least) / 2, sequence = read_i64(p->bound, middle);
        const int64_t begin = sequence < p->n_sequence ? read_i64(p->offset, sequence) / p->width : p->n_token;
        if (begin > at) most = middle;
        else least = middle + 1;
    }
    if (least > p->n_document) return p->n_token;
    const int64_t sequence = read_i64(p->bound, least);
    return sequence < p->n_sequence ? read_i64(p->offset, sequence) / p->width : p->n_token;
}

bool packed_tokenizer(const packed *p, digest *tokenizer, int32_t *vocab_size) {
    if (p->known) {
        *tokenizer = p->tokenizer;
        *vocab_size = p->vocab_size;
    }
    return p->known;
}

/* --- writing -------------------------------------------------------------------------------------------------------------- */
struct packed_writer {
    arena memory;
    const char *prefix;
    file_writer *bin;
    int32_t vocab_size;
    int64_t n_token;
    int32_t *size; /* of each document */
    size_t n, room;
    string narrow; /* ids of one document as they are stored */
};

static const char *const parts[] = {"bin", "json", "idx"}; /* the .idx last: it makes them a token file */

static const char *name_of(packed_writer *w, const char *extension) {
    return arena_print(&w->memory, "%s.%s", w->prefix, extension);
}

/* A part that is written and on the disk, but not yet what the prefix names. */
static const char *ready_of(packed_writer *w, const char *extension) {
    return arena_print(&w->memory, "%s.%s.partial", w->prefix, extension);
}

packed_writer *packed_writer_open(const char *prefix, int32_t vocab_size, error *err) {
    arena memory = {0};
    packed_writer *w = NEW(&memory, packed_writer);
    w->memory = memory;
    w->prefix = prefix_of(&w->memory, prefix);
    w->vocab_size = vocab_size;
    const char *slash = strrchr(w->prefix, '/');
    const bool ready = slash == NULL || slash == w->prefix || folder_make(arena_print(&w->memory, "%.*s", (int)(slash - w->prefix), w->prefix), err);
    w->bin = ready ? file_writer_open(ready_of(w, "bin"), err) : NULL;
    if (w->bin != NULL) return w;
    packed_writer_abort(w);
    return NULL;
}

static bool is_narrow(const packed_writer *w) {
    return w->vocab_size < 65536;
}

bool packed_writer_add(packed_writer *w, const int32_t *ids, size_t n, error *err) {
    if (n > INT32_MAX) return fail(err, "a document of %zu tokens: the format has room for 2^31 - 1", n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= w->vocab_size) return fail(err, "id %d is outside the vocabulary of %d", ids[i], w->vocab_size);
    if (w->n == w->room) {
        const size_t room = w->room < 1024 ? 1024 : w->room * 2;
        w->size = arena_grow(&w->memory, w->size, w->room * sizeof *w->size, room * sizeof *w->size);
        w->room = room;
    }
    w->size[w->n++] = (int32_t)n;
    w->n_token += (int64_t)n;
    if (!is_narrow(w)) return file_writer_put(w->bin, ids, n * sizeof *ids, err);
    string_reset(&w->narrow);
    for (size_t i = 0; i < n; i++) {
        const uint16_t id = (uint16_t)ids[i];
        string_append(&w->narrow, &id, sizeof id);
    }
    return file_writer_put(w->bin, string_chars(&w->narrow), w->narrow.length, err);
}

int64_t packed_writer_tokens(const packed_writer *w) {
    return w->n_token;
}

int64_t packed_writer_documents(const packed_writer *w) {
    return (int64_t)w->n;
}

static void put_i64(string *s, int64_t x) {
    string_append(s, &x, sizeof x);
}

static bool write_index(packed_writer *w, error *err) {
    file_writer *f = file_writer_open(ready_of(w, "idx"), err);
    if (f == NULL) return false;
    const int64_t width = is_narrow(w) ? 2 : 4;
    string s = {0};
    string_append(&s, magic, sizeof magic);
    put_i64(&s, VERSION);
    string_char(&s, is_narrow(w) ? TYPE_UINT16 : TYPE_INT32);
    put_i64(&s, (int64_t)w->n);
    put_i64(&s, (int64_t)w->n + 1);
    bool ok = file_writer_put(f, s.data, s.length, err) && file_writer_put(f, w->size, w->n * sizeof *w->size, err);
    string_reset(&s);
    for (size_t i = 0, at = 0; i < w->n; at += (size_t)w->size[i] * (size_t)width, i++) put_i64(&s, (int64_t)at);
    for (size_t i = 0; i <= w->n; i++) put_i64(&s, (int64_t)i); /* every document is one sequence */
    ok = ok && file_writer_put(f, s.data, s.length, err);
    string_drop(&s);
    if (ok) return file_writer_commit(f, err);
    file_writer_abort(f);
    return false;
}

static bool write_about(packed_writer *w, digest tokenizer, int32_t eos, error *err) {
    char text[33];
    string s = {0};
    json_writer j = {.out = &s, .indent = 2};
    json_begin_object(&j);
    json_key(&j, "tokenizer");
    json_text(&j, digest_text(tokenizer, text));
    json_key(&j, "vocab_size");
    json_integer(&j, w->vocab_size);
    json_key(&j, "eos");
    json_integer(&j, eos);
    json_key(&j, "documents");
    json_integer(&j, (int64_t)w->n);
    json_key(&j, "tokens");
    json_integer(&j, w->n_token);
    json_key(&j, "type");
    json_text(&j, is_narrow(w) ? "uint16" : "int32");
    json_end_object(&j);
    string_char(&s, '\n');
    const bool ok = file_write(ready_of(w, "json"), s.data, s.length, err);
    string_drop(&s);
    return ok;
}

bool packed_writer_commit(packed_writer *w, digest tokenizer, int32_t eos, error *err) {
    file_writer *bin = w->bin;
    w->bin = NULL;
    bool ok = file_writer_commit(bin, err) && write_about(w, tokenizer, eos, err) && write_index(w, err);
    if (ok) unlink(name_of(w, "idx")); /* an older file of this name is not one any more, from here on until the new .idx is there */
    for (size_t i = 0; ok && i < COUNT(parts); i++)
        if (rename(ready_of(w, parts[i]), name_of(w, parts[i])) != 0) ok = fail(err, "renaming %s: %s", ready_of(w, parts[i]), strerror(errno));
    for (size_t i = 0; !ok && i < COUNT(parts); i++) unlink(ready_of(w, parts[i]));
    packed_writer_abort(w);
    return ok;
}

void packed_writer_abort(packed_writer *w) {
    if (w == NULL) return;
    if (w->bin != NULL) file_writer_abort(w->bin);
    string_drop(&w->narrow);
    arena memory = w->memory; /* which holds w itself */
    arena_drop(&memory);
}
