/* Rule E2 on short ASCII fields with the texts of vec_NAME.h, included before it.
 *
 * No read passes the end of a text, but some begin up to SR_BEFORE bytes before it: a text in an object has the head of
 * the object there.
 */
#define SR_BEFORE 8

/* Rule E2 on an ASCII text of 1 to 32 bytes: writes it and returns its end, or NULL if a byte may force quotes. */
SR_FN static inline uint8_t *sr_plain_field(uint8_t *dst, const uint8_t *src, size_t n) {
    text32 s = text_load(src, n);
    text_put(dst, s, n);
    return text_is_plain(s, src, n) ? dst + n : NULL;
}

/* Copies any number of bytes. */
SR_FN static inline uint8_t *put_exactly(uint8_t *dst, const uint8_t *src, size_t n) {
    for (; n > 32; dst += 32, src += 32, n -= 32) text_put(dst, text_load(src, 32), 32);
    text_put(dst, text_load(src, n), n);
    return dst + n;
}

SR_FN static SR_NO_INLINE uint8_t *put_escaped(uint8_t *dst, const uint8_t *src, size_t n, uint64_t quotes,
                                               uint8_t escape) {
    size_t at = 0;
    *dst++ = SR_QUOTE;
    for (; quotes; quotes &= quotes - 1) {
        size_t next = sr_lowest_bit(quotes);
        dst = put_exactly(dst, src + at, next - at);
        *dst++ = escape;
        at = next;
    }
    dst = put_exactly(dst, src + at, n - at);
    *dst = SR_QUOTE;
    return dst + 1;
}

/* A text with bytes that may force quotes, or longer than 32. */
SR_FN static SR_NO_INLINE uint8_t *put_with_care(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    size_t low = n < 32 ? n : 32, high = n - low;
    text32 a = text_load(src, low), b = text_load(src + low, high);
    uint64_t special = text_specials(a, low) | text_specials(b, high) << 32;
    if (special || src[0] <= ' ' || src[n - 1] <= ' ') {
        if (src[n - 1] == SR_ESCAPE) return NULL;
        uint64_t quotes = text_quotes(a, low) | text_quotes(b, high) << 32;
        if (quotes) return put_escaped(dst, src, n, quotes, escape);
        *dst = SR_QUOTE;
        text_put(dst + 1, a, low);
        if (high) text_put(dst + 33, b, high);
        dst[n + 1] = SR_QUOTE;
        return dst + n + 2;
    }
    text_put(dst, a, low);
    if (high) text_put(dst + 32, b, high);
    return dst + n;
}

/* Rule E2 on an ASCII text of 1 to 64 bytes. Returns the end of the field at dst, with room for SR_SHORT_ROOM bytes;
   NULL for a quoted one that ends with a backslash, which sr_put_text may have to refuse. */
SR_FN static inline uint8_t *sr_short_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    uint8_t *end = n <= 32 ? sr_plain_field(dst, src, n) : NULL;
    return end ? end : put_with_care(dst, src, n, escape);
}
