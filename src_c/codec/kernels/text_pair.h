/* Texts of up to 32 bytes in vectors of 16, after their operations (part) in vec_NAME.h. */

/* The first 16 bytes and the last 16, which may overlap; a shorter text has all its bytes twice, with zeros after
   them. */
typedef struct {
    part head, tail;
} text32;

static inline size_t tail_at(size_t n) { return n < 16 ? 0 : n - 16; }

/* Reads no byte after the text, but the eight that end with it. */
static inline text32 text_load(const uint8_t *p, size_t n) {
    if (n >= 16) return (text32){part_load(p), part_load(p + n - 16)};
    uint64_t low, high;
    memcpy(&high, p + n - 8, 8);
    high >>= (0 - 8 * n) & 63;
    memcpy(&low, n > 8 ? p : p + n - 8, 8);
    part all = n > 8 ? part_of(low, high) : part_of(high, 0);
    return (text32){all, all};
}

/* Writes the text, and up to 16 bytes more. */
static inline void text_put(uint8_t *p, text32 s, size_t n) {
    part_store(p, s.head);
    part_store(p + tail_at(n), s.tail);
}

/* One bit per byte that forces quotes anywhere in a field. */
static inline uint64_t text_specials(text32 s, size_t n) {
    return (part_bits(part_specials(s.head)) | (uint64_t)part_bits(part_specials(s.tail)) << tail_at(n)) & first(n);
}

static inline uint64_t text_quotes(text32 s, size_t n) {
    return (part_bits(part_quotes(s.head)) | (uint64_t)part_bits(part_quotes(s.tail)) << tail_at(n)) & first(n);
}
