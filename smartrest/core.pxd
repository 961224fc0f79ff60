# The names of the C core (src_c/codec/sr.h) and of the object layer (src_c/objects/srp.h) that the shell uses.
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "sr.h" nogil:
    ctypedef struct sr_ends:
        uint64_t low
        uint64_t high

    ctypedef struct sr_kernel:
        const char *name
        uint32_t needs
        void (*index)(const uint8_t *src, size_t length, sr_tape *tape)
        sr_ends (*single)(const uint8_t *src, size_t length)
        size_t (*count)(const uint8_t *src, size_t length, size_t *rows)

    ctypedef struct sr_row:
        uint32_t first
        uint32_t start

    ctypedef enum sr_reading:
        SR_GREEDY

    ctypedef struct sr_tape:
        uint32_t *ends
        sr_row *rows
        size_t n_ends
        size_t n_rows
        uint32_t flags
        sr_reading reading

    ctypedef struct sr_fault:
        int status
        size_t pos
        size_t end
        size_t row
        size_t field

    ctypedef struct sr_walk:
        size_t row

    ctypedef struct sr_style:
        uint8_t escape
        bint all
        bint refuse_backslash

    enum:
        SR_OK
        SR_TOO_LARGE
        SR_INVALID_UTF8
        SR_EMPTY_ROW
        SR_HAS_QUOTE
        SR_BAD_UTF8
        SR_ESCAPE
        SR_QUOTE
        SR_SEPARATOR
        SR_ROW_END
        SR_SLACK
        SR_ROW_SLACK
        SR_ID_TABLE

    size_t SR_READ_LIMIT

    uint32_t sr_cpu()
    const sr_kernel *sr_kernel_best(uint32_t cpu)
    const sr_kernel *sr_kernel_at(size_t i)

    bint sr_read(const sr_kernel *k, const uint8_t *src, size_t length, sr_tape *tape)
    bint sr_single_tape(sr_ends ends, size_t room, sr_tape *tape)
    sr_fault sr_read_exact(const sr_kernel *k, const uint8_t *src, size_t length, sr_tape *tape, uint8_t *scratch)
    sr_fault sr_next_fault(const uint8_t *src, size_t length, const sr_tape *tape, sr_walk *walk)
    size_t sr_bom(const uint8_t *src, size_t length)
    size_t sr_field_start(const sr_tape *tape, size_t f, const sr_row *row)
    bint sr_is_as_written(const uint8_t *src, const sr_tape *tape, const sr_row *row, size_t row_end)
    size_t sr_field_end(const uint8_t *src, size_t length, const sr_tape *tape, size_t f, size_t start)
    size_t sr_after_first_field(const uint8_t *src, const sr_tape *tape)
    int sr_template_number(const uint8_t *src, size_t length)
    int sr_single_number(const uint8_t *src, sr_ends ends)
    int sr_row_number(const uint8_t *src, size_t length, const sr_tape *tape, const sr_row *row)
    bint sr_has_plain_id(const uint8_t *src, size_t length, const sr_tape *tape, const sr_row *row)
    size_t sr_utf8_valid(const uint8_t *src, size_t length)

    size_t sr_longest_prefix(const sr_kernel *k, sr_style style, const uint8_t *src, size_t length,
                             const uint8_t *marker, size_t marker_length, size_t room)

cdef extern from "spare_rows.h":
    ctypedef struct srp_strings:
        pass

    ctypedef struct srp_payload:
        srp_strings *strings
        const sr_kernel *kernel
        const uint8_t *src
        size_t len
        const sr_tape *tape
        uint8_t *scratch

    ctypedef struct srp_buffer:
        uint8_t *data
        size_t len
        size_t size

    ctypedef struct srp_hole:
        int kind
        Py_ssize_t field
        const uint8_t *before
        size_t n_before

    bint srp_fits(int kind, object value)

    enum:
        SRP_PADDING
        SRP_HOLE_ANY
        SRP_HOLE_STR
        SRP_HOLE_INT
        SRP_HOLE_FLOAT
        SRP_HOLE_BOOL
        SRP_HOLE_TIME
        SRP_HOLE_OTHER
        SRP_SLOW
        SRP_NO_MEMORY

    int srp_strings_init(srp_strings *strings)
    void srp_strings_free(srp_strings *strings)
    const uint8_t *srp_field_bytes(const srp_payload *p, size_t f, const sr_row *row, size_t *length)

    ctypedef struct srp_spare_rows:
        pass

    void srp_let_go(srp_spare_rows *spare, object row)
    void srp_forget_rows(srp_spare_rows *spare)

    void srp_layout_init()

    int srp_reserve(srp_buffer *out, size_t more)
    int srp_times_init() except -1
    bint srp_learn(object value)
    bint srp_is_time(object value)
    int srp_put_time_at(srp_buffer *out, sr_style style, object value, int offset_minutes)

    ctypedef struct srp_plan:
        const uint8_t *fixed
        size_t n_fixed
        const uint8_t *cycle
        size_t n_cycle

    ctypedef struct srp_plans:
        const srp_plan *of[SR_ID_TABLE]

    enum:
        SRP_INT
        SRP_FLOAT

    object srp_typed(const uint8_t *src, size_t length, uint8_t kind, bint *fits)

    object srp_callable(const char *name, object base, Py_ssize_t offset)

    int srp_put_empty_row(srp_buffer *out)
    int srp_put_bytes(srp_buffer *out, object text)
    object srp_call(object function, object a, object b, PyObject *c)
    PyObject *srp_try1(object function, object a)
    ctypedef int (*srp_step)(PyObject *, PyObject *, void *) except -1
    bint srp_fails(srp_step step, PyObject *a, PyObject *b, void *c) noexcept
    object srp_caught(object cls)

    ctypedef struct srp_layer:
        object (*field)(const srp_payload *p, size_t f, const sr_row *row)
        object (*row)(const srp_payload *p, size_t row, srp_spare_rows *spare)
        object (*rows)(const srp_payload *p, size_t rows)
        object (*typed_row)(const srp_payload *p, size_t row, const srp_plan *plan, size_t *bad)
        size_t (*typed_rows)(const srp_payload *p, size_t row, const srp_plans *plans, object rows) except? <size_t>-1
        object (*single_row)(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends,
                           srp_spare_rows *spare)
        object (*single_typed_row)(srp_strings *strings, const sr_kernel *k, const uint8_t *src, sr_ends ends, const srp_plan *plan)
        int (*put_value)(srp_buffer *out, const sr_kernel *k, sr_style style, object value) noexcept
        int (*put_row)(srp_buffer *out, const sr_kernel *k, sr_style style, object row, Py_ssize_t *field) noexcept
        Py_ssize_t (*put_rows)(srp_buffer *out, const sr_kernel *k, sr_style style, object rows, Py_ssize_t index,
                               Py_ssize_t most) noexcept
        int (*fill)(srp_buffer *out, const sr_kernel *k, sr_style style, const srp_hole *holes, Py_ssize_t n,
                    PyObject *const *values) noexcept

    const srp_layer *srp_layer_of(const sr_kernel *k)

cdef extern from "threads.h":
    enum:
        SRP_FREE_THREADED

    bint srp_alone(PyObject *object)
    object srp_item_or(list items, Py_ssize_t index, object other)
    bint srp_pause_gc()
    void srp_resume_gc(bint paused)
    void srp_count(long long *count, long long more)
