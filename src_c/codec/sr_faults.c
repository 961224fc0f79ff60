/* The faults that strict reading refuses in the reading that the default takes (rules D7 and D9), one at a time by
 * position. Walks the fields of a tape that sr_reading.c has filled; a field's stage says which part of it comes next.
 */
#include "sr.h"

enum { LEADING, CONTENT, TRAILING };

static size_t skip_blanks(const uint8_t *src, size_t i, size_t end) {
    while (i < end && sr_is_blank(src[i])) i++;
    return i;
}

static size_t last_not_blank(const uint8_t *src, size_t end) {
    while (sr_is_blank(src[end - 1])) end--;
    return end - 1;
}

/* In an unquoted field: quotes and lone carriage returns. */
static bool next_in_unquoted(const uint8_t *src, size_t end, sr_walk *w, sr_fault *fault) {
    for (; w->pos < end; w->pos++) {
        uint8_t c = src[w->pos];
        if (c == SR_QUOTE || c == SR_CARRIAGE_RETURN) {
            sr_status status = c == SR_QUOTE ? SR_STRAY_QUOTE : SR_LONE_CR;
            *fault = (sr_fault){status, w->pos, w->pos + 1, w->row, w->field};
            w->pos++;
            return true;
        }
    }
    return false;
}

/* Inside a quoted field of the lenient reading: escapes of a second kind. Leaves pos after the closing quote. */
static bool next_in_quoted(const uint8_t *src, size_t end, sr_walk *w, sr_fault *fault) {
    while (w->pos < end) {
        uint8_t c = src[w->pos];
        bool quote_next = w->pos + 1 < end && src[w->pos + 1] == SR_QUOTE;
        if (!quote_next || (c != SR_ESCAPE && c != SR_QUOTE)) {
            w->pos++;
            if (c == SR_QUOTE) return false;
            continue;
        }
        uint32_t kind = c == SR_ESCAPE ? SR_HAS_BACKSLASH_ESCAPE : SR_HAS_DOUBLED_ESCAPE;
        size_t at = w->pos;
        w->pos += 2;
        if (w->kinds == 0) w->kinds = kind;
        if (w->kinds != kind) {
            *fault = (sr_fault){SR_MIXED_ESCAPES, at, at + 2, w->row, w->field};
            return true;
        }
    }
    return false;
}

static bool next_in_field(const uint8_t *src, size_t start, size_t end, sr_reading reading, sr_walk *w,
                          sr_fault *fault) {
    size_t opened = skip_blanks(src, start, end);
    if (opened == end || src[opened] != SR_QUOTE) {
        if (w->stage == LEADING) {
            w->stage = CONTENT;
            w->pos = start;
        }
        return next_in_unquoted(src, end, w, fault);
    }
    if (w->stage == LEADING) {
        w->stage = CONTENT;
        w->pos = opened + 1;
        if (opened > start) {
            *fault = (sr_fault){SR_BLANK_OUTSIDE_QUOTES, start, opened, w->row, w->field};
            return true;
        }
    }
    if (w->stage == CONTENT) {
        if (reading != SR_LENIENT) {
            w->pos = last_not_blank(src, end) + 1; /* a strict field ends with its closing quote and blanks */
        } else if (next_in_quoted(src, end, w, fault)) {
            return true;
        }
        w->stage = TRAILING;
    }
    if (w->pos < end) {
        bool blanks = skip_blanks(src, w->pos, end) == end;
        *fault = (sr_fault){blanks ? SR_BLANK_OUTSIDE_QUOTES : SR_TEXT_AFTER_QUOTE, w->pos, end, w->row, w->field};
        w->pos = end;
        return true;
    }
    return false;
}

sr_fault sr_next_fault(const uint8_t *src, size_t len, const sr_tape *tape, sr_walk *w) {
    sr_fault fault = {SR_OK, 0, 0, 0, 0};
    if (tape->reading == SR_GREEDY) return fault;
    for (; w->row < tape->n_rows; w->row++, w->field = 0) {
        const sr_row *row = &tape->rows[w->row];
        for (size_t f = row->first + w->field; f < row[1].first; f++, w->field++) {
            size_t start = sr_field_start(tape, f, row);
            size_t end = sr_field_end(src, len, tape, f, start);
            if (next_in_field(src, start, end, tape->reading, w, &fault)) return fault;
            w->stage = LEADING;
        }
    }
    return fault;
}
