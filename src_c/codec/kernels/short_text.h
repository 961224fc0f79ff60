/* Texts of 1 to 32 bytes in four registers: a few loads and stores that overlap instead of a loop, and no access beyond
 * the text.
 */
#include <string.h>

typedef struct {
    uint64_t a, b, c, d;
} short_text;

static inline uint64_t load8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t load4(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline short_text short_load(const uint8_t *p, size_t n) {
    if (n >= 16) return (short_text){load8(p), load8(p + 8), load8(p + n - 16), load8(p + n - 8)};
    if (n >= 8) return (short_text){load8(p), load8(p + n - 8), 0, 0};
    if (n >= 4) return (short_text){(uint64_t)load4(p) << 32 | load4(p + n - 4), 0, 0, 0};
    return (short_text){(uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1], 0, 0, 0};
}

static inline void short_store(uint8_t *p, short_text s, size_t n) {
    if (n >= 16) {
        memcpy(p, &s.a, 8);
        memcpy(p + 8, &s.b, 8);
        memcpy(p + n - 16, &s.c, 8);
        memcpy(p + n - 8, &s.d, 8);
    } else if (n >= 8) {
        memcpy(p, &s.a, 8);
        memcpy(p + n - 8, &s.b, 8);
    } else if (n >= 4) {
        uint32_t head = (uint32_t)(s.a >> 32), rest = (uint32_t)s.a;
        memcpy(p, &head, 4);
        memcpy(p + n - 4, &rest, 4);
    } else {
        p[0] = (uint8_t)(s.a >> 16);
        p[n / 2] = (uint8_t)(s.a >> 8);
        p[n - 1] = (uint8_t)s.a;
    }
}

#define EACH_BYTE(c) ((c) * 0x0101010101010101ull)
