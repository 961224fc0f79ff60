/* Every kernel of this CPU against the models: every length up to 200 bytes, every position of every byte that could
 * matter, pairs of them at the edges of blocks, dense texts, short hostile texts across such an edge, and random texts.
 * An argument multiplies the work; below 1 it samples.
 */
#include "input.h"

#define LONGEST 200

static const uint8_t INTERESTING[] = {',',  '\n', '"',  '\\', '\r', '\t', ' ',  0x00,
                                      0x7F, 0x80, 0xBF, 0xC3, 0xE2, 0xED, 0xF4, 0xFF};
enum { N_INTERESTING = sizeof INTERESTING };

static size_t inputs = 0;

static void check_at(const uint8_t *text, size_t len, size_t offset) {
    block src = exact(text, len, offset);
    check_kernels(src.p, len);
    done(src);
    inputs++;
}

/* One byte that could matter in a text of letters. */
static void sweep(size_t step) {
    uint8_t text[LONGEST];
    memset(text, 'a', sizeof text);
    for (size_t len = 0, turn = 0; len <= LONGEST; len++) {
        check_at(text, len, len % 64);
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < N_INTERESTING; i++) {
                if (turn++ % step) continue;
                text[at] = INTERESTING[i];
                check_at(text, len, turn % 64);
            }
            text[at] = 'a';
        }
    }
}

/* Two of them side by side: at the start, across blocks of 16, 32 and 64 bytes, at the end. */
static void sweep_pairs(size_t step) {
    static const size_t LENGTHS[] = {2, 16, 17, 32, 33, 63, 64, 65, 127, 128, 129, 192, 200};
    static const size_t PLACES[] = {0, 1, 14, 15, 16, 30, 31, 32, 62, 63, 64, 95, 126, 127, 128, 190, 191};
    uint8_t text[LONGEST];
    size_t turn = 0;
    for (size_t l = 0; l < sizeof LENGTHS / sizeof *LENGTHS; l++) {
        for (size_t p = 0; p <= sizeof PLACES / sizeof *PLACES; p++) {
            size_t len = LENGTHS[l], at = p < sizeof PLACES / sizeof *PLACES ? PLACES[p] : len - 2;
            if (at + 2 > len) continue;
            for (size_t i = 0; i < N_INTERESTING * N_INTERESTING; i++) {
                if (turn++ % step) continue;
                memset(text, i % 7 ? 'a' : '"', len);
                text[at] = INTERESTING[i / N_INTERESTING];
                text[at + 1] = INTERESTING[i % N_INTERESTING];
                check_at(text, len, turn % 64);
            }
        }
    }
}

/* Texts of nothing else: every second byte, two of three, all. */
static void sweep_dense(size_t step) {
    uint8_t text[LONGEST];
    size_t turn = 0;
    for (size_t len = 1; len <= LONGEST; len++) {
        for (size_t i = 0; i < N_INTERESTING * N_INTERESTING; i++) {
            if (turn++ % step) continue;
            for (size_t at = 0; at < len; at++)
                text[at] = INTERESTING[at % (2 + i % 2) ? i / N_INTERESTING : i % N_INTERESTING];
            check_at(text, len, turn % 64);
        }
    }
}

/* All texts of five bytes that rule reading, at each place across the edge of a block. */
static void sweep_edge(size_t step) {
    static const char BYTES[] = ",\"\\\n\ra ";
    uint8_t text[80];
    size_t turn = 0;
    for (size_t at = 59; at <= 64; at++) {
        for (size_t i = 0; i < 7 * 7 * 7 * 7 * 7; i++) {
            if (turn++ % step) continue;
            memset(text, 'a', sizeof text);
            text[at - 1] = ','; /* a quote may open */
            for (size_t j = 0, rest = i; j < 5; j++, rest /= 7) text[at + j] = (uint8_t)BYTES[rest % 7];
            check_at(text, at + 5 + turn % 8, turn % 64);
        }
    }
}

static void random_inputs(size_t n) {
    uint8_t text[600];
    for (size_t i = 0; i < n; i++) {
        size_t len = below(i % 8 ? 150 : sizeof text);
        random_text(text, len);
        check_input(text, len);
        inputs++;
    }
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    size_t step = work < 1 ? (size_t)(1 / work) : 1;
    const sr_kernel *k;
    printf("kernels:");
    for
        EACH_KERNEL(k) printf(" %s", k->name);
    CHECK(sr_kernel_best(sr_cpu()) == kernel_here(0));
    CHECK(sr_kernel_best(0) == scalar() && scalar()->needs == 0);
    sweep(step);
    sweep_pairs(step);
    sweep_dense(step);
    sweep_edge(step);
    random_inputs((size_t)(20000 * work));
    printf("\n%zu inputs, each on every kernel: no difference\n", inputs);
    return 0;
}
