/* Values of columns: where they are, and the text of those that are not texts. The rest of the codec writes the digits.
 */
#ifndef SRE_ENCODE_VALUES_H
#define SRE_ENCODE_VALUES_H

#include <math.h>
#include <string.h>

#include "encode.h"

#define SRE_FIRST_DAY (-719162) /* 0001-01-01 */
#define SRE_LAST_DAY 2932896    /* 9999-12-31 */
#define SRE_NO_DAY INT64_MIN

static inline bool sre_is_valid(const sre_column *c, int64_t row) {
    if (!c->valid) return true;
    int64_t at = c->offset + row;
    return c->valid[at >> 3] >> (at & 7) & 1;
}

#define SRE_GET(type, p, i)                                        \
    type value;                                                    \
    memcpy(&value, (p) + (size_t)(i) * sizeof value, sizeof value); \
    return value

static inline int32_t sre_get_4(const uint8_t *p, int64_t i) { SRE_GET(int32_t, p, i); }
static inline int64_t sre_get_8(const uint8_t *p, int64_t i) { SRE_GET(int64_t, p, i); }
static inline uint16_t sre_get_2(const uint8_t *p, int64_t i) { SRE_GET(uint16_t, p, i); }
static inline double sre_get_double(const uint8_t *p, int64_t i) { SRE_GET(double, p, i); }
static inline float sre_get_float(const uint8_t *p, int64_t i) { SRE_GET(float, p, i); }

static inline int64_t sre_get_int(const sre_column *c, int64_t row) {
    int64_t at = c->offset + row;
    switch (c->width) {
    case 1: return (int8_t)c->values[at];
    case 2: return (int16_t)sre_get_2(c->values, at);
    case 4: return sre_get_4(c->values, at);
    default: return sre_get_8(c->values, at);
    }
}

static inline uint64_t sre_get_uint(const sre_column *c, int64_t row) {
    uint64_t value = (uint64_t)sre_get_int(c, row);
    return c->width == 8 ? value : value & (((uint64_t)1 << 8 * c->width) - 1);
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* A span of a column's data, of which `before` bytes and more come before it. */
typedef struct {
    const uint8_t *text;
    size_t len, before;
} sre_span;

static inline bool sre_view_at(const sre_column *c, int64_t at, sre_span *span) {
    const uint8_t *view = c->values + 16 * (size_t)at;
    int64_t len = sre_get_4(view, 0);
    if (len < 0) return false;
    span->len = (size_t)len;
    if (len <= 12) {
        span->text = view + 4;
        span->before = 4;
        return true;
    }
    int64_t buffer = sre_get_4(view, 2), start = sre_get_4(view, 3);
    if (buffer < 0 || buffer >= c->n_buffers || start < 0 || start + len > sre_get_8(c->sizes, buffer)) return false;
    span->text = c->buffers[buffer] + start;
    span->before = (size_t)start;
    return true;
}

/* False if it is not within the column's data. */
static inline bool sre_span_at(const sre_column *c, int64_t row, sre_span *span) {
    int64_t at = c->offset + row, start, end;
    if (c->kind == SRE_VIEW) return sre_view_at(c, at, span);
    if (c->kind == SRE_TEXT) {
        start = sre_get_4(c->values, at);
        end = sre_get_4(c->values, at + 1);
    } else {
        start = sre_get_8(c->values, at);
        end = sre_get_8(c->values, at + 1);
    }
    if (start < 0 || end < start || end > c->n_data) return false;
    span->text = c->data + start;
    span->len = (size_t)(end - start);
    span->before = (size_t)start;
    return true;
}

static inline bool sre_is_text(sre_kind kind) {
    return kind == SRE_TEXT || kind == SRE_LARGE_TEXT || kind == SRE_VIEW;
}

/* ---- numbers and times ------------------------------------------------------------------------------------------- */

/* These return the end of a text, or NULL: the value has none. */

static inline uint8_t *sre_put_float64(double value, uint8_t *at) {
    size_t n = sr_put_float(value, at);
    if (n) return at + n;
    return value - value == 0 ? at + sr_put_any_float(value, at) : NULL;
}

static inline double sre_half(uint16_t bits) {
    int exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    double size = exponent == 0x1F ? (fraction ? NAN : INFINITY)
                  : exponent       ? ldexp(0x400 + fraction, exponent - 25)
                                   : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
}

static inline uint8_t *sre_put_float_value(const sre_column *c, int64_t row, uint8_t *at) {
    int64_t place = c->offset + row;
    if (c->width == 8) return sre_put_float64(sre_get_double(c->values, place), at);
    double value = c->width == 4 ? (double)sre_get_float(c->values, place) : sre_half(sre_get_2(c->values, place));
    if (value - value != 0) return NULL;
    return at + (c->width == 4 ? sr_put_small_float(value, 24, -149, at) : sr_put_small_float(value, 11, -24, at));
}

static inline uint8_t *sre_put_uint(uint64_t value, uint8_t *at) {
    if (value <= INT64_MAX) return at + sr_put_int((int64_t)value, at);
    at += sr_put_int((int64_t)(value / 10), at);
    *at = (uint8_t)('0' + value % 10);
    return at + 1;
}

uint8_t *sre_put_decimal(const sre_column *c, int64_t row, uint8_t *at);
void sre_put_day(int64_t day, uint8_t *dst); /* yyyy-mm-ddT */

static inline const uint8_t *sre_day_text(sre_plan *plan, int64_t day) {
    sre_day *slot = &plan->days[(uint64_t)day % SRE_DAYS];
    if (slot->day != day) {
        if (day < SRE_FIRST_DAY || day > SRE_LAST_DAY) return NULL;
        sre_put_day(day, slot->text);
        slot->day = day;
    }
    return slot->text;
}

static inline int64_t sre_floor_div(int64_t value, int64_t by) { return value / by - (value % by < 0); }

static inline void sre_put_pair(uint32_t value, uint8_t *dst) {
    uint32_t digits = sr_three_digits[value];
    dst[0] = (uint8_t)(digits >> 8);
    dst[1] = (uint8_t)(digits >> 16);
}

/* A time in units of which a second has `scale`, a constant in each call. */
static SR_ALWAYS_INLINE uint8_t *sre_put_moment(sre_plan *plan, int64_t value, int64_t scale, uint8_t *at) {
    int64_t day = sre_floor_div(value, 86400 * scale);
    const uint8_t *text = sre_day_text(plan, day);
    if (!text) return NULL;
    uint64_t rest = (uint64_t)value - (uint64_t)day * (86400 * (uint64_t)scale);
    uint32_t second = (uint32_t)(rest / (uint64_t)scale), minute = second / 60, hour = minute / 60;
    uint32_t milli = (uint32_t)(rest % (uint64_t)scale * 1000 / (uint64_t)scale);
    memcpy(at, text, 16);
    sre_put_pair(hour, at + 11);
    at[13] = ':';
    sre_put_pair(minute - 60 * hour, at + 14);
    at[16] = ':';
    sre_put_pair(second - 60 * minute, at + 17);
    at[19] = '.';
    sr_put_four(sr_three_digits[milli], at + 20);
    at[23] = 'Z';
    return at + 24;
}

static inline uint8_t *sre_put_time_value(sre_plan *plan, const sre_column *c, int64_t row, uint8_t *at) {
    int64_t value = sre_get_8(c->values, c->offset + row);
    switch (c->scale) {
    case 1: return sre_put_moment(plan, value, 1, at);
    case 1000: return sre_put_moment(plan, value, 1000, at);
    case 1000000: return sre_put_moment(plan, value, 1000000, at);
    default: return sre_put_moment(plan, value, 1000000000, at);
    }
}

/* The value of a column of another kind than text. */
static inline uint8_t *sre_put_number(sre_plan *plan, const sre_column *c, int64_t row, uint8_t *at) {
    switch (c->kind) {
    case SRE_FLOAT: return sre_put_float_value(c, row, at);
    case SRE_TIME: return sre_put_time_value(plan, c, row, at);
    case SRE_INT: return at + sr_put_int(sre_get_int(c, row), at);
    case SRE_UINT: return sre_put_uint(sre_get_uint(c, row), at);
    case SRE_DECIMAL: return sre_put_decimal(c, row, at);
    case SRE_DATE: {
        const uint8_t *text = sre_day_text(plan, sre_floor_div(sre_get_int(c, row), c->scale));
        if (text) memcpy(at, text, 10);
        return text ? at + 10 : NULL;
    }
    default: {
        int64_t bit = c->offset + row;
        bool yes = c->values[bit >> 3] >> (bit & 7) & 1;
        memcpy(at, yes ? "true" : "false", 5);
        return at + 5 - yes;
    }
    }
}

/* The same in quotes if the style asks for them. */
static inline uint8_t *sre_put_number_field(sre_plan *plan, const sre_column *c, int64_t row, uint8_t *at) {
    if (!plan->style.all) return sre_put_number(plan, c, row, at);
    *at = SR_QUOTE;
    at = sre_put_number(plan, c, row, at + 1);
    if (at) *at++ = SR_QUOTE;
    return at;
}

static inline uint8_t *sre_put_nothing(const sre_plan *plan, uint8_t *at) {
    if (!plan->style.all) return at;
    at[0] = at[1] = SR_QUOTE;
    return at + 2;
}

#endif
