/* Blocks of 64 bytes, characters and short texts with SSE2; the names are those of vec_avx2.h. */
#include <emmintrin.h>

#include "portable_bits.h"

/* ---- 64 bytes ---------------------------------------------------------------------------------------------------- */

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

SR_FN static inline uint64_t wide_bytes(vec v) { return wide(v); }

/* ---- characters -------------------------------------------------------------------------------------------------- */

/* Sixteen characters as bytes, if all are ASCII. */
static inline bool put_ascii_1(const uint8_t *src, uint8_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src);
    _mm_storeu_si128((__m128i *)dst, v);
    return !_mm_movemask_epi8(v);
}

static inline bool all_zero(__m128i v) { return _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) == 0xFFFF; }

static inline bool put_ascii_2(const uint16_t *src, uint8_t *dst) {
    __m128i a = _mm_loadu_si128((const __m128i *)src), b = _mm_loadu_si128((const __m128i *)(src + 8));
    _mm_storeu_si128((__m128i *)dst, _mm_packus_epi16(a, b));
    return all_zero(_mm_and_si128(_mm_or_si128(a, b), _mm_set1_epi16((short)0xFF80)));
}

static inline bool put_ascii_4(const uint32_t *src, uint8_t *dst) {
    __m128i v[4];
    for (int i = 0; i < 4; i++) v[i] = _mm_loadu_si128((const __m128i *)(src + 4 * i));
    _mm_storeu_si128((__m128i *)dst, _mm_packus_epi16(_mm_packs_epi32(v[0], v[1]), _mm_packs_epi32(v[2], v[3])));
    __m128i all = _mm_or_si128(_mm_or_si128(v[0], v[1]), _mm_or_si128(v[2], v[3]));
    return all_zero(_mm_and_si128(all, _mm_set1_epi32((int)0xFFFFFF80)));
}

/* And back. */
static inline bool widen_ascii_1(const uint8_t *src, uint8_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src);
    if (_mm_movemask_epi8(v)) return false;
    _mm_storeu_si128((__m128i *)dst, v);
    return true;
}

static inline bool widen_ascii_2(const uint8_t *src, uint16_t *dst) {
    __m128i v = _mm_loadu_si128((const __m128i *)src), none = _mm_setzero_si128();
    if (_mm_movemask_epi8(v)) return false;
    _mm_storeu_si128((__m128i *)dst, _mm_unpacklo_epi8(v, none));
    _mm_storeu_si128((__m128i *)(dst + 8), _mm_unpackhi_epi8(v, none));
    return true;
}

/* ---- texts of up to 32 bytes ------------------------------------------------------------------------------------- */

typedef __m128i part;

static inline part part_load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }

static inline void part_store(uint8_t *p, part v) { _mm_storeu_si128((__m128i *)p, v); }

static inline part part_of(uint64_t low, uint64_t high) { return _mm_set_epi64x((int64_t)high, (int64_t)low); }

static inline uint32_t part_bits(part v) { return (uint32_t)_mm_movemask_epi8(v); }

static inline part part_quotes(part v) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_QUOTE)); }

/* The bytes that force quotes anywhere in a field. */
static inline part part_specials(part v) {
    part ends =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(SR_SEPARATOR)), _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_ROW_END)));
    part rest =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(SR_CARRIAGE_RETURN)), _mm_cmpeq_epi8(v, _mm_set1_epi8(SR_TAB)));
    return _mm_or_si128(_mm_or_si128(ends, rest), part_quotes(v));
}

static inline bool special(vec v) {
    part low = _mm_or_si128(part_specials(v.part[0]), part_specials(v.part[1]));
    return _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(part_specials(v.part[2]), part_specials(v.part[3]))));
}

#include "text_pair.h"

/* Whether an ASCII text certainly needs no quotes: no byte above the comma forces any. */
static inline bool text_is_plain(text32 s, const uint8_t *src, size_t n) {
    (void)src;
    part above = _mm_cmpgt_epi8(_mm_min_epu8(s.head, s.tail), _mm_set1_epi8(SR_SEPARATOR));
    return part_bits(above) == (uint16_t)first(n);
}
