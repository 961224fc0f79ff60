/* The object layer: values of Python from spans and to bytes, with the documented C API alone.
 *
 * Reading and quoting stay in src_c/codec: this layer joins fields and rows, and asks sr.h about their bytes.
 * smartrest/shell owns the memory, the options and the errors. Nothing here runs user code: a value that would need it
 * returns SRP_SLOW.
 */
#ifndef SRP_H
#define SRP_H

#include <Python.h>
#include <string.h>

#include "sr.h"
#include "sr_cpu.h"
#include "threads.h"

#if defined(__GNUC__) || defined(__clang__)
#define SRP_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define SRP_PREFETCH(p) __builtin_prefetch(p)
#else
#define SRP_LIKELY(condition) (condition)
#define SRP_PREFETCH(p) ((void)0)
#endif

/* ---- making str (strings.c) -------------------------------------------------------------------------------------- */

#define SRP_SLOTS 1024       /* in the cache of short texts */
#define SRP_CACHED 32        /* bytes of the longest cached text */
#define SRP_TRIAL 512        /* look-ups between two checks of the hit rate */
#define SRP_BYPASS 16384     /* texts made without a look-up after a failed trial */
#define SRP_LIFETIME 4000000 /* look-ups until the cache is emptied: a peer chooses what is in it */

typedef struct {
    PyObject *text; /* owned, or NULL */
    uint32_t tag;   /* of text */
    uint32_t seen;  /* of the last text that missed: admitted if it misses again */
} srp_slot;

/* State of one engine; holds attacker-chosen text, bounded by SRP_SLOTS * SRP_CACHED bytes. */
typedef struct {
    PyObject *empty;
    PyObject *ascii[128];       /* texts of one character */
    PyObject *ids[SR_ID_TABLE]; /* template IDs by their number, owned, or NULL */
    uint32_t lookups, hits, bypass, life;
    srp_slot slots[SRP_SLOTS];
} srp_strings;

int srp_strings_init(srp_strings *strings);
void srp_strings_forget(srp_strings *strings); /* empties the cache */
void srp_strings_free(srp_strings *strings);

/* The context that the fields of one payload share. scratch: room for the longest field and SR_SLACK. */
typedef struct {
    srp_strings *strings;
    const sr_kernel *kernel;
    const uint8_t *src;
    size_t len;
    const sr_tape *tape;
    uint8_t *scratch;
} srp_payload;

/* Its value as bytes, for numbers: a span of the payload or of the scratch. */
const uint8_t *srp_field_bytes(const srp_payload *p, size_t f, const sr_row *row, size_t *len);

/* The bytes of the value of the raw field [start, end). */
static inline const uint8_t *srp_bytes(const srp_payload *p, uint32_t flags, size_t start, size_t end, size_t *len) {
    const uint8_t *src = p->src + start;
    *len = end - start;
    if (sr_is_bare(p->tape->reading, flags, src, *len)) return src;
    if (sr_has_plain_inside(p->tape->reading, flags, src, *len)) {
        *len -= 2;
        return src + 1;
    }
    *len = sr_field_text(p->kernel, p->tape->reading, flags, src, *len, p->scratch);
    return p->scratch;
}

/* ---- typed fields (typed.c) -------------------------------------------------------------------------------------- */

enum { SRP_TEXT, SRP_INT, SRP_FLOAT, SRP_BOOL, SRP_TIME }; /* the kinds of smartrest/_values.py */

/* The kinds of the fields after the ID: fixed ones, then a cycle to the end of the row. */
typedef struct {
    const uint8_t *fixed;
    size_t n_fixed;
    const uint8_t *cycle;
    size_t n_cycle;
} srp_plan;

/* The plan of each numeric template ID, or NULL. */
typedef struct {
    const srp_plan *of[SR_ID_TABLE];
} srp_plans;

/* The value of a field with the bytes src; None if it is empty, or with *fits = false if it does not fit. */
PyObject *srp_typed(const uint8_t *src, size_t len, uint8_t kind, int *fits);

/* ---- writing values (values.c) ----------------------------------------------------------------------------------- */

typedef struct {
    uint8_t *data;
    size_t len, size;
} srp_buffer;

enum { SRP_SLOW = -1, SRP_NO_MEMORY = -2 }; /* beside sr_status */

int srp_grow(srp_buffer *out, size_t more);

static inline int srp_reserve(srp_buffer *out, size_t more) {
    return out->size - out->len >= more ? 0 : srp_grow(out, more);
}

int srp_put_empty_row(srp_buffer *out); /* E4 */

static inline int srp_put_bytes(srp_buffer *out, PyObject *text) {
    size_t n = (size_t)PyBytes_GET_SIZE(text);
    if (n == 0) return 0;
    if (srp_reserve(out, n)) return SRP_NO_MEMORY;
    memcpy(out->data + out->len, PyBytes_AS_STRING(text), n);
    out->len += n;
    return 0;
}

/* The most common values but str: floats, ints and constants. Writes to `at`, with room for SR_NUMBER_ROOM bytes, and
   returns the end; NULL: take the long way. */
static inline uint8_t *srp_put_plain(uint8_t *at, PyObject *value) {
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        size_t n = sr_put_float(number, at);
        if (n) return at + n;
        return number - number == 0 ? at + sr_put_any_float(number, at) : NULL; /* neither inf nor nan */
    }
    if (PyLong_CheckExact(value)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow) return NULL;
        return at + ((unsigned long long)number < 1000 ? sr_put_tiny((uint32_t)number, at) : sr_put_int(number, at));
    }
    if (value == Py_None) return at;
    if (!PyBool_Check(value)) return NULL;
    memcpy(at, value == Py_True ? "true\0\0\0" : "false\0\0", 8);
    return at + 5 - (value == Py_True);
}

/* Starts a field of at most `room` bytes that never forces quotes, and is quoted only if every field is; NULL: no
   memory. srp_close takes the end of what was written. */
static inline uint8_t *srp_open(srp_buffer *out, sr_style style, size_t room) {
    if (srp_reserve(out, room + 2)) return NULL;
    uint8_t *at = out->data + out->len;
    if (style.all) *at++ = SR_QUOTE;
    return at;
}

static inline int srp_close(srp_buffer *out, sr_style style, uint8_t *end) {
    if (style.all) *end++ = SR_QUOTE;
    out->len = (size_t)(end - out->data);
    return SR_OK;
}

int srp_put_int(srp_buffer *out, sr_style style, PyObject *value);
/* The text that the class of a number made, or NULL with an exception; takes the reference. */
int srp_put_digits(srp_buffer *out, sr_style style, PyObject *text);

/* ---- values of other types, known once their modules are loaded -------------------------------------------------- */

/* A datetime, a Decimal, a scalar of numpy or a float of a subclass; else SRP_SLOW. (others.c) */
int srp_put_other(srp_buffer *out, sr_style style, PyObject *value);
/* For a value that was SRP_SLOW: takes note of its classes if they are loaded. Whether anything was new, so that the
   value may now be written. */
bool srp_learn(PyObject *value);

/* A class that no code can change. An attribute of a module if that is loaded, or NULL, perhaps with an exception. */
bool srp_is_fixed(PyTypeObject *type);
PyObject *srp_loaded(const char *module, const char *name);
PyTypeObject *srp_fixed_class(const char *module, const char *name); /* NULL: not loaded, or code can change it */

/* datetime (times.c) */
int srp_times_init(void); /* before the first SRP_TIME: imports Python's datetime module */
bool srp_learn_times(PyObject *value);
PyObject *srp_new_time(const sr_time *time);
bool srp_is_plain_time(PyObject *value); /* not of a subclass */
bool srp_is_time(PyObject *value);       /* false for any value until datetime is known */
int srp_put_time(srp_buffer *out, sr_style style, PyObject *value);
int srp_put_time_at(srp_buffer *out, sr_style style, PyObject *value, int offset_minutes); /* of a time */

/* Scalars of numpy (numpy.c) */
bool srp_learn_numpy(PyObject *value);
bool srp_is_small_float(PyObject *value);
bool srp_is_numpy_bool(PyObject *value);
bool srp_is_numpy_int(PyObject *value);
int srp_put_numpy(srp_buffer *out, sr_style style, PyObject *value);

#define SRP_PADDING 32 /* bytes after the constant text of a hole, so that it can be copied in whole blocks */

/* A hole of a compiled row, for one value, after constant text. The last one takes no value: it is the constant text
   that ends the row. */
typedef struct {
    int kind;
    Py_ssize_t field;
    const uint8_t *before;
    size_t n_before;
} srp_hole;

enum { SRP_HOLE_ANY, SRP_HOLE_STR, SRP_HOLE_INT, SRP_HOLE_FLOAT, SRP_HOLE_BOOL, SRP_HOLE_TIME, SRP_HOLE_OTHER };

/* Whether a value certainly fits a hole; smartrest/_values.py checks the others again. */
static inline bool srp_fits(int kind, PyObject *value) {
    if (value == Py_None || kind == SRP_HOLE_ANY) return true;
    if (kind == SRP_HOLE_STR) return PyUnicode_CheckExact(value) || PyUnicode_Check(value);
    if (kind == SRP_HOLE_INT) return PyLong_CheckExact(value) || srp_is_numpy_int(value);
    if (kind == SRP_HOLE_FLOAT)
        return PyFloat_Check(value) || srp_is_small_float(value) || srp_fits(SRP_HOLE_INT, value);
    if (kind == SRP_HOLE_TIME) return srp_is_time(value);
    return kind == SRP_HOLE_BOOL && (PyBool_Check(value) || srp_is_numpy_bool(value));
}

/* A subtype of `base`, whose objects are called through the vectorcallfunc at `offset`. (callable.c) */
PyObject *srp_callable(const char *name, PyObject *base, Py_ssize_t offset);

/* Call Python code, and always set an exception on failure: out of memory, CPython 3.11 forgets to. c may be NULL:
   two arguments. */
PyObject *srp_call(PyObject *function, PyObject *a, PyObject *b, PyObject *c);
PyObject *srp_call1(PyObject *function, PyObject *a);

/* The same for a caller that tests for NULL itself, and the way back to Cython's exceptions. */
static inline PyObject *srp_try1(PyObject *function, PyObject *a) { return srp_call1(function, a); }
static inline int srp_fails(int (*step)(PyObject *, PyObject *, void *), PyObject *a, PyObject *b, void *c) {
    return step(a, b, c) < 0;
}
/* Takes the current exception; NULL, and it stays, if it is of another class. Cython's own `except` crashes when
   there is not enough memory for a traceback. */
PyObject *srp_caught(PyObject *cls);

typedef struct srp_spare_rows srp_spare_rows; /* spare_rows.h; NULL: every row is a new tuple */

/* ---- the loops over fields, once in plain C and once for each kind of vector -------------------------------------- */

typedef struct {
    /* Field f of the tape, in the given row. */
    PyObject *(*field)(const srp_payload *p, size_t f, const sr_row *row);
    /* A row as a tuple; the first rows as a list of tuples that the garbage collector does not track. */
    PyObject *(*row)(const srp_payload *p, size_t row, srp_spare_rows *spare);
    PyObject *(*rows)(const srp_payload *p, size_t rows);
    /* A row with typed fields; None, and the field in *bad, if one does not fit. */
    PyObject *(*typed_row)(const srp_payload *p, size_t row, const srp_plan *plan, size_t *bad);
    /* Writes rows from `row` on into a list of NULLs. Stops at the first row it cannot handle (its ID is not a small
       number, or a field does not fit) and returns its index; SIZE_MAX with an exception. */
    size_t (*typed_rows)(const srp_payload *p, size_t row, const srp_plans *plans, PyObject *list);
    /* The row that `single` of the kernel found, as a tuple; with typed fields, or None if one does not fit. */
    PyObject *(*single_row)(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends,
                            srp_spare_rows *spare);
    PyObject *(*single_typed_row)(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends,
                                  const srp_plan *plan);
    /* Writes one field value; SR_OK, a status, or SRP_SLOW: its text takes Python code. */
    int (*put_value)(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value);
    /* Writes a row; *field tells where it stopped. Unless it returns SR_OK, out->len is unchanged. SRP_SLOW for
       anything but a tuple or list. */
    int (*put_row)(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *row, Py_ssize_t *field);
    /* Writes rows of a list or tuple from `index` on, each after a row end unless the buffer is empty. Returns the
       index of the first row not written: it needs the slow way, or would grow the buffer beyond `most` bytes. */
    Py_ssize_t (*put_rows)(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *rows, Py_ssize_t index,
                           Py_ssize_t most);
    /* Fills a compiled row with n values. Unless it returns SR_OK, its output means nothing. */
    int (*fill)(srp_buffer *out, const sr_kernel *k, sr_style style, const srp_hole *holes, Py_ssize_t n,
                PyObject *const *values);
} srp_layer;

extern const srp_layer srp_layer_portable, srp_layer_sse2, srp_layer_avx2, srp_layer_avx512, srp_layer_neon;
const srp_layer *srp_layer_of(const sr_kernel *k); /* the layer for the CPUs of this kernel */

/* Called by the loops for a text that is not short and plain. */
PyObject *srp_wide_text(const sr_kernel *k, const uint8_t *src, size_t len);
PyObject *srp_new_wide(const sr_kernel *k, const uint8_t *src, size_t len, size_t characters, int width); /* measured */
void srp_look_at_hit_rate(srp_strings *strings);
int srp_put_text(srp_buffer *out, const sr_kernel *k, sr_style style, PyObject *value);
int srp_put_number(srp_buffer *out, sr_style style, PyObject *value);

#endif
