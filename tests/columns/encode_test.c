/* Tables to payloads on every kernel: random columns in heap blocks of exactly their size, half of them with offsets,
 * views and indices that lie. All kernels write the same rows and refuse the same ones, texts as the model of the codec's
 * tests writes them; payloads hold the rows of their device in order, as many as fit. An argument multiplies the work.
 */
#include "encode.h"
#include "input.h"

enum { MOST_ROWS = 48, MOST_COLUMNS = 5, MOST_BLOCKS = 64, TEXTS = 4096 };

static block blocks[MOST_BLOCKS];
static size_t n_blocks;
static bool lying;

/* A copy that ends with its memory. */
static const uint8_t *keep_at(const void *src, size_t len, size_t offset) {
    CHECK(n_blocks < MOST_BLOCKS);
    blocks[n_blocks] = exact(src, len, offset);
    return blocks[n_blocks++].p;
}

static const uint8_t *keep(const void *src, size_t len) { return keep_at(src, len, below(16)); }

static void forget(void) {
    while (n_blocks) done(blocks[--n_blocks]);
}

static size_t some_text(uint8_t *dst) {
    static const char CHARACTERS[] = "abcdefgh01289 \\\"\n\r\t,/";
    static const size_t SIZES[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 90};
    size_t n = SIZES[below(sizeof SIZES / sizeof *SIZES)], odd = below(3) ? 9 : sizeof CHARACTERS - 1, at = 0;
    while (at < n) {
        if (below(40) == 0 && odd > 9) {
            at += put_code_point((uint32_t)below(0xD000) + 0x80, dst + at);
        } else {
            dst[at++] = (uint8_t)CHARACTERS[below(odd)];
        }
    }
    if (at && lying && below(8) == 0) dst[below(at)] = (uint8_t)random_bits();
    return at;
}

static void put_int(uint8_t *dst, size_t width, int64_t value) {
    for (size_t i = 0; i < width; i++) dst[i] = (uint8_t)((uint64_t)value >> 8 * i);
}

static int64_t lie(int64_t truth) { return lying && below(12) == 0 ? (int64_t)random_bits() >> below(64) : truth; }

static const uint8_t *some_bits(size_t n) {
    uint8_t bits[(MOST_ROWS + 16) / 8 + 1];
    for (size_t i = 0; i < sizeof bits; i++) bits[i] = (uint8_t)random_bits();
    return keep(bits, (n + 7) / 8);
}

static void texts(sre_column *c, size_t n) {
    uint8_t offsets[8 * (MOST_ROWS + 16)], data[TEXTS * 2], views[16 * (MOST_ROWS + 16)] = {0};
    size_t width = c->kind == SRE_TEXT ? 4 : 8, len = 0;
    put_int(offsets, width, 0);
    for (size_t i = 0; i < n; i++) {
        size_t start = len, size = some_text(data + len);
        put_int(views + 16 * i, 4, lie((int64_t)size));
        if (size <= 12) memcpy(views + 16 * i + 4, data + start, size);
        if (size > 12) put_int(views + 16 * i + 8, 4, lie(0)), put_int(views + 16 * i + 12, 4, lie((int64_t)start));
        len += size;
        put_int(offsets + width * (i + 1), width, i + 1 < n ? lie((int64_t)len) : (int64_t)len);
    }
    if (c->kind == SRE_VIEW) {
        static const uint8_t *buffers[1];
        uint8_t size[8];
        put_int(size, 8, (int64_t)len);
        c->values = keep(views, 16 * n);
        buffers[0] = keep(data, len);
        c->buffers = (const uint8_t *const *)keep_at(buffers, sizeof buffers, 0);
        c->sizes = keep(size, 8);
        c->n_buffers = 1;
        return;
    }
    c->values = keep(offsets, width * (n + 1));
    c->data = keep(data, len);
    c->n_data = (int64_t)len;
}

static const sre_kind KINDS[] = {SRE_NULL, SRE_BOOL, SRE_INT,  SRE_UINT,       SRE_FLOAT, SRE_DECIMAL,
                                 SRE_TIME, SRE_DATE, SRE_TEXT, SRE_LARGE_TEXT, SRE_VIEW};

/* A column without a dictionary. */
static sre_column some_values(sre_kind kind, size_t rows) {
    static const int64_t SCALES[] = {1, 1000, 1000000, 1000000000};
    sre_column c = {.kind = kind, .rows = (int64_t)rows, .offset = (int64_t)below(9), .width = 1 << below(4)};
    size_t n = rows + (size_t)c.offset;
    uint8_t values[32 * (MOST_ROWS + 16)];
    if (kind == SRE_NULL) return c;
    if (below(3) == 0) c.valid = some_bits(n);
    if (kind == SRE_TEXT || kind == SRE_LARGE_TEXT || kind == SRE_VIEW) {
        texts(&c, n);
        return c;
    }
    for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)random_bits();
    if (kind == SRE_FLOAT) c.width = 2 << below(3);
    if (kind == SRE_DECIMAL) c.width = 4 << below(4), c.scale = (int64_t)below(40) - 3;
    if (kind == SRE_TIME) c.width = 8, c.scale = SCALES[below(4)];
    if (kind == SRE_DATE) c.width = 4 << below(2), c.scale = c.width == 4 ? 1 : 86400000;
    if (kind == SRE_TIME && below(4)) {
        for (size_t i = 0; i < n; i++) put_int(values + 8 * i, 8, (int64_t)below(2000000000) * c.scale);
    }
    c.values = kind == SRE_BOOL ? some_bits(n) : keep(values, n * (size_t)c.width);
    return c;
}

typedef struct {
    sre_column column, values;
    sre_entry entries[MOST_ROWS + 16];
    uint8_t text[1 << 15];
} some_column;

static void some(some_column *c, size_t rows) {
    size_t n = 1 + below(20);
    if (below(3)) {
        c->column = some_values(KINDS[below(sizeof KINDS / sizeof *KINDS)], rows);
        return;
    }
    uint8_t indices[8 * (MOST_ROWS + 16)];
    c->values = some_values(KINDS[below(sizeof KINDS / sizeof *KINDS)], n);
    c->column = some_values(SRE_UINT, rows);
    size_t all = rows + (size_t)c->column.offset;
    for (size_t i = 0; i < all; i++) {
        put_int(indices + (size_t)c->column.width * i, (size_t)c->column.width, lie((int64_t)below(n)));
    }
    c->column.values = keep(indices, (size_t)c->column.width * all);
    c->column.dictionary = &c->values;
    c->column.n_dictionary = (int64_t)n;
    c->column.kind = SRE_INDEX;
}

/* What a kernel made of a table. */
typedef struct {
    uint8_t text[1 << 16];
    size_t len;
    uint64_t spans[MOST_ROWS];
    int32_t numbers[MOST_ROWS];
    sre_error errors[MOST_ROWS];
    size_t n_errors;
} written;

/* Grows the text as the loops ask for it. */
static void write_rows(const sre_layer *layer, sre_plan *plan, const sre_column *columns, size_t rows,
                       const sre_devices *devices, written *w) {
    sre_text text = {.size = SRE_TEXT_PADDING + below(64)};
    block memory = room(text.size);
    sre_error items[3];
    int64_t at = 0;
    text.data = memory.p;
    w->n_errors = 0;
    while (at < (int64_t)rows) {
        sre_errors errors = {items, 0, 3};
        at = layer->rows(plan, columns, 1000, at, (int64_t)rows, devices, w->numbers + at, w->spans + at, &text, &errors);
        memcpy(w->errors + w->n_errors, items, errors.n * sizeof *items);
        w->n_errors += errors.n;
        if (at == (int64_t)rows || errors.n == 3) continue;
        block larger = room(text.len + text.need + SRE_TEXT_PADDING);
        memcpy(larger.p, text.data, text.len);
        done(memory);
        memory = larger;
        text.data = larger.p;
        text.size = larger.len;
    }
    CHECK(text.len <= sizeof w->text);
    memcpy(w->text, text.data, w->len = text.len);
    done(memory);
}

static void check_same(const written *a, const written *b, size_t rows) {
    CHECK(a->len == b->len && memcmp(a->text, b->text, a->len) == 0);
    CHECK(memcmp(a->numbers, b->numbers, rows * sizeof *a->numbers) == 0);
    CHECK(a->n_errors == b->n_errors);
    for (size_t i = 0; i < a->n_errors; i++) {
        CHECK(a->errors[i].row == b->errors[i].row && a->errors[i].column == b->errors[i].column);
        CHECK(a->errors[i].reason == b->errors[i].reason && a->errors[i].size == b->errors[i].size);
    }
}

/* Packs with little memory, and takes the payloads apart again. */
static void check_packed(const sre_plan *plan, written *w, size_t rows, sre_devices *devices, size_t *payloads) {
    uint32_t counts[16] = {0}, of[4];
    uint64_t order[MOST_ROWS];
    int32_t ends[4], counted[4];
    sre_tail tails[8] = {{0}};
    uint8_t store[1 << 13];
    size_t device_rows[8] = {0};
    uint32_t live = 0;
    uint32_t met = sre_count_rows(w->numbers, rows, counts);
    CHECK(met <= devices->n);
    sre_sum_rows(counts, devices->n);
    sre_order_rows(w->numbers, w->spans, rows, counts, order);
    sre_groups g = {.text = w->text, .order = order, .starts = counts, .devices = devices, .tails = tails,
                    .to = devices->n, .leave = below(2) ? SIZE_MAX : below(100), .store = store,
                    .live = &live, .stay = below(2)};
    sre_output out = {.slots = 4, .ends = ends, .counts = counted, .devices = of, .size = below(300)};
    block memory = room(out.size);
    out.data = memory.p;
    for (int pass = 0; pass < 2; pass++, g.device = 0, g.order = NULL, g.leave = 0, g.stay = false) {
        for (;;) {
            sre_stop stop = sre_pack(plan, &g, &out);
            size_t start = 0;
            if (stop == SRE_FULL_STORE) {
                CHECK(g.store_len + out.need <= sizeof store);
                g.store_size = g.store_len + out.need;
                continue;
            }
            for (uint32_t p = 0; p < out.n; p++) {
                size_t len = (size_t)ends[p] - start, limit = sre_limit(plan, devices, of[p]);
                const uint8_t *payload = out.data + start, *end = payload + len - plan->last;
                CHECK(len <= limit && counted[p] > 0);
                for (int32_t i = 0; i < counted[p]; i++) {
                    size_t r = device_rows[of[p]];
                    while (w->numbers[r] != (int32_t)of[p]) r++; /* the next row of this device */
                    size_t n = (size_t)(w->spans[r] & SRE_MOST_BYTES);
                    CHECK((size_t)(end - payload) >= n);
                    CHECK(memcmp(payload, w->text + (w->spans[r] >> SRE_SPAN_BITS), n) == 0);
                    payload += n;
                    CHECK(payload == end || *payload++ == SR_ROW_END);
                    device_rows[of[p]] = r + 1;
                }
                CHECK(payload == end);
                start = (size_t)ends[p];
                ++*payloads;
            }
            if (stop == SRE_DONE && out.n == 0) break;
            block larger = room(out.len - out.start + (stop == SRE_DONE ? 0 : out.need));
            sre_move(&out, larger.p, larger.len);
            done(memory);
            memory = larger;
        }
    }
    CHECK(live == 0);
    for (size_t r = 0; r < rows; r++) {
        if (w->numbers[r] >= 0) CHECK(r < device_rows[w->numbers[r]]);
    }
    done(memory);
}

static size_t check_table(void) {
    static some_column columns[MOST_COLUMNS];
    static written first, other;
    sre_column all[MOST_COLUMNS];
    sre_constant constants[MOST_COLUMNS + 1];
    size_t rows = below(MOST_ROWS), n = 1 + below(MOST_COLUMNS), payloads = 0;
    uint8_t text[SRE_PADDING + 40];
    lying = below(2);
    for (size_t c = 0; c <= n; c++) {
        size_t len = c == 0 || c == n ? below(40) * below(2) : 1;
        memset(text, 'k', sizeof text);
        constants[c] = (sre_constant){keep(text, len + SRE_PADDING), len};
    }
    for (size_t c = 0; c < n; c++) {
        some(&columns[c], rows);
        columns[c].column.needed = below(8) == 0;
    }
    uint64_t slots[32];
    uint32_t starts[9] = {0};
    uint8_t ids[64];
    sre_devices devices = {.seed = {random_bits(), random_bits()}, .slots = slots, .n_slots = 32, .ids = ids,
                           .ids_size = sizeof ids, .starts = starts, .room = 8, .most = 60};
    sre_rehash(&devices);
    for (size_t d = 1 + below(6); d; d--) sre_add_device(&devices, text, d);
    int32_t numbers[MOST_ROWS];
    for (size_t r = 0; r < rows; r++) numbers[r] = (int32_t)below(devices.n + 1) - 1;
    sre_plan plan = {
        .style = {below(2) ? SR_ESCAPE : SR_QUOTE, below(4) == 0, below(4) == 0}, .last = below(2), .n_columns = n,
        .constants = constants, .limit = below(2) ? 0 : 20 + below(400), .budget = 100 + below(300)};
    const sr_kernel *k;
    size_t run = 0;
    bool entries = below(2);
    for
        EACH_KERNEL(k) {
            look_at(k, text, 0);
            plan.kernel = k;
            sre_start(&plan);
            const sre_layer *layer = sre_layer_of(k);
            for (size_t c = 0; c < n; c++) {
                size_t len = 0, need;
                all[c] = columns[c].column;
                if (!all[c].dictionary || !entries) continue;
                CHECK(layer->entries(&plan, &columns[c].values, 0, columns[c].text, sizeof columns[c].text, &len,
                                     columns[c].entries, &need) == columns[c].values.rows);
                all[c].kind = SRE_ENTRY;
                all[c].entries = columns[c].entries;
                all[c].data = columns[c].text;
            }
            written *w = run++ ? &other : &first;
            memcpy(w->numbers, numbers, sizeof numbers);
            write_rows(layer, &plan, all, rows, &devices, w);
            if (w == &other) check_same(w, &first, rows);
        }
    check_packed(&plan, &first, rows, &devices, &payloads);
    forget();
    return payloads;
}

/* Devices of a column of texts: equal texts have equal numbers, and those that no topic can hold have none. */
static void check_devices(void) {
    size_t rows = below(MOST_ROWS), n_slots = 256;
    uint64_t slots[256];
    uint32_t starts[101] = {0};
    uint8_t ids[TEXTS];
    int32_t numbers[MOST_ROWS];
    sre_error items[4];
    static const sre_kind TEXT_KINDS[] = {SRE_TEXT, SRE_LARGE_TEXT, SRE_VIEW};
    lying = below(2);
    sre_column c = some_values(TEXT_KINDS[below(3)], rows);
    sre_devices devices = {.seed = {random_bits(), random_bits()}, .slots = slots, .n_slots = n_slots, .ids = ids,
                           .ids_size = sizeof ids, .starts = starts, .room = 100, .most = 80};
    sre_rehash(&devices);
    for (int64_t row = 0;;) {
        sre_errors errors = {items, 0, 4};
        sre_stop stop = sre_find_devices(&devices, &c, 0, &row, (int64_t)rows, NULL, numbers, &errors);
        if (stop == SRE_DONE) break;
        CHECK(stop == SRE_FULL_ERRORS || stop == SRE_ASK);
        if (stop == SRE_ASK) numbers[row++] = SRE_NO_DEVICE;
    }
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *text;
        size_t len;
        if (numbers[r] < 0) continue;
        CHECK(sre_text_at(&c, (int64_t)r, &text, &len));
        CHECK(len && len == sre_id_len(&devices, (uint32_t)numbers[r]));
        CHECK(memcmp(text, ids + starts[numbers[r]], len) == 0);
        for (size_t i = 0; i < len; i++) CHECK(text[i] >= 0x20 && text[i] < 0x7F && text[i] != '/');
    }
    for (uint32_t a = 0; a < devices.n; a++) {
        for (uint32_t b = 0; b < a; b++) {
            size_t len = sre_id_len(&devices, a);
            CHECK(len != sre_id_len(&devices, b) || memcmp(ids + starts[a], ids + starts[b], len));
        }
    }
    forget();
}

int main(int argc, char **argv) {
    double work = argc > 1 ? atof(argv[1]) : 1;
    if (argc > 2) random_state += 2 * strtoull(argv[2], NULL, 10);
    size_t tables = (size_t)(20000 * work), payloads = 0;
    for (size_t i = 0; i < tables; i++) {
        payloads += check_table();
        check_devices();
    }
    printf("%zu tables, %zu payloads: no difference\n", tables, payloads);
    return 0;
}
