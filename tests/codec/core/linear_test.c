/* Time grows linearly with the length of the payload, for the shapes on which a naive reader is slow: eight times the
 * payload may take at most three times as long per byte. The best of several runs counts, since the machine is shared.
 */
#include <time.h>

#include "input.h"

#define SHORT 20000
#define TIMES 8

static const char *const SHAPES[] = {
    ",",         "\n",         "\"",          "\\",        "\\\"",     "\"\"",
    "\",\"",     "\",\\\"",    "\"\n",        ",\",\\\",", "\r",       "\r\n",
    " ",         "\" ",        "1\n",         "a",         "\xC3",     "\xF0\x90\x80",
    "\"\\\",",   "\"\" ,",     "\"a\"\"\",x", "\\\",\n",   "\"\r",     "\xE2\x82\xAC",
    "5\" pipe,", "5\" pipe\n", "a\rb,",       " \"a\",",   "\"a\" \n", "\"a\"\"b\\\"c\",",
    "\"a\\\"\n", "\"a\"b,"};

static volatile size_t sink;

static void read_once(const sr_kernel *k, const uint8_t *src, size_t len, sr_tape *tape, uint8_t *scratch) {
    sr_walk walk = {0};
    size_t rows;
    sink = k->count(src, len, &rows) + sr_utf8_valid(src, len);
    sr_fault fault = {SR_OK, 0, 0, 0, 0};
    if (!sr_read(k, src, len, tape)) fault = sr_read_exact(k, src, len, tape, scratch);
    for (size_t r = 0; r < tape->n_rows; r++) {
        const sr_row *row = &tape->rows[r];
        for (size_t f = row->first; f < row[1].first; f++) {
            size_t start = field_start(tape, row, f), end = sr_trim_cr(src, len, start, tape->ends[f]);
            sink += sr_field_text(k, tape->reading, tape->flags, src + start, end - start, scratch);
        }
    }
    tape->n_rows += fault.status != SR_OK;
    while (sr_next_fault(src, len, tape, &walk).status) sink++;
}

static void write_once(const sr_kernel *k, const uint8_t *src, size_t len, uint8_t *dst) {
    sr_style style = {SR_ESCAPE, false, false};
    size_t written = 0, valid = sr_utf8_valid(src, len);
    sink = sr_put_text(k, style, src, valid, dst, &written);
    sink += sr_longest_prefix(k, style, src, valid, (const uint8_t *)"...", 3, valid / 2) +
            sr_text_size(k, style, src, valid);
}

static void fill(uint8_t *dst, size_t len, const char *shape) {
    for (size_t i = 0, n = strlen(shape); i < len; i++) dst[i] = (uint8_t)shape[i % n];
}

/* Seconds for the shape at this length, the best of `runs`. */
static double seconds(const sr_kernel *k, const char *shape, bool opened, size_t len, int runs) {
    double best = 1e9;
    uint8_t *src = malloc(len), *space = malloc(sr_put_room(len));
    uint32_t *ends = malloc((len + SR_SLACK + 1) * sizeof *ends);
    sr_row *rows = malloc((len + SR_ROW_SLACK) * sizeof *rows);
    CHECK(src && space && ends && rows);
    sr_tape tape = {ends, rows, 0, 0, 0, SR_GREEDY};
    fill(src, len, shape);
    if (opened) src[0] = '"';
    for (int run = 0; run < runs; run++) {
        clock_t start = clock();
        read_once(k, src, len, &tape, space);
        write_once(k, src, len, space);
        double took = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = took < best ? took : best;
    }
    free(src), free(space), free(ends), free(rows);
    return best;
}

int main(void) {
    const sr_kernel *k;
    double worst = 0;
    for
        EACH_KERNEL(k) {
            for (size_t i = 0; i < 2 * sizeof SHAPES / sizeof *SHAPES; i++) {
                const char *shape = SHAPES[i / 2];
                double ratio = 1e9;
                look_at(k, (const uint8_t *)shape, strlen(shape));
                for (int attempt = 0; attempt < 4 && ratio > 3; attempt++) { /* a busy moment proves nothing */
                    double few = seconds(k, shape, i % 2, SHORT, 6), many = seconds(k, shape, i % 2, SHORT * TIMES, 3);
                    ratio = many / TIMES / (few > 1e-5 ? few : 1e-5);
                }
                CHECK(ratio <= 3);
                worst = ratio > worst ? ratio : worst;
            }
        }
    printf("linear in all shapes: at most %.1f times as long a byte at %d times the length\n", worst, TIMES);
    return 0;
}
