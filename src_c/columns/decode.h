/* Payloads to columns: rows of known templates, one loop a column over the codec's tape (rules D1 to D10).
 *
 * Like sr.h it knows nothing of Python and allocates nothing. srd_decode reads payloads one after another and stops
 * before one for which some array is too small; the caller makes it larger and calls again. A payload is counted when
 * all of it has been read, so that reading it again repeats nothing but the texts of dictionaries.
 */
#ifndef SRD_DECODE_H
#define SRD_DECODE_H

#include "sr.h"
#include "sr_cpu.h"

/* ---- the payloads of a batch: texts in an Arrow layout, from strangers ------------------------------------------- */

typedef enum {
    SRD_OFFSETS,       /* 4 bytes each */
    SRD_LARGE_OFFSETS, /* 8 bytes each */
    SRD_VIEWS,         /* 16 bytes each */
} srd_layout;

typedef struct {
    srd_layout layout;
    int64_t rows, offset;  /* `offset` values of each buffer come before the first row */
    const uint8_t *valid;  /* a bit each, or NULL: all have a value */
    const uint8_t *values; /* offsets or views */
    const uint8_t *data;
    const uint8_t *const *buffers; /* of views */
    const uint8_t *sizes;          /* their sizes, 8 bytes each */
    int64_t n_buffers;
} srd_texts;

typedef struct {
    srd_texts texts;
    const uint8_t *indices; /* texts is a dictionary and this counts its rows; or NULL */
    int index_width;
    int64_t rows, offset;
    const uint8_t *valid;
} srd_source;

typedef enum { SRD_NULL, SRD_FOUND, SRD_OUT_OF_RANGE } srd_found;
srd_found srd_payload(const srd_source *source, int64_t row, const uint8_t **payload, size_t *len);

/* ---- columns ----------------------------------------------------------------------------------------------------- */

typedef enum {
    SRD_DICTIONARY, /* int32 codes; `words` has the texts */
    SRD_UTF8,       /* int32 offsets; `data` has the texts */
    SRD_VIEW,       /* views; `data` has the texts of more than 12 bytes */
    SRD_FLOAT,      /* double */
    SRD_INT,        /* int64 */
    SRD_TIME,       /* int64, milliseconds since 1970 in UTC */
    SRD_BOOL,       /* a byte each */
} srd_kind;

/* The distinct texts of a column, in order of appearance: a hash table whose seed the sender does not know. */
typedef struct {
    uint64_t key[4]; /* the text, or the first 32 bytes of a longer one, as short_load gives it */
    uint32_t hash, len;
} srd_word;

typedef struct {
    uint64_t seed[2];
    uint32_t recent[64]; /* numbers of words, by a cheap hash */
    srd_word *words;
    int32_t *ends; /* of each text in `data`: room + 1, the first is 0 */
    uint32_t n, room;
    uint64_t *slots; /* hash and number + 1; 0: free. Twice as many as words or more, a power of two */
    size_t n_slots;
    uint8_t *data;
    size_t n_data, data_room;
} srd_words;

void srd_clear(srd_words *words);  /* forgets all words */
void srd_rehash(srd_words *words); /* after new, empty slots */

/* A cell is a value of a row, or one of a list of values of a row. */
typedef struct {
    srd_kind kind;
    uint32_t field; /* in the row; the template ID is 0 */
    uint32_t step;  /* 0, or a list: `field` and each step-th field after it */
    uint32_t group; /* of a list: the first field of the first group */
    size_t size;    /* bytes of a value */
    uint8_t *valid; /* a byte for each cell */
    void *values;   /* SRD_UTF8: one more, offsets, of which the first is 0 */
    int32_t *lists; /* of a list: the plan's room + 1 offsets in cells, of which the first is 0 */
    size_t room;    /* of a list: cells */
    srd_words words;
    size_t filled; /* bytes of words.data after the payload being read; SRD_UTF8 and SRD_VIEW */
} srd_column;

/* The rows of one template. `id` NULL: any row, and a fault is a row without cells. */
typedef struct {
    const uint8_t *id;
    size_t id_len;
    srd_column *columns;
    size_t n_columns;
    size_t n, room;       /* rows */
    int64_t *payloads;    /* for each row: the payload's row in the source; or NULL */
    int32_t *rows;        /* its number in the payload; or NULL */
    uint8_t *reasons;     /* 0, or the fault's status; or NULL */
    uint32_t *picked;     /* the rows of the payload: as many as the tape has room for */
    size_t n_picked;
} srd_plan;

typedef struct {
    int64_t payload;
    size_t row, field, position;
    sr_status status;
} srd_error;

typedef enum {
    SRD_DONE,
    SRD_PAUSE,        /* enough rows, or more text than a column holds */
    SRD_FULL_TAPE,    /* `needed` bytes of payload */
    SRD_FULL_ROWS,    /* of `plan`: `needed` more */
    SRD_FULL_CELLS,   /* of `column`: `needed` more */
    SRD_FULL_WORDS,   /* of `column` */
    SRD_FULL_DATA,    /* of `column`: `needed` more bytes */
    SRD_FULL_ERRORS,  /* `needed` more */
    SRD_BAD_SOURCE,   /* an offset, view or index out of range */
} srd_status;

#define SRD_MOST_PAYLOAD (((size_t)1 << 30) - 1) /* bytes; a longer one is an error, SR_TOO_LARGE */
#define SRD_MOST_DATA ((size_t)INT32_MAX)        /* of the texts of a column: offsets are 32 bits wide */

typedef struct {
    const sr_kernel *kernel;
    srd_plan *plans;
    size_t n_plans;
    int16_t plan_of[SR_ID_TABLE]; /* by template number; -1: none */
    bool by_text;                 /* some plan has an ID that is not a small number */
    size_t pause;                 /* stop after this many rows of all plans together */
    /* Python's own reader for floats that the core is not certain of; false: does not fit. */
    int (*long_float)(const uint8_t *src, size_t len, double *value);

    sr_tape tape; /* for payloads of up to `tape_room` bytes */
    size_t tape_room;
    uint8_t *scratch; /* tape_room + 2 * SR_SLACK bytes */
    uint32_t *bad;    /* for each row of the tape its first bad field, or 0 */
    bool any_bad;

    srd_error *errors;
    size_t n_errors, errors_room;
    size_t rows_in, rows_out, skipped;

    /* of the payload being read */
    int64_t payload;
    const uint8_t *src;
    size_t len;
    size_t full_plan, full_column, needed;
} srd_reader;

typedef srd_status (*srd_decode)(srd_reader *d, const srd_source *source, int64_t *next);
extern const srd_decode srd_decode_portable, srd_decode_avx2;
srd_decode srd_decode_of(const sr_kernel *k);

/* The bits of n flags, a byte each; returns how many are 0. */
size_t srd_pack_bits(const uint8_t *flags, size_t n, uint8_t *bits);

/* ---- columns of the source, repeated for each row (take.c): value rows[i] + offset becomes value i -------------- */

void srd_take(const uint8_t *values, size_t width, int64_t offset, const int64_t *rows, size_t n, uint8_t *dst);
size_t srd_take_bits(const uint8_t *bits, int64_t offset, const int64_t *rows, size_t n, uint8_t *dst); /* returns the 0s */
/* The size of texts in an Arrow layout with offsets; SIZE_MAX: an offset is out of range. Then the texts. */
size_t srd_take_size(const srd_texts *texts, const int64_t *rows, size_t n);
void srd_take_texts(const srd_texts *texts, const int64_t *rows, size_t n, uint8_t *offsets, uint8_t *data);

#endif
