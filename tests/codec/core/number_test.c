/* Numbers and times to text and back against the C library and plain definitions, each text in a block of its own
 * length. An argument multiplies the work.
 */
#include <inttypes.h>
#include <math.h>

#include "check.h"

static block text_block(const char *text, size_t len) {
    block b = exact((const uint8_t *)text, len, 0);
    look_at(NULL, b.p, len);
    return b;
}

/* ---- integers ---------------------------------------------------------------------------------------------------- */

static void check_put_int(int64_t value) {
    char want[32];
    block got = room(SR_NUMBER_ROOM);
    size_t n = (size_t)snprintf(want, sizeof want, "%" PRId64, value);
    CHECK(sr_put_int(value, got.p) == n && memcmp(got.p, want, n) == 0);
    int64_t back = 0;
    sr_parsed parsed = sr_get_int(got.p, n, &back);
    CHECK(parsed == SR_EXACT ? back == value : parsed == SR_LONG_WAY && n > 18);
    done(got);
}

static void integers(size_t n) {
    check_put_int(0), check_put_int(INT64_MIN), check_put_int(INT64_MAX);
    for (uint64_t ten = 1, i = 0; i < 19; i++, ten *= 10) {
        for (int64_t off = -2; off <= 2; off++) check_put_int((int64_t)ten + off), check_put_int(-(int64_t)ten + off);
    }
    for (size_t i = 0; i < n; i++) check_put_int((int64_t)(random_bits() >> below(64)) * (below(2) ? 1 : -1));
}

static bool all_digits(const char *text, size_t len) { return len && strspn(text, "0123456789") >= len; }

static void check_get_int(const char *text, size_t len) {
    block src = text_block(text, len);
    int64_t value = 77;
    size_t sign = len && (text[0] == '+' || text[0] == '-');
    sr_parsed parsed = sr_get_int(src.p, len, &value);
    if (!all_digits(text + sign, len - sign) || len - sign > SR_INT_DIGITS) {
        CHECK(parsed == SR_NOT_A_NUMBER);
    } else if (len - sign <= 18) {
        CHECK(parsed == SR_EXACT && value == strtoll(text, NULL, 10));
    } else {
        CHECK(parsed == SR_LONG_WAY);
    }
    done(src);
}

/* ---- floats ------------------------------------------------------------------------------------------------------ */

static bool same(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

/* The fewest digits that read back as the value, and the exponent of the first. If the gap to the float below is the
   narrow one, the nearest decimal may lie in it while the next one up still reads back as the value. */
static size_t shortest(double value, char *digits, int *exp10) {
    char text[40];
    for (int places = 0; places < 17; places++) {
        snprintf(text, sizeof text, "%.*e", places, fabs(value));
        if (strtod(text, NULL) == fabs(value)) break;
        char *last = strchr(text, 'e') - 1;
        *last += *last < '9';
        if (strtod(text, NULL) == fabs(value)) break;
    }
    size_t n = 0;
    for (const char *p = text; *p != 'e'; p++) {
        if (*p != '.') digits[n++] = *p;
    }
    while (n > 1 && digits[n - 1] == '0') n--;
    *exp10 = atoi(strchr(text, 'e') + 1);
    return n;
}

/* The form of Python's repr. */
static size_t repr(double value, char *text) {
    char digits[24];
    int exp10;
    size_t n = shortest(value, digits, &exp10), at = 0;
    if (signbit(value)) text[at++] = '-';
    if (exp10 < -4 || exp10 >= 16) {
        text[at++] = digits[0];
        if (n > 1) text[at++] = '.';
        for (size_t i = 1; i < n; i++) text[at++] = digits[i];
        return at + (size_t)sprintf(text + at, "e%c%02d", exp10 < 0 ? '-' : '+', abs(exp10));
    }
    for (int i = exp10 < 0 ? exp10 : 0; i <= exp10 + 1 || i < (int)n; i++) {
        if (i == exp10 + 1) text[at++] = '.';
        text[at++] = i >= 0 && (size_t)i < n ? digits[i] : '0';
    }
    return at;
}

static size_t on_the_short_way = 0;

static void check_put_float(double value) {
    char want[64] = "";
    block got = room(SR_NUMBER_ROOM);
    look_at(NULL, (const uint8_t *)want, (size_t)snprintf(want, sizeof want, "%.17g", value));
    size_t n = sr_put_float(value, got.p);
    if (!isfinite(value)) {
        CHECK(n == 0);
        done(got);
        return;
    }
    size_t want_n = repr(value, want);
    if (n) CHECK(n == want_n && memcmp(got.p, want, n) == 0);
    on_the_short_way += n > 0;
    CHECK(sr_put_any_float(value, got.p) == want_n);
    CHECK(memcmp(got.p, want, want_n) == 0);
    want[want_n] = 0;
    CHECK(same(strtod(want, NULL), value));
    block text = text_block(want, want_n);
    double back = 77;
    sr_parsed parsed = sr_get_float(text.p, want_n, &back);
    CHECK(parsed == SR_EXACT ? same(back, value)
                             : parsed == SR_LONG_WAY && (fabs(value) < 1e-307 || fabs(value) > 8e307));
    done(text), done(got);
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_put_single(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) return;
    char want[40];
    block got = room(SR_NUMBER_ROOM);
    size_t n = sr_put_small_float(value, 24, -149, got.p), digits = 0, fewest = 0;
    memcpy(want, got.p, n);
    want[n] = 0;
    CHECK(strtof(want, NULL) == value && signbit(strtof(want, NULL)) == signbit(value));
    CHECK(repr(strtod(want, NULL), want) == n && memcmp(want, got.p, n) == 0);
    for (int places = 0; places < 9 && value != 0; places++) { /* as `shortest` */
        snprintf(want, sizeof want, "%.*e", places, fabs(value));
        fewest = (size_t)places + 1;
        if (strtof(want, NULL) == fabsf(value)) break;
        char *last = strchr(want, 'e') - 1;
        *last += *last < '9';
        if (strtof(want, NULL) == fabsf(value)) break;
    }
    for (size_t i = 0, zeros = 0; i < n && got.p[i] != 'e'; i++) {
        if (got.p[i] == '0') zeros++;
        if (got.p[i] >= '1' && got.p[i] <= '9') digits += (digits ? zeros : 0) + 1, zeros = 0;
    }
    CHECK(digits == fewest);
    done(got);
}

static void singles(size_t n) {
    for (uint32_t exponent = 0; exponent < 256; exponent++) {
        for (uint32_t rest = 0; rest < 4; rest++) {
            check_put_single(exponent << 23 | rest);
            check_put_single(exponent << 23 | (0x7FFFFF - rest) | 1u << 31);
        }
    }
    for (size_t i = 0; i < n; i++) check_put_single((uint32_t)random_bits());
    for (size_t i = 0; i < n; i++) {
        float value = (float)((double)below(1000000) / 1000);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        check_put_single(bits);
    }
}

static double random_double(void) { return from_bits(random_bits()); }

/* Powers of two, with gaps of different widths on either side, the smallest floats and the largest, and their
   neighbours. */
static void ends_of_the_exponents(void) {
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        for (uint64_t off = 0; off < 3; off++) {
            check_put_float(from_bits((exponent << 52) + off));
            check_put_float(-from_bits(((exponent + 1) << 52) - 1 - off));
        }
    }
    for (int bit = 0; bit < 52; bit++)
        check_put_float(from_bits(1ull << bit)), check_put_float(from_bits((2ull << bit) - 1));
    for (uint64_t bits = 1; bits < 2000; bits++) check_put_float(from_bits(bits));
}

/* Where repr changes its form, and where floats start to skip integers. */
static void round_numbers(void) {
    static const double CENTRES[] = {1e-5, 1e-4, 1e15, 1e16, 1e17, 9007199254740992, 18014398509481984, 1e22, 1e23};
    for (size_t i = 0; i < sizeof CENTRES / sizeof *CENTRES; i++) {
        double up = CENTRES[i], down = CENTRES[i];
        for (int j = 0; j < 500; j++) {
            check_put_float(up), check_put_float(-down);
            up = nextafter(up, INFINITY);
            down = nextafter(down, 0);
        }
    }
}

static void floats(size_t n) {
    ends_of_the_exponents();
    round_numbers();
    static const double EDGES[] = {0,
                                   -0.0,
                                   1,
                                   0.1,
                                   0.3,
                                   1e-4,
                                   9.9999e-5,
                                   1e-5,
                                   123456789.125,
                                   1e9,
                                   1e15,
                                   1e16,
                                   999999999.999999,
                                   1e22,
                                   1e23,
                                   5e-324,
                                   1.7976931348623157e308,
                                   0.0001,
                                   0.001,
                                   1e-7,
                                   100000000,
                                   99999999.5,
                                   0.000001,
                                   4503599627370496.5,
                                   1e100};
    for (size_t i = 0; i < sizeof EDGES / sizeof *EDGES; i++) {
        check_put_float(EDGES[i]), check_put_float(-EDGES[i]);
        check_put_float(nextafter(EDGES[i], 1e300)), check_put_float(nextafter(EDGES[i], -1e300));
    }
    check_put_float(INFINITY), check_put_float(-INFINITY), check_put_float(NAN);
    for (int exponent = -323; exponent < 308; exponent++) { /* few digits, any size */
        char text[32];
        for (int digits = 1; digits < 1000; digits += digits < 12 ? 1 : 61) {
            snprintf(text, sizeof text, "%de%d", digits, exponent);
            check_put_float(strtod(text, NULL));
        }
    }
    for (size_t i = 0; i < n; i++) {
        check_put_float(random_double());
        check_put_float(((double)(random_bits() >> 11) - 4e15) / (double)(1ull << below(54)));
    }
    on_the_short_way = 0;
    for (size_t i = 0; i < n; i++) { /* sensor data: up to six places after the point */
        static const double TENS[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
        double scale = TENS[below(7)];
        check_put_float((100 + (double)below(100000000)) / scale * (below(2) ? 1 : -1));
    }
    CHECK(on_the_short_way == n);
}

/* [+-]? ( D+ ( . D* )? | . D+ ) ( [eE] [+-]? D+ )? */
static bool is_float(const char *text, size_t len) {
    const char *p = text, *end = text + len;
    p += p < end && (*p == '+' || *p == '-');
    const char *start = p;
    while (p < end && *p >= '0' && *p <= '9') p++;
    size_t digits = (size_t)(p - start);
    if (p < end && *p == '.') {
        start = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        digits += (size_t)(p - start);
    }
    if (digits == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        return all_digits(p, (size_t)(end - p));
    }
    return p == end;
}

static void check_get_float(const char *text, size_t len) {
    block src = text_block(text, len);
    double value = 77;
    sr_parsed parsed = sr_get_float(src.p, len, &value);
    CHECK((parsed != SR_NOT_A_NUMBER) == is_float(text, len));
    if (parsed == SR_EXACT) CHECK(isfinite(value) && same(value, strtod(text, NULL)));
    done(src);
}

static void short_numbers(size_t longest) {
    static const char BYTES[] = "+-.0e5";
    char text[16];
    for (size_t len = 0, count = 1; len <= longest; len++, count *= 6) {
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0, rest = i; j < len; j++, rest /= 6) text[j] = BYTES[rest % 6];
            text[len] = 0;
            check_get_float(text, len);
            check_get_int(text, len);
        }
    }
}

/* Halfway between two floats, which rounds to the even one, and values close to it. */
static void halfway(size_t n) {
    char text[128];
    for (size_t i = 0; i < n; i++) {
        uint64_t middle = (random_bits() >> 10 | 1ull << 53 | 1) << below(10);
        for (int off = -1; off <= 1; off++) {
            check_get_float(text, (size_t)snprintf(text, sizeof text, "%" PRIu64, middle + (uint64_t)off));
            size_t len =
                (size_t)snprintf(text, sizeof text, "%" PRIu64 "e%d", middle + (uint64_t)off, (int)below(60) - 30);
            check_get_float(text, len);
        }
        check_get_float(text, (size_t)snprintf(text, sizeof text, "%" PRIu64 ".0000000000%d", middle, (int)below(2)));
        int places = 1 + (int)below(8);
        double exact = (double)(random_bits() >> 15 | 1) / (double)(1 << places); /* halfway once 2^53 is added */
        check_get_float(text, (size_t)snprintf(text, sizeof text, "%.*f", places, exact));
    }
}

static void long_numbers(size_t n) {
    halfway(n / 4);
    char text[64];
    for (size_t i = 0; i < n; i++) {
        size_t len = (size_t)snprintf(text, sizeof text, "%.*e", (int)below(20), random_double());
        check_get_float(text, len);
        len = (size_t)snprintf(text, sizeof text, "%.*f", (int)below(9), (double)below(1u << 30) / 977);
        check_get_float(text, len);
        text[below(len)] = "+-.eE0 9x\0"[below(10)];
        check_get_float(text, len);
        char many[128];
        uint64_t whole = random_bits() >> below(64), part = random_bits() >> below(64);
        len = (size_t)snprintf(many, sizeof many, "%" PRIu64 ".%0*" PRIu64 "%" PRIu64 "e%d", whole, (int)below(30),
                               part, random_bits(), (int)below(700) - 350);
        check_get_float(many, len);
        len = below(24);
        for (size_t j = 0; j < len; j++) text[j] = (char)('0' + below(10));
        text[len] = 0;
        check_get_int(text, len);
    }
    static const char *const TEXTS[] = {"9007199254740991e22",
                                        "9007199254740993.0",
                                        "9007199254740993.00000000001",
                                        "9223372036854775807",
                                        "18446744073709551616",
                                        "10000000000000000000000000001e-28",
                                        "0.00000000000000000000000000000000000000000000000000001",
                                        "2.2250738585072011e-308",
                                        "2.2250738585072014e-308",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "0e400",
                                        "-0e-400",
                                        "00000000000000000000000000000000001",
                                        "9007199254740992",
                                        "9007199254740993",
                                        "1e22",
                                        "1e23",
                                        "1e-22",
                                        "0e99999999999999999999",
                                        "1e99999999999",
                                        "-0",
                                        "-.0e5",
                                        "inf",
                                        "nan",
                                        "0x10",
                                        "1_0"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        check_get_float(TEXTS[i], strlen(TEXTS[i]));
        check_get_int(TEXTS[i], strlen(TEXTS[i]));
    }
    static char nines[SR_INT_DIGITS + 3];
    memset(nines, '9', sizeof nines - 1);
    for (size_t len = SR_INT_DIGITS - 1; len <= SR_INT_DIGITS + 2; len++) check_get_int(nines, len);
    nines[0] = '-';
    for (size_t len = SR_INT_DIGITS - 1; len <= SR_INT_DIGITS + 2; len++) check_get_int(nines, len);
    check_get_float(nines, sizeof nines - 1);
}

/* ---- bool and time ----------------------------------------------------------------------------------------------- */

static void bools(void) {
    static const char *const WORDS[] = {"true",  "false", "",       "t",    "True", "TRUE",
                                        "truex", "tru",   "falsey", "fals", "1",    "0"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        block src = text_block(WORDS[i], strlen(WORDS[i]));
        CHECK(sr_get_bool(src.p, src.len) == (i == 0 ? 1 : i == 1 ? 0 : -1));
        done(src);
    }
}

/* Two digits at p, or -1. */
static int two(const char *p) {
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

static bool model_time(const char *text, size_t len, sr_time *t) {
    static const char FORM[] = "0000-00-00T00:00:00";
    bool seconds = len > 16 && text[16] == ':';
    size_t fixed = seconds ? 19 : 16, i = fixed;
    if (len < fixed + 1) return false;
    for (size_t at = 0; at < fixed; at++) {
        char c = at == 10 && text[at] == 't' ? 'T' : text[at];
        if (FORM[at] == '0' ? !(c >= '0' && c <= '9') : c != FORM[at]) return false;
    }
    *t = (sr_time){two(text) * 100 + two(text + 2),
                   two(text + 5),
                   two(text + 8),
                   two(text + 11),
                   two(text + 14),
                   seconds ? two(text + 17) : 0,
                   0,
                   0};
    if (seconds && text[i] == '.') {
        char six[] = "000000";
        size_t digits = strspn(text + 20, "0123456789");
        if (20 + digits > len) digits = len - 20;
        if (digits == 0) return false;
        memcpy(six, text + 20, digits < 6 ? digits : 6);
        t->microsecond = atoi(six);
        i = 20 + digits;
    }
    const char *zone = text + i;
    size_t left = len - i;
    if (!(left == 1 && (*zone == 'Z' || *zone == 'z'))) {
        bool colon = left == 6 && zone[3] == ':';
        if (!(left == 3 || left == 5 || colon) || (*zone != '+' && *zone != '-')) return false;
        int hours = two(zone + 1), minutes = left == 3 ? 0 : two(zone + 3 + colon);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
        t->offset_minutes = (hours * 60 + minutes) * (*zone == '-' ? -1 : 1);
    }
    int february = ((t->year % 4 == 0) - (t->year % 100 == 0) + (t->year % 400 == 0)) ? 29 : 28;
    const int days[] = {0, 31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return t->year > 0 && t->month > 0 && t->month < 13 && t->day > 0 && t->day <= days[t->month] && t->hour < 24 &&
           t->minute < 60 && t->second < 60;
}

static size_t times_read = 0;

static void check_time(const char *text, size_t len) {
    block src = text_block(text, len);
    sr_time got = {0}, want = {0};
    bool read = sr_get_time(src.p, len, &got);
    CHECK(read == model_time(text, len, &want));
    if (read) CHECK(memcmp(&got, &want, sizeof got) == 0);
    times_read += read;
    done(src);
}

static void times(size_t n) {
    static const char *const ZONES[] = {"Z", "+00:00", "-0000", "+01:00", "-23:59", "+24:00", "+02:60",
                                        "z", "+1:00",  "",      "+00:0",  "+01",    "-1"};
    static const char *const PARTS[] = {"", ".1", ".123", ".123456", ".1234567890", ".", ",5"};
    char text[64];
    for (size_t i = 0; i < n; i++) {
        int year = (int)(i % 7 ? 1900 + below(200) : below(10000)), month = (int)below(14), day = (int)below(33);
        if (i % 3 == 0) day = 28 + (int)below(4);
        char second[8] = "";
        if (i % 4) snprintf(second, sizeof second, ":%02d", (int)below(61));
        size_t len = (size_t)snprintf(text, sizeof text, "%04d-%02d-%02d%c%02d:%02d%s%s%s", year, month, day,
                                      i % 5 ? 'T' : 't', (int)below(25), (int)below(61), second,
                                      PARTS[below(i % 4 ? 7 : 2)], ZONES[below(i % 2 ? 5 : 13)]);
        check_time(text, len);
        text[below(len)] = "0129-+:.TZ x\xFF"[below(13)];
        check_time(text, len);
        check_time(text, below(len + 1));
    }
    CHECK(times_read > n / 4);
}

static void written_times(size_t n) {
    for (size_t i = 0; i < n; i++) {
        sr_time t = {(int)below(9999) + 1, (int)below(12) + 1, (int)below(31) + 1,    (int)below(24),
                     (int)below(60),       (int)below(60),     (int)below(1000000), (int)below(2879) - 1439};
        if (i % 5 == 0) t.offset_minutes = 0;
        int minutes = t.offset_minutes < 0 ? -t.offset_minutes : t.offset_minutes;
        char want[64];
        size_t n_want = (size_t)snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d", t.year,
                                         t.month, t.day, t.hour, t.minute, t.second, t.microsecond / 1000,
                                         t.offset_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
        block got = room(n_want);
        CHECK(sr_put_time(&t, got.p) == n_want && memcmp(got.p, want, n_want) == 0);
        done(got);
    }
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    integers((size_t)(200000 * work));
    floats((size_t)(20000 * work));
    singles((size_t)(20000 * work));
    short_numbers(work < 1 ? 6 : 7);
    long_numbers((size_t)(50000 * work));
    bools();
    times((size_t)(100000 * work));
    written_times((size_t)(100000 * work));
    printf("numbers and times: no difference\n");
    return 0;
}
