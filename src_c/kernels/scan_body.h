/* The loops over blocks of 64 bytes, compiled once per kernel with that kernel's instructions.
 *
 * A kernel file defines, before including this: SR_FN (its target attribute), block(p) -> sr_masks, tail(p, n) -> sr_masks
 * of n < 64 bytes, specials(p) / specials_tail(p, n) -> SR_TEXT_* bits of a block, prefix_xor(m), flatten(out, base, m, n),
 * ones(m) and lowest(m). Nothing here but the bits differs between CPUs; sr.h says what the functions promise.
 */

typedef struct {
    uint64_t inside;       /* all ones: in quotes */
    uint64_t after_escape; /* bit 0: the byte before was a backslash */
    uint64_t after_start;  /* bit 0: a quote may open here: separator, row end, start or closing quote before */
    uint64_t after_close;  /* bit 0: the byte before was a closing quote */
    uint64_t after_cr;     /* bit 0: the byte before was a CR outside quotes */
    uint64_t doubt, doubled, escaped, quotes, crs, wide, blank;
} scan_state;

/* Rule D7 on one block, with quotes or carriage returns in or before it. Returns the separators outside quotes. */
SR_FN static inline uint64_t quoted_block(const sr_masks *m, scan_state *s) {
    uint64_t separators = m->separator | m->row_end;
    uint64_t escaped = m->quote & (m->escape << 1 | s->after_escape);
    uint64_t real = m->quote & ~escaped;
    uint64_t inside = prefix_xor(real) ^ s->inside; /* an opening quote counts as inside, a closing one as outside */
    uint64_t openers = real & inside, closers = real & ~inside;
    uint64_t behind_close = closers << 1 | s->after_close;
    uint64_t crs = m->cr & ~inside;

    s->doubt |= openers & ~((separators | closers) << 1 | s->after_start); /* opens in mid-field */
    s->doubt |= behind_close & ~(separators | real | m->cr);              /* text behind a closing quote */
    s->doubt |= escaped & ~inside;                                        /* \" outside quotes */
    s->doubt |= (crs << 1 | s->after_cr) & ~m->row_end;                   /* lone CR */
    s->doubled |= openers & behind_close;
    s->escaped |= escaped & inside;
    s->quotes |= m->quote;
    s->crs |= m->cr;

    s->inside = (uint64_t)((int64_t)inside >> 63);
    s->after_close = closers >> 63;
    s->after_cr = crs >> 63;
    s->after_start = (separators | closers) >> 63;
    return separators & ~inside;
}

SR_FN static void scan_index(const uint8_t *src, size_t len, sr_tape *tape) {
    uint32_t *ends = tape->ends;
    sr_row *rows = tape->rows;
    scan_state s = {.after_start = 1};
    uint64_t after_row = 1;
    rows->first = 0;
    rows->start = 0;
    rows++;
    for (size_t base = 0; base < len; base += 64) {
        sr_masks m = len - base >= 64 ? block(src + base) : tail(src + base, len - base);
        uint64_t separators = m.separator | m.row_end;
        s.wide |= m.wide;
        if (m.quote | m.cr | s.inside | s.after_close | s.after_cr) {
            separators = quoted_block(&m, &s);
        } else {
            s.after_start = separators >> 63;
        }
        s.after_escape = m.escape >> 63;
        uint32_t n = (uint32_t)ones(separators);
        flatten(ends, (uint32_t)base, separators, n);
        uint64_t row_ends = m.row_end & separators;
        s.blank |= row_ends & (row_ends << 1 | after_row);
        after_row = row_ends >> 63;
        while (row_ends) {
            uint32_t at = lowest(row_ends);
            rows->first = (uint32_t)((size_t)(ends - tape->ends) + ones(separators & ((2ull << at) - 1)));
            rows->start = (uint32_t)(base + at + 1);
            rows++;
            row_ends &= row_ends - 1;
        }
        ends += n;
    }
    tape->n_ends = (size_t)(ends - tape->ends);
    tape->n_rows = (size_t)(rows - tape->rows) - 1;
    s.doubt |= s.inside | s.after_cr;
    tape->flags = (s.quotes ? SR_HAS_QUOTE : 0) | (s.crs ? SR_HAS_CR : 0) | (s.wide ? SR_HAS_WIDE : 0) |
                  (s.escaped ? SR_HAS_BACKSLASH_ESCAPE : 0) | (s.doubled ? SR_HAS_DOUBLED_ESCAPE : 0) |
                  (s.blank | s.crs ? SR_HAS_BLANK_ROWS : 0) | (s.doubt || (s.doubled && s.escaped) ? SR_DOUBT : 0);
}

SR_FN static size_t scan_count(const uint8_t *src, size_t len, size_t *rows) {
    size_t separators = 0, row_ends = 0;
    for (size_t base = 0; base < len; base += 64) {
        sr_masks m = len - base >= 64 ? block(src + base) : tail(src + base, len - base);
        separators += ones(m.separator | m.row_end);
        row_ends += ones(m.row_end);
    }
    *rows = row_ends;
    return separators;
}

SR_FN static uint32_t scan_classify(const uint8_t *src, size_t len) {
    uint32_t bits = 0;
    for (; len >= 64; src += 64, len -= 64) bits |= specials(src);
    return len ? bits | specials_tail(src, len) : bits;
}
