/* One block of a quoted field, with the vectors of vec_NAME.h, included before it. */

#define AHEAD 128 /* bytes that may be read from the start of a block of 64 on */

/* The first n of the 64 bytes v at src, without the backslashes that escape quotes. Copies all that follows each of
   them, since where the next one lies is hard to predict. */
SR_FN static inline uint8_t *unescape_block(const uint8_t *src, vec v, size_t n, uint8_t *out) {
    store(out, v);
    uint64_t quotes = equal(v, SR_QUOTE) >> 1 | (uint64_t)(src[64] == SR_QUOTE) << 63;
    for (uint64_t drop = equal(v, SR_ESCAPE) & quotes & first(n); drop; drop &= drop - 1) {
        size_t at = lowest(drop);
        store(out + at, load(src + at + 1));
        out--;
    }
    return out + n;
}
