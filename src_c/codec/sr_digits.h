/* Eight digits in one word, shared by sr_number.c and sr_float.c. */
#ifndef SR_DIGITS_H
#define SR_DIGITS_H

#include <string.h>

#include "sr.h"
#include "sr_cpu.h"

#if defined(SR_X86)
#include <emmintrin.h>
#endif

#define SR_EACH_BYTE(c) ((c) * 0x0101010101010101ull)
#define SR_ZEROS SR_EACH_BYTE(0x30ull) /* eight times '0' */

/* Eight digits with leading zeros, one in each byte, the first in the lowest. */
static inline uint64_t sr_eight_digits(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t high = (fours * 10486 >> 20) & 0x0000007F0000007Full; /* / 100 */
    uint64_t twos = high | (fours - high * 100) << 16;
    uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000Full; /* / 10 */
    return tens | (twos - tens * 10) << 8;
}

/* The inverse: pairs, then fours, then all. */
static inline uint64_t sr_from_eight(uint64_t digits) {
    digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFull;
    digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFull;
    return (digits * 10000 + (digits >> 32)) & 0xFFFFFFFF;
}

/* Eight bytes, the first in the lowest. Compilers make a loop over bytes slow next to vector code; a known byte
   order needs no loop. */
#if defined(_MSC_VER) || (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
static inline void sr_put_eight(uint64_t bytes, uint8_t *dst) { memcpy(dst, &bytes, 8); }
static inline uint64_t sr_get_eight(const uint8_t *src) {
    uint64_t bytes;
    memcpy(&bytes, src, 8);
    return bytes;
}
#else
static inline void sr_put_eight(uint64_t bytes, uint8_t *dst) {
    for (int i = 0; i < 8; i++) dst[i] = (uint8_t)(bytes >> 8 * i);
}
static inline uint64_t sr_get_eight(const uint8_t *src) {
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++) bytes |= (uint64_t)src[i] << 8 * i;
    return bytes;
}
#endif

/* The lowest and the highest byte of a number that is not zero, counted from the lowest. */
#if defined(__GNUC__) || defined(__clang__)
static inline uint32_t sr_lowest_byte(uint64_t v) { return (uint32_t)__builtin_ctzll(v) / 8; }
static inline uint32_t sr_highest_byte(uint64_t v) { return 7 - (uint32_t)__builtin_clzll(v) / 8; }
#else
static inline uint32_t sr_lowest_byte(uint64_t v) {
    uint32_t n = 0;
    while (!(v >> 8 * n & 0xFF)) n++;
    return n;
}
static inline uint32_t sr_highest_byte(uint64_t v) {
    uint32_t n = 7;
    while (!(v >> 8 * n)) n--;
    return n;
}
#endif

/* Sixteen digits with leading zeros as text, eight in each half, and how many are left without zeros at the end. */
typedef struct {
    uint64_t upper, lower;
    uint32_t count;
} sr_sixteen;

#if defined(SR_X86)
static inline sr_sixteen sr_sixteen_digits(uint32_t upper, uint32_t lower) {
    __m128i x = _mm_set_epi64x(lower, upper), high = _mm_srli_epi64(_mm_mul_epu32(x, _mm_set1_epi64x(3518437209)), 45);
    x = _mm_add_epi64(x, _mm_mul_epu32(high, _mm_set1_epi64x((1ll << 32) - 10000))); /* quotient by 10,000 and rest */
    x = _mm_shuffle_epi32(x, 0xB1);                                                  /* now in the order of text */
    high = _mm_srli_epi16(_mm_mulhi_epu16(x, _mm_set1_epi16(5243)), 3);              /* / 100 */
    x = _mm_sub_epi32(x, _mm_madd_epi16(high, _mm_set1_epi16(100)));
    x = _mm_or_si128(high, _mm_slli_epi32(x, 16));
    high = _mm_mulhi_epu16(x, _mm_set1_epi16(6554)); /* / 10 */
    x = _mm_add_epi16(_mm_slli_epi16(x, 8), _mm_mullo_epi16(high, _mm_set1_epi16(1 - (10 << 8))));
    uint32_t zeros = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128()));
    x = _mm_or_si128(x, _mm_set1_epi8('0'));
    return (sr_sixteen){(uint64_t)_mm_cvtsi128_si64(x), (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(x, x)),
                        31 - (uint32_t)__builtin_clz((zeros ^ 0xFFFF) << 1 | 1)};
}
#else
static inline sr_sixteen sr_sixteen_digits(uint32_t upper, uint32_t lower) {
    uint64_t first = sr_eight_digits(upper), second = sr_eight_digits(lower);
    uint32_t count = second ? 9 + sr_highest_byte(second) : first ? 1 + sr_highest_byte(first) : 0;
    return (sr_sixteen){first | SR_ZEROS, second | SR_ZEROS, count};
}
#endif

#endif
