/* Writing against rules E2 to E4: every character at each end of a field, random texts in every style, from bytes and
 * from arrays of characters, in exactly the promised room; and the longest prefix against trying them all. An argument
 * multiplies the work.
 */
#include "input.h"

static void check_put(const sr_kernel *k, sr_style style, const uint8_t *bytes, size_t len) {
    block src = exact(bytes, len, len % 64), want = room(2 * len + 2), got = room(sr_put_room(len));
    look_at(k, src.p, len);
    size_t n = model_put(style, src.p, len, want.p), written = 0;
    sr_status status = sr_put_text(k, style, src.p, len, got.p, &written);
    if (n == SIZE_MAX) {
        CHECK(status == SR_TRAILING_BACKSLASH);
    } else {
        CHECK(status == SR_OK && written == n);
        CHECK(memcmp(got.p, want.p, n) == 0);
        CHECK(sr_text_size(k, style, src.p, len) == n);
    }
    done(src), done(want), done(got);
}

/* The same from an array of characters of each width that can hold it. */
static void check_put_wide(const sr_kernel *k, sr_style style, const uint8_t *bytes, size_t len) {
    size_t n = 0;
    uint32_t c = 0, most = 0;
    for (size_t i = 0; i < len; n++) {
        i += model_character(bytes + i, len - i, &c);
        most = c > most ? c : most;
    }
    for (int width = most < 0x100 ? 1 : most < 0x10000 ? 2 : 4; width <= 4; width *= 2) {
        block wide = room(n * (size_t)width), got = room(sr_put_room(len)), want = room(2 * len + 2);
        sr_kernel_best(0)->widen(bytes, len, width, wide.p);
        block src = exact(wide.p, wide.len, 0);
        size_t written = 0, expected = model_put(style, bytes, len, want.p);
        sr_status status = sr_put_wide(k, style, src.p, n, width, got.p, &written);
        CHECK(status == (expected == SIZE_MAX ? SR_TRAILING_BACKSLASH : SR_OK));
        if (status == SR_OK) CHECK(written == expected && memcmp(got.p, want.p, written) == 0);
        if (width > 1 && n) { /* one surrogate anywhere */
            size_t at = below(n);
            uint32_t lone = 0xD800 + (uint32_t)below(0x800);
            uint16_t half = (uint16_t)lone;
            memcpy(src.p + at * (size_t)width, width == 2 ? (void *)&half : (void *)&lone, (size_t)width);
            CHECK(sr_put_wide(k, style, src.p, n, width, got.p, &written) == SR_LONE_SURROGATE);
        }
        done(wide), done(got), done(want), done(src);
    }
}

static void each_style(const uint8_t *bytes, size_t len) {
    const sr_kernel *k;
    for
        EACH_KERNEL(k) {
            for (int i = 0; i < 8; i++) {
                sr_style style = {i & 1 ? SR_QUOTE : SR_ESCAPE, i & 2, i & 4};
                check_put(k, style, bytes, len);
                check_put_wide(k, style, bytes, len);
            }
        }
}

static void each_character(uint32_t step) {
    const sr_style style = {SR_ESCAPE, false, false};
    for (uint32_t c = 0; c < 0x110000; c += c < 0x3100 || (c >= 0xFE00 && c < 0xFF00) ? 1 : step) {
        if (c >= 0xD800 && c < 0xE000) continue;
        uint8_t alone[4], first[5], last[5], inside[6] = {'a'};
        size_t n = put_code_point(c, alone);
        memcpy(first, alone, n);
        first[n] = 'z';
        last[0] = 'a';
        memcpy(last + 1, alone, n);
        memcpy(inside + 1, alone, n);
        inside[n + 1] = 'z';
        check_put(sr_kernel_best(sr_cpu()), style, alone, n);
        check_put(sr_kernel_best(sr_cpu()), style, first, n + 1);
        check_put(sr_kernel_best(sr_cpu()), style, last, n + 1);
        check_put(sr_kernel_best(sr_cpu()), style, inside, n + 2);
    }
}

static size_t valid_text(uint8_t *dst, size_t len) {
    random_text(dst, len);
    for (size_t at; (at = model_valid(dst, len)) < len;) dst[at] = '"';
    return len;
}

static void random_fields(size_t n) {
    uint8_t text[400];
    for (size_t i = 0; i < n; i++) {
        size_t len = valid_text(text, below(i % 4 ? 90 : sizeof text));
        if (i % 3 == 0) memset(text, "\"\\,"[below(3)], below(len + 1));
        for (size_t at; (at = model_valid(text, len)) < len;) text[at] = ' ';
        each_style(text, len);
    }
}

/* ---- the longest prefix ------------------------------------------------------------------------------------------ */

static size_t try_all(sr_style style, const uint8_t *src, size_t len, const uint8_t *marker, size_t marker_len,
                      size_t limit) {
    uint8_t both[128], written[300];
    for (size_t n = len + 1; n-- > 0;) {
        if (n < len && src[n] >> 6 == 2) continue;
        memcpy(both, src, n);
        memcpy(both + n, marker, marker_len);
        if (model_put(style, both, n + marker_len, written) <= limit) return n;
    }
    return SIZE_MAX;
}

static void random_prefixes(size_t n) {
    uint8_t bytes[48], marks[8];
    const sr_kernel *k;
    for (size_t i = 0; i < n; i++) {
        size_t len = valid_text(bytes, below(sizeof bytes)), marker_len = valid_text(marks, below(sizeof marks));
        sr_style style = {i & 1 ? SR_QUOTE : SR_ESCAPE, i % 5 == 0, false};
        size_t limit = below(2 * len + marker_len + 4);
        block src = exact(bytes, len, 0), marker = exact(marks, marker_len, 0);
        size_t want = try_all(style, src.p, len, marker.p, marker_len, limit);
        for
            EACH_KERNEL(k) {
                look_at(k, src.p, len);
                CHECK(sr_longest_prefix(k, style, src.p, len, marker.p, marker_len, limit) == want);
            }
        done(src), done(marker);
    }
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    uint8_t *none = malloc(1);
    CHECK(none);
    each_style(none, 0);
    free(none);
    block row = room(SR_SLACK);
    CHECK(sr_put_empty_row(row.p) == 2 && memcmp(row.p, "\"\"", 2) == 0);
    done(row);
    each_character(work < 1 ? 97 : 1);
    random_fields((size_t)(5000 * work));
    random_prefixes((size_t)(100000 * work));
    printf("fields and prefixes: no difference\n");
    return 0;
}
