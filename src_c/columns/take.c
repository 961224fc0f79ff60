/* Columns of a source of payloads, repeated for each row of the payload beside them. */
#include <string.h>

#include "decode.h"

void srd_take(const uint8_t *values, size_t width, int64_t offset, const int64_t *rows, size_t n, uint8_t *dst) {
    values += (size_t)offset * width;
    for (size_t i = 0; i < n; i++) memcpy(dst + i * width, values + (size_t)rows[i] * width, width);
}

size_t srd_take_bits(const uint8_t *bits, int64_t offset, const int64_t *rows, size_t n, uint8_t *dst) {
    size_t zeros = 0;
    memset(dst, 0, (n + 7) / 8);
    for (size_t i = 0; i < n; i++) {
        int64_t at = offset + rows[i];
        uint8_t bit = bits[at >> 3] >> (at & 7) & 1;
        dst[i / 8] |= (uint8_t)(bit << (i & 7));
        zeros += !bit;
    }
    return zeros;
}

static bool text_of(const srd_texts *texts, int64_t row, const uint8_t **text, size_t *len) {
    const srd_source source = {*texts, NULL, 0, 0, 0, NULL};
    *len = 0;
    return srd_payload(&source, row, text, len) != SRD_OUT_OF_RANGE;
}

size_t srd_take_size(const srd_texts *texts, const int64_t *rows, size_t n) {
    const uint8_t *text;
    size_t size = 0, len = 0;
    for (size_t i = 0; i < n; i++) {
        if ((i == 0 || rows[i] != rows[i - 1]) && !text_of(texts, rows[i], &text, &len)) return SIZE_MAX;
        size += len;
    }
    return size;
}

void srd_take_texts(const srd_texts *texts, const int64_t *rows, size_t n, uint8_t *offsets, uint8_t *data) {
    const size_t width = texts->layout == SRD_OFFSETS ? 4 : 8;
    const uint8_t *text;
    size_t at = 0, len = 0;
    memset(offsets, 0, width);
    for (size_t i = 0; i < n; i++) {
        if (text_of(texts, rows[i], &text, &len) && len) memcpy(data + at, text, len);
        at += len;
        int32_t narrow = (int32_t)at;
        int64_t wide = (int64_t)at;
        memcpy(offsets + width * (i + 1), width == 4 ? (const void *)&narrow : &wide, width);
    }
}
