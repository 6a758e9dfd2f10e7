/* Numbers: Python's int of any size (up to a limit) and float. */
#include "text/jinja/jinja.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>

enum { LIMB = 1000000000, LIMB_DIGITS = 9, LIMBS_MOST = 480 }; /* about Python's limit of 4300 digits */
struct big {
    bool negative;
    uint32_t n;
    uint32_t limb[]; /* base 10^9, the lowest first, the highest not 0 */
};

static big *big_new(run *r, uint32_t n) {
    big *b = n <= LIMBS_MOST + 2 ? run_take(r, sizeof *b + n * sizeof b->limb[0]) : NULL;
    if (b == NULL) return run_say(r, "a number is too large"), NULL;
    memset(b, 0, sizeof *b + n * sizeof b->limb[0]);
    b->n = n;
    return b;
}
static value from_big(big *b) { /* as small as it can be */
    while (b->n > 0 && b->limb[b->n - 1] == 0) b->n--;
    unsigned __int128 x = 0;
    for (uint32_t i = b->n; i-- > 0 && b->n <= 3;) x = x * LIMB + b->limb[i];
    if (b->n <= 3 && x <= (unsigned __int128)INT64_MAX + b->negative) return value_int(b->negative ? (int64_t)(0 - (uint64_t)x) : (int64_t)x);
    return (value){.type = VALUE_BIG, .big = b};
}
static big *to_big(run *r, const value *v) {
    if (v->type == VALUE_BIG) return v->big;
    big *b = big_new(r, 3);
    if (b == NULL) return NULL;
    uint64_t x = v->integer < 0 ? 0 - (uint64_t)v->integer : (uint64_t)v->integer;
    b->negative = v->integer < 0;
    for (b->n = 0; x > 0; x /= LIMB) b->limb[b->n++] = (uint32_t)(x % LIMB);
    return b;
}
static int compare_magnitude(const big *a, const big *b) {
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    for (uint32_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

static big *add_magnitude(run *r, const big *a, const big *b) {
    big *sum = big_new(r, (a->n > b->n ? a->n : b->n) + 1);
    uint64_t carry = 0;
    for (uint32_t i = 0; sum != NULL && i < sum->n; i++) {
        carry += (uint64_t)(i < a->n ? a->limb[i] : 0) + (i < b->n ? b->limb[i] : 0);
        sum->limb[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
    return sum;
}
static big *subtract_magnitude(run *r, const big *a, const big *b) { /* a >= b */
    big *rest = big_new(r, a->n);
    int64_t borrow = 0;
    for (uint32_t i = 0; rest != NULL && i < a->n; i++) {
        int64_t x = (int64_t)a->limb[i] - (i < b->n ? b->limb[i] : 0) - borrow;
        borrow = x < 0;
        rest->limb[i] = (uint32_t)(x + borrow * LIMB);
    }
    while (rest != NULL && rest->n > 0 && rest->limb[rest->n - 1] == 0) rest->n--;
    return rest;
}
static big *big_add(run *r, const big *a, const big *b, bool subtract) {
    const bool b_negative = b->negative != subtract;
    if (a->negative == b_negative) {
        big *sum = add_magnitude(r, a, b);
        if (sum != NULL) sum->negative = a->negative;
        return sum;
    }
    const bool swap = compare_magnitude(a, b) < 0;
    big *rest = swap ? subtract_magnitude(r, b, a) : subtract_magnitude(r, a, b);
    if (rest != NULL) rest->negative = swap ? b_negative : a->negative;
    return rest;
}
static big *big_multiply(run *r, const big *a, const big *b) {
    big *p = big_new(r, a->n + b->n);
    if (p == NULL) return NULL;
    r->steps -= (long)a->n * b->n / 4;
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (uint32_t k = 0; k < b->n || carry > 0; k++) {
            carry += p->limb[i + k] + (k < b->n ? (uint64_t)a->limb[i] * b->limb[k] : 0);
            p->limb[i + k] = (uint32_t)(carry % LIMB);
            carry /= LIMB;
        }
    }
    p->negative = a->negative != b->negative;
    while (p->n > 0 && p->limb[p->n - 1] == 0) p->n--;
    return p;
}
/* Rounds to minus infinity, as Python does. Digit by digit: the divisor's multiple is found by bisection. */
static bool big_divide(run *r, const big *a, const big *b, big **quotient, big **rest) {
    big *q = big_new(r, a->n + 1), *left = big_new(r, b->n + 2);
    if (q == NULL || left == NULL) return false;
    left->n = 0;
    for (uint32_t i = a->n; i-- > 0;) {
        memmove(left->limb + 1, left->limb, left->n * sizeof left->limb[0]);
        left->limb[0] = a->limb[i];
        left->n++;
        while (left->n > 0 && left->limb[left->n - 1] == 0) left->n--;
        uint32_t low = 0, high = LIMB;
        while (high - low > 1) { /* low * b <= left < high * b */
            const uint32_t middle = (low + high) / 2;
            big m = {.n = 1};
            big *factor = big_new(r, 1);
            if (factor == NULL) return false;
            *factor = m;
            factor->limb[0] = middle;
            big *product = big_multiply(r, b, factor);
            if (product == NULL || !run_step(r)) return false;
            if (compare_magnitude(product, left) <= 0) low = middle;
            else high = middle;
        }
        big *factor = big_new(r, 1), *product;
        if (factor == NULL) return false;
        factor->limb[0] = low;
        factor->n = low > 0;
        if ((product = big_multiply(r, b, factor)) == NULL) return false;
        const big *less = subtract_magnitude(r, left, product);
        if (less == NULL) return false;
        memcpy(left->limb, less->limb, less->n * sizeof less->limb[0]);
        left->n = less->n;
        q->limb[i] = low;
    }
    q->negative = a->negative != b->negative;
    while (q->n > 0 && q->limb[q->n - 1] == 0) q->n--;
    left->negative = a->negative;
    if (left->n > 0 && a->negative != b->negative) {
        big *one = big_new(r, 1);
        if (one == NULL) return false;
        one->limb[0] = 1;
        q = big_add(r, q, one, true);
        left = big_add(r, left, b, false);
    }
    *quotient = q;
    *rest = left;
    return q != NULL && left != NULL;
}
static bool big_power(run *r, const big *a, int64_t n, value *out) {
    value one = value_int(1);
    big *power = to_big(r, &one), *square = (big *)a;
    for (; power != NULL && square != NULL && n > 0; n >>= 1) {
        if (n & 1) power = big_multiply(r, power, square);
        if (n > 1) square = big_multiply(r, square, square);
    }
    if (power == NULL || square == NULL) return false;
    return *out = from_big(power), true;
}

bool big_print(run *r, const big *b, builder *out) {
    char digits[LIMBS_MOST * LIMB_DIGITS + 64];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%s%u", b->negative ? "-" : "", b->n > 0 ? b->limb[b->n - 1] : 0);
    for (uint32_t i = b->n > 0 ? b->n - 1 : 0; i-- > 0;) n += (size_t)snprintf(digits + n, sizeof digits - n, "%09u", b->limb[i]);
    build_bytes(out, digits, n, TEMPLATE_MARKUP);
    return true;
}
bool big_is_negative(const big *b) {
    return b->negative;
}
double big_to_real(const big *b) {
    if (b->n > 36) return b->negative ? -INFINITY : INFINITY; /* 10^315 and more */
    char digits[LIMBS_MOST * LIMB_DIGITS + 64];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%s%u", b->negative ? "-" : "", b->n > 0 ? b->limb[b->n - 1] : 0);
    for (uint32_t i = b->n > 0 ? b->n - 1 : 0; i-- > 0;) n += (size_t)snprintf(digits + n, sizeof digits - n, "%09u", b->limb[i]);
    double x = 0;
    number_read(digits, n, &x);
    return x;
}
uint64_t big_hash(const big *b) {
    uint64_t h = b->negative;
    for (uint32_t i = 0; i < b->n; i++) h = h * 1000003 + b->limb[i];
    return h;
}

value number_from_text(run *r, const char *digits, size_t n, int base, bool negative, bool *ok) {
    uint64_t x = 0;
    big *b = NULL;
    *ok = true;
    for (size_t i = 0; i < n; i++) {
        const char c = digits[i];
        const uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 32) - 'a' + 10);
        if (b == NULL && x <= (UINT64_MAX / 2 - digit) / (uint32_t)base) {
            x = x * (uint32_t)base + digit;
            continue;
        }
        if (b == NULL) { /* from here on as limbs */
            const value so_far = value_int((int64_t)x);
            big *small = to_big(r, &so_far);
            b = small != NULL && n <= 4300 ? big_new(r, LIMBS_MOST + 2) : NULL;
            if (b == NULL) return *ok = false, value_int(0);
            memcpy(b->limb, small->limb, small->n * sizeof b->limb[0]);
            b->n = small->n;
        }
        uint64_t carry = digit;
        r->steps -= b->n / 2 + 1;
        for (uint32_t k = 0; k < b->n || carry > 0; k++) {
            if (k == LIMBS_MOST + 2) return *ok = false, value_int(0);
            if (k == b->n) b->n++, b->limb[k] = 0;
            carry += (uint64_t)b->limb[k] * (uint32_t)base;
            b->limb[k] = (uint32_t)(carry % LIMB);
            carry /= LIMB;
        }
    }
    if (b == NULL) return value_int(negative ? -(int64_t)x : (int64_t)x);
    b->negative = negative;
    return from_big(b);
}
value number_from_real(run *r, double whole) { /* a whole number */
    if (fabs(whole) < 9.2e18) return value_int((int64_t)whole);
    char digits[400];
    bool ok;
    const int n = snprintf(digits, sizeof digits, "%.0f", fabs(whole));
    return number_from_text(r, digits, (size_t)n, 10, whole < 0, &ok);
}

int number_compare(const value *a, const value *b) {
    if (value_is_integer(a) && value_is_integer(b)) return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->type != VALUE_FLOAT && b->type != VALUE_FLOAT) {
        if (a->type != VALUE_BIG) return b->big->negative ? 1 : -1;
        if (b->type != VALUE_BIG) return a->big->negative ? -1 : 1;
        if (a->big->negative != b->big->negative) return a->big->negative ? -1 : 1;
        return a->big->negative ? -compare_magnitude(a->big, b->big) : compare_magnitude(a->big, b->big);
    }
    const double x = value_to_real(a), y = value_to_real(b);
    if (isnan(x) || isnan(y)) return 2;
    if (x == y && a->type != b->type && fabs(x) < 9e18) { /* an int that a double rounds */
        const int64_t whole = value_is_integer(a) ? a->integer : value_is_integer(b) ? b->integer : 0, other = (int64_t)x;
        return value_is_integer(a) ? (whole > other) - (whole < other) : value_is_integer(b) ? (other > whole) - (other < whole) : 0;
    }
    return (x > y) - (x < y);
}

bool number_negate(run *r, const value *a, value *out) {
    if (a->type == VALUE_FLOAT) return *out = value_real(-a->real), true;
    if (a->type != VALUE_BIG && a->integer != INT64_MIN) return *out = value_int(-a->integer), true;
    const value zero = value_int(0);
    return number_operate(r, OP_SUB, &zero, a, out);
}

static bool real_operate(run *r, op_kind op, double x, double y, value *out) {
    double z = 0;
    if ((op == OP_DIV || op == OP_FLOOR_DIV || op == OP_MOD) && y == 0)
        return run_fail(r, op == OP_DIV ? "float division by zero" : "float floor division by zero");
    switch (op) {
    case OP_ADD: z = x + y; break;
    case OP_SUB: z = x - y; break;
    case OP_MUL: z = x * y; break;
    case OP_DIV: z = x / y; break;
    case OP_POW:
        if (x == 0 && y < 0) return run_fail(r, "0.0 cannot be raised to a negative power");
        if (x < 0 && y != floor(y) && isfinite(x) && isfinite(y)) return run_fail(r, "a power that is a complex number is not supported");
        z = pow(x, y);
        if (isinf(z) && isfinite(x) && isfinite(y)) return run_fail(r, "the result of ** is too large");
        break;
    default: { /* as CPython's float_divmod */
        double mod = fmod(x, y), div = (x - mod) / y;
        if (mod != 0) {
            if ((y < 0) != (mod < 0)) mod += y, div -= 1;
        } else mod = copysign(0, y);
        double whole = div != 0 ? floor(div) : copysign(0, x / y);
        if (div != 0 && div - whole > 0.5) whole += 1;
        z = op == OP_MOD ? mod : whole;
    }
    }
    return *out = value_real(z), true;
}

static bool big_operate(run *r, op_kind op, const value *a, const value *b, value *out) {
    big *x = to_big(r, a), *y = to_big(r, b), *result = NULL, *rest = NULL;
    if (x == NULL || y == NULL) return false;
    if ((op == OP_FLOOR_DIV || op == OP_MOD) && y->n == 0) return run_fail(r, "integer division or modulo by zero");
    switch (op) {
    case OP_ADD: result = big_add(r, x, y, false); break;
    case OP_SUB: result = big_add(r, x, y, true); break;
    case OP_MUL: result = big_multiply(r, x, y); break;
    case OP_POW:
        if (b->type == VALUE_BIG) return run_fail(r, "a number is too large");
        return big_power(r, x, b->integer, out);
    default:
        if (!big_divide(r, x, y, &result, &rest)) return false;
        if (op == OP_MOD) result = rest;
    }
    return result != NULL && (*out = from_big(result), true);
}

bool number_operate(run *r, op_kind op, const value *a, const value *b, value *out) {
    if (a->type == VALUE_FLOAT || b->type == VALUE_FLOAT) return real_operate(r, op, value_to_real(a), value_to_real(b), out);
    if (op == OP_DIV) {
        const double y = value_to_real(b);
        if (y == 0) return run_fail(r, "division by zero");
        return *out = value_real(value_to_real(a) / y), true;
    }
    if (op == OP_POW && (b->type == VALUE_BIG ? b->big->negative : b->integer < 0)) return real_operate(r, op, value_to_real(a), value_to_real(b), out);
    if (a->type == VALUE_BIG || b->type == VALUE_BIG) return big_operate(r, op, a, b, out);
    const int64_t x = a->integer, y = b->integer;
    int64_t z = 0;
    switch (op) {
    case OP_ADD:
        if (__builtin_add_overflow(x, y, &z)) return big_operate(r, op, a, b, out);
        break;
    case OP_SUB:
        if (__builtin_sub_overflow(x, y, &z)) return big_operate(r, op, a, b, out);
        break;
    case OP_MUL:
        if (__builtin_mul_overflow(x, y, &z)) return big_operate(r, op, a, b, out);
        break;
    case OP_POW: return big_operate(r, op, a, b, out);
    default:
        if (y == 0) return run_fail(r, "integer division or modulo by zero");
        if (x == INT64_MIN) return big_operate(r, op, a, b, out);
        z = op == OP_MOD ? x % y : x / y;
        if (x % y != 0 && (x < 0) != (y < 0)) z += op == OP_MOD ? y : -1;
    }
    return *out = value_int(z), true;
}
