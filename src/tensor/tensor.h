/* tensor/tensor.h: types, shapes and tensors. `real` is what is summed in, `element` what lies in memory; both are float here,
 * and both double in the build that the gradient tests link (SOCLE_DOUBLE), on the plain kernels. */
#ifndef SOCLE_TENSOR_TENSOR_H
#define SOCLE_TENSOR_TENSOR_H
#include "base/arena.h"
#include "base/error.h"
#include <stdint.h>

typedef enum dtype {
#define TYPE(name, text, file_name, bytes) DTYPE_##name,
#include "tensor/types.def"
#undef TYPE
    DTYPE_COUNT
} dtype;

#ifdef SOCLE_DOUBLE
typedef double real;
typedef double element;
#define DTYPE_REAL DTYPE_F64
#else
typedef float real;
typedef float element;
#define DTYPE_REAL DTYPE_F32
#endif

size_t dtype_bytes(dtype type);
const char *dtype_text(dtype type);      /* "f32" */
const char *dtype_file_name(dtype type); /* "F32", as safetensors writes it */
bool dtype_from_file_name(const char *name, dtype *type);

enum { SHAPE_MOST = 4 };
typedef struct shape {
    int n;                /* axes, 0 to 4 */
    long dim[SHAPE_MOST]; /* outermost first */
} shape;

shape shape_1(long a);
shape shape_2(long a, long b);
shape shape_3(long a, long b, long c);
long shape_values(shape s);
bool shape_equal(shape a, shape b);
const char *shape_text(shape s); /* "[2, 3]"; one of a few static buffers of this thread: for messages */

/* A description of values and where they are. Passed by value; owns nothing. Seen as a matrix: `rows` rows of `dim` values
 * (dim is the last axis, rows the product of the others), row r begins at data + r * stride values. */
typedef struct tensor {
    dtype type;
    shape shape;
    long rows, dim, stride;
    void *data; /* NULL: described, not there */
} tensor;

tensor tensor_of(dtype type, shape s, void *data); /* rows lie one behind another */
size_t tensor_bytes(tensor t);
/* Rows [first, first + n) of it as a matrix. */
tensor tensor_rows(tensor t, long first, long n);
static inline element *tensor_row(tensor t, long row) {
    return (element *)t.data + row * t.stride;
}

/* Zeroed memory for tensors, aligned to 64 bytes, huge pages where the system has them. NULL, with how much, when the
 * machine has too little. */
void *memory_new(size_t bytes, error *err);
void memory_free(void *memory, size_t bytes);

/* Values of any type to real and back, n of them; narrowing rounds to nearest even. Integer types convert by value. */
void values_to_real(dtype from, const void *in, real *out, long n);
void values_from_real(dtype to, const real *in, void *out, long n);

#endif
