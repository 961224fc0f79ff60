/* The exact reading of every kernel against the automaton, which takes one byte after the other: the same rows, fields,
 * flags and faults. Every shape of text that leaves the greedy scan in doubt, alone and in pairs, at every place of a
 * block and of the next one; all short texts across the edge of a block; random mixes of such shapes. An argument
 * multiplies the work.
 */
#include "automaton.h"
#include "input.h"

static size_t inputs = 0, in_doubt = 0, readings[4] = {0};

/* ---- one text ---------------------------------------------------------------------------------------------------- */

typedef struct {
    sr_fault fault;
    tape_block t;
} reading;

static void check_same(const reading *want, const reading *got) {
    const sr_tape *a = &want->t.tape, *b = &got->t.tape;
    CHECK(a->reading == b->reading && a->flags == b->flags);
    CHECK(a->n_ends == b->n_ends && a->n_rows == b->n_rows);
    size_t rows = a->n_rows + (want->fault.status != SR_OK); /* the row with the open quote follows */
    CHECK(memcmp(a->ends, b->ends, a->n_ends * sizeof *a->ends) == 0);
    CHECK(memcmp(a->rows, b->rows, (rows + 1) * sizeof *a->rows) == 0);
    const sr_fault *f = &want->fault, *g = &got->fault;
    CHECK(f->status == g->status && f->pos == g->pos && f->end == g->end && f->row == g->row && f->field == g->field);
}

/* Where the greedy scan is sure, its rows are those of a strict reading. */
static void check_sure(const reading *want, const sr_tape *tape) {
    const sr_tape *a = &want->t.tape;
    CHECK(want->fault.status == SR_OK && a->reading != SR_LENIENT);
    CHECK(a->n_ends == tape->n_ends && a->n_rows == tape->n_rows);
    CHECK(memcmp(a->ends, tape->ends, a->n_ends * sizeof *a->ends) == 0);
    CHECK(memcmp(a->rows, tape->rows, (a->n_rows + 1) * sizeof *a->rows) == 0);
}

static void read_exactly(const sr_kernel *k, const uint8_t *src, size_t len, reading *r) {
    block scratch = room(sr_exact_room(len));
    r->fault = sr_read_exact(k, src, len, &r->t.tape, scratch.p);
    done(scratch);
}

static void check_text_at(const uint8_t *text, size_t len, size_t offset) {
    block src = exact(text, len, offset), marks = room(len + 2);
    size_t rows, ends = count_model(src.p, len, &rows);
    reading want = {.t = new_tape(ends, rows)};
    look_at(NULL, src.p, len);
    want.fault = automaton_read(src.p, len, &want.t.tape, marks.p);
    readings[want.t.tape.reading]++;
    const sr_kernel *k;
    for
        EACH_KERNEL(k) {
            reading resumed = {.t = new_tape(ends, rows)}, whole = {.t = new_tape(ends, rows)};
            look_at(k, src.p, len);
            if (sr_read(k, src.p, len, &resumed.t.tape)) {
                check_sure(&want, &resumed.t.tape);
            } else {
                read_exactly(k, src.p, len, &resumed);
                check_same(&want, &resumed);
                in_doubt++;
            }
            k->index(src.p, len, &whole.t.tape); /* and from the first byte, whatever the scan was sure of */
            whole.t.tape.n_ends = whole.t.tape.n_rows = 0;
            read_exactly(k, src.p, len, &whole);
            check_same(&want, &whole);
            done_tape(resumed.t), done_tape(whole.t);
        }
    inputs++;
    done(src), done(marks), done_tape(want.t);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* What may stand in one field, and what ends a row. */
static const char *const SHAPES[] = {
    " \"a\"",       "\t \"a\"",     "\"a\" ",
    "\"a\"\t ",     "  \"a, b\"  ", "a\"b",
    "5\" pipe",     "\"",           "a\"",
    "\\\"",         "a\\\"b",       "\"dir\\\"",
    "\"a\\\\\"",    "\"a\\\" ",     "\"\\\"\"",
    "\"\\\"\\\"\"", "\"\\\"",       "\"a\\\"b\"",
    "\"a\"\"b\"",   "\"\"\"\"",     "\"\"\"",
    "\"\"",         "\" \"\" \"",   "\"a\\\"b\"\"c\"",
    "\"\\\"\"\"",   "\"\"\\\"\"",   "\"a\"b",
    "\"a\" b",      "\"a\"b\"c\"",  "\"a\" \"b\"",
    "\"a,b\nc\"",   "\"a\\\",",     "\"a\\\"\n",
    "\r",           "a\rb",         "\"\r\"",
    "\"a\"\r",      "\"a\" \r",     "\r\n",
    "\"a\"\r\n",    "\"a\" \r\n",   "\n\n",
    "\n\r\n\n",     "\n\r",         " ",
    "  ",           "\xC3\xA9\"",   "\"\xE2\x82\xAC\\\"",
    "\"open",       "\"\\\" ,\"",   "\"\"\" ,\"\"",
    "\",\\\",\"",
};
enum { N_SHAPES = sizeof SHAPES / sizeof *SHAPES };

/* What stands before and after: plain fields, rows, quoted fields, escapes of both kinds, blanks, long fields. */
static const char *const AROUND[] = {"a", "12,", "200,ab\n", "\"a\",", "\"\\\"\",", "\"\"\"\",", " ", "\"b, c\"\r\n"};
enum { N_AROUND = sizeof AROUND / sizeof *AROUND };

static size_t put(uint8_t *dst, const char *text) {
    size_t n = strlen(text);
    memcpy(dst, text, n);
    return n;
}

static size_t fill(uint8_t *dst, const char *with, size_t len) {
    for (size_t i = 0, n = strlen(with); i < len; i++) dst[i] = (uint8_t)with[i % n];
    return len;
}

/* Every shape at every place of two blocks. */
static void sweep_shapes(size_t step) {
    uint8_t text[512];
    size_t turn = 0;
    for (size_t at = 0; at <= 130; at++) {
        for (size_t i = 0; i < (size_t)N_SHAPES * N_AROUND * 6; i++) {
            if (turn++ % step) continue;
            const char *shape = SHAPES[i % N_SHAPES], *around = AROUND[i / N_SHAPES % N_AROUND];
            size_t after = i / N_SHAPES / N_AROUND;
            size_t n = fill(text, around, at);
            if (at && after % 2) text[at - 1] = ','; /* a field starts here, else where the surroundings say */
            n += put(text + n, shape);
            if (after / 2) n += put(text + n, after / 2 == 1 ? "," : "\n");
            if (after / 2) n += fill(text + n, around, after / 2 == 1 ? 3 : 70);
            check_text_at(text, n, turn % 64);
        }
    }
}

/* Two shapes a block or less apart. */
static void sweep_pairs(size_t step) {
    uint8_t text[512];
    size_t turn = 0;
    for (size_t gap = 0; gap <= 64; gap++) {
        for (size_t i = 0; i < (size_t)N_SHAPES * N_SHAPES; i++) {
            if (turn++ % step) continue;
            size_t n = fill(text, AROUND[turn % N_AROUND], turn % 63);
            text[n++] = turn % 3 ? ',' : '\n';
            n += put(text + n, SHAPES[i % N_SHAPES]);
            text[n++] = turn % 5 ? ',' : '\n';
            n += fill(text + n, AROUND[turn / 7 % N_AROUND], gap);
            if (turn % 2) text[n++] = ',';
            n += put(text + n, SHAPES[i / N_SHAPES]);
            if (turn % 4) n += fill(text + n, turn % 4 == 1 ? "\n" : ",z", turn / 11 % 40);
            check_text_at(text, n, turn % 64);
        }
    }
}

/* An escape that the greedy scan takes for granted, whole rows, and a doubt much later: those rows may read otherwise.
 */
static void sweep_late_doubt(size_t step) {
    static const char *const ESCAPES[] = {"\"a\\\",\n\",x\n", "\"\\\"\n\"\n", "\"a\"\",\n\",x\n", "\"a\\\"b\",x\n"};
    static const char *const LATE[] = {"\"\n", "\",\"", "x\"y", "\"b\\\"", "\"a\\\"b\"\"c\"", " \"a\"", "\r", "\"open"};
    uint8_t text[512];
    size_t turn = 0;
    for (size_t at = 0; at <= 130; at++) {
        for (size_t i = 0; i < 4 * 8 * 3 * 3; i++) {
            if (turn++ % step) continue;
            size_t n = fill(text, i % 3 ? "b,\n" : "bb", at), gap = (size_t[]){0, 66, 130}[i / 3 % 3];
            if (n) text[n - 1] = '\n';
            n += put(text + n, ESCAPES[i / 9 % 4]);
            n += fill(text + n, i % 3 == 1 ? "c,\n" : "ccccccc\n", gap);
            n += put(text + n, LATE[i / 36]);
            check_text_at(text, n, turn % 64);
        }
    }
}

/* All short texts of the bytes that rule reading, across the edge of a block. */
static void sweep_edge(size_t length, size_t step) {
    static const char BYTES[] = ",\"\\\n\r a";
    uint8_t text[160];
    size_t count = 1, turn = 0;
    for (size_t i = 0; i < length; i++) count *= 7;
    for (size_t at = 64 - length; at <= 64; at++) {
        for (size_t i = 0; i < count; i++) {
            if (turn++ % step) continue;
            size_t n = fill(text, AROUND[turn % N_AROUND], at);
            text[at - 1] = i % 2 ? ',' : text[at - 1];
            for (size_t j = 0, rest = i; j < length; j++, rest /= 7) text[n++] = (uint8_t)BYTES[rest % 7];
            n += fill(text + n, AROUND[turn / 3 % N_AROUND], turn / 5 % 70);
            check_text_at(text, n, turn % 64);
        }
    }
}

static size_t put_field(uint8_t *dst, size_t doubtful) {
    if (below(100) < doubtful) return put(dst, SHAPES[below(N_SHAPES)]);
    switch (below(6)) {
    case 0: return 0;
    case 1: return put(dst, "\"a, b\"");
    case 2: return put(dst, "\"say \\\"hi\\\"\"");
    case 3: return put(dst, "\"say \"\"hi\"\"\"");
    case 4: return fill(dst, "\xC3\xA9", 2 * below(20));
    default: return fill(dst, "c8y_Temperature 23.5", below(below(8) ? 12 : 90));
    }
}

static void random_mixes(size_t n) {
    static const char *const ROW_ENDS[] = {"\n", "\n", "\n", "\r\n", "\n\n"};
    uint8_t text[4096];
    for (size_t i = 0; i < n; i++) {
        size_t len = 0, fields = 1 + below(i % 16 ? 8 : 30), doubtful = (size_t[]){0, 3, 20, 70}[below(4)];
        const char *row_end = ROW_ENDS[below(5)];
        for (size_t f = 0; f < fields; f++) {
            if (f) len += put(text + len, below(4) ? "," : row_end);
            len += put_field(text + len, doubtful);
        }
        if (below(2)) len += put(text + len, row_end);
        if (len && below(20) == 0) len = below(len + 1); /* cut off */
        if (len && below(20) == 0) text[below(len)] = (uint8_t) "\"\\\r\n, "[below(6)];
        check_text_at(text, len, below(64));
        if (below(4)) continue;
        len = below(260);
        random_text(text, len);
        check_text_at(text, len, below(64));
    }
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    size_t step = work < 1 ? (size_t)(1 / work) : 1;
    sweep_shapes(step);
    sweep_pairs(step);
    sweep_late_doubt(1);
    sweep_edge(4, 1);
    sweep_edge(work > 1 ? 7 : 6, step);
    random_mixes((size_t)(1000000 * work));
    CHECK(in_doubt && readings[SR_BACKSLASH] && readings[SR_DOUBLE] && readings[SR_LENIENT]);
    printf("%zu texts (%zu readings in doubt; strict with backslashes %zu, doubling %zu, lenient %zu): no difference\n",
           inputs, in_doubt, readings[SR_BACKSLASH], readings[SR_DOUBLE], readings[SR_LENIENT]);
    return 0;
}
