/* The rules of docs/format.md once more, for the C tests alone: as slow and plain as possible, sharing only types with
 * src_c/codec. Every kernel is compared with these.
 */
#ifndef MODEL_H
#define MODEL_H

#include <string.h>

#include "sr.h"

/* ---- bytes of a text (E2) ---------------------------------------------------------------------------------------- */

/* The length of the text before the first byte that forces quotes. */
static inline size_t model_plain(const uint8_t *src, size_t len) {
    size_t n = 0;
    while (n < len && !(src[n] && strchr(",\n\r\t\"", src[n]))) n++;
    return n;
}

static inline size_t model_escape(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (src[i] == '"') dst[n++] = escape;
        dst[n++] = src[i];
    }
    return n;
}

/* ---- UTF-8 (D1): decode every character, and refuse any but its shortest form ------------------------------------ */

/* The length of the character at src, 0 if invalid. */
static inline size_t model_character(const uint8_t *src, size_t len, uint32_t *c) {
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t a = src[0];
    size_t n = a < 0x80 ? 1 : a >> 5 == 6 ? 2 : a >> 4 == 14 ? 3 : a >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > len) return 0;
    *c = n == 1 ? a : a & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (src[i] >> 6 != 2) return 0;
        *c = *c * 64 + (src[i] & 63);
    }
    return *c < LEAST[n] || *c > 0x10FFFF || (*c >= 0xD800 && *c <= 0xDFFF) ? 0 : n;
}

static inline size_t model_valid(const uint8_t *src, size_t len) {
    size_t i = 0, n;
    uint32_t c;
    while (i < len && (n = model_character(src + i, len - i, &c))) i += n;
    return i;
}

/* ---- the greedy scan (D7): one byte after the other -------------------------------------------------------------- */

/* In doubt, it stops with the block of 64 bytes that raised the doubt. The tape keeps the rows that ended before that
   block, and before the first block with an escape, which may mean something else in another reading. */
static inline void model_index(const uint8_t *src, size_t len, sr_tape *tape) {
    bool inside = false, doubt = false, escaped = false, doubled = false, blank = false;
    size_t sure = len;
    tape->n_ends = tape->n_rows = 0;
    tape->rows[0] = (sr_row){0, 0};
    enum { FRESH, PLAIN, CLOSED, ROW_END, CR } before = FRESH; /* the byte before this one, outside quotes */
    bool after_row = true;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        bool after_backslash = i && src[i - 1] == '\\', ends_row = false;
        if (before == CR && c != '\n') doubt = true;
        if (inside) {
            if (c == '"' && after_backslash) {
                escaped = true;
            } else if (c == '"') {
                inside = false;
                before = CLOSED;
            }
        } else if (c == '"') {
            doubt |= after_backslash || before == PLAIN || before == CR;
            doubled |= before == CLOSED;
            if (after_backslash) {
                before = PLAIN;
            } else {
                inside = true;
                before = PLAIN;
            }
        } else if (c == ',' || c == '\n') {
            tape->ends[tape->n_ends++] = (uint32_t)i;
            ends_row = c == '\n';
            if (ends_row) {
                blank |= after_row;
                tape->rows[++tape->n_rows] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(i + 1)};
            }
            before = FRESH;
        } else {
            if (before == CLOSED && c != '\r') doubt = true;
            before = c == '\r' ? CR : PLAIN;
        }
        after_row = ends_row;
        if (doubt && (i % 64 == 63 || i + 1 == len)) {
            sure = i / 64 * 64;
            break;
        }
    }
    if (before == CR && !doubt) sure = len / 64 * 64; /* the byte after it would be in that block */
    doubt |= inside || before == CR || (escaped && doubled);
    if (doubt) {
        for (size_t i = 1; i < sure && (escaped || doubled); i++) {
            if (src[i] == '"' && (src[i - 1] == '"' || src[i - 1] == '\\')) sure = i / 64 * 64;
        }
        while (tape->n_rows && tape->rows[tape->n_rows].start > sure) tape->n_rows--;
        tape->n_ends = tape->rows[tape->n_rows].first;
    }
    bool wide = false, quotes = false, crs = false;
    for (size_t i = 0; i < len; i++) {
        wide |= src[i] > 0x7F;
        quotes |= src[i] == '"';
        crs |= src[i] == '\r';
    }
    tape->flags = (quotes ? SR_HAS_QUOTE : 0) | (crs ? SR_HAS_CR : 0) | (wide ? SR_HAS_WIDE : 0) |
                  (escaped ? SR_HAS_BACKSLASH_ESCAPE : 0) | (doubled ? SR_HAS_DOUBLED_ESCAPE : 0) |
                  (blank || crs ? SR_HAS_BLANK_ROWS : 0) | (doubt ? SR_DOUBT : 0) |
                  (model_valid(src, len) < len ? SR_BAD_UTF8 : 0);
}

/* ---- a single row: one of less than 128 bytes of plain text */

static inline sr_ends model_single(const uint8_t *src, size_t len) {
    uint64_t bits[2] = {0, 0};
    const sr_ends none = {0, 0};
    if (len == 0 || len >= 128 || (len == 1 && *src == '\n')) return none;
    for (size_t i = 0; i < len; i++) {
        bool last = i + 1 == len;
        if (src[i] == '"' || src[i] == '\r' || src[i] > 0x7F || (src[i] == '\n' && !last)) return none;
        if (src[i] == ',' || src[i] == '\n') bits[i / 64] |= 1ull << i % 64;
    }
    if (src[len - 1] != '\n') bits[len / 64] |= 1ull << len % 64;
    return (sr_ends){bits[0], bits[1]};
}

/* ---- the encoder (E2 to E4) -------------------------------------------------------------------------------------- */

static inline bool model_space(uint32_t c) {
    return c <= 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/* The field of a valid text; dst has room for 2 * len + 2. SIZE_MAX: refused for its trailing backslash. */
static inline size_t model_put(sr_style style, const uint8_t *src, size_t len, uint8_t *dst) {
    uint32_t c = 'a', first = 'a';
    if (len) model_character(src, len, &first);
    for (size_t i = 0; i < len;) i += model_character(src + i, len - i, &c);
    bool quoted = style.all || model_plain(src, len) < len || model_space(first) || model_space(c);
    if (!quoted) {
        memcpy(dst, src, len);
        return len;
    }
    if (style.refuse_backslash && len && src[len - 1] == '\\') return SIZE_MAX;
    size_t n = model_escape(src, len, style.escape, dst + 1);
    dst[0] = dst[n + 1] = '"';
    return n + 2;
}

#endif
