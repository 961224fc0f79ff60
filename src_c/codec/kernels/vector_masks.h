/* Masks of a block from equal(v, c), one bit per byte, and wide(v), nonzero for a block with bytes beyond ASCII. */

SR_FN static inline sr_masks masks(vec v) {
    sr_masks m;
    m.separator = equal(v, SR_SEPARATOR);
    m.row_end = equal(v, SR_ROW_END);
    m.quote = equal(v, SR_QUOTE);
    m.escape = equal(v, SR_ESCAPE);
    m.cr = equal(v, SR_CARRIAGE_RETURN);
    m.wide = wide(v);
    return m;
}

SR_FN static inline uint64_t blanks(vec v) { return equal(v, ' ') | equal(v, SR_TAB); }
