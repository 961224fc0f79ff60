/* Texts of 1 to 32 bytes in plain C, for the cache: compared and hashed in registers. After kernels/short_text.h. */

static inline bool short_equal(short_text s, const uint8_t *p, size_t n) {
    short_text t = short_load(p, n);
    return !((s.a ^ t.a) | (s.b ^ t.b) | (s.c ^ t.c) | (s.d ^ t.d));
}

static inline uint64_t short_hash(short_text s, size_t n) {
    uint64_t a = s.a ^ s.c * 3, b = s.b * 5 ^ s.d;
    uint64_t h = (a + n) * 0x9E3779B97F4A7C15ull ^ b * 0xC2B2AE3D27D4EB4Full;
    return h ^ h >> 29;
}

static inline bool short_ascii(short_text s, size_t n) {
    (void)n;
    return !((s.a | s.b | s.c | s.d) & EACH_BYTE(0x80));
}
