/* The loops of src_c/columns/decode.inc on blocks of exactly the promised size: each kernel against the scalar one, on
 * random payloads with offsets and views in and out of range, with arrays that are full again and again.
 *
 * With -fsanitize=fuzzer the fuzzer chooses the bytes, and with -DREPLAY files do. Otherwise: decode_test [millions].
 */
#include "../codec/core/check.h"
#include "decode.h"
#include "sr_kernels.h"

#define KINDS 7
#define ROOM 4096

typedef struct {
    size_t rows, errors, skipped, rows_in;
    uint64_t sum; /* of all that was decoded */
} outcome;

static int no_long_float(const uint8_t *src, size_t len, double *value) {
    (void)src;
    *value = 0.25;
    return len % 2 == 0;
}

static void *again(void *memory, size_t size) {
    memory = realloc(memory, size ? size : 1);
    CHECK(memory);
    return memory;
}

static void add(uint64_t *sum, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) *sum = (*sum ^ p[i]) * 0x100000001B3ull;
}

static size_t size_of(srd_kind kind) {
    return kind == SRD_VIEW ? 16 : kind == SRD_DICTIONARY || kind == SRD_UTF8 ? 4 : kind == SRD_BOOL ? 1 : 8;
}

static void grow_cells(srd_column *c, size_t room) {
    c->valid = again(c->valid, room);
    c->values = again(c->values, (room + (c->kind == SRD_UTF8)) * c->size);
    if (c->kind == SRD_UTF8) ((int32_t *)c->values)[0] = 0;
    c->room = room;
}

static void grow_words(srd_words *w, size_t data) {
    w->room = w->room ? 2 * w->room : 2;
    w->words = again(w->words, w->room * sizeof *w->words);
    w->ends = again(w->ends, (w->room + 1) * sizeof *w->ends);
    w->n_slots = 2 * w->room;
    free(w->slots);
    w->slots = calloc(w->n_slots, sizeof *w->slots);
    CHECK(w->slots);
    w->data_room = data + SR_SLACK;
    w->data = again(w->data, w->data_room);
    srd_rehash(w);
}

static void grow_rows(srd_plan *p, size_t room) {
    p->payloads = again(p->payloads, room * sizeof *p->payloads);
    p->rows = again(p->rows, room * sizeof *p->rows);
    p->reasons = again(p->reasons, room);
    for (size_t f = 0; f < p->n_columns; f++) {
        srd_column *c = &p->columns[f];
        if (c->step) {
            c->lists = again(c->lists, (room + 1) * sizeof *c->lists);
            c->lists[0] = 0;
        } else {
            grow_cells(c, room);
        }
    }
    p->room = room;
}

static void grow_tape(srd_reader *d, size_t room) {
    d->tape.ends = again(d->tape.ends, (room + SR_SLACK + 2) * sizeof *d->tape.ends);
    d->tape.rows = again(d->tape.rows, (room + SR_ROW_SLACK + 2) * sizeof *d->tape.rows);
    d->scratch = again(d->scratch, room + 2 * SR_SLACK);
    d->bad = again(d->bad, (room + SR_ROW_SLACK) * sizeof *d->bad);
    for (size_t i = 0; i < d->n_plans; i++) {
        d->plans[i].picked = again(d->plans[i].picked, (room + SR_ROW_SLACK) * sizeof(uint32_t));
    }
    d->tape_room = room;
}

/* Arrays grow by no more than was asked for, so that each is full soon again. */
static void grow(srd_reader *d, srd_status status) {
    srd_plan *p = &d->plans[d->full_plan];
    srd_column *c = &p->columns[d->full_column];
    if (status == SRD_FULL_TAPE) grow_tape(d, d->needed);
    else if (status == SRD_FULL_ROWS) grow_rows(p, p->n + d->needed);
    else if (status == SRD_FULL_CELLS) grow_cells(c, (size_t)c->lists[p->n] + d->needed);
    else if (status == SRD_FULL_WORDS) grow_words(&c->words, c->words.n_data + d->needed);
    else if (status == SRD_FULL_DATA) {
        c->words.data_room = c->words.n_data + d->needed;
        c->words.data = again(c->words.data, c->words.data_room);
    } else {
        CHECK(status == SRD_FULL_ERRORS);
        d->errors_room = d->n_errors + d->needed;
        d->errors = again(d->errors, d->errors_room * sizeof *d->errors);
    }
}

/* What is in the columns, as far as the caller may look. */
static void add_column(uint64_t *sum, const srd_column *c, size_t rows) {
    size_t n = c->step && rows ? (size_t)c->lists[rows] : rows;
    if (!rows || !n) return;
    add(sum, c->valid, n);
    if (c->step) add(sum, c->lists, (rows + 1) * sizeof *c->lists);
    add(sum, c->values, (n + (c->kind == SRD_UTF8)) * c->size);
    if (c->kind == SRD_UTF8) CHECK((size_t)((int32_t *)c->values)[n] == c->words.n_data);
    for (size_t i = 0; c->kind == SRD_DICTIONARY && i < n; i++) CHECK(((uint32_t *)c->values)[i] < c->words.n || !c->valid[i]);
    add(sum, c->words.data, c->words.n_data);
}

static void free_column(srd_column *c) {
    free(c->valid);
    free(c->values);
    free(c->lists);
    free(c->words.words);
    free(c->words.ends);
    free(c->words.slots);
    free(c->words.data);
}

static outcome decode(const sr_kernel *k, const srd_source *source, bool general) {
    srd_column columns[2][2 * KINDS];
    srd_plan plans[2];
    srd_reader d;
    memset(columns, 0, sizeof columns);
    memset(plans, 0, sizeof plans);
    memset(&d, 0, sizeof d);
    d.kernel = k;
    d.plans = plans;
    d.n_plans = general ? 1 : 2;
    d.long_float = no_long_float;
    d.pause = ROOM;
    memset(d.plan_of, 0xFF, sizeof d.plan_of);
    for (size_t i = 0; i < d.n_plans; i++) {
        plans[i].columns = columns[i];
        plans[i].n_columns = 2 * KINDS;
        plans[i].id = general ? NULL : (const uint8_t *)(i ? "x" : "200");
        plans[i].id_len = i ? 1 : 3;
        for (size_t f = 0; f < 2 * KINDS; f++) {
            srd_column *c = &columns[i][f];
            c->kind = (srd_kind)(f % KINDS);
            c->step = f < KINDS ? 0 : 2;
            if (c->step && (c->kind == SRD_DICTIONARY || c->kind == SRD_VIEW)) c->kind = SRD_UTF8;
            c->field = c->step ? 1 + f % 3 : (uint32_t)(i + f % 4);
            c->group = 1;
            c->size = size_of(c->kind);
            if (c->kind == SRD_DICTIONARY) grow_words(&c->words, 1);
        }
    }
    if (!general) d.plan_of[200] = 0;
    d.by_text = true;
    grow_tape(&d, 1);
    int64_t next = 0;
    srd_status status;
    while ((status = srd_decode_of(k)(&d, source, &next)) != SRD_DONE && status != SRD_BAD_SOURCE && status != SRD_PAUSE) {
        grow(&d, status);
    }
    outcome found = {d.rows_out, d.n_errors, d.skipped, d.rows_in, (uint64_t)status + (uint64_t)next};
    CHECK(d.rows_in == d.rows_out + d.n_errors + d.skipped);
    for (size_t i = 0; i < d.n_plans; i++) {
        for (size_t f = 0; f < 2 * KINDS; f++) add_column(&found.sum, &columns[i][f], plans[i].n);
        for (size_t r = 0; r < plans[i].n; r++) CHECK(plans[i].payloads[r] < source->rows);
        for (size_t f = 0; f < 2 * KINDS; f++) free_column(&columns[i][f]);
        free(plans[i].payloads);
        free(plans[i].rows);
        free(plans[i].reasons);
        free(plans[i].picked);
    }
    for (size_t e = 0; e < d.n_errors; e++) {
        const uint8_t *payload;
        size_t len;
        CHECK(srd_payload(source, d.errors[e].payload, &payload, &len) == SRD_FOUND);
        CHECK(d.errors[e].position <= len);
    }
    free(d.tape.ends);
    free(d.tape.rows);
    free(d.scratch);
    free(d.bad);
    free(d.errors);
    return found;
}

static void check_source(const srd_source *source) {
    for (int general = 0; general < 2; general++) {
        outcome first = decode(&sr_kernel_scalar, source, general);
        for (size_t i = 0; sr_kernel_at(i); i++) {
            const sr_kernel *k = sr_kernel_at(i);
            if ((k->needs & sr_cpu()) != k->needs) continue;
            outcome found = decode(k, source, general);
            CHECK(memcmp(&found, &first, sizeof found) == 0);
        }
    }
}

/* The first bytes say how the rest is cut into payloads, perhaps wrongly; each layout in turn. */
static void check_bytes(const uint8_t *bytes, size_t size) {
    const int64_t n = size ? 1 + bytes[0] % 4 : 1;
    const uint8_t wrong = size > 1 ? bytes[1] : 0;
    const size_t skip = size < 2 ? size : 2;
    look_at(NULL, bytes, size);
    bytes += skip;
    size -= skip;
    uint8_t *data = again(NULL, size), *narrow = again(NULL, 4 * (size_t)(n + 1)), *wide = again(NULL, 8 * (size_t)(n + 1));
    uint8_t *views = again(NULL, 16 * (size_t)n);
    memcpy(data, bytes, size);
    int64_t start = 0, whole = (int64_t)size;
    for (int64_t i = 0; i <= n; i++) {
        int64_t end = i == n ? whole : whole * i / n;
        if (wrong == 77 + i && i < n) end += size ? bytes[0] - 100 : -1;
        int32_t four = (int32_t)end;
        memcpy(narrow + 4 * i, &four, 4);
        memcpy(wide + 8 * i, &end, 8);
        if (i > 0) {
            int32_t view[4] = {(int32_t)(end - start), 0, wrong == 99, (int32_t)start};
            if (view[0] >= 0 && view[0] <= 12 && start >= 0 && end <= whole) memcpy(view + 1, data + start, (size_t)view[0]);
            memcpy(views + 16 * (i - 1), view, 16);
        }
        start = end;
    }
    const uint8_t *buffers[1] = {data};
    srd_source source = {{SRD_OFFSETS, n, 0, NULL, narrow, data, NULL, NULL, 0}, NULL, 0, n, 0, NULL};
    check_source(&source);
    source.texts.layout = SRD_LARGE_OFFSETS;
    source.texts.values = wide;
    check_source(&source);
    source.texts = (srd_texts){SRD_VIEWS, n, 0, NULL, views, NULL, buffers, (const uint8_t *)&whole, 1};
    check_source(&source);
    const int8_t indices[3] = {(int8_t)(n - 1), 0, (int8_t)(wrong == 88 ? n : 0)};
    source.indices = (const uint8_t *)indices;
    source.index_width = 1;
    source.rows = 3;
    check_source(&source);
    free(data);
    free(narrow);
    free(wide);
    free(views);
}

#if defined(FUZZ) || defined(REPLAY)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_bytes(data, size);
    return 0;
}
#else
static uint64_t state = 88172645463325252ull;
static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

int main(int argc, char **argv) {
    static const char *const PIECES[] = {
        "200", ",", ",", "\n", "x", "1.5", "\"", "\\\"", "\"\"", "2026-01-01T10:00:00.123Z", "true", "\r\n", "\xC3\xA9",
        "\xFF", " ", "a text of more than twelve bytes", "9223372036854775807", "\"a,b\"", "1e999", "\n200,", "\xEF\xBB\xBF",
        "a text that is longer than thirty-two bytes, as some are",
    };
    long count = (long)((argc > 1 ? strtod(argv[1], NULL) : 0.1) * 1e6);
    uint8_t bytes[1024];
    for (long i = 0; i < count; i++) {
        size_t size = 2, most = 2 + next_random() % 300;
        bytes[0] = (uint8_t)next_random();
        bytes[1] = (uint8_t)(next_random() % 4 ? 0 : 77 + next_random() % 24);
        while (size < most) {
            const char *piece = PIECES[next_random() % (sizeof PIECES / sizeof *PIECES)];
            memcpy(bytes + size, piece, strlen(piece));
            size += strlen(piece);
        }
        check_bytes(bytes, size);
    }
    printf("%ld inputs: no difference\n", count);
    return 0;
}
#endif
