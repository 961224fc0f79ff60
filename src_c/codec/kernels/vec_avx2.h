/* Blocks of 64 bytes, characters and short texts with AVX2. The including file defines SR_FN, the target attribute.
 * vec_sse2.h and vec_neon.h have the same names.
 */
#include <immintrin.h>
#include <string.h>

SR_FN static inline uint32_t lowest(uint64_t m) { return (uint32_t)_tzcnt_u64(m); }

SR_FN static inline size_t ones(uint64_t m) { return (size_t)_mm_popcnt_u64(m); }

SR_FN static inline uint64_t first(size_t n) { return _bzhi_u64(~0ull, (uint32_t)n); }

/* ---- 64 bytes ---------------------------------------------------------------------------------------------------- */

typedef struct {
    __m256i low, high;
} vec;

SR_FN static inline vec load(const uint8_t *p) {
    return (vec){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 32))};
}

SR_FN static inline vec load_tail(const uint8_t *p, size_t n) {
    uint8_t padded[64] = {0};
    memcpy(padded, p, n);
    return load(padded);
}

SR_FN static inline void store(uint8_t *p, vec v) {
    _mm256_storeu_si256((__m256i *)p, v.low);
    _mm256_storeu_si256((__m256i *)(p + 32), v.high);
}

SR_FN static inline uint64_t wide(vec v) {
    return (uint32_t)_mm256_movemask_epi8(v.low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(v.high) << 32;
}

SR_FN static inline uint64_t equal(vec v, uint8_t c) {
    __m256i want = _mm256_set1_epi8((char)c);
    return wide((vec){_mm256_cmpeq_epi8(v.low, want), _mm256_cmpeq_epi8(v.high, want)});
}

SR_FN static inline uint64_t at_least(vec v, uint8_t c) {
    __m256i least = _mm256_set1_epi8((char)c);
    return wide((vec){_mm256_cmpeq_epi8(_mm256_max_epu8(v.low, least), v.low),
                      _mm256_cmpeq_epi8(_mm256_max_epu8(v.high, least), v.high)});
}

SR_FN static inline uint64_t wide_bytes(vec v) { return wide(v); }

/* The bytes that force quotes anywhere in a field. No two of these have the same last four bits, so one look-up by
   these bits gives the only one that a byte may equal. */
SR_FN static inline __m256i special_bytes(__m256i v) {
    const __m256i only = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        -1, 0, SR_QUOTE, 0, 0, 0, 0, 0, 0, SR_TAB, SR_ROW_END, 0, SR_SEPARATOR, SR_CARRIAGE_RETURN, 0, 0));
    return _mm256_cmpeq_epi8(v, _mm256_shuffle_epi8(only, v));
}

SR_FN static inline bool special(vec v) {
    return _mm256_movemask_epi8(_mm256_or_si256(special_bytes(v.low), special_bytes(v.high)));
}

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Sixteen characters as bytes, if all are ASCII. */
SR_FN static inline bool put_ascii_1(const uint8_t *src, uint8_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src);
    _mm_storeu_si128((__m128i *)dst, v);
    return !_mm_movemask_epi8(v);
}

SR_FN static inline bool put_ascii_2(const uint16_t *src, uint8_t *dst) {
    __m256i v = _mm256_loadu_si256((const __m256i *)src);
    _mm_storeu_si128((__m128i *)dst, _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
    return _mm256_testz_si256(v, _mm256_set1_epi16((short)0xFF80));
}

SR_FN static inline bool put_ascii_4(const uint32_t *src, uint8_t *dst) {
    __m256i a = _mm256_loadu_si256((const __m256i *)src), b = _mm256_loadu_si256((const __m256i *)(src + 8));
    __m256i pairs = _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8);
    _mm_storeu_si128((__m128i *)dst,
                     _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
    return _mm256_testz_si256(_mm256_or_si256(a, b), _mm256_set1_epi32((int)0xFFFFFF80));
}

/* And back. */
SR_FN static inline bool widen_ascii_1(const uint8_t *src, uint8_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src);
    if (_mm_movemask_epi8(v)) return false;
    _mm_storeu_si128((__m128i *)dst, v);
    return true;
}

SR_FN static inline bool widen_ascii_2(const uint8_t *src, uint16_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src);
    if (_mm_movemask_epi8(v)) return false;
    _mm256_storeu_si256((__m256i *)dst, _mm256_cvtepu8_epi16(v));
    return true;
}

/* ---- texts of up to 32 bytes ------------------------------------------------------------------------------------- */

/* Whole groups of eight, then the rest of the text with zeros after it. A text of whole groups has its last one again
   instead, which is as good: every text has one form. */
typedef __m256i text32;

/* Without a branch, since lengths are hard to predict. Reads the groups, and the eight bytes that end with the text. */
SR_FN static inline text32 text_load(const uint8_t *p, size_t n) {
    static const int64_t GROUPS[8] = {-1, -1, -1, -1};
    __m256i some = _mm256_loadu_si256((const __m256i *)(GROUPS + 4 - n / 8));
    __m256i groups = _mm256_maskload_epi64((const long long *)p, some);
    uint64_t last;
    memcpy(&last, p + n - 8, 8);
    return _mm256_blendv_epi8(_mm256_set1_epi64x((int64_t)(last >> ((0 - 8 * n) & 63))), groups, some);
}

/* Writes 32 bytes. */
SR_FN static inline void text_put(uint8_t *p, text32 s, size_t n) {
    (void)n;
    _mm256_storeu_si256((__m256i *)p, s);
}

/* One bit per byte that forces quotes anywhere in a field. */
SR_FN static inline uint64_t text_specials(text32 s, size_t n) {
    return _bzhi_u32((uint32_t)_mm256_movemask_epi8(special_bytes(s)), (uint32_t)n);
}

SR_FN static inline uint64_t text_quotes(text32 s, size_t n) {
    __m256i quote = _mm256_cmpeq_epi8(s, _mm256_set1_epi8(SR_QUOTE));
    return _bzhi_u32((uint32_t)_mm256_movemask_epi8(quote), (uint32_t)n);
}

/* Whether an ASCII text certainly needs no quotes. */
SR_FN static inline bool text_is_plain(text32 s, const uint8_t *src, size_t n) {
    return !(text_specials(s, 32) | (src[0] <= ' ') | (src[n - 1] <= ' '));
}
