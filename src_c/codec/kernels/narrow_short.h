/* A few characters as UTF-8, without a branch on any of them: in a text beyond ASCII the next one is hard to predict.
 */
#include "sr_kernels.h"

#define SR_FEW 32 /* characters */
#define SR_FEW_ROOM (4 * SR_FEW)

/* Up to SR_FEW characters of 1, 2 or 4 bytes; writes within SR_FEW_ROOM and returns the end, NULL for a surrogate. */
static inline uint8_t *sr_narrow_few(const void *src, size_t n, int width, uint8_t *out) {
    uint32_t surrogates = 0;
    if (width == 1) {
        for (size_t i = 0; i < n; i++) out = sr_put_latin_character(((const uint8_t *)src)[i], out);
    } else if (width == 2) {
        for (size_t i = 0; i < n; i++) {
            uint32_t c = ((const uint16_t *)src)[i];
            surrogates |= sr_is_surrogate(c);
            out = sr_put_short_character(c, out);
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            uint32_t c = ((const uint32_t *)src)[i];
            surrogates |= sr_is_surrogate(c);
            out = c < 0x10000 ? sr_put_short_character(c, out) : sr_put_character(c, out);
        }
    }
    return surrogates ? NULL : out;
}
