/* The kernel for CPUs with AVX-512 VBMI2: 64 bytes at a time, masked loads (nothing is read beyond the end), and bytes
 * dropped or spread by compress instead of a loop. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <immintrin.h>
#include <string.h>

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

typedef __m512i vec;

SR_FN static inline __mmask64 first(size_t n) { return _bzhi_u64(~0ull, (uint32_t)n); }

SR_FN static inline vec load(const uint8_t *p) { return _mm512_loadu_si512(p); }

SR_FN static inline vec load_tail(const uint8_t *p, size_t n) { return _mm512_maskz_loadu_epi8(first(n), p); }

SR_FN static inline void store(uint8_t *p, vec v) { _mm512_storeu_si512(p, v); }

SR_FN static inline uint64_t wide(vec v) { return _mm512_movepi8_mask(v); }

SR_FN static inline uint64_t equal(vec v, uint8_t c) {
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)c));
}

SR_FN static inline uint64_t at_least(vec v, uint8_t c) {
    return _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8((char)c));
}

SR_FN static inline uint32_t specials(vec v) {
    uint64_t quote = equal(v, SR_QUOTE);
    uint64_t special = equal(v, SR_SEPARATOR) | equal(v, SR_ROW_END) | equal(v, SR_CARRIAGE_RETURN) | equal(v, SR_TAB);
    return (quote | special ? SR_TEXT_SPECIAL : 0) | (quote ? SR_TEXT_QUOTE : 0) | (wide(v) ? SR_TEXT_WIDE : 0);
}

#include "vector_masks.h"

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

/* ---- UTF-8 to and from characters: runs of ASCII by the vector, everything else one character after the other ---------- */

SR_FN static size_t scan_measure(const uint8_t *src, size_t len, int *width) {
    size_t characters = 0;
    uint64_t from_c4 = 0, from_f0 = 0;
    for (size_t base = 0; base < len; base += 64) {
        size_t n = len - base < 64 ? len - base : 64;
        __m512i v = _mm512_maskz_loadu_epi8(first(n), src + base);
        uint64_t continues = _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8((char)0xC0)); /* 80 to BF are the lowest signed */
        characters += n - ones(continues);
        from_c4 |= at_least(v, 0xC4);
        from_f0 |= at_least(v, 0xF0);
    }
    *width = from_f0 ? 4 : from_c4 ? 2 : 1;
    return characters;
}

/* Called with a constant width only, so that nothing of the choice is left. */
SR_FN static inline void widen_to(const uint8_t *src, size_t len, size_t width, uint8_t *out) {
    const uint8_t *end = src + len;
    while (src < end) {
        size_t most = end - src < 16 ? (size_t)(end - src) : 16;
        __m128i v = _mm_maskz_loadu_epi8((__mmask16)first(most), src);
        uint32_t high = (uint32_t)_mm_movepi8_mask(v);
        size_t n = high ? lowest(high) : most;
        __mmask16 run = (__mmask16)first(n);
        if (width == 1) {
            _mm_mask_storeu_epi8(out, run, v);
        } else if (width == 2) {
            _mm256_mask_storeu_epi16(out, run, _mm256_cvtepu8_epi16(v));
        } else {
            _mm512_mask_storeu_epi32(out, run, _mm512_cvtepu8_epi32(v));
        }
        src += n;
        out += n * width;
        while (src < end && *src >= 0x80) {
            uint32_t c = sr_next_character(&src);
            memcpy(out, &c, width); /* little-endian */
            out += width;
        }
    }
}

SR_FN static void scan_widen(const uint8_t *src, size_t len, int width, void *dst) {
    if (width == 1) {
        widen_to(src, len, 1, dst);
    } else if (width == 2) {
        widen_to(src, len, 2, dst);
    } else {
        widen_to(src, len, 4, dst);
    }
}

/* Likewise. */
SR_FN static inline size_t narrow_from(const uint8_t *src, size_t len, size_t width, uint8_t *dst) {
    uint8_t *out = dst;
    while (len) {
        size_t n = len < 32 ? len : 32, high;
        if (width == 1) {
            __m256i v = _mm256_maskz_loadu_epi8((__mmask32)first(n), src);
            high = (uint32_t)_mm256_movepi8_mask(v);
            _mm256_storeu_si256((__m256i *)out, v);
        } else if (width == 2) {
            __m512i v = _mm512_maskz_loadu_epi16((__mmask32)first(n), src);
            high = _mm512_cmpge_epu16_mask(v, _mm512_set1_epi16(0x80));
            _mm256_storeu_si256((__m256i *)out, _mm512_cvtepi16_epi8(v));
        } else {
            n = n < 16 ? n : 16;
            __m512i v = _mm512_maskz_loadu_epi32((__mmask16)first(n), src);
            high = _mm512_cmpge_epu32_mask(v, _mm512_set1_epi32(0x80));
            _mm_storeu_si128((__m128i *)out, _mm512_cvtepi32_epi8(v));
        }
        size_t run = high ? lowest(high) : n;
        src += run * width;
        out += run;
        len -= run;
        for (; len; len--, src += width) { /* until ASCII goes on */
            uint32_t c = 0;
            memcpy(&c, src, width); /* little-endian */
            if (c < 0x80) break;
            if (sr_is_surrogate(c)) return SIZE_MAX;
            out = sr_put_character(c, out);
        }
    }
    return (size_t)(out - dst);
}

SR_FN static size_t scan_narrow(const void *src, size_t len, int width, uint8_t *dst) {
    if (width == 1) return narrow_from(src, len, 1, dst);
    return width == 2 ? narrow_from(src, len, 2, dst) : narrow_from(src, len, 4, dst);
}

const sr_kernel sr_kernel_avx512 = {
    "avx512",      SR_CPU_AVX512_VBMI2, scan_index,   scan_count, scan_classify, scan_copy,
    scan_unescape, scan_escape,         scan_measure, scan_widen, scan_narrow,
};
#endif
