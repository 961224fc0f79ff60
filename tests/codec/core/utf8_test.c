/* UTF-8: the longest valid prefix and the flag of the scan against decoding by the book, for all sequences of up to
 * three bytes and those of four that differ in kind, each also across the edge of a block. With the argument 1 it
 * samples.
 */
#include "input.h"

#define PLACES 72

/* The first and the last byte of each class in the table of well-formed sequences. */
static const uint8_t KINDS[] = {0x00, 'a',  0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
enum { N_KINDS = sizeof KINDS };

static size_t sequences = 0;

/* The memory of one tape, used again and again; its sentinel exactly fills the room for no separators. */
static uint32_t *ends;
static sr_row *rows;

/* The text: `before` letters, the sequence, `after` letters, ending where its memory ends. */
static void check_sequence(block *texts, const uint8_t *sequence, size_t n, size_t before, size_t after) {
    size_t len = before + n + after;
    uint8_t *text = texts[len].p;
    memset(text, 'a', len);
    memcpy(text + before, sequence, n);
    size_t valid = before + model_valid(sequence, n);
    if (valid == before + n) valid = len;
    const sr_kernel *k;
    look_at(NULL, text, len);
    CHECK(sr_utf8_valid(text, len) == valid);
    for
        EACH_KERNEL(k) {
            sr_tape tape = {ends, rows, 0, 0, 0, SR_GREEDY};
            look_at(k, text, len);
            k->index(text, len, &tape);
            CHECK(!(tape.flags & SR_BAD_UTF8) == (valid == len));
        }
    sequences++;
}

static void everywhere(block *texts, const uint8_t *sequence, size_t n) {
    check_sequence(texts, sequence, n, 0, 0);
    for (size_t before = 59; before <= 65; before++) check_sequence(texts, sequence, n, before, before % 3);
    check_sequence(texts, sequence, n, 64 - n, 0);
    check_sequence(texts, sequence, n, 1, 60);
}

int main(int argc, char **argv) {
    bool sampled = argc > 1 && atoi(argv[1]) == 1;
    block texts[PLACES + 4];
    for (size_t len = 0; len < PLACES + 4; len++) texts[len] = room(len);
    block end_space = room((256 + SR_SLACK + 1) * sizeof *ends), row_space = room(256 * sizeof *rows);
    ends = (uint32_t *)(void *)end_space.p;
    rows = (sr_row *)(void *)row_space.p;

    uint8_t s[4];
    for (int a = 0; a < 256; a++) {
        s[0] = (uint8_t)a;
        everywhere(texts, s, 1);
        for (int b = 0; b < 256; b++) {
            s[1] = (uint8_t)b;
            if (!sampled || memchr(KINDS, a, N_KINDS)) {
                everywhere(texts, s, 2);
            } else {
                check_sequence(texts, s, 2, 63, 0);
            }
            for (int c = 0; a >= 0x80 && c < 256; c++) {
                s[2] = (uint8_t)c;
                if (!sampled || memchr(KINDS, c, N_KINDS)) check_sequence(texts, s, 3, 0, 0);
            }
        }
    }
    for (size_t i = 0; i < N_KINDS * N_KINDS * N_KINDS; i++) {
        s[0] = KINDS[i / N_KINDS / N_KINDS];
        s[1] = KINDS[i / N_KINDS % N_KINDS];
        s[2] = KINDS[i % N_KINDS];
        everywhere(texts, s, 3);
        for (size_t j = 0; j < N_KINDS; j++) {
            s[3] = KINDS[j];
            for (size_t before = 60; before <= 64; before += sampled ? 3 : 1)
                check_sequence(texts, s, 4, before, j % 2);
        }
    }
    for (size_t i = 0; i < 1u << 18; i++) {
        for (size_t j = 0; j < 4; j++) s[j] = (uint8_t)(0x80 + below(0x80));
        if (i % 2) s[0] = (uint8_t)(0xF0 + below(8));
        check_sequence(texts, s, 4, below(66), 0);
    }
    for (size_t len = 0; len < PLACES + 4; len++) done(texts[len]);
    done(end_space), done(row_space);
    printf("%zu sequences of UTF-8, good and bad: no difference\n", sequences);
    return 0;
}
