/* The kernel for CPUs with AVX-512 VBMI2: 64 bytes at a time, masked loads (nothing is read beyond the end), and bytes
 * dropped or spread by compress instead of a loop. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <immintrin.h>

#define SR_FN SR_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul")

SR_FN static inline uint32_t lowest(uint64_t m) { return (uint32_t)_tzcnt_u64(m); }

SR_FN static inline size_t ones(uint64_t m) { return (size_t)_mm_popcnt_u64(m); }

SR_FN static inline uint64_t prefix_xor(uint64_t m) {
    __m128i all = _mm_set1_epi8((char)0xFF);
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)m), all, 0));
}

SR_FN static inline __m512i positions(void) {
    const __m512i fours = _mm512_set_epi32(0x3F3E3D3C, 0x3B3A3938, 0x37363534, 0x33323130, 0x2F2E2D2C, 0x2B2A2928,
                                           0x27262524, 0x23222120, 0x1F1E1D1C, 0x1B1A1918, 0x17161514, 0x13121110,
                                           0x0F0E0D0C, 0x0B0A0908, 0x07060504, 0x03020100);
    return fours;
}

/* Sixteen at a time: what is written beyond n is overwritten by the next call. */
SR_FN static inline void flatten(uint32_t *out, uint32_t base, uint64_t m, uint32_t n) {
    __m512i at = _mm512_maskz_compress_epi8(m, positions());
    __m512i from = _mm512_set1_epi32((int)base);
    _mm512_storeu_si512(out, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
    if (n > 16) {
        __m128i second = _mm512_extracti32x4_epi32(at, 1);
        _mm512_storeu_si512(out + 16, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(second)));
    }
    if (n > 32) {
        __m128i third = _mm512_extracti32x4_epi32(at, 2), fourth = _mm512_extracti32x4_epi32(at, 3);
        _mm512_storeu_si512(out + 32, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(third)));
        _mm512_storeu_si512(out + 48, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(fourth)));
    }
}

SR_FN static inline uint64_t equal(__m512i v, char c) { return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c)); }

SR_FN static inline __mmask64 first(size_t n) { return _bzhi_u64(~0ull, (uint32_t)n); }

SR_FN static inline sr_masks masks(__m512i v) {
    return (sr_masks){equal(v, SR_SEPARATOR), equal(v, SR_ROW_END),         equal(v, SR_QUOTE),
                      equal(v, SR_ESCAPE),    equal(v, SR_CARRIAGE_RETURN), _mm512_movepi8_mask(v)};
}

SR_FN static inline sr_masks block(const uint8_t *p) { return masks(_mm512_loadu_si512(p)); }

SR_FN static inline sr_masks tail(const uint8_t *p, size_t n) { return masks(_mm512_maskz_loadu_epi8(first(n), p)); }

SR_FN static inline uint32_t text_bits(__m512i v) {
    uint64_t quote = equal(v, SR_QUOTE);
    uint64_t special = equal(v, SR_SEPARATOR) | equal(v, SR_ROW_END) | equal(v, SR_CARRIAGE_RETURN) | equal(v, SR_TAB);
    return (quote | special ? SR_TEXT_SPECIAL : 0) | (quote ? SR_TEXT_QUOTE : 0) |
           (_mm512_movepi8_mask(v) ? SR_TEXT_WIDE : 0);
}

SR_FN static inline uint32_t specials(const uint8_t *p) { return text_bits(_mm512_loadu_si512(p)); }

SR_FN static inline uint32_t specials_tail(const uint8_t *p, size_t n) {
    return text_bits(_mm512_maskz_loadu_epi8(first(n), p));
}

#include "scan_body.h"

SR_FN static size_t scan_unescape(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    uint8_t *out = dst;
    uint64_t second = 0; /* bit 0: the byte before was the first quote of a pair */
    for (size_t base = 0; base < len; base += 64) {
        size_t n = len - base < 64 ? len - base : 64;
        __m512i v = _mm512_maskz_loadu_epi8(first(n), src + base);
        uint64_t quote = equal(v, SR_QUOTE), keep;
        if (escape == SR_QUOTE) {
            uint64_t pairs = prefix_xor(quote) ^ (0 - second);
            keep = ~(quote & ~pairs);
            second = pairs >> 63;
        } else {
            uint64_t next = n == 64 && base + 64 < len && src[base + 64] == SR_QUOTE;
            keep = ~(equal(v, SR_ESCAPE) & (quote >> 1 | next << 63));
        }
        keep &= first(n);
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(keep, v));
        out += ones(keep);
    }
    return (size_t)(out - dst);
}

/* Each byte becomes a pair (escape, byte); the escapes that are not wanted are dropped. */
SR_FN static size_t scan_escape(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    uint8_t *out = dst;
    for (size_t base = 0; base < len; base += 32) {
        size_t n = len - base < 32 ? len - base : 32;
        __m256i v = _mm256_maskz_loadu_epi8((__mmask32)first(n), src + base);
        uint64_t quote = _mm256_cmpeq_epi8_mask(v, _mm256_set1_epi8(SR_QUOTE));
        __m512i pairs = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(v), 8), _mm512_set1_epi16(escape));
        uint64_t keep = _pdep_u64(quote, 0x5555555555555555ull) | _pdep_u64(first(n), 0xAAAAAAAAAAAAAAAAull);
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(keep, pairs));
        out += ones(keep);
    }
    return (size_t)(out - dst);
}

const sr_kernel sr_kernel_avx512 = {
    "avx512", SR_CPU_AVX512_VBMI2, scan_index, scan_count, scan_classify, scan_unescape, scan_escape,
};
#endif
