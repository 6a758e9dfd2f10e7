/* tensor/gguf.h: the GGUF container (ggml, docs/gguf.md, versions 2 and 3, little-endian): named values, then tensors. Reading
 * only; knows nothing of models or tokenizers. Every length in the file is checked against the bytes that are there before
 * anything is allocated for it, so a description takes memory in proportion to the file. */
#ifndef SOCLE_TENSOR_GGUF_H
#define SOCLE_TENSOR_GGUF_H
#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    GGUF_UINT8,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOL,
    GGUF_TEXT,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
    GGUF_TYPE_COUNT,
} gguf_type; /* the numbers of the format */

/* A value, or an array of them. Its bytes lie in the file, unaligned; the functions below read them. */
typedef struct gguf_value {
    gguf_type type; /* of an array: of its members, which may be arrays themselves */
    bool is_array;
    uint64_t n; /* members; 1 where it is no array */
    const unsigned char *bytes;
} gguf_value;

/* A type of tensors: rows come in blocks of so many values, each of so many bytes. */
typedef struct gguf_tensor_type {
    const char *name; /* "F32", "Q4_K": as ggml calls it */
    uint32_t block_values, block_bytes;
} gguf_tensor_type;

enum { GGUF_MOST_AXES = 4 };
typedef struct gguf_tensor {
    const char *name; /* ends in NUL */
    uint32_t type;    /* ggml's number */
    const gguf_tensor_type *layout;
    int n_axis;
    uint64_t dim[GGUF_MOST_AXES]; /* as in the file: the axis whose values are neighbours comes first; PyTorch's shape backwards */
    uint64_t values, bytes;
    const void *data; /* aligned to gguf_alignment within the file */
} gguf_tensor;

typedef struct gguf gguf;

/* Maps and checks a file; the description lives in `owner`, values and data until gguf_close. Refused: another version or byte
 * order, values or names that go beyond the file, a key or tensor given twice, a tensor of an unknown type, whose rows are no
 * whole blocks, that is not aligned, or whose data goes beyond the file. err names the file, and the key or tensor. */
gguf *gguf_open(arena *owner, const char *path, error *err);
/* The same for bytes in memory, which stay the caller's. `owner` may have a limit. err names no file. */
gguf *gguf_parse(arena *owner, const void *bytes, size_t n, error *err);
void gguf_close(gguf *file);               /* NULL is fine */
bool gguf_is(const void *bytes, size_t n); /* begins as such a file does */

uint32_t gguf_version(const gguf *file);
uint64_t gguf_alignment(const gguf *file); /* general.alignment, else 32 */

size_t gguf_count(const gguf *file);                            /* keys */
const char *gguf_key(const gguf *file, size_t i);               /* in the order of the file; ends in NUL */
const gguf_value *gguf_at(const gguf *file, size_t i);          /* its value */
const gguf_value *gguf_find(const gguf *file, const char *key); /* NULL: absent */
const char *gguf_type_name(gguf_type type);                     /* "uint8", ..., "text", "array" */

/* One value. The first form reads member i < n of an array, or (i = 0) a value; false: it is of another type. Integers come from
 * any type of integer that fits, numbers from integers and floats. */
bool gguf_integer(const gguf_value *v, uint64_t i, int64_t *x);
bool gguf_number(const gguf_value *v, uint64_t i, double *x);
bool gguf_bool(const gguf_value *v, uint64_t i, bool *x);
/* A text that is no array: its bytes in the file (no NUL at the end). NULL: absent, or no text. */
const char *gguf_text(const gguf_value *v, size_t *n);
/* By key, with a default where it is absent or of another type. */
int64_t gguf_get_integer(const gguf *file, const char *key, int64_t absent);
double gguf_get_number(const gguf *file, const char *key, double absent);
bool gguf_get_bool(const gguf *file, const char *key, bool absent);
const char *gguf_get_text(const gguf *file, const char *key, size_t *n);

/* The texts of an array, one after another: their places depend on each other's lengths. */
typedef struct gguf_texts {
    uint64_t left;
    const unsigned char *at;
} gguf_texts;
bool gguf_texts_start(gguf_texts *t, const gguf_value *v); /* false: no array of texts */
bool gguf_texts_next(gguf_texts *t, const char **text, size_t *n);

size_t gguf_tensor_count(const gguf *file);
const gguf_tensor *gguf_tensor_at(const gguf *file, size_t i); /* in the order of the file */
const gguf_tensor *gguf_tensor_find(const gguf *file, const char *name);

#endif
