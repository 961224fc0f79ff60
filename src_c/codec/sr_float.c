/* Any finite float to its shortest decimal, and a decimal of up to 19 digits to the nearest float.
 *
 * To text: Raffaello Giulietti, "The Schubfach way to render doubles" (2020). Of the algorithms that always find the
 * shortest decimal it is the smallest: three products of 64 by 128 bits, no loop over digits, no big numbers. One
 * product is enough unless it leaves a doubt. From text: the product of Daniel Lemire, "Number parsing at a gigabyte
 * per second" (2021), with the same table of powers. Where the product leaves a doubt, or the result is not a normal
 * float, the caller takes a slower way. Both are written from the papers.
 */
#include <string.h>

#include "sr_digits.h"
#include "sr_powers.h"

#define HIDDEN_BIT (1ull << 52)
#define TEN_16 10000000000000000ull
#define EIGHT 100000000u

#if (-1 >> 1) != -1
#error "the logarithms below shift negative numbers and need their sign to stay"
#endif

/* The floors of log10(2^q), log10(3/4 * 2^q) and log2(10^q), exact for every q of a float and of the table. */
static int log10_of_two(int q) { return q * 315653 >> 20; }
static int log10_of_less(int q) { return (q * 315653 - 131008) >> 20; }
static int log2_of_ten(int q) { return q * 217706 >> 16; }

typedef struct {
    uint64_t high, low;
} wide;

static inline wide multiply(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ unsigned __int128 product = a;
    product *= b;
    return (wide){(uint64_t)(product >> 64), (uint64_t)product};
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    return (wide){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (uint32_t)low};
#endif
}

/* n * power, without the lowest 64 of its 192 bits; these go to *rest. */
static inline wide upper_product(uint64_t n, wide power, uint64_t *rest) {
    wide lower = multiply(n, power.low), upper = multiply(n, power.high);
    upper.low += lower.high;
    upper.high += upper.low < lower.high;
    *rest = lower.low;
    return upper;
}

static inline wide power_of_ten(int q) {
    const uint64_t *bits = SR_POWERS[q - SR_FIRST_POWER];
    return (wide){bits[0], bits[1]};
}

/* ---- to text ----------------------------------------------------------------------------------------------------- */

/* The paper's rop: the upper 64 bits of the product, the last one set if any lower bit is. The power may be one unit
   in `low` too large. */
static inline uint64_t round_to_odd(uint64_t n, wide power) {
    uint64_t rest;
    wide product = upper_product(n, power, &rest);
    return product.high | (product.low > 1);
}

/* The shortest decimal that reads back as c * 2^q, and the nearest of several: the result * 10^k, as in the paper.
   Zeros may end it. `narrow`: c is a power of two, and the gap to the float below half as wide as the one above. */
static SR_NO_INLINE uint64_t shortest_of_any(uint64_t c, int q, bool narrow, int *k) {
    *k = narrow ? log10_of_less(q) : log10_of_two(q);
    wide power = power_of_ten(-*k);
    power.high += ++power.low == 0; /* the table rounds down; from here on the power is at or above the true one */
    int shift = q + log2_of_ten(-*k) + 1;
    uint64_t odd = c & 1; /* the ends of the interval read back as c only if c is even */
    uint64_t left = round_to_odd((4 * c - 2 + narrow) << shift, power) + odd;
    uint64_t value = round_to_odd(4 * c << shift, power);
    uint64_t right = round_to_odd((4 * c + 2) << shift, power) - odd;
    /* All three count quarters. Of the decimals with one digit less, at most one lies within the interval: the one
       below the value or the one above. Otherwise take the nearest with all digits. */
    uint64_t ones = value / 4, tens = ones / 10 * 10, half = 4 * ones + 2;
    bool below = left <= 4 * tens, above = 4 * tens + 40 <= right;
    if (below != above) return tens + 10 * above;
    bool down = left <= 4 * ones, up = 4 * ones + 4 <= right, nearer = value > half || (value == half && ones & 1);
    return ones + (down != up ? up : nearer);
}

/* tens * 10 + last */
typedef struct {
    uint64_t tens, last;
} decimal;

/* The same with one product instead of three: the ends of the interval are half a unit of c away from the value. All
   is known to less than three units of 2^-64; false where a comparison is closer than that. Not for a narrow c. */
static inline bool shortest(uint64_t c, int q, decimal *number, int *k) {
    *k = log10_of_two(q);
    wide power = power_of_ten(-*k - 1);
    int shift = q + log2_of_ten(-*k - 1) + 1; /* -3 to 0 */
    uint64_t rest;
    wide value = upper_product(c << (shift + 3), power, &rest); /* eight times the value of the tens */
    uint64_t tens = value.high >> 3, part = value.high << 61 | value.low >> 3, half = power.high >> (1 - shift);
    wide ones = multiply(part, 10);
    uint64_t sum = part + half, middle = 1ull << 63;
    if (part - half + 4 < 8 || sum + 4 < 8 || ones.low - middle + 64 < 128) return false;
    /* At most one of the tens below and above the value lies within the interval. Otherwise the nearest number does.
       Which case holds is random, so choose without a branch. */
    uint64_t down = part < half, up = sum < half;
    number->tens = tens + up;
    number->last = (ones.high + (ones.low >> 63)) & ((down | up) - 1);
    return true;
}

static inline uint8_t *put_exponent(int exponent, uint8_t *out) {
    uint32_t size = (uint32_t)(exponent < 0 ? -exponent : exponent), skip = size < 100;
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    sr_put_four(sr_three_digits[size] >> 8 * skip, out);
    return out + 3 - skip;
}

/* The bytes of two words from number `skip` on, which is below 8. */
static inline uint64_t joined(uint64_t word, uint64_t next, uint32_t skip) {
    return word >> 8 * skip | next << 1 << (63 - 8 * skip);
}

/* number * 10^exponent in the form of repr, the number of 16 or 17 digits; returns its end. */
static inline uint8_t *put_decimal(decimal number, int exponent, uint8_t *out) {
    uint32_t high = (uint32_t)(number.tens / EIGHT), low = (uint32_t)(number.tens - (uint64_t)high * EIGHT);
    sr_sixteen digits = sr_sixteen_digits(high, low);
    uint64_t upper = digits.upper, lower = digits.lower, last = number.last | SR_ZEROS;
    uint32_t skip = number.tens < TEN_16 / 10; /* the first digit is a zero that does not count */
    uint32_t all = 0u - (number.last != 0),
             n = digits.count + ((17 - digits.count) & all) - skip; /* up to the zeros at the end */
    exponent += 16 - (int)skip;
    bool scientific = exponent < -4 || exponent >= 16;
    if (!scientific && exponent < 0) {
        memcpy(out, "0.0000", 6);
        out += 1 - exponent;
        sr_put_eight(joined(upper, lower, skip), out);
        sr_put_eight(joined(lower, last, skip), out + 8);
        out[16] = (uint8_t)last;
        return out + n;
    }
    uint32_t whole = scientific ? 1 : (uint32_t)exponent + 1; /* digits before the point */
    sr_put_eight(joined(upper, lower, skip), out);
    if (whole > 8) sr_put_eight(joined(lower, last, skip), out + 8);
    for (skip += whole; skip >= 8; skip -= 8) {
        upper = lower;
        lower = last;
        last = SR_ZEROS;
    }
    out[whole] = '.';
    sr_put_eight(joined(upper, lower, skip), out + whole + 1);
    sr_put_eight(joined(lower, last, skip), out + whole + 9);
    if (scientific) return put_exponent(exponent, out + n + (n > 1));
    return out + (n > whole ? n : whole + 1) + 1;
}

/* As put_decimal, for fewer digits, too. */
static uint8_t *put_any_decimal(uint64_t number, int exponent, uint8_t *out) {
    for (; number < TEN_16 / EIGHT; exponent -= 8) number *= EIGHT;
    for (; number < TEN_16 / 10; exponent--) number *= 10;
    return put_decimal((decimal){number / 10, number % 10}, exponent, out);
}

static inline uint8_t *put_sign(uint64_t bits, uint8_t *dst) {
    *dst = '-';
    return dst + (bits >> 63);
}

/* Zero, and what `shortest` leaves. */
static SR_NO_INLINE size_t put_rare_float(uint64_t bits, uint8_t *dst) {
    uint8_t *out = put_sign(bits, dst);
    uint64_t c = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> 52 & 0x7FF), exponent;
    if (c == 0 && biased == 0) {
        memcpy(out, "0.0", 3);
        return (size_t)(out - dst) + 3;
    }
    uint64_t number = biased ? shortest_of_any(c | HIDDEN_BIT, biased - 1075, c == 0 && biased > 1, &exponent)
                             : shortest_of_any(c, -1074, false, &exponent);
    return (size_t)(put_any_decimal(number, exponent, out) - dst);
}

size_t sr_put_any_float(double value, uint8_t *dst) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t c = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> 52 & 0x7FF), exponent;
    decimal number;
    if (c == 0 || biased == 0 || !shortest(c | HIDDEN_BIT, biased - 1075, &number, &exponent)) {
        return put_rare_float(bits, dst);
    }
    return (size_t)(put_decimal(number, exponent, put_sign(bits, dst)) - dst);
}

size_t sr_put_small_float(double value, int precision, int least, uint8_t *dst) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits << 1 == 0) return put_rare_float(bits, dst);
    int top = (int)(bits >> 52 & 0x7FF) - 1023, q = top - precision + 1, exponent; /* no small one is subnormal here */
    if (q < least) q = least;
    uint64_t c = ((bits & (HIDDEN_BIT - 1)) | HIDDEN_BIT) >> (52 - (top - q));
    bool narrow = c == 1ull << (precision - 1) && q > least;
    decimal few;
    uint64_t number = narrow || !shortest(c, q, &few, &exponent) ? shortest_of_any(c, q, narrow, &exponent)
                                                                 : few.tens * 10 + few.last;
    return (size_t)(put_any_decimal(number, exponent, put_sign(bits, dst)) - dst);
}

/* ---- from text --------------------------------------------------------------------------------------------------- */

#if defined(__GNUC__) || defined(__clang__)
static uint32_t leading_zeros(uint64_t v) { return (uint32_t)__builtin_clzll(v); }
#else
static uint32_t leading_zeros(uint64_t v) {
    uint32_t n = 0;
    while (!(v << n >> 63)) n++;
    return n;
}
#endif

/* The table rounds powers down, so the true value is at or above the product, by less than two units in `low`. */
bool sr_nearest_float(uint64_t number, int64_t exp10, double *value) {
    if (number == 0) {
        *value = 0;
        return true;
    }
    if (exp10 < SR_FIRST_POWER || exp10 > SR_LAST_POWER) return false;
    int q = (int)exp10;
    uint32_t zeros = leading_zeros(number);
    uint64_t rest;
    wide product = upper_product(number << zeros, power_of_ten(q), &rest);
    uint32_t top = (uint32_t)(product.high >> 63), cut = 9 + top; /* 54 bits stay: one more than a float has */
    uint64_t kept = product.high >> cut, mask = (1ull << cut) - 1, gone = product.high & mask;
    bool exact = q >= 0 && q <= 55; /* 10^55 has 128 bits without its factors of two */
    if (gone == mask && product.low >= UINT64_MAX - 1 && !exact && !(kept & 1)) {
        return false; /* the true value may be halfway to the next float, or beyond */
    }
    if (gone == 0 && product.low == 0 && rest == 0 && exact && (kept & 3) == 1) kept--; /* halfway: to the even one */
    kept += kept & 1;
    int biased = log2_of_ten(q) + 63 + (int)top - (int)zeros + 1023;
    if (biased < 1 || biased > 2045) return false;
    uint64_t bits = (kept >> 1) + ((uint64_t)(biased - 1) << 52); /* the hidden bit adds one, a carry beyond it two */
    memcpy(value, &bits, sizeof bits);
    return true;
}
