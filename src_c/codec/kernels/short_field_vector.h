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

/* A text of up to 64 bytes: the first 32, and what follows them. Compiled once for texts without a second part. */
typedef struct {
    text32 a, b;
    size_t low, high;
} text64;

SR_FN static inline text64 text64_load(const uint8_t *src, size_t n) {
    return (text64){text_load(src, 32), text_load(src + 32, n - 32), 32, n - 32};
}

SR_FN static inline text64 text64_of_32(const uint8_t *src, size_t n) {
    text32 all = text_load(src, n);
    return (text64){all, all, n, 0};
}

SR_FN static inline uint8_t *text64_put(uint8_t *dst, text64 s) {
    text_put(dst, s.a, s.low);
    if (s.high) text_put(dst + 32, s.b, s.high);
    return dst + s.low + s.high;
}

SR_FN static SR_ALWAYS_INLINE uint8_t *put_quoted(uint8_t *dst, const uint8_t *src, size_t n, text64 s,
                                                  uint8_t escape) {
    if (src[n - 1] == SR_ESCAPE) return NULL;
    uint64_t quotes = text_quotes(s.a, s.low);
    if (s.high) quotes |= text_quotes(s.b, s.high) << 32;
    *dst++ = SR_QUOTE;
    if (quotes) return put_escaped(dst, src, n, quotes, escape);
    dst = text64_put(dst, s);
    *dst = SR_QUOTE;
    return dst + 1;
}

SR_FN static SR_ALWAYS_INLINE uint8_t *put_any(uint8_t *dst, const uint8_t *src, size_t n, text64 s, uint8_t escape) {
    uint64_t special = text_specials(s.a, s.low);
    if (s.high) special |= text_specials(s.b, s.high) << 32;
    if (special || src[0] <= ' ' || src[n - 1] <= ' ') return put_quoted(dst, src, n, s, escape);
    return text64_put(dst, s);
}

/* A text of 1 to 64 bytes in quotes, with room as below. */
SR_FN static inline uint8_t *sr_quoted_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    return n <= 32 ? put_quoted(dst, src, n, text64_of_32(src, n), escape)
                   : put_quoted(dst, src, n, text64_load(src, n), escape);
}

/* A text with bytes that may force quotes, or longer than 32. */
SR_FN static SR_NO_INLINE uint8_t *put_with_care(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    return n <= 32 ? put_any(dst, src, n, text64_of_32(src, n), escape)
                   : put_any(dst, src, n, text64_load(src, n), escape);
}

/* Rule E2 on a text of 1 to 64 bytes without white space beyond ASCII at its ends. Returns the end of the field at dst,
   with room for SR_SHORT_ROOM bytes; NULL for a quoted one that ends with a backslash, which sr_put_text may have to
   refuse. */
SR_FN static inline uint8_t *sr_short_field(uint8_t *dst, const uint8_t *src, size_t n, uint8_t escape) {
    uint8_t *end = n <= 32 ? sr_plain_field(dst, src, n) : NULL;
    return end ? end : put_with_care(dst, src, n, escape);
}
