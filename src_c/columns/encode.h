/* Tables to payloads: rows of Arrow columns, packed for each device (rules E1 to E7 and L2 of docs/format.md).
 *
 * Like sr.h it knows nothing of Python and allocates nothing: a function stops when the memory that it was given is
 * full and tells how far it came; the caller gives more and calls again. The buffers of columns come from strangers:
 * they may be unaligned, have no padding, and each offset and index in them is checked before it is used.
 */
#ifndef SRE_ENCODE_H
#define SRE_ENCODE_H

#include "sr.h"
#include "sr_cpu.h"

/* ---- columns ----------------------------------------------------------------------------------------------------- */

typedef enum {
    SRE_NULL,       /* no values at all */
    SRE_BOOL,       /* bits */
    SRE_INT,        /* of `width` bytes */
    SRE_UINT,
    SRE_FLOAT,      /* of 2, 4 or 8 bytes */
    SRE_DECIMAL,    /* of 4 to 32 bytes, `scale` digits after the point */
    SRE_TIME,       /* 8 bytes, `scale` units a second, in UTC */
    SRE_DATE,       /* 4 or 8 bytes, `scale` units a day */
    SRE_TEXT,       /* UTF-8 with offsets of 4 bytes */
    SRE_LARGE_TEXT, /* with offsets of 8 bytes */
    SRE_VIEW,       /* views of 16 bytes */
    SRE_ENTRY,      /* indices of a dictionary whose entries are already fields */
    SRE_INDEX,      /* indices of a dictionary, its values written row by row */
} sre_kind;

typedef struct {
    size_t start;
    uint32_t len; /* SRE_BAD_ENTRY: cannot be sent */
} sre_entry;
#define SRE_BAD_ENTRY UINT32_MAX

typedef struct sre_column {
    sre_kind kind;
    int width;
    int64_t scale;
    bool needed;          /* a row without a value cannot be sent */
    int64_t rows, offset; /* `offset` values of each buffer come before the first row */
    const uint8_t *valid; /* a bit for each row, or NULL: all have a value */
    const uint8_t *values; /* or offsets, views, indices */
    const uint8_t *data;   /* of texts */
    int64_t n_data;
    const uint8_t *const *buffers; /* of views */
    const uint8_t *sizes;          /* their sizes, 8 bytes each */
    int64_t n_buffers;
    const struct sre_column *dictionary; /* values that the indices count; they have no dictionary of their own */
    int64_t n_dictionary;                /* indices below are valid */
    const sre_entry *entries;            /* the same as fields, in `data` with SRE_PADDING bytes after them */
} sre_column;

#define SRE_PADDING 32      /* bytes after a constant or an entry, which are copied in whole blocks */
#define SRE_TEXT_PADDING 64 /* bytes after the last row of a text */

/* ---- rows -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *text; /* with SRE_PADDING bytes after it */
    size_t len;
} sre_constant;

#define SRE_DAYS 512

typedef struct {
    int64_t day; /* since 1970; of an empty slot one that belongs elsewhere */
    uint8_t text[16];
} sre_day;

/* What all rows share. */
typedef struct {
    const sr_kernel *kernel;
    sr_style style;
    size_t last; /* 1: a row end after the last row */
    size_t n_columns;
    const sre_constant *constants; /* the text before each column, and that after the last */
    size_t limit;  /* bytes of a payload, or 0: `budget` less those of the device's ID */
    size_t budget;
    size_t room; /* for a row whose texts have at most 64 bytes; this and `days` are set by sre_start */
    sre_day days[SRE_DAYS];
} sre_plan;

void sre_start(sre_plan *plan); /* after its other members are set */

/* Payloads, and at `start` the open one with `rows` rows. */
typedef struct {
    uint8_t *data;
    size_t size, len, start;
    uint32_t rows;
    uint32_t n, slots;
    int32_t *ends;     /* of each payload */
    int32_t *counts;   /* its rows */
    uint32_t *devices; /* its device */
    size_t need;       /* set when the next rows do not fit an empty buffer: their bytes */
} sre_output;

/* Rows, each with a row end after it and SRE_TEXT_PADDING bytes after the last. */
typedef struct {
    uint8_t *data;
    size_t size, len;
    size_t need; /* set when the next row does not fit: its bytes */
} sre_text;

/* The place of a row in it: start << 24 | bytes. */
#define SRE_SPAN_BITS 24
#define SRE_MOST_BYTES ((1u << SRE_SPAN_BITS) - 1) /* of a row, so of a payload */

typedef enum {
    SRE_BAD_DEVICE = 100, /* beside sr_status */
    SRE_MISSING = 101,
} sre_reason;

/* Why a row was left out. */
typedef struct {
    int64_t row;
    int32_t column; /* -1: the whole row, -2: its device */
    int32_t reason;
    size_t size, limit; /* of a row that is too large */
} sre_error;

typedef struct {
    sre_error *items;
    size_t n, slots;
} sre_errors;

/* The error of a row that cannot be sent; `reason` is SR_OK if it can, and `size` its bytes. */
sre_error sre_look(sre_plan *plan, const sre_column *columns, int64_t row, size_t *need);

/* Whether a row has a value, perhaps one beyond the column's buffers; and whether it is within them. */
bool sre_has_value(const sre_column *column, int64_t row);
bool sre_is_within(const sre_column *column, int64_t row);
/* The text of a row of texts; false if there is none, or not within the buffers. */
bool sre_text_at(const sre_column *column, int64_t row, const uint8_t **text, size_t *len);
double sre_float_at(const sre_column *column, int64_t row); /* a value of a column of floats */
uint64_t sre_index_at(const sre_column *column, int64_t row); /* a valid index of a dictionary */

void sre_move(sre_output *out, uint8_t *data, size_t size); /* takes the open payload to another, empty buffer */

/* ---- devices (devices.c) ----------------------------------------------------------------------------------------- */

#define SRE_NO_DEVICE (-1)
#define SRE_UNSEEN (-2)

/* Devices by number, in the order in which they were added, and a hash table over their IDs. */
typedef struct {
    uint64_t seed[2];
    uint64_t *slots; /* a power of two of them, more than twice `room`: 32 bits of the hash, the number + 1 */
    size_t n_slots;
    uint8_t *ids; /* each ID after the one before */
    size_t ids_size;
    uint32_t *starts; /* of each ID, and the end of the last: room + 1 */
    uint32_t n, room;
    size_t most;    /* bytes of the longest possible ID */
    size_t longest; /* bytes of the longest ID so far */
} sre_devices;

/* The limit of the payloads of a device. */
static inline size_t sre_limit(const sre_plan *plan, const sre_devices *d, uint32_t device) {
    return plan->limit ? plan->limit : plan->budget - (d->starts[device + 1] - d->starts[device]);
}

typedef enum {
    SRE_DONE,
    SRE_FULL_TABLE,  /* of devices, or of their IDs: needs room for one of `most` bytes */
    SRE_FULL_OUTPUT, /* or too many payloads; needs `need` bytes */
    SRE_FULL_STORE,  /* needs `need` bytes of the output */
    SRE_FULL_ERRORS,
    SRE_ASK, /* a new device with an ID beyond ASCII: the caller adds it, or sets its number to SRE_NO_DEVICE */
} sre_stop;

static inline size_t sre_id_len(const sre_devices *d, uint32_t device) {
    return d->starts[device + 1] - d->starts[device];
}

/* The device numbers of rows from *row on; `map`, for a column with a dictionary: a number for each entry, at first
   SRE_UNSEEN, or NULL. */
sre_stop sre_find_devices(sre_devices *d, const sre_column *column, int64_t first, int64_t *row, int64_t to,
                          int32_t *map, int32_t *numbers, sre_errors *errors);
uint32_t sre_add_device(sre_devices *d, const uint8_t *id, size_t len); /* there must be room */
void sre_rehash(sre_devices *d);                                        /* after `slots` got other memory */

/* A counting sort of rows by device. First counts[d + 2] are those of device d; sre_sum_rows makes sums of them;
   sre_order_rows leaves counts[d] to counts[d + 1] as the place of device d in the order. The first returns how many
   devices it has not met before. */
uint32_t sre_count_rows(const int32_t *numbers, size_t n, uint32_t *counts);
void sre_sum_rows(uint32_t *counts, uint32_t n_devices);
void sre_order_rows(const int32_t *numbers, const uint64_t *spans, size_t n, uint32_t *counts, uint64_t *order);

/* The topics of n payloads, a prefix and the ID of each device (none without `d`), and n + 1 offsets; returns their
   bytes. Without `text` it only counts these. */
size_t sre_put_topics(const sre_devices *d, const uint8_t *prefix, size_t n_prefix, const uint32_t *devices, size_t n,
                      int32_t *offsets, uint8_t *text);

/* ---- packing for devices ----------------------------------------------------------------------------------------- */

/* The payload of a device that waits for more rows. */
typedef struct {
    const uint8_t *text;
    uint32_t len, rows;
    uint32_t block; /* of memory that the text is in */
} sre_tail;

/* The least size that no more than `most` bytes of tails are below. */
size_t sre_fullest(const sre_tail *tails, uint32_t n, size_t most);
/* Takes devices with a tail to a new table with room for them. */
void sre_keep_open(const sre_devices *old, const sre_tail *old_tails, sre_devices *d, sre_tail *tails);

typedef struct {
    const uint8_t *text;   /* of the rows */
    const uint64_t *order; /* spans in it, or NULL: none */
    const uint32_t *starts;
    const sre_devices *devices;
    sre_tail *tails;     /* of each device */
    uint32_t device, to; /* the current device, and the end */
    bool begun;          /* the tail of the current one is in the output */
    size_t row;          /* in `order` */
    bool stay;           /* the tails of devices without rows stay where they are */
    size_t leave;        /* open payloads of at least so many bytes leave */
    uint8_t *store;      /* for the others: a block of memory */
    size_t store_size, store_len;
    uint32_t block;
    uint32_t *live; /* how many tails are in each block */
    uint32_t left;    /* open payloads that left */
    uint64_t n_rows; /* packed */
} sre_groups;

/* Packs the rows of each device after those of its tail. */
sre_stop sre_pack(const sre_plan *plan, sre_groups *groups, sre_output *out);

/* ---- the loops over rows, once for each kind of vector ------------------------------------------------------------ */

typedef struct {
    const char *name;
    /* Writes rows `from` to `to` of a batch that have a device; those that cannot be sent lose it. `first`: the rows
       of the source before the batch. Returns the first row that is not done, because the text or the errors are full.
       numbers[0] and spans[0] are those of row `from`. */
    int64_t (*rows)(sre_plan *plan, const sre_column *columns, int64_t first, int64_t from, int64_t to,
                    const sre_devices *devices, int32_t *numbers, uint64_t *spans, sre_text *text, sre_errors *errors);
    /* Writes values `from` to the end of a dictionary as fields, into `size` bytes of which *len are taken; returns the
       first that has no room: then it needs *need bytes. */
    int64_t (*entries)(sre_plan *plan, const sre_column *values, int64_t from, uint8_t *text, size_t size, size_t *len,
                       sre_entry *entries, size_t *need);
} sre_layer;

extern const sre_layer sre_layer_portable, sre_layer_sse2, sre_layer_avx2, sre_layer_avx512, sre_layer_neon;
const sre_layer *sre_layer_of(const sr_kernel *k); /* the layer for the CPUs of this kernel */

#endif
