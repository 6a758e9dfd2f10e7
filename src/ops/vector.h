/* ops/vector.h: what the elementwise kernels share. Loops are plain C that the compiler turns into vectors, once for each
 * instruction set (CLONES). Sums go by LANES partial sums, element i into lane i % LANES, and are folded in a fixed order: the
 * result depends on the row's length alone. */
#ifndef SOCLE_OPS_VECTOR_H
#define SOCLE_OPS_VECTOR_H
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* The sanitizers' start-up code and the loader's choice of a clone do not go together. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(SOCLE_SANITIZE) && !defined(SOCLE_DOUBLE)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
#ifdef SOCLE_DOUBLE
#define REAL_SQRT sqrt
#else
#define REAL_SQRT sqrtf
#endif

INLINE real lanes_sum(const real *lane) {
    real s[LANES];
    memcpy(s, lane, sizeof s);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) s[i] += s[i + width];
    return s[0];
}

/* Σ x[i] * y[i] */
INLINE real dot(const real *x, const real *y, long n) {
    real lane[LANES] = {0};
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j] * y[i + j];
    for (int j = 0; i + j < n; j++) lane[j] += x[i + j] * y[i + j];
    return lanes_sum(lane);
}

INLINE real sum(const real *x, long n) {
    real lane[LANES] = {0};
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j];
    for (int j = 0; i + j < n; j++) lane[j] += x[i + j];
    return lanes_sum(lane);
}

INLINE real largest(const real *x, long n) {
    real lane[LANES];
    for (int j = 0; j < LANES; j++) lane[j] = -INFINITY;
    long i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (int j = 0; i + j < n; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    real most = lane[0];
    for (int j = 1; j < LANES; j++) most = lane[j] > most ? lane[j] : most;
    return most;
}

/* e^x to about one unit in the last place, 0 below -87; written so that it vectorises: 2^n times a polynomial on
 * [-ln2/2, ln2/2] (coefficients: Taylor's to degree 7). */
INLINE real exponential(real x) {
#ifdef SOCLE_DOUBLE
    return exp(x);
#else
    const float most = 88.0f, low = -87.0f;
    float y = x < most ? x : most;
    y = y > low ? y : low;
    const float n = (y * 1.44269504f + 12582912.0f) - 12582912.0f; /* to the nearest whole number */
    const float r = (y - n * 0.693145752f) - n * 1.42860677e-6f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < low ? 0.0f : x > most ? INFINITY : x != x ? x : p * power;
#endif
}

/* Sets or adds n values to a gradient. Heavy formulas fill a block of BLOCK_VALUES first: with the choice inside, their loop would
 * be too large for the compiler to take apart, and would not become vectors. */
enum { BLOCK_VALUES = 256 };
INLINE void gradient_put(element *to, const real *from, long n, bool adds) {
    if (adds)
        for (long i = 0; i < n; i++) to[i] += from[i];
    else memcpy(to, from, (size_t)n * sizeof *to);
}

INLINE real sigmoid(real x) {
    return 1 / (1 + exponential(-x));
}

#endif
