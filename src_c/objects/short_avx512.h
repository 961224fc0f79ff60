/* Texts of 1 to 32 bytes with masked loads and stores: no branch on the length, no read beyond the text. */
#include <immintrin.h>

SRP_FN static inline size_t ones(uint64_t bits) { return (size_t)_mm_popcnt_u64(bits); }

typedef __m256i short_text;

SRP_FN static inline __mmask32 short_mask(size_t n) { return _bzhi_u32(~0u, (uint32_t)n); }

SRP_FN static inline short_text short_load(const uint8_t *p, size_t n) {
    return _mm256_maskz_loadu_epi8(short_mask(n), p);
}

SRP_FN static inline void short_store(uint8_t *p, short_text s, size_t n) {
    _mm256_mask_storeu_epi8(p, short_mask(n), s);
}

SRP_FN static inline bool short_equal(short_text s, const uint8_t *p, size_t n) {
    return _mm256_cmpneq_epi8_mask(s, short_load(p, n)) == 0;
}

SRP_FN static inline uint64_t short_hash(short_text s, size_t n) {
    const __m128i key = _mm_set_epi64x((long long)0x9E3779B97F4A7C15ull, (long long)0xC2B2AE3D27D4EB4Full);
    __m128i h = _mm_aesenc_si128(_mm256_castsi256_si128(s), _mm_add_epi64(key, _mm_cvtsi64_si128((long long)n)));
    h = _mm_aesenc_si128(_mm_xor_si128(h, _mm256_extracti128_si256(s, 1)), key);
    return (uint64_t)_mm_cvtsi128_si64(h);
}

/* The same for 64 bytes. */
#define SRP_BLOCK 64
typedef __m512i block_text;

SRP_FN static inline __mmask64 block_mask(size_t n) { return _bzhi_u64(~0ull, (uint32_t)n); }

SRP_FN static inline block_text block_load(const uint8_t *p, size_t n) {
    return _mm512_maskz_loadu_epi8(block_mask(n), p);
}

SRP_FN static inline void block_store(uint8_t *p, block_text t, size_t n) {
    _mm512_mask_storeu_epi8(p, block_mask(n), t);
}

SRP_FN static inline bool block_ascii(block_text t) { return _mm512_movepi8_mask(t) == 0; }

SRP_FN static inline uint8_t block_first(block_text t) { return (uint8_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(t)); }

SRP_FN static inline short_text block_head(block_text t) { return _mm512_castsi512_si256(t); }

SRP_FN static inline bool short_ascii(short_text s, size_t n) {
    (void)n;
    return _mm256_movepi8_mask(s) == 0;
}
