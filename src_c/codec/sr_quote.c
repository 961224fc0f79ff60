/* The quoting dialect, both directions on one page: which bytes force quotes, how quotes are escaped (rules E2 to E4),
 * and which value a field has in any reading (D5, D6, D8). sr_reading.c alone decides where fields end.
 */
#include "sr.h"
#include "sr_kernels.h"

#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

size_t sr_unescape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    const uint8_t *end = src + len;
    uint8_t *out = dst;
    while (src < end) {
        const uint8_t *quote = memchr(src, SR_QUOTE, (size_t)(end - src));
        size_t n = (size_t)((quote ? quote : end) - src);
        memcpy(out, src, n);
        out += n;
        if (!quote) break;
        if (escape == SR_QUOTE) {
            *out++ = SR_QUOTE; /* the first of a pair yields the quote */
            src = quote + 2;
        } else {
            if (n && src[n - 1] == SR_ESCAPE) out--;
            *out++ = SR_QUOTE;
            src = quote + 1;
        }
    }
    return (size_t)(out - dst);
}

/* D8: in quotes \" and "" are one quote each; text after the closing quote is appended, unless it is all blanks. */
static size_t lenient_text(const uint8_t *src, size_t len, uint8_t *dst) {
    uint8_t *out = dst;
    size_t i = 0, tail = len, end = len;
    for (;;) {
        const uint8_t *quote = i < len ? memchr(src + i, SR_QUOTE, len - i) : NULL;
        size_t at = quote ? (size_t)(quote - src) : len;
        bool escaped = quote && at > i && src[at - 1] == SR_ESCAPE;
        size_t n = at - i - escaped;
        memcpy(out, src + i, n);
        out += n;
        if (!quote) break;
        bool doubled = !escaped && at + 1 < len && src[at + 1] == SR_QUOTE;
        i = at + 1 + doubled;
        if (!escaped && !doubled) {
            tail = i;
            break;
        }
        *out++ = SR_QUOTE;
    }
    while (end > tail && sr_is_blank(src[end - 1])) end--;
    if (end > tail) {
        memcpy(out, src + tail, len - tail);
        out += len - tail;
    }
    return (size_t)(out - dst);
}

size_t sr_field_text(const sr_kernel *k, sr_reading reading, uint32_t flags, const uint8_t *src, size_t len,
                     uint8_t *dst) {
    size_t start = 0;
    while (start < len && sr_is_blank(src[start])) start++;
    if (start == len || src[start] != SR_QUOTE) { /* D3: an unquoted field is taken literally */
        memcpy(dst, src, len);
        return len;
    }
    start++;
    if (reading == SR_LENIENT) return lenient_text(src + start, len - start, dst);
    size_t end = len;
    while (sr_is_blank(src[end - 1])) end--;
    bool doubling = reading == SR_DOUBLE || (reading == SR_GREEDY && flags & SR_HAS_DOUBLED_ESCAPE);
    return k->unescape(src + start, end - 1 - start, doubling ? SR_QUOTE : SR_ESCAPE, dst);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

size_t sr_escape_portable(const uint8_t *src, size_t len, uint8_t escape, uint8_t *dst) {
    const uint8_t *end = src + len;
    uint8_t *out = dst;
    while (src < end) {
        const uint8_t *quote = memchr(src, SR_QUOTE, (size_t)(end - src));
        size_t n = (size_t)((quote ? quote : end) - src);
        memcpy(out, src, n);
        out += n;
        if (!quote) break;
        *out++ = escape;
        *out++ = SR_QUOTE;
        src = quote + 1;
    }
    return (size_t)(out - dst);
}

/* E2: white space that forces quotes at either end of a field, by the bytes of its UTF-8. */
static bool wide_space(uint32_t bytes) {
    switch (bytes) {
        SR_WIDE_SPACE_CASES
        return true;
    default: return false;
    }
}

static bool space_first(const uint8_t *src, size_t len) {
    if (src[0] < 0x80) return src[0] <= ' ';
    if (src[0] < 0xE0) return len > 1 && wide_space((uint32_t)src[0] << 8 | src[1]);
    return len > 2 && wide_space((uint32_t)src[0] << 16 | (uint32_t)src[1] << 8 | src[2]);
}

static bool space_last(const uint8_t *src, size_t len) {
    const uint8_t *last = src + len - 1;
    if (*last < 0x80) return *last <= ' ';
    if (len > 1 && last[-1] >= 0xC0) return wide_space((uint32_t)last[-1] << 8 | last[0]);
    return len > 2 && last[-2] >= 0xE0 && wide_space((uint32_t)last[-2] << 16 | (uint32_t)last[-1] << 8 | last[0]);
}

bool sr_has_blank_end(const uint8_t *src, size_t len) { return space_first(src, len) || space_last(src, len); }

/* Whether a text is in quotes whatever stands between its first and its last character. */
static bool is_quoted(sr_style style, const uint8_t *src, size_t len) {
    return style.all || (len && sr_has_blank_end(src, len));
}

/* A field in quotes; src and dst do not overlap. Of the text, the first `plain` bytes hold no quote. */
static sr_status put_quoted(const sr_kernel *k, sr_style style, size_t plain, const uint8_t *src, size_t len,
                            uint8_t *dst, size_t *written) {
    if (style.refuse_backslash && len && src[len - 1] == SR_ESCAPE) return SR_TRAILING_BACKSLASH;
    memcpy(dst + 1, src, plain);
    size_t n = plain + k->escape(src + plain, len - plain, style.escape, dst + 1 + plain);
    dst[0] = dst[n + 1] = SR_QUOTE;
    *written = n + 2;
    return SR_OK;
}

sr_status sr_put_text(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len, uint8_t *dst,
                      size_t *written) {
    bool quoted = is_quoted(style, src, len);
    size_t plain = quoted ? 0 : k->copy(src, len, dst);
    *written = len;
    return quoted || plain < len ? put_quoted(k, style, plain, src, len, dst, written) : SR_OK;
}

sr_status sr_put_wide(const sr_kernel *k, sr_style style, const void *src, size_t len, int width, uint8_t *dst,
                      size_t *written) {
    bool special;
    size_t n = k->narrow(src, len, width, dst, &special);
    if (n == SIZE_MAX) return SR_LONE_SURROGATE;
    *written = n;
    if (!special && !is_quoted(style, dst, n)) return SR_OK;
    uint8_t *text = dst + 2 * n + 2 + SR_SLACK;
    memcpy(text, dst, n);
    return put_quoted(k, style, 0, text, n, dst, written);
}

size_t sr_put_empty_row(uint8_t *dst) {
    dst[0] = dst[1] = SR_QUOTE;
    return 2;
}

static size_t count_quotes(const uint8_t *src, size_t len) {
    size_t quotes = 0;
    for (size_t i = 0; i < len; i++) quotes += src[i] == SR_QUOTE;
    return quotes;
}

size_t sr_text_size(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len) {
    return is_quoted(style, src, len) || k->special(src, len) ? len + 2 + count_quotes(src, len) : len;
}

size_t sr_longest_prefix(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len, const uint8_t *marker,
                         size_t marker_len, size_t room) {
    size_t special = 0; /* the first byte of src that forces quotes; prefixes up to it need none for their content */
    while (special < len && !k->special(src + special, 1)) special++;
    bool always = style.all || k->special(marker, marker_len);
    always |= marker_len && space_last(marker, marker_len);
    size_t quotes = count_quotes(src, len) + count_quotes(marker, marker_len);
    for (size_t n = len;; n--) {
        if (n == len || (src[n] & 0xC0) != 0x80) {
            bool space = n ? space_first(src, n) : marker_len && space_first(marker, marker_len);
            space |= n && !marker_len && space_last(src, n);
            if (n + marker_len + (always || n > special || space ? quotes + 2 : 0) <= room) return n;
        }
        if (n == 0) return SIZE_MAX;
        quotes -= src[n - 1] == SR_QUOTE;
    }
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static bool has_space_at_an_end(const uint8_t *src, const sr_tape *tape, const sr_row *row, size_t row_end) {
    size_t start = row->start;
    for (size_t f = row->first; f < row[1].first; f++) {
        size_t end = f + 1 < row[1].first ? tape->ends[f] : row_end;
        if (end > start && (space_first(src + start, end - start) || space_last(src + start, end - start))) return true;
        start = end + 1;
    }
    return false;
}

bool sr_is_as_written(const uint8_t *src, const sr_tape *tape, const sr_row *row, size_t row_end) {
    size_t start = row->start, len = row_end - start;
    const uint8_t *first = src + start;
    if (len == 0 || memchr(first, SR_TAB, len)) return false;
    if (tape->flags & SR_HAS_QUOTE && memchr(first, SR_QUOTE, len)) return false;
    if (tape->flags & SR_HAS_CR && memchr(first, SR_CARRIAGE_RETURN, len)) return false;
    bool space = false;
    uint8_t wide = 0;
    for (size_t f = row->first; f < row[1].first; f++) { /* no branches but one for an empty field */
        size_t end = f + 1 < row[1].first ? tape->ends[f] : row_end;
        if (end > start) {
            uint8_t a = src[start], b = src[end - 1];
            space |= (a <= ' ') | (b <= ' ');
            wide |= a | b;
        }
        start = end + 1;
    }
    return !space && !(wide & 0x80 && has_space_at_an_end(src, tape, row, row_end));
}
