/* The kernel for CPUs with AVX2, BMI and carry-less multiplication: 32 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#include "utf8_pairs.h"

#define SR_FN SR_TARGET("avx2,bmi,bmi2,popcnt,pclmul")
#include "vec_avx2.h"

SR_FN static inline uint64_t prefix_xor(uint64_t m) {
    __m128i all = _mm_set1_epi8((char)0xFF);
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)m), all, 0));
}

/* Eight at a time; the next call overwrites the excess beyond n. */
SR_FN static inline void flatten(uint32_t *out, uint32_t base, uint64_t m, uint32_t n) {
    for (uint32_t done = 0; done < n; done += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            out[done + i] = base + lowest(m);
            m = _blsr_u64(m);
        }
    }
}

#include "vector_masks.h"

/* The bytes of v shifted up by 1 to 3; the last of the 32 before it fill the gap. */
#define SHIFTED(before, v, n) _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

typedef struct {
    __m256i before, bad;
    uint64_t pending;
} utf8_state;

SR_FN static inline bool utf8_pending(const utf8_state *u) { return u->pending; }

SR_FN static inline __m256i half(const uint8_t *table, __m256i halves) {
    __m256i two = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return _mm256_shuffle_epi8(two, _mm256_and_si256(halves, _mm256_set1_epi8(0x0F)));
}

SR_FN static inline void utf8_half_block(__m256i v, utf8_state *u) {
    __m256i first = SHIFTED(u->before, v, 1), second = SHIFTED(u->before, v, 2), third = SHIFTED(u->before, v, 3);
    __m256i broken = _mm256_and_si256(half(FIRST_HIGH, _mm256_srli_epi16(first, 4)), half(FIRST_LOW, first));
    broken = _mm256_and_si256(broken, half(SECOND_HIGH, _mm256_srli_epi16(v, 4)));
    __m256i of_three = _mm256_subs_epu8(second, _mm256_set1_epi8((char)(0xE0 - TWO)));
    __m256i of_four = _mm256_subs_epu8(third, _mm256_set1_epi8((char)(0xF0 - TWO)));
    __m256i two = _mm256_and_si256(_mm256_or_si256(of_three, of_four), _mm256_set1_epi8((char)TWO));
    u->bad = _mm256_or_si256(u->bad, _mm256_xor_si256(broken, two));
    u->before = v;
}

SR_FN static inline void utf8_block(vec v, utf8_state *u) {
    utf8_half_block(v.low, u);
    utf8_half_block(v.high, u);
    u->pending = wide(v) >> 61;
}

SR_FN static inline bool utf8_bad(const utf8_state *u) { return !_mm256_testz_si256(u->bad, u->bad); }

#define SR_OWN_NARROW
#include "scan.inc"
#include "text.inc"

const sr_kernel sr_kernel_avx2 = {
    .name = "avx2",
    .needs = SR_CPU_AVX2,
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
