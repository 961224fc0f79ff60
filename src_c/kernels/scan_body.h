/* The loops over blocks of 64 bytes, compiled once per kernel with that kernel's instructions.
 *
 * A kernel file defines, before including this: SR_FN (its target attribute), a type `vec` of 64 bytes with load(p) and
 * load_tail(p, n) for n < 64 bytes (the others are zero), store(p, v), masks(v), specials(v) -> SR_TEXT_* bits,
 * prefix_xor(m), flatten(out, base, m, n) and ones(m); and for rule D1 a type `utf8_state` that starts as
 * zeros, with utf8_block(v, u) on each block that has or may need bytes beyond ASCII, utf8_pending(u): the next block is
 * one that may, and utf8_bad(u). Nothing here but the bits differs between CPUs; sr.h says what the functions promise.
 */

typedef struct {
    uint64_t inside;       /* all ones: in quotes */
    uint64_t after_escape; /* bit 0: the byte before was a backslash */
    uint64_t after_start;  /* bit 0: a quote may open here: separator, row end, start or closing quote before */
    uint64_t after_close;  /* bit 0: the byte before was a closing quote */
    uint64_t after_cr;     /* bit 0: the byte before was a CR outside quotes */
    uint64_t after_row;    /* bit 0: a row starts here */
    uint64_t doubt, doubled, escaped, quotes, crs, wide, blank;
} scan_state;

/* Rule D7 on one block, with quotes or carriage returns in or before it; `text` are the bits of the block that are text.
   Returns the separators outside quotes. */
SR_FN static inline uint64_t quoted_block(const sr_masks *m, uint64_t text, scan_state *s) {
    uint64_t separators = m->separator | m->row_end;
    uint64_t escaped = m->quote & (m->escape << 1 | s->after_escape);
    uint64_t real = m->quote & ~escaped;
    uint64_t inside = prefix_xor(real) ^ s->inside; /* an opening quote counts as inside, a closing one as outside */
    uint64_t openers = real & inside, closers = real & ~inside;
    uint64_t behind_close = closers << 1 | s->after_close;

    s->doubt |= openers & ~((separators | closers) << 1 | s->after_start); /* opens in mid-field */
    s->doubt |= behind_close & ~(separators | real | m->cr) & text;       /* text behind a closing quote */
    s->doubt |= escaped & ~inside;                                        /* \" outside quotes */
    s->doubled |= openers & behind_close;
    s->escaped |= escaped & inside;
    s->quotes |= m->quote;
    if (m->cr | s->crs) { /* rare, and then in every row */
        uint64_t crs = m->cr & ~inside;
        s->doubt |= (crs << 1 | s->after_cr) & ~m->row_end; /* lone CR */
        s->after_cr = crs >> 63;
        s->crs |= m->cr;
    }

    s->inside = 0 - (inside >> 63);
    s->after_close = closers >> 63;
    s->after_start = (separators | closers) >> 63;
    return separators & ~inside;
}

#ifndef SR_OWN_PUT_ROWS
/* Rows of one block into the table, of which SR_ROW_SLACK more may be touched; returns how many. */
SR_FN static inline size_t put_rows(sr_row *rows, uint64_t row_ends, uint64_t separators, size_t ends, size_t base) {
    size_t n = ones(row_ends);
    for (size_t done = 0; done < n; done += 2) { /* two at a time, the second perhaps for nothing */
        for (size_t i = 0; i < 2; i++) {
            uint64_t lowest_bit = row_ends & (0 - row_ends);
            rows[done + i].first = (uint32_t)(ends + ones(separators & (lowest_bit | (lowest_bit - 1))));
            rows[done + i].start = (uint32_t)(base + ones(lowest_bit - 1) + 1);
            row_ends &= row_ends - 1;
        }
    }
    return n;
}
#endif

/* One block into the tape; `text` are the bits of it that are text. Where it is to be read as plain and has a quote or a CR,
   nothing is done. */
SR_FN static SR_ALWAYS_INLINE bool index_block(vec v, uint64_t text, size_t base, bool plain, scan_state *s,
                                               utf8_state *utf8, sr_tape *tape, uint32_t **ends, sr_row **rows) {
    sr_masks m = masks(v);
    if (plain && (m.quote | m.cr)) return false;
    uint64_t separators = m.separator | m.row_end;
    if (m.wide | utf8_pending(utf8)) {
        utf8_block(v, utf8);
        s->wide = 1;
    }
    if (!plain) {
        separators = quoted_block(&m, text, s);
        s->after_escape = m.escape >> 63;
    }
    uint32_t n = (uint32_t)ones(separators);
    flatten(*ends, (uint32_t)base, separators, n);
    uint64_t row_ends = m.row_end & separators;
    s->blank |= row_ends & (row_ends << 1 | s->after_row);
    s->after_row = row_ends >> 63;
    size_t before = (size_t)(*ends - tape->ends);
    *rows += put_rows(*rows, row_ends, separators, before, base);
    *ends += n;
    return true;
}

SR_FN static SR_NO_INLINE void index_blocks(const uint8_t *src, size_t len, sr_tape *tape) {
    uint32_t *ends = tape->ends;
    sr_row *rows = tape->rows;
    scan_state s = {.after_start = 1, .after_row = 1};
    utf8_state utf8 = {0};
    size_t base = 0;
    *rows++ = (sr_row){0, 0};
    while (len - base >= 64 && index_block(load(src + base), ~0ull, base, true, &s, &utf8, tape, &ends, &rows)) base += 64;
    if (base > 0) { /* quotes and CR are rare, or in every row: from the first one on all blocks are read with care */
        s.after_escape = src[base - 1] == SR_ESCAPE;
        s.after_start = src[base - 1] == SR_SEPARATOR || src[base - 1] == SR_ROW_END;
    }
    for (; len - base >= 64; base += 64) index_block(load(src + base), ~0ull, base, false, &s, &utf8, tape, &ends, &rows);
    if (base < len) {
        uint64_t text = (1ull << (len - base)) - 1;
        index_block(load_tail(src + base, len - base), text, base, false, &s, &utf8, tape, &ends, &rows);
    }
    tape->n_ends = (size_t)(ends - tape->ends);
    tape->n_rows = (size_t)(rows - tape->rows) - 1;
    s.doubt |= s.inside | s.after_cr;
    tape->flags = (s.quotes ? SR_HAS_QUOTE : 0) | (s.crs ? SR_HAS_CR : 0) | (s.wide ? SR_HAS_WIDE : 0) |
                  (s.escaped ? SR_HAS_BACKSLASH_ESCAPE : 0) | (s.doubled ? SR_HAS_DOUBLED_ESCAPE : 0) |
                  (s.blank | s.crs ? SR_HAS_BLANK_ROWS : 0) | (s.doubt || (s.doubled && s.escaped) ? SR_DOUBT : 0) |
                  (utf8_bad(&utf8) || (utf8_pending(&utf8) && sr_ends_cut(src, len)) ? SR_BAD_UTF8 : 0);
}

SR_FN static inline sr_ends lone_of_two_blocks(const uint8_t *src, size_t len) {
    const sr_ends none = {0, 0};
    sr_masks a = masks(load(src)), b = masks(load_tail(src + 64, len - 64));
    uint64_t end = 1ull << (len - 64), last = end >> 1; /* bits of the second block */
    if (a.quote | a.cr | a.wide | b.quote | b.cr | b.wide | (b.row_end & ~last)) return none;
    if (a.row_end) return len == 64 && a.row_end == 1ull << 63 ? (sr_ends){a.separator | a.row_end, 0} : none;
    return (sr_ends){a.separator, b.separator | (b.row_end ? last : end)};
}

SR_FN static sr_ends scan_lone(const uint8_t *src, size_t len) {
    const sr_ends none = {0, 0};
    if (len - 1 >= 63) return len - 64 < 64 ? lone_of_two_blocks(src, len) : none;
    sr_masks m = masks(load_tail(src, len));
    uint64_t last = 1ull << (len - 1);
    if (m.quote | m.cr | m.wide | (m.row_end & ~last)) return none;
    uint64_t ends = m.separator | (m.row_end ? last : last << 1);
    return ends == 1 ? none : (sr_ends){ends, 0}; /* 1: a blank row */
}

/* One short block of plain ASCII has nothing to carry to a next one. */
SR_FN static void scan_index(const uint8_t *src, size_t len, sr_tape *tape) {
    if (len >= 64) {
        index_blocks(src, len, tape);
        return;
    }
    sr_masks m = masks(load_tail(src, len));
    if (m.quote | m.cr | m.wide) {
        index_blocks(src, len, tape);
        return;
    }
    uint64_t separators = m.separator | m.row_end;
    tape->n_ends = ones(separators);
    flatten(tape->ends, 0, separators, (uint32_t)tape->n_ends);
    tape->rows[0] = (sr_row){0, 0};
    tape->n_rows = put_rows(tape->rows + 1, m.row_end, separators, 0, 0);
    tape->flags = m.row_end & (m.row_end << 1 | 1) ? SR_HAS_BLANK_ROWS : 0;
}

SR_FN static size_t scan_count(const uint8_t *src, size_t len, size_t *rows) {
    size_t separators = 0, row_ends = 0;
    for (size_t base = 0; base < len; base += 64) {
        sr_masks m = masks(len - base >= 64 ? load(src + base) : load_tail(src + base, len - base));
        separators += ones(m.separator | m.row_end);
        row_ends += ones(m.row_end);
    }
    *rows = row_ends;
    return separators;
}

SR_FN static uint32_t scan_classify(const uint8_t *src, size_t len) {
    uint32_t bits = 0;
    for (; len >= 64; src += 64, len -= 64) bits |= specials(load(src));
    return len ? bits | specials(load_tail(src, len)) : bits;
}

SR_FN static uint32_t scan_copy(const uint8_t *src, size_t len, uint8_t *dst) {
    uint32_t bits = 0;
    for (; len >= 64; src += 64, dst += 64, len -= 64) {
        vec v = load(src);
        store(dst, v);
        bits |= specials(v);
    }
    if (len == 0) return bits;
    vec v = load_tail(src, len);
    store(dst, v);
    return bits | specials(v);
}

#ifndef SR_OWN_NARROW
SR_FN static size_t scan_narrow(const void *src, size_t len, int width, uint8_t *dst, uint32_t *bits) {
    size_t n = sr_narrow_portable(src, len, width, dst);
    if (n != SIZE_MAX) *bits = scan_classify(dst, n);
    return n;
}
#endif
