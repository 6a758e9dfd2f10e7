#include "base/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <system_error>

extern "C" bool number_read(const char *text, size_t n, double *x) {
    const bool plus = n > 0 && text[0] == '+';
    if (plus) text++, n--;
    const bool minus = n > 0 && text[0] == '-';
    if (plus && minus) return false;
    const char first = n > minus ? text[minus] : 0;
    if ((first < '0' || first > '9') && first != '.') return false; /* from_chars would take "inf" and "nan" */
    double value = 0;
    const std::from_chars_result did = std::from_chars(text, text + n, value);
    if (did.ptr != text + n) return false;
    if (did.ec == std::errc::result_out_of_range) {
        /* which end of the range it left is told by where the first digit other than 0 stands */
        long exponent = 0, point = 0;
        bool seen = false, fraction = false;
        for (size_t i = minus; i < n; i++) {
            if (text[i] == 'e' || text[i] == 'E') {
                exponent = std::strtol(text + i + 1, nullptr, 10); /* saturates */
                break;
            }
            if (text[i] == '.') fraction = true;
            else {
                seen = seen || text[i] != '0';
                if (seen && !fraction) point++;
                if (!seen && fraction) point--;
            }
        }
        const bool large = exponent > 0 ? point > -exponent : exponent > -(1L << 40) && point + exponent > 0;
        value = large ? HUGE_VAL : 0.0;
        if (minus) value = -value;
    } else if (did.ec != std::errc()) return false;
    *x = value;
    return true;
}

extern "C" size_t number_print(double x, char out[32]) {
    const double size = std::fabs(x);
    const bool plain = x == 0 || (size >= 1e-5 && size < 1e16);
    char *end =
        std::isnan(x) ? std::strcpy(out, "nan") + 3 : std::to_chars(out, out + 31, x, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
    *end = 0;
    return static_cast<size_t>(end - out);
}
