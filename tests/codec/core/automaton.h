/* Rules D7 and D8 byte by byte: an automaton with one state per byte, the reference for the exact reading of the
 * kernels, which takes 64 bytes at a time. It marks from the end of the payload where a strict end of the backslash
 * dialect can still be reached, walks from the start along the marks, then tries the doubling dialect, then reads
 * leniently.
 */
#ifndef AUTOMATON_H
#define AUTOMATON_H

#include "sr.h"

enum {
    AT_START = 1,
    IN_PLAIN = 2,
    IN_QUOTES = 4,
    AFTER_QUOTE = 8
}; /* states of the strict automaton, as bits of a mark */

/* Whether the CR at i belongs to a row end. */
static inline bool is_crlf(const uint8_t *src, size_t len, size_t i) { return i + 1 < len && src[i + 1] == SR_ROW_END; }

/* ---- building the tape ------------------------------------------------------------------------------------------- */

static inline void open_tape(sr_tape *tape, uint32_t flags, sr_reading reading) {
    tape->n_ends = tape->n_rows = 0;
    tape->rows[0] = (sr_row){0, 0};
    tape->flags = flags;
    tape->reading = reading;
}

static inline void end_field(sr_tape *tape, size_t end) { tape->ends[tape->n_ends++] = (uint32_t)end; }

/* Ends the field and the row at `end`; drops a row without characters (D4). */
static inline void end_row(sr_tape *tape, const uint8_t *src, size_t len, size_t end) {
    sr_row *row = &tape->rows[tape->n_rows];
    end_field(tape, end);
    bool one_field = tape->n_ends - row->first == 1;
    if (one_field && sr_trim_cr(src, len, row->start, end) == row->start) {
        tape->n_ends--;
    } else {
        tape->n_rows++;
    }
    tape->rows[tape->n_rows] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(end + 1)};
}

static inline void end_at(sr_tape *tape, const uint8_t *src, size_t len, size_t i) {
    if (src[i] == SR_SEPARATOR) {
        end_field(tape, i);
    } else {
        end_row(tape, src, len, i);
    }
}

static inline bool is_end(uint8_t c) { return c == SR_SEPARATOR || c == SR_ROW_END; }

/* ---- the automaton of the backslash dialect (D7) ----------------------------------------------------------------- */

/* For every position, back to front: the states from which a strict end can still be reached. */
static inline void mark_states(const uint8_t *src, size_t len, uint8_t *marks) {
    marks[len] = AT_START | IN_PLAIN | AFTER_QUOTE;
    for (size_t i = len; i-- > 0;) {
        uint8_t c = src[i], next = marks[i + 1], mark = 0;
        if (is_end(c)) {
            mark = next & AT_START ? AT_START | IN_PLAIN | AFTER_QUOTE : 0;
        } else if (c == SR_QUOTE) {
            mark = next & IN_QUOTES ? AT_START : 0;
        } else if (sr_is_blank(c)) {
            mark = next & (AT_START | IN_PLAIN | AFTER_QUOTE);
        } else if (c != SR_CARRIAGE_RETURN) {
            mark = next & IN_PLAIN ? AT_START | IN_PLAIN : 0;
        } else if (is_crlf(src, len, i)) {
            mark = next & (AT_START | IN_PLAIN | AFTER_QUOTE);
        }
        if (c == SR_QUOTE) {
            mark |= next & AFTER_QUOTE ? IN_QUOTES : 0;
        } else if (c == SR_ESCAPE && i + 1 < len && src[i + 1] == SR_QUOTE) {
            mark |= marks[i + 2] & (IN_QUOTES | AFTER_QUOTE) ? IN_QUOTES : 0;
        } else {
            mark |= next & IN_QUOTES;
        }
        marks[i] = mark;
    }
}

/* Follows the marked states from the start; after an escaped quote, to whichever of the two successors is marked. */
static inline void follow_marks(const uint8_t *src, size_t len, const uint8_t *marks, sr_tape *tape) {
    uint8_t state = AT_START;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        if (state == IN_QUOTES) {
            if (c == SR_QUOTE) {
                state = AFTER_QUOTE;
            } else if (c == SR_ESCAPE && i + 1 < len && src[i + 1] == SR_QUOTE) {
                i++;
                state = marks[i + 1] & AFTER_QUOTE ? AFTER_QUOTE : IN_QUOTES;
                tape->flags |= state == IN_QUOTES ? SR_HAS_BACKSLASH_ESCAPE : 0;
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = AT_START;
        } else if (state == AT_START && c == SR_QUOTE) {
            state = IN_QUOTES;
        } else if (state == AT_START && !sr_is_blank(c)) {
            state = IN_PLAIN;
        }
    }
}

/* ---- the doubling dialect, where nothing is open (D7) ------------------------------------------------------------ */

static inline bool read_doubling(const uint8_t *src, size_t len, sr_tape *tape) {
    uint8_t state = AT_START;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        if (state == IN_QUOTES) {
            if (c != SR_QUOTE) continue;
            if (i + 1 < len && src[i + 1] == SR_QUOTE) {
                i++;
                tape->flags |= SR_HAS_DOUBLED_ESCAPE;
            } else {
                state = AFTER_QUOTE;
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = AT_START;
        } else if (c == SR_QUOTE) {
            if (state != AT_START) return false;
            state = IN_QUOTES;
        } else if (c == SR_CARRIAGE_RETURN && !is_crlf(src, len, i)) {
            return false;
        } else if (state == AFTER_QUOTE) {
            if (!sr_is_blank(c) && c != SR_CARRIAGE_RETURN) return false;
        } else if (!sr_is_blank(c)) {
            state = IN_PLAIN;
        }
    }
    return state != IN_QUOTES;
}

/* ---- the lenient reading (D8) ------------------------------------------------------------------------------------ */

static inline sr_fault read_lenient(const uint8_t *src, size_t len, sr_tape *tape) {
    uint8_t state = AT_START;
    size_t opened = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        bool quote_next = i + 1 < len && src[i + 1] == SR_QUOTE;
        if (state == IN_QUOTES) {
            if (c == SR_ESCAPE && quote_next) {
                i++;
            } else if (c == SR_QUOTE && quote_next) {
                i++;
            } else if (c == SR_QUOTE) {
                state = IN_PLAIN; /* whatever follows belongs to the field up to its end */
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = AT_START;
        } else if (state == AT_START && c == SR_QUOTE) {
            state = IN_QUOTES;
            opened = i;
        } else if (state == AT_START && !sr_is_blank(c)) {
            state = IN_PLAIN;
        }
    }
    if (state != IN_QUOTES) return (sr_fault){SR_OK, 0, 0, 0, 0};
    const sr_row *row = &tape->rows[tape->n_rows];
    sr_fault fault = {SR_UNTERMINATED_QUOTE, opened, len, tape->n_rows, tape->n_ends - row->first};
    end_field(tape, len);
    tape->rows[tape->n_rows + 1] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(len + 1)};
    return fault;
}

/* The reading of any text, with the flags that sr_read_exact leaves; marks: len + 2 bytes of scratch. */
static inline sr_fault automaton_read(const uint8_t *src, size_t len, sr_tape *tape, uint8_t *marks) {
    uint32_t flags = 0;
    for (size_t i = 0; i < len; i++) {
        flags |= src[i] == SR_QUOTE ? SR_HAS_QUOTE : src[i] == SR_CARRIAGE_RETURN ? SR_HAS_CR : 0;
        flags |= src[i] >= 0x80 ? SR_HAS_WIDE : 0;
    }
    sr_fault fault = {SR_OK, 0, 0, 0, 0};
    mark_states(src, len, marks);
    open_tape(tape, flags, SR_BACKSLASH);
    if (marks[0] & AT_START) {
        follow_marks(src, len, marks, tape);
    } else {
        open_tape(tape, flags, SR_DOUBLE);
        if (!read_doubling(src, len, tape)) {
            open_tape(tape, flags, SR_LENIENT);
            fault = read_lenient(src, len, tape);
            if (fault.status) return fault;
        }
    }
    if (tape->rows[tape->n_rows].start < len) end_row(tape, src, len, len);
    return fault;
}

#endif
