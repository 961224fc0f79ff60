/* The kernel that every x86-64 CPU can run: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <emmintrin.h>

#define SR_FN
#include "portable_bits.h"

typedef struct {
    __m128i part[4];
} vec;

static inline vec load(const uint8_t *p) {
    vec v;
    for (int i = 0; i < 4; i++) v.part[i] = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    return v;
}

static inline vec load_tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return load(padded);
}

static inline void store(uint8_t *p, vec v) {
    for (int i = 0; i < 4; i++) _mm_storeu_si128((__m128i *)(p + 16 * i), v.part[i]);
}

static inline uint64_t wide(vec v) {
    uint64_t m = 0;
    for (int i = 0; i < 4; i++) m |= (uint64_t)(uint32_t)_mm_movemask_epi8(v.part[i]) << 16 * i;
    return m;
}

static inline uint64_t equal(vec v, uint8_t c) {
    __m128i want = _mm_set1_epi8((char)c);
    for (int i = 0; i < 4; i++) v.part[i] = _mm_cmpeq_epi8(v.part[i], want);
    return wide(v);
}

static inline uint64_t at_least(vec v, uint8_t c) {
    __m128i least = _mm_set1_epi8((char)c);
    for (int i = 0; i < 4; i++) v.part[i] = _mm_cmpeq_epi8(_mm_max_epu8(v.part[i], least), v.part[i]);
    return wide(v);
}

static inline uint32_t specials(vec v) {
    __m128i special = _mm_setzero_si128(), quote = special;
    for (int i = 0; i < 4; i++) {
        __m128i p = v.part[i];
        __m128i ends =
            _mm_or_si128(_mm_cmpeq_epi8(p, _mm_set1_epi8(SR_SEPARATOR)), _mm_cmpeq_epi8(p, _mm_set1_epi8(SR_ROW_END)));
        __m128i rest = _mm_or_si128(_mm_cmpeq_epi8(p, _mm_set1_epi8(SR_CARRIAGE_RETURN)),
                                    _mm_cmpeq_epi8(p, _mm_set1_epi8(SR_TAB)));
        special = _mm_or_si128(special, _mm_or_si128(ends, rest));
        quote = _mm_or_si128(quote, _mm_cmpeq_epi8(p, _mm_set1_epi8(SR_QUOTE)));
    }
    uint32_t quoted = _mm_movemask_epi8(quote) ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
    return quoted | (_mm_movemask_epi8(special) ? SR_TEXT_SPECIAL : 0);
}

#include "vector_masks.h"

#include "utf8_masks.h"

#include "scan.inc"

const sr_kernel sr_kernel_sse2 = {
    .name = "sse2",
    .needs = SR_CPU_SSE2,
    .index = scan_index,
    .mark_closing = scan_mark_closing,
    .read_strictly = scan_read_strictly,
    .read_leniently = scan_read_leniently,
    .single = scan_single,
    .count = scan_count,
    .classify = scan_classify,
    .copy = scan_copy,
    .unescape = sr_unescape_portable,
    .escape = sr_escape_portable,
    .measure = sr_measure_portable,
    .widen = sr_widen_portable,
    .narrow = scan_narrow,
};
#endif
