/* Numbers and times to text and back, without locale and without loss. Where the short way cannot vouch for the exact
 * result the functions say so, and the caller takes the long one.
 */
#include "sr.h"

#include <math.h>
#include <string.h>

#define EACH_BYTE(c) ((c) * 0x0101010101010101ull)
#define EIGHT 100000000u /* numbers below have at most eight digits */

/* Eight digits with leading zeros, one in each byte, the first in the lowest. */
static uint64_t eight_digits(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t high = (fours * 10486 >> 20) & 0x0000007F0000007Full; /* / 100 */
    uint64_t twos = high | (fours - high * 100) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000Full; /* / 10 */
    return tens | (twos - tens * 10) << 8;
}

static void put_eight(uint64_t digits, uint8_t *dst) {
    digits |= 0x3030303030303030ull;
    for (int i = 0; i < 8; i++) dst[i] = (uint8_t)(digits >> 8 * i);
}

/* The lowest and the highest byte of a number that is not zero, counted from the lowest. */
#if defined(__GNUC__) || defined(__clang__)
static uint32_t lowest_byte(uint64_t v) { return (uint32_t)__builtin_ctzll(v) / 8; }
static uint32_t highest_byte(uint64_t v) { return 7 - (uint32_t)__builtin_clzll(v) / 8; }
#else
static uint32_t lowest_byte(uint64_t v) {
    uint32_t n = 0;
    while (!(v >> 8 * n & 0xFF)) n++;
    return n;
}
static uint32_t highest_byte(uint64_t v) {
    uint32_t n = 7;
    while (!(v >> 8 * n)) n--;
    return n;
}
#endif

/* A number below 10^8 without leading zeros; writes eight bytes, returns how many count. */
static size_t put_small(uint32_t value, uint8_t *dst) {
    uint64_t digits = eight_digits(value);
    uint32_t zeros = lowest_byte(digits | 1ull << 56); /* the last digit stays */
    put_eight(digits >> 8 * zeros, dst);
    return 8 - zeros;
}

/* Every number of three digits: their characters, the first in the lowest byte; then in four bits each how many of them count
   behind a decimal point, and how many zeros lead. */
#define DIGITS(a, b, c) (('0' + (a)) | ('0' + (b)) << 8 | ('0' + (c)) << 16)
#define COUNTS(a, b, c) (((c) ? 3u : (b) ? 2u : 1u) << 24 | ((a) ? 0u : (b) ? 1u : 2u) << 28)
#define ONE(a, b, c) DIGITS(a, b, c) | COUNTS(a, b, c)
#define FIVE(a, b, c) ONE(a, b, c), ONE(a, b, c + 1), ONE(a, b, c + 2), ONE(a, b, c + 3), ONE(a, b, c + 4)
#define TEN(a, b) FIVE(a, b, 0), FIVE(a, b, 5)
#define HUNDRED(a) TEN(a, 0), TEN(a, 1), TEN(a, 2), TEN(a, 3), TEN(a, 4), TEN(a, 5), TEN(a, 6), TEN(a, 7), TEN(a, 8), TEN(a, 9)
const uint32_t sr_three_digits[1000] = {
    HUNDRED(0), HUNDRED(1), HUNDRED(2), HUNDRED(3), HUNDRED(4),
    HUNDRED(5), HUNDRED(6), HUNDRED(7), HUNDRED(8), HUNDRED(9),
};

size_t sr_put_int(int64_t value, uint8_t *dst) {
    if ((uint64_t)value < 1000) return sr_put_tiny((uint32_t)value, dst);
    uint8_t *out = dst;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    *out = '-';
    out += value < 0;
    if (size < EIGHT) return (size_t)(out - dst) + put_small((uint32_t)size, out);
    uint64_t high = size / EIGHT;
    out += high < EIGHT ? put_small((uint32_t)high, out) : (size_t)sr_put_int((int64_t)high, out);
    put_eight(eight_digits((uint32_t)(size % EIGHT)), out);
    return (size_t)(out - dst) + 8;
}

static uint8_t *put_whole(double value, uint32_t whole, uint8_t *out) {
    *out = '-';
    out += signbit(value) != 0;
    out += whole < 1000 ? sr_put_tiny(whole, out) : sr_put_int(whole, out);
    *out++ = '.';
    return out;
}

/* Decimal first: a number that is i / 10^n exactly, with i of at most 15 digits, has the digits of i as its shortest
   decimal, because two different decimals of so few digits never round to the same double. */
size_t sr_put_float(double value, uint8_t *dst) {
    double size = fabs(value);
    if (!(size < 1e9)) return 0;
    int64_t i = (int64_t)(size * 1e3 + 0.5);
    if ((double)i / 1e3 == size) { /* most sensors have no more */
        uint8_t *out = put_whole(value, (uint32_t)(i / 1000), dst);
        uint32_t part = sr_three_digits[i % 1000];
        sr_put_four(part, out);
        return (size_t)(out - dst) + (part >> 24 & 0xF);
    }
    i = (int64_t)(size * 1e6 + 0.5);
    if ((double)i / 1e6 != size || size < 1e-4) return 0;
    uint8_t *out = put_whole(value, (uint32_t)(i / 1000000), dst);
    uint64_t digits = eight_digits((uint32_t)(i % 1000000) * 100); /* six digits and two zeros */
    put_eight(digits, out);
    return (size_t)(out - dst) + highest_byte(digits) + 1;
}

size_t sr_put_digits(bool negative, const uint8_t *digits, size_t n, int exp10, uint8_t *dst) {
    uint8_t *out = dst;
    if (negative) *out++ = '-';
    if (exp10 < -4 || exp10 >= 16) {
        *out++ = digits[0];
        if (n > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, n - 1);
            out += n - 1;
        }
        *out++ = 'e';
        *out++ = exp10 < 0 ? '-' : '+';
        uint32_t size = (uint32_t)(exp10 < 0 ? -exp10 : exp10);
        if (size < 10) *out++ = '0';
        return (size_t)(out - dst) + sr_put_int(size, out);
    }
    if (exp10 < 0) {
        memcpy(out, "0.0000", 6);
        out += 1 - exp10;
        memcpy(out, digits, n);
        return (size_t)(out + n - dst);
    }
    size_t whole = (size_t)exp10 + 1;
    for (size_t i = 0; i < whole; i++) *out++ = i < n ? digits[i] : '0';
    *out++ = '.';
    if (n > whole) {
        memcpy(out, digits + whole, n - whole);
        out += n - whole;
    } else {
        *out++ = '0';
    }
    return (size_t)(out - dst);
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

sr_parsed sr_get_int(const uint8_t *src, size_t len, int64_t *value) {
    size_t i = len && (src[0] == '+' || src[0] == '-');
    if (i == len || len - i > SR_INT_DIGITS) return SR_NOT_A_NUMBER;
    uint64_t size = 0;
    bool fits = len - i <= 18;
    for (size_t j = i; j < len; j++) {
        if (!is_digit(src[j])) return SR_NOT_A_NUMBER;
        if (fits) size = size * 10 + (src[j] - '0');
    }
    *value = src[0] == '-' ? -(int64_t)size : (int64_t)size;
    return fits ? SR_EXACT : SR_LONG_WAY;
}

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Digits and powers of ten up to these sizes are exact doubles, so that one division or product rounds correctly. */
#define EXACT_DIGITS 9007199254740992ull
#define EXACT_TENS 22

static uint64_t get_four(const uint8_t *p) {
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

/* Eight digits, the first in the lowest byte, as a number: pairs, then fours, then all. */
static uint64_t from_eight(uint64_t digits) {
    digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFull;
    digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFull;
    return (digits * 10000 + (digits >> 32)) & 0xFFFFFFFF;
}

/* One to eight bytes, the first in the lowest. */
static uint64_t get_short(const uint8_t *src, size_t len) {
    if (len >= 4) return get_four(src) | get_four(src + len - 4) << 8 * (len - 4);
    return src[0] | (uint64_t)src[len / 2] << len / 2 * 8 | (uint64_t)src[len - 1] << (len - 1) * 8;
}

/* Digits with at most one point among them, up to 8 bytes without a sign, all at once: what sensors send. */
static bool get_short_decimal(const uint8_t *src, size_t len, double *value) {
    uint64_t text = get_short(src, len);
    uint64_t other = text ^ EACH_BYTE('.'), found = (other - EACH_BYTE(1)) & ~other & EACH_BYTE(0x80);
    uint32_t point = found ? lowest_byte(found) : (uint32_t)len, digits = (uint32_t)len - (found != 0);
    if (digits == 0) return false;
    uint64_t before = ((uint64_t)1 << 4 * point << 4 * point) - 1; /* 64 bits do not shift at once */
    text = (text & before) | (text >> 8 & ~before);
    text = (text ^ EACH_BYTE('0')) << 8 * (8 - digits);
    if (((text + EACH_BYTE(0x76)) | text) & EACH_BYTE(0x80)) return false;
    *value = (double)from_eight(text) / TENS[digits - point];
    return true;
}

sr_parsed sr_get_float(const uint8_t *src, size_t len, double *value) {
    size_t sign = len && (src[0] == '-' || src[0] == '+');
    if (len - sign - 1 < 8 && get_short_decimal(src + sign, len - sign, value)) {
        if (src[0] == '-') *value = -*value;
        return SR_EXACT;
    }
    size_t i = len && (src[0] == '+' || src[0] == '-'), digits = 0;
    uint64_t size = 0;
    int scale = 0;
    bool fits = true;
    for (; i < len && is_digit(src[i]); i++, digits++) {
        fits &= size < EXACT_DIGITS;
        if (fits) size = size * 10 + (src[i] - '0');
    }
    if (i < len && src[i] == '.') {
        for (i++; i < len && is_digit(src[i]); i++, digits++) {
            fits &= size < EXACT_DIGITS;
            if (fits) {
                size = size * 10 + (src[i] - '0');
                scale--;
            }
        }
    }
    if (digits == 0) return SR_NOT_A_NUMBER;
    if (i < len && (src[i] == 'e' || src[i] == 'E')) {
        bool negative = i + 1 < len && src[i + 1] == '-';
        i += 1 + (i + 1 < len && (src[i + 1] == '+' || src[i + 1] == '-'));
        if (i == len) return SR_NOT_A_NUMBER;
        int exponent = 0;
        for (; i < len && is_digit(src[i]); i++) {
            if (exponent < 10000) exponent = exponent * 10 + (src[i] - '0');
        }
        scale += negative ? -exponent : exponent;
    }
    if (i < len) return SR_NOT_A_NUMBER;
    if (!fits || size > EXACT_DIGITS || scale > EXACT_TENS || scale < -EXACT_TENS) return SR_LONG_WAY;
    double d = scale < 0 ? (double)size / TENS[-scale] : (double)size * TENS[scale];
    *value = src[0] == '-' ? -d : d;
    return SR_EXACT;
}

int sr_get_bool(const uint8_t *src, size_t len) {
    if (len == 4 && memcmp(src, "true", 4) == 0) return 1;
    return len == 5 && memcmp(src, "false", 5) == 0 ? 0 : -1;
}

/* n digits as a number, or -1. */
static int fixed(const uint8_t *src, size_t n) {
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(src[i])) return -1;
        value = value * 10 + (src[i] - '0');
    }
    return value;
}

static int days_in(int year, int month) {
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : DAYS[month - 1];
}

static bool get_offset(const uint8_t *src, size_t len, int *minutes) {
    *minutes = 0;
    if (len == 1) return src[0] == 'Z';
    bool colon = len == 6 && src[3] == ':';
    if ((src[0] != '+' && src[0] != '-') || !(colon || len == 5)) return false;
    int hour = fixed(src + 1, 2), minute = fixed(src + 3 + colon, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
    *minutes = (hour * 60 + minute) * (src[0] == '-' ? -1 : 1);
    return true;
}

bool sr_get_time(const uint8_t *src, size_t len, sr_time *t) {
    if (len < 20 || src[4] != '-' || src[7] != '-' || src[10] != 'T' || src[13] != ':' || src[16] != ':') return false;
    t->year = fixed(src, 4);
    t->month = fixed(src + 5, 2);
    t->day = fixed(src + 8, 2);
    t->hour = fixed(src + 11, 2);
    t->minute = fixed(src + 14, 2);
    t->second = fixed(src + 17, 2);
    t->microsecond = 0;
    size_t i = 19;
    if (src[i] == '.') {
        size_t digits = 0;
        int place = 100000;
        for (i++; i < len && is_digit(src[i]); i++, digits++, place /= 10) t->microsecond += place * (src[i] - '0');
        if (digits == 0 || i == len) return false;
    }
    return t->year >= 1 && t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= days_in(t->year, t->month) &&
           t->hour >= 0 && t->hour <= 23 && t->minute >= 0 && t->minute <= 59 && t->second >= 0 && t->second <= 59 &&
           get_offset(src + i, len - i, &t->offset_minutes);
}
