/* The kernel for CPUs with AVX2, BMI and carry-less multiplication: 32 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <immintrin.h>
#include <string.h>

#define SR_FN SR_TARGET("avx2,bmi,bmi2,popcnt,pclmul")

SR_FN static inline uint32_t lowest(uint64_t m) { return (uint32_t)_tzcnt_u64(m); }

SR_FN static inline size_t ones(uint64_t m) { return (size_t)_mm_popcnt_u64(m); }

SR_FN static inline uint64_t prefix_xor(uint64_t m) {
    __m128i all = _mm_set1_epi8((char)0xFF);
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)m), all, 0));
}

/* Eight at a time: what is written beyond n is overwritten by the next call. */
SR_FN static inline void flatten(uint32_t *out, uint32_t base, uint64_t m, uint32_t n) {
    for (uint32_t done = 0; done < n; done += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            out[done + i] = base + lowest(m);
            m = _blsr_u64(m);
        }
    }
}

SR_FN static inline uint64_t equal(__m256i low, __m256i high, char c) {
    __m256i want = _mm256_set1_epi8(c);
    uint64_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want));
    return first | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want)) << 32;
}

SR_FN static inline sr_masks masks(__m256i low, __m256i high) {
    sr_masks m;
    m.separator = equal(low, high, SR_SEPARATOR);
    m.row_end = equal(low, high, SR_ROW_END);
    m.quote = equal(low, high, SR_QUOTE);
    m.escape = equal(low, high, SR_ESCAPE);
    m.cr = equal(low, high, SR_CARRIAGE_RETURN);
    m.wide = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, high));
    return m;
}

SR_FN static inline sr_masks block(const uint8_t *p) {
    return masks(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32)));
}

SR_FN static inline sr_masks tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return block(padded);
}

SR_FN static inline uint32_t specials(const uint8_t *p) {
    __m256i special = _mm256_setzero_si256(), quote = special, high = special;
    for (int i = 0; i < 2; i++) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(p + 32 * i));
        __m256i ends = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(SR_SEPARATOR)),
                                       _mm256_cmpeq_epi8(v, _mm256_set1_epi8(SR_ROW_END)));
        __m256i rest = _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(SR_CARRIAGE_RETURN)),
                                       _mm256_cmpeq_epi8(v, _mm256_set1_epi8(SR_TAB)));
        special = _mm256_or_si256(special, _mm256_or_si256(ends, rest));
        quote = _mm256_or_si256(quote, _mm256_cmpeq_epi8(v, _mm256_set1_epi8(SR_QUOTE)));
        high = _mm256_or_si256(high, v);
    }
    uint32_t quoted = _mm256_movemask_epi8(quote) ? SR_TEXT_SPECIAL | SR_TEXT_QUOTE : 0;
    return quoted | (_mm256_movemask_epi8(special) ? SR_TEXT_SPECIAL : 0) |
           (_mm256_movemask_epi8(high) ? SR_TEXT_WIDE : 0);
}

SR_FN static inline uint32_t specials_tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return specials(padded);
}

#include "scan_body.h"

const sr_kernel sr_kernel_avx2 = {
    "avx2", SR_CPU_AVX2, scan_index, scan_count, scan_classify, sr_unescape_portable, sr_escape_portable,
};
#endif
