/* From bytes to a tape of rows and fields: the greedy scan of the kernels where it is certain, else the automaton of
 * the unique reading, then the lenient reading (rules D2 to D8). Finds, never rewrites. Linear: each loop looks at a
 * byte once. sr_faults.c and sr_field_text walk the fields found here.
 */
#include "sr.h"

enum { START = 1, UNQUOTED = 2, QUOTED = 4, CLOSED = 8 }; /* states of the strict automaton, as bits of a mark */

/* Whether the CR at i belongs to a row end. */
static bool is_crlf(const uint8_t *src, size_t len, size_t i) { return i + 1 < len && src[i + 1] == SR_ROW_END; }

/* ---- building the tape ------------------------------------------------------------------------------------------- */

static void open_tape(sr_tape *tape, uint32_t flags, sr_reading reading) {
    tape->n_ends = tape->n_rows = 0;
    tape->rows[0] = (sr_row){0, 0};
    tape->flags = flags;
    tape->reading = reading;
}

static void end_field(sr_tape *tape, size_t end) { tape->ends[tape->n_ends++] = (uint32_t)end; }

/* Ends the field and the row at `end`; drops a row without characters (D4). */
static void end_row(sr_tape *tape, const uint8_t *src, size_t len, size_t end) {
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

static void end_at(sr_tape *tape, const uint8_t *src, size_t len, size_t i) {
    if (src[i] == SR_SEPARATOR) {
        end_field(tape, i);
    } else {
        end_row(tape, src, len, i);
    }
}

static bool is_end(uint8_t c) { return c == SR_SEPARATOR || c == SR_ROW_END; }

/* Drops rows without characters from a tape that a kernel has written. */
static void drop_blank_rows(const uint8_t *src, size_t len, sr_tape *tape) {
    size_t kept = 0, ends = 0;
    for (size_t r = 0; r < tape->n_rows; r++) {
        sr_row row = tape->rows[r];
        size_t next = tape->rows[r + 1].first, end = tape->ends[row.first];
        if (next - row.first == 1 && sr_trim_cr(src, len, row.start, end) == row.start) continue;
        tape->rows[kept++] = (sr_row){(uint32_t)ends, row.start};
        for (size_t f = row.first; f < next; f++) tape->ends[ends++] = tape->ends[f];
    }
    tape->rows[kept] = (sr_row){(uint32_t)ends, tape->rows[tape->n_rows].start};
    tape->n_rows = kept;
    tape->n_ends = ends;
}

bool sr_read(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape) {
    k->index(src, len, tape);
    tape->reading = SR_GREEDY;
    if (tape->flags & SR_DOUBT) return false;
    if (tape->rows[tape->n_rows].start < len) { /* the last row has no row end */
        tape->ends[tape->n_ends++] = (uint32_t)len;
        tape->n_rows++;
        tape->rows[tape->n_rows] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(len + 1)};
    }
    if (tape->flags & SR_HAS_BLANK_ROWS) drop_blank_rows(src, len, tape);
    return true;
}

bool sr_single_tape(sr_ends ends, size_t room, sr_tape *tape) {
    size_t n = 0;
    sr_end_walk walk = {ends.low, ends.high, 0};
    while (walk.word || (walk.next && walk.base == 0)) {
        if (n == room) return false;
        tape->ends[n++] = (uint32_t)sr_next_end(&walk);
    }
    tape->n_ends = n;
    tape->n_rows = 1;
    tape->rows[0] = (sr_row){0, 0};
    tape->rows[1] = (sr_row){(uint32_t)n, tape->ends[n - 1] + 1};
    tape->flags = 0;
    tape->reading = SR_GREEDY;
    return true;
}

/* ---- the automaton of the backslash dialect (D7) ----------------------------------------------------------------- */

/* For every position, back to front: the states from which a strict end can still be reached. */
static void mark_states(const uint8_t *src, size_t len, uint8_t *marks) {
    marks[len] = START | UNQUOTED | CLOSED;
    for (size_t i = len; i-- > 0;) {
        uint8_t c = src[i], next = marks[i + 1], mark = 0;
        if (is_end(c)) {
            mark = next & START ? START | UNQUOTED | CLOSED : 0;
        } else if (c == SR_QUOTE) {
            mark = next & QUOTED ? START : 0;
        } else if (sr_is_blank(c)) {
            mark = next & (START | UNQUOTED | CLOSED);
        } else if (c != SR_CARRIAGE_RETURN) {
            mark = next & UNQUOTED ? START | UNQUOTED : 0;
        } else if (is_crlf(src, len, i)) {
            mark = next & (START | UNQUOTED | CLOSED);
        }
        if (c == SR_QUOTE) {
            mark |= next & CLOSED ? QUOTED : 0;
        } else if (c == SR_ESCAPE && i + 1 < len && src[i + 1] == SR_QUOTE) {
            mark |= marks[i + 2] & (QUOTED | CLOSED) ? QUOTED : 0;
        } else {
            mark |= next & QUOTED;
        }
        marks[i] = mark;
    }
}

/* Follows the marked states from the start; after an escaped quote, to whichever of the two successors is marked. */
static void follow_marks(const uint8_t *src, size_t len, const uint8_t *marks, sr_tape *tape) {
    uint8_t state = START;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        if (state == QUOTED) {
            if (c == SR_QUOTE) {
                state = CLOSED;
            } else if (c == SR_ESCAPE && i + 1 < len && src[i + 1] == SR_QUOTE) {
                i++;
                state = marks[i + 1] & CLOSED ? CLOSED : QUOTED;
                tape->flags |= state == QUOTED ? SR_HAS_BACKSLASH_ESCAPE : 0;
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = START;
        } else if (state == START && c == SR_QUOTE) {
            state = QUOTED;
        } else if (state == START && !sr_is_blank(c)) {
            state = UNQUOTED;
        }
    }
}

/* ---- the doubling dialect, where nothing is open (D7) ------------------------------------------------------------ */

static bool read_doubling(const uint8_t *src, size_t len, sr_tape *tape) {
    uint8_t state = START;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        if (state == QUOTED) {
            if (c != SR_QUOTE) continue;
            if (i + 1 < len && src[i + 1] == SR_QUOTE) {
                i++;
                tape->flags |= SR_HAS_DOUBLED_ESCAPE;
            } else {
                state = CLOSED;
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = START;
        } else if (c == SR_QUOTE) {
            if (state != START) return false;
            state = QUOTED;
        } else if (c == SR_CARRIAGE_RETURN && !is_crlf(src, len, i)) {
            return false;
        } else if (state == CLOSED) {
            if (!sr_is_blank(c) && c != SR_CARRIAGE_RETURN) return false;
        } else if (!sr_is_blank(c)) {
            state = UNQUOTED;
        }
    }
    return state != QUOTED;
}

/* ---- the lenient reading (D8) ------------------------------------------------------------------------------------ */

static sr_fault read_lenient(const uint8_t *src, size_t len, sr_tape *tape) {
    uint8_t state = START;
    size_t opened = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = src[i];
        bool quote_next = i + 1 < len && src[i + 1] == SR_QUOTE;
        if (state == QUOTED) {
            if (c == SR_ESCAPE && quote_next) {
                i++;
            } else if (c == SR_QUOTE && quote_next) {
                i++;
            } else if (c == SR_QUOTE) {
                state = UNQUOTED; /* whatever follows belongs to the field up to its end */
            }
        } else if (is_end(c)) {
            end_at(tape, src, len, i);
            state = START;
        } else if (state == START && c == SR_QUOTE) {
            state = QUOTED;
            opened = i;
        } else if (state == START && !sr_is_blank(c)) {
            state = UNQUOTED;
        }
    }
    if (state != QUOTED) return (sr_fault){SR_OK, 0, 0, 0, 0};
    const sr_row *row = &tape->rows[tape->n_rows];
    sr_fault fault = {SR_UNTERMINATED_QUOTE, opened, len, tape->n_rows, tape->n_ends - row->first};
    end_field(tape, len);
    tape->rows[tape->n_rows + 1] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(len + 1)};
    return fault;
}

sr_fault sr_read_exact(const uint8_t *src, size_t len, sr_tape *tape, uint8_t *marks) {
    uint32_t flags = tape->flags & (SR_HAS_QUOTE | SR_HAS_CR | SR_HAS_WIDE);
    sr_fault fault = {SR_OK, 0, 0, 0, 0};
    mark_states(src, len, marks);
    open_tape(tape, flags, SR_BACKSLASH);
    if (marks[0] & START) {
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
