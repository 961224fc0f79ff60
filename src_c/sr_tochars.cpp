// Floats of many digits by the C++17 library: the shortest decimal of any double, to which sr_number.c gives the form of repr,
// and the nearest double of any decimal. Optional: where no C++17 compiler is found, the caller has a slower way.
#include <charconv>
#include <cstring>

extern "C" {
#include "sr.h"
}

extern "C" size_t sr_put_any_float(double value, uint8_t *dst) {
    double size = value < 0 ? -value : value;
    if (size >= 1e-4 && size < 1e15) { // where repr writes no exponent
        char *start = reinterpret_cast<char *>(dst);
        std::to_chars_result end = std::to_chars(start, start + SR_NUMBER_ROOM - 2, value, std::chars_format::fixed);
        if (end.ec != std::errc()) return 0;
        std::size_t n = static_cast<std::size_t>(end.ptr - start);
        if (value != static_cast<double>(static_cast<long long>(value))) return n;
        std::memcpy(end.ptr, ".0", 2);
        return n + 2;
    }
    char text[SR_NUMBER_ROOM];
    std::to_chars_result end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    if (end.ec != std::errc()) return 0;
    const char *at = text;
    bool negative = *at == '-';
    at += negative;
    uint8_t digits[SR_NUMBER_ROOM];
    size_t n = 0;
    for (; *at != 'e'; at++) {
        if (*at != '.') digits[n++] = static_cast<uint8_t>(*at);
    }
    bool below = *++at == '-';
    int exp10 = 0;
    for (at++; at < end.ptr; at++) exp10 = exp10 * 10 + (*at - '0');
    return sr_put_digits(negative, digits, n, below ? -exp10 : exp10, dst);
}

extern "C" bool sr_get_any_float(const uint8_t *src, size_t len, double *value) {
    const char *start = reinterpret_cast<const char *>(src), *end = start + len;
    start += len != 0 && *start == '+'; // which the library does not read
    std::from_chars_result read = std::from_chars(start, end, *value);
    return read.ec == std::errc() && read.ptr == end;
}
