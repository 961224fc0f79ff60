/* The kernel that every x86-64 CPU can run: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <emmintrin.h>

#define SR_FN
#include "portable_bits.h"

static inline uint64_t equal(const __m128i *v, char c) {
    __m128i want = _mm_set1_epi8(c);
    uint64_t m = 0;
    for (int i = 0; i < 4; i++) m |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], want)) << 16 * i;
    return m;
}

static inline uint64_t wide(const __m128i *v) {
    uint64_t m = 0;
    for (int i = 0; i < 4; i++) m |= (uint64_t)(uint32_t)_mm_movemask_epi8(v[i]) << 16 * i;
    return m;
}

static inline sr_masks block(const uint8_t *p) {
    __m128i v[4];
    for (int i = 0; i < 4; i++) v[i] = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    return (sr_masks){equal(v, SR_SEPARATOR), equal(v, SR_ROW_END),         equal(v, SR_QUOTE),
                      equal(v, SR_ESCAPE),    equal(v, SR_CARRIAGE_RETURN), wide(v)};
}

static inline uint32_t specials(const uint8_t *p) {
    __m128i special = _mm_setzero_si128(), quote = special, high = special;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(SR_SEPARATOR)),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_ROW_END)));
        __m128i rest = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(SR_CARRIAGE_RETURN)),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_TAB)));
        special = _mm_or_si128(special, _mm_or_si128(ends, rest));
        quote = _mm_or_si128(quote, _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_QUOTE)));
        high = _mm_or_si128(high, v);
    }
    uint32_t quoted = _mm_movemask_epi8(quote) ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
    return quoted | (_mm_movemask_epi8(special) ? SR_TEXT_SPECIAL : 0) | (_mm_movemask_epi8(high) ? SR_TEXT_WIDE : 0);
}

static inline sr_masks tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return block(padded);
}

static inline uint32_t specials_tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return specials(padded);
}

#include "scan_body.h"

const sr_kernel sr_kernel_sse2 = {
    "sse2", SR_CPU_SSE2, scan_index, scan_count, scan_classify, sr_unescape_portable, sr_escape_portable,
};
#endif
