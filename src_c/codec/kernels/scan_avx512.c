/* The kernel for CPUs with AVX-512 VBMI2: 64 bytes at a time, masked loads (no read beyond the end), and compress
   instead of a loop to drop or spread bytes. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include <immintrin.h>
#include <string.h>

#include "utf8_pairs.h"

#define SR_FN SR_TARGET("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul")

#include "short_field_avx512.h"

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

/* Sixteen at a time; the next call overwrites the excess beyond n. */
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

SR_FN static inline uint64_t equal(vec v, uint8_t c) { return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)c)); }

SR_FN static inline uint64_t at_least(vec v, uint8_t c) { return _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8((char)c)); }

SR_FN static inline bool any(__m512i found) { return _mm512_test_epi8_mask(found, found); }

SR_FN static inline bool special(vec v) { return any(special_bytes(v)); }

#include "vector_masks.h"

/* The bytes of v shifted up by 1 to 3; the last bytes of the block before it fill the gap. */
#define SHIFTED(before, v, n) _mm512_alignr_epi8(v, _mm512_alignr_epi32(v, before, 12), 16 - (n))

typedef struct {
    __m512i before, bad;
    uint64_t pending;
} utf8_state;

SR_FN static inline bool utf8_pending(const utf8_state *u) { return u->pending; }

SR_FN static inline __m512i half(const uint8_t *table, __m512i halves) {
    __m512i four = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
    return _mm512_shuffle_epi8(four, _mm512_and_si512(halves, _mm512_set1_epi8(0x0F)));
}

SR_FN static inline void utf8_block(vec v, utf8_state *u) {
    __m512i first = SHIFTED(u->before, v, 1), second = SHIFTED(u->before, v, 2), third = SHIFTED(u->before, v, 3);
    __m512i broken = _mm512_and_si512(half(FIRST_HIGH, _mm512_srli_epi16(first, 4)), half(FIRST_LOW, first));
    broken = _mm512_and_si512(broken, half(SECOND_HIGH, _mm512_srli_epi16(v, 4)));
    __m512i of_three = _mm512_subs_epu8(second, _mm512_set1_epi8((char)(0xE0 - TWO)));
    __m512i of_four = _mm512_subs_epu8(third, _mm512_set1_epi8((char)(0xF0 - TWO)));
    __m512i two = _mm512_and_si512(_mm512_or_si512(of_three, of_four), _mm512_set1_epi8((char)TWO));
    u->bad = _mm512_or_si512(u->bad, _mm512_xor_si512(broken, two));
    u->before = v;
    u->pending = wide(v) >> 61;
}

SR_FN static inline bool utf8_bad(const utf8_state *u) { return _mm512_test_epi8_mask(u->bad, u->bad); }

/* Eight rows of one block; `rank` counts the ends before each row end, `at` is its place. */
SR_FN static inline void put_eight(sr_row *rows, __m512i rank, __m512i at, __m512i from) {
    __m128i pairs = _mm_unpacklo_epi8(_mm512_castsi512_si128(rank), _mm512_castsi512_si128(at));
    _mm512_storeu_si512(rows, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(pairs)));
}

SR_FN static inline size_t put_rows(sr_row *rows, uint64_t row_ends, uint64_t separators, size_t ends, size_t base) {
    size_t n = ones(row_ends);
    __m512i at = _mm512_maskz_compress_epi8(row_ends, positions());
    __m512i rank = _mm512_maskz_compress_epi8(_pext_u64(row_ends, separators), positions());
    __m512i from = _mm512_set1_epi64((long long)((uint64_t)(base + 1) << 32 | (uint32_t)(ends + 1)));
    put_eight(rows, rank, at, from);
    for (size_t done = 8; done < n; done += 8) {
        rank = _mm512_alignr_epi64(rank, rank, 1);
        at = _mm512_alignr_epi64(at, at, 1);
        put_eight(rows + done, rank, at, from);
    }
    return n;
}

#define SR_OWN_PUT_ROWS
#define SR_OWN_NARROW
#include "scan.inc"

SR_FN static size_t scan_unescape(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    uint8_t *out = dst;
    uint64_t second = 0; /* bit 0: the byte before was the first quote of a pair */
    for (size_t base = 0; base < len; base += 64) {
        size_t n = len - base < 64 ? len - base : 64;
        __m512i v = _mm512_maskz_loadu_epi8(first(n), src + base);
        uint64_t keep;
        if (escape == SR_QUOTE) {
            uint64_t quote = equal(v, SR_QUOTE), pairs = prefix_xor(quote) ^ (0 - second);
            keep = ~(quote & ~pairs);
            second = pairs >> 63;
        } else {
            keep = ~escapes_of(v, base + 64 < len && src[base + 64] == SR_QUOTE);
        }
        keep &= first(n);
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(keep, v));
        out += ones(keep);
    }
    return (size_t)(out - dst);
}

SR_FN static size_t scan_escape(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    uint8_t *out = dst;
    for (size_t base = 0; base < len; base += 32) {
        __mmask32 some = (__mmask32)first(len - base < 32 ? len - base : 32);
        out = put_escaped(out, _mm256_maskz_loadu_epi8(some, src + base), some, escape);
    }
    return (size_t)(out - dst);
}

/* ---- UTF-8 to and from characters: every byte, or character, at once, then the unwanted are dropped -------------- */

SR_FN static inline uint64_t continues(vec v) { /* 80 to BF are the lowest signed */
    return _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8((char)0xC0));
}

SR_FN static size_t scan_measure(const uint8_t *src, size_t len, int *width) {
    text_shape shape = {0};
    for (size_t base = 0; base < len; base += 64) {
        size_t n = len - base < 64 ? len - base : 64;
        add_shape(&shape, load_tail(src + base, n), n);
    }
    *width = width_of(&shape);
    return shape.characters;
}

/* Builds each character at the position of its last byte. */
SR_FN static void widen_to_1(const uint8_t *src, size_t len, uint8_t *out) {
    __m512i before = _mm512_setzero_si512();
    for (size_t base = 0; base < len; base += 64) {
        size_t n = len - base < 64 ? len - base : 64;
        __m512i v = load_tail(src + base, n), lead = SHIFTED(before, v, 1);
        __m512i high = _mm512_and_si512(_mm512_slli_epi16(lead, 6), _mm512_set1_epi8((char)0xC0));
        __m512i low = _mm512_and_si512(v, _mm512_set1_epi8(0x3F));
        __m512i all = _mm512_mask_mov_epi8(v, continues(v), _mm512_or_si512(high, low));
        uint64_t keep = first(n) & ~at_least(v, 0xC0);
        size_t made = ones(keep);
        _mm512_mask_storeu_epi8(out, first(made), _mm512_maskz_compress_epi8(keep, all));
        out += made;
        before = v;
    }
}

SR_FN static void widen_to_2(const uint8_t *src, size_t len, uint8_t *out) {
    __m256i before = _mm256_setzero_si256();
    const __m512i six = _mm512_set1_epi16(0x3F);
    for (size_t base = 0; base < len; base += 32) {
        size_t n = len - base < 32 ? len - base : 32;
        __m256i v = _mm256_maskz_loadu_epi8((__mmask32)first(n), src + base);
        if (!_mm256_movepi8_mask(v)) {
            _mm512_mask_storeu_epi16(out, (__mmask32)first(n), _mm512_cvtepu8_epi16(v));
            out += 2 * n;
            before = v;
            continue;
        }
        __m256i gap = _mm256_permute2x128_si256(before, v, 0x21);
        __m512i a = _mm512_cvtepu8_epi16(_mm256_alignr_epi8(v, gap, 14));
        __m512i b = _mm512_cvtepu8_epi16(_mm256_alignr_epi8(v, gap, 15)), c = _mm512_cvtepu8_epi16(v);
        __mmask32 second = _mm256_cmplt_epi8_mask(v, _mm256_set1_epi8((char)0xC0)), more = second >> 1;
        if (base + 32 < len) more |= (__mmask32)((src[base + 32] & 0xC0) == 0x80) << 31;
        __mmask32 third = second & _mm512_cmplt_epu16_mask(b, _mm512_set1_epi16(0xC0));
        __m512i low = _mm512_or_si512(_mm512_slli_epi16(_mm512_and_si512(b, six), 6), _mm512_and_si512(c, six));
        c = _mm512_mask_mov_epi16(c, second, low);
        c = _mm512_or_si512(c, _mm512_maskz_slli_epi16(third, a, 12));
        uint32_t keep = (uint32_t)first(n) & ~more & ~_mm256_cmpge_epu8_mask(v, _mm256_set1_epi8((char)0xC0));
        size_t made = ones(keep);
        _mm512_mask_storeu_epi16(out, (__mmask32)first(made), _mm512_maskz_compress_epi16(keep, c));
        out += 2 * made;
        before = v;
    }
}

SR_FN static void widen_to_4(const uint8_t *src, size_t len, uint8_t *out) {
    __m128i before = _mm_setzero_si128();
    const __m512i six = _mm512_set1_epi32(0x3F);
    for (size_t base = 0; base < len; base += 16) {
        size_t n = len - base < 16 ? len - base : 16;
        __m128i v = _mm_maskz_loadu_epi8((__mmask16)first(n), src + base);
        __m512i a = _mm512_cvtepu8_epi32(_mm_alignr_epi8(v, before, 13));
        __m512i b = _mm512_cvtepu8_epi32(_mm_alignr_epi8(v, before, 14));
        __m512i c = _mm512_cvtepu8_epi32(_mm_alignr_epi8(v, before, 15)), d = _mm512_cvtepu8_epi32(v);
        __mmask16 second = _mm_cmplt_epi8_mask(v, _mm_set1_epi8((char)0xC0));
        __mmask16 more = (__mmask16)(second >> 1);
        if (base + 16 < len) more |= (__mmask16)(((src[base + 16] & 0xC0) == 0x80) << 15);
        __mmask16 third = second & _mm512_cmplt_epu32_mask(c, _mm512_set1_epi32(0xC0));
        __mmask16 fourth = third & _mm512_cmplt_epu32_mask(b, _mm512_set1_epi32(0xC0));
        __m512i low = _mm512_or_si512(_mm512_slli_epi32(_mm512_and_si512(c, six), 6), _mm512_and_si512(d, six));
        __m512i high = _mm512_and_si512(b, _mm512_mask_mov_epi32(_mm512_set1_epi32(0x0F), fourth, six));
        d = _mm512_mask_mov_epi32(d, second, low);
        d = _mm512_mask_or_epi32(d, third, d, _mm512_slli_epi32(high, 12));
        d = _mm512_mask_or_epi32(d, fourth, d, _mm512_slli_epi32(_mm512_and_si512(a, _mm512_set1_epi32(7)), 18));
        uint32_t leads = _mm_cmpge_epu8_mask(v, _mm_set1_epi8((char)0xC0));
        __mmask16 keep = (__mmask16)(first(n) & ~(leads | more));
        size_t made = ones(keep);
        _mm512_mask_storeu_epi32(out, (__mmask16)first(made), _mm512_maskz_compress_epi32(keep, d));
        out += 4 * made;
        before = v;
    }
}

SR_FN static void scan_widen(const uint8_t *src, size_t len, int width, void *dst) {
    if (width == 1) {
        widen_to_1(src, len, dst);
    } else if (width == 2) {
        widen_to_2(src, len, dst);
    } else {
        widen_to_4(src, len, dst);
    }
}

/* Latin-1: two bytes for each character; ASCII drops the first. */
SR_FN static size_t narrow_from_1(const uint8_t *src, size_t len, uint8_t *dst, bool *special) {
    uint8_t *out = dst;
    __m512i found = _mm512_setzero_si512();
    for (size_t base = 0; base < len; base += 32) {
        size_t n = len - base < 32 ? len - base : 32;
        __m256i v = _mm256_maskz_loadu_epi8((__mmask32)first(n), src + base);
        uint64_t high = (uint32_t)_mm256_movepi8_mask(v);
        __m512i c = _mm512_cvtepu8_epi16(v), lead = _mm512_or_si512(_mm512_srli_epi16(c, 6), _mm512_set1_epi16(0xC0));
        __m512i drop = _mm512_and_si512(_mm512_srli_epi16(c, 1), _mm512_set1_epi16(0x40)); /* where bit 7 is set */
        __m512i last = _mm512_slli_epi16(_mm512_andnot_si512(drop, c), 8);
        uint64_t keep = _pdep_u64(high, 0x5555555555555555ull) | _pdep_u64(first(n), 0xAAAAAAAAAAAAAAAAull);
        __m512i bytes = _mm512_maskz_compress_epi8(keep, _mm512_or_si512(lead, last));
        found = _mm512_or_si512(found, special_bytes(bytes));
        _mm512_storeu_si512(out, bytes);
        out += ones(keep);
    }
    *special = any(found);
    return (size_t)(out - dst);
}

/* Four bytes for each of up to 16 characters; short ones drop the first bytes. */
SR_FN static inline uint8_t *narrow_sixteen(__m512i c, __mmask16 some, __m512i *found, uint8_t *out) {
    __mmask16 two = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x80));
    __mmask16 three = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x800));
    __mmask16 four = _mm512_cmpge_epu32_mask(c, _mm512_set1_epi32(0x10000));
    uint64_t keep = _pdep_u64(some, 0x8888888888888888ull) | _pdep_u64(two, 0x4444444444444444ull) |
                    _pdep_u64(three, 0x2222222222222222ull) | _pdep_u64(four, 0x1111111111111111ull);
    __m512i sixes = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x20262C3200060C12), c); /* c >> 18, 12, 6, 0 */
    __m512i bytes = _mm512_or_si512(_mm512_and_si512(sixes, _mm512_set1_epi8(0x3F)), _mm512_set1_epi8((char)0x80));
    bytes = _mm512_mask_slli_epi32(bytes, (__mmask16)~two, c, 24);
    bytes = _mm512_mask_or_epi32(bytes, (__mmask16)(two & ~three), bytes, _mm512_set1_epi32(0x400000)); /* C0 */
    bytes = _mm512_mask_or_epi32(bytes, (__mmask16)(three & ~four), bytes, _mm512_set1_epi32(0x6000));  /* E0 */
    bytes = _mm512_mask_or_epi32(bytes, four, bytes, _mm512_set1_epi32(0x70));                          /* F0 */
    bytes = _mm512_maskz_compress_epi8(keep, bytes);
    *found = _mm512_or_si512(*found, special_bytes(bytes));
    _mm512_storeu_si512(out, bytes);
    return out + ones(keep);
}

SR_FN static size_t narrow_from_2(const uint16_t *src, size_t len, uint8_t *dst, bool *special) {
    uint8_t *out = dst;
    uint32_t surrogates = 0;
    __m512i found = _mm512_setzero_si512();
    for (size_t base = 0; base < len; base += 32) {
        size_t n = len - base < 32 ? len - base : 32;
        __mmask32 some = (__mmask32)first(n);
        __m512i c = _mm512_maskz_loadu_epi16(some, src + base);
        if (!_mm512_cmpge_epu16_mask(c, _mm512_set1_epi16(0x80))) {
            __m256i bytes = _mm512_cvtepi16_epi8(c);
            found = _mm512_or_si512(found, special_bytes(_mm512_zextsi256_si512(bytes)));
            _mm256_storeu_si256((__m256i *)out, bytes);
            out += n;
            continue;
        }
        __m512i block = _mm512_and_si512(c, _mm512_set1_epi16((short)0xF800));
        surrogates |= _mm512_cmpeq_epi16_mask(block, _mm512_set1_epi16((short)0xD800));
        out = narrow_sixteen(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(c)), (__mmask16)some, &found, out);
        if (n > 16) {
            __m512i second = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(c, 1));
            out = narrow_sixteen(second, (__mmask16)(some >> 16), &found, out);
        }
    }
    *special = any(found);
    return surrogates ? SIZE_MAX : (size_t)(out - dst);
}

SR_FN static size_t narrow_from_4(const uint32_t *src, size_t len, uint8_t *dst, bool *special) {
    uint8_t *out = dst;
    uint32_t surrogates = 0;
    __m512i found = _mm512_setzero_si512();
    for (size_t base = 0; base < len; base += 16) {
        __mmask16 some = (__mmask16)first(len - base < 16 ? len - base : 16);
        __m512i c = _mm512_maskz_loadu_epi32(some, src + base);
        __m512i block = _mm512_and_si512(c, _mm512_set1_epi32((int)0xFFFFF800));
        surrogates |= _mm512_cmpeq_epi32_mask(block, _mm512_set1_epi32(0xD800));
        out = narrow_sixteen(c, some, &found, out);
    }
    *special = any(found);
    return surrogates ? SIZE_MAX : (size_t)(out - dst);
}

SR_FN static size_t scan_narrow(const void *src, size_t len, int width, uint8_t *dst, bool *special) {
    if (width == 1) return narrow_from_1(src, len, dst, special);
    return width == 2 ? narrow_from_2(src, len, dst, special) : narrow_from_4(src, len, dst, special);
}

const sr_kernel sr_kernel_avx512 = {
    .name = "avx512",
    .needs = SR_CPU_AVX512_VBMI2,
    .index = scan_index,
    .mark_closing = scan_mark_closing,
    .read_strictly = scan_read_strictly,
    .read_leniently = scan_read_leniently,
    .single = scan_single,
    .count = scan_count,
    .special = scan_special,
    .copy = scan_copy,
    .unescape = scan_unescape,
    .escape = scan_escape,
    .measure = scan_measure,
    .widen = scan_widen,
    .narrow = scan_narrow,
};
#endif
