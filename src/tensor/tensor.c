#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *text, *file_name;
    size_t bytes;
} types[DTYPE_COUNT] = {
#define TYPE(name, text, file_name, bytes) [DTYPE_##name] = {text, file_name, bytes},
#include "tensor/types.def"
#undef TYPE
};

size_t dtype_bytes(dtype type) {
    return types[type].bytes;
}

const char *dtype_text(dtype type) {
    return types[type].text;
}

const char *dtype_file_name(dtype type) {
    return types[type].file_name;
}

bool dtype_from_file_name(const char *name, dtype *type) {
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(types[i].file_name, name) != 0) continue;
        *type = (dtype)i;
        return true;
    }
    return false;
}

shape shape_1(long a) {
    return (shape){1, {a}};
}

shape shape_2(long a, long b) {
    return (shape){2, {a, b}};
}

shape shape_3(long a, long b, long c) {
    return (shape){3, {a, b, c}};
}

long shape_values(shape s) {
    long values = 1;
    for (int i = 0; i < s.n; i++) values *= s.dim[i];
    return values;
}

bool shape_equal(shape a, shape b) {
    if (a.n != b.n) return false;
    for (int i = 0; i < a.n; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

const char *shape_text(shape s) {
    static _Thread_local char buffers[4][SHAPE_MOST * 22 + 3]; /* a message may name two shapes */
    static _Thread_local unsigned next;
    char *text = buffers[next++ % COUNT(buffers)];
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < s.n; i++) used += (size_t)snprintf(text + used, sizeof buffers[0] - used, i == 0 ? "%ld" : ", %ld", s.dim[i]);
    text[used] = ']';
    text[used + 1] = 0;
    return text;
}

tensor tensor_of(dtype type, shape s, void *data) {
    tensor t = {.type = type, .shape = s, .rows = 1, .dim = s.n > 0 ? s.dim[s.n - 1] : 1, .data = data};
    for (int i = 0; i + 1 < s.n; i++) t.rows *= s.dim[i];
    t.stride = t.dim;
    return t;
}

size_t tensor_bytes(tensor t) {
    return (size_t)t.rows * (size_t)t.stride * dtype_bytes(t.type);
}

tensor tensor_rows(tensor t, long first, long n) {
    t.shape = shape_2(n, t.dim);
    t.rows = n;
    if (t.data != NULL) t.data = (char *)t.data + (size_t)first * (size_t)t.stride * dtype_bytes(t.type);
    return t;
}
