/* Claims that hold for any bytes: each kernel agrees with the models, reading is total, and its result can be written
 * and read again. Shared by the tests, which choose the bytes, and by the fuzz target, whose fuzzer does.
 */
#ifndef INPUT_H
#define INPUT_H

#define MOST_EXACT 16 /* copy this many fields of a payload to blocks of their own, read the others in place */

#include "check.h"
#include "model.h"

/* ---- kernels against models -------------------------------------------------------------------------------------- */

typedef struct {
    block ends, rows;
    sr_tape tape;
} tape_block;

/* The space that sr.h asks for, for this many separators and row ends. */
static inline tape_block new_tape(size_t ends, size_t rows) {
    tape_block t = {room((ends + SR_SLACK + 1) * sizeof(uint32_t)), room((rows + SR_ROW_SLACK) * sizeof(sr_row)), {0}};
    t.tape.ends = (uint32_t *)(void *)t.ends.p;
    t.tape.rows = (sr_row *)(void *)t.rows.p;
    return t;
}

static inline void done_tape(tape_block t) {
    done(t.ends);
    done(t.rows);
}

static inline size_t count_model(const uint8_t *src, size_t len, size_t *rows) {
    size_t ends = *rows = 0;
    for (size_t i = 0; i < len; i++) {
        ends += src[i] == ',' || src[i] == '\n';
        *rows += src[i] == '\n';
    }
    return ends;
}

static inline void check_index(const sr_kernel *k, const sr_tape *want, const uint8_t *src, size_t len, size_t ends,
                               size_t rows) {
    tape_block t = new_tape(ends, rows);
    k->index(src, len, &t.tape);
    CHECK(t.tape.flags == want->flags);
    CHECK(t.tape.n_ends == want->n_ends && t.tape.n_rows == want->n_rows);
    CHECK(memcmp(t.tape.ends, want->ends, want->n_ends * sizeof(uint32_t)) == 0);
    CHECK(memcmp(t.tape.rows, want->rows, (want->n_rows + 1) * sizeof(sr_row)) == 0);
    done_tape(t);
}

/* A single row has the tape that reading gives. */
static inline void check_single(const sr_kernel *k, const uint8_t *src, size_t len) {
    sr_ends want = model_single(src, len), got = k->single(src, len);
    CHECK(got.low == want.low && got.high == want.high);
    if (!(got.low | got.high)) return;
    tape_block read = new_tape(len, len), single = new_tape(len, 1);
    CHECK(sr_read(k, src, len, &read.tape) && read.tape.n_rows == 1);
    CHECK(!sr_single_tape(got, read.tape.n_ends - 1, &single.tape));
    CHECK(sr_single_tape(got, read.tape.n_ends, &single.tape));
    CHECK(single.tape.n_ends == read.tape.n_ends && single.tape.n_rows == 1);
    CHECK(single.tape.flags == 0 && single.tape.reading == SR_GREEDY);
    CHECK(memcmp(single.tape.ends, read.tape.ends, read.tape.n_ends * sizeof(uint32_t)) == 0);
    CHECK(memcmp(single.tape.rows, read.tape.rows, 2 * sizeof(sr_row)) == 0);
    done_tape(read), done_tape(single);
}

static inline void check_text(const sr_kernel *k, const uint8_t *src, size_t len) {
    size_t plain = model_plain(src, len);
    CHECK(k->special(src, len) == (plain < len));
    block copy = room(len + SR_SLACK);
    size_t n = k->copy(src, len, copy.p);
    CHECK(n == (plain < len ? plain / 64 * 64 : len));
    CHECK(memcmp(copy.p, src, n) == 0);
    done(copy);
}

static inline void check_escape(const sr_kernel *k, const uint8_t *src, size_t len, uint8_t escape) {
    block want = room(2 * len), got = room(2 * len + SR_SLACK), again = room(2 * len + SR_SLACK);
    size_t n = model_escape(src, len, escape, want.p);
    CHECK(k->escape(src, len, escape, got.p) == n);
    CHECK(memcmp(got.p, want.p, n) == 0);
    block inside = exact(got.p, n, 0), back = room(n + SR_SLACK);
    CHECK(k->unescape(inside.p, n, escape, back.p) == len);
    CHECK(memcmp(back.p, src, len) == 0);
    CHECK(k->unescape(src, len, escape, again.p) <= len); /* bytes that are not escaped, too */
    done(want), done(got), done(again), done(inside), done(back);
}

static inline void check_characters(const sr_kernel *k, const uint8_t *src, size_t len) {
    int width = 0;
    size_t characters = 0;
    uint32_t c = 0, most = 0;
    for (size_t i = 0; i < len; characters++) {
        i += model_character(src + i, len - i, &c);
        most = c > most ? c : most;
    }
    CHECK(k->measure(src, len, &width) == characters);
    CHECK(width == (most < 0x100 ? 1 : most < 0x10000 ? 2 : 4));
    for (; width <= 4; width *= 2) {
        block wide = room(characters * (size_t)width), narrow = room((width == 1   ? 2
                                                                      : width == 2 ? 3
                                                                                   : 4) *
                                                                         characters +
                                                                     SR_SLACK);
        k->widen(src, len, width, wide.p);
        for (size_t i = 0, j = 0; i < len; j++) {
            i += model_character(src + i, len - i, &c);
            const void *p = wide.p + j * (size_t)width;
            CHECK(c == (width == 1 ? *(const uint8_t *)p : width == 2 ? *(const uint16_t *)p : *(const uint32_t *)p));
        }
        bool special;
        CHECK(k->narrow(wide.p, characters, width, narrow.p, &special) == len);
        CHECK(special == (model_plain(src, len) < len));
        CHECK(memcmp(narrow.p, src, len) == 0);
        done(wide), done(narrow);
    }
}

/* src ends where its memory ends. */
static inline void check_kernels(const uint8_t *src, size_t len) {
    const sr_kernel *k;
    size_t rows, ends = count_model(src, len, &rows), valid = model_valid(src, len);
    tape_block want = new_tape(ends, rows);
    look_at(NULL, src, len);
    model_index(src, len, &want.tape);
    CHECK(sr_utf8_valid(src, len) == valid);
    block text = exact(src, valid, 0);
    for
        EACH_KERNEL(k) {
            size_t counted;
            look_at(k, src, len);
            CHECK(k->count(src, len, &counted) == ends && counted == rows);
            check_index(k, &want.tape, src, len, ends, rows);
            check_single(k, src, len);
            check_text(k, src, len);
            check_escape(k, src, len, SR_ESCAPE);
            check_escape(k, src, len, SR_QUOTE);
            check_characters(k, text.p, valid);
        }
    done(text);
    done_tape(want);
}

/* ---- reading and writing ----------------------------------------------------------------------------------------- */

/* Rows as one text: each field preceded by its length, each row by its number of fields. */
typedef struct {
    block bytes;
    size_t n;
} row_text;

static inline void put_size(row_text *out, size_t size) {
    memcpy(out->bytes.p + out->n, &size, sizeof size);
    out->n += sizeof size;
}

static inline size_t field_start(const sr_tape *tape, const sr_row *row, size_t f) {
    return f == row->first ? row->start : tape->ends[f - 1] + (size_t)1;
}

static inline row_text texts_of(const sr_kernel *k, const uint8_t *src, size_t len, const sr_tape *tape) {
    row_text out = {room(len + (tape->n_ends + tape->n_rows + 1) * sizeof(size_t) + SR_SLACK), 0};
    size_t last = 0;
    for (const sr_row *row = tape->rows; row < tape->rows + tape->n_rows; row++) {
        CHECK(row[1].first > row->first && row->start >= last && row->start < len);
        put_size(&out, row[1].first - row->first);
        for (size_t f = row->first; f < row[1].first; f++) {
            size_t start = field_start(tape, row, f), end = sr_trim_cr(src, len, start, tape->ends[f]);
            CHECK(start <= end && end <= len);
            put_size(&out, 0); /* patched below: writing the length first would need to move the text */
            uint8_t *dst = out.bytes.p + out.n;
            size_t n = 0;
            if (f < MOST_EXACT) {
                block raw = exact(src + start, end - start, 0), text = room(end - start + SR_SLACK);
                n = sr_field_text(k, tape->reading, tape->flags, raw.p, raw.len, text.p);
                memcpy(dst, text.p, n);
                done(raw), done(text);
            } else {
                n = sr_field_text(k, tape->reading, tape->flags, src + start, end - start, dst);
            }
            CHECK(n <= end - start);
            memcpy(dst - sizeof n, &n, sizeof n);
            out.n += n;
            last = end;
        }
    }
    return out;
}

/* The bytes that a fault points at. */
static inline void check_span(const sr_fault *f, const uint8_t *src) {
    size_t blanks = 0, len = f->end - f->pos;
    const uint8_t *at = src + f->pos;
    for (size_t i = 0; i < len; i++) blanks += at[i] == ' ' || at[i] == '\t';
    switch ((int)f->status) {
    case SR_BLANK_OUTSIDE_QUOTES: CHECK(blanks == len); break;
    case SR_STRAY_QUOTE: CHECK(len == 1 && *at == '"'); break;
    case SR_LONE_CR: CHECK(len == 1 && *at == '\r'); break;
    case SR_TEXT_AFTER_QUOTE: CHECK(blanks < len && at[-1] == '"'); break;
    default: CHECK(len == 2 && (*at == '"' || *at == '\\') && at[1] == '"');
    }
}

static inline size_t check_faults(const uint8_t *src, size_t len, const sr_tape *tape) {
    sr_walk walk = {0};
    size_t before = 0, n = 0;
    for (sr_fault f; (f = sr_next_fault(src, len, tape, &walk)).status; n++) {
        CHECK(f.pos >= before && f.end > f.pos && f.end <= len && n <= len);
        CHECK(f.row < tape->n_rows && f.field < tape->rows[f.row + 1].first - tape->rows[f.row].first);
        CHECK(f.status >= SR_BLANK_OUTSIDE_QUOTES && f.status <= SR_MIXED_ESCAPES);
        CHECK(f.status == SR_BLANK_OUTSIDE_QUOTES || tape->reading == SR_LENIENT);
        check_span(&f, src);
        before = f.end;
    }
    CHECK(sr_next_fault(src, len, tape, &walk).status == SR_OK);
    return n;
}

/* Reads with k; false if a quote is never closed. */
static inline bool read_all(const sr_kernel *k, const uint8_t *src, size_t len, tape_block *t) {
    size_t rows, ends = k->count(src, len, &rows);
    *t = new_tape(ends, rows);
    if (sr_read(k, src, len, &t->tape)) return true;
    block scratch = room(sr_exact_room(len));
    sr_fault fault = sr_read_exact(k, src, len, &t->tape, scratch.p);
    done(scratch);
    if (fault.status == SR_OK) return true;
    CHECK(fault.status == SR_UNTERMINATED_QUOTE && fault.pos < len && src[fault.pos] == '"' && fault.end == len);
    CHECK(fault.row == t->tape.n_rows);
    return false;
}

/* The rows as the canonical payload. */
static inline block write_all(const sr_kernel *k, sr_style style, const row_text *rows) {
    block out = room(3 * rows->n + 2 * SR_SLACK + 16);
    size_t n = 0, fields, len;
    for (size_t at = 0; at < rows->n;) {
        memcpy(&fields, rows->bytes.p + at, sizeof fields);
        at += sizeof fields;
        if (n) out.p[n++] = SR_ROW_END;
        size_t start = n;
        for (size_t f = 0; f < fields; f++, at += len) {
            memcpy(&len, rows->bytes.p + at, sizeof len);
            at += sizeof len;
            if (f) out.p[n++] = SR_SEPARATOR;
            block field = room(sr_put_room(len));
            const uint8_t *text = rows->bytes.p + at;
            size_t written;
            CHECK(sr_put_text(k, style, text, len, field.p, &written) == SR_OK);
            CHECK(written == sr_text_size(k, style, text, len) && written <= 2 * len + 2);
            CHECK(written == model_put(style, text, len, out.p + n));
            CHECK(memcmp(field.p, out.p + n, written) == 0);
            n += written;
            done(field);
        }
        if (n == start) n += sr_put_empty_row(out.p + n);
    }
    block payload = exact(out.p, n, 0);
    done(out);
    return payload;
}

/* decode, encode, decode, encode: the rows stay the same, and the payload is canonical. Two kernels share the work. */
static inline void check_round_trip(const sr_kernel *k, const sr_kernel *other, sr_style style, const uint8_t *src,
                                    size_t len) {
    tape_block first, second;
    look_at(k, src, len);
    bool whole = read_all(k, src, len, &first);
    row_text rows = texts_of(k, src, len, &first.tape);
    if (whole) {
        CHECK(check_faults(src, len, &first.tape) > 0 || first.tape.reading != SR_LENIENT);
    } else {
        first.tape.n_rows++; /* the unfinished row follows the whole ones and can be read too */
        check_faults(src, len, &first.tape);
        done(texts_of(k, src, len, &first.tape).bytes);
    }
    block payload = write_all(k, style, &rows);
    look_at(other, payload.p, payload.len);
    CHECK(read_all(other, payload.p, payload.len, &second));
    sr_walk walk = {0};
    CHECK(sr_next_fault(payload.p, payload.len, &second.tape, &walk).status == SR_OK);
    row_text again = texts_of(other, payload.p, payload.len, &second.tape);
    CHECK(again.n == rows.n && memcmp(again.bytes.p, rows.bytes.p, rows.n) == 0);
    block canonical = write_all(other, style, &again);
    CHECK(canonical.len == payload.len && memcmp(canonical.p, payload.p, payload.len) == 0);
    done(payload), done(canonical), done(again.bytes), done(rows.bytes);
    done_tape(second);
    done_tape(first);
}

/* Invalid UTF-8 stays in the promised room, too. */
static inline void check_put_any(const sr_kernel *k, sr_style style, const uint8_t *src, size_t len) {
    block dst = room(sr_put_room(len));
    size_t written;
    CHECK(sr_put_text(k, style, src, len, dst.p, &written) == SR_OK);
    CHECK(written == sr_text_size(k, style, src, len) && written <= 2 * len + 2);
    sr_longest_prefix(k, style, src, len, src, len / 3, len / 2);
    done(dst);
}

/* Any bytes; they also choose the two kernels and the style of the round trip. */
static inline void check_input(const uint8_t *bytes, size_t len) {
    size_t choice = len, kernels = 0;
    for (size_t i = 0; i < len; i++) choice = choice * 31 + bytes[i];
    while (kernel_here(kernels)) kernels++;
    block src = exact(bytes, len, choice % 64);
    check_kernels(src.p, len);
    size_t valid = sr_utf8_valid(src.p, len), bom = sr_bom(src.p, valid);
    block text = exact(src.p + bom, valid - bom, 0);
    sr_style style = {choice & 64 ? SR_QUOTE : SR_ESCAPE, choice & 128, false};
    look_at(kernel_here(0), src.p, len);
    check_put_any(kernel_here(choice % kernels), style, src.p, len);
    check_round_trip(kernel_here(choice / 256 % kernels), kernel_here(choice / 1024 % kernels), style, text.p,
                     text.len);
    done(text);
    done(src);
}

#endif
