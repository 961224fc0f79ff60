/* Tables to payloads, the parts that no vector makes faster: decimals, dates, and why a row cannot be sent. */
#include "encode_values.h"


const sre_layer *sre_layer_of(const sr_kernel *k) {
#if defined(SR_X86)
    if (k->needs & SR_CPU_AVX512_VBMI2) return &sre_layer_avx512;
    if (k->needs & SR_CPU_AVX2) return &sre_layer_avx2;
    if (k->needs & SR_CPU_SSE2) return &sre_layer_sse2;
#elif defined(SR_NEON)
    if (k->needs & SR_CPU_NEON) return &sre_layer_neon;
#endif
    (void)k;
    return &sre_layer_portable;
}

void sre_start(sre_plan *plan) {
    plan->room = SRE_PADDING + SR_SLACK;
    for (size_t c = 0; c <= plan->n_columns; c++) plan->room += plan->constants[c].len + SRE_PADDING + SR_SHORT_ROOM;
    for (size_t d = 0; d < SRE_DAYS; d++) plan->days[d].day = SRE_NO_DAY;
}

/* ---- decimals and days ------------------------------------------------------------------------------------------- */

#define WORDS 8       /* of 32 bits in the widest decimal */
#define MOST_DIGITS 81 /* nine for each of nine divisions */
#define BILLION 1000000000u

/* The digits of a number without leading zeros; empties `words`. */
static size_t digits_of(uint32_t *words, uint8_t *dst) {
    uint8_t text[MOST_DIGITS];
    size_t at = MOST_DIGITS;
    for (int top = WORDS; top > 0;) {
        uint64_t rest = 0;
        for (int w = top - 1; w >= 0; w--) {
            rest = rest << 32 | words[w];
            words[w] = (uint32_t)(rest / BILLION);
            rest %= BILLION;
        }
        while (top > 0 && words[top - 1] == 0) top--;
        for (int digit = 0; digit < 9; digit++, rest /= 10) text[--at] = (uint8_t)('0' + rest % 10);
    }
    while (at < MOST_DIGITS - 1 && text[at] == '0') at++;
    memcpy(dst, text + at, MOST_DIGITS - at);
    return MOST_DIGITS - at;
}

/* As `str` of Python's Decimal with the same digits and exponent. */
uint8_t *sre_put_decimal(const sre_column *c, int64_t row, uint8_t *at) {
    uint32_t words[WORDS];
    const uint8_t *src = c->values + (size_t)(c->offset + row) * (size_t)c->width;
    bool negative = src[c->width - 1] >> 7;
    memset(words, negative ? 0xFF : 0, sizeof words);
    for (int b = 0; b < c->width; b++) {
        words[b / 4] = (words[b / 4] & ~(0xFFu << b % 4 * 8)) | (uint32_t)src[b] << b % 4 * 8;
    }
    if (negative) {
        uint64_t carry = 1;
        for (int w = 0; w < WORDS; w++) {
            carry += (uint32_t)~words[w];
            words[w] = (uint32_t)carry;
            carry >>= 32;
        }
        *at++ = '-';
    }
    uint8_t digits[MOST_DIGITS];
    int64_t n = (int64_t)digits_of(words, digits), left = n - c->scale; /* digits before the point */
    int64_t point = c->scale >= 0 && left > -6 ? left : 1;
    if (point <= 0) {
        memcpy(at, "0.000000", 8);
        at += 2 - point;
        memcpy(at, digits, (size_t)n);
        at += n;
    } else {
        memcpy(at, digits, (size_t)point);
        at += point;
        if (point < n) {
            *at++ = '.';
            memcpy(at, digits + point, (size_t)(n - point));
            at += n - point;
        }
    }
    if (left == point) return at;
    *at++ = 'E';
    if (left > point) *at++ = '+';
    return at + sr_put_int(left - point, at);
}

void sre_put_day(int64_t day, uint8_t *dst) {
    /* years from March on, in eras of 400 */
    int64_t shifted = day + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int of_era = (int)(shifted - era * 146097);
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * of_year + 2) / 153;
    sr_time t = {0};
    t.day = of_year - (153 * month + 2) / 5 + 1;
    t.month = month < 10 ? month + 3 : month - 9;
    t.year = (int)(year_of_era + era * 400) + (t.month <= 2);
    uint8_t text[SR_NUMBER_ROOM];
    sr_put_time(&t, text);
    memcpy(dst, text, 16);
}

/* ---- one row, closely -------------------------------------------------------------------------------------------- */

uint64_t sre_index_at(const sre_column *column, int64_t row) { return sre_get_uint(column, row); }

/* The column and row of the value that a row of a dictionary names; false if its index is not valid. */
static bool resolve(const sre_column **column, int64_t *row) {
    if (!(*column)->dictionary) return true;
    uint64_t index = sre_get_uint(*column, *row);
    if (index >= (uint64_t)(*column)->n_dictionary) return false;
    *column = (*column)->dictionary;
    *row = (int64_t)index;
    return true;
}

bool sre_has_value(const sre_column *column, int64_t row) {
    if (column->kind == SRE_NULL || !sre_is_valid(column, row)) return false;
    if (!column->dictionary || !resolve(&column, &row)) return true;
    return column->kind != SRE_NULL && sre_is_valid(column, row);
}

bool sre_is_within(const sre_column *column, int64_t row) {
    sre_span span;
    return resolve(&column, &row) && (!sre_is_text(column->kind) || sre_span_at(column, row, &span));
}

bool sre_text_at(const sre_column *column, int64_t row, const uint8_t **text, size_t *len) {
    sre_span span;
    if (!sre_has_value(column, row) || !resolve(&column, &row) || !sre_is_text(column->kind) ||
        !sre_span_at(column, row, &span)) {
        return false;
    }
    *text = span.text;
    *len = span.len;
    return true;
}

double sre_float_at(const sre_column *column, int64_t row) {
    resolve(&column, &row);
    int64_t place = column->offset + row;
    if (column->width == 8) return sre_get_double(column->values, place);
    return column->width == 4 ? (double)sre_get_float(column->values, place)
                              : sre_half(sre_get_2(column->values, place));
}

/* The size of a field, and the space that writing it may use; or why it cannot be written. */
static int measure(sre_plan *plan, const sre_column *c, int64_t row, size_t *size, size_t *need) {
    uint8_t scratch[SR_SHORT_ROOM], *end = scratch;
    *need = 0;
    if (!sre_has_value(c, row)) {
        if (c->needed) return SRE_MISSING;
        end = sre_put_nothing(plan, scratch);
    } else if (!resolve(&c, &row)) {
        return SR_BAD_VALUE;
    } else if (sre_is_text(c->kind)) {
        sre_span span;
        if (!sre_span_at(c, row, &span)) return SR_BAD_VALUE;
        if (sr_utf8_valid(span.text, span.len) < span.len) return SR_INVALID_UTF8;
        bool ends_so = span.len && span.text[span.len - 1] == SR_ESCAPE;
        *size = sr_text_size(plan->kernel, plan->style, span.text, span.len);
        *need = sr_put_room(span.len);
        return plan->style.refuse_backslash && ends_so && *size > span.len ? SR_TRAILING_BACKSLASH : SR_OK;
    } else {
        end = sre_put_number_field(plan, c, row, scratch);
        if (!end) return SR_BAD_VALUE;
    }
    *size = (size_t)(end - scratch);
    return SR_OK;
}

sre_error sre_look(sre_plan *plan, const sre_column *columns, int64_t row, size_t *need) {
    sre_error found = {.row = row, .column = -1, .size = plan->last};
    *need = 2 * plan->room; /* a long text wants that of a row in front of it */
    for (size_t c = 0; c < plan->n_columns; c++) {
        size_t size = 0, more;
        int reason = measure(plan, &columns[c], row, &size, &more);
        if (reason != SR_OK) return (sre_error){.row = row, .column = (int32_t)c, .reason = reason};
        found.size += plan->constants[c].len + size;
        *need += more;
    }
    found.size += plan->constants[plan->n_columns].len;
    if (found.size == plan->last) found.size += 2; /* E4 */
    return found;
}
