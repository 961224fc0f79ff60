/* Shared by the C tests: checks that report the bytes and kernel they failed on, heap blocks of exactly the promised
 * size, the kernels of this CPU, and random bytes. A block ends where its memory ends, so that a sanitizer sees an
 * access one byte beyond it; without a sanitizer, the bytes after it are watched for writes.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
#define WATCHED 0
#else
#define WATCHED 64 /* bytes after a block that must not change */
#endif

#define CHECK(claim)                                    \
    do {                                                \
        if (!(claim)) fail(__FILE__, __LINE__, #claim); \
    } while (0)

/* ---- the current check ------------------------------------------------------------------------------------------- */

static const char *looking_with = "-";
static const uint8_t *looking_at;
static size_t looking_at_len;

static inline void look_at(const sr_kernel *k, const uint8_t *src, size_t len) {
    looking_with = k ? k->name : "-";
    looking_at = src;
    looking_at_len = len;
}

static inline void fail(const char *file, int line, const char *claim) {
    fprintf(stderr, "%s:%d: not so: %s\n  kernel %s, %zu bytes: ", file, line, claim, looking_with, looking_at_len);
    for (size_t i = 0; i < looking_at_len && i < 4096; i++) {
        uint8_t c = looking_at[i];
        fprintf(stderr, c > 0x20 && c < 0x7F && c != '\\' ? "%c" : "\\x%02x", c);
    }
    fprintf(stderr, "\n");
    abort();
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

typedef struct {
    uint8_t *memory, *p;
    size_t len, watched;
} block;

/* With -DARENA, for the fuzzer: blocks side by side in one arena, the rest of it poisoned. As exact as malloc's, and
   cheaper. */
#ifdef ARENA
#include <sanitizer/asan_interface.h>

static _Alignas(64) uint8_t arena[4 << 20];
static size_t arena_used, arena_live;

static inline uint8_t *take(size_t size) {
    if (arena_used == 0) __asan_poison_memory_region(arena, sizeof arena);
    size_t at = arena_used;
    arena_used = (at + size + 31) / 16 * 16; /* a gap of 16 at least */
    if (arena_used > sizeof arena) abort();
    arena_live++;
    __asan_unpoison_memory_region(arena + at, size);
    return arena + at;
}

static inline void give_back(uint8_t *memory, size_t size) {
    __asan_poison_memory_region(memory, size);
    if (--arena_live == 0) arena_used = 16;
}
#else
static inline uint8_t *take(size_t size) { return malloc(size); }
static inline void give_back(uint8_t *memory, size_t size) {
    (void)size;
    free(memory);
}
#endif

static inline block new_block(size_t offset, size_t len, size_t watched) {
    block b = {take(offset + len + watched), NULL, len, watched};
    CHECK(b.memory);
    b.p = b.memory + offset;
    memset(b.p + len, 0xA5, watched);
    return b;
}

/* A copy of src that starts `offset` bytes past an aligned address and ends with its memory. */
static inline block exact(const uint8_t *src, size_t len, size_t offset) {
    block b = new_block(offset, len, 0);
    memcpy(b.p, src, len);
    return b;
}

static inline block room(size_t len) { return new_block(0, len, WATCHED); }

static inline void done(block b) {
    for (size_t i = 0; i < b.watched; i++) CHECK(b.p[b.len + i] == 0xA5);
    give_back(b.memory, (size_t)(b.p - b.memory) + b.len + b.watched);
}

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

/* The i-th kernel that this CPU can run, best first; NULL past the last. */
static inline const sr_kernel *kernel_here(size_t i) {
    uint32_t cpu = sr_cpu();
    const sr_kernel *k;
    for (size_t all = 0; (k = sr_kernel_at(all)); all++) {
        if ((k->needs & cpu) == k->needs && i-- == 0) return k;
    }
    return NULL;
}

#define EACH_KERNEL(k) (size_t k##_i = 0; k##_i < MOST_KERNELS && (k = kernel_here(k##_i)); k##_i++)
#define MOST_KERNELS 8

static inline const sr_kernel *scalar(void) {
    const sr_kernel *k = NULL;
    for (size_t i = 0; sr_kernel_at(i); i++) k = sr_kernel_at(i);
    return k;
}

/* ---- random bytes ------------------------------------------------------------------------------------------------ */

static uint64_t random_state = 0x9E3779B97F4A7C15ull;

static inline uint64_t random_bits(void) { /* xorshift64* */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1Dull;
}

static inline size_t below(size_t n) { return (size_t)(random_bits() >> 33) % n; }

static inline size_t put_code_point(uint32_t c, uint8_t *dst) {
    if (c < 0x80) return dst[0] = (uint8_t)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) dst[i] = (uint8_t)(0x80 + c % 64);
    dst[0] = (uint8_t)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) + c);
    return n;
}

static inline uint32_t random_code_point(void) {
    static const uint32_t EDGES[] = {0x7F,   0x80,   0xFF,   0x100,  0x7FF,  0x800,   0xFFF, 0x1000,   0xCFFF, 0xD7FF,
                                     0xE000, 0xFFFD, 0xFEFF, 0xFFFF, 0x2028, 0x10000, 0xA0,  0x10FFFF, 0x85,   0x3000};
    uint32_t c;
    switch (below(6)) {
    case 0: return EDGES[below(sizeof EDGES / sizeof *EDGES)];
    case 1: return 0x80 + (uint32_t)below(0x80);
    case 2: c = (uint32_t)below(0x10000); break;
    case 3: c = (uint32_t)below(0x110000); break;
    default: return 0x20 + (uint32_t)below(0x5F);
    }
    return c >= 0xD800 && c < 0xE000 ? 'a' : c;
}

/* Fills dst with bytes of one of several kinds: hostile, sparse, valid text, damaged text, arbitrary. */
static inline void random_text(uint8_t *dst, size_t len) {
    static const char HOSTILE[] = ",\"\\\n\r\t a";
    size_t kind = below(6), i = 0;
    while (i < len) {
        uint8_t bytes[4];
        size_t n = 1;
        bytes[0] = (uint8_t)HOSTILE[below(8)];
        if (kind == 1 && below(16)) bytes[0] = 'x';
        if (kind == 2 || (kind >= 3 && below(3))) n = put_code_point(random_code_point(), bytes);
        if (kind == 5 && below(2)) bytes[0] = (uint8_t)random_bits();
        if (i + n > len) bytes[0] = 'z', n = 1;
        memcpy(dst + i, bytes, n);
        i += n;
    }
    if (kind == 4 && len) dst[below(len)] ^= (uint8_t)(1u << below(8));
}

#endif
