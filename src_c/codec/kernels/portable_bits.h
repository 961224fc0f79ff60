/* Bit tricks in plain C, for kernels whose CPU may lack the instructions. */
#include <string.h>

#include "sr.h"

static inline size_t ones(uint64_t m) {
    m -= m >> 1 & 0x5555555555555555ull;
    m = (m & 0x3333333333333333ull) + (m >> 2 & 0x3333333333333333ull);
    m = (m + (m >> 4)) & 0x0F0F0F0F0F0F0F0Full;
    return (size_t)(m * 0x0101010101010101ull >> 56);
}

static inline uint32_t lowest(uint64_t m) { return sr_lowest_bit(m); }

static inline uint64_t first(size_t n) { return n < 64 ? (1ull << n) - 1 : ~0ull; }

/* Bit i of the result is the parity of bits 0 to i. */
static inline uint64_t prefix_xor(uint64_t m) {
    for (int shift = 1; shift < 64; shift *= 2) m ^= m << shift;
    return m;
}

static inline void flatten(uint32_t *out, uint32_t base, uint64_t m, uint32_t n) {
    for (uint32_t i = 0; i < n; i++, m &= m - 1) out[i] = base + sr_lowest_bit(m);
}
