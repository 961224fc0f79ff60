/* Blocks of text with AVX-512: quotes with their escapes, the width of characters, and a whole short field. The
 * including file defines SR_FN, the target attribute.
 */
#include <immintrin.h>

/* The backslashes of a block that escape quotes; quote_next: whether the byte after the block is a quote. */
SR_FN static inline uint64_t escapes_of(__m512i v, bool quote_next) {
    uint64_t quotes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(SR_QUOTE));
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(SR_ESCAPE)) & (quotes >> 1 | (uint64_t)quote_next << 63);
}

/* The shape of a text, gathered block by block. */
typedef struct {
    size_t characters;
    uint64_t from_c4, from_f0; /* lead bytes of characters beyond U+00FF, and beyond U+FFFF */
} text_shape;

SR_FN static inline void add_shape(text_shape *s, __m512i v, size_t n) {
    s->characters += n - (size_t)_mm_popcnt_u64(_mm512_cmplt_epi8_mask(v, _mm512_set1_epi8((char)0xC0))); /* 80 to BF */
    s->from_c4 |= _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8((char)0xC4));
    s->from_f0 |= _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8((char)0xF0));
}

static inline int width_of(const text_shape *s) { return s->from_f0 ? 4 : s->from_c4 ? 2 : 1; }

/* Of each byte that forces quotes anywhere in a field 1, of a quote 3. All of them are below 64, so one permutation
   finds them. */
SR_FN static inline __m512i special_bytes(__m512i v) {
    const uint8_t special[64] = {
        [SR_TAB] = 1, [SR_ROW_END] = 1, [SR_CARRIAGE_RETURN] = 1, [SR_QUOTE] = 3, [SR_SEPARATOR] = 1,
    };
    __mmask64 low = _mm512_testn_epi8_mask(v, _mm512_set1_epi8((char)0xC0));
    return _mm512_maskz_permutexvar_epi8(low, v, _mm512_loadu_si512(special));
}

/* Up to 32 bytes, those set in the mask, with `escape` before every quote: each byte becomes a pair (escape, byte),
   and compress drops the unwanted escapes. Writes 64 bytes, returns the end of those that count. */
SR_FN static inline uint8_t *put_escaped(uint8_t *dst, __m256i v, __mmask32 some, uint8_t escape) {
    uint64_t quote = _mm256_mask_cmpeq_epi8_mask(some, v, _mm256_set1_epi8(SR_QUOTE));
    __m512i pairs = _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(v), 8), _mm512_set1_epi16(escape));
    uint64_t keep = _pdep_u64(quote, 0x5555555555555555ull) | _pdep_u64(some, 0xAAAAAAAAAAAAAAAAull);
    _mm512_storeu_si512(dst, _mm512_maskz_compress_epi8(keep, pairs));
    return dst + _mm_popcnt_u64(keep);
}

SR_FN static inline uint8_t *put_short_quoted(uint8_t *dst, __m512i v, uint64_t some, uint64_t quotes, uint8_t escape) {
    uint8_t *end = dst + 1 + _mm_popcnt_u64(some);
    if (quotes) {
        end = put_escaped(dst + 1, _mm512_castsi512_si256(v), (__mmask32)some, escape);
        if (some >> 32) end = put_escaped(end, _mm512_extracti64x4_epi64(v, 1), (__mmask32)(some >> 32), escape);
    } else {
        _mm512_storeu_si512(dst + 1, v);
    }
    *dst = *end = SR_QUOTE;
    return end + 1;
}

#define SR_BEFORE 0

/* Rule E2 on an ASCII text of 1 to 32 bytes: writes it and returns its end, or NULL if a byte may force quotes. */
SR_FN static inline uint8_t *sr_plain_field(uint8_t *dst, const uint8_t *src, size_t n) {
    const __mmask32 some = _bzhi_u32(~0u, (uint32_t)n);
    __m256i v = _mm256_maskz_loadu_epi8(some, src);
    _mm256_storeu_si256((__m256i *)dst, v);
    /* Bytes above the comma never force quotes. */
    return _mm256_mask_cmple_epu8_mask(some, v, _mm256_set1_epi8(SR_SEPARATOR)) ? NULL : dst + n;
}

/* A text of 1 to 64 bytes in quotes, with room as below. */
SR_FN static inline uint8_t *sr_quoted_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    const __mmask64 some = _bzhi_u64(~0ull, (uint32_t)n);
    __m512i v = _mm512_maskz_loadu_epi8(some, src);
    uint64_t quotes = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(SR_QUOTE));
    return src[n - 1] == SR_ESCAPE ? NULL : put_short_quoted(dst, v, some, quotes, escape);
}

/* Rule E2 on a text of 1 to 64 bytes without white space beyond ASCII at its ends, with masked loads: no loop, no read
   beyond the text. Returns the end of the field at dst, with room for SR_SHORT_ROOM bytes; NULL for a quoted one that
   ends with a backslash, which sr_put_text may have to refuse. */
SR_FN static inline uint8_t *sr_short_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    uint8_t *end = n <= 32 ? sr_plain_field(dst, src, n) : NULL;
    if (end) return end;
    const __mmask64 some = _bzhi_u64(~0ull, (uint32_t)n);
    __m512i v = _mm512_maskz_loadu_epi8(some, src);
    __m512i found = special_bytes(v);
    uint64_t blanks = _mm512_cmple_epu8_mask(v, _mm512_set1_epi8(' ')) & (1ull | 1ull << (n - 1));
    if (_mm512_test_epi8_mask(found, found) | blanks) {
        uint64_t quotes = _mm512_test_epi8_mask(found, _mm512_set1_epi8(2));
        return src[n - 1] == SR_ESCAPE ? NULL : put_short_quoted(dst, v, some, quotes, escape);
    }
    _mm512_storeu_si512(dst, v);
    return dst + n;
}
