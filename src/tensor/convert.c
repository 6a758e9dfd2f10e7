#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of_f16(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff;
    if (exponent == 0x1f) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) { /* zero and subnormal: fraction * 2^-24, which a float holds exactly */
        const float x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static uint16_t f16_of_float(float x) {
    const uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x1ff)); /* NaN stays one */
    if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00);                       /* rounds to 2^16 or more: infinity */
    if (size < 0x38800000) { /* below 2^-14: the addition rounds to a multiple of 2^-24, to nearest even, as the machine does */
        const uint32_t sum = bits_of_float(float_of_bits(size) + 0.5f);
        return (uint16_t)(sign | (sum - 0x3f000000));
    }
    const uint32_t rounded = size + 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

static uint16_t bf16_of_float(float x) {
    const uint32_t bits = bits_of_float(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* A double that lies between two floats must not be rounded twice: rounding to odd keeps what the second rounding needs. */
static float narrow(real x) {
#ifdef SOCLE_DOUBLE
    float f = (float)x;
    if (isfinite(f) && (double)f != x) {
        uint32_t bits = bits_of_float(f);
        if ((double)fabsf(f) > fabs(x)) f = float_of_bits(bits - 1), bits = bits_of_float(f); /* cut towards zero */
        if ((bits & 1) == 0) f = float_of_bits(bits | 1);
    }
    return f;
#else
    return x;
#endif
}

/* To an integer type: nearest even, held at the ends of the type; NaN gives 0. */
static int64_t integer_of(real x, int64_t least, int64_t most) {
    if (isnan(x)) return 0;
    const double r = nearbyint((double)x);
    if (r <= (double)least) return least;
    if (r >= (double)most) return most;
    return (int64_t)r;
}

#define EACH_TO(ctype, expression) \
    { \
        const char *from_bytes = in; \
        for (long i = 0; i < n; i++) { \
            ctype v; /* a file's values need not be aligned */ \
            memcpy(&v, from_bytes + (size_t)i * sizeof v, sizeof v); \
            out[i] = (real)(expression); \
        } \
        return; \
    }

void values_to_real(dtype from, const void *in, real *out, long n) {
    switch (from) {
    case DTYPE_F32: EACH_TO(float, v)
    case DTYPE_F64: EACH_TO(double, v)
    case DTYPE_F16: EACH_TO(uint16_t, float_of_f16(v))
    case DTYPE_BF16: EACH_TO(uint16_t, float_of_bits((uint32_t)v << 16))
    case DTYPE_I64: EACH_TO(int64_t, v)
    case DTYPE_I32: EACH_TO(int32_t, v)
    case DTYPE_I16: EACH_TO(int16_t, v)
    case DTYPE_U16: EACH_TO(uint16_t, v)
    case DTYPE_I8: EACH_TO(int8_t, v)
    case DTYPE_U8: EACH_TO(uint8_t, v)
    case DTYPE_BOOL: EACH_TO(uint8_t, v != 0)
    case DTYPE_COUNT: break;
    }
}

#define EACH_FROM(ctype, expression) \
    { \
        char *to_bytes = out; \
        for (long i = 0; i < n; i++) { \
            const real x = in[i]; \
            const ctype v = (ctype)(expression); \
            memcpy(to_bytes + (size_t)i * sizeof v, &v, sizeof v); \
        } \
        return; \
    }

void values_from_real(dtype to, const real *in, void *out, long n) {
    switch (to) {
    case DTYPE_F32: EACH_FROM(float, x)
    case DTYPE_F64: EACH_FROM(double, x)
    case DTYPE_F16: EACH_FROM(uint16_t, f16_of_float(narrow(x)))
    case DTYPE_BF16: EACH_FROM(uint16_t, bf16_of_float(narrow(x)))
    case DTYPE_I64: EACH_FROM(int64_t, integer_of(x, INT64_MIN, INT64_MAX))
    case DTYPE_I32: EACH_FROM(int32_t, integer_of(x, INT32_MIN, INT32_MAX))
    case DTYPE_I16: EACH_FROM(int16_t, integer_of(x, INT16_MIN, INT16_MAX))
    case DTYPE_U16: EACH_FROM(uint16_t, integer_of(x, 0, UINT16_MAX))
    case DTYPE_I8: EACH_FROM(int8_t, integer_of(x, INT8_MIN, INT8_MAX))
    case DTYPE_U8: EACH_FROM(uint8_t, integer_of(x, 0, UINT8_MAX))
    case DTYPE_BOOL: EACH_FROM(uint8_t, x != 0)
    case DTYPE_COUNT: break;
    }
}
