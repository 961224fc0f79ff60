/* Rule D1 on blocks of 64 bytes by comparisons alone: with the kernel's wide_masks(v), or the one here from equal(v,
   c) and at_least(v, c). */

#ifndef SR_OWN_WIDE_MASKS
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
#endif

/* The demands of a block's last bytes on the first bytes of the next block. */
typedef struct {
    uint64_t second, third, fourth, after_e0, after_ed, after_f0, after_f4;
    uint64_t bad;
} utf8_state;

SR_FN static inline bool utf8_pending(const utf8_state *u) { return u->second | u->third | u->fourth; }

/* One block. Unicode table 3-7, well-formed byte sequences. */
SR_FN static inline void utf8_block(vec v, utf8_state *u) {
    const sr_wide_masks w = wide_masks(v);
    uint64_t due = w.from_c0 << 1 | u->second | w.from_e0 << 2 | u->third | w.from_f0 << 3 | u->fourth;
    uint64_t bad = due ^ (w.from_80 & ~w.from_c0); /* continuation bytes exactly where they are due */
    bad |= (w.from_c0 & ~w.from_c2) | w.from_f5;   /* bytes that never occur */
    bad |= (w.e0 << 1 | u->after_e0) & ~w.from_a0; /* overlong */
    bad |= (w.ed << 1 | u->after_ed) & w.from_a0;  /* surrogates */
    bad |= (w.f0 << 1 | u->after_f0) & ~w.from_90; /* overlong */
    bad |= (w.f4 << 1 | u->after_f4) & w.from_90;  /* beyond U+10FFFF */
    *u = (utf8_state){w.from_c0 >> 63, w.from_e0 >> 62, w.from_f0 >> 61, w.e0 >> 63,
                      w.ed >> 63,      w.f0 >> 63,      w.f4 >> 63,      u->bad | bad};
}

SR_FN static inline bool utf8_bad(const utf8_state *u) { return u->bad; }
