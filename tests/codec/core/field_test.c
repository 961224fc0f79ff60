/* Short fields with vectors against rule E2, each text at the end of its page: the next page cannot be read, and neither
 * can the one before the head of the text. The widest vectors of this CPU, or those of -DFIELDS_SSE2, -DFIELDS_PLAIN.
 * An argument multiplies the work.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* mmap */
#endif
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"
#include "sr_cpu.h"

#if defined(SR_X86) && !defined(FIELDS_SSE2) && !defined(FIELDS_PLAIN)
#define SR_FN SR_TARGET("avx2,bmi,bmi2,popcnt,pclmul")
#include "kernels/vec_avx2.h"
#define NEEDS SR_CPU_AVX2
#define NAME "avx2"
#elif defined(SR_X86) && !defined(FIELDS_PLAIN)
#define SR_FN
#include "kernels/vec_sse2.h"
#define NEEDS SR_CPU_SSE2
#define NAME "sse2"
#elif defined(SR_NEON) && !defined(FIELDS_PLAIN)
#define SR_FN
#include "kernels/vec_neon.h"
#define NEEDS SR_CPU_NEON
#define NAME "neon"
#else
#define SR_FN
#include "kernels/short_field_portable.h"
#define NEEDS 0
#define NAME "plain"
#endif
#ifndef SR_BEFORE
#include "kernels/short_field_vector.h"
#endif
#include "kernels/narrow_short.h"

static size_t page;
static uint8_t *middle; /* a page between two that cannot be read */
static size_t texts = 0;

SR_FN static void check_field(const uint8_t *text, size_t n, sr_style style) {
    uint8_t *src = n + SR_BEFORE + 64 < page && texts % 2 ? middle + SR_BEFORE : middle + page - n;
    uint8_t want[2 * 64 + 2];
    memcpy(src, text, n);
    size_t expected = model_put(style, src, n, want);
    block got = room(SR_SHORT_ROOM);
    look_at(NULL, src, n);
    uint8_t *end = style.all || sr_has_blank_end(src, n) ? sr_quoted_field(got.p, src, n, style.escape)
                                                         : sr_short_field(got.p, src, n, style.escape);
    CHECK(end || src[n - 1] == '\\' || !NEEDS);
    if (end) CHECK((size_t)(end - got.p) == expected && memcmp(got.p, want, expected) == 0);
    if (n <= 32 && !style.all && !(text[0] >> 7 | text[n - 1] >> 7)) {
        end = sr_plain_field(got.p, src, n);
        if (end) CHECK((size_t)(end - got.p) == n && expected == n && memcmp(got.p, src, n) == 0);
        bool letters = true;
        for (size_t i = 0; i < n; i++) letters &= src[i] >= '-' && src[i] < 0x7F;
        CHECK(end || !letters);
    }
    done(got);
    texts++;
}

static void both_styles(const uint8_t *text, size_t n) {
    check_field(text, n, (sr_style){SR_ESCAPE, false, true});
    check_field(text, n, (sr_style){SR_QUOTE, false, true});
}

/* Every ASCII character at every place of every length. */
static void each_place(void) {
    uint8_t text[64];
    for (size_t n = 1; n <= 64; n++) {
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 0x80; c++) {
                memset(text, 'a' + (int)(n % 26), n);
                text[at] = (uint8_t)c;
                both_styles(text, n);
            }
        }
    }
}

static void random_texts(size_t count) {
    static const char BYTES[] = "\"\"\\, \n\r\tabc\xC3\xA4\xC2\x85\xE3\x80\xF0";
    uint8_t text[64];
    for (size_t i = 0; i < count; i++) {
        size_t n = 1 + below(64), kinds = 1 + below(sizeof BYTES - 1);
        for (size_t at = 0; at < n; at++) text[at] = (uint8_t)BYTES[below(kinds)];
        for (size_t valid; (valid = model_valid(text, n)) < n;) text[valid] = '"';
        both_styles(text, n);
        check_field(text, n, (sr_style){i % 2 ? SR_ESCAPE : SR_QUOTE, true, true});
    }
}

/* Each function of each kernel with its text at the end of the page. */
static void kernels_at_the_end(size_t count) {
    const sr_kernel *k;
    uint8_t text[400], *wide = malloc(4 * sizeof text);
    CHECK(wide);
    for (size_t i = 0; i < count; i++) {
        size_t n = below(sizeof text), valid;
        random_text(text, n);
        while ((valid = model_valid(text, n)) < n) text[valid] = '"';
        uint8_t *src = middle + page - n;
        memcpy(src, text, n);
        for
            EACH_KERNEL(k) {
                look_at(k, src, n);
                block out = room(2 * n + SR_SLACK), other = room(2 * n + SR_SLACK);
                CHECK(k->special(src, n) == scalar()->special(text, n));
                size_t written = k->copy(src, n, out.p);
                CHECK(written == scalar()->copy(text, n, other.p) && memcmp(out.p, text, written) == 0);
                written = k->escape(src, n, SR_ESCAPE, out.p);
                CHECK(written == scalar()->escape(text, n, SR_ESCAPE, other.p));
                CHECK(memcmp(out.p, other.p, written) == 0);
                written = k->unescape(src, n, SR_ESCAPE, out.p);
                CHECK(written == scalar()->unescape(text, n, SR_ESCAPE, other.p));
                CHECK(memcmp(out.p, other.p, written) == 0);
                int width = 0, same = 0;
                size_t characters = k->measure(src, n, &width);
                CHECK(characters == scalar()->measure(text, n, &same) && width == same);
                k->widen(src, n, width, wide);
                uint8_t *array = middle + page - characters * (size_t)width;
                memcpy(array, wide, characters * (size_t)width);
                bool special;
                CHECK(k->narrow(array, characters, width, out.p, &special) == n && memcmp(out.p, text, n) == 0);
                CHECK(special == scalar()->special(text, n));
                memcpy(src, text, n);
                done(out), done(other);
            }
    }
    free(wide);
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    page = (size_t)sysconf(_SC_PAGESIZE);
    middle = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(middle != MAP_FAILED);
    CHECK(mprotect(middle, page, PROT_NONE) == 0 && mprotect(middle + 2 * page, page, PROT_NONE) == 0);
    middle += page;
    if ((sr_cpu() & NEEDS) == NEEDS) {
        each_place();
        random_texts((size_t)(1e6 * work));
    }
    kernels_at_the_end((size_t)(20000 * work));
    printf("fields: %s\n%zu fields at the end of a page: no difference\n", NAME, texts);
    return 0;
}
