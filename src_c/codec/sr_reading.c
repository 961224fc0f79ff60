/* From bytes to a tape of rows and fields: the greedy scan of the kernels where it is certain, else the strict reading
 * of one dialect, then the lenient reading (rules D2 to D8). Finds, never rewrites. Linear: at most six passes, and
 * each looks at a byte once. sr_faults.c and sr_field_text walk the fields found here.
 */
#include "sr.h"

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
    sr_row open = tape->rows[tape->n_rows]; /* with fields if its quote is never closed */
    tape->rows[kept] = (sr_row){(uint32_t)ends, open.start};
    for (size_t f = open.first; f < tape->n_ends; f++) tape->ends[ends++] = tape->ends[f];
    tape->n_rows = kept;
    tape->n_ends = ends;
}

/* The last row may lack a row end. */
static void end_last_row(size_t len, sr_tape *tape) {
    if (tape->rows[tape->n_rows].start >= len) return;
    tape->ends[tape->n_ends++] = (uint32_t)len;
    tape->n_rows++;
    tape->rows[tape->n_rows] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(len + 1)};
}

bool sr_read(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape) {
    k->index(src, len, tape);
    tape->reading = SR_GREEDY;
    if (tape->flags & SR_DOUBT) return false;
    end_last_row(len, tape);
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

/* ---- where the greedy scan is in doubt (D7, D8) ------------------------------------------------------------------ */

static void keep_rows(sr_tape *tape, size_t n) {
    tape->n_rows = n;
    tape->n_ends = tape->rows[n].first;
}

/* Tries one reading after another. Each goes on after the rows that all of them share: those of the greedy scan, and
   without a \" in the rest also those that the reading before found strict. */
static size_t read_in_turn(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape, uint8_t *scratch) {
    const size_t shared = tape->n_rows, from = tape->rows[shared].start;
    bool ambiguous = k->mark_closing(src + from, len - from, scratch);
    tape->reading = SR_BACKSLASH;
    if (k->read_strictly(src, len, ambiguous ? scratch : NULL, tape)) return SIZE_MAX;
    if (ambiguous) keep_rows(tape, shared);
    tape->reading = SR_DOUBLE;
    if (k->read_strictly(src, len, NULL, tape)) return SIZE_MAX;
    if (ambiguous) keep_rows(tape, shared);
    tape->reading = SR_LENIENT;
    return k->read_leniently(src, len, tape);
}

sr_fault sr_read_exact(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape, uint8_t *scratch) {
    tape->flags &= SR_HAS_QUOTE | SR_HAS_CR | SR_HAS_WIDE | SR_HAS_BLANK_ROWS;
    size_t opened = read_in_turn(k, src, len, tape, scratch);
    if (opened == SIZE_MAX) end_last_row(len, tape);
    if (tape->flags & SR_HAS_BLANK_ROWS) drop_blank_rows(src, len, tape);
    tape->flags &= ~(uint32_t)SR_HAS_BLANK_ROWS;
    if (opened == SIZE_MAX) return (sr_fault){SR_OK, 0, 0, 0, 0};
    size_t row = tape->n_rows, field = tape->n_ends - tape->rows[row].first;
    tape->ends[tape->n_ends++] = (uint32_t)len;
    tape->rows[row + 1] = (sr_row){(uint32_t)tape->n_ends, (uint32_t)(len + 1)};
    return (sr_fault){SR_UNTERMINATED_QUOTE, opened, len, row, field};
}
