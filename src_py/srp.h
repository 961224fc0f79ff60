/* The object layer: values of Python from spans and to bytes, with the documented C API alone.
 *
 * It knows no rule of the format: what a field is and how it is quoted stays in src_c. core.pyx owns the memory, the
 * options and the errors. Nothing here runs Python code: a value that would need that is answered with SRP_SLOW.
 */
#ifndef SRP_H
#define SRP_H

#include <Python.h>
#include <string.h>

#include "sr.h"

/* Eight or four bytes as they stand in memory; texts up to 32 bytes are handled by a few that may overlap. */
static inline uint64_t load8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t load4(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* ---- making str (strings.c) ------------------------------------------------------------------------------------------ */

#define SRP_SLOTS 1024      /* of the cache of short texts */
#define SRP_CACHED 32       /* bytes of the longest text that is cached */
#define SRP_TRIAL 512       /* look-ups between two looks at the hit rate */
#define SRP_BYPASS 16384    /* texts made without a look-up after a trial that failed */
#define SRP_LIFETIME 4000000 /* look-ups until the cache is emptied: it holds text that a peer has chosen */

typedef struct {
    PyObject *text; /* owned, or NULL */
    uint32_t tag;   /* of text */
    uint32_t seen;  /* of the last text that missed: admitted when it comes a second time */
} srp_slot;

/* State of one engine; holds attacker-chosen text, bounded by SRP_SLOTS * SRP_CACHED bytes. */
typedef struct {
    PyObject *empty;
    PyObject *ascii[128]; /* texts of one character */
    int32_t enabled;      /* 0: the cache is neither read nor filled */
    uint32_t lookups, hits, bypass, life;
    srp_slot slots[SRP_SLOTS];
} srp_strings;

int srp_strings_init(srp_strings *strings);
void srp_strings_forget(srp_strings *strings); /* empties the cache */
void srp_strings_free(srp_strings *strings);

/* A str of valid UTF-8. */
PyObject *srp_text(srp_strings *strings, const uint8_t *src, size_t len, bool wide);

/* What the fields of one payload have in common. scratch: room for the longest field and SR_SLACK. */
typedef struct {
    srp_strings *strings;
    const sr_kernel *kernel;
    const uint8_t *src;
    size_t len;
    const sr_tape *tape;
    uint8_t *scratch;
} srp_payload;

/* Field f of the tape, whose row starts at row_start. */
PyObject *srp_field(const srp_payload *p, size_t f, const sr_row *row);

/* Its value as bytes, for numbers: a span of the payload or of the scratch. */
const uint8_t *srp_field_bytes(const srp_payload *p, size_t f, const sr_row *row, size_t *len);

/* A row as a tuple that the garbage collector does not see; all rows up to `rows` as a list. */
PyObject *srp_row(const srp_payload *p, size_t row);
PyObject *srp_rows(const srp_payload *p, size_t rows);

/* Where the raw field f starts and ends. */
static inline size_t srp_field_start(const srp_payload *p, size_t f, const sr_row *row) {
    return f == row->first ? row->start : p->tape->ends[f - 1] + (size_t)1;
}
static inline size_t srp_field_end(const srp_payload *p, size_t f, size_t start) {
    return sr_trim_cr(p->src, p->len, start, p->tape->ends[f]);
}

/* ---- writing values (values.c) ---------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *data;
    size_t len, size;
} srp_buffer;

enum { SRP_SLOW = -1, SRP_NO_MEMORY = -2 }; /* beside sr_status */

int srp_reserve(srp_buffer *out, size_t more);

/* One field; SR_OK, a status, or SRP_SLOW: the value's text takes Python code. */
int srp_put_value(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value);

/* A row that is a tuple or a list; *field says where it stopped. A row that is not SR_OK leaves no bytes behind. */
int srp_put_row(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *row, Py_ssize_t *field);

int srp_put_empty_row(srp_buffer *out); /* E4 */

/* The text of a finite float in the form of repr; returns its length, 0 without memory. */
size_t srp_put_float(double value, uint8_t *dst);

#endif
