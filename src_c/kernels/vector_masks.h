/* Masks of a block from two operations on its 64 bytes: equal(v, c) and at_least(v, c), one bit per byte. */

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

SR_FN static inline sr_wide_masks wide_masks(vec v) {
    sr_wide_masks w;
    w.from_80 = at_least(v, 0x80);
    w.from_90 = at_least(v, 0x90);
    w.from_a0 = at_least(v, 0xA0);
    w.from_c0 = at_least(v, 0xC0);
    w.from_c2 = at_least(v, 0xC2);
    w.from_e0 = at_least(v, 0xE0);
    w.from_f0 = at_least(v, 0xF0);
    w.from_f5 = at_least(v, 0xF5);
    w.e0 = equal(v, 0xE0);
    w.ed = equal(v, 0xED);
    w.f0 = equal(v, 0xF0);
    w.f4 = equal(v, 0xF4);
    return w;
}
