/* Reading against the definition: reads every short text over the significant bytes by trying every way that the strict
 * grammar allows (at most one in each dialect), else by rule D8, and compares with src_c/codec. The argument is the
 * length of the longest such text.
 */
#include "input.h"

/* ---- the definition ---------------------------------------------------------------------------------------------- */

enum { START, UNQUOTED, QUOTED, CLOSED };

typedef struct {
    const uint8_t *src;
    size_t len;
    bool doubling;
    size_t readings; /* how many ways there are, and the first of them */
    bool blanks;     /* it has blanks outside quotes */
    char text[256];
} grammar;

typedef struct {
    int state;
    size_t at, row, n, field; /* where in src, where its row starts; bytes of text, where the field's start */
    size_t row_text;
    bool blanks;
    char text[256];
} way;

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static void end_field_of(way *w) {
    w->text[w->n++] = '|';
    w->field = w->n;
    w->state = START;
}

/* A row that had characters is kept (D4). */
static void end_row_of(way *w, size_t end) {
    if (end == w->row) {
        w->n = w->row_text;
    } else {
        end_field_of(w);
        w->text[w->n++] = '#';
    }
    w->row_text = w->field = w->n;
    w->state = START;
}

static bool crlf(const uint8_t *src, size_t len, size_t i) {
    return src[i] == '\r' && i + 1 < len && src[i + 1] == '\n';
}

/* Follows one way to its end and tries each way that branches off. */
static void strict(grammar *g, way w) {
    while (w.at < g->len) {
        uint8_t c = g->src[w.at];
        bool quote_next = w.at + 1 < g->len && g->src[w.at + 1] == '"';
        if (w.state == QUOTED) {
            if (c == '"' && g->doubling && quote_next) {
                w.text[w.n++] = '"';
                w.at += 2;
            } else if (c == '"') {
                w.state = CLOSED;
                w.at++;
            } else if (c == '\\' && quote_next && !g->doubling) {
                way escaped = w;
                escaped.text[escaped.n++] = '"';
                escaped.at += 2;
                strict(g, escaped);
                w.text[w.n++] = '\\'; /* a backslash, and the closing quote */
                w.at += 2;
                w.state = CLOSED;
            } else {
                w.text[w.n++] = (char)c;
                w.at++;
            }
            continue;
        }
        if (c == ',') {
            end_field_of(&w);
        } else if (c == '\n' || crlf(g->src, g->len, w.at)) {
            end_row_of(&w, w.at);
            w.at += c == '\r';
            w.row = w.at + 1;
        } else if (w.state == CLOSED) {
            if (!is_blank(c)) return;
            w.blanks = true;
        } else if (c == '"') {
            if (w.state == UNQUOTED) return;
            w.blanks |= w.n > w.field;
            w.n = w.field;
            w.state = QUOTED;
        } else {
            if (c == '\r') return;
            w.text[w.n++] = (char)c;
            if (!is_blank(c)) w.state = UNQUOTED;
        }
        w.at++;
    }
    if (w.state == QUOTED) return;
    end_row_of(&w, g->len);
    w.text[w.n] = 0;
    if (g->readings++ == 0) {
        memcpy(g->text, w.text, w.n + 1);
        g->blanks = w.blanks;
    }
}

/* D8, field by field; SIZE_MAX, or the position of a quote that is never closed. */
static size_t lenient(const uint8_t *src, size_t len, way *w) {
    size_t i = 0;
    for (;;) {
        size_t start = i;
        while (i < len && is_blank(src[i])) i++;
        if (i < len && src[i] == '"') {
            size_t opened = i++;
            for (;; i++) {
                if (i >= len) {
                    w->n = w->row_text;
                    return opened;
                }
                bool quote_next = i + 1 < len && src[i + 1] == '"';
                if (quote_next && (src[i] == '\\' || src[i] == '"')) {
                    i++;
                } else if (src[i] == '"') {
                    break;
                }
                w->text[w->n++] = (char)src[i];
            }
            start = ++i;
            while (i < len && is_blank(src[i])) i++;
            bool only_blanks = i == len || src[i] == ',' || src[i] == '\n' || crlf(src, len, i);
            if (only_blanks) start = i;
        }
        while (i < len && src[i] != ',' && src[i] != '\n') i++;
        size_t end = i < len && src[i] == '\n' && i > start && src[i - 1] == '\r' ? i - 1 : i;
        for (size_t j = start; j < end; j++) w->text[w->n++] = (char)src[j];
        if (i == len || src[i] == '\n') {
            end_row_of(w, end);
            w->row = i + 1;
            if (i == len) return SIZE_MAX;
        } else {
            end_field_of(w);
        }
        i++;
    }
}

/* ---- the reading of src_c/codec ---------------------------------------------------------------------------------- */

static void rows_as_text(const sr_kernel *k, const uint8_t *src, size_t len, const sr_tape *tape, char *text) {
    for (const sr_row *row = tape->rows; row < tape->rows + tape->n_rows; row++) {
        for (size_t f = row->first; f < row[1].first; f++) {
            size_t start = field_start(tape, row, f), end = sr_trim_cr(src, len, start, tape->ends[f]);
            uint8_t field[64 + SR_SLACK];
            size_t n = sr_field_text(k, tape->reading, tape->flags, src + start, end - start, field);
            memcpy(text, field, n);
            text += n;
            *text++ = '|';
        }
        *text++ = '#';
    }
    *text = 0;
}

static bool kept_all_strict_rules(const uint8_t *src, size_t len, const sr_tape *tape) {
    sr_walk walk = {0};
    return sr_next_fault(src, len, tape, &walk).status == SR_OK;
}

static size_t strict_texts = 0, lenient_texts = 0, cut_texts = 0;

static void check_reading(const uint8_t *src, size_t len) {
    grammar backslash = {.src = src, .len = len}, doubling = {.src = src, .len = len, .doubling = true};
    strict(&backslash, (way){0});
    strict(&doubling, (way){0});
    look_at(NULL, src, len);
    CHECK(backslash.readings <= 1 && doubling.readings <= 1);
    if (backslash.readings && doubling.readings) CHECK(strcmp(backslash.text, doubling.text) == 0);
    const grammar *strictly = backslash.readings ? &backslash : doubling.readings ? &doubling : NULL;
    way free_way = {0};
    size_t opened = strictly ? SIZE_MAX : lenient(src, len, &free_way);
    free_way.text[free_way.n] = 0;
    *(strictly ? &strict_texts : opened == SIZE_MAX ? &lenient_texts : &cut_texts) += 1;

    const sr_kernel *k;
    for
        EACH_KERNEL(k) {
            size_t rows, ends = k->count(src, len, &rows);
            uint32_t end_space[32 + SR_SLACK + 1];
            sr_row row_space[32 + 3];
            uint8_t scratch[64];
            char text[256];
            sr_tape tape = {end_space, row_space, 0, 0, 0, SR_GREEDY};
            sr_fault fault = {SR_OK, 0, 0, 0, 0};
            look_at(k, src, len);
            CHECK(ends <= 32 && rows <= ends);
            if (!sr_read(k, src, len, &tape)) fault = sr_read_exact(k, src, len, &tape, scratch);
            rows_as_text(k, src, len, &tape, text);
            CHECK(strcmp(text, strictly ? strictly->text : free_way.text) == 0);
            CHECK((tape.reading != SR_LENIENT) == (strictly != NULL));
            if (opened == SIZE_MAX) {
                CHECK(fault.status == SR_OK);
                CHECK(kept_all_strict_rules(src, len, &tape) == (strictly && !strictly->blanks));
            } else {
                CHECK(fault.status == SR_UNTERMINATED_QUOTE && fault.pos == opened && fault.end == len);
                tape.n_rows++; /* the row with the open quote follows the whole ones */
                check_faults(src, len, &tape);
            }
        }
}

static void small_world(size_t longest) {
    static const char BYTES[] = ",\"\\\n\ra ";
    for (size_t len = 0, count = 1; len <= longest; len++, count *= 7) {
        block src = room(len);
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0, rest = i; j < len; j++, rest /= 7) src.p[j] = (uint8_t)BYTES[rest % 7];
            check_reading(src.p, len);
        }
        done(src);
    }
}

static void random_texts(size_t n) {
    uint8_t bytes[28];
    for (size_t i = 0; i < n; i++) {
        size_t len = below(sizeof bytes + 1);
        random_text(bytes, len);
        for (size_t j = 0; j < len; j++) {
            if (bytes[j] >= 0x80 || bytes[j] == 0 || bytes[j] == '|' || bytes[j] == '#') bytes[j] = '"';
        }
        block src = exact(bytes, len, below(64));
        check_reading(src.p, len);
        done(src);
    }
}

static void check_template_numbers(void) {
    char text[16];
    for (int i = 0; i < 20000; i++) {
        block id = exact((uint8_t *)text, (size_t)snprintf(text, sizeof text, "%d", i), 0);
        CHECK(sr_template_number(id.p, id.len) == (i < SR_ID_TABLE ? i : -1));
        done(id);
    }
    static const char *const NONE[] = {"",   "0511", "00",  "-1",  "+1",  "1 ",         " 1",
                                       "1a", "x",    "51:", "5/1", "1e2", "99999999999"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        block id = exact((const uint8_t *)NONE[i], strlen(NONE[i]), 0);
        CHECK(sr_template_number(id.p, id.len) == -1);
        done(id);
    }
}

static void check_bom(void) {
    static const uint8_t BOM[] = {0xEF, 0xBB, 0xBF, 'a'};
    for (size_t n = 0; n <= 4; n++) {
        block src = exact(BOM, n, 0);
        CHECK(sr_bom(src.p, n) == (n >= 3 ? 3u : 0u));
        for (size_t i = 0; n >= 3 && i < 3; i++) {
            src.p[i] ^= 1;
            CHECK(sr_bom(src.p, n) == 0);
            src.p[i] ^= 1;
        }
        done(src);
    }
}

int main(int argc, char **argv) {
    size_t longest = argc > 1 ? (size_t)atoi(argv[1]) : 6;
    CHECK(longest <= 20);
    small_world(longest);
    random_texts(100000 * (longest > 4 ? longest - 4 : 1));
    check_template_numbers();
    check_bom();
    CHECK(strict_texts && lenient_texts && cut_texts);
    printf("%zu strict, %zu lenient, %zu cut texts: no difference\n", strict_texts, lenient_texts, cut_texts);
    return 0;
}
