/* Rows to the payloads of their devices: a counting sort of where they are, then copies. Rows that lie one after the
 * other are copied at once, so that a source in the order of its devices costs little more than without devices.
 */
#include <string.h>

#include "encode.h"

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif
#define AHEAD 8                 /* rows between a prefetch and its use */
#define COPIED SRE_TEXT_PADDING /* bytes that a copy reads and writes at least */

/* ---- counting sort ----------------------------------------------------------------------------------------------- */

uint32_t sre_count_rows(const int32_t *numbers, size_t n, uint32_t *counts) {
    uint32_t met = 0;
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= 0) met += counts[numbers[i] + 2]++ == 0;
    }
    return met;
}

void sre_sum_rows(uint32_t *counts, uint32_t n_devices) {
    for (uint32_t d = 0; d < n_devices; d++) counts[d + 2] += counts[d + 1];
}

void sre_order_rows(const int32_t *numbers, const uint64_t *spans, size_t n, uint32_t *counts, uint64_t *order) {
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= 0) order[counts[numbers[i] + 1]++] = spans[i];
    }
}

/* ---- payloads ---------------------------------------------------------------------------------------------------- */

static void close_payload(const sre_plan *plan, sre_output *out, uint32_t device) {
    if (plan->last) out->data[out->len++] = SR_ROW_END;
    out->ends[out->n] = (int32_t)out->len;
    out->counts[out->n] = (int32_t)out->rows;
    out->devices[out->n] = device;
    out->n++;
    out->rows = 0;
    out->start = out->len;
}

void sre_move(sre_output *out, uint8_t *data, size_t size) {
    out->len -= out->start;
    if (out->len) memcpy(data, out->data + out->start, out->len);
    out->data = data;
    out->size = size;
    out->start = 0;
    out->n = 0;
}

static inline size_t start_of(uint64_t span) { return (size_t)(span >> SRE_SPAN_BITS); }
static inline size_t len_of(uint64_t span) { return (size_t)(span & SRE_MOST_BYTES); }

static inline void copy_rows(uint8_t *dst, const uint8_t *src, size_t n) {
    memcpy(dst, src, COPIED);
    if (n > COPIED) memcpy(dst + COPIED, src + COPIED, n - COPIED);
}

/* Rows of the current device from g->row on. */
static sre_stop put_rows(const sre_plan *plan, sre_groups *g, sre_output *out) {
    size_t to = g->starts[g->device + 1], limit = sre_limit(plan, g->devices, g->device) - plan->last;
    while (g->row < to) {
        uint64_t span = g->order[g->row];
        size_t len = len_of(span), start = start_of(span), n = 1;
        if (g->row + AHEAD < to) PREFETCH(g->text + start_of(g->order[g->row + AHEAD]));
        out->need = len + 2 + COPIED;
        if (out->size - out->len < out->need || out->n == out->slots) return SRE_FULL_OUTPUT;
        if (out->rows && out->len - out->start + 1 + len > limit) close_payload(plan, out, g->device);
        if (out->rows) out->data[out->len++] = SR_ROW_END;
        size_t room = limit - (out->len - out->start), spare = out->size - out->len - 1 - COPIED;
        if (room > spare) room = spare;
        for (; g->row + n < to; n++) { /* rows right after it */
            uint64_t next = g->order[g->row + n];
            if (start_of(next) != start + len + 1 || len + 1 + len_of(next) > room) break;
            len += 1 + len_of(next);
        }
        copy_rows(out->data + out->len, g->text + start, len);
        out->len += len;
        out->rows += (uint32_t)n;
        g->row += n;
        g->n_rows += n;
    }
    return SRE_DONE;
}

/* Ends a device: its open payload leaves, or moves to the store. */
static sre_stop end_device(const sre_plan *plan, sre_groups *g, sre_output *out) {
    sre_tail *tail = &g->tails[g->device];
    size_t len = out->len - out->start;
    out->need = len + 1 + COPIED;
    if (out->rows && len < g->leave) {
        if (g->store_size - g->store_len < len) return SRE_FULL_STORE;
        uint8_t *text = g->store + g->store_len;
        memcpy(text, out->data + out->start, len);
        g->store_len += len;
        *tail = (sre_tail){text, (uint32_t)len, out->rows, g->block};
        g->live[g->block]++;
        out->len = out->start;
        out->rows = 0;
        return SRE_DONE;
    }
    if (out->rows) {
        if (out->n == out->slots || out->size == out->len) return SRE_FULL_OUTPUT;
        close_payload(plan, out, g->device);
        g->left++;
    }
    *tail = (sre_tail){0};
    return SRE_DONE;
}

sre_stop sre_pack(const sre_plan *plan, sre_groups *g, sre_output *out) {
    for (; g->device < g->to; g->device++) {
        const sre_tail *tail = &g->tails[g->device];
        if (!g->begun) {
            bool rows = g->order && g->starts[g->device] < g->starts[g->device + 1];
            if (!rows && (!tail->rows || g->stay)) continue;
            out->need = tail->len + 1 + COPIED;
            if (out->size - out->len < out->need) return SRE_FULL_OUTPUT;
            if (tail->rows) {
                memcpy(out->data + out->len, tail->text, tail->len);
                g->live[tail->block]--;
            }
            out->len += tail->len;
            out->rows = tail->rows;
            g->row = g->order ? g->starts[g->device] : 0;
            g->begun = true;
        }
        sre_stop stop = g->order ? put_rows(plan, g, out) : SRE_DONE;
        if (stop == SRE_DONE) stop = end_device(plan, g, out);
        if (stop != SRE_DONE) return stop;
        g->begun = false;
    }
    return SRE_DONE;
}

/* ---- topics ------------------------------------------------------------------------------------------------------ */

size_t sre_put_topics(const sre_devices *d, const uint8_t *prefix, size_t n_prefix, const uint32_t *devices, size_t n,
                      int32_t *offsets, uint8_t *text) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        size_t id = d ? sre_id_len(d, devices[i]) : 0;
        if (text) {
            offsets[i] = (int32_t)len;
            memcpy(text + len, prefix, n_prefix);
            if (id) memcpy(text + len + n_prefix, d->ids + d->starts[devices[i]], id);
        }
        len += n_prefix + id;
    }
    if (text) offsets[n] = (int32_t)len;
    return len;
}

/* ---- open payloads ----------------------------------------------------------------------------------------------- */

#define CLASSES 256 /* of sizes */

size_t sre_fullest(const sre_tail *tails, uint32_t n, size_t most) {
    size_t bytes[CLASSES] = {0}, largest = 0, below = 0, width;
    for (uint32_t d = 0; d < n; d++) largest = tails[d].len > largest ? tails[d].len : largest;
    width = largest / CLASSES + 1;
    for (uint32_t d = 0; d < n; d++) bytes[tails[d].len / width] += tails[d].len;
    size_t c = 0;
    while (c < CLASSES && below + bytes[c] <= most) below += bytes[c++];
    return c * width;
}

void sre_keep_open(const sre_devices *old, const sre_tail *old_tails, sre_devices *d, sre_tail *tails) {
    for (uint32_t device = 0; device < old->n; device++) {
        if (!old_tails[device].rows) continue;
        tails[d->n] = old_tails[device];
        sre_add_device(d, old->ids + old->starts[device], sre_id_len(old, device));
    }
}
