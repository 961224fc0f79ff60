/* Eight digits in one word, shared by sr_number.c and sr_float.c. */
#ifndef SR_DIGITS_H
#define SR_DIGITS_H

#include <string.h>

#include "sr.h"

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

#endif
