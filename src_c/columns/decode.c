/* Payloads to columns, what is not a loop over rows: where a payload is, and the tables of words. */
#include "decode.h"

#include <string.h>

srd_decode srd_decode_of(const sr_kernel *k) {
#if defined(SR_X86)
    if (k->needs & SR_CPU_AVX2) return srd_decode_avx2;
#endif
    (void)k;
    return srd_decode_portable;
}

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static inline int64_t load(const uint8_t *src, int width, int64_t i) {
    int8_t one;
    int16_t two;
    int32_t four;
    int64_t eight;
    src += (size_t)i * (size_t)width;
    switch (width) {
    case 1: memcpy(&one, src, 1); return one;
    case 2: memcpy(&two, src, 2); return two;
    case 4: memcpy(&four, src, 4); return four;
    default: memcpy(&eight, src, 8); return eight;
    }
}

static inline bool is_set(const uint8_t *bits, int64_t i) { return !bits || (bits[i >> 3] >> (i & 7) & 1); }

static srd_found span(const uint8_t *data, int64_t size, int64_t start, int64_t end, const uint8_t **text, size_t *len) {
    static const uint8_t NOTHING[1] = {0};
    if (start < 0 || end < start || end > size || (end > start && !data)) return SRD_OUT_OF_RANGE;
    *text = data ? data + start : NOTHING;
    *len = (size_t)(end - start);
    return SRD_FOUND;
}

static srd_found text_at(const srd_texts *t, int64_t row, const uint8_t **text, size_t *len) {
    int64_t at = t->offset + row;
    if (!is_set(t->valid, at)) return SRD_NULL;
    if (t->layout != SRD_VIEWS) {
        int width = t->layout == SRD_OFFSETS ? 4 : 8;
        int64_t whole = load(t->values, width, t->offset + t->rows); /* nothing else tells the size of the data */
        return span(t->data, whole, load(t->values, width, at), load(t->values, width, at + 1), text, len);
    }
    const uint8_t *view = t->values + 16 * (size_t)at;
    int64_t size = load(view, 4, 0), buffer = load(view, 4, 2), start = load(view, 4, 3);
    if (size >= 0 && size <= 12) return span(view + 4, 12, 0, size, text, len);
    if (size < 0 || buffer < 0 || buffer >= t->n_buffers) return SRD_OUT_OF_RANGE;
    return span(t->buffers[buffer], load(t->sizes, 8, buffer), start, start + size, text, len);
}

srd_found srd_payload(const srd_source *s, int64_t row, const uint8_t **payload, size_t *len) {
    if (!s->indices) return text_at(&s->texts, row, payload, len);
    if (!is_set(s->valid, s->offset + row)) return SRD_NULL;
    int64_t index = load(s->indices, s->index_width, s->offset + row);
    if (index < 0 || index >= s->texts.rows) return SRD_OUT_OF_RANGE;
    return text_at(&s->texts, index, payload, len);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

void srd_clear(srd_words *w) {
    if (w->n) memset(w->slots, 0, w->n_slots * sizeof *w->slots);
    w->n = 0;
    w->n_data = 0;
}

void srd_rehash(srd_words *w) {
    for (uint32_t i = 0; i < w->n; i++) {
        size_t at = w->words[i].hash & (w->n_slots - 1);
        while (w->slots[at]) at = (at + 1) & (w->n_slots - 1);
        w->slots[at] = (uint64_t)w->words[i].hash << 32 | (i + 1);
    }
}

size_t srd_pack_bits(const uint8_t *flags, size_t n, uint8_t *bits) {
    size_t zeros = 0;
    for (size_t i = 0; i < n; i += 8) {
        uint8_t byte = 0;
        for (size_t j = i; j < n && j < i + 8; j++) byte |= (uint8_t)(flags[j] << (j - i));
        bits[i / 8] = byte;
    }
    for (size_t i = 0; i < n; i++) zeros += !flags[i];
    return zeros;
}
