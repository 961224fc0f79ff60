/* Devices by number: a hash table over IDs that come from strangers, and a counting sort of rows by device.
 *
 * The hash is SipHash-1-3 with a random seed, so that chosen IDs do not meet in one slot.
 */
#include "encode_values.h"

#define ROWS 32 /* hashed and fetched before any is looked up: most of the time goes to waiting for memory */

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif

static inline uint64_t turn(uint64_t v, int by) { return v << by | v >> (64 - by); }

static inline void mix(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

static inline uint64_t get_upto_8(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

static uint64_t hash_of(const sre_devices *d, const uint8_t *p, size_t n) {
    uint64_t v[4] = {d->seed[0] ^ 0x736f6d6570736575u, d->seed[1] ^ 0x646f72616e646f6du,
                     d->seed[0] ^ 0x6c7967656e657261u, d->seed[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)n << 56;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word = get_upto_8(p, 8);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    last |= get_upto_8(p, n);
    v[3] ^= last;
    mix(v);
    v[0] ^= last;
    v[2] ^= 0xFF;
    mix(v);
    mix(v);
    mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline size_t slot_of(const sre_devices *d, uint64_t hash) { return (size_t)hash & (d->n_slots - 1); }

static void link_slot(sre_devices *d, uint64_t hash, uint32_t device) {
    size_t s = slot_of(d, hash);
    while (d->slots[s]) s = (s + 1) & (d->n_slots - 1);
    d->slots[s] = (hash & 0xFFFFFFFF00000000u) | (device + 1);
}

static uint32_t add(sre_devices *d, const uint8_t *id, size_t len, uint64_t hash) {
    uint32_t device = d->n++, end = d->starts[device] + (uint32_t)len;
    link_slot(d, hash, device);
    memcpy(d->ids + d->starts[device], id, len);
    d->starts[device + 1] = end;
    if (len > d->longest) d->longest = len;
    return device;
}

uint32_t sre_add_device(sre_devices *d, const uint8_t *id, size_t len) { return add(d, id, len, hash_of(d, id, len)); }

void sre_rehash(sre_devices *d) {
    memset(d->slots, 0, d->n_slots * sizeof *d->slots);
    for (uint32_t device = 0; device < d->n; device++) {
        link_slot(d, hash_of(d, d->ids + d->starts[device], sre_id_len(d, device)), device);
    }
}

/* The number of a device, or SRE_UNSEEN. */
static int32_t find(const sre_devices *d, const uint8_t *id, size_t len, uint64_t hash) {
    for (size_t s = slot_of(d, hash); d->slots[s]; s = (s + 1) & (d->n_slots - 1)) {
        uint32_t device = (uint32_t)d->slots[s] - 1;
        if ((d->slots[s] ^ hash) >> 32 == 0 && sre_id_len(d, device) == len &&
            memcmp(d->ids + d->starts[device], id, len) == 0) {
            return (int32_t)device;
        }
    }
    return SRE_UNSEEN;
}

/* Whether an ID is surely good as the level of a topic: 1, or 0 if it is surely bad; -1 beyond ASCII. */
static int is_level(const sre_devices *d, const uint8_t *id, size_t len) {
    if (len == 0 || len > d->most) return 0;
    int result = 1;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = id[i];
        if (c < 0x20 || c == 0x7F || c == '/' || c == '+' || c == '#') return 0;
        if (c >= 0x80) result = -1;
    }
    return result;
}

/* The number of an ID; adds it if it is new. */
static sre_stop take(sre_devices *d, const uint8_t *id, size_t len, uint64_t hash, int32_t *number) {
    *number = find(d, id, len, hash);
    if (*number != SRE_UNSEEN) return SRE_DONE;
    int good = is_level(d, id, len);
    if (good == 0) {
        *number = SRE_NO_DEVICE;
        return SRE_DONE;
    }
    if (d->n == d->room || d->ids_size - d->starts[d->n] < len) return SRE_FULL_TABLE;
    if (good < 0) return SRE_ASK;
    *number = (int32_t)add(d, id, len, hash);
    return SRE_DONE;
}

static bool put_number(int32_t number, int64_t first, int64_t row, int32_t *numbers, sre_errors *errors) {
    if (number == SRE_NO_DEVICE) {
        if (errors->n == errors->slots) return false;
        errors->items[errors->n++] = (sre_error){.row = first + row, .column = -2, .reason = SRE_BAD_DEVICE};
    }
    numbers[row] = number;
    return true;
}

static sre_stop find_by_entry(sre_devices *d, const sre_column *c, int64_t first, int64_t *row, int64_t to,
                              int32_t *map, int32_t *numbers, sre_errors *errors) {
    for (; *row < to; ++*row) {
        int32_t number = SRE_NO_DEVICE;
        uint64_t index = sre_is_valid(c, *row) ? sre_get_uint(c, *row) : UINT64_MAX;
        if (index < (uint64_t)c->n_dictionary) {
            if (map[index] == SRE_UNSEEN) {
                const uint8_t *id;
                size_t len;
                map[index] = SRE_NO_DEVICE;
                if (sre_text_at(c->dictionary, (int64_t)index, &id, &len)) {
                    sre_stop stop = take(d, id, len, hash_of(d, id, len), &map[index]);
                    if (stop != SRE_DONE) return stop;
                }
            }
            number = map[index];
        }
        if (!put_number(number, first, *row, numbers, errors)) return SRE_FULL_ERRORS;
    }
    return SRE_DONE;
}

sre_stop sre_find_devices(sre_devices *d, const sre_column *c, int64_t first, int64_t *row, int64_t to, int32_t *map,
                          int32_t *numbers, sre_errors *errors) {
    if (map) return find_by_entry(d, c, first, row, to, map, numbers, errors);
    struct {
        const uint8_t *id;
        size_t len;
        uint64_t hash;
        bool same; /* as the row before */
    } some[ROWS];
    while (*row < to) {
        int64_t n = to - *row < ROWS ? to - *row : ROWS;
        for (int64_t i = 0; i < n; i++) {
            some[i].id = NULL;
            some[i].len = 0;
            if (!sre_text_at(c, *row + i, &some[i].id, &some[i].len)) continue;
            some[i].same = i && some[i - 1].id && some[i].len == some[i - 1].len &&
                           memcmp(some[i].id, some[i - 1].id, some[i].len) == 0;
            if (some[i].same) continue;
            some[i].hash = hash_of(d, some[i].id, some[i].len);
            PREFETCH(&d->slots[slot_of(d, some[i].hash)]);
        }
        for (int64_t i = 0; i < n; i++) {
            if (!some[i].id || some[i].same) continue;
            uint32_t device = (uint32_t)d->slots[slot_of(d, some[i].hash)];
            if (device) PREFETCH(d->ids + d->starts[device - 1]);
        }
        int32_t number = SRE_NO_DEVICE;
        for (int64_t i = 0; i < n; i++, ++*row) {
            if (!some[i].id) {
                number = SRE_NO_DEVICE;
            } else if (!some[i].same) {
                sre_stop stop = take(d, some[i].id, some[i].len, some[i].hash, &number);
                if (stop != SRE_DONE) return stop;
            }
            if (!put_number(number, first, *row, numbers, errors)) return SRE_FULL_ERRORS;
        }
    }
    return SRE_DONE;
}
