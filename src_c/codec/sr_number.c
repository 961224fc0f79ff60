/* Numbers and times to text and back, without locale and without loss. If the short way cannot guarantee the exact
 * result, a function says so and the caller takes the long way.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "sr_cpu.h"
#include "sr_digits.h"

/* One division must round exactly once. */
#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2
#error "results are wider than double; on x86 add -msse2 -mfpmath=sse to CFLAGS"
#endif

#define EIGHT 100000000u /* numbers below have at most eight digits */

/* A number below 10^8 without leading zeros; writes eight bytes, returns how many count. */
static size_t put_small(uint32_t value, uint8_t *dst) {
    uint64_t digits = sr_eight_digits(value);
    uint32_t zeros = sr_lowest_byte(digits | 1ull << 56); /* the last digit stays */
    sr_put_eight(digits >> 8 * zeros | SR_ZEROS, dst);
    return 8 - zeros;
}

/* Every number of three digits: its characters, the first in the lowest byte; then four bits each for how many of
   them count after a decimal point and for how many zeros lead. */
#define DIGITS(a, b, c) (('0' + (a)) | ('0' + (b)) << 8 | ('0' + (c)) << 16)
#define COUNTS(a, b, c) (((c) ? 3u : (b) ? 2u : 1u) << 24 | ((a) ? 0u : (b) ? 1u : 2u) << 28)
#define ONE(a, b, c) DIGITS(a, b, c) | COUNTS(a, b, c)
#define FIVE(a, b, c) ONE(a, b, c), ONE(a, b, c + 1), ONE(a, b, c + 2), ONE(a, b, c + 3), ONE(a, b, c + 4)
#define TEN(a, b) FIVE(a, b, 0), FIVE(a, b, 5)
#define HUNDRED(a) \
    TEN(a, 0), TEN(a, 1), TEN(a, 2), TEN(a, 3), TEN(a, 4), TEN(a, 5), TEN(a, 6), TEN(a, 7), TEN(a, 8), TEN(a, 9)
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
    if (size < 1000000) {
        uint32_t thousands = (uint32_t)size / 1000;
        if (thousands == 0) return (size_t)(out - dst) + sr_put_tiny((uint32_t)size, out);
        out += sr_put_tiny(thousands, out);
        sr_put_four(sr_three_digits[size % 1000], out);
        return (size_t)(out - dst) + 3;
    }
    if (size < EIGHT) return (size_t)(out - dst) + put_small((uint32_t)size, out);
    uint64_t high = size / EIGHT;
    out += high < EIGHT ? put_small((uint32_t)high, out) : (size_t)sr_put_int((int64_t)high, out);
    sr_put_eight(sr_eight_digits((uint32_t)(size % EIGHT)) | SR_ZEROS, out);
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
    if ((double)i / 1e3 == size) { /* most sensors send no more digits */
        uint8_t *out = put_whole(value, (uint32_t)(i / 1000), dst);
        uint32_t part = sr_three_digits[i % 1000];
        sr_put_four(part, out);
        return (size_t)(out - dst) + (part >> 24 & 0xF);
    }
    i = (int64_t)(size * 1e6 + 0.5);
    if ((double)i / 1e6 != size || size < 1e-4) return 0;
    uint8_t *out = put_whole(value, (uint32_t)(i / 1000000), dst);
    uint64_t digits = sr_eight_digits((uint32_t)(i % 1000000) * 100); /* six digits and two zeros */
    sr_put_eight(digits | SR_ZEROS, out);
    return (size_t)(out - dst) + sr_highest_byte(digits) + 1;
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

/* Digits and powers of ten up to these sizes are exact doubles, so one division or product rounds correctly. */
#define EXACT_DIGITS 9007199254740992ull
#define EXACT_TENS 22

static uint64_t get_four(const uint8_t *p) {
    return p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

/* One to eight bytes, the first in the lowest. */
static uint64_t get_short(const uint8_t *src, size_t len) {
    if (len >= 4) return get_four(src) | get_four(src + len - 4) << 8 * (len - 4);
    return src[0] | (uint64_t)src[len / 2] << len / 2 * 8 | (uint64_t)src[len - 1] << (len - 1) * 8;
}

/* Whether any of eight bytes, less '0' each, is not a digit. */
static bool other_than_digits(uint64_t digits) { return ((digits + SR_EACH_BYTE(0x76)) | digits) & SR_EACH_BYTE(0x80); }

/* Digits with at most one point, up to 8 bytes without a sign, all at once: the numbers that sensors send. */
static bool get_short_decimal(const uint8_t *src, size_t len, double *value) {
    uint64_t text = get_short(src, len);
    uint64_t other = text ^ SR_EACH_BYTE('.'), found = (other - SR_EACH_BYTE(1)) & ~other & SR_EACH_BYTE(0x80);
    uint32_t point = found ? sr_lowest_byte(found) : (uint32_t)len, digits = (uint32_t)len - (found != 0);
    if (digits == 0) return false;
    uint64_t before = ((uint64_t)1 << 4 * point << 4 * point) - 1; /* a shift by 64 bits is undefined */
    text = (text & before) | (text >> 8 & ~before);
    text = (text ^ SR_EACH_BYTE('0')) << 8 * (8 - digits);
    if (other_than_digits(text)) return false;
    *value = (double)sr_from_eight(text) / TENS[digits - point];
    return true;
}

#define MOST_DIGITS 10000000000000000000ull /* numbers below have at most 19 digits, for which 64 bits are enough */

/* Both append digits to *number while it has room, and return the end of those taken. */
static inline const uint8_t *get_digits(const uint8_t *p, const uint8_t *end, uint64_t *number) {
    for (; p < end && is_digit(*p) && *number < MOST_DIGITS / 10; p++) *number = *number * 10 + (*p - '0');
    return p;
}

static inline const uint8_t *get_many_digits(const uint8_t *p, const uint8_t *end, uint64_t *number) {
    for (; end - p >= 8 && *number < MOST_DIGITS / EIGHT; p += 8) {
        uint64_t digits = sr_get_eight(p) ^ SR_ZEROS;
        if (other_than_digits(digits)) break;
        *number = *number * EIGHT + sr_from_eight(digits);
    }
    return get_digits(p, end, number);
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end) {
    while (p < end && is_digit(*p)) p++;
    return p;
}

/* Kept out of the short way, which would pay for its registers. */
static SR_NO_INLINE sr_parsed get_long_decimal(const uint8_t *src, size_t len, size_t sign, double *value) {
    const uint8_t *end = src + len, *start = src + sign;
    uint64_t number = 0;
    const uint8_t *taken = get_digits(start, end, &number), *p = skip_digits(taken, end);
    bool cut = p > taken;
    size_t digits = (size_t)(p - start);
    int64_t scale = p - taken;
    if (p < end && *p == '.') {
        start = ++p;
        taken = cut ? p : get_many_digits(p, end, &number);
        scale -= taken - start;
        p = skip_digits(taken, end);
        cut |= p > taken;
        digits += (size_t)(p - start);
    }
    if (digits == 0) return SR_NOT_A_NUMBER;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool negative = p < end && *p == '-';
        p += p < end && (*p == '+' || *p == '-');
        if (p == end) return SR_NOT_A_NUMBER;
        int exponent = 0;
        for (; p < end && is_digit(*p); p++) {
            if (exponent < 10000) exponent = exponent * 10 + (*p - '0');
        }
        scale += negative ? -exponent : exponent;
    }
    if (p < end) return SR_NOT_A_NUMBER;
    double d, above;
    if (number <= EXACT_DIGITS && scale <= EXACT_TENS && scale >= -EXACT_TENS) {
        d = scale < 0 ? (double)number / TENS[-scale] : (double)number * TENS[scale];
    } else if (!sr_nearest_float(number, scale, &d)) {
        return SR_LONG_WAY;
    } else if (cut && !(sr_nearest_float(number + 1, scale, &above) && above == d)) {
        return SR_LONG_WAY; /* the digits that were cut off decide */
    }
    *value = src[0] == '-' ? -d : d;
    return SR_EXACT;
}

sr_parsed sr_get_float(const uint8_t *src, size_t len, double *value) {
    if (len && (src[0] == '-' ||
                src[0] == '+')) { /* a branch: computed as a number, the sign would delay the loads of the digits */
        if (len - 2 >= 8 || !get_short_decimal(src + 1, len - 1, value)) return get_long_decimal(src, len, 1, value);
        if (src[0] == '-') *value = -*value;
        return SR_EXACT;
    }
    return len - 1 < 8 && get_short_decimal(src, len, value) ? SR_EXACT : get_long_decimal(src, len, 0, value);
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
    if (len == 1) return src[0] == 'Z' || src[0] == 'z';
    bool colon = len == 6 && src[3] == ':';
    if (len < 3 || (src[0] != '+' && src[0] != '-') || !(colon || len == 5 || len == 3)) return false;
    int hour = fixed(src + 1, 2), minute = len == 3 ? 0 : fixed(src + 3 + colon, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
    *minutes = (hour * 60 + minute) * (src[0] == '-' ? -1 : 1);
    return true;
}

bool sr_get_time(const uint8_t *src, size_t len, sr_time *t) {
    if (len < 17 || src[4] != '-' || src[7] != '-' || (src[10] | 0x20) != 't' || src[13] != ':') return false;
    t->year = fixed(src, 4);
    t->month = fixed(src + 5, 2);
    t->day = fixed(src + 8, 2);
    t->hour = fixed(src + 11, 2);
    t->minute = fixed(src + 14, 2);
    t->second = t->microsecond = 0;
    size_t i = 16;
    if (src[i] == ':') {
        if (len < 20) return false;
        t->second = fixed(src + 17, 2);
        i = 19;
    }
    if (i == 19 && src[i] == '.') {
        size_t digits = 0;
        int place = 100000;
        for (i++; i < len && is_digit(src[i]); i++, digits++, place /= 10) t->microsecond += place * (src[i] - '0');
        if (digits == 0 || i == len) return false;
    }
    return t->year >= 1 && t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= days_in(t->year, t->month) &&
           t->hour >= 0 && t->hour <= 23 && t->minute >= 0 && t->minute <= 59 && t->second >= 0 && t->second <= 59 &&
           get_offset(src + i, len - i, &t->offset_minutes);
}

#define DAY 86400000ll      /* milliseconds */
#define FIRST_DAY (-719162) /* of the year 1, counted from 1970 */
#define LAST_DAY 2932896    /* of the year 9999 */

bool sr_time_at(int64_t millis, sr_time *t) {
    int64_t days = millis / DAY - (millis % DAY < 0);
    if (days < FIRST_DAY || days > LAST_DAY) return false;
    int rest = (int)(millis - days * DAY);
    /* Years that begin in March, so that a leap day ends its year; 306 days from March of year 0 to year 1. */
    int day = (int)days - FIRST_DAY + 306, cycle = day / 146097; /* of 400 years */
    day %= 146097;
    int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int month = (5 * day + 2) / 153; /* 0 is March */
    *t = (sr_time){
        .year = 400 * cycle + year + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day - (153 * month + 2) / 5 + 1,
        .hour = rest / 3600000,
        .minute = rest / 60000 % 60,
        .second = rest / 1000 % 60,
        .microsecond = rest % 1000 * 1000,
    };
    return true;
}

static void put_pair(unsigned value, uint8_t *dst) {
    unsigned tens = value * 103 >> 10; /* / 10 */
    dst[0] = (uint8_t)('0' + tens);
    dst[1] = (uint8_t)('0' + value - 10 * tens);
}

size_t sr_put_time(const sr_time *t, uint8_t *dst) {
    unsigned year = (unsigned)t->year, millis = (unsigned)t->microsecond / 1000;
    unsigned offset = (unsigned)(t->offset_minutes < 0 ? -t->offset_minutes : t->offset_minutes);
    memcpy(dst, "0000-00-00T00:00:00.000+00:00", 29);
    put_pair(year / 100, dst);
    put_pair(year % 100, dst + 2);
    put_pair((unsigned)t->month, dst + 5);
    put_pair((unsigned)t->day, dst + 8);
    put_pair((unsigned)t->hour, dst + 11);
    put_pair((unsigned)t->minute, dst + 14);
    put_pair((unsigned)t->second, dst + 17);
    put_pair(millis / 10, dst + 20);
    dst[22] = (uint8_t)('0' + millis % 10);
    if (t->offset_minutes < 0) dst[23] = '-';
    put_pair(offset / 60, dst + 24);
    put_pair(offset % 60, dst + 27);
    return 29;
}
