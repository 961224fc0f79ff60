/* The kernel that every x86-64 CPU can run: 16 bytes at a time. */
#include "sr_kernels.h"

#if defined(SR_X86)
#define SR_FN
#include "vec_sse2.h"

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

#define SR_OWN_COPY
#define SR_OWN_NARROW
#include "scan.inc"
#include "text.inc"

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
    .unescape = scan_unescape,
    .escape = scan_escape,
    .measure = scan_measure,
    .widen = scan_widen,
    .narrow = scan_narrow,
};
#endif
